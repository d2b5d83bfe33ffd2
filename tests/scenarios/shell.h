/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shell - the engine of a scenario: observe, plan, ask safety, act, record
 *
 * It does what rollover/engine.c does, in the same order, against a simulated world: the
 * planner's action is asked of safety_allows() first, intents are durable before the act, and
 * what came of it is recorded afterwards. `disk` is what survives a crash. Between these steps
 * are named points at which it can be made to die.
 * Times: true time in the world; the engine's `steady` is kept as the real one keeps it, from
 * the boot clock and the boot id.
 */
#ifndef DANEMILTER_TESTS_SHELL_H
#define DANEMILTER_TESTS_SHELL_H

#include "core/model.h"
#include "core/plan.h"
#include "core/safety.h"
#include "sim.h"

enum shell_point {
    SHELL_BEFORE_INTENT,
    SHELL_AFTER_INTENT,
    SHELL_AFTER_RENAME, /* of a switch: renamed, not reloaded */
    SHELL_AFTER_ACT,    /* done, not recorded */
    SHELL_AFTER_RECORD,
    SHELL_POINTS
};

struct shell_state {
    bool exists;
    struct model_facts facts;
    model_time steady, boot; /* at the same moment */
    int boot_id;
    int cert_of[MODEL_MAX_CHAINS];     /* the world's certificate of a chain */
    int64_t left_at[MODEL_MAX_CHAINS]; /* true time at which it left the file */
    int64_t order_due[MODEL_MAX_KEYS]; /* true time at which an order ends; of this process */
};

struct shell {
    struct sim *s;
    struct model_policy policy;
    bool verbose;
    bool unsafe; /* self-tests: does not ask safety */
    bool up;
    struct shell_state mem, disk, kept;
    int64_t wake;             /* true time to ask the planner again */
    int64_t downtime;         /* how long a crash that nobody asked for keeps it down */
    int64_t comes_back;       /* when up again by itself, or SIM_NEVER */
    int crash_at;             /* enum shell_point, or -1 */
    int crash_verb;           /* enum plan_verb that must be under way, or -1 for any */
    long crash_countdown;     /* dies at this point from now on; 0 = never */
    long points;              /* passed so far */
    int observed;             /* rounds since the last other action */
    int done[PLAN_THAW + 1];  /* actions carried out, by verb */
    struct plan_action last;  /* last one that was not WAIT */
    struct safety_verdict no; /* of the last refused action */
    enum plan_verb refused;   /* its verb; PLAN_WAIT: none was refused at the last plan */
    int steps;                /* without a rest */
};

void shell_init(struct shell *e, struct sim *s);
void shell_start(struct shell *e); /* the process begins: loads `disk`, reads the file */
void shell_crash(struct shell *e, const char *where);
struct model_now shell_now(const struct shell *e);

/* Plans and acts once; false when there is nothing to do before `wake`. */
bool shell_step(struct shell *e);
/* One step, or a rest until something may happen, `limit` at the latest. False: `limit` is
 * reached. */
bool shell_tick(struct shell *e, int64_t limit);

/* True when the shell died at this point. */
bool shell_point(struct shell *e, enum shell_point point, const struct plan_action *a);
const char *shell_point_name(enum shell_point point);
void shell_save(struct shell *e);

/* Between facts and world. */
int shell_fact_rec(struct shell *e, int world_rec); /* enters it */
int shell_world_rec(const struct shell *e, int rec);
sim_mask shell_world_mask(const struct shell *e, model_mask recs);
void shell_refresh_matches(struct shell *e);
int shell_fact_key(const struct shell *e, int world_key);
int shell_fact_chain(const struct shell *e, int cert);
const struct model_facts *shell_facts(const struct shell *e); /* of the living, or on disk */
void shell_server_ip(int server, uint8_t ip[16]);
int shell_server_of_ip(const uint8_t ip[16]);

/* A certificate of the world as a chain of the facts; makes its key and records known too. */
int shell_enter_cert(struct shell *e, int cert, bool adopted);
/* The records of the policy's combinations for a key (cert -1), or for a certificate. */
model_mask shell_enter_recs(struct shell *e, int key, int cert);

/* One action, safety having said yes (shell_act.c, shell_dns.c, shell_file.c). */
void shell_act(struct shell *e, const struct plan_action *a);
bool shell_take_order(struct shell *e); /* one that has ended: true */
int64_t shell_next_order(const struct shell *e);
void shell_observe(struct shell *e, int owner);
void shell_change_dns(struct shell *e, const struct plan_action *a);
void shell_adopt(struct shell *e, const struct plan_action *a);
void shell_switch(struct shell *e, const struct plan_action *a);
void shell_attest(struct shell *e, const struct plan_action *a);
/* After a start: what the file holds. False: nobody can be told to load it, yet. */
bool shell_file_was(struct shell *e);
void shell_action_text(const struct shell *e, const struct plan_action *a, char out[SIM_TEXT]);

#endif
