/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answer - what one server's reply to the TLSA question is worth
 *
 * Private to rollover/dns. A reply is RRSET or NODATA only when the server is authoritative and
 * the reply, by itself, validates under the zone's keys (replay.h); all else is a CONTRADICTION
 * with its reason (safety.md section 2, rows 23-28, 32-34), but for a reply that cannot be judged
 * at the moment: that counts as SILENT.
 *
 * Ownership: out->rrset is malloc()ed, the caller frees it. Threads: any, see lookup.h.
 */
#ifndef DANEMILTER_DNS_ANSWER_H
#define DANEMILTER_DNS_ANSWER_H

#include <time.h>

#include "base/err.h"
#include "dns/exchange.h"
#include "dns/replay.h"
#include "ports.h"

struct answer_context {
    const char *owner; /* after CNAMEs */
    const char *zone;
    enum port_zone_state state;
    const char *zone_why;           /* when state is not SECURE */
    const struct replay_keys *keys; /* when it is */
    int judge_ms;
    time_t now;
};

/* Sets kind, rrset, sig_until and why of `out`. OUT_BROKEN: memory, sockets, libunbound. */
enum outcome answer_judge(const struct answer_context *context, const struct exchange_ask *ask,
                          struct port_answer *out, struct err *err);

#endif
