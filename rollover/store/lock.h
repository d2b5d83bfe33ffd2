/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock - one daemon on one state (safety.md row 41)
 *
 * A file "lock" in the state folder, locked by fcntl(F_SETLK): the kernel gives it back when the
 * process ends, however it ends. The holder's pid stands in the file for messages only. POSIX
 * locks vanish when the process closes *any* descriptor of the file: nobody else opens it.
 * They are not inherited by fork: take the lock in the process that keeps it.
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

/* Who holds it: 0 when nobody does. For status; takes nothing. */
enum outcome lock_holder(const char *folder, pid_t *pid, struct err *err);

#endif
