/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/ossl.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

enum outcome ossl_err(struct err *err, enum outcome out, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    if (reason != NULL)
        return err_set(err, out, "%s: %s", text, reason);
    return err_set(err, out, "%s", text);
}

enum outcome ossl_digest(int bits, const uint8_t *data, size_t len, uint8_t *out, struct err *err)
{
    const EVP_MD *md = bits == 512 ? EVP_sha512() : EVP_sha256();
    if (EVP_Digest(data, len, out, NULL, md, NULL) != 1)
        return ossl_err(err, OUT_BROKEN, "cannot compute a SHA-%d digest", bits);
    return OUT_OK;
}

enum outcome ossl_spki_der(const EVP_PKEY *pkey, uint8_t **der, size_t *len, struct err *err)
{
    *der = NULL;
    *len = 0;
    int n = i2d_PUBKEY(pkey, der);
    if (n <= 0 || *der == NULL)
        return ossl_err(err, OUT_BROKEN, "cannot encode a public key");
    *len = (size_t)n;
    return OUT_OK;
}

enum outcome ossl_spki(const EVP_PKEY *pkey, uint8_t spki[MODEL_ID_LEN], struct err *err)
{
    uint8_t *der = NULL;
    size_t len = 0;
    enum outcome out = ossl_spki_der(pkey, &der, &len, err);
    if (out == OUT_OK)
        out = ossl_digest(256, der, len, spki, err);
    OPENSSL_free(der);
    return out;
}

void ossl_free(void *mem)
{
    OPENSSL_free(mem);
}

static enum outcome ossl_alg_ec(const EVP_PKEY *pkey, enum port_alg *out, struct err *err)
{
    char group[64] = "";
    if (EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1)
        return ossl_err(err, OUT_REFUSED, "an EC key without a named curve; take P-256 or P-384");
    int nid = OBJ_txt2nid(group);
    if (nid == NID_X9_62_prime256v1 || strcmp(group, "P-256") == 0)
        *out = PORT_ALG_P256;
    else if (nid == NID_secp384r1 || strcmp(group, "P-384") == 0)
        *out = PORT_ALG_P384;
    else
        return ossl_err(err, OUT_REFUSED, "an EC key on the curve %s; take P-256 or P-384", group);
    return OUT_OK;
}

enum outcome ossl_alg(const EVP_PKEY *pkey, enum port_alg *out, struct err *err)
{
    int id = EVP_PKEY_get_base_id(pkey);
    if (id == EVP_PKEY_EC)
        return ossl_alg_ec(pkey, out, err);
    if (id == EVP_PKEY_RSA) {
        int bits = EVP_PKEY_get_bits(pkey);
        if (bits == 2048)
            *out = PORT_ALG_RSA2048;
        else if (bits == 3072)
            *out = PORT_ALG_RSA3072;
        else if (bits == 4096)
            *out = PORT_ALG_RSA4096;
        else
            return err_set(err, OUT_REFUSED,
                           "an RSA key of %d bits; take RSA with 2048, 3072 or 4096", bits);
        return OUT_OK;
    }
    const char *name = EVP_PKEY_get0_type_name(pkey);
    return err_set(err, OUT_REFUSED,
                   "a key of type %s, which too few senders can verify; take P-256, P-384 or RSA",
                   name != NULL ? name : "unknown");
}

BIO *ossl_reader(const char *text, size_t len, struct err *err)
{
    if (len > INT_MAX) {
        (void)err_set(err, OUT_REFUSED, "a text of %zu octets is too large", len);
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    if (bio == NULL)
        (void)ossl_err(err, OUT_BROKEN, "out of memory");
    return bio;
}
