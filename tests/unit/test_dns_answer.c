/* SPDX-License-Identifier: BSD-2-Clause */
/* answer: one reply, told apart: RRSET, NODATA, CONTRADICTION and why, SILENT, NOROUTE. */
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

#include "dns/answer.h"
#include "dns/observe.h"
#include "tests/dns/fakezone.h"

#define OWNER "_25._tcp.mx.example.org."
#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SOA "example.org. 300 IN SOA ns1.example.org. h.example.org. 7 60 60 60 60"

struct world {
    struct fakezone *zone, *other;
    struct replay_keys keys;
    struct answer_context context;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->zone = fakezone_new("example.org.");
    w->other = fakezone_new("example.org.");
    fakezone_keys(w->zone, &w->keys);
    w->context = (struct answer_context){.owner = OWNER,
                                         .zone = "example.org.",
                                         .type = &rrtype_tlsa,
                                         .state = PORT_ZONE_SECURE,
                                         .zone_why = "the zone is broken",
                                         .keys = &w->keys,
                                         .judge_ms = 5000,
                                         .now = time(NULL)};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fakezone_free(&w->zone);
    fakezone_free(&w->other);
    replay_keys_free(&w->keys);
    free(w);
    return 0;
}

static void judge_wire(struct world *w, uint8_t *wire, size_t len, struct port_answer *out)
{
    struct err err = ERR_INIT;
    struct exchange_ask ask = {.state = EXCHANGE_ANSWER, .reply = wire, .reply_len = len};
    struct rdataset records = {0};
    memset(out, 0, sizeof *out);
    assert_int_equal(answer_judge(&w->context, &ask, out, &records, &err), OUT_OK);
    assert_int_equal(answer_tlsa(&records, out, &err), OUT_OK);
    rdataset_clear(&records);
    print_message("%s: %s\n", observe_kind_name(out->kind), out->why);
}

static void judge(struct world *w, struct fakezone_packet packet, struct port_answer *out)
{
    size_t len = 0;
    packet.owner = OWNER;
    packet.qtype = LDNS_RR_TYPE_TLSA;
    uint8_t *wire = fakezone_packet(w->zone, &packet, &len);
    judge_wire(w, wire, len, out);
    free(wire);
}

static const char *const two[] = {OWNER " 60 IN TLSA 3 1 1 " DIGEST,
                                  OWNER " 60 IN TLSA 2 0 2 " OTHER OTHER, NULL};
static const char *const nsec[] = {SOA, OWNER " 300 IN NSEC zz.example.org. TXT RRSIG NSEC", NULL};
static const char *const cname[] = {OWNER " 60 IN CNAME tlsa.example.org.", NULL};

static void a_good_rrset_with_its_times(void **state)
{
    struct world *w = *state;
    struct port_answer out;
    judge(w, (struct fakezone_packet){.answer = two, .expires = 5000}, &out);
    assert_int_equal(out.kind, MODEL_ANS_RRSET);
    assert_non_null(out.rrset);
    assert_int_equal(out.rrset->n, 2);
    assert_int_equal(out.rrset->ttl, 60);
    int64_t left = out.sig_until / 1000 - (int64_t)time(NULL);
    assert_true(left > 4900 && left <= 5001);
    assert_string_equal(out.why, "");
    unsigned usages = 0;
    for (size_t i = 0; i < out.rrset->n; i++)
        usages += out.rrset->recs[i].combo.usage;
    assert_int_equal(usages, 5);
    free(out.rrset);
}

/* A server that answers from a cache counts the TTL down; the signature knows the original. */
static void the_larger_ttl_counts(void **state)
{
    struct world *w = *state;
    struct port_answer out;
    size_t len = 0;
    const char *const one[] = {OWNER " 600 IN TLSA 3 1 1 " DIGEST, NULL};
    const struct fakezone_packet packet = {
        .owner = OWNER, .qtype = LDNS_RR_TYPE_TLSA, .answer = one};
    uint8_t *wire = fakezone_packet(w->zone, &packet, &len);
    /* 00 00 02 58 is the TTL of record and RRSIG; that inside the RRSIG stays. */
    unsigned found = 0;
    for (size_t i = 0; i + 6 < len && found < 2; i++) {
        if (wire[i] == 0 && wire[i + 1] == 1 && memcmp(wire + i + 2, "\0\0\x02\x58", 4) == 0) {
            wire[i + 4] = 0;
            wire[i + 5] = 7;
            found++;
        }
    }
    assert_int_equal(found, 2);
    judge_wire(w, wire, len, &out);
    assert_int_equal(out.kind, MODEL_ANS_RRSET);
    assert_int_equal(out.rrset->ttl, 600);
    free(out.rrset);
    free(wire);
}

static void each_contradiction_has_its_reason(void **state)
{
    struct world *w = *state;
    const struct {
        struct fakezone_packet packet;
        enum model_answer_kind kind;
        const char *says;
    } rows[] = {
        {{.authority = nsec}, MODEL_ANS_NODATA, ""},
        {{.rcode = LDNS_RCODE_SERVFAIL}, MODEL_ANS_CONTRADICTION, "SERVFAIL"},
        {{.rcode = LDNS_RCODE_REFUSED}, MODEL_ANS_CONTRADICTION, "REFUSED"},
        {{.rcode = LDNS_RCODE_FORMERR}, MODEL_ANS_CONTRADICTION, "FORMERR"},
        {{.answer = two, .no_aa = true}, MODEL_ANS_CONTRADICTION, "not authoritative"},
        {{.answer = cname}, MODEL_ANS_CONTRADICTION, "CNAME to tlsa.example.org."},
        {{.answer = two, .unsigned_ = true}, MODEL_ANS_CONTRADICTION, "without a signature"},
        {{.authority = nsec, .unsigned_ = true}, MODEL_ANS_CONTRADICTION, "without a signature"},
        {{.rcode = 0}, MODEL_ANS_CONTRADICTION, "without a signature"},
        {{.answer = two, .expires = -60}, MODEL_ANS_CONTRADICTION, "expired"},
        {{.answer = two, .signer = w->other}, MODEL_ANS_CONTRADICTION, "signature"},
        {{.authority = nsec, .expires = -60}, MODEL_ANS_CONTRADICTION, "denial"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct port_answer out;
        judge(w, rows[i].packet, &out);
        assert_int_equal(out.kind, rows[i].kind);
        assert_null(out.rrset);
        assert_non_null(strstr(out.why, rows[i].says));
        if (rows[i].kind == MODEL_ANS_NODATA)
            assert_true(out.sig_until > 0);
        else
            assert_string_not_equal(out.why, "");
    }
}

static void ceilings_hold(void **state)
{
    struct world *w = *state;
    struct port_answer out;
    enum { MANY = PORT_RRSET_MAX + 1 };
    char *texts[MANY + 1] = {NULL};
    for (int i = 0; i < MANY; i++) {
        texts[i] = malloc(128);
        assert_non_null(texts[i]);
        (void)snprintf(texts[i], 128, "%s 60 IN TLSA 3 1 1 %064x", OWNER, (unsigned)i);
    }
    judge(w, (struct fakezone_packet){.answer = (const char *const *)texts}, &out);
    assert_int_equal(out.kind, MODEL_ANS_CONTRADICTION);
    assert_non_null(strstr(out.why, "too many"));
    free(texts[PORT_RRSET_MAX]);
    texts[PORT_RRSET_MAX] = NULL;
    judge(w, (struct fakezone_packet){.answer = (const char *const *)texts}, &out);
    assert_int_equal(out.kind, MODEL_ANS_RRSET);
    assert_int_equal(out.rrset->n, PORT_RRSET_MAX);
    free(out.rrset);
    for (int i = 0; i < PORT_RRSET_MAX; i++)
        free(texts[i]);

    size_t size = 2 * (PORT_TLSA_MAX + 1) + 64;
    char *large = malloc(size);
    assert_non_null(large);
    int n = snprintf(large, size, "%s 60 IN TLSA 3 0 0 ", OWNER);
    memset(large + n, 'c', 2 * (PORT_TLSA_MAX + 1));
    large[n + 2 * (PORT_TLSA_MAX + 1)] = '\0';
    const char *const one[] = {large, NULL};
    judge(w, (struct fakezone_packet){.answer = one}, &out);
    assert_int_equal(out.kind, MODEL_ANS_CONTRADICTION);
    assert_non_null(strstr(out.why, "octets"));
    large[n + 2 * PORT_TLSA_MAX] = '\0';
    judge(w, (struct fakezone_packet){.answer = one}, &out);
    assert_int_equal(out.kind, MODEL_ANS_RRSET);
    assert_int_equal(out.rrset->recs[0].len, PORT_TLSA_MAX);
    free(out.rrset);
    free(large);
}

static void malformed_replies_are_contradictions(void **state)
{
    struct world *w = *state;
    struct port_answer out;
    size_t len = 0;
    const struct fakezone_packet packet = {
        .owner = OWNER, .qtype = LDNS_RR_TYPE_TLSA, .answer = two};
    uint8_t *wire = fakezone_packet(w->zone, &packet, &len);
    judge_wire(w, wire, len - 5, &out);
    assert_int_equal(out.kind, MODEL_ANS_CONTRADICTION);
    assert_non_null(strstr(out.why, "malformed"));
    judge_wire(w, wire, 4, &out);
    assert_int_equal(out.kind, MODEL_ANS_CONTRADICTION);
    free(wire);
}

static void the_zone_s_verdict_rules(void **state)
{
    struct world *w = *state;
    const struct {
        enum port_zone_state state;
        enum model_answer_kind kind;
    } rows[] = {{PORT_ZONE_INSECURE, MODEL_ANS_CONTRADICTION},
                {PORT_ZONE_BOGUS, MODEL_ANS_CONTRADICTION},
                {PORT_ZONE_UNKNOWN, MODEL_ANS_SILENT}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct port_answer out;
        w->context.state = rows[i].state;
        judge(w, (struct fakezone_packet){.answer = two}, &out);
        assert_int_equal(out.kind, rows[i].kind);
        assert_non_null(strstr(out.why, "the zone is broken"));
    }
    w->context.state = PORT_ZONE_SECURE;
}

static void no_reply_is_told_apart(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    struct port_answer out = {.kind = MODEL_ANS_RRSET};
    struct rdataset records = {0};
    struct exchange_ask ask = {.state = EXCHANGE_SILENT, .why = "no answer in time"};
    assert_int_equal(answer_judge(&w->context, &ask, &out, &records, &err), OUT_OK);
    assert_int_equal(out.kind, MODEL_ANS_SILENT);
    ask.state = EXCHANGE_NOROUTE;
    assert_int_equal(answer_judge(&w->context, &ask, &out, &records, &err), OUT_OK);
    assert_int_equal(out.kind, MODEL_ANS_NOROUTE);
    ask.state = EXCHANGE_LOCAL;
    assert_int_equal(answer_judge(&w->context, &ask, &out, &records, &err), OUT_BROKEN);
}

static void servers_are_named_with_their_address(void **state)
{
    (void)state;
    struct port_answer answer = {.server = "ns2.example.org."};
    char out[OBSERVE_SERVER_TEXT];
    const uint8_t four[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 2};
    const uint8_t six[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
    memcpy(answer.ip, four, 16);
    observe_text_server(&answer, out);
    assert_string_equal(out, "ns2.example.org (192.0.2.2)");
    memcpy(answer.ip, six, 16);
    observe_text_server(&answer, out);
    assert_string_equal(out, "ns2.example.org (2001:db8::2)");
    answer.server[0] = '\0';
    observe_text_server(&answer, out);
    assert_string_equal(out, "2001:db8::2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_rrset_with_its_times),
        cmocka_unit_test(the_larger_ttl_counts),
        cmocka_unit_test(each_contradiction_has_its_reason),
        cmocka_unit_test(ceilings_hold),
        cmocka_unit_test(malformed_replies_are_contradictions),
        cmocka_unit_test(the_zone_s_verdict_rules),
        cmocka_unit_test(no_reply_is_told_apart),
        cmocka_unit_test(servers_are_named_with_their_address),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
