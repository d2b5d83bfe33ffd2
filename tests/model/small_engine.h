/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * small_engine - the engine's steps in the small world
 *
 * As rollover/engine.c does them: an intent is durable before the act, the result is recorded
 * after it, and the engine may die in between. A step that leaves no trace when it is lost
 * (asking the servers, the proof, an order) is one transition; publishing, withdrawing,
 * switching, rolling back and shredding are two or three.
 */
#ifndef DANEMILTER_TESTS_SMALL_ENGINE_H
#define DANEMILTER_TESTS_SMALL_ENGINE_H

#include "small.h"

/* False: this label is not possible for the step that is due. */
bool small_engine_step(const struct small_world *w, struct small *s, enum small_label label,
                       const struct plan_action *a);
/* After a crash: reads the chain file, resolves what was pending. */
void small_engine_start(const struct small_world *w, struct small *s);

/* small.c */
bool small_spend(uint8_t *left);
void small_now(const struct small *s, struct model_now *now);

#endif
