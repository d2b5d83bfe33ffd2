/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * master - life under Postfix's master(8)
 *
 * One line of master.cf, private "-", unprivileged "n", chroot "n", wakeup 10, process limit 1:
 *     danemilter unix - n n 10 1 danemilter
 * master(8) starts us as root in its queue_directory with a status socket as descriptor 5 and the
 * service's listening socket as descriptor 6, and connects to the latter every 10 s, at its start
 * and at each reload (a "trigger": master_wakeup(5) of master.cf), which is how it starts us in the
 * first place. Descriptor 6 serves for that alone; triggers are read and thrown away.
 *
 * What was measured, and holds us to this shape: a child that never reported its status counts as
 * a failed start and puts the service off for 60 s; one that exits with status 0 while a trigger
 * waits unread is started again at once, so an error that ends us at once makes a fork loop.
 * `postfix reload` closes the status socket: end of file on descriptor 5 is the first reload. After
 * it no status reaches master any more, and later reloads are told by a trigger only; who wants to
 * know looks then whether the queue manager, which master restarts at each reload, is another
 * process.
 *
 * Threads: master_begin starts one, which takes the triggers; it has the caller's signal mask. All
 * functions are for the main thread. One object a process (descriptors 5 and 6 are what they are).
 */
#ifndef DANEMILTER_MILTER_MASTER_H
#define DANEMILTER_MILTER_MASTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct master {
    char name[64];    /* of the service */
    const char *conf; /* -C FILE, or NULL */
    pid_t parent;
    int status; /* descriptor 5, -1 once it has ended */
    int listener;
    void (*wake)(void *self);
    void *wake_self;
    int pipe[2]; /* to the thread: one octet to look at `hold` again */
    pthread_t thread;
    atomic_bool reloaded;
    atomic_uint triggers; /* taken so far */
    atomic_bool hold;     /* leave triggers unread */
};

/* True: arguments and descriptors are those of a child of master(8). Changes nothing. */
bool master_is_parent(int argc, char *const *argv);

/* First of all: the descriptors that master gave are closed on exec; then the arguments: its own
 * (-l -n -t -u -c -v -z -o -s -m ...), and ours, `-C FILE`, which stands in master.cf.
 * OUT_REFUSED: an argument that is neither; not to be exited upon. */
enum outcome master_open(int argc, char *const *argv, struct master *m, struct err *err);

/* Tells master that we work: taken, then available. */
enum outcome master_report(const struct master *m, struct err *err);

/* The thread: takes triggers, sees the reload, calls `wake` after each. */
enum outcome master_begin(struct master *m, void (*wake)(void *self), void *wake_self,
                          struct err *err);

/* True once after the status socket has ended. Until master_go_on() triggers stay unread. */
bool master_reloaded(struct master *m);
void master_go_on(struct master *m);

/* How many triggers came so far. */
unsigned master_triggers(struct master *m);

/* Leaves triggers unread from now on and waits for one, at most `ms`: who exits with status 0 then
 * is started again at once. False: none came. */
bool master_await_trigger(struct master *m, int ms);

/* For a process that does nothing else, without a thread: takes triggers until Postfix is reloaded
 * or `ms` are over, and returns when one waits unread (at most a minute later). */
void master_idle(struct master *m, int ms);

/* In the helper, which is no child of master's: lets go of its descriptors. */
void master_let_go(void);

#endif
