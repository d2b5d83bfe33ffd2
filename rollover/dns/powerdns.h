/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * powerdns - port_dns_ops by the HTTP API of PowerDNS Authoritative Server (4.2 and newer)
 *
 * read:   GET of the zone, limited to the owner's name; an older server that ignores the limit
 *         sends the whole zone, which is fine up to POWERDNS_BODY_MAX.
 * change: GET, compared with `seen` (OUT_NOT_YET when it differs), then one PATCH that replaces or
 *         deletes the whole RRset, then PUT .../notify, which PATCH does not do by itself.
 * txt_*:  the same for the TXT RRset; others' records and their TTL stay.
 *
 * There is no compare and swap: what somebody else changes in the milliseconds between GET and
 * PATCH is lost. Owners that several writers share belong to rfc2136.
 *
 * TTL: see change.h (never another for others' records without a note). A NOTIFY that did not go
 * out, and a zone whose serial stands still for want of SOA-EDIT-API, are notes too: with OUT_OK,
 * err holds what the log should say, or is empty.
 *
 * http:// is refused unless the host is an address near by (url_is_near), because the key would
 * travel in clear. Texts never hold the key.
 *
 * Ownership: powerdns_close wipes the key. Threads: one at a time per object (provider.h locks).
 */
#ifndef DANEMILTER_DNS_POWERDNS_H
#define DANEMILTER_DNS_POWERDNS_H

#include "base/err.h"
#include "ports.h"

#define POWERDNS_BODY_MAX (8 * 1024 * 1024)

struct powerdns;

struct powerdns_config {
    const char *url; /* "http://127.0.0.1:8081", without /api/v1 */
    const char *api_key;
    const char *server_id; /* NULL or "": "localhost" */
    const char *zone;      /* NULL or "": the server is asked */
    const char *ca_file;   /* NULL or "": the system's bundle */
    int timeout_ms;        /* of one request; 0: 20000 */
};

enum outcome powerdns_open(const struct powerdns_config *config, struct powerdns **out,
                           struct err *err);
void powerdns_close(struct powerdns **self);

/* `self` is a struct powerdns. */
extern const struct port_dns_ops powerdns_ops;

#endif
