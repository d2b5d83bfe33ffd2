/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * small_tidy - states that behave alike become the same
 *
 * Every rule here forgets only what the core cannot tell apart: an age beyond the largest
 * threshold that it is ever compared with; good waiting beyond W; what a server once said when
 * it has been silent for so long that the next answer starts it anew; the moment of an event of
 * which only "it happened" is asked. Differences that are compared (last answer - since, last
 * round - last change) and orders (of certificates obtained) are kept up to their thresholds.
 *
 * The argument is checked, not only made: `explorer --check-tidy` shows for each transition of
 * each state that the state as it came out and the tidied one have the same plan, the same
 * possible transitions, and the same tidied successors. So forgetting commutes with every
 * transition, and what is found of the tidied states is true of all.
 */
#include "small.h"

#include <string.h>

static model_time ago(int ticks)
{
    return SMALL_NOW - ticks * SMALL_TICK;
}

/* No longer ago than this. */
static void at_most(model_time *t, int ticks)
{
    if (*t != MODEL_NEVER && *t < ago(ticks))
        *t = ago(ticks);
}

static void happened(model_time *t)
{
    at_most(t, 0);
}

/* `*t` lay before `was`, which is `is` now: it stays as far before it, up to `ticks`. */
static void follow(model_time *t, model_time was, model_time is, int ticks)
{
    model_time before = was - *t, most = ticks * SMALL_TICK;

    if (*t == MODEL_NEVER)
        return;
    if (before < 0)
        before = 0;
    *t = is - (before < most ? before : most);
}

static void tidy_sights(const struct small_world *w, struct model_owner *o, struct model_addr *a,
                        model_time was, bool stale)
{
    int most = w->wait - (w->bug == BUG_FORGET_TOO_MUCH);

    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        struct model_sight *s = &a->sights[r];
        model_mask bit = MODEL_BIT(r);
        bool asked = s->state == MODEL_PRESENT ? (o->drop & bit) == 0 : (o->want & bit) == 0;

        if (s->state == MODEL_UNKNOWN)
            s->since = MODEL_NEVER;
        else
            follow(&s->since, was, a->last_answer, stale || !asked ? 0 : most);
    }
}

static void tidy_addr(const struct small_world *w, struct model_owner *o, struct model_addr *a,
                      model_time round_was, uint32_t epoch)
{
    model_time was = a->last_answer;
    bool stale;

    if (!a->used)
        return;
    follow(&a->last_answer, round_was, o->round_end, w->gap + 1);
    stale = a->answer_epoch != epoch || a->last_answer < ago(w->gap);
    if (a->last_answer != MODEL_NEVER)
        a->first_seen = a->last_answer;
    else
        follow(&a->first_seen, round_was, o->round_end, w->gap + 1);
    follow(&a->last_try, round_was, o->round_end, w->gap + 1);
    tidy_sights(w, o, a, was, stale);
}

static void tidy_owner(const struct small_world *w, struct model_owner *o, uint32_t epoch)
{
    model_time was = o->round_end;

    at_most(&o->round_end, w->gap + 1);
    o->round_begin = o->round_end;
    follow(&o->changed_at, was, o->round_end, 2);
    if (o->round_end != MODEL_NEVER && o->round_end < ago(w->gap))
        o->watch_since = MODEL_NEVER;
    at_most(&o->watch_since, (int)(w->policy.past_ttl / SMALL_TICK) + 1);
    happened(&o->ttl_max_at);
    happened(&o->first_want);
    for (int i = 0; i < MODEL_MAX_COMBOS; i++)
        happened(&o->seen[i].last_seen);
    for (int i = 0; i < MODEL_MAX_ADDRS; i++)
        tidy_addr(w, o, &o->addrs[i], was, epoch);
}

/* Which was obtained before which, and how long ago if that is not long. */
static void tidy_obtained(struct model_facts *f)
{
    model_time newer = SMALL_NOW + SMALL_TICK, capped = newer;

    for (;;) {
        model_time next = MODEL_NEVER;

        for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
            if (f->chains[c].used && f->chains[c].obtained < newer && f->chains[c].obtained > next)
                next = f->chains[c].obtained;
        }
        if (next == MODEL_NEVER)
            return;
        newer = next;
        at_most(&next, 2);
        capped = next < capped ? next : capped - SMALL_TICK;
        for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
            if (f->chains[c].used && f->chains[c].obtained == newer)
                f->chains[c].obtained = capped;
        }
    }
}

static void tidy_facts(const struct small_world *w, struct model_facts *f)
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++)
        happened(&f->keys[k].made);
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        struct model_chain *chain = &f->chains[c];

        at_most(&chain->installed, 2);
        happened(&chain->attested);
        happened(&chain->committed);
        happened(&chain->drained);
        happened(&chain->wrong_at);
        at_most(&chain->left, chain->rejected ? 2 : 0);
    }
    tidy_obtained(f);
    at_most(&f->last_attest, w->gap + 1);
    tidy_owner(w, &f->owners[0], f->epoch);
}

static void swap(void *a, void *b, size_t n)
{
    uint8_t t[sizeof(struct model_addr)];

    memcpy(t, a, n);
    memcpy(a, b, n);
    memcpy(b, t, n);
}

static uint8_t swapped_bits(uint8_t set)
{
    return (uint8_t)((set & 1u) << 1 | (set >> 1 & 1u));
}

/* The servers are alike: neither engine nor caches know them but by number. */
static int compare_servers(const struct small *s)
{
    const struct model_addr *a = &s->facts.owners[0].addrs[0], *b = a + 1;
    int d = (int)s->shows[0] - (int)s->shows[1];

    if (d == 0)
        d = (int)s->before[0] - (int)s->before[1];
    if (d == 0)
        d = (int)s->truth[0] - (int)s->truth[1];
    if (d == 0)
        d = (s->flaps & 1) - (s->flaps >> 1) + 4 * ((s->unseen & 1) - (s->unseen >> 1));
    for (int r = 0; r < MODEL_MAX_RECS && d == 0; r++) {
        d = (int)a->sights[r].state - (int)b->sights[r].state;
        if (d == 0 && a->sights[r].since != b->sights[r].since)
            d = a->sights[r].since < b->sights[r].since ? -1 : 1;
    }
    if (d == 0 && a->last_answer != b->last_answer)
        d = a->last_answer < b->last_answer ? -1 : 1;
    return d;
}

static void tidy_servers(struct small *s)
{
    struct model_addr *addrs = s->facts.owners[0].addrs;

    if (compare_servers(s) <= 0)
        return;
    swap(&s->shows[0], &s->shows[1], 1);
    swap(&s->before[0], &s->before[1], 1);
    swap(&s->truth[0], &s->truth[1], 1);
    s->flaps = swapped_bits(s->flaps);
    s->unseen = swapped_bits(s->unseen);
    swap(&addrs[0], &addrs[1], sizeof addrs[0]);
    swap(addrs[0].ip, addrs[1].ip, sizeof addrs[0].ip);
}

void small_tidy(const struct small_world *w, struct small *s)
{
    tidy_facts(w, &s->facts);
    if (s->procs[0] > s->procs[1])
        swap(&s->procs[0], &s->procs[1], 1);
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (!s->facts.chains[c].used)
            s->cert_of[c] = MODEL_NONE;
    }
    for (int i = 0; i < SMALL_SERVERS; i++) {
        if ((s->flaps & 1u << i) == 0)
            s->truth[i] = 0;
        if (s->flaps_left == 0)
            s->before[i] = 0; /* only a flap asks for it */
    }
    if (s->pc == 0) {
        s->verb = s->recs = 0;
        s->chain = MODEL_NONE;
    }
    if (w->bug == BUG_NONE)
        tidy_servers(s);
}
