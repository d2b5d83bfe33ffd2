/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dnsround - one round of observation, in readable lines
 *
 *   dnsround --anchor FILE [OPTION VALUE]... OWNER [REMEMBERED-ADDRESS]...
 *   dnsround --anchor FILE [OPTION VALUE]... --addresses HOST
 *   dnsround --anchor FILE [OPTION VALUE]... --wildcard HOST
 *
 * Options: --hints FILE, --forward ADDRESS, --port N, --udp-ms N, --udp-tries N, --tcp-ms N,
 * --round-ms N, --refresh-ms N, --rounds N (print the last, say how long each took), --wait -
 * (between rounds, waits for a line on standard input).
 * Exit status: 0 the round took place, 1 it did not (the reason is printed), 2 usage.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "dns/exchange.h"
#include "dns/hosts.h"
#include "dns/observe.h"
#include "dns/wire.h"

struct options {
    struct observe_config config;
    const char *forward[2];
    const char *addresses, *wildcard;
    int rounds;
    bool wait;
};

static int usage(const char *what)
{
    (void)fprintf(stderr, "dnsround: %s; see the top of dnsround.c\n", what);
    return 2;
}

static bool set_option(struct options *o, const char *name, const char *value)
{
    struct err err = ERR_INIT;
    int64_t number = 0;
    const struct {
        const char *name;
        const char **to;
    } texts[] = {{"--anchor", &o->config.resolve.trust_anchor},
                 {"--hints", &o->config.resolve.root_hints},
                 {"--forward", &o->forward[0]},
                 {"--addresses", &o->addresses},
                 {"--wildcard", &o->wildcard}};
    const struct {
        const char *name;
        int *to;
    } numbers[] = {{"--udp-ms", &o->config.udp_ms},
                   {"--udp-tries", &o->config.udp_tries},
                   {"--tcp-ms", &o->config.tcp_ms},
                   {"--round-ms", &o->config.round_ms},
                   {"--refresh-ms", &o->config.resolve.refresh_ms},
                   {"--rounds", &o->rounds}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(texts[i].name, name) == 0) {
            *texts[i].to = value;
            return true;
        }
    }
    if (strcmp(name, "--wait") == 0)
        return o->wait = true;
    if (text_number(value, 1, 3600000, &number, &err) != OUT_OK)
        return false;
    if (strcmp(name, "--port") == 0 && number < 65536) {
        o->config.port = (uint16_t)number;
        return true;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(numbers[i].name, name) == 0) {
            *numbers[i].to = (int)number;
            return true;
        }
    }
    return false;
}

static void print_rrset(const struct port_rrset *rrset)
{
    for (size_t i = 0; i < rrset->n; i++) {
        const struct port_tlsa *rec = &rrset->recs[i];
        char hex[2 * PORT_TLSA_MAX + 1];
        (void)text_hex(hex, sizeof hex, rec->data, rec->len);
        (void)printf("  TLSA %u %u %u %s\n", rec->combo.usage, rec->combo.selector,
                     rec->combo.matching, hex);
    }
}

static void print_round(const struct port_round *round)
{
    (void)printf("zone %s %s%s%s\n", round->zone, observe_state_name(round->zone_state),
                 round->why[0] != '\0' ? ": " : "", round->why);
    if (round->cname[0] != '\0')
        (void)printf("cname %s ttl=%" PRIu32 "\n", round->cname, round->cname_ttl);
    for (size_t i = 0; i < round->n; i++) {
        const struct port_answer *answer = &round->answers[i];
        char server[OBSERVE_SERVER_TEXT];
        observe_text_server(answer, server);
        (void)printf("%s %s ns_ttl=%" PRIu32, server, observe_kind_name(answer->kind),
                     answer->ns_ttl);
        if (answer->kind == MODEL_ANS_RRSET)
            (void)printf(" ttl=%" PRIu32, answer->rrset->ttl);
        if (answer->sig_until != 0)
            (void)printf(" sig_until=%" PRId64, answer->sig_until / 1000);
        (void)printf("%s%s\n", answer->why[0] != '\0' ? ": " : "", answer->why);
        if (answer->rrset != NULL)
            print_rrset(answer->rrset);
    }
}

static int fail(enum outcome out, const struct err *err)
{
    (void)printf("%s: %s\n", err_outcome_name(out), err->text);
    return 1;
}

static int run_rounds(struct observe *observe, const struct options *o, const char *owner,
                      const uint8_t (*remembered)[16], size_t n)
{
    struct err err = ERR_INIT;
    struct port_round *round = calloc(1, sizeof *round);
    if (round == NULL)
        return 1;
    enum outcome out = OUT_OK;
    for (int i = 0; i < o->rounds && out == OUT_OK; i++) {
        int64_t begin = exchange_now();
        out = observe_ops.round(observe, owner, remembered, n, round, &err);
        (void)printf("round %d took %" PRId64 " ms\n", i + 1, exchange_now() - begin);
        if (i + 1 == o->rounds)
            break;
        observe_ops.free_round(observe, round);
        (void)fflush(stdout);
        char line[8];
        if (o->wait && fgets(line, sizeof line, stdin) == NULL)
            out = err_set(&err, OUT_BROKEN, "nothing on standard input");
    }
    if (out == OUT_OK)
        print_round(round);
    observe_ops.free_round(observe, round);
    free(round);
    return out == OUT_OK ? 0 : fail(out, &err);
}

static int run_addresses(struct observe *observe, const char *host)
{
    struct err err = ERR_INIT;
    struct port_address addrs[32];
    size_t n = sizeof addrs / sizeof addrs[0];
    enum outcome out = observe_ops.addresses(observe, host, addrs, &n, &err);
    if (out != OUT_OK)
        return fail(out, &err);
    for (size_t i = 0; i < n; i++) {
        char ip[TEXT_IP_MAX];
        text_ip(addrs[i].ip, ip);
        (void)printf("address %s ttl=%" PRIu32 "\n", ip, addrs[i].ttl);
    }
    return 0;
}

static int run_wildcard(struct observe *observe, const char *host)
{
    struct err err = ERR_INIT;
    bool wild = false;
    enum outcome out = hosts_wildcard(observe_resolve(observe), host, &wild, &err);
    if (out != OUT_OK)
        return fail(out, &err);
    (void)printf("wildcard %s\n", wild ? "yes" : "no");
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.rounds = 1};
    struct err err = ERR_INIT;
    struct observe *observe = NULL;
    uint8_t remembered[PORT_ADDRS_MAX][16];
    size_t n = 0;
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (!set_option(&o, argv[at], argv[at + 1]))
            return usage(argv[at]);
    }
    if (o.forward[0] != NULL)
        o.config.resolve.forward = o.forward;
    if (at >= argc && o.addresses == NULL && o.wildcard == NULL)
        return usage("an owner is missing");
    for (int i = at + 1; i < argc; i++) {
        if (n == PORT_ADDRS_MAX || !wire_ip_parse(argv[i], remembered[n++]))
            return usage(argv[i]);
    }
    enum outcome out = observe_open(&o.config, &observe, &err);
    if (out != OUT_OK)
        return fail(out, &err);
    int status;
    if (o.addresses != NULL)
        status = run_addresses(observe, o.addresses);
    else if (o.wildcard != NULL)
        status = run_wildcard(observe, o.wildcard);
    else
        status = run_rounds(observe, &o, argv[at], (const uint8_t(*)[16])remembered, n);
    observe_close(&observe);
    return status;
}
