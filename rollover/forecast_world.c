/* SPDX-License-Identifier: BSD-2-Clause */
#include "forecast_world.h"

#include "core/facts.h"
#include "core/phase.h"
#include "forecast.h"

#include <string.h>

#define NS_TTL INT64_C(3600000) /* of a server that is not known yet */
#define SIGNED_FOR (INT64_C(14) * 86400000)
#define TTL 3600
#define VALIDITY (INT64_C(90) * 86400000)

void forecast_world_begin(struct forecast_world *w, const struct port_state *st,
                          const struct model_policy *policy, struct model_now now)
{
    w->st = *st;
    memset(w->st.recs, 0, sizeof w->st.recs);
    memset(w->st.bundles, 0, sizeof w->st.bundles);
    w->policy = policy;
    w->now = now;
    w->now.epoch = st->facts.epoch;
    w->made = 0;
    memset(w->order_ends, 0, sizeof w->order_ends);
    struct model_facts *f = &w->st.facts;
    facts_resume(f, ~(uint32_t)0);
    f->postfix_up = true;
    for (int k = 0; k < MODEL_MAX_KEYS; k++)
        f->keys[k].ordering = MODEL_NEVER;
}

static void new_id(struct forecast_world *w, uint8_t id[MODEL_ID_LEN])
{
    memset(id, 0xfc, MODEL_ID_LEN);
    w->made++;
    memcpy(id, &w->made, sizeof w->made);
}

/* ---- name servers ----------------------------------------------------------------------- */

/* What was wanted, and what others put there. */
static model_mask shown_by_all(const struct forecast_world *w, const struct model_owner *o)
{
    model_mask foreign = 0;
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (w->st.facts.recs[r].used && !w->st.facts.recs[r].ours)
            foreign |= MODEL_BIT(r);
    }
    return (o->want & ~o->drop) | (phase_shown_somewhere(o, w->now) & foreign);
}

static struct facts_answer answer_of(const struct forecast_world *w, const struct model_owner *o,
                                     const struct model_addr *a, model_mask present)
{
    struct facts_answer answer = {.kind = present != 0 ? MODEL_ANS_RRSET : MODEL_ANS_NODATA,
                                  .present = present,
                                  .ttl = a->ttl != 0       ? a->ttl
                                         : o->ttl_max != 0 ? o->ttl_max
                                                           : TTL,
                                  .sig_until = w->now.wall + SIGNED_FOR,
                                  .ns_ttl = a->in_set ? a->ns_ttl : 0};
    memcpy(answer.ip, a->ip, sizeof answer.ip);
    if (a->skip)
        answer.kind = MODEL_ANS_NOROUTE;
    return answer;
}

static void observe(struct forecast_world *w, int owner)
{
    struct model_owner *o = &w->st.facts.owners[owner];
    struct facts_round round = {
        .begin = w->now.steady, .end = w->now.steady, .cname_ttl = o->cname_ttl, .cname = o->cname};
    model_mask present = shown_by_all(w, o);
    for (int a = 0; a < MODEL_MAX_ADDRS; a++) {
        const struct model_addr *addr = &o->addrs[a];
        if (addr->used && (addr->in_set || addr->asked_until > w->now.steady))
            round.answers[round.n_answers++] = answer_of(w, o, addr, present);
    }
    if (round.n_answers == 0) {
        const struct model_addr one = {.in_set = true, .ns_ttl = NS_TTL};
        round.answers[round.n_answers++] = answer_of(w, o, &one, present);
    }
    facts_observed(&w->st.facts, owner, &round, w->policy, w->now);
    if (!o->based)
        facts_baseline(&w->st.facts, owner);
}

/* ---- keys and certificates -------------------------------------------------------------- */

static bool by_key(struct model_combo combo)
{
    return combo.usage == 3 && combo.selector == 1;
}

static bool new_rec(struct forecast_world *w, struct model_combo combo, model_mask *mask)
{
    uint8_t id[MODEL_ID_LEN];
    new_id(w, id);
    int r = facts_rec(&w->st.facts, combo, id);
    if (r == MODEL_NONE)
        return false;
    w->st.facts.recs[r].ours = true;
    *mask |= MODEL_BIT(r);
    return true;
}

static bool make_key(struct forecast_world *w, int alg)
{
    uint8_t spki[MODEL_ID_LEN];
    model_mask recs = 0;
    for (int i = 0; i < w->policy->n_combos; i++) {
        if (by_key(w->policy->combos[i]) && !new_rec(w, w->policy->combos[i], &recs))
            return false;
    }
    new_id(w, spki);
    return facts_key_made(&w->st.facts, alg, spki, recs, false, w->now) != MODEL_NONE;
}

/* Any chain of the algorithm, the one in the file first: its validity and its issuer go on. */
static const struct model_chain *like(const struct model_facts *f, int alg)
{
    if (f->algs[alg].current != MODEL_NONE)
        return &f->chains[f->algs[alg].current];
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (f->chains[c].used)
            return &f->chains[c];
    }
    return NULL;
}

/* The record of the same issuer, under usage 2. */
static model_mask issuer_rec(const struct model_facts *f, const struct model_chain *before,
                             struct model_combo combo)
{
    for (int r = 0; before != NULL && combo.usage == 2 && r < MODEL_MAX_RECS; r++) {
        if ((before->matches & MODEL_BIT(r)) != 0 && f->recs[r].used &&
            phase_same_combo(f->recs[r].combo, combo))
            return MODEL_BIT(r);
    }
    return 0;
}

static bool obtain(struct forecast_world *w, int key)
{
    struct model_facts *f = &w->st.facts;
    const struct model_chain *before = like(f, f->keys[key].alg);
    model_time validity = before != NULL ? before->not_after - before->not_before : VALIDITY;
    model_mask matches = f->keys[key].recs;
    for (int i = 0; i < w->policy->n_combos; i++) {
        struct model_combo combo = w->policy->combos[i];
        model_mask issuer = issuer_rec(f, before, combo);
        if (issuer != 0)
            matches |= issuer;
        else if (!by_key(combo) && !new_rec(w, combo, &matches))
            return false;
    }
    f->keys[key].ordering = MODEL_NEVER;
    w->order_ends[key] = MODEL_NEVER;
    const struct model_chain chain = {.key = (uint8_t)key,
                                      .durable = true,
                                      .names_ok = true,
                                      .not_before = w->now.wall,
                                      .not_after = w->now.wall + validity,
                                      .matches = matches};
    return facts_chain_obtained(f, &chain, w->now) != MODEL_NONE;
}

static void order(struct forecast_world *w, int key)
{
    w->st.facts.keys[key].ordering = w->now.wall;
    w->order_ends[key] = w->now.steady + FORECAST_ISSUE;
}

bool forecast_world_pass(struct forecast_world *w, model_time to)
{
    int first = MODEL_NONE;
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (w->order_ends[k] != MODEL_NEVER && w->order_ends[k] <= to) {
            to = w->order_ends[k];
            first = k;
        }
    }
    w->now.wall += to - w->now.steady;
    w->now.steady = to;
    return first == MODEL_NONE || obtain(w, first);
}

/* ---- the chain file --------------------------------------------------------------------- */

/* What is in doubt has happened. */
static void adopt(struct model_facts *f, struct model_now now)
{
    int8_t chains[MODEL_MAX_ALGS];
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        const struct model_alg *alg = &f->algs[a];
        chains[a] = (int8_t)MODEL_NONE;
        if (alg->used && !alg->pending_drop)
            chains[a] = alg->pending != MODEL_NONE ? alg->pending : alg->current;
    }
    facts_file_holds(f, chains, false, now);
}

static void attest(struct model_facts *f, struct model_now now)
{
    facts_attest_tried(f, now);
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (f->algs[a].used && f->algs[a].current != MODEL_NONE)
            facts_attested(f, f->algs[a].current, now);
    }
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        const struct model_chain *chain = &f->chains[c];
        if (chain->used && chain->left != MODEL_NEVER && chain->drained == MODEL_NEVER &&
            now.steady - chain->left >= FORECAST_DRAIN)
            facts_drained(f, c, now);
    }
}

bool forecast_world_do(struct forecast_world *w, const struct plan_action *a)
{
    struct model_facts *f = &w->st.facts;
    bool room = true;
    switch (a->verb) {
    case PLAN_WAIT:
        break;
    case PLAN_ADOPT:
        adopt(f, w->now);
        break;
    case PLAN_OBSERVE:
        observe(w, a->owner);
        break;
    case PLAN_MAKE_KEY:
        room = make_key(w, a->alg);
        break;
    case PLAN_PUBLISH:
        facts_publish_intent(f, a->owner, a->mask, w->now);
        break;
    case PLAN_ISSUE:
        order(w, a->key);
        break;
    case PLAN_SWITCH:
    case PLAN_ROLLBACK:
        facts_switch_intent(f, a->chains);
        facts_file_holds(f, a->chains, a->verb == PLAN_ROLLBACK, w->now);
        break;
    case PLAN_ATTEST:
        attest(f, w->now);
        break;
    case PLAN_COMMIT:
        facts_committed(f, a->alg, w->now);
        break;
    case PLAN_WITHDRAW:
        facts_withdraw_intent(f, a->owner, a->mask);
        break;
    case PLAN_SHRED:
        facts_shredded(f, a->key);
        break;
    case PLAN_FREEZE:
        facts_freeze(f, a->causes);
        break;
    case PLAN_THAW:
        facts_thaw(f, a->causes);
        break;
    }
    facts_sweep(f, w->policy, w->now);
    return room;
}
