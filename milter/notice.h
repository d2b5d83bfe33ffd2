/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice - port_notice_ops: one mail when something is wrong, one a day, one when it is well again
 *
 * What was told is kept in the notes ("notice/CERTIFICATE": since when, when last, what), so that
 * restarts repeat nothing. Mails go to sendmail(1) by argv without a shell, the message on its
 * standard input, in a thread of the worker pool; a mail that cannot be handed over is logged and
 * tried again after an hour. A change of the trouble's text is news after an hour, not at once.
 *
 * Ownership: notice_open/notice_close; strings are copied. Threads: tell from the engine's thread.
 */
#ifndef DANEMILTER_MILTER_NOTICE_H
#define DANEMILTER_MILTER_NOTICE_H

#include "ports.h"

struct notice;

struct notice_config {
    const char *to;       /* "": nobody; then only the log */
    const char *sendmail; /* absolute path */
    const char *host;     /* our name, for the subject */
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

#endif
