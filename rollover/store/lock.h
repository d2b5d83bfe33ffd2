/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock - one daemon on one state (safety.md row 41)
 *
 * A file "lock" in the state folder, locked by the kernel, which gives the lock back when the
 * process ends, however it ends; so there are no stale locks, and the file stays. Where the system
 * has them (Linux) it is an open file description lock: closing another descriptor of the file does
 * not drop it. Elsewhere it is a POSIX lock, which any such close in this process does drop; then
 * nobody in the daemon may call lock_holder. A child of fork holds an open file description
 * lock too until it execs or ends: take the lock after the fork of processes that live on.
 *
 * The holder's pid stands in the file, for messages only.
 *
 * OUT_NOT_YET: another process holds it; the text names its pid.
 */
#ifndef DANEMILTER_STORE_LOCK_H
#define DANEMILTER_STORE_LOCK_H

#include "base/err.h"

#include <stdbool.h>

#include <sys/types.h>

struct lock {
    int fd; /* -1: not held */
};

enum outcome lock_take(const char *folder, struct lock *lock, struct err *err);
void lock_release(struct lock *lock);

/* Who holds it: 0 when nobody does, -1 when somebody does whose pid is not known. For status; takes
 * nothing. */
enum outcome lock_holder(const char *folder, pid_t *pid, struct err *err);

#endif
