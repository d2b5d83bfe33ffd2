/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/copy.h"
#include "store/db.h"
#include "store/marker.h"
#include "store/rows.h"
#include "store/schema.h"

enum store_statement {
    STORE_BEGIN_READ,
    STORE_BEGIN_WRITE,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_DELETE,
    STORE_NEXT,
    STORE_SEQ,
    STORE_RESTORED,
    STORE_EVENT,
    STORE_PRUNE,
    STORE_NOTE_GET,
    STORE_NOTE_PUT,
    STORE_NOTE_DROP,
    STORE_STATEMENTS
};

#define TEXT_OF(n) TEXT_OF_(n)
#define TEXT_OF_(n) #n

static const char store_prune[] =
    "DELETE FROM history WHERE number <= (SELECT max(number) FROM history) - " TEXT_OF(
        STORE_HISTORY_MAX);

/* Nothing is changed when a new name would be one too many. */
static const char store_note_put[] =
    "INSERT INTO note (name, text) SELECT ?1, ?2 WHERE (SELECT count(*) FROM note) "
    "< " TEXT_OF(STORE_NOTES_MAX) " OR EXISTS (SELECT 1 FROM note WHERE name = ?1) "
                                  "ON CONFLICT (name) DO UPDATE SET text = excluded.text";

static const char *const store_sql[STORE_STATEMENTS] = {
    [STORE_BEGIN_READ] = "BEGIN",
    [STORE_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_DELETE] = "DELETE FROM certificate WHERE name = ?",
    [STORE_NEXT] = "UPDATE meta SET seq = seq + 1",
    [STORE_SEQ] = "SELECT seq, id FROM meta",
    [STORE_RESTORED] = "SELECT restored FROM certificate WHERE name = ?",
    [STORE_EVENT] = "INSERT INTO history (wall, certificate, what, text) VALUES (?, ?, ?, ?)",
    [STORE_PRUNE] = store_prune,
    [STORE_NOTE_GET] = "SELECT text FROM note WHERE name = ?",
    [STORE_NOTE_PUT] = store_note_put,
    [STORE_NOTE_DROP] = "DELETE FROM note WHERE name = ?",
};

struct store {
    pthread_mutex_t lock; /* held in every function of the two ports and store_history() */
    struct db db;
    bool readonly;
    struct rows *rows;
    sqlite3_stmt *sql[STORE_STATEMENTS];
    struct marker marker;
    char id[MARKER_ID_LEN + 1];
    int64_t seq;
    bool marker_behind; /* the last commit's seq did not get there */
};

static enum outcome store_read_meta(struct store *s, struct err *err)
{
    sqlite3_stmt *stmt = s->sql[STORE_SEQ];
    bool row = false;
    enum outcome out = db_next(&s->db, stmt, &row, err);
    if (out != OUT_OK)
        return out;
    const char *id = row ? (const char *)sqlite3_column_text(stmt, 1) : NULL;
    if (id == NULL || strlen(id) != MARKER_ID_LEN)
        out = err_set(err, OUT_BROKEN,
                      "%s: the table meta has no id: the database was changed or damaged; restore "
                      "a backup",
                      s->db.path);
    if (out == OUT_OK) {
        (void)text_format(s->id, sizeof s->id, "%s", id);
        s->seq = sqlite3_column_int64(stmt, 0);
    }
    (void)sqlite3_reset(stmt);
    return out;
}

static enum outcome store_prepare(struct store *s, struct err *err)
{
    enum outcome out = rows_open(&s->db, &s->rows, err);
    for (int i = 0; i < STORE_STATEMENTS && out == OUT_OK; i++)
        out = db_prepare(&s->db, store_sql[i], &s->sql[i], err);
    return out == OUT_OK ? store_read_meta(s, err) : out;
}

/* A damaged page should be found now and not in the middle of a rollover. */
static enum outcome store_inspect(struct store *s, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    enum outcome out = db_prepare(&s->db, "PRAGMA quick_check(1)", &stmt, err);
    if (out == OUT_OK)
        out = db_next(&s->db, stmt, &row, err);
    const char *said = out == OUT_OK && row ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (out == OUT_OK && (said == NULL || strcmp(said, "ok") != 0))
        out =
            err_set(err, OUT_BROKEN,
                    "%s: the database is damaged (%s); it was left as it is: stop danemilter, keep "
                    "a copy of the file and of those beside it, then restore a backup, or try "
                    "\"sqlite3 %s .recover\"",
                    s->db.path, said == NULL ? "no answer" : said, s->db.path);
    (void)sqlite3_finalize(stmt);
    return out;
}

static enum outcome store_mark(struct store *s, struct err *err)
{
    enum outcome out = marker_write(&s->marker, s->id, s->seq, err);
    s->marker_behind = out != OUT_OK;
    return out;
}

/* Row 42: every certificate remembers it in the database until it is saved again. */
static enum outcome store_meet_marker(struct store *s, const char *run_dir, bool *restored,
                                      struct err *err)
{
    enum outcome out = marker_open(run_dir, STORE_MARKER, s->id, s->seq, &s->marker, restored, err);
    if (out == OUT_OK && *restored)
        out = db_exec(&s->db, "UPDATE certificate SET restored = 1", err);
    return out == OUT_OK ? store_mark(s, err) : out;
}

static enum outcome store_new(struct store **out, struct err *err)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return err_set(err, OUT_BROKEN, "no memory for the store");
    (*out)->marker.fd = -1;
    int code = pthread_mutex_init(&(*out)->lock, NULL);
    if (code == 0)
        return OUT_OK;
    free(*out);
    *out = NULL;
    return err_set(err, OUT_BROKEN, "no lock for the store (error %d)", code);
}

enum outcome store_open(const char *state_dir, const char *run_dir, struct store **out,
                        bool *restored, struct err *err)
{
    struct store *s = NULL;
    *restored = false;
    enum outcome res = store_new(&s, err);
    if (res != OUT_OK)
        return res;
    res = copy_unmarked(state_dir, FILE_NO_OWNER, err);
    if (res == OUT_OK)
        res = db_open(state_dir, STORE_FILE, FILE_NO_OWNER, false, &s->db, err);
    if (res == OUT_OK)
        res = store_inspect(s, err);
    if (res == OUT_OK)
        res = schema_update(&s->db, schema_steps, schema_version, err);
    if (res == OUT_OK)
        res = store_prepare(s, err);
    if (res == OUT_OK)
        res = store_meet_marker(s, run_dir, restored, err);
    if (res != OUT_OK) {
        store_close(&s);
        return res == OUT_NOT_YET ? OUT_BROKEN : res;
    }
    err_clear(err); /* of files that were looked for */
    *out = s;
    return OUT_OK;
}

enum outcome store_open_readonly(const char *state_dir, uid_t owner, struct store **out,
                                 struct err *err)
{
    struct store *s = NULL;
    enum outcome res = store_new(&s, err);
    if (res != OUT_OK)
        return res;
    s->readonly = true;
    res = db_open(state_dir, STORE_FILE, owner, true, &s->db, err);
    if (res == OUT_OK)
        res = schema_check(&s->db, schema_version, err);
    if (res == OUT_OK)
        res = store_prepare(s, err);
    if (res == OUT_OK) {
        err_clear(err); /* of files that were looked for */
        *out = s;
    } else {
        store_close(&s);
    }
    return res;
}

void store_close(struct store **store)
{
    struct store *s = *store;
    if (s == NULL)
        return;
    rows_close(&s->rows);
    for (int i = 0; i < STORE_STATEMENTS; i++)
        (void)sqlite3_finalize(s->sql[i]); /* repeats the last step's error */
    db_close(&s->db);
    marker_close(&s->marker);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
    *store = NULL;
}

/* A plain mutex that is never destroyed while held, nor locked twice by one thread: neither call
 * can fail. */
static void store_lock(struct store *s)
{
    (void)pthread_mutex_lock(&s->lock);
}

static void store_unlock(struct store *s)
{
    (void)pthread_mutex_unlock(&s->lock);
}

static enum outcome store_run(struct store *s, enum store_statement which, struct err *err)
{
    return db_run(&s->db, s->sql[which], err);
}

/* After a failure: nothing has changed. SQLite may have rolled back by itself already. */
static void store_undo(struct store *s)
{
    if (sqlite3_get_autocommit(s->db.sql) == 0)
        (void)store_run(s, STORE_ROLLBACK, NULL); /* the first error is the one to tell */
}

static enum outcome store_run_name(struct store *s, enum store_statement which, const char *name,
                                   struct err *err)
{
    if (sqlite3_bind_text(s->sql[which], 1, name, -1, SQLITE_STATIC) != SQLITE_OK)
        return db_error(&s->db, err, "bind");
    return store_run(s, which, err);
}

static enum outcome store_was_restored(struct store *s, const char *certificate, bool *restored,
                                       struct err *err)
{
    sqlite3_stmt *stmt = s->sql[STORE_RESTORED];
    bool row = false;
    if (sqlite3_bind_text(stmt, 1, certificate, -1, SQLITE_STATIC) != SQLITE_OK)
        return db_error(&s->db, err, "bind");
    enum outcome out = db_next(&s->db, stmt, &row, err);
    *restored = row && sqlite3_column_int(stmt, 0) != 0;
    (void)sqlite3_reset(stmt);
    return out;
}

static enum outcome store_load(void *self, const char *certificate, struct port_state *out,
                               struct err *err)
{
    struct store *s = self;
    bool restored = false;
    struct port_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return err_set(err, OUT_BROKEN, "no memory to load certificate \"%s\"", certificate);
    store_lock(s);
    enum outcome res = store_run(s, STORE_BEGIN_READ, err);
    if (res == OUT_OK)
        res = rows_load(s->rows, certificate, state, err);
    if (res == OUT_OK)
        res = store_was_restored(s, certificate, &restored, err);
    if (res == OUT_OK)
        res = store_run(s, STORE_COMMIT, err);
    store_undo(s);
    store_unlock(s);
    if (res == OUT_OK && restored) {
        state->facts.frozen |= MODEL_F_RESTORED;
        memset(state->boot_id, 0, sizeof state->boot_id);
    }
    if (res == OUT_OK)
        *out = *state;
    else
        rows_free(state);
    free(state);
    return res;
}

static enum outcome store_add_events(struct store *s, const char *certificate, model_time wall,
                                     const struct port_event *events, size_t n, struct err *err)
{
    sqlite3_stmt *stmt = s->sql[STORE_EVENT];
    for (size_t i = 0; i < n; i++) {
        if (sqlite3_bind_int64(stmt, 1, wall) != SQLITE_OK ||
            sqlite3_bind_text(stmt, 2, certificate, -1, SQLITE_STATIC) != SQLITE_OK ||
            sqlite3_bind_text(stmt, 3, events[i].what, -1, SQLITE_STATIC) != SQLITE_OK ||
            sqlite3_bind_text(stmt, 4, events[i].text, -1, SQLITE_STATIC) != SQLITE_OK)
            return db_error(&s->db, err, "bind");
        enum outcome out = db_run(&s->db, stmt, err);
        if (out != OUT_OK)
            return out;
    }
    return n == 0 ? OUT_OK : store_run(s, STORE_PRUNE, err);
}

static enum outcome store_write(struct store *s, const char *certificate,
                                const struct port_state *state, const struct port_event *events,
                                size_t n, struct err *err)
{
    enum outcome out = store_run(s, STORE_BEGIN_WRITE, err);
    if (out == OUT_OK)
        out = store_run_name(s, STORE_DELETE, certificate, err);
    if (out == OUT_OK)
        out = rows_save(s->rows, certificate, state, err);
    if (out == OUT_OK)
        out = store_add_events(s, certificate, state->wall, events, n, err);
    if (out == OUT_OK)
        out = store_run(s, STORE_NEXT, err);
    if (out == OUT_OK)
        out = store_run(s, STORE_COMMIT, err);
    store_undo(s);
    return out;
}

static enum outcome store_commit(struct store *s, const char *certificate,
                                 const struct port_state *state, const struct port_event *events,
                                 size_t n_events, struct err *err)
{
    enum outcome out = OUT_OK;
    if (s->marker_behind) /* told now, when nothing has changed yet, and tried again */
        out = store_mark(s, err);
    if (out == OUT_OK)
        out = store_write(s, certificate, state, events, n_events, err);
    if (out != OUT_OK) {
        err_prepend(err, "certificate \"%s\" is not saved", certificate);
        return out;
    }
    s->seq++;
    (void)store_mark(s, NULL); /* a failure is told by the next save */
    return OUT_OK;
}

static enum outcome store_save(void *self, const char *certificate, const struct port_state *state,
                               const struct port_event *events, size_t n_events, struct err *err)
{
    struct store *s = self;
    if (s->readonly)
        return err_set(err, OUT_BROKEN, "%s is open for reading only", s->db.path);
    store_lock(s);
    enum outcome out = store_commit(s, certificate, state, events, n_events, err);
    store_unlock(s);
    return out;
}

const struct port_store_ops store_ops = {.load = store_load, .save = store_save};

/* ---- notes ----------------------------------------------------------------------------- */

static enum outcome store_note_name(const struct store *s, const char *name, struct err *err)
{
    if (name[0] == '\0' || strnlen(name, PORT_NOTE_NAME_MAX) == PORT_NOTE_NAME_MAX)
        return err_set(err, OUT_REFUSED, "%s: a note's name has 1 to %d octets", s->db.path,
                       PORT_NOTE_NAME_MAX - 1);
    return OUT_OK;
}

static enum outcome store_read_note(struct store *s, const char *name, char *out, size_t size,
                                    struct err *err)
{
    sqlite3_stmt *stmt = s->sql[STORE_NOTE_GET];
    bool row = false;
    if (sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC) != SQLITE_OK)
        return db_error(&s->db, err, "bind");
    enum outcome res = db_next(&s->db, stmt, &row, err);
    if (res != OUT_OK)
        return res;
    const char *text = row ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (!row)
        res = err_set(err, OUT_NOT_YET, "there is no note \"%s\"", name);
    else if (text == NULL)
        res = err_set(err, OUT_BROKEN, "%s: no memory for note \"%s\"", s->db.path, name);
    else if (!text_format(out, size, "%s", text))
        res = err_set(err, OUT_REFUSED, "note \"%s\" has %zu octets, more than %zu", name,
                      strlen(text), size - 1);
    (void)sqlite3_reset(stmt);
    return res;
}

static enum outcome store_write_note(struct store *s, const char *name, const char *text,
                                     struct err *err)
{
    enum store_statement which = text == NULL ? STORE_NOTE_DROP : STORE_NOTE_PUT;
    if (text != NULL && sqlite3_bind_text(s->sql[which], 2, text, -1, SQLITE_STATIC) != SQLITE_OK)
        return db_error(&s->db, err, "bind");
    enum outcome out = store_run_name(s, which, name, err);
    if (out == OUT_OK && text != NULL && sqlite3_changes(s->db.sql) == 0)
        return err_set(err, OUT_REFUSED, "%s holds %d notes already", s->db.path, STORE_NOTES_MAX);
    return out;
}

static enum outcome store_get_note(void *self, const char *name, char *out, size_t size,
                                   struct err *err)
{
    struct store *s = self;
    enum outcome res = store_note_name(s, name, err);
    if (res != OUT_OK)
        return res;
    store_lock(s);
    res = store_read_note(s, name, out, size, err);
    store_unlock(s);
    return res;
}

static enum outcome store_put_note(void *self, const char *name, const char *text, struct err *err)
{
    struct store *s = self;
    enum outcome out = store_note_name(s, name, err);
    if (out != OUT_OK)
        return out;
    if (s->readonly)
        return err_set(err, OUT_BROKEN, "%s is open for reading only", s->db.path);
    if (text != NULL && strnlen(text, PORT_NOTE_MAX) == PORT_NOTE_MAX)
        return err_set(err, OUT_REFUSED, "note \"%s\" has more than %d octets", name,
                       PORT_NOTE_MAX - 1);
    store_lock(s);
    out = store_write_note(s, name, text, err);
    store_unlock(s);
    if (out != OUT_OK)
        err_prepend(err, "note \"%s\" is not saved", name);
    return out;
}

const struct port_notes_ops store_notes_ops = {.get = store_get_note, .put = store_put_note};

/* ---- history --------------------------------------------------------------------------- */

static const char store_history_sql[] =
    "SELECT wall, certificate, what, text FROM (SELECT * FROM history WHERE ?1 IS NULL OR "
    "certificate = ?1 ORDER BY number DESC LIMIT ?2) ORDER BY number";

static const char *store_column(sqlite3_stmt *stmt, int i)
{
    const char *text = (const char *)sqlite3_column_text(stmt, i);
    return text == NULL ? "" : text;
}

enum outcome store_history(struct store *s, const char *certificate, size_t limit,
                           bool (*line)(void *self, const struct store_line *line), void *self,
                           struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    bool row = true;
    int64_t most = limit > STORE_HISTORY_MAX ? STORE_HISTORY_MAX : (int64_t)limit;
    store_lock(s);
    enum outcome out = db_prepare(&s->db, store_history_sql, &stmt, err);
    if (out == OUT_OK && ((certificate != NULL && sqlite3_bind_text(stmt, 1, certificate, -1,
                                                                    SQLITE_STATIC) != SQLITE_OK) ||
                          sqlite3_bind_int64(stmt, 2, most) != SQLITE_OK))
        out = db_error(&s->db, err, "bind");
    while (out == OUT_OK) {
        out = db_next(&s->db, stmt, &row, err);
        if (out != OUT_OK || !row)
            break;
        struct store_line one = {.wall = sqlite3_column_int64(stmt, 0),
                                 .certificate = store_column(stmt, 1),
                                 .what = store_column(stmt, 2),
                                 .text = store_column(stmt, 3)};
        if (!line(self, &one))
            break;
    }
    (void)sqlite3_finalize(stmt); /* repeats the last step's error */
    store_unlock(s);
    return out;
}
