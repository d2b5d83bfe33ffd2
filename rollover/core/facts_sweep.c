/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * facts_sweep - forgets what nothing refers to and no cache can hold
 */
#include <stddef.h>
#include <string.h>

#include "core/facts.h"
#include "core/phase.h"

/* Gone from the NS sets for so long that no cache holds anything it said. */
static void sweep_addrs(struct model_owner *o, const struct model_policy *p, struct model_now now)
{
    model_time wait = phase_wait(o, p, true, now);

    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        if (o->addrs[i].used && !o->addrs[i].in_set && now.steady - o->addrs[i].asked_until > wait)
            memset(&o->addrs[i], 0, sizeof(o->addrs[i]));
    }
}

/* Is there a chain of the same key that was obtained later? */
static bool superseded(const struct model_facts *f, int chain)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (c != chain && f->chains[c].used && f->chains[c].durable &&
            f->chains[c].key == f->chains[chain].key &&
            f->chains[c].obtained > f->chains[chain].obtained)
            return true;
    }
    return false;
}

static bool chain_over(const struct model_facts *f, const struct model_policy *p, int chain,
                       struct model_now now)
{
    const struct model_chain *c = &f->chains[chain];

    if ((phase_servable(f) >> chain & 1u) != 0)
        return false;
    if (c->installed == MODEL_NEVER)
        return c->rejected || superseded(f, chain) || !phase_key_usable(&f->keys[c->key]);
    /* A chain that was rolled back from is remembered for a while: it delays the next try. */
    return !c->rejected || now.steady - c->left > p->commit_max;
}

static bool key_over(const struct model_facts *f, int key)
{
    if (!f->keys[key].shredded)
        return false;
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (f->chains[c].used && f->chains[c].key == key)
            return false;
    }
    return true;
}

static bool rec_over(const struct model_facts *f, const struct model_policy *p, int rec,
                     struct model_now now)
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (f->keys[k].used && (f->keys[k].recs & MODEL_BIT(rec)) != 0)
            return false;
    }
    for (int c = 0; f->recs[rec].ours && c < MODEL_MAX_CHAINS; c++) {
        if (f->chains[c].used && (f->chains[c].matches & MODEL_BIT(rec)) != 0)
            return false;
    }
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (f->owners[o].used && phase_rec_cached(&f->owners[o], p, rec, now))
            return false;
    }
    return true;
}

static void forget_rec(struct model_facts *f, int rec)
{
    model_mask keep = ~MODEL_BIT(rec);

    memset(&f->recs[rec], 0, sizeof(f->recs[rec]));
    for (int c = 0; c < MODEL_MAX_CHAINS; c++)
        f->chains[c].matches &= keep;
    for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
        struct model_owner *o = &f->owners[i];

        o->want &= keep;
        o->drop &= keep;
        o->ever &= keep;
        o->shown &= keep;
        o->late &= keep;
        o->whole &= keep;
        o->readds[rec] = 0;
        for (int a = 0; a < MODEL_MAX_ADDRS; a++)
            memset(&o->addrs[a].sights[rec], 0, sizeof(o->addrs[a].sights[rec]));
    }
}

/* A combination without a record in any cache; one that was ignored stays so. */
static void sweep_seen(struct model_facts *f, struct model_owner *o, const struct model_policy *p,
                       struct model_now now)
{
    for (int i = 0; i < MODEL_MAX_COMBOS; i++) {
        if (o->seen[i].used && o->seen[i].ignored == 0 &&
            !phase_combo_cached(f, o, p, o->seen[i].combo, now))
            memset(&o->seen[i], 0, sizeof(o->seen[i]));
    }
}

void facts_sweep(struct model_facts *f, const struct model_policy *p, struct model_now now)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (f->chains[c].used && chain_over(f, p, c, now))
            memset(&f->chains[c], 0, sizeof(f->chains[c]));
    }
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (f->keys[k].used && key_over(f, k))
            memset(&f->keys[k], 0, sizeof(f->keys[k]));
    }
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (f->recs[r].used && rec_over(f, p, r, now))
            forget_rec(f, r);
    }
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (!f->owners[o].used)
            continue;
        sweep_addrs(&f->owners[o], p, now);
        sweep_seen(f, &f->owners[o], p, now);
    }
}
