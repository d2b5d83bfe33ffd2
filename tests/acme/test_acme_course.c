/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACME client over longer courses: an honest CA, a slow one, one that fails for hours, one that
 * forgets, our own budgets, a clock that is off (safety.md rows 2, 3, 11, 17, 18).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme_pair.h"

#define HOUR ACME_TRY_HOUR
#define MINUTE ACME_TRY_MINUTE

/* ---- an honest CA ------------------------------------------------------------------------ */

static void test_honest(void **state)
{
    (void)state;
    static struct acme_pair p;
    acme_pair_begin(&p, 0, 0);
    acme_pair_issues(&p, "the first");
    assert_int_equal(p.try.puts, 2);
    assert_int_equal(fakeca_asked(p.ca, FAKECA_DIRECTORY), 1);
    assert_int_equal(fakeca_asked(p.ca, FAKECA_NEW_NONCE), 1);
    assert_int_equal(fakeca_asked(p.ca, FAKECA_NEW_ACCOUNT), 1);
    assert_int_equal(fakeca_asked(p.ca, FAKECA_NEW_ORDER), 1);
    assert_int_equal(fakeca_asked(p.ca, FAKECA_FINALIZE), 1);
    assert_int_equal(fakeca_asked(p.ca, FAKECA_CERT), 1);
    acme_try_new_key(&p.try);
    acme_pair_issues(&p, "another key");
    assert_int_equal(fakeca_asked(p.ca, FAKECA_NEW_NONCE), 1);
    assert_int_equal(fakeca_asked(p.ca, FAKECA_NEW_ACCOUNT), 1);
    assert_int_equal(fakeca_connections(p.ca), 1);
    assert_int_equal(acme_connections(p.try.acme), 1);
    acme_try_again(&p.try);
    acme_pair_issues(&p, "after a restart, the same key");
    assert_int_equal(fakeca_asked(p.ca, FAKECA_NEW_ACCOUNT), 1);
    assert_int_equal(fakeca_asked(p.ca, FAKECA_NEW_ORDER), 3);
    assert_int_equal(fakeca_issued(p.ca), 3);
    acme_pair_end(&p);
}

/* As a real CA: a while until a challenge is judged and a certificate signed. */
static void test_slow(void **state)
{
    (void)state;
    static struct acme_pair p;
    acme_pair_begin(&p, 3, 20);
    acme_pair_issues(&p, "slow");
    /* Two challenges and an order, each unfinished three times, Retry-After heeded each time; the
     * two challenges wait together. */
    acme_pair_need(&p, "slow", p.try.skipped >= 100 * 1000, "Retry-After was not heeded");
    assert_true(fakeca_asked(p.ca, FAKECA_PLACES) <= 24);
    acme_pair_end(&p);
}

/* ---- longer courses ---- */

/* Row 3: at most one failed order an hour, over restarts, for as long as it fails. */
static void test_failing_order(void **state)
{
    (void)state;
    static struct acme_pair p;
    acme_pair_begin(&p, 0, 0);
    assert_true(fakeca_script(p.ca, "invalid-order"));
    for (int minute = 0; minute < 300; minute += 5) {
        assert_int_not_equal(acme_try_issue(&p.try), OUT_OK);
        assert_int_equal(p.try.pem[0], '\0');
        assert_true(p.try.issued.wait > 0);
        if (minute % 20 == 0)
            acme_try_again(&p.try);
        p.try.skipped += 5 * MINUTE;
    }
    unsigned orders = fakeca_asked(p.ca, FAKECA_NEW_ORDER);
    acme_pair_need(&p, "a failing order", orders >= 3 && orders <= 5, "not one an hour");
    assert_int_equal(acme_try_records(&p.try), 0);
    acme_pair_correct(&p, "a failing order");
    acme_pair_end(&p);
}

/* Our own budgets: orders an hour, certificates a week, over restarts. */
static void test_budget(void **state)
{
    (void)state;
    static struct acme_pair p;
    acme_pair_begin(&p, 0, 0);
    unsigned good = 0;
    for (int i = 0; i < 14; i++) {
        good += acme_try_issue(&p.try) == OUT_OK;
        if (i % 4 == 3)
            acme_try_again(&p.try);
    }
    assert_int_equal(good, 10);
    assert_int_equal(acme_try_issue(&p.try), OUT_NOT_YET);
    assert_true(p.try.issued.wait > 30 * MINUTE);
    p.try.skipped += 2 * HOUR;
    assert_int_equal(acme_try_issue(&p.try), OUT_NOT_YET); /* 10 a week */
    assert_true(p.try.issued.wait > 5 * ACME_TRY_DAY);
    p.try.skipped += p.try.issued.wait;
    acme_pair_issues(&p, "a week later");
    assert_int_equal(fakeca_asked(p.ca, FAKECA_NEW_ORDER), 11);
    acme_pair_end(&p);
}

/* Row 17: the account of a client that worked is deactivated. */
static void test_deactivated(void **state)
{
    (void)state;
    static struct acme_pair p;
    acme_pair_begin(&p, 0, 0);
    acme_pair_issues(&p, "before");
    assert_true(fakeca_script(p.ca, "deactivated@1"));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(acme_try_issue(&p.try), OUT_REFUSED);
        acme_pair_need(&p, "deactivated", p.try.issued.fault == PORT_ISSUE_ACCOUNT, "the fault");
        acme_pair_need(&p, "deactivated", strstr(p.try.err.text, "deactivated") != NULL,
                       "the text");
        assert_int_equal(p.try.pem[0], '\0');
        acme_try_again(&p.try);
        p.try.skipped += p.try.issued.wait + HOUR;
    }
    acme_pair_need(&p, "deactivated", fakeca_asked(p.ca, FAKECA_NEW_ORDER) <= 4, "asked too often");
    acme_pair_correct(&p, "deactivated");
    acme_pair_end(&p);
}

/* The CA lost everything, as pebble does at each restart. */
static void test_forgotten(void **state)
{
    (void)state;
    static struct acme_pair p;
    acme_pair_begin(&p, 0, 0);
    acme_pair_issues(&p, "before");
    fakeca_forget(p.ca);
    acme_pair_issues(&p, "after the CA forgot, same client");
    /* One of them may be a look whether there is one. */
    assert_true(fakeca_asked(p.ca, FAKECA_NEW_ACCOUNT) <= 3);
    fakeca_forget(p.ca);
    acme_try_again(&p.try);
    acme_pair_issues(&p, "after the CA forgot, new client");
    acme_pair_end(&p);
}

/* Row 11, and 18: it is our clock that is off. The other way round it looks the same. */
static void test_clock_off(void **state)
{
    (void)state;
    static const model_time off[] = {-365 * ACME_TRY_DAY, 365 * ACME_TRY_DAY};
    for (size_t i = 0; i < 2; i++) {
        static struct acme_pair p;
        acme_pair_begin(&p, 0, 0);
        p.try.skew = off[i];
        assert_int_equal(acme_try_issue(&p.try), OUT_REFUSED);
        assert_int_equal(p.try.issued.fault, PORT_ISSUE_REJECTED);
        assert_int_equal(p.try.pem[0], '\0');
        acme_pair_end(&p);
    }
}

/* A server that nobody vouches for: nothing is sent to it. The second one's root has the name of
 * the one that is trusted. */
static void test_untrusted(void **state)
{
    (void)state;
    static const struct fakeca_config configs[] = {
        {.accept_all = true, .root_name = "somebody else"}, {.accept_all = true}};
    for (size_t i = 0; i < 2; i++) {
        static struct acme_pair p;
        acme_pair_begin(&p, 0, 0);
        struct fakeca *other = fakeca_start(&configs[i]);
        acme_try_directory(&p.try, fakeca_directory(other), fakeca_root(p.ca));
        enum outcome out = acme_try_issue(&p.try);
        print_message("  untrusted: %s: %s\n", err_outcome_name(out), p.try.err.text);
        assert_true(out == OUT_REFUSED || (i == 1 && out == OUT_RETRY));
        assert_int_equal(fakeca_asked(other, FAKECA_PLACES), 0);
        fakeca_stop(&other);
        acme_pair_end(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest),        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_failing_order), cmocka_unit_test(test_budget),
        cmocka_unit_test(test_deactivated),   cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_clock_off),     cmocka_unit_test(test_untrusted),
    };
    return cmocka_run_group_tests(tests, acme_pair_global_begin, acme_pair_global_end);
}
