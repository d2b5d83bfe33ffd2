/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/jws.h"
#include "pki.h"

/* The key of RFC 7515 appendix A.3.1. */
static const char rfc_x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
static const char rfc_y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
static const char rfc_key[] = "-----BEGIN EC PRIVATE KEY-----\n"
                              "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
                              "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"
                              "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                              "-----END EC PRIVATE KEY-----\n";

static void base64url_has_the_vectors_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } rows[] = {
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
        {"\x03\xec\xff\xe0\xc1", "A-z_4ME"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[32];
        uint8_t bytes[32];
        size_t n = 0;
        size_t len = strlen(rows[i].bytes);
        assert_true(b64url_encode((const uint8_t *)rows[i].bytes, len, text, B64URL_SIZE(len)));
        assert_string_equal(text, rows[i].text);
        assert_int_equal(B64URL_SIZE(len), strlen(text) + 1);
        assert_false(
            b64url_encode((const uint8_t *)rows[i].bytes, len, text, B64URL_SIZE(len) - 1));
        assert_true(b64url_decode(rows[i].text, bytes, len, &n));
        assert_int_equal(n, len);
        assert_memory_equal(bytes, rows[i].bytes, len);
        assert_true(len == 0 || !b64url_decode(rows[i].text, bytes, len - 1, &n));
    }
}

static void base64url_is_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",    "Zh",   "Zm9=",  "Zg==",    "Zm9v\n", " Zm9v",
                                      "Zm+v", "Zm/v", "Zm9vY", "Zm8\xc3", "Zm9.",   "Zm9"};
    uint8_t bytes[64];
    size_t n = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(b64url_decode(bad[i], bytes, sizeof bytes, &n));
    assert_true(b64url_alphabet("aZ09-_"));
    assert_false(b64url_alphabet(""));
    assert_false(b64url_alphabet("a=b"));
    assert_false(b64url_alphabet("a/../b"));
}

static struct key *rfc(void)
{
    struct err err = ERR_INIT;
    struct key *key = NULL;
    assert_int_equal(key_from_pem(rfc_key, strlen(rfc_key), &key, &err), OUT_OK);
    return key;
}

static void the_public_key_is_that_of_the_rfc(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct key *key = rfc();
    char jwk[JWS_JWK_MAX];
    char want[256] = "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"";
    assert_int_equal(jws_jwk(key, jwk, &err), OUT_OK);
    size_t at = strlen(want);
    memcpy(want + at, rfc_x, 43);
    memcpy(want + at + 43, "\",\"y\":\"", 7);
    memcpy(want + at + 50, rfc_y, 43);
    memcpy(want + at + 93, "\"}", 3);
    assert_string_equal(jwk, want);
    key_free(&key);
}

/* By OpenSSL, from r || s. */
static int verifies(const struct key *key, const char *text, size_t len, const uint8_t sig[64])
{
    char *pem = pki_key_pem(key);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    uint8_t *der = NULL;
    ECDSA_SIG *both = ECDSA_SIG_new();
    assert_non_null(pkey);
    assert_int_equal(ECDSA_SIG_set0(both, BN_bin2bn(sig, 32, NULL), BN_bin2bn(sig + 32, 32, NULL)),
                     1);
    int der_len = i2d_ECDSA_SIG(both, &der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey), 1);
    int good = EVP_DigestVerify(ctx, der, (size_t)der_len, (const uint8_t *)text, len);
    EVP_MD_CTX_free(ctx);
    ECDSA_SIG_free(both);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    free(pem);
    return good;
}

static void what_it_signs_verifies(void **state)
{
    (void)state;
    /* Header and payload of RFC 7515 appendix A.3, and its signature. */
    static const char input[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl"
        "LmNvbS9pc19yb290Ijp0cnVlfQ";
    static const char rfc_sig[] =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    struct err err = ERR_INIT;
    struct key *key = rfc();
    uint8_t sig[64];
    size_t n = 0;
    assert_true(b64url_decode(rfc_sig, sig, sizeof sig, &n));
    assert_int_equal(verifies(key, input, strlen(input), sig), 1);
    /* Many: r or s with leading zeros come once in 128. */
    for (int i = 0; i < 600; i++) {
        assert_int_equal(jws_sign(key, input, strlen(input) - (size_t)(i % 7), sig, &err), OUT_OK);
        assert_int_equal(verifies(key, input, strlen(input) - (size_t)(i % 7), sig), 1);
    }
    sig[63] ^= 1;
    assert_int_not_equal(verifies(key, input, strlen(input), sig), 1);
    key_free(&key);
}

static void the_thumbprint_is_that_of_the_members(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct key *key = rfc();
    char out[B64URL_SIZE(32)];
    char jwk[JWS_JWK_MAX];
    uint8_t digest[32];
    char want[B64URL_SIZE(32)];
    /* RFC 7638 gives one for RSA alone; this one was computed apart from this code. */
    assert_int_equal(jws_thumbprint(key, out, &err), OUT_OK);
    assert_string_equal(out, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    assert_int_equal(jws_jwk(key, jwk, &err), OUT_OK);
    assert_int_equal(EVP_Digest(jwk, strlen(jwk), digest, NULL, EVP_sha256(), NULL), 1);
    assert_true(b64url_encode(digest, 32, want, sizeof want));
    assert_string_equal(out, want);
    key_free(&key);
}

/* RFC 7638 section 3.1: the digest of these members, in this order, without white space. */
static void the_digest_is_that_of_rfc_7638(void **state)
{
    (void)state;
    static const char jwk[] =
        "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":"
        "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4"
        "cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArw"
        "l93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr"
        "n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCu"
        "r-kEgU8awapJzKnqDKgw\"}";
    struct err err = ERR_INIT;
    uint8_t digest[32];
    char text[B64URL_SIZE(32)];
    assert_int_equal(jws_sha256(jwk, strlen(jwk), digest, &err), OUT_OK);
    assert_true(b64url_encode(digest, 32, text, sizeof text));
    assert_string_equal(text, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

static void other_keys_are_refused(void **state)
{
    (void)state;
    static const enum port_alg algs[] = {PORT_ALG_P384, PORT_ALG_RSA2048};
    for (size_t i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        struct key *key = pki_key(algs[i]);
        uint8_t sig[64];
        char jwk[JWS_JWK_MAX];
        assert_int_equal(jws_sign(key, "a", 1, sig, &err), OUT_REFUSED);
        assert_non_null(strstr(err.text, "P-256"));
        assert_int_equal(jws_jwk(key, jwk, &err), OUT_REFUSED);
        key_free(&key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64url_has_the_vectors_of_the_rfc),
        cmocka_unit_test(base64url_is_read_strictly),
        cmocka_unit_test(the_public_key_is_that_of_the_rfc),
        cmocka_unit_test(what_it_signs_verifies),
        cmocka_unit_test(the_thumbprint_is_that_of_the_members),
        cmocka_unit_test(the_digest_is_that_of_rfc_7638),
        cmocka_unit_test(other_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
