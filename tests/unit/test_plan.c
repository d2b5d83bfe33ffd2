/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

static void a_year_of_standby_rollovers(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    (void)kit_serving(&k, 0);
    kit_run(&k, 365 * DAY);
    assert_int_equal(k.n.switched, 6); /* every 60 days: a third of 90 is left */
    assert_int_equal(k.n.issue, 6);
    assert_int_equal(k.n.commit, 6);
    assert_int_equal(k.n.withdraw, 6);
    assert_int_equal(k.n.shred, 6);
    assert_int_equal(k.n.make_key, 7);
    assert_int_equal(k.n.rollback + k.n.freeze, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_year_of_standby_rollovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
