/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace.h"

#include <stdio.h>
#include <string.h>

void trace_begin(void)
{
    printf("  %-58s | %-8s| %-18s| %-16s| caches\n", "what happens", "zone", "servers show",
           "file; processes");
}

void trace_step(const struct small_world *w, const struct graph *g, uint32_t from,
                enum small_label label)
{
    struct plan_action a;
    struct small s;
    char text[128];
    const char *verb;
    bool refused;

    graph_state(g, from, &s);
    small_plan(w, &s, &a, &refused);
    verb = plan_verb_name(s.pc == 0 ? a.verb : (enum plan_verb)s.verb);
    if (label > SMALL_ENGINE_UNREACHED)
        verb = "";
    if (snprintf(text, sizeof text, "%s%s%s%s", small_label_name(label), *verb == '\0' ? "" : ": ",
                 verb,
                 *verb == '\0' ? ""
                 : s.pc == 2   ? ", recorded"
                 : s.pc == 1   ? ", done"
                               : "") < 0)
        text[0] = '\0';
    printf("  %-58s |", text);
}

void trace_fetch(int server)
{
    char text[64];

    if (snprintf(text, sizeof text, "a cache asks server %d", server + 1) < 0)
        text[0] = '\0';
    printf("  %-58s |", text);
}

static void print_set(uint8_t keys, int width)
{
    char text[16] = "{";
    size_t n = 1;

    for (int k = 0; k < SMALL_KEYS; k++) {
        if ((keys & 1u << k) == 0)
            continue;
        if (n > 1)
            text[n++] = ' ';
        text[n++] = (char)('0' + k);
    }
    text[n++] = '}';
    text[n] = '\0';
    printf(" %-*s", width, text);
}

static void print_cache(uint8_t cache)
{
    if (cache == 0) {
        printf(" -");
        return;
    }
    print_set(cache & 7, 0);
    printf(" for %d", cache >> 3);
}

void trace_state(const struct graph *g, uint32_t node, uint8_t a, uint8_t b)
{
    struct small s;

    graph_state(g, node, &s);
    print_set(s.primary, 7);
    printf("|");
    for (int i = 0; i < SMALL_SERVERS; i++)
        print_set(s.shows[i], 8);
    printf("| %d;", s.cert_key[s.file]);
    for (int i = 0; i < SMALL_PROCS; i++)
        printf(" %d", s.cert_key[s.procs[i]]);
    printf("          |");
    print_cache(b);
    print_cache(a);
    printf("\n");
}
