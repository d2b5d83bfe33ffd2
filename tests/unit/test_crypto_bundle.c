/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "crypto/bundle.h"
#include "pki.h"

/* A P-256 and an RSA chain, their keys as text, and a loader that knows both. */
static struct world {
    struct pki pki[2];
    char *chain[2];
    char *key[2];
    struct port_part parts[2];
    struct key_loader keys;
} w;

static enum outcome load(void *self, const uint8_t spki[MODEL_ID_LEN], struct key **out,
                         struct err *err)
{
    struct world *world = self;
    *out = NULL;
    for (size_t i = 0; i < 2; i++) {
        if (memcmp(world->parts[i].spki, spki, MODEL_ID_LEN) == 0)
            return key_from_pem(world->key[i], strlen(world->key[i]), out, err);
    }
    return err_set(err, OUT_REFUSED, "no such key");
}

static int begin(void **state)
{
    (void)state;
    static const enum port_alg algs[] = {PORT_ALG_P256, PORT_ALG_RSA2048};
    for (size_t i = 0; i < 2; i++) {
        pki_begin(&w.pki[i], algs[i], "mx.example.org");
        w.chain[i] = pki_join(w.pki[i].leaf, w.pki[i].sub);
        w.key[i] = pki_key_pem(w.pki[i].leaf_key);
        w.parts[i].alg = algs[i];
        key_spki(w.pki[i].leaf_key, w.parts[i].spki);
        w.parts[i].chain_pem = w.chain[i];
    }
    w.keys = (struct key_loader){load, &w};
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        pki_end(&w.pki[i]);
        free(w.chain[i]);
        free(w.key[i]);
    }
    return 0;
}

/* Joins texts up to a NULL. */
static char *join(const char *const *texts)
{
    char *all = pki_join("", NULL);
    for (; *texts != NULL; texts++) {
        char *more = pki_join(all, *texts);
        free(all);
        all = more;
    }
    return all;
}

#define JOIN(...) join((const char *const[]){__VA_ARGS__, NULL})

static void what_is_written_is_what_is_read(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct port_part got[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(bundle_write(w.parts, 2, &w.keys, &text, &len, &err), OUT_OK);
    assert_int_equal(len, strlen(text));
    assert_int_equal(bundle_check(text, len, w.parts, 2, &err), OUT_OK);
    assert_int_equal(bundle_read(text, len, got, &n, &err), OUT_OK);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(got[i].alg, w.parts[i].alg);
        assert_memory_equal(got[i].spki, w.parts[i].spki, MODEL_ID_LEN);
        assert_string_equal(got[i].chain_pem, w.chain[i]);
        assert_string_equal(got[i].key_pem, w.key[i]);
    }
    bundle_free(got, n);
    bundle_free(got, n); /* twice does no harm */
    bundle_drop(&text, len);
    assert_null(text);
}

/* What "openssl x509 -text" and older tools leave in such files, Postfix ignores. */
static void words_and_other_blocks_are_passed_over(void **state)
{
    (void)state;
    static const char dh[] = "-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n";
    struct err err = ERR_INIT;
    struct port_part got[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    char *text = JOIN("Bag Attributes\n", w.key[1], "subject=CN = mx\n", w.chain[1], "# next\n", dh,
                      w.key[0], dh, w.chain[0], "end\n");
    assert_int_equal(bundle_read(text, strlen(text), got, &n, &err), OUT_OK);
    assert_int_equal(n, 2);
    assert_string_equal(got[0].chain_pem, w.chain[1]);
    assert_string_equal(got[1].key_pem, w.key[0]);
    bundle_free(got, n);
    free(text);
}

/* Takes the text. */
static void read_refused(char *text, const char *why)
{
    struct err err = ERR_INIT;
    struct port_part got[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    enum outcome out = bundle_read(text, strlen(text), got, &n, &err);
    if (out != OUT_REFUSED || strstr(err.text, why) == NULL)
        print_error("expected \"%s\", got %s: %s\n", why, err_outcome_name(out), err.text);
    assert_int_equal(out, OUT_REFUSED);
    assert_non_null(strstr(err.text, why));
    assert_int_equal(n, 0);
    free(text);
}

static void what_postfix_would_not_load_is_refused(void **state)
{
    (void)state;
    read_refused(JOIN(""), "no private key");
    read_refused(JOIN(w.chain[0]), "before any private key");
    read_refused(JOIN(w.chain[0], w.key[0]), "before any private key");
    read_refused(JOIN(w.key[0]), "no certificate follows");
    read_refused(JOIN(w.key[0], w.key[1], w.chain[1]), "no certificate follows");
    read_refused(JOIN(w.key[0], w.chain[0], w.key[1]), "no certificate follows");
    read_refused(JOIN(w.key[0], w.chain[1]), "does not fit");
    read_refused(JOIN(w.key[0], w.pki[0].sub, w.pki[0].leaf), "does not fit");
    read_refused(JOIN(w.key[0], w.chain[0], "-----BEGIN CERTIFICATE-----\nAA"), "cut short");
    read_refused(JOIN("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                      "-----END ENCRYPTED PRIVATE KEY-----\n",
                      w.chain[0]),
                 "encrypted");
    read_refused(JOIN("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n"),
                 "not handled");
    read_refused(JOIN(w.key[0], w.chain[0], w.key[0], w.chain[0], w.key[0], w.chain[0], w.key[0],
                      w.chain[0], w.key[0], w.chain[0]),
                 "more than 4 private keys");
}

static void check_refused(char *text, size_t n, const char *why)
{
    struct err err = ERR_INIT;
    enum outcome out = bundle_check(text, strlen(text), w.parts, n, &err);
    if (out != OUT_REFUSED || strstr(err.text, why) == NULL)
        print_error("expected \"%s\", got %s: %s\n", why, err_outcome_name(out), err.text);
    assert_int_equal(out, OUT_REFUSED);
    assert_non_null(strstr(err.text, why));
    free(text);
}

static void the_check_wants_exactly_the_parts(void **state)
{
    (void)state;
    check_refused(JOIN(w.key[0], w.chain[0]), 2, "1 keys in the file, 2 expected");
    check_refused(JOIN(w.key[0], w.chain[0], w.key[1], w.chain[1]), 1, "2 keys in the file");
    check_refused(JOIN(w.key[1], w.chain[1], w.key[0], w.chain[0]), 2, "not the P-256 key");
    check_refused(JOIN(w.key[0], w.pki[0].leaf, w.key[1], w.chain[1]), 2, "not the P-256 chain");
    check_refused(JOIN(w.key[0], w.chain[1], w.key[1], w.chain[0]), 2, "does not fit");
}

/* OpenSSL has one place for EC keys and one for RSA: the second would not be loaded. */
static void two_keys_of_one_kind_are_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct port_part twice[2] = {w.parts[0], w.parts[0]};
    struct key *other = pki_key(PORT_ALG_P384);
    char *key = pki_key_pem(other);
    char *chain = pki_self(other, "mx.example.org");
    char *text = JOIN(w.key[0], w.chain[0], key, chain);
    twice[1].alg = PORT_ALG_P384;
    key_spki(other, twice[1].spki);
    twice[1].chain_pem = chain;
    assert_int_equal(bundle_check(text, strlen(text), twice, 2, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "does not take the P-384 key"));
    free(text);
    free(key);
    free(chain);
    key_free(&other);
}

static void the_writer_refuses_what_it_cannot_have(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char *text = NULL;
    size_t len = 0;
    struct port_part part = w.parts[0];
    char empty[] = "";
    assert_int_equal(bundle_write(w.parts, 0, &w.keys, &text, &len, &err), OUT_REFUSED);
    assert_int_equal(bundle_write(w.parts, 5, &w.keys, &text, &len, &err), OUT_REFUSED);
    part.spki[0] ^= 1;
    assert_int_equal(bundle_write(&part, 1, &w.keys, &text, &len, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "no such key"));
    part = w.parts[0];
    part.alg = PORT_ALG_P384;
    assert_int_equal(bundle_write(&part, 1, &w.keys, &text, &len, &err), OUT_BROKEN);
    part = w.parts[0];
    part.chain_pem = empty;
    assert_int_equal(bundle_write(&part, 1, &w.keys, &text, &len, &err), OUT_REFUSED);
    assert_null(text);
    assert_int_equal(len, 0);
}

/* A chain text without its last newline does not run into the next key. */
static void a_missing_newline_is_added(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char *text = NULL;
    size_t len = 0;
    struct port_part parts[2] = {w.parts[0], w.parts[1]};
    char *cut = pki_join(w.chain[0], NULL);
    cut[strlen(cut) - 1] = '\0';
    parts[0].chain_pem = cut;
    assert_int_equal(bundle_write(parts, 2, &w.keys, &text, &len, &err), OUT_OK);
    assert_int_equal(bundle_check(text, len, parts, 2, &err), OUT_OK);
    bundle_drop(&text, len);
    free(cut);
}

/* Every cut of a file: refused, or a file of fewer certificates; never a crash or a leak. */
static void every_cut_is_survived(void **state)
{
    (void)state;
    char *text = JOIN(w.key[0], w.chain[0], w.key[1], w.chain[1]);
    for (size_t len = 0; len + 1 < strlen(text); len += 3) {
        struct err err = ERR_INIT;
        enum outcome out = bundle_check(text, len, w.parts, 2, &err);
        assert_int_equal(out, OUT_REFUSED);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_what_is_read),
        cmocka_unit_test(words_and_other_blocks_are_passed_over),
        cmocka_unit_test(what_postfix_would_not_load_is_refused),
        cmocka_unit_test(the_check_wants_exactly_the_parts),
        cmocka_unit_test(two_keys_of_one_kind_are_refused),
        cmocka_unit_test(the_writer_refuses_what_it_cannot_have),
        cmocka_unit_test(a_missing_newline_is_added),
        cmocka_unit_test(every_cut_is_survived),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
