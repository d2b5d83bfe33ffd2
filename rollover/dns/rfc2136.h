/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rfc2136 - port_dns_ops by DNS UPDATE, signed with TSIG
 *
 * read:   the TLSA RRset, asked of the primary directly (UDP, TCP when truncated), signed.
 * change: one UPDATE message by TCP. Its prerequisite is the RRset exactly as `seen` (RFC 2136
 *         section 2.4.2), or that there is none (2.4.3): compare and swap. It adds records one by
 *         one and deletes them one by one (2.5.1, 2.5.4); no other record is ever named in it.
 *         Records to add that are in `seen` and records to delete that are not are left out; if
 *         nothing is left, nothing is sent and the outcome is OUT_OK.
 *
 * txt_*:  one UPDATE that adds or deletes one TXT record by its value, without a prerequisite;
 *         others' values stay, and the RRset takes the TTL of what is added.
 *
 * TTL: see change.h; err holds its note with OUT_OK, and is empty otherwise.
 *
 * Ceilings: PORT_RRSET_MAX records before and after, about 60000 octets a message.
 *
 * Ownership: rfc2136_close; the key is copied by reference and must live as long. Threads: one at
 * a time per object.
 */
#ifndef DANEMILTER_DNS_RFC2136_H
#define DANEMILTER_DNS_RFC2136_H

#include <stdint.h>

#include "base/err.h"
#include "dns/tsigkey.h"
#include "ports.h"

struct rfc2136;

struct rfc2136_config {
    const char *server; /* the primary: an address, or a name for the system's resolver */
    uint16_t port;      /* 0: 53 */
    const char *zone;   /* NULL or "": the primary is asked */
    const struct tsigkey *key;
    int timeout_ms; /* for one exchange; 0: 5000 */
};

enum outcome rfc2136_open(const struct rfc2136_config *config, struct rfc2136 **out,
                          struct err *err);
void rfc2136_close(struct rfc2136 **self);

/* `self` is a struct rfc2136. */
extern const struct port_dns_ops rfc2136_ops;

#endif
