/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's half, as its own user: adapters, issuers, the engine and its certificates. */
#include "config.h"

#include "milter/main.h"

#include "base/text.h"
#include "crypto/cert.h"
#include "dns/challenge.h"
#include "dns/provider.h"
#include "milter/compose.h"
#include "postfix/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Resolvers in the form that dns/ takes. */
struct resolvers {
    char text[CONF_RESOLVERS_MAX][TEXT_IP_MAX + 8];
    const char *list[CONF_RESOLVERS_MAX + 1];
};

static struct observe_config observing(const struct conf *conf, struct resolvers *r)
{
    memset(r, 0, sizeof *r);
    for (size_t i = 0; i < conf->n_resolvers; i++) {
        char ip[TEXT_IP_MAX];
        text_ip(conf->resolvers[i].ip, ip);
        (void)snprintf(r->text[i], sizeof r->text[i], "%s@%u", ip,
                       (unsigned)conf->resolvers[i].port);
        r->list[i] = r->text[i];
    }
    return (struct observe_config){
        .resolve = {.trust_anchor = conf->trust_anchor,
                    .root_hints = conf->root_hints[0] != '\0' ? conf->root_hints : NULL,
                    .forward = conf->n_resolvers > 0 ? r->list : NULL}};
}

static enum outcome open_adapters(struct daemon *d, struct err *err)
{
    struct resolvers resolvers;
    const struct observe_config config = observing(d->conf, &resolvers);
    const struct probe_config defaults = {.connect = 0};
    enum outcome out = keydir_open(d->keys_path, d->user.uid, &d->keydir, err);
    if (out == OUT_OK)
        out = store_open(d->conf->state_dir, d->conf->run_dir, &d->store, &d->restored, err);
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

/* ---- issuers ------------------------------------------------------------------------------ */

/* The zones where a challenge may be put: those of every section dns that names one. */
static enum outcome open_challenge(struct daemon *d, struct challenge **out, struct err *err)
{
    struct resolvers resolvers;
    size_t n = d->conf->n_dns > 0 ? d->conf->n_dns : 1;
    struct challenge_provider *providers = calloc(n, sizeof *providers);
    if (providers == NULL)
        return err_errno(err, "%zu sections dns", n);
    struct challenge_config config = {.observe = observing(d->conf, &resolvers),
                                      .providers = providers};
    for (size_t i = 0; i < d->conf->n_dns; i++) {
        const struct conf_dns *dns = &d->conf->dns[i];
        if (dns->apex[0] != '\0')
            providers[config.n_providers++] = (struct challenge_provider){
                .zone = dns->apex, .ops = main_root_provider(dns)->ops, .self = d->providers[i]};
    }
    enum outcome res = challenge_open(&config, out, err);
    free(providers);
    return res;
}

static enum outcome open_ca(struct daemon *d, const struct conf_acme *conf, struct main_ca *ca,
                            struct err *err)
{
    const struct acme_config config = {.title = conf->name,
                                       .directory = conf->directory,
                                       .ca_file = conf->ca_file,
                                       .contact = (const char *const *)conf->contact.items,
                                       .n_contact = conf->contact.n,
                                       .agree = conf->agree,
                                       .challenge_wait = conf->challenge_wait,
                                       .order_wait = conf->order_wait,
                                       .orders_per_hour = (unsigned)conf->orders_per_hour,
                                       .certificates_per_week =
                                           (unsigned)conf->certificates_per_week};
    enum outcome out = open_challenge(d, &ca->challenge, err);
    if (out != OUT_OK)
        return out;
    const struct acme_ports ports = {.clock = &work_clock_ops,
                                     .clock_self = d->work,
                                     .keys = &keydir_ops,
                                     .keys_self = d->keydir,
                                     .loader = keydir_loader(d->keydir),
                                     .certs = &cert_ops,
                                     .certs_self = NULL,
                                     .notes = &store_notes_ops,
                                     .notes_self = d->store,
                                     .challenge = &challenge_ops,
                                     .challenge_self = ca->challenge,
                                     .log = &maillog_ops,
                                     .log_self = &d->log,
                                     .stopping = work_stopping,
                                     .stopping_self = d->work};
    return acme_open(&config, &ports, &ca->acme, err);
}

static enum outcome open_cas(struct daemon *d, struct err *err)
{
    d->cas = calloc(d->conf->n_acme > 0 ? d->conf->n_acme : 1, sizeof *d->cas);
    if (d->cas == NULL)
        return err_errno(err, "%zu sections acme", d->conf->n_acme);
    for (size_t i = 0; i < d->conf->n_acme; i++) {
        const struct conf_acme *conf = &d->conf->acme[i];
        enum outcome out = open_ca(d, conf, &d->cas[i], err);
        if (out != OUT_OK) {
            err_prepend(err, "%s:%d: acme \"%s\"", d->conf->path, conf->head.line, conf->name);
            return out;
        }
    }
    return OUT_OK;
}

/* ---- certificates ------------------------------------------------------------------------- */

static void choose_issuer(struct daemon *d, size_t i)
{
    const struct conf_certificate *c = &d->conf->certificates[i];
    struct engine_certificate *e = &d->certificates[i];
    if (c->acme != NULL) {
        e->issuer = &acme_ops;
        e->issuer_self = d->cas[c->acme - d->conf->acme].acme;
        return;
    }
    d->issuers[i] =
        (struct selfsigned){.keys = keydir_loader(d->keydir), .lifetime = c->renew.lifetime};
    e->issuer = &selfsigned_ops;
    e->issuer_self = &d->issuers[i];
}

static enum outcome add_certificate(struct daemon *d, size_t i, struct err *err)
{
    const struct conf_certificate *c = &d->conf->certificates[i];
    struct engine_certificate *e = &d->certificates[i];
    enum outcome out = compose_certificate(d->conf, c, e, err);
    if (out != OUT_OK)
        return out;
    choose_issuer(d, i);
    d->clients[i] = (struct helper_client){
        .lost = daemon_lose, .fd = d->fd, .certificate = (uint32_t)i, .msg = &d->msg};
    e->deploy = &helper_ops;
    e->deploy_self = &d->clients[i];
    for (size_t o = 0; o < e->n_owners; o++) {
        e->owners[o].dns = main_root_provider(c->dns)->ops;
        e->owners[o].dns_self = d->providers[c->dns - d->conf->dns];
    }
    return engine_add(d->engine, e, err);
}

static enum outcome add_certificates(struct daemon *d, struct err *err)
{
    size_t n = d->n > 0 ? d->n : 1, added = 0;
    d->certificates = calloc(n, sizeof *d->certificates);
    d->clients = calloc(n, sizeof *d->clients);
    d->issuers = calloc(n, sizeof *d->issuers);
    if (d->certificates == NULL || d->clients == NULL || d->issuers == NULL)
        return err_errno(err, "%zu certificates", d->n);
    for (size_t i = 0; i < d->n; i++) {
        struct err why = ERR_INIT;
        if (add_certificate(d, i, &why) == OUT_OK)
            added++;
        else /* the others are not to suffer for it */
            maillog_ops.line(&d->log, PORT_LOG_ERROR, why.text);
    }
    if (added == 0)
        return err_set(err, OUT_REFUSED, "none of the certificates can be worked on");
    return OUT_OK;
}

/* ---- who is told ----------------------------------------------------------------------------- */

static enum outcome run_sendmail(const char *const *argv, const char *input, int timeout_ms,
                                 struct err *err)
{
    struct run_result result;
    enum outcome out = run_program_input(argv, input, timeout_ms, &result, err);
    run_result_free(&result);
    return out;
}

static enum outcome open_notice(struct daemon *d, struct err *err)
{
    char host[256] = "", danectl[MAIN_PATH_MAX + 16] = "danectl";
    if (gethostname(host, sizeof host - 1) != 0)
        return err_errno(err, "the name of this host");
    if (strcmp(d->path, MAIN_CONF) != 0)
        (void)snprintf(danectl, sizeof danectl, "danectl -c %s", d->path);
    const struct notice_config config = {.to = d->conf->notify,
                                         .sendmail = d->conf->sendmail,
                                         .host = host,
                                         .danectl = danectl,
                                         .run = run_sendmail,
                                         .clock = &sysclock_ops,
                                         .clock_self = &d->clock,
                                         .notes = &store_notes_ops,
                                         .notes_self = d->store,
                                         .work = &work_mail_ops,
                                         .work_self = d->work,
                                         .log = &maillog_ops,
                                         .log_self = &d->log};
    return notice_open(&config, &d->notice, err);
}

static enum outcome start_engine(struct daemon *d, struct err *err)
{
    const struct engine_world world = {.clock = &sysclock_ops,
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
                                       .log_self = &d->log,
                                       .work = &work_ops,
                                       .work_self = d->work,
                                       .notice = &notice_ops,
                                       .notice_self = d->notice,
                                       .switched = main_ledger_switched,
                                       .switched_self = d};
    enum outcome out = engine_new(&world, &d->engine, err);
    return out == OUT_OK ? add_certificates(d, err) : out;
}

enum outcome main_world_open(struct daemon *d, struct err *err)
{
    enum outcome out = open_adapters(d, err);
    if (out == OUT_OK)
        out = open_cas(d, err);
    if (out == OUT_OK)
        out = open_notice(d, err);
    if (out == OUT_OK)
        out = start_engine(d, err);
    return out;
}

void main_world_close(struct daemon *d)
{
    engine_free(&d->engine);
    notice_close(&d->notice);
    for (size_t i = 0; d->cas != NULL && i < d->conf->n_acme; i++) {
        acme_close(&d->cas[i].acme);
        challenge_close(&d->cas[i].challenge);
    }
    free(d->cas);
    free(d->issuers);
    free(d->clients);
    free(d->certificates);
    d->cas = NULL;
    d->issuers = NULL;
    d->clients = NULL;
    d->certificates = NULL;
    probe_free(&d->probe);
    observe_close(&d->observe);
    store_close(&d->store);
    keydir_close(&d->keydir);
}
