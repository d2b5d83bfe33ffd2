/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders in worker threads: what goes on meanwhile, what comes of faults, what a crash leaves. */
#include "tests/engine/fakekit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static void rollovers_with_workers(void **state)
{
    struct fw *w = *state;
    w->order_ms = 700;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_in_range(w->commits, 2 * 3, 2 * 8);
    assert_in_range(w->shreds, 2 * 2, 2 * 8);
    assert_false(w->trouble);
    assert_non_null(strstr(w->fate, "it goes on by itself"));
}

static const struct model_key *key_under_order(const struct fw *w)
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (w->stored.st.facts.keys[k].used && w->stored.st.facts.keys[k].ordering != MODEL_NEVER)
            return &w->stored.st.facts.keys[k];
    }
    return NULL;
}

/* Orders that still wait when the process ends come to nothing then. */
static void refuse_at_the_end(struct fw *w)
{
    w->issue_fault = PORT_ISSUE_OTHER;
    w->fault_times = 1000000;
}

/* An order that hangs holds nothing else up: rounds go on, and the state says since when. */
static void everything_else_goes_on(void **state)
{
    struct fw *w = *state;
    w->order_ms = HOUR;
    refuse_at_the_end(w);
    assert_true(fw_run(w, both, 2, 3000));
    for (int i = 0; i < 200 && key_under_order(w) == NULL; i++) {
        fw_begin(w, both, 2);
        w->order_ms = HOUR;
        refuse_at_the_end(w);
        assert_true(fw_run(w, both, 2, 3000 + 100 * i));
    }
    const struct model_key *key = key_under_order(w);
    assert_non_null(key);
    model_time since = key->ordering, round = w->stored.st.facts.owners[0].round_end;
    assert_true(since > 0 && since <= w->wall);
    unsigned orders = w->orders;
    assert_true(orders <= 2); /* one for each algorithm, run when the process ended */
    fw_begin(w, both, 2);
    w->order_ms = HOUR;
    refuse_at_the_end(w);
    assert_true(fw_run(w, both, 2, 10 * MINUTE));
    fakekit_rule(w);
    assert_int_equal(w->orders, 2); /* not one more for the same key */
    assert_int_equal(w->switches, 0);
    assert_true(w->stored.st.facts.owners[0].round_end > round + 9 * MINUTE);
}

/* The process ends before the order does: what the CA issues then is kept, and no other is ordered
 * for the same key (safety.md row 4). */
static void what_comes_at_the_end_is_kept(void **state)
{
    struct fw *w = *state;
    unsigned chains = 0;
    fw_begin(w, both, 1);
    w->order_ms = HOUR;
    assert_true(fw_run(w, both, 1, 30000));
    assert_int_equal(w->orders, 1); /* run by the end of the process */
    assert_int_equal(w->switches, 0);
    assert_null(key_under_order(w));
    for (int c = 0; c < MODEL_MAX_CHAINS; c++)
        chains += w->stored.st.facts.chains[c].used ? 1 : 0;
    assert_int_equal(chains, 2);
    w->order_ms = 10 * HOUR; /* the next one comes too late for this */
    assert_true(fw_run(w, both, 1, MINUTE));
    fakekit_rule(w);
    assert_true(w->switches >= 1);
}

/* Nobody has time for it: asked again with the next poll. */
static void no_worker_is_free(void **state)
{
    struct fw *w = *state;
    w->order_ms = 300;
    w->workers = 0;
    assert_true(fw_run(w, both, 2, 30000));
    assert_int_equal(w->orders, 0);
    assert_null(key_under_order(w));
    w->workers = 1;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_true(w->commits >= 2);
}

/* kill -9 before and after each call, with orders under way: they are taken up again. */
static void a_crash_at_each_call(void **state)
{
    struct fw *w = *state;
    w->order_ms = 700;
    assert_true(fw_run(w, both, 2, 25000));
    unsigned calls = w->calls, crashes = 0;
    assert_true(w->commits >= 2);
    for (unsigned at = 1; at <= calls; at++) {
        for (int after = 0; after < 2; after++) {
            fw_begin(w, both, 2);
            w->order_ms = 700;
            w->crash_at = at;
            w->crash_after = after == 1;
            crashes += !fw_run(w, both, 2, 25000);
            w->crash_at = 0;
            assert_true(fw_run(w, both, 2, 40000));
            if (w->violations != 0 || w->commits < 2)
                fail_msg("crash %s call %u: %u commits, %s", after ? "after" : "before", at,
                         w->commits, w->why);
        }
    }
    print_message("%u crashes, %u calls\n", crashes, calls);
    assert_true(crashes >= calls);
}

/* ---- faults ---- */

/* From now on the next orders fail in this way. */
static void faults(struct fw *w, enum port_issue_fault fault, unsigned times, model_time wait)
{
    w->issue_fault = fault;
    w->fault_times = times;
    w->issue_wait = wait;
}

static void what_the_issuer_wants_is_kept(void **state)
{
    struct fw *w = *state;
    for (int workers = 0; workers < 2; workers++) {
        fw_begin(w, both, 1);
        w->order_ms = workers == 1 ? 200 : 0;
        faults(w, PORT_ISSUE_OTHER, 1, 40 * MINUTE);
        while (w->orders == 0)
            assert_true(fw_run(w, both, 1, 1000));
        model_time asked = w->last_issue;
        for (int i = 0; i < 20; i++) /* restarts */
            assert_true(fw_run(w, both, 1, MINUTE));
        assert_int_equal(w->orders, 1);
        w->boot_id++; /* and a boot: the time until then does not count twice */
        w->boot = 10;
        memset(w->given, 0, sizeof w->given);
        fw_new_procs(w);
        fw_check(w);
        assert_true(fw_run(w, both, 1, 15 * MINUTE));
        assert_int_equal(w->orders, 1);
        assert_true(fw_run(w, both, 1, 10 * MINUTE));
        fakekit_rule(w);
        assert_true(w->orders > 1 && asked > 0);
        assert_true(w->commits > 0);
    }
}

static void an_account_that_is_gone(void **state)
{
    struct fw *w = *state;
    fw_begin(w, both, 1);
    w->order_ms = 200;
    faults(w, PORT_ISSUE_ACCOUNT, 1, 0);
    assert_true(fw_run(w, both, 1, 30000));
    assert_int_equal(w->orders, 1);
    assert_true((w->stored.st.facts.frozen & MODEL_F_ACCOUNT) != 0);
    assert_true(w->trouble);
    assert_non_null(strstr(w->trouble_text, "the CA deactivated the account"));
    assert_non_null(strstr(w->fate, "no certificate can be renewed"));
    assert_true(fw_run(w, both, 1, 3 * HOUR));
    assert_true((w->stored.st.facts.frozen & MODEL_F_ACCOUNT) != 0); /* sticky */
    assert_int_equal(w->withdrawals, 0);
    w->resume = true;
    assert_true(fw_run(w, both, 1, 100));
    w->resume = false;
    assert_true(fw_run(w, both, 1, MINUTE));
    fakekit_rule(w);
    assert_true(w->withdrawals > 0);
    assert_false(w->trouble);
}

static void a_caa_record_forbids(void **state)
{
    struct fw *w = *state;
    fw_begin(w, both, 1);
    w->order_ms = 200;
    faults(w, PORT_ISSUE_CAA, 3, 0);
    for (int i = 0; i < 60 && w->orders < 2; i++)
        assert_true(fw_run(w, both, 1, 500));
    assert_true((w->stored.st.facts.frozen & MODEL_F_CAA) != 0);
    assert_true(w->trouble);
    assert_true(fw_run(w, both, 1, 2 * MINUTE));
    fakekit_rule(w);
    assert_int_equal(w->stored.st.facts.frozen, 0); /* by itself, with the next success */
    assert_true(w->commits > 0);
    assert_false(w->trouble);
}

/* The CA blocks the standby: another is made, published, and used; the first is never asked for
 * again, not after a restart either. */
static void the_ca_refuses_a_key(void **state)
{
    struct fw *w = *state;
    fw_begin(w, both, 1);
    w->order_ms = 200;
    faults(w, PORT_ISSUE_KEY, 1, 0);
    for (int i = 0; i < 100 && w->fault_times > 0; i++)
        assert_true(fw_run(w, both, 1, 500));
    assert_int_equal(w->fault_times, 0);
    assert_true(w->trouble);
    unsigned orders = w->orders;
    assert_true(fw_run(w, both, 1, MINUTE));
    fakekit_rule(w);
    assert_true(w->orders > orders && w->commits > 0);
    assert_memory_not_equal(w->file.spki[0], w->refused_key, MODEL_ID_LEN);
    assert_false(w->trouble);
    for (uint8_t i = 0; i < w->primary.n; i++)
        assert_memory_not_equal(w->primary.rec[i], w->refused_key, MODEL_ID_LEN);
}

/* Rows 7 to 11: what is not what was asked for; at most one an hour. */
static void a_rejected_certificate(void **state)
{
    struct fw *w = *state;
    for (int by_us = 0; by_us < 2; by_us++) {
        fw_begin(w, both, 1);
        w->order_ms = 200;
        w->bad_names = by_us == 1;
        if (by_us == 0)
            faults(w, PORT_ISSUE_REJECTED, 100, 0);
        assert_true(fw_run(w, both, 1, MINUTE));
        struct fw_file file = w->file;
        assert_true(w->trouble);
        assert_int_equal(w->orders, 1);
        for (int i = 0; i < 10; i++) /* restarts */
            assert_true(fw_run(w, both, 1, 30 * MINUTE));
        fakekit_rule(w);
        assert_memory_equal(&file, &w->file, sizeof file); /* the old one stays */
        assert_in_range(w->orders, 3, 6);
        assert_true(w->shortest_pause >= HOUR);
        assert_true(w->trouble);
        w->bad_names = false;
        w->fault_times = 0;
        assert_true(fw_run(w, both, 1, 2 * HOUR));
        assert_true(w->commits > 0);
        assert_false(w->trouble);
    }
}

/* The certificate came, and cannot be saved: nothing is served that is not on disk, and no order is
 * begun while the disk takes nothing. */
static void a_full_disk_costs_no_orders(void **state)
{
    struct fw *w = *state;
    fw_begin(w, both, 1);
    w->order_ms = 200;
    assert_true(fw_run(w, both, 1, 3000));
    unsigned orders = w->orders;
    w->fail_call = FW_SAVE;
    w->fail_times = 1000000;
    assert_true(fw_run(w, both, 1, HOUR));
    assert_int_equal(w->orders, orders);
    assert_true(w->trouble);
    w->fail_times = 0;
    assert_true(fw_run(w, both, 1, MINUTE));
    fakekit_rule(w);
    assert_true(w->commits > 0);
    assert_false(w->trouble);
}

/* The CA is down for months: what is served stays, past the deadline somebody is told, and when the
 * CA is back the present key is renewed at once. */
static void the_ca_is_down_for_months(void **state)
{
    struct fw *w = *state;
    fw_begin(w, both, 1);
    w->order_ms = 200;
    w->fail_call = FW_ISSUE;
    w->fail_times = 1000000;
    assert_true(fw_run(w, both, 1, 3000));
    assert_true(fw_run(w, both, 1, MINUTE));
    struct fw_file file = w->file;
    assert_false(w->trouble);
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) { /* within the margin of a day */
        w->stored.st.facts.chains[c].not_before = w->wall - 89 * DAY;
        w->stored.st.facts.chains[c].not_after = w->wall + HOUR;
    }
    assert_true(fw_run(w, both, 1, MINUTE));
    assert_true(w->trouble);
    assert_non_null(strstr(w->trouble_text, "could not be renewed in time"));
    w->fail_times = 0;
    for (int i = 0; i < 1000 && w->switches == 0; i++)
        assert_true(fw_run(w, both, 1, 1000));
    fakekit_rule(w);
    assert_memory_equal(file.spki, w->file.spki, sizeof file.spki); /* the present key first */
    assert_string_not_equal(file.pem[0], w->file.pem[0]);
    assert_true(fw_run(w, both, 1, MINUTE));
    fakekit_rule(w);
    assert_true(w->issued > 0);
    assert_false(w->trouble);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fakekit_setup, fakekit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(rollovers_with_workers),        TEST(everything_else_goes_on),
        TEST(what_comes_at_the_end_is_kept), TEST(no_worker_is_free),
        TEST(a_crash_at_each_call),          TEST(what_the_issuer_wants_is_kept),
        TEST(an_account_that_is_gone),       TEST(a_caa_record_forbids),
        TEST(the_ca_refuses_a_key),          TEST(a_rejected_certificate),
        TEST(a_full_disk_costs_no_orders),   TEST(the_ca_is_down_for_months),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
