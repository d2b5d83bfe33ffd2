/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/primary.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "base/text.h"
#include "dns/exchange.h"
#include "dns/tsigmsg.h"
#include "dns/verdict.h"
#include "dns/wire.h"

#define ADDRS_MAX 8

static enum outcome find_addresses(const struct primary *self, uint8_t ips[ADDRS_MAX][16],
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
    const struct primary *self;
    const char *owner;
    const char *zone;
    bool update;
    const char *type;
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
                                            .update = message->update,
                                            .type = message->type};
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
    const struct primary *self = message->self;
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
        char ip[TEXT_IP_MAX];
        char server[PORT_NAME_MAX + TEXT_IP_MAX];
        struct exchange_ask ask = {.port = self->port,
                                   .query = message->wire,
                                   .query_len = message->len,
                                   .keep_id = true,
                                   .tcp_only = message->update};
        memcpy(ask.ip, ips[i], 16);
        text_ip(ips[i], ip);
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

enum outcome primary_update(const struct primary *self, const char *owner, const char *zone,
                            const char *type, ldns_pkt *pkt, struct err *err)
{
    struct message message = {
        .self = self, .owner = owner, .zone = zone, .update = true, .type = type};
    ldns_pkt *reply = NULL;
    enum outcome out = ask_signed(&message, pkt, &reply, err);
    ldns_pkt_free(reply);
    return out;
}

enum outcome primary_question(const struct primary *self, const char *owner, ldns_rr_type type,
                              ldns_pkt **reply, struct err *err)
{
    struct message message = {.self = self, .owner = owner, .zone = self->zone, .type = ""};
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

enum outcome primary_zone(const struct primary *self, const char *owner, char zone[PORT_NAME_MAX],
                          struct err *err)
{
    ldns_pkt *reply = NULL;
    if (self->zone[0] != '\0') {
        memcpy(zone, self->zone, PORT_NAME_MAX);
        if (wire_name_below(owner, zone))
            return OUT_OK;
        return err_set(err, OUT_REFUSED, "%s is not in the zone %s: correct the configuration",
                       owner, zone);
    }
    enum outcome out = primary_question(self, owner, LDNS_RR_TYPE_SOA, &reply, err);
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
