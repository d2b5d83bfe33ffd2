/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/jws.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "crypto/ossl.h"

#define JWS_DER_MAX 128 /* an ECDSA signature over P-256 takes at most 72 */

static enum outcome jws_is_p256(const struct key *key, struct err *err)
{
    if (key_alg(key) == PORT_ALG_P256)
        return OUT_OK;
    return err_set(err, OUT_REFUSED, "an ACME account takes a P-256 key, not %s",
                   key_alg_name(key_alg(key)));
}

/* From the DER SEQUENCE of two INTEGERs to two numbers of a fixed length. */
static bool jws_raw(const uint8_t *der, size_t len, uint8_t sig[JWS_SIGNATURE_LEN])
{
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool good =
        both != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(both), sig, JWS_COORD_LEN) == JWS_COORD_LEN &&
        BN_bn2binpad(ECDSA_SIG_get0_s(both), sig + JWS_COORD_LEN, JWS_COORD_LEN) == JWS_COORD_LEN;
    ECDSA_SIG_free(both);
    return good;
}

enum outcome jws_sign(const struct key *key, const void *data, size_t len,
                      uint8_t sig[JWS_SIGNATURE_LEN], struct err *err)
{
    uint8_t der[JWS_DER_MAX];
    size_t der_len = sizeof der;
    enum outcome res = jws_is_p256(key, err);
    if (res != OUT_OK)
        return res;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, ossl_pkey(key)) != 1 ||
        EVP_DigestSign(ctx, der, &der_len, data, len) != 1 || !jws_raw(der, der_len, sig))
        res = ossl_err(err, OUT_BROKEN, "cannot sign with the account key");
    EVP_MD_CTX_free(ctx);
    return res;
}

static bool jws_coord(EVP_PKEY *pkey, const char *param, char out[B64URL_SIZE(JWS_COORD_LEN)])
{
    uint8_t bytes[JWS_COORD_LEN];
    BIGNUM *number = NULL;
    bool good = EVP_PKEY_get_bn_param(pkey, param, &number) == 1 &&
                BN_bn2binpad(number, bytes, sizeof bytes) == (int)sizeof bytes &&
                b64url_encode(bytes, sizeof bytes, out, B64URL_SIZE(JWS_COORD_LEN));
    BN_free(number);
    return good;
}

enum outcome jws_jwk(const struct key *key, char out[JWS_JWK_MAX], struct err *err)
{
    char x[B64URL_SIZE(JWS_COORD_LEN)];
    char y[B64URL_SIZE(JWS_COORD_LEN)];
    enum outcome res = jws_is_p256(key, err);
    if (res != OUT_OK)
        return res;
    if (!jws_coord(ossl_pkey(key), OSSL_PKEY_PARAM_EC_PUB_X, x) ||
        !jws_coord(ossl_pkey(key), OSSL_PKEY_PARAM_EC_PUB_Y, y) ||
        !text_format(out, JWS_JWK_MAX,
                     "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y))
        return ossl_err(err, OUT_BROKEN, "cannot encode the account's public key");
    return OUT_OK;
}

enum outcome jws_thumbprint(const struct key *key, char out[B64URL_SIZE(JWS_DIGEST_LEN)],
                            struct err *err)
{
    char jwk[JWS_JWK_MAX];
    uint8_t digest[JWS_DIGEST_LEN];
    enum outcome res = jws_jwk(key, jwk, err);
    if (res == OUT_OK)
        res = jws_sha256(jwk, strlen(jwk), digest, err);
    if (res == OUT_OK)
        (void)b64url_encode(digest, sizeof digest, out, B64URL_SIZE(JWS_DIGEST_LEN));
    return res;
}

enum outcome jws_sha256(const void *data, size_t len, uint8_t out[JWS_DIGEST_LEN], struct err *err)
{
    return ossl_digest(256, data, len, out, err);
}
