/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "core/phase.h"
#include "core/safety_dns.h"

static bool no(const struct safety_question *q, enum safety_no reason)
{
    q->why->no = reason;
    q->why->left = PHASE_FOREVER;
    return false;
}

static const struct model_owner *has_owner(const struct safety_question *q)
{
    int i = q->act->owner;

    if (i < 0 || i >= MODEL_MAX_OWNERS || !q->f->owners[i].used || q->act->mask == 0)
        return NULL;
    q->why->owner = i;
    return &q->f->owners[i];
}

static int popcount(model_mask m)
{
    int n = 0;

    for (; m != 0; m &= m - 1)
        n++;
    return n;
}

/* ---- publish ---- */

/* Causes under which nothing is added: the zone cannot be trusted, or its operator said no. */
#define NO_PUBLISHING                                                                              \
    ((uint32_t)(MODEL_F_DNSSEC | MODEL_F_DELETED | MODEL_F_SIZE | MODEL_F_CNAME | MODEL_F_USAGE))

/* A published key is on disk, and one that may still be served. */
static bool key_for_rec(const struct safety_question *q, int rec)
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        const struct model_key *key = &q->f->keys[k];
        model_mask recs = key->recs;

        for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
            if (q->f->chains[c].used && q->f->chains[c].key == k)
                recs |= q->f->chains[c].matches;
        }
        if (key->used && key->on_disk && !key->compromised && !key->retired && !key->shredded &&
            (recs & MODEL_BIT(rec)) != 0)
            return true;
    }
    return false;
}

static bool rec_may_be_added(const struct safety_question *q, int rec)
{
    q->why->rec = rec;
    if (!q->f->recs[rec].used)
        return no(q, SAFETY_NO_NONSENSE);
    if (q->f->recs[rec].combo.usage < 2 || q->f->recs[rec].combo.usage > 3)
        return no(q, SAFETY_NO_USAGE);
    if (!key_for_rec(q, rec))
        return no(q, SAFETY_NO_KEY);
    return true;
}

static bool matched_within(const struct safety_question *q, int chain, model_mask recs,
                           struct model_combo combo)
{
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((recs & MODEL_BIT(r)) != 0 && q->f->recs[r].used &&
            phase_same_combo(q->f->recs[r].combo, combo) &&
            phase_matches(q->f, &q->f->chains[chain], r, q->now))
            return true;
    }
    return false;
}

static bool has_combo(const struct safety_question *q, model_mask recs, struct model_combo combo)
{
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((recs & MODEL_BIT(r)) != 0 && phase_same_combo(q->f->recs[r].combo, combo))
            return true;
    }
    return false;
}

/* The RRset that will be there holds what every server shows now, and what is added. In each
 * combination that is added, every servable chain has a record; unless the combination is there
 * already without one for it, so that nothing gets worse. */
static bool no_bare_combination(const struct safety_question *q, const struct model_owner *o)
{
    model_mask shown = phase_shown(o, q->p, q->now);
    uint32_t servable = phase_servable(q->f);

    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        struct model_combo combo = q->f->recs[r].combo;

        if ((q->act->mask & MODEL_BIT(r)) == 0)
            continue;
        for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
            if ((servable >> c & 1u) == 0 || matched_within(q, c, shown | q->act->mask, combo) ||
                has_combo(q, shown, combo))
                continue;
            q->why->rec = r;
            q->why->chain = c;
            return no(q, SAFETY_NO_COMBINATION);
        }
    }
    return true;
}

/* Any TLSA makes TLS mandatory: every algorithm's chain in the file is proven first. */
static bool proven(const struct safety_question *q)
{
    bool any = false;

    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        const struct model_alg *alg = &q->f->algs[a];

        if (!alg->used || alg->current == MODEL_NONE)
            continue;
        any = true;
        q->why->chain = alg->current;
        if (q->f->chains[alg->current].attested == MODEL_NEVER)
            return no(q, SAFETY_NO_UNATTESTED);
    }
    q->why->chain = MODEL_NONE;
    return any || no(q, SAFETY_NO_UNATTESTED);
}

/* Has a round with an answer ever told what is there? */
static bool observed(const struct model_owner *o)
{
    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        if (o->addrs[i].used && o->addrs[i].last_answer != MODEL_NEVER)
            return true;
    }
    return false;
}

bool safety_dns_publish(const struct safety_question *q)
{
    const struct model_owner *o = has_owner(q);
    model_mask there;

    if (o == NULL)
        return no(q, SAFETY_NO_NONSENSE);
    if (o->denied)
        return no(q, SAFETY_NO_SIGNATURE);
    if ((q->f->frozen & NO_PUBLISHING) != 0)
        return no(q, SAFETY_NO_FROZEN);
    if (!observed(o))
        return no(q, SAFETY_NO_STALE_FACTS);
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((q->act->mask & MODEL_BIT(r)) != 0 && !rec_may_be_added(q, r))
            return false;
    }
    q->why->rec = MODEL_NONE;
    there = phase_shown_somewhere(o, q->now);
    if (popcount(there | o->want | q->act->mask) > MODEL_RRSET_MAX)
        return no(q, SAFETY_NO_SIZE);
    if (phase_shown(o, q->p, q->now) == 0 && !proven(q))
        return false;
    return no_bare_combination(q, o);
}

/* ---- withdraw ---- */

/* Compromised: nothing but processes that are on their way out serves it, and these have had
 * their five minutes. */
static bool gone_enough(const struct safety_question *q, int chain)
{
    const struct model_chain *c = &q->f->chains[chain];

    return q->f->keys[c->key].compromised && c->left != MODEL_NEVER &&
           q->now.steady - c->left >= q->p->compromised_drain;
}

/* A record that matches a servable chain, or one that a rollback would restore, stays. */
static bool relied_on(const struct safety_question *q, int rec)
{
    uint32_t servable = phase_servable(q->f);

    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if ((servable >> c & 1u) == 0 || (q->f->chains[c].matches & MODEL_BIT(rec)) == 0 ||
            gone_enough(q, c))
            continue;
        q->why->chain = c;
        return true;
    }
    return false;
}

/* Every key that the record is for is over; one at least is known, or the record was handed to us
 * and belongs to none. */
static bool keys_over(const struct safety_question *q, int rec)
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        const struct model_key *key = &q->f->keys[k];

        if (key->used && (key->recs & MODEL_BIT(rec)) != 0 && !key->retired && !key->compromised &&
            !key->refused && !key->shredded)
            return false;
    }
    return true;
}

/* What stays serves every servable chain in each combination that it holds, at every server. */
static bool rest_is_whole(const struct safety_question *q, const struct model_owner *o)
{
    model_mask stays = phase_shown(o, q->p, q->now) & ~q->act->mask;
    model_mask before = phase_shown_somewhere(o, q->now);
    uint32_t servable = phase_servable(q->f);

    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if ((servable >> c & 1u) == 0 || gone_enough(q, c))
            continue;
        for (int r = 0; r < MODEL_MAX_RECS; r++) {
            if ((before & MODEL_BIT(r)) == 0 || !phase_matches(q->f, &q->f->chains[c], r, q->now) ||
                matched_within(q, c, stays, q->f->recs[r].combo))
                continue;
            q->why->chain = c;
            return no(q, SAFETY_NO_UNSEEN);
        }
    }
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = q->f->algs[a].used ? q->f->algs[a].current : MODEL_NONE;

        if (c == MODEL_NONE || (stays & q->f->chains[c].matches) != 0)
            continue;
        q->why->chain = c;
        return no(q, SAFETY_NO_UNSEEN);
    }
    return true;
}

static bool rec_may_go(const struct safety_question *q, const struct model_owner *o, int rec)
{
    q->why->rec = rec;
    if (!q->f->recs[rec].used)
        return no(q, SAFETY_NO_NONSENSE);
    if (!q->f->recs[rec].ours || ((o->want | o->drop) & MODEL_BIT(rec)) == 0)
        return no(q, SAFETY_NO_FOREIGN);
    if (relied_on(q, rec))
        return no(q, SAFETY_NO_SERVABLE);
    if (!keys_over(q, rec))
        return no(q, SAFETY_NO_WINDOW);
    return true;
}

static bool compromised_only(const struct safety_question *q)
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (q->f->keys[k].used && (q->f->keys[k].recs & q->act->mask) != 0 &&
            !q->f->keys[k].compromised)
            return false;
    }
    return q->f->compromised_at != MODEL_NEVER;
}

/* Every target shows the chains that are in the file, and nothing older is served. */
static bool replaced(const struct safety_question *q)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        const struct model_alg *alg = &q->f->algs[a];

        if (!alg->used)
            continue;
        if (alg->pending != MODEL_NONE || alg->pending_drop)
            return no(q, SAFETY_NO_NOT_DURABLE);
        if (alg->current != MODEL_NONE && q->f->chains[alg->current].attested == MODEL_NEVER) {
            q->why->chain = alg->current;
            return no(q, SAFETY_NO_UNATTESTED);
        }
        if (!phase_drained(q->f, a))
            return no(q, SAFETY_NO_DRAIN);
    }
    return true;
}

bool safety_dns_withdraw(const struct safety_question *q)
{
    const struct model_owner *o = has_owner(q);

    if (o == NULL)
        return no(q, SAFETY_NO_NONSENSE);
    if (q->f->frozen != 0)
        return no(q, SAFETY_NO_FROZEN);
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((q->act->mask & MODEL_BIT(r)) != 0 && !rec_may_go(q, o, r))
            return false;
    }
    q->why->rec = MODEL_NONE;
    if (!compromised_only(q) && !replaced(q))
        return false;
    return rest_is_whole(q, o);
}

/* ---- shred ---- */

/* Records of this key that no other living key needs. */
static model_mask own_recs(const struct safety_question *q, int key)
{
    model_mask recs = q->f->keys[key].recs;

    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (q->f->chains[c].used && q->f->chains[c].key == key)
            recs |= phase_chain_recs(q->f, q->p, c);
    }
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (k != key && q->f->keys[k].used && !q->f->keys[k].retired && !q->f->keys[k].shredded)
            recs &= ~q->f->keys[k].recs;
    }
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if ((phase_servable(q->f) >> c & 1u) != 0)
            recs &= ~q->f->chains[c].matches;
    }
    return recs;
}

static bool uncached(const struct safety_question *q, const struct model_owner *o, model_mask recs)
{
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        model_time left;

        if ((recs & MODEL_BIT(r)) == 0 || !q->f->recs[r].used)
            continue;
        q->why->rec = r;
        if ((o->want & MODEL_BIT(r)) != 0)
            return no(q, SAFETY_NO_SERVABLE);
        if (!phase_rec_cached(o, q->p, r, q->now))
            continue;
        left = phase_gone_left(o, q->p, r, q->now, &q->why->addr);
        q->why->no = SAFETY_NO_CACHED;
        q->why->left = left;
        return false;
    }
    q->why->rec = MODEL_NONE;
    return true;
}

bool safety_dns_shred(const struct safety_question *q)
{
    const struct model_key *k;
    uint32_t servable = phase_servable(q->f);
    model_mask recs;

    if (q->act->key < 0 || q->act->key >= MODEL_MAX_KEYS || !q->f->keys[q->act->key].used)
        return no(q, SAFETY_NO_NONSENSE);
    k = &q->f->keys[q->act->key];
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if ((servable >> c & 1u) != 0 && q->f->chains[c].key == q->act->key) {
            q->why->chain = c;
            return no(q, SAFETY_NO_SERVABLE);
        }
    }
    if (!k->retired && !k->compromised && !k->refused)
        return no(q, SAFETY_NO_WINDOW);
    recs = own_recs(q, q->act->key);
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        q->why->owner = o;
        if (q->f->owners[o].used && !uncached(q, &q->f->owners[o], recs))
            return false;
    }
    q->why->owner = MODEL_NONE;
    return true;
}
