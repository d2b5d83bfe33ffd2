/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ledgerdb - what the session ledger remembers, in a database of its own
 *
 * STATE_DIR/sessions.db (mode 0600), beside the facts and apart from them: counts may be lost,
 * facts may not. One row for each client network and HELO domain. Its schema has its own version,
 * in PRAGMA user_version; a file that is not ours, newer or damaged is left as it is.
 *
 * put is one transaction, all or nothing. Durable up to the last checkpoint only
 * (synchronous=NORMAL): a crash of the process loses nothing that was put, one of the machine may
 * lose the last batches.
 *
 * Outcomes: OUT_NOT_YET (read only) - there is none yet. OUT_RETRY - held by another process for
 * more than 5 s. OUT_REFUSED - newer, not ours, or owner or mode is wrong. OUT_BROKEN - disk full,
 * read-only, I/O error, damage. Nothing here ever touches the facts' database.
 *
 * Ownership: ledgerdb_close. Threads: one at a time. One writer (lock.h), any number of readers.
 */
#ifndef DANEMILTER_STORE_LEDGERDB_H
#define DANEMILTER_STORE_LEDGERDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "core/model.h"

#define LEDGERDB_FILE "sessions.db"
#define LEDGERDB_KINDS 6 /* protocols, as enum session_tls */
#define LEDGERDB_TEXT 64 /* octets of a text, its NUL included; longer ones are cut */

struct ledgerdb;

/* As struct ledger_entry (milter/ledger.h), which this folder does not know. */
struct ledgerdb_row {
    uint8_t net[16];
    uint8_t bits;
    char domain[LEDGERDB_TEXT];
    model_time since, last, last_plain; /* wall, ms */
    uint64_t sessions, gone;
    uint64_t tls[LEDGERDB_KINDS], mail[LEDGERDB_KINDS];
    char cipher[LEDGERDB_TEXT];
};

enum outcome ledgerdb_open(const char *state_dir, struct ledgerdb **out, struct err *err);
enum outcome ledgerdb_open_readonly(const char *state_dir, uid_t owner, struct ledgerdb **out,
                                    struct err *err);
void ledgerdb_close(struct ledgerdb **db);

/* Puts the rows in or over what was known of these clients, and forgets whom nobody saw since
 * `oldest` (wall, ms; 0: nobody is forgotten). */
enum outcome ledgerdb_put(struct ledgerdb *db, const struct ledgerdb_row *rows, size_t n,
                          model_time oldest, struct err *err);
/* The client was suspected at `wall`. */
enum outcome ledgerdb_suspect(struct ledgerdb *db, const struct ledgerdb_row *row, model_time wall,
                              struct err *err);

/* The `max` clients seen last, latest first, of those seen since `oldest`. `suspected`: when last;
 * 0: never. False from the callback ends it. */
enum outcome ledgerdb_read(struct ledgerdb *db, model_time oldest, size_t max,
                           bool (*row)(void *self, const struct ledgerdb_row *row,
                                       model_time suspected),
                           void *self, struct err *err);

#endif
