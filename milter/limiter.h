/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limiter - one line a minute about each client, because whoever can make us log can make us log a
 * lot
 *
 * A fixed table; two clients that fall into one place share it, and a client that pushes out
 * another one makes at most one line more. Threads: any.
 */
#ifndef DANEMILTER_MILTER_LIMITER_H
#define DANEMILTER_MILTER_LIMITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"

#define LIMITER_SLOTS 256
#define LIMITER_MS 60000

struct limiter {
    pthread_mutex_t lock; /* protects the slots */
    struct limiter_slot {
        bool used;
        model_time since; /* of the last line, ms */
        unsigned held;    /* back since then */
    } slots[LIMITER_SLOTS];
};

/* 0, or an errno. */
int limiter_init(struct limiter *l);
void limiter_end(struct limiter *l);

/* True: say it; `*held` is how many were held back since the last one. `now`: any clock, ms; one
 * that goes back lets a line pass. */
bool limiter_pass(struct limiter *l, const void *key, size_t len, model_time now, unsigned *held);

#endif
