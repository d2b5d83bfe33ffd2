/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pki - a small certificate authority for tests: right certificates and wrong ones
 *
 * Functions end the test program when something fails: a test without its certificates is void.
 * Texts are malloc()ed.
 */
#ifndef DANEMILTER_TESTS_PKI_H
#define DANEMILTER_TESTS_PKI_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/key.h"

struct pki_cert {
    const struct key *key;    /* the subject's */
    const struct key *signer; /* the issuer's */
    const char *subject;      /* common name */
    const char *issuer;       /* common name */
    const char *names;        /* dNSNames with commas, or NULL */
    bool ca;
    long from, to; /* seconds from now */
};

struct key *pki_key(enum port_alg alg);
char *pki_key_pem(const struct key *key);
char *pki_make(const struct pki_cert *what);
char *pki_join(const char *a, const char *b); /* b may be NULL */
char *pki_self(const struct key *key, const char *name);

/* Keys and PEM texts of root, intermediate and leaf. */
struct pki {
    struct key *root_key, *sub_key, *leaf_key;
    char *root, *sub, *leaf;
};
void pki_begin(struct pki *pki, enum port_alg leaf, const char *names);
void pki_end(struct pki *pki);

#endif
