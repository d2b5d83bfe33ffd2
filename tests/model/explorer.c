/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explorer - visits every state of a small world around this core, and judges THE RULE in each
 *
 *     explorer [--ttl=N] [--held=N] [--flaps=N] [--wrongs=N] [--lies=N] [--crashes=N]
 *              [--commands=N] [--reboots] [--silence] [--gap=N] [--wait=N] [--bug=NAME]
 * [--check-tidy]
 *              [--limit=N] [--quiet]
 *
 * --held is E, the ticks for which caches hold; --wait is what the engine waits (otherwise what
 * its policy makes of the TTL). Numbers of faults: how often each may happen; "any" for always.
 *
 * Prints `states=N transitions=M depth=D violations=V` and, for a violation or a state from
 * which the rollover cannot complete, the way to it. Status 0: none; 1: found; 2: the world has
 * more than --limit states without caches (then "NOT WHOLE"), or was asked for in a way that
 * makes no sense.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/phase.h"
#include "product.h"

struct options {
    struct small_world world;
    long held, wait, gap;
    uint64_t limit;
    bool check_tidy, quiet;
};

static bool number(const char *text, long *out)
{
    char *end;

    if (strcmp(text, "any") == 0) {
        *out = SMALL_MANY;
        return true;
    }
    errno = 0;
    *out = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out >= 0;
}

static bool count(const char *arg, const char *name, int *out)
{
    size_t n = strlen(name);
    long v;

    if (strncmp(arg, name, n) != 0 || !number(arg + n, &v) || v > SMALL_MANY)
        return false;
    *out = (int)v;
    return true;
}

static bool span(const char *arg, const char *name, long *out)
{
    size_t n = strlen(name);

    return strncmp(arg, name, n) == 0 && number(arg + n, out);
}

static bool parse(struct options *o, const char *arg)
{
    struct small_world *w = &o->world;
    long limit;
    int ttl;

    if (count(arg, "--flaps=", &w->flaps) || count(arg, "--wrongs=", &w->wrongs) ||
        count(arg, "--lies=", &w->lies) || count(arg, "--crashes=", &w->crashes) ||
        count(arg, "--commands=", &w->commands) || span(arg, "--held=", &o->held) ||
        span(arg, "--wait=", &o->wait) || span(arg, "--gap=", &o->gap))
        return true;
    if (count(arg, "--ttl=", &ttl))
        w->ttl = (uint32_t)ttl;
    else if (span(arg, "--limit=", &limit))
        o->limit = (uint64_t)limit;
    else if (strcmp(arg, "--reboots") == 0)
        w->reboots = true;
    else if (strcmp(arg, "--silence") == 0)
        w->silence = true;
    else if (strcmp(arg, "--check-tidy") == 0)
        o->check_tidy = true;
    else if (strcmp(arg, "--quiet") == 0)
        o->quiet = true;
    else
        return strncmp(arg, "--bug=", 6) == 0 && small_bug_named(arg + 6, &w->bug);
    return true;
}

/* What the core makes of this policy and TTL, once it has watched for a while. */
static model_time wait_of(const struct small_world *w)
{
    struct model_owner o = {.used = true, .ttl_max = w->ttl, .watch_since = MODEL_NEVER};
    struct model_now now = {.steady = SMALL_NOW, .wall = SMALL_NOW, .epoch = 1};

    return phase_wait(&o, &w->policy, false, now);
}

/* E, W and the cap. The wait is set by the one margin that is added to it as it is. */
static bool settle(struct options *o)
{
    struct small_world *w = &o->world;

    w->policy.silence = o->gap * SMALL_TICK;
    w->policy.floor = 2 * (model_time)w->ttl * SMALL_TICK; /* W, from the removal on as well */
    if (o->wait >= 0)
        w->policy.anycast_margin = o->wait * SMALL_TICK - wait_of(w);
    if (w->bug == BUG_WAIT_ONE_SHORT)
        w->policy.anycast_margin -= SMALL_TICK;
    w->held =
        (int)(o->held >= 0 ? o->held : wait_of(w) / SMALL_TICK + (w->bug == BUG_WAIT_ONE_SHORT));
    w->wait = (int)(wait_of(w) / SMALL_TICK);
    w->gap = (int)o->gap;
    return w->held > 0 && w->held < 32 && w->wait < 50 && w->gap < 50;
}

int main(int argc, char **argv)
{
    struct options o = {.held = -1, .wait = -1, .gap = 1, .limit = UINT64_C(4000000)};
    struct product_result r;
    struct graph g;
    enum graph_built built;
    int64_t stuck = -1;
    bool whole;

    small_world_default(&o.world);
    for (int i = 1; i < argc; i++) {
        if (!parse(&o, argv[i])) {
            fprintf(stderr, "explorer: \"%s\" is not an option; see tests/model/README.md\n",
                    argv[i]);
            return 2;
        }
    }
    if (!settle(&o)) {
        fputs("explorer: --held has to be 1 to 31 ticks, and the wait below 50\n", stderr);
        return 2;
    }
    built = graph_build(&o.world, o.limit, o.check_tidy, &g);
    if (built == GRAPH_WRONG) {
        graph_free(&g);
        return 1;
    }
    whole = product_explore(&o.world, &g, o.limit * 100, o.quiet, &r) && built == GRAPH_WHOLE;
    if (whole && r.violations == 0)
        stuck = graph_stuck(&g);
    if (stuck >= 0) {
        printf("STUCK: from here a world that behaves well never completes the rollover\n");
        product_print_way(&o.world, &g, (uint32_t)stuck);
    }
    printf("world: E=%d W=%d ticks, %zu states without caches, %zu transitions; bug=%s\n",
           o.world.held, o.world.wait, g.n_nodes, g.n_edges, small_bug_name(o.world.bug));
    printf("states=%" PRIu64 " transitions=%" PRIu64 " depth=%d violations=%" PRIu64 "%s%s\n",
           r.states, r.transitions, r.depth, r.violations, stuck >= 0 ? " stuck=1" : " stuck=0",
           whole ? "" : " NOT WHOLE");
    graph_free(&g);
    if (r.violations > 0 || stuck >= 0)
        return 1;
    return whole ? 0 : 2;
}
