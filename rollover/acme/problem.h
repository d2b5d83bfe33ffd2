/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * problem - what a CA says when it says no (RFC 7807; types: RFC 8555 section 6.7)
 *
 * Shown in full: type, detail, instance, and each subproblem with the name that it is about.
 *
 * Ownership: values only. Threads: no state.
 */
#ifndef DANEMILTER_ACME_PROBLEM_H
#define DANEMILTER_ACME_PROBLEM_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"
#include "ports.h"

#define PROBLEM_TYPE_MAX 96

struct problem {
    long status;                 /* of HTTP; 0: within an order or a challenge */
    char type[PROBLEM_TYPE_MAX]; /* without "urn:ietf:params:acme:error:"; "": none */
    bool caa;                    /* it, or a subproblem, is about CAA */
    char text[ERR_TEXT_MAX];
};

/* From an answer's body, which may be anything: a text is made in every case. */
void problem_read(long status, const char *body, size_t len, struct problem *out);
/* From the member "error" of an order or a challenge; doc may be NULL. */
void problem_take(const json_t *doc, struct problem *out);

bool problem_is(const struct problem *problem, const char *type);

/* OUT_RETRY for what may pass (badNonce, rateLimited, 429, 5xx...), else OUT_REFUSED. */
enum outcome problem_outcome(const struct problem *problem);

#endif
