/* SPDX-License-Identifier: BSD-2-Clause */
/* replay: each server's own packet, judged by libunbound under the zone's keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "dns/exchange.h"
#include "dns/replay.h"
#include "tests/dns/fakezone.h"

#define OWNER "_25._tcp.mx.example.org."
#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SOA "example.org. 300 IN SOA ns1.example.org. h.example.org. 7 60 60 60 60"

static const char *const one[] = {OWNER " 60 IN TLSA 3 1 1 " DIGEST, NULL};
static const char *const nsec[] = {SOA, OWNER " 300 IN NSEC zz.example.org. TXT RRSIG NSEC", NULL};
static const char *const nsec_has_it[] = {SOA, OWNER " 300 IN NSEC zz.example.org. TLSA RRSIG NSEC",
                                          NULL};
static const char *const nsec_elsewhere[] = {
    SOA, "zz.example.org. 300 IN NSEC zzz.example.org. TXT RRSIG NSEC", NULL};
static const char *const nsec_nx[] = {
    SOA, "mx.example.org. 300 IN NSEC zz.example.org. A RRSIG NSEC",
    "example.org. 300 IN NSEC a.example.org. SOA NS RRSIG NSEC DNSKEY", NULL};

struct world {
    struct fakezone *zone, *other;
    struct replay_keys keys;
    struct rdataset records;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->zone = fakezone_new("example.org.");
    w->other = fakezone_new("example.org.");
    fakezone_keys(w->zone, &w->keys);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fakezone_free(&w->zone);
    fakezone_free(&w->other);
    replay_keys_free(&w->keys);
    rdataset_clear(&w->records);
    free(w);
    return 0;
}

static enum replay_kind judge(struct world *w, struct fakezone_packet packet,
                              char why[PORT_WHY_MAX])
{
    struct err err = ERR_INIT;
    size_t len = 0;
    enum replay_kind kind = REPLAY_FAILED;
    packet.owner = OWNER;
    packet.qtype = LDNS_RR_TYPE_TLSA;
    uint8_t *wire = fakezone_packet(w->zone, &packet, &len);
    rdataset_clear(&w->records);
    struct replay_question question = {
        .owner = OWNER, .type = &rrtype_tlsa, .packet = wire, .packet_len = len, .ms = 5000};
    enum outcome out = replay_judge(&w->keys, &question, &kind, &w->records, why, &err);
    free(wire);
    if (out != OUT_OK)
        print_error("replay_judge: %s\n", err.text);
    assert_int_equal(out, OUT_OK);
    return kind;
}

static void a_signed_rrset_is_secure(void **state)
{
    struct world *w = *state;
    char why[PORT_WHY_MAX];
    assert_int_equal(judge(w, (struct fakezone_packet){.answer = one}, why), REPLAY_RECORDS);
    assert_int_equal(w->records.n, 1);
    assert_int_equal(w->records.recs[0].len, 3 + 32);
    assert_int_equal(w->records.recs[0].data[0], 3);
    assert_int_equal(w->records.recs[0].data[34], 0xaa);
    assert_string_equal(why, "");
}

static void wrong_answers_are_bogus_with_a_reason(void **state)
{
    struct world *w = *state;
    const struct {
        const char *name;
        struct fakezone_packet packet;
        const char *says;
    } rows[] = {
        {"no signature", {.answer = one, .unsigned_ = true}, ""},
        {"expired an hour ago", {.answer = one, .expires = -3600}, "expired"},
        {"expired five seconds ago", {.answer = one, .expires = -5}, "expired"},
        {"another key", {.answer = one, .signer = w->other}, "signature"},
        {"nothing at all", {.rcode = 0}, ""},
        {"denial unsigned", {.authority = nsec, .unsigned_ = true}, ""},
        {"denial signed by another key", {.authority = nsec, .signer = w->other}, ""},
        {"denial expired", {.authority = nsec, .expires = -3600}, ""},
        {"denial that says the record is there", {.authority = nsec_has_it}, "proof failed"},
        {"denial of another name", {.authority = nsec_elsewhere}, "proof failed"},
        {"NXDOMAIN without proof", {.authority = nsec_elsewhere, .rcode = 3}, "proof failed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char why[PORT_WHY_MAX];
        enum replay_kind kind = judge(w, rows[i].packet, why);
        print_message("%s: %s\n", rows[i].name, why);
        assert_int_equal(kind, REPLAY_BOGUS);
        assert_string_not_equal(why, "");
        assert_non_null(strstr(why, rows[i].says));
        assert_null(strstr(why, "127.0.0.1"));
    }
}

static void nsec_proves_absence(void **state)
{
    struct world *w = *state;
    char why[PORT_WHY_MAX];
    assert_int_equal(judge(w, (struct fakezone_packet){.authority = nsec}, why), REPLAY_NONE);
    assert_int_equal(judge(w, (struct fakezone_packet){.authority = nsec_nx, .rcode = 3}, why),
                     REPLAY_NONE);
}

static void nsec3_proves_absence(void **state)
{
    struct world *w = *state;
    char why[PORT_WHY_MAX];
    char *match = fakezone_nsec3(w->zone, OWNER, false, "TXT RRSIG");
    const char *const nodata[] = {SOA, match, NULL};
    assert_int_equal(judge(w, (struct fakezone_packet){.authority = nodata}, why), REPLAY_NONE);

    char *encloser = fakezone_nsec3(w->zone, "mx.example.org.", false, "A RRSIG");
    char *next = fakezone_nsec3(w->zone, "_tcp.mx.example.org.", true, "A RRSIG");
    char *wild = fakezone_nsec3(w->zone, "*.mx.example.org.", true, "A RRSIG");
    const char *const nx[] = {SOA, encloser, next, wild, NULL};
    assert_int_equal(judge(w, (struct fakezone_packet){.authority = nx, .rcode = 3}, why),
                     REPLAY_NONE);
    const char *const half[] = {SOA, encloser, wild, NULL};
    assert_int_equal(judge(w, (struct fakezone_packet){.authority = half, .rcode = 3}, why),
                     REPLAY_BOGUS);
    free(match);
    free(encloser);
    free(next);
    free(wild);
}

static void an_impossible_packet_is_bogus(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    char why[PORT_WHY_MAX];
    enum replay_kind kind = REPLAY_FAILED;
    uint8_t tiny[4] = {0};
    struct replay_question question = {.owner = OWNER,
                                       .type = &rrtype_tlsa,
                                       .packet = tiny,
                                       .packet_len = sizeof tiny,
                                       .ms = 1000};
    assert_int_equal(replay_judge(&w->keys, &question, &kind, &w->records, why, &err), OUT_OK);
    assert_int_equal(kind, REPLAY_BOGUS);
}

static void it_is_cheap(void **state)
{
    struct world *w = *state;
    char why[PORT_WHY_MAX];
    int64_t begin = exchange_now();
    for (int i = 0; i < 50; i++)
        assert_int_equal(judge(w, (struct fakezone_packet){.answer = one}, why), REPLAY_RECORDS);
    int64_t ms = exchange_now() - begin;
    print_message("50 verdicts in %lld ms\n", (long long)ms);
    assert_true(ms < 50 * 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_rrset_is_secure),
        cmocka_unit_test(wrong_answers_are_bogus_with_a_reason),
        cmocka_unit_test(nsec_proves_absence),
        cmocka_unit_test(nsec3_proves_absence),
        cmocka_unit_test(an_impossible_packet_is_bogus),
        cmocka_unit_test(it_is_cheap),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
