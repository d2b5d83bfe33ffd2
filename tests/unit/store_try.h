/* SPDX-License-Identifier: BSD-2-Clause */
/* Helpers of the tests of the store: folders, states filled by chance, comparison. */
#ifndef DANEMILTER_TESTS_STORE_TRY_H
#define DANEMILTER_TESTS_STORE_TRY_H

#include "base/err.h"
#include "ports.h"
#include "store/store.h"

struct store_try {
    char top[256];
    char state[300], run[300]; /* folders below top */
    char path[400];            /* of store_try_path */
    struct store *store;
    struct port_state *a, *b; /* all zero */
    struct err err;
};

/* For cmocka: a fresh pair of folders, no store open. */
int store_try_begin(void **state);
int store_try_end(void **state);

/* "state/NAME" or "run/NAME"; until the next call. */
const char *store_try_path(struct store_try *t, const char *name);

/* Closes the store first if it is open; asserts OUT_OK. Returns `restored`. */
int store_try_open(struct store_try *t);
void store_try_close(struct store_try *t);

/* Every field, by chance within its range, always the same for one seed. */
void store_try_fill(struct port_state *state, uint64_t seed);
void store_try_clear(struct port_state *state);
/* The name of the first column that differs, or NULL. */
const char *store_try_differs(const struct port_state *a, const struct port_state *b);

/* Save and load of t->a and t->b under a name; assert OUT_OK. */
void store_try_save(struct store_try *t, const char *name);
void store_try_load(struct store_try *t, const char *name);

/* Runs SQL on the database by a connection of its own; the store must be closed or idle. */
void store_try_sql(struct store_try *t, const char *sql);
/* A number from SQL. */
long long store_try_number(struct store_try *t, const char *sql);

#endif
