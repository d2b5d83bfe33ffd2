/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "core/phase.h"
#include "core/plan_step.h"
#include "core/renew.h"

void plan_step_start(const struct plan_ctx *ctx, enum plan_verb verb, struct plan_action *act)
{
    *act = (struct plan_action){.verb = verb,
                                .reason = PLAN_R_IDLE,
                                .alg = MODEL_NONE,
                                .key = MODEL_NONE,
                                .chain = MODEL_NONE,
                                .owner = MODEL_NONE,
                                .addr = MODEL_NONE,
                                .rec = MODEL_NONE,
                                .wake = ctx->now.steady};
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        act->chains[a] = ctx->f->algs[a].used ? ctx->f->algs[a].current : MODEL_NONE;
}

void plan_step_wake(struct plan_ctx *ctx, model_time at)
{
    if (at > ctx->now.steady && at < ctx->wake)
        ctx->wake = at;
}

void plan_step_await(struct plan_ctx *ctx, const struct plan_action *draft, enum plan_reason why,
                     model_time until)
{
    plan_step_wake(ctx, until);
    if (ctx->awaiting)
        return;
    ctx->awaiting = true;
    ctx->await = *draft;
    ctx->await.reason = why;
    ctx->await.wake = until;
}

static enum plan_reason reason_of(enum safety_no no)
{
    switch (no) {
    case SAFETY_NO_FROZEN:
        return PLAN_R_FROZEN;
    case SAFETY_NO_UNSEEN:
        return PLAN_R_UNSEEN;
    case SAFETY_NO_WAIT:
    case SAFETY_NO_CACHED:
        return PLAN_R_WAITING;
    case SAFETY_NO_UNATTESTED:
        return PLAN_R_PROOF;
    case SAFETY_NO_DRAIN:
        return PLAN_R_DRAIN;
    case SAFETY_NO_WINDOW:
        return PLAN_R_WINDOW;
    default:
        return PLAN_R_BLOCKED;
    }
}

void plan_step_blocked(struct plan_ctx *ctx, const struct plan_action *draft,
                       const struct safety_verdict *why)
{
    struct plan_action act = *draft;
    model_time until = MODEL_NEVER;

    if (why->left > 0 && why->left != PHASE_FOREVER)
        until = ctx->now.steady + why->left;
    if (why->owner != MODEL_NONE)
        act.owner = why->owner;
    act.addr = until == MODEL_NEVER ? why->addr : MODEL_NONE; /* time alone: no one's fault */
    act.rec = why->rec;
    if (why->chain != MODEL_NONE)
        act.chain = why->chain;
    act.causes = ctx->f->frozen;
    act.no = (int)why->no;
    plan_step_await(ctx, &act, reason_of(why->no), until);
}

bool plan_step_try(struct plan_ctx *ctx, const struct plan_action *draft, enum plan_reason reason)
{
    struct safety_verdict why;

    if (!safety_allows(ctx->f, ctx->p, draft, ctx->now, &why)) {
        plan_step_blocked(ctx, draft, &why);
        return false;
    }
    ctx->act = *draft;
    ctx->act.reason = reason;
    return true;
}

/* ---- what is staged ---- */

/* Usage 2: a certificate from an issuer that is not published is held. Into the last margin
 * another is ordered first; one obtained within the margin is then the last resort. */
static bool held_back(const struct plan_ctx *ctx, const struct model_chain *c, int current)
{
    model_time into_margin;

    if (!c->held)
        return false;
    if (current == MODEL_NONE)
        return true;
    into_margin = ctx->now.wall - renew_deadline(&ctx->f->chains[current], ctx->p);
    return into_margin < 0 || ctx->now.steady - c->obtained > into_margin;
}

static bool waits(const struct plan_ctx *ctx, const struct model_chain *c, int current)
{
    return c->used && c->durable && !c->rejected && c->installed == MODEL_NEVER &&
           c->not_before <= ctx->now.wall && ctx->now.wall < c->not_after &&
           (current == MODEL_NONE || c->obtained >= ctx->f->chains[current].obtained) &&
           !held_back(ctx, c, current);
}

int plan_step_staged(const struct plan_ctx *ctx, int alg, bool same_key)
{
    const struct model_facts *f = ctx->f;
    int current = f->algs[alg].current, best = MODEL_NONE;
    int key = current == MODEL_NONE ? MODEL_NONE : f->chains[current].key;

    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        const struct model_chain *chain = &f->chains[c];
        const struct model_key *k = &f->keys[chain->key];

        if (!waits(ctx, chain, current) || k->alg != alg || (chain->key == key) != same_key)
            continue;
        if (same_key
                ? k->compromised || !k->on_disk
                : !phase_key_usable(k) || (key != MODEL_NONE && k->serial <= f->keys[key].serial))
            continue;
        if (best == MODEL_NONE || chain->obtained > f->chains[best].obtained)
            best = c;
    }
    return best;
}

static model_mask staged_recs(const struct plan_ctx *ctx, int alg)
{
    model_mask recs = 0;
    int same = plan_step_staged(ctx, alg, true), next = plan_step_staged(ctx, alg, false);

    if (same != MODEL_NONE)
        recs |= phase_chain_recs(ctx->f, ctx->p, same);
    if (next != MODEL_NONE)
        recs |=
            phase_chain_recs(ctx->f, ctx->p, next) | ctx->f->keys[ctx->f->chains[next].key].recs;
    return recs;
}

model_mask plan_step_target(const struct plan_ctx *ctx)
{
    const struct model_facts *f = ctx->f;
    model_mask recs = 0;

    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        const struct model_alg *alg = &f->algs[a];
        enum renew_kind kind;
        int next;

        if (!alg->used)
            continue;
        if (alg->current != MODEL_NONE && !f->keys[f->chains[alg->current].key].compromised)
            recs |= phase_chain_recs(f, ctx->p, alg->current) |
                    f->keys[f->chains[alg->current].key].recs;
        if (!alg->wanted)
            continue;
        kind = renew_decide(f, ctx->p, a, ctx->now, &next);
        if (next != MODEL_NONE && (ctx->p->strategy == MODEL_STANDBY || kind == RENEW_NEXT_KEY))
            recs |= f->keys[next].recs;
        recs |= staged_recs(ctx, a);
    }
    return recs;
}
