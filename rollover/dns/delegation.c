/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/delegation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "dns/hosts.h"

#define BATCH 4   /* servers of the parent asked at once */
#define BATCHES 4 /* until some answer */

/* ---- the set ------------------------------------------------------------------------- */

static struct delegation_ns *find_ns(struct delegation *del, const char *name)
{
    for (size_t i = 0; i < del->n_ns; i++) {
        if (strcmp(del->ns[i].name, name) == 0)
            return &del->ns[i];
    }
    return NULL;
}

enum outcome delegation_add_ns(struct delegation *del, const ldns_rr_list *section, struct err *err)
{
    uint32_t ttl = wire_max_ttl(section, del->zone, LDNS_RR_TYPE_NS);
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(section, i);
        char name[PORT_NAME_MAX];
        if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_NS || !wire_owner_is(rr, del->zone) ||
            !wire_name_text(ldns_rr_rdf(rr, 0), name))
            continue;
        struct delegation_ns *ns = find_ns(del, name);
        if (ns == NULL && del->n_ns == RESOLVE_NS_MAX)
            return err_set(err, OUT_REFUSED, "%s has more than %d name servers", del->zone,
                           RESOLVE_NS_MAX);
        if (ns == NULL) {
            ns = &del->ns[del->n_ns++];
            memset(ns, 0, sizeof *ns);
            memcpy(ns->name, name, sizeof ns->name);
        }
        if (ttl > ns->ttl)
            ns->ttl = ttl;
    }
    return OUT_OK;
}

static enum outcome add_addr(struct delegation *del, const char *server, const uint8_t ip[16],
                             uint32_t ttl, struct err *err)
{
    for (size_t i = 0; i < del->n; i++) {
        struct delegation_addr *addr = &del->addrs[i];
        if (memcmp(addr->ip, ip, 16) != 0)
            continue;
        if (addr->server[0] == '\0')
            (void)snprintf(addr->server, sizeof addr->server, "%s", server);
        if (ttl > addr->ttl)
            addr->ttl = ttl;
        return OUT_OK;
    }
    if (del->n == PORT_ADDRS_MAX)
        return err_set(err, OUT_REFUSED,
                       "the name servers of %s have more than %d addresses: that many cannot be "
                       "watched",
                       del->zone, PORT_ADDRS_MAX);
    struct delegation_addr *addr = &del->addrs[del->n++];
    memset(addr, 0, sizeof *addr);
    (void)snprintf(addr->server, sizeof addr->server, "%s", server);
    memcpy(addr->ip, ip, 16);
    addr->ttl = ttl;
    return OUT_OK;
}

enum outcome delegation_remember(struct delegation *del, const uint8_t ip[16], struct err *err)
{
    return add_addr(del, "", ip, 0, err);
}

enum outcome delegation_resolve(struct resolve *resolve, struct delegation *del, struct err *err)
{
    size_t n = 0;
    struct hosts_server *servers = calloc(RESOLVE_NS_MAX, sizeof *servers);
    if (servers == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    for (size_t i = 0; i < del->n_ns; i++) {
        if (!del->ns[i].resolved)
            memcpy(servers[n++].name, del->ns[i].name, sizeof servers[0].name);
    }
    enum outcome out = hosts_servers(resolve, servers, n, err);
    for (size_t i = 0; i < n && out == OUT_OK; i++) {
        struct delegation_ns *ns = find_ns(del, servers[i].name);
        if (ns == NULL)
            continue;
        for (size_t j = 0; j < servers[i].n && out == OUT_OK; j++) {
            uint32_t ttl = servers[i].addrs[j].ttl;
            out =
                add_addr(del, ns->name, servers[i].addrs[j].ip, ttl > ns->ttl ? ttl : ns->ttl, err);
        }
        if (out == OUT_OK && servers[i].failed && !ns->glue)
            out = err_set(err, OUT_RETRY, "the addresses of the name server %s of %s: %s", ns->name,
                          del->zone, servers[i].why);
        ns->resolved = true;
    }
    free(servers);
    return out;
}

/* ---- the parent ---------------------------------------------------------------------- */

static enum outcome add_glue(struct delegation *del, const ldns_rr_list *section, struct err *err)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(section, i);
        char name[PORT_NAME_MAX];
        uint8_t ip[16];
        const ldns_rdf *rdf = ldns_rr_rdf(rr, 0);
        struct delegation_ns *ns =
            wire_name_text(ldns_rr_owner(rr), name) ? find_ns(del, name) : NULL;
        if (ns == NULL || rdf == NULL)
            continue;
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_A && ldns_rdf_size(rdf) == 4)
            wire_ip_from4(ldns_rdf_data(rdf), ip);
        else if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_AAAA && ldns_rdf_size(rdf) == 16)
            memcpy(ip, ldns_rdf_data(rdf), 16);
        else
            continue;
        uint32_t ttl = ldns_rr_ttl(rr) > ns->ttl ? ldns_rr_ttl(rr) : ns->ttl;
        enum outcome out = add_addr(del, name, ip, ttl, err);
        if (out != OUT_OK)
            return out;
        ns->glue = true;
    }
    return OUT_OK;
}

/* Takes in one answer of the parent; *used when it told the NS set. */
static enum outcome take_referral(struct delegation *del, const struct exchange_ask *ask,
                                  bool *used, char why[PORT_WHY_MAX], struct err *err)
{
    const char *trouble = NULL;
    char ip[TEXT_IP_MAX];
    text_ip(ask->ip, ip);
    *used = false;
    ldns_pkt *pkt =
        ask->state == EXCHANGE_ANSWER ? wire_parse(ask->reply, ask->reply_len, &trouble) : NULL;
    if (pkt == NULL) {
        (void)snprintf(why, PORT_WHY_MAX, "%s: %.150s", ip, trouble != NULL ? trouble : ask->why);
        return OUT_OK;
    }
    enum outcome out = OUT_OK;
    const ldns_rr_list *from = ldns_pkt_answer(pkt);
    if (wire_first(from, del->zone, LDNS_RR_TYPE_NS) == NULL)
        from = ldns_pkt_authority(pkt);
    *used = wire_first(from, del->zone, LDNS_RR_TYPE_NS) != NULL;
    if (*used)
        out = delegation_add_ns(del, from, err);
    else
        (void)snprintf(why, PORT_WHY_MAX, "%s says %s and names no server of %.100s", ip,
                       wire_rcode_name((int)ldns_pkt_get_rcode(pkt)), del->zone);
    if (*used && out == OUT_OK)
        out = add_glue(del, ldns_pkt_additional(pkt), err);
    ldns_pkt_free(pkt);
    return out;
}

/* Asks some addresses of the parent for the NS set. */
static enum outcome ask_batch(struct delegation *del, const struct delegation_addr *addrs, size_t n,
                              const struct exchange_limits *limits, bool *used,
                              char why[PORT_WHY_MAX], struct err *err)
{
    uint8_t query[WIRE_QUERY_MAX];
    struct exchange_ask asks[BATCH] = {0};
    ldns_rdf *name = NULL;
    enum outcome out = wire_name_parse(del->zone, &name, err);
    if (out != OUT_OK)
        return out;
    size_t len = wire_question(name, LDNS_RR_TYPE_NS, true, query, sizeof query);
    ldns_rdf_deep_free(name);
    if (len == 0)
        return err_set(err, OUT_BROKEN, "out of memory");
    for (size_t i = 0; i < n; i++) {
        memcpy(asks[i].ip, addrs[i].ip, 16);
        asks[i].port = del->port;
        asks[i].query = query;
        asks[i].query_len = len;
    }
    out = exchange_run(asks, n, limits, err);
    for (size_t i = 0; i < n && out == OUT_OK; i++) {
        bool good = false;
        out = take_referral(del, &asks[i], &good, why, err);
        *used = *used || good;
    }
    exchange_free(asks, n);
    return out;
}

/* The addresses of the parent's servers, those the machine can reach most likely first. */
static enum outcome parent_servers(struct resolve *resolve, const char *parent,
                                   struct delegation *out, struct err *err)
{
    char(*names)[PORT_NAME_MAX] = calloc(RESOLVE_NS_MAX, sizeof *names);
    size_t n = RESOLVE_NS_MAX;
    if (names == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    memset(out, 0, sizeof *out);
    memcpy(out->zone, parent, sizeof out->zone);
    enum outcome res = resolve_ns(resolve, parent, names, &n, err);
    /* Half of what can be held: a root or TLD may have more servers than that. */
    for (size_t i = 0; i < n && i < PORT_ADDRS_MAX / 2 && res == OUT_OK; i++) {
        memcpy(out->ns[i].name, names[i], sizeof out->ns[i].name);
        out->n_ns = i + 1;
    }
    free(names);
    if (res == OUT_OK)
        res = delegation_resolve(resolve, out, err);
    /* Here any of them will do: no room for all, or one that cannot be found, is no harm. */
    return res != OUT_BROKEN && out->n > 0 ? OUT_OK : res;
}

static int by_family(const void *a, const void *b)
{
    const struct delegation_addr *x = a;
    const struct delegation_addr *y = b;
    return (int)wire_ip_is4(y->ip) - (int)wire_ip_is4(x->ip);
}

static enum outcome ask_parent(struct delegation *parent, const struct exchange_limits *limits,
                               struct delegation *out, struct err *err)
{
    char why[PORT_WHY_MAX] = "none of its servers has an address";
    bool used = false;
    enum outcome res = OUT_OK;
    qsort(parent->addrs, parent->n, sizeof parent->addrs[0], by_family);
    for (size_t at = 0; at < parent->n && at < (size_t)BATCH * BATCHES && !used && res == OUT_OK;
         at += BATCH) {
        size_t n = parent->n - at < BATCH ? parent->n - at : BATCH;
        res = ask_batch(out, &parent->addrs[at], n, limits, &used, why, err);
    }
    if (res == OUT_OK && !used)
        res = err_set(err, OUT_RETRY,
                      "no server of the parent zone %s tells the name servers of %s: %s",
                      parent->zone, out->zone, why);
    return res;
}

enum outcome delegation_from_parent(struct resolve *resolve, const struct exchange_limits *limits,
                                    struct delegation *out, struct err *err)
{
    char up[PORT_NAME_MAX];
    char zone[PORT_NAME_MAX];
    if (!wire_name_up(out->zone, up))
        return OUT_OK;
    enum outcome res = resolve_zone_of(resolve, up, zone, err);
    if (res != OUT_OK)
        return res;
    struct delegation *parent = calloc(1, sizeof *parent);
    if (parent == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    res = parent_servers(resolve, zone, parent, err);
    if (res == OUT_OK)
        res = ask_parent(parent, limits, out, err);
    free(parent);
    return res;
}
