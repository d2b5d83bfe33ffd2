/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run - runs scenario files
 *
 *     run [-v] FILE...         each must pass; "crash everywhere" runs it again for each point
 *     run --must-fail FILE...  each must fail with the text after "# must fail: " in its first
 *                              line: the runner's own test
 *
 * Status 0 when all did as they should; 1 when not, with the complaint and the trace of what
 * happened; 2 for a file that cannot be read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define MUST_FAIL "# must fail: "
#define TRACE_SHOWN 120 /* lines of the trace printed after a failure */

static void print_trace(const struct run *r, bool all)
{
    size_t from = 0;

    if (!all && r->s->n_trace > TRACE_SHOWN)
        from = r->s->n_trace - TRACE_SHOWN;
    for (size_t i = from; i < r->s->n_trace; i++)
        printf("    %s\n", r->s->trace[i]);
}

static void complain(const struct run *r, long crash_at)
{
    printf("%s:%d: %s\n", r->script->path, r->line, r->s->fail);
    if (crash_at > 0)
        printf("    with a crash at point %ld\n", crash_at);
}

static bool run_one(const struct script *sc, long crash_at, bool verbose, long *points)
{
    struct run r;
    bool ok = script_run(sc, crash_at, &r);

    *points = r.e == NULL ? 0 : r.e->points;
    if (!ok && r.s != NULL)
        complain(&r, crash_at);
    if (r.s != NULL && (!ok || verbose))
        print_trace(&r, verbose);
    script_end(&r);
    return ok;
}

static bool run_script(const char *path, bool verbose)
{
    struct script sc;
    long points, ignored;
    bool ok;

    if (!script_load(&sc, path))
        exit(2);
    sc.verbose = verbose;
    ok = run_one(&sc, 0, verbose, &points);
    sc.verbose = false;
    for (long k = 1; ok && sc.everywhere && k <= points; k++)
        ok = run_one(&sc, k, false, &ignored);
    if (ok && sc.everywhere)
        printf("ok   %s (and with a crash at each of %ld points)\n", path, points);
    else
        printf("%s %s\n", ok ? "ok  " : "FAIL", path);
    script_free(&sc);
    return ok;
}

/* The runner must complain, and in these words. */
static bool must_fail(const char *path, bool verbose)
{
    const char *text;
    struct script sc;
    struct run r;
    bool ok;

    if (!script_load(&sc, path))
        exit(2);
    if (sc.n_lines == 0 || strncmp(sc.lines[0], MUST_FAIL, strlen(MUST_FAIL)) != 0) {
        fprintf(stderr, "%s:1: the first line has to be \"%sTEXT\"\n", path, MUST_FAIL);
        exit(2);
    }
    text = sc.lines[0] + strlen(MUST_FAIL);
    ok = !script_run(&sc, 0, &r) && r.s != NULL && strstr(r.s->fail, text) != NULL;
    if (r.s != NULL && (!ok || verbose)) {
        printf("%s: expected \"%s\"\n", path, text);
        if (r.s->broken)
            complain(&r, 0);
        print_trace(&r, verbose);
    }
    printf("%s %s fails as it must\n", ok ? "ok  " : "FAIL", path);
    script_end(&r);
    script_free(&sc);
    return ok;
}

int main(int argc, char **argv)
{
    bool failing = false, verbose = false, ok = true;
    int count = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--must-fail") == 0) {
            failing = true;
        } else {
            ok = (failing ? must_fail(argv[i], verbose) : run_script(argv[i], verbose)) && ok;
            count++;
        }
    }
    if (count == 0) {
        fputs("usage: run [-v] [--must-fail] FILE...\n", stderr);
        return 2;
    }
    printf("%d scenarios, %s\n", count, ok ? "all as expected" : "NOT all as expected");
    return ok ? 0 : 1;
}
