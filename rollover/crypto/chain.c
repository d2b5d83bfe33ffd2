/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/chain.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/ossl.h"
#include "crypto/pem.h"

struct chain {
    size_t n;
    X509 *certs[CHAIN_CERTS_MAX];
};

enum outcome chain_new(struct chain **out, struct err *err)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        (void)err_set(err, OUT_BROKEN, "out of memory");
        return OUT_BROKEN;
    }
    return OUT_OK;
}

void chain_free(struct chain **chain)
{
    if (*chain == NULL)
        return;
    for (size_t i = 0; i < (*chain)->n; i++)
        X509_free((*chain)->certs[i]);
    free(*chain);
    *chain = NULL;
}

size_t chain_count(const struct chain *chain)
{
    return chain->n;
}

X509 *chain_cert(const struct chain *chain, size_t i)
{
    return chain->certs[i];
}

/* The DER must be used up: d2i_X509 alone would pass over what follows. */
static enum outcome chain_decode(const uint8_t *der, long len, size_t line, X509 **out,
                                 struct err *err)
{
    const uint8_t *at = der;
    X509 *cert = d2i_X509(NULL, &at, len);
    if (cert == NULL)
        return ossl_err(err, OUT_REFUSED, "line %zu: not a readable certificate", line);
    if (at != der + len) {
        X509_free(cert);
        return err_set(err, OUT_REFUSED, "line %zu: %ld octets behind the certificate", line,
                       (long)(der + len - at));
    }
    if ((X509_get_extension_flags(cert) & EXFLAG_INVALID) != 0) {
        X509_free(cert);
        return ossl_err(err, OUT_REFUSED, "line %zu: a certificate with malformed extensions",
                        line);
    }
    *out = cert;
    return OUT_OK;
}

enum outcome chain_add(struct chain *chain, const char *text, size_t len, size_t line,
                       struct err *err)
{
    char *name = NULL;
    char *header = NULL;
    uint8_t *der = NULL;
    long n = 0;
    enum outcome res = OUT_OK;
    if (chain->n == CHAIN_CERTS_MAX)
        return err_set(err, OUT_REFUSED, "line %zu: more than %d certificates in one chain", line,
                       CHAIN_CERTS_MAX);
    BIO *bio = ossl_reader(text, len, err);
    if (bio == NULL)
        return OUT_BROKEN;
    if (PEM_read_bio(bio, &name, &header, &der, &n) != 1) {
        res = ossl_err(err, OUT_REFUSED, "line %zu: not readable as PEM", line);
        goto out;
    }
    if (header != NULL && header[0] != '\0') {
        res = err_set(err, OUT_REFUSED, "line %zu: a certificate with PEM header lines", line);
        goto out;
    }
    res = chain_decode(der, n, line, &chain->certs[chain->n], err);
    if (res == OUT_OK)
        chain->n++;
out:
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    return res;
}

static enum outcome chain_block(struct chain *chain, const struct pem_walk *walk,
                                const struct pem_block *block, struct err *err)
{
    if (block->stray)
        return err_set(err, OUT_REFUSED,
                       "text outside the PEM blocks, before line %zu: a chain holds certificates "
                       "and nothing else",
                       block->line);
    if (block->kind == PEM_NONE)
        return OUT_OK;
    if (block->kind != PEM_CERT)
        return err_set(err, OUT_REFUSED,
                       "line %zu: \"%s\" in a chain that may hold certificates only", block->line,
                       block->label);
    return chain_add(chain, walk->text + block->begin, block->end - block->begin, block->line, err);
}

enum outcome chain_parse(const char *pem, struct chain **out, struct err *err)
{
    struct chain *chain = NULL;
    struct pem_walk walk;
    struct pem_block block = {0};
    size_t len = strnlen(pem, PORT_PEM_MAX);
    *out = NULL;
    if (len >= PORT_PEM_MAX)
        return err_set(err, OUT_REFUSED, "a chain of more than %d octets", PORT_PEM_MAX - 1);
    enum outcome res = chain_new(&chain, err);
    if (res != OUT_OK)
        return res;
    pem_start(&walk, pem, len);
    do {
        res = pem_next(&walk, &block, err);
        if (res == OUT_OK)
            res = chain_block(chain, &walk, &block, err);
    } while (res == OUT_OK && block.kind != PEM_NONE);
    if (res == OUT_OK && chain->n == 0)
        res = err_set(err, OUT_REFUSED, "no certificate in the chain");
    if (res != OUT_OK)
        chain_free(&chain);
    *out = chain;
    return res;
}

static bool chain_self_signed(X509 *cert)
{
    bool self = X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0 &&
                X509_verify(cert, X509_get0_pubkey(cert)) == 1;
    ERR_clear_error();
    return self;
}

static enum outcome chain_check_link(X509 *cert, X509 *issuer, size_t number, struct err *err)
{
    if (chain_self_signed(cert))
        return err_set(err, OUT_REFUSED,
                       "certificate %zu is self-signed, yet another one follows it", number);
    int why = X509_check_issued(issuer, cert);
    if (why != X509_V_OK)
        return err_set(err, OUT_REFUSED,
                       "certificate %zu is not issued by the next one (%s): the chain is out of "
                       "order or one is missing",
                       number, X509_verify_cert_error_string(why));
    if (X509_check_ca(issuer) == 0)
        return err_set(err, OUT_REFUSED, "certificate %zu, an issuer, is not a CA certificate",
                       number + 1);
    if (X509_verify(cert, X509_get0_pubkey(issuer)) != 1)
        return ossl_err(err, OUT_REFUSED,
                        "the signature on certificate %zu is not by the next one's key", number);
    return OUT_OK;
}

enum outcome chain_check_order(const struct chain *chain, struct err *err)
{
    for (size_t i = 0; i + 1 < chain->n; i++) {
        enum outcome res = chain_check_link(chain->certs[i], chain->certs[i + 1], i + 1, err);
        if (res != OUT_OK)
            return res;
    }
    return OUT_OK;
}

enum outcome chain_to_pem(const struct chain *chain, char **out, struct err *err)
{
    enum outcome res = OUT_OK;
    char *text = NULL;
    *out = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return ossl_err(err, OUT_BROKEN, "out of memory");
    for (size_t i = 0; i < chain->n && res == OUT_OK; i++) {
        if (PEM_write_bio_X509(bio, chain->certs[i]) != 1)
            res = ossl_err(err, OUT_BROKEN, "cannot encode a certificate");
    }
    long len = BIO_get_mem_data(bio, &text);
    if (res == OUT_OK && (len <= 0 || len >= PORT_PEM_MAX))
        res = err_set(err, OUT_REFUSED, "a chain of %ld octets, at most %d", len, PORT_PEM_MAX - 1);
    if (res == OUT_OK) {
        *out = calloc(1, (size_t)len + 1);
        if (*out != NULL)
            memcpy(*out, text, (size_t)len);
        else
            res = err_set(err, OUT_BROKEN, "out of memory");
    }
    BIO_free(bio);
    return res;
}

enum outcome chain_der(const X509 *cert, bool spki, uint8_t **der, size_t *len, struct err *err)
{
    *der = NULL;
    *len = 0;
    if (spki) {
        /* The encoding as it stands in the certificate: that is what senders hash. */
        int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), der);
        *len = n > 0 ? (size_t)n : 0;
    } else {
        int n = i2d_X509(cert, der);
        *len = n > 0 ? (size_t)n : 0;
    }
    if (*len == 0)
        return ossl_err(err, OUT_BROKEN, "cannot encode a certificate");
    return OUT_OK;
}
