/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The forecast: in the kit's obedient world what it says is what happens.
 */
#include "tests/unit/core_kit.h"

#include "forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct kit k;
    struct port_state st;
    struct forecast f;
};

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    kit_init(&x->k);
    (void)kit_serving(&x->k, 0);
    kit_run(&x->k, HOUR);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void forecast(struct fixture *x)
{
    struct err err = ERR_INIT;
    x->st.facts = x->k.f;
    assert_int_equal(forecast_run("mail", &x->st, &x->k.p, x->k.now, &x->f, &err), OUT_OK);
}

static const struct forecast_event *find(const struct fixture *x, const char *what)
{
    for (size_t i = 0; i < x->f.n_events; i++) {
        if (strcmp(x->f.events[i].what, what) == 0)
            return &x->f.events[i];
    }
    return NULL;
}

static void a_rollover_is_foretold_in_its_order(void **state)
{
    static const char *const order[] = {"issue",  "switch",   "attested",
                                        "commit", "withdraw", "renewal-due"};
    struct fixture *x = *state;
    model_time last = 0;
    forecast(x);
    assert_int_equal(x->f.end, FORECAST_SETTLED);
    assert_int_equal(x->f.n_obstacles, 0);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const struct forecast_event *e = find(x, order[i]);
        if (e == NULL)
            fail_msg("no %s in %zu events", order[i], x->f.n_events);
        assert_true(e != NULL && e->wall >= last);
        last = e != NULL ? e->wall : last;
    }
    for (size_t i = 1; i < x->f.n_events; i++)
        assert_true(x->f.events[i].wall >= x->f.events[i - 1].wall);
}

/* The kit's CA issues at once; the forecast's in a minute. */
static void what_is_foretold_happens_then(void **state)
{
    struct fixture *x = *state;
    static const struct {
        const char *what;
        enum plan_verb verb;
    } t[] = {{"switch", PLAN_SWITCH}, {"commit", PLAN_COMMIT}, {"withdraw", PLAN_WITHDRAW}};
    forecast(x);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        const struct forecast_event *e = find(x, t[i].what);
        assert_non_null(e);
        assert_true(kit_until(&x->k, t[i].verb, 400 * DAY));
        model_time off = e->wall - x->k.now.wall;
        if (off < -2 * HOUR || off > 2 * HOUR)
            fail_msg("%s is foretold %lld s off", t[i].what, (long long)off / 1000);
    }
}

static void age_counts_as_well(void **state)
{
    struct fixture *x = *state;
    forecast(x);
    const struct forecast_event *e = find(x, "switch");
    assert_non_null(e);
    assert_true(e->wall > x->k.now.wall + 15 * DAY);
    x->k.p.renew_every = 10 * DAY;
    forecast(x);
    e = find(x, "switch");
    assert_non_null(e);
    assert_true(e->wall > x->k.now.wall + 9 * DAY && e->wall < x->k.now.wall + 11 * DAY);
    assert_int_equal(x->f.end, FORECAST_SETTLED);
}

/* Far times are reached in a leap; what is in every cache is no news after it. */
static void a_leap_is_no_news(void **state)
{
    struct fixture *x = *state;
    kit_run(&x->k, 5 * DAY);
    forecast(x);
    const struct forecast_event *e = find(x, "switch");
    const struct forecast_event *known = find(x, "omnipresent");
    assert_non_null(e);
    assert_true(known == NULL || known->wall > e->wall);
}

static void nothing_of_what_is_given_changes(void **state)
{
    struct fixture *x = *state;
    forecast(x);
    assert_memory_equal(&x->st.facts, &x->k.f, sizeof x->k.f);
}

static void asked_for_comes_first(void **state)
{
    struct fixture *x = *state;
    forecast(x);
    const struct forecast_event *e = find(x, "switch");
    assert_non_null(e);
    model_time by_itself = e->wall;
    facts_roll(&x->k.f);
    forecast(x);
    e = find(x, "switch");
    assert_non_null(e);
    assert_true(e->wall < by_itself);
    assert_true(find(x, "omnipresent") == NULL || find(x, "omnipresent")->wall <= e->wall);
}

static void what_stands_in_the_way_is_named(void **state)
{
    struct fixture *x = *state;
    facts_freeze(&x->k.f, MODEL_F_OPERATOR | MODEL_F_DNSSEC);
    x->k.f.postfix_up = false;
    forecast(x);
    assert_int_equal(x->f.n_obstacles, 3);
    assert_non_null(strstr(x->f.obstacles[1].end, "danectl resume mail"));
    assert_string_equal(x->f.obstacles[2].what, "postfix");
    assert_int_equal(x->f.end, FORECAST_SETTLED);
    assert_non_null(find(x, "switch"));
}

static void a_server_that_is_silent_is_named(void **state)
{
    struct fixture *x = *state;
    x->k.zones[0].servers[1].says = KIT_SILENT;
    kit_run(&x->k, 2 * HOUR);
    forecast(x);
    assert_int_equal(x->f.n_obstacles, 1);
    assert_string_equal(x->f.obstacles[0].what, "server");
    assert_int_equal(x->f.end, FORECAST_SETTLED);
}

static void without_a_chain_file_nothing_is_foretold(void **state)
{
    struct fixture *x = *state;
    x->k.f.adopted = false;
    forecast(x);
    assert_int_equal(x->f.end, FORECAST_STUCK);
    assert_non_null(strstr(x->f.stuck, "chain file"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_rollover_is_foretold_in_its_order),
        T(what_is_foretold_happens_then),
        T(age_counts_as_well),
        T(a_leap_is_no_news),
        T(nothing_of_what_is_given_changes),
        T(asked_for_comes_first),
        T(what_stands_in_the_way_is_named),
        T(a_server_that_is_silent_is_named),
        T(without_a_chain_file_nothing_is_foretold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
