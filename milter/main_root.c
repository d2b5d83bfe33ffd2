/* SPDX-License-Identifier: BSD-2-Clause */
/* Before the split: as root. */
#include "config.h"

#include "milter/main.h"

#include "base/file.h"
#include "base/text.h"
#include "conf/milters.h"
#include "dns/provider.h"
#include "postfix/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say_problem(void *self, const char *problem)
{
    struct daemon *d = self;
    maillog_ops.line(&d->log, PORT_LOG_ERROR, problem);
    if (d->problem[0] == '\0')
        (void)snprintf(d->problem, sizeof d->problem, "%s", problem);
}

static enum outcome find_people(struct daemon *d, struct err *err)
{
    enum outcome out = OUT_OK;
    if (geteuid() == 0)
        out = daemon_find_user(d->conf->user, &d->user, err);
    else
        d->user = (struct daemon_user){.uid = geteuid(), .gid = getegid(), .name = "this user"};
    if (out == OUT_OK)
        out = daemon_find_group(d->conf->control_group, &d->control_group, err);
    return out;
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
        return err_set(err, out, "mend the configuration %s: %s", d->path, d->problem);
    return out == OUT_OK ? find_people(d, err) : out;
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
    d->has_folders = out == OUT_OK;
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
                                        .timeout_ms = DEPLOY_TIMEOUT_MS,
                                        .n_ports = c->n_owners,
                                        .n_kinds = c->n_algs,
                                        .others = (const char *const *)c->deploy.reload.items,
                                        .n_others = c->deploy.reload.n,
                                        .all = d->deploys,
                                        .n_all = d->n};
        for (size_t o = 0; o < c->n_owners; o++)
            d->deploys[i].ports[o] = c->owners[o].port;
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
    char ip[TEXT_IP_MAX];
    if (provider == NULL)
        return err_set(err, OUT_REFUSED, "this danemilter was built without that provider");
    text_ip(dns->server.ip, ip);
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

/* ---- where smtpd finds the milter ------------------------------------------------------------ */

static const char *postfix_config(const struct daemon *d)
{
    const char *config = d->master != NULL ? getenv("MAIL_CONFIG") : NULL;
    if (config != NULL)
        return config;
    return d->n > 0 ? d->conf->certificates[0].deploy.postfix_config : "/etc/postfix";
}

enum { MILTER_QUEUE, MILTER_OWNER, MILTER_PARAMS };

static enum outcome milter_path(struct daemon *d, const char *queue, struct err *err)
{
    const char *in = d->conf->milter_socket;
    int n = in[0] == '/' ? snprintf(d->milter_socket, sizeof d->milter_socket, "%s", in)
                         : snprintf(d->milter_socket, sizeof d->milter_socket, "%s/%s", queue, in);
    const char *slash = strchr(in + 1, '/');
    if (n < 0 || (size_t)n >= sizeof d->milter_socket)
        return err_set(err, OUT_REFUSED, "milter_socket \"%s\" is too long", in);
    if (slash == NULL)
        return err_set(err, OUT_REFUSED,
                       "milter_socket \"%s\" has no folder of its own: take \"danemilter/milter\"",
                       in);
    return OUT_OK;
}

/* A folder that the mail owner, as whom smtpd runs, may pass through to the socket. */
static enum outcome make_milter_folder(struct daemon *d, struct err *err)
{
    static const char *const names[MILTER_PARAMS] = {"queue_directory", "mail_owner"};
    char values[MILTER_PARAMS][PARAMS_VALUE_MAX];
    const struct params params = {.postconf = MAIN_POSTCONF,
                                  .config_dir = postfix_config(d),
                                  .timeout_ms = DEPLOY_TIMEOUT_MS};
    struct daemon_user owner = {.gid = getegid()};
    char folder[MAIN_PATH_MAX];
    enum outcome out = params_get(&params, names, MILTER_PARAMS, values, err);
    if (out == OUT_OK)
        out = milter_path(d, values[MILTER_QUEUE], err);
    if (out == OUT_OK && geteuid() == 0)
        out = daemon_find_user(values[MILTER_OWNER], &owner, err);
    if (out != OUT_OK)
        return out;
    (void)snprintf(folder, sizeof folder, "%s", d->milter_socket);
    *strrchr(folder, '/') = '\0';
    return daemon_milter_dir(folder, &d->user, owner.gid, err);
}

/* Without it mail flows all the same, and rollovers go on: said, no more. */
static void prepare_milter(struct daemon *d)
{
    struct err err = ERR_INIT;
    const char *in = d->conf->milter_socket;
    if (milters_is_inet(in)) /* short: it was checked */
        (void)snprintf(d->milter_socket, sizeof d->milter_socket, "%s", in);
    else if (in[0] != '\0' && make_milter_folder(d, &err) != OUT_OK)
        goto none;
    return;
none:
    d->milter_socket[0] = '\0';
    err_prepend(&err, "no milter, sessions are not counted");
    maillog_ops.line(&d->log, PORT_LOG_ERROR, err.text);
}

/* The configuration cannot be used, but perhaps it says where the control socket is: whoever asks
 * there is told what is wrong. */
static void prepare_to_answer(struct daemon *d)
{
    const struct conf_source source = {
        .path = d->path, .user = FILE_NO_OWNER, .without_host = true, .without_secrets = true};
    struct err ignored = ERR_INIT; /* why it cannot be used was said */
    if (conf_load(&source, &d->conf, &ignored) == OUT_OK && find_people(d, &ignored) == OUT_OK)
        (void)make_folders(d, &ignored);
}

enum outcome main_root_prepare(struct daemon *d, struct err *err)
{
    enum outcome out = load_conf(d, err);
    if (out != OUT_OK && d->conf == NULL)
        prepare_to_answer(d);
    if (out == OUT_OK)
        out = make_folders(d, err);
    if (out == OUT_OK)
        out = make_tables(d, err);
    if (out == OUT_OK)
        out = open_providers(d, err);
    if (out == OUT_OK)
        prepare_milter(d);
    return out;
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
