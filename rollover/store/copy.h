/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * copy - a database as octets, and back: for `danectl export` and `import`
 *
 * What is given out is one database file without a write-ahead log. Nobody may write to the
 * database meanwhile: the caller holds the state's lock (lock.h).
 *
 * copy_judge() looks at octets from elsewhere before they become a file: SQLite's own integrity
 * check, ours or not, not newer than we are. In the facts it marks every certificate as restored
 * from a backup (store.h, safety.md row 42): waits begin again, and no key is switched or
 * withdrawn before the operator has looked.
 *
 * The mark STATE_DIR/moved says that this state is not to be worked on: it was exported, or an
 * import has not come to its end. Its text says which; store_open() refuses while it is there.
 *
 * Outcomes: OUT_NOT_YET - there is no such database, or no mark. OUT_REFUSED - not ours, newer,
 * damaged; owner or mode. OUT_BROKEN - disk, memory. Ownership: *data is malloc()ed. Threads: none
 * of its own.
 */
#ifndef DANEMILTER_STORE_COPY_H
#define DANEMILTER_STORE_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define COPY_MAX ((size_t)256 * 1024 * 1024)
#define COPY_MARK "moved"

/* `name`: STORE_FILE or LEDGERDB_FILE. */
enum outcome copy_take(const char *state_dir, const char *name, uid_t owner, char **data,
                       size_t *len, struct err *err);
/* `facts`: it is STORE_FILE's. *out: what to write. */
enum outcome copy_judge(const char *data, size_t len, bool facts, char **out, size_t *out_len,
                        struct err *err);

/* OUT_REFUSED with the mark's text, when there is one; OUT_OK: there is none. */
enum outcome copy_unmarked(const char *state_dir, uid_t owner, struct err *err);

#endif
