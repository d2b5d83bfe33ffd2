/* SPDX-License-Identifier: BSD-2-Clause */
/* Before the split: as root. And the helper, which stays root and faces no network. */
#include "config.h"

#include "milter/main.h"

#include "base/file.h"
#include "dns/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void say_problem(void *self, const char *problem)
{
    struct daemon *d = self;
    maillog_ops.line(&d->log, PORT_LOG_ERROR, problem);
}

static enum outcome load_conf(struct daemon *d, struct err *err)
{
    struct conf_source source = {
        .path = d->path, .user = FILE_NO_OWNER, .say = say_problem, .self = d};
    if (access(d->path, F_OK) != 0)
        return err_set(err, OUT_REFUSED,
                       "there is no configuration %s: copy postfix-conf/danemilter.conf.example "
                       "there and make it yours, or name another file with -c",
                       d->path);
    enum outcome out = conf_load(&source, &d->conf, err);
    if (out == OUT_REFUSED)
        return err_set(err, out, "mend the configuration (%s); nothing was started", d->path);
    if (out == OUT_OK && geteuid() == 0)
        out = daemon_find_user(d->conf->user, &d->user, err);
    else
        d->user.uid = geteuid();
    if (out == OUT_OK)
        out = daemon_find_group(d->conf->control_group, &d->control_group, err);
    return out;
}

static enum outcome make_folders(struct daemon *d, struct err *err)
{
    int n = snprintf(d->keys_path, sizeof d->keys_path, "%s/keys", d->conf->state_dir);
    if (n < 0 || (size_t)n >= sizeof d->keys_path)
        return err_set(err, OUT_REFUSED, "state_dir %s is too long", d->conf->state_dir);
    enum outcome out = daemon_state_dir(d->conf->state_dir, &d->user, err);
    if (out == OUT_OK)
        out = daemon_state_dir(d->keys_path, &d->user, err);
    if (out == OUT_OK)
        out = daemon_run_dir(d->conf->run_dir, &d->user, d->control_group, err);
    return out;
}

static enum outcome make_tables(struct daemon *d, struct err *err)
{
    d->n = d->conf->n_certificates;
    size_t n = d->n > 0 ? d->n : 1;
    d->deploys = calloc(n, sizeof *d->deploys);
    d->table = calloc(n, sizeof *d->table);
    d->providers = calloc(d->conf->n_dns > 0 ? d->conf->n_dns : 1, sizeof *d->providers);
    if (d->deploys == NULL || d->table == NULL || d->providers == NULL)
        return err_errno(err, "%zu certificates", d->n);
    for (size_t i = 0; i < d->n; i++) {
        const struct conf_certificate *c = &d->conf->certificates[i];
        d->deploys[i] = (struct deploy){.config_dir = c->deploy.postfix_config,
                                        .chain_file = c->chain_file,
                                        .postfix = MAIN_POSTFIX,
                                        .postconf = MAIN_POSTCONF,
                                        .proc = "/proc",
                                        .timeout_ms = DEPLOY_TIMEOUT_MS};
        d->table[i] = (struct helper_deploy){.ops = &deploy_ops, .self = &d->deploys[i]};
    }
    return OUT_OK;
}

const struct provider *main_root_provider(const struct conf_dns *dns)
{
    return provider_find(dns->provider == CONF_POWERDNS ? "powerdns" : "rfc2136");
}

static enum outcome open_provider(const struct conf *conf, const struct conf_dns *dns, void **out,
                                  struct err *err)
{
    const struct provider *provider = main_root_provider(dns);
    char ip[OBSERVE_IP_TEXT];
    if (provider == NULL)
        return err_set(err, OUT_REFUSED, "this danemilter was built without that provider");
    observe_text_ip(dns->server.ip, ip);
    struct provider_settings settings = {.server = ip,
                                         .port = dns->server.port,
                                         .zone = dns->zone,
                                         .tsig_name = dns->tsig.name,
                                         .tsig_algorithm = dns->tsig.algorithm,
                                         .tsig_secret = dns->tsig.secret,
                                         .tsig_origin = conf->path,
                                         .url = dns->url,
                                         .api_key = dns->api_key,
                                         .server_id = dns->server_id,
                                         .ca_file = dns->ca_file};
    return provider->open(&settings, out, err);
}

/* Credentials are read here, while we may; nothing is asked of the network yet. */
static enum outcome open_providers(struct daemon *d, struct err *err)
{
    for (size_t i = 0; i < d->conf->n_dns; i++) {
        const struct conf_dns *dns = &d->conf->dns[i];
        enum outcome out = open_provider(d->conf, dns, &d->providers[i], err);
        if (out != OUT_OK) {
            err_prepend(err, "%s:%d: dns \"%s\"", d->conf->path, dns->head.line, dns->name);
            return out;
        }
    }
    return OUT_OK;
}

enum outcome main_root_prepare(struct daemon *d, struct err *err)
{
    enum outcome out = load_conf(d, err);
    if (out == OUT_OK)
        out = make_folders(d, err);
    if (out == OUT_OK)
        out = make_tables(d, err);
    if (out == OUT_OK)
        out = open_providers(d, err);
    return out;
}

int main_root_help(struct daemon *d)
{
    struct err err = ERR_INIT;
    enum outcome out = keydir_open(d->keys_path, d->user.uid, &d->keydir, &err);
    for (size_t i = 0; i < d->n && out == OUT_OK; i++)
        d->deploys[i].keys = keydir_loader(d->keydir);
    if (out == OUT_OK)
        out = helper_serve(d->fd, d->table, d->n, &err);
    keydir_close(&d->keydir);
    if (out != OUT_OK) {
        err_prepend(&err, "the helper");
        maillog_ops.line(&d->log, PORT_LOG_ERROR, err.text);
    }
    return out == OUT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

void main_root_free(struct daemon *d)
{
    for (size_t i = 0; d->conf != NULL && i < d->conf->n_dns && d->providers != NULL; i++) {
        if (d->providers[i] != NULL)
            main_root_provider(&d->conf->dns[i])->close(&d->providers[i]);
    }
    free(d->providers);
    free(d->table);
    free(d->deploys);
    conf_unref(&d->conf);
}
