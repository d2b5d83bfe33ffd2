/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/engine/fakekit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

const enum port_alg both[FW_ALGS] = {PORT_ALG_P256, PORT_ALG_RSA2048};

int fakekit_setup(void **state)
{
    struct fw *w = fw_new();
    if (w == NULL)
        return -1;
    fw_begin(w, both, FW_ALGS);
    *state = w;
    return 0;
}

int fakekit_teardown(void **state)
{
    struct fw *w = *state;
    fw_free(&w);
    return 0;
}

void fakekit_rule(const struct fw *w)
{
    if (w->violations != 0)
        fail_msg("%u violations of the rule, the last: %s", w->violations, w->why);
}
