/* SPDX-License-Identifier: BSD-2-Clause */
/* Special cases of safety.md section 3 and the faults of section 5 that are the core's, as whole
 * stories in simulated time. */
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

/* Somebody changes the RRset on the primary. */
static void human(model_mask holds)
{
    k.human = true;
    k.zones[0].primary = holds;
    kit_follow(&k.zones[0]);
    kit_observe(&k, 0);
}

/* ---- the human deletes ---- */

static void an_rrset_gone_everywhere_is_never_put_back(void **state)
{
    (void)state;
    human(0);
    kit_run(&k, 30 * DAY);
    assert_int_equal(k.f.frozen, MODEL_F_DELETED);
    assert_int_equal(k.n.freeze, 1);
    assert_int_equal(k.n.publish, 0);
    kit_run(&k, 40 * DAY);
    assert_int_equal(k.n.switched, 0);
    kit_run(&k, 10 * DAY);
    assert_int_equal(k.n.switched, 1); /* the renewal that keeps the key goes on */
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, 0);
    facts_resume(&k.f, MODEL_F_DELETED); /* the operator comes back to DANE */
    kit_run(&k, HOUR);
    assert_int_equal(k.zones[0].primary, 3);
    assert_int_equal(k.f.frozen, 0);
}

static void a_freeze_for_deletion_clears_when_the_records_are_back(void **state)
{
    (void)state;
    human(0);
    kit_run(&k, HOUR);
    assert_int_equal(k.f.frozen, MODEL_F_DELETED);
    human(1);
    kit_run(&k, HOUR);
    assert_int_equal(k.f.frozen, MODEL_F_DELETED);
    human(3);
    kit_run(&k, HOUR);
    assert_int_equal(k.f.frozen, 0);
    assert_int_equal(k.n.thaw, 1);
}

static void one_record_gone_is_put_back_and_the_third_time_not(void **state)
{
    (void)state;
    for (int i = 1; i <= 2; i++) {
        human(1);
        assert_true(kit_until(&k, PLAN_PUBLISH, HOUR));
        assert_int_equal(k.last.reason, PLAN_R_VANISHED);
        kit_run(&k, HOUR);
        assert_int_equal(k.n.publish, i);
        assert_int_equal(k.f.owners[0].readds[1], i);
    }
    human(1);
    kit_run(&k, DAY);
    assert_int_equal(k.n.publish, 2);
    assert_int_equal(k.f.frozen, MODEL_F_DELETED);
}

static void a_served_record_gone_leads_to_the_standby(void **state)
{
    (void)state;
    human(2);
    assert_true(kit_until(&k, PLAN_ISSUE, HOUR));
    assert_int_equal(k.last.key, 1);
    assert_true(kit_until(&k, PLAN_SWITCH, HOUR));
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, 1);
}

/* The same, when it is the third time and frozen: there is a way out. */
static void a_served_record_gone_leads_to_the_standby_though_frozen(void **state)
{
    (void)state;
    k.f.owners[0].readds[0] = 2;
    human(2);
    assert_true(kit_until(&k, PLAN_SWITCH, HOUR));
    assert_int_equal(k.n.publish, 0);
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, 1);
}

/* Row 30 */
static void a_record_that_a_human_adds_is_kept(void **state)
{
    int foreign = kit_rec(&k, C311, false);

    (void)state;
    human(3 | MODEL_BIT(foreign));
    kit_run(&k, 200 * DAY);
    assert_true((k.zones[0].primary & MODEL_BIT(foreign)) != 0);
    assert_int_equal(k.n.switched, 3);
    assert_int_equal(k.n.withdraw, 3);
}

/* ---- compromised ---- */

static void a_compromised_key_gives_way_to_the_standby_at_once(void **state)
{
    model_time start = k.now.steady;

    (void)state;
    k.drains = false;
    facts_compromised(&k.f, 0, k.now);
    assert_true(kit_until(&k, PLAN_SWITCH, MIN));
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, 1);
    assert_true(kit_until(&k, PLAN_WITHDRAW, HOUR)); /* drained or not: after 5 minutes */
    assert_int_equal(k.last.mask, 1);
    assert_in_range(k.now.steady - start, 5 * MIN, 11 * MIN);
    k.drains = true;
    assert_true(kit_until(&k, PLAN_SHRED, 3 * DAY));
    assert_int_equal(k.last.key, 0);
}

static void a_compromised_key_is_dropped_when_drained(void **state)
{
    model_time start = k.now.steady;

    (void)state;
    facts_compromised(&k.f, 0, k.now);
    assert_true(kit_until(&k, PLAN_WITHDRAW, 4 * MIN));
    assert_in_range(k.now.steady - start, 0, 2 * MIN);
}

static void a_compromised_host_loses_its_standby_too(void **state)
{
    (void)state;
    facts_compromised(&k.f, MODEL_NONE, k.now);
    k.human = true; /* some senders defer, for so long as their caches live */
    assert_true(kit_until(&k, PLAN_PUBLISH, 11 * MIN));
    assert_int_equal(k.last.mask, 4);
    assert_true(kit_until(&k, PLAN_SWITCH, MIN)); /* together */
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, 2);
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.zones[0].primary & 3, 0);
    assert_int_equal(k.n.shred, 2);
}

/* A standby that was published in time is waited for: the emergency is for when there is none. */
static void a_standby_on_its_way_is_no_emergency(void **state)
{
    struct plan_action act;
    int chain;

    (void)state;
    k.zones[0].servers[1].holds = 1;
    k.zones[0].servers[1].lags = true;
    kit_observe(&k, 0);
    facts_compromised(&k.f, 0, k.now);
    chain = kit_chain(&k, 1);
    act = kit_switch_to(&k, chain);
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_UNSEEN);
    kit_run(&k, DAY);
    assert_int_equal(k.n.switched, 0);
    assert_int_equal(outlook().reason, PLAN_R_UNSEEN);
}

/* Safety for itself: a key made since does not overtake a good standby; nor is one that was made
 * before the compromise an emergency key. */
static void only_a_key_made_since_is_an_emergency_key(void **state)
{
    struct plan_action act;
    int chain, key;

    (void)state;
    facts_compromised(&k.f, 0, k.now);
    kit_pass(&k, MIN);
    key = kit_key(&k, 0);
    facts_publish_intent(&k.f, 0, k.f.keys[key].recs, k.now);
    chain = kit_chain(&k, key);
    act = kit_switch_to(&k, chain);
    kit_observe(&k, 0);
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_UNSEEN);
    k.f.keys[1].compromised = true;
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK);
    k.f.keys[key].made = k.f.compromised_at - 1;
    k.f.keys[key].refused = true; /* so that it is no standby either */
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_UNSEEN);
}

/* ---- the CA refuses, state restored, servers lame, too many records ---- */

/* Row 16 */
static void a_key_that_the_ca_refuses_is_followed_by_the_standby(void **state)
{
    (void)state;
    k.f.keys[0].refused = true;
    kit_run(&k, 60 * DAY);
    assert_int_equal(k.n.switched, 1);
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, 1);
    serving(state);
    k.f.keys[1].refused = true; /* the standby: another takes its place */
    kit_run(&k, 60 * DAY);
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, 2);
}

/* Row 42: an old state and an old chain file; DNS knows a later key, and it is on disk. */
static void restore(void)
{
    facts_new_epoch(&k.f);
    k.now.epoch = k.f.epoch;
    facts_freeze(&k.f, MODEL_F_RESTORED);
    human(2);
}

static void a_restored_state_puts_back_what_is_served(void **state)
{
    (void)state;
    restore();
    kit_run(&k, HOUR);
    assert_int_equal(k.zones[0].primary, 3);
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.n.switched, 0);
    assert_int_equal(k.f.frozen, MODEL_F_RESTORED);
}

static void a_restored_state_finds_the_key_that_dns_knows(void **state)
{
    (void)state;
    restore();
    k.zones[0].lying = true; /* the served record cannot be put back */
    kit_run(&k, 2 * DAY);
    assert_int_equal(k.n.switched, 0); /* what caches held before is not known */
    kit_run(&k, 5 * DAY);
    assert_int_equal(k.n.switched, 1);
    assert_int_equal(k.f.chains[k.f.algs[0].current].key, 1);
    assert_int_equal(k.f.frozen, MODEL_F_RESTORED); /* the operator resumes */
}

static void a_restored_state_without_such_a_key_stays_frozen(void **state)
{
    (void)state;
    facts_freeze(&k.f, MODEL_F_RESTORED);
    k.f.owners[0].readds[0] = k.f.owners[0].readds[1] = 2;
    human(MODEL_BIT(kit_rec(&k, C311, false)));
    kit_run(&k, 20 * DAY);
    assert_int_equal(k.n.switched, 0);
    assert_int_equal(k.n.publish, 0);
    assert_true((k.f.frozen & MODEL_F_RESTORED) != 0);
}

/* Row 28 */
static void a_lame_server_freezes_until_it_answers(void **state)
{
    (void)state;
    k.zones[0].servers[1].says = KIT_CONTRADICTS;
    kit_run(&k, 50 * MIN);
    assert_int_equal(k.f.frozen, 0); /* SERVFAIL for a moment is none */
    kit_run(&k, HOUR);
    assert_int_equal(k.f.frozen, MODEL_F_LAME);
    assert_int_equal(k.n.freeze, 1);
    k.zones[0].servers[1].says = KIT_SERVES;
    kit_run(&k, HOUR);
    assert_int_equal(k.f.frozen, 0);
}

/* Row 32 */
static void too_many_records_freeze(void **state)
{
    model_mask all = 3;

    (void)state;
    for (int i = 0; i < 11; i++)
        all |= MODEL_BIT(kit_rec(&k, C311, false));
    human(all);
    kit_run(&k, HOUR);
    assert_int_equal(k.f.frozen, MODEL_F_SIZE);
    human(3);
    kit_run(&k, HOUR);
    assert_int_equal(k.f.frozen, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, serving)
    const struct CMUnitTest tests[] = {
        T(an_rrset_gone_everywhere_is_never_put_back),
        T(a_freeze_for_deletion_clears_when_the_records_are_back),
        T(one_record_gone_is_put_back_and_the_third_time_not),
        T(a_served_record_gone_leads_to_the_standby),
        T(a_served_record_gone_leads_to_the_standby_though_frozen),
        T(a_record_that_a_human_adds_is_kept),
        T(a_compromised_key_gives_way_to_the_standby_at_once),
        T(a_compromised_key_is_dropped_when_drained),
        T(a_compromised_host_loses_its_standby_too),
        T(a_standby_on_its_way_is_no_emergency),
        T(only_a_key_made_since_is_an_emergency_key),
        T(a_key_that_the_ca_refuses_is_followed_by_the_standby),
        T(a_restored_state_puts_back_what_is_served),
        T(a_restored_state_finds_the_key_that_dns_knows),
        T(a_restored_state_without_such_a_key_stays_frozen),
        T(a_lame_server_freezes_until_it_answers),
        T(too_many_records_freeze),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
