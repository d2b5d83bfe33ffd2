/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/copy.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/schema.h"

#define COPY_TEXT_MAX 512
/* In the header: 2, with a write-ahead log; 1, without (SQLite's file format, 1.3.3). */
#define COPY_HEADER 100
#define COPY_VERSION_AT 18

static enum outcome serialize(const struct db *db, char **data, size_t *len, struct err *err)
{
    sqlite3_int64 size = 0;
    unsigned char *got = sqlite3_serialize(db->sql, "main", &size, 0);
    if (got == NULL || size < COPY_HEADER || (size_t)size > COPY_MAX) {
        sqlite3_free(got);
        return err_set(err, OUT_BROKEN, "%s: cannot be copied: no memory, or more than %zu MiB",
                       db->path, COPY_MAX / 1024 / 1024);
    }
    *data = malloc((size_t)size);
    enum outcome out = *data != NULL ? OUT_OK : err_errno(err, "%s", db->path);
    if (out == OUT_OK) {
        memcpy(*data, got, (size_t)size);
        memset(*data + COPY_VERSION_AT, 1, 2);
        *len = (size_t)size;
    }
    sqlite3_free(got);
    return out;
}

enum outcome copy_take(const char *state_dir, const char *name, uid_t owner, char **data,
                       size_t *len, struct err *err)
{
    struct db db = {.sql = NULL};
    *data = NULL;
    enum outcome out = db_open(state_dir, name, owner, true, &db, err);
    if (out != OUT_OK)
        return out;
    out = serialize(&db, data, len, err);
    db_close(&db);
    return out;
}

static enum outcome whole(const struct db *db, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    enum outcome out = db_prepare(db, "PRAGMA integrity_check(1)", &stmt, err);
    if (out == OUT_OK)
        out = db_next(db, stmt, &row, err);
    const char *said = out == OUT_OK && row ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (out == OUT_OK && (said == NULL || strcmp(said, "ok") != 0))
        out = err_set(err, OUT_REFUSED, "%s is damaged (%s)", db->path,
                      said == NULL ? "no answer" : said);
    (void)sqlite3_finalize(stmt);
    return out;
}

/* The memory stays the caller's; it may not grow, which setting a number does not ask for. */
static enum outcome open_octets(char *data, size_t len, struct db *db, struct err *err)
{
    (void)memcpy(db->path, "the copy of the state", sizeof "the copy of the state");
    if (len < COPY_HEADER || len > COPY_MAX)
        return err_set(err, OUT_REFUSED, "%s is too short or too long", db->path);
    if (sqlite3_open_v2(":memory:", &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return err_set(err, OUT_BROKEN, "no memory for %s", db->path);
    if (sqlite3_deserialize(db->sql, "main", (unsigned char *)data, (sqlite3_int64)len,
                            (sqlite3_int64)len, 0) != SQLITE_OK)
        return db_error(db, err, "open");
    return db_exec(db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON", err);
}

enum outcome copy_judge(const char *data, size_t len, bool facts, char **out, size_t *out_len,
                        struct err *err)
{
    struct db db = {.sql = NULL};
    char *mine = malloc(len > 0 ? len : 1);
    *out = NULL;
    if (mine == NULL)
        return err_errno(err, "the copy of the state");
    memcpy(mine, data, len);
    enum outcome res = open_octets(mine, len, &db, err);
    if (res == OUT_OK)
        res = whole(&db, err);
    if (res == OUT_OK && facts)
        res = schema_check(&db, schema_version, err);
    if (res == OUT_OK && facts)
        res = db_exec(&db, "UPDATE certificate SET restored = 1", err);
    if (res == OUT_OK)
        res = serialize(&db, out, out_len, err);
    db_close(&db);
    free(mine);
    return res;
}

enum outcome copy_unmarked(const char *state_dir, uid_t owner, struct err *err)
{
    const struct file_rule rule = {FILE_PRIVATE, owner};
    struct file_folder folder;
    char *text = NULL;
    size_t len = 0;
    enum outcome out = file_folder_open(state_dir, rule, &folder, err);
    if (out != OUT_OK)
        return out;
    out = file_read_at(&folder, COPY_MARK, rule, COPY_TEXT_MAX, &text, &len, err);
    if (out == OUT_OK)
        out = err_set(err, OUT_REFUSED, "%s: %.*s", state_dir, (int)strcspn(text, "\n"), text);
    else if (out == OUT_NOT_YET)
        out = OUT_OK;
    free(text);
    file_folder_close(&folder);
    if (out == OUT_OK)
        err_clear(err);
    return out;
}
