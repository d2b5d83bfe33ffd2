/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay - libunbound's verdict on one packet that we have already
 *
 * Private to rollover/dns. A resolver judges what *some* server says; we must know it of each
 * server. So the packet that one server gave is played to a fresh libunbound context, over the
 * loopback, by a "forwarder" that knows two answers: this packet, and the zone's DNSKEY RRset as
 * validated from the trust anchor down. The zone's keys are the context's only trust anchors. All
 * of DNSSEC is thus judged by libunbound - signatures, NSEC, NSEC3, wildcards, its guards against
 * hostile keys - on exactly the octets that were seen, without another question to anybody.
 *
 * The socket is bound to 127.0.0.1 and answers nobody but the context of the moment: a stranger's
 * datagram with the right question would get the same public packet.
 *
 * Ownership: replay_free. Threads: one thread at a time per object; see lookup.h for the first
 * use in a process.
 */
#ifndef DANEMILTER_DNS_REPLAY_H
#define DANEMILTER_DNS_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dns/rdataset.h"
#include "ports.h"

#define REPLAY_KEYS_MAX 32

/* The validated DNSKEY RRset of a zone, with its signatures as a packet. */
struct replay_keys {
    char zone[PORT_NAME_MAX];
    size_t n;
    char *anchors[REPLAY_KEYS_MAX + 1]; /* "zone IN DNSKEY ...", NULL-ended; malloc()ed */
    uint8_t *packet;                    /* malloc()ed */
    size_t packet_len;
};
void replay_keys_free(struct replay_keys *keys);

/* From the RDATA and the packet of a validated lookup. */
enum outcome replay_keys_set(struct replay_keys *keys, const char *zone,
                             const uint8_t *const *rdata, const int *lens, const void *packet,
                             int packet_len, struct err *err);

enum replay_kind {
    REPLAY_RECORDS, /* secure: they are in `records` */
    REPLAY_NONE,    /* secure: there is no such RRset */
    REPLAY_BOGUS,   /* signed wrongly, unsigned, proof missing: `why` */
    REPLAY_FAILED   /* no verdict: `why` */
};

struct replay_question {
    const char *owner; /* in keys->zone */
    const struct rrtype *type;
    const uint8_t *packet;
    size_t packet_len;
    int ms; /* how long libunbound may think */
};

/* OUT_OK: *kind is set; records (its ttl untouched) when RECORDS; why when BOGUS or FAILED. */
enum outcome replay_judge(const struct replay_keys *keys, const struct replay_question *question,
                          enum replay_kind *kind, struct rdataset *records, char why[PORT_WHY_MAX],
                          struct err *err);

#endif
