/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "core/phase.h"

#define MS_PER_S INT64_C(1000)
#define SIGNATURE_NEAR (INT64_C(3600) * MS_PER_S)

static model_time max_time(model_time a, model_time b)
{
    return a > b ? a : b;
}

static model_time min_time(model_time a, model_time b)
{
    return a < b ? a : b;
}

bool phase_same_combo(struct model_combo a, struct model_combo b)
{
    return a.usage == b.usage && a.selector == b.selector && a.matching == b.matching;
}

/* ---- times ---- */

static model_time capped_ttl(uint32_t ttl, const struct model_policy *p)
{
    return min_time((model_time)ttl * MS_PER_S, p->ttl_cap);
}

static bool watched_for(const struct model_owner *o, const struct model_policy *p, model_time span,
                        struct model_now now)
{
    return o->watch_since != MODEL_NEVER && o->watch_epoch == now.epoch &&
           now.steady - o->round_end <= p->silence && now.steady - o->watch_since >= span;
}

/* E without the CNAME. */
static model_time rrset_life(const struct model_owner *o, const struct model_policy *p, bool late,
                             struct model_now now)
{
    model_time e = capped_ttl(o->ttl_max, p);

    /* What was cached before we watched: it lives for past_ttl, and a sender works with it. */
    if (!watched_for(o, p, p->past_ttl + p->delta_sender + p->anycast_margin, now))
        e = max_time(e, p->past_ttl);
    return late ? max_time(e, p->floor) : e;
}

static model_time delta(const struct model_policy *p)
{
    return p->poll + p->delta_sender + p->anycast_margin;
}

model_time phase_cache_life(const struct model_owner *o, const struct model_policy *p, bool late,
                            struct model_now now)
{
    return rrset_life(o, p, late, now) + capped_ttl(o->cname_ttl, p);
}

model_time phase_wait(const struct model_owner *o, const struct model_policy *p, bool late,
                      struct model_now now)
{
    model_time life = max_time(rrset_life(o, p, late, now), 2 * capped_ttl(o->ttl_max, p));

    return life + capped_ttl(o->cname_ttl, p) + delta(p);
}

model_time phase_commit_window(const struct model_chain *c, const struct model_policy *p)
{
    return min_time(p->commit_max, (c->not_after - c->not_before) / 8);
}

model_time phase_commit_at(const struct model_facts *f, const struct model_policy *p, int alg)
{
    const struct model_alg *a = &f->algs[alg];
    const struct model_chain *c;

    if (a->current == MODEL_NONE || f->chains[a->current].attested == MODEL_NEVER)
        return MODEL_NEVER;
    c = &f->chains[a->current];
    if (a->previous == MODEL_NONE)
        return c->attested; /* nothing to go back to */
    return max_time(c->attested, c->installed + phase_commit_window(c, p));
}

/* ---- addresses ---- */

bool phase_addr_counts(const struct model_addr *a, struct model_now now)
{
    return a->used && !a->skip && (a->in_set || now.steady <= a->asked_until);
}

static bool heard(const struct model_addr *a, const struct model_policy *p, struct model_now now)
{
    return a->last_answer != MODEL_NEVER && a->answer_epoch == now.epoch &&
           now.steady - a->last_answer <= p->silence;
}

/* Good waiting at an address that resolvers may ask: up to its last answer, never beyond. */
static model_time credit_counting(const struct model_addr *a, const struct model_policy *p, int rec,
                                  uint8_t state, struct model_now now)
{
    if (!heard(a, p, now) || a->sights[rec].state != state)
        return -1;
    return max_time(a->last_answer - a->sights[rec].since, 0);
}

/* After asked_until nobody asks it: time alone is good. What it agreed to before counts too, if
 * it was heard until then. */
static model_time credit_departed(const struct model_addr *a, const struct model_policy *p, int rec,
                                  uint8_t state, struct model_now now)
{
    model_time alone = now.steady - a->asked_until;

    if (a->answer_epoch != now.epoch || a->sights[rec].state != state ||
        a->asked_until - a->last_answer > p->silence)
        return alone;
    return alone + max_time(min_time(a->last_answer, a->asked_until) - a->sights[rec].since, 0);
}

/* The wait at the worst address for a record to have been in one state. */
static model_time state_left(const struct model_owner *o, const struct model_policy *p, int rec,
                             uint8_t state, model_time need, struct model_now now, int *worst)
{
    model_time left = 0;
    int at = MODEL_NONE;
    bool any = false;

    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        const struct model_addr *a = &o->addrs[i];
        model_time credit, mine;

        if (!a->used || a->skip)
            continue;
        if (phase_addr_counts(a, now)) {
            any = true;
            credit = credit_counting(a, p, rec, state, now);
        } else {
            credit = credit_departed(a, p, rec, state, now);
        }
        mine = credit < 0 ? PHASE_FOREVER : max_time(need - credit, 0);
        if (mine > left) {
            left = mine;
            at = i;
        }
    }
    if (worst != NULL)
        *worst = at;
    return any && !o->crowded ? left : PHASE_FOREVER;
}

model_time phase_rec_left(const struct model_owner *o, const struct model_policy *p, int rec,
                          bool late, struct model_now now, int *worst)
{
    return state_left(o, p, rec, MODEL_PRESENT, phase_wait(o, p, late, now), now, worst);
}

model_time phase_gone_left(const struct model_owner *o, const struct model_policy *p, int rec,
                           struct model_now now, int *worst)
{
    model_time need = phase_cache_life(o, p, true, now) + delta(p);

    return state_left(o, p, rec, MODEL_ABSENT, need, now, worst);
}

bool phase_late(const struct model_owner *o, const struct model_policy *p, int rec)
{
    return p->strategy != MODEL_STANDBY || (o->late & MODEL_BIT(rec)) != 0;
}

model_time phase_usable_left(const struct model_owner *o, const struct model_policy *p, int rec,
                             struct model_now now, int *worst)
{
    return phase_rec_left(o, p, rec, phase_late(o, p, rec), now, worst);
}

bool phase_seen_everywhere(const struct model_owner *o, model_mask recs, struct model_now now,
                           int *missing_at)
{
    bool any = false;

    *missing_at = MODEL_NONE;
    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        if (!phase_addr_counts(&o->addrs[i], now))
            continue;
        any = true;
        for (int r = 0; r < MODEL_MAX_RECS; r++) {
            if ((recs & MODEL_BIT(r)) != 0 && o->addrs[i].sights[r].state != MODEL_PRESENT) {
                *missing_at = i;
                return false;
            }
        }
    }
    return any && !o->crowded;
}

static model_mask shown_by(const struct model_addr *a)
{
    model_mask shown = 0;

    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (a->sights[r].state == MODEL_PRESENT)
            shown |= MODEL_BIT(r);
    }
    return shown;
}

model_mask phase_shown(const struct model_owner *o, const struct model_policy *p,
                       struct model_now now)
{
    model_mask shown = ~(model_mask)0;
    bool any = false;

    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        const struct model_addr *a = &o->addrs[i];

        if (!phase_addr_counts(a, now))
            continue;
        any = true;
        shown &= heard(a, p, now) ? shown_by(a) : 0;
    }
    return any && !o->crowded ? shown : 0;
}

model_mask phase_shown_somewhere(const struct model_owner *o, struct model_now now)
{
    model_mask shown = 0;

    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        if (phase_addr_counts(&o->addrs[i], now))
            shown |= shown_by(&o->addrs[i]);
    }
    return shown;
}

/* ---- caches ---- */

bool phase_rec_cached(const struct model_owner *o, const struct model_policy *p, int rec,
                      struct model_now now)
{
    if ((o->want & MODEL_BIT(rec)) != 0)
        return true;
    return (o->ever & MODEL_BIT(rec)) != 0 && phase_gone_left(o, p, rec, now, NULL) > 0;
}

bool phase_combo_cached(const struct model_facts *f, const struct model_owner *o,
                        const struct model_policy *p, struct model_combo combo,
                        struct model_now now)
{
    model_time life = phase_cache_life(o, p, true, now) + delta(p);

    for (int i = 0; i < MODEL_MAX_COMBOS; i++) {
        if (o->seen[i].used && phase_same_combo(o->seen[i].combo, combo) &&
            now.steady - o->seen[i].last_seen < life)
            return true;
    }
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (f->recs[r].used && phase_same_combo(f->recs[r].combo, combo) &&
            phase_rec_cached(o, p, r, now))
            return true;
    }
    return false;
}

/* ---- observed just now ---- */

/* What one pass over the other owners takes: their rounds, and policy.fresh for each step. */
static model_time pass_over_others(const struct model_facts *f, const struct model_policy *p,
                                   int owner)
{
    model_time sum = 0;

    for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
        if (i != owner && f->owners[i].used)
            sum += p->fresh + (f->owners[i].round_end - f->owners[i].round_begin);
    }
    return sum;
}

bool phase_fresh(const struct model_facts *f, const struct model_policy *p, int owner,
                 struct model_now now, int *silent)
{
    const struct model_owner *o = &f->owners[owner];

    *silent = MODEL_NONE;
    if (o->round_end == MODEL_NEVER ||
        now.steady - o->round_end > p->fresh + pass_over_others(f, p, owner))
        return false;
    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        const struct model_addr *a = &o->addrs[i];

        if (phase_addr_counts(a, now) &&
            (a->last_answer < o->round_begin || a->answer_epoch != now.epoch)) {
            *silent = i;
            return false;
        }
    }
    return true;
}

bool phase_signature_near(const struct model_owner *o, const struct model_policy *p,
                          struct model_now now, int *addr)
{
    model_time near = min_time(phase_cache_life(o, p, false, now), SIGNATURE_NEAR);

    *addr = MODEL_NONE;
    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        const struct model_addr *a = &o->addrs[i];

        if (phase_addr_counts(a, now) && a->last_kind == MODEL_ANS_RRSET &&
            a->sig_until - now.wall < near) {
            *addr = i;
            return true;
        }
    }
    return false;
}
