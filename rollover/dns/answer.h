/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answer - what one server's reply to a question is worth
 *
 * Private to rollover/dns. A reply is RRSET or NODATA only when the server is authoritative and
 * the reply, by itself, validates under the zone's keys (replay.h); all else is a CONTRADICTION
 * with its reason (safety.md section 2, rows 23-28, 32-34), but for a reply that cannot be judged
 * at the moment: that counts as SILENT. Where `unsigned_ok`, a reply of a zone that is not signed
 * is taken as it is.
 *
 * Ownership: `records` begins as zeros and ends with rdataset_clear, also after errors;
 * out->rrset of answer_tlsa is malloc()ed, the caller frees it. Threads: any, see lookup.h.
 */
#ifndef DANEMILTER_DNS_ANSWER_H
#define DANEMILTER_DNS_ANSWER_H

#include <stdbool.h>
#include <time.h>

#include "base/err.h"
#include "dns/exchange.h"
#include "dns/rdataset.h"
#include "dns/replay.h"
#include "ports.h"

struct answer_context {
    const char *owner; /* after CNAMEs */
    const char *zone;
    const struct rrtype *type;
    bool unsigned_ok;
    enum port_zone_state state;
    const char *zone_why;           /* when state is not SECURE */
    const struct replay_keys *keys; /* when it is */
    int judge_ms;
    time_t now;
};

/* Sets kind, sig_until and why of `out`, and the records when it is an RRSET. OUT_BROKEN: memory,
 * sockets, libunbound. */
enum outcome answer_judge(const struct answer_context *context, const struct exchange_ask *ask,
                          struct port_answer *out, struct rdataset *records, struct err *err);

/* Fills out->rrset when the kind is RRSET, from records of rrtype_tlsa. */
enum outcome answer_tlsa(const struct rdataset *records, struct port_answer *out, struct err *err);

#endif
