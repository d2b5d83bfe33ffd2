/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * product - the small world with two caches of senders: every state of both together
 *
 * A cache fetches from any server at any moment and a sender works with what it holds for up to
 * `held` ticks; then it is empty. The engine cannot see caches, so what they do changes nothing
 * of the graph: a state here is a node of it and what each cache holds, exactly encoded in 64
 * bits. The caches are alike: states that differ by their order are one.
 *
 * THE RULE is judged in every state, from what the caches hold and what processes and file
 * serve. (One combination, 3 1 1: a record of the served key is in the RRset, or there is none.)
 */
#ifndef DANEMILTER_TESTS_PRODUCT_H
#define DANEMILTER_TESTS_PRODUCT_H

#include "graph.h"

struct product_result {
    uint64_t states, transitions;
    int depth;
    uint64_t violations; /* the search ends with the first */
};

/* False: the limit of states was reached. A violation is printed with the way to it. */
bool product_explore(const struct small_world *w, const struct graph *g, uint64_t limit, bool quiet,
                     struct product_result *out);

/* The way to a node of the graph alone, for one that is stuck. */
void product_print_way(const struct small_world *w, const struct graph *g, uint32_t node);

#endif
