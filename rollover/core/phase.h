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

bool phase_same_combo(struct model_combo a, struct model_combo b);

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

/* Is the address one that resolvers may ask and that we can see? In an NS set, or not yet
 * forgotten by those who cached one; not skipped. */
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

/* Must `rec` wait for the floor: strategy without standby, or its combination was new here? */
bool phase_late(const struct model_owner *o, const struct model_policy *p, int rec);
/* phase_rec_left() with the right `late`. */
model_time phase_usable_left(const struct model_owner *o, const struct model_policy *p, int rec,
                             struct model_now now, int *worst);

/* Records that every observable address that counts shows now; that any of them shows. */
model_mask phase_shown(const struct model_owner *o, const struct model_policy *p,
                       struct model_now now);
model_mask phase_shown_somewhere(const struct model_owner *o, struct model_now now);
/* May a cache hold an RRset of this owner with this record, with this combination? */
bool phase_rec_cached(const struct model_owner *o, const struct model_policy *p, int rec,
                      struct model_now now);
bool phase_combo_cached(const struct model_facts *f, const struct model_owner *o,
                        const struct model_policy *p, struct model_combo combo,
                        struct model_now now);
/* "Observed once more": the owner's last round ended within policy.fresh (and, with several
 * owners, the time one pass over all of them takes) and every address that counts answered. */
bool phase_fresh(const struct model_facts *f, const struct model_policy *p, int owner,
                 struct model_now now, int *silent);
/* Does a signature end so soon that caches may go without? */
bool phase_signature_near(const struct model_owner *o, const struct model_policy *p,
                          struct model_now now, int *addr);

/* Is the chain matched by the record at this moment? Usage 2: expiry and names included. */
bool phase_matches(const struct model_facts *f, const struct model_chain *c, int rec,
                   struct model_now now);
/* Records to be published for a chain: ours, of the policy's combinations, matched by it. */
model_mask phase_chain_recs(const struct model_facts *f, const struct model_policy *p, int chain);
/* The set (bits) of chains that a process may serve or a rollback would restore. */
uint32_t phase_servable(const struct model_facts *f);
bool phase_key_usable(const struct model_key *k); /* on disk; not lost, refused or retired */

/* The most records of ours that an RRset will hold at a time, for so many algorithms: to be held
 * against MODEL_RRSET_MAX when configured. */
int phase_rrset_peak(const struct model_policy *p, int algs);

model_time phase_commit_window(const struct model_chain *c, const struct model_policy *p);
model_time phase_commit_at(const struct model_facts *f, const struct model_policy *p, int alg);
bool phase_drained(const struct model_facts *f, int alg); /* nothing from before the switch */

#endif
