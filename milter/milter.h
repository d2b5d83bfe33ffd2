/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter - the service that smtpd_milters names: watches, counts, never delays
 *
 * By libmilter, on a socket of its own. Asks Postfix for the least: connect, HELO and MAIL, and of
 * macros {tls_version} and {cipher} alone; everything else, the message above all, is negotiated
 * away. Replies are asked for by HELO, because only then Postfix hands on what it has - and by MAIL
 * if the guard may refuse. Whatever goes wrong here, the session is told to go on.
 *
 * On a socket of the loopback everything that is sent has a reply, and DATA is asked for as well:
 * what smtpd sends of skipped commands (their macros) would be on its way without one when
 * cleanup(8) goes on, and Nagle's algorithm makes each message wait for 40 ms then.
 *
 * Postfix keeps what needs no reply until something else does, or the session ends; and libmilter
 * drops what it has not read yet when the other end hangs up. So what came after the last HELO may
 * be missing from a session that had no message.
 *
 * libmilter keeps its state in globals and hands its callbacks nothing but a context: one milter
 * per process, and one pointer to it that is set before its threads start. libmilter runs in a
 * thread of ours with every signal blocked and makes a thread for each session; signals are the
 * main thread's affair. It waits for signals of its own in a thread; if it ends by one, or for
 * any other reason, without milter_close(), `ended` is called from that thread.
 *
 * Ownership: milter_open/milter_close. Sessions that are still open when milter_close returns go
 * on counting into memory that is kept for them; so one open and one close in a process.
 * Threads: milter_live from any.
 */
#ifndef DANEMILTER_MILTER_MILTER_H
#define DANEMILTER_MILTER_MILTER_H

#include "milter/guard.h"
#include "milter/ledger.h"
#include "ports.h"

#include <stdbool.h>
#include <stddef.h>

struct milter;

struct milter_config {
    const char *socket; /* as endpoint_init() takes it. A unix socket gets mode 0660; one that
                           stands there already is replaced */
    /* libmilter ended by itself; or NULL. `asked`: by a SIGTERM, SIGINT or SIGHUP that its thread
     * took before the main one could, and that the whole process is meant by. */
    void (*ended)(void *self, bool asked);
    void *ended_self;
    struct ledger *ledger;            /* what has ended is counted there; or NULL */
    const struct guard_policy *guard; /* or NULL: nobody is judged; lives as long as the process */
    const struct port_log_ops *log;
    void *log_self;
};

/* After privileges were dropped; the folder is there. OUT_REFUSED: the path; OUT_BROKEN: socket,
 * thread, memory. */
enum outcome milter_open(const struct milter_config *config, struct milter **out, struct err *err);

/* Ends libmilter's thread (it may wait for at most 5 s) and removes the socket. */
void milter_close(struct milter **milter);

/* Members of a JSON object, without a comma at the end (session.h); self: struct milter *. */
void milter_live(void *self, char *out, size_t size);

#endif
