/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon - privileges, signals, the two halves
 *
 * Order at start: daemon_harden(), configuration and helper's adapters, daemon_fork(), and in the
 * daemon's half daemon_drop() before anything touches the network and before any thread is made.
 * When either half ends, the other ends: the helper reads end of file; the daemon gets SIGTERM
 * through PR_SET_PDEATHSIG where the system has it (Linux) and fails its next operation in any
 * case.
 */
#ifndef DANEMILTER_MILTER_DAEMON_H
#define DANEMILTER_MILTER_DAEMON_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* No core files (keys are in memory), umask 077, SIGPIPE ignored. */
enum outcome daemon_harden(struct err *err);

struct daemon_user {
    uid_t uid;
    gid_t gid;
    char name[64];
};

enum outcome daemon_find_user(const char *name, struct daemon_user *out, struct err *err);

/* Makes `path` (0700, owned by user) if it is not there; refuses one of another owner or mode. */
enum outcome daemon_state_dir(const char *path, const struct daemon_user *user, struct err *err);

/* Two processes on one socket pair. `*helper` true in the child, which keeps its privileges. */
enum outcome daemon_fork(bool *helper, int *fd, pid_t *child, struct err *err);

/* For good: groups, gid, uid; then checks that root cannot come back. */
enum outcome daemon_drop(const struct daemon_user *user, struct err *err);

/* Ends the daemon's loop because the other half is gone or talks nonsense. */
void daemon_lose(void);
bool daemon_lost(void);

/* SIGTERM, SIGINT, SIGHUP, and SIGCHLD (the helper ended) set the flag that daemon_stopping()
 * points to and write one octet to `wake_fd`. Once a process. */
enum outcome daemon_signals(int wake_fd, struct err *err);
const volatile sig_atomic_t *daemon_stopping(void);

#endif
