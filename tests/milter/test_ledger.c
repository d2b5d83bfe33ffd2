/* SPDX-License-Identifier: BSD-2-Clause */
/* The session ledger: who a client is, what is counted, who is forgotten, who is suspected. */
#include "milter/ledger.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void address_of(const char *text, uint8_t out[16])
{
    char mapped[80];
    (void)snprintf(mapped, sizeof mapped, "%s%s", strchr(text, ':') == NULL ? "::ffff:" : "", text);
    assert_int_equal(inet_pton(AF_INET6, mapped, out), 1);
}

static struct ledger_client client_of(const char *address, const char *helo)
{
    uint8_t ip[16];
    struct ledger_client c;
    address_of(address, ip);
    ledger_client_of(ip, helo, &c);
    return c;
}

static void test_clients(void **state)
{
    static const struct {
        const char *address, *helo, *net, *domain;
        unsigned bits;
    } rows[] = {
        {"192.0.2.77", "mail7.Example.ORG", "192.0.2.0", "example.org", 120},
        {"192.0.2.77", "example.org.", "192.0.2.0", "example.org", 120},
        {"2001:db8:1:2::3", "a.b.example.org", "2001:db8:1::", "b.example.org", 48},
        {"192.0.2.1", "localhost", "192.0.2.0", "localhost", 120},
        {"192.0.2.1", "[192.0.2.1]", "192.0.2.0", "", 120},
        {"192.0.2.1", "192.0.2.1", "192.0.2.0", "", 120},
        {"192.0.2.1", "a\x01.b.c", "192.0.2.0", "", 120},
        {"192.0.2.1", "", "192.0.2.0", "", 120},
        {"192.0.2.1", NULL, "192.0.2.0", "", 120},
        {"192.0.2.1", "x.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.org",
         "192.0.2.0", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.org", 120},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ledger_client c = client_of(rows[i].address, rows[i].helo);
        uint8_t net[16];
        address_of(rows[i].net, net);
        assert_memory_equal(c.net, net, 16);
        assert_int_equal(c.bits, rows[i].bits);
        assert_string_equal(c.domain, rows[i].domain);
    }
}

static const struct session by_tls = {.helo = true, .mail = true, .tls = SESSION_TLS13};
static const struct session plain = {.helo = true, .mail = true, .tls = SESSION_PLAIN};
static const struct session broken_off = {.helo = true};

static struct ledger *new_ledger(size_t max)
{
    struct ledger *l = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(ledger_new(max, &l, &err), OUT_OK);
    return l;
}

static void test_counts(void **state)
{
    struct ledger *l = new_ledger(16);
    struct ledger_client c = client_of("192.0.2.1", "mx.example.org");
    struct ledger_entry e;
    static const struct session silent;
    (void)state;
    assert_false(ledger_find(l, &c, &e));
    ledger_count(l, &c, &silent, NULL, 5);
    assert_false(ledger_find(l, &c, &e));
    ledger_count(l, &c, &by_tls, "TLS_AES_256_GCM_SHA384", 10);
    ledger_count(l, &c, &plain, "not this", 20);
    ledger_count(l, &c, &broken_off, NULL, 30);
    struct session exempt = plain;
    exempt.exempt = true;
    ledger_count(l, &c, &exempt, NULL, 30);
    assert_true(ledger_find(l, &c, &e));
    assert_int_equal(e.sessions, 4);
    assert_int_equal(e.since, 10);
    assert_int_equal(e.last, 30);
    assert_int_equal(e.last_plain, 20);
    assert_int_equal(e.gone, 1);
    assert_int_equal(e.tls[SESSION_TLS13], 1);
    assert_int_equal(e.mail[SESSION_TLS13], 1);
    assert_int_equal(e.tls[SESSION_PLAIN], 3);
    assert_int_equal(e.mail[SESSION_PLAIN], 2);
    assert_string_equal(e.cipher, "TLS_AES_256_GCM_SHA384");
    ledger_free(&l);
    assert_null(l);
}

static struct ledger_client numbered(unsigned i)
{
    char address[32];
    (void)snprintf(address, sizeof address, "10.%u.%u.1", (i >> 8) & 255u, i & 255u);
    return client_of(address, "flood.example.net");
}

/* Strangers push out strangers, the oldest first; those that completed by TLS stay. */
static void test_flood(void **state)
{
    struct ledger *l = new_ledger(100);
    struct ledger_client good = client_of("192.0.2.1", "mx.example.org");
    struct ledger_entry e;
    (void)state;
    ledger_count(l, &good, &by_tls, NULL, 1);
    for (unsigned i = 0; i < 20000; i++) {
        struct ledger_client c = numbered(i);
        ledger_count(l, &c, &broken_off, NULL, 2 + (model_time)i);
    }
    assert_true(ledger_find(l, &good, &e));
    size_t left = 0;
    for (unsigned i = 0; i < 20000; i++) {
        struct ledger_client c = numbered(i);
        bool there = ledger_find(l, &c, &e);
        left += there ? 1 : 0;
        assert_true(there == (i >= 20000 - 99));
    }
    assert_int_equal(left, 99);
    /* what is left to save is bounded as well */
    static struct ledger_entry out[200];
    assert_int_equal(ledger_take_changed(l, out, 200), 100);
    ledger_free(&l);
}

/* With nobody else left, the good one that was not seen for longest goes. */
static void test_all_good(void **state)
{
    struct ledger *l = new_ledger(3);
    struct ledger_client c[4];
    struct ledger_entry e;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        c[i] = numbered(i);
        ledger_count(l, &c[i], &by_tls, NULL, (model_time)i);
    }
    ledger_count(l, &c[0], &broken_off, NULL, 9);
    c[3] = numbered(3);
    ledger_count(l, &c[3], &by_tls, NULL, 10);
    assert_true(ledger_find(l, &c[0], &e));
    assert_false(ledger_find(l, &c[1], &e));
    assert_true(ledger_find(l, &c[2], &e));
    assert_true(ledger_find(l, &c[3], &e));
    ledger_free(&l);
}

/* T by TLS with mail, P plain with mail, G gone after HELO, S the switch; "!" a suspicion here */
static void test_suspicion(void **state)
{
    static const char *const stories[] = {
        "TSGG!GGG",  /* once for each switch */
        "TSGG!SGG!", /* and again at the next */
        "TSGTGGG",   /* it can, after all */
        "TSGPGG",    /* mail came: not stopped by the certificate */
        "GGSGGG",    /* it never did anything else */
        "PSGG",      /* never by TLS */
        "TGGG",      /* no switch */
        "TSG",       /* once is chance */
        "TGSGG!",    /* a probe before does not matter */
        "TSTSGG!",
    };
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        struct ledger *l = new_ledger(16);
        struct ledger_client c = client_of("192.0.2.1", "mx.example.org");
        struct ledger_entry e;
        for (const char *p = stories[i]; *p != '\0'; p++) {
            if (*p == '!')
                continue;
            if (*p == 'S')
                ledger_switched(l);
            else
                ledger_count(l, &c,
                             *p == 'T'   ? &by_tls
                             : *p == 'P' ? &plain
                                         : &broken_off,
                             NULL, 1);
            bool told = ledger_suspect(l, &e);
            if (told != (p[1] == '!'))
                fail_msg("%s at %d", stories[i], (int)(p - stories[i]));
            assert_false(ledger_suspect(l, &e));
        }
        ledger_free(&l);
    }
}

static void test_saving(void **state)
{
    struct ledger *l = new_ledger(16), *second = new_ledger(16);
    struct ledger_client a = numbered(1), b = numbered(2);
    struct ledger_entry out[4], e;
    (void)state;
    ledger_count(l, &a, &by_tls, "X", 1);
    ledger_count(l, &b, &plain, NULL, 2);
    ledger_count(l, &a, &by_tls, "Y", 3);
    assert_int_equal(ledger_take_changed(l, out, 1), 1);
    assert_int_equal(out[0].sessions, 2);
    assert_int_equal(ledger_take_changed(l, out + 1, 3), 1);
    assert_int_equal(ledger_take_changed(l, out + 2, 2), 0);
    ledger_restore(second, &out[0]);
    ledger_restore(second, &out[1]);
    assert_int_equal(ledger_take_changed(second, out, 4), 0); /* as saved as before */
    ledger_count(second, &a, &by_tls, "Z", 9);
    assert_true(ledger_find(second, &a, &e));
    assert_int_equal(e.sessions, 3);
    assert_int_equal(e.since, 1);
    assert_string_equal(e.cipher, "Z");
    ledger_switched(second); /* what was restored is remembered as good */
    ledger_count(second, &a, &broken_off, NULL, 10);
    ledger_count(second, &a, &broken_off, NULL, 11);
    assert_true(ledger_suspect(second, &e));
    ledger_free(&l);
    ledger_free(&second);
}

static void test_ours(void **state)
{
    struct ledger *l = new_ledger(16);
    uint8_t ip[2][16], other[16];
    (void)state;
    address_of("192.0.2.25", ip[0]);
    address_of("2001:db8::25", ip[1]);
    address_of("192.0.2.26", other);
    assert_false(ledger_is_ours(l, ip[0]));
    ledger_ours(l, (const uint8_t(*)[16])ip, 2);
    assert_true(ledger_is_ours(l, ip[0]));
    assert_true(ledger_is_ours(l, ip[1]));
    assert_false(ledger_is_ours(l, other));
    address_of("127.8.9.1", other);
    assert_true(ledger_is_ours(l, other));
    address_of("::1", other);
    assert_true(ledger_is_ours(l, other));
    ledger_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients),   cmocka_unit_test(test_counts),
        cmocka_unit_test(test_flood),     cmocka_unit_test(test_all_good),
        cmocka_unit_test(test_suspicion), cmocka_unit_test(test_saving),
        cmocka_unit_test(test_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
