/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * facts - how each event changes the facts
 *
 * One function an event; each is total, pure (facts in, facts out) and never fails but for a
 * full table, which it reports with MODEL_NONE or false and leaves the facts as they were.
 * Nothing here decides anything.
 */
#ifndef DANEMILTER_CORE_FACTS_H
#define DANEMILTER_CORE_FACTS_H

#include "core/model.h"

void facts_init(struct model_facts *f);

/* Tables. Adding what is there already returns its index. */
int facts_alg(struct model_facts *f, uint8_t type, bool wanted);
int facts_owner(struct model_facts *f, int index);
int facts_rec(struct model_facts *f, struct model_combo combo, const uint8_t id[MODEL_ID_LEN]);
int facts_find_rec(const struct model_facts *f, const uint8_t id[MODEL_ID_LEN]);
int facts_addr(struct model_owner *o, const uint8_t ip[16]);

/* Forgets records, chains, keys and addresses that nothing refers to and no cache can hold. */
void facts_sweep(struct model_facts *f, const struct model_policy *p, struct model_now now);

/* A reboot or an unknown gap: waits start again. */
void facts_new_epoch(struct model_facts *f);

/* Keys and chains. `recs`: see model_key. Returns the index. */
int facts_key_made(struct model_facts *f, int alg, const uint8_t spki[MODEL_ID_LEN],
                   model_mask recs, bool adopted, struct model_now now);
int facts_chain_obtained(struct model_facts *f, const struct model_chain *chain,
                         struct model_now now);

/* One round of questions to the servers of one owner: every address in an NS set, and every
 * remembered one until its asked_until. A round that failed altogether has no answers. Unknown
 * records are entered with facts_rec() first and chain.matches brought up to date; then, the
 * first time (owner.based is false), facts_baseline() follows. */
struct facts_answer {
    uint8_t ip[16];
    enum model_answer_kind kind;
    model_mask present;   /* of facts.recs; RRSET only. Unknown records are entered first */
    uint32_t ttl;         /* max(TTL, RRSIG original TTL) */
    model_time sig_until; /* wall */
    model_time ns_ttl;    /* > 0: in an NS set now, whose TTL is this (ms). 0: only remembered */
};
struct facts_round {
    model_time begin, end; /* steady */
    uint32_t cname_ttl;
    uint64_t cname; /* as in struct model_owner; UNTOLD changes nothing */
    struct facts_answer answers[MODEL_MAX_ADDRS];
    uint8_t n_answers;
};
void facts_observed(struct model_facts *f, int owner, const struct facts_round *round,
                    const struct model_policy *p, struct model_now now);

/* The owner's CNAMEs lead nowhere (a loop): row 33. */
void facts_cname_lost(struct model_facts *f, int owner, struct model_now now);

/* Combinations of the first RRset that the served chains do not match: reported, never block. */
void facts_baseline(struct model_facts *f, int owner);

/* Durable intents, recorded before the action. */
/* Putting back what had vanished (want, shown, absent now everywhere) counts in readds. */
void facts_publish_intent(struct model_facts *f, int owner, model_mask add, struct model_now now);
void facts_withdraw_intent(struct model_facts *f, int owner, model_mask drop);
/* chains[a]: chain to be in the file for algorithm a; the present one where nothing changes;
 * MODEL_NONE takes the algorithm out. */
void facts_switch_intent(struct model_facts *f, const int8_t chains[MODEL_MAX_ALGS]);

/* The rename was done (or, after a crash, the file was read): for each algorithm the chain that
 * is in the file. Ends the intent, in either direction. A chain that leaves gets `left`, and
 * becomes `previous` if it could be restored. `rollback` true: the chain that leaves is rejected.
 */
void facts_file_holds(struct model_facts *f, const int8_t chains[MODEL_MAX_ALGS], bool rollback,
                      struct model_now now);

void facts_attested(struct model_facts *f, int chain, struct model_now now);
/* A proof was tried, whatever came of it (facts_attested() implies it). */
void facts_attest_tried(struct model_facts *f, struct model_now now);
/* Reached and wrong, at a target that was attested just before the switch. */
void facts_wrong(struct model_facts *f, int chain, struct model_now now);
void facts_drained(struct model_facts *f, int chain, struct model_now now);
/* The mark "no rollback any more": previous = NONE; keys without a servable chain retire. */
void facts_committed(struct model_facts *f, int alg, struct model_now now);
void facts_shredded(struct model_facts *f, int key);

/* The operator: roll the keys of every algorithm, of one; a key is compromised (MODEL_NONE: the
 * host is, every key made so far). */
void facts_roll(struct model_facts *f);
void facts_roll_alg(struct model_facts *f, int alg);
/* Another certificate for the key in the file; done once another chain is in the file. */
void facts_renew(struct model_facts *f, int alg);
/* Back to `previous`; over once the file or the way back has changed. A rollover that was asked
 * for is not asked for again. */
void facts_rollback(struct model_facts *f, int alg);
void facts_compromised(struct model_facts *f, int key, struct model_now now);

void facts_freeze(struct model_facts *f, uint32_t causes);
void facts_thaw(struct model_facts *f, uint32_t causes); /* never the sticky ones */
/* The operator: sticky ones too. MODEL_F_DELETED: publish again what was deleted. */
void facts_resume(struct model_facts *f, uint32_t causes);

#endif
