/* SPDX-License-Identifier: BSD-2-Clause */
/* What Postfix and an existing configuration say. */
#include "milter/danectl_adopt.h"

#include "conf/conf.h"
#include "crypto/bundle.h"
#include "milter/danectl_adopt_postfix.h"
#include "milter/danectl_adopt_undo.h"
#include "postfix/deploy.h"
#include "postfix/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void adopt_facts_free(struct adopt_facts **facts)
{
    if (*facts == NULL)
        return;
    bundle_free((*facts)->parts, (*facts)->n_parts);
    free(*facts);
    *facts = NULL;
}

static void fit(char *out, size_t size, const char *from)
{
    (void)snprintf(out, size, "%.*s", (int)size - 1, from);
}

/* Services that set for themselves what decides about certificates and milters. */
static enum outcome facts_overrides(const struct params *params, struct adopt_facts *f,
                                    struct err *err)
{
    static const char *const names[] = {
        "smtpd_tls_chain_files", "tlsproxy_tls_chain_files", "smtpd_tls_cert_file",
        "smtpd_tls_eccert_file", "smtpd_tls_dcert_file",     "smtpd_milters",
    };
    f->n_overrides = PARAMS_OVERRIDES_MAX;
    return params_overrides(params, names, sizeof names / sizeof names[0], f->overrides,
                            &f->n_overrides, err);
}

static enum outcome facts_services(struct adopt_facts *f, struct err *err)
{
    const char *const argv[] = {ADOPT_POSTCONF, "-c", f->config_dir, "-M", NULL};
    struct run_result got = {0};
    char *ours = NULL;
    enum outcome res = run_program(argv, ADOPT_TIMEOUT_MS, &got, err);
    for (char *line = got.out; res == OUT_OK && line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');
        char type[16] = "", command[64] = "";
        if (end != NULL)
            *end = '\0';
        if (sscanf(line, "%*s %15s %*s %*s %*s %*s %*s %63s", type, command) == 2 &&
            strcmp(type, "inet") == 0 && strcmp(command, "postscreen") == 0)
            f->postscreen = true;
        line = end != NULL ? end + 1 : NULL;
    }
    run_result_free(&got);
    if (res == OUT_OK)
        res = adopt_pf_service(f->config_dir, "danemilter/unix", &ours, err);
    f->service = ours != NULL;
    free(ours);
    return res;
}

static bool has_program(const char *folder)
{
    char path[FILE_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/danemilter", folder);
    return n > 0 && (size_t)n < sizeof path && access(path, X_OK) == 0;
}

enum outcome adopt_facts_postfix(const struct adopt_wishes *wishes, struct adopt_facts *out,
                                 struct err *err)
{
    struct params params = {ADOPT_POSTCONF, wishes->config_dir, ADOPT_TIMEOUT_MS};
    struct deploy deploy = {.config_dir = wishes->config_dir,
                            .chain_file = ADOPT_CHAIN_PATH,
                            .postfix = ADOPT_POSTFIX,
                            .postconf = ADOPT_POSTCONF,
                            .proc = "/proc",
                            .timeout_ms = ADOPT_TIMEOUT_MS};
    char *milters = NULL;
    if (strlen(wishes->config_dir) >= sizeof out->config_dir || wishes->config_dir[0] != '/')
        return err_set(err, OUT_REFUSED, "-P %.100s: give Postfix's folder with its whole path",
                       wishes->config_dir);
    fit(out->config_dir, sizeof out->config_dir, wishes->config_dir);
    fit(out->chain_file, sizeof out->chain_file, ADOPT_CHAIN_PATH);
    fit(out->milter_socket, sizeof out->milter_socket, "danemilter/milter");
    enum outcome res = params_get(&params, adopt_param_names, ADOPT_PARAMS, out->values, err);
    if (res == OUT_OK)
        res = adopt_pf_param(out->config_dir, "smtpd_milters", &milters, err);
    if (res == OUT_OK && milters != NULL && strlen(milters) >= sizeof out->milters)
        res = err_set(err, OUT_REFUSED, "smtpd_milters is longer than %zu octets",
                      sizeof out->milters - 1);
    if (res == OUT_OK)
        fit(out->milters, sizeof out->milters, milters != NULL ? milters : "");
    free(milters);
    if (res == OUT_OK)
        out->program = has_program(out->values[ADOPT_DAEMON_DIR]);
    if (res == OUT_OK)
        res = facts_overrides(&params, out, err);
    if (res == OUT_OK)
        res = facts_services(out, err);
    if (res == OUT_OK)
        res = deploy_ops.running(&deploy, &out->running, err);
    return res;
}

/* ---- a configuration that is there already --------------------------------------------------- */

static void keep_problem(void *self, const char *problem)
{
    struct adopt_facts *f = self;
    if (f->conf_trouble[0] == '\0')
        fit(f->conf_trouble, sizeof f->conf_trouble, problem);
}

static bool conf_has_alg(const struct conf_certificate *c, enum port_alg alg)
{
    for (size_t i = 0; i < c->n_algs; i++) {
        if (c->algs[i] == alg)
            return true;
    }
    return false;
}

/* Its first certificate for this Postfix is the one that is compared. */
static void conf_compare(const struct conf *conf, struct adopt_facts *f)
{
    const struct conf_certificate *c = NULL;
    for (size_t i = 0; i < conf->n_certificates && c == NULL; i++) {
        if (strcmp(conf->certificates[i].deploy.postfix_config, f->config_dir) == 0)
            c = &conf->certificates[i];
    }
    if (c == NULL) {
        (void)snprintf(f->conf_trouble, sizeof f->conf_trouble,
                       "%.200s has no certificate for the Postfix of %.200s", conf->path,
                       f->config_dir);
        return;
    }
    fit(f->chain_file, sizeof f->chain_file, c->chain_file);
    f->conf_keys = c->n_algs == f->n_parts;
    for (size_t i = 0; i < f->n_parts; i++)
        f->conf_keys = f->conf_keys && conf_has_alg(c, f->parts[i].alg);
    f->conf_hosts = true;
    for (size_t i = 0; i < f->n_hosts; i++) {
        bool found = false;
        for (size_t k = 0; k < c->n_owners; k++)
            found = found || strcmp(c->owners[k].host, f->hosts[i].name) == 0;
        f->conf_hosts = f->conf_hosts && found;
    }
}

static void conf_ours(struct adopt_facts *f, const char *path)
{
    struct adopt_undo *undo = NULL;
    struct err none = ERR_INIT; /* without a record it is not ours; --apply says what is wrong */
    if (adopt_undo_load(ADOPT_UNDO, &undo, &none) != OUT_OK)
        return;
    for (size_t i = 0; i < undo->n; i++) {
        const struct adopt_change *c = &undo->changes[i];
        f->conf_ours = f->conf_ours || (c->kind == ADOPT_FILE && strcmp(c->name, path) == 0);
    }
    adopt_undo_free(&undo);
}

enum outcome adopt_facts_conf(const struct adopt_wishes *wishes, struct adopt_facts *out,
                              struct err *err)
{
    struct conf_source source = {.path = wishes->conf_path,
                                 .user = FILE_NO_OWNER,
                                 .without_secrets = true,
                                 .without_host = true,
                                 .say = keep_problem,
                                 .self = out};
    const struct conf *conf = NULL;
    out->conf_there = access(wishes->conf_path, F_OK) == 0;
    if (!out->conf_there)
        return OUT_OK;
    conf_ours(out, wishes->conf_path);
    enum outcome res = conf_load(&source, &conf, err);
    if (res == OUT_OK) {
        fit(out->milter_socket, sizeof out->milter_socket, conf->milter_socket);
        conf_compare(conf, out);
    } else if (out->conf_trouble[0] == '\0') {
        fit(out->conf_trouble, sizeof out->conf_trouble, err->text);
    }
    err_clear(err);
    conf_unref(&conf);
    return OUT_OK;
}
