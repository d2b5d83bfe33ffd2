/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookup - libunbound with an end: validated questions, many at once, bounded in time
 *
 * Private to rollover/dns. A `struct lookup` is one libunbound context and its background thread
 * (which has every signal blocked). Signatures are judged without unbound's leniency about
 * clocks: one that is over is over (RFC 4035 section 5.3.1).
 *
 * libunbound keeps its log file and a few seeds in globals of its own: the first lookup_open of a
 * process must come before other threads call lookup_open; after that any thread may have lookups
 * of its own. One thread at a time per object. It logs nothing.
 *
 * Ownership: results belong to the asks; lookup_free frees them.
 */
#ifndef DANEMILTER_DNS_LOOKUP_H
#define DANEMILTER_DNS_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <unbound.h>

#include "base/err.h"
#include "ports.h"

#define LOOKUP_MAX 128

struct lookup;

struct lookup_settings {
    bool validate;              /* false: for finding servers only */
    const char *trust_anchor;   /* file of DS or DNSKEY records, as dns-root-data has; or NULL */
    const char *const *anchors; /* single DS or DNSKEY records, NULL-ended; or NULL */
    const char *root_hints;     /* file, or NULL for those built in */
    const char *const *forward; /* "IP" or "IP@port", NULL-ended; or NULL: own iteration */
};

enum lookup_verdict { LOOKUP_SECURE, LOOKUP_INSECURE, LOOKUP_BOGUS, LOOKUP_FAILED };

struct lookup_ask {
    /* set by the caller */
    char name[PORT_NAME_MAX];
    uint16_t type;
    /* the outcome */
    struct ub_result *result; /* NULL when FAILED for want of any answer */
    enum lookup_verdict verdict;
    char why[PORT_WHY_MAX]; /* for BOGUS and FAILED */
    bool done;              /* internal */
    int id;                 /* internal */
};

enum outcome lookup_open(const struct lookup_settings *settings, struct lookup **out,
                         struct err *err);
void lookup_close(struct lookup **lookup);

/* A descriptor that is readable when lookup_step has work. */
int lookup_fd(const struct lookup *lookup);

/* lookup_begin, then lookup_step until it says that none is open, or lookup_stop. */
enum outcome lookup_begin(struct lookup *lookup, struct lookup_ask *asks, size_t n,
                          struct err *err);
enum outcome lookup_step(struct lookup *lookup, struct lookup_ask *asks, size_t n, size_t *open,
                         struct err *err);
void lookup_stop(struct lookup *lookup, struct lookup_ask *asks, size_t n);

/* All of it, in at most `ms`; those open then are FAILED. OUT_OK: each has a verdict. */
enum outcome lookup_run(struct lookup *lookup, struct lookup_ask *asks, size_t n, int ms,
                        struct err *err);

void lookup_free(struct lookup_ask *asks, size_t n);

#endif
