/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * db - SQLite with outcomes: opening with suspicion, statements, errors that say what to do
 *
 * Private to rollover/store; the only header that names SQLite's types. Threads: one at a time.
 */
#ifndef DANEMILTER_STORE_DB_H
#define DANEMILTER_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sqlite3.h>

#include "base/err.h"
#include "base/file.h"

#define DB_BUSY_MS 5000

struct db {
    sqlite3 *sql;
    char path[FILE_PATH_MAX + 64];
};

/* Opens (and makes, unless `readonly`) the file NAME in the folder. Its files are judged before
 * SQLite sees them. */
enum outcome db_open(const char *folder, const char *name, uid_t owner, bool readonly,
                     struct db *out, struct err *err);
void db_close(struct db *db);

/* The outcome of SQLite's last error and its text: "PATH: doing: what; how to mend it". */
enum outcome db_error(const struct db *db, struct err *err, const char *doing);

enum outcome db_exec(const struct db *db, const char *sql, struct err *err);
enum outcome db_prepare(const struct db *db, const char *sql, sqlite3_stmt **out, struct err *err);

/* One step of a statement that gives no rows; resets it, also after errors. */
enum outcome db_run(const struct db *db, sqlite3_stmt *stmt, struct err *err);
/* *row: true when there is a row to read. Resets at the end and after errors. */
enum outcome db_next(const struct db *db, sqlite3_stmt *stmt, bool *row, struct err *err);

/* A query for one number; missing is OUT_BROKEN. */
enum outcome db_number(const struct db *db, const char *sql, int64_t *out, struct err *err);

#endif
