/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * facts_dns - what the servers said, and what we asked them to hold
 */
#include <stddef.h>
#include <string.h>

#include "core/facts.h"
#include "core/phase.h"
#include "core/renew.h"

static struct model_seen *find_seen(struct model_owner *o, struct model_combo combo)
{
    for (int i = 0; i < MODEL_MAX_COMBOS; i++) {
        struct model_seen *s = &o->seen[i];
        if (s->used && phase_same_combo(s->combo, combo))
            return s;
    }
    return NULL;
}

/* A combination is in, or on its way into, the RRset. */
static void see_combo(struct model_owner *o, struct model_combo combo, model_time at)
{
    struct model_seen *s = find_seen(o, combo);

    for (int i = 0; s == NULL && i < MODEL_MAX_COMBOS; i++) {
        if (!o->seen[i].used) {
            s = &o->seen[i];
            *s = (struct model_seen){.used = true, .combo = combo};
        }
    }
    if (s == NULL)
        o->seen_lost = at;
    else if (at > s->last_seen)
        s->last_seen = at;
}

static void see_recs(const struct model_facts *f, struct model_owner *o, model_mask recs,
                     model_time at)
{
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((recs & MODEL_BIT(r)) != 0 && f->recs[r].used)
            see_combo(o, f->recs[r].combo, at);
    }
    o->ever |= recs;
}

int facts_addr(struct model_owner *o, const uint8_t ip[16])
{
    int room = MODEL_NONE;

    for (int a = 0; a < MODEL_MAX_ADDRS; a++) {
        if (o->addrs[a].used && memcmp(o->addrs[a].ip, ip, 16) == 0)
            return a;
        if (!o->addrs[a].used && room == MODEL_NONE)
            room = a;
    }
    if (room != MODEL_NONE) {
        memset(&o->addrs[room], 0, sizeof(o->addrs[room]));
        o->addrs[room].used = true;
        memcpy(o->addrs[room].ip, ip, 16);
    }
    return room;
}

/* The largest TTL that may still be in a cache, or in the hands of a sender who asked one. It
 * falls only when the last RRset that carried it has died, and then to the largest seen since. */
static void see_ttl(struct model_owner *o, uint32_t ttl, model_time at,
                    const struct model_policy *p)
{
    model_time life = (model_time)o->ttl_max * 1000;

    if (life > p->ttl_cap)
        life = p->ttl_cap;
    life += p->delta_sender + p->anycast_margin;
    if (o->ttl_max_at != MODEL_NEVER && at - o->ttl_max_at > life) {
        o->ttl_max = o->ttl_next;
        o->ttl_max_at = at;
        o->ttl_next = 0;
    }
    if (o->ttl_max_at == MODEL_NEVER || ttl > o->ttl_max) {
        o->ttl_max = ttl;
        o->ttl_max_at = at;
        o->ttl_next = 0;
    } else if (ttl == o->ttl_max) {
        if (at > o->ttl_max_at) {
            o->ttl_max_at = at;
            o->ttl_next = 0;
        }
    } else if (ttl > o->ttl_next) {
        o->ttl_next = ttl;
    }
}

/* A valid answer: a record keeps its `since` while the state is the same and the gap since the
 * answer before is not too long. */
static void answered(const struct model_facts *f, struct model_addr *a,
                     const struct facts_answer *ans, const struct facts_round *round,
                     const struct model_policy *p)
{
    bool gap = a->last_answer == MODEL_NEVER || a->answer_epoch != f->epoch ||
               round->end - a->last_answer > p->silence;
    model_mask present = ans->kind == MODEL_ANS_RRSET ? ans->present : 0;

    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        struct model_sight *s = &a->sights[r];
        uint8_t state = (present & MODEL_BIT(r)) != 0 ? MODEL_PRESENT : MODEL_ABSENT;

        if (!f->recs[r].used)
            continue;
        if (gap || s->state != state)
            s->since = round->end;
        s->state = state;
    }
    a->last_answer = round->begin;
    a->answer_epoch = f->epoch;
    a->sig_until = ans->sig_until;
    a->ttl = ans->kind == MODEL_ANS_RRSET ? ans->ttl : 0;
}

/* A CNAME that goes, or whose TTL falls, is in caches for as long as it was: what it added to the
 * life of an RRset counts on as a TTL does. */
static void see_cname(struct model_owner *o, const struct facts_round *round,
                      const struct model_policy *p)
{
    if (round->cname_ttl < o->cname_ttl)
        see_ttl(o, o->ttl_max + (o->cname_ttl - round->cname_ttl), round->end, p);
    o->cname_ttl = round->cname_ttl;
}

/* Senders find another RRset at the owner from now on, and know the one before from caches: what
 * was seen until now says nothing about it. */
static void cname_moved(struct model_owner *o, model_time at)
{
    o->cname_moved = at;
    o->watch_since = MODEL_NEVER;
    for (int i = 0; i < MODEL_MAX_ADDRS; i++)
        memset(o->addrs[i].sights, 0, sizeof(o->addrs[i].sights));
}

/* Row 33. Before we hold any record there is nothing to lose by a CNAME that moves. */
static void follow_cname(struct model_owner *o, const struct facts_round *round)
{
    if (round->cname == MODEL_CNAME_UNTOLD)
        return;
    if (o->want == 0)
        o->cname_moved = MODEL_NEVER;
    else if (o->cname != MODEL_CNAME_UNTOLD && o->cname != round->cname)
        cname_moved(o, round->end);
    o->cname = round->cname;
}

void facts_cname_lost(struct model_facts *f, int owner, struct model_now now)
{
    if (owner < 0 || owner >= MODEL_MAX_OWNERS || !f->owners[owner].used)
        return;
    cname_moved(&f->owners[owner], now.steady);
    f->owners[owner].round_begin = now.steady; /* a round in which nobody has answered */
}

static void see_answer(struct model_facts *f, struct model_owner *o, const struct facts_answer *ans,
                       const struct facts_round *round, const struct model_policy *p)
{
    int i = facts_addr(o, ans->ip);
    struct model_addr *a;

    if (i == MODEL_NONE) {
        o->crowded = true;
        return;
    }
    a = &o->addrs[i];
    if (a->first_seen == MODEL_NEVER)
        a->first_seen = round->end;
    a->last_try = round->end;
    a->last_kind = (uint8_t)ans->kind;
    if (ans->ns_ttl > 0) {
        a->in_set = true;
        a->ns_ttl = ans->ns_ttl;
        if (round->end + a->ns_ttl > a->asked_until)
            a->asked_until = round->end + a->ns_ttl;
    }
    /* A server that has answered is observable: without a route now, it is merely silent. */
    a->skip = ans->kind == MODEL_ANS_NOROUTE && p->skip_noroute &&
              (a->last_answer == MODEL_NEVER || a->answer_epoch != f->epoch ||
               round->end - a->last_answer > p->past_ttl);
    if (ans->kind == MODEL_ANS_CONTRADICTION)
        memset(a->sights, 0, sizeof(a->sights));
    if (ans->kind != MODEL_ANS_RRSET && ans->kind != MODEL_ANS_NODATA)
        return;
    see_ttl(o, a->ttl, round->end, p); /* it may have given the last RRset up to this moment */
    answered(f, a, ans, round, p);
    if (ans->kind == MODEL_ANS_RRSET) {
        see_ttl(o, ans->ttl, round->end, p);
        see_recs(f, o, ans->present, round->end);
    }
}

/* Addresses that the NS sets no longer name: they may have left at any time since the round
 * before, so that resolvers may ask them for the set's TTL from now on. */
static void departures(struct model_owner *o, const struct facts_round *round,
                       const struct model_policy *p)
{
    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        struct model_addr *a = &o->addrs[i];
        bool named = false;

        if (!a->used || !a->in_set)
            continue;
        for (int n = 0; n < round->n_answers && n < MODEL_MAX_ADDRS; n++)
            named = named || (round->answers[n].ns_ttl > 0 &&
                              memcmp(round->answers[n].ip, a->ip, sizeof(a->ip)) == 0);
        if (named)
            continue;
        a->in_set = false;
        if (round->end + a->ns_ttl > a->asked_until)
            a->asked_until = round->end + a->ns_ttl;
        see_ttl(o, a->ttl, a->asked_until, p);
    }
}

/* Watched: every address that counts has answered in this epoch, none silent longer than G. */
static void keep_watch(struct model_facts *f, struct model_owner *o, const struct facts_round *r,
                       const struct model_policy *p, struct model_now now)
{
    bool any = false, gap = false;

    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        const struct model_addr *a = &o->addrs[i];
        model_time last = a->last_answer;

        if (!phase_addr_counts(a, now))
            continue;
        if (last == MODEL_NEVER || a->answer_epoch != f->epoch)
            last = a->first_seen > o->watch_since ? a->first_seen : o->watch_since;
        else
            any = true;
        gap = gap || r->end - last > p->silence;
    }
    if (o->watch_epoch != f->epoch || !any || gap)
        o->watch_since = MODEL_NEVER;
    if (any && !gap && o->watch_since == MODEL_NEVER) {
        o->watch_since = r->end;
        o->watch_epoch = f->epoch;
    }
}

/* Does any record of the combination that was seen at the owner match the chain? */
static bool matched(const struct model_facts *f, const struct model_owner *o, int chain,
                    struct model_combo combo)
{
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (f->recs[r].used && (o->ever & MODEL_BIT(r)) != 0 &&
            phase_same_combo(f->recs[r].combo, combo) &&
            (f->chains[chain].matches & MODEL_BIT(r)) != 0)
            return true;
    }
    return false;
}

/* The algorithms for which the combination does not count. One that is not in the file yet joins
 * the others: what matches none of them need not match it. */
static uint8_t unmatched(const struct model_facts *f, const struct model_owner *o,
                         struct model_combo combo)
{
    uint8_t served = 0, without = 0, all = (uint8_t)((1u << MODEL_MAX_ALGS) - 1u);

    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = f->algs[a].used ? f->algs[a].current : MODEL_NONE;

        if (c == MODEL_NONE)
            continue;
        served |= (uint8_t)(1u << a);
        if (!matched(f, o, c, combo))
            without |= (uint8_t)(1u << a);
    }
    return served != 0 && served == without ? all : without;
}

/* A combination that turns out to be matched counts from then on. */
static void keep_baseline(const struct model_facts *f, struct model_owner *o)
{
    for (int i = 0; i < MODEL_MAX_COMBOS; i++) {
        if (o->seen[i].used && o->seen[i].ignored != 0)
            o->seen[i].ignored &= unmatched(f, o, o->seen[i].combo);
    }
}

/* Does a switch to this key's record wait for nothing but the record? */
static bool wanted_already(const struct model_facts *f, const struct model_policy *p, int key,
                           struct model_now now)
{
    const struct model_alg *a = &f->algs[f->keys[key].alg];
    int next;

    if (!a->used || (a->current != MODEL_NONE && f->chains[a->current].key == key))
        return false;
    return renew_decide(f, p, f->keys[key].alg, now, &next) == RENEW_NEXT_KEY;
}

/* Published late: the switch was wanted before every server had come to show the record. */
static void see_late(const struct model_facts *f, struct model_owner *o,
                     const struct model_policy *p, struct model_now now)
{
    model_mask coming = o->want & ~o->shown;

    for (int k = 0; coming != 0 && k < MODEL_MAX_KEYS; k++) {
        if (f->keys[k].used && (f->keys[k].recs & coming) != 0 && wanted_already(f, p, k, now))
            o->late |= f->keys[k].recs & coming;
    }
}

static void keep_whole(const struct model_facts *f, struct model_owner *o,
                       const struct model_policy *p, struct model_now now)
{
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (f->recs[r].used && phase_usable_left(o, p, r, now, NULL) == 0)
            o->whole |= MODEL_BIT(r);
        for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
            if (phase_addr_counts(&o->addrs[i], now) && o->addrs[i].sights[r].state == MODEL_ABSENT)
                o->whole &= ~MODEL_BIT(r);
        }
    }
}

void facts_observed(struct model_facts *f, int owner, const struct facts_round *round,
                    const struct model_policy *p, struct model_now now)
{
    struct model_owner *o;
    bool gap;

    if (owner < 0 || owner >= MODEL_MAX_OWNERS || !f->owners[owner].used)
        return;
    o = &f->owners[owner];
    gap = o->round_end == MODEL_NEVER || round->end - o->round_end > p->silence;
    if (gap)
        o->watch_since = MODEL_NEVER;
    o->round_begin = round->begin;
    o->round_end = round->end;
    o->crowded = false;
    if (round->n_answers > 0) {
        see_cname(o, round, p);
        follow_cname(o, round);
        departures(o, round, p);
    }
    for (int i = 0; i < round->n_answers && i < MODEL_MAX_ADDRS; i++)
        see_answer(f, o, &round->answers[i], round, p);
    keep_watch(f, o, round, p, now);
    see_late(f, o, p, now);
    o->shown |= o->want & phase_shown(o, p, now);
    keep_whole(f, o, p, now);
    if (o->based)
        keep_baseline(f, o);
}

void facts_baseline(struct model_facts *f, int owner)
{
    struct model_owner *o;

    if (owner < 0 || owner >= MODEL_MAX_OWNERS || !f->owners[owner].used)
        return;
    o = &f->owners[owner];
    o->based = true;
    for (int i = 0; i < MODEL_MAX_COMBOS; i++) {
        if (o->seen[i].used)
            o->seen[i].ignored |= unmatched(f, o, o->seen[i].combo);
    }
}

/* Every address that has said anything says that the record is not there. */
static bool absent_everywhere(const struct model_owner *o, int rec, struct model_now now)
{
    bool any = false;

    for (int a = 0; a < MODEL_MAX_ADDRS; a++) {
        if (!phase_addr_counts(&o->addrs[a], now))
            continue;
        if (o->addrs[a].sights[rec].state == MODEL_PRESENT)
            return false;
        any = any || o->addrs[a].sights[rec].state == MODEL_ABSENT;
    }
    return any;
}

/* Can the record be known only once the certificate is there? */
static bool by_certificate(struct model_combo combo)
{
    return combo.usage != 3 || combo.selector != 1;
}

static void put_back(struct model_owner *o, int rec)
{
    if (o->readds[rec] < UINT8_MAX)
        o->readds[rec]++;
    o->shown &= ~MODEL_BIT(rec);
}

void facts_publish_intent(struct model_facts *f, int owner, model_mask add, struct model_now now)
{
    struct model_owner *o;
    model_mask before;

    if (owner < 0 || owner >= MODEL_MAX_OWNERS || !f->owners[owner].used)
        return;
    o = &f->owners[owner];
    before = o->ever;
    if (o->first_want == MODEL_NEVER) {
        o->first_want = now.steady;
        o->empty_before = o->ever == 0;
    }
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        struct model_seen *s;

        if ((add & MODEL_BIT(r)) == 0 || !f->recs[r].used)
            continue;
        if ((o->want & o->shown & MODEL_BIT(r)) != 0 && absent_everywhere(o, r, now))
            put_back(o, r);
        s = find_seen(o, f->recs[r].combo);
        if (before != 0 && (s == NULL || by_certificate(f->recs[r].combo)))
            o->late |= MODEL_BIT(r);
        if (s != NULL)
            s->ignored = 0; /* ours now: every served chain is to be matched in it */
    }
    see_recs(f, o, add, now.steady);
    o->want |= add;
    o->drop &= ~add;
    o->changed_at = o->round_end;
}

void facts_withdraw_intent(struct model_facts *f, int owner, model_mask drop)
{
    struct model_owner *o;

    if (owner < 0 || owner >= MODEL_MAX_OWNERS || !f->owners[owner].used)
        return;
    o = &f->owners[owner];
    o->want &= ~drop;
    o->shown &= ~drop;
    o->whole &= ~drop;
    o->drop |= drop;
    o->changed_at = o->round_end;
}
