/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * phase - every deadline by name, and the phase of a key derived from facts (safety.md section
 * 4; RFC 7583's words where they fit)
 *
 * Each deadline is one small function. A function that returns a time returns steady
 * milliseconds; MODEL_NEVER means "cannot be said yet"; a *_left() returns milliseconds still to
 * be lived through, 0 when done, or PHASE_FOREVER while something is missing.
 */
#ifndef DANEMILTER_CORE_PHASE_H
#define DANEMILTER_CORE_PHASE_H

#include "core/model.h"

#define PHASE_FOREVER INT64_MAX

enum phase {
    PHASE_HIDDEN,      /* made, or wanted; no publish intent */
    PHASE_RUMOURED,    /* intent durable; not every observable server shows it */
    PHASE_CONFIRMED,   /* every observable server shows it; the wait is not over */
    PHASE_OMNIPRESENT, /* the wait is over; no certificate for it yet */
    PHASE_STAGED,      /* a durable, valid certificate waits for the switch */
    PHASE_PROBATION,   /* in the file; not yet committed */
    PHASE_SERVING,     /* in the file, committed */
    PHASE_RETIRING,    /* out of the file; its records are on servers, or not all drained */
    PHASE_UNRETENTIVE, /* its records are gone from every server, caches may hold them */
    PHASE_DEAD         /* nothing can hold it any more: shred; or shredded */
};

const char *phase_name(enum phase phase);
enum phase phase_of_key(const struct model_facts *f, const struct model_policy *p, int key,
                        struct model_now now);

/* E: how long an RRset of this owner that is no longer served may live in caches. `late`: the
 * record was published for a switch that already wanted it (no standby, change of type). */
model_time phase_cache_life(const struct model_owner *o, const struct model_policy *p, bool late,
                            struct model_now now);
/* max(E, 2 x TTL) + delta, delta = poll + delta_sender + anycast_margin */
model_time phase_wait(const struct model_owner *o, const struct model_policy *p, bool late,
                      struct model_now now);

/* Is the address one that resolvers may ask and that we can see? */
bool phase_addr_counts(const struct model_addr *a, struct model_now now);

/* Good waiting still needed until record `rec` is in every cache of the owner; names the worst
 * address (index, or MODEL_NONE) through `worst` when it is not NULL. */
model_time phase_rec_left(const struct model_owner *o, const struct model_policy *p, int rec,
                          bool late, struct model_now now, int *worst);
/* The same until a removed record is in no cache. */
model_time phase_gone_left(const struct model_owner *o, const struct model_policy *p, int rec,
                           struct model_now now, int *worst);
bool phase_seen_everywhere(const struct model_owner *o, model_mask recs, struct model_now now,
                           int *missing_at);

model_time phase_commit_window(const struct model_chain *c, const struct model_policy *p);
model_time phase_commit_at(const struct model_facts *f, const struct model_policy *p, int alg);
bool phase_drained(const struct model_facts *f, int alg); /* nothing from before the switch */

#endif
