/* SPDX-License-Identifier: BSD-2-Clause */
#define _XOPEN_SOURCE 700 /* realpath: glibc has it under XSI only */
#include "postfix/deploy.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/bundle.h"
#include "postfix/chainfile.h"
#include "postfix/params.h"
#include "postfix/procs.h"
#include "postfix/run.h"

#define DEPLOY_LEGACY 3 /* the first one of the older parameters in the table below */

/* The values that points_here looks at. */
static const char *const deploy_names[] = {
    "smtpd_tls_chain_files", "tlsproxy_tls_chain_files", "queue_directory",
    "smtpd_tls_cert_file",   "smtpd_tls_eccert_file",    "smtpd_tls_dcert_file",
};
#define DEPLOY_NAMES (sizeof deploy_names / sizeof deploy_names[0])

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

static enum outcome deploy_shred_old(void *self, struct err *err)
{
    const struct deploy *own = self;
    return chainfile_shred_old(own->chain_file, err);
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
static enum outcome deploy_reload(void *self, struct err *err)
{
    const struct deploy *own = self;
    const char *argv[] = {own->postfix, "-c", own->config_dir, "reload", NULL};
    struct run_result result;
    enum outcome res = run_program(argv, own->timeout_ms, &result, err);
    if (res == OUT_REFUSED) {
        struct err ignored = ERR_INIT;
        bool up = true;
        if (deploy_running(self, &up, &ignored) == OUT_OK && !up)
            err_prepend(err, "Postfix (%s) is not running", own->config_dir);
        else
            err_prepend(err, "Postfix (%s) could not be reloaded, the mail log says why",
                        own->config_dir);
    }
    run_result_free(&result);
    return res;
}

/* The chain file, perhaps named by way of a symbolic link: that follows a rename, too. */
static bool deploy_same(const struct deploy *self, const char *value)
{
    if (strcmp(value, self->chain_file) == 0)
        return true;
    char *real = value[0] == '/' ? realpath(value, NULL) : NULL;
    bool same = real != NULL && strcmp(real, self->chain_file) == 0;
    free(real);
    return same;
}

static enum outcome deploy_main_cf(const struct deploy *self, char (*values)[PARAMS_VALUE_MAX],
                                   struct err *err)
{
    const char *dir = self->config_dir;
    if (values[0][0] == '\0') {
        for (size_t i = DEPLOY_LEGACY; i < DEPLOY_NAMES; i++) {
            if (values[i][0] != '\0')
                return err_set(err, OUT_REFUSED,
                               "%s/main.cf sets %s = %s and no smtpd_tls_chain_files: set "
                               "smtpd_tls_chain_files = %s, then the older parameters do not count",
                               dir, deploy_names[i], values[i], self->chain_file);
        }
        return err_set(err, OUT_REFUSED,
                       "%s/main.cf sets no smtpd_tls_chain_files: set smtpd_tls_chain_files = %s",
                       dir, self->chain_file);
    }
    for (size_t i = 0; i < 2; i++) {
        if (!deploy_same(self, values[i]))
            return err_set(
                err, OUT_REFUSED,
                "%s/main.cf has %s = %s, but danemilter writes %s: name the same, single "
                "file in both",
                dir, deploy_names[i], values[i], self->chain_file);
    }
    return OUT_OK;
}

static enum outcome deploy_points_here(void *self, struct err *err)
{
    const struct deploy *own = self;
    char values[DEPLOY_NAMES][PARAMS_VALUE_MAX];
    struct params_override overrides[PARAMS_OVERRIDES_MAX];
    size_t count = PARAMS_OVERRIDES_MAX;
    struct params params = deploy_params(own);
    enum outcome res = params_get(&params, deploy_names, DEPLOY_NAMES, values, err);
    if (res == OUT_OK)
        res = deploy_main_cf(own, values, err);
    if (res == OUT_OK)
        res = params_overrides(&params, deploy_names, 2, overrides, &count, err);
    if (res != OUT_OK)
        return res;
    for (size_t i = 0; i < count; i++) {
        if (!deploy_same(own, overrides[i].value))
            return err_set(err, OUT_REFUSED,
                           "%s/master.cf: the service %s has %s = %s, but danemilter writes %s: "
                           "take the override out, or name that file",
                           own->config_dir, overrides[i].service, overrides[i].name,
                           overrides[i].value, own->chain_file);
    }
    return OUT_OK;
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
};
