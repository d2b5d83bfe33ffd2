/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole rollovers in simulated time: progress, order, and what must not be proposed. Every step is
 * judged by safety, and the rule is held against what processes serve and caches hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

static struct kit k;

static int serving(void **state)
{
    (void)state;
    kit_init(&k);
    (void)kit_serving(&k, 0);
    return 0;
}

static struct plan_action outlook(void)
{
    struct plan_action out;

    plan_outlook(&k.f, &k.p, k.now, &out);
    return out;
}

static void lag(bool yes)
{
    k.zones[0].servers[1].lags = yes;
    kit_follow(&k.zones[0]);
}

static void a_year_of_standby_rollovers(void **state)
{
    (void)state;
    kit_run(&k, 365 * DAY);
    assert_int_equal(k.n.switched, 6); /* every 60 days: a third of 90 is left */
    assert_int_equal(k.n.issue, 6);
    assert_int_equal(k.n.commit, 6);
    assert_int_equal(k.n.withdraw, 6);
    assert_int_equal(k.n.shred, 6);
    assert_int_equal(k.n.make_key, 7);
    assert_int_equal(k.n.rollback + k.n.freeze, 0);
}

static void two_algorithms_are_published_together_and_switched_together(void **state)
{
    int rsa = facts_alg(&k.f, 2, true);

    (void)state;
    k.f.adopted = false;
    (void)kit_serving(&k, rsa);
    k.f.chains[k.f.algs[0].current].attested = MODEL_NEVER;
    assert_true(kit_until(&k, PLAN_PUBLISH, HOUR));
    assert_int_equal(k.last.reason, PLAN_R_FIRST);
    assert_int_equal(k.last.mask, 0xf); /* current and standby of both, in one action */
    assert_int_equal(k.n.make_key, 2);
    assert_true(k.n.attest > 0); /* proven before */
    assert_true(kit_until(&k, PLAN_SWITCH, 70 * DAY));
    assert_int_equal(k.last.chains[0], 2);
    assert_int_equal(k.last.chains[rsa], 3);
    assert_int_equal(k.n.issue, 2);
    kit_run(&k, 300 * DAY);
    assert_int_equal(k.n.switched, 6);
    assert_int_equal(k.n.issue, 12);
}

static void an_order_that_fails_does_not_hold_the_other_algorithm(void **state)
{
    int rsa = facts_alg(&k.f, 2, true);

    (void)state;
    (void)kit_serving(&k, rsa);
    assert_true(kit_until(&k, PLAN_ISSUE, 70 * DAY));
    k.hold_issue = true; /* the second order fails from now on */
    assert_true(kit_until(&k, PLAN_SWITCH, HOUR));
    assert_int_equal(k.last.chains[rsa], k.f.algs[rsa].current);
    assert_int_not_equal(k.last.chains[0], 0);
    k.hold_issue = false;
    assert_true(kit_until(&k, PLAN_SWITCH, DAY));
    assert_int_equal(k.n.switched, 2);
}

/* Row 20, and "to show" of the issue: frozen in the wait, named, same key, thawed, goes on. */
static void a_frozen_secondary_stops_the_key_rollover_and_nothing_else(void **state)
{
    struct plan_action out;
    int key;

    (void)state;
    assert_true(kit_until(&k, PLAN_PUBLISH, HOUR));
    kit_run(&k, 10 * DAY);
    lag(true);
    k.zones[0].servers[1].holds = 1; /* an old copy: the served record alone */
    key = k.f.chains[k.f.algs[0].current].key;
    kit_run(&k, 60 * DAY); /* due since day 60 */
    assert_int_equal(k.n.switched, 0);
    out = outlook();
    assert_int_equal(out.reason, PLAN_R_UNSEEN);
    assert_int_equal(out.owner, 0);
    assert_int_equal(out.addr, 1);
    assert_int_equal(out.rec, 1);
    assert_true(kit_until(&k, PLAN_SWITCH, 16 * DAY)); /* the deadline: same key */
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, key);
    assert_in_range(k.now.steady, 85 * DAY - 3 * HOUR, 85 * DAY + HOUR);
    kit_run(&k, 20 * DAY);
    assert_int_equal(k.n.switched, 1);
    lag(false);
    kit_run(&k, 60 * DAY);
    assert_int_equal(k.n.switched, 2);
    assert_int_not_equal(k.f.chains[k.f.algs[0].current].key, key);
}

/* Row 19 */
static void an_api_that_lies_keeps_the_key_rumoured(void **state)
{
    (void)state;
    k.zones[0].lying = true;
    kit_run(&k, 2 * DAY);
    assert_int_equal(phase_of_key(&k.f, &k.p, 1, k.now), PHASE_RUMOURED);
    assert_in_range(k.n.publish, 100, 300); /* asked again every other poll, not all the time */
    kit_run(&k, 100 * DAY);
    assert_int_equal(k.n.switched, 1); /* with the same key */
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, 0);
}

/* It is in the primary (so it is not ours to ask for) and no server shows it: one look a round. */
static void what_the_primary_has_is_not_asked_for_in_a_loop(void **state)
{
    struct plan_action act;

    (void)state;
    assert_true(kit_until(&k, PLAN_MAKE_KEY, HOUR));
    plan_next(&k.f, &k.p, k.now, &act);
    assert_int_equal(act.verb, PLAN_PUBLISH);
    facts_publish_intent(&k.f, 0, 0, k.now);
    plan_next(&k.f, &k.p, k.now, &act);
    assert_int_equal(act.verb, PLAN_WAIT);
    kit_pass(&k, 5 * MIN);
    kit_observe(&k, 0);
    plan_next(&k.f, &k.p, k.now, &act);
    assert_int_equal(act.verb, PLAN_PUBLISH);
}

/* "A target that was attested just before the switch": once for each chain that is staged. */
static void a_proof_comes_before_the_switch(void **state)
{
    int before;

    (void)state;
    assert_true(kit_until(&k, PLAN_ISSUE, 70 * DAY));
    before = k.n.attest;
    k.reached = false;
    assert_true(kit_until(&k, PLAN_SWITCH, HOUR));
    assert_int_equal(k.n.attest, before + 1);
}

static void generations_overlap(void **state)
{
    (void)state;
    assert_true(kit_until(&k, PLAN_SWITCH, 70 * DAY));
    k.n.publish = 0;
    assert_true(kit_until(&k, PLAN_PUBLISH, HOUR)); /* as soon as the switch is attested */
    assert_int_equal(k.n.commit, 0);
    assert_int_equal(k.n.make_key, 2);
    assert_true(kit_until(&k, PLAN_COMMIT, 3 * DAY));
}

static void an_unproven_switch_has_no_next_standby(void **state)
{
    (void)state;
    assert_true(kit_until(&k, PLAN_SWITCH, 70 * DAY));
    k.reached = false;
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.n.make_key, 1);
}

static void not_reached_never_rolls_back_and_never_permits_withdrawal(void **state)
{
    (void)state;
    assert_true(kit_until(&k, PLAN_SWITCH, 70 * DAY));
    k.reached = false;
    kit_run(&k, 20 * DAY);
    assert_int_equal(k.n.rollback, 0);
    assert_int_equal(k.n.commit, 0);
    assert_int_equal(k.n.withdraw, 0);
    assert_int_equal(outlook().reason, PLAN_R_PROOF);
    k.reached = true;
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.n.withdraw, 1);
}

static void not_reached_is_never_published_at_first(void **state)
{
    (void)state;
    k.f.chains[0].attested = MODEL_NEVER;
    k.reached = false;
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.n.publish, 0);
    assert_int_equal(outlook().reason, PLAN_R_PROOF);
}

static void reached_and_wrong_rolls_back_and_tries_again_after_a_window(void **state)
{
    model_time back;

    (void)state;
    k.f.roll_now = true;
    k.wrong_next = true;
    assert_true(kit_until(&k, PLAN_SWITCH, 5 * DAY));
    assert_true(kit_until(&k, PLAN_ROLLBACK, 2 * MIN)); /* the first proof */
    back = k.now.steady;
    assert_int_equal(k.f.algs[0].current, 0);
    assert_true(k.f.roll_now); /* the operator's wish is not fulfilled */
    assert_true(kit_until(&k, PLAN_SWITCH, 5 * DAY));
    assert_in_range(k.now.steady - back, 2 * DAY, 2 * DAY + HOUR);
    kit_run(&k, 5 * DAY);
    assert_false(k.f.roll_now);
    assert_int_equal(k.n.rollback, 1);
    assert_int_equal(k.n.shred, 1);
}

/* Row 47 */
static void a_long_session_holds_the_withdrawal_not_the_switch(void **state)
{
    (void)state;
    k.drains = false;
    kit_run(&k, 75 * DAY);
    assert_int_equal(k.n.switched, 1);
    assert_int_equal(k.n.commit, 0);
    assert_int_equal(k.n.withdraw, 0);
    assert_int_equal(outlook().reason, PLAN_R_DRAIN);
    k.drains = true;
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.n.withdraw, 1);
}

/* Row 44 */
static void postfix_down_keeps_what_is_staged(void **state)
{
    (void)state;
    assert_true(kit_until(&k, PLAN_ISSUE, 70 * DAY));
    k.f.postfix_up = false;
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.n.switched, 0);
    assert_int_equal(outlook().verb, PLAN_SWITCH);
    assert_int_equal(outlook().no, SAFETY_NO_POSTFIX);
    k.f.postfix_up = true;
    assert_true(kit_until(&k, PLAN_SWITCH, 10 * MIN));
    k.f.postfix_up = false; /* the same for a renewal that keeps the key */
    (void)kit_chain(&k, k.f.chains[k.f.algs[0].current].key);
    kit_run(&k, DAY);
    assert_int_equal(k.n.switched, 1);
}

static void a_freeze_blocks_key_switches_and_withdrawals_only(void **state)
{
    int observe;

    (void)state;
    assert_true(kit_until(&k, PLAN_SWITCH, 70 * DAY));
    k.f.frozen = MODEL_F_OPERATOR;
    observe = k.n.observe;
    kit_run(&k, 58 * DAY);
    assert_true(k.n.observe - observe > 50 * 24 * 6); /* keeps observing */
    assert_int_equal(k.n.withdraw, 0);
    assert_int_equal(k.n.commit, 1);
    kit_run(&k, 30 * DAY);
    assert_int_equal(k.n.switched, 2); /* at the deadline, with the same key */
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, 1);
    assert_int_equal(outlook().reason, PLAN_R_FROZEN);
    assert_int_equal(outlook().causes, MODEL_F_OPERATOR);
    facts_resume(&k.f, MODEL_F_OPERATOR);
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.n.withdraw, 1);
}

/* Row 38: the intent is durable, the request was never made. */
static void a_crash_before_the_request_is_made_up_for(void **state)
{
    (void)state;
    assert_true(kit_until(&k, PLAN_PUBLISH, HOUR));
    k.zones[0].primary = k.zones[0].servers[0].holds = k.zones[0].servers[1].holds = 0;
    assert_true(kit_until(&k, PLAN_PUBLISH, HOUR));
    assert_int_equal(k.last.reason, PLAN_R_UNSEEN);
    kit_run(&k, HOUR);
    assert_int_equal(k.n.publish, 2);
    assert_int_equal(k.f.owners[0].readds[0], 0);
}

static void an_unresolved_switch_is_read_from_the_file_first(void **state)
{
    struct plan_action act;
    int chain;

    (void)state;
    chain = kit_chain(&k, k.f.chains[0].key);
    act = kit_switch_to(&k, chain);
    facts_switch_intent(&k.f, act.chains);
    plan_next(&k.f, &k.p, k.now, &act);
    assert_int_equal(act.verb, PLAN_ADOPT);
}

static void a_fresh_postfix_gets_a_key_a_chain_a_proof_and_then_records(void **state)
{
    static const enum plan_verb order[] = {PLAN_MAKE_KEY, PLAN_ISSUE, PLAN_SWITCH, PLAN_ATTEST,
                                           PLAN_PUBLISH};

    (void)state;
    kit_init(&k);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        assert_true(kit_until(&k, order[i], HOUR));
    assert_int_equal(k.n.adopt, 1);
    assert_int_equal(k.last.mask, 3);
    kit_run(&k, 65 * DAY);
    assert_int_equal(k.n.switched, 2);
}

static void an_algorithm_is_added_and_taken_away(void **state)
{
    int rsa;

    (void)state;
    kit_run(&k, 5 * DAY);
    rsa = facts_alg(&k.f, 2, true);
    assert_true(kit_until(&k, PLAN_PUBLISH, HOUR)); /* the record before the algorithm */
    assert_int_equal(k.n.switched, 0);
    kit_run(&k, DAY); /* it is wanted already: late, so the floor */
    assert_int_equal(k.n.switched, 0);
    assert_true(kit_until(&k, PLAN_SWITCH, HOUR));
    assert_int_equal(k.f.algs[rsa].current, 1);
    kit_run(&k, 5 * DAY);
    k.f.algs[rsa].wanted = false;
    k.drains = false;
    assert_true(kit_until(&k, PLAN_SWITCH, DAY));
    assert_int_equal(k.f.algs[rsa].current, MODEL_NONE);
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.n.withdraw, 0); /* drain before withdrawing */
    k.drains = true;
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.n.shred, 2); /* its key and its standby */
    assert_int_equal(k.zones[0].primary, 3);
}

static void several_slow_owners_do_not_starve_the_rest(void **state)
{
    (void)state;
    for (int o = 1; o < MODEL_MAX_OWNERS; o++) {
        (void)facts_owner(&k.f, o);
        k.zones[o].n_servers = 2;
    }
    kit_run(&k, 365 * DAY / 4);
    assert_int_equal(k.n.switched, 1);
    assert_int_equal(k.n.withdraw, MODEL_MAX_OWNERS);
    for (int o = 0; o < MODEL_MAX_OWNERS; o++)
        k.zones[o].takes = MIN; /* servers that time out: a pass is longer than a poll */
    facts_roll(&k.f);
    kit_run(&k, 4 * DAY);
    assert_int_equal(k.n.switched, 2);
    assert_int_equal(k.n.withdraw, 2 * MODEL_MAX_OWNERS);
}

static void the_outlook_says_what_comes_next(void **state)
{
    struct plan_action out;
    model_time due;

    (void)state;
    assert_true(kit_until(&k, PLAN_PUBLISH, HOUR));
    kit_run(&k, HOUR);
    out = outlook();
    assert_int_equal(out.verb, PLAN_ISSUE); /* the standby's wait */
    assert_int_equal(out.reason, PLAN_R_WAITING);
    assert_int_equal(out.key, 1);
    assert_in_range(out.wake, 2 * DAY, 2 * DAY + HOUR);
    kit_run(&k, 3 * DAY);
    out = outlook();
    due = renew_due_at(&k.f.chains[0], &k.p) - k.now.wall + k.now.steady;
    assert_int_equal(out.reason, PLAN_R_RENEW_DUE);
    assert_int_equal(out.wake, due);
    assert_true(kit_until(&k, PLAN_SWITCH, 70 * DAY));
    kit_run(&k, HOUR);
    out = outlook();
    assert_int_equal(out.verb, PLAN_COMMIT);
    assert_int_equal(out.reason, PLAN_R_WINDOW);
    assert_int_equal(out.wake, k.f.chains[1].installed + 2 * DAY);
    assert_true(kit_until(&k, PLAN_WITHDRAW, 3 * DAY));
    kit_run(&k, HOUR);
    assert_int_equal(outlook().verb, PLAN_SHRED);
    assert_string_equal(plan_verb_name(PLAN_SHRED), "shred");
    assert_string_equal(plan_reason_text(PLAN_R_FROZEN), "frozen");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, serving)
    const struct CMUnitTest tests[] = {
        T(a_year_of_standby_rollovers),
        T(two_algorithms_are_published_together_and_switched_together),
        T(an_order_that_fails_does_not_hold_the_other_algorithm),
        T(a_frozen_secondary_stops_the_key_rollover_and_nothing_else),
        T(an_api_that_lies_keeps_the_key_rumoured),
        T(what_the_primary_has_is_not_asked_for_in_a_loop),
        T(a_proof_comes_before_the_switch),
        T(generations_overlap),
        T(an_unproven_switch_has_no_next_standby),
        T(not_reached_never_rolls_back_and_never_permits_withdrawal),
        T(not_reached_is_never_published_at_first),
        T(reached_and_wrong_rolls_back_and_tries_again_after_a_window),
        T(a_long_session_holds_the_withdrawal_not_the_switch),
        T(postfix_down_keeps_what_is_staged),
        T(a_freeze_blocks_key_switches_and_withdrawals_only),
        T(a_crash_before_the_request_is_made_up_for),
        T(an_unresolved_switch_is_read_from_the_file_first),
        T(a_fresh_postfix_gets_a_key_a_chain_a_proof_and_then_records),
        T(an_algorithm_is_added_and_taken_away),
        T(several_slow_owners_do_not_starve_the_rest),
        T(the_outlook_says_what_comes_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
