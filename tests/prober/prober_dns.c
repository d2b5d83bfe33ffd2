/* SPDX-License-Identifier: BSD-2-Clause */
#include "prober_dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <ldns/ldns.h>

#define UDP_SIZE 1232

struct prober_dns {
    ldns_resolver *resolver;
    bool recurse;
};

static bool is_v4(const struct prober_at *at)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(at->ip, prefix, sizeof prefix) == 0;
}

static void set_v4(struct prober_at *at, const uint8_t ip[4])
{
    memset(at->ip, 0, 10);
    at->ip[10] = at->ip[11] = 0xff;
    memcpy(at->ip + 12, ip, 4);
}

static bool parse_ip(const char *text, struct prober_at *out)
{
    uint8_t v4[4];
    if (inet_pton(AF_INET, text, v4) == 1) {
        set_v4(out, v4);
        return true;
    }
    return inet_pton(AF_INET6, text, out->ip) == 1;
}

static bool parse_port(const char *text, uint16_t *port)
{
    char *end = NULL;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || n < 1 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

enum outcome prober_at_parse(const char *text, uint16_t port, struct prober_at *out,
                             struct err *err)
{
    char ip[64];
    const char *colon = strrchr(text, ':');
    bool bracket = text[0] == '[';
    bool with_port = colon != NULL && (bracket ? colon[-1] == ']' : strchr(text, ':') == colon);
    size_t from = bracket ? 1 : 0;
    size_t to = with_port ? (size_t)(colon - text) : strlen(text);
    if (bracket && to > from && text[to - 1] == ']')
        to--;
    int n = snprintf(ip, sizeof ip, "%.*s", (int)(to - from), text + from);
    out->port = port;
    if (n <= 0 || (size_t)n >= sizeof ip || !parse_ip(ip, out) ||
        (with_port && !parse_port(colon + 1, &out->port)))
        return err_set(err, OUT_REFUSED,
                       "\"%s\" is no address; write 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53",
                       text);
    return OUT_OK;
}

enum outcome prober_dns_new(const struct prober_at *at, bool recurse, unsigned timeout_ms,
                            struct prober_dns **out, struct err *err)
{
    bool v4 = is_v4(at);
    struct prober_dns *dns = calloc(1, sizeof *dns);
    ldns_resolver *r = ldns_resolver_new();
    ldns_rdf *ip = v4 ? ldns_rdf_new_frm_data(LDNS_RDF_TYPE_A, 4, at->ip + 12)
                      : ldns_rdf_new_frm_data(LDNS_RDF_TYPE_AAAA, 16, at->ip);
    if (dns == NULL || r == NULL || ip == NULL ||
        ldns_resolver_push_nameserver(r, ip) != LDNS_STATUS_OK) {
        ldns_rdf_deep_free(ip);
        ldns_resolver_deep_free(r);
        free(dns);
        return err_set(err, OUT_BROKEN, "out of memory for a DNS client");
    }
    ldns_rdf_deep_free(ip);
    const struct timeval timeout = {timeout_ms / 1000, (suseconds_t)(timeout_ms % 1000) * 1000};
    ldns_resolver_set_port(r, at->port);
    ldns_resolver_set_recursive(r, recurse);
    ldns_resolver_set_edns_udp_size(r, UDP_SIZE);
    ldns_resolver_set_timeout(r, timeout);
    ldns_resolver_set_retry(r, 1);
    dns->resolver = r;
    dns->recurse = recurse;
    *out = dns;
    return OUT_OK;
}

void prober_dns_free(struct prober_dns **dns)
{
    if (*dns == NULL)
        return;
    ldns_resolver_deep_free((*dns)->resolver);
    free(*dns);
    *dns = NULL;
}

/* *pkt is NULL when there was no answer at all; then, and for error codes, `why` says so. */
static enum outcome query(struct prober_dns *dns, const char *name, ldns_rr_type type,
                          ldns_pkt **pkt, char why[PORT_WHY_MAX], struct err *err)
{
    *pkt = NULL;
    why[0] = '\0';
    ldns_rdf *owner = ldns_dname_new_frm_str(name);
    if (owner == NULL)
        return err_set(err, OUT_REFUSED, "\"%s\" is no domain name", name);
    /* After a time-out ldns would not ask this server again. */
    ldns_resolver_set_nameserver_rtt(dns->resolver, 0, LDNS_RESOLV_RTT_MIN);
    uint16_t flags = dns->recurse ? LDNS_RD | LDNS_AD : 0;
    ldns_status status =
        ldns_resolver_send(pkt, dns->resolver, owner, type, LDNS_RR_CLASS_IN, flags);
    ldns_rdf_deep_free(owner);
    if (status != LDNS_STATUS_OK || *pkt == NULL) {
        (void)snprintf(why, PORT_WHY_MAX, "no answer: %s", ldns_get_errorstr_by_id(status));
        ldns_pkt_free(*pkt);
        *pkt = NULL;
        return OUT_OK;
    }
    ldns_pkt_rcode rcode = ldns_pkt_get_rcode(*pkt);
    if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
        char *text = ldns_pkt_rcode2str(rcode);
        (void)snprintf(why, PORT_WHY_MAX, "%s", text == NULL ? "an error code" : text);
        free(text);
    } else if (!dns->recurse && !ldns_pkt_aa(*pkt)) {
        (void)snprintf(why, PORT_WHY_MAX, "answers without authority");
    }
    return OUT_OK;
}

static int compare(const void *a, const void *b)
{
    const struct port_tlsa *x = a;
    const struct port_tlsa *y = b;
    int c = memcmp(&x->combo, &y->combo, sizeof x->combo);
    if (c == 0)
        c = (x->len > y->len) - (x->len < y->len);
    return c != 0 ? c : memcmp(x->data, y->data, x->len);
}

static uint8_t octet(const ldns_rr *rr, size_t i)
{
    const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
    return rdf == NULL || ldns_rdf_size(rdf) < 1 ? 255 : ldns_rdf_data(rdf)[0];
}

/* False: more than the ceilings. */
static bool take_records(const ldns_rr_list *list, struct port_rrset *rrset)
{
    size_t n = ldns_rr_list_rr_count(list);
    if (n > PORT_RRSET_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        const ldns_rdf *data = ldns_rr_rdf(rr, 3);
        size_t len = data == NULL ? 0 : ldns_rdf_size(data);
        struct port_tlsa *rec = &rrset->recs[i];
        if (len > PORT_TLSA_MAX)
            return false;
        rec->combo = (struct model_combo){octet(rr, 0), octet(rr, 1), octet(rr, 2)};
        rec->len = (uint16_t)len;
        if (len > 0)
            memcpy(rec->data, ldns_rdf_data(data), len);
        if (i == 0 || ldns_rr_ttl(rr) < rrset->ttl)
            rrset->ttl = ldns_rr_ttl(rr);
    }
    rrset->n = (uint8_t)n;
    qsort(rrset->recs, n, sizeof rrset->recs[0], compare);
    return true;
}

enum outcome prober_dns_tlsa(struct prober_dns *dns, const char *owner, struct port_rrset *rrset,
                             struct prober_answer *answer, struct err *err)
{
    ldns_pkt *pkt = NULL;
    memset(answer, 0, sizeof *answer);
    rrset->n = 0;
    rrset->ttl = 0;
    enum outcome rc = query(dns, owner, LDNS_RR_TYPE_TLSA, &pkt, answer->why, err);
    if (rc != OUT_OK)
        return rc;
    answer->kind = answer->why[0] != '\0' ? PROBER_DNS_FAILED : PROBER_DNS_NODATA;
    if (answer->kind == PROBER_DNS_NODATA) {
        answer->secure = ldns_pkt_ad(pkt);
        ldns_rr_list *list = ldns_pkt_rr_list_by_type(pkt, LDNS_RR_TYPE_TLSA, LDNS_SECTION_ANSWER);
        if (list != NULL)
            answer->kind = PROBER_DNS_RRSET;
        if (list != NULL && !take_records(list, rrset)) {
            answer->kind = PROBER_DNS_FAILED;
            (void)snprintf(answer->why, sizeof answer->why,
                           "more than %d TLSA records, or one of more than %d octets",
                           PORT_RRSET_MAX, PORT_TLSA_MAX);
        }
        ldns_rr_list_deep_free(list);
    }
    ldns_pkt_free(pkt);
    return OUT_OK;
}

static enum outcome one_type(struct prober_dns *dns, const char *host, ldns_rr_type type,
                             struct prober_at *out, size_t max, size_t *n, struct err *err)
{
    ldns_pkt *pkt = NULL;
    char why[PORT_WHY_MAX];
    enum outcome rc = query(dns, host, type, &pkt, why, err);
    if (rc == OUT_OK && why[0] != '\0')
        rc = err_set(err, OUT_RETRY, "the addresses of %s: %s", host, why);
    ldns_rr_list *list = NULL;
    if (rc == OUT_OK)
        list = ldns_pkt_rr_list_by_type(pkt, type, LDNS_SECTION_ANSWER);
    for (size_t i = 0; list != NULL && i < ldns_rr_list_rr_count(list) && *n < max; i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(ldns_rr_list_rr(list, i), 0);
        if (type == LDNS_RR_TYPE_A && ldns_rdf_size(rdf) == 4)
            set_v4(&out[(*n)++], ldns_rdf_data(rdf));
        else if (type == LDNS_RR_TYPE_AAAA && ldns_rdf_size(rdf) == 16)
            memcpy(out[(*n)++].ip, ldns_rdf_data(rdf), 16);
    }
    ldns_rr_list_deep_free(list);
    ldns_pkt_free(pkt);
    return rc;
}

enum outcome prober_dns_addresses(struct prober_dns *dns, const char *host, struct prober_at *out,
                                  size_t max, size_t *n, struct err *err)
{
    enum outcome rc = one_type(dns, host, LDNS_RR_TYPE_A, out, max, n, err);
    return rc == OUT_OK ? one_type(dns, host, LDNS_RR_TYPE_AAAA, out, max, n, err) : rc;
}
