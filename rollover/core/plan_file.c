/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan_file - keys, certificates and the chain file
 */
#include <stddef.h>

#include "core/phase.h"
#include "core/plan_step.h"
#include "core/renew.h"

/* A switch that was facts-wise ready asks the servers again at most so often. */
#define ASK_AGAIN 10 /* times policy.fresh */

static bool backed_off(struct plan_ctx *ctx, model_time until)
{
    plan_step_wake(ctx, until);
    return until > ctx->now.steady;
}

/* ---- rollback, commit ---- */

bool plan_file_rollback(struct plan_ctx *ctx)
{
    const struct model_facts *f = ctx->f;

    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        const struct model_alg *alg = &f->algs[a];
        struct plan_action draft;
        bool wrong, asked;

        if (!alg->used || alg->current == MODEL_NONE)
            continue;
        wrong = f->chains[alg->current].wrong_at != MODEL_NEVER;
        asked = alg->rollback && alg->previous != MODEL_NONE;
        if ((!wrong && !asked) || f->chains[alg->current].committed != MODEL_NEVER)
            continue;
        plan_step_start(ctx, PLAN_ROLLBACK, &draft);
        draft.alg = a;
        draft.chain = alg->previous;
        draft.chains[a] = alg->previous;
        if (!backed_off(ctx, f->retry_switch_at) &&
            plan_step_try(ctx, &draft, wrong ? PLAN_R_WRONG : PLAN_R_ASKED))
            return true;
    }
    return false;
}

static bool something_to_commit(const struct plan_ctx *ctx, int alg)
{
    const struct model_facts *f = ctx->f;
    const struct model_alg *a = &f->algs[alg];

    if (!a->used)
        return false;
    if (a->current != MODEL_NONE)
        return f->chains[a->current].committed == MODEL_NEVER;
    for (int k = 0; !a->wanted && k < MODEL_MAX_KEYS; k++) {
        if (f->keys[k].used && f->keys[k].alg == alg && !f->keys[k].retired && !f->keys[k].shredded)
            return true;
    }
    return false;
}

bool plan_file_commit(struct plan_ctx *ctx)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        struct plan_action draft;

        if (!something_to_commit(ctx, a))
            continue;
        plan_step_start(ctx, PLAN_COMMIT, &draft);
        draft.alg = a;
        draft.chain = ctx->f->algs[a].current;
        if (plan_step_try(ctx, &draft, PLAN_R_WINDOW))
            return true;
    }
    return false;
}

/* ---- keys ---- */

static bool room_for_key(const struct plan_ctx *ctx)
{
    bool key = false;
    int recs = 0;

    for (int k = 0; k < MODEL_MAX_KEYS; k++)
        key = key || !ctx->f->keys[k].used;
    for (int r = 0; r < MODEL_MAX_RECS; r++)
        recs += !ctx->f->recs[r].used;
    return key && recs >= ctx->p->n_combos;
}

/* Why a key is to be made for the algorithm, or PLAN_R_IDLE. */
static enum plan_reason key_wanted(const struct plan_ctx *ctx, int alg)
{
    const struct model_facts *f = ctx->f;
    const struct model_alg *a = &f->algs[alg];
    const struct model_chain *c;
    enum renew_kind kind;
    int next;

    if (!a->used || !a->wanted)
        return PLAN_R_IDLE;
    kind = renew_decide(f, ctx->p, alg, ctx->now, &next);
    if (next != MODEL_NONE)
        return PLAN_R_IDLE;
    if (a->current == MODEL_NONE)
        return PLAN_R_NEW;
    c = &f->chains[a->current];
    if (kind == RENEW_NEXT_KEY)
        return f->keys[c->key].compromised ? PLAN_R_COMPROMISED : PLAN_R_RENEW_DUE;
    /* The next standby is published as soon as the switch is attested. */
    if (ctx->p->strategy == MODEL_STANDBY &&
        (c->attested != MODEL_NEVER || f->keys[c->key].adopted))
        return PLAN_R_NEED_STANDBY;
    return PLAN_R_IDLE;
}

bool plan_file_make_key(struct plan_ctx *ctx)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        enum plan_reason reason = key_wanted(ctx, a);
        struct plan_action draft;

        if (reason == PLAN_R_IDLE)
            continue;
        plan_step_start(ctx, PLAN_MAKE_KEY, &draft);
        draft.alg = a;
        if (!room_for_key(ctx) || backed_off(ctx, ctx->f->algs[a].retry_at))
            plan_step_await(ctx, &draft, reason, ctx->f->algs[a].retry_at);
        else if (plan_step_try(ctx, &draft, reason))
            return true;
    }
    return false;
}

/* ---- certificates ---- */

static bool nothing_served(const struct plan_ctx *ctx)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (ctx->f->algs[a].used && ctx->f->algs[a].current != MODEL_NONE)
            return false;
    }
    return true;
}

/* Published before the compromise: it is waited for. One made since is used at once. */
static bool emergency(const struct plan_ctx *ctx, int alg, int key)
{
    int current = ctx->f->algs[alg].current;

    return current != MODEL_NONE && ctx->f->keys[ctx->f->chains[current].key].compromised &&
           ctx->f->keys[key].made >= ctx->f->compromised_at;
}

/* Until when the records of the key still have to wait; names the worst in `draft`. */
static model_time wait_for(const struct plan_ctx *ctx, model_mask recs, struct plan_action *draft)
{
    model_time left = 0;

    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        for (int r = 0; ctx->f->owners[o].used && r < MODEL_MAX_RECS; r++) {
            model_time mine;
            int worst;

            if ((recs & MODEL_BIT(r)) == 0)
                continue;
            mine = phase_usable_left(&ctx->f->owners[o], ctx->p, r, ctx->now, &worst);
            if (mine <= left)
                continue;
            left = mine;
            draft->owner = o;
            draft->rec = r;
            draft->addr = mine == PHASE_FOREVER ? worst : MODEL_NONE;
        }
    }
    return left;
}

static enum plan_reason issue_reason(const struct plan_ctx *ctx, int alg, enum renew_kind kind)
{
    int current = ctx->f->algs[alg].current;

    if (current == MODEL_NONE)
        return PLAN_R_NEW;
    if (ctx->f->keys[ctx->f->chains[current].key].compromised)
        return PLAN_R_COMPROMISED;
    if (ctx->f->algs[alg].renew)
        return PLAN_R_ASKED;
    if (kind == RENEW_SAME_KEY)
        return ctx->p->strategy == MODEL_REUSE ? PLAN_R_SAME_KEY : PLAN_R_DEADLINE;
    if (ctx->now.wall >= renew_due_at(&ctx->f->chains[current], ctx->p) ||
        renew_by_age(&ctx->f->chains[current], ctx->p, ctx->now))
        return PLAN_R_RENEW_DUE;
    return ctx->f->roll_now ? PLAN_R_ASKED : PLAN_R_SERVED_GONE;
}

/* A certificate that is held is not asked for again before the last margin. */
static bool held_for_now(const struct plan_ctx *ctx, int key, int current)
{
    if (current != MODEL_NONE && ctx->now.wall >= renew_deadline(&ctx->f->chains[current], ctx->p))
        return false;
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        const struct model_chain *chain = &ctx->f->chains[c];

        if (chain->used && chain->held && chain->key == key && chain->installed == MODEL_NEVER &&
            !chain->rejected)
            return true;
    }
    return false;
}

static bool room_for_chain(const struct plan_ctx *ctx)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (!ctx->f->chains[c].used)
            return true;
    }
    return false;
}

/* Everything is there for the order: unless it is under way, or not to be tried yet. */
static bool order(struct plan_ctx *ctx, const struct plan_action *draft, enum plan_reason why)
{
    const struct model_key *k = &ctx->f->keys[draft->key];
    model_time until = k->retry_at > k->wait_until ? k->retry_at : k->wait_until;

    if (k->ordering != MODEL_NEVER)
        plan_step_await(ctx, draft, PLAN_R_ORDERING, MODEL_NEVER);
    else if (backed_off(ctx, until))
        plan_step_await(ctx, draft, why, until);
    else
        return plan_step_try(ctx, draft, why);
    return false;
}

static bool issue_for(struct plan_ctx *ctx, int alg)
{
    int current = ctx->f->algs[alg].current, next, key;
    enum renew_kind kind = renew_decide(ctx->f, ctx->p, alg, ctx->now, &next);
    struct plan_action draft;
    int staged;

    if (current != MODEL_NONE)
        plan_step_wake(ctx, ctx->now.steady + renew_due_at(&ctx->f->chains[current], ctx->p) -
                                ctx->now.wall);
    if (kind == RENEW_NOT_DUE)
        return false;
    staged = plan_step_staged(ctx, alg, kind == RENEW_SAME_KEY);
    key = next;
    if (kind == RENEW_SAME_KEY && current != MODEL_NONE)
        key = ctx->f->chains[current].key;
    if (key == MODEL_NONE || (staged != MODEL_NONE && ctx->f->chains[staged].key == key))
        return false;
    plan_step_start(ctx, PLAN_ISSUE, &draft);
    draft.alg = alg;
    draft.key = key;
    if (held_for_now(ctx, key, current) || !room_for_chain(ctx)) {
        draft.no = SAFETY_NO_COMBINATION;
        plan_step_await(ctx, &draft, PLAN_R_BLOCKED,
                        current == MODEL_NONE
                            ? MODEL_NEVER
                            : ctx->now.steady + renew_deadline(&ctx->f->chains[current], ctx->p) -
                                  ctx->now.wall);
        return false;
    }
    if (kind == RENEW_NEXT_KEY && !nothing_served(ctx) && !emergency(ctx, alg, key)) {
        model_time left = wait_for(ctx, ctx->f->keys[key].recs, &draft);

        if (left > 0) {
            plan_step_await(ctx, &draft, left == PHASE_FOREVER ? PLAN_R_UNSEEN : PLAN_R_WAITING,
                            left == PHASE_FOREVER ? MODEL_NEVER : ctx->now.steady + left);
            return false;
        }
    }
    return order(ctx, &draft, issue_reason(ctx, alg, kind));
}

/* Nothing else is waited for: a standby on its way into every cache. */
void plan_file_await_standby(struct plan_ctx *ctx)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        struct plan_action draft;
        model_time left;
        int next;

        if (!ctx->f->algs[a].used || !ctx->f->algs[a].wanted)
            continue;
        (void)renew_decide(ctx->f, ctx->p, a, ctx->now, &next);
        if (next == MODEL_NONE || ctx->p->strategy != MODEL_STANDBY)
            continue;
        plan_step_start(ctx, PLAN_ISSUE, &draft);
        draft.alg = a;
        draft.key = next;
        left = wait_for(ctx, ctx->f->keys[next].recs, &draft);
        if (left > 0)
            plan_step_await(ctx, &draft, left == PHASE_FOREVER ? PLAN_R_UNSEEN : PLAN_R_WAITING,
                            left == PHASE_FOREVER ? MODEL_NEVER : ctx->now.steady + left);
    }
}

bool plan_file_issue(struct plan_ctx *ctx)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (ctx->f->algs[a].used && ctx->f->algs[a].wanted && issue_for(ctx, a))
            return true;
    }
    return false;
}

/* ---- the switch ---- */

/* After a rollback the next try waits for a commit window, unless the certificate runs out. */
static bool burnt(struct plan_ctx *ctx, int alg)
{
    const struct model_facts *f = ctx->f;
    int current = f->algs[alg].current;

    if (current != MODEL_NONE && ctx->now.wall > renew_deadline(&f->chains[current], ctx->p))
        return false;
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        const struct model_chain *chain = &f->chains[c];

        if (chain->used && chain->rejected && chain->left != MODEL_NEVER &&
            f->keys[chain->key].alg == alg && backed_off(ctx, chain->left + ctx->p->commit_max))
            return true;
    }
    return false;
}

static bool ask(struct plan_ctx *ctx, int alg, int chain, struct safety_verdict *why)
{
    struct plan_action one;

    plan_step_start(ctx, PLAN_SWITCH, &one);
    one.alg = alg;
    one.chain = chain;
    one.chains[alg] = (int8_t)chain;
    if (safety_allows(ctx->f, ctx->p, &one, ctx->now, why) || why->no == SAFETY_NO_STALE_FACTS)
        return true;
    plan_step_blocked(ctx, &one, why);
    return false;
}

/* Does another algorithm that is still wanted stay in the file? */
static bool others_stay(const struct plan_ctx *ctx, int alg)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (a != alg && ctx->f->algs[a].used && ctx->f->algs[a].wanted &&
            ctx->f->algs[a].current != MODEL_NONE)
            return true;
    }
    return false;
}

/* The chain to put in for this algorithm, if it differs and all but a last look is settled. */
static bool switch_of(struct plan_ctx *ctx, int alg, int8_t *chain)
{
    const struct model_alg *a = &ctx->f->algs[alg];
    struct safety_verdict why;
    int same, next;

    if (!a->used || burnt(ctx, alg))
        return false;
    if (!a->wanted) {
        *chain = MODEL_NONE;
        return a->current != MODEL_NONE && others_stay(ctx, alg) && ask(ctx, alg, MODEL_NONE, &why);
    }
    next = plan_step_staged(ctx, alg, false);
    same = plan_step_staged(ctx, alg, true);
    *chain = (int8_t)next;
    if (next != MODEL_NONE && ask(ctx, alg, next, &why))
        return true;
    *chain = (int8_t)same;
    return same != MODEL_NONE && ask(ctx, alg, same, &why);
}

static bool prove_first(struct plan_ctx *ctx, const struct plan_action *draft)
{
    model_time last = ctx->f->last_attest, staged = MODEL_NEVER;

    if (ctx->outlook || nothing_served(ctx))
        return false;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = draft->chains[a];

        if (c != MODEL_NONE && c != ctx->f->algs[a].current && ctx->f->chains[c].obtained > staged)
            staged = ctx->f->chains[c].obtained;
    }
    if (last != MODEL_NEVER && last >= staged && ctx->now.steady - last <= ctx->p->silence)
        return false;
    plan_step_start(ctx, PLAN_ATTEST, &ctx->act);
    ctx->act.reason = PLAN_R_PROOF;
    return true;
}

/* Everything is there but facts of just now. A server that was silent is asked again with the
 * next poll, not sooner; and no owner more often than ASK_AGAIN x fresh. */
static bool look_once_more(struct plan_ctx *ctx, const struct plan_action *draft)
{
    const struct model_facts *f = ctx->f;
    model_time gap = ASK_AGAIN * ctx->p->fresh;
    int oldest = MODEL_NONE, silent;

    if (gap > ctx->p->poll)
        gap = ctx->p->poll;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (!f->owners[o].used || phase_fresh(f, ctx->p, o, ctx->now, &silent) ||
            silent != MODEL_NONE)
            continue;
        if (oldest == MODEL_NONE || f->owners[o].round_end < f->owners[oldest].round_end)
            oldest = o;
    }
    if (oldest == MODEL_NONE || backed_off(ctx, f->owners[oldest].round_end + gap) ||
        ctx->outlook) {
        plan_step_await(ctx, draft, PLAN_R_POLL, MODEL_NEVER);
        return false;
    }
    plan_step_start(ctx, PLAN_OBSERVE, &ctx->act);
    ctx->act.owner = oldest;
    ctx->act.reason = PLAN_R_READY;
    return true;
}

bool plan_file_switch(struct plan_ctx *ctx)
{
    struct plan_action draft;
    struct safety_verdict why;
    bool any = false;

    plan_step_start(ctx, PLAN_SWITCH, &draft);
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int8_t chain;

        if (!switch_of(ctx, a, &chain))
            continue;
        draft.chains[a] = chain;
        draft.alg = any ? MODEL_NONE : a;
        draft.chain = any ? MODEL_NONE : chain;
        any = true;
    }
    if (!any)
        return false;
    if (backed_off(ctx, ctx->f->retry_switch_at)) {
        plan_step_await(ctx, &draft, PLAN_R_READY, ctx->f->retry_switch_at);
        return false;
    }
    if (!ctx->f->postfix_up) {
        draft.no = SAFETY_NO_POSTFIX;
        plan_step_await(ctx, &draft, PLAN_R_BLOCKED, MODEL_NEVER);
        return false;
    }
    if (prove_first(ctx, &draft))
        return true;
    if (safety_allows(ctx->f, ctx->p, &draft, ctx->now, &why)) {
        ctx->act = draft;
        ctx->act.reason = PLAN_R_READY;
        return true;
    }
    if (why.no == SAFETY_NO_STALE_FACTS)
        return look_once_more(ctx, &draft);
    plan_step_blocked(ctx, &draft, &why);
    return false;
}
