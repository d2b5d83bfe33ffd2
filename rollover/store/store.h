/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store - port_store_ops and port_notes_ops: facts, bundles, history and notes in one SQLite
 * database
 *
 * The file is state.db in the state folder (mode 0600 in a folder of mode 0700): write-ahead log,
 * synchronous=FULL, foreign keys. It has real tables, one for each table of core/model.h, with the
 * columns named as there (schema.c), so that
 *     sqlite3 -readonly -header state.db 'select * from v_chain'
 * helps at 3 a.m. Private keys are not in it.
 *
 * save is one transaction, durable on OUT_OK: state, events and the growing number of the state
 * ("seq") together. If anything fails, nothing has changed. The file is never deleted, emptied or
 * repaired by us: when it is damaged the text says what to do.
 *
 * Notes are a table of their own (`note`), each put one transaction, durable on OUT_OK. They do not
 * count in seq: what an adapter remembers is no fact about what is served.
 *
 * Restored backups (safety.md row 42). After each save, seq and the database's id also go to the
 * file RUN_DIR/seq. If that file is ahead of the database when it is opened, or names another one,
 * the state was put back or replaced: *restored is true, and until it is saved again each
 * certificate is loaded with MODEL_F_RESTORED and an empty boot_id (so that its waits start
 * again), also after a crash in between. Limits: RUN_DIR is empty after a boot, so a restore
 * followed by a boot, or a copy onto another machine, is not noticed here; the engine looks at the
 * DNS in any case. A crash between a commit and the file's update leaves the file one behind:
 * a restore of exactly that last save is not noticed, and costs nothing.
 *
 * While the state is marked as moved (copy.h), store_open answers OUT_REFUSED with the mark's text.
 *
 * Outcomes: OUT_NOT_YET (load) - nothing is stored under this name. OUT_RETRY - another process
 * holds the database for longer than 5 s. OUT_REFUSED - made by a newer danemilter, not a database
 * of ours, or a link, owner or mode is wrong. OUT_BROKEN - disk full, read-only, I/O error, damage.
 *
 * Ownership: store_close. What load gives out in recs[] and bundles[] is malloc()ed and belongs to
 * the caller; what stood in `out` before is overwritten, not freed. Threads: load, save,
 * store_history and the notes may be called from any thread at any time (a mutex in the struct; a
 * callback of store_history must not call back into the store); opening and closing by one.
 * Processes: one writer (lock.h), any number of readers beside it. fork: do not use
 * a store in a child. Nobody may open and close the database's files by other means in this
 * process: that would drop SQLite's POSIX locks.
 */
#ifndef DANEMILTER_STORE_STORE_H
#define DANEMILTER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "ports.h"

#define STORE_FILE "state.db"
#define STORE_MARKER "seq"
#define STORE_HISTORY_MAX 200000 /* lines kept; older ones go with a save */
#define STORE_NOTES_MAX 65536    /* notes; one more is OUT_REFUSED */

struct store;

/* For the daemon. Makes the database when there is none, and brings an older one up to date (in one
 * transaction). `run_dir` must be there. */
enum outcome store_open(const char *state_dir, const char *run_dir, struct store **out,
                        bool *restored, struct err *err);

/* For danectl, beside a running daemon or without one: load, store_history and reading notes only.
 * `owner`: the daemon's user, as for files (base/file.h). OUT_NOT_YET: there is no database yet. */
enum outcome store_open_readonly(const char *state_dir, uid_t owner, struct store **out,
                                 struct err *err);
void store_close(struct store **store);

/* self: struct store * */
extern const struct port_store_ops store_ops;
/* self: struct store *. OUT_REFUSED: a name or text that is too long, `out` too small for it, or
 * STORE_NOTES_MAX. */
extern const struct port_notes_ops store_notes_ops;

/* One line of history; the texts live until the callback returns. */
struct store_line {
    model_time wall;
    const char *certificate;
    const char *what;
    const char *text;
};

/* The newest `limit` lines, oldest first, of one certificate or (NULL) of all. `line` returns false
 * to end it. */
enum outcome store_history(struct store *store, const char *certificate, size_t limit,
                           bool (*line)(void *self, const struct store_line *line), void *self,
                           struct err *err);

#endif
