/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main - the composition root of danemilter: the only file that names concrete adapters
 *
 * Reads the configuration, opens what root alone may read, splits into the privileged helper
 * and the daemon, drops privileges, builds the rest and runs the engine until SIGTERM or SIGINT.
 */
#include "config.h"

#include "base/file.h"
#include "conf/conf.h"
#include "crypto/cert.h"
#include "crypto/selfsigned.h"
#include "crypto/wipe.h"
#include "dns/observe.h"
#include "dns/provider.h"
#include "engine.h"
#include "milter/compose.h"
#include "milter/daemon.h"
#include "milter/helper.h"
#include "milter/maillog.h"
#include "milter/sysclock.h"
#include "net/probe.h"
#include "postfix/deploy.h"
#include "store/keydir.h"
#include "store/lock.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define MAIN_CONF "/etc/danemilter/danemilter.conf"
#define MAIN_PATH_MAX 1024
#define MAIN_POSTFIX "/usr/sbin/postfix"
#define MAIN_POSTCONF "/usr/sbin/postconf"

/* Everything that is made once and lives until the end. */
struct daemon {
    const struct conf *conf;
    struct daemon_user user;
    bool resume;
    char keys_path[MAIN_PATH_MAX];
    size_t n; /* certificates */
    struct engine_certificate *certificates;
    struct deploy *deploys;
    struct helper_deploy *table;
    struct helper_client *clients;
    struct selfsigned *issuers;
    void **providers; /* by conf->dns */
    struct keydir *keydir;
    struct store *store;
    struct observe *observe;
    struct probe *probe;
    struct sysclock clock;
    struct maillog log;
    struct lock lock;
    struct msg msg;
    struct engine *engine;
};

/* ---- before the split: as root --------------------------------------------------------- */

static void say_problem(void *self, const char *problem)
{
    (void)self;
    (void)fprintf(stderr, "danemilter: %s\n", problem);
}

static enum outcome load_conf(struct daemon *d, const char *path, struct err *err)
{
    struct conf_source source = {
        .path = path, .user = FILE_NO_OWNER, .say = say_problem, .self = NULL};
    if (access(path, F_OK) != 0)
        return err_set(err, OUT_REFUSED,
                       "there is no configuration %s: copy postfix-conf/danemilter.conf.example "
                       "there and make it yours, or name another file with -c",
                       path);
    enum outcome out = conf_load(&source, &d->conf, err);
    if (out == OUT_REFUSED)
        return err_set(err, out, "mend the configuration (%s); nothing was started", path);
    if (out == OUT_OK && geteuid() == 0)
        out = daemon_find_user(d->conf->user, &d->user, err);
    else
        d->user.uid = geteuid();
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
        out = daemon_state_dir(d->conf->run_dir, &d->user, err);
    return out;
}

static enum outcome make_tables(struct daemon *d, struct err *err)
{
    d->n = d->conf->n_certificates;
    size_t n = d->n > 0 ? d->n : 1;
    d->certificates = calloc(n, sizeof *d->certificates);
    d->deploys = calloc(n, sizeof *d->deploys);
    d->table = calloc(n, sizeof *d->table);
    d->clients = calloc(n, sizeof *d->clients);
    d->issuers = calloc(n, sizeof *d->issuers);
    d->providers = calloc(d->conf->n_dns > 0 ? d->conf->n_dns : 1, sizeof *d->providers);
    if (d->certificates == NULL || d->deploys == NULL || d->table == NULL || d->clients == NULL ||
        d->issuers == NULL || d->providers == NULL)
        return err_errno(err, "%zu certificates", d->n);
    return OUT_OK;
}

static const struct provider *provider_of(const struct conf_dns *dns)
{
    (void)dns;
    return provider_find("rfc2136"); /* enum conf_provider has no other yet */
}

/* Credentials are read here, while we may; nothing is asked of the network yet. */
static enum outcome open_providers(struct daemon *d, struct err *err)
{
    for (size_t i = 0; i < d->conf->n_dns; i++) {
        const struct conf_dns *dns = &d->conf->dns[i];
        char ip[OBSERVE_IP_TEXT];
        observe_text_ip(dns->server.ip, ip);
        struct provider_settings settings = {.server = ip,
                                             .port = dns->server.port,
                                             .zone = dns->zone,
                                             .tsig_name = dns->tsig.name,
                                             .tsig_algorithm = dns->tsig.algorithm,
                                             .tsig_secret = dns->tsig.secret,
                                             .tsig_origin = d->conf->path};
        enum outcome out = provider_of(dns)->open(&settings, &d->providers[i], err);
        if (out != OUT_OK) {
            err_prepend(err, "%s:%d: dns \"%s\"", d->conf->path, dns->head.line, dns->name);
            return out;
        }
    }
    return OUT_OK;
}

static void fill_deploys(struct daemon *d)
{
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
}

/* ---- the helper: stays root, faces no network ------------------------------------------ */

static int run_helper(struct daemon *d, int fd)
{
    struct err err = ERR_INIT;
    enum outcome out = keydir_open(d->keys_path, d->user.uid, &d->keydir, &err);
    for (size_t i = 0; i < d->n && out == OUT_OK; i++)
        d->deploys[i].keys = keydir_loader(d->keydir);
    if (out == OUT_OK)
        out = helper_serve(fd, d->table, d->n, &err);
    keydir_close(&d->keydir);
    if (out != OUT_OK)
        (void)fprintf(stderr, "danemilter: helper: %s\n", err.text);
    return out == OUT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- the daemon: its own user ---------------------------------------------------------- */

static enum outcome open_adapters(struct daemon *d, bool *restored, struct err *err)
{
    char forward[CONF_RESOLVERS_MAX][OBSERVE_IP_TEXT + 8];
    const char *list[CONF_RESOLVERS_MAX + 1] = {NULL};
    for (size_t i = 0; i < d->conf->n_resolvers; i++) {
        char ip[OBSERVE_IP_TEXT];
        observe_text_ip(d->conf->resolvers[i].ip, ip);
        (void)snprintf(forward[i], sizeof forward[i], "%s@%u", ip,
                       (unsigned)d->conf->resolvers[i].port);
        list[i] = forward[i];
    }
    struct observe_config config = {
        .resolve = {.trust_anchor = d->conf->trust_anchor,
                    .root_hints = d->conf->root_hints[0] != '\0' ? d->conf->root_hints : NULL,
                    .forward = d->conf->n_resolvers > 0 ? list : NULL}};
    const struct probe_config defaults = {.connect = 0};
    enum outcome out = lock_take(d->conf->state_dir, &d->lock, err);
    if (out == OUT_OK)
        out = keydir_open(d->keys_path, d->user.uid, &d->keydir, err);
    if (out == OUT_OK)
        out = store_open(d->conf->state_dir, d->conf->run_dir, &d->store, restored, err);
    if (out == OUT_OK) {
        out = observe_open(&config, &d->observe, err);
        if (out != OUT_OK)
            err_prepend(err, "trust_anchor in %s (Debian's package dns-root-data brings one)",
                        d->conf->path);
    }
    if (out == OUT_OK)
        out = probe_new(&defaults, &d->probe, err);
    return out;
}

static size_t dns_index(const struct conf *conf, const struct conf_dns *dns)
{
    return (size_t)(dns - conf->dns);
}

static enum outcome add_certificate(struct daemon *d, size_t i, struct err *err)
{
    const struct conf_certificate *c = &d->conf->certificates[i];
    struct engine_certificate *e = &d->certificates[i];
    enum outcome out = compose_certificate(d->conf, c, e, err);
    if (out != OUT_OK)
        return out;
    d->issuers[i] =
        (struct selfsigned){.keys = keydir_loader(d->keydir), .lifetime = c->renew.lifetime};
    e->resume = d->resume;
    e->issuer = &selfsigned_ops;
    e->issuer_self = &d->issuers[i];
    e->deploy = &helper_ops;
    e->deploy_self = &d->clients[i];
    for (size_t o = 0; o < e->n_owners; o++) {
        e->owners[o].dns = provider_of(c->dns)->ops;
        e->owners[o].dns_self = d->providers[dns_index(d->conf, c->dns)];
    }
    return engine_add(d->engine, e, err);
}

static enum outcome start_engine(struct daemon *d, struct err *err)
{
    struct engine_world world = {.clock = &sysclock_ops,
                                 .clock_self = &d->clock,
                                 .keys = &keydir_ops,
                                 .keys_self = d->keydir,
                                 .certs = &cert_ops,
                                 .certs_self = NULL,
                                 .observe = &observe_ops,
                                 .observe_self = d->observe,
                                 .probe = &probe_ops,
                                 .probe_self = d->probe,
                                 .store = &store_ops,
                                 .store_self = d->store,
                                 .log = &maillog_ops,
                                 .log_self = &d->log};
    enum outcome out = engine_new(&world, &d->engine, err);
    size_t added = 0;
    for (size_t i = 0; i < d->n && out == OUT_OK; i++) {
        struct err why = ERR_INIT;
        if (add_certificate(d, i, &why) == OUT_OK)
            added++;
        else /* the others are not to suffer for it */
            maillog_ops.line(&d->log, PORT_LOG_ERROR, why.text);
    }
    if (out == OUT_OK && added == 0)
        return err_set(err, OUT_REFUSED, "none of the certificates can be worked on");
    return out;
}

static enum outcome run_daemon(struct daemon *d, int fd, struct err *err)
{
    bool restored = false;
    d->log.fd = STDERR_FILENO;
    for (size_t i = 0; i < d->n; i++)
        d->clients[i] = (struct helper_client){
            .lost = daemon_lose, .fd = fd, .certificate = (uint32_t)i, .msg = &d->msg};
    enum outcome out = geteuid() == 0 ? daemon_drop(&d->user, err) : OUT_OK;
    if (out == OUT_OK)
        out = sysclock_init(&d->clock, err);
    if (out == OUT_OK)
        out = daemon_signals(d->clock.pipe[1], err);
    if (out == OUT_OK)
        out = msg_init(&d->msg, err);
    if (out == OUT_OK)
        out = open_adapters(d, &restored, err);
    if (out == OUT_OK)
        out = start_engine(d, err);
    if (out != OUT_OK)
        return out;
    maillog_ops.line(&d->log, PORT_LOG_INFO, "danemilter " PACKAGE_VERSION " started");
    if (restored)
        maillog_ops.line(&d->log, PORT_LOG_ERROR,
                         "the state was restored from a backup: every wait begins again, and no "
                         "key is switched or withdrawn before you have looked (danectl status)");
    engine_run(d->engine, daemon_stopping());
    if (daemon_lost())
        return err_set(err, OUT_BROKEN,
                       "the helper has ended, and nothing can be installed or "
                       "reloaded without it: start danemilter again");
    maillog_ops.line(&d->log, PORT_LOG_INFO, "danemilter stopped");
    return OUT_OK;
}

static void free_daemon(struct daemon *d)
{
    engine_free(&d->engine);
    probe_free(&d->probe);
    observe_close(&d->observe);
    store_close(&d->store);
    keydir_close(&d->keydir);
    lock_release(&d->lock);
    msg_free(&d->msg);
    for (size_t i = 0; d->conf != NULL && i < d->conf->n_dns && d->providers != NULL; i++) {
        if (d->providers[i] != NULL)
            provider_of(&d->conf->dns[i])->close(&d->providers[i]);
    }
    free(d->providers);
    free(d->issuers);
    free(d->clients);
    free(d->table);
    free(d->deploys);
    free(d->certificates);
    conf_unref(&d->conf);
}

/* ---- start ------------------------------------------------------------------------------ */

static int usage(int status)
{
    (void)fprintf(status == EXIT_SUCCESS ? stdout : stderr,
                  "usage: danemilter -f [-r] [-c FILE]\n"
                  "  -f       stay in the foreground; the log goes to standard error\n"
                  "  -c FILE  the configuration (%s)\n"
                  "  -r       go on after a freeze, from what the chain file holds now\n"
                  "  -V       print the version\n",
                  MAIN_CONF);
    return status;
}

static enum outcome prepare(struct daemon *d, const char *path, struct err *err)
{
    enum outcome out = daemon_harden(err);
    if (out == OUT_OK)
        out = wipe_begin(err); /* before anything else uses OpenSSL */
    if (out == OUT_OK)
        out = load_conf(d, path, err);
    if (out == OUT_OK)
        out = make_folders(d, err);
    if (out == OUT_OK)
        out = make_tables(d, err);
    if (out == OUT_OK)
        out = open_providers(d, err);
    if (out == OUT_OK)
        fill_deploys(d);
    return out;
}

static int run(const char *path, bool resume)
{
    struct daemon d;
    struct err err = ERR_INIT;
    bool helper = false;
    int fd = -1;
    pid_t child = 0;
    memset(&d, 0, sizeof d);
    d.lock.fd = -1;
    d.resume = resume;
    int status = EXIT_FAILURE;
    enum outcome out = prepare(&d, path, &err);
    if (out == OUT_OK)
        out = daemon_fork(&helper, &fd, &child, &err);
    if (out == OUT_OK && helper)
        status = run_helper(&d, fd);
    else if (out == OUT_OK)
        out = run_daemon(&d, fd, &err);
    if (out != OUT_OK)
        (void)fprintf(stderr, "danemilter: fatal: %s\n", err.text);
    else if (!helper)
        status = EXIT_SUCCESS;
    free_daemon(&d);
    return status;
}

int main(int argc, char **argv)
{
    const char *path = MAIN_CONF;
    bool foreground = false, resume = false;
    int opt;
    while ((opt = getopt(argc, argv, "c:frhV")) != -1) {
        switch (opt) {
        case 'c':
            path = optarg;
            break;
        case 'f':
            foreground = true;
            break;
        case 'r':
            resume = true;
            break;
        case 'h':
            return usage(EXIT_SUCCESS);
        case 'V':
            (void)printf("danemilter %s\n", PACKAGE_VERSION);
            return EXIT_SUCCESS;
        default:
            return usage(EXIT_USAGE);
        }
    }
    if (!foreground && optind == argc)
        (void)fprintf(stderr, "danemilter: this release runs in the foreground only: add -f\n");
    if (!foreground || optind != argc)
        return usage(EXIT_USAGE);
    return run(path, resume);
}
