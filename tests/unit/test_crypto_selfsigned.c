/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/cert.h"
#include "crypto/selfsigned.h"
#include "pki.h"

#define DAY ((model_time)86400 * 1000)

/* A key folder of one key, which it hands out as a copy. */
static enum outcome load(void *self, const uint8_t spki[MODEL_ID_LEN], struct key **out,
                         struct err *err)
{
    (void)spki;
    *out = NULL;
    if (self == NULL)
        return err_set(err, OUT_REFUSED, "no such key");
    const char *pem = self;
    return key_from_pem(pem, strlen(pem), out, err);
}

static enum outcome issue(const struct key *key, model_time lifetime, const char *const *names,
                          size_t n, char *pem, size_t size, struct err *err)
{
    char *text = pki_key_pem(key);
    struct selfsigned self = {{load, text}, lifetime};
    struct port_order order = {.names = names, .n_names = n};
    key_spki(key, order.spki);
    struct port_issued issued = {.pem = pem, .size = size};
    enum outcome out = selfsigned_ops.issue(&self, &order, &issued, err);
    free(text);
    return out;
}

static X509 *read_cert(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(cert);
    return cert;
}

static void it_is_what_its_own_inspection_wants(void **state)
{
    (void)state;
    static const char *const names[] = {"MX.example.org.", "mx2.example.org", "*.m.example.org"};
    static const enum port_alg algs[] = {PORT_ALG_P256, PORT_ALG_P384, PORT_ALG_RSA2048};
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        struct err err = ERR_INIT;
        struct port_cert cert;
        char pem[PORT_PEM_MAX];
        uint8_t spki[MODEL_ID_LEN];
        struct key *key = pki_key(algs[i]);
        model_time now = (model_time)time(NULL) * 1000;
        key_spki(key, spki);
        assert_int_equal(issue(key, 90 * DAY, names, 3, pem, sizeof pem, &err), OUT_OK);
        assert_int_equal(cert_ops.inspect(NULL, pem, spki, names, 3, &cert, &err), OUT_OK);
        assert_true(cert.names_ok);
        assert_int_equal(cert.alg, algs[i]);
        assert_in_range(now - cert.not_before, 3600000 - 60000, 3600000);
        assert_in_range(cert.not_after - now, 90 * DAY - 1000, 90 * DAY + 60000);
        key_free(&key);
    }
}

static void its_fields(void **state)
{
    (void)state;
    static const char *const names[] = {"mx.example.org", "mx2.example.org"};
    struct err err = ERR_INIT;
    char pem[PORT_PEM_MAX];
    char cn[128];
    struct key *key = pki_key(PORT_ALG_RSA2048);
    assert_int_equal(issue(key, DAY, names, 2, pem, sizeof pem, &err), OUT_OK);
    X509 *cert = read_cert(pem);
    assert_int_equal(X509_get_version(cert), X509_VERSION_3);
    assert_int_equal(X509_get_extension_flags(cert) & (EXFLAG_CA | EXFLAG_INVALID), 0);
    assert_true((X509_get_extension_flags(cert) & EXFLAG_BCONS) != 0);
    assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
    assert_int_equal(X509_get_extended_key_usage(cert), XKU_SSL_SERVER);
    assert_int_equal(
        X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, cn, sizeof cn),
        strlen("mx.example.org"));
    assert_string_equal(cn, "mx.example.org");
    assert_int_equal(X509_verify(cert, X509_get0_pubkey(cert)), 1);
    X509_free(cert);
    key_free(&key);
}

static void serials_are_large_positive_and_differ(void **state)
{
    (void)state;
    static const char *const names[] = {"mx.example.org"};
    struct key *key = pki_key(PORT_ALG_P256);
    BIGNUM *last = NULL;
    int most = 0;
    for (int i = 0; i < 20; i++) {
        struct err err = ERR_INIT;
        char pem[PORT_PEM_MAX];
        assert_int_equal(issue(key, DAY, names, 1, pem, sizeof pem, &err), OUT_OK);
        X509 *cert = read_cert(pem);
        BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
        assert_false(BN_is_negative(serial));
        assert_true(BN_num_bits(serial) <= 128);
        if (BN_num_bits(serial) > most)
            most = BN_num_bits(serial);
        if (last != NULL)
            assert_int_not_equal(BN_cmp(last, serial), 0);
        BN_free(last);
        last = serial;
        X509_free(cert);
    }
    assert_true(most > 120);
    BN_free(last);
    key_free(&key);
}

/* No room for it as common name: the subject is empty and the names are critical. */
static void a_long_first_name_leaves_the_subject_empty(void **state)
{
    (void)state;
    static const char *const names[] = {
        "a-rather-long-name-of-a-mail-server.in-a-long-department.example.org"};
    struct err err = ERR_INIT;
    struct port_cert out;
    char pem[PORT_PEM_MAX];
    int critical = 0;
    struct key *key = pki_key(PORT_ALG_P256);
    assert_int_equal(issue(key, DAY, names, 1, pem, sizeof pem, &err), OUT_OK);
    X509 *cert = read_cert(pem);
    assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(cert)), 0);
    GENERAL_NAMES *sans = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    assert_non_null(sans);
    assert_int_equal(critical, 1);
    GENERAL_NAMES_free(sans);
    X509_free(cert);
    assert_int_equal(cert_ops.inspect(NULL, pem, NULL, names, 1, &out, &err), OUT_OK);
    assert_true(out.names_ok);
    key_free(&key);
}

static void names_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        ".",
        "a..b",
        ".a",
        "a b",
        "-a.org",
        "a-.org",
        "a,DNS:b",
        "a/b",
        "*",
        "*.",
        "a.*.b",
        "*a.b",
        "b\xc3\xbc.org",
        "a\n.org",
        "a.org..",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org", /* 64 */
    };
    struct key *key = pki_key(PORT_ALG_P256);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        char pem[PORT_PEM_MAX];
        const char *const names[] = {"mx.example.org", rows[i]};
        enum outcome out = issue(key, DAY, names, 2, pem, sizeof pem, &err);
        if (out != OUT_REFUSED)
            print_error("\"%s\" was taken\n", rows[i]);
        assert_int_equal(out, OUT_REFUSED);
    }
    key_free(&key);
}

static void lifetimes_and_counts_have_limits(void **state)
{
    (void)state;
    static const char *const names[] = {"mx.example.org"};
    const char *many[PORT_NAMES_MAX + 1];
    struct err err = ERR_INIT;
    char pem[PORT_PEM_MAX];
    struct key *key = pki_key(PORT_ALG_P256);
    for (size_t i = 0; i <= PORT_NAMES_MAX; i++)
        many[i] = names[0];
    assert_int_equal(issue(key, 0, names, 1, pem, sizeof pem, &err), OUT_REFUSED);
    assert_int_equal(issue(key, -DAY, names, 1, pem, sizeof pem, &err), OUT_REFUSED);
    assert_int_equal(issue(key, 3651 * DAY, names, 1, pem, sizeof pem, &err), OUT_REFUSED);
    assert_int_equal(issue(key, 3650 * DAY, names, 1, pem, sizeof pem, &err), OUT_OK);
    assert_int_equal(issue(key, 2000, names, 1, pem, sizeof pem, &err), OUT_OK);
    assert_int_equal(issue(key, DAY, names, 0, pem, sizeof pem, &err), OUT_REFUSED);
    assert_int_equal(issue(key, DAY, many, PORT_NAMES_MAX, pem, sizeof pem, &err), OUT_OK);
    assert_int_equal(issue(key, DAY, many, PORT_NAMES_MAX + 1, pem, sizeof pem, &err), OUT_REFUSED);
    assert_int_equal(issue(key, DAY, names, 1, pem, 100, &err), OUT_REFUSED);
    key_free(&key);
}

static void a_missing_or_wrong_key_is_said(void **state)
{
    (void)state;
    static const char *const names[] = {"mx.example.org"};
    struct err err = ERR_INIT;
    char pem[PORT_PEM_MAX];
    struct key *key = pki_key(PORT_ALG_P256);
    char *text = pki_key_pem(key);
    struct selfsigned self = {{load, NULL}, DAY};
    struct port_order order = {.names = names, .n_names = 1};
    struct port_issued issued = {.pem = pem, .size = sizeof pem};
    assert_int_equal(selfsigned_ops.issue(&self, &order, &issued, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "no such key"));
    self.keys.self = text;
    assert_int_equal(selfsigned_ops.issue(&self, &order, &issued, &err), OUT_BROKEN);
    assert_non_null(strstr(err.text, "another key"));
    free(text);
    key_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_its_own_inspection_wants),
        cmocka_unit_test(its_fields),
        cmocka_unit_test(serials_are_large_positive_and_differ),
        cmocka_unit_test(a_long_first_name_leaves_the_subject_empty),
        cmocka_unit_test(names_that_are_none_are_refused),
        cmocka_unit_test(lifetimes_and_counts_have_limits),
        cmocka_unit_test(a_missing_or_wrong_key_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
