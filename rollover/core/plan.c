/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "core/phase.h"
#include "core/plan.h"
#include "core/plan_step.h"
#include "core/renew.h"

#define LONGEST_SLEEP INT64_C(3600000)

static const char *const verbs[] = {
    [PLAN_WAIT] = "wait",         [PLAN_ADOPT] = "adopt",       [PLAN_OBSERVE] = "observe",
    [PLAN_MAKE_KEY] = "make-key", [PLAN_PUBLISH] = "publish",   [PLAN_ISSUE] = "issue",
    [PLAN_SWITCH] = "switch",     [PLAN_ATTEST] = "attest",     [PLAN_COMMIT] = "commit",
    [PLAN_ROLLBACK] = "rollback", [PLAN_WITHDRAW] = "withdraw", [PLAN_SHRED] = "shred",
    [PLAN_FREEZE] = "freeze",     [PLAN_THAW] = "thaw",
};

static const char *const reasons[] = {
    [PLAN_R_IDLE] = "nothing is due",
    [PLAN_R_NEW] = "not known yet",
    [PLAN_R_POLL] = "name servers are to be asked again",
    [PLAN_R_NEED_STANDBY] = "a standby is missing",
    [PLAN_R_FIRST] = "first publication",
    [PLAN_R_RENEW_DUE] = "renewal is due",
    [PLAN_R_ASKED] = "the operator asked",
    [PLAN_R_SAME_KEY] = "renewal with the same key",
    [PLAN_R_DEADLINE] = "the next key cannot be ready in time: renewal with the same key",
    [PLAN_R_UNSEEN] = "a name server does not show a record",
    [PLAN_R_WAITING] = "caches may hold older records",
    [PLAN_R_READY] = "all is confirmed",
    [PLAN_R_PROOF] = "proof that the chain is served",
    [PLAN_R_WINDOW] = "the commit window",
    [PLAN_R_DRAIN] = "a server process from before the switch lives",
    [PLAN_R_RETIRED] = "records of a retired key",
    [PLAN_R_UNCACHED] = "removed everywhere, and from caches",
    [PLAN_R_WRONG] = "a target was reached and showed something else",
    [PLAN_R_VANISHED] = "a record of ours is gone",
    [PLAN_R_DELETED] = "somebody deletes our records",
    [PLAN_R_SERVED_GONE] = "the served record is gone, the standby is in every cache",
    [PLAN_R_COMPROMISED] = "the key is compromised",
    [PLAN_R_ORDERING] = "an order is under way",
    [PLAN_R_FROZEN] = "frozen",
    [PLAN_R_BLOCKED] = "not safe now",
};

const char *plan_verb_name(enum plan_verb verb)
{
    size_t i = (size_t)verb;

    return i < sizeof(verbs) / sizeof(verbs[0]) ? verbs[i] : "unknown";
}

const char *plan_reason_text(enum plan_reason reason)
{
    size_t i = (size_t)reason;

    return i < sizeof(reasons) / sizeof(reasons[0]) ? reasons[i] : "unknown";
}

/* The chain file is to be read: never yet, or an intent whose rename may have happened. */
static bool step_adopt(struct plan_ctx *ctx)
{
    bool pending = false;

    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        const struct model_alg *alg = &ctx->f->algs[a];
        pending = pending || (alg->used && (alg->pending != MODEL_NONE || alg->pending_drop));
    }
    if (ctx->f->adopted && !pending)
        return false;
    plan_step_start(ctx, PLAN_ADOPT, &ctx->act);
    ctx->act.reason = PLAN_R_NEW;
    return true;
}

/* Is there anything to prove, or an old process to look for? */
static bool unproven(const struct model_facts *f, bool *at_once)
{
    bool any = false;

    *at_once = false;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = f->algs[a].used ? f->algs[a].current : MODEL_NONE;

        any = any || (f->algs[a].used && !phase_drained(f, a));
        if (c == MODEL_NONE || f->chains[c].attested != MODEL_NEVER)
            continue;
        any = true;
        *at_once = *at_once || f->chains[c].installed > f->last_attest;
    }
    return any;
}

static bool step_attest(struct plan_ctx *ctx)
{
    const struct model_facts *f = ctx->f;
    bool at_once;

    if (ctx->outlook || !f->postfix_up || !unproven(f, &at_once))
        return false;
    if (!at_once && ctx->now.steady - f->last_attest < ctx->p->attest_every) {
        plan_step_wake(ctx, f->last_attest + ctx->p->attest_every);
        return false;
    }
    plan_step_start(ctx, PLAN_ATTEST, &ctx->act);
    ctx->act.reason = PLAN_R_PROOF;
    return true;
}

/* Between rounds: policy.poll; more where a pass over slow servers would take all the time. */
static model_time pause(const struct plan_ctx *ctx)
{
    model_time pass = 0;

    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (ctx->f->owners[o].used)
            pass += ctx->f->owners[o].round_end - ctx->f->owners[o].round_begin;
    }
    return 2 * pass > ctx->p->poll ? 2 * pass : ctx->p->poll;
}

static bool step_observe(struct plan_ctx *ctx)
{
    int oldest = MODEL_NONE;
    const struct model_owner *owners = ctx->f->owners;
    model_time every = pause(ctx);

    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (owners[o].used &&
            (oldest == MODEL_NONE || owners[o].round_end < owners[oldest].round_end))
            oldest = o;
    }
    if (oldest == MODEL_NONE || ctx->outlook)
        return false;
    if (owners[oldest].round_end != MODEL_NEVER &&
        ctx->now.steady - owners[oldest].round_end < every) {
        plan_step_wake(ctx, owners[oldest].round_end + every);
        return false;
    }
    plan_step_start(ctx, PLAN_OBSERVE, &ctx->act);
    ctx->act.owner = oldest;
    ctx->act.reason = PLAN_R_POLL;
    return true;
}

/* The order: what is in doubt is settled first, what is served is put right, then facts are
 * gathered, then things go forward, and what is over is cleared away last. */
static bool (*const steps[])(struct plan_ctx *) = {
    step_adopt,       plan_file_rollback, step_attest,       plan_dns_freeze,
    step_observe,     plan_file_make_key, plan_dns_publish,  plan_file_issue,
    plan_file_switch, plan_file_commit,   plan_dns_withdraw, plan_dns_shred,
};

/* Nothing is waited for: the next renewal. */
static void next_renewal(const struct plan_ctx *ctx, struct plan_action *out)
{
    const struct model_facts *f = ctx->f;

    plan_step_start(ctx, PLAN_WAIT, out);
    out->wake = MODEL_NEVER;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = f->algs[a].used && f->algs[a].wanted ? f->algs[a].current : MODEL_NONE;
        model_time due;

        if (c == MODEL_NONE)
            continue;
        due = ctx->now.steady + renew_due_at(&f->chains[c], ctx->p) - ctx->now.wall;
        if (out->verb == PLAN_ISSUE && out->wake <= due)
            continue;
        out->verb = PLAN_ISSUE;
        out->reason = PLAN_R_RENEW_DUE;
        out->alg = a;
        out->wake = due;
    }
}

static void run(struct plan_ctx *ctx, struct plan_action *out)
{
    ctx->wake = ctx->now.steady + LONGEST_SLEEP;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i](ctx)) {
            *out = ctx->act;
            return;
        }
    }
    if (ctx->outlook)
        plan_file_await_standby(ctx);
    if (ctx->awaiting)
        *out = ctx->await;
    else if (ctx->outlook)
        next_renewal(ctx, out);
    else
        plan_step_start(ctx, PLAN_WAIT, out);
    if (ctx->outlook)
        return;
    out->verb = PLAN_WAIT;
    out->wake = ctx->wake;
}

void plan_next(const struct model_facts *f, const struct model_policy *p, struct model_now now,
               struct plan_action *out)
{
    struct plan_ctx ctx = {.f = f, .p = p, .now = now};

    run(&ctx, out);
}

void plan_outlook(const struct model_facts *f, const struct model_policy *p, struct model_now now,
                  struct plan_action *out)
{
    struct plan_ctx ctx = {.f = f, .p = p, .now = now, .outlook = true};

    run(&ctx, out);
}
