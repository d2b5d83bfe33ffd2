/* SPDX-License-Identifier: BSD-2-Clause */
/* expect, await and never: conditions on what the engine believes and what the world is. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conditions.h"

static bool holds(struct run *r, const struct condition *c, int from, int n, char why[SIM_TEXT])
{
    why[0] = '\0';
    return c->holds(r, &r->words[from], n, why) && !r->s->broken;
}

/* words[i] is the condition's name; n words of its own follow. */
static const struct condition *find(struct run *r, int i, int *n)
{
    const struct condition *c;

    if (i >= r->n) {
        script_fail(r, "expect what?");
        return NULL;
    }
    c = condition_named(r->words[i]);
    if (c == NULL) {
        script_fail(r, "\"%s\" is not a condition", r->words[i]);
        return NULL;
    }
    *n = r->n - i - 1;
    if (*n < c->least) {
        script_fail(r, "too few words: %s", c->usage);
        return NULL;
    }
    return c;
}

static bool expect(struct run *r)
{
    bool negated = r->n > 1 && strcmp(r->words[1], "not") == 0;
    int at = negated ? 2 : 1, n = 0;
    const struct condition *c = find(r, at, &n);
    char why[SIM_TEXT];

    if (c == NULL)
        return false;
    if (holds(r, c, at + 1, n, why) != negated)
        return !r->s->broken;
    if (negated)
        return script_fail(r, "expected the contrary of: %s %s", r->words[at],
                           n > 0 ? r->words[at + 1] : "");
    return script_fail(r, "expected %s %s, but %s", r->words[at], n > 0 ? r->words[at + 1] : "",
                       why);
}

/* await CONDITION within D; never CONDITION for D */
static bool over_time(struct run *r, bool wanted)
{
    const struct condition *c;
    char why[SIM_TEXT];
    int64_t limit;
    int n = 0;

    if (r->n < 4 || strcmp(r->words[r->n - 2], wanted ? "within" : "for") != 0)
        return script_fail(r, "await CONDITION within D, or never CONDITION for D");
    if (!script_duration(r, r->words[r->n - 1], &limit))
        return false;
    r->n -= 2;
    limit += r->s->t;
    c = find(r, 1, &n);
    while (c != NULL && !r->s->broken) {
        if (holds(r, c, 2, n, why)) {
            if (wanted)
                return true;
            return script_fail(r, "this was never to be: %s %s", r->words[1],
                               n > 0 ? r->words[2] : "");
        }
        if (!shell_tick(r->e, limit))
            break;
    }
    if (c == NULL || r->s->broken)
        return false;
    if (!wanted)
        return true;
    return script_fail(r, "waited in vain for %s %s: %s", r->words[1], n > 0 ? r->words[2] : "",
                       why);
}

bool expect_command(struct run *r)
{
    if (strcmp(r->words[0], "expect") == 0)
        return expect(r);
    return over_time(r, strcmp(r->words[0], "await") == 0);
}
