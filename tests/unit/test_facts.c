/* SPDX-License-Identifier: BSD-2-Clause */
/* How events change the facts: safety.md section 2, observation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

static struct kit k;
static int rec;

/* One record at owner 0, published, shown by both servers at the present moment. */
static int fresh_kit(void **state)
{
    (void)state;
    kit_init(&k);
    rec = kit_rec(&k, C311, true);
    kit_publish(&k, 0, MODEL_BIT(rec));
    kit_observe(&k, 0);
    return 0;
}

static const struct model_sight *sight(int addr)
{
    return &k.f.owners[0].addrs[addr].sights[rec];
}

static model_time credit(int addr)
{
    return k.f.owners[0].addrs[addr].last_answer - sight(addr)->since;
}

/* What one server does in the middle of a wait of 4 x 30 minutes, and the good waiting that the
 * wait is worth at its end. */
static void waiting_is_the_sum_of_good_intervals(void **state)
{
    static const struct {
        const char *what;
        enum kit_said says;
        bool without;    /* serves an RRset without the record */
        model_time span; /* for how long */
        model_time worth;
    } rows[] = {
        {"good all the time", KIT_SERVES, false, 30 * MIN, 120 * MIN},
        {"silent for less than G", KIT_SILENT, false, 30 * MIN, 120 * MIN},
        {"silent for exactly G", KIT_SILENT, false, 55 * MIN, 120 * MIN},
        {"silent for longer than G", KIT_SILENT, false, 60 * MIN, 25 * MIN},
        {"no route is silence, once it has answered", KIT_NOROUTE, false, 30 * MIN, 120 * MIN},
        {"a contradiction resets", KIT_CONTRADICTS, false, 5 * MIN, 80 * MIN},
        {"an answer without the record resets", KIT_SERVES, true, 5 * MIN, 80 * MIN},
        {"a denial resets", KIT_NODATA, false, 5 * MIN, 80 * MIN},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kit_server *s;

        (void)fresh_kit(state);
        s = &k.zones[0].servers[1];
        kit_watch(&k, 0, 30 * MIN, 5 * MIN);
        s->says = rows[i].says;
        s->holds = rows[i].without ? 0 : MODEL_BIT(rec);
        kit_watch(&k, 0, rows[i].span, 5 * MIN);
        s->says = KIT_SERVES;
        s->holds = MODEL_BIT(rec);
        kit_watch(&k, 0, 90 * MIN - rows[i].span, 5 * MIN);
        if (credit(1) != rows[i].worth)
            fail_msg("%s: %d min", rows[i].what, (int)(credit(1) / MIN));
        assert_int_equal(credit(0), 120 * MIN); /* the other server is not concerned */
    }
}

static void a_flap_between_two_polls_starts_that_address_again(void **state)
{
    (void)state;
    kit_watch(&k, 0, 10 * HOUR, 5 * MIN);
    k.zones[0].servers[0].holds = 0;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(sight(0)->state, MODEL_ABSENT);
    k.zones[0].servers[0].holds = MODEL_BIT(rec);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(sight(0)->state, MODEL_PRESENT);
    assert_int_equal(sight(0)->since, k.now.steady);
    assert_int_equal(credit(1), 10 * HOUR + 10 * MIN);
}

static void a_gap_longer_than_g_starts_again(void **state)
{
    (void)state;
    kit_watch(&k, 0, 10 * HOUR, 5 * MIN);
    kit_pass(&k, HOUR); /* we were down for G: still good */
    kit_observe(&k, 0);
    assert_int_equal(credit(0), 11 * HOUR);
    kit_pass(&k, HOUR + 1);
    kit_observe(&k, 0);
    assert_int_equal(credit(0), 0);
}

static void a_reboot_starts_again(void **state)
{
    (void)state;
    kit_watch(&k, 0, 10 * HOUR, 5 * MIN);
    facts_new_epoch(&k.f);
    k.now.epoch = k.f.epoch;
    kit_pass(&k, SEC);
    kit_observe(&k, 0);
    assert_int_equal(credit(0), 0);
    assert_int_equal(k.f.owners[0].watch_since, k.now.steady);
}

/* Row 18: the wall clock is not looked at. */
static void a_wall_clock_jump_changes_no_wait(void **state)
{
    (void)state;
    kit_watch(&k, 0, HOUR, 5 * MIN);
    k.now.wall += 365 * DAY;
    kit_watch(&k, 0, HOUR, 5 * MIN);
    k.now.wall -= 2 * 365 * DAY;
    kit_watch(&k, 0, HOUR, 5 * MIN);
    assert_int_equal(credit(0), 3 * HOUR);
}

/* A round takes time: what was good counts from its end, and up to the begin of the last. */
static void a_long_round_is_not_waiting(void **state)
{
    struct facts_round round = {.n_answers = 1};
    struct model_now now = k.now;

    (void)state;
    round.answers[0] = (struct facts_answer){
        .ip = {9}, .kind = MODEL_ANS_RRSET, .present = MODEL_BIT(rec), .ttl = 60, .ns_ttl = DAY};
    for (int i = 0; i < 3; i++) {
        round.begin = now.steady + i * 10 * MIN;
        round.end = round.begin + 4 * MIN;
        now.steady = round.end;
        facts_observed(&k.f, 0, &round, &k.p, now);
        now.steady = round.begin - i * 10 * MIN;
    }
    assert_int_equal(credit(2), 16 * MIN);
}

static void a_server_outside_the_ns_set_is_asked_for_the_ttl_of_that_set(void **state)
{
    const struct model_addr *a = &k.f.owners[0].addrs[1];

    (void)state;
    assert_true(a->in_set);
    kit_pass(&k, 50 * MIN);
    k.zones[0].servers[1].in_set = false;
    kit_observe(&k, 0);
    assert_false(a->in_set);
    /* it may have left at any time since the last round: its NS set's TTL runs from now */
    assert_int_equal(a->asked_until, k.now.steady + DAY);
    kit_watch(&k, 0, 2 * HOUR, 5 * MIN);
    assert_int_equal(a->asked_until, k.now.steady - 2 * HOUR + DAY);
    assert_int_equal(a->last_answer, k.now.steady); /* still asked */
}

static void a_failed_round_takes_no_server_out_of_the_ns_set(void **state)
{
    struct facts_round none = {.begin = k.now.steady + MIN, .end = k.now.steady + MIN};

    (void)state;
    kit_pass(&k, MIN);
    facts_observed(&k.f, 0, &none, &k.p, k.now);
    assert_true(k.f.owners[0].addrs[0].in_set);
    assert_int_equal(k.f.owners[0].round_end, k.now.steady);
    assert_int_equal(k.f.owners[0].addrs[0].last_answer, k.now.steady - MIN);
}

/* An address without a route: skipped by explicit policy, and only one that never answered. */
static void no_route_is_skipped_only_by_policy(void **state)
{
    static const struct {
        bool policy, heard_before, skip;
    } rows[] = {
        {false, false, false}, {true, false, true}, {true, true, false}, {false, true, false}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)fresh_kit(state);
        k.p.skip_noroute = rows[i].policy;
        k.zones[0].n_servers = 3;
        k.zones[0].servers[2].holds = MODEL_BIT(rec);
        if (rows[i].heard_before)
            kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        k.zones[0].servers[2].says = KIT_NOROUTE;
        kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        assert_int_equal(k.f.owners[0].addrs[2].skip, rows[i].skip);
        k.zones[0].servers[2].says = KIT_SERVES;
        kit_watch(&k, 0, 5 * MIN, 5 * MIN);
        assert_false(k.f.owners[0].addrs[2].skip); /* it answers: it counts */
    }
}

/* A server may have given its last RRset until the moment before it gave another; that RRset then
 * lives for its TTL, and a sender who asked at the end works with it for delta_sender. */
static void the_largest_ttl_counts_until_it_has_died(void **state)
{
    const struct model_owner *o = &k.f.owners[0];
    struct kit_server *s = k.zones[0].servers;

    (void)state;
    assert_int_equal(o->ttl_max, 3600);
    s[1].ttl = 7200; /* one server suffices */
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(o->ttl_max, 7200);
    s[1].ttl = 1800;
    s[0].ttl = 60;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    kit_watch(&k, 0, HOUR, 5 * MIN);
    s[1].ttl = 60;
    kit_watch(&k, 0, HOUR + 15 * MIN, 5 * MIN);
    assert_int_equal(o->ttl_max, 7200);
    kit_watch(&k, 0, 1, 1);
    assert_int_equal(o->ttl_max, 1800); /* falls to what was seen since, not to the last */
    kit_watch(&k, 0, 45 * MIN, 5 * MIN);
    assert_int_equal(o->ttl_max, 1800);
    kit_watch(&k, 0, 1, 1);
    assert_int_equal(o->ttl_max, 60);
}

/* The frozen secondary of the scenario "ttl-lowered": it thaws long after a poll. */
static void an_old_ttl_lives_from_the_answer_that_ended_it(void **state)
{
    struct kit_server *s = k.zones[0].servers;

    (void)state;
    s[0].ttl = 60;
    kit_watch(&k, 0, 3 * HOUR, 5 * MIN); /* s[1] still gives 3600 */
    s[1].ttl = 60;
    kit_pass(&k, 50 * MIN);
    kit_observe(&k, 0);
    kit_watch(&k, 0, HOUR + 15 * MIN, 5 * MIN);
    assert_int_equal(k.f.owners[0].ttl_max, 3600);
    kit_watch(&k, 0, 1, 1);
    assert_int_equal(k.f.owners[0].ttl_max, 60);
}

static void a_departed_servers_ttl_lives_from_when_nobody_asks_it(void **state)
{
    (void)state;
    k.zones[0].servers[0].ttl = 60;
    k.zones[0].servers[1].ttl = 7200;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    k.zones[0].servers[1].in_set = false;
    k.zones[0].servers[1].says = KIT_SILENT;
    kit_watch(&k, 0, DAY, 5 * MIN);
    kit_watch(&k, 0, 2 * HOUR + 15 * MIN, 5 * MIN);
    assert_int_equal(k.f.owners[0].ttl_max, 7200);
    kit_watch(&k, 0, 10 * MIN, 5 * MIN);
    assert_int_equal(k.f.owners[0].ttl_max, 60);
}

static void a_ttl_beyond_the_cap_dies_at_the_cap(void **state)
{
    (void)state;
    k.zones[0].servers[0].ttl = 30 * 86400;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    k.zones[0].servers[0].ttl = 60;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    kit_watch(&k, 0, 7 * DAY + 15 * MIN, 30 * MIN);
    assert_int_equal(k.f.owners[0].ttl_max, 30 * 86400);
    kit_watch(&k, 0, 1, 1);
    assert_int_equal(k.f.owners[0].ttl_max, 3600);
}

/* The CNAME goes, or its TTL falls: what it added lives on as a TTL does. */
static void a_cname_that_goes_counts_until_it_has_died(void **state)
{
    const struct model_owner *o = &k.f.owners[0];

    (void)state;
    k.zones[0].cname_ttl = 7200;
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    assert_int_equal(phase_cache_life(o, &k.p, false, k.now), 3 * HOUR);
    k.zones[0].cname_ttl = 0;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    kit_watch(&k, 0, 3 * HOUR + 15 * MIN, 5 * MIN);
    assert_int_equal(phase_cache_life(o, &k.p, false, k.now), 3 * HOUR);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(phase_cache_life(o, &k.p, false, k.now), HOUR);
}

static uint32_t planned(enum plan_verb verb)
{
    struct plan_action a;

    plan_next(&k.f, &k.p, k.now, &a);
    return a.verb == verb ? a.causes : 0;
}

/* Row 33. The planner freezes, and thaws when the new place was watched for a whole wait. */
static void a_cname_that_moves_starts_again(void **state)
{
    struct model_owner *o = &k.f.owners[0];
    model_time wait;

    (void)state;
    k.zones[0].cname = 7;
    kit_watch(&k, 0, DAY, 30 * MIN);
    assert_int_equal(o->cname_moved, MODEL_NEVER); /* it was the first that we were told */
    o->want = 0;
    k.zones[0].cname = 8;
    kit_observe(&k, 0);
    assert_int_equal(o->cname_moved, MODEL_NEVER); /* nothing of ours is there */
    o->want = MODEL_BIT(rec);
    k.zones[0].cname = MODEL_CNAME_NONE;
    kit_watch(&k, 0, 30 * MIN, 30 * MIN);
    assert_true(o->cname_moved != MODEL_NEVER);
    assert_int_equal(o->watch_since, k.now.steady);
    assert_true(credit(0) == 0 && credit(1) == 0);
    k.f.adopted = true;
    assert_int_equal(planned(PLAN_FREEZE), MODEL_F_CNAME);
    facts_freeze(&k.f, MODEL_F_CNAME);
    wait = phase_wait(o, &k.p, true, k.now);
    kit_watch(&k, 0, wait - 30 * MIN, 30 * MIN);
    assert_int_equal(planned(PLAN_THAW), 0);
    kit_watch(&k, 0, HOUR, 30 * MIN);
    assert_int_equal(planned(PLAN_THAW), MODEL_F_CNAME);
    facts_thaw(&k.f, MODEL_F_CNAME);
    assert_int_equal(o->cname_moved, MODEL_NEVER);
    kit_pass(&k, MIN);
    facts_cname_lost(&k.f, 0, k.now); /* a loop: frozen again, whatever was watched */
    assert_int_equal(planned(PLAN_FREEZE), MODEL_F_CNAME);
}

static void watching_ends_with_a_gap(void **state)
{
    const struct model_owner *o = &k.f.owners[0];
    model_time start = k.now.steady;

    (void)state;
    assert_int_equal(o->watch_since, start);
    kit_watch(&k, 0, 5 * HOUR, HOUR);
    assert_int_equal(o->watch_since, start);
    kit_pass(&k, HOUR + 1);
    kit_observe(&k, 0);
    assert_int_equal(o->watch_since, k.now.steady);
    /* one server that is silent for long is not watched either */
    k.zones[0].servers[1].says = KIT_SILENT;
    kit_watch(&k, 0, 2 * HOUR, 5 * MIN);
    assert_int_equal(o->watch_since, MODEL_NEVER);
    k.zones[0].servers[1].says = KIT_SERVES;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(o->watch_since, k.now.steady);
}

static void more_addresses_than_the_table_holds_confirm_nothing(void **state)
{
    struct facts_round round = {.begin = k.now.steady, .end = k.now.steady};

    (void)state;
    for (int n = 0; n < 2; n++) {
        round.n_answers = 0;
        for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
            round.answers[i] = (struct facts_answer){.ip = {8, (uint8_t)n, (uint8_t)i},
                                                     .kind = MODEL_ANS_RRSET,
                                                     .present = MODEL_BIT(rec),
                                                     .ns_ttl = DAY};
            round.n_answers++;
        }
        facts_observed(&k.f, 0, &round, &k.p, k.now);
    }
    assert_true(k.f.owners[0].crowded);
    assert_int_equal(phase_rec_left(&k.f.owners[0], &k.p, rec, false, k.now, NULL), PHASE_FOREVER);
}

/* Section 1: what the served chain does not match when we arrive is told apart, per algorithm. */
static void the_baseline_names_what_the_served_chains_do_not_match(void **state)
{
    int rsa, mine, stray, ecdsa_only;

    (void)state;
    kit_init(&k);
    rsa = facts_alg(&k.f, 2, true);
    (void)kit_serving(&k, 0);
    (void)kit_serving(&k, rsa);
    mine = kit_rec(&k, C311, true);
    stray = kit_rec(&k, C211, false);
    ecdsa_only = kit_rec(&k, C312, true);
    k.f.chains[k.f.algs[0].current].matches |= MODEL_BIT(mine) | MODEL_BIT(ecdsa_only);
    k.f.chains[k.f.algs[rsa].current].matches |= MODEL_BIT(mine);
    k.zones[0].servers[0].holds = k.zones[0].servers[1].holds =
        MODEL_BIT(mine) | MODEL_BIT(stray) | MODEL_BIT(ecdsa_only);
    kit_observe(&k, 0);
    for (int i = 0; i < 3; i++) {
        const struct model_seen *s = &k.f.owners[0].seen[i];

        assert_true(s->used);
        if (phase_same_combo(s->combo, C311))
            assert_int_equal(s->ignored, 0);
        else if (phase_same_combo(s->combo, C312))
            assert_int_equal(s->ignored, 1u << rsa);
        else /* nobody matches it: nor need algorithms that are enabled later */
            assert_int_equal(s->ignored, (1u << MODEL_MAX_ALGS) - 1u);
    }
    /* once we publish in that combination, it counts */
    facts_publish_intent(&k.f, 0, MODEL_BIT(stray), k.now);
    for (int i = 0; i < 3; i++) {
        if (phase_same_combo(k.f.owners[0].seen[i].combo, C211))
            assert_int_equal(k.f.owners[0].seen[i].ignored, 0);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, fresh_kit)
    const struct CMUnitTest tests[] = {
        T(waiting_is_the_sum_of_good_intervals),
        T(a_flap_between_two_polls_starts_that_address_again),
        T(a_gap_longer_than_g_starts_again),
        T(a_reboot_starts_again),
        T(a_wall_clock_jump_changes_no_wait),
        T(a_long_round_is_not_waiting),
        T(a_server_outside_the_ns_set_is_asked_for_the_ttl_of_that_set),
        T(a_failed_round_takes_no_server_out_of_the_ns_set),
        T(no_route_is_skipped_only_by_policy),
        T(the_largest_ttl_counts_until_it_has_died),
        T(an_old_ttl_lives_from_the_answer_that_ended_it),
        T(a_departed_servers_ttl_lives_from_when_nobody_asks_it),
        T(a_cname_that_goes_counts_until_it_has_died),
        T(a_ttl_beyond_the_cap_dies_at_the_cap),
        T(a_cname_that_moves_starts_again),
        T(watching_ends_with_a_gap),
        T(more_addresses_than_the_table_holds_confirm_nothing),
        T(the_baseline_names_what_the_served_chains_do_not_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
