/* SPDX-License-Identifier: BSD-2-Clause */
/* PUBLISH, WITHDRAW, SHRED, COMMIT, ISSUE: safety.md sections 1 to 3 and the invariants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

static struct kit k;

static int ready(void **state)
{
    (void)state;
    kit_ready(&k);
    return 0;
}

static enum safety_no dns(enum plan_verb verb, model_mask mask)
{
    struct plan_action act = kit_action(&k, verb);

    act.owner = 0;
    act.mask = mask;
    return kit_judge(&k, &act);
}

static enum safety_no on_key(enum plan_verb verb, int key)
{
    struct plan_action act = kit_action(&k, verb);

    act.key = key;
    return kit_judge(&k, &act);
}

static enum safety_no commit(void)
{
    struct plan_action act = kit_action(&k, PLAN_COMMIT);

    act.alg = 0;
    return kit_judge(&k, &act);
}

/* B is served, proven, nothing old is left, committed: A's record may go. */
static void rolled_over(void)
{
    kit_ready(&k);
    kit_install(&k, k.b);
    facts_attested(&k.f, k.b, k.now);
    facts_drained(&k.f, k.a, k.now);
    facts_committed(&k.f, 0, k.now);
}

/* ---- publish ---- */

static void a_first_publication_needs_every_algorithm_proven(void **state)
{
    int rsa, c0, c1;
    model_mask recs;

    (void)state;
    kit_init(&k);
    rsa = facts_alg(&k.f, 2, true);
    c0 = kit_serving(&k, 0);
    c1 = kit_serving(&k, rsa);
    recs = k.f.chains[c0].matches | k.f.chains[c1].matches;
    assert_int_equal(dns(PLAN_PUBLISH, recs), SAFETY_NO_STALE_FACTS); /* never looked */
    kit_observe(&k, 0);
    assert_int_equal(dns(PLAN_PUBLISH, recs), SAFETY_OK);
    k.f.chains[c1].attested = MODEL_NEVER;
    assert_int_equal(dns(PLAN_PUBLISH, recs), SAFETY_NO_UNATTESTED);
    /* where an RRset is there already, TLS is mandatory already */
    k.zones[0].servers[0].holds = k.zones[0].servers[1].holds = k.f.chains[c0].matches;
    kit_observe(&k, 0);
    assert_int_equal(dns(PLAN_PUBLISH, recs), SAFETY_OK);
}

static void a_first_publication_holds_a_record_of_every_servable_chain(void **state)
{
    int rsa, c0, c1, standby;

    (void)state;
    kit_init(&k);
    rsa = facts_alg(&k.f, 2, true);
    c0 = kit_serving(&k, 0);
    c1 = kit_serving(&k, rsa);
    standby = kit_key(&k, 0);
    kit_observe(&k, 0);
    assert_int_equal(dns(PLAN_PUBLISH, k.f.keys[standby].recs), SAFETY_NO_COMBINATION);
    assert_int_equal(dns(PLAN_PUBLISH, k.f.keys[standby].recs | k.f.chains[c0].matches),
                     SAFETY_NO_COMBINATION);
    assert_int_equal(
        dns(PLAN_PUBLISH, k.f.keys[standby].recs | k.f.chains[c0].matches | k.f.chains[c1].matches),
        SAFETY_OK);
}

/* The intent to publish A's record is durable, but the API lied: B's alone would be all. */
static void what_was_asked_for_is_not_there(void **state)
{
    int standby;

    (void)state;
    kit_init(&k);
    (void)kit_serving(&k, 0);
    standby = kit_key(&k, 0);
    kit_observe(&k, 0);
    facts_publish_intent(&k.f, 0, k.f.chains[k.f.algs[0].current].matches, k.now);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(dns(PLAN_PUBLISH, k.f.keys[standby].recs), SAFETY_NO_COMBINATION);
}

/* A right 3 1 1 beside a wrong 3 1 2: a new combination comes with a record for each chain that a
 * process may serve or a rollback restore. */
static void a_new_combination_comes_with_a_record_for_each_servable_chain(void **state)
{
    int b512, a512;

    (void)state;
    kit_ready(&k);
    b512 = kit_rec(&k, C312, true);
    k.f.chains[k.b].matches |= MODEL_BIT(b512);
    assert_int_equal(dns(PLAN_PUBLISH, MODEL_BIT(b512)), SAFETY_NO_COMBINATION);
    kit_install(&k, k.b); /* A is the rollback's target, and still drains */
    assert_int_equal(dns(PLAN_PUBLISH, MODEL_BIT(b512)), SAFETY_NO_COMBINATION);
    a512 = kit_rec(&k, C312, true);
    k.f.chains[k.a].matches |= MODEL_BIT(a512);
    assert_int_equal(dns(PLAN_PUBLISH, MODEL_BIT(b512) | MODEL_BIT(a512)), SAFETY_OK);
}

/* A combination that is there without a record for a chain gets no worse by another record. */
static void what_is_bare_already_does_not_stop_publishing(void **state)
{
    int c0, c1, rsa;

    (void)state;
    kit_init(&k);
    rsa = facts_alg(&k.f, 2, true);
    c0 = kit_serving(&k, 0);
    c1 = kit_serving(&k, rsa);
    k.zones[0].servers[0].holds = k.zones[0].servers[1].holds = MODEL_BIT(kit_rec(&k, C311, false));
    kit_observe(&k, 0);
    assert_int_equal(dns(PLAN_PUBLISH, k.f.chains[c0].matches), SAFETY_OK);
    assert_int_equal(dns(PLAN_PUBLISH, k.f.chains[c0].matches | k.f.chains[c1].matches), SAFETY_OK);
    k.zones[0].servers[1].holds = 0; /* one server holds nothing: there it would be new */
    kit_observe(&k, 0);
    assert_int_equal(dns(PLAN_PUBLISH, k.f.chains[c0].matches), SAFETY_NO_COMBINATION);
}

static void a_published_key_is_on_disk_and_alive(void **state)
{
    int key;
    model_mask recs;

    (void)state;
    kit_ready(&k);
    key = kit_key(&k, 0);
    recs = k.f.keys[key].recs;
    assert_int_equal(dns(PLAN_PUBLISH, recs), SAFETY_OK);
    k.f.keys[key].on_disk = false;
    assert_int_equal(dns(PLAN_PUBLISH, recs), SAFETY_NO_KEY);
    k.f.keys[key].on_disk = true;
    k.f.keys[key].compromised = true;
    assert_int_equal(dns(PLAN_PUBLISH, recs), SAFETY_NO_KEY);
    k.f.keys[key].compromised = false;
    k.f.keys[key].retired = true;
    assert_int_equal(dns(PLAN_PUBLISH, recs), SAFETY_NO_KEY);
    assert_int_equal(dns(PLAN_PUBLISH, MODEL_BIT(kit_rec(&k, C311, false))), SAFETY_NO_KEY);
}

static void usages_0_and_1_are_never_published(void **state)
{
    (void)state;
    for (uint8_t usage = 0; usage < 2; usage++) {
        int rec;

        kit_ready(&k);
        rec = kit_rec(&k, (struct model_combo){usage, 1, 1}, true);
        k.f.chains[k.a].matches |= MODEL_BIT(rec);
        assert_int_equal(dns(PLAN_PUBLISH, MODEL_BIT(rec)), SAFETY_NO_USAGE);
    }
}

static void an_rrset_never_holds_more_than_twelve(void **state)
{
    int key, foreign;

    (void)state;
    kit_ready(&k); /* two of ours */
    key = kit_key(&k, 0);
    for (int i = 0; i < 9; i++) { /* and nine of others */
        foreign = kit_rec(&k, C311, false);
        k.zones[0].servers[0].holds |= MODEL_BIT(foreign);
    }
    kit_observe(&k, 0);
    assert_int_equal(dns(PLAN_PUBLISH, k.f.keys[key].recs), SAFETY_OK);
    k.zones[0].servers[1].holds |= MODEL_BIT(kit_rec(&k, C311, false));
    kit_observe(&k, 0);
    assert_int_equal(dns(PLAN_PUBLISH, k.f.keys[key].recs), SAFETY_NO_SIZE);
}

/* Rows 24-27, 29, 32, 33: these stop publishing. A freeze for any other cause does not. */
static void which_freezes_stop_publishing(void **state)
{
    static const uint32_t stops =
        MODEL_F_DNSSEC | MODEL_F_DELETED | MODEL_F_SIZE | MODEL_F_CNAME | MODEL_F_USAGE;
    model_mask recs;

    (void)state;
    kit_ready(&k);
    recs = k.f.keys[kit_key(&k, 0)].recs;
    for (unsigned bit = 0; bit < 14; bit++) {
        k.f.frozen = 1u << bit;
        assert_int_equal(dns(PLAN_PUBLISH, recs),
                         (stops >> bit & 1u) != 0 ? SAFETY_NO_FROZEN : SAFETY_OK);
    }
    k.f.frozen = 0;
    k.f.owners[0].denied = true; /* zone unsigned, DS wrong, wildcard addresses */
    assert_int_equal(dns(PLAN_PUBLISH, recs), SAFETY_NO_SIGNATURE);
}

/* ---- withdraw ---- */

static void an_old_record_goes_when_the_rollover_is_over(void **state)
{
    (void)state;
    rolled_over();
    assert_int_equal(dns(PLAN_WITHDRAW, MODEL_BIT(k.rec_a)), SAFETY_OK);
    assert_int_equal(dns(PLAN_WITHDRAW, MODEL_BIT(k.rec_b)), SAFETY_NO_SERVABLE);
    assert_int_equal(dns(PLAN_WITHDRAW, MODEL_BIT(k.rec_a) | MODEL_BIT(k.rec_b)),
                     SAFETY_NO_SERVABLE);
}

/* Ours at one owner, a human's at another: only what we put there is ours to delete. */
static void what_we_did_not_put_at_an_owner_stays_there(void **state)
{
    struct plan_action act;

    (void)state;
    rolled_over();
    (void)facts_owner(&k.f, 1);
    k.zones[1] = k.zones[0];
    kit_observe(&k, 1);
    act = kit_action(&k, PLAN_WITHDRAW);
    act.owner = 1;
    act.mask = MODEL_BIT(k.rec_a);
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_FOREIGN);
    facts_publish_intent(&k.f, 1, MODEL_BIT(k.rec_a), k.now);
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK);
}

/* Each condition of "withdraw", missing alone. */
static void nothing_is_withdrawn_before(void **state)
{
    static const struct {
        const char *what;
        enum safety_no no;
    } rows[] = {
        {"frozen", SAFETY_NO_FROZEN},
        {"the commit window", SAFETY_NO_SERVABLE},
        {"a process from before the switch", SAFETY_NO_SERVABLE},
        {"every target shows the new chain", SAFETY_NO_UNATTESTED},
        {"the key's mark", SAFETY_NO_WINDOW},
        {"the replacement is in place", SAFETY_NO_UNSEEN},
        {"an unresolved switch", SAFETY_NO_SERVABLE},
        {"a process of another algorithm", SAFETY_NO_DRAIN},
        {"a record made by others", SAFETY_NO_FOREIGN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rsa, old;
        enum safety_no got;

        rolled_over();
        switch (i) {
        case 0:
            k.f.frozen = MODEL_F_CLOCK;
            break;
        case 1:
            k.f.algs[0].previous = (int8_t)k.a;
            break;
        case 2:
            k.f.chains[k.a].drained = MODEL_NEVER;
            break;
        case 3:
            k.f.chains[k.b].attested = MODEL_NEVER; /* not reached: never permits */
            break;
        case 4:
            k.f.keys[k.f.chains[k.a].key].retired = false;
            break;
        case 5:
            k.zones[0].servers[1].holds = MODEL_BIT(k.rec_a);
            kit_observe(&k, 0);
            break;
        case 6:
            k.f.algs[0].pending = (int8_t)k.a;
            break;
        case 7: /* RSA is on its way from one chain to another of the same key */
            rsa = facts_alg(&k.f, 2, true);
            old = kit_serving(&k, rsa);
            kit_install(&k, kit_chain(&k, k.f.chains[old].key));
            facts_attested(&k.f, k.f.algs[rsa].current, k.now);
            break;
        default:
            k.f.recs[k.rec_a].ours = false;
            break;
        }
        got = dns(PLAN_WITHDRAW, MODEL_BIT(k.rec_a));
        if (got != rows[i].no)
            fail_msg("%s: %s", rows[i].what, safety_text(got));
    }
}

static void a_standby_is_not_withdrawn(void **state)
{
    (void)state;
    kit_ready(&k);
    assert_int_equal(dns(PLAN_WITHDRAW, MODEL_BIT(k.rec_b)), SAFETY_NO_WINDOW);
}

/* Several hosts, ports, algorithms on one RRset: the last that drains decides. */
static void a_shared_issuer_record_stays_while_any_chain_relies_on_it(void **state)
{
    int issuer, rsa, c;

    (void)state;
    rolled_over();
    issuer = kit_rec(&k, C211, true);
    rsa = facts_alg(&k.f, 2, true);
    c = kit_serving(&k, rsa);
    k.f.chains[c].matches |= MODEL_BIT(issuer);
    k.f.chains[k.a].matches |= MODEL_BIT(issuer);
    kit_publish(&k, 0, MODEL_BIT(issuer));
    assert_int_equal(dns(PLAN_WITHDRAW, MODEL_BIT(issuer)), SAFETY_NO_SERVABLE);
}

/* ---- shred ---- */

static void a_key_is_destroyed_when_its_records_have_left_every_cache(void **state)
{
    int key;

    (void)state;
    rolled_over();
    key = k.f.chains[k.a].key;
    assert_int_equal(on_key(PLAN_SHRED, key), SAFETY_NO_SERVABLE); /* still wanted in DNS */
    facts_withdraw_intent(&k.f, 0, MODEL_BIT(k.rec_a));
    assert_int_equal(on_key(PLAN_SHRED, key), SAFETY_NO_CACHED); /* the API's 200 is nothing */
    k.zones[0].servers[0].holds = MODEL_BIT(k.rec_b);
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(on_key(PLAN_SHRED, key), SAFETY_NO_CACHED); /* one server holds it */
    k.zones[0].servers[1].holds = MODEL_BIT(k.rec_b);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    kit_watch(&k, 0, DAY + 20 * MIN - 1, 30 * MIN);
    assert_int_equal(on_key(PLAN_SHRED, key), SAFETY_NO_CACHED);
    kit_watch(&k, 0, 1, 1);
    assert_int_equal(on_key(PLAN_SHRED, key), SAFETY_OK);
    assert_int_equal(on_key(PLAN_SHRED, k.f.chains[k.b].key), SAFETY_NO_SERVABLE);
}

static void every_owner_must_have_lost_the_record(void **state)
{
    int key;

    (void)state;
    rolled_over();
    key = k.f.chains[k.a].key;
    facts_withdraw_intent(&k.f, 0, MODEL_BIT(k.rec_a));
    k.zones[0].servers[0].holds = k.zones[0].servers[1].holds = MODEL_BIT(k.rec_b);
    (void)facts_owner(&k.f, 1);
    k.zones[1] = k.zones[0];
    k.zones[1].servers[0].holds |= MODEL_BIT(k.rec_a);
    kit_observe(&k, 1);
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(on_key(PLAN_SHRED, key), SAFETY_NO_CACHED);
}

static void a_standby_and_a_restorable_key_are_not_destroyed(void **state)
{
    (void)state;
    kit_ready(&k);
    assert_int_equal(on_key(PLAN_SHRED, kit_key(&k, 0)), SAFETY_NO_WINDOW);
    kit_install(&k, k.b);
    assert_int_equal(on_key(PLAN_SHRED, k.f.chains[k.a].key), SAFETY_NO_SERVABLE);
}

/* ---- commit, issue, nonsense ---- */

static void the_mark_needs_proof_drain_and_window(void **state)
{
    (void)state;
    kit_ready(&k);
    kit_install(&k, k.b);
    kit_pass(&k, 2 * DAY);
    facts_drained(&k.f, k.a, k.now);
    assert_int_equal(commit(), SAFETY_NO_UNATTESTED);
    facts_attested(&k.f, k.b, k.now);
    k.now.steady--; /* 48 h from the rename */
    k.f.chains[k.b].attested--;
    assert_int_equal(commit(), SAFETY_NO_WINDOW);
    k.now.steady++;
    assert_int_equal(commit(), SAFETY_OK);
    k.f.chains[k.a].drained = MODEL_NEVER;
    assert_int_equal(commit(), SAFETY_NO_DRAIN);
    k.f.chains[k.a].drained = k.now.steady;
    k.f.frozen = MODEL_F_OPERATOR; /* blocks switches and withdrawals only */
    assert_int_equal(commit(), SAFETY_OK);
    facts_wrong(&k.f, k.b, k.now);
    assert_int_equal(commit(), SAFETY_NO_UNATTESTED);
}

static void a_refused_key_is_never_asked_for_again(void **state)
{
    int key;

    (void)state;
    kit_ready(&k);
    key = k.f.chains[k.a].key;
    assert_int_equal(on_key(PLAN_ISSUE, key), SAFETY_OK);
    k.f.keys[key].refused = true;
    assert_int_equal(on_key(PLAN_ISSUE, key), SAFETY_NO_KEY);
    k.f.keys[key].refused = false;
    k.f.keys[key].compromised = true;
    assert_int_equal(on_key(PLAN_ISSUE, key), SAFETY_NO_KEY);
}

static void nonsense_is_refused(void **state)
{
    struct plan_action act;

    (void)state;
    kit_ready(&k);
    assert_int_equal(dns(PLAN_PUBLISH, 0), SAFETY_NO_NONSENSE);
    assert_int_equal(dns(PLAN_WITHDRAW, MODEL_BIT(MODEL_MAX_RECS - 1)), SAFETY_NO_NONSENSE);
    assert_int_equal(on_key(PLAN_SHRED, MODEL_MAX_KEYS), SAFETY_NO_NONSENSE);
    assert_int_equal(on_key(PLAN_ISSUE, -1), SAFETY_NO_NONSENSE);
    act = kit_action(&k, PLAN_COMMIT);
    act.alg = MODEL_MAX_ALGS;
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_NONSENSE);
    act = kit_action(&k, PLAN_SWITCH);
    act.chains[0] = MODEL_MAX_CHAINS - 1;
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_NONSENSE);
    act = kit_action(&k, (enum plan_verb)99);
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_NONSENSE);
}

/* "keeps observing" */
static void a_freeze_stops_neither_questions_nor_proofs_nor_orders(void **state)
{
    static const enum plan_verb verbs[] = {PLAN_WAIT,   PLAN_ADOPT,  PLAN_OBSERVE,
                                           PLAN_ATTEST, PLAN_FREEZE, PLAN_THAW};

    (void)state;
    kit_ready(&k);
    k.f.frozen = ~0u;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        struct plan_action act = kit_action(&k, verbs[i]);

        assert_int_equal(kit_judge(&k, &act), SAFETY_OK);
    }
    assert_int_equal(on_key(PLAN_ISSUE, k.f.chains[k.a].key), SAFETY_OK);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, ready)
    const struct CMUnitTest tests[] = {
        T(a_first_publication_needs_every_algorithm_proven),
        T(a_first_publication_holds_a_record_of_every_servable_chain),
        T(what_was_asked_for_is_not_there),
        T(a_new_combination_comes_with_a_record_for_each_servable_chain),
        T(what_is_bare_already_does_not_stop_publishing),
        T(a_published_key_is_on_disk_and_alive),
        T(usages_0_and_1_are_never_published),
        T(an_rrset_never_holds_more_than_twelve),
        T(which_freezes_stop_publishing),
        T(an_old_record_goes_when_the_rollover_is_over),
        T(what_we_did_not_put_at_an_owner_stays_there),
        T(nothing_is_withdrawn_before),
        T(a_standby_is_not_withdrawn),
        T(a_shared_issuer_record_stays_while_any_chain_relies_on_it),
        T(a_key_is_destroyed_when_its_records_have_left_every_cache),
        T(every_owner_must_have_lost_the_record),
        T(a_standby_and_a_restorable_key_are_not_destroyed),
        T(the_mark_needs_proof_drain_and_window),
        T(a_refused_key_is_never_asked_for_again),
        T(nonsense_is_refused),
        T(a_freeze_stops_neither_questions_nor_proofs_nor_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
