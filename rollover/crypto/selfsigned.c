/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/selfsigned.h"

#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/altname.h"
#include "crypto/ossl.h"

/* Subject, issuer and the alternative names; these are critical when the subject is empty
 * (RFC 5280 section 4.2.1.6). */
static enum outcome selfsigned_names(X509 *cert, const char *const *names, size_t n,
                                     struct err *err)
{
    X509_NAME *subject = NULL;
    GENERAL_NAMES *sans = NULL;
    enum outcome res = altname_make(names, n, &subject, &sans, err);
    if (res != OUT_OK)
        return res;
    bool named = X509_NAME_entry_count(subject) > 0;
    if (X509_set_subject_name(cert, subject) != 1 || X509_set_issuer_name(cert, subject) != 1 ||
        X509_add1_ext_i2d(cert, NID_subject_alt_name, sans, named ? 0 : 1, X509V3_ADD_DEFAULT) != 1)
        res = ossl_err(err, OUT_BROKEN, "cannot put the names into a certificate");
    X509_NAME_free(subject);
    GENERAL_NAMES_free(sans);
    return res;
}

static enum outcome selfsigned_serial(X509 *cert, struct err *err)
{
    uint8_t bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return ossl_err(err, OUT_BROKEN, "no random numbers for a serial");
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool good = number != NULL && !BN_is_zero(number) &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return good ? OUT_OK : ossl_err(err, OUT_BROKEN, "cannot set a serial");
}

static enum outcome selfsigned_dates(X509 *cert, model_time lifetime, struct err *err)
{
    struct timespec now;
    if (lifetime < 1000 || lifetime > SELFSIGNED_LIFETIME_MAX)
        return err_set(err, OUT_REFUSED,
                       "a lifetime of %lld ms: a self-signed certificate takes one second to ten "
                       "years",
                       (long long)lifetime);
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return err_errno(err, "cannot read the clock");
    time_t end = now.tv_sec + (time_t)(lifetime / 1000);
    if (ASN1_TIME_set(X509_getm_notBefore(cert), now.tv_sec - SELFSIGNED_SKEW_S) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(cert), end) == NULL)
        return ossl_err(err, OUT_BROKEN, "cannot set the dates of a certificate");
    return OUT_OK;
}

static bool selfsigned_ext(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool good = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return good;
}

static enum outcome selfsigned_uses(X509 *cert, enum port_alg alg, struct err *err)
{
    bool ec = alg == PORT_ALG_P256 || alg == PORT_ALG_P384;
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    if (!selfsigned_ext(cert, &ctx, NID_basic_constraints, "critical,CA:FALSE") ||
        !selfsigned_ext(cert, &ctx, NID_key_usage,
                        ec ? "critical,digitalSignature"
                           : "critical,digitalSignature,keyEncipherment") ||
        !selfsigned_ext(cert, &ctx, NID_ext_key_usage, "serverAuth") ||
        !selfsigned_ext(cert, &ctx, NID_subject_key_identifier, "hash"))
        return ossl_err(err, OUT_BROKEN, "cannot put the uses into a certificate");
    return OUT_OK;
}

static enum outcome selfsigned_print(X509 *cert, char *pem, size_t size, struct err *err)
{
    enum outcome res = OUT_OK;
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio_X509(bio, cert) != 1) {
        res = ossl_err(err, OUT_BROKEN, "cannot encode a certificate");
        goto out;
    }
    long len = BIO_get_mem_data(bio, &text);
    if (len <= 0 || (size_t)len >= size || len >= PORT_PEM_MAX) {
        res = err_set(err, OUT_REFUSED, "a certificate of %ld octets does not fit", len);
        goto out;
    }
    memcpy(pem, text, (size_t)len);
    pem[len] = '\0';
out:
    BIO_free(bio);
    return res;
}

static enum outcome selfsigned_make(const struct selfsigned *self, const struct key *key,
                                    const struct port_order *order, char *pem, size_t size,
                                    struct err *err)
{
    EVP_PKEY *pkey = ossl_pkey(key);
    const EVP_MD *md = key_alg(key) == PORT_ALG_P384 ? EVP_sha384() : EVP_sha256();
    enum outcome res = OUT_OK;
    X509 *cert = X509_new();
    if (cert == NULL || X509_set_version(cert, X509_VERSION_3) != 1 ||
        X509_set_pubkey(cert, pkey) != 1) {
        res = ossl_err(err, OUT_BROKEN, "cannot begin a certificate");
        goto out;
    }
    res = selfsigned_serial(cert, err);
    if (res == OUT_OK)
        res = selfsigned_dates(cert, self->lifetime, err);
    if (res == OUT_OK)
        res = selfsigned_names(cert, order->names, order->n_names, err);
    if (res == OUT_OK)
        res = selfsigned_uses(cert, key_alg(key), err);
    if (res == OUT_OK && X509_sign(cert, pkey, md) <= 0)
        res = ossl_err(err, OUT_BROKEN, "cannot sign a certificate");
    if (res == OUT_OK)
        res = selfsigned_print(cert, pem, size, err);
out:
    X509_free(cert);
    return res;
}

static enum outcome selfsigned_issue(void *self, const struct port_order *order,
                                     struct port_issued *out, struct err *err)
{
    const struct selfsigned *own = self;
    struct key *key = NULL;
    uint8_t spki[MODEL_ID_LEN];
    out->fault = PORT_ISSUE_OTHER;
    out->wait = 0;
    if (order->n_names == 0 || order->n_names > PORT_NAMES_MAX)
        return err_set(err, OUT_REFUSED, "%zu names: a certificate takes 1 to %d", order->n_names,
                       PORT_NAMES_MAX);
    enum outcome res = own->keys.load(own->keys.self, order->spki, &key, err);
    if (res != OUT_OK)
        return res;
    key_spki(key, spki);
    if (memcmp(spki, order->spki, sizeof spki) != 0)
        res = err_set(err, OUT_BROKEN, "the key folder gave another key than the one asked for");
    else
        res = selfsigned_make(own, key, order, out->pem, out->size, err);
    key_free(&key);
    return res;
}

const struct port_issuer_ops selfsigned_ops = {.issue = selfsigned_issue};
