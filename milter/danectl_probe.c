/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl probe: any host, as a sender that uses DANE would look at it (RFC 7672). */
#include "milter/danectl.h"

#include "base/file.h"
#include "base/text.h"
#include "crypto/tlsa.h"
#include "milter/danectl_sender.h"
#include "say.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLAG_TLS };

#define PROBE_RECORD_TEXT 160

/* From good to bad: the worst of what was seen is the verdict. */
enum probe_verdict {
    PROBE_VERIFIED,
    PROBE_NO_TLSA,
    PROBE_INSECURE,
    PROBE_UNUSABLE,
    PROBE_NOT_REACHED,
    PROBE_NO_TLS,
    PROBE_MISMATCH,
    PROBE_DNS
};

static const struct {
    const char *name;
    const char *says;
} probe_says[] = {
    [PROBE_VERIFIED] = {"verified", "a sender that uses DANE delivers, and knows the server"},
    [PROBE_NO_TLSA] = {"no TLSA", "there are no TLSA records: senders deliver without DANE, and "
                                  "whoever is on the way can read along"},
    [PROBE_INSECURE] = {"insecure", "the host's addresses are not signed by DNSSEC: senders look "
                                    "for no TLSA records, and deliver without DANE"},
    [PROBE_UNUSABLE] = {"unusable", "no sender can use these TLSA records: it insists on TLS, and "
                                    "does not know with whom it speaks; publish 3 1 1 records"},
    [PROBE_NOT_REACHED] = {"not reached", "nothing could be learnt: no address answered from here"},
    [PROBE_NO_TLS] = {"no TLS", "TLSA records promise TLS and the server does not give it: senders "
                                "that use DANE do not deliver"},
    [PROBE_MISMATCH] = {"mismatch", "a certificate does not match the TLSA records: senders that "
                                    "use DANE do not deliver"},
    [PROBE_DNS] = {"DNS trouble", "some answers do not validate or contradict: senders that meet "
                                  "them do not deliver"},
};

struct probe_run {
    struct danectl *d;
    struct sender *sender;
    struct sender_dns dns;
    uint16_t port;
    bool direct;
    enum probe_verdict worst;
    bool reached; /* some address */
    json_t *json; /* the whole answer */
    json_t *shakes;
};

static bool option(struct danectl *d, int opt, const char *arg, struct err *err)
{
    (void)err;
    if (opt == 't')
        d->own.flags[FLAG_TLS] = true;
    else if (opt == 'a')
        d->own.text = arg;
    else if (opt == 'r')
        d->own.second = arg;
    else
        return false;
    return true;
}

static void worse(struct probe_run *p, enum probe_verdict v)
{
    if (v > p->worst)
        p->worst = v;
}

static void ERR_PRINTF(2, 3) line(const struct probe_run *p, const char *fmt, ...)
{
    va_list ap;
    if (p->d->json)
        return;
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
}

/* HOST, HOST:PORT; an IPv6 address is no host name. */
static enum outcome probe_target(const char *text, char host[PORT_NAME_MAX], uint16_t *port,
                                 struct err *err)
{
    const char *colon = strchr(text, ':');
    size_t len = colon == NULL ? strlen(text) : (size_t)(colon - text);
    uint8_t ip[16];
    int64_t number = 25;
    if (colon != NULL && text_number(colon + 1, 1, 65535, &number, err) != OUT_OK) {
        err_prepend(err, "the port of \"%.64s\"", text);
        return OUT_REFUSED;
    }
    if (len == 0 || !text_format(host, PORT_NAME_MAX, "%.*s", (int)len, text))
        return err_set(err, OUT_REFUSED, "\"%.64s\" is not HOST or HOST:PORT", text);
    if (inet_pton(AF_INET, host, ip) == 1)
        return err_set(
            err, OUT_REFUSED,
            "\"%s\" is an address, and TLSA records belong to names: write the name that "
            "the MX record has",
            host);
    *port = (uint16_t)number;
    return OUT_OK;
}

/* libunbound writes the port behind @. */
static enum outcome probe_resolver(const char *text, char out[TEXT_IP_MAX], struct err *err)
{
    uint8_t ip[16];
    char host[TEXT_IP_MAX];
    const char *port = "";
    const char *colon = strrchr(text, ':');
    if (text[0] == '[' && colon != NULL && colon > text + 1 && colon[-1] == ']') {
        port = colon + 1;
        (void)text_format(host, sizeof host, "%.*s", (int)(colon - text - 2), text + 1);
    } else if (colon != NULL && strchr(text, ':') == colon) {
        port = colon + 1;
        (void)text_format(host, sizeof host, "%.*s", (int)(colon - text), text);
    } else {
        (void)text_format(host, sizeof host, "%s", text);
    }
    int64_t number = 53;
    if ((inet_pton(AF_INET, host, ip) != 1 && inet_pton(AF_INET6, host, ip) != 1) ||
        (port[0] != '\0' && text_number(port, 1, 65535, &number, NULL) != OUT_OK))
        return err_set(err, OUT_REFUSED,
                       "--resolver: \"%.64s\" is not an IP address: write it as 192.0.2.1, "
                       "192.0.2.1:5353 or [2001:db8::1]:5353",
                       text);
    (void)text_format(out, TEXT_IP_MAX, "%s@%u", host, (unsigned)number);
    return OUT_OK;
}

/* ---- what DNS says --------------------------------------------------------------------------- */

static json_t *probe_rrset(const struct port_rrset *rrset)
{
    json_t *records = json_array();
    for (size_t i = 0; i < rrset->n; i++) {
        char text[PROBE_RECORD_TEXT];
        tlsa_print(&rrset->recs[i], text, sizeof text);
        (void)json_array_append_new(records, json_string(text));
    }
    return json_pack("{s:i, s:o}", "ttl", (int)rrset->ttl, "records", records);
}

static void probe_show_servers(struct probe_run *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->dns.round->n; i++) {
        const struct port_answer *a = &p->dns.round->answers[i];
        char server[OBSERVE_SERVER_TEXT];
        observe_text_server(a, server);
        if (a->kind == MODEL_ANS_CONTRADICTION || a->kind == MODEL_ANS_SILENT)
            line(p, "  server   %s: %s: %s\n", server, observe_kind_name(a->kind), a->why);
        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "server", server, "answer",
                                                    observe_kind_name(a->kind), "why", a->why));
    }
    (void)json_object_set_new(p->json, "servers", list);
}

static void probe_show_dns(struct probe_run *p)
{
    const struct sender_dns *dns = &p->dns;
    json_t *addresses = json_array();
    json_t *tlsa = json_array();
    line(p, "%s port %u\n", dns->host, (unsigned)p->port);
    line(p, "  zone     %s %s%s%s\n", dns->zone, observe_state_name(dns->host_state),
         dns->host_why[0] != '\0' ? ": " : "", dns->host_why);
    if (dns->cname[0] != '\0')
        line(p, "  alias    of %s\n", dns->cname);
    for (size_t i = 0; i < dns->n_addresses; i++) {
        char ip[TEXT_IP_MAX];
        text_ip(dns->addresses[i].ip, ip);
        line(p, "  address  %s (TTL %u)\n", ip, (unsigned)dns->addresses[i].ttl);
        (void)json_array_append_new(addresses, json_string(ip));
    }
    for (size_t i = 0; i < dns->n_rrsets; i++) {
        line(p, "  TLSA     %s%s (TTL %u)\n", dns->owner,
             dns->n_rrsets > 1 ? ", one of several answers" : "", (unsigned)dns->rrsets[i]->ttl);
        for (size_t k = 0; k < dns->rrsets[i]->n; k++) {
            char text[PROBE_RECORD_TEXT];
            tlsa_print(&dns->rrsets[i]->recs[k], text, sizeof text);
            line(p, "             %s\n", text);
        }
        (void)json_array_append_new(tlsa, probe_rrset(dns->rrsets[i]));
    }
    json_t *part = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:o, s:s, s:o}", "host", dns->host,
                             "port", (int)p->port, "zone", dns->zone, "dnssec",
                             observe_state_name(dns->host_state), "why", dns->host_why, "cname",
                             dns->cname, "addresses", addresses, "owner", dns->owner, "tlsa", tlsa);
    (void)json_object_update(p->json, part);
    json_decref(part);
    probe_show_servers(p);
}

static void probe_judge_dns(struct probe_run *p)
{
    const struct sender_dns *dns = &p->dns;
    if (dns->host_state == PORT_ZONE_INSECURE)
        worse(p, PROBE_INSECURE);
    else if (dns->host_state != PORT_ZONE_SECURE || dns->n_bad > 0)
        worse(p, PROBE_DNS);
    else if (dns->n_rrsets == 0 && dns->n_denied == 0)
        worse(p, PROBE_DNS); /* silence of all: no sender gets an answer */
    else if (dns->n_rrsets == 0 || dns->n_denied > 0)
        worse(p, PROBE_NO_TLSA);
}

/* ---- handshakes ------------------------------------------------------------------------------ */

/* The record of this combination that does it alone. */
static enum outcome probe_matching(struct probe_run *p, const struct sender_shake *shake,
                                   const struct port_rrset *rrset, struct model_combo by,
                                   char text[PROBE_RECORD_TEXT], struct err *err)
{
    struct port_rrset *one = calloc(1, sizeof *one);
    enum outcome out = OUT_OK;
    if (one == NULL)
        return err_errno(err, "one record");
    text[0] = '\0';
    one->n = 1;
    for (size_t i = 0; out == OUT_OK && text[0] == '\0' && i < rrset->n; i++) {
        struct danematch_verdict v;
        if (!danematch_combo_equal(rrset->recs[i].combo, by))
            continue;
        one->recs[0] = rrset->recs[i];
        out = sender_judge(p->sender, shake, one, p->dns.base, &v, err);
        if (out == OUT_OK && v.verified)
            tlsa_print(&rrset->recs[i], text, PROBE_RECORD_TEXT);
    }
    free(one);
    return out;
}

/* Words on a handshake that came about, and the worst of all RRsets. */
static enum outcome probe_weigh(struct probe_run *p, const struct sender_shake *shake,
                                char why[PORT_WHY_MAX], char record[PROBE_RECORD_TEXT],
                                enum probe_verdict *verdict, struct err *err)
{
    *verdict = PROBE_VERIFIED;
    record[0] = '\0';
    (void)snprintf(why, PORT_WHY_MAX, "%s", "");
    for (size_t i = 0; i < p->dns.n_rrsets; i++) {
        struct danematch_verdict v;
        enum outcome out = sender_judge(p->sender, shake, p->dns.rrsets[i], p->dns.base, &v, err);
        if (out != OUT_OK)
            return out;
        enum probe_verdict one = v.usable == 0 ? PROBE_UNUSABLE
                                 : v.verified  ? PROBE_VERIFIED
                                               : PROBE_MISMATCH;
        if (one > *verdict || i == 0)
            (void)snprintf(why, PORT_WHY_MAX, "%s", v.why);
        if (one > *verdict)
            *verdict = one;
        if (v.verified)
            out = probe_matching(p, shake, p->dns.rrsets[i], v.by, record, err);
        if (out != OUT_OK)
            return out;
    }
    return OUT_OK;
}

static void probe_show_shake(struct probe_run *p, const char *where, const char *key,
                             const struct sender_shake *shake, const char *state, const char *why,
                             const char *record)
{
    char until[64] = "";
    char id[2 * MODEL_ID_LEN + 1] = "";
    const struct handshake_result *got = &shake->got;
    if (shake->not_after != 0)
        say_wall(shake->not_after, until, sizeof until);
    if (shake->kind == SENDER_SHOOK)
        (void)text_hex(id, sizeof id, got->fingerprint, MODEL_ID_LEN);
    line(p, "  %-24s %-7s  %s", where, key, state);
    if (record[0] != '\0')
        line(p, " by %.22s%s", record, strlen(record) > 22 ? "..." : "");
    else if (why[0] != '\0')
        line(p, ": %s", why);
    if (shake->kind == SENDER_SHOOK)
        line(p, "; %s, %s%s%s", got->version, got->leaf_name, until[0] != '\0' ? ", ends " : "",
             until);
    line(p, "\n");
    (void)json_array_append_new(
        p->shakes, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "address",
                             where, "asked", key, "state", state, "why", why, "record", record,
                             "tls", got->version, "cipher", got->cipher, "key", got->leaf_name,
                             "sha256", id, "not_after", until, "certificates", (int)got->chain.n));
}

/* Every combination by itself: RFC 7671 section 8, a sender may know only one of them. */
static enum outcome probe_combos(struct probe_run *p, const struct sender_shake *shake,
                                 struct err *err)
{
    struct danematch_combos *all = malloc(sizeof *all);
    enum outcome out = OUT_OK;
    if (all == NULL)
        return err_errno(err, "combinations");
    for (size_t i = 0; out == OUT_OK && i < p->dns.n_rrsets; i++) {
        out = sender_each(p->sender, shake, p->dns.rrsets[i], p->dns.base, all, err);
        for (size_t k = 0; out == OUT_OK && k < all->n; k++) {
            const struct danematch_combo *c = &all->list[k];
            if (c->usable && !c->matched)
                line(p, "  %-24s          note: no %u %u %u record matches by itself: %s\n", "",
                     (unsigned)c->combo.usage, (unsigned)c->combo.selector,
                     (unsigned)c->combo.matching, c->why);
        }
    }
    free(all);
    return out;
}

static enum outcome probe_shake(struct probe_run *p, const uint8_t ip[16], enum port_alg alg,
                                const char *key, bool *go_on, struct err *err)
{
    char where[TEXT_IP_MAX];
    char why[PORT_WHY_MAX] = "";
    char record[PROBE_RECORD_TEXT] = "";
    enum probe_verdict verdict = PROBE_VERIFIED;
    const char *state = "unverified";
    struct sender_shake *shake = malloc(sizeof *shake);
    if (shake == NULL)
        return err_errno(err, "a handshake");
    text_ip(ip, where);
    enum outcome out =
        sender_shake(p->sender, ip, p->port, p->dns.base, alg, p->direct, shake, err);
    *go_on = out == OUT_OK && shake->kind == SENDER_SHOOK;
    if (out == OUT_OK && shake->kind != SENDER_SHOOK) {
        (void)snprintf(why, sizeof why, "%s", shake->why);
        state = shake->kind == SENDER_NOT_REACHED ? "not reached"
                : alg == 0                        ? "no TLS"
                                                  : "no such key";
        if (alg != 0 && shake->kind == SENDER_NOT_HAD)
            why[0] = '\0'; /* it has no such key: nobody gets to see one */
        if (alg == 0 && shake->kind == SENDER_NOT_HAD)
            worse(p, p->dns.n_rrsets > 0 ? PROBE_NO_TLS : PROBE_NO_TLSA);
    } else if (out == OUT_OK) {
        p->reached = true;
        out = probe_weigh(p, shake, why, record, &verdict, err);
        if (p->dns.n_rrsets > 0)
            state = probe_says[verdict].name;
        worse(p, verdict);
    }
    if (out == OUT_OK)
        probe_show_shake(p, where, key, shake, state, why, record);
    if (out == OUT_OK && shake->kind == SENDER_SHOOK && verdict == PROBE_VERIFIED)
        out = probe_combos(p, shake, err);
    sender_shake_free(shake);
    free(shake);
    return out;
}

static enum outcome probe_address(struct probe_run *p, const uint8_t ip[16], struct err *err)
{
    static const struct {
        enum port_alg alg;
        const char *name;
    } keys[] = {{0, "any key"},
                {PORT_ALG_P256, "P-256"},
                {PORT_ALG_P384, "P-384"},
                {PORT_ALG_RSA2048, "RSA"}};
    bool go_on = true;
    enum outcome out = probe_shake(p, ip, keys[0].alg, keys[0].name, &go_on, err);
    for (size_t i = 1; go_on && out == OUT_OK && i < sizeof keys / sizeof keys[0]; i++) {
        bool unused = false;
        out = probe_shake(p, ip, keys[i].alg, keys[i].name, &unused, err);
    }
    return out;
}

static void probe_end(struct probe_run *p)
{
    if (!p->reached && p->worst < PROBE_NOT_REACHED)
        p->worst = PROBE_NOT_REACHED;
    line(p, "%s: %s\n", probe_says[p->worst].name, probe_says[p->worst].says);
    json_t *part = json_pack("{s:O, s:s, s:s, s:b}", "handshakes", p->shakes, "verdict",
                             probe_says[p->worst].name, "says", probe_says[p->worst].says,
                             "delivers", p->worst == PROBE_VERIFIED ? 1 : 0);
    (void)json_object_update(p->json, part);
    json_decref(part);
}

static enum outcome probe_all(struct probe_run *p, const char *host, struct err *err)
{
    enum outcome out = sender_dns(p->sender, host, p->port, &p->dns, err);
    if (out == OUT_OK && p->dns.n_addresses == 0)
        out = err_set(err, OUT_REFUSED,
                      "%s has no addresses. Is it a mail domain? Its MX records name the hosts: "
                      "probe those (\"dig MX %s\")",
                      p->dns.host, p->dns.host);
    if (out == OUT_OK) {
        probe_show_dns(p);
        probe_judge_dns(p);
    }
    for (size_t i = 0; out == OUT_OK && i < p->dns.n_addresses; i++)
        out = probe_address(p, p->dns.addresses[i].ip, err);
    if (out == OUT_OK) {
        probe_end(p);
        if (p->d->json &&
            (json_dumpf(p->json, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF))
            out = err_set(err, OUT_BROKEN, "the JSON cannot be written to standard output");
    }
    return out;
}

/* A configuration is a help, not a need: its trust anchor and resolvers are used. */
static void probe_conf(struct danectl *d)
{
    struct err err = ERR_INIT;
    struct conf_source source = {
        .path = d->conf_path, .user = FILE_NO_OWNER, .without_secrets = true, .without_host = true};
    if (access(d->conf_path, R_OK) == 0 && conf_load(&source, &d->conf, &err) != OUT_OK)
        (void)fprintf(stderr, "danectl: probing without the configuration: %s\n", err.text);
}

static enum danectl_status run(struct danectl *d, struct err *err)
{
    struct probe_run p = {.d = d, .json = json_object(), .shakes = json_array()};
    char host[PORT_NAME_MAX];
    char resolver[TEXT_IP_MAX];
    enum outcome out = probe_target(d->argv[0], host, &p.port, err);
    if (out == OUT_OK && (p.json == NULL || p.shakes == NULL))
        out = err_set(err, OUT_BROKEN, "no memory for JSON");
    if (out == OUT_OK && d->own.second != NULL)
        out = probe_resolver(d->own.second, resolver, err);
    p.direct = d->own.flags[FLAG_TLS] || sender_is_direct(p.port);
    if (out == OUT_OK) {
        probe_conf(d);
        out = sender_open(d->conf, d->own.text, d->own.second != NULL ? resolver : NULL, &p.sender,
                          err);
    }
    if (out == OUT_OK)
        out = probe_all(&p, host, err);
    if (p.sender != NULL)
        sender_dns_free(p.sender, &p.dns);
    sender_close(&p.sender);
    json_decref(p.json);
    json_decref(p.shakes);
    if (out != OUT_OK)
        return DANECTL_FAILED;
    return p.worst == PROBE_VERIFIED ? DANECTL_OK : DANECTL_ATTENTION;
}

const struct danectl_command danectl_probe_command = {
    .name = "probe",
    .args = "HOST[:PORT]",
    .help = "any host (not a mail domain: name its MX host), as a DANE sender sees it",
    .more =
        "  -t, --tls                TLS at once, without STARTTLS (465, 636, 993, 995: always)\n"
        "  -a, --trust-anchor FILE  the root zone's DS or DNSKEY records\n"
        "  -r, --resolver ADDRESS   look names up there, not from the root down\n"
        "  Exit 0: verified at every address that answers; 3: not so, and the last line says "
        "why.\n"
        "  Needs no configuration; uses trust_anchor and resolver of one that is there.\n",
    .options = "ta:r:",
    .option = option,
    .min_args = 1,
    .max_args = 1,
    .needs = 0,
    .run = run,
    .json = true,
};
