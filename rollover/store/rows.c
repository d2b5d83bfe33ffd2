/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/cells.h"

#define ROWS_TABLES_MAX 16
#define ROWS_SQL_MAX 2048

struct rows {
    const struct db *db;
    sqlite3_stmt *insert[ROWS_TABLES_MAX];
    sqlite3_stmt *select[ROWS_TABLES_MAX];
};

/* The table `certificate` has the name itself as key. */
static const char *rows_key(const struct columns_table *t)
{
    return t->levels == 0 ? "name" : "certificate";
}

static void rows_names(const struct columns_table *t, struct text *sql)
{
    for (size_t i = 0; i < COLUMNS_LEVELS && i < t->levels; i++)
        text_add(sql, "\"%s\", ", t->index[i]);
    for (size_t i = 0; i < t->n; i++)
        text_add(sql, "%s\"%s\"", i == 0 ? "" : ", ", t->columns[i].name);
}

static enum outcome rows_prepare(struct rows *r, size_t table, struct err *err)
{
    const struct columns_table *t = &columns_tables[table];
    char buf[ROWS_SQL_MAX];
    struct text sql;
    text_init(&sql, buf, sizeof buf);
    text_add(&sql, "INSERT INTO \"%s\" (\"%s\", ", t->name, rows_key(t));
    rows_names(t, &sql);
    text_add(&sql, ") VALUES (?");
    for (size_t i = 0; i < t->levels + t->n; i++)
        text_add(&sql, ", ?");
    text_add(&sql, ")");
    enum outcome out = db_prepare(r->db, buf, &r->insert[table], err);
    if (out != OUT_OK)
        return out;
    text_init(&sql, buf, sizeof buf);
    text_add(&sql, "SELECT ");
    rows_names(t, &sql);
    text_add(&sql, " FROM \"%s\" WHERE \"%s\" = ?", t->name, rows_key(t));
    return db_prepare(r->db, buf, &r->select[table], err);
}

enum outcome rows_open(const struct db *db, struct rows **out, struct err *err)
{
    struct rows *r = calloc(1, sizeof *r);
    enum outcome res = OUT_OK;
    if (r == NULL)
        return err_set(err, OUT_BROKEN, "no memory for the statements of %s", db->path);
    r->db = db;
    for (size_t i = 0; i < columns_n_tables && res == OUT_OK; i++)
        res = rows_prepare(r, i, err);
    if (res == OUT_OK)
        *out = r;
    else
        rows_close(&r);
    return res;
}

void rows_close(struct rows **rows)
{
    if (*rows == NULL)
        return;
    for (size_t i = 0; i < columns_n_tables; i++) {
        (void)sqlite3_finalize((*rows)->insert[i]); /* repeats the last step's error */
        (void)sqlite3_finalize((*rows)->select[i]);
    }
    free(*rows);
    *rows = NULL;
}

void rows_free(struct port_state *state)
{
    for (int i = 0; i < MODEL_MAX_RECS; i++) {
        free(state->recs[i]);
        state->recs[i] = NULL;
    }
    for (int i = 0; i < MODEL_MAX_CHAINS; i++) {
        free(state->bundles[i]);
        state->bundles[i] = NULL;
    }
}

static size_t rows_offset(const struct column *c, const int at[COLUMNS_LEVELS])
{
    size_t offset = c->offset;
    for (size_t i = 0; i < COLUMNS_LEVELS; i++)
        offset += c->step[i] * (size_t)at[i];
    return offset;
}

/* The next element of a table; false behind the last one. */
static bool rows_step(const struct columns_table *t, int at[COLUMNS_LEVELS])
{
    for (size_t i = t->levels; i > 0; i--) {
        if (++at[i - 1] < t->count[i - 1])
            return true;
        at[i - 1] = 0;
    }
    return false;
}

static bool rows_empty(const struct columns_table *t, const int at[COLUMNS_LEVELS],
                       const struct port_state *state)
{
    for (size_t i = 0; i < t->n; i++) {
        if (!cells_empty(&t->columns[i], (const char *)state + rows_offset(&t->columns[i], at)))
            return false;
    }
    return true;
}

static enum outcome rows_insert(struct rows *r, size_t table, const char *certificate,
                                const int at[COLUMNS_LEVELS], const struct port_state *state,
                                struct err *err)
{
    const struct columns_table *t = &columns_tables[table];
    sqlite3_stmt *stmt = r->insert[table];
    int parameter = 1;
    bool bound = sqlite3_bind_text(stmt, parameter++, certificate, -1, SQLITE_STATIC) == SQLITE_OK;
    for (size_t i = 0; i < COLUMNS_LEVELS && i < t->levels && bound; i++)
        bound = sqlite3_bind_int(stmt, parameter++, at[i]) == SQLITE_OK;
    for (size_t i = 0; i < t->n && bound; i++) {
        const struct column *c = &t->columns[i];
        const void *field = (const char *)state + rows_offset(c, at);
        if (!cells_fits(c, field))
            return err_set(err, OUT_BROKEN, "table %s, row %d: column %s is out of its range",
                           t->name, at[0], c->name);
        bound = cells_bind(c, field, stmt, parameter++);
    }
    if (!bound)
        return db_error(r->db, err, "bind");
    return db_run(r->db, stmt, err);
}

/* What could be written but not be read again. */
static enum outcome rows_judge(const struct port_state *state, struct err *err)
{
    for (int i = 0; i < MODEL_MAX_RECS; i++) {
        if (state->recs[i] != NULL && state->recs[i]->len > PORT_TLSA_MAX)
            return err_set(err, OUT_REFUSED, "record %d has %u octets, more than %d", i,
                           (unsigned)state->recs[i]->len, PORT_TLSA_MAX);
    }
    for (int i = 0; i < MODEL_MAX_CHAINS; i++) {
        if (state->bundles[i] != NULL && strnlen(state->bundles[i], PORT_PEM_MAX) == PORT_PEM_MAX)
            return err_set(err, OUT_REFUSED, "chain %d has more than %d octets", i,
                           PORT_PEM_MAX - 1);
    }
    return OUT_OK;
}

enum outcome rows_save(struct rows *r, const char *certificate, const struct port_state *state,
                       struct err *err)
{
    enum outcome out = rows_judge(state, err);
    for (size_t table = 0; table < columns_n_tables && out == OUT_OK; table++) {
        const struct columns_table *t = &columns_tables[table];
        int at[COLUMNS_LEVELS] = {0, 0, 0};
        do {
            if (t->levels == 0 || !rows_empty(t, at, state))
                out = rows_insert(r, table, certificate, at, state, err);
        } while (out == OUT_OK && rows_step(t, at));
    }
    return out;
}

/* One row of the result into its element. */
static enum outcome rows_take(const struct columns_table *t, sqlite3_stmt *stmt,
                              struct port_state *out, struct err *err)
{
    int at[COLUMNS_LEVELS] = {0, 0, 0};
    int result = 0;
    for (size_t i = 0; i < COLUMNS_LEVELS && i < t->levels; i++) {
        int64_t n = sqlite3_column_int64(stmt, result++);
        if (n < 0 || n >= t->count[i])
            return err_set(err, OUT_BROKEN, "column %s holds %" PRId64 ", outside 0 to %d",
                           t->index[i], n, t->count[i] - 1);
        at[i] = (int)n;
    }
    for (size_t i = 0; i < t->n; i++) {
        void *field = (char *)out + rows_offset(&t->columns[i], at);
        enum outcome res = cells_take(&t->columns[i], field, stmt, result++, err);
        if (res != OUT_OK)
            return res;
    }
    return OUT_OK;
}

static enum outcome rows_read(struct rows *r, size_t table, const char *certificate,
                              struct port_state *out, size_t *n, struct err *err)
{
    const struct columns_table *t = &columns_tables[table];
    sqlite3_stmt *stmt = r->select[table];
    bool row = true;
    *n = 0;
    if (sqlite3_bind_text(stmt, 1, certificate, -1, SQLITE_STATIC) != SQLITE_OK)
        return db_error(r->db, err, "bind");
    enum outcome res = db_next(r->db, stmt, &row, err);
    while (res == OUT_OK && row) {
        (*n)++;
        res = rows_take(t, stmt, out, err);
        if (res != OUT_OK) {
            err_prepend(err,
                        "%s: table %s, certificate \"%s\": the database was changed or damaged; "
                        "restore a backup",
                        r->db->path, t->name, certificate);
            (void)sqlite3_reset(stmt);
            return res;
        }
        res = db_next(r->db, stmt, &row, err);
    }
    return res;
}

enum outcome rows_load(struct rows *r, const char *certificate, struct port_state *out,
                       struct err *err)
{
    for (size_t table = 0; table < columns_n_tables; table++) {
        size_t n = 0;
        enum outcome res = rows_read(r, table, certificate, out, &n, err);
        if (res != OUT_OK)
            return res;
        if (table == 0 && n == 0)
            return err_set(err, OUT_NOT_YET, "nothing is stored about certificate \"%s\"",
                           certificate);
    }
    return OUT_OK;
}
