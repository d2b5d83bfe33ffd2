/* SPDX-License-Identifier: BSD-2-Clause */
#include "postfix/snimaps.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postfix/run.h"
#include "postfix/services.h"

struct snimaps {
    char table[SNIMAPS_MAX][PARAMS_VALUE_MAX]; /* "hash:/etc/postfix/sni" */
    size_t n;
    char main_cf[1][PARAMS_VALUE_MAX];
    struct params_override overrides[PARAMS_OVERRIDES_MAX];
    size_t n_overrides;
};

/* "type:/path" of a type that holds copies. */
static bool snimaps_copies(const char *table)
{
    static const char *const types[] = {"hash:/", "btree:/", "lmdb:/", "cdb:/", "dbm:/", "sdbm:/"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strncmp(table, types[i], strlen(types[i])) == 0)
            return true;
    }
    return false;
}

static enum outcome snimaps_add(struct snimaps *maps, const char *list, struct err *err)
{
    static const char between[] = ", \t\r\n";
    for (const char *at = list + strspn(list, between); *at != '\0'; at += strspn(at, between)) {
        char table[PARAMS_VALUE_MAX];
        size_t len = strcspn(at, between);
        (void)snprintf(table, sizeof table, "%.*s", (int)len, at);
        at += len;
        bool known = !snimaps_copies(table);
        for (size_t i = 0; i < maps->n && !known; i++)
            known = strcmp(maps->table[i], table) == 0;
        if (known)
            continue;
        if (maps->n == SNIMAPS_MAX)
            return err_set(err, OUT_REFUSED, "tls_server_sni_maps names more than %d tables",
                           SNIMAPS_MAX);
        memcpy(maps->table[maps->n++], table, sizeof table);
    }
    return OUT_OK;
}

static enum outcome snimaps_find(const struct params *params, struct snimaps *maps, struct err *err)
{
    static const char *const names[] = {"tls_server_sni_maps"};
    maps->n_overrides = PARAMS_OVERRIDES_MAX;
    enum outcome res = params_get(params, names, 1, maps->main_cf, err);
    if (res == OUT_OK)
        res = params_overrides(params, names, 1, maps->overrides, &maps->n_overrides, err);
    if (res == OUT_OK)
        res = snimaps_add(maps, maps->main_cf[0], err);
    for (size_t i = 0; i < maps->n_overrides && res == OUT_OK; i++)
        res = snimaps_add(maps, maps->overrides[i].value, err);
    return res;
}

/* One word of the source, without the commas and blanks that end it; false at its end. Longer words
 * than any path are cut: they name no file of ours. */
static bool snimaps_word(FILE *in, char *word, size_t size)
{
    size_t len = 0;
    int c = getc(in);
    while (c != EOF && strchr(", \t\r\n", c) != NULL)
        c = getc(in);
    while (c != EOF && strchr(", \t\r\n", c) == NULL) {
        if (len + 1 < size)
            word[len++] = (char)c;
        c = getc(in);
    }
    word[len] = '\0';
    return len > 0;
}

/* OUT_NOT_YET: it does not name the chain file. */
static enum outcome snimaps_source(const char *path, const char *chain_file, struct err *err)
{
    char word[PARAMS_VALUE_MAX];
    bool found = false;
    FILE *in = fopen(path, "re");
    if (in == NULL && errno == ENOENT)
        return OUT_NOT_YET;
    if (in == NULL)
        return err_errno(err, "%s", path);
    while (!found && snimaps_word(in, word, sizeof word))
        found = word[0] == '/' && services_same(chain_file, word);
    enum outcome res = ferror(in) != 0 ? err_errno(err, "%s", path) : OUT_OK;
    (void)fclose(in); /* only read */
    return res == OUT_OK && !found ? OUT_NOT_YET : res;
}

static enum outcome snimaps_one(const struct params *params, const char *postmap, const char *table,
                                const char *chain_file, struct err *err)
{
    const char *argv[] = {postmap, "-c", params->config_dir, "-F", table, NULL};
    struct run_result result = {0};
    enum outcome res = snimaps_source(strchr(table, ':') + 1, chain_file, err);
    if (res != OUT_OK)
        return res == OUT_NOT_YET ? OUT_OK : res;
    res = run_program(argv, params->timeout_ms, &result, err);
    run_result_free(&result);
    if (res != OUT_OK)
        err_prepend(err,
                    "the table %s of tls_server_sni_maps holds a copy of %s and could not be "
                    "built anew (postmap -F %s)",
                    table, chain_file, table);
    return res;
}

enum outcome snimaps_build(const struct params *params, const char *postmap, const char *chain_file,
                           struct err *err)
{
    struct snimaps *maps = calloc(1, sizeof *maps);
    if (maps == NULL)
        return err_errno(err, "the tables of tls_server_sni_maps");
    enum outcome res = snimaps_find(params, maps, err);
    for (size_t i = 0; i < maps->n && res == OUT_OK; i++)
        res = snimaps_one(params, postmap, maps->table[i], chain_file, err);
    free(maps);
    return res;
}
