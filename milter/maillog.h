/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maillog - where log lines go
 *
 * In the foreground: to standard error, "2026-11-23 18:04:05.123 [warning: |error: ]text". Under
 * Postfix's master(8) to the mail log, in Postfix's form, as $MAIL_LOGTAG/NAME[PID]: when
 * POSTLOG_SERVICE is set by datagrams to postlogd (that is its socket's path, in a folder that only
 * root and Postfix enter: open it before privileges are dropped), else to syslog (/dev/log,
 * facility mail).
 *
 * A log never stops the daemon: sending does not wait (a full postlog socket once held all of
 * Postfix); what cannot be sent is counted, and the next line that gets through says how many are
 * missing. Control characters are replaced, because postlogd writes lines as they come; a line is
 * at most MAILLOG_MAX octets. When syslogd was restarted the socket is opened again; for postlogd's
 * that takes root: maillog_lost() says so, and maillog_renew() takes what the helper opened.
 *
 * Threads: line from any; open and close from one.
 */
#ifndef DANEMILTER_MILTER_MAILLOG_H
#define DANEMILTER_MILTER_MAILLOG_H

#include <stdatomic.h>
#include <stdbool.h>

#include "ports.h"

#define MAILLOG_MAX 4096

enum maillog_kind { MAILLOG_STDERR, MAILLOG_POSTLOG, MAILLOG_SYSLOG };

struct maillog {
    enum maillog_kind kind;
    int fd;
    char ident[128]; /* "postfix/danemilter" */
    char host[64];
    char path[108]; /* of the socket */
    atomic_bool lost;
    atomic_uint missing; /* lines */
};

void maillog_stderr(struct maillog *log);

/* As the environment says that Postfix's master gave us; `name`: of the service. Never fails: where
 * there is nobody to take the lines, they are counted until there is. */
void maillog_mail(struct maillog *log, const char *name);

/* A new socket connected to where the lines go; for the helper. */
enum outcome maillog_connect(const struct maillog *log, int *fd, struct err *err);
bool maillog_lost(struct maillog *log);
/* Takes `fd` in and closes it. */
enum outcome maillog_renew(struct maillog *log, int fd, struct err *err);

extern const struct port_log_ops maillog_ops; /* self: a struct maillog */

#endif
