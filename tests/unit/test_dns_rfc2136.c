/* SPDX-License-Identifier: BSD-2-Clause */
/* rfc2136: what is sent, what each answer means, which answers are believed. */
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

#include "dns/change.h"
#include "dns/provider.h"
#include "dns/verdict.h"
#include "dns/wire.h"
#include "tests/dns/fakeprimary.h"

#define OWNER FAKEPRIMARY_OWNER
#define SECRET FAKEPRIMARY_SECRET

/* The first `n` of recs as the RRset, with TTL 77. */
static void see(struct fakeprimary *w, size_t n)
{
    w->seen->ttl = n > 0 ? 77 : 0;
    w->seen->n = (uint8_t)n;
    for (size_t i = 0; i < n; i++)
        w->seen->recs[i] = w->recs[i];
}

static enum outcome change(struct fakeprimary *w, size_t add, size_t del, uint32_t ttl,
                           struct err *err)
{
    const struct port_tlsa *a[1] = {&w->recs[add]};
    const struct port_tlsa *d[1] = {&w->recs[del]};
    const struct port_change c = {
        .owner = OWNER, .ttl = ttl, .seen = w->seen, .add = a, .n_add = 1, .del = d, .n_del = 1};
    ldns_pkt_free(w->update);
    w->update = NULL;
    fakeserver_sync(w->server);
    enum outcome out = rfc2136_ops.change(w->dns, &c, err);
    fakeserver_sync(w->server);
    return out;
}

/* ---- tests --------------------------------------------------------------------------- */

static void read_gives_the_rrset(void **state)
{
    struct fakeprimary *w = *state;
    struct err err = ERR_INIT;
    w->signing = SIGNED;
    w->rcode = 0;
    fakeserver_sync(w->server);
    assert_int_equal(rfc2136_ops.read(w->dns, OWNER, w->seen, &err), OUT_OK);
    fakeserver_sync(w->server);
    assert_true(w->mac_good);
    assert_int_equal(w->seen->n, 2);
    assert_int_equal(w->seen->ttl, 77);
    assert_int_equal(w->seen->recs[1].combo.usage, 2);
    assert_int_equal(w->seen->recs[1].data[1], 0xdd);
}

static void the_message_is_compare_and_swap(void **state)
{
    struct fakeprimary *w = *state;
    struct err err = ERR_INIT;
    w->signing = SIGNED;
    w->rcode = 0;
    see(w, 3);
    assert_int_equal(change(w, 7, 1, 0, &err), OUT_OK);
    assert_string_equal(err.text, "");
    assert_true(w->mac_good);
    assert_non_null(w->update);
    const ldns_rr_list *pre = ldns_pkt_answer(w->update);
    assert_int_equal(ldns_rr_list_rr_count(pre), 3);
    for (size_t i = 0; i < 3; i++) {
        const ldns_rr *rr = ldns_rr_list_rr(pre, i);
        assert_int_equal(ldns_rr_get_class(rr), LDNS_RR_CLASS_IN);
        assert_int_equal(ldns_rr_ttl(rr), 0);
        assert_int_equal(ldns_rr_rd_count(rr), 4);
        assert_int_equal(ldns_rdf_data(ldns_rr_rdf(rr, 3))[0], i);
    }
    const ldns_rr_list *up = ldns_pkt_authority(w->update);
    assert_int_equal(ldns_rr_list_rr_count(up), 2);
    const ldns_rr *add = ldns_rr_list_rr(up, 0);
    assert_int_equal(ldns_rr_get_class(add), LDNS_RR_CLASS_IN);
    assert_int_equal(ldns_rr_ttl(add), 77);
    assert_int_equal(ldns_rdf_data(ldns_rr_rdf(add, 3))[0], 7);
    const ldns_rr *del = ldns_rr_list_rr(up, 1);
    assert_int_equal(ldns_rr_get_class(del), LDNS_RR_CLASS_NONE);
    assert_int_equal(ldns_rr_ttl(del), 0);
    assert_int_equal(ldns_rdf_data(ldns_rr_rdf(del, 3))[0], 1);
    /* The zone, and no question for recursion. */
    char zone[PORT_NAME_MAX];
    const ldns_rr *zo = ldns_rr_list_rr(ldns_pkt_question(w->update), 0);
    assert_true(wire_name_text(ldns_rr_owner(zo), zone));
    assert_string_equal(zone, "example.org.");
    assert_int_equal(ldns_rr_get_type(zo), LDNS_RR_TYPE_SOA);
    assert_false(ldns_pkt_rd(w->update));
}

static void an_empty_rrset_is_a_prerequisite_too(void **state)
{
    struct fakeprimary *w = *state;
    struct err err = ERR_INIT;
    w->signing = SIGNED;
    w->rcode = 0;
    see(w, 0);
    assert_int_equal(change(w, 7, 8, 0, &err), OUT_OK);
    const ldns_rr_list *pre = ldns_pkt_answer(w->update);
    assert_int_equal(ldns_rr_list_rr_count(pre), 1);
    assert_int_equal(ldns_rr_get_class(ldns_rr_list_rr(pre, 0)), LDNS_RR_CLASS_NONE);
    assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(pre, 0)), LDNS_RR_TYPE_TLSA);
    assert_int_equal(ldns_rr_rd_count(ldns_rr_list_rr(pre, 0)), 0);
    const ldns_rr_list *up = ldns_pkt_authority(w->update);
    assert_int_equal(ldns_rr_list_rr_count(up), 1);
    assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(up, 0)), CHANGE_TTL_NEW);
}

static void ttls_are_kept_or_said(void **state)
{
    struct fakeprimary *w = *state;
    const struct {
        size_t seen;
        uint32_t asked, used;
        bool note;
    } rows[] = {
        {3, 0, 77, false},
        {3, 77, 77, false},
        {3, 300, 300, true},
        {0, 300, 300, false},
        {0, 0, CHANGE_TTL_NEW, false},
    };
    w->signing = SIGNED;
    w->rcode = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        see(w, rows[i].seen);
        assert_int_equal(change(w, 7, 8, rows[i].asked, &err), OUT_OK);
        assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_authority(w->update), 0)),
                         rows[i].used);
        assert_int_equal(err.text[0] != '\0', rows[i].note);
    }
}

static void nothing_to_do_sends_nothing(void **state)
{
    struct fakeprimary *w = *state;
    struct err err = ERR_INIT;
    see(w, 3);
    unsigned before = fakeserver_asked(w->server, true);
    assert_int_equal(change(w, 2, 9, 0, &err), OUT_OK);
    assert_int_equal(fakeserver_asked(w->server, true), before);
}

static void limits_are_checked_before_sending(void **state)
{
    struct fakeprimary *w = *state;
    struct err err = ERR_INIT;
    see(w, PORT_RRSET_MAX);
    assert_int_equal(change(w, 18, 19, 0, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "at most"));
    see(w, 3);
    const struct port_change away = {.owner = "_25._tcp.mx.example.net.", .seen = w->seen};
    assert_int_equal(rfc2136_ops.change(w->dns, &away, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "not in the zone"));
    const struct port_change blind = {.owner = OWNER};
    assert_int_equal(rfc2136_ops.change(w->dns, &blind, &err), OUT_BROKEN);
    /* As many full-size records as fit, then one more. */
    see(w, PORT_RRSET_MAX - 3);
    for (size_t i = 0; i < w->seen->n; i++)
        w->seen->recs[i].len = PORT_TLSA_MAX;
    w->signing = SIGNED;
    w->rcode = 0;
    assert_int_equal(change(w, 18, 19, 0, &err), OUT_OK);
    w->recs[18].len = PORT_TLSA_MAX;
    assert_int_equal(change(w, 18, 19, 0, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "digests"));
    w->recs[18].len = 32;
}

static void only_signed_answers_are_believed(void **state)
{
    struct fakeprimary *w = *state;
    const struct {
        enum signing signing;
        int rcode;
        enum outcome out;
        const char *says;
    } rows[] = {
        {SIGNED, LDNS_RCODE_NOERROR, OUT_OK, ""},
        {SIGNED, LDNS_RCODE_NXRRSET, OUT_NOT_YET, "meanwhile"},
        {SIGNED, LDNS_RCODE_YXRRSET, OUT_NOT_YET, "meanwhile"},
        {SIGNED, LDNS_RCODE_NXDOMAIN, OUT_NOT_YET, "meanwhile"},
        {SIGNED, LDNS_RCODE_REFUSED, OUT_REFUSED, "may not change"},
        {SIGNED, LDNS_RCODE_NOTAUTH, OUT_REFUSED, "not the primary"},
        {SIGNED, LDNS_RCODE_NOTZONE, OUT_REFUSED, "NOTZONE"},
        {SIGNED, LDNS_RCODE_SERVFAIL, OUT_RETRY, "SERVFAIL"},
        {SIGNED, LDNS_RCODE_NOTIMPL, OUT_REFUSED, "NOTIMP"},
        {UNSIGNED, LDNS_RCODE_NOERROR, OUT_RETRY, "not believed"},
        {UNSIGNED, LDNS_RCODE_NXRRSET, OUT_RETRY, "not believed"},
        {UNSIGNED, LDNS_RCODE_REFUSED, OUT_REFUSED, "unsigned"},
        {UNSIGNED, LDNS_RCODE_SERVFAIL, OUT_RETRY, "SERVFAIL"},
        {OTHER_KEY, LDNS_RCODE_NOERROR, OUT_RETRY, "does not fit"},
        {OTHER_MAC, LDNS_RCODE_NOERROR, OUT_RETRY, "does not fit"},
        {NO_REPLY, 0, OUT_RETRY, "does not answer"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        w->signing = rows[i].signing;
        w->rcode = rows[i].rcode;
        see(w, 3);
        enum outcome out = change(w, 7, 1, 0, &err);
        print_message("%s: %s\n", err_outcome_name(out), err.text);
        assert_int_equal(out, rows[i].out);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_null(strstr(err.text, SECRET));
    }
    w->rcode = 0;
}

static void tsig_errors_are_explained(void **state)
{
    struct fakeprimary *w = *state;
    const struct verdict_context context = {
        .server = "192.0.2.1 port 53", .owner = OWNER, .zone = "example.org.", .key = w->key};
    const struct {
        struct tsigmsg_check check;
        const char *says;
    } rows[] = {
        {{TSIGMSG_ERROR, 16, 0}, "secret"},          {{TSIGMSG_ERROR, 17, 0}, "no TSIG key \"k.\""},
        {{TSIGMSG_ERROR, 18, -400}, "400 s behind"}, {{TSIGMSG_ERROR, 18, 400}, "400 s ahead"},
        {{TSIGMSG_ERROR, 22, 0}, "BADTRUNC"},        {{TSIGMSG_STALE, 0, 1000}, "1000 s away"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(verdict_of(&context, LDNS_RCODE_NOTAUTH, &rows[i].check, &err),
                         OUT_REFUSED);
        print_message("%s\n", err.text);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_non_null(strstr(err.text, "192.0.2.1"));
    }
}

/* A reply signed long ago: verified over a real MAC. */
static void a_stale_reply_is_not_believed(void **state)
{
    struct fakeprimary *w = *state;
    struct err err = ERR_INIT;
    struct tsigmsg_check check;
    uint8_t *wire = NULL;
    size_t len = 0;
    ldns_rdf *mac = NULL;
    const char *why = NULL;
    ldns_pkt *pkt =
        ldns_pkt_query_new(ldns_dname_new_frm_str(OWNER), LDNS_RR_TYPE_TLSA, LDNS_RR_CLASS_IN, 0);
    assert_non_null(pkt);
    assert_int_equal(tsigmsg_sign(pkt, w->key, &wire, &len, &mac, &err), OUT_OK);
    ldns_pkt_free(pkt);
    const struct {
        int64_t later;
        enum tsigmsg_state state;
    } rows[] = {{0, TSIGMSG_GOOD},
                {299, TSIGMSG_GOOD},
                {-299, TSIGMSG_GOOD},
                {400, TSIGMSG_STALE},
                {-400, TSIGMSG_STALE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pkt = wire_parse(wire, len, &why);
        assert_non_null(pkt);
        tsigmsg_verify(pkt, wire, len, w->key, NULL, time(NULL) + (time_t)rows[i].later, &check);
        assert_int_equal(check.state, rows[i].state);
        ldns_pkt_free(pkt);
    }
    pkt = wire_parse(wire, len, &why);
    tsigmsg_verify(pkt, wire, len, w->wrong, NULL, time(NULL), &check);
    assert_int_equal(check.state, TSIGMSG_FORGED);
    ldns_pkt_free(pkt);
    LDNS_FREE(wire);
    ldns_rdf_deep_free(mac);
}

static void the_zone_is_found_when_it_is_not_named(void **state)
{
    struct fakeprimary *w = *state;
    struct err err = ERR_INIT;
    struct rfc2136 *dns = NULL;
    struct rfc2136 *named = w->dns;
    const struct rfc2136_config config = {
        .server = "127.0.0.1", .port = fakeserver_port(w->server), .key = w->key};
    assert_int_equal(rfc2136_open(&config, &dns, &err), OUT_OK);
    w->signing = SIGNED;
    w->rcode = 0;
    see(w, 1);
    w->dns = dns;
    assert_int_equal(change(w, 7, 0, 0, &err), OUT_OK);
    w->dns = named;
    rfc2136_close(&dns);
    assert_null(dns);
}

static void settings_are_checked(void **state)
{
    struct fakeprimary *w = *state;
    struct err err = ERR_INIT;
    struct rfc2136 *dns = NULL;
    const struct rfc2136_config nowhere = {.key = w->key};
    const struct rfc2136_config keyless = {.server = "192.0.2.1"};
    const struct rfc2136_config zone = {.server = "192.0.2.1", .key = w->key, .zone = "a..b"};
    assert_int_equal(rfc2136_open(&nowhere, &dns, &err), OUT_REFUSED);
    assert_int_equal(rfc2136_open(&keyless, &dns, &err), OUT_REFUSED);
    assert_int_equal(rfc2136_open(&zone, &dns, &err), OUT_REFUSED);
    assert_null(dns);

    size_t n = 0;
    void *self = NULL;
    const struct provider *provider = provider_find("rfc2136");
    assert_non_null(provider);
    assert_null(provider_find("nobody"));
    assert_ptr_equal(provider_table(&n), provider);
    assert_int_equal(n, 2);
    const struct provider_settings settings = {.server = "192.0.2.1"};
    assert_int_equal(provider->open(&settings, &self, &err), OUT_REFUSED);
    assert_null(self);
    const struct provider_settings missing = {.server = "192.0.2.1", .key_file = "/nowhere/key"};
    assert_int_equal(provider->open(&missing, &self, &err), OUT_REFUSED);
    assert_null(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_gives_the_rrset),
        cmocka_unit_test(the_message_is_compare_and_swap),
        cmocka_unit_test(an_empty_rrset_is_a_prerequisite_too),
        cmocka_unit_test(ttls_are_kept_or_said),
        cmocka_unit_test(nothing_to_do_sends_nothing),
        cmocka_unit_test(limits_are_checked_before_sending),
        cmocka_unit_test(only_signed_answers_are_believed),
        cmocka_unit_test(tsig_errors_are_explained),
        cmocka_unit_test(a_stale_reply_is_not_believed),
        cmocka_unit_test(the_zone_is_found_when_it_is_not_named),
        cmocka_unit_test(settings_are_checked),
    };
    return cmocka_run_group_tests(tests, fakeprimary_setup, fakeprimary_teardown);
}
