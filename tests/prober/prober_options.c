/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/key.h"
#include "prober.h"

static const char usage[] =
    "usage: prober HOST --resolver IP[:PORT] [OPTION]...\n"
    "\n"
    "A DANE sender without mail: looks TLSA up at _PORT._tcp.HOST, does STARTTLS at each address "
    "of\n"
    "HOST with each demand on the key algorithm in turn, and lets OpenSSL judge. Prints\n"
    "    probes=P verified=V failed=F stale=S other=O        (P = V + F + S + O)\n"
    "at the end, also on SIGINT and SIGTERM, and the reasons on stderr.\n"
    "  failed  TLS failed, or the chain does not match the RRset that the resolver gave\n"
    "  stale   verified, but some combination (usage, selector, matching type) of an RRset that a\n"
    "          cache may still hold does not match\n"
    "  other   no verdict: time-out, SERVFAIL, no AD, refused, busy; no TLSA record\n"
    "Exit status: 0 = nothing failed or stale, and at most 1 % other; 1 = not so, or no probe at\n"
    "all, or a server named with --auth never answered; 2 = the prober itself is in trouble.\n"
    "\n"
    "  --resolver IP[:PORT]  a validating resolver; its AD bit is required\n"
    "  --auth IP[:PORT]      an authoritative server (repeat): its RRsets are watched, and every\n"
    "                        chain is held against each that was given within its TTL\n"
    "  --watch-ms N          ask each of them so often (25)\n"
    "  --direct              no cache: take TLSA from the --auth servers in turn, not validated\n"
    "  --address IP          probe this address (repeat), instead of those that DNS gives\n"
    "  --port N              (25)\n"
    "  --algs LIST           any, p256, p384, rsa, rsa2048, rsa3072, rsa4096 (p256,rsa,any)\n"
    "  --sni NAME            instead of HOST; \"\" sends none\n"
    "  --nexthop NAME        a further name that a certificate may bear under usage 2\n"
    "  --no-expect-tlsa      without a TLSA record: TLS as such counts as verified\n"
    "  --no-ignore-baseline  count combinations that did not match from the start, too\n"
    "  --threads N           (8)\n"
    "  --rate N              at most so many probes a second (no limit)\n"
    "  --timeout MS          of one probe; a DNS question has a third of it (15000)\n"
    "  --seconds N, --count N, --until-file F    when to end\n"
    "  --ready-file F        is made when each address and algorithm has been probed once\n"
    "  --report N            an interim line each N seconds\n"
    "  --log F               appends the details of each bad probe\n";

enum {
    OPT_RESOLVER = 1000,
    OPT_AUTH,
    OPT_WATCH,
    OPT_DIRECT,
    OPT_ADDRESS,
    OPT_PORT,
    OPT_ALGS,
    OPT_SNI,
    OPT_NEXTHOP,
    OPT_NO_EXPECT,
    OPT_NO_IGNORE,
    OPT_THREADS,
    OPT_RATE,
    OPT_TIMEOUT,
    OPT_SECONDS,
    OPT_COUNT,
    OPT_UNTIL,
    OPT_READY,
    OPT_REPORT,
    OPT_LOG,
    OPT_HELP
};

static const struct option table[] = {
    {"resolver", required_argument, NULL, OPT_RESOLVER},
    {"auth", required_argument, NULL, OPT_AUTH},
    {"watch-ms", required_argument, NULL, OPT_WATCH},
    {"direct", no_argument, NULL, OPT_DIRECT},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"port", required_argument, NULL, OPT_PORT},
    {"algs", required_argument, NULL, OPT_ALGS},
    {"sni", required_argument, NULL, OPT_SNI},
    {"nexthop", required_argument, NULL, OPT_NEXTHOP},
    {"no-expect-tlsa", no_argument, NULL, OPT_NO_EXPECT},
    {"no-ignore-baseline", no_argument, NULL, OPT_NO_IGNORE},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"count", required_argument, NULL, OPT_COUNT},
    {"until-file", required_argument, NULL, OPT_UNTIL},
    {"ready-file", required_argument, NULL, OPT_READY},
    {"report", required_argument, NULL, OPT_REPORT},
    {"log", required_argument, NULL, OPT_LOG},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static enum outcome number(const char *text, unsigned long min, unsigned long max,
                           unsigned long *out, struct err *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || n < min || n > max)
        return err_set(err, OUT_REFUSED, "\"%s\" is no number from %lu to %lu", text, min, max);
    *out = n;
    return OUT_OK;
}

static enum outcome small_number(const char *text, unsigned min, unsigned max, unsigned *out,
                                 struct err *err)
{
    unsigned long n = 0;
    enum outcome rc = number(text, min, max, &n, err);
    if (rc == OUT_OK)
        *out = (unsigned)n;
    return rc;
}

static enum outcome one_alg(const char *name, size_t len, struct prober_alg *out, struct err *err)
{
    static const struct prober_alg algs[] = {
        {0, false, "any"},
        {PORT_ALG_P256, false, "p256"},
        {PORT_ALG_P384, false, "p384"},
        {PORT_ALG_RSA2048, true, "rsa"},
        {PORT_ALG_RSA2048, false, "rsa2048"},
        {PORT_ALG_RSA3072, false, "rsa3072"},
        {PORT_ALG_RSA4096, false, "rsa4096"},
    };
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        if (strlen(algs[i].name) == len && strncmp(algs[i].name, name, len) == 0) {
            *out = algs[i];
            return OUT_OK;
        }
    }
    return err_set(err, OUT_REFUSED,
                   "\"%.*s\" is no algorithm: any, p256, p384, rsa, rsa2048, rsa3072, rsa4096",
                   (int)(len < 80 ? len : 80), name);
}

static enum outcome algs(const char *list, struct prober_options *o, struct err *err)
{
    o->n_algs = 0;
    for (;;) {
        size_t len = strcspn(list, ",");
        if (o->n_algs == PROBER_ALGS_MAX)
            return err_set(err, OUT_REFUSED, "--algs takes at most %d", PROBER_ALGS_MAX);
        enum outcome rc = one_alg(list, len, &o->algs[o->n_algs++], err);
        if (rc != OUT_OK)
            return rc;
        if (list[len] == '\0')
            return OUT_OK;
        list += len + 1;
    }
}

static enum outcome one_more(const char *text, uint16_t port, struct prober_at *list, size_t *n,
                             size_t max, struct err *err)
{
    if (*n == max)
        return err_set(err, OUT_REFUSED, "\"%s\" is one too many: at most %zu", text, max);
    return prober_at_parse(text, port, &list[(*n)++], err);
}

/* Options whose value is a number. */
static enum outcome take_number(int option, const char *value, struct prober_options *o,
                                struct err *err)
{
    unsigned port = 0;
    enum outcome rc = OUT_OK;
    switch (option) {
    case OPT_WATCH:
        return small_number(value, 1, 60000, &o->watch_ms, err);
    case OPT_PORT:
        rc = small_number(value, 1, 65535, &port, err);
        o->port = (uint16_t)port;
        return rc;
    case OPT_THREADS:
        return small_number(value, 1, PROBER_THREADS_MAX, &o->threads, err);
    case OPT_RATE:
        return small_number(value, 1, 1000000, &o->rate, err);
    case OPT_TIMEOUT:
        return small_number(value, 100, 600000, &o->timeout_ms, err);
    case OPT_SECONDS:
        return small_number(value, 1, 10000000, &o->seconds, err);
    case OPT_REPORT:
        return small_number(value, 1, 86400, &o->report, err);
    case OPT_COUNT:
        return number(value, 1, LONG_MAX, &o->count, err);
    default:
        return err_set(err, OUT_REFUSED, "see prober --help");
    }
}

static enum outcome take(int option, const char *value, struct prober_options *o, struct err *err)
{
    switch (option) {
    case OPT_RESOLVER:
        return prober_at_parse(value, 53, &o->resolver, err);
    case OPT_AUTH:
        return one_more(value, 53, o->auth, &o->n_auth, PROBER_HELD_SERVERS, err);
    case OPT_ADDRESS:
        return one_more(value, 0, o->address, &o->n_address, PROBER_ADDRS_MAX, err);
    case OPT_ALGS:
        return algs(value, o, err);
    case OPT_DIRECT:
        o->direct = true;
        return OUT_OK;
    case OPT_NO_EXPECT:
        o->expect_tlsa = false;
        return OUT_OK;
    case OPT_NO_IGNORE:
        o->ignore_baseline = false;
        return OUT_OK;
    case OPT_SNI:
        o->sni = value;
        return OUT_OK;
    case OPT_NEXTHOP:
        o->names[1] = value;
        o->n_names = 2;
        return OUT_OK;
    case OPT_UNTIL:
        o->until_file = value;
        return OUT_OK;
    case OPT_READY:
        o->ready_file = value;
        return OUT_OK;
    case OPT_LOG:
        o->log = value;
        return OUT_OK;
    case OPT_HELP:
        (void)fputs(usage, stdout);
        return OUT_NOT_YET;
    default:
        return take_number(option, value, o, err);
    }
}

static enum outcome complete(struct prober_options *o, struct err *err)
{
    if (o->resolver.port == 0)
        return err_set(err, OUT_REFUSED, "--resolver is missing: see prober --help");
    if (o->direct && o->n_auth == 0)
        return err_set(err, OUT_REFUSED, "--direct needs the servers: --auth");
    if (o->sni == NULL)
        o->sni = o->host;
    for (size_t i = 0; i < o->n_address; i++) {
        if (o->address[i].port == 0)
            o->address[i].port = o->port;
    }
    size_t len = strlen(o->host);
    int n = snprintf(o->tlsa, sizeof o->tlsa, "_%u._tcp.%s%s", (unsigned)o->port, o->host,
                     len > 0 && o->host[len - 1] == '.' ? "" : ".");
    if (len == 0 || o->host[len - 1] == '.' || n < 0 || (size_t)n >= sizeof o->tlsa)
        return err_set(err, OUT_REFUSED, "\"%s\" is no host name: write it without a final dot",
                       o->host);
    return o->n_algs > 0 ? OUT_OK : algs("p256,rsa,any", o, err);
}

enum outcome prober_options_parse(int argc, char **argv, struct prober_options *out,
                                  struct err *err)
{
    *out = (struct prober_options){.port = 25,
                                   .n_names = 1,
                                   .threads = 8,
                                   .watch_ms = 25,
                                   .timeout_ms = 15000,
                                   .expect_tlsa = true,
                                   .ignore_baseline = true};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", table, NULL)) !=
           -1) { // NOLINT(concurrency-mt-unsafe): one thread yet
        enum outcome rc = take(option, optarg, out, err);
        if (rc != OUT_OK)
            return rc;
    }
    if (optind != argc - 1)
        return err_set(err, OUT_REFUSED, "one host is wanted: see prober --help");
    out->host = out->names[0] = argv[optind];
    return complete(out, err);
}
