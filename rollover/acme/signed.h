/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signed - the body of a request: a flattened JWS (RFC 8555 section 6.2, RFC 7515 section 7.2.2)
 *
 * Ownership: the text is malloc()ed, the caller frees it. Threads: no state.
 * Errors: OUT_REFUSED for a key that is not P-256 and texts that do not fit; OUT_BROKEN for memory.
 */
#ifndef DANEMILTER_ACME_SIGNED_H
#define DANEMILTER_ACME_SIGNED_H

#include "base/err.h"
#include "crypto/key.h"

struct signed_head {
    const struct key *key;
    const char *kid; /* "": the public key itself goes in ("jwk") */
    const char *nonce;
    const char *url; /* kid, nonce and url hold nothing that JSON would escape */
};

/* `payload` is "" for POST-as-GET. */
enum outcome signed_make(const struct signed_head *head, const char *payload, char **out,
                         struct err *err);

#endif
