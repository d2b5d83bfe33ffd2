/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACME client dies at every point at which it touches the world, and is started again: the
 * order that was begun is taken up, no second one is asked for, nothing is left behind (safety.md
 * row 4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme_pair.h"
#include "net/http.h"

#define POINTS_MAX 200

static const char order_note[] = "notes.put acme/ca/order/";

/* One life that ends before call `at`, one that goes to its end. False: there is no such call. */
static bool die_and_return(unsigned at, const char *script)
{
    static struct acme_try t;
    char what[512], first[512];
    const struct fakeca_config config = {
        .check = acme_try_check, .check_arg = t.dir, .looks = 1, .retry_after = 0};
    struct fakeca *ca = fakeca_start(&config);
    acme_try_begin(&t, fakeca_directory(ca), fakeca_root(ca));
    if (script != NULL)
        assert_true(fakeca_script(ca, script));
    int status = acme_try_child(&t, at, what, sizeof what);
    bool died = status == ACME_TRY_CRASHED;
    /* The CA's answer to newOrder is lost with the process just before it is noted. */
    bool lost = strncmp(what, order_note, sizeof order_note - 1) == 0 &&
                fakeca_asked(ca, FAKECA_NEW_ORDER) == 1 && fakeca_asked(ca, FAKECA_AUTHZ) == 0;
    if (!died && script == NULL)
        assert_int_equal(status, OUT_OK);
    fakeca_honest(ca);
    acme_try_again(&t);
    enum outcome out = died ? acme_try_issue(&t) : OUT_OK;
    for (int i = 0; i < 3 && died && out == OUT_RETRY; i++) {
        t.skipped += t.issued.wait + ACME_TRY_MINUTE;
        out = acme_try_issue(&t);
    }
    unsigned orders = fakeca_asked(ca, FAKECA_NEW_ORDER);
    print_message("  dies before call %u (%s): then %s, %u orders, %u accounts, %u certificates\n",
                  at, what, err_outcome_name(out), orders, fakeca_asked(ca, FAKECA_NEW_ACCOUNT),
                  fakeca_issued(ca));
    if (out != OUT_OK || (died && !acme_try_good(&t)))
        fail_msg("died before %s: %s\n%s", what, t.err.text, t.log);
    assert_true(orders <= (lost ? 2U : 1U));
    assert_true(fakeca_issued(ca) <= 1);
    if (died)
        assert_int_equal(acme_try_records(&t), 0);
    if (fakeca_complaints(ca, first, sizeof first) != 0)
        fail_msg("died before %s: the CA complains: %s", what, first);
    acme_try_end(&t);
    fakeca_stop(&ca);
    return died;
}

static void test_everywhere(void **state)
{
    (void)state;
    unsigned at = 1;
    while (die_and_return(at, NULL)) {
        at++;
        assert_true(at < POINTS_MAX);
    }
    assert_true(at > 12); /* account key, notes, records, looks... */
}

/* The CA's answer to finalize is lost, and then so is the client, wherever it is by then. */
static void test_after_lost_finalize(void **state)
{
    (void)state;
    unsigned at = 1;
    while (die_and_return(at, "cut-after@1")) {
        at++;
        assert_true(at < POINTS_MAX);
    }
}

int main(int argc, char **argv)
{
    int status = 1;
    struct err err = ERR_INIT;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everywhere),
        cmocka_unit_test(test_after_lost_finalize),
    };
    if (argc > 1) {
        if (http_global_init(&err) != OUT_OK || !acme_try_is_child(argc, argv, &status))
            return 125;
        http_global_end();
        return status;
    }
    return cmocka_run_group_tests(tests, acme_pair_global_begin, acme_pair_global_end);
}
