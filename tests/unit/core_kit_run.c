/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

#define SPIN 200 /* actions without time passing: more is a loop */

static void do_adopt(struct kit *k)
{
    int8_t chains[MODEL_MAX_ALGS];

    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        chains[a] = k->f.algs[a].current;
    facts_file_holds(&k->f, chains, false, k->now);
    k->f.adopted = true;
    k->n.adopt++;
}

static void do_switch(struct kit *k, const struct plan_action *act, bool rollback)
{
    facts_switch_intent(&k->f, act->chains);
    facts_file_holds(&k->f, act->chains, rollback, k->now);
    if (rollback)
        k->n.rollback++;
    else
        k->n.switched++;
    k->wrong = !rollback && k->wrong_next;
    k->wrong_next = false;
}

static void do_attest(struct kit *k)
{
    facts_attest_tried(&k->f, k->now);
    k->n.attest++;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = k->f.algs[a].used ? k->f.algs[a].current : MODEL_NONE;

        if (c == MODEL_NONE || !k->reached)
            continue;
        if (k->wrong)
            facts_wrong(&k->f, c, k->now);
        else
            facts_attested(&k->f, c, k->now);
    }
    for (int c = 0; k->drains && c < MODEL_MAX_CHAINS; c++) {
        if (k->f.chains[c].used)
            facts_drained(&k->f, c, k->now);
    }
}

static void do_dns(struct kit *k, const struct plan_action *act)
{
    struct kit_zone *z = &k->zones[act->owner];

    if (act->verb == PLAN_PUBLISH) {
        facts_publish_intent(&k->f, act->owner, act->mask, k->now);
        k->n.publish++;
        if (!z->lying)
            z->primary |= act->mask;
    } else {
        facts_withdraw_intent(&k->f, act->owner, act->mask);
        k->n.withdraw++;
        if (!z->lying)
            z->primary &= ~act->mask;
    }
    kit_follow(z);
}

static void execute(struct kit *k, const struct plan_action *act)
{
    switch (act->verb) {
    case PLAN_WAIT:
        break;
    case PLAN_ADOPT:
        do_adopt(k);
        break;
    case PLAN_OBSERVE:
        kit_observe(k, act->owner);
        k->n.observe++;
        break;
    case PLAN_MAKE_KEY:
        (void)kit_key(k, act->alg);
        k->n.make_key++;
        break;
    case PLAN_ISSUE:
        if (k->hold_issue) {
            k->f.keys[act->key].retry_at = k->now.steady + HOUR;
            break;
        }
        (void)kit_chain(k, act->key);
        k->n.issue++;
        break;
    case PLAN_SWITCH:
    case PLAN_ROLLBACK:
        do_switch(k, act, act->verb == PLAN_ROLLBACK);
        break;
    case PLAN_ATTEST:
        do_attest(k);
        break;
    case PLAN_COMMIT:
        facts_committed(&k->f, act->alg, k->now);
        k->n.commit++;
        break;
    case PLAN_PUBLISH:
    case PLAN_WITHDRAW:
        do_dns(k, act);
        break;
    case PLAN_SHRED:
        facts_shredded(&k->f, act->key);
        k->n.shred++;
        break;
    case PLAN_FREEZE:
        facts_freeze(&k->f, act->causes);
        k->n.freeze++;
        break;
    case PLAN_THAW:
        facts_thaw(&k->f, act->causes);
        k->n.thaw++;
        break;
    }
}

static bool step(struct kit *k, struct plan_action *act)
{
    struct safety_verdict why;

    facts_sweep(&k->f, &k->p, k->now);
    plan_next(&k->f, &k->p, k->now, act);
    if (!safety_allows(&k->f, &k->p, act, k->now, &why))
        fail_msg("planned %s, refused: %s", plan_verb_name(act->verb), safety_text(why.no));
    if (act->verb == PLAN_WAIT) {
        assert_true(act->wake > k->now.steady);
        return false;
    }
    execute(k, act);
    k->last = *act;
    kit_assert_rule(k);
    return true;
}

bool kit_step(struct kit *k)
{
    struct plan_action act;

    return step(k, &act);
}

/* Runs until `end`, or until a verb was done. */
static bool run(struct kit *k, model_time end, int verb)
{
    int spun = 0;

    while (k->now.steady < end) {
        struct plan_action act;

        if (step(k, &act)) {
            if (++spun > SPIN)
                fail_msg("the planner spins: %s", plan_verb_name(act.verb));
            if ((int)act.verb == verb)
                return true;
            continue;
        }
        spun = 0;
        kit_pass(k, (act.wake < end ? act.wake : end) - k->now.steady);
    }
    return false;
}

void kit_run(struct kit *k, model_time span)
{
    (void)run(k, k->now.steady + span, -1);
}

bool kit_until(struct kit *k, enum plan_verb verb, model_time span)
{
    return run(k, k->now.steady + span, (int)verb);
}

/* ---- the rule ---- */

static bool served(const struct kit *k, int chain)
{
    const struct model_chain *c = &k->f.chains[chain];

    return c->used && c->installed != MODEL_NEVER && c->drained == MODEL_NEVER &&
           !k->f.keys[c->key].compromised;
}

/* Does the RRset hold a record of ours in the combination of `rec`, and none for the chain? */
static bool broken(const struct kit *k, model_mask rrset, int rec, int chain)
{
    bool ours = false, matched = false;

    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((rrset & MODEL_BIT(r)) == 0 || !k->f.recs[r].used ||
            !phase_same_combo(k->f.recs[r].combo, k->f.recs[rec].combo))
            continue;
        ours = ours || k->f.recs[r].ours;
        matched = matched || phase_matches(&k->f, &k->f.chains[chain], r, k->now);
    }
    return ours && !matched;
}

static void assert_rrset(const struct kit *k, int owner, model_mask rrset)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        for (int r = 0; served(k, c) && r < MODEL_MAX_RECS; r++) {
            if ((rrset & MODEL_BIT(r)) != 0 && broken(k, rrset, r, c))
                fail_msg("chain %d is served, a cache of owner %d holds 0x%lx", c, owner,
                         (unsigned long)rrset);
        }
    }
}

void kit_assert_rule(const struct kit *k)
{
    for (int z = 0; z < MODEL_MAX_OWNERS && !k->human; z++) {
        const struct kit_zone *zone = &k->zones[z];

        for (int s = 0; k->f.owners[z].used && s < zone->n_servers; s++)
            assert_rrset(k, z, zone->servers[s].holds);
        for (size_t i = 0;
             k->f.owners[z].used && i < sizeof(zone->cached) / sizeof(zone->cached[0]); i++) {
            const struct kit_cached *c = &zone->cached[i];

            if (c->last != MODEL_NEVER && k->now.steady - c->last < c->ttl * SEC)
                assert_rrset(k, z, c->recs);
        }
    }
}
