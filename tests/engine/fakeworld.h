/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakeworld - a world in shared memory behind the engine's ports
 *
 * One certificate, one owner, two name servers, one Postfix, simulated time. The world outlives
 * the process that runs the engine (it lies in a shared mapping), so that a test can end that
 * process at any call and go on with another, as a crash does. Each call through a port is
 * counted; `crash_at` ends the process at that call, before or after its effect; `fail_at` makes
 * it fail instead.
 *
 * The world judges for itself, from what servers gave and what Postfix could serve, never from
 * the engine's facts: fw_check() is called at every change and counts violations of the rule.
 */
#ifndef DANEMILTER_TESTS_FAKEWORLD_H
#define DANEMILTER_TESTS_FAKEWORLD_H

#include "engine.h"

#define FW_SERVERS 2
#define FW_KEYS 32
#define FW_HISTORY 64
#define FW_PROCS 8
#define FW_PEM 256
#define FW_ALGS 2

struct fw_rrset {
    uint8_t n;
    uint8_t rec[PORT_RRSET_MAX][MODEL_ID_LEN]; /* 3 1 1: the SPKI hash itself */
};

/* What a server gave, and until when a cache may hold it. */
struct fw_given {
    struct fw_rrset set;
    model_time until;
};

struct fw_file {
    uint8_t n;
    uint8_t alg[FW_ALGS];
    uint8_t spki[FW_ALGS][MODEL_ID_LEN];
    char pem[FW_ALGS][FW_PEM];
};

/* A group of server processes that loaded the file as it was. */
struct fw_proc {
    bool alive;
    bool held; /* a long session keeps it */
    model_time started;
    struct fw_file file;
};

struct fw_stored {
    bool used;
    struct port_state st; /* its pointers are not used */
    bool has_rec[MODEL_MAX_RECS];
    struct port_tlsa recs[MODEL_MAX_RECS];
    bool has_bundle[MODEL_MAX_CHAINS];
    char bundles[MODEL_MAX_CHAINS][FW_PEM];
};

enum fw_call {
    FW_ANY,
    FW_SAVE,
    FW_CHANGE,
    FW_INSTALL,
    FW_RELOAD,
    FW_ISSUE,
    FW_ATTEST,
    FW_ROUND,
    FW_MATCH,
    FW_N_CALLS
};

#define FW_JOBS 8

/* What a worker thread is to do, at `due`: in the engine's process, between two steps. */
struct fw_job {
    void (*fn)(void *arg);
    void *arg;
    model_time due;
};

struct fw {
    model_time boot, wall;
    uint8_t boot_id;
    bool has_key[FW_KEYS];
    uint8_t keys[FW_KEYS][MODEL_ID_LEN];
    uint8_t key_alg[FW_KEYS];
    uint32_t next_key, next_cert;
    struct fw_rrset primary, server[FW_SERVERS];
    model_time lag[FW_SERVERS]; /* behind the primary */
    model_time changed;
    bool frozen[FW_SERVERS], silent[FW_SERVERS], bogus[FW_SERVERS];
    uint32_t ttl; /* s */
    struct fw_given given[FW_HISTORY];
    struct fw_file file;
    struct fw_proc procs[FW_PROCS];
    bool postfix_up, reload_fails, serve_wrong;
    bool next_wrong; /* the next install leads to something else being served */
    struct fw_stored stored;
    /* faults */
    unsigned calls, crash_at;
    bool crash_after;                   /* after the call's effect, not before */
    enum fw_call crash_call, last_call; /* crash after the next call of this kind */
    enum fw_call fail_call;
    unsigned fail_times;
    /* orders: 0, waited for by the engine; else a worker takes so long */
    model_time order_ms;
    unsigned workers; /* at once */
    struct fw_job jobs[FW_JOBS];
    enum port_issue_fault issue_fault; /* of the next `fault_times` orders */
    unsigned fault_times;
    bool bad_names; /* certificates lack one */
    model_time issue_wait, last_issue, shortest_pause;
    uint8_t refused_key[MODEL_ID_LEN]; /* what PORT_ISSUE_KEY was said of */
    /* the operator: gives `command` at `command_at`, until it is taken or refused */
    struct engine_command command;
    model_time command_at;
    enum outcome command_out;
    bool command_done;
    char reply[ENGINE_REPLY_MAX], refusal[ERR_TEXT_MAX];
    model_time reload_at;  /* somebody reloads Postfix; then engine_reloaded() is called */
    model_time suspect_at; /* then engine_suspect() is called */
    unsigned told_switched;
    unsigned reloads, resumes_refused;
    bool elsewhere; /* main.cf points to another file */
    unsigned attests;
    /* who is told */
    unsigned told;
    bool trouble;
    char trouble_text[256], fate[256];
    char history[256]; /* the last event's text */
    unsigned orders;
    /* verdicts */
    unsigned violations, switches, commits, withdrawals, shreds, issued, rollbacks;
    char why[256];
    bool loud, adopt, resume, wildcard;
    bool hook_writes;     /* somebody writes the chain file just before our next rename */
    bool quiet;           /* keys do not age */
    model_time commit_ms; /* 0: 3 s */
};

/* The faults, and the tables of the other file. */
bool fw_called(struct fw *w, enum fw_call call);
enum outcome fw_done(struct fw *w);
extern const struct port_clock_ops fw_clock_ops;
extern const struct port_store_ops fw_store_ops;
extern const struct port_log_ops fw_log_ops;
extern const struct port_work_ops fw_work_ops;
extern const struct port_notice_ops fw_notice_ops;

#define FW_EXIT_BAD 43     /* it did not come to rest */
#define FW_EXIT_REFUSED 44 /* the engine did not take the certificate */
#define FW_EXIT_CRASH 42   /* status of a process ended by crash_at */

struct fw *fw_new(void); /* shared memory; fw_free() unmaps */
void fw_free(struct fw **w);
/* Postfix serves one chain for each algorithm, no TLSA record is published. */
void fw_begin(struct fw *w, const enum port_alg *algs, size_t n_algs);
void fw_policy(const struct fw *w, struct model_policy *p);
void fw_world(struct fw *w, struct engine_world *out);
/* Runs what the workers have had time for; all of it when `all`. */
void fw_work(struct fw *w, bool all);
/* The operator, until the command is taken or refused: who finds the daemon dead tries again. */
void fw_switched(void *fw); /* counts in told_switched */
void fw_command(struct fw *w, struct engine *e);
void fw_certificate(struct fw *w, const enum port_alg *algs, size_t n_algs,
                    struct engine_certificate *out);
/* Reads "WORD number number ...", which is all that keys and certificates are here. */
bool fw_numbers(const char *text, const char *word, long long *out, size_t n);
void fw_new_key(struct fw *w, enum port_alg alg, uint8_t spki[MODEL_ID_LEN]);
void fw_write_cert(struct fw *w, const uint8_t spki[MODEL_ID_LEN], char *pem, size_t size);
/* A new generation of server processes; only those that a session holds live on. */
void fw_new_procs(struct fw *w);
void fw_advance(struct fw *w, model_time ms);
void fw_check(struct fw *w);
/* Runs the engine in a process of its own for `ms` of simulated time or until it ends by a crash;
 * true when it lived to the end. */
int fw_status(struct fw *w, const enum port_alg *algs, size_t n_algs, model_time ms);
bool fw_run(struct fw *w, const enum port_alg *algs, size_t n_algs, model_time ms);

#endif
