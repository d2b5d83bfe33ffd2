/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep - one question to every address of the servers of the zone that an owner leads to
 *
 * Private to rollover/dns: what the observation of TLSA records (observe.h, whose contract says
 * how a round goes) and of challenges (challenge.h) have in common. When nobody can say at the
 * moment where an owner leads, the servers it led to are asked all the same, and nothing they say
 * counts.
 *
 * Ownership: sweep_close; records begin as zeros, the caller clears each, also after errors.
 * Threads: as observe.h.
 */
#ifndef DANEMILTER_DNS_SWEEP_H
#define DANEMILTER_DNS_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dns/observe.h"
#include "dns/rdataset.h"
#include "ports.h"

struct sweep;

struct sweep_question {
    const char *owner;
    const struct rrtype *type;
    bool unsigned_ok;                /* answers of an unsigned zone are taken as they are */
    const uint8_t (*remembered)[16]; /* addresses that are asked too */
    size_t n_remembered;
};

enum outcome sweep_open(const struct observe_config *config, struct sweep **out, struct err *err);
void sweep_close(struct sweep **sweep);

/* records[i] belongs to out->answers[i], whose rrset stays NULL. Outcomes as a round's (ports.h).
 */
enum outcome sweep_run(struct sweep *sweep, const struct sweep_question *question,
                       struct port_round *out, struct rdataset records[PORT_ADDRS_MAX],
                       struct err *err);

/* What one round may take. */
int sweep_ms(const struct sweep *sweep);

struct resolve *sweep_resolve(struct sweep *sweep);

#endif
