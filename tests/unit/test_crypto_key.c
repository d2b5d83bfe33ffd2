/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>

#include "crypto/key.h"
#include "crypto/ossl.h"
#include "crypto/tlsa.h"
#include "pki.h"

static const enum port_alg algs[] = {PORT_ALG_P256, PORT_ALG_P384, PORT_ALG_RSA2048,
                                     PORT_ALG_RSA3072, PORT_ALG_RSA4096};

static void each_algorithm_comes_back_from_its_pem(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        struct err err = ERR_INIT;
        struct key *again = NULL;
        struct key_pem pem;
        uint8_t a[MODEL_ID_LEN];
        uint8_t b[MODEL_ID_LEN];
        struct key *key = pki_key(algs[i]);
        assert_int_equal(key_alg(key), algs[i]);
        assert_int_equal(key_to_pem(key, &pem, &err), OUT_OK);
        assert_int_equal(pem.len, strlen(pem.text));
        assert_non_null(strstr(pem.text, "-----BEGIN PRIVATE KEY-----\n"));
        assert_int_equal(key_from_pem(pem.text, pem.len, &again, &err), OUT_OK);
        assert_int_equal(key_alg(again), algs[i]);
        key_spki(key, a);
        key_spki(again, b);
        assert_memory_equal(a, b, sizeof a);
        key_pem_wipe(&pem);
        for (size_t j = 0; j < sizeof pem.text; j++)
            assert_int_equal(pem.text[j], 0);
        key_free(&key);
        key_free(&again);
        assert_null(key);
        key_free(&key);
    }
}

static void two_keys_are_never_the_same(void **state)
{
    (void)state;
    uint8_t a[MODEL_ID_LEN];
    uint8_t b[MODEL_ID_LEN];
    struct key *one = pki_key(PORT_ALG_P256);
    struct key *two = pki_key(PORT_ALG_P256);
    key_spki(one, a);
    key_spki(two, b);
    assert_memory_not_equal(a, b, sizeof a);
    key_free(&one);
    key_free(&two);
}

static void names_of_algorithms(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    enum port_alg alg = 0;
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        assert_int_equal(key_alg_parse(key_alg_name(algs[i]), &alg, &err), OUT_OK);
        assert_int_equal(alg, algs[i]);
    }
    assert_int_equal(key_alg_parse("rsa-2048", &alg, &err), OUT_OK);
    assert_int_equal(alg, PORT_ALG_RSA2048);
    assert_int_equal(key_alg_parse("ed25519", &alg, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "P-256"));
    assert_string_equal(key_alg_name((enum port_alg)99), "unknown");
    struct key *key = NULL;
    assert_int_equal(key_make((enum port_alg)99, &key, &err), OUT_REFUSED);
    assert_null(key);
}

/* PEM text of an OpenSSL key; form 0 PKCS#8, 1 the older form, 2 and 3 these encrypted. */
static char *foreign(EVP_PKEY *pkey, int form)
{
    unsigned char pass[] = "secret";
    const EVP_CIPHER *cipher = form >= 2 ? EVP_aes_128_cbc() : NULL;
    char *data = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(pkey);
    int good = form % 2 == 0 ? PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher, (char *)pass,
                                                             cipher != NULL ? 6 : 0, NULL, NULL)
                             : PEM_write_bio_PrivateKey_traditional(
                                   bio, pkey, cipher, pass, cipher != NULL ? 6 : 0, NULL, NULL);
    assert_int_equal(good, 1);
    long len = BIO_get_mem_data(bio, &data);
    char *text = calloc(1, (size_t)len + 1);
    assert_non_null(text);
    memcpy(text, data, (size_t)len);
    BIO_free(bio);
    return text;
}

static void refused(const char *text, const char *why)
{
    struct err err = ERR_INIT;
    struct key *key = NULL;
    enum outcome out = key_from_pem(text, strlen(text), &key, &err);
    if (out != OUT_REFUSED || strstr(err.text, why) == NULL)
        print_error("expected \"%s\", got %s: %s\n", why, err_outcome_name(out), err.text);
    assert_int_equal(out, OUT_REFUSED);
    assert_non_null(strstr(err.text, why));
    assert_null(key);
}

/* Takes the text. */
static void refused_free(char *text, const char *why)
{
    refused(text, why);
    free(text);
}

static void taken_free(char *text, enum port_alg alg)
{
    struct err err = ERR_INIT;
    struct key *key = NULL;
    assert_int_equal(key_from_pem(text, strlen(text), &key, &err), OUT_OK);
    assert_int_equal(key_alg(key), alg);
    key_free(&key);
    free(text);
}

static void older_forms_are_taken(void **state)
{
    (void)state;
    static const char params[] = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                                 "-----END EC PARAMETERS-----\n";
    struct key *ec = pki_key(PORT_ALG_P256);
    struct key *rsa = pki_key(PORT_ALG_RSA2048);
    taken_free(foreign(ossl_pkey(ec), 1), PORT_ALG_P256);
    taken_free(foreign(ossl_pkey(rsa), 1), PORT_ALG_RSA2048);
    char *old = foreign(ossl_pkey(ec), 1);
    taken_free(pki_join(params, old), PORT_ALG_P256);
    free(old);
    key_free(&ec);
    key_free(&rsa);
}

static void encrypted_keys_are_refused_without_a_question(void **state)
{
    (void)state;
    struct key *ec = pki_key(PORT_ALG_P256);
    refused_free(foreign(ossl_pkey(ec), 2), "encrypted");
    refused_free(foreign(ossl_pkey(ec), 3), "encrypted");
    key_free(&ec);
}

static void other_algorithms_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *group;
        size_t bits;
        const char *why;
    } rows[] = {
        {"ED25519", NULL, 0, "ED25519"},     {"ED448", NULL, 0, "ED448"},
        {"EC", "secp256k1", 0, "secp256k1"}, {"EC", "P-521", 0, "secp521r1"},
        {"RSA", NULL, 1024, "1024"},         {"RSA", NULL, 2056, "2056"},
        {"RSA-PSS", NULL, 2048, "RSA-PSS"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, rows[i].type, NULL);
        EVP_PKEY *pkey = NULL;
        assert_non_null(ctx);
        assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
        if (rows[i].group != NULL)
            assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, rows[i].group), 1);
        if (rows[i].bits != 0) {
            size_t bits = rows[i].bits;
            OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits),
                                   OSSL_PARAM_construct_end()};
            assert_int_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
        }
        assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);
        refused_free(foreign(pkey, 0), rows[i].why);
        EVP_PKEY_free(pkey);
        EVP_PKEY_CTX_free(ctx);
    }
}

/* The private number of one key with the public point of another. */
static void halves_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct key *one = pki_key(PORT_ALG_P256);
    struct key *two = pki_key(PORT_ALG_P256);
    char group[] = "P-256";
    uint8_t point[133];
    size_t len = 0;
    BIGNUM *number = NULL;
    uint8_t octets[32];
    EVP_PKEY *mixed = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(ossl_pkey(one), OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
    assert_int_equal(BN_bn2nativepad(number, octets, sizeof octets), sizeof octets);
    assert_int_equal(EVP_PKEY_get_octet_string_param(ossl_pkey(two), OSSL_PKEY_PARAM_PUB_KEY, point,
                                                     sizeof point, &len),
                     1);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
                           OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, octets, sizeof octets),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, len),
                           OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &mixed, EVP_PKEY_KEYPAIR, params), 1);
    refused_free(foreign(mixed, 0), "does not fit its own public half");
    EVP_PKEY_free(mixed);
    EVP_PKEY_CTX_free(ctx);
    BN_free(number);
    key_free(&one);
    key_free(&two);
}

static void texts_that_are_not_one_key_are_refused(void **state)
{
    (void)state;
    struct key *ec = pki_key(PORT_ALG_P256);
    char *pem = pki_key_pem(ec);
    char *cert = pki_self(ec, "mx.example.org");
    refused("", "no private key");
    refused("rubbish\n", "outside");
    refused("-----BEGIN PRIVATE KEY-----\nAAAA\n", "cut short");
    refused("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "ends as END");
    refused("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a readable");
    refused("-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n", "not a readable");
    refused("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "PUBLIC KEY");
    refused("-----BEGIN PRIVATE KEY\nAAAA\n-----END PRIVATE KEY-----\n", "line of dashes");
    refused_free(pki_join(pem, pem), "second private key");
    refused_free(pki_join(pem, "and more\n"), "outside");
    refused_free(pki_join("before\n", pem), "outside");
    refused_free(pki_join(pem, cert), "CERTIFICATE");
    taken_free(pki_join("\n \t\r\n", pem), PORT_ALG_P256);
    struct key *key = NULL;
    struct err err = ERR_INIT;
    pem[10] = '\0'; /* a NUL within */
    assert_int_equal(key_from_pem(pem, 100, &key, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "NUL"));
    free(pem);
    free(cert);
    key_free(&ec);
}

/* Whatever the cut, no crash, no key, and never a part of the key in the explanation. */
static void every_cut_of_a_key_is_refused(void **state)
{
    (void)state;
    struct key *ec = pki_key(PORT_ALG_P256);
    char *pem = pki_key_pem(ec);
    char secret[17] = "";
    memcpy(secret, pem + 60, 16);
    for (size_t len = 0; len + 1 < strlen(pem); len++) {
        struct err err = ERR_INIT;
        struct key *key = NULL;
        assert_int_equal(key_from_pem(pem, len, &key, &err), OUT_REFUSED);
        assert_null(key);
        assert_null(strstr(err.text, secret));
    }
    free(pem);
    key_free(&ec);
}

static void the_record_of_a_key_is_its_digest(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct port_tlsa rec;
    uint8_t spki[MODEL_ID_LEN];
    uint8_t want[64];
    uint8_t *der = NULL;
    struct key *key = pki_key(PORT_ALG_RSA2048);
    int len = i2d_PUBKEY(ossl_pkey(key), &der);
    assert_int_equal(key_tlsa(key, (struct model_combo){3, 1, 1}, &rec, &err), OUT_OK);
    key_spki(key, spki);
    assert_int_equal(rec.len, 32);
    assert_memory_equal(rec.data, spki, 32);
    assert_int_equal(EVP_Digest(der, (size_t)len, want, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(rec.data, want, 32);
    assert_int_equal(key_tlsa(key, (struct model_combo){3, 1, 2}, &rec, &err), OUT_OK);
    assert_int_equal(EVP_Digest(der, (size_t)len, want, NULL, EVP_sha512(), NULL), 1);
    assert_int_equal(rec.len, 64);
    assert_memory_equal(rec.data, want, 64);
    assert_int_equal(key_tlsa(key, (struct model_combo){3, 1, 0}, &rec, &err), OUT_OK);
    assert_int_equal(rec.len, len);
    assert_memory_equal(rec.data, der, (size_t)len);
    static const struct model_combo bad[] = {{3, 0, 1}, {2, 1, 1}, {1, 1, 1},
                                             {0, 1, 1}, {3, 1, 3}, {3, 2, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(key_tlsa(key, bad[i], &rec, &err), OUT_REFUSED);
    OPENSSL_free(der);
    key_free(&key);
}

/* printf '\003\001\001abc' | sha256sum */
static void the_id_is_the_digest_of_the_wire_form(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct port_tlsa rec = {{3, 1, 1}, 3, "abc"};
    uint8_t id[MODEL_ID_LEN];
    char hex[2 * MODEL_ID_LEN + 1];
    assert_int_equal(tlsa_id(&rec, id, &err), OUT_OK);
    for (size_t i = 0; i < sizeof id; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", id[i]);
    assert_string_equal(hex, "581c99f4f30501ae4be3579061f6c1174af89762b20ce8165042105e6432963d");
    struct port_tlsa other = rec;
    assert_true(tlsa_equal(&rec, &other));
    other.combo.matching = 2;
    assert_false(tlsa_equal(&rec, &other));
    rec.len = PORT_TLSA_MAX + 1;
    assert_int_equal(tlsa_id(&rec, id, &err), OUT_REFUSED);
}

static void records_are_printed_within_their_room(void **state)
{
    (void)state;
    struct port_tlsa rec = {{3, 1, 1}, 5, {0x01, 0x23, 0xab, 0xcd, 0xef}};
    char text[64];
    tlsa_print(&rec, text, sizeof text);
    assert_string_equal(text, "3 1 1 0123abcdef");
    tlsa_print(&rec, text, 16);
    assert_string_equal(text, "3 1 1 0123ab...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_algorithm_comes_back_from_its_pem),
        cmocka_unit_test(two_keys_are_never_the_same),
        cmocka_unit_test(names_of_algorithms),
        cmocka_unit_test(older_forms_are_taken),
        cmocka_unit_test(encrypted_keys_are_refused_without_a_question),
        cmocka_unit_test(other_algorithms_are_refused_by_name),
        cmocka_unit_test(halves_that_do_not_fit_are_refused),
        cmocka_unit_test(texts_that_are_not_one_key_are_refused),
        cmocka_unit_test(every_cut_of_a_key_is_refused),
        cmocka_unit_test(the_record_of_a_key_is_its_digest),
        cmocka_unit_test(the_id_is_the_digest_of_the_wire_form),
        cmocka_unit_test(records_are_printed_within_their_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
