/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * challenge - port_challenge_ops: TXT records for ACME's dns-01, put, seen everywhere, dropped
 *
 * The owner's CNAMEs are followed (RFC 8555 section 8.4 and common practice: _acme-challenge may
 * lead into another zone); the change is made by the provider whose zone holds the final name (the
 * longest that does). "Seen" means: the value is among the TXT records that every observable
 * address of every server in the parent's and the child's NS set answers, asked directly, over UDP
 * and, when truncated or silent, TCP. In a signed zone the answers must validate; an unsigned zone
 * is fine (nothing but the CA looks there); a bogus one is refused.
 * An address without a local route is skipped; err then names one although the outcome is OUT_OK,
 * for the log. drop follows the CNAMEs of the moment: a record whose CNAME was turned elsewhere
 * meanwhile stays, which harms nobody.
 *
 * Ownership: challenge_open/challenge_close; providers outlive it. Threads: one at a time per
 * object (it has a resolver of its own; the first observe_open of the process comes first, see
 * observe.h). Providers' objects are used by the engine's thread as well, so each provider
 * (provider.h) takes a lock of its own around each of its calls.
 */
#ifndef DANEMILTER_DNS_CHALLENGE_H
#define DANEMILTER_DNS_CHALLENGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dns/observe.h"
#include "ports.h"

struct challenge;

struct challenge_provider {
    const char *zone; /* lower case, final dot */
    const struct port_dns_ops *ops;
    void *self;
};

struct challenge_config {
    struct observe_config observe;
    const struct challenge_provider *providers; /* copied */
    size_t n_providers;
    uint32_t ttl; /* of the TXT records; 0: 60 s */
};

enum outcome challenge_open(const struct challenge_config *config, struct challenge **out,
                            struct err *err);
void challenge_close(struct challenge **challenge);

extern const struct port_challenge_ops challenge_ops; /* self: struct challenge * */

struct rdataset;

/* What a round of TXT answers says about a value; apart for tests. */
enum outcome challenge_judge(const struct port_round *round, const struct rdataset *records,
                             const char *owner, const char *value, struct err *err);

#endif
