/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cells - one field of struct port_state, between its memory and an SQL value
 *
 * Private to rollover/store. `at` is the field's address.
 */
#ifndef DANEMILTER_STORE_CELLS_H
#define DANEMILTER_STORE_CELLS_H

#include <stdbool.h>

#include "store/columns.h"
#include "store/db.h"

/* Is there nothing in it? Elements of which all fields are empty have no row. */
bool cells_empty(const struct column *column, const void *at);

/* A number within the column's range? True for everything else. What does not fit could not be read
 * again. */
bool cells_fits(const struct column *column, const void *at);

/* Binds it as parameter `index`; false: SQLite's error is set. The memory must stay until the
 * statement is reset. */
bool cells_bind(const struct column *column, const void *at, sqlite3_stmt *stmt, int index);

/* Takes the result's column `index`; on failure the text says what is wrong with the value. */
enum outcome cells_take(const struct column *column, void *at, sqlite3_stmt *stmt, int index,
                        struct err *err);

#endif
