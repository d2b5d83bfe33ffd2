/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire - names, questions, packets and TLSA records between ldns and our own values
 *
 * Private to rollover/dns. Names in text are fully qualified, lower case, with the final dot and
 * at most PORT_NAME_MAX - 1 characters, escaped as in zone files (RFC 1035 section 5.1); longer
 * ones are refused. Packets are at most WIRE_MAX octets. Packets come from strangers: wire_parse
 * walks the whole packet by itself first (each name ends, pointers go backwards and are few, each
 * record lies inside the packet, at most one OPT and one TSIG), then has ldns take it apart.
 *
 * Ownership: what an out-parameter gives belongs to the caller: ldns_rdf_deep_free, ldns_pkt_free,
 * ldns_rr_free. Threads: no state; any thread.
 */
#ifndef DANEMILTER_DNS_WIRE_H
#define DANEMILTER_DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <ldns/ldns.h>

#include "base/err.h"
#include "ports.h"

#define WIRE_MAX 65535
#define WIRE_HEADER 12
#define WIRE_QUERY_MAX 512    /* a question of ours with EDNS */
#define WIRE_UDP_SIZE 1232    /* what we take over UDP (RFC 9715 section 3) */
#define WIRE_POINTERS_MAX 128 /* compression pointers in one name */

/* Absolute names only; "" and relative names are refused. */
enum outcome wire_name_parse(const char *text, ldns_rdf **out, struct err *err);

/* False when the name is longer than PORT_NAME_MAX in text, or memory is out. */
bool wire_name_text(const ldns_rdf *name, char out[PORT_NAME_MAX]);

/* Lower case, final dot added when missing. OUT_REFUSED: not a name. */
enum outcome wire_name_clean(const char *text, char out[PORT_NAME_MAX], struct err *err);

/* Is `name` at or below `top`? Both in text, cleaned. */
bool wire_name_below(const char *name, const char *top);

/* A query with EDNS, DO when `dnssec`, RD clear, id 0. Returns its length, 0 when it cannot be
 * built. */
size_t wire_question(const ldns_rdf *name, uint16_t type, bool dnssec, uint8_t *buf, size_t size);

/* NULL: malformed, and `why` says how. */
ldns_pkt *wire_parse(const uint8_t *packet, size_t len, const char **why);

/* RDATA of a TLSA record. False: too long for us or not TLSA. */
bool wire_tlsa_get(const ldns_rr *rr, struct port_tlsa *out);
bool wire_tlsa_rdata(const uint8_t *rdata, size_t len, struct port_tlsa *out);
bool wire_tlsa_equal(const struct port_tlsa *a, const struct port_tlsa *b);

/* A record without RDATA. NULL: out of memory. */
ldns_rr *wire_rr(const ldns_rdf *owner, ldns_rr_type type, uint32_t ttl, ldns_rr_class class);

/* A TLSA record, class IN or NONE as RFC 2136 needs; `tlsa` NULL: one without RDATA. NULL: out
 * of memory. */
ldns_rr *wire_tlsa_rr(const ldns_rdf *owner, const struct port_tlsa *tlsa, uint32_t ttl,
                      ldns_rr_class class);

/* An RRSIG time as seconds since 1970, read as the one nearest to `now` (RFC 4034 3.1.5). */
int64_t wire_sig_time(uint32_t value, time_t now);

/* The type an RRSIG covers, its original TTL, labels and expiration; false when it has none. */
struct wire_sig {
    uint16_t covers;
    uint8_t labels;
    uint32_t ttl;
    uint32_t expires;
};
bool wire_sig_get(const ldns_rr *rr, struct wire_sig *out);

/* The largest TTL, plain or in a signature's original TTL, of records of `type` in the section,
 * at `owner` when it is not NULL. */
uint32_t wire_max_ttl(const ldns_rr_list *section, const char *owner, uint16_t type);

/* The earliest end of a signature over `type` (0: any) in the section, in ms since 1970; 0: no
 * signature. */
model_time wire_sig_until(const ldns_rr_list *section, uint16_t type, time_t now);

/* The first record of `type` in the section, at `owner` when it is not NULL; or NULL. */
const ldns_rr *wire_first(const ldns_rr_list *section, const char *owner, uint16_t type);

/* Is this the record's owner? */
bool wire_owner_is(const ldns_rr *rr, const char *name);

/* The name without its first label; false at the root. */
bool wire_name_up(const char *name, char out[PORT_NAME_MAX]);

/* From text, "192.0.2.1" or "2001:db8::1"; false: neither. */
bool wire_ip_parse(const char *text, uint8_t out[16]);
void wire_ip_from4(const uint8_t ip4[4], uint8_t out[16]);
bool wire_ip_is4(const uint8_t ip[16]);

/* "SERVFAIL", "NXRRSET", ... or "rcode 23". */
const char *wire_rcode_name(int rcode);

#endif
