/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* Owner, mode, type and links of one of the database's files. Closed again before SQLite opens
 * it: a later close would drop its locks. */
static enum outcome db_judge(const struct file_folder *folder, const char *name, uid_t owner,
                             struct err *err)
{
    int fd = -1;
    struct file_rule rule = {FILE_PRIVATE, owner};
    enum outcome out = file_open_at(folder, name, rule, &fd, err);
    if (out == OUT_OK)
        (void)close(fd); /* only looked at */
    return out;
}

/* SQLite gives its other files the mode of this one. */
static enum outcome db_make(const struct file_folder *folder, const char *name, struct err *err)
{
    int fd = openat(folder->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, "cannot make %s/%s", folder->path, name);
    enum outcome out = fchmod(fd, 0600) == 0 && fsync(fd) == 0
                           ? OUT_OK
                           : err_errno(err, "cannot make %s/%s", folder->path, name);
    if (close(fd) != 0 && out == OUT_OK)
        out = err_errno(err, "cannot make %s/%s", folder->path, name);
    return out == OUT_OK ? file_folder_sync(folder, err) : out;
}

static enum outcome db_look(const struct file_folder *folder, const char *name, uid_t owner,
                            bool readonly, struct err *err)
{
    static const char *const others[] = {"-wal", "-shm", "-journal"};
    enum outcome out = db_judge(folder, name, owner, err);
    if (out == OUT_NOT_YET && !readonly)
        out = db_make(folder, name, err);
    for (size_t i = 0; i < sizeof others / sizeof others[0] && out == OUT_OK; i++) {
        char other[64];
        (void)text_format(other, sizeof other, "%s%s", name, others[i]);
        out = db_judge(folder, other, owner, err);
        if (out == OUT_NOT_YET)
            out = OUT_OK;
    }
    return out;
}

static enum outcome db_settle(const struct db *db, bool readonly, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    if (sqlite3_busy_timeout(db->sql, DB_BUSY_MS) != SQLITE_OK ||
        sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL) != SQLITE_OK)
        return db_error(db, err, "settings");
    enum outcome out = db_exec(db,
                               "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                               "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;",
                               err);
    if (out != OUT_OK || readonly)
        return out;
    out = db_prepare(db, "PRAGMA journal_mode = WAL", &stmt, err);
    if (out == OUT_OK)
        out = db_next(db, stmt, &row, err);
    if (out == OUT_OK && (!row || strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") != 0))
        out =
            err_set(err, OUT_BROKEN,
                    "%s: this file system takes no write-ahead log: put state_dir on a local disk",
                    db->path);
    (void)sqlite3_finalize(stmt);
    return out;
}

enum outcome db_open(const char *folder, const char *name, uid_t owner, bool readonly,
                     struct db *out, struct err *err)
{
    struct file_folder f;
    int flags = SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    out->sql = NULL;
    enum outcome res = file_folder_open(folder, (struct file_rule){FILE_PRIVATE, owner}, &f, err);
    if (res != OUT_OK)
        return res;
    res = db_look(&f, name, owner, readonly, err);
    (void)text_format(out->path, sizeof out->path, "%s/%s", f.path, name);
    file_folder_close(&f);
    if (res != OUT_OK)
        return res;
    if (sqlite3_open_v2(out->path, &out->sql, flags, NULL) != SQLITE_OK)
        res = out->sql == NULL ? err_set(err, OUT_BROKEN, "no memory to open %s", out->path)
                               : db_error(out, err, "open");
    if (res == OUT_OK)
        res = db_settle(out, readonly, err);
    if (res != OUT_OK)
        db_close(out);
    return res;
}

void db_close(struct db *db)
{
    (void)sqlite3_close_v2(db->sql); /* NULL is fine; fails only for NULL-checked misuse */
    db->sql = NULL;
}

static const char *db_why_io(const struct db *db, char *buf, size_t size)
{
    int code = sqlite3_system_errno(db->sql);
    if (code == 0 || strerror_r(code, buf, size) != 0)
        (void)text_format(buf, size, "I/O error");
    return buf;
}

enum outcome db_error(const struct db *db, struct err *err, const char *doing)
{
    char why[128];
    int code = sqlite3_errcode(db->sql);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, OUT_RETRY,
                       "%s: %s: another process has held it for more than %d s: look for a sqlite3 "
                       "or backup that keeps a transaction open",
                       db->path, doing, DB_BUSY_MS / 1000);
    case SQLITE_FULL:
        return err_set(err, OUT_BROKEN,
                       "%s: the disk is full; nothing was changed: free some space there",
                       db->path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return err_set(err, OUT_BROKEN,
                       "%s: %s: it cannot be written; nothing was changed: look whether the file "
                       "system is mounted read-only, and who owns the files",
                       db->path, doing);
    case SQLITE_IOERR:
        return err_set(err, OUT_BROKEN,
                       "%s: %s: %s (SQLite %d); nothing was changed: look at the disk, its space "
                       "and the kernel log",
                       db->path, doing, db_why_io(db, why, sizeof why), code);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(
            err, OUT_BROKEN,
            "%s: %s: the database is damaged (%s); it was left as it is: stop danemilter, "
            "keep a copy of the file and of those beside it, then restore a backup, or try "
            "\"sqlite3 %s .recover\"",
            db->path, doing, sqlite3_errmsg(db->sql), db->path);
    case SQLITE_CANTOPEN:
        return err_set(err, OUT_BROKEN, "%s: %s: %s (%s): look at owner, mode and disk", db->path,
                       doing, sqlite3_errmsg(db->sql), db_why_io(db, why, sizeof why));
    case SQLITE_NOMEM:
        return err_set(err, OUT_BROKEN, "%s: %s: no memory", db->path, doing);
    default:
        return err_set(err, OUT_BROKEN, "%s: %s: %s (SQLite %d)", db->path, doing,
                       sqlite3_errmsg(db->sql), code);
    }
}

enum outcome db_exec(const struct db *db, const char *sql, struct err *err)
{
    if (sqlite3_exec(db->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_error(db, err, "write");
    return OUT_OK;
}

enum outcome db_prepare(const struct db *db, const char *sql, sqlite3_stmt **out, struct err *err)
{
    if (sqlite3_prepare_v2(db->sql, sql, -1, out, NULL) != SQLITE_OK)
        return db_error(db, err, "read");
    return OUT_OK;
}

enum outcome db_next(const struct db *db, sqlite3_stmt *stmt, bool *row, struct err *err)
{
    int code = sqlite3_step(stmt);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW)
        return OUT_OK;
    bool reading =
        sqlite3_stmt_readonly(stmt) != 0 && sqlite3_txn_state(db->sql, NULL) != SQLITE_TXN_WRITE;
    enum outcome out = code == SQLITE_DONE ? OUT_OK : db_error(db, err, reading ? "read" : "write");
    (void)sqlite3_reset(stmt); /* repeats the error of the step */
    return out;
}

enum outcome db_run(const struct db *db, sqlite3_stmt *stmt, struct err *err)
{
    bool row = false;
    enum outcome out = db_next(db, stmt, &row, err);
    if (row)
        (void)sqlite3_reset(stmt);
    return out;
}

enum outcome db_number(const struct db *db, const char *sql, int64_t *out, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    enum outcome res = db_prepare(db, sql, &stmt, err);
    if (res == OUT_OK)
        res = db_next(db, stmt, &row, err);
    if (res == OUT_OK && !row)
        res = err_set(err, OUT_BROKEN, "%s: no answer to \"%s\"", db->path, sql);
    if (res == OUT_OK)
        *out = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return res;
}
