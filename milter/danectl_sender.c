/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/danectl_sender.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "crypto/cert.h"
#include "crypto/tlsa.h"
#include "dns/hosts.h"
#include "dns/replay.h"
#include "dns/resolve.h"
#include "net/smtp.h"

#define SENDER_ANCHOR "/usr/share/dns/root.key"
#define SENDER_CONNECT_MS 10000
#define SENDER_TOTAL_MS 40000
#define SENDER_QUIT_MS 2000

struct sender {
    struct observe *observe;
    struct handshake_client *client;
    struct danematch *judge;
    char helo[PORT_NAME_MAX];
};

/* Resolvers in the form that dns/ takes. */
struct sender_resolvers {
    char text[CONF_RESOLVERS_MAX][TEXT_IP_MAX + 8];
    const char *list[CONF_RESOLVERS_MAX + 1];
};

static void sender_resolvers(const struct conf *conf, const char *resolver,
                             struct sender_resolvers *r)
{
    memset(r, 0, sizeof *r);
    if (resolver != NULL) {
        r->list[0] = resolver;
        return;
    }
    for (size_t i = 0; conf != NULL && i < conf->n_resolvers; i++) {
        char ip[TEXT_IP_MAX];
        text_ip(conf->resolvers[i].ip, ip);
        (void)snprintf(r->text[i], sizeof r->text[i], "%s@%u", ip,
                       (unsigned)conf->resolvers[i].port);
        r->list[i] = r->text[i];
    }
}

enum outcome sender_open(const struct conf *conf, const char *anchor, const char *resolver,
                         struct sender **out, struct err *err)
{
    struct sender_resolvers resolvers;
    struct observe_config config = {.resolve = {.trust_anchor = SENDER_ANCHOR}};
    struct sender *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_errno(err, "a sender");
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&ignore.sa_mask);
    if (sigaction(SIGPIPE, &ignore, NULL) != 0) {
        free(s);
        return err_errno(err, "SIGPIPE");
    }
    sender_resolvers(conf, resolver, &resolvers);
    if (conf != NULL) {
        config.resolve.trust_anchor = conf->trust_anchor;
        if (conf->root_hints[0] != '\0' && resolver == NULL)
            config.resolve.root_hints = conf->root_hints;
    }
    if (anchor != NULL)
        config.resolve.trust_anchor = anchor;
    if (resolvers.list[0] != NULL)
        config.resolve.forward = resolvers.list;
    if (gethostname(s->helo, sizeof s->helo - 1) != 0 || strchr(s->helo, '.') == NULL)
        (void)snprintf(s->helo, sizeof s->helo, "danectl.invalid");
    enum outcome res = observe_open(&config, &s->observe, err);
    if (res != OUT_OK)
        err_prepend(err, "trust anchor %s (the package dns-root-data brings one)",
                    config.resolve.trust_anchor);
    if (res == OUT_OK)
        res = handshake_client_new(&s->client, err);
    if (res == OUT_OK)
        res = danematch_new(&s->judge, err);
    if (res != OUT_OK)
        sender_close(&s);
    *out = s;
    return res;
}

void sender_close(struct sender **sender)
{
    struct sender *s = *sender;
    *sender = NULL;
    if (s == NULL)
        return;
    danematch_free(&s->judge);
    handshake_client_free(&s->client);
    observe_close(&s->observe);
    free(s);
}

struct observe *sender_observe(struct sender *sender)
{
    return sender->observe;
}

bool sender_is_direct(uint16_t port)
{
    return port == 465 || port == 636 || port == 993 || port == 995;
}

/* ---- DNS ------------------------------------------------------------------------------------ */

static bool sender_same(const struct port_rrset *a, const struct port_rrset *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        bool found = false;
        for (size_t k = 0; k < b->n && !found; k++)
            found = tlsa_equal(&a->recs[i], &b->recs[k]);
        if (!found)
            return false;
    }
    return true;
}

static void sender_count(struct sender_dns *dns)
{
    for (size_t i = 0; i < dns->round->n; i++) {
        const struct port_answer *a = &dns->round->answers[i];
        bool known = false;
        dns->n_denied += a->kind == MODEL_ANS_NODATA ? 1 : 0;
        dns->n_bad += a->kind == MODEL_ANS_CONTRADICTION ? 1 : 0;
        dns->n_silent += a->kind == MODEL_ANS_SILENT || a->kind == MODEL_ANS_NOROUTE ? 1 : 0;
        if (a->kind != MODEL_ANS_RRSET)
            continue;
        for (size_t k = 0; k < dns->n_rrsets && !known; k++)
            known = sender_same(dns->rrsets[k], a->rrset);
        if (!known && dns->n_rrsets < SENDER_RRSETS_MAX)
            dns->rrsets[dns->n_rrsets++] = a->rrset;
    }
}

/* RFC 7672 section 2.2.2: where the host is a CNAME in signed zones, the name it leads to comes
 * first. */
static enum outcome sender_tlsa(struct sender *s, const char *base, uint16_t port,
                                struct sender_dns *dns, struct err *err)
{
    size_t len = strlen(base);
    if (len > 0 && base[len - 1] == '.')
        len--;
    (void)snprintf(dns->base, sizeof dns->base, "%.*s", (int)len, base);
    if (!text_format(dns->owner, sizeof dns->owner, "_%u._tcp.%s.", (unsigned)port, dns->base))
        return err_set(err, OUT_REFUSED, "%s is too long for an owner name below it", base);
    observe_ops.free_round(s->observe, dns->round);
    memset(dns->round, 0, sizeof *dns->round);
    dns->n_rrsets = dns->n_denied = dns->n_bad = dns->n_silent = 0;
    enum outcome res = observe_ops.round(s->observe, dns->owner, NULL, 0, dns->round, err);
    if (res == OUT_OK)
        sender_count(dns);
    return res;
}

static enum outcome sender_host(struct sender *s, struct sender_dns *dns, struct err *err)
{
    struct resolve *resolve = observe_resolve(s->observe);
    struct resolve_owner where;
    struct replay_keys keys = {0};
    dns->n_addresses = SENDER_ADDRESSES_MAX;
    enum outcome res = resolve_owner_of(resolve, dns->host, &where, err);
    if (res == OUT_OK) {
        (void)snprintf(dns->cname, sizeof dns->cname, "%s", where.cname);
        (void)snprintf(dns->zone, sizeof dns->zone, "%s", where.zone);
        res = resolve_keys(resolve, where.zone, &keys, &dns->host_state, dns->host_why, err);
        replay_keys_free(&keys);
        if (res == OUT_OK && where.state > dns->host_state) {
            dns->host_state = where.state;
            (void)snprintf(dns->host_why, sizeof dns->host_why, "%s", where.why);
        }
    }
    if (res == OUT_OK)
        res = hosts_addresses(resolve, dns->host, dns->addresses, &dns->n_addresses, err);
    if (res != OUT_OK)
        dns->n_addresses = 0;
    return res;
}

enum outcome sender_dns(struct sender *sender, const char *host, uint16_t port,
                        struct sender_dns *out, struct err *err)
{
    size_t len = strlen(host);
    memset(out, 0, sizeof *out);
    out->round = calloc(1, sizeof *out->round);
    if (out->round == NULL)
        return err_errno(err, "a round of questions");
    if (!text_format(out->host, sizeof out->host, "%s%s", host,
                     len > 0 && host[len - 1] == '.' ? "" : "."))
        return err_set(err, OUT_REFUSED, "\"%.64s\" is too long for a host name", host);
    for (char *p = out->host; *p != '\0'; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    enum outcome res = sender_host(sender, out, err);
    if (res != OUT_OK || out->host_state != PORT_ZONE_SECURE)
        return res; /* then no sender asks for TLSA records (RFC 7672 section 2.2.2) */
    if (out->cname[0] != '\0')
        res = sender_tlsa(sender, out->cname, port, out, err);
    if (res == OUT_OK && out->n_rrsets == 0 && out->n_bad == 0)
        res = sender_tlsa(sender, out->host, port, out, err);
    return res;
}

void sender_dns_free(struct sender *sender, struct sender_dns *dns)
{
    if (dns->round != NULL)
        observe_ops.free_round(sender->observe, dns->round);
    free(dns->round);
    dns->round = NULL;
}

/* ---- TLS ------------------------------------------------------------------------------------ */

/* The leaf's dates; a leaf with a key of a kind that we do not make has none for us. */
static void sender_dates(struct sender_shake *shake)
{
    struct danematch_chain leaf = {0};
    struct port_cert cert;
    struct err unread = ERR_INIT; /* only the dates are missing then */
    if (shake->got.chain.n == 0)
        return;
    leaf.n = 1;
    leaf.certs[0] = shake->got.chain.certs[0];
    char *pem = malloc(PORT_PEM_MAX);
    if (pem == NULL)
        return;
    if (danematch_chain_to_pem(&leaf, pem, PORT_PEM_MAX, &unread) == OUT_OK &&
        cert_ops.inspect(NULL, pem, NULL, NULL, 0, &cert, &unread) == OUT_OK) {
        shake->not_before = cert.not_before;
        shake->not_after = cert.not_after;
    }
    free(pem);
}

static enum outcome sender_talk(struct sender *s, int fd, const struct handshake_ask *ask,
                                bool direct, struct sender_shake *out, struct err *err)
{
    struct handshake *hs = NULL;
    struct err unheard = ERR_INIT; /* the certificate has been seen: see smtp_quit */
    enum outcome res =
        direct ? handshake_nonblocking(fd, err) : smtp_starttls(fd, s->helo, ask->deadline, err);
    if (res == OUT_OK)
        res = handshake_start(s->client, fd, ask, &hs, &out->got, err);
    if (res != OUT_OK)
        return res;
    if (!direct)
        (void)smtp_quit(hs, handshake_clock() + SENDER_QUIT_MS, &unheard);
    handshake_free(&hs);
    return OUT_OK;
}

enum outcome sender_shake(struct sender *sender, const uint8_t ip[16], uint16_t port,
                          const char *sni, enum port_alg alg, bool direct, struct sender_shake *out,
                          struct err *err)
{
    model_time begin = handshake_clock();
    struct handshake_ask ask = {.alg = alg, .sni = sni, .deadline = begin + SENDER_TOTAL_MS};
    int fd = -1;
    memset(out, 0, sizeof *out);
    enum outcome res = smtp_connect(ip, port, begin + SENDER_CONNECT_MS, &fd, err);
    if (res == OUT_OK)
        res = sender_talk(sender, fd, &ask, direct, out, err);
    if (fd >= 0)
        (void)close(fd);
    if (res == OUT_OK) {
        sender_dates(out);
        return OUT_OK;
    }
    if (res == OUT_BROKEN)
        return res;
    out->kind = res == OUT_REFUSED ? SENDER_NOT_HAD : SENDER_NOT_REACHED;
    (void)snprintf(out->why, sizeof out->why, "%.*s", (int)sizeof out->why - 1, err->text);
    err_clear(err);
    return OUT_OK;
}

void sender_shake_free(struct sender_shake *shake)
{
    handshake_result_free(&shake->got);
}

enum outcome sender_judge(struct sender *sender, const struct sender_shake *shake,
                          const struct port_rrset *rrset, const char *base,
                          struct danematch_verdict *out, struct err *err)
{
    const char *const names[] = {base};
    struct danematch_ask ask = {rrset, names, 1, 0};
    return danematch_judge(sender->judge, &shake->got.chain, &ask, out, err);
}

enum outcome sender_each(struct sender *sender, const struct sender_shake *shake,
                         const struct port_rrset *rrset, const char *base,
                         struct danematch_combos *out, struct err *err)
{
    const char *const names[] = {base};
    struct danematch_ask ask = {rrset, names, 1, 0};
    return danematch_each(sender->judge, &shake->got.chain, &ask, out, err);
}
