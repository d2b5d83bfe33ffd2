/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph - every state of the small world that can be reached, and what leads from one to the
 * next
 *
 * Breadth first from small_init(). States are numbered in the order in which they are met, and
 * are kept as their canonical encodings: they are compared whole, so no collision of hashes can
 * hide one. Ownership: graph_free() ends it. Memory running out ends the program.
 */
#ifndef DANEMILTER_TESTS_GRAPH_H
#define DANEMILTER_TESTS_GRAPH_H

#include "small.h"

struct graph_edge {
    uint32_t to;
    uint8_t label; /* enum small_label */
};

struct graph_node {
    uint64_t at; /* of the encoding, in `codes` */
    uint32_t first_edge, n_edges;
    uint32_t well; /* where a world that behaves well goes from here */
    uint16_t length;
    bool done, refused;
    struct small_view view;
};

struct graph {
    struct graph_node *nodes;
    struct graph_edge *edges;
    uint8_t *codes;
    uint32_t *table; /* node + 1, by hash of the encoding */
    size_t n_nodes, room_nodes, n_edges, room_edges, n_codes, room_codes, room_table;
};

enum graph_built {
    GRAPH_WHOLE,
    GRAPH_CUT, /* more states than `limit`: the last ones lead nowhere */
    GRAPH_WRONG
};

/* `check_tidy`: also shows for each transition that small_tidy() changes nothing of what can
 * follow; see README.md. GRAPH_WRONG, having said where, when it does. */
enum graph_built graph_build(const struct small_world *w, size_t limit, bool check_tidy,
                             struct graph *g);
void graph_free(struct graph *g);
void graph_state(const struct graph *g, uint32_t node, struct small *s);

/* A state from which a world that behaves well never completes the rollover, or -1. */
int64_t graph_stuck(const struct graph *g);

void *graph_grow(void *at, size_t used, size_t *room, size_t size);

#endif
