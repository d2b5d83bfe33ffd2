/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange: lost, late, forged and cut answers; dead addresses do not add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/exchange.h"
#include "dns/wire.h"
#include "tests/dns/fakeserver.h"

/* example. IN A, with an id of 0 */
static const uint8_t query[] = {0,   0,   0,   0,   0,   1,   0,   0, 0, 0, 0, 0, 7,
                                'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 1};

enum trick {
    PLAIN,
    SILENT_UDP,
    SILENT_BOTH,
    TRUNCATED,
    SECOND_TRY, /* the first datagram is lost */
    WRONG_ID,
    WRONG_QUESTION,
    WRONG_TYPE,
    NOT_A_REPLY,
    ECHO_CASE,
    HUGE_TCP,
    NO_QUESTION,
    NO_QUESTION_SERVFAIL,
    SHORT
};

struct plan {
    enum trick trick;
    unsigned n;
};

static size_t good(const uint8_t *asked, size_t len, uint8_t *reply)
{
    memcpy(reply, asked, len);
    reply[2] |= 0x84;
    return len;
}

/* One forgery, then (i == 1) the real answer. */
static size_t forged(const uint8_t *asked, size_t len, enum trick trick, size_t i, uint8_t *reply)
{
    if (i > 1)
        return 0;
    size_t n = good(asked, len, reply);
    reply[3] = i == 0 ? 5 : 0;
    if (i == 1)
        return n;
    switch (trick) {
    case WRONG_ID:
        reply[1] ^= 1;
        break;
    case WRONG_QUESTION:
        reply[WIRE_HEADER + 1] = 'x';
        break;
    case WRONG_TYPE:
        reply[len - 3] = 28;
        break;
    case NOT_A_REPLY:
        reply[2] &= 0x7f;
        break;
    case NO_QUESTION:
        reply[3] = 0;
        reply[5] = 0;
        return WIRE_HEADER;
    default:
        return 5;
    }
    return n;
}

static size_t answer(void *arg, const uint8_t *asked, size_t len, bool tcp, size_t i,
                     uint8_t *reply)
{
    struct plan *plan = arg;
    size_t n;
    switch (plan->trick) {
    case WRONG_ID:
    case WRONG_QUESTION:
    case WRONG_TYPE:
    case NOT_A_REPLY:
    case NO_QUESTION:
    case SHORT:
        return forged(asked, len, plan->trick, i, reply);
    default:
        break;
    }
    if (i > 0 || plan->trick == SILENT_BOTH || (plan->trick == SILENT_UDP && !tcp))
        return 0;
    if (plan->trick == SECOND_TRY && plan->n++ == 0)
        return 0;
    n = good(asked, len, reply);
    if (plan->trick == TRUNCATED && !tcp)
        reply[2] |= 0x02;
    if (plan->trick == ECHO_CASE)
        reply[WIRE_HEADER + 1] = 'E';
    if (plan->trick == HUGE_TCP && !tcp)
        reply[2] |= 0x02;
    if (plan->trick == HUGE_TCP && tcp) {
        memset(reply + n, 0xee, 60000 - n);
        n = 60000;
    }
    if (plan->trick == NO_QUESTION_SERVFAIL) {
        reply[3] = 2;
        reply[5] = 0;
        n = WIRE_HEADER;
    }
    return n;
}

static const struct exchange_limits quick = {
    .udp_ms = 150, .udp_tries = 2, .tcp_ms = 400, .total_ms = 5000};

static void at_loopback(struct exchange_ask *ask, uint16_t port)
{
    const uint8_t loopback[4] = {127, 0, 0, 1};
    memset(ask, 0, sizeof *ask);
    wire_ip_from4(loopback, ask->ip);
    ask->port = port;
    ask->query = query;
    ask->query_len = sizeof query;
}

static void each_trick(void **state)
{
    (void)state;
    const struct {
        enum trick trick;
        enum exchange_state expect;
        bool tcp;
        int rcode;
    } rows[] = {
        {PLAIN, EXCHANGE_ANSWER, false, 0},
        {SILENT_UDP, EXCHANGE_ANSWER, true, 0},
        {SILENT_BOTH, EXCHANGE_SILENT, false, 0},
        {TRUNCATED, EXCHANGE_ANSWER, true, 0},
        {SECOND_TRY, EXCHANGE_ANSWER, false, 0},
        {WRONG_ID, EXCHANGE_ANSWER, false, 0},
        {WRONG_QUESTION, EXCHANGE_ANSWER, false, 0},
        {WRONG_TYPE, EXCHANGE_ANSWER, false, 0},
        {NOT_A_REPLY, EXCHANGE_ANSWER, false, 0},
        {ECHO_CASE, EXCHANGE_ANSWER, false, 0},
        {HUGE_TCP, EXCHANGE_ANSWER, true, 0},
        {NO_QUESTION, EXCHANGE_ANSWER, false, 0},
        {SHORT, EXCHANGE_ANSWER, false, 0},
        {NO_QUESTION_SERVFAIL, EXCHANGE_ANSWER, false, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct plan plan = {.trick = rows[i].trick};
        struct fakeserver *server = fakeserver_new(answer, &plan, false);
        struct exchange_ask ask;
        at_loopback(&ask, fakeserver_port(server));
        assert_int_equal(exchange_run(&ask, 1, &quick, &err), OUT_OK);
        print_message("trick %d: state %d tcp %d why '%s'\n", (int)rows[i].trick, (int)ask.state,
                      ask.tcp, ask.why);
        assert_int_equal(ask.state, rows[i].expect);
        assert_int_equal(ask.tcp, rows[i].tcp);
        if (ask.state == EXCHANGE_ANSWER)
            assert_int_equal(ask.reply[3] & 15, rows[i].rcode);
        else
            assert_string_not_equal(ask.why, "");
        if (rows[i].trick == HUGE_TCP)
            assert_int_equal(ask.reply_len, 60000);
        fakeserver_free(&server);
        exchange_free(&ask, 1);
    }
}

static void truncated_without_tcp_is_silence_that_says_so(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct plan plan = {.trick = TRUNCATED};
    struct fakeserver *server = fakeserver_new(answer, &plan, true);
    struct exchange_ask ask;
    at_loopback(&ask, fakeserver_port(server));
    assert_int_equal(exchange_run(&ask, 1, &quick, &err), OUT_OK);
    assert_int_equal(ask.state, EXCHANGE_SILENT);
    assert_non_null(strstr(ask.why, "too long for UDP"));
    fakeserver_free(&server);
    exchange_free(&ask, 1);
}

static void ids_are_random_and_ports_fresh(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct plan plan = {.trick = PLAIN};
    struct fakeserver *server = fakeserver_new(answer, &plan, false);
    unsigned seen = 0;
    uint8_t first[2] = {0, 0};
    for (int i = 0; i < 8; i++) {
        struct exchange_ask ask;
        at_loopback(&ask, fakeserver_port(server));
        assert_int_equal(exchange_run(&ask, 1, &quick, &err), OUT_OK);
        assert_int_equal(ask.state, EXCHANGE_ANSWER);
        if (i == 0)
            memcpy(first, ask.reply, 2);
        else
            seen += memcmp(first, ask.reply, 2) != 0;
        exchange_free(&ask, 1);
    }
    assert_true(seen >= 6);
    fakeserver_free(&server);
}

static void a_kept_id_stays(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct plan plan = {.trick = SECOND_TRY};
    struct fakeserver *server = fakeserver_new(answer, &plan, false);
    uint8_t mine[sizeof query];
    memcpy(mine, query, sizeof mine);
    mine[0] = 0xab;
    mine[1] = 0xcd;
    struct exchange_ask ask;
    at_loopback(&ask, fakeserver_port(server));
    ask.query = mine;
    ask.keep_id = true;
    assert_int_equal(exchange_run(&ask, 1, &quick, &err), OUT_OK);
    assert_int_equal(ask.state, EXCHANGE_ANSWER);
    assert_memory_equal(ask.reply, mine, 2);
    exchange_free(&ask, 1);

    at_loopback(&ask, fakeserver_port(server));
    ask.tcp_only = true;
    assert_int_equal(exchange_run(&ask, 1, &quick, &err), OUT_OK);
    assert_int_equal(ask.state, EXCHANGE_ANSWER);
    assert_true(ask.tcp);
    assert_int_equal(fakeserver_asked(server, false), 2);
    assert_int_equal(fakeserver_asked(server, true), 1);
    exchange_free(&ask, 1);
    fakeserver_free(&server);
}

static void dead_addresses_cost_the_time_of_one(void **state)
{
    (void)state;
    enum { N = 40 };
    struct err err = ERR_INIT;
    struct plan dead = {.trick = SILENT_BOTH};
    struct plan alive = {.trick = PLAIN};
    struct fakeserver *silent = fakeserver_new(answer, &dead, false);
    struct fakeserver *server = fakeserver_new(answer, &alive, false);
    struct exchange_ask asks[N];
    for (size_t i = 0; i < N; i++)
        at_loopback(&asks[i], fakeserver_port(i % 2 == 0 ? silent : server));
    int64_t begin = exchange_now();
    assert_int_equal(exchange_run(asks, N, &quick, &err), OUT_OK);
    int64_t ms = exchange_now() - begin;
    for (size_t i = 0; i < N; i++)
        assert_int_equal(asks[i].state, i % 2 == 0 ? EXCHANGE_SILENT : EXCHANGE_ANSWER);
    print_message("20 dead and 20 live addresses: %lld ms\n", (long long)ms);
    assert_true(ms >= 300 && ms < 3000);
    exchange_free(asks, N);

    const struct exchange_limits brief = {
        .udp_ms = 10000, .udp_tries = 9, .tcp_ms = 10000, .total_ms = 300};
    at_loopback(&asks[0], fakeserver_port(silent));
    begin = exchange_now();
    assert_int_equal(exchange_run(asks, 1, &brief, &err), OUT_OK);
    ms = exchange_now() - begin;
    assert_int_equal(asks[0].state, EXCHANGE_SILENT);
    assert_string_equal(asks[0].why, "no answer in time");
    assert_true(ms >= 290 && ms < 2500);
    fakeserver_free(&silent);
    fakeserver_free(&server);
}

static void a_closed_port_is_silence_not_a_missing_route(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct plan plan = {.trick = PLAIN};
    struct fakeserver *server = fakeserver_new(answer, &plan, false);
    struct exchange_ask ask;
    at_loopback(&ask, fakeserver_port(server));
    fakeserver_free(&server);
    assert_int_equal(exchange_run(&ask, 1, &quick, &err), OUT_OK);
    assert_int_equal(ask.state, EXCHANGE_SILENT);
    assert_non_null(strstr(ask.why, "refused"));
}

static void no_route_is_said_by_the_kernel_alone(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct exchange_ask ask;
    at_loopback(&ask, 53);
    /* The kernel does not broadcast for us. */
    assert_true(wire_ip_parse("255.255.255.255", ask.ip));
    assert_int_equal(exchange_run(&ask, 1, &quick, &err), OUT_OK);
    assert_int_equal(ask.state, EXCHANGE_NOROUTE);
    assert_string_not_equal(ask.why, "");
}

static void impossible_questions_are_our_own_fault(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct exchange_ask ask;
    at_loopback(&ask, 53);
    ask.query_len = 3;
    assert_int_equal(exchange_run(&ask, 1, &quick, &err), OUT_OK);
    assert_int_equal(ask.state, EXCHANGE_LOCAL);
    assert_int_equal(exchange_run(&ask, EXCHANGE_MAX + 1, &quick, &err), OUT_BROKEN);
    assert_int_equal(exchange_run(NULL, 0, &quick, &err), OUT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_trick),
        cmocka_unit_test(truncated_without_tcp_is_silence_that_says_so),
        cmocka_unit_test(ids_are_random_and_ports_fresh),
        cmocka_unit_test(a_kept_id_stays),
        cmocka_unit_test(dead_addresses_cost_the_time_of_one),
        cmocka_unit_test(a_closed_port_is_silence_not_a_missing_route),
        cmocka_unit_test(no_route_is_said_by_the_kernel_alone),
        cmocka_unit_test(impossible_questions_are_our_own_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
