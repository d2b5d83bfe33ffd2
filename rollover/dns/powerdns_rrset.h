/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * powerdns_rrset - RRsets in the JSON of PowerDNS' HTTP API
 *
 * Private to rollover/dns. Records keep the text that the server gave and whether they are
 * disabled, so that writing an RRset back changes nothing in what is not ours. Comments are not
 * named, which leaves them as they are.
 *
 * Ownership: begins as zeros, ends with powerdns_rrset_clear. Threads: values; any.
 * https://doc.powerdns.com/authoritative/http-api/zone.html
 */
#ifndef DANEMILTER_DNS_POWERDNS_RRSET_H
#define DANEMILTER_DNS_POWERDNS_RRSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "ports.h"

struct powerdns_rrset {
    json_t *records; /* an array of {"content", "disabled"}; NULL only before parsing */
    uint32_t ttl;    /* 0: there is no such RRset */
    bool lazy;       /* the zone has secondaries to tell, and its serial stands still */
};

/* Takes the RRset of that type at `owner` (clean, see wire.h) out of a zone as the API shows it.
 * None: no records. OUT_REFUSED: not such an answer; a CNAME at the owner; too many records. */
enum outcome powerdns_rrset_parse(const char *body, size_t len, const char *owner, const char *type,
                                  struct powerdns_rrset *out, struct err *err);
void powerdns_rrset_clear(struct powerdns_rrset *rrset);

/* The TLSA records that are not disabled. OUT_REFUSED: too many or too large, or not TLSA. */
enum outcome powerdns_rrset_tlsa(const struct powerdns_rrset *rrset, const char *owner,
                                 struct port_rrset *out, struct err *err);

/* The change's records added and deleted. False: no memory. */
bool powerdns_rrset_change(struct powerdns_rrset *rrset, const struct port_change *change);

/* Adds or removes the TXT record of exactly this string; *changed: that was not so yet. False: no
 * memory. */
bool powerdns_rrset_txt(struct powerdns_rrset *rrset, const char *value, bool add, bool *changed);

/* The body of the PATCH that makes the RRset what it is here, malloc()ed. NULL: no memory. */
char *powerdns_rrset_patch(const struct powerdns_rrset *rrset, const char *owner, const char *type,
                           uint32_t ttl);

#endif
