/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/ledgerdb.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/db.h"

#define LEDGERDB_APPLICATION_ID 0x444d736c /* "DMsl" */
#define LEDGERDB_VERSION 1
#define LEDGERDB_COLUMNS                                                                           \
    "net, bits, domain, since, last, last_plain, sessions, gone, plain, tls10, tls11, tls12, "     \
    "tls13, tls_other, mail_plain, mail10, mail11, mail12, mail13, mail_other, cipher"

struct ledgerdb {
    struct db db;
    sqlite3_stmt *put;
};

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE client (\n"
    "  net BLOB NOT NULL, bits INTEGER NOT NULL, -- IPv6 or IPv4-mapped\n"
    "  domain TEXT NOT NULL, -- of the HELO\n"
    "  since INTEGER NOT NULL, last INTEGER NOT NULL, last_plain INTEGER NOT NULL, -- wall, ms\n"
    "  sessions INTEGER NOT NULL, gone INTEGER NOT NULL, -- gone: after HELO, no TLS, no MAIL\n"
    "  plain INTEGER NOT NULL, tls10 INTEGER NOT NULL, tls11 INTEGER NOT NULL,\n"
    "  tls12 INTEGER NOT NULL, tls13 INTEGER NOT NULL, tls_other INTEGER NOT NULL,\n"
    "  mail_plain INTEGER NOT NULL, mail10 INTEGER NOT NULL, mail11 INTEGER NOT NULL,\n"
    "  mail12 INTEGER NOT NULL, mail13 INTEGER NOT NULL, mail_other INTEGER NOT NULL,\n"
    "  cipher TEXT NOT NULL, -- of the last session by TLS\n"
    "  suspected INTEGER NOT NULL DEFAULT 0, -- wall, ms\n"
    "  PRIMARY KEY (net, bits, domain)\n"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX client_last ON client (last);"
    "PRAGMA application_id = 1145926508; PRAGMA user_version = 1;"
    "COMMIT;";

/* *fresh: nothing is in it yet. */
static enum outcome judge(const struct db *db, bool *fresh, struct err *err)
{
    int64_t id = 0, version = 0, objects = 0;
    enum outcome out = db_number(db, "PRAGMA application_id", &id, err);
    if (out == OUT_OK)
        out = db_number(db, "PRAGMA user_version", &version, err);
    if (out == OUT_OK)
        out = db_number(db, "SELECT count(*) FROM sqlite_schema", &objects, err);
    if (out != OUT_OK)
        return out;
    *fresh = id == 0 && version == 0 && objects == 0;
    if (*fresh || (id == LEDGERDB_APPLICATION_ID && version == LEDGERDB_VERSION))
        return OUT_OK;
    if (id != LEDGERDB_APPLICATION_ID)
        return err_set(err, OUT_REFUSED, "%s: not the sessions of a danemilter: move it away",
                       db->path);
    return err_set(err, OUT_REFUSED,
                   "%s: made by another version of danemilter (schema %" PRId64
                   ", known is %d): use that version, or move the file away",
                   db->path, version, LEDGERDB_VERSION);
}

static enum outcome prepare(struct ledgerdb *l, struct err *err)
{
    static const char sql[] =
        "INSERT INTO client (" LEDGERDB_COLUMNS ") VALUES "
        "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21) "
        "ON CONFLICT DO UPDATE SET since=?4, last=?5, last_plain=?6, sessions=?7, gone=?8, "
        "plain=?9, tls10=?10, tls11=?11, tls12=?12, tls13=?13, tls_other=?14, mail_plain=?15, "
        "mail10=?16, mail11=?17, mail12=?18, mail13=?19, mail_other=?20, cipher=?21";
    bool fresh = false;
    enum outcome out = judge(&l->db, &fresh, err);
    if (out == OUT_OK && fresh)
        out = db_exec(&l->db, schema, err);
    if (out == OUT_OK)
        out = db_exec(&l->db, "PRAGMA synchronous = NORMAL", err);
    return out == OUT_OK ? db_prepare(&l->db, sql, &l->put, err) : out;
}

enum outcome ledgerdb_open(const char *state_dir, struct ledgerdb **out, struct err *err)
{
    struct ledgerdb *l = calloc(1, sizeof *l);
    if (l == NULL)
        return err_errno(err, "the sessions' database");
    enum outcome res = db_open(state_dir, LEDGERDB_FILE, FILE_NO_OWNER, false, &l->db, err);
    if (res == OUT_OK)
        res = prepare(l, err);
    if (res != OUT_OK) {
        ledgerdb_close(&l);
        return res == OUT_NOT_YET ? OUT_BROKEN : res;
    }
    err_clear(err); /* of files that were looked for */
    *out = l;
    return OUT_OK;
}

enum outcome ledgerdb_open_readonly(const char *state_dir, uid_t owner, struct ledgerdb **out,
                                    struct err *err)
{
    bool fresh = false;
    struct ledgerdb *l = calloc(1, sizeof *l);
    if (l == NULL)
        return err_errno(err, "the sessions' database");
    enum outcome res = db_open(state_dir, LEDGERDB_FILE, owner, true, &l->db, err);
    if (res == OUT_OK)
        res = judge(&l->db, &fresh, err);
    if (res == OUT_OK && fresh)
        res = err_set(err, OUT_NOT_YET, "%s: nothing is in it yet", l->db.path);
    if (res != OUT_OK) {
        ledgerdb_close(&l);
        return res;
    }
    err_clear(err);
    *out = l;
    return OUT_OK;
}

void ledgerdb_close(struct ledgerdb **db)
{
    struct ledgerdb *l = *db;
    *db = NULL;
    if (l == NULL)
        return;
    (void)sqlite3_finalize(l->put);
    db_close(&l->db);
    free(l);
}

/* ---- writing ------------------------------------------------------------------------------- */

static bool bind_client(sqlite3_stmt *s, const struct ledgerdb_row *r)
{
    return sqlite3_bind_blob(s, 1, r->net, (int)sizeof r->net, SQLITE_STATIC) == SQLITE_OK &&
           sqlite3_bind_int(s, 2, r->bits) == SQLITE_OK &&
           sqlite3_bind_text(s, 3, r->domain, -1, SQLITE_STATIC) == SQLITE_OK;
}

static bool bind_row(sqlite3_stmt *s, const struct ledgerdb_row *r)
{
    const int64_t first[] = {r->since, r->last, r->last_plain, (int64_t)r->sessions,
                             (int64_t)r->gone};
    bool good = bind_client(s, r);
    int at = 4;
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        good = good && sqlite3_bind_int64(s, at++, first[i]) == SQLITE_OK;
    for (int i = 0; i < LEDGERDB_KINDS; i++)
        good = good && sqlite3_bind_int64(s, at++, (int64_t)r->tls[i]) == SQLITE_OK;
    for (int i = 0; i < LEDGERDB_KINDS; i++)
        good = good && sqlite3_bind_int64(s, at++, (int64_t)r->mail[i]) == SQLITE_OK;
    return good && sqlite3_bind_text(s, at, r->cipher, -1, SQLITE_STATIC) == SQLITE_OK;
}

static enum outcome forget(struct ledgerdb *l, model_time oldest, struct err *err)
{
    char sql[96];
    (void)text_format(sql, sizeof sql, "DELETE FROM client WHERE last < %" PRId64, oldest);
    return db_exec(&l->db, sql, err);
}

/* What failed is undone; that this may fail too changes nothing: SQLite undoes it at the next
 * opening. */
static enum outcome end(struct ledgerdb *l, enum outcome out, struct err *err)
{
    struct err ignored = ERR_INIT;
    if (out == OUT_OK)
        out = db_exec(&l->db, "COMMIT", err);
    if (out != OUT_OK && sqlite3_get_autocommit(l->db.sql) == 0)
        (void)db_exec(&l->db, "ROLLBACK", &ignored);
    return out;
}

enum outcome ledgerdb_put(struct ledgerdb *db, const struct ledgerdb_row *rows, size_t n,
                          model_time oldest, struct err *err)
{
    if (db->put == NULL)
        return err_set(err, OUT_BROKEN, "%s is open for reading only", db->db.path);
    enum outcome out = db_exec(&db->db, "BEGIN IMMEDIATE", err);
    if (out != OUT_OK)
        return out;
    for (size_t i = 0; i < n && out == OUT_OK; i++)
        out = bind_row(db->put, &rows[i]) ? db_run(&db->db, db->put, err)
                                          : db_error(&db->db, err, "write");
    (void)sqlite3_clear_bindings(db->put); /* `rows` is the caller's */
    if (out == OUT_OK)
        out = forget(db, oldest, err);
    return end(db, out, err);
}

enum outcome ledgerdb_suspect(struct ledgerdb *db, const struct ledgerdb_row *row, model_time wall,
                              struct err *err)
{
    sqlite3_stmt *s = NULL;
    enum outcome out = ledgerdb_put(db, row, 1, 0, err);
    if (out == OUT_OK)
        out = db_prepare(&db->db,
                         "UPDATE client SET suspected = ?4 WHERE net = ?1 AND bits = ?2 AND "
                         "domain = ?3",
                         &s, err);
    if (out != OUT_OK)
        return out;
    bool bound = bind_client(s, row) && sqlite3_bind_int64(s, 4, wall) == SQLITE_OK;
    out = bound ? db_run(&db->db, s, err) : db_error(&db->db, err, "write");
    (void)sqlite3_finalize(s);
    return out;
}

/* ---- reading ------------------------------------------------------------------------------- */

static uint64_t number(sqlite3_stmt *s, int at)
{
    int64_t n = sqlite3_column_int64(s, at);
    return n > 0 ? (uint64_t)n : 0;
}

static void text(sqlite3_stmt *s, int at, char out[LEDGERDB_TEXT])
{
    const unsigned char *from = sqlite3_column_text(s, at);
    (void)text_format(out, LEDGERDB_TEXT, "%s", from != NULL ? (const char *)from : "");
}

/* False: no row of ours. */
static bool take(sqlite3_stmt *s, struct ledgerdb_row *r)
{
    memset(r, 0, sizeof *r);
    const void *net = sqlite3_column_blob(s, 0);
    int bits = sqlite3_column_int(s, 1);
    if (net == NULL || sqlite3_column_bytes(s, 0) != (int)sizeof r->net || bits < 0 || bits > 128)
        return false;
    memcpy(r->net, net, sizeof r->net);
    r->bits = (uint8_t)bits;
    text(s, 2, r->domain);
    r->since = sqlite3_column_int64(s, 3);
    r->last = sqlite3_column_int64(s, 4);
    r->last_plain = sqlite3_column_int64(s, 5);
    r->sessions = number(s, 6);
    r->gone = number(s, 7);
    for (int i = 0; i < LEDGERDB_KINDS; i++) {
        r->tls[i] = number(s, 8 + i);
        r->mail[i] = number(s, 8 + LEDGERDB_KINDS + i);
    }
    text(s, 8 + 2 * LEDGERDB_KINDS, r->cipher);
    return true;
}

enum outcome ledgerdb_read(struct ledgerdb *db, model_time oldest, size_t max,
                           bool (*row)(void *self, const struct ledgerdb_row *row,
                                       model_time suspected),
                           void *self, struct err *err)
{
    sqlite3_stmt *s = NULL;
    struct ledgerdb_row r;
    bool more = true;
    enum outcome out = db_prepare(&db->db,
                                  "SELECT " LEDGERDB_COLUMNS ", suspected FROM client "
                                  "WHERE last >= ?1 ORDER BY last DESC LIMIT ?2",
                                  &s, err);
    if (out == OUT_OK && (sqlite3_bind_int64(s, 1, oldest) != SQLITE_OK ||
                          sqlite3_bind_int64(s, 2, (int64_t)max) != SQLITE_OK))
        out = db_error(&db->db, err, "read");
    while (out == OUT_OK && more) {
        out = db_next(&db->db, s, &more, err);
        if (out == OUT_OK && more && take(s, &r))
            more = row(self, &r, sqlite3_column_int64(s, 9 + 2 * LEDGERDB_KINDS));
    }
    (void)sqlite3_finalize(s);
    return out;
}
