/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * txt - TXT records of one string (RFC 1035 section 3.3.14), as ACME's dns-01 has them
 *
 * Private to rollover/dns. Threads: no state; any.
 */
#ifndef DANEMILTER_DNS_TXT_H
#define DANEMILTER_DNS_TXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ldns/ldns.h>

#include "base/err.h"

#define TXT_VALUE_MAX 255

/* OUT_REFUSED: empty, too long, or characters beyond letters, digits, "-" and "_" (base64url, RFC
 * 4648 section 5), which would need quoting. */
enum outcome txt_check(const char *value, struct err *err);

/* A checked value's record, class IN or NONE. NULL: out of memory. */
ldns_rr *txt_rr(const ldns_rdf *owner, const char *value, uint32_t ttl, ldns_rr_class class);

/* Is this RDATA exactly that one string? */
bool txt_is(const uint8_t *rdata, size_t len, const char *value);

#endif
