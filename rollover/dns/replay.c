/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/exchange.h"
#include "dns/lookup.h"
#include "dns/wire.h"

#define REPLAY_PACKET_MAX 65000 /* fits one datagram on the loopback */

/* ---- keys ---------------------------------------------------------------------------- */

void replay_keys_free(struct replay_keys *keys)
{
    for (size_t i = 0; i < keys->n; i++)
        free(keys->anchors[i]);
    free(keys->packet);
    memset(keys, 0, sizeof *keys);
}

/* One anchor line. NULL: out of memory or no DNSKEY. */
static char *anchor_line(const char *zone, const uint8_t *rdata, size_t len)
{
    ldns_rdf *key = len > 4 ? ldns_rdf_new_frm_data(LDNS_RDF_TYPE_B64, len - 4, rdata + 4) : NULL;
    char *text = key != NULL ? ldns_rdf2str(key) : NULL;
    size_t size = text != NULL ? strlen(zone) + strlen(text) + 64 : 0;
    char *line = text != NULL ? malloc(size) : NULL;
    if (line != NULL) {
        int n = snprintf(line, size, "%s 3600 IN DNSKEY %u %u %u %s", zone,
                         ((unsigned)rdata[0] << 8) | rdata[1], rdata[2], rdata[3], text);
        if (n < 0 || (size_t)n >= size) {
            free(line);
            line = NULL;
        }
    }
    free(text);
    ldns_rdf_deep_free(key);
    return line;
}

enum outcome replay_keys_set(struct replay_keys *keys, const char *zone,
                             const uint8_t *const *rdata, const int *lens, const void *packet,
                             int packet_len, struct err *err)
{
    memset(keys, 0, sizeof *keys);
    if (packet_len < WIRE_HEADER || packet_len > REPLAY_PACKET_MAX)
        return err_set(err, OUT_REFUSED, "the DNSKEY answer of %s has %d octets", zone, packet_len);
    if (snprintf(keys->zone, sizeof keys->zone, "%s", zone) >= (int)sizeof keys->zone)
        return err_set(err, OUT_REFUSED, "the zone's name %.60s... is too long", zone);
    for (size_t i = 0; rdata[i] != NULL; i++) {
        if (keys->n == REPLAY_KEYS_MAX) {
            replay_keys_free(keys);
            return err_set(err, OUT_REFUSED, "%s has more than %d keys", zone, REPLAY_KEYS_MAX);
        }
        keys->anchors[keys->n] = anchor_line(zone, rdata[i], (size_t)lens[i]);
        if (keys->anchors[keys->n] == NULL) {
            replay_keys_free(keys);
            return err_set(err, OUT_BROKEN, "out of memory, or a broken key of %s", zone);
        }
        keys->n++;
    }
    keys->packet = malloc((size_t)packet_len);
    if (keys->packet == NULL) {
        replay_keys_free(keys);
        return err_set(err, OUT_BROKEN, "out of memory");
    }
    memcpy(keys->packet, packet, (size_t)packet_len);
    keys->packet_len = (size_t)packet_len;
    return OUT_OK;
}

/* ---- the forwarder ------------------------------------------------------------------- */

struct forwarder {
    int fd;
    uint16_t port;
    const struct replay_keys *keys;
    const struct replay_question *question;
    uint8_t *out; /* REPLAY_PACKET_MAX */
};

static enum outcome forwarder_open(struct forwarder *fwd, struct err *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    fwd->out = malloc(REPLAY_PACKET_MAX);
    if (fwd->out == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    fwd->fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fwd->fd < 0 || fcntl(fwd->fd, F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(fwd->fd, F_SETFD, FD_CLOEXEC) != 0 ||
        bind(fwd->fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fwd->fd, (struct sockaddr *)&at, &len) != 0)
        return err_errno(err, "cannot open a socket on 127.0.0.1 to check signatures (is the "
                              "loopback interface up?)");
    fwd->port = ntohs(at.sin_port);
    return OUT_OK;
}

static void forwarder_close(struct forwarder *fwd)
{
    if (fwd->fd >= 0)
        (void)close(fwd->fd);
    free(fwd->out);
}

/* Which packet answers the question in `pkt`; NULL: none. */
static const uint8_t *choose(const struct forwarder *fwd, const ldns_pkt *pkt, size_t *len)
{
    char name[PORT_NAME_MAX];
    const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);
    if (rr == NULL || !wire_name_text(ldns_rr_owner(rr), name))
        return NULL;
    if (ldns_rr_get_type(rr) == (ldns_rr_type)fwd->question->type->type &&
        strcasecmp(name, fwd->question->owner) == 0) {
        *len = fwd->question->packet_len;
        return fwd->question->packet;
    }
    if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_DNSKEY && strcasecmp(name, fwd->keys->zone) == 0) {
        *len = fwd->keys->packet_len;
        return fwd->keys->packet;
    }
    return NULL;
}

/* Answers what has arrived. What is neither question gets SERVFAIL. */
static void forwarder_serve(struct forwarder *fwd)
{
    uint8_t in[WIRE_QUERY_MAX];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    const char *why = NULL;
    ssize_t got = recvfrom(fwd->fd, in, sizeof in, 0, (struct sockaddr *)&from, &from_len);
    if (got < WIRE_HEADER)
        return;
    ldns_pkt *pkt = wire_parse(in, (size_t)got, &why);
    if (pkt == NULL)
        return;
    size_t len = 0;
    const uint8_t *packet = choose(fwd, pkt, &len);
    ldns_pkt_free(pkt);
    if (packet != NULL) {
        memcpy(fwd->out, packet, len);
    } else {
        len = (size_t)got;
        memcpy(fwd->out, in, len);
        fwd->out[2] |= 0x80;
        fwd->out[3] = LDNS_RCODE_SERVFAIL;
    }
    fwd->out[0] = in[0];
    fwd->out[1] = in[1];
    fwd->out[2] |= 0x01; /* RD and RA, as a forwarder says */
    fwd->out[3] |= 0x80;
    /* A datagram lost here is asked for again by libunbound. */
    (void)sendto(fwd->fd, fwd->out, len, MSG_NOSIGNAL, (struct sockaddr *)&from, from_len);
}

/* ---- the verdict --------------------------------------------------------------------- */

/* Without " from 127.0.0.1", which is only the forwarder. */
static void plain_reason(const char *text, uint16_t port, char why[PORT_WHY_MAX])
{
    char from[3][48];
    size_t at = 0;
    (void)snprintf(from[0], sizeof from[0], " from 127.0.0.1 port %u", port);
    (void)snprintf(from[1], sizeof from[1], " from 127.0.0.1@%u", port);
    (void)snprintf(from[2], sizeof from[2], " from 127.0.0.1");
    while (*text != '\0' && at + 1 < PORT_WHY_MAX) {
        size_t skip = 0;
        for (size_t i = 0; i < 3 && skip == 0; i++) {
            if (strncmp(text, from[i], strlen(from[i])) == 0)
                skip = strlen(from[i]);
        }
        text += skip;
        if (skip == 0)
            why[at++] = *text++;
    }
    why[at] = '\0';
}

static bool take_records(const struct ub_result *result, const struct rrtype *type,
                         struct rdataset *records)
{
    for (size_t i = 0; result->data[i] != NULL; i++) {
        if (!rdataset_add(records, type, (const uint8_t *)result->data[i], (size_t)result->len[i]))
            return false;
    }
    return true;
}

static void conclude(const struct lookup_ask *ask, const struct forwarder *fwd,
                     enum replay_kind *kind, struct rdataset *records, char why[PORT_WHY_MAX])
{
    const char *text = ask->why;
    const struct ub_result *result = ask->result;
    if (ask->verdict == LOOKUP_SECURE && result->havedata && result->canonname == NULL) {
        *kind = REPLAY_RECORDS;
        if (take_records(result, fwd->question->type, records))
            return;
        rdataset_clear(records);
        text = "more or larger records than an answer may hold";
    } else if (ask->verdict == LOOKUP_SECURE && !result->havedata) {
        *kind = REPLAY_NONE;
        return;
    } else if (ask->verdict == LOOKUP_SECURE) {
        text = "the answer leads to another name";
    } else if (ask->verdict == LOOKUP_INSECURE) {
        text = "the answer is not signed by the zone's keys";
    }
    *kind = ask->verdict == LOOKUP_FAILED ? REPLAY_FAILED : REPLAY_BOGUS;
    plain_reason(text, fwd->port, why);
}

static enum outcome converse(struct lookup *lookup, struct forwarder *fwd, struct lookup_ask *ask,
                             struct err *err)
{
    size_t open = 0;
    int64_t end = exchange_now() + fwd->question->ms;
    enum outcome out = lookup_begin(lookup, ask, 1, err);
    if (out == OUT_OK)
        out = lookup_step(lookup, ask, 1, &open, err);
    while (out == OUT_OK && open > 0) {
        struct pollfd fds[2] = {{.fd = fwd->fd, .events = POLLIN},
                                {.fd = lookup_fd(lookup), .events = POLLIN}};
        int64_t left = end - exchange_now();
        if (left <= 0)
            break;
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR) {
            out = err_errno(err, "cannot wait for libunbound");
            break;
        }
        if (fds[0].revents != 0)
            forwarder_serve(fwd);
        out = lookup_step(lookup, ask, 1, &open, err);
    }
    lookup_stop(lookup, ask, 1);
    return out;
}

static enum outcome judge_with(struct forwarder *fwd, enum replay_kind *kind,
                               struct rdataset *records, char why[PORT_WHY_MAX], struct err *err)
{
    char address[32];
    const char *forward[2] = {address, NULL};
    struct lookup_settings settings = {
        .validate = true, .anchors = (const char *const *)fwd->keys->anchors, .forward = forward};
    struct lookup_ask ask = {.type = fwd->question->type->type};
    struct lookup *lookup = NULL;

    (void)snprintf(address, sizeof address, "127.0.0.1@%u", fwd->port);
    (void)snprintf(ask.name, sizeof ask.name, "%s", fwd->question->owner);
    enum outcome out = lookup_open(&settings, &lookup, err);
    if (out == OUT_OK)
        out = converse(lookup, fwd, &ask, err);
    if (out == OUT_OK)
        conclude(&ask, fwd, kind, records, why);
    lookup_free(&ask, 1);
    lookup_close(&lookup);
    return out;
}

enum outcome replay_judge(const struct replay_keys *keys, const struct replay_question *question,
                          enum replay_kind *kind, struct rdataset *records, char why[PORT_WHY_MAX],
                          struct err *err)
{
    struct forwarder fwd = {.fd = -1, .keys = keys, .question = question};
    *kind = REPLAY_BOGUS;
    why[0] = '\0';
    if (question->packet_len < WIRE_HEADER || question->packet_len > REPLAY_PACKET_MAX) {
        (void)snprintf(why, PORT_WHY_MAX, "an answer of %zu octets", question->packet_len);
        return OUT_OK;
    }
    enum outcome out = forwarder_open(&fwd, err);
    if (out == OUT_OK)
        out = judge_with(&fwd, kind, records, why, err);
    forwarder_close(&fwd);
    return out;
}
