/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan_dns - records to add and to delete, keys to destroy, freezes that the records cause
 */
#include <stddef.h>

#include "core/phase.h"
#include "core/plan_step.h"

#define READDS 2 /* a record that vanishes for the third time is not put back */

/* Causes that are seen in the facts, and set and cleared by the planner alone. */
#define SEEN_CAUSES ((uint32_t)(MODEL_F_DELETED | MODEL_F_LAME | MODEL_F_SIZE | MODEL_F_CNAME))

/* Every address that counts answered in the last round; at least one. */
static bool all_answered(const struct model_owner *o, struct model_now now)
{
    bool any = false;

    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        const struct model_addr *a = &o->addrs[i];

        if (!phase_addr_counts(a, now))
            continue;
        any = true;
        if (a->last_answer == MODEL_NEVER || a->last_answer < o->round_begin ||
            a->answer_epoch != now.epoch)
            return false;
    }
    return any;
}

/* Ours, shown by every server once, and by none now. */
static model_mask vanished(const struct model_owner *o, struct model_now now)
{
    if (!all_answered(o, now))
        return 0;
    return o->want & o->shown & ~phase_shown_somewhere(o, now);
}

static uint32_t deleted(const struct plan_ctx *ctx, const struct model_owner *o)
{
    model_mask gone = vanished(o, ctx->now);

    if (gone != 0 && phase_shown_somewhere(o, ctx->now) == 0)
        return MODEL_F_DELETED; /* the whole RRset: the operator left DANE */
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((gone & MODEL_BIT(r)) != 0 && o->readds[r] >= READDS)
            return MODEL_F_DELETED;
    }
    /* Once frozen it stays until every record is back. */
    if ((ctx->f->frozen & MODEL_F_DELETED) != 0 &&
        (o->want & ~phase_shown(o, ctx->p, ctx->now)) != 0)
        return MODEL_F_DELETED;
    return 0;
}

static uint32_t lame(const struct plan_ctx *ctx, const struct model_owner *o)
{
    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        const struct model_addr *a = &o->addrs[i];
        model_time last = a->last_answer > a->first_seen ? a->last_answer : a->first_seen;

        if (phase_addr_counts(a, ctx->now) && a->last_kind == MODEL_ANS_CONTRADICTION &&
            a->last_try - last > ctx->p->silence)
            return MODEL_F_LAME;
    }
    return 0;
}

static uint32_t too_large(const struct plan_ctx *ctx, const struct model_owner *o)
{
    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        int n = 0;

        if (!phase_addr_counts(&o->addrs[i], ctx->now))
            continue;
        for (int r = 0; r < MODEL_MAX_RECS; r++)
            n += o->addrs[i].sights[r].state == MODEL_PRESENT;
        if (n > MODEL_RRSET_MAX)
            return MODEL_F_SIZE;
    }
    return 0;
}

/* Until what the CNAME leads to now has been watched for a whole wait, without a gap. */
static uint32_t moved(const struct plan_ctx *ctx, const struct model_owner *o)
{
    bool watched = o->watch_since != MODEL_NEVER && o->watch_epoch == ctx->now.epoch &&
                   o->round_begin - o->watch_since >= phase_wait(o, ctx->p, true, ctx->now);

    return o->cname_moved != MODEL_NEVER && !watched ? MODEL_F_CNAME : 0;
}

bool plan_dns_freeze(struct plan_ctx *ctx)
{
    uint32_t causes = 0, now = ctx->f->frozen & SEEN_CAUSES;

    plan_step_start(ctx, PLAN_FREEZE, &ctx->act);
    for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
        const struct model_owner *o = &ctx->f->owners[i];
        uint32_t mine;

        if (!o->used)
            continue;
        mine = deleted(ctx, o) | lame(ctx, o) | too_large(ctx, o) | moved(ctx, o);
        if ((mine & ~(causes | now)) != 0)
            ctx->act.owner = i;
        causes |= mine;
    }
    ctx->act.reason = (causes & ~now & MODEL_F_DELETED) != 0 ? PLAN_R_DELETED : PLAN_R_FROZEN;
    ctx->act.causes = causes & ~now;
    if (ctx->act.causes != 0)
        return true;
    ctx->act.verb = PLAN_THAW;
    ctx->act.causes = now & ~causes;
    return ctx->act.causes != 0;
}

/* ---- publish ---- */

/* Two whole polls have passed since the last intent: what it asked for should be seen. */
static bool had_time(const struct plan_ctx *ctx, const struct model_owner *o)
{
    return o->round_end - o->changed_at >= 2 * ctx->p->poll;
}

/* What there is to add now, and why. Zero: nothing. */
static model_mask to_publish(const struct plan_ctx *ctx, const struct model_owner *o,
                             model_mask target, enum plan_reason *why)
{
    model_mask shown = phase_shown(o, ctx->p, ctx->now);
    model_mask missing = target & ~shown;
    model_mask nowhere = missing & ~phase_shown_somewhere(o, ctx->now);

    model_mask unasked = missing & ~o->want;

    if (o->changed_at != MODEL_NEVER && o->round_end <= o->changed_at)
        return 0; /* first see what came of the last change */
    if ((vanished(o, ctx->now) & target) != 0)
        *why = PLAN_R_VANISHED;
    else if ((unasked & nowhere) != 0 || (unasked != 0 && had_time(ctx, o)))
        *why = o->first_want == MODEL_NEVER ? PLAN_R_FIRST : PLAN_R_NEED_STANDBY;
    else if ((nowhere & o->want) != 0 && all_answered(o, ctx->now) && had_time(ctx, o))
        *why = PLAN_R_UNSEEN; /* a crash before the request, or an API that lied */
    else
        return 0;
    return missing;
}

/* What is left of the target when safety refused one record: without its key's, or, where a
 * combination would be bare, without that combination. Zero: the refusal is of the whole. */
static model_mask without(const struct plan_ctx *ctx, model_mask target,
                          const struct safety_verdict *no)
{
    if (no->rec == MODEL_NONE)
        return 0;
    if (no->no != SAFETY_NO_COMBINATION)
        return target & ~MODEL_BIT(no->rec);
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (phase_same_combo(ctx->f->recs[r].combo, ctx->f->recs[no->rec].combo))
            target &= ~MODEL_BIT(r);
    }
    return target;
}

static bool publish_at(struct plan_ctx *ctx, int owner, model_mask target)
{
    const struct model_owner *o = &ctx->f->owners[owner];

    while (target != 0) {
        struct plan_action draft;
        struct safety_verdict no;
        enum plan_reason why;

        plan_step_start(ctx, PLAN_PUBLISH, &draft);
        draft.owner = owner;
        draft.mask = to_publish(ctx, o, target, &why);
        if (draft.mask == 0)
            return false;
        if (o->retry_at > ctx->now.steady) {
            plan_step_await(ctx, &draft, why, o->retry_at);
            return false;
        }
        if (safety_allows(ctx->f, ctx->p, &draft, ctx->now, &no))
            return plan_step_try(ctx, &draft, why);
        plan_step_blocked(ctx, &draft, &no);
        target = without(ctx, target, &no);
    }
    return false;
}

bool plan_dns_publish(struct plan_ctx *ctx)
{
    model_mask target = plan_step_target(ctx);

    for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
        const struct model_owner *o = &ctx->f->owners[i];

        if (!o->used || o->round_end == MODEL_NEVER)
            continue;
        if (publish_at(ctx, i, target))
            return true;
    }
    return false;
}

/* ---- withdraw ---- */

static bool over(const struct model_key *k)
{
    return k->retired || k->compromised || k->refused || k->shredded;
}

/* Is the record one for a key or a certificate that is still to be used? */
static bool needed(const struct plan_ctx *ctx, int rec)
{
    const struct model_facts *f = ctx->f;

    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (f->keys[k].used && !over(&f->keys[k]) && (f->keys[k].recs & MODEL_BIT(rec)) != 0)
            return true;
    }
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (f->chains[c].used && !f->chains[c].rejected && f->chains[c].installed == MODEL_NEVER &&
            !over(&f->keys[f->chains[c].key]) && (f->chains[c].matches & MODEL_BIT(rec)) != 0)
            return true;
    }
    return false;
}

/* A record is withdrawn by itself: what holds one back does not hold the others. */
static bool withdrawable(struct plan_ctx *ctx, struct plan_action *draft, int rec)
{
    struct safety_verdict why;

    draft->mask = MODEL_BIT(rec);
    if (safety_allows(ctx->f, ctx->p, draft, ctx->now, &why))
        return true;
    if (why.no != SAFETY_NO_SERVABLE || ctx->f->keys[ctx->f->chains[why.chain].key].compromised)
        plan_step_blocked(ctx, draft, &why);
    return false;
}

static bool withdraw_from(struct plan_ctx *ctx, int owner, model_mask target)
{
    const struct model_owner *o = &ctx->f->owners[owner];
    model_mask there = o->want, mask = 0;
    struct plan_action draft;

    if (had_time(ctx, o)) /* asked for, and still there: ask again */
        there |= o->drop & phase_shown_somewhere(o, ctx->now);
    plan_step_start(ctx, PLAN_WITHDRAW, &draft);
    draft.owner = owner;
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((there & ~target & MODEL_BIT(r)) == 0 || !ctx->f->recs[r].ours || needed(ctx, r))
            continue;
        if (withdrawable(ctx, &draft, r))
            mask |= MODEL_BIT(r);
    }
    draft.mask = mask;
    if (mask == 0)
        return false;
    plan_step_wake(ctx, o->retry_at);
    if (o->retry_at > ctx->now.steady) {
        plan_step_await(ctx, &draft, PLAN_R_RETIRED, o->retry_at);
        return false;
    }
    return plan_step_try(ctx, &draft, PLAN_R_RETIRED);
}

bool plan_dns_withdraw(struct plan_ctx *ctx)
{
    model_mask target = plan_step_target(ctx);

    for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
        if (ctx->f->owners[i].used && withdraw_from(ctx, i, target))
            return true;
    }
    return false;
}

/* ---- shred ---- */

static bool servable(const struct model_facts *f, int key)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if ((phase_servable(f) >> c & 1u) != 0 && f->chains[c].key == key)
            return true;
    }
    return false;
}

bool plan_dns_shred(struct plan_ctx *ctx)
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        const struct model_key *key = &ctx->f->keys[k];
        struct plan_action draft;

        if (!key->used || key->shredded || !over(key) || servable(ctx->f, k))
            continue;
        plan_step_start(ctx, PLAN_SHRED, &draft);
        draft.key = k;
        plan_step_wake(ctx, key->retry_at);
        if (key->retry_at > ctx->now.steady)
            plan_step_await(ctx, &draft, PLAN_R_UNCACHED, key->retry_at);
        else if (plan_step_try(ctx, &draft, PLAN_R_UNCACHED))
            return true;
    }
    return false;
}
