/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl check: hosts, zones, name servers, records, and each address by STARTTLS. */
#include "milter/danectl_check.h"

#include "milter/danectl_state.h"

#include "base/text.h"
#include "crypto/bundle.h"
#include "crypto/cert.h"
#include "crypto/tlsa.h"
#include "dns/hosts.h"
#include "dns/replay.h"
#include "net/smtp.h"
#include "postfix/chainfile.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_TCP_MS 5000

/* What the chain file serves now, and what is stored (NULL: nothing yet), for comparing. */
struct check_served {
    struct danectl_state *state;
    struct port_part parts[PORT_PARTS_MAX];
    size_t n;
    uint8_t leaf[PORT_PARTS_MAX][MODEL_ID_LEN];
};

static void served_read(struct danectl *d, const struct conf_certificate *c, struct check_served *s)
{
    struct err err = ERR_INIT; /* said by danectl_check_postfix */
    memset(s, 0, sizeof *s);
    if (d->store != NULL && danectl_state_load(d, c, &s->state, &err) != OUT_OK)
        s->state = NULL; /* not stored yet */
    err_clear(&err);
    s->n = PORT_PARTS_MAX;
    if (chainfile_read(c->chain_file, s->parts, &s->n, &err) != OUT_OK)
        s->n = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct port_cert cert;
        if (cert_ops.inspect(NULL, s->parts[i].chain_pem, NULL, NULL, 0, &cert, &err) == OUT_OK)
            memcpy(s->leaf[i], cert.fingerprint, MODEL_ID_LEN);
    }
}

static bool served_shows(const struct check_served *s, const uint8_t leaf[MODEL_ID_LEN])
{
    for (size_t i = 0; i < s->n; i++) {
        if (memcmp(s->leaf[i], leaf, MODEL_ID_LEN) == 0)
            return true;
    }
    return false;
}

static bool served_matches(const struct check_served *s, const struct port_tlsa *rec)
{
    for (size_t i = 0; i < s->n; i++) {
        bool yes = false;
        struct err err = ERR_INIT; /* a record that cannot be compared matches nothing */
        if (cert_ops.matches(NULL, s->parts[i].chain_pem, rec, &yes, &err) == OUT_OK && yes)
            return true;
    }
    return false;
}

/* ---- one host ------------------------------------------------------------------------------- */

static void check_wildcard(struct check_run *run, const char *what, const char *host)
{
    struct err err = ERR_INIT;
    bool wild = false;
    if (hosts_wildcard(observe_resolve(sender_observe(run->sender)), host, &wild, &err) != OUT_OK)
        danectl_check_say(run, CHECK_FAIL, what, "wildcards: %s", err.text);
    else if (wild)
        danectl_check_say(run, CHECK_FAIL, what,
                          "its addresses come from a wildcard, and TLSA records below it would "
                          "make them vanish (RFC 4592): write A and AAAA records for the host");
}

static void check_zone(struct check_run *run, const char *what, const struct sender_dns *dns)
{
    char list[512];
    struct text text;
    text_init(&text, list, sizeof list);
    for (size_t i = 0; i < dns->n_addresses; i++) {
        char ip[TEXT_IP_MAX];
        text_ip(dns->addresses[i].ip, ip);
        text_add(&text, "%s%s", i == 0 ? "" : ", ", ip);
    }
    if (dns->n_addresses == 0)
        danectl_check_say(run, CHECK_FAIL, what,
                          "has no addresses: write A or AAAA records, or mend hosts");
    else
        danectl_check_say(run, CHECK_OK, what, "%s", list);
    if (dns->cname[0] != '\0')
        danectl_check_say(run, CHECK_WARN, what,
                          "is an alias of %s: MX hosts should not be (RFC 2181 section 10.3), and "
                          "TLSA records are needed at both names",
                          dns->cname);
    if (dns->host_state == PORT_ZONE_SECURE)
        danectl_check_say(run, CHECK_OK, what, "zone %s is signed, from the root down", dns->zone);
    else
        danectl_check_say(run, CHECK_FAIL, what,
                          "zone %s is %s: %s. Without DNSSEC no sender looks at TLSA records: sign "
                          "the zone and have the parent publish its DS",
                          dns->zone, observe_state_name(dns->host_state), dns->host_why);
}

static void check_tcp(struct check_run *run, const char *server, const uint8_t ip[16])
{
    struct err err = ERR_INIT;
    int fd = -1;
    if (smtp_connect(ip, 53, handshake_clock() + CHECK_TCP_MS, &fd, &err) == OUT_OK)
        (void)close(fd);
    else
        danectl_check_say(run, CHECK_FAIL, server,
                          "takes no TCP (%s): open port 53 for TCP too (RFC 7766); large answers "
                          "need it",
                          err.text);
}

static void check_server(struct check_run *run, const struct port_answer *a)
{
    const struct conf *conf = run->d->conf;
    char server[OBSERVE_SERVER_TEXT];
    observe_text_server(a, server);
    switch (a->kind) {
    case MODEL_ANS_RRSET:
    case MODEL_ANS_NODATA:
        danectl_check_say(run, CHECK_OK, server, "answers, %s",
                          a->kind == MODEL_ANS_RRSET ? "with TLSA records" : "no TLSA record yet");
        check_tcp(run, server, a->ip);
        break;
    case MODEL_ANS_NOROUTE:
        danectl_check_say(run, conf->policy.skip_unroutable ? CHECK_WARN : CHECK_FAIL, server,
                          "this host has no route to it%s",
                          conf->policy.skip_unroutable
                              ? ": it is skipped and never counted, as skip_unroutable says"
                              : ": give the host one, or set skip_unroutable = yes in policy");
        break;
    case MODEL_ANS_SILENT:
        danectl_check_say(run, CHECK_FAIL, server,
                          "does not answer (%s): mend it, or take it out of the NS set; no key is "
                          "switched while it is silent",
                          a->why);
        break;
    case MODEL_ANS_CONTRADICTION:
        danectl_check_say(run, CHECK_FAIL, server, "%s: mend it; no key is switched before",
                          a->why);
        break;
    }
}

/* A record that matches nothing in the chain file. */
static void check_other(struct check_run *run, const char *owner, const struct check_served *s,
                        const struct port_tlsa *rec, const char *text)
{
    if (s->state != NULL && danectl_state_record(&s->state->st, rec) != MODEL_NONE)
        danectl_check_say(run, CHECK_OK, owner,
                          "%s is ours, of a key that is not served (danectl status)", text);
    else
        danectl_check_say(run, CHECK_WARN, owner,
                          "%s matches nothing in the chain file and is not ours: danemilter never "
                          "deletes what it did not make; if nobody needs it, delete it by hand",
                          text);
}

static void check_records(struct check_run *run, const char *owner, const struct check_served *s,
                          const struct port_rrset *rrset)
{
    for (size_t i = 0; i < rrset->n; i++) {
        const struct port_tlsa *rec = &rrset->recs[i];
        char text[64];
        tlsa_print(rec, text, sizeof text);
        if (rec->combo.usage < 2)
            danectl_check_say(run, CHECK_FAIL, owner,
                              "%s has usage %u, which SMTP senders do not use (RFC 7672 section "
                              "3.1.3): delete it",
                              text, (unsigned)rec->combo.usage);
        else if (s->n > 0 && !served_matches(s, rec))
            check_other(run, owner, s, rec, text);
    }
}

/* The waits that the present TTLs mean, as safety.md section 2 adds them up. */
static void check_waits(struct check_run *run, const char *owner, const struct model_policy *p,
                        const struct port_round *round)
{
    uint32_t ttl = 0;
    char each[64];
    char wait[64];
    for (size_t i = 0; i < round->n; i++) {
        const struct port_answer *a = &round->answers[i];
        if (a->kind == MODEL_ANS_RRSET && a->rrset->ttl > ttl)
            ttl = a->rrset->ttl;
    }
    if (ttl == 0)
        return;
    model_time life = (model_time)ttl * 1000 + (model_time)round->cname_ttl * 1000;
    if (life > p->ttl_cap)
        life = p->ttl_cap;
    model_time least = p->past_ttl > life ? p->past_ttl : life;
    model_time sum =
        (least > 2 * life ? least : 2 * life) + p->poll + p->delta_sender + p->anycast_margin;
    say_duration(life, each, sizeof each);
    say_duration(sum, wait, sizeof wait);
    danectl_check_say(run, ttl > 86400 ? CHECK_WARN : CHECK_OK, owner,
                      "TTL %u: caches hold it for %s; the first switch waits %s after every server "
                      "shows the new record%s",
                      (unsigned)ttl, each, wait,
                      ttl > 86400 ? "; lower the TTL (3600 is good)" : "");
}

static void check_owner(struct check_run *run, const struct conf_certificate *c,
                        const struct conf_owner *o, const struct check_served *s,
                        const struct sender_dns *dns)
{
    for (size_t i = 0; i < dns->round->n; i++)
        check_server(run, &dns->round->answers[i]);
    if (dns->n_rrsets > 1 || (dns->n_rrsets == 1 && dns->n_denied > 0))
        danectl_check_say(run, CHECK_WARN, o->owner,
                          "the name servers do not agree: wait for the secondaries, or look at "
                          "their zone transfers; danectl tlsa shows who has what");
    for (size_t i = 0; i < dns->n_rrsets; i++)
        check_records(run, o->owner, s, dns->rrsets[i]);
    check_waits(run, o->owner, &c->policy, dns->round);
}

/* ---- from here to the host: what the proof will do ------------------------------------------- */

static void check_reach(struct check_run *run, const struct conf_certificate *c,
                        const struct conf_owner *o, const uint8_t ip[16],
                        const struct check_served *s)
{
    struct err err = ERR_INIT;
    char what[SMTP_ADDRESS_MAX];
    struct sender_shake *shake = malloc(sizeof *shake);
    if (shake == NULL) {
        danectl_check_say(run, CHECK_FAIL, "danectl", "no memory for a handshake");
        return;
    }
    smtp_address_text(ip, o->port, what);
    if (sender_shake(run->sender, ip, o->port, o->host, 0, sender_is_direct(o->port), shake,
                     &err) != OUT_OK)
        danectl_check_say(run, CHECK_FAIL, what, "%s", err.text);
    else if (shake->kind == SENDER_NOT_REACHED)
        danectl_check_say(run, c->deploy.probe_via[0] != '\0' ? CHECK_WARN : CHECK_FAIL, what,
                          "cannot be reached from here (%s)%s", shake->why,
                          c->deploy.probe_via[0] != '\0'
                              ? "; probe_via stands in for it"
                              : ": old records would stay for ever; open the way, or set probe_via "
                                "in deploy to an address of the same Postfix");
    else if (shake->kind == SENDER_NOT_HAD)
        danectl_check_say(run, CHECK_FAIL, what,
                          "gives no TLS (%s): with TLSA records senders would stop delivering",
                          shake->why);
    else if (s->n > 0 && !served_shows(s, shake->got.fingerprint))
        danectl_check_say(run, CHECK_FAIL, what,
                          "shows another certificate (%s) than the chain file has: postfix reload, "
                          "or another server answers there: it must have the same chain file",
                          shake->got.leaf_name);
    else
        danectl_check_say(run, CHECK_OK, what, "shows the present certificate (%s, %s)",
                          shake->got.leaf_name, shake->got.version);
    sender_shake_free(shake);
    free(shake);
}

static bool check_first(const struct conf_certificate *c, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(c->owners[k].host, c->owners[i].host) == 0)
            return false;
    }
    return true;
}

void danectl_check_domain(struct check_run *run)
{
    struct resolve *resolve = observe_resolve(sender_observe(run->sender));
    struct replay_keys keys = {0};
    enum port_zone_state state = PORT_ZONE_UNKNOWN;
    struct err err = ERR_INIT;
    char name[PORT_NAME_MAX];
    char zone[PORT_NAME_MAX];
    char why[PORT_WHY_MAX] = "";
    if (run->domain[0] == '\0' || !text_format(name, sizeof name, "%s.", run->domain))
        return;
    enum outcome out = resolve_zone_of(resolve, name, zone, &err);
    if (out == OUT_OK)
        out = resolve_keys(resolve, zone, &keys, &state, why, &err);
    replay_keys_free(&keys);
    if (out != OUT_OK)
        danectl_check_say(run, CHECK_WARN, run->domain, "%s", err.text);
    else if (state == PORT_ZONE_SECURE)
        danectl_check_say(run, CHECK_OK, run->domain, "mail domain, signed");
    else
        danectl_check_say(run, CHECK_WARN, run->domain,
                          "the mail domain's zone is %s: many senders use DANE only where the MX "
                          "records are signed too (RFC 7672 section 2.2.1): sign it",
                          observe_state_name(state));
}

void danectl_check_hosts(struct check_run *run, const struct conf_certificate *c)
{
    struct check_served served;
    served_read(run->d, c, &served);
    for (size_t i = 0; i < c->n_owners; i++) {
        const struct conf_owner *o = &c->owners[i];
        struct sender_dns dns;
        struct err err = ERR_INIT;
        if (o->host[0] == '\0') {
            danectl_check_say(run, CHECK_FAIL, o->owner,
                              "does not say host and port: name the host in hosts");
            continue;
        }
        if (sender_dns(run->sender, o->host, o->port, &dns, &err) != OUT_OK) {
            danectl_check_say(run, CHECK_FAIL, o->host, "%s", err.text);
        } else {
            if (check_first(c, i)) {
                check_zone(run, o->host, &dns);
                check_wildcard(run, o->host, dns.host);
            }
            check_owner(run, c, o, &served, &dns);
            for (size_t k = 0; k < dns.n_addresses; k++)
                check_reach(run, c, o, dns.addresses[k].ip, &served);
        }
        sender_dns_free(run->sender, &dns);
    }
    bundle_free(served.parts, served.n);
    danectl_state_free(&served.state);
}
