/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * safety - THE rule (safety.md section 1), asked before every action whatever the planner said
 *
 * At every moment, for every chain that any server process could serve and every TLSA RRset
 * that a validating sender may hold in a cache: for each combination in that RRset which the
 * served chain matched before we touched anything, at least one record of that combination
 * matches the chain (RFC 7671 sections 8 and 9).
 *
 * Independent of the planner: it shares with it the types and the deadlines, not the decisions.
 */
#ifndef DANEMILTER_CORE_SAFETY_H
#define DANEMILTER_CORE_SAFETY_H

#include "core/model.h"
#include "core/plan.h"

/* Why not. `owner`, `addr`, `rec`, `chain` are indexes or MODEL_NONE; `until` steady or NEVER. */
enum safety_no {
    SAFETY_OK,
    SAFETY_NO_FROZEN,
    SAFETY_NO_UNSEEN,      /* a server does not show a needed record */
    SAFETY_NO_WAIT,        /* caches may hold RRsets without it */
    SAFETY_NO_STALE_FACTS, /* not observed just now */
    SAFETY_NO_SIGNATURE,   /* zone insecure, bogus or its signatures near their end */
    SAFETY_NO_COMBINATION, /* a combination in the RRset would match no record of the chain */
    SAFETY_NO_EXPIRED,     /* certificate not valid now, or names missing, under usage 2 */
    SAFETY_NO_KEY,         /* key not on disk, or refused, compromised, rejected */
    SAFETY_NO_NOT_DURABLE, /* bundle or intent not durable */
    SAFETY_NO_SERVABLE,    /* a record that a servable or restorable chain relies on */
    SAFETY_NO_FOREIGN,     /* a record that we did not make */
    SAFETY_NO_UNATTESTED,  /* targets not proven to serve what the record is for */
    SAFETY_NO_DRAIN,       /* a process from before the switch may live */
    SAFETY_NO_WINDOW,      /* commit window not over */
    SAFETY_NO_SIZE,        /* more than MODEL_RRSET_MAX records */
    SAFETY_NO_USAGE,       /* usage 0 or 1 */
    SAFETY_NO_CACHED,      /* a removed record may still be in caches */
    SAFETY_NO_POSTFIX,     /* Postfix is not running */
    SAFETY_NO_RETIRED,     /* rollback asked for after the mark, or nothing to restore */
    SAFETY_NO_NONSENSE     /* indexes out of range: a bug of ours */
};

struct safety_verdict {
    enum safety_no no;
    int owner, addr, rec, chain;
    model_time left; /* ms still to wait; PHASE_FOREVER when time alone does not help */
};

/* True when the action may be done now. `why` is always filled. */
bool safety_allows(const struct model_facts *f, const struct model_policy *p,
                   const struct plan_action *action, struct model_now now,
                   struct safety_verdict *why);

/* A change judged by the RRset that it really makes: what the primary holds `before` it and
 * `after` it, every record entered in facts. In each combination that stays or comes, every chain
 * that a process may serve or a rollback would restore finds a record, unless it found none there
 * before; and there are at most MODEL_RRSET_MAX. The servers may show something else still: that
 * is what safety_allows() judges. Compare-and-swap makes `before` certain. */
bool safety_rrset_serves(const struct model_facts *f, model_mask before, model_mask after,
                         struct model_now now, struct safety_verdict *why);

const char *safety_text(enum safety_no no);

#endif
