/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forecast_world - the ideal world of a forecast: every action succeeds at once
 *
 * Internal to forecast.c. A copy of the stored facts; what is made in it (keys, records, chains)
 * has ids that no real one has. The texts and bundles that the state points to are not touched.
 */
#ifndef DANEMILTER_FORECAST_WORLD_H
#define DANEMILTER_FORECAST_WORLD_H

#include "core/plan.h"
#include "ports.h"

struct forecast_world {
    struct port_state st; /* recs[] and bundles[] are NULL */
    const struct model_policy *policy;
    struct model_now now;
    uint32_t made;                         /* ids given */
    model_time order_ends[MODEL_MAX_KEYS]; /* steady; NEVER: none is under way */
};

/* Whatever stands in the way has ended: freezes, a Postfix that is down, orders under way. */
void forecast_world_begin(struct forecast_world *w, const struct port_state *st,
                          const struct model_policy *policy, struct model_now now);
/* Lets time pass until `to` (steady) or the end of the first order under way; in the latter case
 * its certificate is there. False: a table is full. */
bool forecast_world_pass(struct forecast_world *w, model_time to);
/* False: a table is full. */
bool forecast_world_do(struct forecast_world *w, const struct plan_action *a);

#endif
