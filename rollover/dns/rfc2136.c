/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/rfc2136.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "dns/exchange.h"
#include "dns/tsigmsg.h"
#include "dns/verdict.h"
#include "dns/wire.h"

#define ADDRS_MAX 8
#define MESSAGE_MAX 60000 /* leaves room for header, zone and TSIG */

struct rfc2136 {
    char server[PORT_NAME_MAX];
    char zone[PORT_NAME_MAX]; /* "": ask */
    uint16_t port;
    int timeout_ms;
    const struct tsigkey *key;
};

/* ---- the object ---------------------------------------------------------------------- */

enum outcome rfc2136_open(const struct rfc2136_config *config, struct rfc2136 **out,
                          struct err *err)
{
    *out = NULL;
    if (config->server == NULL || config->server[0] == '\0')
        return err_set(err, OUT_REFUSED, "no server is named: give the zone's primary");
    if (config->key == NULL)
        return err_set(err, OUT_REFUSED, "no TSIG key is named: updates are always signed");
    struct rfc2136 *self = calloc(1, sizeof *self);
    if (self == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = OUT_OK;
    if (snprintf(self->server, sizeof self->server, "%s", config->server) >=
        (int)sizeof self->server)
        res = err_set(err, OUT_REFUSED, "the server's name %.60s... is too long", config->server);
    if (res == OUT_OK && config->zone != NULL && config->zone[0] != '\0')
        res = wire_name_clean(config->zone, self->zone, err);
    self->port = config->port != 0 ? config->port : 53;
    self->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : 5000;
    self->key = config->key;
    if (res != OUT_OK)
        rfc2136_close(&self);
    *out = self;
    return res;
}

void rfc2136_close(struct rfc2136 **self)
{
    free(*self);
    *self = NULL;
}

/* ---- asking the primary -------------------------------------------------------------- */

static enum outcome find_addresses(const struct rfc2136 *self, uint8_t ips[ADDRS_MAX][16],
                                   size_t *n, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    *n = 0;
    if (wire_ip_parse(self->server, ips[0])) {
        *n = 1;
        return OUT_OK;
    }
    int code = getaddrinfo(self->server, NULL, &hints, &list);
    if (code != 0)
        return err_set(err, OUT_RETRY, "cannot find the address of the primary %s: %s",
                       self->server, gai_strerror(code));
    for (const struct addrinfo *at = list; at != NULL && *n < ADDRS_MAX; at = at->ai_next) {
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        if (at->ai_family == AF_INET && at->ai_addrlen == sizeof four) {
            uint8_t ip4[4];
            memcpy(&four, at->ai_addr, sizeof four);
            memcpy(ip4, &four.sin_addr, 4);
            wire_ip_from4(ip4, ips[(*n)++]);
        } else if (at->ai_family == AF_INET6 && at->ai_addrlen == sizeof six) {
            memcpy(&six, at->ai_addr, sizeof six);
            memcpy(ips[(*n)++], &six.sin6_addr, 16);
        }
    }
    freeaddrinfo(list);
    if (*n == 0)
        return err_set(err, OUT_RETRY, "the primary %s has no address", self->server);
    return OUT_OK;
}

/* A message under way to the primary. */
struct message {
    const struct rfc2136 *self;
    const char *owner;
    const char *zone;
    bool update;
    uint8_t *wire;
    size_t len;
    ldns_rdf *mac;
};

static enum outcome judge(const struct message *message, const struct exchange_ask *ask,
                          const char *server, ldns_pkt **reply, struct err *err)
{
    const struct verdict_context context = {.server = server,
                                            .owner = message->owner,
                                            .zone = message->zone,
                                            .key = message->self->key,
                                            .update = message->update};
    struct tsigmsg_check check;
    const char *why = NULL;
    *reply = wire_parse(ask->reply, ask->reply_len, &why);
    if (*reply == NULL)
        return err_set(err, OUT_RETRY, "%s sends a malformed answer: %s", server, why);
    tsigmsg_verify(*reply, ask->reply, ask->reply_len, message->self->key, message->mac, time(NULL),
                   &check);
    enum outcome out = verdict_of(&context, (int)ldns_pkt_get_rcode(*reply), &check, err);
    if (out != OUT_OK) {
        ldns_pkt_free(*reply);
        *reply = NULL;
    }
    return out;
}

/* Sends to one address after the other until one answers. */
static enum outcome deliver(const struct message *message, ldns_pkt **reply, struct err *err)
{
    const struct rfc2136 *self = message->self;
    const struct exchange_limits limits = {.udp_ms = self->timeout_ms / 3,
                                           .udp_tries = 2,
                                           .tcp_ms = self->timeout_ms,
                                           .total_ms = self->timeout_ms * 2};
    uint8_t ips[ADDRS_MAX][16];
    size_t n = 0;
    enum outcome out = find_addresses(self, ips, &n, err);
    if (out != OUT_OK)
        return out;
    for (size_t i = 0; i < n; i++) {
        char ip[WIRE_IP_TEXT];
        char server[PORT_NAME_MAX + WIRE_IP_TEXT];
        struct exchange_ask ask = {.port = self->port,
                                   .query = message->wire,
                                   .query_len = message->len,
                                   .keep_id = true,
                                   .tcp_only = message->update};
        memcpy(ask.ip, ips[i], 16);
        wire_ip_text(ips[i], ip);
        (void)snprintf(server, sizeof server, "the primary %s port %u", ip, self->port);
        out = exchange_run(&ask, 1, &limits, err);
        if (out == OUT_OK && ask.state == EXCHANGE_ANSWER) {
            out = judge(message, &ask, server, reply, err);
            exchange_free(&ask, 1);
            return out;
        }
        if (out == OUT_OK)
            out = err_set(err, OUT_RETRY, "%s does not answer: %s", server, ask.why);
        exchange_free(&ask, 1);
    }
    return out;
}

/* Signs `pkt`, sends it, believes the answer only when it is signed. Frees `pkt`. */
static enum outcome ask_signed(struct message *message, ldns_pkt *pkt, ldns_pkt **reply,
                               struct err *err)
{
    uint16_t id = 0;
    *reply = NULL;
    if (pkt == NULL || getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id) {
        ldns_pkt_free(pkt);
        return err_set(err, OUT_BROKEN, "no memory or no random numbers for a DNS message");
    }
    ldns_pkt_set_id(pkt, id);
    ldns_pkt_set_rd(pkt, false);
    enum outcome out =
        tsigmsg_sign(pkt, message->self->key, &message->wire, &message->len, &message->mac, err);
    ldns_pkt_free(pkt);
    if (out == OUT_OK)
        out = deliver(message, reply, err);
    LDNS_FREE(message->wire);
    ldns_rdf_deep_free(message->mac);
    message->mac = NULL;
    return out;
}

static enum outcome question(const struct rfc2136 *self, const char *owner, ldns_rr_type type,
                             ldns_pkt **reply, struct err *err)
{
    struct message message = {.self = self, .owner = owner, .zone = self->zone};
    ldns_rdf *name = NULL;
    enum outcome out = wire_name_parse(owner, &name, err);
    if (out != OUT_OK)
        return out;
    ldns_pkt *pkt = ldns_pkt_query_new(name, type, LDNS_RR_CLASS_IN, 0);
    if (pkt == NULL)
        ldns_rdf_deep_free(name);
    else
        ldns_pkt_set_edns_udp_size(pkt, WIRE_UDP_SIZE);
    out = ask_signed(&message, pkt, reply, err);
    if (out == OUT_OK && !ldns_pkt_aa(*reply)) {
        out = err_set(err, OUT_REFUSED,
                      "%s is not authoritative for %s: name the zone's primary as the server",
                      self->server, owner);
        ldns_pkt_free(*reply);
        *reply = NULL;
    }
    return out;
}

/* ---- read ---------------------------------------------------------------------------- */

static enum outcome take_rrset(const struct rfc2136 *self, const char *owner, const ldns_pkt *pkt,
                               struct port_rrset *out, struct err *err)
{
    const ldns_rr_list *answer = ldns_pkt_answer(pkt);
    const ldns_rr *cname = wire_first(answer, owner, LDNS_RR_TYPE_CNAME);
    char to[PORT_NAME_MAX] = "?";
    if (cname != NULL) {
        (void)wire_name_text(ldns_rr_rdf(cname, 0), to);
        return err_set(err, OUT_REFUSED, "%s is a CNAME to %s: records can be published there only",
                       owner, to);
    }
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_TLSA || !wire_owner_is(rr, owner))
            continue;
        if (out->n == PORT_RRSET_MAX)
            return err_set(err, OUT_REFUSED, "%s: %s has more than %d TLSA records: remove some",
                           self->server, owner, PORT_RRSET_MAX);
        if (!wire_tlsa_get(rr, &out->recs[out->n]))
            return err_set(err, OUT_REFUSED,
                           "%s: %s has a TLSA record that is broken or has more than %d octets",
                           self->server, owner, PORT_TLSA_MAX);
        out->n++;
    }
    out->ttl = wire_max_ttl(answer, owner, LDNS_RR_TYPE_TLSA);
    return OUT_OK;
}

static enum outcome rfc2136_read(void *self, const char *owner, struct port_rrset *out,
                                 struct err *err)
{
    char name[PORT_NAME_MAX];
    ldns_pkt *reply = NULL;
    out->n = 0;
    out->ttl = 0;
    enum outcome res = wire_name_clean(owner, name, err);
    if (res == OUT_OK)
        res = question(self, name, LDNS_RR_TYPE_TLSA, &reply, err);
    if (res == OUT_OK)
        res = take_rrset(self, name, reply, out, err);
    ldns_pkt_free(reply);
    return res;
}

/* ---- change -------------------------------------------------------------------------- */

static bool in_seen(const struct port_rrset *seen, const struct port_tlsa *rec)
{
    for (size_t i = 0; i < seen->n; i++) {
        if (wire_tlsa_equal(&seen->recs[i], rec))
            return true;
    }
    return false;
}

uint32_t rfc2136_ttl(const struct port_change *change, struct err *note)
{
    const struct port_rrset *seen = change->seen;
    err_clear(note);
    if (change->ttl == 0)
        return seen->n > 0 ? seen->ttl : RFC2136_TTL_NEW;
    if (seen->n > 0 && change->ttl != seen->ttl)
        (void)err_set(note, OUT_OK,
                      "the TTL of all TLSA records at %s goes from %lu to %lu, as configured: an "
                      "RRset has one TTL",
                      change->owner, (unsigned long)seen->ttl, (unsigned long)change->ttl);
    return change->ttl;
}

static bool push(ldns_rr_list *list, const ldns_rdf *owner, const struct port_tlsa *rec,
                 uint32_t ttl, ldns_rr_class class)
{
    ldns_rr *rr = wire_tlsa_rr(owner, rec, ttl, class);
    if (rr == NULL || !ldns_rr_list_push_rr(list, rr)) {
        ldns_rr_free(rr);
        return false;
    }
    return true;
}

/* Prerequisites and updates of a change; *changes counts what is left to do. */
static bool fill(const struct port_change *change, const ldns_rdf *owner, uint32_t ttl,
                 ldns_rr_list *pre, ldns_rr_list *up, size_t *changes)
{
    bool ok = true;
    *changes = 0;
    for (size_t i = 0; i < change->seen->n; i++)
        ok = ok && push(pre, owner, &change->seen->recs[i], 0, LDNS_RR_CLASS_IN);
    if (change->seen->n == 0)
        ok = ok && push(pre, owner, NULL, 0, LDNS_RR_CLASS_NONE);
    for (size_t i = 0; i < change->n_add; i++) {
        if (in_seen(change->seen, change->add[i]))
            continue;
        ok = ok && push(up, owner, change->add[i], ttl, LDNS_RR_CLASS_IN);
        ++*changes;
    }
    for (size_t i = 0; i < change->n_del; i++) {
        if (!in_seen(change->seen, change->del[i]))
            continue;
        ok = ok && push(up, owner, change->del[i], 0, LDNS_RR_CLASS_NONE);
        ++*changes;
    }
    return ok;
}

/* The UPDATE; *pkt NULL with OUT_OK: nothing is left to do. */
static enum outcome build(const struct port_change *change, const char *owner, const char *zone,
                          uint32_t ttl, ldns_pkt **pkt, struct err *err)
{
    ldns_rdf *name = NULL;
    ldns_rdf *apex = NULL;
    ldns_rr_list *pre = ldns_rr_list_new();
    ldns_rr_list *up = ldns_rr_list_new();
    size_t changes = 0;
    *pkt = NULL;
    enum outcome out = wire_name_parse(owner, &name, err);
    if (out == OUT_OK)
        out = wire_name_parse(zone, &apex, err);
    if (out == OUT_OK && (pre == NULL || up == NULL || !fill(change, name, ttl, pre, up, &changes)))
        out = err_set(err, OUT_BROKEN, "out of memory");
    if (out == OUT_OK && changes > 0) {
        *pkt = ldns_update_pkt_new(apex, LDNS_RR_CLASS_IN, pre, up, NULL);
        if (*pkt != NULL)
            apex = NULL; /* taken */
        else
            out = err_set(err, OUT_BROKEN, "out of memory");
    }
    ldns_rdf_deep_free(name);
    ldns_rdf_deep_free(apex);
    ldns_rr_list_deep_free(pre);
    ldns_rr_list_deep_free(up);
    return out;
}

static enum outcome find_zone(const struct rfc2136 *self, const char *owner,
                              char zone[PORT_NAME_MAX], struct err *err)
{
    ldns_pkt *reply = NULL;
    if (self->zone[0] != '\0') {
        memcpy(zone, self->zone, PORT_NAME_MAX);
        if (wire_name_below(owner, zone))
            return OUT_OK;
        return err_set(err, OUT_REFUSED, "%s is not in the zone %s: correct the configuration",
                       owner, zone);
    }
    enum outcome out = question(self, owner, LDNS_RR_TYPE_SOA, &reply, err);
    if (out != OUT_OK)
        return out;
    const ldns_rr *soa = wire_first(ldns_pkt_answer(reply), owner, LDNS_RR_TYPE_SOA);
    if (soa == NULL)
        soa = wire_first(ldns_pkt_authority(reply), NULL, LDNS_RR_TYPE_SOA);
    if (soa == NULL || !wire_name_text(ldns_rr_owner(soa), zone) || !wire_name_below(owner, zone))
        out = err_set(err, OUT_REFUSED,
                      "%s does not say which zone %s is in: name the zone in the configuration",
                      self->server, owner);
    ldns_pkt_free(reply);
    return out;
}

/* Octets of a record with this RDATA in a message, its name not compressed. */
static size_t record_size(const struct port_tlsa *rec)
{
    return LDNS_MAX_DOMAINLEN + 10 + 3 + (size_t)rec->len;
}

/* ldns aborts the process on a message beyond its buffer, so we count first. */
static size_t message_size(const struct port_change *change)
{
    size_t size = 0;
    for (size_t i = 0; i < change->seen->n; i++)
        size += record_size(&change->seen->recs[i]);
    for (size_t i = 0; i < change->n_add; i++)
        size += record_size(change->add[i]);
    for (size_t i = 0; i < change->n_del; i++)
        size += record_size(change->del[i]);
    return size;
}

/* Limits of the argument; a zone that would hold too many records afterwards is refused. */
static enum outcome check_change(const struct port_change *change, struct err *err)
{
    size_t after = change->seen != NULL ? change->seen->n : 0;
    if (change->seen == NULL)
        return err_set(err, OUT_BROKEN, "a change without the RRset it starts from");
    for (size_t i = 0; i < change->n_add; i++)
        after += in_seen(change->seen, change->add[i]) ? 0 : 1;
    for (size_t i = 0; i < change->n_del; i++)
        after -= in_seen(change->seen, change->del[i]) ? 1 : 0;
    if (after > PORT_RRSET_MAX)
        return err_set(err, OUT_REFUSED, "%s would have %zu TLSA records, at most %d",
                       change->owner, after, PORT_RRSET_MAX);
    if (message_size(change) > MESSAGE_MAX)
        return err_set(err, OUT_REFUSED,
                       "the change of %s would not fit into one message of %d octets: publish "
                       "digests (matching type 1 or 2), not whole certificates",
                       change->owner, MESSAGE_MAX);
    return OUT_OK;
}

static enum outcome rfc2136_change(void *self, const struct port_change *change, struct err *err)
{
    char owner[PORT_NAME_MAX];
    char zone[PORT_NAME_MAX] = "";
    struct err note = ERR_INIT;
    ldns_pkt *pkt = NULL;
    ldns_pkt *reply = NULL;
    enum outcome out = check_change(change, err);
    if (out == OUT_OK)
        out = wire_name_clean(change->owner, owner, err);
    if (out == OUT_OK)
        out = find_zone(self, owner, zone, err);
    if (out == OUT_OK)
        out = build(change, owner, zone, rfc2136_ttl(change, &note), &pkt, err);
    if (out != OUT_OK)
        return out;
    if (pkt == NULL) {
        err_clear(err);
        return OUT_OK;
    }
    struct message message = {.self = self, .owner = owner, .zone = zone, .update = true};
    out = ask_signed(&message, pkt, &reply, err);
    ldns_pkt_free(reply);
    if (out == OUT_OK)
        *err = note;
    return out;
}

const struct port_dns_ops rfc2136_ops = {.read = rfc2136_read, .change = rfc2136_change};
