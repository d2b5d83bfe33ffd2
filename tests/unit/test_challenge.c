/* SPDX-License-Identifier: BSD-2-Clause */
/* challenge: what a round of TXT answers says about a value, and which TXT answers are believed. */
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
#include "dns/challenge.h"
#include "dns/rdataset.h"
#include "dns/txt.h"
#include "tests/dns/fakezone.h"

#define OWNER "_acme-challenge.mx.example.org."
#define VALUE "the-Value_1"
#define SHOWS "\013" VALUE
#define OTHER "\005other"

struct server {
    enum model_answer_kind kind;
    const char *rdata; /* NULL: none */
    const char *why;
};

static enum outcome judge(enum port_zone_state state, const struct server servers[2],
                          struct err *err)
{
    struct port_round *round = calloc(1, sizeof *round);
    struct rdataset records[2] = {{0}};
    assert_non_null(round);
    round->zone_state = state;
    (void)snprintf(round->zone, sizeof round->zone, "example.org.");
    (void)snprintf(round->why, sizeof round->why, "the zone's state");
    round->n = 2;
    for (size_t i = 0; i < 2; i++) {
        struct port_answer *answer = &round->answers[i];
        const char *rdata = servers[i].rdata;
        answer->kind = servers[i].kind;
        answer->ip[15] = (uint8_t)i;
        (void)snprintf(answer->server, sizeof answer->server, "ns%zu.example.org.", i + 1);
        (void)snprintf(answer->why, sizeof answer->why, "%s",
                       servers[i].why != NULL ? servers[i].why : "");
        if (rdata != NULL)
            assert_true(rdataset_add(&records[i], &rrtype_txt, (const uint8_t *)OTHER, 6));
        if (rdata != NULL)
            assert_true(
                rdataset_add(&records[i], &rrtype_txt, (const uint8_t *)rdata, strlen(rdata)));
    }
    err_clear(err);
    enum outcome rc = challenge_judge(round, records, OWNER, VALUE, err);
    print_message("%s: %s\n", err_outcome_name(rc), err->text);
    rdataset_clear(&records[0]);
    rdataset_clear(&records[1]);
    free(round);
    return rc;
}

#define GOOD                                                                                       \
    {                                                                                              \
        MODEL_ANS_RRSET, SHOWS, NULL                                                               \
    }

static void every_server_has_to_show_it(void **state)
{
    const struct {
        enum port_zone_state state;
        struct server servers[2];
        enum outcome out;
        const char *says;
    } rows[] = {
        {PORT_ZONE_SECURE, {GOOD, GOOD}, OUT_OK, ""},
        {PORT_ZONE_INSECURE, {GOOD, GOOD}, OUT_OK, ""},
        {PORT_ZONE_BOGUS, {GOOD, GOOD}, OUT_REFUSED, "the zone's state"},
        {PORT_ZONE_UNKNOWN, {GOOD, GOOD}, OUT_RETRY, "the zone's state"},
        {PORT_ZONE_SECURE, {GOOD, {MODEL_ANS_RRSET, OTHER, NULL}}, OUT_NOT_YET, "ns2.example.org"},
        {PORT_ZONE_SECURE,
         {GOOD, {MODEL_ANS_RRSET, "\012" VALUE, NULL}},
         OUT_NOT_YET,
         "but others"},
        {PORT_ZONE_SECURE,
         {GOOD, {MODEL_ANS_RRSET, SHOWS "\001x", NULL}},
         OUT_NOT_YET,
         "but others"},
        {PORT_ZONE_SECURE, {{MODEL_ANS_NODATA, NULL, NULL}, GOOD}, OUT_NOT_YET, "ns1.example.org"},
        {PORT_ZONE_SECURE,
         {GOOD, {MODEL_ANS_SILENT, NULL, "no answer in time"}},
         OUT_NOT_YET,
         "ns2.example.org (::1) is not heard: no answer in time"},
        {PORT_ZONE_SECURE,
         {GOOD, {MODEL_ANS_CONTRADICTION, NULL, "says SERVFAIL"}},
         OUT_NOT_YET,
         "ns2.example.org (::1) says SERVFAIL"},
        {PORT_ZONE_SECURE,
         {GOOD, {MODEL_ANS_NOROUTE, NULL, "no route"}},
         OUT_OK,
         "ns2.example.org (::1) was not asked"},
        {PORT_ZONE_SECURE,
         {{MODEL_ANS_NOROUTE, NULL, "no route"}, {MODEL_ANS_NOROUTE, NULL, "no route"}},
         OUT_RETRY,
         "no server of example.org."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(judge(rows[i].state, rows[i].servers, &err), rows[i].out);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_int_equal(err.text[0] == '\0', rows[i].says[0] == '\0');
    }
}

/* In a signed zone only what validates; in an unsigned one what is there. */
static void answers_are_validated_where_the_zone_is_signed(void **state)
{
    static const char *const one[] = {OWNER " 60 IN TXT \"other\"",
                                      OWNER " 60 IN TXT \"" VALUE "\"", NULL};
    const struct {
        enum port_zone_state state;
        bool unsigned_, unsigned_ok;
        long expires;
        enum model_answer_kind kind;
    } rows[] = {
        {PORT_ZONE_SECURE, false, true, 0, MODEL_ANS_RRSET},
        {PORT_ZONE_SECURE, true, true, 0, MODEL_ANS_CONTRADICTION},
        {PORT_ZONE_SECURE, false, true, -60, MODEL_ANS_CONTRADICTION},
        {PORT_ZONE_INSECURE, true, true, 0, MODEL_ANS_RRSET},
        {PORT_ZONE_INSECURE, true, false, 0, MODEL_ANS_CONTRADICTION},
        {PORT_ZONE_BOGUS, true, true, 0, MODEL_ANS_CONTRADICTION},
        {PORT_ZONE_UNKNOWN, true, true, 0, MODEL_ANS_SILENT},
    };
    struct replay_keys keys;
    struct fakezone *zone = fakezone_new("example.org.");
    (void)state;
    fakezone_keys(zone, &keys);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct port_answer out = {.kind = MODEL_ANS_SILENT};
        struct rdataset records = {0};
        size_t len = 0;
        const struct fakezone_packet packet = {.owner = OWNER,
                                               .qtype = LDNS_RR_TYPE_TXT,
                                               .answer = one,
                                               .unsigned_ = rows[i].unsigned_,
                                               .expires = rows[i].expires};
        uint8_t *wire = fakezone_packet(zone, &packet, &len);
        const struct exchange_ask ask = {.state = EXCHANGE_ANSWER, .reply = wire, .reply_len = len};
        const struct answer_context context = {.owner = OWNER,
                                               .zone = "example.org.",
                                               .type = &rrtype_txt,
                                               .unsigned_ok = rows[i].unsigned_ok,
                                               .state = rows[i].state,
                                               .zone_why = "the zone",
                                               .keys = &keys,
                                               .judge_ms = 5000,
                                               .now = time(NULL)};
        assert_int_equal(answer_judge(&context, &ask, &out, &records, &err), OUT_OK);
        print_message("%zu: %s\n", i, out.why);
        assert_int_equal(out.kind, rows[i].kind);
        assert_int_equal(records.n, rows[i].kind == MODEL_ANS_RRSET ? 2 : 0);
        size_t hits = 0;
        for (size_t j = 0; j < records.n; j++)
            hits += txt_is(records.recs[j].data, records.recs[j].len, VALUE) ? 1 : 0;
        assert_int_equal(hits, rows[i].kind == MODEL_ANS_RRSET ? 1 : 0);
        rdataset_clear(&records);
        free(wire);
    }
    replay_keys_free(&keys);
    fakezone_free(&zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_server_has_to_show_it),
        cmocka_unit_test(answers_are_validated_where_the_zone_is_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
