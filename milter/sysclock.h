/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sysclock - the machine's clocks as a port
 *
 * CLOCK_BOOTTIME (runs through suspend, cannot be set), CLOCK_REALTIME, and the kernel's boot id.
 * sleep() waits on a pipe, so that a signal handler or another thread ends it by writing one
 * octet to pipe[1]; other threads call sysclock_wake(). now() needs no object: self may be NULL.
 */
#ifndef DANEMILTER_MILTER_SYSCLOCK_H
#define DANEMILTER_MILTER_SYSCLOCK_H

#include "ports.h"

struct sysclock {
    int pipe[2]; /* both ends non-blocking, close on exec */
};

enum outcome sysclock_init(struct sysclock *c, struct err *err);
void sysclock_close(struct sysclock *c);

/* Ends the present sleep, or the next one. Any thread. */
void sysclock_wake(void *sysclock);

extern const struct port_clock_ops sysclock_ops; /* self: a struct sysclock */

#endif
