/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_msg - what goes over the operator's socket: one line of JSON each way
 *
 *   request  {"do": "status" | "renew" | "roll" | "rollback" | "freeze" | "resume",
 *             "certificate": TITLE, "algorithm": "p256" ..., "dry_run": true}
 *   reply    {"outcome": "ok" | "not yet" | "retry" | "refused" | "broken", "text": SENTENCES,
 *             "pid": N, "version": TEXT, "degraded": TEXT, "live": {...}}
 *
 * All but "do" and "outcome" may be left out; members that are not known are an error in a request
 * and ignored in a reply. Nothing read is trusted: lines have a ceiling (CONTROL_LINE_MAX with the
 * newline), nesting is bounded by jansson, texts are bounded here. Text that is no UTF-8 is sent
 * with '?' for what is not ASCII. Threads: no state.
 */
#ifndef DANEMILTER_MILTER_CONTROL_MSG_H
#define DANEMILTER_MILTER_CONTROL_MSG_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CONTROL_LINE_MAX 65536
#define CONTROL_TEXT_MAX 4096
#define CONTROL_LIVE_MAX 8192

/* One command, as a client asked for it. */
struct control_command {
    char verb[32];
    char certificate[64];
    char alg[16]; /* "" or "p256"... */
    bool dry_run;
    uid_t uid; /* who asked, for history; never from the line itself */
};

struct control_reply {
    enum outcome outcome;
    char text[CONTROL_TEXT_MAX];
    pid_t pid; /* of the daemon; 0: it did not say */
    char version[32];
    char degraded[CONTROL_TEXT_MAX]; /* why the daemon does nothing; "": it works */
    char live[CONTROL_LIVE_MAX];     /* members of a JSON object, without braces; or "" */
};

/* Only looks ("status"), or goes to the engine. */
bool control_msg_asks(const struct control_command *command);

/* `len` without the newline. OUT_REFUSED: it is no request; the text says what is wrong. */
enum outcome control_msg_read_request(const char *line, size_t len, struct control_command *out,
                                      struct err *err);
enum outcome control_msg_read_reply(const char *line, size_t len, struct control_reply *out,
                                    struct err *err);

/* With a newline at the end. OUT_BROKEN: it does not fit, or no memory. A `live` that is no JSON
 * is left out. */
enum outcome control_msg_write_request(const struct control_command *command, char *out,
                                       size_t size, size_t *len, struct err *err);
enum outcome control_msg_write_reply(const struct control_reply *reply, char *out, size_t size,
                                     size_t *len, struct err *err);

#endif
