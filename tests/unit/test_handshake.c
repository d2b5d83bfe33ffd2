/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "../prober/pki.h"
#include "../prober/server.h"
#include "crypto/handshake.h"

#define HOST "mx.example.test"

/* A server with a P-256 chain below an RSA issuer and an RSA certificate; others beside. */
struct fixture {
    struct pki_cert middle, ec, ec_old, ec384, rsa, rsa3072, elsewhere;
    struct handshake_client *client;
    SSL_CTX *both;
    struct port_rrset rrset;
    struct handshake_result result;
    struct err err;
    char seen_sni[256];
    bool sni_sent;
};

static struct fixture fixture;

static int on_sni(SSL *ssl, int *alert, void *arg)
{
    struct fixture *f = arg;
    (void)alert;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    f->sni_sent = name != NULL;
    (void)snprintf(f->seen_sni, sizeof f->seen_sni, "%s", name != NULL ? name : "");
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context(struct fixture *f, const struct pki_cert *const a[],
                        const struct pki_cert *const b[])
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    pki_need(ctx != NULL, "a context");
    pki_serve(ctx, a);
    if (b != NULL)
        pki_serve(ctx, b);
    SSL_CTX_set_tlsext_servername_callback(ctx, on_sni);
    (void)SSL_CTX_set_tlsext_servername_arg(ctx, f);
    (void)SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
    return ctx;
}

static int make(void **state)
{
    struct fixture *f = &fixture;
    struct err err = ERR_INIT;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    assert_int_equal(sigaction(SIGPIPE, &ignore, NULL), 0);
    pki_make(&(struct pki_spec){.name = "middle", .alg = "RSA-2048", .issuer = true}, &f->middle);
    pki_make(&(struct pki_spec){.name = HOST, .alg = "P-256", .by = &f->middle}, &f->ec);
    pki_make(&(struct pki_spec){.name = HOST, .alg = "P-384"}, &f->ec384);
    pki_make(&(struct pki_spec){.name = HOST, .alg = "RSA-2048"}, &f->rsa);
    pki_make(&(struct pki_spec){.name = HOST, .alg = "RSA-3072"}, &f->rsa3072);
    pki_make(&(struct pki_spec){.name = "elsewhere.test", .alg = "P-256", .by = &f->middle},
             &f->elsewhere);
    pki_make(
        &(struct pki_spec){
            .name = HOST, .alg = "P-256", .by = &f->middle, .from = -90000, .until = -60},
        &f->ec_old);
    f->both = context(f, (const struct pki_cert *const[]){&f->ec, &f->middle, NULL},
                      (const struct pki_cert *const[]){&f->rsa, NULL});
    assert_int_equal(handshake_client_new(&f->client, &err), OUT_OK);
    *state = f;
    return 0;
}

static int unmake(void **state)
{
    struct fixture *f = *state;
    struct pki_cert *certs[] = {&f->middle, &f->ec,      &f->ec_old,   &f->ec384,
                                &f->rsa,    &f->rsa3072, &f->elsewhere};
    for (size_t i = 0; i < sizeof certs / sizeof certs[0]; i++)
        pki_free(certs[i]);
    SSL_CTX_free(f->both);
    handshake_client_free(&f->client);
    return 0;
}

static int begin(void **state)
{
    struct fixture *f = *state;
    memset(&f->rrset, 0, sizeof f->rrset);
    err_clear(&f->err);
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    handshake_result_free(&f->result);
    return 0;
}

static enum outcome shake_with(struct fixture *f, const struct server_script *script,
                               struct handshake_ask *ask)
{
    static const char *const names[] = {HOST};
    int fd = -1;
    struct server *server = server_pair(script, &fd);
    struct handshake *hs = NULL;
    if (ask->deadline == 0)
        ask->deadline = handshake_clock() + 5000;
    ask->names = names;
    ask->n_names = 1;
    handshake_result_free(&f->result);
    enum outcome rc = handshake_start(f->client, fd, ask, &hs, &f->result, &f->err);
    if (rc == OUT_OK) {
        char buf[64];
        size_t got = 0;
        assert_int_equal(handshake_write(hs, "QUIT\r\n", 6, ask->deadline, &f->err), OUT_OK);
        assert_int_equal(handshake_read(hs, buf, sizeof buf, ask->deadline, &got, &f->err), OUT_OK);
        assert_int_equal(got, 9);
        assert_memory_equal(buf, "221 bye\r\n", 9);
        assert_int_equal(handshake_read(hs, buf, sizeof buf, ask->deadline, &got, &f->err), OUT_OK);
        assert_int_equal(got, 0);
        handshake_free(&hs);
        assert_null(hs);
    }
    (void)close(fd);
    server_stop(&server);
    return rc;
}

static enum outcome shake(struct fixture *f, SSL_CTX *tls, struct handshake_ask ask)
{
    struct server_script script = {.tls = tls};
    return shake_with(f, &script, &ask);
}

/* One certificate and, or not, what is above it. */
static enum outcome shake_one(struct fixture *f, const struct pki_cert *leaf,
                              const struct pki_cert *above, struct handshake_ask ask)
{
    SSL_CTX *ctx = context(f, (const struct pki_cert *const[]){leaf, above, NULL}, NULL);
    enum outcome rc = shake(f, ctx, ask);
    SSL_CTX_free(ctx);
    return rc;
}

static void an_algorithm_is_forced_in_both_versions(void **state)
{
    struct fixture *f = *state;
    static const enum handshake_version versions[] = {HANDSHAKE_ANY, HANDSHAKE_TLS12,
                                                      HANDSHAKE_TLS13};
    for (size_t i = 0; i < 3; i++) {
        struct handshake_ask ask = {.alg = PORT_ALG_P256, .version = versions[i]};
        assert_int_equal(shake(f, f->both, ask), OUT_OK);
        assert_int_equal(f->result.leaf_alg, PORT_ALG_P256);
        assert_string_equal(f->result.leaf_name, "P-256");
        assert_int_equal(f->result.chain.n, 2);
        assert_string_equal(f->result.sigalg, "ECDSA SHA256");
        assert_string_equal(f->result.version, i == 1 ? "TLSv1.2" : "TLSv1.3");
        ask.alg = PORT_ALG_RSA2048;
        assert_int_equal(shake(f, f->both, ask), OUT_OK);
        assert_int_equal(f->result.leaf_alg, PORT_ALG_RSA2048);
        assert_string_equal(f->result.leaf_name, "RSA-2048");
        assert_string_equal(f->result.sigalg, "RSASSA-PSS SHA256");
        assert_int_equal(f->result.chain.n, 1);
        assert_string_equal(f->result.version, i == 1 ? "TLSv1.2" : "TLSv1.3");
        ask.alg = 0;
        assert_int_equal(shake(f, f->both, ask), OUT_OK);
        assert_int_not_equal(f->result.leaf_alg, 0);
    }
}

static void a_missing_algorithm_is_a_failed_handshake(void **state)
{
    struct fixture *f = *state;
    static const enum port_alg other[] = {PORT_ALG_P256, PORT_ALG_P384};
    for (size_t i = 0; i < 2; i++) {
        struct handshake_ask ask = {.alg = other[i]};
        assert_int_equal(shake_one(f, &f->rsa, NULL, ask), OUT_REFUSED);
        assert_non_null(strstr(f->err.text, "handshake"));
        ask.version = HANDSHAKE_TLS12;
        assert_int_equal(shake_one(f, &f->rsa, NULL, ask), OUT_REFUSED);
    }
    struct handshake_ask rsa = {.alg = PORT_ALG_RSA2048};
    assert_int_equal(shake_one(f, &f->ec, NULL, rsa), OUT_REFUSED);
    rsa.version = HANDSHAKE_TLS12;
    assert_int_equal(shake_one(f, &f->ec, NULL, rsa), OUT_REFUSED);
    assert_int_equal(f->result.chain.n, 0);
}

static void the_two_curves_are_told_apart(void **state)
{
    struct fixture *f = *state;
    for (int v = HANDSHAKE_ANY; v <= HANDSHAKE_TLS13; v++) {
        struct handshake_ask p256 = {.alg = PORT_ALG_P256, .version = (enum handshake_version)v};
        struct handshake_ask p384 = {.alg = PORT_ALG_P384, .version = (enum handshake_version)v};
        assert_int_equal(shake_one(f, &f->ec384, NULL, p256), OUT_REFUSED);
        assert_int_equal(shake_one(f, &f->ec, NULL, p384), OUT_REFUSED);
        assert_int_equal(shake_one(f, &f->ec384, NULL, p384), OUT_OK);
        assert_int_equal(f->result.leaf_alg, PORT_ALG_P384);
        assert_int_equal(shake_one(f, &f->ec, NULL, p256), OUT_OK);
        assert_int_equal(f->result.leaf_alg, PORT_ALG_P256);
    }
}

static void the_size_of_rsa_is_in_the_result(void **state)
{
    struct fixture *f = *state;
    struct handshake_ask ask = {.alg = PORT_ALG_RSA2048};
    assert_int_equal(shake_one(f, &f->rsa3072, NULL, ask), OUT_OK);
    assert_int_equal(f->result.leaf_alg, PORT_ALG_RSA3072);
}

static void a_match_and_a_mismatch_are_results(void **state)
{
    struct fixture *f = *state;
    struct handshake_ask ask = {.rrset = &f->rrset, .alg = PORT_ALG_P256};
    pki_add(&f->rrset, &f->rsa, 3, 1, 1, true);
    assert_int_equal(shake(f, f->both, ask), OUT_OK);
    assert_false(f->result.verdict.verified);
    assert_int_equal(f->result.verdict.code, 65);
    assert_string_equal(f->result.verdict.why, "no matching DANE TLSA records (65)");
    assert_int_equal(f->result.chain.n, 2);
    pki_add(&f->rrset, &f->ec, 3, 1, 1, true);
    assert_int_equal(shake(f, f->both, ask), OUT_OK);
    assert_true(f->result.verdict.verified);
    assert_int_equal(f->result.verdict.depth, 0);
    assert_int_equal(f->result.verdict.usable, 2);
}

static void digest_agility_fails_a_live_handshake(void **state)
{
    struct fixture *f = *state;
    struct handshake_ask ask = {.rrset = &f->rrset};
    pki_add(&f->rrset, &f->ec, 3, 1, 1, true);
    pki_add(&f->rrset, &f->ec, 3, 1, 2, false);
    assert_int_equal(shake_one(f, &f->ec, &f->middle, ask), OUT_OK);
    assert_false(f->result.verdict.verified);
    assert_int_equal(f->result.verdict.code, 65);
}

static void usage_2_judges_issuer_name_and_dates(void **state)
{
    struct fixture *f = *state;
    struct handshake_ask ask = {.rrset = &f->rrset};
    pki_add(&f->rrset, &f->middle, 2, 1, 1, true);
    assert_int_equal(shake_one(f, &f->ec, &f->middle, ask), OUT_OK);
    assert_true(f->result.verdict.verified);
    assert_int_equal(f->result.verdict.depth, 1);
    assert_int_equal(shake_one(f, &f->ec, NULL, ask), OUT_OK);
    assert_false(f->result.verdict.verified);
    assert_int_equal(shake_one(f, &f->elsewhere, &f->middle, ask), OUT_OK);
    assert_false(f->result.verdict.verified);
    assert_int_equal(f->result.verdict.code, 62);
    assert_int_equal(shake_one(f, &f->ec_old, &f->middle, ask), OUT_OK);
    assert_false(f->result.verdict.verified);
    assert_int_equal(f->result.verdict.code, 10);
    f->rrset.n = 0;
    pki_add(&f->rrset, &f->ec_old, 3, 1, 1, true);
    pki_add(&f->rrset, &f->elsewhere, 3, 1, 1, true);
    assert_int_equal(shake_one(f, &f->ec_old, NULL, ask), OUT_OK);
    assert_true(f->result.verdict.verified);
    assert_int_equal(shake_one(f, &f->elsewhere, NULL, ask), OUT_OK);
    assert_true(f->result.verdict.verified);
}

static void sni_is_what_was_asked_for(void **state)
{
    struct fixture *f = *state;
    struct handshake_ask ask = {.rrset = &f->rrset};
    pki_add(&f->rrset, &f->ec, 3, 1, 1, true);
    assert_int_equal(shake(f, f->both, ask), OUT_OK);
    assert_false(f->sni_sent);
    ask.sni = "";
    assert_int_equal(shake(f, f->both, ask), OUT_OK);
    assert_false(f->sni_sent);
    ask.sni = "another.test";
    assert_int_equal(shake(f, f->both, ask), OUT_OK);
    assert_string_equal(f->seen_sni, "another.test");
}

static void sessions_are_never_resumed(void **state)
{
    struct fixture *f = *state;
    for (int v = HANDSHAKE_TLS12; v <= HANDSHAKE_TLS13; v++) {
        for (int i = 0; i < 3; i++) {
            struct handshake_ask ask = {.version = (enum handshake_version)v};
            assert_int_equal(shake(f, f->both, ask), OUT_OK);
            assert_false(f->result.resumed);
        }
    }
    assert_int_equal(SSL_CTX_sess_hits(f->both), 0);
}

static void the_chain_can_be_judged_again_off_line(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {HOST};
    struct danematch *judge = NULL;
    struct danematch_verdict verdict;
    struct danematch_ask again = {&f->rrset, names, 1, 0};
    struct handshake_ask ask = {.alg = PORT_ALG_P256};
    assert_int_equal(shake(f, f->both, ask), OUT_OK);
    assert_false(f->result.verdict.verified);
    assert_string_equal(f->result.verdict.why, "");
    assert_int_equal(danematch_new(&judge, &f->err), OUT_OK);
    pki_add(&f->rrset, &f->middle, 2, 1, 2, true);
    assert_int_equal(danematch_judge(judge, &f->result.chain, &again, &verdict, &f->err), OUT_OK);
    assert_true(verdict.verified);
    danematch_free(&judge);
}

static void a_silent_server_meets_the_deadline(void **state)
{
    struct fixture *f = *state;
    struct server_script silent = {.hang = true};
    model_time from = handshake_clock();
    struct handshake_ask ask = {.deadline = from + 200};
    assert_int_equal(shake_with(f, &silent, &ask), OUT_RETRY);
    assert_string_equal(f->err.text, "time-out while waiting for the TLS handshake");
    model_time took = handshake_clock() - from;
    assert_in_range(took, 200, 3000);
}

static void plaintext_instead_of_tls_is_refused(void **state)
{
    struct fixture *f = *state;
    struct server_script talk = {.after = "250 I have injected this\r\n", .hang = true};
    struct handshake_ask ask = {0};
    assert_int_equal(shake_with(f, &talk, &ask), OUT_REFUSED);
    struct server_script gone = {0};
    ask.deadline = 0;
    assert_int_equal(shake_with(f, &gone, &ask), OUT_REFUSED);
    assert_string_not_equal(f->err.text, "");
}

static void names_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    char big[400];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    struct handshake_ask ask = {.sni = big};
    assert_int_equal(shake(f, f->both, ask), OUT_REFUSED);
    assert_non_null(strstr(f->err.text, "SNI"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_algorithm_is_forced_in_both_versions),
        CASE(a_missing_algorithm_is_a_failed_handshake),
        CASE(the_two_curves_are_told_apart),
        CASE(the_size_of_rsa_is_in_the_result),
        CASE(a_match_and_a_mismatch_are_results),
        CASE(digest_agility_fails_a_live_handshake),
        CASE(usage_2_judges_issuer_name_and_dates),
        CASE(sni_is_what_was_asked_for),
        CASE(sessions_are_never_resumed),
        CASE(the_chain_can_be_judged_again_off_line),
        CASE(a_silent_server_meets_the_deadline),
        CASE(plaintext_instead_of_tls_is_refused),
        CASE(names_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
