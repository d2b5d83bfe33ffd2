/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon - privileges, signals, the two halves
 *
 * Order at start: daemon_harden(), configuration and helper's adapters, daemon_fork(), and in the
 * daemon's half daemon_drop() before anything touches the network and before any thread is made.
 * When either half ends, the other ends: the helper reads end of file, and gets SIGTERM through
 * PR_SET_PDEATHSIG where the system has it (Linux); the daemon gets SIGCHLD, and fails its next
 * operation in any case.
 */
#ifndef DANEMILTER_MILTER_DAEMON_H
#define DANEMILTER_MILTER_DAEMON_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* No core files (keys are in memory), as many open files as this host lets us have up to
 * DAEMON_FILES (a session is one, and libmilter gives up when there are none left), umask 077,
 * SIGPIPE ignored. */
#define DAEMON_FILES 65536
enum outcome daemon_harden(struct err *err);

struct daemon_user {
    uid_t uid;
    gid_t gid;
    char name[64];
};

enum outcome daemon_find_user(const char *name, struct daemon_user *out, struct err *err);

#define DAEMON_NO_GROUP ((gid_t)-1)

/* DAEMON_NO_GROUP for "". */
enum outcome daemon_find_group(const char *name, gid_t *out, struct err *err);

/* Makes `path` (0700, owned by user) if it is not there; refuses one of another owner or mode. */
enum outcome daemon_state_dir(const char *path, const struct daemon_user *user, struct err *err);

/* The same for the folder of the control socket, which members of `group` may pass through (0710):
 * they reach the socket by its name, and see and change nothing else. Mode and group are put right
 * when the folder is ours already. */
enum outcome daemon_run_dir(const char *path, const struct daemon_user *user, gid_t group,
                            struct err *err);

/* The folder of the milter's socket: of user and `group` (the mail owner's), 2710, so that the
 * socket made in it belongs to that group. */
enum outcome daemon_milter_dir(const char *path, const struct daemon_user *user, gid_t group,
                               struct err *err);

/* Two processes on one socket pair. `*helper` true in the child, which keeps its privileges. */
enum outcome daemon_fork(bool *helper, int *fd, pid_t *child, struct err *err);

/* For good: groups, gid, uid; then checks that root cannot come back. */
enum outcome daemon_drop(const struct daemon_user *user, struct err *err);

/* Ends the daemon's loop because the other half is gone or talks nonsense. */
void daemon_lose(void);
bool daemon_lost(void);

/* True: the helper has ended; then the loop ends as well (lost, unless somebody sent it SIGTERM).
 */
bool daemon_reap(pid_t helper);

/* What a SIGTERM, SIGINT or SIGHUP does. */
enum daemon_end {
    DAEMON_END_AT_ONCE, /* the process ends with success */
    DAEMON_END_SOON,    /* as ORDERLY, and if that takes longer than DAEMON_STOP_S: at once */
    DAEMON_END_ORDERLY  /* daemon_stopping() becomes true */
};
/* When the line was removed, master waits for the end and does nothing else. */
#define DAEMON_STOP_S 1

/* Handlers. SIGCHLD wakes only. Each writes one octet to `wake_fd`. Once a process. Ending at any
 * moment does no harm to the state; SOON is for what would merely be a pity to lose. */
enum outcome daemon_signals(int wake_fd, enum daemon_end end, struct err *err);
const volatile sig_atomic_t *daemon_stopping(void);

/* Signals go to the main thread: every other is made between these two, or blocks them itself.
 * Never between the two once the milter is open: libmilter would take what the main thread holds.
 */
enum outcome daemon_hold_signals(struct err *err);
enum outcome daemon_let_signals(struct err *err);

/* After daemon_drop(), which loses it: SIGTERM when `parent` ends (Linux). OUT_BROKEN: it has. */
enum outcome daemon_follow(pid_t parent, struct err *err);

#endif
