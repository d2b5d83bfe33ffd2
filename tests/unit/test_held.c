/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../prober/prober_dns.h"
#include "../prober/prober_held.h"

#define S INT64_C(1000000000)

struct fixture {
    struct prober_held *held;
    struct port_rrset rrset;
    struct prober_view view[PROBER_HELD_VIEW];
};

static struct fixture fixture;

static int begin(void **state)
{
    struct err err = ERR_INIT;
    memset(&fixture, 0, sizeof fixture);
    assert_int_equal(prober_held_new(&fixture.held, &err), OUT_OK);
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    prober_held_free(&f->held);
    assert_null(f->held);
    return 0;
}

/* A server gives an RRset of one record, known by a number. */
static void give(struct fixture *f, size_t server, uint8_t number, uint32_t ttl, int64_t when)
{
    struct err err = ERR_INIT;
    f->rrset.n = 1;
    f->rrset.ttl = ttl;
    f->rrset.recs[0].combo = (struct model_combo){3, 1, 1};
    f->rrset.recs[0].len = 1;
    f->rrset.recs[0].data[0] = number;
    assert_int_equal(prober_held_note(f->held, server, &f->rrset, when, &err), OUT_OK);
}

static size_t held(struct fixture *f, int64_t when)
{
    struct err err = ERR_INIT;
    size_t n = 99;
    assert_int_equal(prober_held_at(f->held, when, f->view, &n, &err), OUT_OK);
    return n;
}

static void an_answer_lives_for_its_ttl_and_no_longer(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(held(f, 0), 0);
    give(f, 0, 1, 2, 10 * S);
    assert_int_equal(held(f, 10 * S), 1);
    assert_int_equal(held(f, 12 * S - 1), 1);
    assert_int_equal(held(f, 12 * S), 1);
    assert_int_equal(held(f, 12 * S + 1), 0);
    assert_int_equal(f->view[0].until, 12 * S);
    assert_int_equal(f->view[0].given, 10 * S);
}

static void the_last_time_counts(void **state)
{
    struct fixture *f = *state;
    give(f, 0, 1, 2, 10 * S);
    give(f, 0, 1, 2, 11 * S);
    assert_int_equal(held(f, 13 * S), 1);
    assert_int_equal(held(f, 13 * S + 1), 0);
    give(f, 0, 1, 2, 9 * S); /* an answer that comes late takes nothing back */
    assert_int_equal(held(f, 13 * S), 1);
    assert_int_equal(f->view[0].given, 11 * S);
}

static void a_larger_ttl_of_before_still_counts(void **state)
{
    struct fixture *f = *state;
    give(f, 0, 1, 60, 10 * S);
    give(f, 0, 1, 2, 20 * S);
    assert_int_equal(held(f, 70 * S), 1);
    assert_int_equal(held(f, 70 * S + 1), 0);
}

static void each_server_has_its_own_time(void **state)
{
    struct fixture *f = *state;
    give(f, 0, 1, 2, 10 * S);
    give(f, 1, 1, 2, 15 * S);
    give(f, 0, 2, 2, 15 * S);
    assert_int_equal(held(f, 16 * S), 2);
    assert_int_equal(f->view[0].rrset->recs[0].data[0], 1);
    assert_int_equal(f->view[0].server, 1);
    assert_int_equal(f->view[1].rrset->recs[0].data[0], 2);
    assert_int_equal(f->view[1].server, 0);
    assert_int_equal(held(f, 17 * S + 1), 0);
}

static void an_rrset_without_records_is_not_kept(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    f->rrset.ttl = 100;
    assert_int_equal(prober_held_note(f->held, 0, &f->rrset, 10 * S, &err), OUT_OK);
    assert_int_equal(held(f, 10 * S), 0);
}

static void equal_means_the_records_alone(void **state)
{
    struct fixture *f = *state;
    static struct port_rrset other;
    give(f, 0, 1, 2, S);
    other = f->rrset;
    other.ttl = 77;
    assert_true(prober_held_equal(&f->rrset, &other));
    other.recs[0].combo.matching = 2;
    assert_false(prober_held_equal(&f->rrset, &other));
    other = f->rrset;
    other.recs[0].len = 2;
    assert_false(prober_held_equal(&f->rrset, &other));
    other = f->rrset;
    other.recs[0].data[0] = 2;
    assert_false(prober_held_equal(&f->rrset, &other));
    other = f->rrset;
    other.n = 0;
    assert_false(prober_held_equal(&f->rrset, &other));
}

static void ceilings_are_refused(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    size_t n = 0;
    for (uint8_t i = 0; i <= PROBER_HELD_VIEW; i++)
        give(f, 0, i, 2, S);
    assert_int_equal(prober_held_at(f->held, S, f->view, &n, &err), OUT_REFUSED);
    assert_string_not_equal(err.text, "");
}

static void addresses_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int port; /* 0: refused */
        uint8_t last;
    } table[] = {
        {"192.0.2.7", 53, 7},      {"192.0.2.7:5353", 5353, 7},
        {"2001:db8::9", 53, 9},    {"[2001:db8::9]", 53, 9},
        {"[::1]:99", 99, 1},       {"", 0, 0},
        {"192.0.2.7:", 0, 0},      {"192.0.2.7:0", 0, 0},
        {"192.0.2.7:65536", 0, 0}, {"192.0.2", 0, 0},
        {"192.0.2.7:5x", 0, 0},    {"[::1", 53, 1},
        {"mx.example.test", 0, 0}, {":53", 0, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct prober_at at;
        struct err err = ERR_INIT;
        enum outcome rc = prober_at_parse(table[i].text, 53, &at, &err);
        if (table[i].port == 0) {
            assert_int_equal(rc, OUT_REFUSED);
            assert_non_null(strstr(err.text, "is no address"));
            continue;
        }
        assert_int_equal(rc, OUT_OK);
        assert_int_equal(at.port, table[i].port);
        assert_int_equal(at.ip[15], table[i].last);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_answer_lives_for_its_ttl_and_no_longer),
        CASE(the_last_time_counts),
        CASE(a_larger_ttl_of_before_still_counts),
        CASE(each_server_has_its_own_time),
        CASE(an_rrset_without_records_is_not_kept),
        CASE(equal_means_the_records_alone),
        CASE(ceilings_are_refused),
        CASE(addresses_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
