/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * params - Postfix's parameters, as postconf(1) tells them
 *
 * Nothing of Postfix's configuration is parsed here: postconf expands main.cf (-x) and lists the
 * overrides (-P) and the services (-F) of master.cf.
 *
 * Ownership: values are copied out. Threads: as run.h. Errors: as run.h; OUT_REFUSED for a
 * parameter that this Postfix does not know, or a value too long.
 */
#ifndef DANEMILTER_POSTFIX_PARAMS_H
#define DANEMILTER_POSTFIX_PARAMS_H

#include <stddef.h>

#include "base/err.h"

#define PARAMS_VALUE_MAX 1024
#define PARAMS_OVERRIDES_MAX 64
#define PARAMS_SERVICE_MAX 128
#define PARAMS_PROGRAM_MAX 64

struct params {
    const char *postconf; /* absolute path */
    const char *config_dir;
    int timeout_ms;
};

/* Values of n parameters by main.cf, expanded, without white space around; names and values side
 * by side. One call of postconf. */
enum outcome params_get(const struct params *params, const char *const *names, size_t n,
                        char (*values)[PARAMS_VALUE_MAX], struct err *err);

/* One line of `postconf -Px`: a service of master.cf that sets a parameter for itself. */
struct params_override {
    char service[PARAMS_SERVICE_MAX]; /* "smtps/inet" */
    char name[PARAMS_SERVICE_MAX];
    char value[PARAMS_VALUE_MAX];
};

/* Every override of the n names. `*count` in: room, out: how many. */
enum outcome params_overrides(const struct params *params, const char *const *names, size_t n,
                              struct params_override *out, size_t *count, struct err *err);

/* One line of `postconf -F`: which program of Postfix a service of master.cf runs. */
struct params_command {
    char service[PARAMS_SERVICE_MAX]; /* "smtps/inet" */
    char program[PARAMS_PROGRAM_MAX]; /* "smtpd"; without its arguments */
};

/* Every service of type inet and pass. `*count` in: room, out: how many. */
enum outcome params_commands(const struct params *params, struct params_command *out, size_t *count,
                             struct err *err);

#endif
