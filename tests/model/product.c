/* SPDX-License-Identifier: BSD-2-Clause */
#include "product.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define FETCH SMALL_LABELS /* + 2 x cache + server */

struct search {
    const struct small_world *w;
    const struct graph *g;
    uint64_t *keys; /* node << 16 | cache << 8 | cache; never 0 + 0 apart from the first */
    uint32_t *parent;
    uint8_t *label;
    uint32_t *table;
    size_t n, room_keys, room_parent, room_label, room_table;
};

static uint64_t mix(uint64_t h)
{
    h = (h ^ h >> 31) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static void rehash(struct search *s)
{
    s->room_table = s->room_table == 0 ? 1u << 16 : s->room_table * 2;
    free(s->table);
    s->table = calloc(s->room_table, sizeof *s->table);
    if (s->table == NULL) {
        fputs("explorer: out of memory: this world is too large\n", stderr);
        exit(2);
    }
    for (size_t i = 0; i < s->n; i++) {
        size_t at = mix(s->keys[i]) & (s->room_table - 1);

        while (s->table[at] != 0)
            at = (at + 1) & (s->room_table - 1);
        s->table[at] = (uint32_t)i + 1;
    }
}

static uint64_t key_of(uint32_t node, uint8_t a, uint8_t b)
{
    uint8_t low = a < b ? a : b, high = a < b ? b : a;

    return (uint64_t)node << 16 | (uint64_t)high << 8 | low;
}

/* True when it is new. */
static bool intern(struct search *s, uint64_t key, uint32_t parent, uint8_t label)
{
    size_t at;

    if (s->n * 2 >= s->room_table)
        rehash(s);
    at = mix(key) & (s->room_table - 1);
    for (; s->table[at] != 0; at = (at + 1) & (s->room_table - 1)) {
        if (s->keys[s->table[at] - 1] == key)
            return false;
    }
    s->keys = graph_grow(s->keys, s->n, &s->room_keys, sizeof *s->keys);
    s->parent = graph_grow(s->parent, s->n, &s->room_parent, sizeof *s->parent);
    s->label = graph_grow(s->label, s->n, &s->room_label, sizeof *s->label);
    s->keys[s->n] = key;
    s->parent[s->n] = parent;
    s->label[s->n] = label;
    s->table[at] = (uint32_t)++s->n;
    return true;
}

/* A cache: set of keys whose records it holds, and for how many ticks more. 0: nothing. */
static uint8_t older(uint8_t cache)
{
    if (cache == 0)
        return 0;
    return cache >> 3 == 1 ? 0 : (uint8_t)(cache - 8);
}

static const char *broken(const struct small_view *v, uint8_t cache)
{
    uint8_t recs = cache & 7;

    if (recs == 0)
        return NULL;
    for (int k = 0; k < SMALL_KEYS; k++) {
        if ((v->served & 1u << k) != 0 && (recs & 1u << k) == 0)
            return "a cache holds an RRset that a served chain does not match";
    }
    if ((v->served & v->shredded) != 0)
        return "a key is shredded that a process or the file serves";
    if ((recs & v->shredded) != 0)
        return "a key is shredded while a cache holds its record";
    return NULL;
}

static void print_way(const struct search *s, size_t at, const char *what)
{
    size_t n = 0;
    uint32_t *way;

    for (size_t i = at; i != 0; i = s->parent[i])
        n++;
    way = malloc((n + 1) * sizeof *way);
    if (way == NULL)
        return;
    for (size_t i = at, k = n; k > 0; i = s->parent[i])
        way[--k] = (uint32_t)i;
    printf("VIOLATION after %zu steps: %s\n", n, what);
    trace_begin();
    for (size_t k = 0; k < n; k++) {
        uint32_t from = s->parent[way[k]];
        uint8_t label = s->label[way[k]];

        if (label < FETCH)
            trace_step(s->w, s->g, (uint32_t)(s->keys[from] >> 16), (enum small_label)label);
        else
            trace_fetch((label - FETCH) & 1);
        trace_state(s->g, (uint32_t)(s->keys[way[k]] >> 16), (uint8_t)(s->keys[way[k]] >> 8),
                    (uint8_t)s->keys[way[k]]);
    }
    free(way);
}

static void expand(struct search *s, uint32_t at, struct product_result *out)
{
    uint64_t key = s->keys[at];
    uint8_t a = (uint8_t)(key >> 8), b = (uint8_t)key;
    const struct graph_node *n = &s->g->nodes[key >> 16];

    for (uint32_t i = 0; i < n->n_edges; i++) {
        const struct graph_edge *e = &s->g->edges[n->first_edge + i];
        bool tick = e->label == SMALL_TICK_PASSES;

        out->transitions++;
        intern(s, key_of(e->to, tick ? older(a) : a, tick ? older(b) : b), at, e->label);
    }
    for (int server = 0; server < SMALL_SERVERS; server++) {
        uint8_t recs = n->view.shows[server];
        uint8_t got = (uint8_t)(recs == 0 ? 0 : recs | s->w->held << 3);

        out->transitions += 2;
        intern(s, key_of((uint32_t)(key >> 16), got, b), at, (uint8_t)(FETCH + server));
        intern(s, key_of((uint32_t)(key >> 16), a, got), at, (uint8_t)(FETCH + 2 + server));
    }
}

bool product_explore(const struct small_world *w, const struct graph *g, uint64_t limit, bool quiet,
                     struct product_result *out)
{
    struct search s = {.w = w, .g = g};
    size_t level_end = 1;
    bool whole = true;

    memset(out, 0, sizeof *out);
    intern(&s, key_of(0, 0, 0), 0, 0);
    for (size_t i = 0; i < s.n && whole && out->violations == 0; i++) {
        const struct small_view *v = &g->nodes[s.keys[i] >> 16].view;
        const char *what = broken(v, (uint8_t)(s.keys[i] >> 8));

        if (what == NULL)
            what = broken(v, (uint8_t)s.keys[i]);
        if (what != NULL) {
            out->violations++;
            if (!quiet)
                print_way(&s, i, what);
        }
        if (i == level_end) {
            out->depth++;
            level_end = s.n;
        }
        expand(&s, (uint32_t)i, out);
        whole = s.n <= limit;
    }
    out->states = s.n;
    free(s.keys);
    free(s.parent);
    free(s.label);
    free(s.table);
    return whole;
}

static enum small_label well_behaved(const struct small_world *w, const struct graph *g,
                                     uint32_t node)
{
    struct plan_action a;
    struct small s;
    bool refused;

    graph_state(g, node, &s);
    small_plan(w, &s, &a, &refused);
    return small_well_behaved(w, &s, &a);
}

void product_print_way(const struct small_world *w, const struct graph *g, uint32_t node)
{
    uint32_t *from = calloc(g->n_nodes, sizeof *from);
    uint8_t *label = calloc(g->n_nodes, 1);
    uint32_t *way = calloc(g->n_nodes, sizeof *way);
    size_t n = 0;

    if (from != NULL && label != NULL && way != NULL) {
        for (size_t i = g->n_nodes; i-- > 0;) { /* the earliest parent wins */
            for (uint32_t e = 0; e < g->nodes[i].n_edges; e++) {
                const struct graph_edge *edge = &g->edges[g->nodes[i].first_edge + e];

                from[edge->to] = (uint32_t)i;
                label[edge->to] = edge->label;
            }
        }
        for (uint32_t at = node; at != 0; at = from[at])
            way[n++] = at;
        trace_begin();
        while (n-- > 0) {
            trace_step(w, g, from[way[n]], (enum small_label)label[way[n]]);
            trace_state(g, way[n], 0, 0);
        }
        printf("  and from here on, in a world that behaves well:\n");
        for (int i = 0; i < 30; i++) {
            trace_step(w, g, node, well_behaved(w, g, node));
            node = g->nodes[node].well;
            trace_state(g, node, 0, 0);
        }
    }
    free(from);
    free(label);
    free(way);
}
