/* SPDX-License-Identifier: BSD-2-Clause */
/* The phases of a key (safety.md section 4). */
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

/* ---- phases ---- */

static enum phase phase_of(int key)
{
    return phase_of_key(&k.f, &k.p, key, k.now);
}

static void a_key_goes_through_every_phase(void **state)
{
    int8_t chains[MODEL_MAX_ALGS];
    int a, b, key;
    model_mask ra, rb;

    (void)state;
    a = kit_serving(&k, 0);
    ra = k.f.keys[k.f.chains[a].key].recs;
    kit_publish(&k, 0, ra);
    kit_observe(&k, 0);
    kit_watch(&k, 0, 3 * DAY, HOUR);
    assert_int_equal(phase_of(k.f.chains[a].key), PHASE_SERVING);

    key = kit_key(&k, 0);
    rb = k.f.keys[key].recs;
    assert_int_equal(phase_of(key), PHASE_HIDDEN);
    k.zones[0].servers[1].lags = true;
    kit_publish(&k, 0, rb);
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(phase_of(key), PHASE_RUMOURED);
    k.zones[0].servers[1].holds |= rb;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(phase_of(key), PHASE_CONFIRMED);
    kit_watch(&k, 0, 2 * HOUR + 20 * MIN, 5 * MIN);
    assert_int_equal(phase_of(key), PHASE_OMNIPRESENT);
    b = kit_chain(&k, key);
    assert_int_equal(phase_of(key), PHASE_STAGED);

    memset(chains, MODEL_NONE, sizeof(chains));
    chains[0] = (int8_t)b;
    facts_switch_intent(&k.f, chains);
    assert_int_equal(phase_of(key), PHASE_PROBATION); /* it may be in the file */
    facts_file_holds(&k.f, chains, false, k.now);
    assert_int_equal(phase_of(key), PHASE_PROBATION);
    assert_int_equal(phase_of(k.f.chains[a].key), PHASE_RETIRING);
    facts_attested(&k.f, b, k.now);
    facts_drained(&k.f, a, k.now);
    facts_committed(&k.f, 0, k.now);
    assert_int_equal(phase_of(key), PHASE_SERVING);
    assert_int_equal(phase_of(k.f.chains[a].key), PHASE_RETIRING);

    facts_withdraw_intent(&k.f, 0, ra);
    k.zones[0].servers[0].holds = rb;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(phase_of(k.f.chains[a].key), PHASE_RETIRING); /* one server shows it */
    k.zones[0].servers[1].holds = rb;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(phase_of(k.f.chains[a].key), PHASE_UNRETENTIVE);
    kit_watch(&k, 0, DAY + 20 * MIN, 30 * MIN);
    assert_int_equal(phase_of(k.f.chains[a].key), PHASE_DEAD);
    assert_string_equal(phase_name(PHASE_UNRETENTIVE), "unretentive");
}

static void a_server_that_loses_the_record_takes_the_phase_back(void **state)
{
    int key;

    (void)state;
    (void)kit_serving(&k, 0);
    kit_observe(&k, 0);
    key = kit_key(&k, 0);
    kit_publish(&k, 0, k.f.keys[key].recs);
    kit_watch(&k, 0, 3 * DAY, HOUR);
    assert_int_equal(phase_of(key), PHASE_OMNIPRESENT);
    k.zones[0].servers[0].holds = 0;
    kit_watch(&k, 0, 5 * MIN, 5 * MIN);
    assert_int_equal(phase_of(key), PHASE_RUMOURED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, fresh_kit)
    const struct CMUnitTest tests[] = {
        T(a_key_goes_through_every_phase),
        T(a_server_that_loses_the_record_takes_the_phase_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
