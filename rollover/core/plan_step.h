/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan_step - the planner's steps, in the order in which plan.c asks them
 *
 * Each step looks at one kind of action. It fills ctx->act and returns true when that is to be
 * done now; otherwise it says by when to ask again (plan_step_wake) and, the first that has
 * something, what is being waited for (plan_step_await). A step proposes only what safety allows:
 * otherwise the engine would be told the same again and again.
 */
#ifndef DANEMILTER_CORE_PLAN_STEP_H
#define DANEMILTER_CORE_PLAN_STEP_H

#include "core/plan.h"
#include "core/safety.h"

struct plan_ctx {
    const struct model_facts *f;
    const struct model_policy *p;
    struct model_now now;
    bool outlook; /* look beyond the questions that are asked all the time */
    bool awaiting;
    struct plan_action await; /* what the wait is for */
    struct plan_action act;
    model_time wake;
};

/* plan_step.c: what every step uses. */
void plan_step_start(const struct plan_ctx *ctx, enum plan_verb verb, struct plan_action *act);
void plan_step_wake(struct plan_ctx *ctx, model_time at);
void plan_step_await(struct plan_ctx *ctx, const struct plan_action *draft, enum plan_reason why,
                     model_time until);
/* Asks safety about the draft: true makes it ctx->act with the reason given. */
bool plan_step_try(struct plan_ctx *ctx, const struct plan_action *draft, enum plan_reason reason);
void plan_step_blocked(struct plan_ctx *ctx, const struct plan_action *draft,
                       const struct safety_verdict *why);
/* The newest chain that waits to be put into the file for the algorithm: of the key in the file,
 * of another; or MODEL_NONE. */
int plan_step_staged(const struct plan_ctx *ctx, int alg, bool same_key);
/* What the RRset of each owner is to hold. */
model_mask plan_step_target(const struct plan_ctx *ctx);

/* plan_file.c: keys, certificates, the chain file. */
bool plan_file_rollback(struct plan_ctx *ctx);
bool plan_file_commit(struct plan_ctx *ctx);
bool plan_file_make_key(struct plan_ctx *ctx);
bool plan_file_issue(struct plan_ctx *ctx);
void plan_file_await_standby(struct plan_ctx *ctx);
bool plan_file_switch(struct plan_ctx *ctx);

/* plan_dns.c: records, and freezes that follow from them. */
bool plan_dns_freeze(struct plan_ctx *ctx);
bool plan_dns_publish(struct plan_ctx *ctx);
bool plan_dns_withdraw(struct plan_ctx *ctx);
bool plan_dns_shred(struct plan_ctx *ctx);

#endif
