/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice - port_notice_ops: one mail when something is wrong, one a day, one when it is well again
 *
 * What was told is kept in the notes ("notice/CERTIFICATE": since when, when last, what), so that
 * restarts repeat nothing. Mails go to sendmail(1) by argv without a shell, the message on its
 * standard input, in a thread of the worker pool; a mail that cannot be handed over is logged and
 * tried again after an hour. A change of the trouble's text is news after an hour, not at once, and
 * so is a trouble that comes back within an hour.
 *
 * Ownership: notice_open/notice_close; strings are copied. Close it after the workers have ended.
 * Threads: tell from the engine's thread.
 */
#ifndef DANEMILTER_MILTER_NOTICE_H
#define DANEMILTER_MILTER_NOTICE_H

#include "ports.h"

#define NOTICE_TEXT_MAX 1024 /* of a trouble, of a fate */
#define NOTICE_HOUR (INT64_C(3600) * 1000)
#define NOTICE_DAY (24 * NOTICE_HOUR)
#define NOTICE_SEND_MS 60000 /* sendmail's time */

struct notice;

struct notice_config {
    const char *to;       /* "": nobody; then only the log */
    const char *sendmail; /* absolute path */
    const char *host;     /* our name, for the subject */
    const char *danectl;  /* how it is called here: "danectl", or "danectl -c FILE" */
    /* Runs argv (argv[0] absolute) with `input` on its standard input. */
    enum outcome (*run)(const char *const *argv, const char *input, int timeout_ms,
                        struct err *err);
    const struct port_clock_ops *clock;
    void *clock_self;
    const struct port_notes_ops *notes;
    void *notes_self;
    const struct port_work_ops *work;
    void *work_self;
    const struct port_log_ops *log;
    void *log_self;
};

enum outcome notice_open(const struct notice_config *config, struct notice **out, struct err *err);
void notice_close(struct notice **notice);

extern const struct port_notice_ops notice_ops; /* self: struct notice * */

/* ---- parts, for tests ---------------------------------------------------------------------- */

enum notice_kind { NOTICE_NOTHING, NOTICE_FIRST, NOTICE_AGAIN, NOTICE_OTHER, NOTICE_WELL };

/* What was told of one certificate; times are of the wall clock, in ms, 0: never. */
struct notice_told {
    model_time since; /* when the present trouble began */
    model_time last;  /* the last mail */
    model_time tried; /* the last one that could not be handed over */
    bool open;        /* a trouble was told, its end was not */
    char text[NOTICE_TEXT_MAX];
};

enum notice_kind notice_decide(const struct notice_told *told, const char *trouble, model_time now);

/* One whole message; `sentences` may be long: lines are folded. */
struct notice_mail {
    const char *to, *host, *danectl, *certificate;
    const char *trouble; /* for NOTICE_WELL: what it was */
    const char *fate;
    enum notice_kind kind;
    model_time since, now;
};
enum outcome notice_compose(const struct notice_mail *mail, char *out, size_t size,
                            struct err *err);

#endif
