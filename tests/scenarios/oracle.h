/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle - is THE RULE (safety.md section 1) true in this world, now?
 *
 * Computed from the world alone: every RRset that a cache may hold against every chain that a
 * process serves or that the file holds. It shares no code with rollover/core. A violation goes
 * to sim_fail() with the RRset, the chain and the combination.
 */
#ifndef DANEMILTER_TESTS_ORACLE_H
#define DANEMILTER_TESTS_ORACLE_H

#include "sim.h"

void oracle_check(struct sim *s);

/* Which combinations the served chains do not match on our arrival. */
void oracle_arrival(struct sim *s);

/* A human has just changed the zone of `owner`: what is wrong with it now is not ours. */
void oracle_excuse(struct sim *s, int owner);
/* The engine changed it from `before`: what was wrong already and still is stays excused. */
void oracle_carry(struct sim *s, int owner, sim_mask before);

/* The engine has destroyed a key: nothing may need it any more. */
void oracle_shred(struct sim *s, int key);

#endif
