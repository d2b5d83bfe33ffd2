/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan - what to do next: a value, computed from facts, policy and one now
 *
 * The engine executes one action, records what came of it, and asks again. When there is
 * nothing to do, the verb is PLAN_WAIT and `wake` says when to ask again at the latest. The
 * planner may be wrong about progress, never about safety: safety_allows() is asked as well.
 */
#ifndef DANEMILTER_CORE_PLAN_H
#define DANEMILTER_CORE_PLAN_H

#include "core/model.h"

enum plan_verb {
    PLAN_WAIT,
    PLAN_ADOPT,    /* read the chain file: enter the served keys and chains */
    PLAN_OBSERVE,  /* owner: one round of questions */
    PLAN_MAKE_KEY, /* alg */
    PLAN_PUBLISH,  /* owner, mask: records to add (or to put back) */
    PLAN_ISSUE,    /* key: obtain a certificate for it */
    PLAN_SWITCH,   /* chains[]: intent, install the chain file, reload */
    PLAN_ATTEST,   /* prove the chains in the file at every target; also look for drains */
    PLAN_COMMIT,   /* alg: the mark "no rollback any more" */
    PLAN_ROLLBACK, /* alg: rebuild the file with its previous chain; chains[] as in SWITCH */
    PLAN_WITHDRAW, /* owner, mask: our own records to delete */
    PLAN_SHRED,    /* key */
    PLAN_FREEZE,   /* causes */
    PLAN_THAW      /* causes */
};

/* Why this, or what is waited for: one of these, with indexes. The shell makes the sentence. */
enum plan_reason {
    PLAN_R_IDLE,         /* nothing is due; next event at `wake` */
    PLAN_R_NEW,          /* first sight of this certificate */
    PLAN_R_POLL,         /* servers are to be asked again */
    PLAN_R_NEED_STANDBY, /* a standby key is missing */
    PLAN_R_FIRST,        /* first publication */
    PLAN_R_RENEW_DUE,    /* by validity or by renew_every */
    PLAN_R_ASKED,        /* the operator asked */
    PLAN_R_SAME_KEY,     /* renewal with the current key: nothing to wait for */
    PLAN_R_DEADLINE,     /* key rollover not ready in time: renew with the current key */
    PLAN_R_UNSEEN,       /* owner/addr does not show rec */
    PLAN_R_WAITING,      /* caches: until `wake` */
    PLAN_R_READY,        /* all is confirmed: switch */
    PLAN_R_PROOF,        /* the proof is due */
    PLAN_R_WINDOW,       /* commit window until `wake` */
    PLAN_R_DRAIN,        /* an old process lives */
    PLAN_R_RETIRED,      /* records of a retired key are to go */
    PLAN_R_UNCACHED,     /* removed everywhere and from caches: shred */
    PLAN_R_WRONG,        /* reached and wrong: back */
    PLAN_R_VANISHED,     /* a record of ours is gone: put it back */
    PLAN_R_DELETED,      /* the RRset is gone, or a record for the third time */
    PLAN_R_SERVED_GONE,  /* served record gone, standby in every cache: switch to it */
    PLAN_R_COMPROMISED,
    PLAN_R_ORDERING, /* the issuer is at work */
    PLAN_R_FROZEN,   /* causes */
    PLAN_R_BLOCKED   /* safety said no: `no` */
};

struct plan_action {
    enum plan_verb verb;
    enum plan_reason reason;
    int alg, key, chain, owner, addr, rec; /* MODEL_NONE where it says nothing */
    model_mask mask;
    int8_t chains[MODEL_MAX_ALGS];
    uint32_t causes;
    int no;          /* PLAN_R_BLOCKED: enum safety_no */
    model_time wake; /* steady: ask again by then */
};

void plan_next(const struct model_facts *f, const struct model_policy *p, struct model_now now,
               struct plan_action *out);

/* What would happen if nobody did anything, for `status`: the same planner, waits included:
 * the action that the wait is for, why it is not done yet, and `wake`: until when (steady, or
 * NEVER: time alone does not help). With nothing to wait for: the next renewal. */
void plan_outlook(const struct model_facts *f, const struct model_policy *p, struct model_now now,
                  struct plan_action *out);

const char *plan_verb_name(enum plan_verb verb);
const char *plan_reason_text(enum plan_reason reason);

#endif
