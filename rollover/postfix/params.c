/* SPDX-License-Identifier: BSD-2-Clause */
#include "postfix/params.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "postfix/run.h"

#define PARAMS_ARGS_MAX 24

static enum outcome params_run(const struct params *params, const char *flags,
                               const char *const *names, size_t n, struct run_result *out,
                               struct err *err)
{
    const char *argv[PARAMS_ARGS_MAX] = {params->postconf, "-c", params->config_dir, flags};
    size_t argc = 4;
    if (n + argc >= PARAMS_ARGS_MAX)
        return err_set(err, OUT_BROKEN, "%zu parameters at once are too many", n);
    for (size_t i = 0; i < n; i++)
        argv[argc++] = names[i];
    argv[argc] = NULL;
    return run_program(argv, params->timeout_ms, out, err);
}

/* Copies without the white space around; false when it does not fit. */
static bool params_copy(char *out, size_t size, const char *from, size_t len)
{
    static const char blank[] = " \t\r";
    while (len > 0 && strchr(blank, from[0]) != NULL) {
        from++;
        len--;
    }
    while (len > 0 && strchr(blank, from[len - 1]) != NULL)
        len--;
    if (len >= size || memchr(from, '\0', len) != NULL)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

/* "left = value": the pieces of a line of len octets. */
static bool params_split(const char *line, size_t len, size_t *left, const char **value,
                         size_t *value_len)
{
    const char *equals = memchr(line, '=', len);
    if (equals == NULL)
        return false;
    *left = (size_t)(equals - line);
    while (*left > 0 && line[*left - 1] == ' ')
        (*left)--;
    *value = equals + 1;
    *value_len = len - (size_t)(equals + 1 - line);
    return true;
}

static enum outcome params_take(const char *line, size_t len, const char *const *names, size_t n,
                                char (*values)[PARAMS_VALUE_MAX], bool *seen, struct err *err)
{
    size_t left = 0;
    size_t value_len = 0;
    const char *value = NULL;
    if (!params_split(line, len, &left, &value, &value_len))
        return err_set(err, OUT_REFUSED, "postconf printed \"%.*s\", which is no parameter",
                       (int)(len < 100 ? len : 100), line);
    for (size_t i = 0; i < n; i++) {
        if (strlen(names[i]) != left || memcmp(names[i], line, left) != 0)
            continue;
        if (!params_copy(values[i], PARAMS_VALUE_MAX, value, value_len))
            return err_set(err, OUT_REFUSED, "the value of %s is longer than %d octets", names[i],
                           PARAMS_VALUE_MAX - 1);
        seen[i] = true;
    }
    return OUT_OK;
}

enum outcome params_get(const struct params *params, const char *const *names, size_t n,
                        char (*values)[PARAMS_VALUE_MAX], struct err *err)
{
    struct run_result result = {0};
    bool seen[PARAMS_ARGS_MAX] = {false};
    enum outcome res = params_run(params, "-x", names, n, &result, err);
    const char *line = result.out;
    while (res == OUT_OK && *line != '\0') {
        size_t len = strcspn(line, "\n");
        res = params_take(line, len, names, n, values, seen, err);
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    for (size_t i = 0; res == OUT_OK && i < n; i++) {
        if (!seen[i])
            res = err_set(err, OUT_REFUSED, "%s -c %s does not know the parameter %s",
                          params->postconf, params->config_dir, names[i]);
    }
    run_result_free(&result);
    return res;
}

/* "service/type/name = value" */
static enum outcome params_override_line(const char *line, size_t len, struct params_override *out,
                                         struct err *err)
{
    size_t left = 0;
    size_t value_len = 0;
    const char *value = NULL;
    size_t slash = 0;
    if (params_split(line, len, &left, &value, &value_len)) {
        for (size_t i = 0; i < left; i++) {
            if (line[i] == '/')
                slash = i;
        }
    }
    if (slash == 0 || !params_copy(out->service, sizeof out->service, line, slash) ||
        !params_copy(out->name, sizeof out->name, line + slash + 1, left - slash - 1) ||
        !params_copy(out->value, sizeof out->value, value, value_len))
        return err_set(err, OUT_REFUSED, "postconf -P printed \"%.*s\", which cannot be used",
                       (int)(len < 100 ? len : 100), line);
    return OUT_OK;
}

enum outcome params_overrides(const struct params *params, const char *const *names, size_t n,
                              struct params_override *out, size_t *count, struct err *err)
{
    struct run_result result = {0};
    char patterns[PARAMS_ARGS_MAX][PARAMS_SERVICE_MAX];
    const char *args[PARAMS_ARGS_MAX];
    size_t room = *count;
    enum outcome res = OUT_OK;
    *count = 0;
    for (size_t i = 0; i < n && i < PARAMS_ARGS_MAX; i++) {
        int len = snprintf(patterns[i], sizeof patterns[i], "*/*/%s", names[i]);
        if (len < 0 || (size_t)len >= sizeof patterns[i])
            return err_set(err, OUT_BROKEN, "the parameter name %s is too long", names[i]);
        args[i] = patterns[i];
    }
    res = params_run(params, "-Px", args, n, &result, err);
    const char *line = result.out;
    while (res == OUT_OK && *line != '\0') {
        size_t len = strcspn(line, "\n");
        if (*count == room)
            res = err_set(err, OUT_REFUSED, "more than %zu services of master.cf set %s", room,
                          names[0]);
        else
            res = params_override_line(line, len, &out[(*count)++], err);
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    run_result_free(&result);
    return res;
}

/* "service/type/command = program argument..." */
static enum outcome params_command_line(const char *line, size_t len, struct params_command *out,
                                        struct err *err)
{
    static const char field[] = "/command";
    static const char blank[] = " \t";
    const size_t tail = sizeof field - 1;
    size_t left = 0;
    size_t value_len = 0;
    const char *value = NULL;
    bool good = params_split(line, len, &left, &value, &value_len) && left > tail &&
                memcmp(line + left - tail, field, tail) == 0;
    while (good && value_len > 0 && strchr(blank, value[0]) != NULL) {
        value++;
        value_len--;
    }
    size_t word = 0;
    while (good && word < value_len && strchr(blank, value[word]) == NULL)
        word++;
    if (!good || word == 0 || !params_copy(out->service, sizeof out->service, line, left - tail) ||
        !params_copy(out->program, sizeof out->program, value, word))
        return err_set(err, OUT_REFUSED, "postconf -F printed \"%.*s\", which cannot be used",
                       (int)(len < 100 ? len : 100), line);
    return OUT_OK;
}

enum outcome params_commands(const struct params *params, struct params_command *out, size_t *count,
                             struct err *err)
{
    static const char *const patterns[] = {"*/inet/command", "*/pass/command"};
    struct run_result result = {0};
    size_t room = *count;
    *count = 0;
    enum outcome res = params_run(params, "-F", patterns, 2, &result, err);
    const char *line = result.out;
    while (res == OUT_OK && *line != '\0') {
        size_t len = strcspn(line, "\n");
        if (*count == room)
            res = err_set(err, OUT_REFUSED, "master.cf has more than %zu services of type inet",
                          room);
        else
            res = params_command_line(line, len, &out[(*count)++], err);
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    run_result_free(&result);
    return res;
}
