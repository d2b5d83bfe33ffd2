/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * primary - signed questions and UPDATE messages to a zone's primary (RFC 2136, RFC 8945)
 *
 * Private to rollover/dns. Questions go by UDP (TCP when truncated or silent), updates by TCP. The
 * primary's addresses are tried one after the other until one answers; only an answer signed
 * with our key is believed when it says yes (verdict.h).
 *
 * Ownership: the key stays the caller's. A reply is freed by ldns_pkt_free. Threads: no state
 * changes; any.
 */
#ifndef DANEMILTER_DNS_PRIMARY_H
#define DANEMILTER_DNS_PRIMARY_H

#include <stdint.h>

#include <ldns/ldns.h>

#include "base/err.h"
#include "dns/tsigkey.h"
#include "ports.h"

struct primary {
    char server[PORT_NAME_MAX]; /* an address, or a name for the system's resolver */
    char zone[PORT_NAME_MAX];   /* "": ask */
    uint16_t port;
    int timeout_ms;
    const struct tsigkey *key;
};

/* OUT_REFUSED also when the server is not authoritative for the name. */
enum outcome primary_question(const struct primary *self, const char *owner, ldns_rr_type type,
                              ldns_pkt **reply, struct err *err);

/* Which zone an owner (clean, see wire.h) is in: the configured one, or the primary's word. */
enum outcome primary_zone(const struct primary *self, const char *owner, char zone[PORT_NAME_MAX],
                          struct err *err);

/* Sends an UPDATE for records of `type` ("TLSA", for messages) at `owner`. Takes `pkt`, NULL is
 * no memory. OUT_NOT_YET: a prerequisite does not hold. */
enum outcome primary_update(const struct primary *self, const char *owner, const char *zone,
                            const char *type, ldns_pkt *pkt, struct err *err);

#endif
