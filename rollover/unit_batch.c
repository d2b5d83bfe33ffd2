/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "core/renew.h"

#include <string.h>

bool unit_batch_shares(const struct unit *u)
{
    return u->cfg->batch > 0 && u->cfg->instance[0] != '\0';
}

bool unit_batch_together(const struct unit *a, const struct unit *b)
{
    return a == b || (unit_batch_shares(a) && strcmp(a->cfg->instance, b->cfg->instance) == 0);
}

/* What must not wait for `ms`: nothing is served, a key is compromised, the certificate runs into
 * its margin, or the record of what is served is gone. */
static bool urgent(const struct unit *u, model_time ms)
{
    const struct model_facts *f = &u->st.facts;
    const struct model_policy *p = &u->cfg->policy;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (!f->algs[a].used || !f->algs[a].wanted)
            continue;
        if (f->algs[a].current == MODEL_NONE)
            return true;
        const struct model_chain *c = &f->chains[f->algs[a].current];
        if (f->keys[c->key].compromised || u->now.wall + ms >= renew_deadline(c, p) ||
            renew_served_gone(f, p, a, u->now))
            return true;
    }
    return false;
}

model_time unit_batch_wait(const struct unit *u, struct unit *const *units, size_t n)
{
    model_time last = MODEL_NEVER;
    if (!unit_batch_shares(u))
        return MODEL_NEVER;
    for (size_t i = 0; i < n; i++) {
        if (unit_batch_together(u, units[i]) && units[i]->reloaded > last)
            last = units[i]->reloaded;
    }
    if (last == MODEL_NEVER || u->st.boot - last >= u->cfg->batch)
        return MODEL_NEVER;
    model_time left = last + u->cfg->batch - u->st.boot;
    return urgent(u, left) ? MODEL_NEVER : u->now.steady + left;
}

/* The planner has one moment before which it neither switches nor goes back. Raised for the moment
 * of the question only: it is not a fact, and is not to be stored. */
static void ask(struct unit *u, model_time until,
                void (*plan)(const struct model_facts *f, const struct model_policy *p,
                             struct model_now now, struct plan_action *out),
                struct plan_action *out)
{
    struct model_facts *f = &u->st.facts;
    const model_time own = f->retry_switch_at;
    plan(f, &u->cfg->policy, u->now, out);
    if (out->verb == PLAN_ROLLBACK || until <= own)
        return;
    f->retry_switch_at = until;
    plan(f, &u->cfg->policy, u->now, out);
    f->retry_switch_at = own;
}

void unit_batch_plan(struct unit *u, model_time until, struct plan_action *out)
{
    ask(u, until, plan_next, out);
}

void unit_batch_outlook(struct unit *u, model_time until, struct plan_action *out)
{
    ask(u, until, plan_outlook, out);
}
