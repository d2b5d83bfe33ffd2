/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maillog - where log lines go
 *
 * In the foreground: to standard error, one line each, "2026-11-23 18:04:05.123 [warning: |error:
 * ]text". The maillog of Postfix (syslog or postlogd) is for the life under master(8).
 * Control characters are replaced. A line that cannot be written is lost: the log never stops
 * the daemon. Threads: any; one write a line.
 */
#ifndef DANEMILTER_MILTER_MAILLOG_H
#define DANEMILTER_MILTER_MAILLOG_H

#include "ports.h"

struct maillog {
    int fd;
};

extern const struct port_log_ops maillog_ops; /* self: a struct maillog */

#endif
