/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work - port_work_ops: a few threads for what takes long (orders, mails to the operator)
 *
 * WORK_THREADS threads for orders and one more for mails, made by work_open(); WORK_QUEUE_MAX jobs
 * of each kind may wait. Orders that hang, all of them, never hold back the mail that tells of it.
 * When a job ends, `wake` is called, so that the engine looks at its result at once.
 *
 * The end: work_stop() makes work_stopping() true, ends every work_clock_ops sleep and refuses new
 * jobs; work_close() does that too and returns when every job that was accepted, waiting ones
 * included, has run to its end. Jobs ask work_stopping() often enough for that to be soon.
 *
 * Ownership: work_open/work_close. Threads: start, stopping and the clock from any; the rest from
 * the one that opened it.
 */
#ifndef DANEMILTER_MILTER_WORK_H
#define DANEMILTER_MILTER_WORK_H

#include <stdbool.h>

#include "ports.h"

#define WORK_THREADS 4
#define WORK_QUEUE_MAX 64

struct work;

/* The new threads have the caller's signal mask. `wake` may be NULL. */
enum outcome work_open(void (*wake)(void *self), void *wake_self, struct work **out,
                       struct err *err);
void work_stop(struct work *work);
void work_close(struct work **work);

bool work_stopping(void *work);

extern const struct port_work_ops work_ops;        /* self: a struct work */
extern const struct port_work_ops work_mail_ops;   /* the same, for mails */
extern const struct port_clock_ops work_clock_ops; /* self: the same; sleep ends when it stops */

#endif
