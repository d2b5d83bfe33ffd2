/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * facts_file - the chain file: what is to be in it, what is in it, what has left it
 */
#include <stddef.h>

#include "core/facts.h"
#include "core/phase.h"

void facts_switch_intent(struct model_facts *f, const int8_t chains[MODEL_MAX_ALGS])
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        struct model_alg *alg = &f->algs[a];

        alg->pending = MODEL_NONE;
        alg->pending_drop = false;
        if (!alg->used || chains[a] == alg->current)
            continue;
        if (chains[a] == MODEL_NONE)
            alg->pending_drop = true;
        else
            alg->pending = chains[a];
    }
}

static bool restorable(const struct model_facts *f, int chain)
{
    const struct model_chain *c = &f->chains[chain];
    const struct model_key *k = &f->keys[c->key];

    return c->durable && !c->rejected && k->on_disk && !k->compromised && !k->shredded;
}

/* The operator's wish is fulfilled for an algorithm once its key has changed. */
static void roll_done(struct model_facts *f, int alg)
{
    bool any = false;

    if (!f->roll_now)
        return;
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        any = any || f->algs[a].roll;
    if (!any)
        facts_roll(f); /* the flag alone was set: it meant every algorithm */
    f->algs[alg].rolling = f->algs[alg].rolling || f->algs[alg].roll;
    f->algs[alg].roll = false;
    f->roll_now = false;
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        f->roll_now = f->roll_now || f->algs[a].roll;
}

/* The switch is taken back: the wish is there again. */
static void roll_undone(struct model_facts *f, int alg)
{
    if (!f->algs[alg].rolling)
        return;
    f->algs[alg].rolling = false;
    f->algs[alg].roll = true;
    f->roll_now = true;
}

static void enters(struct model_facts *f, int chain, bool adopted_now, struct model_now now)
{
    struct model_chain *c = &f->chains[chain];

    c->installed = now.steady;
    c->attested = c->left = c->drained = c->wrong_at = MODEL_NEVER;
    /* From a chain that was there when we arrived there is no way back: nothing to commit. */
    c->committed = adopted_now ? now.steady : MODEL_NEVER;
}

static void leaves(struct model_facts *f, struct model_alg *alg, bool rollback,
                   struct model_now now)
{
    int old = alg->current;

    alg->previous = MODEL_NONE;
    if (old == MODEL_NONE)
        return;
    f->chains[old].left = now.steady;
    f->chains[old].drained = MODEL_NEVER;
    if (rollback || f->chains[old].wrong_at != MODEL_NEVER)
        f->chains[old].rejected = true;
    else if (restorable(f, old))
        alg->previous = (int8_t)old;
}

static bool valid_chain(const struct model_facts *f, int chain)
{
    return chain >= 0 && chain < MODEL_MAX_CHAINS && f->chains[chain].used;
}

void facts_file_holds(struct model_facts *f, const int8_t chains[MODEL_MAX_ALGS], bool rollback,
                      struct model_now now)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        struct model_alg *alg = &f->algs[a];
        int old = alg->current, new = chains[a];

        if (!alg->used || (new != MODEL_NONE && !valid_chain(f, new)))
            continue;
        alg->pending = MODEL_NONE;
        alg->pending_drop = false;
        if (new == old)
            continue;
        alg->rollback = false;
        alg->renew = alg->renew && rollback;
        leaves(f, alg, rollback, now);
        alg->current = (int8_t) new;
        if (new == MODEL_NONE) {
            alg->previous = MODEL_NONE;
            continue;
        }
        enters(f, new, !f->adopted && old == MODEL_NONE, now);
        if (old == MODEL_NONE || f->chains[old].key == f->chains[new].key)
            continue;
        if (f->chains[old].rejected)
            roll_undone(f, a);
        else
            roll_done(f, a);
    }
}

/* Keys of the algorithm that came before the one in the file, and that nothing serves or could
 * restore, are over. A later one is a standby. */
void facts_committed(struct model_facts *f, int alg, struct model_now now)
{
    struct model_alg *a;
    uint32_t servable, serial = UINT32_MAX;

    if (alg < 0 || alg >= MODEL_MAX_ALGS || !f->algs[alg].used)
        return;
    a = &f->algs[alg];
    a->previous = MODEL_NONE;
    a->rolling = a->rollback = false;
    if (a->current != MODEL_NONE) {
        f->chains[a->current].committed = now.steady;
        serial = f->keys[f->chains[a->current].key].serial;
    }
    servable = phase_servable(f);
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        bool served = false;

        if (!f->keys[k].used || f->keys[k].alg != alg || f->keys[k].serial >= serial)
            continue;
        for (int c = 0; c < MODEL_MAX_CHAINS; c++)
            served = served || ((servable >> c & 1u) != 0 && f->chains[c].key == k);
        f->keys[k].retired = f->keys[k].retired || !served;
    }
}
