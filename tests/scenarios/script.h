/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script - a scenario file: lines of words, and the run of it
 *
 * The language is in README.md. A line that cannot be understood, or an expectation that does
 * not hold, ends the run with "file:line: what". Lines are at most SCRIPT_LINE octets, words at
 * most SCRIPT_WORDS a line.
 */
#ifndef DANEMILTER_TESTS_SCRIPT_H
#define DANEMILTER_TESTS_SCRIPT_H

#include "shell.h"

#define SCRIPT_LINE 256
#define SCRIPT_WORDS 24
#define SCRIPT_LINES 400

struct script {
    const char *path;
    char (*lines)[SCRIPT_LINE];
    int n_lines;
    bool everywhere; /* "crash everywhere": run once more for each point */
    bool verbose;    /* every round of questions goes into the trace, too */
};

struct run {
    const struct script *script;
    int line; /* from 1 */
    struct sim *s;
    struct shell *e;
    bool started;
    char *words[SCRIPT_WORDS];
    int n;
};

/* False with the reason on stderr. */
bool script_load(struct script *sc, const char *path);
void script_free(struct script *sc);

/* Runs it; dies at the `crash_at`th point (0: never). The result is in r->s->fail, the number
 * of points in r->e->points. run_end() frees. */
bool script_run(const struct script *sc, long crash_at, struct run *r);
void script_end(struct run *r);

/* For the commands: each fails the run with a sentence. */
bool script_fail(struct run *r, const char *fmt, ...) SIM_PRINTF(2, 3);
bool script_duration(struct run *r, const char *word, int64_t *out);
bool script_option(const char *word, const char *name, const char **value);
bool script_words(struct run *r, int at_least, const char *usage);
bool script_owner(struct run *r, const char *word, int *out);
bool script_server(struct run *r, const char *word, struct sim_server **out);
bool script_recs(struct run *r, int from, sim_mask *out);

/* Commands by family; words[0] is theirs. */
bool config_command(struct run *r);
bool world_command(struct run *r);
bool engine_command(struct run *r);
bool expect_command(struct run *r); /* expect ..., await ..., never ... */

#endif
