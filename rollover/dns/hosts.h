/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hosts - addresses of hosts, and whether a wildcard made them
 *
 * Ownership: values. Threads: as the struct resolve they use. Addresses are IPv6 or IPv4-mapped;
 * TTLs in seconds, the largest of the chain (a sender may hold any part of it).
 */
#ifndef DANEMILTER_DNS_HOSTS_H
#define DANEMILTER_DNS_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "dns/resolve.h"
#include "ports.h"

#define HOSTS_ADDRS_MAX 16 /* of one name server */

/* A and AAAA of a host, validated: bogus is OUT_REFUSED, no answer OUT_RETRY. *n in: capacity,
 * out: count; more is OUT_REFUSED. None at all is OUT_OK with *n = 0. CNAMEs are followed. */
enum outcome hosts_addresses(struct resolve *resolve, const char *host, struct port_address *out,
                             size_t *n, struct err *err);

/* Addresses of name servers, all looked up at once. Bogus ones are taken as they are: the servers
 * are merely to be found. One that has none, proven, has n = 0. */
struct hosts_server {
    char name[PORT_NAME_MAX];
    struct port_address addrs[HOSTS_ADDRS_MAX];
    size_t n;
    bool failed; /* one of its types could not be looked up: there may be more addresses */
    char why[PORT_WHY_MAX];
};
enum outcome hosts_servers(struct resolve *resolve, struct hosts_server *servers, size_t n,
                           struct err *err);

/* Do the host's addresses (or its CNAME) come from a wildcard (RFC 4592)? Then an owner below
 * the host would make them vanish. Seen in the signature's label count (RFC 4035 section 5.3.4);
 * in unsigned zones by asking for a name beside it that nobody made. */
enum outcome hosts_wildcard(struct resolve *resolve, const char *host, bool *out, struct err *err);

#endif
