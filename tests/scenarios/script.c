/* SPDX-License-Identifier: BSD-2-Clause */
#include "script.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "things.h"
#include "world.h"

bool script_fail(struct run *r, const char *fmt, ...)
{
    char text[SIM_TEXT];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    sim_fail(r->s, "%s", text);
    return false;
}

bool script_load(struct script *sc, const char *path)
{
    FILE *in = fopen(path, "r");
    char line[SCRIPT_LINE];
    bool ok = false;

    *sc = (struct script){.path = path};
    if (in == NULL) {
        perror(path);
        return false;
    }
    sc->lines = calloc(SCRIPT_LINES, sizeof *sc->lines);
    if (sc->lines == NULL)
        goto out;
    while (fgets(line, sizeof line, in) != NULL) {
        size_t n = strcspn(line, "\n");

        if (line[n] != '\n' && !feof(in)) {
            fprintf(stderr, "%s:%d: the line is too long\n", path, sc->n_lines + 1);
            goto out;
        }
        if (sc->n_lines == SCRIPT_LINES) {
            fprintf(stderr, "%s:%d: too many lines\n", path, sc->n_lines + 1);
            goto out;
        }
        line[n] = '\0';
        memcpy(sc->lines[sc->n_lines++], line, n + 1);
        if (strncmp(line, "crash everywhere", 16) == 0)
            sc->everywhere = true;
    }
    ok = !ferror(in);
out:
    if (fclose(in) != 0)
        ok = false;
    if (!ok)
        script_free(sc);
    return ok;
}

void script_free(struct script *sc)
{
    free(sc->lines);
    sc->lines = NULL;
    sc->n_lines = 0;
}

bool script_duration(struct run *r, const char *word, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", SEC}, {"m", MIN}, {"h", HOUR}, {"d", DAY}};
    char *end;
    long long v;

    errno = 0;
    v = strtoll(word, &end, 10);
    if (errno == 0 && end != word && v >= -100000 && v <= 100000000) {
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            if (strcmp(end, units[i].unit) == 0) {
                *out = v * units[i].ms;
                return true;
            }
        }
        if (v == 0 && *end == '\0') {
            *out = 0;
            return true;
        }
    }
    return script_fail(r, "\"%s\" is not a duration: write 200ms, 30s, 5m, 1h or 2d", word);
}

bool script_option(const char *word, const char *name, const char **value)
{
    size_t n = strlen(name);

    if (strncmp(word, name, n) != 0 || word[n] != '=')
        return false;
    *value = word + n + 1;
    return true;
}

bool script_words(struct run *r, int at_least, const char *usage)
{
    if (r->n >= at_least)
        return true;
    return script_fail(r, "too few words: %s", usage);
}

bool script_owner(struct run *r, const char *word, int *out)
{
    *out = world_owner_named(r->s, word);
    return *out >= 0 ? true : script_fail(r, "no owner is called \"%s\"", word);
}

bool script_server(struct run *r, const char *word, struct sim_server **out)
{
    int i = world_server_named(r->s, word);

    if (i < 0)
        return script_fail(r, "no server is called \"%s\"", word);
    *out = &r->s->servers[i];
    return true;
}

bool script_recs(struct run *r, int from, sim_mask *out)
{
    *out = 0;
    for (int i = from; i < r->n; i++) {
        int rec = things_rec_named(r->s, r->words[i]);

        if (rec < 0)
            return false;
        *out |= SIM_BIT(rec);
    }
    return true;
}

static int split(char *line, char *words[SCRIPT_WORDS])
{
    int n = 0;
    char *at = line;

    for (;;) {
        at += strspn(at, " \t");
        if (*at == '\0' || *at == '#')
            return n;
        if (n == SCRIPT_WORDS)
            return -1;
        words[n++] = at;
        at += strcspn(at, " \t");
        if (*at != '\0')
            *at++ = '\0';
    }
}

static bool command(struct run *r)
{
    static const struct {
        const char *word;
        bool (*run)(struct run *r);
    } table[] = {
        {"policy", config_command},   {"world", config_command},   {"alg", config_command},
        {"servers", config_command},  {"owners", config_command},  {"file", config_command},
        {"records", config_command},  {"start", config_command},   {"server", world_command},
        {"ttl", world_command},       {"cname", world_command},    {"human", world_command},
        {"api", world_command},       {"ca", world_command},       {"postfix", world_command},
        {"proof", world_command},     {"session", world_command},  {"clock", world_command},
        {"reboot", engine_command},   {"advance", engine_command}, {"crash", engine_command},
        {"restart", engine_command},  {"backup", engine_command},  {"restore", engine_command},
        {"operator", engine_command}, {"force", engine_command},   {"unsafe", engine_command},
        {"expect", expect_command},   {"await", expect_command},   {"never", expect_command},
    };

    if (strcmp(r->words[0], "crash") == 0 && r->n == 2 && strcmp(r->words[1], "everywhere") == 0)
        return true; /* script_load() has seen it */
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(r->words[0], table[i].word) != 0)
            continue;
        if (r->started == (table[i].run == config_command))
            return script_fail(r, "\"%s\" belongs %s start", r->words[0],
                               r->started ? "before" : "after");
        return table[i].run(r);
    }
    return script_fail(r, "\"%s\" is not a command", r->words[0]);
}

static bool run_begin(const struct script *sc, struct run *r)
{
    *r = (struct run){.script = sc};
    r->s = sim_new();
    r->e = calloc(1, sizeof *r->e);
    if (r->s == NULL || r->e == NULL) {
        fputs("out of memory\n", stderr);
        return false;
    }
    shell_init(r->e, r->s);
    r->e->verbose = sc->verbose;
    return true;
}

bool script_run(const struct script *sc, long crash_at, struct run *r)
{
    char line[SCRIPT_LINE];

    if (!run_begin(sc, r))
        return false;
    r->e->crash_countdown = crash_at;
    for (int i = 0; i < sc->n_lines; i++) {
        memcpy(line, sc->lines[i], sizeof line);
        r->line = i + 1;
        r->n = split(line, r->words);
        if (r->n == 0)
            continue;
        sim_say(r->s, "> %s", sc->lines[i]);
        if (r->n < 0)
            return script_fail(r, "too many words");
        if (!command(r) || r->s->broken)
            return false;
    }
    if (!r->started)
        return script_fail(r, "the scenario never says start");
    return true;
}

void script_end(struct run *r)
{
    free(r->e);
    r->e = NULL;
    sim_free(&r->s);
}
