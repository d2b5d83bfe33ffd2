/* SPDX-License-Identifier: BSD-2-Clause */
/* The downgrade guard: every policy, every habit, every exemption. */
#include "milter/guard.h"
#include "milter/limiter.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define NOW 100000
#define MEMORY 1000

enum past { NONE, HABIT, SHORT, MIXED, MIXED_ONCE, LONG_AGO, PLAIN };

static const struct ledger_entry *past_of(enum past p, struct ledger_entry *e)
{
    memset(e, 0, sizeof *e);
    e->last = NOW - 10;
    e->mail[SESSION_TLS13] = 15;
    e->mail[SESSION_TLS12] = 5;
    switch (p) {
    case NONE:
        return NULL;
    case HABIT:
        break;
    case SHORT:
        e->mail[SESSION_TLS12] = 4;
        break;
    case MIXED:
        e->last_plain = NOW - MEMORY;
        break;
    case MIXED_ONCE: /* before the memory begins */
        e->last_plain = NOW - MEMORY - 1;
        break;
    case LONG_AGO:
        e->last = NOW - MEMORY - 1;
        break;
    case PLAIN:
        e->mail[SESSION_TLS13] = e->mail[SESSION_TLS12] = 0;
        e->mail[SESSION_PLAIN] = 500;
        e->last_plain = NOW - 10;
        break;
    }
    return e;
}

static void judge(enum guard_act plaintext, enum guard_act downgrade, const char *address,
                  enum session_tls tls, enum past p, struct guard_verdict *out)
{
    struct conf_net exempt[2] = {{{0}, 96 + 20}, {{0}, 33}};
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.16.0", exempt[0].ip), 1);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8:8000::", exempt[1].ip), 1);
    const struct guard_policy policy = {.plaintext = plaintext,
                                        .downgrade = downgrade,
                                        .memory = MEMORY,
                                        .minimum = 20,
                                        .exempt = exempt,
                                        .n_exempt = 2};
    struct ledger_entry e;
    uint8_t ip[16];
    assert_int_equal(inet_pton(AF_INET6, address, ip), 1);
    guard_judge(&policy, ip, "mx.example.org", tls, past_of(p, &e), NOW, out);
}

static void test_policies(void **state)
{
    static const struct {
        enum guard_act plaintext, downgrade;
        enum past past;
        enum guard_act act;
        bool because;
    } rows[] = {
        {GUARD_ACCEPT, GUARD_ACCEPT, HABIT, GUARD_ACCEPT, false},
        {GUARD_ACCEPT, GUARD_LOG, NONE, GUARD_ACCEPT, false},
        {GUARD_ACCEPT, GUARD_LOG, HABIT, GUARD_LOG, true},
        {GUARD_ACCEPT, GUARD_TEMPFAIL, HABIT, GUARD_TEMPFAIL, true},
        {GUARD_ACCEPT, GUARD_TEMPFAIL, SHORT, GUARD_ACCEPT, false},
        {GUARD_ACCEPT, GUARD_TEMPFAIL, MIXED, GUARD_ACCEPT, false},
        {GUARD_ACCEPT, GUARD_TEMPFAIL, MIXED_ONCE, GUARD_TEMPFAIL, true},
        {GUARD_ACCEPT, GUARD_TEMPFAIL, LONG_AGO, GUARD_ACCEPT, false},
        {GUARD_ACCEPT, GUARD_TEMPFAIL, PLAIN, GUARD_ACCEPT, false},
        {GUARD_LOG, GUARD_TEMPFAIL, HABIT, GUARD_TEMPFAIL, true},
        {GUARD_LOG, GUARD_LOG, HABIT, GUARD_LOG, true},
        {GUARD_LOG, GUARD_LOG, NONE, GUARD_LOG, false},
        {GUARD_TEMPFAIL, GUARD_LOG, HABIT, GUARD_TEMPFAIL, false},
        {GUARD_TEMPFAIL, GUARD_ACCEPT, NONE, GUARD_TEMPFAIL, false},
        {GUARD_REJECT, GUARD_TEMPFAIL, HABIT, GUARD_REJECT, false},
        {GUARD_REJECT, GUARD_ACCEPT, NONE, GUARD_REJECT, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct guard_verdict v;
        judge(rows[i].plaintext, rows[i].downgrade, "::ffff:198.51.100.7", SESSION_PLAIN,
              rows[i].past, &v);
        if (v.act != rows[i].act || v.downgrade != rows[i].because)
            fail_msg("row %zu: %d %d", i, (int)v.act, (int)v.downgrade);
        assert_int_equal(v.line[0] != '\0', v.act != GUARD_ACCEPT);
        assert_int_equal(v.reply[0] != '\0', v.act >= GUARD_TEMPFAIL);
        /* with TLS nobody is ever told anything */
        judge(rows[i].plaintext, rows[i].downgrade, "::ffff:198.51.100.7", SESSION_TLS12,
              rows[i].past, &v);
        assert_int_equal(v.act, GUARD_ACCEPT);
    }
}

static void test_networks(void **state)
{
    static const struct {
        const char *address;
        bool exempt;
    } rows[] = {
        {"::ffff:192.0.16.0", true},
        {"::ffff:192.0.31.255", true},
        {"::ffff:192.0.32.0", false},
        {"::ffff:192.0.15.255", false},
        {"2001:db8:8000::1", true},
        {"2001:db8:7fff::1", false},
        {"2001:db8:ffff::", true},
        {"::ffff:127.0.0.1", true},
        {"::ffff:128.0.0.1", false},
        {"::1", true},
        {"::2", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct guard_verdict v;
        judge(GUARD_REJECT, GUARD_ACCEPT, rows[i].address, SESSION_PLAIN, NONE, &v);
        if (v.act != (rows[i].exempt ? GUARD_ACCEPT : GUARD_REJECT))
            fail_msg("%s", rows[i].address);
    }
}

static void test_texts(void **state)
{
    struct guard_verdict v;
    (void)state;
    judge(GUARD_ACCEPT, GUARD_TEMPFAIL, "::ffff:198.51.100.7", SESSION_PLAIN, HABIT, &v);
    assert_string_equal(v.line, "guard: 198.51.100.7 (helo mx.example.org) comes without TLS after "
                                "20 sessions with it: told to come again (4.7.0)");
    assert_string_equal(v.reply, "TLS was always used from your network and is missing now "
                                 "(danemilter guard: downgrade)");
    judge(GUARD_REJECT, GUARD_ACCEPT, "2001:db8::7", SESSION_PLAIN, NONE, &v);
    assert_string_equal(
        v.line, "guard: 2001:db8::7 (helo mx.example.org) comes without TLS: refused (5.7.0)");
    assert_string_equal(v.reply,
                        "TLS is required here: use STARTTLS (danemilter guard: plaintext)");
}

/* What a section policy says is what is judged by. */
static void test_read(void **state)
{
    static const enum guard_act acts[] = {GUARD_ACCEPT, GUARD_LOG, GUARD_TEMPFAIL, GUARD_REJECT};
    (void)state;
    for (int i = CONF_GUARD_OFF; i <= CONF_GUARD_REJECT; i++) {
        struct guard_policy policy;
        struct conf conf = {.policy = {.plaintext = i,
                                       .downgrade = CONF_GUARD_TEMPFAIL,
                                       .memory = 77,
                                       .minimum = 5,
                                       .n_exempt_nets = 2,
                                       .exempt_nets = {{{1}, 8}, {{2, 3}, 16}}}};
        struct conf_net nets[CONF_NETS_MAX];
        guard_read(&conf, nets, &policy);
        assert_int_equal(policy.plaintext, acts[i]);
        assert_int_equal(policy.downgrade, GUARD_TEMPFAIL);
        assert_int_equal(policy.memory, 77);
        assert_int_equal(policy.minimum, 5);
        assert_ptr_equal(policy.exempt, nets);
        assert_memory_equal(nets, conf.policy.exempt_nets, 2 * sizeof *nets);
        assert_int_equal(policy.n_exempt, 2);
    }
}

static void test_limiter(void **state)
{
    struct limiter l;
    unsigned held = 9;
    (void)state;
    assert_int_equal(limiter_init(&l), 0);
    assert_true(limiter_pass(&l, "a", 1, NOW, &held));
    assert_int_equal(held, 0);
    assert_false(limiter_pass(&l, "a", 1, NOW, &held));
    assert_false(limiter_pass(&l, "a", 1, NOW + LIMITER_MS - 1, &held));
    assert_true(limiter_pass(&l, "b", 1, NOW, &held)); /* somebody else */
    assert_true(limiter_pass(&l, "a", 1, NOW + LIMITER_MS, &held));
    assert_int_equal(held, 2);
    assert_false(limiter_pass(&l, "a", 1, NOW + LIMITER_MS + 1, &held));
    assert_true(limiter_pass(&l, "a", 1, NOW - 5, &held)); /* the clock went back */
    assert_int_equal(held, 1);
    limiter_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies), cmocka_unit_test(test_networks),
        cmocka_unit_test(test_texts), cmocka_unit_test(test_read), cmocka_unit_test(test_limiter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
