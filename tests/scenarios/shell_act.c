/* SPDX-License-Identifier: BSD-2-Clause */
/* The actions of the engine that touch neither DNS nor the chain file, and the way to the
 * others. */
#include "shell.h"

#include "core/facts.h"
#include "core/phase.h"
#include "oracle.h"
#include "things.h"
#include "world.h"

model_mask shell_enter_recs(struct shell *e, int key, int cert)
{
    model_mask recs = 0;

    for (int i = 0; i < e->policy.n_combos; i++) {
        struct model_combo c = e->policy.combos[i];
        int first = 0, last = 0;

        if (c.usage == 3 && (c.selector == 0) != (cert >= 0))
            continue;
        if (c.usage == 2 && cert >= 0)
            continue;
        if (c.usage == 2)
            last = e->s->issuers - 1;
        for (int n = first; n <= last; n++) {
            enum sim_of of = c.usage == 2 ? SIM_OF_ISSUER : cert >= 0 ? SIM_OF_CERT : SIM_OF_KEY;
            int which = c.usage == 2 ? n : cert >= 0 ? cert : key;
            int rec = shell_fact_rec(e, things_rec(e->s, c, of, which));

            if (rec < 0)
                return recs;
            e->mem.facts.recs[rec].ours = true;
            recs |= MODEL_BIT(rec);
        }
    }
    return recs;
}

static int enter_key(struct shell *e, int key, bool adopted)
{
    uint8_t spki[MODEL_ID_LEN];
    int fact = shell_fact_key(e, key);
    model_mask recs;

    if (fact >= 0)
        return fact;
    recs = shell_enter_recs(e, key, -1);
    things_spki(key, spki);
    fact = facts_key_made(&e->mem.facts, e->s->keys[key].alg, spki, recs, adopted, shell_now(e));
    if (fact < 0)
        sim_say(e->s, "engine: no room for another key");
    return fact;
}

static bool published_issuer(struct shell *e, int cert)
{
    bool any = false;

    for (int i = 0; i < e->policy.n_combos; i++) {
        if (e->policy.combos[i].usage != 2)
            continue;
        any = true;
        for (int n = 0; n < e->s->issuers; n++) {
            if (things_matches(e->s, cert, things_rec(e->s, e->policy.combos[i], SIM_OF_ISSUER, n)))
                return true;
        }
    }
    return !any;
}

int shell_enter_cert(struct shell *e, int cert, bool adopted)
{
    const struct sim_cert *c = &e->s->certs[cert];
    int64_t wall0 = sim_wall(e->s) - e->s->skew - e->s->t;
    struct model_chain chain = {.used = true, .durable = true, .names_ok = c->names_ok};
    int key = enter_key(e, c->key, adopted), index;

    if (key < 0)
        return -1;
    chain.key = (uint8_t)key;
    chain.not_before = wall0 + c->not_before;
    chain.not_after = wall0 + c->not_after;
    chain.held = !published_issuer(e, cert);
    index = facts_chain_obtained(&e->mem.facts, &chain, shell_now(e));
    if (index < 0) {
        sim_say(e->s, "engine: no room for another chain");
        return -1;
    }
    e->mem.cert_of[index] = cert;
    e->mem.left_at[index] = 0;
    shell_enter_recs(e, c->key, cert);
    shell_refresh_matches(e);
    return index;
}

static void make_key(struct shell *e, const struct plan_action *a)
{
    int key = things_make_key(e->s, a->alg);

    if (key < 0 || shell_point(e, SHELL_AFTER_ACT, a))
        return;
    if (enter_key(e, key, false) < 0)
        e->mem.facts.algs[a->alg].retry_at = shell_now(e).steady + HOUR;
    shell_save(e);
    shell_point(e, SHELL_AFTER_RECORD, a);
}

/* Rows 8 and 11: refused before it gets anywhere. */
static bool acceptable(const struct shell *e, int cert)
{
    const struct sim_cert *c = &e->s->certs[cert];
    int64_t t = e->s->t + e->s->skew;

    return c->names_ok && c->not_before <= t && t < c->not_after;
}

/* What came of an order. */
static void take(struct shell *e, const struct plan_action *a)
{
    struct model_key *k = &e->mem.facts.keys[a->key];
    int key = things_key_of_spki(e->s, k->spki), cert;

    k->ordering = MODEL_NEVER;
    if (e->s->ca == SIM_CA_FAILS) {
        sim_say(e->s, "  the CA does not work");
        k->retry_at = shell_now(e).steady + HOUR;
        shell_save(e);
        return;
    }
    if (key == e->s->ca_blocked) {
        sim_say(e->s, "  the CA refuses this key");
        k->refused = true;
        shell_save(e);
        return;
    }
    cert = things_make_cert(e->s, key);
    if (cert < 0 || shell_point(e, SHELL_AFTER_ACT, a))
        return;
    if (!acceptable(e, cert)) {
        sim_say(e->s, "  a name is missing, or it is not valid now: thrown away");
        k->retry_at = shell_now(e).steady + 12 * HOUR;
    } else if (shell_enter_cert(e, cert, false) < 0) {
        k->retry_at = shell_now(e).steady + HOUR;
    }
    shell_save(e);
    shell_point(e, SHELL_AFTER_RECORD, a);
}

int64_t shell_next_order(const struct shell *e)
{
    int64_t next = SIM_NEVER;

    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (e->mem.facts.keys[k].used && e->mem.facts.keys[k].ordering != MODEL_NEVER &&
            e->mem.order_due[k] < next)
            next = e->mem.order_due[k];
    }
    return next;
}

bool shell_take_order(struct shell *e)
{
    struct plan_action a = e->last;

    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (!e->mem.facts.keys[k].used || e->mem.facts.keys[k].ordering == MODEL_NEVER ||
            e->mem.order_due[k] > e->s->t)
            continue;
        a.verb = PLAN_ISSUE;
        a.key = k;
        sim_say(e->s, "engine: an order has ended");
        e->wake = e->s->t;
        if (phase_key_usable(&e->mem.facts.keys[k]))
            take(e, &a);
        else
            e->mem.facts.keys[k].ordering = MODEL_NEVER;
        return true;
    }
    return false;
}

static void issue(struct shell *e, const struct plan_action *a)
{
    if (e->s->ca_takes == 0) {
        world_advance_to(e->s, e->s->t + 2 * SEC);
        take(e, a);
        return;
    }
    e->mem.facts.keys[a->key].ordering = sim_wall(e->s);
    e->mem.order_due[a->key] = e->s->t + e->s->ca_takes;
    shell_save(e);
    shell_point(e, SHELL_AFTER_INTENT, a);
}

static void shred(struct shell *e, const struct plan_action *a)
{
    int key = things_key_of_spki(e->s, e->mem.facts.keys[a->key].spki);

    e->s->keys[key].on_disk = false;
    oracle_shred(e->s, key);
    if (shell_point(e, SHELL_AFTER_ACT, a))
        return;
    facts_shredded(&e->mem.facts, a->key);
    facts_sweep(&e->mem.facts, &e->policy, shell_now(e));
    shell_save(e);
    shell_point(e, SHELL_AFTER_RECORD, a);
}

static void record_only(struct shell *e, const struct plan_action *a)
{
    if (a->verb == PLAN_COMMIT)
        facts_committed(&e->mem.facts, a->alg, shell_now(e));
    else if (a->verb == PLAN_FREEZE)
        facts_freeze(&e->mem.facts, a->causes);
    else
        facts_thaw(&e->mem.facts, a->causes);
    shell_save(e);
    shell_point(e, SHELL_AFTER_RECORD, a);
}

void shell_act(struct shell *e, const struct plan_action *a)
{
    if (shell_point(e, SHELL_BEFORE_INTENT, a))
        return;
    switch (a->verb) {
    case PLAN_WAIT:
        break;
    case PLAN_ADOPT:
        shell_adopt(e, a);
        break;
    case PLAN_OBSERVE:
        shell_observe(e, a->owner);
        break;
    case PLAN_MAKE_KEY:
        make_key(e, a);
        break;
    case PLAN_PUBLISH:
    case PLAN_WITHDRAW:
        shell_change_dns(e, a);
        break;
    case PLAN_ISSUE:
        issue(e, a);
        break;
    case PLAN_SWITCH:
    case PLAN_ROLLBACK:
        shell_switch(e, a);
        break;
    case PLAN_ATTEST:
        shell_attest(e, a);
        break;
    case PLAN_SHRED:
        shred(e, a);
        break;
    case PLAN_COMMIT:
    case PLAN_FREEZE:
    case PLAN_THAW:
        record_only(e, a);
        break;
    }
}
