/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The wall clock at the beginning: some day in 2026. */
#define SIM_WALL0 INT64_C(1790000000000)

struct sim *sim_new(void)
{
    struct sim *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->boot_at = -HOUR;
    s->boot_id = 1;
    s->ca_blocked = -1;
    s->issuers = 1;
    s->postfix_up = true;
    s->ttl = 3600;
    s->ns_ttl = DAY;
    s->validity = 90 * DAY;
    s->drain = 5 * SEC;
    s->sync = SEC;
    s->hold = 15 * MIN;
    s->sig_life = 14 * DAY;
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        s->file.cert[a] = -1;
    return s;
}

void sim_free(struct sim **s)
{
    if (*s == NULL)
        return;
    for (size_t i = 0; i < (*s)->n_trace; i++)
        free((*s)->trace[i]);
    free((*s)->trace);
    free(*s);
    *s = NULL;
}

int64_t sim_wall(const struct sim *s)
{
    return SIM_WALL0 + s->t + s->skew;
}

void sim_clock_text(int64_t t, char out[SIM_NAME])
{
    int64_t in_day = t % DAY;
    int n =
        snprintf(out, SIM_NAME, "%" PRId64 "d %02d:%02d:%02d.%03d", t / DAY, (int)(in_day / HOUR),
                 (int)(in_day / MIN % 60), (int)(in_day / SEC % 60), (int)(in_day % SEC));

    if (n < 0 || n >= SIM_NAME)
        out[SIM_NAME - 1] = '\0';
}

static void keep_line(struct sim *s, const char *text)
{
    char clock[SIM_NAME], line[SIM_TEXT + SIM_NAME + 4];
    char **grown;
    char *copy;

    if (s->n_trace >= SIM_TRACE)
        return;
    sim_clock_text(s->t, clock);
    if (snprintf(line, sizeof line, "%s  %s", clock, text) < 0)
        return;
    grown = realloc(s->trace, (s->n_trace + 1) * sizeof *grown);
    copy = malloc(strlen(line) + 1);
    if (grown == NULL || copy == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    memcpy(copy, line, strlen(line) + 1);
    s->trace = grown;
    s->trace[s->n_trace++] = copy;
}

void sim_say(struct sim *s, const char *fmt, ...)
{
    char text[SIM_TEXT];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) >= 0)
        keep_line(s, text);
    va_end(ap);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
    char text[SIM_TEXT];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    keep_line(s, text);
    if (s->broken)
        return;
    s->broken = true;
    memcpy(s->fail, text, sizeof text);
}
