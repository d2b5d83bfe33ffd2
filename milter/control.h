/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control - the operator's socket: RUN_DIR/control
 *
 * A stream socket of its own, apart from Postfix's. One request a connection: a line of JSON, then
 * one line of JSON back (control_msg.h has the fields). Who asks is known by SO_PEERCRED: root may
 * do all; members of the control group (and the daemon's user) may only ask; others are refused
 * and logged (safety.md row 57). One thread, CONTROL_CLIENTS_MAX connections at a time (the last
 * CONTROL_ROOT_ONLY of them for root), 5 s for a request and as long for taking the reply,
 * CONTROL_LINE_MAX octets; a slow or silly client disturbs nobody.
 *
 * Commands that change something, and their dry runs, wait in a mailbox for the engine's thread,
 * which takes them between two steps by control_take(); the client is answered when they are done,
 * or told after 60 s that the engine is busy and the command stays in line. A client that goes
 * away does not take its command back.
 *
 * The socket is made with mode 0600, or 0666 when there is a control group: then the folder must
 * let members of the group pass (0710), and who is let in is decided by who they are, as above.
 * An old socket of this name is removed first: take the lock of the state (store/lock.h) before.
 *
 * Ownership: control_open/control_close (which ends the thread and removes the socket). Texts of
 * the configuration are copied, objects must outlive the control.
 */
#ifndef DANEMILTER_MILTER_CONTROL_H
#define DANEMILTER_MILTER_CONTROL_H

#include <sys/types.h>

#include "base/err.h"
#include "milter/control_msg.h"
#include "ports.h"

#define CONTROL_SOCKET "control"
#define CONTROL_CLIENTS_MAX 16
#define CONTROL_ROOT_ONLY 4

struct control;

struct control_config {
    const char *run_dir;
    gid_t group;              /* may ask; (gid_t)-1: none */
    void (*wake)(void *self); /* wakes the engine's thread; any thread */
    void *wake_self;
    /* Milter counters and the like for "status", JSON members ("\"a\": 1, \"b\": 2") or ""; any
     * thread; or NULL. */
    void (*live)(void *self, char *out, size_t size);
    void *live_self;
    const char *degraded; /* why nothing is done (broken configuration...), or NULL. Commands are
                             refused with it: there is no engine then */
    const struct port_log_ops *log;
    void *log_self;
    int request_ms, busy_ms; /* 0: 5 s, 60 s; tests want less */
};

/* After privileges were dropped. */
enum outcome control_open(const struct control_config *config, struct control **out,
                          struct err *err);
void control_close(struct control **control);

/* In the engine's thread, between two steps: handles every waiting command by `handle`, which
 * fills `text` and returns an outcome; for anything but OUT_OK the client gets err's text. */
void control_take(struct control *control,
                  enum outcome (*handle)(void *self, const struct control_command *command,
                                         char *text, size_t size, struct err *err),
                  void *self);

#endif
