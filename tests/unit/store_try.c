/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/store_try.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "base/text.h"
#include "store/cells.h"
#include "store/columns.h"
#include "store/rows.h"

int store_try_begin(void **state)
{
    struct store_try *t = calloc(1, sizeof *t);
    const char *tmp = getenv("TMPDIR");
    *state = t; /* cmocka stops at a failed set-up */
    if (t == NULL ||
        !text_format(t->top, sizeof t->top, "%s/test_store.XXXXXX", tmp == NULL ? "/tmp" : tmp) ||
        mkdtemp(t->top) == NULL)
        return -1;
    t->a = calloc(1, sizeof *t->a);
    t->b = calloc(1, sizeof *t->b);
    if (t->a == NULL || t->b == NULL ||
        !text_format(t->state, sizeof t->state, "%s/state", t->top) ||
        !text_format(t->run, sizeof t->run, "%s/run", t->top))
        return -1;
    return mkdir(t->state, 0700) == 0 && mkdir(t->run, 0755) == 0 ? 0 : -1;
}

static void empty_folder(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

int store_try_end(void **state)
{
    struct store_try *t = *state;
    store_try_close(t);
    store_try_clear(t->a);
    store_try_clear(t->b);
    free(t->a);
    free(t->b);
    empty_folder(t->state);
    empty_folder(t->run);
    int left = rmdir(t->top);
    free(t);
    return left;
}

const char *store_try_path(struct store_try *t, const char *name)
{
    assert_true(text_format(t->path, sizeof t->path, "%s/%s", t->top, name));
    return t->path;
}

void store_try_close(struct store_try *t)
{
    store_close(&t->store);
    assert_null(t->store);
}

int store_try_open(struct store_try *t)
{
    bool restored = false;
    store_try_close(t);
    err_clear(&t->err);
    enum outcome out = store_open(t->state, t->run, &t->store, &restored, &t->err);
    assert_string_equal(t->err.text, "");
    assert_int_equal(out, OUT_OK);
    return restored;
}

/* splitmix64 */
static uint64_t chance(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static char *chance_text(uint64_t *seed, size_t max)
{
    char *text = calloc(1, max + 1);
    assert_non_null(text);
    size_t len = (size_t)(chance(seed) % (max + 1));
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(1 + chance(seed) % 255);
    return text;
}

static void fill_octets(uint8_t *at, size_t n, uint64_t *seed)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)chance(seed);
}

static void fill_number(const struct column *c, void *at, uint64_t *seed)
{
    do { /* ranges are either nearly all of the type or tiny */
        fill_octets(at, c->kind == COLUMN_BOOL ? 0 : c->size, seed);
        if (c->kind == COLUMN_BOOL)
            *(bool *)at = (chance(seed) & 1) != 0;
    } while (!cells_fits(c, at));
}

static void fill_cell(const struct column *c, void *at, uint64_t *seed)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char *text = NULL;
    struct port_tlsa *rec = NULL;
    switch (c->kind) {
    case COLUMN_HEX:
        fill_octets(at, c->size, seed);
        break;
    case COLUMN_IP:
        fill_octets(at, 16, seed);
        if ((chance(seed) & 1) != 0)
            memcpy(at, mapped, sizeof mapped);
        break;
    case COLUMN_TEXT:
        text = chance_text(seed, c->size - 1);
        memcpy(at, text, strlen(text) + 1);
        free(text);
        break;
    case COLUMN_PEM:
        *(char **)at = chance_text(seed, chance(seed) % 8 == 0 ? PORT_PEM_MAX - 1 : 2000);
        break;
    case COLUMN_RDATA:
        rec = calloc(1, sizeof *rec);
        assert_non_null(rec);
        rec->len = (uint16_t)(chance(seed) % (PORT_TLSA_MAX + 1));
        fill_octets(&rec->combo.usage, 1, seed);
        fill_octets(&rec->combo.selector, 1, seed);
        fill_octets(&rec->combo.matching, 1, seed);
        fill_octets(rec->data, rec->len, seed);
        *(struct port_tlsa **)at = rec;
        break;
    default:
        fill_number(c, at, seed);
        break;
    }
}

static bool same_cell(const struct column *c, const void *a, const void *b)
{
    const struct port_tlsa *x;
    const struct port_tlsa *y;
    switch (c->kind) {
    case COLUMN_TEXT:
        return strcmp(a, b) == 0;
    case COLUMN_PEM:
        if (*(char *const *)a == NULL || *(char *const *)b == NULL)
            return *(char *const *)a == *(char *const *)b;
        return strcmp(*(char *const *)a, *(char *const *)b) == 0;
    case COLUMN_RDATA:
        x = *(struct port_tlsa *const *)a;
        y = *(struct port_tlsa *const *)b;
        if (x == NULL || y == NULL)
            return x == y;
        return x->combo.usage == y->combo.usage && x->combo.selector == y->combo.selector &&
               x->combo.matching == y->combo.matching && x->len == y->len &&
               memcmp(x->data, y->data, x->len) == 0;
    default:
        return memcmp(a, b, c->size) == 0;
    }
}

/* Every element of every table, by an index that runs over all of them. */
static size_t offset_of(const struct columns_table *t, const struct column *c, size_t element)
{
    size_t offset = c->offset;
    for (size_t i = t->levels; i > 0; i--) {
        offset += c->step[i - 1] * (element % (size_t)t->count[i - 1]);
        element /= (size_t)t->count[i - 1];
    }
    return offset;
}

static size_t elements_of(const struct columns_table *t)
{
    return (size_t)t->count[0] * (size_t)t->count[1] * (size_t)t->count[2];
}

void store_try_fill(struct port_state *state, uint64_t seed)
{
    store_try_clear(state);
    for (size_t t = 0; t < columns_n_tables; t++) {
        const struct columns_table *table = &columns_tables[t];
        for (size_t e = 0; e < elements_of(table); e++) {
            for (size_t i = 0; i < table->n; i++)
                fill_cell(&table->columns[i],
                          (char *)state + offset_of(table, &table->columns[i], e), &seed);
        }
    }
}

const char *store_try_differs(const struct port_state *a, const struct port_state *b)
{
    for (size_t t = 0; t < columns_n_tables; t++) {
        const struct columns_table *table = &columns_tables[t];
        for (size_t e = 0; e < elements_of(table); e++) {
            for (size_t i = 0; i < table->n; i++) {
                const struct column *c = &table->columns[i];
                size_t offset = offset_of(table, c, e);
                if (!same_cell(c, (const char *)a + offset, (const char *)b + offset))
                    return c->name;
            }
        }
    }
    return NULL;
}

void store_try_clear(struct port_state *state)
{
    rows_free(state);
    memset(state, 0, sizeof *state);
}

void store_try_save(struct store_try *t, const char *name)
{
    err_clear(&t->err);
    enum outcome out = store_ops.save(t->store, name, t->a, NULL, 0, &t->err);
    assert_string_equal(t->err.text, "");
    assert_int_equal(out, OUT_OK);
}

void store_try_load(struct store_try *t, const char *name)
{
    err_clear(&t->err);
    store_try_clear(t->b);
    enum outcome out = store_ops.load(t->store, name, t->b, &t->err);
    assert_string_equal(t->err.text, "");
    assert_int_equal(out, OUT_OK);
}

static sqlite3 *connect_to(struct store_try *t)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(store_try_path(t, "state/" STORE_FILE), &db), SQLITE_OK);
    return db;
}

void store_try_sql(struct store_try *t, const char *sql)
{
    sqlite3 *db = connect_to(t);
    char *why = NULL;
    int code = sqlite3_exec(db, sql, NULL, NULL, &why);
    if (code != SQLITE_OK)
        print_error("%s: %s\n", sql, why);
    assert_int_equal(code, SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

long long store_try_number(struct store_try *t, const char *sql)
{
    sqlite3 *db = connect_to(t);
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    long long n = sqlite3_column_int64(stmt, 0);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}
