/* SPDX-License-Identifier: BSD-2-Clause */
/* When a certificate is renewed, and with which key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

static struct kit k;
static int chain, standby;

/* Served: a chain of 90 days; its standby published, seen for three days. */
static int ready_kit(void **state)
{
    (void)state;
    kit_init(&k);
    chain = kit_serving(&k, 0);
    kit_publish(&k, 0, k.f.keys[k.f.chains[chain].key].recs);
    kit_observe(&k, 0);
    standby = kit_key(&k, 0);
    kit_publish(&k, 0, k.f.keys[standby].recs);
    kit_watch(&k, 0, 3 * DAY, HOUR);
    return 0;
}

static void renewal_is_due_with_a_third_left_or_as_set(void **state)
{
    const struct model_chain c = {.not_before = WALL0, .not_after = WALL0 + 90 * DAY};

    (void)state;
    assert_int_equal(renew_due_at(&c, &k.p), WALL0 + 60 * DAY);
    k.p.renew_before = 10 * DAY;
    assert_int_equal(renew_due_at(&c, &k.p), WALL0 + 80 * DAY);
}

static void the_deadline_is_a_margin_before_expiry(void **state)
{
    const struct model_chain c = {.not_before = WALL0, .not_after = WALL0 + 90 * DAY};

    (void)state;
    assert_int_equal(renew_deadline(&c, &k.p), WALL0 + 85 * DAY);
}

/* Each row: what is changed in the ready state; what is decided; with the standby or not. */
static const struct {
    const char *what;
    enum model_strategy strategy;
    model_time wall_left; /* of the served certificate */
    bool unseen;          /* one server does not show the standby */
    bool roll, current_bad, current_refused, standby_refused, unwanted;
    enum renew_kind kind;
    bool next;
} rows[] = {
    {"not due", MODEL_STANDBY, 31 * DAY, false, false, false, false, false, false, RENEW_NOT_DUE,
     true},
    {"due", MODEL_STANDBY, 29 * DAY, false, false, false, false, false, false, RENEW_NEXT_KEY,
     true},
    {"due, a server lags, time enough", MODEL_STANDBY, 29 * DAY, true, false, false, false, false,
     false, RENEW_NEXT_KEY, true},
    {"the wait would end before the deadline", MODEL_STANDBY, 5 * DAY + 3 * HOUR, true, false,
     false, false, false, false, RENEW_NEXT_KEY, true},
    {"the wait would end after the deadline", MODEL_STANDBY, 5 * DAY + 2 * HOUR, true, false, false,
     false, false, false, RENEW_SAME_KEY, true},
    {"the standby is ready up to the deadline", MODEL_STANDBY, 5 * DAY, false, false, false, false,
     false, false, RENEW_NEXT_KEY, true},
    {"past the deadline", MODEL_STANDBY, 5 * DAY - 1, false, false, false, false, false, false,
     RENEW_SAME_KEY, true},
    {"the operator asked", MODEL_STANDBY, 60 * DAY, false, true, false, false, false, false,
     RENEW_NEXT_KEY, true},
    {"asked, but the certificate runs out", MODEL_STANDBY, 4 * DAY, true, true, false, false, false,
     false, RENEW_SAME_KEY, true},
    {"reuse keeps the key", MODEL_REUSE, 29 * DAY, false, false, false, false, false, false,
     RENEW_SAME_KEY, true},
    {"reuse, the operator asked", MODEL_REUSE, 60 * DAY, false, true, false, false, false, false,
     RENEW_NEXT_KEY, true},
    {"compromised: at once", MODEL_STANDBY, 80 * DAY, false, false, true, false, false, false,
     RENEW_NEXT_KEY, true},
    {"compromised, under reuse", MODEL_REUSE, 80 * DAY, false, false, true, false, false, false,
     RENEW_NEXT_KEY, true},
    {"the CA refuses the key: the standby", MODEL_REUSE, 29 * DAY, false, false, false, true, false,
     false, RENEW_NEXT_KEY, true},
    {"refused, past the deadline: never again", MODEL_STANDBY, DAY, true, false, false, true, false,
     false, RENEW_NEXT_KEY, true},
    {"refused, not due: served on", MODEL_STANDBY, 60 * DAY, false, false, false, true, false,
     false, RENEW_NOT_DUE, true},
    {"the standby is refused: another is to be made", MODEL_STANDBY, 29 * DAY, false, false, false,
     false, true, false, RENEW_NEXT_KEY, false},
    {"no standby and no time for one", MODEL_STANDBY, 5 * DAY + 2 * HOUR, false, false, false,
     false, true, false, RENEW_SAME_KEY, false},
    {"fresh: a floor of a day", MODEL_FRESH, 6 * DAY, true, false, false, false, false, false,
     RENEW_SAME_KEY, true},
    {"fresh: just in time", MODEL_FRESH, 6 * DAY + 21 * MIN, true, false, false, false, false,
     false, RENEW_NEXT_KEY, true},
    {"not wanted any more", MODEL_STANDBY, DAY, false, false, false, false, false, true,
     RENEW_NOT_DUE, true},
};

static void which_key(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum renew_kind kind;
        int next;

        (void)ready_kit(state);
        k.p.strategy = rows[i].strategy;
        k.f.chains[chain].not_after = k.now.wall + rows[i].wall_left;
        k.f.chains[chain].not_before = k.f.chains[chain].not_after - 90 * DAY;
        k.f.roll_now = rows[i].roll;
        k.f.keys[k.f.chains[chain].key].compromised = rows[i].current_bad;
        k.f.keys[k.f.chains[chain].key].refused = rows[i].current_refused;
        k.f.keys[standby].refused = rows[i].standby_refused;
        k.f.algs[0].wanted = !rows[i].unwanted;
        if (rows[i].unseen) {
            k.zones[0].servers[1].holds &= ~k.f.keys[standby].recs;
            kit_observe(&k, 0);
        }
        kind = renew_decide(&k.f, &k.p, 0, k.now, &next);
        if (kind != rows[i].kind || next != (rows[i].next ? standby : MODEL_NONE))
            fail_msg("%s: kind %d, next %d", rows[i].what, (int)kind, next);
    }
}

static void keys_also_roll_after_a_set_time(void **state)
{
    int next;

    (void)state;
    k.p.renew_every = 3 * DAY + 1;
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_NOT_DUE);
    k.p.renew_every = 3 * DAY;
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_NEXT_KEY);
    k.p.strategy = MODEL_REUSE;
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_SAME_KEY);
}

static void a_clock_that_goes_back_only_delays(void **state)
{
    int next;

    (void)state;
    k.now.wall = k.f.chains[chain].not_before - DAY;
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_NOT_DUE);
}

/* Section 3: served record gone, standby in every cache: due at once. */
static void a_served_record_that_is_gone_makes_the_standby_due(void **state)
{
    model_mask served = k.f.keys[k.f.chains[chain].key].recs;
    int next;

    (void)state;
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_NOT_DUE);
    k.zones[0].servers[0].holds &= ~served;
    kit_observe(&k, 0);
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_NEXT_KEY);
    assert_int_equal(next, standby);
    /* past the deadline the certificate comes first */
    k.now.wall = k.f.chains[chain].not_after - k.p.renew_margin + 1;
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_SAME_KEY);
    k.now.wall = k.now.steady + WALL0;
    /* not if the standby went with it */
    k.zones[0].servers[0].holds = 0;
    kit_observe(&k, 0);
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_NOT_DUE);
}

/* Another certificate for the key in the file, whatever else is due or not; once. */
static void the_operator_asks(void **state)
{
    int8_t chains[MODEL_MAX_ALGS];
    int next, renewed;

    (void)state;
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_NOT_DUE);
    facts_renew(&k.f, 0);
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_SAME_KEY);
    facts_roll_alg(&k.f, 0);
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_SAME_KEY);
    k.f.keys[k.f.chains[chain].key].refused = true;
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next), RENEW_NEXT_KEY);
    k.f.keys[k.f.chains[chain].key].refused = false;
    renewed = kit_chain(&k, k.f.chains[chain].key);
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        chains[a] = k.f.algs[a].current;
    chains[0] = (int8_t)renewed;
    facts_file_holds(&k.f, chains, false, k.now);
    assert_false(k.f.algs[0].renew);
    assert_int_equal(renew_decide(&k.f, &k.p, 0, k.now, &next),
                     RENEW_NEXT_KEY); /* the other wish */
    facts_rollback(&k.f, 0);
    assert_true(k.f.algs[0].rollback);
    facts_committed(&k.f, 0, k.now);
    assert_false(k.f.algs[0].rollback);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, ready_kit)
    const struct CMUnitTest tests[] = {
        T(renewal_is_due_with_a_third_left_or_as_set),
        T(the_deadline_is_a_margin_before_expiry),
        T(which_key),
        T(keys_also_roll_after_a_set_time),
        T(a_clock_that_goes_back_only_delays),
        T(a_served_record_that_is_gone_makes_the_standby_due),
        T(the_operator_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
