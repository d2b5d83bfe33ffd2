/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dns/lookup.h"
#include "dns/wire.h"

/* The two questions of a host. */
static bool ask_both(struct lookup_ask asks[2], const char *name)
{
    memset(asks, 0, 2 * sizeof asks[0]);
    asks[0].type = LDNS_RR_TYPE_A;
    asks[1].type = LDNS_RR_TYPE_AAAA;
    for (size_t i = 0; i < 2; i++) {
        if (snprintf(asks[i].name, sizeof asks[i].name, "%s", name) >= (int)sizeof asks[i].name)
            return false;
    }
    return true;
}

static const char *type_name(uint16_t type)
{
    return type == LDNS_RR_TYPE_A ? "A" : "AAAA";
}

static ldns_pkt *packet_of(const struct lookup_ask *ask)
{
    const char *why = NULL;
    if (ask->result == NULL || ask->result->answer_len <= 0)
        return NULL;
    return wire_parse(ask->result->answer_packet, (size_t)ask->result->answer_len, &why);
}

/* How long anybody may hold what this answer says. */
static uint32_t answer_ttl(const struct resolve *resolve, const struct lookup_ask *ask)
{
    ldns_pkt *pkt = packet_of(ask);
    if (pkt == NULL)
        return 0;
    uint32_t ttl = wire_max_ttl(ldns_pkt_answer(pkt), NULL, ask->type);
    uint32_t cname = wire_max_ttl(ldns_pkt_answer(pkt), NULL, LDNS_RR_TYPE_CNAME);
    ldns_pkt_free(pkt);
    if (cname > ttl)
        ttl = cname;
    /* Without a signature that tells the original, it has been counting down in the cache. */
    return ask->verdict == LOOKUP_SECURE ? ttl : ttl + resolve_age(resolve);
}

/* Adds the addresses of one answer; false when there is no room. */
static bool take(const struct resolve *resolve, const struct lookup_ask *ask,
                 struct port_address *out, size_t room, size_t *n)
{
    if (ask->result == NULL || ask->result->data == NULL)
        return true;
    uint32_t ttl = answer_ttl(resolve, ask);
    int want = ask->type == LDNS_RR_TYPE_A ? 4 : 16;
    for (size_t i = 0; ask->result->data[i] != NULL; i++) {
        const uint8_t *data = (const uint8_t *)ask->result->data[i];
        if (ask->result->len[i] != want)
            continue;
        if (*n == room)
            return false;
        if (want == 4)
            wire_ip_from4(data, out[*n].ip);
        else
            memcpy(out[*n].ip, data, 16);
        out[(*n)++].ttl = ttl;
    }
    return true;
}

enum outcome hosts_addresses(struct resolve *resolve, const char *host, struct port_address *out,
                             size_t *n, struct err *err)
{
    struct lookup_ask asks[2];
    char name[PORT_NAME_MAX];
    size_t room = *n;
    *n = 0;
    enum outcome res = wire_name_clean(host, name, err);
    if (res == OUT_OK && !ask_both(asks, name))
        res = err_set(err, OUT_REFUSED, "the name %.60s... is too long", name);
    if (res == OUT_OK)
        res = resolve_run(resolve, asks, 2, false, err);
    if (res != OUT_OK)
        return res;
    for (size_t i = 0; i < 2 && res == OUT_OK; i++) {
        const char *type = type_name(asks[i].type);
        if (asks[i].verdict == LOOKUP_BOGUS)
            res = err_set(err, OUT_REFUSED, "the %s records of %s do not validate: %s", type, name,
                          asks[i].why);
        else if (asks[i].verdict == LOOKUP_FAILED)
            res = err_set(err, OUT_RETRY, "the %s records of %s: %s", type, name, asks[i].why);
        else if (!take(resolve, &asks[i], out, room, n))
            res = err_set(err, OUT_REFUSED, "%s has more than %zu addresses", name, room);
    }
    lookup_free(asks, 2);
    return res;
}

/* ---- name servers -------------------------------------------------------------------- */

/* Did anybody answer, even if the answer does not validate? */
static bool was_answered(const struct lookup_ask *ask)
{
    return ask->result != NULL &&
           (ask->result->rcode == LDNS_RCODE_NOERROR || ask->result->rcode == LDNS_RCODE_NXDOMAIN);
}

static void take_server(const struct resolve *resolve, struct hosts_server *server,
                        const struct lookup_ask asks[2])
{
    server->n = 0;
    server->failed = false;
    server->why[0] = '\0';
    for (size_t i = 0; i < 2; i++) {
        if (!was_answered(&asks[i])) {
            server->failed = true;
            memcpy(server->why, asks[i].why, sizeof server->why);
        } else if (!take(resolve, &asks[i], server->addrs, HOSTS_ADDRS_MAX, &server->n)) {
            server->failed = true;
            (void)snprintf(server->why, sizeof server->why, "it has more than %d addresses",
                           HOSTS_ADDRS_MAX);
        }
    }
}

enum outcome hosts_servers(struct resolve *resolve, struct hosts_server *servers, size_t n,
                           struct err *err)
{
    if (n == 0)
        return OUT_OK;
    struct lookup_ask *asks = calloc(2 * n, sizeof *asks);
    if (asks == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    for (size_t i = 0; i < n; i++)
        (void)ask_both(&asks[2 * i], servers[i].name);
    enum outcome out = resolve_run(resolve, asks, 2 * n, true, err);
    if (out == OUT_OK) {
        for (size_t i = 0; i < n; i++)
            take_server(resolve, &servers[i], &asks[2 * i]);
        lookup_free(asks, 2 * n);
    }
    free(asks);
    return out;
}

/* ---- wildcards ----------------------------------------------------------------------- */

/* Was the RRset at `host` in this answer made from a wildcard? False for want of signatures too:
 * *is_signed tells. */
static bool made_by_wildcard(const struct lookup_ask *ask, const char *host, bool *is_signed)
{
    bool wild = false;
    ldns_pkt *pkt = packet_of(ask);
    const ldns_rr_list *answer = pkt != NULL ? ldns_pkt_answer(pkt) : NULL;
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        struct wire_sig sig;
        if (!wire_sig_get(rr, &sig) || !wire_owner_is(rr, host))
            continue;
        *is_signed = true;
        if (sig.labels < ldns_dname_label_count(ldns_rr_owner(rr)))
            wild = true;
    }
    ldns_pkt_free(pkt);
    return wild;
}

static bool name_beside(const char *host, char out[PORT_NAME_MAX])
{
    uint64_t number;
    char up[PORT_NAME_MAX];
    if (!wire_name_up(host, up) || strcmp(up, ".") == 0 ||
        getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return false;
    int n = snprintf(out, PORT_NAME_MAX, "dm-%016llx.%s", (unsigned long long)number, up);
    return n > 0 && n < PORT_NAME_MAX;
}

/* Unsigned: a made-up name beside the host that has the same kind of records. */
static enum outcome ask_beside(struct resolve *resolve, const char *host, const bool there[2],
                               bool *out, struct err *err)
{
    struct lookup_ask asks[2];
    char beside[PORT_NAME_MAX];
    if (!name_beside(host, beside) || !ask_both(asks, beside))
        return OUT_OK;
    enum outcome res = resolve_run(resolve, asks, 2, false, err);
    if (res != OUT_OK)
        return res;
    for (size_t i = 0; i < 2; i++)
        *out = *out || (there[i] && asks[i].result != NULL && asks[i].result->havedata);
    lookup_free(asks, 2);
    return OUT_OK;
}

enum outcome hosts_wildcard(struct resolve *resolve, const char *host, bool *out, struct err *err)
{
    struct lookup_ask asks[2];
    char name[PORT_NAME_MAX];
    bool is_signed = false;
    bool there[2] = {false, false};
    *out = false;
    enum outcome res = wire_name_clean(host, name, err);
    if (res == OUT_OK && !ask_both(asks, name))
        res = err_set(err, OUT_REFUSED, "the name %.60s... is too long", name);
    if (res == OUT_OK)
        res = resolve_run(resolve, asks, 2, true, err);
    if (res != OUT_OK)
        return res;
    for (size_t i = 0; i < 2; i++) {
        there[i] = asks[i].result != NULL && asks[i].result->havedata;
        if (asks[i].verdict == LOOKUP_FAILED)
            res = err_set(err, OUT_RETRY, "the %s records of %s: %s", type_name(asks[i].type), name,
                          asks[i].why);
        else if (there[i])
            *out = made_by_wildcard(&asks[i], name, &is_signed) || *out;
    }
    lookup_free(asks, 2);
    if (res == OUT_OK && !is_signed && (there[0] || there[1]))
        res = ask_beside(resolve, name, there, out, err);
    return res;
}
