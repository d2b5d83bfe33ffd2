/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prober_dns - questions to one DNS server: a validating resolver, or an authoritative one
 *
 * Nothing is cached here and nothing is validated: a resolver's AD bit is reported (RFC 4035
 * section 3.2.3). UDP first, TCP when truncated. A CNAME at the owner is followed by a resolver
 * only.
 *
 * Ownership: prober_dns_free. Threads: one object belongs to one thread.
 */
#ifndef DANEMILTER_TESTS_PROBER_DNS_H
#define DANEMILTER_TESTS_PROBER_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ports.h"

struct prober_at {
    uint8_t ip[16]; /* IPv6, or IPv4-mapped */
    uint16_t port;
};

enum prober_dns_kind {
    PROBER_DNS_RRSET,
    PROBER_DNS_NODATA, /* the name or the type does not exist */
    PROBER_DNS_FAILED  /* time-out, SERVFAIL, REFUSED, no authority...: `why` says which */
};

struct prober_answer {
    enum prober_dns_kind kind;
    bool secure; /* AD */
    char why[PORT_WHY_MAX];
};

struct prober_dns;

/* `recurse`: it is a resolver. Otherwise an answer without the AA bit is none. */
enum outcome prober_dns_new(const struct prober_at *at, bool recurse, unsigned timeout_ms,
                            struct prober_dns **out, struct err *err);
void prober_dns_free(struct prober_dns **dns);

/* The TLSA RRset of `owner`, its records sorted so that equal RRsets are equal octet by octet.
 * OUT_OK also when there is no answer; else local trouble, or an owner that is no name. */
enum outcome prober_dns_tlsa(struct prober_dns *dns, const char *owner, struct port_rrset *rrset,
                             struct prober_answer *answer, struct err *err);

/* A and AAAA, appended at `*n` as far as `max`. OUT_RETRY: no answer. */
enum outcome prober_dns_addresses(struct prober_dns *dns, const char *host, struct prober_at *out,
                                  size_t max, size_t *n, struct err *err);

/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353". */
enum outcome prober_at_parse(const char *text, uint16_t port, struct prober_at *out,
                             struct err *err);

#endif
