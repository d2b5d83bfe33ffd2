/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/wire.h"
#include "fakeprimary.h"

static void fill_answer(ldns_pkt *reply, ldns_rr_type type)
{
    static const char *const records[] = {FAKEPRIMARY_OWNER " 77 IN TLSA 3 1 1 aabb",
                                          FAKEPRIMARY_OWNER " 77 IN TLSA 2 0 1 ccdd"};
    ldns_rr *rr = NULL;
    if (type == LDNS_RR_TYPE_SOA) {
        assert_int_equal(ldns_rr_new_frm_str(&rr,
                                             "example.org. 60 IN SOA a.example.org. "
                                             "b.example.org. 1 2 3 4 5",
                                             60, NULL, NULL),
                         LDNS_STATUS_OK);
        assert_true(ldns_pkt_push_rr(reply, LDNS_SECTION_AUTHORITY, rr));
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ldns_rr_new_frm_str(&rr, records[i], 60, NULL, NULL), LDNS_STATUS_OK);
        assert_true(ldns_pkt_push_rr(reply, LDNS_SECTION_ANSWER, rr));
    }
}

static void sign_reply(struct fakeprimary *w, ldns_pkt *reply, ldns_rdf *mac)
{
    const struct tsigkey *key = w->signing == OTHER_MAC ? w->wrong : w->key;
    const char *name = w->signing == OTHER_KEY ? "stranger." : key->name;
    if (w->signing == UNSIGNED)
        return;
    assert_int_equal(ldns_pkt_tsig_sign(reply, name, key->secret, 300, key->algorithm, mac),
                     LDNS_STATUS_OK);
}

static size_t answer(void *arg, const uint8_t *query, size_t len, bool tcp, size_t i,
                     uint8_t *reply)
{
    struct fakeprimary *w = arg;
    const char *why = NULL;
    (void)tcp;
    if (i > 0 || w->signing == NO_REPLY)
        return 0;
    ldns_pkt *pkt = wire_parse(query, len, &why);
    assert_non_null(pkt);
    w->mac_good = ldns_pkt_tsig_verify(pkt, query, len, w->key->name, w->key->secret, NULL);
    ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);
    ldns_pkt *out = ldns_pkt_query_new(ldns_rdf_clone(ldns_rr_owner(question)),
                                       ldns_rr_get_type(question), LDNS_RR_CLASS_IN, 0);
    assert_non_null(out);
    ldns_pkt_set_id(out, ldns_pkt_id(pkt));
    ldns_pkt_set_qr(out, true);
    ldns_pkt_set_aa(out, true);
    ldns_pkt_set_opcode(out, ldns_pkt_get_opcode(pkt));
    if (ldns_pkt_get_opcode(pkt) == LDNS_PACKET_QUERY)
        fill_answer(out, ldns_rr_get_type(question));
    if (ldns_pkt_get_opcode(pkt) == LDNS_PACKET_UPDATE || w->rcode == LDNS_RCODE_SERVFAIL)
        ldns_pkt_set_rcode(out, (uint8_t)w->rcode);
    ldns_rdf *mac = ldns_rdf_clone(ldns_rr_rdf(ldns_pkt_tsig(pkt), 3));
    sign_reply(w, out, mac);
    ldns_rdf_deep_free(mac);
    uint8_t *wire = NULL;
    size_t out_len = 0;
    assert_int_equal(ldns_pkt2wire(&wire, out, &out_len), LDNS_STATUS_OK);
    memcpy(reply, wire, out_len);
    LDNS_FREE(wire);
    ldns_pkt_free(out);
    if (ldns_pkt_get_opcode(pkt) == LDNS_PACKET_UPDATE) {
        ldns_pkt_free(w->update);
        w->update = pkt;
    } else {
        ldns_pkt_free(pkt);
    }
    return out_len;
}

int fakeprimary_setup(void **state)
{
    struct err err = ERR_INIT;
    struct fakeprimary *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(
        tsigkey_new("k.", "hmac-sha256", FAKEPRIMARY_SECRET, "the test", &w->key, &err), OUT_OK);
    assert_int_equal(
        tsigkey_new("k.", "hmac-sha256", "d3Jvbmcgc2VjcmV0IGhlcmUh", "the test", &w->wrong, &err),
        OUT_OK);
    w->server = fakeserver_new(answer, w, false);
    const struct rfc2136_config config = {.server = "127.0.0.1",
                                          .port = fakeserver_port(w->server),
                                          .zone = "example.org",
                                          .key = w->key,
                                          .timeout_ms = 600};
    assert_int_equal(rfc2136_open(&config, &w->dns, &err), OUT_OK);
    w->seen = calloc(1, sizeof *w->seen);
    w->recs = calloc(20, sizeof *w->recs);
    assert_non_null(w->seen);
    assert_non_null(w->recs);
    for (size_t i = 0; i < 20; i++) {
        w->recs[i].combo = (struct model_combo){3, 1, 1};
        w->recs[i].len = 32;
        w->recs[i].data[0] = (uint8_t)i;
    }
    *state = w;
    return 0;
}

int fakeprimary_teardown(void **state)
{
    struct fakeprimary *w = *state;
    fakeserver_free(&w->server);
    rfc2136_close(&w->dns);
    tsigkey_free(&w->key);
    tsigkey_free(&w->wrong);
    ldns_pkt_free(w->update);
    free(w->seen);
    free(w->recs);
    free(w);
    return 0;
}
