/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakekit - what the engine's tests share: a fixture with both algorithms, and the rule's verdict
 *
 * For cmocka. The fixture's state is a struct fw, begun anew for each test.
 */
#ifndef DANEMILTER_TESTS_FAKEKIT_H
#define DANEMILTER_TESTS_FAKEKIT_H

#include "tests/engine/fakeworld.h"

extern const enum port_alg both[FW_ALGS];

int fakekit_setup(void **state);
int fakekit_teardown(void **state);
/* Fails the test when the world has seen the rule broken. */
void fakekit_rule(const struct fw *w);

#endif
