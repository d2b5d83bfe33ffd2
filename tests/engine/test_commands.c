/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator asks for: taken, refused, tried dry, and begun anew after a crash. */
#include "tests/engine/fakekit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)

/* The world of one algorithm in which nothing is due by itself. */
static struct fw *quiet(void **state, size_t algs)
{
    struct fw *w = *state;
    fw_begin(w, both, algs);
    w->quiet = true;
    return w;
}

static void ask(struct fw *w, enum engine_verb verb, model_time in)
{
    w->command = (struct engine_command){.verb = verb, .certificate = "test", .uid = 1000};
    w->command_at = w->boot + in;
    w->command_done = false;
    w->reply[0] = w->refusal[0] = w->history[0] = '\0';
}

static void expect_reply(const struct fw *w, const char *part)
{
    assert_true(w->command_done);
    assert_string_equal(w->refusal, "");
    assert_int_equal(w->command_out, OUT_OK);
    if (strstr(w->reply, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, w->reply);
}

static void expect_refusal(const struct fw *w, const char *part)
{
    assert_true(w->command_done);
    assert_int_equal(w->command_out, OUT_REFUSED);
    if (strstr(w->refusal, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, w->refusal);
}

/* Nothing in DNS may stop it: one server lags for ever, the other is bogus. */
static void renew_keeps_the_key(void **state)
{
    for (int workers = 0; workers < 2; workers++) {
        struct fw *w = quiet(state, 2);
        w->order_ms = workers == 1 ? 300 : 0;
        assert_true(fw_run(w, both, 2, 3000));
        w->frozen[1] = true;
        w->bogus[0] = true;
        struct fw_file file = w->file;
        assert_int_equal(w->issued, 0);
        ask(w, ENGINE_RENEW, 1000);
        assert_true(fw_run(w, both, 2, MINUTE));
        expect_reply(w, "another certificate for p256 key 1, with the same key; another "
                        "certificate for rsa2048 key 2");
        assert_non_null(strstr(w->reply, "next: issue (p256 key 1): the operator asked"));
        assert_int_equal(w->issued, 2);
        assert_memory_equal(file.spki, w->file.spki, sizeof file.spki);
        assert_string_not_equal(file.pem[0], w->file.pem[0]);
        assert_string_not_equal(file.pem[1], w->file.pem[1]);
        assert_true(fw_run(w, both, 2, 10 * MINUTE));
        assert_int_equal(w->issued, 2); /* once */
        fakekit_rule(w);
        ask(w, ENGINE_RENEW, 1000);
        w->command.alg = PORT_ALG_RSA2048;
        assert_true(fw_run(w, both, 2, MINUTE));
        expect_reply(w, "another certificate for rsa2048 key 2");
        assert_int_equal(w->issued, 3);
        ask(w, ENGINE_RENEW, 1000);
        w->command.alg = PORT_ALG_P384;
        assert_true(fw_run(w, both, 2, 2000));
        expect_refusal(w, "certificate test has no algorithm p384");
    }
}

static void roll_takes_the_next_key(void **state)
{
    struct fw *w = quiet(state, 2);
    assert_true(fw_run(w, both, 2, MINUTE));
    struct fw_file file = w->file;
    assert_int_equal(w->switches, 0);
    ask(w, ENGINE_ROLL, 1000);
    w->command.alg = PORT_ALG_P256;
    assert_true(fw_run(w, both, 2, MINUTE));
    expect_reply(w, "the next p256 key is served as soon as every cache holds its record");
    fakekit_rule(w);
    assert_memory_not_equal(file.spki[0], w->file.spki[0], MODEL_ID_LEN);
    assert_memory_equal(file.spki[1], w->file.spki[1], MODEL_ID_LEN);
    assert_true(fw_run(w, both, 2, 10 * MINUTE));
    assert_int_equal(w->switches, 1);
    fakekit_rule(w);
}

static void frozen_until_resumed(void **state)
{
    struct fw *w = quiet(state, 2);
    assert_true(fw_run(w, both, 2, MINUTE));
    ask(w, ENGINE_FREEZE, 100);
    assert_true(fw_run(w, both, 2, 1000));
    expect_reply(w, "until `danectl resume ");
    assert_non_null(strstr(w->history, "freeze: freeze asked for by uid 1000: no key is"));
    assert_true(w->trouble);
    assert_non_null(strstr(w->trouble_text, "frozen: the operator said so"));
    assert_non_null(strstr(w->fate, "the keys stay as they are, renewals with the same key go on"));
    ask(w, ENGINE_ROLL, 100);
    assert_true(fw_run(w, both, 2, MINUTE));
    expect_reply(w, "frozen: the operator said so");
    assert_int_equal(w->switches, 0);
    ask(w, ENGINE_RENEW, 100);
    assert_true(fw_run(w, both, 2, MINUTE));
    assert_int_equal(w->switches, 1); /* the present keys, both */
    ask(w, ENGINE_RESUME, 100);
    assert_true(fw_run(w, both, 2, MINUTE));
    expect_reply(w, "no longer frozen: the operator said so; the chain file is read anew");
    fakekit_rule(w);
    assert_int_equal(w->stored.st.facts.frozen, 0);
    assert_true(w->switches > 1 && w->withdrawals > 0);
    assert_false(w->trouble);
}

/* ---- rollback ---- */

/* Rolled once, and the window is open. */
static struct fw *rolled(void **state)
{
    struct fw *w = quiet(state, 1);
    w->commit_ms = 30000;
    assert_true(fw_run(w, both, 1, MINUTE));
    ask(w, ENGINE_ROLL, 100);
    for (int i = 0; i < 600 && w->switches == 0; i++)
        assert_true(fw_run(w, both, 1, 200));
    assert_int_equal(w->switches, 1);
    assert_true(fw_run(w, both, 1, 2000));
    return w;
}

static void back_to_the_chain_before(void **state)
{
    struct fw *w = *state;
    fw_begin(w, both, 1);
    struct fw_file first = w->file;
    w = rolled(state);
    assert_memory_not_equal(first.spki[0], w->file.spki[0], MODEL_ID_LEN);
    ask(w, ENGINE_ROLLBACK, 100);
    w->command.dry_run = true;
    assert_true(fw_run(w, both, 1, 1000));
    expect_reply(w, "dry run");
    assert_int_equal(w->switches, 1);
    assert_string_equal(w->history, "");
    ask(w, ENGINE_ROLLBACK, 100);
    assert_true(fw_run(w, both, 1, 2000));
    expect_reply(w, "back from p256 key 2 to the chain of p256 key 1 that was served before");
    assert_non_null(strstr(w->reply, "next: rollback: the operator asked"));
    fakekit_rule(w);
    assert_memory_equal(first.spki[0], w->file.spki[0], MODEL_ID_LEN);
    assert_int_equal(w->rollbacks, 1);
    assert_true(fw_run(w, both, 1, 20 * MINUTE));
    assert_int_equal(w->switches, 2); /* nobody asked to roll again */
    fakekit_rule(w);
    ask(w, ENGINE_ROLLBACK, 100);
    assert_true(fw_run(w, both, 1, 1000));
    expect_refusal(w, "there is no way back: the last switch is committed, or there was none");
}

static void no_way_back(void **state)
{
    struct fw *w = rolled(state);
    w->stored.st.facts.chains[0].not_after = w->wall; /* the adopted one */
    ask(w, ENGINE_ROLLBACK, 100);
    assert_true(fw_run(w, both, 1, 1000));
    expect_refusal(w, "p256: the certificate from before expired at 2027-");
    assert_int_equal(w->switches, 1);
    w = rolled(state);
    assert_true(fw_run(w, both, 1, MINUTE));
    assert_int_equal(w->commits, 1);
    ask(w, ENGINE_ROLLBACK, 100);
    assert_true(fw_run(w, both, 1, 1000));
    expect_refusal(w, "there is no way back");
    /* its record is gone from the name servers */
    w = rolled(state);
    memcpy(w->primary.rec[0], w->file.spki[0], MODEL_ID_LEN);
    w->primary.n = 1;
    w->changed = w->boot;
    assert_true(fw_run(w, both, 1, 600));
    ask(w, ENGINE_ROLLBACK, 100);
    assert_true(fw_run(w, both, 1, 200));
    expect_refusal(w, "p256: not possible now: ");
    assert_int_equal(w->switches, 1);
}

/* ---- dry runs, names, crashes ---- */

static void a_dry_run_changes_nothing(void **state)
{
    static const enum engine_verb verbs[] = {ENGINE_RENEW, ENGINE_ROLL, ENGINE_FREEZE,
                                             ENGINE_RESUME};
    struct fw *w = quiet(state, 2);
    assert_true(fw_run(w, both, 2, MINUTE));
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        ask(w, verbs[i], 100);
        w->command.dry_run = true;
        unsigned issued = w->issued;
        assert_true(fw_run(w, both, 2, MINUTE));
        expect_reply(w, "nothing is done now (dry run); it would be: ");
        assert_non_null(strstr(w->reply, "next: "));
        assert_int_equal(w->switches, 0);
        assert_int_equal(w->issued, issued);
        assert_int_equal(w->stored.st.facts.frozen, 0);
        assert_string_equal(w->history, "");
    }
}

static void nobody_of_that_name(void **state)
{
    struct fw *w = quiet(state, 1);
    ask(w, ENGINE_RENEW, 100);
    w->command.certificate = "other";
    assert_true(fw_run(w, both, 1, 1000));
    expect_refusal(w, "no certificate is called \"other\"");
}

/* What cannot be saved is not begun. */
static void a_full_disk_takes_no_commands(void **state)
{
    struct fw *w = quiet(state, 1);
    assert_true(fw_run(w, both, 1, MINUTE));
    w->fail_call = FW_SAVE;
    w->fail_times = 1000000;
    ask(w, ENGINE_ROLL, 100);
    assert_true(fw_run(w, both, 1, 1000));
    assert_int_equal(w->command_out, OUT_BROKEN);
    assert_false(w->command_done);
    w->command_at = 0;
    w->fail_times = 0;
    assert_true(fw_run(w, both, 1, 5 * MINUTE));
    assert_int_equal(w->switches, 0);
}

/* kill -9 at each call while the operator gives a command: once it was taken it is carried out. */
static void crash_with(struct fw *w, enum engine_verb verb, unsigned at, bool after)
{
    fw_begin(w, both, 1);
    w->quiet = true;
    w->commit_ms = 20000;
    w->order_ms = 100;
    ask(w, ENGINE_ROLL, 12000);
    w->crash_at = at;
    w->crash_after = after;
    (void)fw_run(w, both, 1, 25000);
    w->crash_at = 0;
    for (int i = 0; i < 300 && w->switches == 0; i++)
        assert_true(fw_run(w, both, 1, 200));
    assert_true(w->switches > 0);
    if (verb == ENGINE_ROLL)
        return;
    unsigned issued = w->issued, rollbacks = w->rollbacks;
    w->calls = 0;
    ask(w, verb, 1000);
    w->crash_at = at;
    w->crash_after = after;
    (void)fw_run(w, both, 1, 8000);
    w->crash_at = 0;
    assert_true(fw_run(w, both, 1, 8000));
    assert_true(w->command_done);
    if (verb == ENGINE_RENEW)
        assert_true(w->issued > issued);
    if (verb == ENGINE_ROLLBACK && w->command_out == OUT_OK)
        assert_true(w->rollbacks > rollbacks || w->file.spki[0][1] == 1);
}

static void a_crash_at_each_call(void **state)
{
    static const enum engine_verb verbs[] = {ENGINE_ROLL, ENGINE_RENEW, ENGINE_ROLLBACK};
    struct fw *w = *state;
    for (size_t v = 0; v < sizeof verbs / sizeof verbs[0]; v++) {
        for (unsigned at = 1; at <= 90; at++) {
            for (int after = 0; after < 2; after++) {
                crash_with(w, verbs[v], at, after == 1);
                assert_true(fw_run(w, both, 1, MINUTE));
                if (w->violations != 0)
                    fail_msg("command %d, crash %s call %u: %s", (int)verbs[v],
                             after ? "after" : "before", at, w->why);
            }
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fakekit_setup, fakekit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(renew_keeps_the_key),  TEST(roll_takes_the_next_key),
        TEST(frozen_until_resumed), TEST(back_to_the_chain_before),
        TEST(no_way_back),          TEST(a_dry_run_changes_nothing),
        TEST(nobody_of_that_name),  TEST(a_full_disk_takes_no_commands),
        TEST(a_crash_at_each_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
