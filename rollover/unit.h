/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unit - one certificate in the engine's hands: its state, its clock, its way to the store
 *
 * Internal to the engine (rollover/engine.c and the unit_*.c files). All functions run in the
 * engine's thread, but for the issuer's work in an order (unit_job.c). Functions that act return an
 * outcome and explain; unit_record() is the only way into the store.
 */
#ifndef DANEMILTER_UNIT_H
#define DANEMILTER_UNIT_H

#include "core/facts.h"
#include "core/phase.h"
#include "core/plan.h"
#include "core/safety.h"
#include "engine.h"

#define UNIT_TARGETS_MAX 64                  /* addresses of all hosts of one certificate */
#define UNIT_EXTRA_MAX 96                    /* other services of Postfix, and other names, there */
#define UNIT_WAYS (2 * (MODEL_MAX_ALGS + 1)) /* SNI or none, each algorithm or any */
#define UNIT_JOBS_MAX                                                                              \
    (2 * MODEL_MAX_ALGS) /* orders under way: for the next key, the present one                    \
                          */

/* One address and port that senders or other clients may connect to. */
struct unit_target {
    uint8_t owner; /* index into cfg->owners */
    uint8_t ip[16];
    uint16_t port;
    bool wrapped;     /* TLS at once */
    int8_t sni;       /* index into cfg->sni: asked for with that name only; or MODEL_NONE */
    bool extra;       /* a service without a TLSA record of ours: it counts once it was proven */
    bool anywhere;    /* extra: listens on every address, so that loopback will do, too */
    bool proven;      /* extra: it has shown the chains of the file */
    bool said;        /* extra: the log says why it does not count */
    model_time until; /* steady: senders may keep it until then */
    bool good_now[UNIT_WAYS];    /* in the last round of proofs */
    bool good_before[UNIT_WAYS]; /* in the last one before the last switch */
};

/* A switch whose rename is done, and whose reload is not. */
struct unit_half {
    bool open, rollback;
    int8_t before[MODEL_MAX_ALGS], after[MODEL_MAX_ALGS];
    model_time renamed; /* CLOCK_BOOTTIME */
};

struct unit {
    const struct engine_world *world;
    const struct engine_certificate *cfg;
    struct port_state st;
    struct model_now now;
    model_time wake; /* steady: nothing is due before */
    struct model_facts undo;
    struct unit_target targets[UNIT_TARGETS_MAX + UNIT_EXTRA_MAX];
    size_t n_targets;
    struct port_service services[PORT_SERVICES_MAX]; /* as last told */
    size_t n_services;
    char said_services[ERR_TEXT_MAX]; /* what the log said last of those that are not ours */
    bool said_full;                   /* more of them than UNIT_EXTRA_MAX */
    struct unit_half half;
    model_time reloaded; /* CLOCK_BOOTTIME: our last reload in this process; MODEL_NEVER */
    bool looked;         /* the chain file was compared with the facts since we started */
    bool proved_before;  /* good_before was found out by this process, for the last switch */
    model_time proved;   /* steady: the last round of proofs of what the file holds now ended */
    bool prove;          /* a proof is due, whatever the planner says: a reload, a suspicion */
    struct unit_job *jobs[UNIT_JOBS_MAX];
    model_time least_wait;         /* of the last order that failed */
    unsigned fails[PLAN_THAW + 1]; /* in a row, by verb */
    struct plan_action said;       /* what the log said last */
    enum safety_no said_no;
    size_t said_old; /* server processes from before a switch */
    char said_trouble[ERR_TEXT_MAX];
    uint8_t said_phase[MODEL_MAX_KEYS];
    model_mask said_foreign[MODEL_MAX_OWNERS]; /* records of others that were named */
    char rejected[ERR_TEXT_MAX];               /* what was refused, until the same succeeds: */
    enum plan_verb rejected_verb;
    int rejected_at; /* which algorithm, owner; MODEL_NONE: the verb says it all */
    bool said_addr[MODEL_MAX_OWNERS][MODEL_MAX_ADDRS]; /* disagreement was logged */
};

/* unit.c */
enum outcome unit_load(struct unit *u, struct err *err);
void unit_clear(struct unit *u);
enum outcome unit_clock(struct unit *u, struct err *err);
void unit_log(const struct unit *u, enum port_level level, const char *fmt, ...) ERR_PRINTF(3, 4);
/* Saves the state with one line of history, which is logged as well. On failure the certificate
 * is frozen (row 36) and, if `intent`, its facts are as they were at unit_begin(). */
enum outcome unit_record(struct unit *u, bool intent, const char *what, struct err *err,
                         const char *fmt, ...) ERR_PRINTF(5, 6);
/* engine_suspect(), for one certificate. */
void unit_suspect(struct unit *u, const char *certificate, const char *why);
void unit_begin(struct unit *u); /* remembers the facts, for an intent that cannot be saved */

/* unit_record.c: TLSA records and their place in the model */
/* Enters the record (or finds it) and works out which chains it matches. */
enum outcome unit_rec(struct unit *u, const struct port_tlsa *rec, int *index, struct err *err);
/* Enters the records that a key alone determines; ored into `*mask`. */
enum outcome unit_key_recs(struct unit *u, const uint8_t *spki, model_mask *mask, struct err *err);
/* Fills chain->matches for the bundle in `pem`. */
enum outcome unit_chain_matches(struct unit *u, const char *pem, struct model_chain *chain,
                                struct err *err);

/* unit_keys.c */
int unit_find_key(const struct model_facts *f, const uint8_t spki[MODEL_ID_LEN]);
/* Enters a checked bundle as a chain of `key`, with a copy of its text. */
enum outcome unit_enter_chain(struct unit *u, int key, const char *pem,
                              const struct port_cert *cert, int *index, struct err *err);
/* Which keys are on disk; and the records of each, should the configuration ask for others. */
enum outcome unit_check_keys(struct unit *u, struct err *err);
enum outcome unit_adopt(struct unit *u, struct err *err);
enum outcome unit_make_key(struct unit *u, int alg, struct err *err);
enum outcome unit_shred(struct unit *u, int key, struct err *err);

/* unit_job.c: orders. With world->work they run in its threads, one for each key at a time; without
 * it unit_issue() waits for the end. When an order fails, u->least_wait says how long our own
 * back-off is at least; what the issuer wants is in the facts. */
enum outcome unit_issue(struct unit *u, int key, struct err *err);
bool unit_job_ready(const struct unit *u); /* has an order ended? */
/* Takes one that has ended: true, with the key and what came of it, recorded if it is good. */
bool unit_take_job(struct unit *u, int *key, enum outcome *out, struct err *err);
void unit_end_jobs(struct unit *u); /* waits for all of them */

/* unit_dns.c */
enum outcome unit_observe(struct unit *u, int owner, struct err *err);
enum outcome unit_publish(struct unit *u, const struct plan_action *a, struct err *err);
enum outcome unit_withdraw(struct unit *u, const struct plan_action *a, struct err *err);

/* unit_switch.c */
int unit_find_chain(const struct unit *u, const char *pem); /* by its whole text */
void unit_current_chains(const struct unit *u, int8_t chains[MODEL_MAX_ALGS]);
/* Server processes that started up to `boot` may have loaded the file as it was. */
void unit_stamp_leaving(struct unit *u, const int8_t before[MODEL_MAX_ALGS],
                        const int8_t after[MODEL_MAX_ALGS], model_time boot);
bool unit_pending(const struct model_facts *f);             /* is a switch in doubt? */
enum outcome unit_recover(struct unit *u, struct err *err); /* a pending switch, after a crash */
/* OUT_OK: Postfix reads the file that we write, and it holds what the facts say. Otherwise the
 * certificate is frozen (row 45), and the facts follow the file as far as it holds chains of
 * ours. */
enum outcome unit_check_file(struct unit *u, struct err *err);
enum outcome unit_switch(struct unit *u, const struct plan_action *a, struct err *err);
/* The rest of a switch that is open: `out` is what came of the reload, and err says why. */
enum outcome unit_switch_end(struct unit *u, enum outcome out, struct err *err);
enum outcome unit_commit(struct unit *u, int alg, struct err *err);

/* unit_targets.c */
/* Every address seen within its TTL, at the owners' ports; the further names to ask for; and the
 * other services of Postfix that serve the file. */
enum outcome unit_targets(struct unit *u, struct err *err);
/* Those services by name: "smtp/inet, smtps/inet"; "" when they are not known. */
void unit_say_services(const struct unit *u, char *out, size_t size);
/* Postfix reads the file again. Another server that could not be told so is a line in the log. */
enum outcome unit_reload(struct unit *u, struct err *err);

/* unit_proof.c */
/* What is good before a switch: from the last round of proofs, or from one more when that is older
 * than the planner allows. */
enum outcome unit_proof_before(struct unit *u, struct err *err);
enum outcome unit_attest(struct unit *u, struct err *err);

/* unit_batch.c: policy.batch */
/* Does the reload of this one's switch wait for the end of the pass? */
bool unit_batch_shares(const struct unit *u);
bool unit_batch_together(const struct unit *a, const struct unit *b); /* one reload serves both */
/* Until when (steady) the unit's switch waits because units of the same Postfix were reloaded a
 * moment ago; MODEL_NEVER: it does not. A way back never waits, nor what cannot. */
model_time unit_batch_wait(const struct unit *u, struct unit *const *units, size_t n);
/* The planner's next action; a switch not before `until`. And what it says of the future. */
void unit_batch_plan(struct unit *u, model_time until, struct plan_action *out);
void unit_batch_outlook(struct unit *u, model_time until, struct plan_action *out);

/* unit_command.c */
enum outcome unit_command(struct unit *u, const struct engine_command *command, char *text,
                          size_t size, struct err *err);

/* unit_notice.c */
void unit_tell(const struct unit *u); /* whether something is wrong, and what comes of it */

#endif
