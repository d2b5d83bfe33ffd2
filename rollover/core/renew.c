/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "core/phase.h"
#include "core/renew.h"

model_time renew_due_at(const struct model_chain *c, const struct model_policy *p)
{
    model_time before = p->renew_before;

    if (before == 0)
        before = (c->not_after - c->not_before) / 3;
    return c->not_after - before;
}

model_time renew_deadline(const struct model_chain *c, const struct model_policy *p)
{
    return c->not_after - p->renew_margin;
}

bool renew_by_age(const struct model_chain *c, const struct model_policy *p, struct model_now now)
{
    return p->renew_every != 0 && now.steady - c->installed >= p->renew_every;
}

/* The good waiting that a key needs at the worst owner; what is not seen yet needs all of it. */
static model_time key_left(const struct model_facts *f, const struct model_policy *p,
                           model_mask recs, struct model_now now)
{
    model_time left = 0;

    for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
        const struct model_owner *o = &f->owners[i];

        for (int r = 0; o->used && r < MODEL_MAX_RECS; r++) {
            model_time mine;

            if ((recs & MODEL_BIT(r)) == 0)
                continue;
            mine = phase_usable_left(o, p, r, now, NULL);
            if (mine == PHASE_FOREVER)
                mine = phase_wait(o, p, phase_late(o, p, r), now);
            if (mine > left)
                left = mine;
        }
    }
    return left;
}

/* The oldest usable key that comes after the present one. Strategy fresh: only one that was made
 * for this renewal; strategy reuse: only one made because the present key is not to be used. */
static int next_key(const struct model_facts *f, int alg)
{
    int current = f->algs[alg].current, best = MODEL_NONE;
    uint32_t serial = current == MODEL_NONE ? 0 : f->keys[f->chains[current].key].serial;

    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        const struct model_key *key = &f->keys[k];

        if (!phase_key_usable(key) || key->alg != alg || key->serial <= serial)
            continue;
        if (best == MODEL_NONE || key->serial < f->keys[best].serial)
            best = k;
    }
    return best;
}

/* The present key's records are not in every cache of some owner, the next one's are in every
 * cache of all: somebody deleted, or an old state was restored. */
static bool served_gone(const struct model_facts *f, const struct model_policy *p, int alg,
                        int next, struct model_now now)
{
    const struct model_chain *c = &f->chains[f->algs[alg].current];
    bool gone = false;

    if (next == MODEL_NONE || f->keys[next].recs == 0 ||
        key_left(f, p, f->keys[next].recs, now) > 0)
        return false;
    for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
        const struct model_owner *o = &f->owners[i];

        for (int r = 0; o->used && r < MODEL_MAX_RECS; r++) {
            if ((f->keys[next].recs & MODEL_BIT(r)) == 0)
                continue;
            for (int s = 0; s < MODEL_MAX_RECS; s++)
                gone = gone || ((c->matches & f->keys[c->key].recs & MODEL_BIT(s)) != 0 &&
                                phase_same_combo(f->recs[s].combo, f->recs[r].combo) &&
                                phase_rec_left(o, p, s, false, now, NULL) > 0);
        }
    }
    return gone;
}

bool renew_served_gone(const struct model_facts *f, const struct model_policy *p, int alg,
                       struct model_now now)
{
    return f->algs[alg].current != MODEL_NONE && served_gone(f, p, alg, next_key(f, alg), now);
}

static bool asked_to_roll(const struct model_facts *f, int alg)
{
    bool any = false;

    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        any = any || f->algs[a].roll;
    return f->roll_now && (!any || f->algs[alg].roll);
}

/* Can the next key be in every cache before the deadline? */
static bool in_time(const struct model_facts *f, const struct model_policy *p, int next,
                    const struct model_chain *c, struct model_now now)
{
    model_time left = 0;

    if (next != MODEL_NONE) {
        left = key_left(f, p, f->keys[next].recs, now);
    } else {
        for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
            const struct model_owner *o = &f->owners[i];
            model_time wait = phase_wait(o, p, p->strategy != MODEL_STANDBY, now);

            if (o->used && wait > left)
                left = wait;
        }
    }
    return now.wall + left <= renew_deadline(c, p);
}

enum renew_kind renew_decide(const struct model_facts *f, const struct model_policy *p, int alg,
                             struct model_now now, int *next)
{
    const struct model_alg *a = &f->algs[alg];
    const struct model_chain *c;
    const struct model_key *k;
    bool due, roll;

    *next = next_key(f, alg);
    if (!a->used || !a->wanted)
        return RENEW_NOT_DUE;
    if (a->current == MODEL_NONE)
        return RENEW_NEXT_KEY; /* enabled, and nothing served for it yet */
    c = &f->chains[a->current];
    k = &f->keys[c->key];
    if (k->compromised)
        return RENEW_NEXT_KEY;
    /* Past the deadline the certificate comes first: nothing may stop that. */
    if (now.wall <= renew_deadline(c, p) && served_gone(f, p, alg, *next, now))
        return RENEW_NEXT_KEY;
    roll = asked_to_roll(f, alg) || renew_by_age(c, p, now);
    due = roll || a->renew || now.wall >= renew_due_at(c, p);
    if (!due)
        return RENEW_NOT_DUE;
    if (k->refused || !k->on_disk)
        return RENEW_NEXT_KEY;
    if (a->renew) /* the operator; then comes the rollover, when one is due */
        return RENEW_SAME_KEY;
    if (p->strategy == MODEL_REUSE && !asked_to_roll(f, alg))
        return RENEW_SAME_KEY;
    if (now.wall < renew_due_at(c, p))
        return RENEW_NEXT_KEY; /* only asked for: no deadline presses */
    return in_time(f, p, *next, c, now) ? RENEW_NEXT_KEY : RENEW_SAME_KEY;
}
