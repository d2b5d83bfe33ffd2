/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the ACME client that are functions of values: budgets, waits, JSON, problem
 * documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "acme/transport.h"
#include "acme/budget.h"
#include "acme/doc.h"
#include "acme/pace.h"
#include "acme/problem.h"

#define MINUTE ((model_time)60000)
#define HOUR (60 * MINUTE)
#define NOW ((model_time)1795000000000)

static void orders_count_for_an_hour(void **state)
{
    (void)state;
    struct budget b = {0};
    for (int i = 0; i < 4; i++) {
        assert_true(budget_order_at(&b, 4, NOW + i * MINUTE) <= NOW + i * MINUTE);
        budget_add_order(&b, NOW + i * MINUTE);
    }
    model_time at = budget_order_at(&b, 4, NOW + 4 * MINUTE);
    assert_in_range(at - NOW, HOUR, HOUR + MINUTE);
    assert_true(budget_order_at(&b, 5, NOW + 4 * MINUTE) <= NOW + 4 * MINUTE);
    assert_true(budget_order_at(&b, 0, NOW) <= NOW);
    (void)budget_tidy(&b, at - 1);
    assert_true(budget_order_at(&b, 4, at - 1) > at - 1);
    (void)budget_tidy(&b, at);
    assert_true(budget_order_at(&b, 4, at) <= at);
    assert_int_equal(b.n_orders, 3);
}

static void certificates_count_for_a_week(void **state)
{
    (void)state;
    struct budget b = {0};
    for (int i = 0; i < 40; i++)
        budget_add_cert(&b, NOW + i * 10);
    model_time at = budget_cert_at(&b, 40, NOW + HOUR);
    assert_in_range(at - NOW, 7 * 24 * HOUR, 7 * 24 * HOUR + HOUR);
    assert_true(budget_cert_at(&b, 41, NOW + HOUR) <= NOW + HOUR);
}

/* Never more than its table, and never fewer counted than there were. */
static void a_flood_does_not_overflow(void **state)
{
    (void)state;
    struct budget b = {0};
    char text[PORT_NOTE_MAX];
    for (int i = 0; i < 1000; i++) {
        uint8_t id[MODEL_ID_LEN] = {(uint8_t)i, (uint8_t)(i >> 8)};
        budget_add_order(&b, NOW + i * MINUTE);
        budget_add_cert(&b, NOW + i * HOUR);
        budget_add_failed(&b, id, NOW + i);
    }
    uint64_t orders = 0;
    for (size_t i = 0; i < b.n_orders; i++)
        orders += b.orders[i].n;
    assert_int_equal(orders, 1000);
    assert_int_equal(b.n_orders, BUDGET_MINUTES);
    assert_int_equal(b.n_certs, BUDGET_HOURS);
    assert_int_equal(b.n_failed, BUDGET_FAILED);
    assert_true(budget_print(&b, text, sizeof text));
}

static void what_failed_is_left_alone_for_an_hour(void **state)
{
    (void)state;
    struct budget b = {0};
    const uint8_t a[MODEL_ID_LEN] = {1};
    const uint8_t other[MODEL_ID_LEN] = {2};
    assert_int_equal(budget_failed_until(&b, a), 0);
    budget_add_failed(&b, a, NOW);
    budget_add_failed(&b, a, NOW + MINUTE);
    assert_int_equal(b.n_failed, 1);
    assert_int_equal(budget_failed_until(&b, a), NOW + MINUTE + HOUR);
    assert_int_equal(budget_failed_until(&b, other), 0);
    assert_true(budget_tidy(&b, NOW + MINUTE + HOUR));
    assert_int_equal(budget_failed_until(&b, a), 0);
}

/* A clock that was a year ahead must not hold anything back for a year. */
static void a_clock_that_was_ahead_holds_nothing_for_ever(void **state)
{
    (void)state;
    struct budget b = {0};
    const model_time ahead = NOW + 365 * 24 * HOUR;
    const uint8_t a[MODEL_ID_LEN] = {1};
    budget_add_order(&b, ahead);
    budget_add_cert(&b, ahead);
    budget_add_failed(&b, a, ahead);
    b.not_before = ahead;
    assert_true(budget_tidy(&b, NOW));
    assert_false(budget_tidy(&b, NOW));
    assert_true(budget_order_at(&b, 1, NOW) <= NOW + HOUR + MINUTE);
    assert_true(budget_cert_at(&b, 1, NOW) <= NOW + 7 * 24 * HOUR + HOUR);
    assert_int_equal(budget_failed_until(&b, a), NOW + HOUR);
    assert_int_equal(b.not_before, NOW + 24 * HOUR);
}

static void the_note_holds_all_of_it(void **state)
{
    (void)state;
    struct budget b = {0};
    struct budget again;
    char text[PORT_NOTE_MAX];
    const uint8_t a[MODEL_ID_LEN] = {1, 2, 3};
    budget_add_order(&b, NOW);
    budget_add_order(&b, NOW + MINUTE);
    budget_add_cert(&b, NOW);
    budget_add_failed(&b, a, NOW);
    b.not_before = NOW + 5;
    assert_true(budget_print(&b, text, sizeof text));
    budget_parse(text, &again);
    assert_memory_equal(&b, &again, sizeof b);
    assert_false(budget_print(&b, text, 20));
}

static void a_bad_note_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "order\n",
                                      "order x 1\n",
                                      "order 5\n",
                                      "order -5 1\n",
                                      "order 5 0\n",
                                      "order 5 99999999999999\n",
                                      "failed 5 abc\n",
                                      "cert 99999999999999999999999999999999999999 1\n",
                                      "not_before x\n",
                                      "\n \n  \nunknown words\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct budget b;
        budget_parse(bad[i], &b);
        assert_int_equal(b.n_orders + b.n_certs + b.n_failed, 0);
        assert_int_equal(b.not_before, 0);
    }
    struct budget b;
    budget_parse("order 5 1\norder 3 1\ncert 7 2", &b);
    assert_int_equal(b.n_orders, 1); /* out of order: not ours */
    assert_int_equal(b.n_certs, 1);
    assert_int_equal(b.certs[0].n, 2);
}

static void waits_have_bounds(void **state)
{
    (void)state;
    static const struct {
        model_time poll, passed, asked, want;
    } rows[] = {
        {0, 0, 0, 50},      {0, 4000, 0, 500},         {0, HOUR, 0, 30000},
        {1000, 0, 0, 1000}, {1000, HOUR, 0, 1000},     {1000, 0, 5000, 5000},
        {0, 0, 1, 1000},    {0, 0, 10 * HOUR, 300000}, {60000, 0, 2000, 2000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(pace_next(rows[i].poll, rows[i].passed, rows[i].asked), rows[i].want);
}

static char *nest(size_t depth)
{
    char *text = calloc(1, 2 * depth + 8);
    assert_non_null(text);
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', depth - 1);
    memset(text + 4 + depth, ']', depth - 1);
    text[3 + 2 * depth] = '}';
    return text;
}

static void json_is_read_within_bounds(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "x",
                                      "[1]",
                                      "\"a\"",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\"",
                                      "{} {}",
                                      "{\"a\":\"\\u0000\"}",
                                      "{\"a\":1e999}",
                                      "null",
                                      "{\"a\":\"\xc0\x80\"}"};
    json_t *doc = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(doc_parse("the order", bad[i], strlen(bad[i]), &doc, &err), OUT_REFUSED);
        assert_null(doc);
        assert_non_null(strstr(err.text, "the order"));
    }
    for (size_t depth = DOC_DEPTH - 1; depth <= DOC_DEPTH + 1; depth++) {
        struct err err = ERR_INIT;
        char *text = nest(depth);
        enum outcome want = depth <= DOC_DEPTH ? OUT_OK : OUT_REFUSED;
        assert_int_equal(doc_parse("it", text, strlen(text), &doc, &err), want);
        json_decref(doc);
        free(text);
    }
    struct err err = ERR_INIT;
    static const char quoted[] = "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[{{\"}";
    assert_int_equal(doc_parse("it", quoted, strlen(quoted), &doc, &err), OUT_OK);
    json_decref(doc);
    assert_int_equal(doc_parse("it", "{\"a\":1}\0x", 9, &doc, &err), OUT_REFUSED);
}

static void json_of_many_values_is_refused(void **state)
{
    (void)state;
    size_t n = DOC_VALUES + 2;
    char *text = malloc(2 * n + 8);
    struct err err = ERR_INIT;
    json_t *doc = NULL;
    assert_non_null(text);
    memcpy(text, "{\"a\":[", 6);
    for (size_t i = 0; i < n; i++)
        memcpy(text + 6 + 2 * i, "1,", 2);
    memcpy(text + 6 + 2 * n - 1, "]}", 3);
    assert_int_equal(doc_parse("it", text, strlen(text), &doc, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "values"));
    free(text);
}

static void only_https_is_a_url(void **state)
{
    (void)state;
    static const char *const good[] = {"https://ca.test/dir", "https://ca.test:14000/a?b=c",
                                       "https://[2001:db8::1]/x", "https://ca"};
    static const char *const bad[] = {"http://ca.test/dir", "https://",
                                      "https:///x",         "ftp://a/",
                                      "https://u@ca.test/", "https://ca.test/a b",
                                      "https://ca.test/\"", "https://ca.test/\\",
                                      "HTTPS//x",           "",
                                      "https://ca.test/\n", "https://:80/",
                                      "file:///etc/passwd"};
    char longer[DOC_URL_MAX + 1] = "https://ca.test/";
    memset(longer + 16, 'a', DOC_URL_MAX - 16);
    longer[DOC_URL_MAX] = '\0';
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(doc_is_url(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(doc_is_url(bad[i]));
    assert_false(doc_is_url(longer));
    longer[DOC_URL_MAX - 1] = '\0';
    assert_true(doc_is_url(longer));
}

static void problems_are_shown_in_full(void **state)
{
    (void)state;
    static const char body[] =
        "{\"type\":\"urn:ietf:params:acme:error:compound\",\"detail\":\"two names\","
        "\"instance\":\"https://ca.test/p/1\",\"subproblems\":["
        "{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"CAA forbids\","
        "\"identifier\":{\"type\":\"dns\",\"value\":\"mx.test\"}},"
        "{\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":\"SERVFAIL\"}]}";
    struct problem p;
    problem_read(403, body, strlen(body), &p);
    assert_string_equal(p.type, "compound");
    assert_true(p.caa);
    assert_string_equal(p.text,
                        "HTTP status 403, compound: two names (https://ca.test/p/1); mx.test: "
                        "caa: CAA forbids; a part: dns: SERVFAIL");
    problem_read(302, "", 0, &p);
    assert_non_null(strstr(p.text, "redirect"));
    problem_read(404, "<html>", 6, &p);
    assert_non_null(strstr(p.text, "404"));
    assert_string_equal(p.type, "");
}

static void outcomes_of_problems(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *type;
        enum outcome want;
    } rows[] = {
        {400, "badNonce", OUT_RETRY},
        {429, "rateLimited", OUT_RETRY},
        {400, "rateLimited", OUT_RETRY},
        {429, "", OUT_RETRY},
        {503, "", OUT_RETRY},
        {500, "serverInternal", OUT_RETRY},
        {403, "orderNotReady", OUT_RETRY},
        {408, "", OUT_RETRY},
        {403, "unauthorized", OUT_REFUSED},
        {400, "malformed", OUT_REFUSED},
        {404, "", OUT_REFUSED},
        {301, "", OUT_REFUSED},
        {400, "accountDoesNotExist", OUT_REFUSED},
        {400, "caa", OUT_REFUSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct problem p = {.status = rows[i].status};
        memcpy(p.type, rows[i].type, strlen(rows[i].type) + 1);
        assert_int_equal(problem_outcome(&p), rows[i].want);
    }
}

/* ---- one order at a time -------------------------------------------------------------- */

struct second { /* asks for another order while one is under way */
    struct acme *acme;
    model_time now;
    enum outcome out;
    struct port_issued issued;
};

static const char *const second_names[] = {"mx.example.org"};
static const struct port_order second_order = {
    .certificate = "mx", .names = second_names, .n_names = 1};

static enum outcome second_now(void *self, struct port_time *out, struct err *err)
{
    const struct second *s = self;
    (void)err;
    *out = (struct port_time){.boot = s->now, .wall = s->now};
    return OUT_OK;
}

static void second_sleep(void *self, model_time ms)
{
    struct second *s = self;
    s->now += ms;
}

static enum outcome second_get(void *self, const char *name, char *out, size_t size,
                               struct err *err)
{
    (void)self;
    (void)out;
    (void)size;
    return err_set(err, OUT_NOT_YET, "no note %s", name);
}

static enum outcome second_perform(void *self, const struct http_request *request,
                                   struct http_response *out, struct err *err)
{
    struct second *s = self;
    struct err why = ERR_INIT;
    (void)request;
    memset(out, 0, sizeof *out);
    s->out = acme_ops.issue(s->acme, &second_order, &s->issued, &why);
    return err_set(err, OUT_RETRY, "no answer");
}

static void second_close(void *self)
{
    (void)self;
}

static void a_second_order_is_sent_away(void **state)
{
    static const struct port_clock_ops clock = {.now = second_now, .sleep = second_sleep};
    static const struct port_notes_ops notes = {.get = second_get};
    static const struct transport_ops ops = {.perform = second_perform, .close = second_close};
    struct second s = {.now = 1000000, .out = OUT_OK};
    const struct acme_config config = {.title = "ca", .directory = "https://ca.example/dir"};
    const struct acme_ports ports = {
        .clock = &clock, .clock_self = &s, .notes = &notes, .notes_self = &s};
    struct port_issued issued = {.pem = NULL};
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(
        acme_open_over(&config, &ports, (struct transport){.ops = &ops, .self = &s}, &s.acme, &err),
        OUT_OK);
    assert_int_equal(acme_ops.issue(s.acme, &second_order, &issued, &err), OUT_RETRY);
    assert_int_equal(s.out, OUT_NOT_YET);
    assert_int_equal(s.issued.fault, PORT_ISSUE_OTHER);
    assert_true(s.issued.wait > 0 && s.issued.wait <= 60000);
    assert_in_range(s.now - 1000000, 1000, 60000);
    acme_close(&s.acme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_order_is_sent_away),
        cmocka_unit_test(orders_count_for_an_hour),
        cmocka_unit_test(certificates_count_for_a_week),
        cmocka_unit_test(a_flood_does_not_overflow),
        cmocka_unit_test(what_failed_is_left_alone_for_an_hour),
        cmocka_unit_test(a_clock_that_was_ahead_holds_nothing_for_ever),
        cmocka_unit_test(the_note_holds_all_of_it),
        cmocka_unit_test(a_bad_note_is_read_as_far_as_it_goes),
        cmocka_unit_test(waits_have_bounds),
        cmocka_unit_test(json_is_read_within_bounds),
        cmocka_unit_test(json_of_many_values_is_refused),
        cmocka_unit_test(only_https_is_a_url),
        cmocka_unit_test(problems_are_shown_in_full),
        cmocka_unit_test(outcomes_of_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
