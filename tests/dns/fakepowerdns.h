/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakepowerdns - PowerDNS' HTTP API for the zone example.org., as strict as the real one
 *
 * For tests only; aborts on trouble. Members are changed between requests only (fakehttp.h).
 */
#ifndef DANEMILTER_TESTS_DNS_FAKEPOWERDNS_H
#define DANEMILTER_TESTS_DNS_FAKEPOWERDNS_H

#include <stdbool.h>

#include <jansson.h>

#define FAKEPOWERDNS_KEY "the-API-key"

struct fakehttp;

struct fakepowerdns {
    struct fakehttp *server;
    char url[64];
    json_t *rrsets; /* what the zone holds */
    const char *soa_edit_api;
    bool old;             /* ignores the filter */
    int status;           /* of the next PATCH; 0: what is right */
    const char *said;     /* with `status` */
    int notify;           /* status of NOTIFY; 0: 200 */
    const char *get_body; /* instead of the zone */
    unsigned gets, patches, notifies;
    bool whole; /* every PATCH had what the real one wants */
};

/* Begins as zeros. */
void fakepowerdns_open(struct fakepowerdns *w);
void fakepowerdns_close(struct fakepowerdns *w);

/* Puts an RRset into the zone; `contents` is split at "|". */
void fakepowerdns_hold(struct fakepowerdns *w, const char *name, const char *type, int ttl,
                       const char *contents, bool disabled);

/* "TTL content|content" of an RRset, " off" behind a disabled one; "" when there is none. */
const char *fakepowerdns_held(const struct fakepowerdns *w, const char *name, const char *type,
                              char out[512]);

#endif
