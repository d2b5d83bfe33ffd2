/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * small - the small world that the explorer visits whole
 *
 * One certificate, one key algorithm, one owner, records 3 1 1 only; keys are numbered 0, 1, 2
 * and so are their records. Key 0 is served and published when the engine arrives, and its
 * certificate is due for renewal. README.md says what else is in the world and what is not.
 *
 * Time. Everything happens at ticks; `now` is always SMALL_NOW, and ages grow instead. Caches
 * are no part of this state: nothing the engine sees depends on them (product.h adds them).
 *
 * A state is kept as SMALL_CODE octets at most: small_write() makes the canonical encoding, in
 * which two states that behave alike are the same octets, small_read() the state again.
 * Ownership: values. Threads: one.
 */
#ifndef DANEMILTER_TESTS_SMALL_H
#define DANEMILTER_TESTS_SMALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"
#include "core/plan.h"

#define SMALL_TICK INT64_C(1000)
#define SMALL_NOW (INT64_C(1000000) * SMALL_TICK)
#define SMALL_FAR (INT64_C(100000) * SMALL_TICK) /* beyond everything: NS TTL, signatures */
#define SMALL_KEYS 3
#define SMALL_CERTS 6
#define SMALL_SERVERS 2
#define SMALL_PROCS 2
#define SMALL_CODE 320

/* Mistakes that the explorer must find: what the core is told, or what is made of its answer,
 * goes wrong as named. */
enum small_bug {
    BUG_NONE,
    BUG_WAIT_ONE_SHORT,
    BUG_ONE_SERVER_ONLY,
    BUG_NO_DRAIN,
    BUG_TIMER_OVER_FLAP,
    BUG_FLAP_END_ONLY,
    BUG_TIMER_FROM_API_CALL,
    BUG_LAGGING_SECONDARY,
    BUG_REPLACE_INSTEAD_OF_ADD,
    BUG_ROLLBACK_AFTER_WITHDRAWAL,
    BUG_TIMER_LOST_IN_CRASH,
    BUG_WITHDRAW_AT_SWITCH,
    BUG_SHRED_EARLY,
    BUG_FORGET_TOO_MUCH, /* of the explorer itself: for --check-tidy */
    SMALL_BUGS
};

/* The size of the world, and its laws. */
struct small_world {
    struct model_policy policy;
    enum small_bug bug;
    uint32_t ttl;  /* s; one tick is a second */
    int held;      /* E: ticks for which a sender may use what a cache fetched */
    int flaps;     /* how often a server may go back to what it showed before */
    int wrongs;    /* how often a proof may find the wrong chain */
    int commands;  /* how often the operator may ask for a rollback, at any moment */
    int lies;      /* how often the API says done and has not (SMALL_MANY: always) */
    int crashes;   /* SMALL_MANY: at any moment */
    int wait, gap; /* W and G of this policy, in ticks */
    bool reboots;
    bool silence; /* servers may be silent */
};
#define SMALL_MANY 255

struct small {
    struct model_facts facts; /* durable: the engine has no other memory between its steps */
    int8_t cert_of[MODEL_MAX_CHAINS]; /* chain -> certificate, durable too */
    /* things */
    uint8_t n_keys, n_certs;
    uint8_t on_disk; /* set of keys */
    uint8_t cert_key[SMALL_CERTS];
    /* the engine */
    bool up;
    bool rebooted; /* while down: the clock it knows stands still */
    uint8_t pc;    /* 0: plans; 1: its intent is durable; 2: it has acted */
    uint8_t verb;  /* pc > 0: enum plan_verb */
    uint8_t recs;  /* pc > 0: set of keys whose records are to come or go */
    int8_t chain;  /* pc > 0: to be in the file; of SHRED: the key */
    /* DNS */
    uint8_t primary;
    uint8_t shows[SMALL_SERVERS];
    uint8_t before[SMALL_SERVERS]; /* what it showed before its last change */
    uint8_t truth[SMALL_SERVERS];  /* while it flaps: what it will show again */
    uint8_t flaps, unseen;         /* sets of servers; unseen: not yet noticed by the engine */
    uint8_t late_add, late_del;    /* what the API said was done, and may yet do */
    uint8_t since[SMALL_SERVERS][SMALL_KEYS]; /* BUG_FLAP_END_ONLY: ages that should be lost */
    /* Postfix */
    int8_t file; /* certificate in the chain file */
    int8_t procs[SMALL_PROCS];
    /* left to go wrong */
    uint8_t flaps_left, wrongs_left, lies_left, crashes_left, commands_left;
};

enum small_label {
    SMALL_ENGINE, /* one step of the engine; all that it deals with is honest */
    SMALL_ENGINE_FLAP_0,
    SMALL_ENGINE_FLAP_1, /* it asks the servers, and finds one gone back */
    SMALL_ENGINE_SILENT_0,
    SMALL_ENGINE_SILENT_1,
    SMALL_ENGINE_LIE,       /* the API says done; nothing is, or later */
    SMALL_ENGINE_WRONG,     /* the proof finds the wrong chain */
    SMALL_ENGINE_UNREACHED, /* the proof reaches nothing */
    SMALL_CRASH,
    SMALL_REBOOT,
    SMALL_RESTART,
    SMALL_SYNC_0,
    SMALL_SYNC_1,
    SMALL_LATE, /* the API does what it said */
    SMALL_UNFLAP_0,
    SMALL_UNFLAP_1,
    SMALL_PROC_0,
    SMALL_PROC_1, /* a process ends; the next one loads the file */
    SMALL_ROLLBACK_ASKED,
    SMALL_TICK_PASSES,
    SMALL_LABELS
};

void small_world_default(struct small_world *w);
void small_init(const struct small_world *w, struct small *s);

/* What the engine would do in this state: PLAN_WAIT also when safety refuses (`refused`). */
void small_plan(const struct small_world *w, const struct small *s, struct plan_action *a,
                bool *refused);
/* False: the transition is not possible here. `a` is of small_plan(). */
bool small_apply(const struct small_world *w, const struct small *s, enum small_label label,
                 const struct plan_action *a, struct small *out);
/* The transition of a world that behaves well: it is always one that is possible. */
enum small_label small_well_behaved(const struct small_world *w, const struct small *s,
                                    const struct plan_action *a);
bool small_done(const struct small_world *w, const struct small *s, const struct plan_action *a);

/* Octets written; `out` has SMALL_CODE. */
size_t small_write(const struct small_world *w, const struct small *s, uint8_t out[SMALL_CODE]);
void small_read(const uint8_t *code, size_t n, struct small *s);
/* All that the engine remembers is one tick longer ago. */
void small_grow_older(struct small *s);
/* Makes states that behave alike the same; small_tidy.c says why they do. */
void small_tidy(const struct small_world *w, struct small *s);

/* What product.h has to know of a state. */
struct small_view {
    uint8_t shows[SMALL_SERVERS];
    uint8_t served;   /* set of keys that a process serves or the file holds */
    uint8_t shredded; /* set of keys that are no more */
};
void small_look(const struct small *s, struct small_view *out);

const char *small_label_name(enum small_label label);
const char *small_bug_name(enum small_bug bug);
bool small_bug_named(const char *name, enum small_bug *out);

#endif
