/* SPDX-License-Identifier: BSD-2-Clause */
/* What DNS says of the hosts and the mail domain, and each address by STARTTLS. */
#include "config.h"

#include "milter/danectl_adopt.h"

#include "base/text.h"
#include "crypto/cert.h"
#include "crypto/key.h"
#include "crypto/tlsa.h"
#include "dns/hosts.h"
#include "dns/maildomain.h"
#include "dns/resolve.h"
#include "net/smtp.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADOPT_PORT 25

static void fit(char *out, size_t size, const char *from)
{
    (void)snprintf(out, size, "%.*s", (int)size - 1, from);
}

static bool is_local(const struct ifaddrs *list, const uint8_t ip[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    for (const struct ifaddrs *a = list; a != NULL; a = a->ifa_next) {
        uint8_t own[16];
        if (a->ifa_addr == NULL)
            continue;
        if (a->ifa_addr->sa_family == AF_INET) {
            struct sockaddr_in in;
            memcpy(&in, a->ifa_addr, sizeof in);
            memcpy(own, mapped, sizeof mapped);
            memcpy(own + 12, &in.sin_addr, 4);
        } else if (a->ifa_addr->sa_family == AF_INET6) {
            struct sockaddr_in6 in6;
            memcpy(&in6, a->ifa_addr, sizeof in6);
            memcpy(own, &in6.sin6_addr, 16);
        } else {
            continue;
        }
        if (memcmp(own, ip, 16) == 0)
            return true;
    }
    return false;
}

/* ---- one address ----------------------------------------------------------------------------- */

static bool shows(const struct adopt_facts *f, const uint8_t leaf[MODEL_ID_LEN], enum port_alg alg)
{
    for (size_t i = 0; i < f->n_parts; i++) {
        if ((alg == 0 || f->keys[i].alg == alg) && memcmp(f->keys[i].leaf, leaf, MODEL_ID_LEN) == 0)
            return true;
    }
    return false;
}

static enum outcome one_shake(struct sender *s, const struct adopt_facts *f, const char *host,
                              const uint8_t ip[16], enum port_alg alg, struct adopt_target *t,
                              struct err *err)
{
    struct sender_shake *shake = malloc(sizeof *shake);
    if (shake == NULL)
        return err_errno(err, "a handshake");
    enum outcome res = sender_shake(s, ip, ADOPT_PORT, host, alg, false, shake, err);
    if (res != OUT_OK) {
        free(shake);
        return res;
    }
    t->reach = ADOPT_SHOWN;
    if (shake->kind == SENDER_NOT_REACHED)
        t->reach = ADOPT_UNREACHED;
    else if (shake->kind == SENDER_NOT_HAD)
        t->reach = ADOPT_NO_TLS;
    else if (!shows(f, shake->got.fingerprint, alg))
        t->reach = ADOPT_OTHER;
    if (t->reach == ADOPT_OTHER)
        (void)snprintf(t->why, sizeof t->why, "it shows %.120s", shake->got.leaf_name);
    else if (t->reach != ADOPT_SHOWN)
        fit(t->why, sizeof t->why, shake->why);
    sender_shake_free(shake);
    free(shake);
    return OUT_OK;
}

/* Each algorithm, and whatever the server prefers; the first that is not right ends it. */
static enum outcome attest(struct sender *s, const struct adopt_facts *f, const char *host,
                           const uint8_t ip[16], struct adopt_target *t, struct err *err)
{
    enum outcome res = one_shake(s, f, host, ip, 0, t, err);
    for (size_t i = 0; i < f->n_parts && res == OUT_OK && t->reach == ADOPT_SHOWN; i++)
        res = one_shake(s, f, host, ip, f->keys[i].alg, t, err);
    return res;
}

static enum outcome host_targets(struct sender *s, const struct adopt_facts *f,
                                 const struct sender_dns *dns, struct adopt_host *h,
                                 struct err *err)
{
    static const uint8_t loopback[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    struct ifaddrs *list = NULL;
    struct adopt_target via;
    bool shown = false;
    enum outcome res = OUT_OK;
    if (getifaddrs(&list) != 0)
        return err_errno(err, "the addresses of this machine");
    for (size_t i = 0; i < dns->n_addresses && res == OUT_OK; i++) {
        struct adopt_target *t = &h->targets[h->n_targets++];
        smtp_address_text(dns->addresses[i].ip, ADOPT_PORT, t->address);
        t->local = is_local(list, dns->addresses[i].ip);
        res = attest(s, f, h->name, dns->addresses[i].ip, t, err);
        shown = shown || t->reach == ADOPT_SHOWN;
    }
    freeifaddrs(list);
    if (res == OUT_OK && !shown && h->n_targets > 0) {
        memset(&via, 0, sizeof via);
        res = attest(s, f, h->name, loopback, &via, err);
        h->via_loopback = via.reach == ADOPT_SHOWN;
    }
    return res;
}

/* ---- one host -------------------------------------------------------------------------------- */

static bool matched(const struct adopt_facts *f, const struct port_tlsa *rec)
{
    for (size_t i = 0; i < f->n_parts; i++) {
        bool yes = false;
        struct err err = ERR_INIT; /* a record that cannot be compared matches nothing */
        if (cert_ops.matches(NULL, f->parts[i].chain_pem, rec, &yes, &err) == OUT_OK && yes)
            return true;
    }
    return false;
}

static void host_records(const struct adopt_facts *f, const struct sender_dns *dns,
                         struct adopt_host *h)
{
    h->differ = dns->n_rrsets > 1 || (dns->n_rrsets == 1 && dns->n_denied > 0);
    h->bad = dns->n_bad > 0;
    for (size_t i = 0; i < dns->n_rrsets; i++) {
        for (size_t k = 0; k < dns->rrsets[i]->n; k++) {
            char text[sizeof h->records[0].text];
            bool known = false;
            tlsa_print(&dns->rrsets[i]->recs[k], text, sizeof text);
            for (size_t j = 0; j < h->n_records && !known; j++)
                known = strcmp(h->records[j].text, text) == 0;
            if (known || h->n_records == PORT_RRSET_MAX)
                continue;
            memcpy(h->records[h->n_records].text, text, sizeof text);
            h->records[h->n_records++].matches = matched(f, &dns->rrsets[i]->recs[k]);
        }
    }
}

static void host_covered(const struct adopt_facts *f, struct adopt_host *h)
{
    const char *const names[] = {h->name};
    for (size_t i = 0; i < f->n_parts; i++) {
        struct port_cert cert;
        struct err err = ERR_INIT; /* it was inspected before */
        if (cert_ops.inspect(NULL, f->parts[i].chain_pem, NULL, names, 1, &cert, &err) != OUT_OK ||
            !cert.names_ok)
            h->uncovered = true;
    }
}

static enum outcome host_look(struct sender *s, const struct adopt_facts *f, struct adopt_host *h,
                              struct err *err)
{
    struct sender_dns *dns = calloc(1, sizeof *dns);
    if (dns == NULL)
        return err_errno(err, "a host");
    host_covered(f, h);
    enum outcome res = sender_dns(s, h->name, ADOPT_PORT, dns, err);
    if (res == OUT_OK) {
        h->zone_known = true;
        fit(h->zone, sizeof h->zone, dns->zone);
        fit(h->cname, sizeof h->cname, dns->cname);
        fit(h->why, sizeof h->why, dns->host_why);
        h->state = dns->host_state;
        host_records(f, dns, h);
        res = hosts_wildcard(observe_resolve(sender_observe(s)), dns->host, &h->wildcard, err);
    }
    if (res == OUT_OK && f->n_parts > 0)
        res = host_targets(s, f, dns, h, err);
    if (res == OUT_RETRY || res == OUT_REFUSED || res == OUT_NOT_YET) {
        fit(h->trouble, sizeof h->trouble, err->text);
        err_clear(err);
        res = OUT_OK;
    }
    sender_dns_free(s, dns);
    free(dns);
    return res;
}

/* ---- which hosts ------------------------------------------------------------------------------
 */

static void add_host(struct adopt_facts *f, const char *name, bool other_mx)
{
    char clean[PORT_NAME_MAX];
    fit(clean, sizeof clean, name);
    size_t len = strlen(clean);
    if (len > 0 && clean[len - 1] == '.')
        clean[len - 1] = '\0';
    for (char *p = clean; *p != '\0'; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    for (size_t i = 0; i < f->n_hosts; i++) {
        if (strcmp(f->hosts[i].name, clean) == 0)
            return;
    }
    if (clean[0] == '\0' || f->n_hosts == ADOPT_HOSTS_MAX)
        return;
    memcpy(f->hosts[f->n_hosts].name, clean, sizeof clean);
    f->hosts[f->n_hosts++].other_mx = other_mx;
}

static void domain_look(struct sender *s, const struct adopt_wishes *wishes, struct adopt_facts *f)
{
    struct maildomain *d = calloc(1, sizeof *d);
    struct err err = ERR_INIT;
    fit(f->domain, sizeof f->domain,
        wishes->domain != NULL ? wishes->domain : f->values[ADOPT_DOMAIN]);
    if (d == NULL)
        fit(f->domain_trouble, sizeof f->domain_trouble, "no memory");
    else if (maildomain_look(observe_resolve(sender_observe(s)), f->domain, d, &err) != OUT_OK)
        fit(f->domain_trouble, sizeof f->domain_trouble, err.text);
    else {
        f->domain_state = d->state;
        f->sts = d->sts;
        for (size_t i = 0; i < d->n; i++)
            add_host(f, d->mx[i], true);
    }
    free(d);
}

enum outcome adopt_facts_dns(const struct adopt_wishes *wishes, struct adopt_facts *out,
                             struct err *err)
{
    struct sender *s = NULL;
    enum outcome res = sender_open(NULL, wishes->anchor, wishes->resolver, &s, err);
    if (res != OUT_OK)
        return res;
    for (size_t i = 0; i < wishes->n_hosts; i++)
        add_host(out, wishes->hosts[i], false);
    if (wishes->n_hosts == 0)
        add_host(out, out->values[ADOPT_HOSTNAME], false);
    domain_look(s, wishes, out);
    for (size_t i = 0; i < out->n_hosts && res == OUT_OK; i++) {
        if (!out->hosts[i].other_mx)
            res = host_look(s, out, &out->hosts[i], err);
    }
    sender_close(&s);
    return res;
}
