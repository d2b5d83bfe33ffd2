/* SPDX-License-Identifier: BSD-2-Clause */
#include "graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *graph_grow(void *at, size_t used, size_t *room, size_t size)
{
    void *grown;

    if (used < *room)
        return at;
    *room = *room == 0 ? 1024 : *room * 2;
    grown = realloc(at, *room * size);
    if (grown == NULL) {
        fputs("explorer: out of memory: this world is too large\n", stderr);
        exit(2);
    }
    return grown;
}

static uint64_t hash(const uint8_t *code, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ n;

    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = 0;

        memcpy(&word, code + i, n - i < 8 ? n - i : 8);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h ^ h >> 32;
}

static void rehash(struct graph *g)
{
    g->room_table = g->room_table == 0 ? 4096 : g->room_table * 2;
    free(g->table);
    g->table = calloc(g->room_table, sizeof *g->table);
    if (g->table == NULL) {
        fputs("explorer: out of memory: this world is too large\n", stderr);
        exit(2);
    }
    for (size_t i = 0; i < g->n_nodes; i++) {
        const struct graph_node *n = &g->nodes[i];
        size_t at = hash(g->codes + n->at, n->length) & (g->room_table - 1);

        while (g->table[at] != 0)
            at = (at + 1) & (g->room_table - 1);
        g->table[at] = (uint32_t)i + 1;
    }
}

static uint32_t add_node(struct graph *g, const uint8_t *code, size_t n)
{
    struct graph_node *node;

    g->nodes = graph_grow(g->nodes, g->n_nodes, &g->room_nodes, sizeof *g->nodes);
    g->codes = graph_grow(g->codes, g->n_codes + SMALL_CODE, &g->room_codes, 1);
    node = &g->nodes[g->n_nodes];
    memset(node, 0, sizeof *node);
    node->at = g->n_codes;
    node->length = (uint16_t)n;
    memcpy(g->codes + g->n_codes, code, n);
    g->n_codes += n;
    return (uint32_t)g->n_nodes++;
}

/* The number of a state; a new one when it was not met before. */
static uint32_t intern(struct graph *g, const uint8_t *code, size_t n)
{
    size_t at;

    if (g->n_nodes * 2 >= g->room_table)
        rehash(g);
    at = hash(code, n) & (g->room_table - 1);
    for (; g->table[at] != 0; at = (at + 1) & (g->room_table - 1)) {
        const struct graph_node *node = &g->nodes[g->table[at] - 1];

        if (node->length == n && memcmp(g->codes + node->at, code, n) == 0)
            return g->table[at] - 1;
    }
    g->table[at] = add_node(g, code, n) + 1;
    return g->table[at] - 1;
}

static void add_edge(struct graph *g, uint32_t to, uint8_t label)
{
    g->edges = graph_grow(g->edges, g->n_edges, &g->room_edges, sizeof *g->edges);
    g->edges[g->n_edges++] = (struct graph_edge){.to = to, .label = label};
}

void graph_state(const struct graph *g, uint32_t node, struct small *s)
{
    const struct graph_node *n = &g->nodes[node];

    small_read(g->codes + n->at, n->length, s);
}

struct future {
    int n;
    struct {
        enum small_label label;
        size_t length;
        uint8_t code[SMALL_CODE];
    } of[SMALL_LABELS];
};

/* Servers and processes are alike: which of two does something is not told apart. */
static enum small_label alike(enum small_label label)
{
    switch (label) {
    case SMALL_ENGINE_FLAP_1:
    case SMALL_ENGINE_SILENT_1:
    case SMALL_SYNC_1:
    case SMALL_UNFLAP_1:
    case SMALL_PROC_1:
        return (enum small_label)(label - 1);
    default:
        return label;
    }
}

static void look_ahead(const struct small_world *w, const struct small *s, struct future *f)
{
    struct plan_action a;
    struct small next;
    bool refused;

    f->n = 0;
    small_plan(w, s, &a, &refused);
    for (int l = 0; l < SMALL_LABELS; l++) {
        if (!small_apply(w, s, (enum small_label)l, &a, &next))
            continue;
        f->of[f->n].label = alike((enum small_label)l);
        f->of[f->n].length = small_write(w, &next, f->of[f->n].code);
        f->n++;
    }
}

static bool within(const struct future *a, const struct future *b)
{
    for (int i = 0; i < a->n; i++) {
        int j = 0;

        while (j < b->n &&
               (a->of[i].label != b->of[j].label || a->of[i].length != b->of[j].length ||
                memcmp(a->of[i].code, b->of[j].code, a->of[i].length) != 0))
            j++;
        if (j == b->n)
            return false;
    }
    return true;
}

/* The state as it came out of a transition, and what is kept of it: can the same come of both,
 * one step on? */
static bool same_future(const struct small_world *w, const struct small *raw)
{
    uint8_t code[SMALL_CODE];
    struct future of_raw, of_kept;
    struct small kept;

    small_read(code, small_write(w, raw, code), &kept);
    look_ahead(w, raw, &of_raw);
    look_ahead(w, &kept, &of_kept);
    return within(&of_raw, &of_kept) && within(&of_kept, &of_raw);
}

static bool expand(const struct small_world *w, struct graph *g, uint32_t at, bool check_tidy)
{
    uint8_t code[SMALL_CODE];
    enum small_label well;
    struct plan_action a;
    struct small s, next;
    bool refused;

    graph_state(g, at, &s);
    small_plan(w, &s, &a, &refused);
    well = small_well_behaved(w, &s, &a);
    g->nodes[at].first_edge = (uint32_t)g->n_edges;
    g->nodes[at].refused = refused;
    g->nodes[at].done = small_done(w, &s, &a);
    small_look(&s, &g->nodes[at].view);
    for (int l = 0; l < SMALL_LABELS; l++) {
        uint32_t to;

        if (!small_apply(w, &s, (enum small_label)l, &a, &next))
            continue;
        if (check_tidy && !same_future(w, &next)) {
            printf("tidying changes what can follow state %u by: %s\n", at,
                   small_label_name((enum small_label)l));
            return false;
        }
        to = intern(g, code, small_write(w, &next, code));
        add_edge(g, to, (uint8_t)l);
        if (l == (int)well)
            g->nodes[at].well = to;
    }
    g->nodes[at].n_edges = (uint32_t)g->n_edges - g->nodes[at].first_edge;
    return true;
}

enum graph_built graph_build(const struct small_world *w, size_t limit, bool check_tidy,
                             struct graph *g)
{
    uint8_t code[SMALL_CODE];
    struct small s;

    memset(g, 0, sizeof *g);
    small_init(w, &s);
    intern(g, code, small_write(w, &s, code));
    for (size_t i = 0; i < g->n_nodes; i++) {
        if (i >= limit) {
            graph_state(g, (uint32_t)i, &s);
            small_look(&s, &g->nodes[i].view);
        } else if (!expand(w, g, (uint32_t)i, check_tidy)) {
            return GRAPH_WRONG;
        }
    }
    return g->n_nodes > limit ? GRAPH_CUT : GRAPH_WHOLE;
}

void graph_free(struct graph *g)
{
    free(g->nodes);
    free(g->edges);
    free(g->codes);
    free(g->table);
    memset(g, 0, sizeof *g);
}

int64_t graph_stuck(const struct graph *g)
{
    uint8_t *seen = calloc(g->n_nodes, 1); /* 1: on this walk, 2: gets there */
    int64_t stuck = -1;

    if (seen == NULL) {
        fputs("explorer: out of memory\n", stderr);
        exit(2);
    }
    for (size_t i = 0; i < g->n_nodes && stuck < 0; i++) {
        uint32_t at = (uint32_t)i;

        while (seen[at] == 0 && !g->nodes[at].done) {
            seen[at] = 1;
            at = g->nodes[at].well;
        }
        if (seen[at] == 1 && !g->nodes[at].done)
            stuck = (int64_t)i;
        for (at = (uint32_t)i; seen[at] == 1; at = g->nodes[at].well)
            seen[at] = 2;
    }
    free(seen);
    return stuck;
}
