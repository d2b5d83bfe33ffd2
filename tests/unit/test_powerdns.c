/* SPDX-License-Identifier: BSD-2-Clause */
/* powerdns: what is asked of the API, what each answer means, whose records stay. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/text.h"
#include "dns/powerdns.h"
#include "dns/provider.h"
#include "tests/dns/fakepowerdns.h"

#define OWNER "_25._tcp.mx.example.org."
#define ACME "_acme-challenge.mx.example.org."
#define KEY FAKEPOWERDNS_KEY

struct world {
    struct powerdns *dns;
    struct port_rrset *seen;
    struct port_tlsa *recs; /* 20 of them, each with its number as data */
    struct fakepowerdns api;
};

/* ---- the fixture --------------------------------------------------------------------- */

static void open_dns(struct world *w, const char *zone, struct powerdns **out)
{
    struct err err = ERR_INIT;
    const struct powerdns_config config = {.url = w->api.url, .api_key = KEY, .zone = zone};
    assert_int_equal(powerdns_open(&config, out, &err), OUT_OK);
}

static int setup(void **state)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(sigaction(SIGPIPE, &ignore, NULL), 0);
    fakepowerdns_open(&w->api);
    open_dns(w, "Example.org", &w->dns);
    w->seen = calloc(1, sizeof *w->seen);
    w->recs = calloc(20, sizeof *w->recs);
    assert_non_null(w->seen);
    assert_non_null(w->recs);
    for (size_t i = 0; i < 20; i++) {
        w->recs[i].combo = (struct model_combo){3, 1, 1};
        w->recs[i].len = 2;
        w->recs[i].data[1] = (uint8_t)i;
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    assert_true(w->api.whole);
    powerdns_close(&w->dns);
    assert_null(w->dns);
    fakepowerdns_close(&w->api);
    free(w->seen);
    free(w->recs);
    free(w);
    return 0;
}

static enum outcome change(struct world *w, int add, int del, uint32_t ttl, struct err *err)
{
    const struct port_tlsa *a[1] = {&w->recs[add >= 0 ? add : 0]};
    const struct port_tlsa *d[1] = {&w->recs[del >= 0 ? del : 0]};
    const struct port_change c = {.owner = OWNER,
                                  .ttl = ttl,
                                  .seen = w->seen,
                                  .add = a,
                                  .n_add = add >= 0 ? 1 : 0,
                                  .del = d,
                                  .n_del = del >= 0 ? 1 : 0};
    err_clear(err);
    enum outcome rc = powerdns_ops.change(w->dns, &c, err);
    print_message("%s: %s\n", err_outcome_name(rc), err->text);
    assert_null(strstr(err->text, KEY));
    return rc;
}

static void see(struct world *w)
{
    struct err err = ERR_INIT;
    assert_int_equal(powerdns_ops.read(w->dns, OWNER, w->seen, &err), OUT_OK);
}

/* ---- tests --------------------------------------------------------------------------- */

static void read_gives_the_rrset(void **state)
{
    struct world *w = *state;
    see(w);
    assert_int_equal(w->seen->n, 0);
    fakepowerdns_hold(&w->api, OWNER, "TLSA", 77, "3 1 1 AABB|2 0 1 cc dd", false);
    fakepowerdns_hold(&w->api, "_25._TCP.mx.example.org.", "TXT", 5, "\"x\"", false);
    fakepowerdns_hold(&w->api, "_26._tcp.mx.example.org.", "TLSA", 5, "3 1 1 00", false);
    for (int old = 0; old < 2; old++) {
        w->api.old = old == 1;
        see(w);
        assert_int_equal(w->seen->n, 2);
        assert_int_equal(w->seen->ttl, 77);
        assert_int_equal(w->seen->recs[0].combo.usage, 3);
        assert_int_equal(w->seen->recs[0].data[1], 0xbb);
        assert_int_equal(w->seen->recs[1].combo.usage, 2);
        assert_int_equal(w->seen->recs[1].len, 2);
    }
}

static void a_change_keeps_what_is_not_ours(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    char out[512];
    fakepowerdns_hold(&w->api, OWNER, "TLSA", 77, "3 1 1 0001|2 0 1 CC DD", false);
    see(w);
    assert_int_equal(change(w, 2, 1, 0, &err), OUT_OK);
    assert_string_equal(err.text, "");
    assert_string_equal(fakepowerdns_held(&w->api, OWNER, "TLSA", out),
                        "77 2 0 1 CC DD|3 1 1 0002");
    assert_int_equal(w->api.notifies, 1);
    /* What is so already needs no request. */
    unsigned gets = w->api.gets;
    see(w);
    assert_int_equal(change(w, 2, 5, 0, &err), OUT_OK);
    assert_int_equal(w->api.gets, gets + 1);
    assert_int_equal(w->api.patches, 1);
}

static void the_first_and_the_last_record(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    char out[512];
    see(w);
    assert_int_equal(change(w, 2, -1, 0, &err), OUT_OK);
    assert_string_equal(fakepowerdns_held(&w->api, OWNER, "TLSA", out), "3600 3 1 1 0002");
    see(w);
    assert_int_equal(change(w, -1, 2, 0, &err), OUT_OK);
    assert_string_equal(fakepowerdns_held(&w->api, OWNER, "TLSA", out), "");
}

static void disabled_records_do_not_count_and_stay(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    char out[512];
    fakepowerdns_hold(&w->api, OWNER, "TLSA", 77, "3 1 1 0009", true);
    see(w);
    assert_int_equal(w->seen->n, 0);
    assert_int_equal(change(w, 2, -1, 60, &err), OUT_OK);
    assert_string_equal(fakepowerdns_held(&w->api, OWNER, "TLSA", out),
                        "60 3 1 1 0009 off|3 1 1 0002");
    see(w);
    assert_int_equal(change(w, -1, 2, 0, &err), OUT_OK);
    assert_string_equal(fakepowerdns_held(&w->api, OWNER, "TLSA", out), "60 3 1 1 0009 off");
}

static void another_ttl_is_said(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    char out[512];
    fakepowerdns_hold(&w->api, OWNER, "TLSA", 77, "3 1 1 0001", false);
    see(w);
    assert_int_equal(change(w, 2, -1, 300, &err), OUT_OK);
    assert_non_null(strstr(err.text, "goes from 77 to 300"));
    assert_string_equal(fakepowerdns_held(&w->api, OWNER, "TLSA", out),
                        "300 3 1 1 0001|3 1 1 0002");
}

static void a_change_in_between_is_not_yet(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    char out[512];
    fakepowerdns_hold(&w->api, OWNER, "TLSA", 77, "3 1 1 0001|3 1 1 0003", false);
    see(w);
    json_t *records = json_object_get(json_array_get(w->api.rrsets, 0), "records");
    assert_int_equal(json_array_remove(records, 1), 0);
    assert_int_equal(change(w, 2, -1, 0, &err), OUT_NOT_YET);
    assert_non_null(strstr(err.text, "meanwhile"));
    assert_int_equal(w->api.patches, 0);
    assert_string_equal(fakepowerdns_held(&w->api, OWNER, "TLSA", out), "77 3 1 1 0001");
}

static void each_refusal_is_explained(void **state)
{
    struct world *w = *state;
    const struct {
        int status;
        const char *body;
        enum outcome out;
        const char *says;
    } rows[] = {
        {500, "{\"error\": \"database is locked\"}", OUT_RETRY, "database is locked"},
        {500, "Internal Server Error", OUT_RETRY, "Internal Server Error"},
        {503, "", OUT_RETRY, "503"},
        {429, "", OUT_RETRY, "429"},
        {422, "{\"error\": \"RRset x IN TLSA: Conflicts\"}", OUT_REFUSED, "Conflicts"},
        {400, "Bad Request", OUT_REFUSED, "Bad Request"},
        {401, "Unauthorized", OUT_REFUSED, "api-key in pdns.conf"},
        {403, "", OUT_REFUSED, "webserver-allow-from"},
        {404, "Not Found", OUT_REFUSED, "server_id"},
        {405, "", OUT_REFUSED, "405"},
        {302, "", OUT_REFUSED, "302"},
    };
    fakepowerdns_hold(&w->api, OWNER, "TLSA", 77, "3 1 1 0001", false);
    see(w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        w->api.status = rows[i].status;
        w->api.said = rows[i].body;
        assert_int_equal(change(w, 2, -1, 0, &err), rows[i].out);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_non_null(strstr(err.text, "http://127.0.0.1:"));
    }
    assert_int_equal(w->api.notifies, 0);
}

static void what_the_server_leaves_out_is_noted(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    w->api.notify = 422;
    see(w);
    assert_int_equal(change(w, 2, -1, 0, &err), OUT_OK);
    assert_non_null(strstr(err.text, "not told"));
    w->api.soa_edit_api = "";
    see(w);
    assert_int_equal(change(w, 3, -1, 0, &err), OUT_OK);
    assert_non_null(strstr(err.text, "not told"));
    assert_non_null(strstr(err.text, "set-meta example.org. SOA-EDIT-API"));
}

static void nonsense_is_refused(void **state)
{
    struct world *w = *state;
    char many[4096];
    struct text to;
    const struct {
        const char *body, *says;
    } rows[] = {
        {"", "not JSON"},
        {"<html>", "not JSON"},
        {"[]", "shows no zone"},
        {"{\"rrsets\": {}}", "shows no zone"},
        {"{\"rrsets\": [{\"name\": \"" OWNER "\", \"type\": \"TLSA\"}]}", "no TTL"},
        {"{\"rrsets\": [{\"name\": \"" OWNER
         "\", \"type\": \"TLSA\", \"ttl\": -1, \"records\": []}]}",
         "no TTL"},
        {"{\"rrsets\": [{\"name\": \"" OWNER
         "\", \"type\": \"TLSA\", \"ttl\": 1, \"records\": [7]}]}",
         "no content"},
        {"{\"rrsets\": [{\"name\": \"" OWNER "\", \"type\": \"TLSA\", \"ttl\": 1, \"records\": "
         "[{\"content\": \"3 1 1 abc\"}]}]}",
         "cannot be read"},
        {"{\"rrsets\": [{\"name\": \"" OWNER "\", \"type\": \"TLSA\", \"ttl\": 1, \"records\": "
         "[{\"content\": \"3 1 256 ab\"}]}]}",
         "cannot be read"},
        {"{\"rrsets\": [{\"name\": \"" OWNER "\", \"type\": \"CNAME\", \"ttl\": 1, \"records\": "
         "[{\"content\": \"a.\"}]}]}",
         "is a CNAME"},
        {many, "more than 16"},
    };
    text_init(&to, many, sizeof many);
    text_add(&to, "{\"rrsets\": [{\"name\": \"" OWNER
                  "\", \"type\": \"TLSA\", \"ttl\": 1, \"records\": [");
    for (int i = 0; i < 17; i++)
        text_add(&to, "%s{\"content\": \"3 1 1 %04x\"}", i > 0 ? ", " : "", i);
    text_add(&to, "]}]}");
    assert_false(to.cut);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        w->api.get_body = rows[i].body;
        assert_int_equal(powerdns_ops.read(w->dns, OWNER, w->seen, &err), OUT_REFUSED);
        print_message("%s\n", err.text);
        assert_non_null(strstr(err.text, rows[i].says));
    }
}

static void txt_changes_one_value_only(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    char out[512];
    assert_int_equal(powerdns_ops.txt_add(w->dns, ACME, "one", 60, &err), OUT_OK);
    assert_int_equal(powerdns_ops.txt_add(w->dns, ACME, "two", 120, &err), OUT_OK);
    assert_string_equal(fakepowerdns_held(&w->api, ACME, "TXT", out), "60 \"one\"|\"two\"");
    unsigned patches = w->api.patches;
    assert_int_equal(powerdns_ops.txt_add(w->dns, ACME, "two", 60, &err), OUT_OK);
    assert_int_equal(powerdns_ops.txt_remove(w->dns, ACME, "three", &err), OUT_OK);
    assert_int_equal(w->api.patches, patches);
    assert_int_equal(powerdns_ops.txt_remove(w->dns, ACME, "one", &err), OUT_OK);
    assert_string_equal(fakepowerdns_held(&w->api, ACME, "TXT", out), "60 \"two\"");
    assert_int_equal(powerdns_ops.txt_remove(w->dns, ACME, "two", &err), OUT_OK);
    assert_string_equal(fakepowerdns_held(&w->api, ACME, "TXT", out), "");
    assert_string_equal(err.text, "");
    assert_int_equal(powerdns_ops.txt_add(w->dns, ACME, "a b", 60, &err), OUT_REFUSED);
    fakepowerdns_hold(&w->api, ACME, "TXT", 5, "\"two\" \"strings\"|\"back\\\\slash\"", false);
    assert_int_equal(powerdns_ops.txt_add(w->dns, ACME, "two", 60, &err), OUT_OK);
    assert_string_equal(fakepowerdns_held(&w->api, ACME, "TXT", out),
                        "5 \"two\" \"strings\"|\"back\\\\slash\"|\"two\"");
}

static void the_zone_is_found_or_refused(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    struct powerdns *dns = NULL;
    fakepowerdns_hold(&w->api, OWNER, "TLSA", 77, "3 1 1 0001", false);
    open_dns(w, "", &dns);
    assert_int_equal(powerdns_ops.read(dns, OWNER, w->seen, &err), OUT_OK);
    assert_int_equal(w->seen->n, 1);
    assert_int_equal(powerdns_ops.read(dns, "_25._tcp.mx.example.net.", w->seen, &err),
                     OUT_REFUSED);
    assert_non_null(strstr(err.text, "no zone that holds"));
    powerdns_close(&dns);
    assert_int_equal(powerdns_ops.read(w->dns, "_25._tcp.mx.example.net.", w->seen, &err),
                     OUT_REFUSED);
    assert_non_null(strstr(err.text, "not in the zone"));
}

static void settings_are_checked(void **state)
{
    const struct provider *provider = provider_find("powerdns");
    const struct {
        struct provider_settings settings;
        const char *says;
    } rows[] = {
        {{.api_key = KEY}, "no url is named"},
        {{.url = "http://127.0.0.1:8081"}, "no API key"},
        {{.url = "http://dns.example.org:8081", .api_key = KEY}, "in clear"},
        {{.url = "http://8.8.8.8", .api_key = KEY}, "in clear"},
        {{.url = "ftp://127.0.0.1", .api_key = KEY}, "https://HOST:PORT"},
        {{.url = "https://a:b@127.0.0.1", .api_key = KEY}, "https://HOST:PORT"},
        {{.url = "https://127.0.0.1", .api_key = KEY, .zone = "a..b"}, "a..b"},
        {{.url = "https://127.0.0.1", .api_key = KEY, .ca_file = "/nowhere/ca"}, "/nowhere/ca"},
    };
    (void)state;
    assert_non_null(provider);
    assert_false(provider->swaps);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        void *self = NULL;
        assert_int_not_equal(provider->open(&rows[i].settings, &self, &err), OUT_OK);
        print_message("%s\n", err.text);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_null(strstr(err.text, KEY));
        assert_null(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read_gives_the_rrset, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_keeps_what_is_not_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_and_the_last_record, setup, teardown),
        cmocka_unit_test_setup_teardown(disabled_records_do_not_count_and_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(another_ttl_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_in_between_is_not_yet, setup, teardown),
        cmocka_unit_test_setup_teardown(each_refusal_is_explained, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_server_leaves_out_is_noted, setup, teardown),
        cmocka_unit_test_setup_teardown(nonsense_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(txt_changes_one_value_only, setup, teardown),
        cmocka_unit_test_setup_teardown(the_zone_is_found_or_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_are_checked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
