/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ports - what the engine asks of the world, as small const vtables
 *
 * The engine knows only these; milter/main.c chooses the adapters. `self` is the adapter's own
 * object. Every function returns an enum outcome and explains through `err` (never NULL).
 * Adapters keep no reference to their arguments. All are called from the engine's thread (or a
 * worker of it), one call at a time per object.
 *
 * Ceilings: every buffer below has one; an adapter that meets more answers OUT_REFUSED and says
 * what was too large.
 */
#ifndef DANEMILTER_PORTS_H
#define DANEMILTER_PORTS_H

#include <stddef.h>

#include "base/err.h"
#include "core/model.h"

#define PORT_TLSA_MAX 4096 /* association data, matching type 0 */
#define PORT_RRSET_MAX 16  /* records of an RRset we look at; more is OUT_REFUSED */
#define PORT_NAME_MAX 256  /* a domain name in presentation form, with the final dot */
#define PORT_PEM_MAX 65536 /* a chain: certificates only */
#define PORT_NAMES_MAX 64  /* names of one certificate */
#define PORT_WHY_MAX 256

/* Key algorithms; the numbers are stored (model_alg.type). */
enum port_alg {
    PORT_ALG_P256 = 1,
    PORT_ALG_P384 = 2,
    PORT_ALG_RSA2048 = 3,
    PORT_ALG_RSA3072 = 4,
    PORT_ALG_RSA4096 = 5
};

/* TLSA RDATA (RFC 6698 section 2.1): combo, then `len` octets of association data. Its id is
 * the SHA-256 of usage, selector, matching type and data as on the wire. */
struct port_tlsa {
    struct model_combo combo;
    uint16_t len;
    uint8_t data[PORT_TLSA_MAX];
};

struct port_rrset {
    uint32_t ttl;
    uint8_t n;
    struct port_tlsa recs[PORT_RRSET_MAX]; /* 64 KiB: keep it on the heap */
};

/* ---- time ---------------------------------------------------------------------------- */

struct port_time {
    model_time boot; /* CLOCK_BOOTTIME, ms */
    model_time wall; /* CLOCK_REALTIME, ms */
    uint8_t boot_id[16];
};

struct port_clock_ops {
    enum outcome (*now)(void *self, struct port_time *out, struct err *err);
    /* Sleeps at most `ms`; returns early on a signal to stop or a request to wake. */
    void (*sleep)(void *self, model_time ms);
};

/* ---- keys and certificates (no network) ---------------------------------------------- */

/* What a chain in PEM is. */
struct port_cert {
    enum port_alg alg;
    uint8_t spki[MODEL_ID_LEN];        /* SHA-256 of the leaf's SubjectPublicKeyInfo */
    uint8_t fingerprint[MODEL_ID_LEN]; /* SHA-256 of the leaf, DER */
    model_time not_before, not_after;  /* wall */
    bool names_ok;                     /* covers each of the names asked about */
};

struct port_keys_ops {
    /* Makes a key; the file (0600, folder 0700) and its folder are fsynced on return. */
    enum outcome (*make)(void *self, enum port_alg alg, uint8_t spki[MODEL_ID_LEN],
                         struct err *err);
    /* Takes a private key in PEM (from a chain file) into the folder, as make. */
    enum outcome (*adopt)(void *self, const char *pem, uint8_t spki[MODEL_ID_LEN], struct err *err);
    /* OUT_OK: there, readable and fitting its name. OUT_REFUSED: not there. */
    enum outcome (*have)(void *self, const uint8_t spki[MODEL_ID_LEN], struct err *err);
    /* The record for a key alone: usage 3 or 2... with selector 1; others OUT_REFUSED. */
    enum outcome (*tlsa)(void *self, const uint8_t spki[MODEL_ID_LEN], struct model_combo combo,
                         struct port_tlsa *out, struct err *err);
    /* Overwrites, unlinks, fsyncs the folder. Gone already is OUT_OK. */
    enum outcome (*shred)(void *self, const uint8_t spki[MODEL_ID_LEN], struct err *err);
};

struct port_certs_ops {
    /* Refuses anything but certificates, a leaf that does not fit `spki` (unless NULL), a
     * misordered or broken chain. `names` may be NULL. Times are reported, not judged. */
    enum outcome (*inspect)(void *self, const char *pem, const uint8_t *spki,
                            const char *const *names, size_t n_names, struct port_cert *out,
                            struct err *err);
    /* Does the record match the chain, structure alone (RFC 7671 sections 5.1, 5.2)? */
    enum outcome (*matches)(void *self, const char *pem, const struct port_tlsa *rec, bool *out,
                            struct err *err);
    /* The record of a chain: usage 3 from the leaf, usage 2 from issuer number `depth` (1 =
     * the leaf's issuer). */
    enum outcome (*tlsa)(void *self, const char *pem, struct model_combo combo, size_t depth,
                         struct port_tlsa *out, struct err *err);
    /* SHA-256 of the RDATA. */
    enum outcome (*id)(void *self, const struct port_tlsa *rec, uint8_t id[MODEL_ID_LEN],
                       struct err *err);
};

/* ---- issuer -------------------------------------------------------------------------- */

struct port_order {
    const char *certificate;    /* its title, for the log */
    uint8_t spki[MODEL_ID_LEN]; /* the key, in the key folder */
    const char *const *names;
    size_t n_names;
};

/* Why no certificate came. */
enum port_issue_fault {
    PORT_ISSUE_OTHER,   /* what `err` says; asked again after a while */
    PORT_ISSUE_ACCOUNT, /* safety.md row 17: the account is deactivated or may not ask */
    PORT_ISSUE_CAA,     /* row 16: a CAA record forbids it; err names it */
    PORT_ISSUE_KEY,     /* row 16: the CA refuses this key for ever (badPublicKey) */
    PORT_ISSUE_REJECTED /* rows 7-11: what came is not what was asked for; the old one stays */
};

struct port_issued {
    char *pem; /* the caller's, `size` octets: leaf first, then the chain */
    size_t size;
    enum port_issue_fault fault; /* for anything but OUT_OK */
    model_time wait;             /* ms that the issuer wants to be left alone; 0: says nothing */
};

struct port_issuer_ops {
    /* OUT_OK: `out->pem` holds the chain. May take minutes and is called from a worker thread
     * (struct port_work_ops): one call at a time for one order, several for one issuer. */
    enum outcome (*issue)(void *self, const struct port_order *order, struct port_issued *out,
                          struct err *err);
};

/* ---- the challenge dns-01 (RFC 8555 section 8.4) --------------------------------------- */

struct port_challenge_ops {
    /* Adds a TXT record `value` (base64url, unquoted) at the name that `owner`
     * ("_acme-challenge.mx.example.org.", final dot) leads to after CNAMEs, beside what is there.
     * Again is fine. OUT_REFUSED: no provider for that zone, a loop, credentials. */
    enum outcome (*put)(void *self, const char *owner, const char *value, struct err *err);
    /* OUT_OK: every observable address of every server of that zone shows the value. OUT_NOT_YET:
     * err names a server that does not. OUT_RETRY: the servers could not be found or asked. */
    enum outcome (*seen)(void *self, const char *owner, const char *value, struct err *err);
    /* Removes exactly that record. Gone already is OUT_OK. */
    enum outcome (*drop)(void *self, const char *owner, const char *value, struct err *err);
};

/* ---- notes: small durable texts of adapters --------------------------------------------- */

#define PORT_NOTE_NAME_MAX 256
#define PORT_NOTE_MAX 16384

struct port_notes_ops {
    /* OUT_NOT_YET: there is none of this name. `out` gets a string. */
    enum outcome (*get)(void *self, const char *name, char *out, size_t size, struct err *err);
    /* Durable on OUT_OK. `text` NULL: forgets it. */
    enum outcome (*put)(void *self, const char *name, const char *text, struct err *err);
};
/* Any thread. Names: "acme/TITLE/account", "acme/TITLE/order/SPKI", "notice/CERTIFICATE"... */

/* ---- work: what takes long, in other threads --------------------------------------------- */

struct port_work_ops {
    /* Runs fn(arg) soon in a worker thread and then wakes the engine's clock. OUT_NOT_YET: all
     * are busy. Once started fn runs to its end; whoever frees `arg` waits for that. */
    enum outcome (*start)(void *self, void (*fn)(void *arg), void *arg, struct err *err);
};

/* ---- notice: who is told when something is wrong ------------------------------------------ */

struct port_notice_ops {
    /* After each step of a certificate. `trouble`: one sentence on what is frozen or was
     * rejected, NULL when all is well; `fate`: what happens if nobody does anything. Must not
     * block: it decides by itself what is news. */
    void (*tell)(void *self, const char *certificate, const char *trouble, const char *fate);
};

/* ---- DNS: publishing ----------------------------------------------------------------- */

/* One change of the TLSA RRset at `owner`, all or nothing. `seen` is the RRset as last read
 * from the primary: providers with compare-and-swap make it a prerequisite. */
struct port_change {
    const char *owner; /* fully qualified, final dot */
    uint32_t ttl;      /* for the records added */
    const struct port_rrset *seen;
    const struct port_tlsa *const *add;
    size_t n_add;
    const struct port_tlsa *const *del;
    size_t n_del;
};

struct port_dns_ops {
    /* Reads the RRset from the place where changes are made. */
    enum outcome (*read)(void *self, const char *owner, struct port_rrset *out, struct err *err);
    /* OUT_OK: accepted (never a fact about DNS). OUT_NOT_YET: the RRset is not `seen` any more:
     * read again. OUT_RETRY: no answer, server busy. OUT_REFUSED: key, zone, policy. */
    enum outcome (*change)(void *self, const struct port_change *change, struct err *err);
    /* Adds a TXT record with exactly this one string at `owner` (final dot), or removes it; other
     * values stay. Once more is fine. Outcomes as change's, and OUT_OK is no fact about DNS. */
    enum outcome (*txt_add)(void *self, const char *owner, const char *value, uint32_t ttl,
                            struct err *err);
    enum outcome (*txt_remove)(void *self, const char *owner, const char *value, struct err *err);
};

/* ---- DNS: observation ---------------------------------------------------------------- */

#define PORT_ADDRS_MAX MODEL_MAX_ADDRS

struct port_answer {
    char server[PORT_NAME_MAX]; /* its name in the NS set */
    uint8_t ip[16];             /* IPv6, or IPv4-mapped */
    enum model_answer_kind kind;
    struct port_rrset *rrset; /* RRSET only; its ttl = max(TTL, RRSIG original TTL). Owned by the
                                 round */
    model_time sig_until;     /* wall */
    uint32_t ns_ttl;          /* s; 0 when the address is only remembered */
    char why[PORT_WHY_MAX];   /* for anything but RRSET and NODATA: what it said */
};

/* What the zone itself looks like. */
enum port_zone_state { PORT_ZONE_SECURE, PORT_ZONE_INSECURE, PORT_ZONE_BOGUS, PORT_ZONE_UNKNOWN };

struct port_round {
    char zone[PORT_NAME_MAX];
    enum port_zone_state zone_state; /* the validated verdict from the trust anchor down */
    uint32_t cname_ttl;              /* 0: no CNAME at the owner */
    char cname[PORT_NAME_MAX];
    uint8_t n;
    struct port_answer answers[PORT_ADDRS_MAX];
    char why[PORT_WHY_MAX]; /* when zone_state is not SECURE: what is wrong */
};

struct port_address {
    uint8_t ip[16];
    uint32_t ttl;
};

struct port_observe_ops {
    /* Asks every address in the parent's and the child's NS set, and each of `remembered`, over
     * UDP and, when truncated or silent, TCP; validates. OUT_OK even when answers differ or are
     * silent: they say so. OUT_RETRY: the NS sets could not be found at all. OUT_REFUSED with an
     * empty `zone`: the owner's CNAMEs lead nowhere (a loop, too many, broken). Free the round's
     * rrsets with free_round (also after errors). */
    enum outcome (*round)(void *self, const char *owner, const uint8_t (*remembered)[16],
                          size_t n_remembered, struct port_round *out, struct err *err);
    void (*free_round)(void *self, struct port_round *round);
    /* Are the host's addresses made by a wildcard (RFC 4592)? A TLSA owner below it would make them
     * vanish (safety.md section 3). */
    enum outcome (*wildcard)(void *self, const char *host, bool *out, struct err *err);
    /* A and AAAA of a host, `*n` in: capacity, out: count. */
    enum outcome (*addresses)(void *self, const char *host, struct port_address *out, size_t *n,
                              struct err *err);
};

/* ---- Postfix ------------------------------------------------------------------------- */

#define PORT_PARTS_MAX MODEL_MAX_ALGS

/* One algorithm's part of the chain file. */
struct port_part {
    enum port_alg alg;
    uint8_t spki[MODEL_ID_LEN];
    char *key_pem;   /* only from read(): the private key; wipe and free with free_parts */
    char *chain_pem; /* leaf first */
};

/* A TLS service that this Postfix listens on. */
#define PORT_SERVICES_MAX 16
struct port_service {
    char name[64];  /* "submission/inet" */
    uint8_t ip[16]; /* where it listens; all 0: on every address */
    uint16_t port;
    bool wrapped;           /* TLS at once (smtpd_tls_wrappermode): no STARTTLS */
    bool ours;              /* it serves the chain file that we write, and its address is known */
    char why[PORT_WHY_MAX]; /* if not ours: what it serves instead */
};

struct port_deploy_ops {
    /* What the chain file holds now. */
    enum outcome (*read)(void *self, struct port_part *parts, size_t *n, struct err *err);
    void (*free_parts)(void *self, struct port_part *parts, size_t n);
    /* Writes key + chain of every part to a new file beside, checks it by loading it (each key
     * fits its certificate), keeps the old, renames, fsyncs the folder. key_pem is not used:
     * keys come from the key folder by spki. `expect` (alg, spki, chain_pem; NULL: anything): what
     * the file must serve until then; compared as late as can be. OUT_OK: the rename is durable.
     * OUT_NOT_YET: the file serves something else than expected, and was left alone. Anything
     * else: most likely the old file is in place; read() tells. */
    enum outcome (*install)(void *self, const struct port_part *parts, size_t n,
                            const struct port_part *expect, size_t n_expect, struct err *err);
    /* Maps that hold copies of the chain file are built anew, then Postfix reads it again, then
     * the other servers that share it. OUT_OK with a text in `err`: Postfix does, one of the others
     * could not be told. */
    enum outcome (*reload)(void *self, struct err *err);
    /* Old bundles kept beside the chain file, and old copies in maps: gone, overwritten, fsynced.
     */
    enum outcome (*shred_old)(void *self, struct err *err);
    /* OUT_OK and true: master is up. */
    enum outcome (*running)(void *self, bool *up, struct err *err);
    /* Is what the services of our TLSA ports serve the file we write? OUT_REFUSED says the
     * difference. */
    enum outcome (*points_here)(void *self, struct err *err);
    /* How many server processes (smtpd, tlsproxy) live that started at or before `boot` ms. */
    enum outcome (*older_than)(void *self, model_time boot, size_t *count, struct err *err);
    /* The services of master.cf that offer TLS: smtpd (and postscreen, through tlsproxy) on inet
     * sockets; those with another chain file say so. `*n` in: room, out: count. NULL: not known. */
    enum outcome (*services)(void *self, struct port_service *out, size_t *n, struct err *err);
};

/* ---- the proof ----------------------------------------------------------------------- */

enum port_reach { PORT_GOOD, PORT_WRONG, PORT_NOT_REACHED };

struct port_target {
    char host[PORT_NAME_MAX]; /* for SNI, without the final dot; "" for none */
    uint8_t ip[16];
    uint16_t port;
    enum port_alg alg; /* 0: unrestricted; then any of `expect` will do */
    bool wrapped;      /* TLS at once, no STARTTLS (RFC 8314 section 3.3) */
};

struct port_probe_ops {
    /* STARTTLS to the target, with no resumption; GOOD when the leaf's SHA-256 is one of
     * `expect`. WRONG: reached, and another leaf, no STARTTLS or a failed handshake. */
    enum outcome (*attest)(void *self, const struct port_target *target,
                           const uint8_t (*expect)[MODEL_ID_LEN], size_t n_expect,
                           enum port_reach *out, char why[PORT_WHY_MAX], struct err *err);
};

/* ---- the store ----------------------------------------------------------------------- */

/* Everything about one certificate that must survive. */
struct port_state {
    struct model_facts facts;
    model_time steady; /* at `boot` */
    model_time boot;
    model_time wall;
    uint8_t boot_id[16];
    struct port_tlsa *recs[MODEL_MAX_RECS];   /* RDATA of facts.recs; malloc()ed */
    char *bundles[MODEL_MAX_CHAINS];          /* chain PEM of facts.chains; malloc()ed */
    model_time switch_boot[MODEL_MAX_CHAINS]; /* CLOCK_BOOTTIME when the chain left the file */
    char owners[MODEL_MAX_OWNERS][PORT_NAME_MAX];
    char servers[MODEL_MAX_OWNERS][MODEL_MAX_ADDRS][PORT_NAME_MAX]; /* names of the addresses */
    char said[MODEL_MAX_OWNERS][MODEL_MAX_ADDRS][PORT_WHY_MAX];     /* last trouble of each */
};

/* One line of history. */
struct port_event {
    const char *what; /* "switched", "observed", ... one word */
    const char *text; /* the sentence that was logged */
};

struct port_store_ops {
    /* OUT_NOT_YET: nothing is stored under this name; `out` is untouched. */
    enum outcome (*load)(void *self, const char *certificate, struct port_state *out,
                         struct err *err);
    /* One transaction, durable on OUT_OK (WAL, synchronous=FULL); else nothing changed. */
    enum outcome (*save)(void *self, const char *certificate, const struct port_state *state,
                         const struct port_event *events, size_t n_events, struct err *err);
};

/* ---- the log ------------------------------------------------------------------------- */

enum port_level { PORT_LOG_INFO, PORT_LOG_WARNING, PORT_LOG_ERROR };

struct port_log_ops {
    void (*line)(void *self, enum port_level level, const char *text);
};

#endif
