/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace - a way through the states, for people
 *
 * One line a step: what happens, then the world after it: the zone, what each server shows,
 * which key the file and each process serve, and what the caches hold (keys, ticks left).
 */
#ifndef DANEMILTER_TESTS_TRACE_H
#define DANEMILTER_TESTS_TRACE_H

#include "graph.h"

void trace_begin(void);
void trace_step(const struct small_world *w, const struct graph *g, uint32_t from,
                enum small_label label);
void trace_fetch(int server);
void trace_state(const struct graph *g, uint32_t node, uint8_t a, uint8_t b);

#endif
