/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/danectl_adopt_postfix.h"

#include "postfix/run.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PF_ARG_MAX 16384

static enum outcome pf_run(const char *config_dir, const char *flags, const char *arg,
                           struct run_result *got, struct err *err)
{
    const char *const argv[] = {ADOPT_POSTCONF, "-c", config_dir, flags, arg, NULL};
    return run_program(argv, ADOPT_TIMEOUT_MS, got, err);
}

static enum outcome pf_do(const char *config_dir, const char *flags, const char *arg,
                          struct err *err)
{
    struct run_result got = {0};
    enum outcome res = pf_run(config_dir, flags, arg, &got, err);
    run_result_free(&got);
    return res;
}

static enum outcome pf_pair(const char *config_dir, const char *flags, const char *name,
                            const char *value, struct err *err)
{
    size_t size = strlen(name) + strlen(value) + 2;
    if (size > PF_ARG_MAX || strpbrk(value, "\n\r") != NULL)
        return err_set(err, OUT_REFUSED, "the value of %s is too long, or of several lines", name);
    char *arg = malloc(size);
    if (arg == NULL)
        return err_errno(err, "%s", name);
    memcpy(arg, name, strlen(name));
    arg[strlen(name)] = '=';
    memcpy(arg + strlen(name) + 1, value, strlen(value) + 1);
    enum outcome res = pf_do(config_dir, flags, arg, err);
    free(arg);
    return res;
}

/* The first line of what postconf printed; of "name = value" the value. */
static enum outcome pf_line(const char *config_dir, const char *flags, const char *name, bool pair,
                            char **out, struct err *err)
{
    struct run_result got = {0};
    *out = NULL;
    enum outcome res = pf_run(config_dir, flags, name, &got, err);
    if (res == OUT_OK && got.out[0] != '\0') {
        size_t len = strcspn(got.out, "\n");
        const char *from = got.out;
        const char *equals = memchr(got.out, '=', len);
        got.out[len] = '\0';
        if (pair && equals == NULL)
            res = err_set(err, OUT_REFUSED, "postconf printed \"%.100s\" for %s", got.out, name);
        else if (pair)
            from = equals[1] == ' ' ? equals + 2 : equals + 1;
        if (res == OUT_OK && (*out = strdup(from)) == NULL)
            res = err_errno(err, "%s", name);
    }
    run_result_free(&got);
    return res;
}

enum outcome adopt_pf_param(const char *config_dir, const char *name, char **out, struct err *err)
{
    return pf_line(config_dir, "-n", name, true, out, err);
}

enum outcome adopt_pf_service(const char *config_dir, const char *name, char **out, struct err *err)
{
    return pf_line(config_dir, "-M", name, false, out, err);
}

enum outcome adopt_pf_set_param(const char *config_dir, const char *name, const char *value,
                                struct err *err)
{
    return value == NULL ? pf_do(config_dir, "-X", name, err)
                         : pf_pair(config_dir, "-e", name, value, err);
}

enum outcome adopt_pf_set_service(const char *config_dir, const char *name, const char *line,
                                  struct err *err)
{
    return line == NULL ? pf_do(config_dir, "-MX", name, err)
                        : pf_pair(config_dir, "-Me", name, line, err);
}

enum outcome adopt_pf_drop(const char *config_dir, const char *service, const char *param,
                           struct err *err)
{
    char arg[512];
    int n = snprintf(arg, sizeof arg, "%s/%s", service, param);
    if (n < 0 || (size_t)n >= sizeof arg)
        return err_set(err, OUT_REFUSED, "the name of the service %.60s is too long", service);
    return pf_do(config_dir, "-PX", arg, err);
}

enum outcome adopt_pf_command(const char *config_dir, const char *command, struct err *err)
{
    const char *const argv[] = {ADOPT_POSTFIX, "-c", config_dir, command, NULL};
    struct run_result got = {0};
    enum outcome res = run_program(argv, ADOPT_TIMEOUT_MS, &got, err);
    run_result_free(&got);
    if (res != OUT_OK)
        err_prepend(err, "postfix -c %s %s (the mail log may say more)", config_dir, command);
    return res;
}
