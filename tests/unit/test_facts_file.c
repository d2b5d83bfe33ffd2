/* SPDX-License-Identifier: BSD-2-Clause */
/* Intents, the chain file, freezes, full tables and what is forgotten: safety.md sections 2-4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

static struct kit k;
static int rec;

/* One record at owner 0, published, shown by both servers at the present moment. */
static int fresh_kit(void **state)
{
    (void)state;
    kit_init(&k);
    rec = kit_rec(&k, C311, true);
    kit_publish(&k, 0, MODEL_BIT(rec));
    kit_observe(&k, 0);
    return 0;
}

static void intents_say_what_the_rrset_is_to_hold(void **state)
{
    const struct model_owner *o = &k.f.owners[0];
    int other = kit_rec(&k, C311, true), type = kit_rec(&k, C312, true);

    (void)state;
    assert_int_equal(o->want, MODEL_BIT(rec));
    assert_true(o->empty_before);
    assert_int_equal(o->late, 0); /* a first publication is not late */
    facts_publish_intent(&k.f, 0, MODEL_BIT(other) | MODEL_BIT(type), k.now);
    assert_int_equal(o->want, MODEL_BIT(rec) | MODEL_BIT(other) | MODEL_BIT(type));
    assert_int_equal(o->late, MODEL_BIT(type)); /* a change of type */
    facts_withdraw_intent(&k.f, 0, MODEL_BIT(rec));
    assert_int_equal(o->want, MODEL_BIT(other) | MODEL_BIT(type));
    assert_int_equal(o->drop, MODEL_BIT(rec));
    assert_int_equal(o->ever, MODEL_BIT(rec) | MODEL_BIT(other) | MODEL_BIT(type));
}

/* Late: published when the switch that needs it was wanted already. */
static void what_is_late(void **state)
{
    const struct model_owner *o = &k.f.owners[0];
    int a, key, cert;

    (void)state;
    kit_init(&k);
    a = kit_serving(&k, 0);
    kit_observe(&k, 0);
    kit_publish(&k, 0, k.f.chains[a].matches);
    key = kit_key(&k, 0);
    facts_publish_intent(&k.f, 0, k.f.keys[key].recs, k.now);
    kit_observe(&k, 0);
    assert_int_equal(o->late, 0); /* a standby, in time */
    facts_roll(&k.f);
    kit_observe(&k, 0);
    assert_int_equal(o->late, k.f.keys[key].recs); /* wanted before a server showed it */
    cert = kit_rec(&k, C301, true);
    (void)kit_rec(&k, C301, true);
    facts_publish_intent(&k.f, 0, MODEL_BIT(cert), k.now);
    assert_true((o->late & MODEL_BIT(cert)) != 0);
    cert = kit_rec(&k, C301, true); /* the type is known by now; it is made by a certificate */
    facts_publish_intent(&k.f, 0, MODEL_BIT(cert), k.now);
    assert_true((o->late & MODEL_BIT(cert)) != 0);
}

static void a_standby_that_was_shown_before_the_roll_is_not_late(void **state)
{
    int a, key;

    (void)state;
    kit_init(&k);
    a = kit_serving(&k, 0);
    kit_observe(&k, 0);
    kit_publish(&k, 0, k.f.chains[a].matches);
    key = kit_key(&k, 0);
    kit_publish(&k, 0, k.f.keys[key].recs);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    facts_roll(&k.f);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(k.f.owners[0].late, 0);
}

/* An answer of one lagging server, or none at all, made the baseline: it mends itself. */
static void an_ignored_combination_that_turns_out_to_match_counts(void **state)
{
    int a;

    (void)state;
    kit_init(&k);
    a = kit_serving(&k, 0);
    k.zones[0].servers[0].holds = MODEL_BIT(kit_rec(&k, C311, false));
    kit_observe(&k, 0);
    assert_int_not_equal(k.f.owners[0].seen[0].ignored, 0);
    k.zones[0].servers[1].holds = k.f.chains[a].matches;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(k.f.owners[0].seen[0].ignored, 0);
}

static void putting_back_is_counted(void **state)
{
    struct kit_zone *z = &k.zones[0];
    const struct model_owner *o = &k.f.owners[0];

    (void)state;
    assert_int_equal(o->shown, MODEL_BIT(rec));
    facts_publish_intent(&k.f, 0, MODEL_BIT(rec), k.now); /* there: nothing was put back */
    assert_int_equal(o->readds[rec], 0);
    z->servers[0].holds = z->servers[1].holds = z->primary = 0;
    kit_observe(&k, 0);
    facts_publish_intent(&k.f, 0, MODEL_BIT(rec), k.now);
    assert_int_equal(o->readds[rec], 1);
    facts_publish_intent(&k.f, 0, MODEL_BIT(rec), k.now); /* a retry is not another deletion */
    assert_int_equal(o->readds[rec], 1);
    facts_resume(&k.f, MODEL_F_DELETED);
    assert_int_equal(o->readds[rec], 0);
}

static void the_rename_is_the_switch(void **state)
{
    int8_t chains[MODEL_MAX_ALGS];
    int a, b;

    (void)state;
    kit_init(&k);
    a = kit_serving(&k, 0);
    b = kit_chain(&k, kit_key(&k, 0));
    kit_pass(&k, MIN);
    memset(chains, MODEL_NONE, sizeof(chains));
    chains[0] = (int8_t)b;
    facts_switch_intent(&k.f, chains);
    assert_int_equal(k.f.algs[0].pending, b); /* both count as servable now */
    assert_int_equal(phase_servable(&k.f), 1u << a | 1u << b);
    assert_int_equal(k.f.algs[0].current, a);
    facts_file_holds(&k.f, chains, false, k.now);
    assert_int_equal(k.f.algs[0].current, b);
    assert_int_equal(k.f.algs[0].previous, a);
    assert_int_equal(k.f.algs[0].pending, MODEL_NONE);
    assert_int_equal(k.f.chains[b].installed, k.now.steady);
    assert_int_equal(k.f.chains[a].left, k.now.steady);
    assert_false(phase_drained(&k.f, 0));
    facts_drained(&k.f, a, k.now);
    assert_true(phase_drained(&k.f, 0));
    assert_int_equal(phase_servable(&k.f), 1u << a | 1u << b); /* a rollback would restore it */
    facts_committed(&k.f, 0, k.now);
    assert_int_equal(phase_servable(&k.f), 1u << b);
    assert_true(k.f.keys[k.f.chains[a].key].retired);
    assert_false(k.f.keys[k.f.chains[b].key].retired);
}

/* Whatever asks for it: a key that a process may serve does not retire. */
static void a_key_that_is_still_served_does_not_retire(void **state)
{
    int a, b;

    (void)state;
    kit_init(&k);
    a = kit_serving(&k, 0);
    b = kit_chain(&k, kit_key(&k, 0));
    kit_install(&k, b);
    facts_committed(&k.f, 0, k.now); /* A has not drained */
    assert_false(k.f.keys[k.f.chains[a].key].retired);
}

/* A crash between intent and rename: the file decides, in either direction. */
static void a_crash_in_the_switch_is_resolved_by_the_file(void **state)
{
    for (int renamed = 0; renamed < 2; renamed++) {
        int8_t to[MODEL_MAX_ALGS], file[MODEL_MAX_ALGS];
        int a, b;

        (void)state;
        kit_init(&k);
        a = kit_serving(&k, 0);
        b = kit_chain(&k, kit_key(&k, 0));
        memset(to, MODEL_NONE, sizeof(to));
        memset(file, MODEL_NONE, sizeof(file));
        to[0] = (int8_t)b;
        file[0] = (int8_t)(renamed ? b : a);
        facts_switch_intent(&k.f, to);
        facts_file_holds(&k.f, file, false, k.now);
        assert_int_equal(k.f.algs[0].current, renamed ? b : a);
        assert_int_equal(k.f.algs[0].pending, MODEL_NONE);
        assert_int_equal(k.f.chains[a].left, renamed ? k.now.steady : MODEL_NEVER);
    }
}

static void a_chain_that_was_wrong_is_never_restored(void **state)
{
    for (int flagged = 0; flagged < 2; flagged++) {
        int8_t chains[MODEL_MAX_ALGS];
        int a, b;

        (void)state;
        kit_init(&k);
        a = kit_serving(&k, 0);
        b = kit_chain(&k, kit_key(&k, 0));
        memset(chains, MODEL_NONE, sizeof(chains));
        chains[0] = (int8_t)b;
        facts_file_holds(&k.f, chains, false, k.now);
        facts_wrong(&k.f, b, k.now);
        chains[0] = (int8_t)a;
        facts_file_holds(&k.f, chains, flagged, k.now); /* or read after a crash: the same */
        assert_int_equal(k.f.algs[0].current, a);
        assert_int_equal(k.f.algs[0].previous, MODEL_NONE);
        assert_true(k.f.chains[b].rejected);
        assert_false(k.f.keys[k.f.chains[b].key].retired);
        facts_drained(&k.f, b, k.now);
        facts_committed(&k.f, 0, k.now);
        assert_false(k.f.keys[k.f.chains[b].key].retired); /* still the standby */
    }
}

static void a_roll_is_done_when_the_key_of_each_algorithm_has_changed(void **state)
{
    int8_t chains[MODEL_MAX_ALGS];
    int rsa, c0, c1;

    (void)state;
    kit_init(&k);
    rsa = facts_alg(&k.f, 2, true);
    (void)kit_serving(&k, 0);
    (void)kit_serving(&k, rsa);
    c0 = kit_chain(&k, kit_key(&k, 0));
    c1 = kit_chain(&k, kit_key(&k, rsa));
    memset(chains, MODEL_NONE, sizeof(chains));
    chains[0] = (int8_t)c0;
    chains[rsa] = k.f.algs[rsa].current;
    k.f.roll_now = true; /* as set by hand: every algorithm is meant */
    facts_file_holds(&k.f, chains, false, k.now);
    assert_true(k.f.roll_now);
    assert_false(k.f.algs[0].roll);
    assert_true(k.f.algs[rsa].roll);
    chains[rsa] = (int8_t)c1;
    facts_file_holds(&k.f, chains, false, k.now);
    assert_false(k.f.roll_now);
}

static void freezes_clear_by_themselves_but_for_the_sticky_ones(void **state)
{
    static const uint32_t sticky[] = {MODEL_F_ACCOUNT, MODEL_F_RESTORED, MODEL_F_ELSEWHERE,
                                      MODEL_F_OPERATOR};

    (void)state;
    for (unsigned bit = 0; bit < 14; bit++) {
        bool stays = false;

        for (size_t i = 0; i < 4; i++)
            stays = stays || sticky[i] == 1u << bit;
        facts_freeze(&k.f, 1u << bit);
        facts_thaw(&k.f, 1u << bit);
        assert_int_equal(k.f.frozen, stays ? 1u << bit : 0);
        facts_resume(&k.f, 1u << bit);
        assert_int_equal(k.f.frozen, 0);
    }
}

static void full_tables_are_reported_and_change_nothing(void **state)
{
    struct model_chain chain = {.key = 0, .durable = true};
    uint8_t id[MODEL_ID_LEN] = {0xee}, spki[MODEL_ID_LEN] = {0xee};
    int n;

    (void)state;
    kit_init(&k);
    for (n = 0; n < MODEL_MAX_RECS; n++)
        (void)kit_rec(&k, C311, true);
    assert_int_equal(facts_rec(&k.f, C311, id), MODEL_NONE);
    for (n = 0; n < MODEL_MAX_KEYS; n++) {
        spki[1] = (uint8_t)n;
        assert_int_equal(facts_key_made(&k.f, 0, spki, 0, false, k.now), n);
    }
    assert_int_equal(facts_key_made(&k.f, 0, spki, 0, false, k.now), MODEL_MAX_KEYS - 1);
    spki[1] = 0xff;
    assert_int_equal(facts_key_made(&k.f, 0, spki, 0, false, k.now), MODEL_NONE);
    assert_int_equal(facts_key_made(&k.f, -1, spki, 0, false, k.now), MODEL_NONE);
    for (n = 0; n < MODEL_MAX_CHAINS; n++)
        assert_int_equal(facts_chain_obtained(&k.f, &chain, k.now), n);
    assert_int_equal(facts_chain_obtained(&k.f, &chain, k.now), MODEL_NONE);
    assert_int_equal(facts_owner(&k.f, MODEL_MAX_OWNERS), MODEL_NONE);
    for (n = 1; n < MODEL_MAX_ALGS; n++)
        assert_int_equal(facts_alg(&k.f, (uint8_t)(n + 1), true), n);
    assert_int_equal(facts_alg(&k.f, 99, true), MODEL_NONE);
}

/* Nothing is forgotten while a cache may hold it. */
static void a_sweep_forgets_only_what_no_cache_holds(void **state)
{
    model_time gone;

    (void)state;
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    facts_withdraw_intent(&k.f, 0, MODEL_BIT(rec));
    k.zones[0].servers[0].holds = k.zones[0].servers[1].holds = 0;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    gone = phase_gone_left(&k.f.owners[0], &k.p, rec, k.now, NULL);
    assert_int_equal(gone, DAY + 20 * MIN); /* E (the floor) + delta */
    kit_watch(&k, 0, gone - 1, 30 * MIN);
    facts_sweep(&k.f, &k.p, k.now);
    assert_true(k.f.recs[rec].used);
    kit_watch(&k, 0, 1, 1);
    facts_sweep(&k.f, &k.p, k.now);
    assert_false(k.f.recs[rec].used);
    assert_int_equal(k.f.owners[0].ever | k.f.owners[0].drop, 0);
}

static void a_sweep_keeps_departed_servers_until_their_answers_have_died(void **state)
{
    model_time wait;

    (void)state;
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    k.zones[0].servers[1].in_set = false;
    kit_watch(&k, 0, DAY + MIN, 30 * MIN);
    wait = phase_wait(&k.f.owners[0], &k.p, true, k.now);
    kit_watch(&k, 0, k.f.owners[0].addrs[1].asked_until + wait - k.now.steady, 30 * MIN);
    facts_sweep(&k.f, &k.p, k.now);
    assert_true(k.f.owners[0].addrs[1].used);
    kit_watch(&k, 0, 1, 1);
    facts_sweep(&k.f, &k.p, k.now);
    assert_false(k.f.owners[0].addrs[1].used);
    assert_true(k.f.owners[0].addrs[0].used);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, fresh_kit)
    const struct CMUnitTest tests[] = {
        T(intents_say_what_the_rrset_is_to_hold),
        T(what_is_late),
        T(a_standby_that_was_shown_before_the_roll_is_not_late),
        T(an_ignored_combination_that_turns_out_to_match_counts),
        T(putting_back_is_counted),
        T(the_rename_is_the_switch),
        T(a_key_that_is_still_served_does_not_retire),
        T(a_crash_in_the_switch_is_resolved_by_the_file),
        T(a_chain_that_was_wrong_is_never_restored),
        T(a_roll_is_done_when_the_key_of_each_algorithm_has_changed),
        T(freezes_clear_by_themselves_but_for_the_sticky_ones),
        T(full_tables_are_reported_and_change_nothing),
        T(a_sweep_forgets_only_what_no_cache_holds),
        T(a_sweep_keeps_departed_servers_until_their_answers_have_died),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
