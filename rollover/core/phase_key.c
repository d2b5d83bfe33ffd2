/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * phase_key - what keys and chains are at this moment
 */
#include <stddef.h>

#include "core/phase.h"

static const char *const names[] = {
    [PHASE_HIDDEN] = "hidden",           [PHASE_RUMOURED] = "rumoured",
    [PHASE_CONFIRMED] = "confirmed",     [PHASE_OMNIPRESENT] = "omnipresent",
    [PHASE_STAGED] = "staged",           [PHASE_PROBATION] = "probation",
    [PHASE_SERVING] = "serving",         [PHASE_RETIRING] = "retiring",
    [PHASE_UNRETENTIVE] = "unretentive", [PHASE_DEAD] = "dead",
};

const char *phase_name(enum phase phase)
{
    size_t i = (size_t)phase;

    return i < sizeof(names) / sizeof(names[0]) ? names[i] : "unknown";
}

bool phase_key_usable(const struct model_key *k)
{
    return k->used && k->on_disk && !k->compromised && !k->refused && !k->retired && !k->shredded;
}

bool phase_matches(const struct model_facts *f, const struct model_chain *c, int rec,
                   struct model_now now)
{
    if (!f->recs[rec].used || (c->matches & MODEL_BIT(rec)) == 0)
        return false;
    if (f->recs[rec].combo.usage == 3)
        return true;
    return c->names_ok && c->not_before <= now.wall && now.wall < c->not_after;
}

model_mask phase_chain_recs(const struct model_facts *f, const struct model_policy *p, int chain)
{
    model_mask recs = 0;

    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (!f->recs[r].used || !f->recs[r].ours || f->recs[r].combo.usage < 2 ||
            (f->chains[chain].matches & MODEL_BIT(r)) == 0)
            continue;
        for (int i = 0; i < p->n_combos && i < MODEL_MAX_COMBOS; i++) {
            if (phase_same_combo(p->combos[i], f->recs[r].combo))
                recs |= MODEL_BIT(r);
        }
    }
    return recs;
}

/* Generations of one combination in an RRset: old, served, standby; without standby two. What
 * depends on the certificate has one more, for a renewal that keeps the key meanwhile. */
static int generations(const struct model_policy *p, struct model_combo combo)
{
    bool by_key = combo.usage == 3 && combo.selector == 1;

    if (combo.usage == 2 || p->strategy == MODEL_REUSE)
        return 2;
    return p->strategy == MODEL_FRESH && by_key ? 2 : 3;
}

int phase_rrset_peak(const struct model_policy *p, int algs)
{
    int n = 0;

    for (int i = 0; i < p->n_combos && i < MODEL_MAX_COMBOS; i++)
        n += algs * generations(p, p->combos[i]);
    return n;
}

static bool lingers(const struct model_chain *c)
{
    return c->used && c->installed != MODEL_NEVER && c->left != MODEL_NEVER &&
           c->drained == MODEL_NEVER;
}

uint32_t phase_servable(const struct model_facts *f)
{
    uint32_t set = 0;

    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        const struct model_alg *alg = &f->algs[a];

        if (!alg->used)
            continue;
        if (alg->current != MODEL_NONE)
            set |= 1u << alg->current;
        if (alg->previous != MODEL_NONE)
            set |= 1u << alg->previous;
        if (alg->pending != MODEL_NONE)
            set |= 1u << alg->pending;
    }
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (lingers(&f->chains[c]))
            set |= 1u << c;
    }
    return set;
}

bool phase_drained(const struct model_facts *f, int alg)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (lingers(&f->chains[c]) && f->keys[f->chains[c].key].alg == alg)
            return false;
    }
    return true;
}

/* ---- the phase of a key ---- */

/* Records that belong to the key: by itself, or through a chain of it that is to be served. */
static model_mask recs_of_key(const struct model_facts *f, const struct model_policy *p, int key)
{
    model_mask recs = f->keys[key].recs;

    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (f->chains[c].used && f->chains[c].key == key && !f->chains[c].rejected)
            recs |= phase_chain_recs(f, p, c);
    }
    return recs;
}

/* Its own records: not those that another living key needs as well (issuers, usage 2). */
static model_mask own_recs(const struct model_facts *f, const struct model_policy *p, int key)
{
    model_mask recs = recs_of_key(f, p, key);

    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (k != key && f->keys[k].used && !f->keys[k].retired && !f->keys[k].shredded)
            recs &= ~recs_of_key(f, p, k);
    }
    return recs;
}

static bool valid_now(const struct model_chain *c, struct model_now now)
{
    return c->used && c->durable && !c->held && !c->rejected && c->not_before <= now.wall &&
           now.wall < c->not_after;
}

static bool has_staged(const struct model_facts *f, int key, struct model_now now)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (f->chains[c].key == key && valid_now(&f->chains[c], now) &&
            f->chains[c].installed == MODEL_NEVER)
            return true;
    }
    return false;
}

/* Out of the file for good: until its records are gone, and from caches too. */
static enum phase phase_after(const struct model_facts *f, const struct model_policy *p, int key,
                              struct model_now now)
{
    model_mask recs = own_recs(f, p, key);
    enum phase phase = PHASE_DEAD;

    for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
        const struct model_owner *o = &f->owners[i];

        if (!o->used)
            continue;
        if (((o->want | phase_shown_somewhere(o, now)) & recs) != 0)
            return PHASE_RETIRING;
        for (int r = 0; r < MODEL_MAX_RECS; r++) {
            if ((recs & MODEL_BIT(r)) != 0 && phase_rec_cached(o, p, r, now))
                phase = PHASE_UNRETENTIVE;
        }
    }
    return phase;
}

/* Not served yet: how far its records have come, at the worst owner. */
static enum phase phase_before(const struct model_facts *f, const struct model_policy *p, int key,
                               struct model_now now)
{
    model_mask recs = recs_of_key(f, p, key);
    bool confirmed = true, complete = true;

    for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
        const struct model_owner *o = &f->owners[i];

        if (!o->used)
            continue;
        if ((recs & ~(o->want | phase_shown(o, p, now))) != 0)
            return PHASE_HIDDEN;
        confirmed = confirmed && (recs & ~phase_shown(o, p, now)) == 0;
        for (int r = 0; r < MODEL_MAX_RECS; r++) {
            if ((recs & MODEL_BIT(r)) != 0 && phase_usable_left(o, p, r, now, NULL) > 0)
                complete = false;
        }
    }
    if (!confirmed)
        return PHASE_RUMOURED;
    if (!complete)
        return PHASE_CONFIRMED;
    return has_staged(f, key, now) ? PHASE_STAGED : PHASE_OMNIPRESENT;
}

enum phase phase_of_key(const struct model_facts *f, const struct model_policy *p, int key,
                        struct model_now now)
{
    const struct model_key *k = &f->keys[key];
    const struct model_alg *alg = &f->algs[k->alg];
    uint32_t servable = phase_servable(f);

    if (k->shredded)
        return PHASE_DEAD;
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (!f->chains[c].used || f->chains[c].key != key)
            continue;
        if (c == alg->pending && alg->pending != alg->current)
            return PHASE_PROBATION;
        if (c == alg->current)
            return f->chains[c].committed == MODEL_NEVER ? PHASE_PROBATION : PHASE_SERVING;
    }
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if ((servable >> c & 1u) != 0 && f->chains[c].key == key)
            return PHASE_RETIRING;
    }
    if (k->retired || k->compromised)
        return phase_after(f, p, key, now);
    return phase_before(f, p, key, now);
}
