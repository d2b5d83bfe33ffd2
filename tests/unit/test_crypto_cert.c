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
#include <openssl/pem.h>

#include "crypto/cert.h"
#include "crypto/key.h"
#include "pki.h"

#define NAMES "mx.example.org,*.mail.example.org,mx2.example.org"

static struct pki pki;

static int begin(void **state)
{
    (void)state;
    pki_begin(&pki, PORT_ALG_P256, NAMES);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pki_end(&pki);
    return 0;
}

static enum outcome inspect(const char *pem, struct port_cert *out, struct err *err)
{
    return cert_ops.inspect(NULL, pem, NULL, NULL, 0, out, err);
}

static void refused(const char *pem, const char *why)
{
    struct err err = ERR_INIT;
    struct port_cert cert;
    enum outcome out = inspect(pem, &cert, &err);
    if (out != OUT_REFUSED || strstr(err.text, why) == NULL)
        print_error("expected \"%s\", got %s: %s\n", why, err_outcome_name(out), err.text);
    assert_int_equal(out, OUT_REFUSED);
    assert_non_null(strstr(err.text, why));
}

/* Joins up to four texts and expects a refusal. */
static void refused_join(const char *a, const char *b, const char *c, const char *why)
{
    char *ab = pki_join(a, b);
    char *abc = pki_join(ab, c);
    refused(abc, why);
    free(ab);
    free(abc);
}

static void taken_join(const char *a, const char *b, const char *c)
{
    struct err err = ERR_INIT;
    struct port_cert cert;
    char *ab = pki_join(a, b);
    char *abc = pki_join(ab, c);
    assert_int_equal(inspect(abc, &cert, &err), OUT_OK);
    assert_true(cert.names_ok);
    free(ab);
    free(abc);
}

static void right_chains_are_taken(void **state)
{
    (void)state;
    taken_join(pki.leaf, NULL, NULL);
    taken_join(pki.leaf, pki.sub, NULL);
    taken_join(pki.leaf, pki.sub, pki.root);
    taken_join("\n\n", pki.leaf, "\r\n  \n");
    taken_join(pki.leaf, "\n", pki.sub);
    char *self = pki_self(pki.leaf_key, "mx.example.org");
    taken_join(self, NULL, NULL);
    free(self);
}

static void what_a_leaf_says(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct port_cert cert;
    uint8_t spki[MODEL_ID_LEN];
    model_time now = (model_time)time(NULL) * 1000;
    key_spki(pki.leaf_key, spki);
    assert_int_equal(cert_ops.inspect(NULL, pki.leaf, spki, NULL, 0, &cert, &err), OUT_OK);
    assert_int_equal(cert.alg, PORT_ALG_P256);
    assert_memory_equal(cert.spki, spki, sizeof spki);
    assert_in_range(now - cert.not_before, 60000 - 2000, 60000 + 60000);
    assert_in_range(cert.not_after - now, 86400000 - 60000, 86400000 + 2000);
    struct port_tlsa rec;
    assert_int_equal(cert_ops.tlsa(NULL, pki.leaf, (struct model_combo){3, 0, 1}, 0, &rec, &err),
                     OUT_OK);
    assert_memory_equal(rec.data, cert.fingerprint, MODEL_ID_LEN);
    spki[0] ^= 1;
    assert_int_equal(cert_ops.inspect(NULL, pki.leaf, spki, NULL, 0, &cert, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "another key"));
}

/* Row 10: anything but certificates. */
static void anything_but_certificates_is_refused(void **state)
{
    (void)state;
    char *key = pki_key_pem(pki.leaf_key);
    refused_join(pki.leaf, key, NULL, "PRIVATE KEY");
    refused_join(key, pki.leaf, NULL, "PRIVATE KEY");
    refused_join(pki.leaf, pki.sub, key, "PRIVATE KEY");
    refused_join(pki.leaf, "rubbish", NULL, "outside");
    refused_join("subject=CN = mx\n", pki.leaf, NULL, "outside");
    refused_join(pki.leaf, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", NULL,
                 "X509 CRL");
    refused_join(pki.leaf, "-----BEGIN CERTIFICATE-----\nAAAA\n", NULL, "cut short");
    refused_join(pki.leaf, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NULL,
                 "not a readable certificate");
    refused("", "no certificate");
    refused(" \n", "no certificate");
    free(key);
}

/* Octets behind the DER, within the block. */
static void octets_behind_a_certificate_are_refused(void **state)
{
    (void)state;
    char *name = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    char *text = NULL;
    long len = 0;
    BIO *in = BIO_new_mem_buf(pki.leaf, -1);
    BIO *out = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_read_bio(in, &name, &header, &der, &len), 1);
    unsigned char *more = calloc(1, (size_t)len + 1);
    assert_non_null(more);
    memcpy(more, der, (size_t)len);
    assert_true(PEM_write_bio(out, "CERTIFICATE", "", more, len + 1) > 0);
    assert_int_equal(BIO_write(out, "", 1), 1); /* its NUL */
    assert_true(BIO_get_mem_data(out, &text) > 0);
    refused(text, "1 octets behind the certificate");
    free(more);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(in);
    BIO_free(out);
}

/* Rows 7-9. */
static void misordered_chains_are_refused(void **state)
{
    (void)state;
    refused_join(pki.sub, pki.leaf, NULL, "not issued by the next");
    refused_join(pki.leaf, pki.root, NULL, "not issued by the next");
    refused_join(pki.leaf, pki.root, pki.sub, "not issued by the next");
    refused_join(pki.leaf, pki.leaf, NULL, "not issued by the next");
    refused_join(pki.leaf, pki.sub, pki.sub, "not issued by the next");
    refused_join(pki.root, pki.root, NULL, "self-signed, yet");
    char *self = pki_self(pki.leaf_key, "mx.example.org");
    refused_join(self, pki.sub, NULL, "self-signed, yet");
    free(self);
}

/* An issuer by name whose key did not sign, and one that is no CA. */
static void wrong_issuers_are_refused(void **state)
{
    (void)state;
    struct key *other = pki_key(PORT_ALG_P256);
    struct pki_cert wrong = {other, pki.root_key, "Sub", "Root", NULL, true, -60, 864000};
    struct pki_cert plain = {pki.sub_key, pki.root_key, "Sub", "Root", NULL, false, -60, 864000};
    char *a = pki_make(&wrong);
    char *b = pki_make(&plain);
    refused_join(pki.leaf, a, NULL, "signature on certificate 1");
    refused_join(pki.leaf, b, NULL, "not a CA certificate");
    free(a);
    free(b);
    key_free(&other);
}

static void dates_are_reported_and_only_nonsense_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct port_cert cert;
    model_time now = (model_time)time(NULL) * 1000;
    struct pki_cert what = {pki.leaf_key, pki.leaf_key, "a", "a", NULL, false, -200, -100};
    char *over = pki_make(&what);
    assert_int_equal(inspect(over, &cert, &err), OUT_OK);
    assert_true(cert.not_after < now);
    what.from = 100;
    what.to = 200;
    char *future = pki_make(&what);
    assert_int_equal(inspect(future, &cert, &err), OUT_OK);
    assert_true(cert.not_before > now);
    what.to = 50;
    char *turned = pki_make(&what);
    refused(turned, "ends before it begins");
    free(over);
    free(future);
    free(turned);
}

static void names_are_compared_as_senders_do(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool covered;
    } rows[] = {
        {"mx.example.org", true},        {"MX.Example.ORG", true},
        {"mx.example.org.", true},       {"mx2.example.org", true},
        {"a.mail.example.org", true},    {"*.mail.example.org", true},
        {"a.b.mail.example.org", false}, {"mail.example.org", false},
        {"mx3.example.org", false},      {"example.org", false},
        {"x.mx.example.org", false},     {"leaf", false}, /* the common name */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct port_cert cert;
        const char *both[] = {"mx.example.org", rows[i].name};
        assert_int_equal(cert_ops.inspect(NULL, pki.leaf, NULL, both, 2, &cert, &err), OUT_OK);
        if (cert.names_ok != rows[i].covered)
            print_error("%s\n", rows[i].name);
        assert_int_equal(cert.names_ok, rows[i].covered);
    }
    struct err err = ERR_INIT;
    struct port_cert cert;
    const char *empty[] = {""};
    assert_int_equal(cert_ops.inspect(NULL, pki.leaf, NULL, empty, 1, &cert, &err), OUT_REFUSED);
}

static void other_keys_are_refused(void **state)
{
    (void)state;
    /* openssl req -x509 -newkey ed25519 -subj /CN=mx */
    refused("-----BEGIN CERTIFICATE-----\n"
            "MIIBLjCB4aADAgECAhRedgzXtdUL8OaeMDAjt4wXM1vF6jAFBgMrZXAwDTELMAkG\n"
            "A1UEAwwCbXgwHhcNMjYxMTIzMTkwNzMwWhcNMzYxMTIwMTkwNzMwWjANMQswCQYD\n"
            "VQQDDAJteDAqMAUGAytlcAMhAP8LTP5CHr/Cqlx3W8LnxCLXlcsa6oN4QUoP4GbR\n"
            "YhXxo1MwUTAdBgNVHQ4EFgQUlOPQby2kuWjLnUJek+xk+rrZqjMwHwYDVR0jBBgw\n"
            "FoAUlOPQby2kuWjLnUJek+xk+rrZqjMwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXAD\n"
            "QQANoko6ZM5N5jG8G54FXMMRtPIVSZRA/Z+ASVGbkZ5XIUCFGTwBHHnJbffIdDoq\n"
            "Pe9mlXN82TdPyTYkgOFE+tcN\n"
            "-----END CERTIFICATE-----\n",
            "ED25519");
}

static void large_texts_are_refused(void **state)
{
    (void)state;
    char *pem = strdup(pki.leaf);
    for (int i = 0; i < 10; i++) {
        char *more = pki_join(pem, pki.sub);
        free(pem);
        pem = more;
    }
    refused(pem, "more than 10 certificates");
    free(pem);
    pem = malloc(PORT_PEM_MAX + 1);
    assert_non_null(pem);
    memset(pem, '\n', PORT_PEM_MAX);
    pem[PORT_PEM_MAX] = '\0';
    refused(pem, "more than 65535 octets");
    free(pem);
}

/* Every octet of a chain turned: refused, or read; never a crash, a leak or a wrong key. */
static void any_octet_changed_is_survived(void **state)
{
    (void)state;
    uint8_t spki[MODEL_ID_LEN];
    char *chain = pki_join(pki.leaf, pki.sub);
    size_t len = strlen(chain);
    key_spki(pki.leaf_key, spki);
    for (size_t i = 0; i < len; i++) {
        struct err err = ERR_INIT;
        struct port_cert cert;
        char old = chain[i];
        chain[i] = (char)(old ^ (1 << (i % 7)));
        enum outcome out = cert_ops.inspect(NULL, chain, spki, NULL, 0, &cert, &err);
        assert_true(out == OUT_OK || out == OUT_REFUSED);
        if (out == OUT_OK)
            assert_memory_equal(cert.spki, spki, sizeof spki);
        chain[i] = old;
    }
    for (size_t cut = 0; cut < len; cut++) {
        struct err err = ERR_INIT;
        struct port_cert cert;
        char old = chain[cut];
        chain[cut] = '\0';
        enum outcome out = inspect(chain, &cert, &err);
        assert_true(out == OUT_OK || out == OUT_REFUSED);
        chain[cut] = old;
    }
    free(chain);
}

static bool matches(const char *pem, const struct port_tlsa *rec)
{
    struct err err = ERR_INIT;
    bool out = false;
    assert_int_equal(cert_ops.matches(NULL, pem, rec, &out, &err), OUT_OK);
    return out;
}

/* Every usage, selector and matching type, of every certificate, against every chain. */
static void records_match_as_rfc_7671_says(void **state)
{
    (void)state;
    char *two = pki_join(pki.leaf, pki.sub);
    char *three = pki_join(two, pki.root);
    char *chains[] = {pki.leaf, two, three};
    for (uint8_t selector = 0; selector <= 1; selector++) {
        for (uint8_t matching = 0; matching <= 2; matching++) {
            struct err err = ERR_INIT;
            struct port_tlsa leaf;
            struct port_tlsa issuer[2];
            struct model_combo ee = {3, selector, matching};
            struct model_combo ta = {2, selector, matching};
            assert_int_equal(cert_ops.tlsa(NULL, three, ee, 0, &leaf, &err), OUT_OK);
            assert_int_equal(cert_ops.tlsa(NULL, three, ta, 1, &issuer[0], &err), OUT_OK);
            assert_int_equal(cert_ops.tlsa(NULL, three, ta, 2, &issuer[1], &err), OUT_OK);
            for (size_t c = 0; c < 3; c++) {
                assert_true(matches(chains[c], &leaf));
                assert_int_equal(matches(chains[c], &issuer[0]), c >= 1);
                assert_int_equal(matches(chains[c], &issuer[1]), c >= 2);
            }
            leaf.data[leaf.len - 1] ^= 1;
            assert_false(matches(three, &leaf));
            leaf.data[leaf.len - 1] ^= 1;
            leaf.len--;
            assert_false(matches(three, &leaf));
            leaf.len++;
            leaf.combo.usage = 2; /* the leaf is no issuer */
            assert_false(matches(three, &leaf));
            for (uint8_t usage = 0; usage <= 1; usage++) {
                leaf.combo.usage = usage;
                issuer[0].combo.usage = usage;
                assert_false(matches(three, &leaf));
                assert_false(matches(three, &issuer[0]));
            }
        }
    }
    free(two);
    free(three);
}

static void unknown_numbers_match_nothing(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct port_tlsa rec;
    assert_int_equal(cert_ops.tlsa(NULL, pki.leaf, (struct model_combo){3, 1, 1}, 0, &rec, &err),
                     OUT_OK);
    assert_true(matches(pki.leaf, &rec));
    rec.combo = (struct model_combo){3, 2, 1};
    assert_false(matches(pki.leaf, &rec));
    rec.combo = (struct model_combo){3, 1, 3};
    assert_false(matches(pki.leaf, &rec));
    rec.combo = (struct model_combo){255, 1, 1};
    assert_false(matches(pki.leaf, &rec));
}

static void records_that_a_chain_cannot_have_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct model_combo combo;
        size_t depth;
    } rows[] = {{{2, 1, 1}, 0}, {{2, 1, 1}, 1}, {{1, 1, 1}, 1},
                {{0, 1, 1}, 0}, {{3, 2, 1}, 0}, {{3, 1, 3}, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct port_tlsa rec;
        assert_int_equal(cert_ops.tlsa(NULL, pki.leaf, rows[i].combo, rows[i].depth, &rec, &err),
                         OUT_REFUSED);
    }
}

static void a_key_and_its_chain_have_the_same_record(void **state)
{
    (void)state;
    for (uint8_t matching = 0; matching <= 2; matching++) {
        struct err err = ERR_INIT;
        struct port_tlsa a;
        struct port_tlsa b;
        uint8_t id_a[MODEL_ID_LEN];
        uint8_t id_b[MODEL_ID_LEN];
        struct model_combo combo = {3, 1, matching};
        assert_int_equal(key_tlsa(pki.leaf_key, combo, &a, &err), OUT_OK);
        assert_int_equal(cert_ops.tlsa(NULL, pki.leaf, combo, 0, &b, &err), OUT_OK);
        assert_int_equal(cert_ops.id(NULL, &a, id_a, &err), OUT_OK);
        assert_int_equal(cert_ops.id(NULL, &b, id_b, &err), OUT_OK);
        assert_memory_equal(id_a, id_b, sizeof id_a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_chains_are_taken),
        cmocka_unit_test(what_a_leaf_says),
        cmocka_unit_test(anything_but_certificates_is_refused),
        cmocka_unit_test(octets_behind_a_certificate_are_refused),
        cmocka_unit_test(misordered_chains_are_refused),
        cmocka_unit_test(wrong_issuers_are_refused),
        cmocka_unit_test(dates_are_reported_and_only_nonsense_refused),
        cmocka_unit_test(names_are_compared_as_senders_do),
        cmocka_unit_test(other_keys_are_refused),
        cmocka_unit_test(large_texts_are_refused),
        cmocka_unit_test(any_octet_changed_is_survived),
        cmocka_unit_test(records_match_as_rfc_7671_says),
        cmocka_unit_test(unknown_numbers_match_nothing),
        cmocka_unit_test(records_that_a_chain_cannot_have_are_refused),
        cmocka_unit_test(a_key_and_its_chain_have_the_same_record),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
