/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pki - keys, certificates and TLSA records for tests, made in memory
 *
 * Ownership: end a pki_cert with pki_free. Errors: any of OpenSSL's ends the test program.
 */
#ifndef DANEMILTER_TESTS_PKI_H
#define DANEMILTER_TESTS_PKI_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "crypto/danematch.h"
#include "ports.h"

struct pki_cert {
    EVP_PKEY *key;
    X509 *cert;
};

struct pki_spec {
    const char *name; /* common name, and dNSName unless it is an issuer */
    const char *alg;  /* "P-256", "P-384", "RSA-1024", "RSA-2048", "RSA-3072" */
    bool issuer;
    long from, until;           /* seconds from now; both 0: valid from yesterday until tomorrow */
    const struct pki_cert *by;  /* NULL: self-signed */
    const struct pki_cert *key; /* whose key to use again; NULL: a new one */
};

void pki_make(const struct pki_spec *spec, struct pki_cert *out);
void pki_free(struct pki_cert *cert);

/* The record for a certificate. */
void pki_tlsa(const struct pki_cert *cert, struct model_combo combo, struct port_tlsa *out);

/* Appends a record to an RRset; `right` false spoils its last octet. */
void pki_add(struct port_rrset *rrset, const struct pki_cert *cert, uint8_t usage, uint8_t selector,
             uint8_t matching, bool right);

/* A chain of up to 4, ended by NULL. */
void pki_chain(struct danematch_chain *out, const struct pki_cert *const certs[]);

/* Puts a leaf, its key and the certificates above it (ended by NULL) into a server's context. */
void pki_serve(SSL_CTX *ctx, const struct pki_cert *const certs[]);

/* Ends the test program when `ok` is false, with OpenSSL's reasons. */
void pki_need(bool ok, const char *what);

#endif
