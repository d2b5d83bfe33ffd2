/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rdataset - the RDATA of one RRset, of whatever type, and what we take of a type
 *
 * Private to rollover/dns. RDATA is as on the wire, without compression.
 *
 * Ownership: begins as zeros, ends with rdataset_clear. Threads: values; any.
 */
#ifndef DANEMILTER_DNS_RDATASET_H
#define DANEMILTER_DNS_RDATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ldns/ldns.h>

#define RDATASET_MAX 64

/* A type and its ceilings; answers beyond them are not believed. */
struct rrtype {
    uint16_t type;
    const char *name;          /* "TLSA" */
    size_t n_max;              /* records, at most RDATASET_MAX */
    size_t size_min, size_max; /* octets of RDATA */
};

extern const struct rrtype rrtype_tlsa; /* what struct port_rrset holds */
extern const struct rrtype rrtype_txt;

struct rdataset {
    uint32_t ttl;
    size_t n;
    struct {
        uint8_t *data;
        size_t len;
    } recs[RDATASET_MAX];
};

/* Appends a copy. False: beyond the type's ceilings, or no memory. */
bool rdataset_add(struct rdataset *set, const struct rrtype *type, const uint8_t *rdata,
                  size_t len);

/* The records of the type at `owner` in a section, not validated by anybody. False as above. */
bool rdataset_take(struct rdataset *set, const struct rrtype *type, const ldns_rr_list *section,
                   const char *owner);

void rdataset_clear(struct rdataset *set);

/* Octets of a record's RDATA; for types without names in it. */
size_t rdataset_size(const ldns_rr *rr);

#endif
