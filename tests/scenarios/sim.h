/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim - the world of a scenario: what is true, whether or not the engine knows it
 *
 * A world has things (keys, certificates, records; things.c), servers and their caches'
 * possible contents, an API, a CA, a Postfix with its processes (world.c), and an oracle that
 * judges the rule from this truth alone (oracle.c). The engine of a scenario (shell.h) sees the
 * world only through the calls that its real adapters have, and never looks in here otherwise.
 *
 * Units: `t` and every time here is milliseconds since the scenario began; TTLs are seconds.
 * Sets of records are masks of indexes into `recs` (the world's own, not facts.recs).
 * Ownership: one struct sim per run, on the heap; sim_free() ends it. One thread.
 * Errors: the first thing that goes wrong is kept in `fail`; everything that happened before is
 * in the trace.
 */
#ifndef DANEMILTER_TESTS_SIM_H
#define DANEMILTER_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"

#define SIM_RECS 64
#define SIM_KEYS 96
#define SIM_CERTS 1000
#define SIM_SERVERS 8
#define SIM_OWNERS 4
#define SIM_HELD 128
#define SIM_PROCS 256
#define SIM_EXCUSES 64
#define SIM_NAME 32
#define SIM_TEXT 512
#define SIM_TRACE 20000 /* lines kept */
#define SIM_NEVER INT64_MAX

#define SEC INT64_C(1000)
#define MIN (60 * SEC)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)

typedef uint64_t sim_mask;
#define SIM_BIT(i) ((sim_mask)1 << (unsigned)(i))

/* What a record is the digest of. */
enum sim_of { SIM_OF_KEY, SIM_OF_CERT, SIM_OF_ISSUER, SIM_OF_NOTHING };

struct sim_rec {
    struct model_combo combo;
    enum sim_of of;
    int which; /* index of the key or certificate, number of the issuer or of the stray */
};

struct sim_key {
    int alg;
    int num;       /* as in "p256/2" */
    bool recorded; /* some facts that were saved name it */
    bool on_disk;
};

struct sim_cert {
    int key;
    int num; /* as in "p256/2#1" */
    bool recorded;
    bool names_ok;
    int issuer;
    int64_t not_before, not_after; /* true time */
};

struct sim_file {
    int cert[MODEL_MAX_ALGS]; /* -1: this algorithm is not in the file */
};

struct sim_rrset {
    sim_mask recs;
    uint32_t ttl;
};

enum sim_mood {
    SIM_ANSWERS,
    SIM_SILENT,   /* does not answer us; senders may still reach it */
    SIM_BOGUS,    /* signatures do not validate */
    SIM_SERVFAIL, /* no data for anybody */
    SIM_INSECURE,
    SIM_LAME,
    SIM_NOROUTE /* senders reach it, we cannot */
};

struct sim_server {
    char name[SIM_NAME];
    enum sim_mood mood;
    bool frozen;      /* keeps what it has */
    bool listed;      /* in the NS set */
    int64_t left_at;  /* when it was taken out of the NS set, or SIM_NEVER */
    int64_t lag;      /* how long a change takes to get here */
    int64_t next;     /* when the pending change arrives, or SIM_NEVER */
    int64_t flap_end; /* until then it shows `old`; SIM_NEVER: no flap */
    struct sim_rrset shows[SIM_OWNERS];
    struct sim_rrset old[SIM_OWNERS]; /* what it showed before the last change */
    struct sim_rrset kept[SIM_OWNERS];
};

struct sim_owner {
    char name[SIM_NAME];
    struct sim_rrset zone; /* at the primary */
    uint32_t cname_ttl;
    uint64_t cname; /* where it leads: a digest of the target; 0: it is none */
    bool cname_loop;
    sim_mask ours; /* added through the API, or there when we were adopted */
    struct model_combo ignored[MODEL_MAX_COMBOS];
    int n_ignored; /* the served chain did not match these before us, or a human's doing */
};

/* An RRset that caches may hold, and until when. */
struct sim_held {
    int owner;
    struct sim_rrset rrset;
    int64_t until;
};

/* Violations which are a human's doing: this RRset with this certificate is not held against
 * the engine. */
struct sim_excuse {
    int owner;
    sim_mask recs;
    int cert;
};

/* Server processes which loaded the file at the same time. */
struct sim_proc {
    struct sim_file file;
    bool held;       /* a long SMTP session keeps one of them */
    int64_t born;    /* when it was started, so that "older than" can be asked */
    int64_t dies_at; /* SIM_NEVER: lives on */
};

enum sim_api { SIM_API_HONEST, SIM_API_LIES, SIM_API_REFUSES, SIM_API_DELAYS };
enum sim_ca { SIM_CA_WORKS, SIM_CA_FAILS };
enum sim_proof { SIM_PROOF_GOOD, SIM_PROOF_WRONG, SIM_PROOF_UNREACHED };

struct sim_pending {
    bool used;
    int owner;
    sim_mask add, del;
    int64_t at;
};

struct sim {
    int64_t t;
    int64_t boot_at;
    int64_t skew; /* of the wall clock */
    int boot_id;
    char algs[MODEL_MAX_ALGS][SIM_NAME];
    int n_algs;
    struct sim_key keys[SIM_KEYS];
    int n_keys;
    struct sim_cert certs[SIM_CERTS];
    int n_certs;
    struct sim_rec recs[SIM_RECS];
    int n_recs;
    struct sim_server servers[SIM_SERVERS];
    int n_servers;
    struct sim_owner owners[SIM_OWNERS];
    int n_owners;
    struct sim_held held[SIM_HELD];
    int n_held;
    struct sim_excuse excuses[SIM_EXCUSES];
    int n_excuses;
    struct sim_proc procs[SIM_PROCS];
    int n_procs;
    struct sim_file file;
    struct sim_pending pending[8];
    enum sim_api api;
    int64_t api_delay;
    enum sim_ca ca;
    int ca_issuer;  /* of the next certificate */
    int issuers;    /* the CA may use ca0 ... */
    int ca_blocked; /* key, or -1 */
    bool ca_names_wrong;
    int64_t ca_takes; /* ms, for an order; 0: at once, the engine waits for it */
    enum sim_proof proof[MODEL_MAX_ALGS];
    bool postfix_up;
    bool reload_fails;
    bool elsewhere;   /* main.cf points to another file */
    uint32_t ttl;     /* that the engine publishes with */
    int64_t ns_ttl;   /* ms */
    int64_t validity; /* ms, of certificates to come */
    int64_t drain;    /* ms, after a reload */
    int64_t sync;     /* ms, lag of servers unless they have one of their own */
    int64_t hold;     /* ms, that a sender works with what it looked up */
    int64_t stale;    /* ms, that resolvers serve expired answers */
    int64_t sig_life; /* ms, of RRSIGs */
    int64_t reloaded_at;
    int64_t gives_way; /* THE RULE is not judged before this moment */
    bool broken;       /* fail was set */
    char fail[SIM_TEXT];
    char **trace;
    size_t n_trace;
};

struct sim *sim_new(void);
void sim_free(struct sim **s);

/* Keeps the first failure only. */
#if defined(__GNUC__)
#define SIM_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define SIM_PRINTF(a, b)
#endif
void sim_fail(struct sim *s, const char *fmt, ...) SIM_PRINTF(2, 3);
void sim_say(struct sim *s, const char *fmt, ...) SIM_PRINTF(2, 3);
int64_t sim_wall(const struct sim *s);

/* "3d 04:05:06.789" */
void sim_clock_text(int64_t t, char out[SIM_NAME]);

#endif
