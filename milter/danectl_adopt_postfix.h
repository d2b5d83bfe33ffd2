/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_adopt_postfix - main.cf and master.cf, one value read or written at a time by postconf(1)
 *
 * Values are raw, as they stand in the file: `$name` is not expanded, so that what was read can be
 * written back. A service is "smtps/inet", its line as `postconf -M` prints it.
 *
 * Ownership: texts are malloc()ed, the caller's. Threads: one. Errors: as postfix/run.h.
 */
#ifndef DANEMILTER_MILTER_DANECTL_ADOPT_POSTFIX_H
#define DANEMILTER_MILTER_DANECTL_ADOPT_POSTFIX_H

#include "base/err.h"

#define ADOPT_POSTFIX "/usr/sbin/postfix"
#define ADOPT_POSTCONF "/usr/sbin/postconf"
#define ADOPT_TIMEOUT_MS 20000

/* *out is NULL when main.cf does not set it (master.cf has no such service). */
enum outcome adopt_pf_param(const char *config_dir, const char *name, char **out, struct err *err);
enum outcome adopt_pf_service(const char *config_dir, const char *name, char **out,
                              struct err *err);

/* `value` NULL: taken out. */
enum outcome adopt_pf_set_param(const char *config_dir, const char *name, const char *value,
                                struct err *err);
enum outcome adopt_pf_set_service(const char *config_dir, const char *name, const char *line,
                                  struct err *err);
/* Takes "-o PARAM=..." out of a service. */
enum outcome adopt_pf_drop(const char *config_dir, const char *service, const char *param,
                           struct err *err);

/* postfix COMMAND: "reload", "check" */
enum outcome adopt_pf_command(const char *config_dir, const char *command, struct err *err);

#endif
