/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rows - one certificate's state, between its structs and its rows, by the tables of columns.h
 *
 * Private to rollover/store. The caller holds the transaction.
 */
#ifndef DANEMILTER_STORE_ROWS_H
#define DANEMILTER_STORE_ROWS_H

#include "ports.h"
#include "store/columns.h"
#include "store/db.h"

/* Statements for every table; prepared once. */
struct rows;

enum outcome rows_open(const struct db *db, struct rows **out, struct err *err);
void rows_close(struct rows **rows);

/* Fills `out`, which is all zero before. OUT_NOT_YET: no such certificate. After an error the
 * caller frees what is in recs[] and bundles[] (rows_free). */
enum outcome rows_load(struct rows *rows, const char *certificate, struct port_state *out,
                       struct err *err);
/* Inserts everything; the certificate's old rows are gone already. */
enum outcome rows_save(struct rows *rows, const char *certificate, const struct port_state *state,
                       struct err *err);

void rows_free(struct port_state *state); /* recs[] and bundles[] */

#endif
