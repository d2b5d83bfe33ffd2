/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danematch - holds a served chain against any TLSA RRset, as a sender would
 *
 * OpenSSL is the judge (its SSL_dane code is what Postfix and others run): DANE for SMTP of RFC
 * 7672 section 3.1, digest agility of RFC 7671 section 9. Usage 3 looks at neither names nor
 * dates; usage 2 at both, and at the issuer being in the chain; usages 0 and 1 and records that
 * cannot be read are unusable, as senders treat them (RFC 7672 section 3.1.3).
 *
 * Two verdicts, because "some record matches" is not enough (RFC 7671 section 8): the one of a
 * sender that holds the whole RRset, and for each (usage, selector, matching type) in it that of
 * a sender that had these records alone. The rule of rollover/core/safety.h wants the latter.
 *
 * Ownership: a chain owns its DER; danematch_chain_free leaves it empty. A judge is ended with
 * danematch_free. Threads: a judge may be used by several threads at a time.
 * Errors: OUT_REFUSED for a chain or RRset above its ceiling or no certificate at all, OUT_BROKEN
 * for memory. "Does not match" is no error.
 */
#ifndef DANEMILTER_CRYPTO_DANEMATCH_H
#define DANEMILTER_CRYPTO_DANEMATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/model.h"
#include "ports.h"

#define DANEMATCH_CHAIN_MAX 16 /* certificates */
#define DANEMATCH_NAMES_MAX 4  /* reference identifiers, RFC 7672 section 3.2.2 */

struct danematch_cert {
    uint8_t *der;
    size_t len;
};

/* As served: leaf first. All zeroes is the empty chain. */
struct danematch_chain {
    size_t n;
    struct danematch_cert certs[DANEMATCH_CHAIN_MAX];
};

void danematch_chain_free(struct danematch_chain *chain);

/* Certificates in the order of the text; anything else in it is OUT_REFUSED. */
enum outcome danematch_chain_from_pem(const char *pem, struct danematch_chain *out,
                                      struct err *err);

/* NUL-terminated PEM; OUT_REFUSED when `size` is too small. */
enum outcome danematch_chain_to_pem(const struct danematch_chain *chain, char *pem, size_t size,
                                    struct err *err);

/* SHA-256 of the leaf's DER. */
enum outcome danematch_fingerprint(const struct danematch_chain *chain, uint8_t id[MODEL_ID_LEN],
                                   struct err *err);

/* What a sender says of one RRset. */
struct danematch_verdict {
    bool verified;
    int code;               /* OpenSSL's verify error; 0 when verified */
    char why[PORT_WHY_MAX]; /* its text, or why no record could be used */
    size_t usable;          /* records a sender can use; 0: it cannot authenticate at all */
    int depth;              /* where the chain matched: 0 the leaf; -1 not at all */
    struct model_combo by;  /* the combination that matched, when verified */
};

/* One combination of an RRset, judged by itself. */
struct danematch_combo {
    struct model_combo combo;
    bool usable;
    bool matched;
    char why[PORT_WHY_MAX]; /* when not matched */
};

struct danematch_combos {
    size_t n;
    struct danematch_combo list[PORT_RRSET_MAX];
};

struct danematch;

enum outcome danematch_new(struct danematch **out, struct err *err);
void danematch_free(struct danematch **judge);

/* What the chain is held against. `names` (at least one): the TLSA base domain, then further
 * names the certificate may bear under usage 2. */
struct danematch_ask {
    const struct port_rrset *rrset;
    const char *const *names;
    size_t n_names;
    model_time wall; /* the moment; 0 = the clock */
};

/* The verdict of a sender that holds the whole RRset. */
enum outcome danematch_judge(const struct danematch *judge, const struct danematch_chain *chain,
                             const struct danematch_ask *ask, struct danematch_verdict *out,
                             struct err *err);

/* The verdict on each combination, in the order they first appear in the RRset. */
enum outcome danematch_each(const struct danematch *judge, const struct danematch_chain *chain,
                            const struct danematch_ask *ask, struct danematch_combos *out,
                            struct err *err);

bool danematch_combo_equal(struct model_combo a, struct model_combo b);

#endif
