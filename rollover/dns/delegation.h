/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * delegation - the servers of a zone, as its parent's servers and its own tell it
 *
 * Private to rollover/dns. The parent's servers are asked directly for the referral (RFC 1034
 * 4.2.1), never a cache; what the child's own servers say is added by delegation_add_ns from
 * their answers. The union of names is taken, and of each name every address: looked up, and the
 * glue of the referral, which resolvers use as well.
 *
 * Ownership: values, about 30 KiB: keep it on the heap. Threads: as the struct resolve. TTLs in
 * seconds: of an address the larger of its name's NS TTL and its own.
 */
#ifndef DANEMILTER_DNS_DELEGATION_H
#define DANEMILTER_DNS_DELEGATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dns/exchange.h"
#include "dns/resolve.h"
#include "dns/wire.h"
#include "ports.h"

struct delegation_ns {
    char name[PORT_NAME_MAX];
    uint32_t ttl;
    bool resolved;
    bool glue; /* the referral gave an address */
};

struct delegation_addr {
    char server[PORT_NAME_MAX]; /* "" when only remembered */
    uint8_t ip[16];
    uint32_t ttl; /* 0 when only remembered */
};

struct delegation {
    char zone[PORT_NAME_MAX];
    uint16_t port; /* of every server */
    size_t n_ns;
    struct delegation_ns ns[RESOLVE_NS_MAX];
    size_t n;
    struct delegation_addr addrs[PORT_ADDRS_MAX];
};

/* The NS set and glue at the parent; nothing for the root. OUT_RETRY: no server of the parent
 * answered. */
enum outcome delegation_from_parent(struct resolve *resolve, const struct exchange_limits *limits,
                                    struct delegation *out, struct err *err);

/* NS records of the zone in this section of an answer are taken in. OUT_REFUSED: too many. */
enum outcome delegation_add_ns(struct delegation *del, const ldns_rr_list *section,
                               struct err *err);

/* Looks up the names that are new. OUT_REFUSED: more than PORT_ADDRS_MAX addresses. A name that
 * validly has no address is no error: nobody can ask it. One that cannot be looked up and has no
 * glue is OUT_RETRY: others may know where it is, so the union would not be whole. */
enum outcome delegation_resolve(struct resolve *resolve, struct delegation *del, struct err *err);

/* Adds an address that is only remembered, unless it is there. */
enum outcome delegation_remember(struct delegation *del, const uint8_t ip[16], struct err *err);

#endif
