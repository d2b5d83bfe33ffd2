/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model - the facts about one managed certificate, as plain values
 *
 * A `struct model_facts` holds what is known about one certificate (all its key algorithms) and
 * the TLSA owners it appears under. Facts are stored; phases, deadlines and decisions are
 * derived from facts, policy and one `now` (phase.h, safety.h, plan.h, renew.h). Nothing in
 * rollover/core reads a clock, does I/O, logs or allocates.
 *
 * Times. `steady` is milliseconds on a clock that cannot be set and runs through suspend; it is
 * kept by the engine from CLOCK_BOOTTIME and the boot id: over a reboot it stands still and
 * `epoch` grows by one. So a difference of two steady times is never longer than the time that
 * really passed. All waits are steady. `wall` is milliseconds since 1970 and is compared with
 * certificate and signature validity only. MODEL_NEVER (0) in a time means "has not happened";
 * steady starts at 1. TTLs are in seconds, as in DNS; every other duration is milliseconds.
 *
 * Records are known by the SHA-256 of their RDATA in wire form and are referred to by their
 * index in facts.recs, sets of them by bit masks. Indexes of keys, chains, owners, addresses
 * and records are stable while the entry is used; -1 (MODEL_NONE) is "none".
 *
 * Ownership and threads: values; copy them as you like. The engine thread alone changes the
 * facts it stores.
 */
#ifndef DANEMILTER_CORE_MODEL_H
#define DANEMILTER_CORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

/* Overridable, so that the explorer links the same code with a small state. */
#ifndef MODEL_MAX_RECS
#define MODEL_MAX_RECS 32 /* at most 64: masks are 64 bits */
#endif
#ifndef MODEL_MAX_KEYS
#define MODEL_MAX_KEYS 16
#endif
#ifndef MODEL_MAX_CHAINS
#define MODEL_MAX_CHAINS 16
#endif
#ifndef MODEL_MAX_ALGS
#define MODEL_MAX_ALGS 4
#endif
#ifndef MODEL_MAX_OWNERS
#define MODEL_MAX_OWNERS 8
#endif
#ifndef MODEL_MAX_ADDRS
#define MODEL_MAX_ADDRS 24
#endif
#ifndef MODEL_MAX_COMBOS
#define MODEL_MAX_COMBOS 12
#endif

#define MODEL_RRSET_MAX 12 /* safety.md, section 3: records in one RRset, at its peak */
#define MODEL_NONE (-1)
#define MODEL_NEVER INT64_C(0)
#define MODEL_ID_LEN 32

typedef int64_t model_time;  /* milliseconds; see above */
typedef uint64_t model_mask; /* a set of indexes into facts.recs */

#define MODEL_BIT(i) ((model_mask)1 << (unsigned)(i))

struct model_now {
    model_time steady;
    model_time wall;
    uint32_t epoch; /* which boot, counted by us */
};

/* RFC 6698 section 2.1, RFC 7671 section 2 */
struct model_combo {
    uint8_t usage;    /* 0..3; only 2 and 3 are ever published */
    uint8_t selector; /* 0 certificate, 1 SPKI */
    uint8_t matching; /* 0 full, 1 SHA2-256, 2 SHA2-512 */
};

/* One TLSA record's RDATA, ours or somebody else's. */
struct model_rec {
    bool used;
    bool ours; /* made by us, or handed to us by `adopt`: only these may ever be deleted */
    struct model_combo combo;
    uint8_t id[MODEL_ID_LEN]; /* SHA-256 of the RDATA, wire form */
};

/* How keys follow one another. */
enum model_strategy {
    MODEL_STANDBY, /* the next key is published long before it is wanted */
    MODEL_REUSE,   /* one key for ever; renewals keep it */
    MODEL_FRESH    /* a new key at each renewal, published only then */
};

/* A key generation of one algorithm. */
struct model_key {
    bool used;
    uint8_t alg;      /* index into facts.algs */
    bool adopted;     /* found in the chain file when we arrived, not made by us */
    bool on_disk;     /* private key file and its folder are fsynced */
    bool compromised; /* the operator said so */
    bool refused;     /* the CA refuses this key (badPublicKey): never ask again */
    bool retired;     /* mark "no rollback any more" is durable; its records may go */
    bool shredded;
    uint32_t serial; /* order of making within the certificate, from 1 */
    model_time made;
    model_mask recs;            /* what the owners must show before this key is served */
    uint8_t spki[MODEL_ID_LEN]; /* SHA-256 of the DER SubjectPublicKeyInfo */
    model_time retry_at;        /* steady: the engine backs off: no ISSUE, no SHRED before */
    model_time wait_until;      /* steady: the issuer wants to be left alone: no ISSUE before */
    model_time ordering;        /* wall: an order for it is under way, since then. Ends with the
                                   process: the engine clears it when it starts */
};

/* A certificate chain that is or was or may come to be served. Same key, new certificate: a new
 * chain of the same key. */
struct model_chain {
    bool used;
    uint8_t key;           /* index into facts.keys */
    bool durable;          /* bundle on disk and fsynced */
    bool names_ok;         /* the leaf covers every configured name */
    bool held;             /* usage 2, issuer not among the published ones: not to be served */
    bool rejected;         /* rolled back: reached and wrong. Never served again */
    model_time not_before; /* wall */
    model_time not_after;  /* wall */
    model_mask matches;    /* every known record that this chain is matched by, its chain's
                              structure alone considered: expiry and names are for usage 2
                              judged by the caller with not_before, not_after, names_ok */
    model_time obtained;   /* steady */
    model_time installed;  /* steady: the rename that put it into the chain file; or NEVER */
    model_time attested;   /* steady: every target showed it, after installed */
    model_time committed;  /* steady: window over, no rollback from it any more */
    model_time left;       /* steady: the rename that took it out of the file; or NEVER */
    model_time drained;    /* steady: after left, no process from before that rename is alive */
    model_time wrong_at;   /* steady: a target attested before the switch was reached and showed
                              something else; or NEVER. Roll back */
};

/* One key algorithm of the certificate. */
struct model_alg {
    bool used;
    bool wanted;         /* still in the configuration */
    uint8_t type;        /* enum of crypto/key.h, opaque here */
    int8_t current;      /* chain in the file now, or MODEL_NONE */
    int8_t previous;     /* chain a rollback would restore; NONE once committed */
    int8_t pending;      /* chain of a switch whose intent is durable and whose rename is not yet
                            known to have happened; both count as servable. NONE otherwise */
    bool pending_drop;   /* likewise, for the intent to take this algorithm out of the file */
    bool roll;           /* facts.roll_now still applies to this algorithm */
    bool rolling;        /* the switch that fulfilled it is not committed: a rollback renews it */
    bool renew;          /* the operator: another certificate for the key in the file */
    bool rollback;       /* the operator: back to `previous` */
    model_time retry_at; /* steady: the engine backs off: no MAKE_KEY before */
};

enum model_sight_state {
    MODEL_UNKNOWN, /* never asked, or reset by silence, contradiction, a gap or a reboot */
    MODEL_PRESENT, /* validly signed and there, at every answer since `since` */
    MODEL_ABSENT   /* validly denied or missing from a valid RRset, ever since `since` */
};

/* What one address shows of one record. Good waiting = addr.last_answer - since. */
struct model_sight {
    uint8_t state;    /* enum model_sight_state */
    model_time since; /* steady, end of the round that first said so */
};

enum model_answer_kind {
    MODEL_ANS_RRSET,         /* a validly signed TLSA RRset */
    MODEL_ANS_NODATA,        /* valid denial: no TLSA here */
    MODEL_ANS_CONTRADICTION, /* insecure, bogus, SERVFAIL, lame, malformed */
    MODEL_ANS_SILENT,        /* time-out after retries, UDP and TCP */
    MODEL_ANS_NOROUTE        /* no local route to the address */
};

/* One address of one authoritative server of the owner's zone. */
struct model_addr {
    bool used;
    bool skip;              /* no route from here, and policy says to go on without it */
    uint8_t ip[16];         /* IPv6, or IPv4-mapped */
    bool in_set;            /* the last round found it in a parent or child NS set */
    model_time ns_ttl;      /* ms: the TTL of that set */
    model_time asked_until; /* steady: last seen in a parent or child NS set + that set's TTL:
                               until then resolvers may ask it; afterwards nobody does */
    model_time first_seen;
    model_time last_try;
    model_time last_answer; /* begin of the last round with a RRSET or NODATA answer */
    uint32_t answer_epoch;
    uint8_t last_kind;    /* enum model_answer_kind */
    uint32_t ttl;         /* of the last RRset: max(record TTL, RRSIG original TTL) */
    model_time sig_until; /* wall: earliest RRSIG expiry in the last RRset */
    struct model_sight sights[MODEL_MAX_RECS];
};

/* A combination that caches may hold in an RRset of this owner. */
struct model_seen {
    bool used;
    uint8_t ignored; /* set of algorithms (bits) whose served chain did not match it when we
                        arrived: reported, never blocks them */
    struct model_combo combo;
    model_time last_seen; /* steady: some address gave it, or a publish intent began */
};

#define MODEL_CNAME_UNTOLD UINT64_C(0)
#define MODEL_CNAME_NONE UINT64_C(1) /* the owner is no CNAME */

/* One TLSA owner name, `_25._tcp.mx.example.org.`, and the servers of its zone. */
struct model_owner {
    bool used;
    bool denied;      /* F: zone unsigned, DS wrong, wildcard, usage 0/1 ... (cause bits say) */
    bool based;       /* facts_baseline() was done */
    bool crowded;     /* more addresses than the table holds: nothing is confirmed */
    model_mask want;  /* ours, intent durable: the RRset is to hold these */
    model_mask drop;  /* ours, intent durable: to be deleted */
    model_mask ever;  /* some address gave it, or a publish intent began with it */
    model_mask shown; /* of want: every observable address has shown it since the intent */
    model_mask late;  /* of want: published for a switch that wanted it already (no standby), or
                         new to this owner in kind (change of type), or made by a certificate */
    model_mask whole; /* was in every cache, and no server was seen without it since: good enough
                         for a rollback after a reboot or a long silence */
    model_time changed_at; /* steady: round_end at the last intent: retried when later rounds
                              show that nothing came of it */
    model_time retry_at;   /* steady: the engine backs off: no PUBLISH, no WITHDRAW before */
    uint8_t readds[MODEL_MAX_RECS]; /* times a record of ours vanished and was put back */
    uint32_t ttl_max;               /* largest TTL seen that may still be in a cache */
    model_time ttl_max_at;
    uint32_t ttl_next;      /* largest TTL seen since ttl_max_at: what ttl_max falls to */
    uint32_t cname_ttl;     /* TTL of a CNAME at the owner; 0 = none */
    uint64_t cname;         /* where it leads, a digest; MODEL_CNAME_UNTOLD, MODEL_CNAME_NONE */
    model_time cname_moved; /* steady: it was last found to lead elsewhere than before while we
                               held records, or nowhere; NEVER once that was watched long enough */
    model_time watch_since; /* steady: watched without a gap since */
    uint32_t watch_epoch;
    model_time first_want;  /* steady: the first publish intent; NEVER = none yet */
    bool empty_before;      /* nothing existed there for E before first_want */
    model_time round_begin; /* steady: the last whole round of questions */
    model_time round_end;
    model_time seen_lost; /* steady: a combination did not fit into seen[]; or NEVER */
    struct model_seen seen[MODEL_MAX_COMBOS];
    struct model_addr addrs[MODEL_MAX_ADDRS];
};

/* Causes of a freeze. A freeze blocks key switches and withdrawals, nothing else; each clears
 * when its cause is gone, save the sticky ones (safety.md rows 17, 42, 45). */
enum model_cause {
    MODEL_F_ACCOUNT = 1u << 0,   /* row 17, sticky */
    MODEL_F_RESTORED = 1u << 1,  /* row 42, sticky */
    MODEL_F_ELSEWHERE = 1u << 2, /* row 45, sticky: main.cf points elsewhere */
    MODEL_F_CLOCK = 1u << 3,     /* row 18 */
    MODEL_F_CAA = 1u << 4,       /* row 16 */
    MODEL_F_DNSSEC = 1u << 5,    /* rows 24-27 */
    MODEL_F_LAME = 1u << 6,      /* row 28 */
    MODEL_F_DELETED = 1u << 7,   /* row 29: the operator left DANE, or a record gone 3 times */
    MODEL_F_SIZE = 1u << 8,      /* row 32 */
    MODEL_F_CNAME = 1u << 9,     /* row 33 */
    MODEL_F_DISK = 1u << 10,     /* rows 36, 37, 40 */
    MODEL_F_RELOAD = 1u << 11,   /* row 43 */
    MODEL_F_OPERATOR = 1u << 12, /* danectl freeze */
    MODEL_F_USAGE = 1u << 13     /* usages 0, 1 at an owner of ours */
};
#define MODEL_F_STICKY (MODEL_F_ACCOUNT | MODEL_F_RESTORED | MODEL_F_ELSEWHERE | MODEL_F_OPERATOR)

struct model_facts {
    uint32_t epoch;
    uint32_t next_serial;
    uint32_t frozen; /* set of enum model_cause */
    bool postfix_up; /* row 44: nothing is switched while Postfix is down */
    bool adopted;    /* the chain file was read and its chains are in here */
    bool roll_now;   /* the operator asked for a key rollover */
    model_time compromised_at;
    model_time last_attest;     /* steady: the last proof was tried, whatever came of it */
    model_time retry_switch_at; /* steady: the engine backs off: no SWITCH, no ROLLBACK before */
    struct model_rec recs[MODEL_MAX_RECS];
    struct model_key keys[MODEL_MAX_KEYS];
    struct model_chain chains[MODEL_MAX_CHAINS];
    struct model_alg algs[MODEL_MAX_ALGS];
    struct model_owner owners[MODEL_MAX_OWNERS];
};

/* Settings, each with its default in conf/. Durations in milliseconds. */
struct model_policy {
    enum model_strategy strategy;
    struct model_combo combos[MODEL_MAX_COMBOS]; /* what to publish for each key or chain */
    uint8_t n_combos;
    model_time poll;              /* between rounds of questions while something waits */
    model_time silence;           /* G, default 1 h */
    model_time past_ttl;          /* assumed while not watched for so long, default 2 d */
    model_time ttl_cap;           /* 7 d */
    model_time floor;             /* least E for records published late, default 1 d */
    model_time delta_sender;      /* 15 min: connect, HELO, STARTTLS and TLSA cache of a sender */
    model_time anycast_margin;    /* added to the wait; default 0 */
    model_time fresh;             /* how recent "observed once more" is: 1 s */
    model_time commit_max;        /* 48 h; the window is min(commit_max, validity / 8) */
    model_time renew_before;      /* renew when this much validity is left; 0 = a third of it */
    model_time renew_margin;      /* the renewal deadline: notAfter - this */
    model_time renew_every;       /* also roll this long after the last switch; 0 = never */
    model_time compromised_drain; /* 5 min */
    model_time attest_every;      /* between proofs while in probation */
    bool skip_noroute; /* go on without servers to which this host has no route and never had */
};

#endif
