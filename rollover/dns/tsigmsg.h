/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tsigmsg - signing a message and checking its answer with TSIG (RFC 8945)
 *
 * Private to rollover/dns. ldns makes and compares the MACs; key name, algorithm, time and error
 * field are checked here, which ldns leaves to its caller. Truncated MACs are not accepted.
 *
 * Ownership: what tsigmsg_sign gives is freed by LDNS_FREE and ldns_rdf_deep_free. ldns decodes
 * the secret into memory that it does not wipe: the process must not dump core. Threads: any.
 */
#ifndef DANEMILTER_DNS_TSIGMSG_H
#define DANEMILTER_DNS_TSIGMSG_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <ldns/ldns.h>

#include "base/err.h"
#include "dns/tsigkey.h"

#define TSIGMSG_FUDGE 300

enum outcome tsigmsg_sign(ldns_pkt *pkt, const struct tsigkey *key, uint8_t **wire, size_t *len,
                          ldns_rdf **mac, struct err *err);

enum tsigmsg_state {
    TSIGMSG_GOOD,   /* signed with our key, over our question, in time */
    TSIGMSG_ABSENT, /* no TSIG at all */
    TSIGMSG_ERROR,  /* the server could not check ours: `error`; unsigned unless BADTIME */
    TSIGMSG_FORGED, /* another key or algorithm, or a MAC that does not fit */
    TSIGMSG_STALE   /* MAC good, time more than the fudge away from ours */
};

struct tsigmsg_check {
    enum tsigmsg_state state;
    int error;    /* 16 BADSIG, 17 BADKEY, 18 BADTIME, 22 BADTRUNC */
    int64_t skew; /* s the server's clock is ahead; for BADTIME and STALE */
};

void tsigmsg_verify(ldns_pkt *pkt, const uint8_t *wire, size_t len, const struct tsigkey *key,
                    const ldns_rdf *mac, time_t now, struct tsigmsg_check *out);

#endif
