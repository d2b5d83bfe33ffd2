/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../prober/pki.h"
#include "../prober/server.h"
#include "crypto/danematch.h"
#include "crypto/handshake.h"
#include "net/probe.h"

#define HOST "mx.example.test"

struct fixture {
    struct pki_cert ec, rsa;
    uint8_t expect[2][MODEL_ID_LEN];
    SSL_CTX *both, *only_ec;
    struct probe *probe;
    char why[PORT_WHY_MAX];
};

static struct fixture fixture;
static const char *const dialogue[] = {"220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"};

static void fingerprint(const struct pki_cert *cert, uint8_t id[MODEL_ID_LEN])
{
    struct danematch_chain chain;
    struct err err = ERR_INIT;
    pki_chain(&chain, (const struct pki_cert *const[]){cert, NULL});
    assert_int_equal(danematch_fingerprint(&chain, id, &err), OUT_OK);
    danematch_chain_free(&chain);
}

static int make(void **state)
{
    struct fixture *f = &fixture;
    struct err err = ERR_INIT;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct probe_config config = {.connect = 2000, .total = 400};
    assert_int_equal(sigaction(SIGPIPE, &ignore, NULL), 0);
    pki_make(&(struct pki_spec){.name = HOST, .alg = "P-256"}, &f->ec);
    pki_make(&(struct pki_spec){.name = HOST, .alg = "RSA-2048"}, &f->rsa);
    fingerprint(&f->ec, f->expect[0]);
    fingerprint(&f->rsa, f->expect[1]);
    f->both = SSL_CTX_new(TLS_server_method());
    f->only_ec = SSL_CTX_new(TLS_server_method());
    assert_true(f->both != NULL && f->only_ec != NULL);
    pki_serve(f->both, (const struct pki_cert *const[]){&f->ec, NULL});
    pki_serve(f->both, (const struct pki_cert *const[]){&f->rsa, NULL});
    pki_serve(f->only_ec, (const struct pki_cert *const[]){&f->ec, NULL});
    assert_int_equal(probe_new(&config, &f->probe, &err), OUT_OK);
    *state = f;
    return 0;
}

static int unmake(void **state)
{
    struct fixture *f = *state;
    pki_free(&f->ec);
    pki_free(&f->rsa);
    SSL_CTX_free(f->both);
    SSL_CTX_free(f->only_ec);
    probe_free(&f->probe);
    assert_null(f->probe);
    return 0;
}

static struct port_target loopback(bool v6, uint16_t port, enum port_alg alg)
{
    struct port_target target = {.host = HOST, .port = port, .alg = alg};
    target.ip[15] = 1;
    if (!v6) {
        target.ip[10] = target.ip[11] = 0xff;
        target.ip[12] = 127;
    }
    return target;
}

/* Which of the two leaves are expected: a bit each. */
static enum port_reach attest(struct fixture *f, const struct port_target *target, unsigned set)
{
    struct err err = ERR_INIT;
    enum port_reach reach = PORT_GOOD;
    uint8_t expect[2][MODEL_ID_LEN];
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        if ((set & (1u << i)) != 0)
            memcpy(expect[n++], f->expect[i], MODEL_ID_LEN);
    }
    const uint8_t(*list)[MODEL_ID_LEN] = (const uint8_t(*)[MODEL_ID_LEN])expect;
    enum outcome rc = probe_ops.attest(f->probe, target, list, n, &reach, f->why, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(rc, OUT_OK);
    return reach;
}

static void each_algorithm_is_attested(void **state)
{
    struct fixture *f = *state;
    struct server_script script = {.say = dialogue, .n = 3, .tls = f->both};
    for (int v6 = 0; v6 < 2; v6++) {
        uint16_t port = 0;
        struct server *server = server_listen(&script, v6 == 1, &port);
        struct port_target p256 = loopback(v6 == 1, port, PORT_ALG_P256);
        struct port_target rsa = loopback(v6 == 1, port, PORT_ALG_RSA2048);
        struct port_target any = loopback(v6 == 1, port, 0);
        assert_int_equal(attest(f, &p256, 1), PORT_GOOD);
        assert_string_equal(f->why, "");
        assert_int_equal(attest(f, &rsa, 2), PORT_GOOD);
        assert_int_equal(attest(f, &any, 3), PORT_GOOD);
        assert_int_equal(attest(f, &p256, 3), PORT_GOOD);
        any.host[0] = '\0';
        assert_int_equal(attest(f, &any, 3), PORT_GOOD);
        server_stop(&server);
    }
}

/* Port 465: who waits for a banner there waits for ever, and TLS on port 25 is no SMTP. */
static void wrapped_targets_begin_with_tls(void **state)
{
    struct fixture *f = *state;
    struct server_script wrapped = {.say = NULL, .n = 0, .tls = f->both};
    struct server_script plain = {.say = dialogue, .n = 3, .tls = f->both};
    uint16_t port = 0;
    struct server *server = server_listen(&wrapped, false, &port);
    struct port_target target = loopback(false, port, PORT_ALG_P256);
    target.wrapped = true;
    assert_int_equal(attest(f, &target, 1), PORT_GOOD);
    assert_int_equal(attest(f, &target, 2), PORT_WRONG);
    target.wrapped = false;
    assert_int_equal(attest(f, &target, 1), PORT_NOT_REACHED);
    server_stop(&server);
    server = server_listen(&plain, false, &port);
    target = loopback(false, port, PORT_ALG_P256);
    target.wrapped = true;
    assert_int_equal(attest(f, &target, 1), PORT_WRONG);
    server_stop(&server);
}

static void another_leaf_is_wrong(void **state)
{
    struct fixture *f = *state;
    struct server_script script = {.say = dialogue, .n = 3, .tls = f->both};
    uint16_t port = 0;
    struct server *server = server_listen(&script, false, &port);
    struct port_target p256 = loopback(false, port, PORT_ALG_P256);
    struct port_target rsa3072 = loopback(false, port, PORT_ALG_RSA3072);
    assert_int_equal(attest(f, &p256, 2), PORT_WRONG);
    assert_non_null(strstr(f->why, "shows another certificate, P-256, SHA-256 "));
    assert_int_equal(attest(f, &p256, 0), PORT_WRONG);
    assert_int_equal(attest(f, &rsa3072, 3), PORT_WRONG);
    assert_string_equal(f->why, "asked for RSA-3072, the certificate has RSA-2048");
    server_stop(&server);
}

static void a_failed_handshake_is_wrong(void **state)
{
    struct fixture *f = *state;
    struct server_script script = {.say = dialogue, .n = 3, .tls = f->only_ec};
    uint16_t port = 0;
    struct server *server = server_listen(&script, false, &port);
    struct port_target rsa = loopback(false, port, PORT_ALG_RSA2048);
    assert_int_equal(attest(f, &rsa, 3), PORT_WRONG);
    assert_non_null(strstr(f->why, "the TLS handshake"));
    server_stop(&server);
}

static void the_answers_of_smtp_are_told_apart(void **state)
{
    struct fixture *f = *state;
    static const char *const no_tls[] = {"220 mx\r\n", "250 mx\r\n"};
    static const char *const broken[] = {"220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n",
                                         "454 4.7.0 TLS not available\r\n"};
    static const char *const busy[] = {"421 busy\r\n"};
    static const struct {
        struct server_script script;
        enum port_reach reach;
        const char *why;
    } table[] = {
        {{.say = no_tls, .n = 2}, PORT_WRONG, "STARTTLS is not offered"},
        {{.say = broken, .n = 3},
         PORT_WRONG,
         "STARTTLS was refused: \"454 4.7.0 TLS not available\""},
        {{.say = busy, .n = 1}, PORT_NOT_REACHED, "no service: \"421 busy\""},
        {{.hang = true}, PORT_NOT_REACHED, "time-out while waiting for the banner"},
        {{.say = dialogue, .n = 3, .hang = true},
         PORT_NOT_REACHED,
         "time-out while waiting for the TLS handshake"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint16_t port = 0;
        struct server *server = server_listen(&table[i].script, false, &port);
        struct port_target target = loopback(false, port, 0);
        assert_int_equal(attest(f, &target, 3), table[i].reach);
        assert_string_equal(f->why, table[i].why);
        server_stop(&server);
    }
}

static void nobody_there_is_not_reached(void **state)
{
    struct fixture *f = *state;
    struct server_script script = {0};
    for (int v6 = 0; v6 < 2; v6++) {
        uint16_t port = 0;
        struct server *server = server_listen(&script, v6 == 1, &port);
        server_stop(&server);
        struct port_target target = loopback(v6 == 1, port, 0);
        assert_int_equal(attest(f, &target, 3), PORT_NOT_REACHED);
        assert_non_null(strstr(f->why, "Connection refused"));
        assert_non_null(strstr(f->why, v6 == 1 ? "[::1]:" : "127.0.0.1:"));
    }
}

static void a_helo_name_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char big[400];
    struct probe *probe = NULL;
    struct err err = ERR_INIT;
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    const struct probe_config config = {.helo = big};
    assert_int_equal(probe_new(&config, &probe, &err), OUT_REFUSED);
    assert_null(probe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_algorithm_is_attested),
        cmocka_unit_test(wrapped_targets_begin_with_tls),
        cmocka_unit_test(another_leaf_is_wrong),
        cmocka_unit_test(a_failed_handshake_is_wrong),
        cmocka_unit_test(the_answers_of_smtp_are_told_apart),
        cmocka_unit_test(nobody_there_is_not_reached),
        cmocka_unit_test(a_helo_name_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
