/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conditions - what `expect`, `await` and `never` can speak of
 *
 * A condition says whether it holds now, and when it does not, what is the case instead. It
 * changes nothing. Malformed words fail the run.
 */
#ifndef DANEMILTER_TESTS_CONDITIONS_H
#define DANEMILTER_TESTS_CONDITIONS_H

#include "script.h"

struct condition {
    const char *name;
    int least; /* words of its own */
    const char *usage;
    bool (*holds)(struct run *r, char **words, int n, char why[SIM_TEXT]);
};

const struct condition *condition_named(const char *name);

/* The action that a word like "switch" means, by plan_verb_name() in small letters. */
bool condition_verb(const char *word, enum plan_verb *out);
uint32_t condition_cause(const char *word); /* 0: not a cause */

#endif
