/* SPDX-License-Identifier: BSD-2-Clause */
/* Every deadline by name (safety.md section 2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

static struct kit k;

static int fresh_kit(void **state)
{
    (void)state;
    kit_init(&k);
    return 0;
}

/* An owner that was watched for so long, with this TTL. */
static void watched(uint32_t ttl, uint32_t cname_ttl, model_time span)
{
    kit_init(&k);
    k.zones[0].servers[0].ttl = k.zones[0].servers[1].ttl = ttl;
    k.zones[0].cname_ttl = cname_ttl;
    kit_publish(&k, 0, MODEL_BIT(kit_rec(&k, C311, true)));
    kit_observe(&k, 0);
    kit_watch(&k, 0, span, HOUR);
}

static void e_is_how_long_a_stale_rrset_lives_in_caches(void **state)
{
    static const struct {
        const char *what;
        uint32_t ttl, cname_ttl;
        model_time span;
        bool late;
        model_time e;
    } rows[] = {
        {"the largest TTL seen", 3600, 0, 3 * DAY, false, HOUR},
        {"at most 7 days", 30 * 86400, 0, 3 * DAY, false, 7 * DAY},
        {"exactly 7 days", 7 * 86400, 0, 3 * DAY, false, 7 * DAY},
        {"not watched for 2 days: a past TTL of 2 days", 3600, 0, 2 * DAY - HOUR, false, 2 * DAY},
        {"nor for what a sender takes more", 3600, 0, 2 * DAY + 15 * MIN - 1, false, 2 * DAY},
        {"watched for 2 days", 3600, 0, 2 * DAY + 15 * MIN, false, HOUR},
        {"not watched, but the TTL is larger", 3 * 86400, 0, HOUR, false, 3 * DAY},
        {"published late: the floor", 3600, 0, 3 * DAY, true, DAY},
        {"published late, the TTL is larger", 2 * 86400, 0, 3 * DAY, true, 2 * DAY},
        {"published late and not watched", 3600, 0, HOUR, true, 2 * DAY},
        {"the E of a CNAME is added", 3600, 600, 3 * DAY, false, 70 * MIN},
        {"the E of a CNAME is capped too", 3600, 30 * 86400, 3 * DAY, false, 7 * DAY + HOUR},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        model_time e;

        watched(rows[i].ttl, rows[i].cname_ttl, rows[i].span);
        e = phase_cache_life(&k.f.owners[0], &k.p, rows[i].late, k.now);
        if (e != rows[i].e)
            fail_msg("%s: %d min", rows[i].what, (int)(e / MIN));
    }
}

static void the_wait_is_e_or_two_ttls_and_delta(void **state)
{
    static const struct {
        const char *what;
        uint32_t ttl, cname_ttl;
        model_time span;
        bool late;
        model_time margin, wait;
    } rows[] = {
        {"two TTLs", 3600, 0, 3 * DAY, false, 0, 2 * HOUR + 20 * MIN},
        {"E is more", 3600, 0, HOUR, false, 0, 2 * DAY + 20 * MIN},
        {"two TTLs are more than a past TTL", 86400 + 3600, 0, HOUR, false, 0,
         2 * DAY + 2 * HOUR + 20 * MIN},
        {"the floor is more", 3600, 0, 3 * DAY, true, 0, DAY + 20 * MIN},
        {"the CNAME is added", 3600, 600, 3 * DAY, false, 0, 2 * HOUR + 30 * MIN},
        {"a margin for anycast", 3600, 0, 3 * DAY, false, 30 * MIN, 2 * HOUR + 50 * MIN},
        {"TTL 0", 0, 0, 3 * DAY, false, 0, 20 * MIN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        model_time wait;

        watched(rows[i].ttl, rows[i].cname_ttl, rows[i].span);
        k.p.anycast_margin = rows[i].margin;
        wait = phase_wait(&k.f.owners[0], &k.p, rows[i].late, k.now);
        if (wait != rows[i].wait)
            fail_msg("%s: %d min", rows[i].what, (int)(wait / MIN));
    }
}

static void delta_is_the_poll_interval_and_what_a_sender_takes(void **state)
{
    model_time before;

    (void)state;
    watched(3600, 0, 3 * DAY);
    before = phase_wait(&k.f.owners[0], &k.p, false, k.now);
    k.p.poll += MIN;
    k.p.delta_sender += 2 * MIN;
    assert_int_equal(phase_wait(&k.f.owners[0], &k.p, false, k.now), before + 3 * MIN);
}

static void records_are_late_without_a_standby_or_in_a_change_of_type(void **state)
{
    struct model_owner o = {.late = 2};
    enum model_strategy all[] = {MODEL_STANDBY, MODEL_REUSE, MODEL_FRESH};

    (void)state;
    for (int i = 0; i < 3; i++) {
        k.p.strategy = all[i];
        assert_int_equal(phase_late(&o, &k.p, 0), all[i] != MODEL_STANDBY);
        assert_true(phase_late(&o, &k.p, 1));
    }
}

/* ---- the wait of one record ---- */

static int old, new;

/* Old record in place for long, new one just published; wait = 2 h 20 min. */
static void publish_new(void)
{
    kit_init(&k);
    old = kit_rec(&k, C311, true);
    kit_publish(&k, 0, MODEL_BIT(old));
    kit_observe(&k, 0);
    kit_watch(&k, 0, 3 * DAY, HOUR);
    new = kit_rec(&k, C311, true);
    facts_publish_intent(&k.f, 0, MODEL_BIT(new), k.now);
}

static model_time left(int *worst)
{
    return phase_rec_left(&k.f.owners[0], &k.p, new, false, k.now, worst);
}

static void serve(int server, bool has)
{
    k.zones[0].servers[server].holds = MODEL_BIT(old) | (has ? MODEL_BIT(new) : 0);
}

static void the_wait_starts_when_the_last_server_shows_it(void **state)
{
    int worst;

    (void)state;
    publish_new();
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(left(&worst), PHASE_FOREVER); /* the API's 200 is nothing */
    serve(0, true);
    kit_watch(&k, 0, 5 * HOUR, 5 * MIN);
    assert_int_equal(left(&worst), PHASE_FOREVER);
    assert_int_equal(worst, 1); /* named */
    serve(1, true);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(left(&worst), 2 * HOUR + 20 * MIN);
    kit_watch(&k, 0, 2 * HOUR, 5 * MIN);
    assert_int_equal(left(&worst), 20 * MIN);
    kit_watch(&k, 0, 20 * MIN - 1, 5 * MIN);
    assert_int_equal(left(&worst), 1);
    kit_watch(&k, 0, 1, 1);
    assert_int_equal(left(&worst), 0);
}

static void the_wait_counts_observations_not_time(void **state)
{
    (void)state;
    publish_new();
    serve(0, true);
    serve(1, true);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    kit_pass(&k, 50 * MIN);
    assert_int_equal(left(NULL), 2 * HOUR + 20 * MIN);
    kit_observe(&k, 0);
    assert_int_equal(left(NULL), 90 * MIN);
    kit_pass(&k, HOUR);
    assert_int_equal(left(NULL), 90 * MIN);
    k.now.epoch++; /* another boot */
    assert_int_equal(left(NULL), PHASE_FOREVER);
    k.now.epoch--;
    kit_observe(&k, 0);
    assert_int_equal(left(NULL), 30 * MIN);
    kit_pass(&k, HOUR + 1); /* longer than G: nothing is known any more */
    assert_int_equal(left(NULL), PHASE_FOREVER);
}

static void a_raised_ttl_makes_the_wait_grow(void **state)
{
    (void)state;
    publish_new();
    serve(0, true);
    serve(1, true);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    k.zones[0].servers[1].ttl = 7200;
    kit_watch(&k, 0, HOUR, 5 * MIN);
    assert_int_equal(left(NULL), 3 * HOUR + 20 * MIN);
}

static void no_server_at_all_is_never_done(void **state)
{
    (void)state;
    publish_new();
    k.zones[0].n_servers = 0;
    for (int a = 0; a < MODEL_MAX_ADDRS; a++)
        k.f.owners[0].addrs[a].used = false;
    assert_int_equal(left(NULL), PHASE_FOREVER);
    assert_int_equal(phase_gone_left(&k.f.owners[0], &k.p, new, k.now, NULL), PHASE_FOREVER);
}

static void a_skipped_server_neither_agrees_nor_objects(void **state)
{
    int worst;

    (void)state;
    publish_new();
    k.p.skip_noroute = true;
    k.zones[0].n_servers = 3;
    k.zones[0].servers[2].says = KIT_NOROUTE;
    serve(0, true);
    serve(1, true);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(left(&worst), 2 * HOUR + 20 * MIN);
    /* alone it confirms nothing */
    for (int a = 0; a < 2; a++)
        k.f.owners[0].addrs[a].used = false;
    assert_int_equal(left(&worst), PHASE_FOREVER);
}

/* A provider is left: it serves old data until its NS set has died; then time alone is good. */
static void a_departed_server_delays_by_at_most_the_wait(void **state)
{
    int worst;

    (void)state;
    publish_new();
    serve(0, true);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    k.zones[0].servers[1].in_set = false;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    kit_watch(&k, 0, DAY, 5 * MIN);
    assert_int_equal(left(&worst), PHASE_FOREVER); /* may still be asked at this moment */
    assert_int_equal(worst, 1);
    kit_watch(&k, 0, HOUR, 5 * MIN);
    assert_int_equal(left(&worst), HOUR + 20 * MIN);
    kit_watch(&k, 0, HOUR + 20 * MIN, 5 * MIN);
    assert_int_equal(left(&worst), 0);
}

static void a_departed_server_that_had_agreed_does_not_delay(void **state)
{
    (void)state;
    publish_new();
    serve(0, true);
    serve(1, true);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    k.zones[0].servers[1].in_set = false;
    kit_watch(&k, 0, DAY + 10 * MIN, 5 * MIN);
    assert_int_equal(left(NULL), 0);
}

/* It may be asked, and answer, for longer: that time is not counted twice. */
static void a_departed_server_that_still_answers_earns_nothing_more(void **state)
{
    struct model_addr *a = &k.f.owners[0].addrs[1];

    (void)state;
    publish_new();
    serve(0, true);
    kit_watch(&k, 0, 5 * HOUR, 5 * MIN);
    serve(1, true);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    a->in_set = false;
    a->asked_until = k.now.steady + 30 * MIN;
    k.zones[0].n_servers = 1;
    kit_watch(&k, 0, HOUR, 5 * MIN);
    a->last_answer = k.now.steady;
    assert_int_equal(left(NULL), 80 * MIN);
}

static void what_is_wanted_may_be_in_a_cache(void **state)
{
    (void)state;
    publish_new(); /* the intent is durable, the servers never show it */
    kit_watch(&k, 0, 30 * DAY, HOUR);
    assert_true(phase_rec_cached(&k.f.owners[0], &k.p, new, k.now));
}

/* TTLs of NS sets shorter than the poll interval: still in the set until a round says otherwise. */
static void a_short_ns_ttl_does_not_make_a_server_depart(void **state)
{
    struct model_addr *a = &k.f.owners[0].addrs[1];

    (void)state;
    publish_new();
    a->asked_until = k.now.steady - 1;
    assert_true(phase_addr_counts(a, k.now));
    a->in_set = false;
    assert_false(phase_addr_counts(a, k.now));
}

/* RFC 7671 and Postfix allow it once every signature over the old RRset has expired. A wall clock
 * would then shorten a wait: we do not. */
static void expired_signatures_over_old_rrsets_do_not_end_the_wait(void **state)
{
    (void)state;
    publish_new();
    serve(0, true);
    serve(1, true);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    k.now.wall += 365 * DAY;
    assert_int_equal(left(NULL), 2 * HOUR + 20 * MIN);
}

static void a_removed_record_is_gone_after_e_at_the_last_server(void **state)
{
    const struct model_owner *o = &k.f.owners[0];
    int worst;

    (void)state;
    publish_new();
    serve(0, true);
    serve(1, true);
    kit_watch(&k, 0, HOUR, 5 * MIN);
    assert_true(phase_rec_cached(o, &k.p, old, k.now));
    facts_withdraw_intent(&k.f, 0, MODEL_BIT(old));
    k.zones[0].servers[0].holds = MODEL_BIT(new);
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(phase_gone_left(o, &k.p, old, k.now, &worst), PHASE_FOREVER);
    assert_int_equal(worst, 1);
    k.zones[0].servers[1].holds = MODEL_BIT(new);
    kit_watch(&k, 0, 30 * MIN, 30 * MIN);
    assert_int_equal(phase_gone_left(o, &k.p, old, k.now, &worst), DAY + 20 * MIN);
    kit_watch(&k, 0, DAY + 20 * MIN - 1, 30 * MIN);
    assert_true(phase_rec_cached(o, &k.p, old, k.now));
    kit_watch(&k, 0, 1, 1);
    assert_false(phase_rec_cached(o, &k.p, old, k.now));
}

/* ---- others ---- */

static void the_commit_window_is_48_hours_or_an_eighth_of_the_validity(void **state)
{
    static const struct {
        model_time validity, window;
    } rows[] = {{90 * DAY, 2 * DAY}, {16 * DAY, 2 * DAY}, {8 * DAY, DAY}, {8 * HOUR, HOUR}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct model_chain c = {.not_before = WALL0, .not_after = WALL0 + rows[i].validity};

        assert_int_equal(phase_commit_window(&c, &k.p), rows[i].window);
    }
}

static void observed_just_now_means_within_a_second_and_by_all(void **state)
{
    int silent;

    (void)state;
    publish_new();
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_true(phase_fresh(&k.f, &k.p, 0, k.now, &silent));
    kit_pass(&k, SEC);
    assert_true(phase_fresh(&k.f, &k.p, 0, k.now, &silent));
    kit_pass(&k, 1);
    assert_false(phase_fresh(&k.f, &k.p, 0, k.now, &silent));
    assert_int_equal(silent, MODEL_NONE);
    k.zones[0].servers[1].says = KIT_SILENT;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_false(phase_fresh(&k.f, &k.p, 0, k.now, &silent));
    assert_int_equal(silent, 1);
}

/* Several owners: the first is as fresh as one pass over the others allows. */
static void one_pass_over_several_owners_is_just_now(void **state)
{
    int silent;

    (void)state;
    publish_new();
    (void)facts_owner(&k.f, 1);
    k.zones[1] = k.zones[0];
    kit_observe(&k, 0);
    kit_pass(&k, 1500);
    kit_observe(&k, 1);
    k.f.owners[1].round_begin -= 1000; /* it took a second */
    assert_true(phase_fresh(&k.f, &k.p, 0, k.now, &silent));
    assert_true(phase_fresh(&k.f, &k.p, 1, k.now, &silent));
    kit_pass(&k, 1001);
    assert_true(phase_fresh(&k.f, &k.p, 0, k.now, &silent));
    assert_true(phase_fresh(&k.f, &k.p, 1, k.now, &silent));
    kit_pass(&k, 1000);
    assert_false(phase_fresh(&k.f, &k.p, 0, k.now, &silent));
    assert_false(phase_fresh(&k.f, &k.p, 1, k.now, &silent));
}

static void signatures_near_their_end_are_named(void **state)
{
    int addr;

    (void)state;
    publish_new();
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_false(phase_signature_near(&k.f.owners[0], &k.p, k.now, &addr));
    k.f.owners[0].addrs[1].sig_until = k.now.wall + HOUR;
    assert_false(phase_signature_near(&k.f.owners[0], &k.p, k.now, &addr));
    k.f.owners[0].addrs[1].sig_until = k.now.wall + HOUR - 1;
    assert_true(phase_signature_near(&k.f.owners[0], &k.p, k.now, &addr));
    assert_int_equal(addr, 1);
}

static void the_peak_of_an_rrset_is_known_when_configured(void **state)
{
    static const struct {
        enum model_strategy strategy;
        struct model_combo combo;
        int algs, peak;
    } rows[] = {
        {MODEL_STANDBY, {3, 1, 1}, 1, 3}, {MODEL_STANDBY, {3, 1, 1}, 2, 6},
        {MODEL_FRESH, {3, 1, 1}, 2, 4},   {MODEL_REUSE, {3, 1, 1}, 2, 4},
        {MODEL_FRESH, {3, 0, 1}, 1, 3},   {MODEL_STANDBY, {2, 1, 1}, 1, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        k.p.strategy = rows[i].strategy;
        k.p.combos[0] = rows[i].combo;
        assert_int_equal(phase_rrset_peak(&k.p, rows[i].algs), rows[i].peak);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, fresh_kit)
    const struct CMUnitTest tests[] = {
        T(e_is_how_long_a_stale_rrset_lives_in_caches),
        T(the_wait_is_e_or_two_ttls_and_delta),
        T(delta_is_the_poll_interval_and_what_a_sender_takes),
        T(records_are_late_without_a_standby_or_in_a_change_of_type),
        T(the_wait_starts_when_the_last_server_shows_it),
        T(the_wait_counts_observations_not_time),
        T(a_raised_ttl_makes_the_wait_grow),
        T(no_server_at_all_is_never_done),
        T(a_skipped_server_neither_agrees_nor_objects),
        T(a_departed_server_delays_by_at_most_the_wait),
        T(a_departed_server_that_had_agreed_does_not_delay),
        T(a_departed_server_that_still_answers_earns_nothing_more),
        T(what_is_wanted_may_be_in_a_cache),
        T(a_short_ns_ttl_does_not_make_a_server_depart),
        T(expired_signatures_over_old_rrsets_do_not_end_the_wait),
        T(a_removed_record_is_gone_after_e_at_the_last_server),
        T(the_commit_window_is_48_hours_or_an_eighth_of_the_validity),
        T(observed_just_now_means_within_a_second_and_by_all),
        T(one_pass_over_several_owners_is_just_now),
        T(signatures_near_their_end_are_named),
        T(the_peak_of_an_rrset_is_known_when_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
