/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine against a world in simulated time: what it does, and what it never does. */
#include "tests/engine/fakekit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_rollovers(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_in_range(w->switches, 4, 8); /* both algorithms in one rename each time */
    assert_in_range(w->commits, 2 * 3, 2 * 8);
    assert_in_range(w->withdrawals, 2 * 2, 2 * 8);
    assert_in_range(w->shreds, 2 * 2, 2 * 8);
}

static void test_judge_can_fail(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 20000));
    fakekit_rule(w);
    w->file.spki[0][31] ^= 1; /* another key, never published */
    fw_check(w);
    assert_true(w->violations > 0);
}

static void test_frozen_secondary(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    w->frozen[1] = true;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    unsigned before = w->commits;
    struct fw_file file = w->file;
    assert_true(fw_run(w, both, 2, 30000));
    assert_int_equal(w->commits, before);
    assert_memory_equal(file.spki, w->file.spki, sizeof file.spki);
    w->frozen[1] = false;
    assert_true(fw_run(w, both, 2, 40000));
    fakekit_rule(w);
    assert_true(w->commits > before);
    assert_memory_not_equal(file.spki, w->file.spki, sizeof file.spki);
}

static void no_switch_while(struct fw *w, bool *trouble)
{
    assert_true(fw_run(w, both, 2, 8000));
    *trouble = true;
    assert_true(fw_run(w, both, 2, 10000));
    struct fw_file file = w->file;
    assert_true(fw_run(w, both, 2, 30000));
    fakekit_rule(w);
    assert_memory_equal(file.spki, w->file.spki, sizeof file.spki);
    *trouble = false;
    unsigned before = w->commits;
    assert_true(fw_run(w, both, 2, 40000));
    fakekit_rule(w);
    assert_true(w->commits > before);
}

static void test_silent_server(void **state)
{
    struct fw *w = *state;
    no_switch_while(w, &w->silent[0]);
}

static void test_bogus_server(void **state)
{
    struct fw *w = *state;
    no_switch_while(w, &w->bogus[1]);
}

static void test_reload_fails(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    struct fw_file file = w->file;
    w->reload_fails = true;
    assert_true(fw_run(w, both, 2, 30000));
    fakekit_rule(w);
    assert_int_equal(w->withdrawals, 0);
    assert_memory_equal(file.spki, w->file.spki, sizeof file.spki); /* put back */
    w->reload_fails = false;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_true(w->withdrawals > 0); /* later rollovers went all the way */
}

static void test_postfix_down(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    struct fw_file file = w->file;
    w->postfix_up = false;
    assert_true(fw_run(w, both, 2, 30000));
    assert_memory_equal(&file, &w->file, sizeof file); /* kept staged */
    w->postfix_up = true;
    assert_true(fw_run(w, both, 2, 40000));
    fakekit_rule(w);
    assert_true(w->commits > 0);
}

static void test_saving_fails(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    struct fw_file file = w->file;
    struct fw_rrset primary = w->primary;
    w->fail_call = FW_SAVE;
    w->fail_times = 1000000;
    assert_true(fw_run(w, both, 2, 30000));
    assert_memory_equal(&file, &w->file, sizeof file);
    assert_memory_equal(&primary, &w->primary, sizeof primary);
    w->fail_times = 0;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_true(w->commits > 0);
}

static void failing_call(struct fw *w, enum fw_call call)
{
    w->fail_call = call;
    w->fail_times = 3;
    assert_true(fw_run(w, both, 2, 90000));
    fakekit_rule(w);
    assert_int_equal(w->fail_times, 0);
    assert_true(w->commits > 0);
}

static void test_failing_calls(void **state)
{
    struct fw *w = *state;
    for (enum fw_call call = FW_SAVE; call < FW_N_CALLS; call++) {
        fw_begin(w, both, 2);
        failing_call(w, call);
    }
}

static void test_wrong_proof_rolls_back(void **state)
{
    struct fw *w = *state;
    w->next_wrong = true;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_int_equal(w->rollbacks, 2); /* each algorithm by itself */
    assert_true(w->commits > 0);       /* later, with another certificate */
}

static void test_long_session_delays_withdrawal(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 3000));
    w->procs[0].held = true;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_int_equal(w->withdrawals, 0);
    w->procs[0].alive = false;
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_true(w->withdrawals > 0);
}

static void test_reboot_restarts_waits(void **state)
{
    struct fw *w = *state;
    for (int i = 0; i < 5; i++) {
        assert_true(fw_run(w, both, 2, 1700));
        w->boot_id++;
        w->boot = 10;
        memset(w->given, 0, sizeof w->given);
        fw_new_procs(w);
        fw_check(w);
    }
    assert_true(fw_run(w, both, 2, 60000));
    fakekit_rule(w);
    assert_true(w->commits > 0);
}

static void publish_by_hand(struct fw *w)
{
    for (uint8_t i = 0; i < w->file.n; i++)
        memcpy(w->primary.rec[w->primary.n++], w->file.spki[i], MODEL_ID_LEN);
    fw_advance(w, 5000);
}

static bool primary_holds(const struct fw *w, const uint8_t rec[MODEL_ID_LEN])
{
    for (uint8_t i = 0; i < w->primary.n; i++) {
        if (memcmp(w->primary.rec[i], rec, MODEL_ID_LEN) == 0)
            return true;
    }
    return false;
}

/* Records that were there before us stay for ever, unless they are handed over. */
static void test_found_records(void **state)
{
    struct fw *w = *state;
    for (int adopt = 0; adopt < 2; adopt++) {
        fw_begin(w, both, 2);
        w->adopt = adopt == 1;
        publish_by_hand(w);
        struct fw_file old = w->file;
        assert_true(fw_run(w, both, 2, 60000));
        fakekit_rule(w);
        assert_true(w->commits > 0 && w->withdrawals > 0);
        for (uint8_t i = 0; i < old.n; i++)
            assert_int_equal(primary_holds(w, old.spki[i]), adopt == 0);
    }
}

/* kill -9 before and after the effect of every call of a whole rollover. */
static void test_crash_everywhere(void **state)
{
    struct fw *w = *state;
    assert_true(fw_run(w, both, 2, 30000));
    unsigned calls = w->calls, crashes = 0;
    assert_true(w->commits >= 2);
    for (unsigned at = 1; at <= calls; at++) {
        for (int after = 0; after < 2; after++) {
            fw_begin(w, both, 2);
            w->crash_at = at;
            w->crash_after = after == 1;
            if (!fw_run(w, both, 2, 30000))
                crashes++;
            w->crash_at = 0;
            assert_true(fw_run(w, both, 2, 40000));
            if (w->violations != 0)
                print_error("crash %s call %u\n", after ? "after" : "before", at);
            fakekit_rule(w);
            if (w->commits < 2)
                fail_msg("crash %s call %u: no rollover was completed", after ? "after" : "before",
                         at);
        }
    }
    print_message("%u crashes, %u calls\n", crashes, calls);
    assert_true(crashes >= calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rollovers, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_judge_can_fail, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_frozen_secondary, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_silent_server, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_bogus_server, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_reload_fails, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_postfix_down, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_saving_fails, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_failing_calls, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_wrong_proof_rolls_back, fakekit_setup,
                                        fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_long_session_delays_withdrawal, fakekit_setup,
                                        fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_reboot_restarts_waits, fakekit_setup,
                                        fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_found_records, fakekit_setup, fakekit_teardown),
        cmocka_unit_test_setup_teardown(test_crash_everywhere, fakekit_setup, fakekit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
