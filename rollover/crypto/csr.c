/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/csr.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/altname.h"
#include "crypto/ossl.h"

static enum outcome csr_names(X509_REQ *req, const char *const *names, size_t n, struct err *err)
{
    X509_NAME *subject = NULL;
    GENERAL_NAMES *sans = NULL;
    enum outcome res = altname_make(names, n, &subject, &sans, err);
    if (res != OUT_OK)
        return res;
    X509_EXTENSIONS *all = NULL;
    if (X509V3_add1_i2d(&all, NID_subject_alt_name, sans, 0, X509V3_ADD_DEFAULT) != 1 ||
        X509_REQ_set_subject_name(req, subject) != 1 || X509_REQ_add_extensions(req, all) != 1)
        res = ossl_err(err, OUT_BROKEN, "cannot put the names into a request");
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
    X509_NAME_free(subject);
    GENERAL_NAMES_free(sans);
    return res;
}

static enum outcome csr_print(X509_REQ *req, uint8_t **der, size_t *len, struct err *err)
{
    int n = i2d_X509_REQ(req, NULL);
    uint8_t *buf = n > 0 ? malloc((size_t)n) : NULL;
    uint8_t *end = buf;
    if (buf == NULL || i2d_X509_REQ(req, &end) != n) {
        free(buf);
        return ossl_err(err, OUT_BROKEN, "cannot encode a request");
    }
    *der = buf;
    *len = (size_t)n;
    return OUT_OK;
}

enum outcome csr_make(const struct key *key, const char *const *names, size_t n, uint8_t **der,
                      size_t *len, struct err *err)
{
    enum outcome res = OUT_OK;
    const EVP_MD *md = key_alg(key) == PORT_ALG_P384 ? EVP_sha384() : EVP_sha256();
    *der = NULL;
    *len = 0;
    if (n == 0 || n > PORT_NAMES_MAX)
        return err_set(err, OUT_REFUSED, "%zu names: a certificate takes 1 to %d", n,
                       PORT_NAMES_MAX);
    X509_REQ *req = X509_REQ_new();
    if (req == NULL || X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_pubkey(req, ossl_pkey(key)) != 1) {
        res = ossl_err(err, OUT_BROKEN, "cannot begin a request");
        goto out;
    }
    res = csr_names(req, names, n, err);
    if (res == OUT_OK && X509_REQ_sign(req, ossl_pkey(key), md) <= 0)
        res = ossl_err(err, OUT_BROKEN, "cannot sign a request");
    if (res == OUT_OK)
        res = csr_print(req, der, len, err);
out:
    X509_REQ_free(req);
    return res;
}
