/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resolve - what a validating resolver says: names, zone cuts, keys, verdicts
 *
 * Everything here goes through libunbound, by its own iteration or through resolvers that the
 * operator named, judged from the trust anchor down. Its cache is thrown away when it is older
 * than `refresh_ms`, so nothing is older than that (and never older than its TTL); a zone found
 * to be anything but secure in a cache older than a second is judged again with an empty one, so
 * that a mended zone is seen at once. The cache is kept that long because it knows which servers
 * are dead: a cold one spends some seconds on each. Where servers merely have to be *found* in
 * a zone that does not validate, a second context without validation is used; it never
 * decides anything.
 *
 * Ownership: resolve_close. Strings of the configuration are copied. Threads: one thread at a
 * time per object; the first resolve_open of a process comes before other threads do (lookup.h).
 * Names: fully qualified, lower case, final dot. TTLs: the largest of a record's TTL and the
 * original TTL in its signature (RFC 4034 section 3.1.4), made good for the time in the cache.
 */
#ifndef DANEMILTER_DNS_RESOLVE_H
#define DANEMILTER_DNS_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ports.h"

#define RESOLVE_CNAMES_MAX 8
#define RESOLVE_NS_MAX 32

struct resolve;
struct lookup_ask;
struct replay_keys;

struct resolve_config {
    const char *trust_anchor;   /* file of DS or DNSKEY records */
    const char *root_hints;     /* file, or NULL */
    const char *const *forward; /* resolvers "IP" or "IP@port", NULL-ended; or NULL */
    int lookup_ms;              /* for one batch of lookups; 0: 8000 */
    int refresh_ms;             /* 0: 300000 */
};

enum outcome resolve_open(const struct resolve_config *config, struct resolve **out,
                          struct err *err);
void resolve_close(struct resolve **resolve);

/* No lookup goes on after this moment of CLOCK_MONOTONIC in ms; 0 lifts the bound. */
void resolve_set_end(struct resolve *resolve, int64_t end);

/* Where a TLSA owner leads. */
struct resolve_owner {
    char name[PORT_NAME_MAX];   /* after CNAMEs */
    char cname[PORT_NAME_MAX];  /* the same, "" when there was none */
    uint32_t cname_ttl;         /* sum over the chain */
    char zone[PORT_NAME_MAX];   /* the zone of `name` */
    enum port_zone_state state; /* worst of the CNAMEs; SECURE when there was none */
    char why[PORT_WHY_MAX];
};
/* OUT_REFUSED: a loop or too long a chain (safety.md, row 33). OUT_RETRY: no answer. */
enum outcome resolve_owner_of(struct resolve *resolve, const char *owner, struct resolve_owner *out,
                              struct err *err);

/* The zone that a name is in; the zone's own name for its apex. */
enum outcome resolve_zone_of(struct resolve *resolve, const char *name, char zone[PORT_NAME_MAX],
                             struct err *err);

/* The verdict on a zone, and its keys when it is SECURE (replay_keys_free). */
enum outcome resolve_keys(struct resolve *resolve, const char *zone, struct replay_keys *keys,
                          enum port_zone_state *state, char why[PORT_WHY_MAX], struct err *err);

/* Is there a DS RRset for the zone at its parent, validly signed or denied? */
enum outcome resolve_has_ds(struct resolve *resolve, const char *zone, bool *out, struct err *err);

/* Names of the zone's servers, as resolvers know them. */
enum outcome resolve_ns(struct resolve *resolve, const char *zone, char (*names)[PORT_NAME_MAX],
                        size_t *n, struct err *err);

/* Private to rollover/dns. Runs the lookups; `find`: those that are bogus are done again without
 * validation. OUT_OK: each has its verdict. */
enum outcome resolve_run(struct resolve *resolve, struct lookup_ask *asks, size_t n, bool find,
                         struct err *err);

/* Seconds that an answer may have been in the cache. */
uint32_t resolve_age(const struct resolve *resolve);

#endif
