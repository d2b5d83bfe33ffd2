/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/csr.h"
#include "pki.h"

static X509_REQ *request(const struct key *key, const char *const *names, size_t n)
{
    struct err err = ERR_INIT;
    uint8_t *der = NULL;
    size_t len = 0;
    assert_int_equal(csr_make(key, names, n, &der, &len, &err), OUT_OK);
    const uint8_t *at = der;
    X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)len);
    assert_non_null(req);
    assert_ptr_equal(at, der + len);
    free(der);
    return req;
}

static void check_names(X509_REQ *req, const char *const *want, size_t n)
{
    STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
    GENERAL_NAMES *sans = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
    assert_non_null(sans);
    assert_int_equal(sk_GENERAL_NAME_num(sans), (int)n);
    for (size_t i = 0; i < n; i++) {
        int type = 0;
        const ASN1_IA5STRING *text =
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(sans, (int)i), &type);
        assert_int_equal(type, GEN_DNS);
        assert_int_equal(ASN1_STRING_length(text), strlen(want[i]));
        assert_memory_equal(ASN1_STRING_get0_data(text), want[i], strlen(want[i]));
    }
    GENERAL_NAMES_free(sans);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

static void requests_are_signed_and_name_everything(void **state)
{
    (void)state;
    static const enum port_alg algs[] = {PORT_ALG_P256, PORT_ALG_P384, PORT_ALG_RSA2048};
    static const char *const names[] = {"MX.example.org.", "mx2.example.org", "*.m.example.org"};
    static const char *const want[] = {"mx.example.org", "mx2.example.org", "*.m.example.org"};
    for (size_t i = 0; i < 3; i++) {
        struct key *key = pki_key(algs[i]);
        X509_REQ *req = request(key, names, 3);
        char cn[128] = "";
        uint8_t spki[MODEL_ID_LEN];
        uint8_t mine[MODEL_ID_LEN];
        uint8_t *der = NULL;
        assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
        int len = i2d_PUBKEY(X509_REQ_get0_pubkey(req), &der);
        assert_int_equal(EVP_Digest(der, (size_t)len, spki, NULL, EVP_sha256(), NULL), 1);
        key_spki(key, mine);
        assert_memory_equal(spki, mine, sizeof spki);
        assert_true(X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(req), NID_commonName, cn,
                                              sizeof cn) > 0);
        assert_string_equal(cn, want[0]);
        check_names(req, want, 3);
        OPENSSL_free(der);
        X509_REQ_free(req);
        key_free(&key);
    }
}

static void a_long_first_name_is_no_common_name(void **state)
{
    (void)state;
    static const char *const at64[] = {
        "a23456789.123456789.123456789.123456789.123456789.12345.example"};
    static const char *const at65[] = {
        "a23456789.123456789.123456789.123456789.123456789.123456.example."};
    struct key *key = pki_key(PORT_ALG_P256);
    const char *bare[] = {"a23456789.123456789.123456789.123456789.123456789.1234567.example"};
    X509_REQ *req = request(key, at64, 1);
    assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(req)), 1);
    X509_REQ_free(req);
    req = request(key, at65, 1); /* the dot does not count: 64 */
    assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(req)), 1);
    X509_REQ_free(req);
    req = request(key, bare, 1);
    assert_int_equal(X509_NAME_entry_count(X509_REQ_get_subject_name(req)), 0);
    check_names(req, bare, 1);
    X509_REQ_free(req);
    key_free(&key);
}

static void what_is_no_name_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",  ".",        "a..b",  "a b",    "-a.test",      "a-.test",
                                      "*", "a.*.test", "a_b.c", "a\n.bb", "\xc3\xa4.test"};
    struct key *key = pki_key(PORT_ALG_P256);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *names[] = {"mx.example.org", bad[i]};
        struct err err = ERR_INIT;
        uint8_t *der = NULL;
        size_t len = 0;
        assert_int_equal(csr_make(key, names, 2, &der, &len, &err), OUT_REFUSED);
        assert_null(der);
        assert_true(err.text[0] != '\0');
        assert_int_equal(csr_make(key, names, 0, &der, &len, &err), OUT_REFUSED);
    }
    key_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_signed_and_name_everything),
        cmocka_unit_test(a_long_first_name_is_no_common_name),
        cmocka_unit_test(what_is_no_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
