/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration's count of records at their peak and the core's: conf may not ask the core, so
 * this test holds them together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conf/check.h"
#include "core/phase.h"

static const enum model_strategy strategies[] = {MODEL_STANDBY, MODEL_REUSE, MODEL_FRESH};

static int conf_says(const struct model_policy *p, int algs)
{
    size_t sum = 0;
    for (uint8_t i = 0; i < p->n_combos; i++)
        sum += peak_generations(p->strategy, p->combos[i]);
    return (int)sum * algs;
}

/* What depends on the key alone: the same number. */
static void both_count_alike(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof strategies / sizeof strategies[0]; s++) {
        for (uint8_t combos = 1; combos <= 3; combos++) {
            struct model_policy p = {.strategy = strategies[s], .n_combos = combos};
            for (uint8_t i = 0; i < combos; i++)
                p.combos[i] = (struct model_combo){3, 1, i};
            for (int algs = 1; algs <= MODEL_MAX_ALGS; algs++)
                assert_int_equal(conf_says(&p, algs), phase_rrset_peak(&p, algs));
        }
    }
}

/* Of the other types the configuration may count more, never less: it would let through what the
 * core cannot publish. */
static void conf_never_counts_less(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof strategies / sizeof strategies[0]; s++) {
        for (uint8_t usage = 2; usage <= 3; usage++) {
            for (uint8_t selector = 0; selector <= 1; selector++) {
                struct model_policy p = {.strategy = strategies[s], .n_combos = 1};
                p.combos[0] = (struct model_combo){usage, selector, 1};
                if (conf_says(&p, 2) < phase_rrset_peak(&p, 2))
                    fail_msg("strategy %d, %u %u 1: conf %d, core %d", (int)strategies[s], usage,
                             selector, conf_says(&p, 2), phase_rrset_peak(&p, 2));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_count_alike),
        cmocka_unit_test(conf_never_counts_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
