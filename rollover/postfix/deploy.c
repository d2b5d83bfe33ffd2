/* SPDX-License-Identifier: BSD-2-Clause */
#include "postfix/deploy.h"

#include <stdio.h>
#include <string.h>

#include "crypto/bundle.h"
#include "postfix/chainfile.h"
#include "postfix/params.h"
#include "postfix/procs.h"
#include "postfix/run.h"
#include "postfix/services.h"
#include "postfix/snimaps.h"

#define DEPLOY_WORDS_MAX 32
#define DEPLOY_COMMAND_MAX 1024

static struct params deploy_params(const struct deploy *self)
{
    struct params params = {self->postconf, self->config_dir, self->timeout_ms};
    return params;
}

static enum outcome deploy_read(void *self, struct port_part *parts, size_t *n, struct err *err)
{
    const struct deploy *own = self;
    return chainfile_read(own->chain_file, parts, n, err);
}

static void deploy_free_parts(void *self, struct port_part *parts, size_t n)
{
    (void)self;
    bundle_free(parts, n);
}

static enum outcome deploy_install(void *self, const struct port_part *parts, size_t n,
                                   const struct port_part *expect, size_t n_expect, struct err *err)
{
    const struct deploy *own = self;
    return chainfile_install_over(own->chain_file, parts, n, expect, n_expect, &own->keys, err);
}

/* Beside postfix(1). */
static enum outcome deploy_maps(const struct deploy *self, struct err *err)
{
    char postmap[DEPLOY_COMMAND_MAX];
    const struct params params = deploy_params(self);
    const char *slash = strrchr(self->postfix, '/');
    int n = snprintf(postmap, sizeof postmap, "%.*s/postmap",
                     slash != NULL ? (int)(slash - self->postfix) : 0, self->postfix);
    if (n < 0 || (size_t)n >= sizeof postmap)
        return err_set(err, OUT_BROKEN, "the path %s is too long", self->postfix);
    enum outcome res = snimaps_build(&params, postmap, self->chain_file, err);
    for (size_t i = 0; i < self->n_all && res == OUT_OK; i++) {
        const struct deploy *other = &self->all[i];
        if (strcmp(other->config_dir, self->config_dir) == 0 &&
            strcmp(other->chain_file, self->chain_file) != 0)
            res = snimaps_build(&params, postmap, other->chain_file, err);
    }
    return res;
}

static enum outcome deploy_shred_old(void *self, struct err *err)
{
    const struct deploy *own = self;
    enum outcome res = deploy_maps(own, err);
    return res == OUT_OK ? chainfile_shred_old(own->chain_file, err) : res;
}

static enum outcome deploy_procs(const struct deploy *self, char queue_dir[PARAMS_VALUE_MAX],
                                 struct procs *out, struct err *err)
{
    static const char *const names[] = {"queue_directory"};
    char values[1][PARAMS_VALUE_MAX];
    struct params params = deploy_params(self);
    enum outcome res = params_get(&params, names, 1, values, err);
    if (res != OUT_OK)
        return res;
    memcpy(queue_dir, values[0], PARAMS_VALUE_MAX);
    out->proc = self->proc;
    out->queue_dir = queue_dir;
    return OUT_OK;
}

static enum outcome deploy_running(void *self, bool *up, struct err *err)
{
    char queue_dir[PARAMS_VALUE_MAX];
    struct procs procs;
    *up = false;
    enum outcome res = deploy_procs(self, queue_dir, &procs, err);
    return res == OUT_OK ? procs_running(&procs, up, err) : res;
}

static enum outcome deploy_older_than(void *self, model_time boot, size_t *count, struct err *err)
{
    char queue_dir[PARAMS_VALUE_MAX];
    struct procs procs;
    *count = 0;
    enum outcome res = deploy_procs(self, queue_dir, &procs, err);
    return res == OUT_OK ? procs_older_than(&procs, boot, count, err) : res;
}

/* Postfix's commands write to the mail log when no terminal is there, so their standard error may
 * be empty: the likeliest cause is looked for. */
static enum outcome deploy_reload_postfix(struct deploy *self, struct err *err)
{
    const char *argv[] = {self->postfix, "-c", self->config_dir, "reload", NULL};
    struct run_result result;
    enum outcome res = run_program(argv, self->timeout_ms, &result, err);
    if (res == OUT_REFUSED) {
        struct err ignored = ERR_INIT;
        bool up = true;
        if (deploy_running(self, &up, &ignored) == OUT_OK && !up)
            err_prepend(err, "Postfix (%s) is not running", self->config_dir);
        else
            err_prepend(err, "Postfix (%s) could not be reloaded, the mail log says why",
                        self->config_dir);
    }
    run_result_free(&result);
    return res;
}

/* One command of another server, by argv. */
static enum outcome deploy_run(const struct deploy *self, const char *command, struct err *err)
{
    char words[DEPLOY_COMMAND_MAX];
    const char *argv[DEPLOY_WORDS_MAX + 1] = {NULL};
    struct run_result result = {0};
    size_t argc = 0;
    int n = snprintf(words, sizeof words, "%s", command);
    if (n < 0 || (size_t)n >= sizeof words)
        return err_set(err, OUT_REFUSED, "the command is longer than %zu octets", sizeof words - 1);
    for (char *at = words + strspn(words, " \t"); *at != '\0'; at += strspn(at, " \t")) {
        if (argc == DEPLOY_WORDS_MAX)
            return err_set(err, OUT_REFUSED, "the command has more than %d words",
                           DEPLOY_WORDS_MAX);
        argv[argc++] = at;
        at += strcspn(at, " \t");
        if (*at != '\0')
            *at++ = '\0';
    }
    if (argc == 0 || argv[0][0] != '/')
        return err_set(err, OUT_REFUSED, "the command does not begin with an absolute path");
    enum outcome res = run_program(argv, self->timeout_ms, &result, err);
    run_result_free(&result);
    return res;
}

/* Every one of them gets its turn; a failure is a text in `err`, no more. */
static void deploy_reload_others(const struct deploy *self, struct err *err)
{
    for (size_t i = 0; i < self->n_others; i++) {
        struct err why = ERR_INIT;
        char before[ERR_TEXT_MAX];
        if (deploy_run(self, self->others[i], &why) == OUT_OK)
            continue;
        memcpy(before, err->text, sizeof before);
        err_say(err, "%s%sthe server that is reloaded by \"%s\" may still serve the old chain: %s",
                before, before[0] != '\0' ? "; " : "", self->others[i], why.text);
    }
}

static enum outcome deploy_reload(void *self, struct err *err)
{
    struct deploy *own = self;
    enum outcome res = deploy_maps(own, err);
    if (res == OUT_OK)
        res = deploy_reload_postfix(own, err);
    if (res == OUT_OK) {
        err_clear(err);
        deploy_reload_others(own, err);
    }
    return res;
}

static enum outcome deploy_ask(const struct deploy *self, struct services **out, struct err *err)
{
    const struct services_ask ask = {.params = deploy_params(self),
                                     .chain_file = self->chain_file,
                                     .ports = self->ports,
                                     .n_ports = self->n_ports,
                                     .n_kinds = self->n_kinds};
    return services_load(&ask, out, err);
}

static enum outcome deploy_points_here(void *self, struct err *err)
{
    struct services *services = NULL;
    enum outcome res = deploy_ask(self, &services, err);
    if (res == OUT_OK)
        res = services_points_here(services, err);
    services_free(&services);
    return res;
}

static enum outcome deploy_services(void *self, struct port_service *out, size_t *n,
                                    struct err *err)
{
    struct services *services = NULL;
    enum outcome res = deploy_ask(self, &services, err);
    if (res == OUT_OK)
        res = services_list(services, out, n, err);
    services_free(&services);
    return res;
}

const struct port_deploy_ops deploy_ops = {
    .read = deploy_read,
    .free_parts = deploy_free_parts,
    .install = deploy_install,
    .reload = deploy_reload,
    .shred_old = deploy_shred_old,
    .running = deploy_running,
    .points_here = deploy_points_here,
    .older_than = deploy_older_than,
    .services = deploy_services,
};
