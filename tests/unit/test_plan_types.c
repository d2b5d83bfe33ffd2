/* SPDX-License-Identifier: BSD-2-Clause */
/* Strategies, matching types, and usage 2 (safety.md section 3), as whole stories in simulated
 * time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

static struct kit k;

/* Served for ten days: current (record 0, key 0) and standby (record 1, key 1) in every cache. */
static int serving(void **state)
{
    (void)state;
    kit_init(&k);
    (void)kit_serving(&k, 0);
    kit_run(&k, 10 * DAY);
    memset(&k.n, 0, sizeof(k.n));
    return 0;
}

static struct plan_action outlook(void)
{
    struct plan_action out;

    plan_outlook(&k.f, &k.p, k.now, &out);
    return out;
}

/* ---- strategies and types ---- */

static void reuse_keeps_one_key_for_ever(void **state)
{
    (void)state;
    kit_init(&k);
    k.p.strategy = MODEL_REUSE;
    (void)kit_serving(&k, 0);
    kit_run(&k, 365 * DAY);
    assert_int_equal(k.n.switched, 6);
    assert_int_equal(k.n.make_key, 0);
    assert_int_equal(k.n.publish, 1);
    assert_int_equal(k.n.withdraw, 0);
}

static void fresh_makes_a_key_for_each_renewal_and_waits_for_the_floor(void **state)
{
    model_time published;

    (void)state;
    kit_init(&k);
    k.p.strategy = MODEL_FRESH;
    (void)kit_serving(&k, 0);
    kit_run(&k, 59 * DAY);
    assert_int_equal(k.n.make_key, 0);
    assert_true(kit_until(&k, PLAN_MAKE_KEY, 2 * DAY));
    assert_true(kit_until(&k, PLAN_PUBLISH, MIN));
    published = k.now.steady;
    assert_true(kit_until(&k, PLAN_SWITCH, 3 * DAY));
    assert_in_range(k.now.steady - published, DAY + 20 * MIN, DAY + HOUR);
    kit_run(&k, 300 * DAY);
    assert_int_equal(k.n.make_key, k.n.switched);
    assert_int_equal(k.n.shred, k.n.switched);
}

/* 3 0 x depends on the certificate: published after issuance, with the key kept or not. */
static void usage_3_0_1_is_published_after_issuance(void **state)
{
    static const enum model_strategy strategies[] = {MODEL_REUSE, MODEL_STANDBY};

    (void)state;
    for (int i = 0; i < 2; i++) {
        model_time issued;

        kit_init(&k);
        k.p.strategy = strategies[i];
        k.p.combos[1] = C301;
        k.p.n_combos = 2;
        (void)kit_serving(&k, 0);
        assert_true(kit_until(&k, PLAN_ISSUE, 61 * DAY));
        issued = k.now.steady;
        assert_true(kit_until(&k, PLAN_PUBLISH, 10 * MIN));
        assert_true(kit_until(&k, PLAN_SWITCH, 3 * DAY)); /* never before its record is known */
        assert_true(k.now.steady - issued >= 2 * HOUR + 20 * MIN);
        kit_run(&k, 4 * DAY);
        assert_true(k.n.withdraw > 0);
        kit_run(&k, 200 * DAY);
        assert_in_range(k.n.switched, 4, 5);
    }
}

/* A change of type: 3 1 2 is added for the served key, waits for the floor, and the next rollover
 * has both. */
static void a_change_of_type_is_late(void **state)
{
    int rec;

    (void)state;
    k.p.combos[1] = C312;
    k.p.n_combos = 2;
    memset(&k.n, 0, sizeof(k.n));
    for (int key = 0; key < 2; key++) {
        rec = kit_rec(&k, C312, true);
        k.f.keys[key].recs |= MODEL_BIT(rec);
        for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
            if (k.f.chains[c].used && k.f.chains[c].key == key)
                k.f.chains[c].matches |= MODEL_BIT(rec);
        }
    }
    assert_true(kit_until(&k, PLAN_PUBLISH, HOUR));
    assert_int_equal(k.last.mask, 4 | 8); /* for served and standby together */
    assert_int_equal(k.f.owners[0].late, 4 | 8);
    facts_roll(&k.f);
    kit_run(&k, DAY);
    assert_int_equal(k.n.switched, 0);
    kit_run(&k, HOUR);
    assert_int_equal(k.n.switched, 1);
}

/* The engine has not made the new type's record for the served chain yet: the rest goes ahead. */
static void a_combination_that_would_be_bare_does_not_hold_the_others(void **state)
{
    int bare, key;

    (void)state;
    k.p.combos[1] = C312;
    k.p.n_combos = 2;
    bare = kit_rec(&k, C312, true);
    k.f.keys[1].recs |= MODEL_BIT(bare);
    key = kit_key(&k, 0); /* and a standby that is to follow a lost one */
    k.f.keys[1].refused = true;
    k.f.keys[key].recs |= MODEL_BIT(bare);
    assert_true(kit_until(&k, PLAN_PUBLISH, HOUR));
    assert_int_equal(k.last.mask, MODEL_BIT(kit_lowest(k.f.keys[key].recs & ~MODEL_BIT(bare))));
    memset(&k.n, 0, sizeof(k.n));
    kit_run(&k, DAY);
    assert_int_equal(k.n.publish, 0);
}

/* ---- usage 2 ---- */

/* 2 1 1 and 2 1 2 of one issuer are published, and 3 1 1. Returns the issuer's records. */
static model_mask usage_2(bool with_3)
{
    kit_init(&k);
    k.p.strategy = MODEL_REUSE;
    k.p.combos[0] = C211;
    k.p.combos[1] = C212;
    k.p.combos[2] = C311;
    k.p.n_combos = with_3 ? 3 : 2;
    k.issuer = MODEL_BIT(kit_rec(&k, C211, true)) | MODEL_BIT(kit_rec(&k, C212, true));
    (void)kit_serving(&k, 0);
    kit_run(&k, 10 * DAY);
    return k.issuer;
}

static void under_usage_2_the_same_issuer_renews_without_waiting(void **state)
{
    (void)state;
    (void)usage_2(false);
    assert_int_equal(k.zones[0].primary, 3);
    kit_run(&k, 200 * DAY);
    assert_int_equal(k.n.switched, 3);
    assert_int_equal(k.n.publish, 1);
}

static void under_usage_2_names_and_dates_count(void **state)
{
    struct plan_action act;
    int chain;

    (void)state;
    (void)usage_2(false);
    chain = kit_chain(&k, 0);
    act = kit_switch_to(&k, chain);
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK);
    k.f.chains[chain].names_ok = false;
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_EXPIRED);
    k.f.chains[chain].names_ok = true;
    k.f.chains[chain].not_after = k.now.wall;
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_EXPIRED);
    k.f.chains[chain].not_after++;
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK);
    k.f.chains[chain].not_before = k.now.wall + 1;
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_EXPIRED);
    /* under usage 3 they do not */
    serving(state);
    chain = kit_chain(&k, 0);
    act = kit_switch_to(&k, chain);
    k.f.chains[chain].names_ok = false;
    k.f.chains[chain].not_after = k.now.wall;
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK);
}

/* Another issuer: held; at notAfter - margin another order; then whatever satisfies some (usage,
 * selector) in all its matching types. */
static void another_issuer_is_held_but_not_into_expiry(void **state)
{
    (void)state;
    (void)usage_2(true);
    k.issuer = 0;
    k.held = true;
    k.human = true;        /* in the end some combination has to be left unmatched */
    kit_run(&k, 74 * DAY); /* day 84: due since day 60 */
    assert_int_equal(k.n.issue, 1);
    assert_int_equal(k.n.switched, 0);
    assert_int_equal(outlook().reason, PLAN_R_BLOCKED);
    assert_int_equal(outlook().no, SAFETY_NO_COMBINATION);
    kit_run(&k, 2 * DAY); /* day 86: the margin began on day 85 */
    assert_int_equal(k.n.issue, 2);
    assert_int_equal(k.n.switched, 1); /* 3 1 1 is satisfied */
}

/* A held certificate of the served key that is matched by `issuer`, so long before the margin. */
static enum safety_no held_certificate(model_mask issuer, model_time before)
{
    struct plan_action act;
    int chain;

    k.issuer = issuer;
    chain = kit_chain(&k, 0);
    k.f.chains[chain].held = true;
    k.now.wall = k.f.chains[0].not_after - k.p.renew_margin - before;
    kit_observe(&k, 0);
    act = kit_switch_to(&k, chain);
    return kit_judge(&k, &act);
}

static void a_pair_is_satisfied_in_all_its_matching_types(void **state)
{
    (void)state;
    (void)usage_2(true); /* records 0 and 1: 2 1 1 and 2 1 2; then 3 1 1 of the key */
    assert_int_equal(held_certificate(0, 1), SAFETY_NO_COMBINATION);
    assert_int_equal(held_certificate(0, 0), SAFETY_OK); /* 3 1 1 */
    (void)usage_2(false);
    assert_int_equal(held_certificate(1, 0), SAFETY_NO_COMBINATION); /* 2 1 1 and not 2 1 2 */
    (void)usage_2(true);
    k.zones[0].servers[1].holds &= 3; /* 3 1 1 is not everywhere */
    assert_int_equal(held_certificate(0, 0), SAFETY_NO_COMBINATION);
}

/* Matched by nothing in any cache, but not for its age: no emergency of usage 2. */
static void what_was_never_published_has_not_died_of_age(void **state)
{
    struct plan_action act;
    int chain;

    (void)state;
    kit_init(&k);
    (void)kit_serving(&k, 0);
    k.f.chains[0].matches |= MODEL_BIT(kit_rec(&k, C211, true));
    k.zones[0].servers[0].holds = k.zones[0].servers[1].holds = MODEL_BIT(kit_rec(&k, C311, false));
    kit_observe(&k, 0);
    chain = kit_chain(&k, kit_key(&k, 0));
    act = kit_switch_to(&k, chain);
    k.f.owners[0].seen[0].ignored = 0;
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_UNSEEN);
}

static void what_matches_nothing_any_more_is_replaced_at_once(void **state)
{
    struct plan_action act;
    int chain;

    (void)state;
    (void)usage_2(false);
    k.issuer = 0;
    chain = kit_chain(&k, kit_key(&k, 0));
    k.f.chains[chain].held = true;
    k.now.wall = k.f.chains[0].not_after - 1;
    act = kit_switch_to(&k, chain);
    assert_int_not_equal(kit_judge(&k, &act), SAFETY_OK);
    k.now.wall++;
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, serving)
    const struct CMUnitTest tests[] = {
        T(reuse_keeps_one_key_for_ever),
        T(fresh_makes_a_key_for_each_renewal_and_waits_for_the_floor),
        T(usage_3_0_1_is_published_after_issuance),
        T(a_change_of_type_is_late),
        T(a_combination_that_would_be_bare_does_not_hold_the_others),
        T(under_usage_2_the_same_issuer_renews_without_waiting),
        T(under_usage_2_names_and_dates_count),
        T(another_issuer_is_held_but_not_into_expiry),
        T(a_pair_is_satisfied_in_all_its_matching_types),
        T(what_was_never_published_has_not_died_of_age),
        T(what_matches_nothing_any_more_is_replaced_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
