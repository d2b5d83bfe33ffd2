/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * change - what every provider has to know of a struct port_change
 *
 * Private to rollover/dns.
 *
 * TTL. An RRset has one TTL (RFC 2181 section 5.2), so adding a record moves all of them.
 * change->ttl 0: the present TTL is kept (CHANGE_TTL_NEW for a new RRset). Else it is what the
 * operator asked for and is used, for others' records in the RRset too: `note` then says so, for
 * the log, although the outcome is OUT_OK.
 *
 * Threads: pure; any.
 */
#ifndef DANEMILTER_DNS_CHANGE_H
#define DANEMILTER_DNS_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "ports.h"

#define CHANGE_TTL_NEW 3600

uint32_t change_ttl(const struct port_change *change, struct err *note);

/* OUT_REFUSED: the RRset would hold more than PORT_RRSET_MAX records. OUT_BROKEN: no `seen`. */
enum outcome change_check(const struct port_change *change, struct err *err);

/* Is the record in the RRset? */
bool change_has(const struct port_rrset *rrset, const struct port_tlsa *rec);

/* The same records, in any order? */
bool change_same(const struct port_rrset *a, const struct port_rrset *b);

#endif
