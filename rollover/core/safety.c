/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "core/phase.h"
#include "core/safety.h"
#include "core/safety_dns.h"
#include "core/safety_switch.h"

static const char *const texts[] = {
    [SAFETY_OK] = "nothing is against it",
    [SAFETY_NO_FROZEN] = "frozen",
    [SAFETY_NO_UNSEEN] = "a name server does not show a needed record",
    [SAFETY_NO_WAIT] = "caches may hold RRsets without a needed record",
    [SAFETY_NO_STALE_FACTS] = "the name servers were not asked, or did not all answer, just now",
    [SAFETY_NO_SIGNATURE] = "the zone is insecure, bogus, or its signatures are about to expire",
    [SAFETY_NO_COMBINATION] = "an RRset would hold a combination without a record for a chain",
    [SAFETY_NO_EXPIRED] = "under usage 2 the certificate is not valid now or lacks a name",
    [SAFETY_NO_KEY] = "the key is not on disk, or is refused, retired or compromised",
    [SAFETY_NO_NOT_DURABLE] = "a bundle or an intent is not yet on disk, or not resolved",
    [SAFETY_NO_SERVABLE] = "a chain that is served, or that a rollback would restore, relies on it",
    [SAFETY_NO_FOREIGN] = "the record was not made by us",
    [SAFETY_NO_UNATTESTED] = "not every address and algorithm is proven to serve the new chain",
    [SAFETY_NO_DRAIN] = "a server process from before the switch may live",
    [SAFETY_NO_WINDOW] = "the commit window is not over",
    [SAFETY_NO_SIZE] = "the RRset would hold more than 12 records",
    [SAFETY_NO_USAGE] = "usages 0 and 1 are not for SMTP",
    [SAFETY_NO_CACHED] = "caches may still hold the record",
    [SAFETY_NO_POSTFIX] = "Postfix is not running",
    [SAFETY_NO_RETIRED] = "there is nothing to go back to",
    [SAFETY_NO_NONSENSE] = "a bug: the action makes no sense",
};

const char *safety_text(enum safety_no no)
{
    size_t i = (size_t)no;

    return i < sizeof(texts) / sizeof(texts[0]) ? texts[i] : "unknown";
}

static bool no(const struct safety_question *q, enum safety_no reason)
{
    q->why->no = reason;
    q->why->left = PHASE_FOREVER;
    return false;
}

static bool has_key(const struct safety_question *q)
{
    return q->act->key >= 0 && q->act->key < MODEL_MAX_KEYS && q->f->keys[q->act->key].used;
}

static bool has_alg(const struct safety_question *q)
{
    return q->act->alg >= 0 && q->act->alg < MODEL_MAX_ALGS && q->f->algs[q->act->alg].used;
}

static bool issue_allowed(const struct safety_question *q)
{
    const struct model_key *k;

    if (!has_key(q))
        return no(q, SAFETY_NO_NONSENSE);
    k = &q->f->keys[q->act->key];
    return phase_key_usable(k) || no(q, SAFETY_NO_KEY);
}

/* The mark "no rollback any more". */
static bool commit_allowed(const struct safety_question *q)
{
    const struct model_alg *a;
    const struct model_chain *c;

    if (!has_alg(q))
        return no(q, SAFETY_NO_NONSENSE);
    a = &q->f->algs[q->act->alg];
    q->why->chain = a->current;
    if (a->pending != MODEL_NONE || a->pending_drop)
        return no(q, SAFETY_NO_NOT_DURABLE);
    if (a->current != MODEL_NONE) {
        c = &q->f->chains[a->current];
        if (c->attested == MODEL_NEVER || c->attested < c->installed || c->wrong_at != MODEL_NEVER)
            return no(q, SAFETY_NO_UNATTESTED);
        if (q->now.steady < phase_commit_at(q->f, q->p, q->act->alg)) {
            q->why->no = SAFETY_NO_WINDOW;
            q->why->left = phase_commit_at(q->f, q->p, q->act->alg) - q->now.steady;
            return false;
        }
    }
    return phase_drained(q->f, q->act->alg) || no(q, SAFETY_NO_DRAIN);
}

/* Back to this algorithm's old chain, with the others' current ones. An algorithm that was only
 * just enabled goes out again. */
static bool rollback_allowed(const struct safety_question *q)
{
    const struct model_alg *a;

    if (!has_alg(q))
        return no(q, SAFETY_NO_NONSENSE);
    a = &q->f->algs[q->act->alg];
    if (a->current == MODEL_NONE || q->f->chains[a->current].committed != MODEL_NEVER)
        return no(q, SAFETY_NO_RETIRED);
    for (int i = 0; i < MODEL_MAX_ALGS; i++) {
        int8_t expect = i == q->act->alg ? a->previous : q->f->algs[i].current;

        if (q->f->algs[i].used && q->act->chains[i] != expect)
            return no(q, SAFETY_NO_NONSENSE);
    }
    return safety_switch_allows(q->f, q->p, q->act->chains, true, q->now, q->why);
}

static bool judge(const struct safety_question *q)
{
    switch (q->act->verb) {
    case PLAN_PUBLISH:
        return safety_dns_publish(q);
    case PLAN_SWITCH:
        return q->f->adopted
                   ? safety_switch_allows(q->f, q->p, q->act->chains, false, q->now, q->why)
                   : no(q, SAFETY_NO_STALE_FACTS);
    case PLAN_ROLLBACK:
        return rollback_allowed(q);
    case PLAN_WITHDRAW:
        return safety_dns_withdraw(q);
    case PLAN_SHRED:
        return safety_dns_shred(q);
    case PLAN_COMMIT:
        return commit_allowed(q);
    case PLAN_ISSUE:
        return issue_allowed(q);
    case PLAN_MAKE_KEY:
        return has_alg(q) || no(q, SAFETY_NO_NONSENSE);
    case PLAN_WAIT:
    case PLAN_ADOPT:
    case PLAN_OBSERVE:
    case PLAN_ATTEST:
    case PLAN_FREEZE:
    case PLAN_THAW:
        return true;
    }
    return no(q, SAFETY_NO_NONSENSE);
}

bool safety_allows(const struct model_facts *f, const struct model_policy *p,
                   const struct plan_action *action, struct model_now now,
                   struct safety_verdict *why)
{
    struct safety_question q = {f, p, action, now, why};

    *why = (struct safety_verdict){SAFETY_OK, MODEL_NONE, MODEL_NONE, MODEL_NONE, MODEL_NONE, 0};
    if (!judge(&q))
        return false;
    why->no = SAFETY_OK;
    return true;
}
