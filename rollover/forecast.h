/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forecast - what is going to happen, by the planner itself, in an ideal world
 *
 * Runs the pure core forward on a copy of the stored facts until the next switch is over and
 * nothing is left to be done but the renewal after it. The world of the forecast is ideal: every
 * name server answers at once and shows what it was asked to, the CA issues within a minute, every
 * proof is good, processes of Postfix from before a switch end within FORECAST_DRAIN. So what
 * really happens is never earlier (but for what an operator asks for), and the safety rule is
 * asked before every action as in earnest.
 *
 * What stands in the way now (a freeze, a server that disagrees, Postfix down) is listed, and the
 * forecast goes on as if it had ended at once. Bounded: FORECAST_STEPS actions and waits,
 * FORECAST_EVENTS events. Times are wall times. Threads: no state; allocates while it runs.
 */
#ifndef DANEMILTER_FORECAST_H
#define DANEMILTER_FORECAST_H

#include "core/plan.h"
#include "ports.h"
#include "say.h"

#define FORECAST_EVENTS 64
#define FORECAST_OBSTACLES 16
#define FORECAST_STEPS 50000
#define FORECAST_DRAIN INT64_C(100000) /* Postfix's max_idle */
#define FORECAST_ISSUE INT64_C(60000)

enum forecast_end {
    FORECAST_SETTLED, /* the last event is the renewal that comes next */
    FORECAST_STUCK,   /* nothing more happens by itself: `stuck` says why */
    FORECAST_LONG     /* further than the forecast looks */
};

struct forecast_event {
    model_time wall;
    const char *what; /* one word: "publish", "omnipresent", "switch", "renewal-due", ... */
    char alg[16];     /* "" when it is for no single one */
    uint32_t serial;  /* of the key; 0 */
    char text[160];
};

struct forecast_obstacle {
    const char *what;      /* "freeze", "server", "postfix" */
    char text[SAY_MAX];    /* what it is */
    char end[2 * SAY_MAX]; /* what ends it */
};

struct forecast {
    struct forecast_obstacle obstacles[FORECAST_OBSTACLES];
    size_t n_obstacles;
    bool more_obstacles; /* than there is room for */
    struct forecast_event events[FORECAST_EVENTS];
    size_t n_events;
    enum forecast_end end;
    char stuck[SAY_MAX];
};

/* OUT_BROKEN: no memory. */
enum outcome forecast_run(const char *certificate, const struct port_state *st,
                          const struct model_policy *policy, struct model_now now,
                          struct forecast *out, struct err *err);

/* The assumptions in a sentence, to be printed with every forecast. */
const char *forecast_assumption(void);

#endif
