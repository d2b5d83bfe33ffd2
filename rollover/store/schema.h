/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * schema - the database's tables, and how an older database becomes one of today
 *
 * PRAGMA application_id says that a file is ours, user_version which schema it has: version N is
 * what steps 0 .. N-1 have made. A released step is never changed; a change of columns.h gets a new
 * step with its ALTER TABLE statements. All steps that miss run in one transaction.
 *
 * Private to rollover/store.
 */
#ifndef DANEMILTER_STORE_SCHEMA_H
#define DANEMILTER_STORE_SCHEMA_H

#include "store/db.h"

#define SCHEMA_APPLICATION_ID 0x444d696c /* "DMil" */

/* Each step: statements, ends with NULL. */
extern const char *const *const schema_steps[];
extern const int schema_version; /* how many steps there are */

/* OUT_REFUSED: a newer version, or not ours. `steps` and `n`: schema_steps and schema_version, but
 * for tests. */
enum outcome schema_update(const struct db *db, const char *const *const *steps, int n,
                           struct err *err);
/* The same without changing anything: OUT_REFUSED also for an older one. */
enum outcome schema_check(const struct db *db, int version, struct err *err);

#endif
