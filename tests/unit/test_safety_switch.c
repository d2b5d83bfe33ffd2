/* SPDX-License-Identifier: BSD-2-Clause */
/* SWITCH: safety.md section 1, "promote" of section 2, algorithms and owners of section 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

static struct kit k;
static int chain_a, chain_b, rec_a, rec_b;

static int ready_kit(void **state)
{
    (void)state;
    kit_ready(&k);
    chain_a = k.a;
    chain_b = k.b;
    rec_a = k.rec_a;
    rec_b = k.rec_b;
    return 0;
}

static enum safety_no to(int chain)
{
    struct plan_action act = kit_switch_to(&k, chain);

    return kit_judge(&k, &act);
}

/* A new certificate for the served key. */
static int same_key(void)
{
    return kit_chain(&k, k.f.chains[chain_a].key);
}

/* Everything that can stand against a switch, each alone: the ready switch to another key is
 * refused with this reason, the renewal that keeps the key goes through. */
enum obstacle {
    NOTHING,
    FROZEN,
    FROZEN_DNSSEC,
    POSTFIX_DOWN,
    NEVER_OBSERVED,
    A_SECOND_AGO,
    ONE_SILENT,
    ONE_LAGS,
    ONE_FLAPPED,
    ALL_BOGUS,
    RRSET_GONE,
    REBOOTED,
    SIGNATURE_ENDS,
    UNKNOWN_COMBINATION,
    LOST_COMBINATION,
    NO_SERVER,
    OBSTACLES
};

/* What the servers do. */
static void obstruct_dns(enum obstacle what)
{
    struct kit_server *s = k.zones[0].servers;

    switch (what) {
    case ONE_SILENT:
        s[1].says = KIT_SILENT;
        kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        break;
    case ONE_LAGS:
        s[1].holds = MODEL_BIT(rec_a);
        kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        break;
    case ONE_FLAPPED:
        s[1].holds = MODEL_BIT(rec_a);
        kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        s[1].holds |= MODEL_BIT(rec_b);
        kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        break;
    case ALL_BOGUS:
        s[0].says = s[1].says = KIT_CONTRADICTS;
        kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        break;
    case RRSET_GONE:
        s[0].holds = s[1].holds = 0;
        kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        break;
    case REBOOTED:
        facts_new_epoch(&k.f);
        k.now.epoch = k.f.epoch;
        kit_observe(&k, 0);
        break;
    case SIGNATURE_ENDS:
        k.f.owners[0].addrs[0].sig_until = k.now.wall + MIN;
        break;
    case UNKNOWN_COMBINATION:
        s[0].holds |= MODEL_BIT(kit_rec(&k, C312, false));
        kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        break;
    case LOST_COMBINATION:
        k.f.owners[0].seen_lost = k.now.steady;
        break;
    case NO_SERVER:
        k.zones[0].n_servers = 0;
        memset(k.f.owners[0].addrs, 0, sizeof(k.f.owners[0].addrs));
        kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        break;
    default:
        break;
    }
}

static void obstruct(enum obstacle what)
{
    switch (what) {
    case FROZEN:
        k.f.frozen = MODEL_F_OPERATOR;
        break;
    case FROZEN_DNSSEC:
        k.f.frozen = MODEL_F_DNSSEC | MODEL_F_DELETED | MODEL_F_LAME;
        break;
    case POSTFIX_DOWN:
        k.f.postfix_up = false;
        break;
    case NEVER_OBSERVED:
        memset(k.f.owners[0].addrs, 0, sizeof(k.f.owners[0].addrs));
        k.f.owners[0].round_end = MODEL_NEVER;
        break;
    case A_SECOND_AGO:
        kit_pass(&k, SEC + 1);
        break;
    default:
        obstruct_dns(what);
        break;
    }
}

static void a_same_key_renewal_goes_through_whatever_is_wrong(void **state)
{
    static const enum safety_no expected[OBSTACLES] = {
        [NOTHING] = SAFETY_OK,
        [FROZEN] = SAFETY_NO_FROZEN,
        [FROZEN_DNSSEC] = SAFETY_NO_FROZEN,
        [POSTFIX_DOWN] = SAFETY_NO_POSTFIX,
        [NEVER_OBSERVED] = SAFETY_NO_UNSEEN,
        [A_SECOND_AGO] = SAFETY_NO_STALE_FACTS,
        [ONE_SILENT] = SAFETY_NO_STALE_FACTS,
        [ONE_LAGS] = SAFETY_NO_UNSEEN,
        [ONE_FLAPPED] = SAFETY_NO_WAIT,
        [ALL_BOGUS] = SAFETY_NO_UNSEEN,
        [RRSET_GONE] = SAFETY_NO_UNSEEN,
        [REBOOTED] = SAFETY_NO_WAIT,
        [SIGNATURE_ENDS] = SAFETY_NO_SIGNATURE,
        [UNKNOWN_COMBINATION] = SAFETY_NO_COMBINATION,
        [LOST_COMBINATION] = SAFETY_NO_COMBINATION,
        [NO_SERVER] = SAFETY_NO_UNSEEN,
    };

    for (int what = 0; what < OBSTACLES; what++) {
        enum safety_no got;

        (void)ready_kit(state);
        obstruct((enum obstacle)what);
        got = to(chain_b);
        if (got != expected[what])
            fail_msg("obstacle %d: %s", what, safety_text(got));
        got = to(same_key());
        if (got != SAFETY_OK)
            fail_msg("same key, obstacle %d: %s", what, safety_text(got));
    }
}

/* The same renewal in every phase of a rollover. */
static void a_same_key_renewal_is_legal_in_every_phase(void **state)
{
    (void)ready_kit(state);
    for (int i = 0; i < 4; i++) {
        int again = same_key();

        assert_int_equal(to(again), SAFETY_OK);
        if (i == 1)
            kit_install(&k, again); /* in probation */
        if (i == 2)
            facts_wrong(&k.f, k.f.algs[0].current, k.now);
        chain_a = k.f.algs[0].current;
    }
    /* B in probation: renewing A is then a key switch, renewing B is not */
    (void)ready_kit(state);
    kit_install(&k, chain_b);
    assert_int_equal(to(kit_chain(&k, k.f.chains[chain_b].key)), SAFETY_OK);
    k.f.frozen = MODEL_F_OPERATOR;
    assert_int_equal(to(kit_chain(&k, k.f.chains[chain_b].key)), SAFETY_OK);
    assert_int_equal(to(kit_chain(&k, k.f.chains[chain_a].key)), SAFETY_NO_FROZEN);
}

/* Where 3 0 x or usage 2 is published, nothing is known before a server has answered once. */
static void the_key_alone_does_not_speak_for_certificates(void **state)
{
    (void)ready_kit(state);
    k.p.combos[1] = C301;
    k.p.n_combos = 2;
    obstruct(NEVER_OBSERVED);
    assert_int_not_equal(to(same_key()), SAFETY_OK);
}

static void each_combination_needs_a_record_of_its_own(void **state)
{
    (void)state;
    kit_init(&k);
    k.p.combos[1] = C312;
    k.p.n_combos = 2;
    chain_a = kit_serving(&k, 0);
    kit_publish(&k, 0, k.f.chains[chain_a].matches);
    kit_observe(&k, 0);
    chain_b = kit_chain(&k, kit_key(&k, 0));
    /* a right 3 1 1 beside a wrong 3 1 2 fails with real senders */
    kit_publish(&k, 0, MODEL_BIT(kit_lowest(k.f.chains[chain_b].matches)));
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(to(chain_b), SAFETY_NO_UNSEEN);
    kit_publish(&k, 0, k.f.chains[chain_b].matches);
    kit_watch(&k, 0, 30 * MIN, 30 * MIN);
    assert_int_equal(to(chain_b), SAFETY_NO_WAIT);
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(to(chain_b), SAFETY_OK);
}

static void a_combination_that_nobody_matched_when_we_came_never_blocks(void **state)
{
    (void)state;
    kit_init(&k);
    k.zones[0].servers[0].holds = MODEL_BIT(kit_rec(&k, C111, false)); /* a stray 1 1 1 */
    k.zones[0].servers[0].holds |= MODEL_BIT(kit_rec(&k, C211, false));
    k.zones[0].primary = k.zones[0].servers[1].holds = k.zones[0].servers[0].holds;
    chain_a = kit_serving(&k, 0);
    kit_observe(&k, 0);
    kit_publish(&k, 0, k.f.chains[chain_a].matches);
    chain_b = kit_chain(&k, kit_key(&k, 0));
    kit_publish(&k, 0, k.f.chains[chain_b].matches);
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(to(chain_b), SAFETY_OK);
}

/* A combination that left the RRset is in caches for E; then it no longer counts. */
static void a_combination_counts_until_it_has_left_every_cache(void **state)
{
    int gone;

    (void)ready_kit(state);
    gone = kit_rec(&k, C312, false);
    k.zones[0].servers[1].holds |= MODEL_BIT(gone);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    k.zones[0].servers[1].holds &= ~MODEL_BIT(gone);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    kit_watch(&k, 0, DAY + 20 * MIN - 1, 30 * MIN);
    assert_int_equal(to(chain_b), SAFETY_NO_COMBINATION);
    kit_watch(&k, 0, 1, 1);
    assert_int_equal(to(chain_b), SAFETY_OK);
}

static void the_wait_is_not_one_millisecond_shorter(void **state)
{
    struct safety_verdict why;
    struct plan_action act;

    (void)ready_kit(state);
    chain_b = kit_chain(&k, kit_key(&k, 0));
    kit_publish(&k, 0, k.f.chains[chain_b].matches);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    kit_watch(&k, 0, 2 * HOUR + 20 * MIN - 1, 5 * MIN);
    act = kit_switch_to(&k, chain_b);
    assert_false(safety_allows(&k.f, &k.p, &act, k.now, &why));
    assert_int_equal(why.no, SAFETY_NO_WAIT);
    assert_int_equal(why.left, 1);
    assert_int_equal(why.owner, 0);
    assert_int_equal(why.rec, kit_lowest(k.f.chains[chain_b].matches));
    kit_watch(&k, 0, 1, 1);
    assert_int_equal(to(chain_b), SAFETY_OK);
}

static void every_owner_must_satisfy_the_rule(void **state)
{
    struct safety_verdict why;
    struct plan_action act;

    (void)ready_kit(state);
    (void)facts_owner(&k.f, 1); /* a second name, or the other side of a CNAME */
    k.zones[1] = k.zones[0];
    k.zones[1].servers[0].holds = k.zones[1].servers[1].holds = MODEL_BIT(rec_a);
    kit_observe(&k, 1);
    act = kit_switch_to(&k, chain_b);
    assert_false(safety_allows(&k.f, &k.p, &act, k.now, &why));
    assert_int_equal(why.no, SAFETY_NO_UNSEEN);
    assert_int_equal(why.owner, 1);
    k.zones[1].servers[0].holds = k.zones[1].servers[1].holds = MODEL_BIT(rec_a) | MODEL_BIT(rec_b);
    for (int i = 0; i < 200; i++) {
        kit_watch(&k, 0, 30 * MIN, 30 * MIN);
        kit_observe(&k, 1);
    }
    assert_int_equal(to(chain_b), SAFETY_OK);
}

static void algorithms_are_judged_each_for_itself(void **state)
{
    struct plan_action both;
    int rsa, rsa_a, rsa_b;

    (void)ready_kit(state);
    rsa = facts_alg(&k.f, 2, true);
    rsa_a = kit_serving(&k, rsa);
    kit_publish(&k, 0, k.f.chains[rsa_a].matches);
    rsa_b = kit_chain(&k, kit_key(&k, rsa));
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(to(chain_b), SAFETY_OK);
    assert_int_equal(to(rsa_b), SAFETY_NO_UNSEEN);
    both = kit_switch_to(&k, chain_b);
    both.chains[rsa] = (int8_t)rsa_b;
    assert_int_equal(kit_judge(&k, &both), SAFETY_NO_UNSEEN);
    kit_publish(&k, 0, k.f.chains[rsa_b].matches);
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(kit_judge(&k, &both), SAFETY_OK);
}

/* RSA + ECDSA: add the record before enabling. */
static void an_algorithm_is_enabled_only_with_its_record_in_every_cache(void **state)
{
    int rsa, chain;

    (void)ready_kit(state);
    rsa = facts_alg(&k.f, 2, true);
    chain = kit_chain(&k, kit_key(&k, rsa));
    assert_int_equal(to(chain), SAFETY_NO_UNSEEN);
    kit_publish(&k, 0, k.f.chains[chain].matches);
    kit_watch(&k, 0, 30 * MIN, 30 * MIN);
    assert_int_equal(to(chain), SAFETY_NO_WAIT);
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(to(chain), SAFETY_OK);
}

static void an_algorithm_is_disabled_only_while_another_is_served(void **state)
{
    struct plan_action drop;
    int rsa;

    (void)ready_kit(state);
    drop = kit_action(&k, PLAN_SWITCH);
    drop.chains[0] = MODEL_NONE;
    assert_int_equal(kit_judge(&k, &drop), SAFETY_NO_SERVABLE);
    rsa = facts_alg(&k.f, 2, true);
    drop.chains[rsa] = (int8_t)kit_serving(&k, rsa);
    kit_publish(&k, 0, k.f.chains[drop.chains[rsa]].matches);
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(kit_judge(&k, &drop), SAFETY_OK);
    k.f.frozen = MODEL_F_CLOCK;
    assert_int_equal(kit_judge(&k, &drop), SAFETY_NO_FROZEN);
}

/* Senders that were served the one that goes get the one that stays: in every combination that
 * matches the former, ignored for the latter or not. */
static void what_stays_takes_over_from_what_leaves(void **state)
{
    struct plan_action drop;
    int rsa;

    (void)ready_kit(state);
    rsa = facts_alg(&k.f, 2, true);
    drop = kit_action(&k, PLAN_SWITCH);
    drop.chains[0] = MODEL_NONE;
    drop.chains[rsa] = (int8_t)kit_serving(&k, rsa);
    k.f.owners[0].seen[0].ignored = (uint8_t)(1u << rsa);
    assert_int_equal(kit_judge(&k, &drop), SAFETY_NO_UNSEEN);
    kit_publish(&k, 0, k.f.chains[drop.chains[rsa]].matches);
    kit_watch(&k, 0, 30 * MIN, 30 * MIN);
    assert_int_equal(kit_judge(&k, &drop), SAFETY_NO_WAIT);
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(kit_judge(&k, &drop), SAFETY_OK);
    kit_pass(&k, SEC + 1);
    assert_int_equal(kit_judge(&k, &drop), SAFETY_NO_STALE_FACTS);
}

static void chains_that_may_never_be_served(void **state)
{
    (void)ready_kit(state);
    k.f.chains[chain_b].durable = false;
    assert_int_equal(to(chain_b), SAFETY_NO_NOT_DURABLE);
    (void)ready_kit(state);
    k.f.chains[chain_b].rejected = true;
    assert_int_equal(to(chain_b), SAFETY_NO_KEY);
    (void)ready_kit(state);
    k.f.keys[k.f.chains[chain_b].key].on_disk = false;
    assert_int_equal(to(chain_b), SAFETY_NO_KEY);
    (void)ready_kit(state);
    k.f.keys[k.f.chains[chain_b].key].compromised = true;
    assert_int_equal(to(chain_b), SAFETY_NO_KEY);
    (void)ready_kit(state);
    k.f.chains[chain_b].held = true;
    assert_int_equal(to(chain_b), SAFETY_NO_COMBINATION);
    (void)ready_kit(state);
    assert_int_equal(to(chain_a), SAFETY_NO_NONSENSE); /* no change */
    k.f.adopted = false;
    assert_int_equal(to(chain_b), SAFETY_NO_STALE_FACTS);
}

static void an_unresolved_switch_comes_first(void **state)
{
    struct plan_action act;

    (void)ready_kit(state);
    act = kit_switch_to(&k, chain_b);
    facts_switch_intent(&k.f, act.chains);
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK); /* the very same */
    assert_int_equal(to(same_key()), SAFETY_NO_NOT_DURABLE);
}

/* Nothing in caches: true of an owner that was watched for a whole E, not of one just met. */
static void an_empty_owner_counts_as_empty_after_e(void **state)
{
    model_time wait;

    (void)state;
    kit_init(&k);
    chain_a = kit_serving(&k, 0);
    chain_b = kit_chain(&k, kit_key(&k, 0));
    assert_int_equal(to(chain_b), SAFETY_NO_WAIT);
    kit_observe(&k, 0);
    assert_int_equal(to(chain_b), SAFETY_NO_WAIT);
    wait = phase_wait(&k.f.owners[0], &k.p, true, k.now);
    assert_int_equal(wait, 2 * DAY + 20 * MIN);
    kit_watch(&k, 0, 2 * DAY + 15 * MIN - 1, 30 * MIN);
    assert_int_equal(to(chain_b), SAFETY_NO_WAIT);
    kit_watch(&k, 0, 1, 1);
    assert_int_equal(to(chain_b), SAFETY_OK);
}

/* No TLS at all is served: it cannot get worse. */
static void a_first_chain_needs_no_evidence(void **state)
{
    (void)state;
    kit_init(&k);
    k.f.adopted = true;
    chain_a = kit_chain(&k, kit_key(&k, 0));
    assert_int_equal(to(chain_a), SAFETY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_same_key_renewal_goes_through_whatever_is_wrong),
        cmocka_unit_test(a_same_key_renewal_is_legal_in_every_phase),
        cmocka_unit_test(the_key_alone_does_not_speak_for_certificates),
        cmocka_unit_test(each_combination_needs_a_record_of_its_own),
        cmocka_unit_test(a_combination_that_nobody_matched_when_we_came_never_blocks),
        cmocka_unit_test(a_combination_counts_until_it_has_left_every_cache),
        cmocka_unit_test(the_wait_is_not_one_millisecond_shorter),
        cmocka_unit_test(every_owner_must_satisfy_the_rule),
        cmocka_unit_test(algorithms_are_judged_each_for_itself),
        cmocka_unit_test(an_algorithm_is_enabled_only_with_its_record_in_every_cache),
        cmocka_unit_test(an_algorithm_is_disabled_only_while_another_is_served),
        cmocka_unit_test(what_stays_takes_over_from_what_leaves),
        cmocka_unit_test(chains_that_may_never_be_served),
        cmocka_unit_test(an_unresolved_switch_comes_first),
        cmocka_unit_test(an_empty_owner_counts_as_empty_after_e),
        cmocka_unit_test(a_first_chain_needs_no_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
