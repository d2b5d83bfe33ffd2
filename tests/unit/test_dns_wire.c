/* SPDX-License-Identifier: BSD-2-Clause */
/* wire: names, TLSA records, malformed packets, signature times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "dns/wire.h"

static void names_are_cleaned_or_refused(void **state)
{
    (void)state;
    char long_label[80];
    char long_name[400];
    memset(long_label, 'a', 64);
    long_label[64] = '\0';
    memset(long_name, 'b', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    const struct {
        const char *in, *out;
    } rows[] = {
        {"Example.ORG", "example.org."},
        {"example.org.", "example.org."},
        {"_25._tcp.mx.example.org", "_25._tcp.mx.example.org."},
        {".", "."},
        {"", NULL},
        {"a..b", NULL},
        {long_label, NULL},
        {long_name, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        char out[PORT_NAME_MAX];
        enum outcome res = wire_name_clean(rows[i].in, out, &err);
        assert_int_equal(res, rows[i].out != NULL ? OUT_OK : OUT_REFUSED);
        if (rows[i].out != NULL)
            assert_string_equal(out, rows[i].out);
        else
            assert_string_not_equal(err.text, "");
    }
    struct err err = ERR_INIT;
    ldns_rdf *name = NULL;
    assert_int_equal(wire_name_parse("no.final.dot", &name, &err), OUT_REFUSED);
    assert_null(name);
}

static void names_lie_below_others_by_labels(void **state)
{
    (void)state;
    const struct {
        const char *name, *top;
        bool below;
    } rows[] = {
        {"a.b.", "b.", true},     {"b.", "b.", true},           {"ab.", "b.", false},
        {"a.b.", ".", true},      {"b.", "a.b.", false},        {"x\\.b.", "b.", false},
        {"x\\\\.b.", "b.", true}, {"a.example.", "le.", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(wire_name_below(rows[i].name, rows[i].top), rows[i].below);
    char up[PORT_NAME_MAX];
    assert_true(wire_name_up("a.b.", up));
    assert_string_equal(up, "b.");
    assert_true(wire_name_up("b.", up));
    assert_string_equal(up, ".");
    assert_true(wire_name_up("x\\.y.b.", up));
    assert_string_equal(up, "b.");
    assert_false(wire_name_up(".", up));
}

static void tlsa_goes_to_ldns_and_back(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 32, 64, 255, 256, PORT_TLSA_MAX};
    struct err err = ERR_INIT;
    ldns_rdf *owner = NULL;
    struct port_tlsa *in = calloc(2, sizeof *in);
    assert_non_null(in);
    struct port_tlsa *out = &in[1];
    assert_int_equal(wire_name_parse("_25._tcp.mx.example.org.", &owner, &err), OUT_OK);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        in->combo = (struct model_combo){3, 1, 1};
        in->len = (uint16_t)lens[i];
        for (size_t j = 0; j < lens[i]; j++)
            in->data[j] = (uint8_t)(j * 7 + i);
        ldns_rr *rr = wire_tlsa_rr(owner, in, 3600, LDNS_RR_CLASS_IN);
        assert_non_null(rr);
        assert_true(wire_tlsa_get(rr, out));
        assert_true(wire_tlsa_equal(in, out));
        in->combo.matching = 2;
        assert_false(wire_tlsa_equal(in, out));
        ldns_rr_free(rr);
    }
    ldns_rr *bare = wire_tlsa_rr(owner, NULL, 0, LDNS_RR_CLASS_NONE);
    assert_non_null(bare);
    assert_int_equal(ldns_rr_rd_count(bare), 0);
    assert_false(wire_tlsa_get(bare, out));
    ldns_rr_free(bare);
    ldns_rdf_deep_free(owner);
    uint8_t *raw = calloc(1, PORT_TLSA_MAX + 4);
    assert_non_null(raw);
    assert_false(wire_tlsa_rdata(raw, 2, out));
    assert_true(wire_tlsa_rdata(raw, 3, out));
    assert_true(wire_tlsa_rdata(raw, PORT_TLSA_MAX + 3, out));
    assert_false(wire_tlsa_rdata(raw, PORT_TLSA_MAX + 4, out));
    free(raw);
    free(in);
}

static void signature_times_wrap_in_2106(void **state)
{
    (void)state;
    const struct {
        uint32_t value;
        int64_t now, expect;
    } rows[] = {
        {1000, 900, 1000},
        {900, 1000, 900},
        {UINT32_C(4294967290), INT64_C(4294967200), INT64_C(4294967290)},
        {10, INT64_C(4294967290), INT64_C(4294967306)},
        {UINT32_C(4294967290), INT64_C(4294967306), INT64_C(4294967290)},
        {1796628249, 1795000000, 1796628249},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(wire_sig_time(rows[i].value, (time_t)rows[i].now) == rows[i].expect);
}

static void addresses_are_shown_as_people_write_them(void **state)
{
    (void)state;
    static const char *const texts[] = {"192.0.2.1", "2001:db8::1", "::1", "255.255.255.255"};
    uint8_t ip[16];
    char out[TEXT_IP_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_true(wire_ip_parse(texts[i], ip));
        text_ip(ip, out);
        assert_string_equal(out, texts[i]);
    }
    assert_true(wire_ip_parse("::ffff:192.0.2.7", ip));
    text_ip(ip, out);
    assert_string_equal(out, "192.0.2.7");
    assert_true(wire_ip_is4(ip));
    assert_false(wire_ip_parse("mx.example.org", ip));
    assert_false(wire_ip_parse("192.0.2.1.", ip));
    assert_false(wire_ip_parse("", ip));
}

/* ---- packets ------------------------------------------------------------------------- */

#define HEAD(an) 0x12, 0x34, 0x84, 0, 0, 1, 0, an, 0, 0, 0, 0
#define QUESTION 1, 'a', 0, 0, 52, 0, 1
#define TLSA_TAIL 0, 52, 0, 1, 0, 0, 0, 60, 0, 5, 3, 1, 1, 0xaa, 0xbb

struct packet_row {
    const char *name;
    size_t len;
    uint8_t p[64];
    bool good;
};

#define ROW(name_, good_, ...)                                                                     \
    {                                                                                              \
        .name = (name_), .good = (good_), .p = {__VA_ARGS__}, .len = sizeof(uint8_t[])             \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static void malformed_packets_are_told_from_good_ones(void **state)
{
    (void)state;
    const struct packet_row rows[] = {
        ROW("no records", true, HEAD(0), QUESTION),
        ROW("a TLSA record", true, HEAD(1), QUESTION, 0xc0, 12, TLSA_TAIL),
        ROW("shorter than a header", false, 0x12, 0x34, 0x84),
        ROW("a count without a record", false, HEAD(1), QUESTION),
        ROW("a pointer to itself", false, HEAD(1), QUESTION, 0xc0, 19, TLSA_TAIL),
        ROW("a pointer forward", false, HEAD(1), QUESTION, 0xc0, 40, TLSA_TAIL),
        ROW("a pointer into the header", false, HEAD(1), QUESTION, 0xc0, 2, TLSA_TAIL),
        ROW("a pointer behind the end", false, HEAD(1), QUESTION, 0xff, 0xff, TLSA_TAIL),
        ROW("two pointers in a circle", false, HEAD(1), QUESTION, 1, 'b', 0xc0, 19, TLSA_TAIL),
        ROW("a pointer cut in half", false, HEAD(1), QUESTION, 0xc0),
        ROW("a label of an unknown kind", false, HEAD(1), QUESTION, 0x80, 1, 0, TLSA_TAIL),
        ROW("a label behind the end", false, HEAD(1), QUESTION, 63, 'x'),
        ROW("a question cut short", false, HEAD(0), 1, 'a', 0, 0, 52),
        ROW("a name without an end", false, HEAD(0), 1, 'a'),
        ROW("RDATA behind the end", false, HEAD(1), QUESTION, 0xc0, 12, 0, 52, 0, 1, 0, 0, 0, 60, 0,
            50, 3, 1, 1, 0xaa),
        ROW("TLSA of two octets, which wire_tlsa_get refuses", true, HEAD(1), QUESTION, 0xc0, 12, 0,
            52, 0, 1, 0, 0, 0, 60, 0, 2, 3, 1),
        ROW("octets at the end", false, HEAD(1), QUESTION, 0xc0, 12, TLSA_TAIL, 7),
        ROW("two OPT records", false, 0x12, 0x34, 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 2, QUESTION, 0, 0,
            41, 4, 208, 0, 0, 0, 0, 0, 0, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0),
        ROW("a CNAME that points to itself", false, HEAD(1), QUESTION, 0xc0, 12, 0, 5, 0, 1, 0, 0,
            0, 60, 0, 2, 0xc0, 31),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *why = NULL;
        /* From the heap and of exact size, so that a sanitizer sees a read behind it. */
        uint8_t *copy = malloc(rows[i].len);
        assert_non_null(copy);
        memcpy(copy, rows[i].p, rows[i].len);
        ldns_pkt *pkt = wire_parse(copy, rows[i].len, &why);
        print_message("%s: %s\n", rows[i].name, pkt != NULL ? "good" : why);
        assert_int_equal(pkt != NULL, rows[i].good);
        if (pkt == NULL)
            assert_non_null(why);
        ldns_pkt_free(pkt);
        free(copy);
    }
}

/* A long chain of pointers, each to the one before. */
static void many_pointers_are_not_followed(void **state)
{
    (void)state;
    enum { LINKS = 4000 };
    const uint8_t head[] = {HEAD(1), 0, 0, 52, 0, 1};
    size_t len = sizeof head + 11 + 2 * LINKS + 2 + 10;
    uint8_t *p = calloc(1, len);
    const char *why = NULL;
    assert_non_null(p);
    memcpy(p, head, sizeof head);
    p[7] = 2;
    size_t at = sizeof head;
    /* A TXT-like record whose RDATA holds the chain. */
    p[at] = 0;
    p[at + 2] = 0xff;
    p[at + 4] = 1;
    p[at + 9] = (uint8_t)((2 * LINKS) >> 8);
    p[at + 10] = (uint8_t)((2 * LINKS) & 0xff);
    at += 11;
    size_t before = 12;
    for (int i = 0; i < LINKS; i++, at += 2) {
        p[at] = (uint8_t)(0xc0 | (before >> 8));
        p[at + 1] = (uint8_t)before;
        before = at;
    }
    p[at] = (uint8_t)(0xc0 | (before >> 8));
    p[at + 1] = (uint8_t)before;
    ldns_pkt *pkt = wire_parse(p, len, &why);
    assert_null(pkt);
    assert_string_equal(why, "broken name of a record");
    free(p);
}

/* Every good packet, cut or bent anywhere, does no harm. */
static void bent_packets_do_no_harm(void **state)
{
    (void)state;
    const uint8_t good[] = {HEAD(2), QUESTION, 0xc0, 12, TLSA_TAIL, 1, 'b', 0xc0, 12, TLSA_TAIL};
    const char *why = NULL;
    for (size_t cut = 0; cut < sizeof good; cut++) {
        uint8_t *copy = malloc(cut + 1);
        assert_non_null(copy);
        memcpy(copy, good, cut);
        ldns_pkt *pkt = wire_parse(copy, cut, &why);
        assert_null(pkt);
        free(copy);
    }
    for (size_t at = 0; at < sizeof good; at++) {
        for (unsigned v = 0; v < 256; v++) {
            uint8_t copy[sizeof good];
            memcpy(copy, good, sizeof good);
            copy[at] = (uint8_t)v;
            ldns_pkt_free(wire_parse(copy, sizeof copy, &why));
        }
    }
}

static void questions_are_ours_alone(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const char *why = NULL;
    ldns_rdf *name = NULL;
    uint8_t buf[WIRE_QUERY_MAX];
    assert_int_equal(wire_name_parse("_25._tcp.mx.example.org.", &name, &err), OUT_OK);
    size_t len = wire_question(name, LDNS_RR_TYPE_TLSA, true, buf, sizeof buf);
    assert_true(len > WIRE_HEADER);
    ldns_pkt *pkt = wire_parse(buf, len, &why);
    assert_non_null(pkt);
    assert_false(ldns_pkt_rd(pkt));
    assert_true(ldns_pkt_edns_do(pkt));
    assert_int_equal(ldns_pkt_edns_udp_size(pkt), WIRE_UDP_SIZE);
    assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_question(pkt), 0)),
                     LDNS_RR_TYPE_TLSA);
    ldns_pkt_free(pkt);
    assert_int_equal(wire_question(name, LDNS_RR_TYPE_TLSA, true, buf, 10), 0);
    ldns_rdf_deep_free(name);
}

static void rcodes_have_names(void **state)
{
    (void)state;
    assert_string_equal(wire_rcode_name(2), "SERVFAIL");
    assert_string_equal(wire_rcode_name(8), "NXRRSET");
    assert_string_equal(wire_rcode_name(10), "NOTZONE");
    assert_string_equal(wire_rcode_name(23), "an unknown rcode");
    assert_string_equal(wire_rcode_name(-1), "an unknown rcode");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_cleaned_or_refused),
        cmocka_unit_test(names_lie_below_others_by_labels),
        cmocka_unit_test(tlsa_goes_to_ldns_and_back),
        cmocka_unit_test(signature_times_wrap_in_2106),
        cmocka_unit_test(addresses_are_shown_as_people_write_them),
        cmocka_unit_test(malformed_packets_are_told_from_good_ones),
        cmocka_unit_test(many_pointers_are_not_followed),
        cmocka_unit_test(bent_packets_do_no_harm),
        cmocka_unit_test(questions_are_ours_alone),
        cmocka_unit_test(rcodes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
