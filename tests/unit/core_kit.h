/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core_kit - what the tests of the core share: facts built in one line, simulated time, and a
 * small obedient world that executes plans
 *
 * Times are written with MIN, HOUR and DAY. Records, keys and chains come from K.r(), ...: see
 * the functions. Everything here may assert.
 */
#ifndef DANEMILTER_TESTS_CORE_KIT_H
#define DANEMILTER_TESTS_CORE_KIT_H

#include "core/facts.h"
#include "core/phase.h"
#include "core/plan.h"
#include "core/renew.h"
#include "core/safety.h"

#define SEC INT64_C(1000)
#define MIN (60 * SEC)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)
#define WALL0 (INT64_C(20000) * DAY) /* wall = steady + WALL0 unless a test moves it */

#define C311 ((struct model_combo){3, 1, 1})
#define C312 ((struct model_combo){3, 1, 2})
#define C301 ((struct model_combo){3, 0, 1})
#define C211 ((struct model_combo){2, 1, 1})
#define C212 ((struct model_combo){2, 1, 2})
#define C111 ((struct model_combo){1, 1, 1})

enum kit_said { KIT_SERVES, KIT_SILENT, KIT_CONTRADICTS, KIT_NODATA, KIT_NOROUTE };

/* One authoritative server. */
struct kit_server {
    uint8_t ip;  /* last octet */
    bool in_set; /* in the NS set */
    bool lags;   /* does not follow the primary */
    enum kit_said says;
    model_mask holds; /* what it serves */
    uint32_t ttl;
};

/* An RRset that some server gave, and when for the last time: what caches may hold. */
struct kit_cached {
    model_mask recs;
    uint32_t ttl;
    model_time last; /* MODEL_NEVER: unused */
};

struct kit_zone {
    struct kit_cached cached[12];
    struct kit_server servers[4];
    int n_servers;
    model_mask primary; /* the RRset where changes are made */
    uint32_t ttl, cname_ttl;
    uint64_t cname;   /* MODEL_CNAME_UNTOLD: nobody says */
    bool lying;       /* the API says 200 and does nothing */
    model_time takes; /* a round of questions */
};

/* What the kit counts, for the tests that look at how, not only where. */
struct kit_counts {
    int observe, publish, withdraw, issue, make_key, switched, rollback, attest, commit, shred;
    int freeze, thaw, adopt;
};

struct kit {
    struct model_facts f;
    struct model_policy p;
    struct model_now now;
    struct kit_zone zones[MODEL_MAX_OWNERS];
    model_time validity; /* of certificates that the kit issues */
    bool drains;         /* old processes end at once */
    bool reached, wrong; /* what the proof finds */
    bool wrong_next;     /* the proof of the next switch goes wrong */
    bool human;          /* somebody else breaks the rule: it is not asserted */
    bool hold_issue;     /* the CA does not answer: the engine backs off for an hour */
    bool held;           /* the CA's certificates are from an unpublished issuer */
    model_mask issuer;   /* usage 2: records that its certificates are matched by */
    struct kit_counts n;
    struct plan_action last; /* the last action that was done */
    int next_id;
    int a, b;         /* kit_ready: chains in the file and staged */
    int rec_a, rec_b; /* their records */
};

/* A world with one wanted algorithm and one owner on two servers, policy standby 3 1 1, nothing
 * adopted yet. */
void kit_init(struct kit *k);
int kit_rec(struct kit *k, struct model_combo combo, bool ours);
/* A key with one record for each of the policy's combinations of selector 1. */
int kit_key(struct kit *k, int alg);
/* A chain for the key, valid from now on, matched by the key's records. */
int kit_chain(struct kit *k, int key);
/* Key, chain, adopted, in the file, attested and committed: returns the chain. */
int kit_serving(struct kit *k, int alg);
void kit_pass(struct kit *k, model_time ms);
/* One round of questions to the servers of a zone, taking no time. */
void kit_observe(struct kit *k, int owner);
/* The records are in the RRset: intent, primary and every server that does not lag. */
void kit_publish(struct kit *k, int owner, model_mask recs);
/* Secondaries that do not lag take the primary's RRset. */
void kit_follow(struct kit_zone *z);
/* A round each `step` until `span` has passed. */
void kit_watch(struct kit *k, int owner, model_time span, model_time step);

/* A served under 3 1 1, B published and staged; both in every cache; observed this moment. */
void kit_ready(struct kit *k);
/* The chain is in the file, in place of the one of its algorithm. */
void kit_install(struct kit *k, int chain);
int kit_lowest(model_mask m);

/* Asks the planner, asserts that safety agrees, executes. True unless the planner waits. */
bool kit_step(struct kit *k);
/* Steps until time is up; sleeps when the planner waits. Asserts that it never spins. */
void kit_run(struct kit *k, model_time span);
/* Steps until an action with this verb was done; false when `span` goes by without. */
bool kit_until(struct kit *k, enum plan_verb verb, model_time span);

struct plan_action kit_action(const struct kit *k, enum plan_verb verb);
struct plan_action kit_switch_to(const struct kit *k, int chain);
enum safety_no kit_judge(const struct kit *k, const struct plan_action *act);

/* The rule itself: every chain that a process serves, against every RRset that a server gave within
 * its TTL, in each combination in which the RRset has a record of ours. */
void kit_assert_rule(const struct kit *k);

#endif
