/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pem - walks the blocks of a PEM text (RFC 7468) without decoding them
 *
 * OpenSSL's readers pass silently over what they do not look for; here every block and every
 * word between blocks is seen, so that the caller can refuse it.
 *
 * Ownership: a block refers to the text by offsets. Threads: no state. Errors: OUT_REFUSED with
 * the line, for a block that does not end, ends under another label, or a NUL in the text.
 */
#ifndef DANEMILTER_CRYPTO_PEM_H
#define DANEMILTER_CRYPTO_PEM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define PEM_LABEL_MAX 64

enum pem_kind {
    PEM_NONE,      /* no further block */
    PEM_CERT,      /* CERTIFICATE */
    PEM_KEY,       /* PRIVATE KEY, EC PRIVATE KEY, RSA PRIVATE KEY */
    PEM_PARAMS,    /* EC PARAMETERS */
    PEM_ENCRYPTED, /* a private key under a pass phrase, of whichever form */
    PEM_OTHER
};

struct pem_block {
    enum pem_kind kind;
    size_t begin, end; /* offsets of the block in the text; end is one past its last newline */
    size_t line;       /* of its BEGIN, from 1; for PEM_NONE the last line */
    bool stray;        /* something that is not white space stands before it (PEM_NONE: behind the
                          last block) */
    char label[PEM_LABEL_MAX];
};

struct pem_walk {
    const char *text;
    size_t len;
    size_t at;
    size_t line;
};

void pem_start(struct pem_walk *walk, const char *text, size_t len);

/* OUT_OK and kind PEM_NONE at the end. */
enum outcome pem_next(struct pem_walk *walk, struct pem_block *out, struct err *err);

#endif
