/* SPDX-License-Identifier: BSD-2-Clause */
/* ROLLBACK: safety.md section 2, "rollback rebuilds". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

static struct kit k;
static int chain_a, chain_b, rec_b, rec_a;

static int ready_kit(void **state)
{
    (void)state;
    kit_ready(&k);
    chain_a = k.a;
    chain_b = k.b;
    rec_a = k.rec_a;
    rec_b = k.rec_b;
    return 0;
}

static struct plan_action rollback(void)
{
    struct plan_action act = kit_action(&k, PLAN_ROLLBACK);

    act.alg = 0;
    act.chains[0] = k.f.algs[0].previous;
    return act;
}

static void a_rollback_restores_this_algorithms_chain_and_keeps_the_others(void **state)
{
    struct plan_action act;
    int rsa, rsa_a;

    (void)ready_kit(state);
    rsa = facts_alg(&k.f, 2, true);
    rsa_a = kit_serving(&k, rsa);
    kit_publish(&k, 0, k.f.chains[rsa_a].matches);
    kit_watch(&k, 0, 3 * DAY, 30 * MIN);
    kit_install(&k, chain_b);
    act = rollback();
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK);
    act.chains[rsa] = MODEL_NONE;
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_NONSENSE);
}

static void a_rollback_passes_the_same_predicate(void **state)
{
    struct plan_action act;

    (void)ready_kit(state);
    kit_install(&k, chain_b);
    act = rollback();
    k.f.frozen = MODEL_F_RELOAD; /* row 43: rebuild back, F */
    kit_pass(&k, 10 * MIN);
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK); /* and need not look once more */
    k.zones[0].servers[0].holds = MODEL_BIT(rec_b);   /* somebody deleted the old record */
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_UNSEEN);
}

/* The records of the chain were in every cache when it was served, nobody saw them go. */
static void a_rollback_is_possible_right_after_a_reboot(void **state)
{
    struct plan_action act;

    (void)ready_kit(state);
    kit_install(&k, chain_b);
    facts_new_epoch(&k.f);
    k.now.epoch = k.f.epoch;
    kit_observe(&k, 0);
    act = rollback();
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK);
    k.zones[0].servers[0].holds = MODEL_BIT(rec_b);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    k.zones[0].servers[0].holds |= MODEL_BIT(rec_a); /* gone for a moment: it starts again */
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_WAIT);
}

static void there_is_no_rollback_after_the_mark(void **state)
{
    struct plan_action act;

    (void)ready_kit(state);
    kit_install(&k, chain_b);
    act = rollback();
    facts_attested(&k.f, chain_b, k.now);
    facts_drained(&k.f, chain_a, k.now);
    facts_committed(&k.f, 0, k.now);
    act.chains[0] = (int8_t)chain_a;
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_RETIRED);
}

static void there_is_no_rollback_to_a_compromised_key(void **state)
{
    struct plan_action act;

    (void)ready_kit(state);
    kit_install(&k, chain_b);
    facts_compromised(&k.f, k.f.chains[chain_a].key, k.now);
    assert_int_equal(k.f.algs[0].previous, MODEL_NONE);
    act = rollback();
    act.chains[0] = (int8_t)chain_a;
    assert_int_equal(kit_judge(&k, &act), SAFETY_NO_NONSENSE);
}

static void an_algorithm_just_enabled_goes_out_again(void **state)
{
    struct plan_action act;
    int rsa, chain;

    (void)ready_kit(state);
    rsa = facts_alg(&k.f, 2, true);
    chain = kit_chain(&k, kit_key(&k, rsa));
    kit_install(&k, chain);
    facts_wrong(&k.f, chain, k.now);
    act = kit_action(&k, PLAN_ROLLBACK);
    act.alg = rsa;
    act.chains[rsa] = MODEL_NONE;
    assert_int_equal(kit_judge(&k, &act), SAFETY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollback_restores_this_algorithms_chain_and_keeps_the_others),
        cmocka_unit_test(a_rollback_passes_the_same_predicate),
        cmocka_unit_test(a_rollback_is_possible_right_after_a_reboot),
        cmocka_unit_test(there_is_no_rollback_after_the_mark),
        cmocka_unit_test(there_is_no_rollback_to_a_compromised_key),
        cmocka_unit_test(an_algorithm_just_enabled_goes_out_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
