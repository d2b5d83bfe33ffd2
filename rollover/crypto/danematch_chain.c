/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/danematch.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "crypto/chain.h"
#include "crypto/danematch_ssl.h"
#include "crypto/ossl.h"

void danematch_chain_free(struct danematch_chain *chain)
{
    for (size_t i = 0; i < chain->n; i++)
        free(chain->certs[i].der);
    memset(chain, 0, sizeof *chain);
}

static enum outcome append(struct danematch_chain *chain, X509 *cert, struct err *err)
{
    if (chain->n == DANEMATCH_CHAIN_MAX)
        return err_set(err, OUT_REFUSED, "more than %d certificates in a chain",
                       DANEMATCH_CHAIN_MAX);
    int len = i2d_X509(cert, NULL);
    if (len <= 0)
        return ossl_err(err, OUT_BROKEN, "cannot encode a certificate");
    uint8_t *der = malloc((size_t)len);
    if (der == NULL)
        return err_errno(err, "a certificate of %d octets", len);
    uint8_t *at = der;
    if (i2d_X509(cert, &at) != len) {
        free(der);
        return ossl_err(err, OUT_BROKEN, "cannot encode a certificate");
    }
    chain->certs[chain->n].der = der;
    chain->certs[chain->n].len = (size_t)len;
    chain->n++;
    return OUT_OK;
}

enum outcome danematch_ssl_chain(const struct stack_st_X509 *certs, struct danematch_chain *out,
                                 struct err *err)
{
    memset(out, 0, sizeof *out);
    int n = certs == NULL ? 0 : sk_X509_num(certs);
    if (n <= 0)
        return err_set(err, OUT_REFUSED, "the server sent no certificate");
    for (int i = 0; i < n; i++) {
        enum outcome rc = append(out, sk_X509_value(certs, i), err);
        if (rc != OUT_OK) {
            danematch_chain_free(out);
            return rc;
        }
    }
    return OUT_OK;
}

enum outcome danematch_chain_from_pem(const char *pem, struct danematch_chain *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    struct chain *chain = NULL;
    enum outcome rc = chain_parse(pem, &chain, err);
    for (size_t i = 0; rc == OUT_OK && i < chain_count(chain); i++)
        rc = append(out, chain_cert(chain, i), err);
    chain_free(&chain);
    if (rc != OUT_OK)
        danematch_chain_free(out);
    return rc;
}

static enum outcome write_cert(BIO *bio, const struct danematch_cert *cert, struct err *err)
{
    if (cert->len > PORT_PEM_MAX)
        return err_set(err, OUT_REFUSED, "a certificate of %zu octets is above the ceiling of %d",
                       cert->len, PORT_PEM_MAX);
    if (PEM_write_bio(bio, PEM_STRING_X509, "", cert->der, (long)cert->len) <= 0)
        return ossl_err(err, OUT_BROKEN, "cannot write a certificate as PEM");
    return OUT_OK;
}

enum outcome danematch_chain_to_pem(const struct danematch_chain *chain, char *pem, size_t size,
                                    struct err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    enum outcome rc = bio == NULL ? ossl_err(err, OUT_BROKEN, "a buffer for PEM") : OUT_OK;
    for (size_t i = 0; rc == OUT_OK && i < chain->n; i++)
        rc = write_cert(bio, &chain->certs[i], err);
    if (rc == OUT_OK) {
        char *text = NULL;
        long len = BIO_get_mem_data(bio, &text);
        if (len < 0 || (size_t)len >= size) {
            rc = err_set(err, OUT_REFUSED,
                         "a chain of %ld octets of PEM is above the ceiling of %zu", len, size);
        } else {
            memcpy(pem, text, (size_t)len);
            pem[len] = '\0';
        }
    }
    BIO_free(bio);
    return rc;
}

enum outcome danematch_fingerprint(const struct danematch_chain *chain, uint8_t id[MODEL_ID_LEN],
                                   struct err *err)
{
    if (chain->n == 0)
        return err_set(err, OUT_REFUSED, "an empty chain has no fingerprint");
    return ossl_digest(256, chain->certs[0].der, chain->certs[0].len, id, err);
}
