/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * err - what came of an operation, and the sentence that explains it
 *
 * The outcome and its text are kept apart: callers decide by the outcome, people read the
 * text. An explanation says where (file:line, certificate, server) and how to mend it. Text
 * from the network is escaped before it gets in here: control characters become '?'.
 *
 * Threads: a struct err belongs to one caller; no function here has state of its own.
 */
#ifndef DANEMILTER_BASE_ERR_H
#define DANEMILTER_BASE_ERR_H

/* Ordered from good to bad: the worse of two outcomes is the larger one. */
enum outcome {
    OUT_OK,      /* done, and durable where durability was asked for */
    OUT_NOT_YET, /* nothing is wrong: ask again later */
    OUT_RETRY,   /* a fault that may pass: time-out, busy, 5xx */
    OUT_REFUSED, /* the other side, or our own check, said no: mend the cause first */
    OUT_BROKEN   /* local trouble: disk, memory, impossible configuration */
};

#define ERR_TEXT_MAX 1024

/* Start with ERR_INIT or err_clear(). Text longer than the ceiling is cut. */
struct err {
    char text[ERR_TEXT_MAX];
};

#define ERR_INIT                                                                                   \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

#if defined(__GNUC__)
#define ERR_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define ERR_PRINTF(a, b)
#endif

void err_clear(struct err *err);

/* The texts of err_set and err_errno; call those. */
void err_say(struct err *err, const char *fmt, ...) ERR_PRINTF(2, 3);
void err_say_errno(struct err *err, const char *fmt, ...) ERR_PRINTF(2, 3);

static inline enum outcome err_outcome(enum outcome out)
{
    return out;
}

/* Replaces the text; its value is the outcome given, so that `return err_set(err, OUT_RETRY, ...)`
 * reads as one statement. err may be NULL. A macro, so that every analyser sees which outcome a
 * function returns, and that its results are not looked at then. */
#define err_set(err, out, ...) (err_say((err), __VA_ARGS__), err_outcome(out))

/* Puts context in front of the present text: "context: text". */
void err_prepend(struct err *err, const char *fmt, ...) ERR_PRINTF(2, 3);

/* err_set with ": strerror(errno)" appended; OUT_BROKEN. Reads errno first. */
#define err_errno(err, ...) (err_say_errno((err), __VA_ARGS__), err_outcome(OUT_BROKEN))

const char *err_outcome_name(enum outcome out); /* "ok", "not yet", "retry", ... */

#endif
