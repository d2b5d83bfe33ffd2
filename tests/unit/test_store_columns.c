/* SPDX-License-Identifier: BSD-2-Clause */
/* The lists of rollover/store/columns.h hold every member of every struct: a struct with one more
 * member than its list makes this file fail to compile, and the database's tables have exactly
 * the columns of the lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "store/columns.h"
#include "store/db.h"
#include "store/schema.h"

/* An initializer by position with one value for each line of a list. Too many are an error, and so
 * are too few: */
#pragma GCC diagnostic error "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wmissing-braces"
#define ONE(member, lo, hi) 0,
#define BRACED(member) {0},
#define TYPED(list, type)                                                                          \
    static const struct type whole_##type = {list(ONE, BRACED, BRACED, BRACED, BRACED)}
TYPED(COLUMNS_FACTS, model_facts);
TYPED(COLUMNS_REC, model_rec);
TYPED(COLUMNS_KEY, model_key);
TYPED(COLUMNS_CHAIN, model_chain);
TYPED(COLUMNS_ALG, model_alg);
TYPED(COLUMNS_OWNER, model_owner);
TYPED(COLUMNS_SEEN, model_seen);
TYPED(COLUMNS_ADDR, model_addr);
TYPED(COLUMNS_SIGHT, model_sight);
static const struct model_combo whole_model_combo = {0, 0, 0}; /* usage, selector, matching */
/* facts: above; steady, boot, wall, boot_id: table certificate; recs: rec.rdata; bundles and
 * switch_boot: chain; owners: owner.name; servers and said: address */
static const struct port_state whole_port_state = {{0}, 0, 0, 0, {0}, {0}, {0}, {0}, {0}, {0}, {0}};

static void the_lists_are_whole(void **state)
{
    (void)state;
    /* that this file was compiled is the test; the values must only be used */
    assert_false(whole_model_facts.adopted || whole_model_rec.used || whole_model_key.used ||
                 whole_model_chain.used || whole_model_alg.used || whole_model_owner.used ||
                 whole_model_seen.used || whole_model_addr.used || whole_model_sight.since != 0 ||
                 whole_model_combo.usage != 0 || whole_port_state.steady != 0);
}

/* No member is listed in another's place: every column has memory of its own. */
static void no_two_columns_share_memory(void **state)
{
    (void)state;
    static uint8_t taken[sizeof(struct port_state)];
    size_t columns = 0;
    for (size_t t = 0; t < columns_n_tables; t++) {
        const struct columns_table *table = &columns_tables[t];
        for (size_t i = 0; i < table->n; i++, columns++) {
            const struct column *c = &table->columns[i];
            size_t size =
                c->kind == COLUMN_RDATA || c->kind == COLUMN_PEM ? sizeof(void *) : c->size;
            size_t last = c->offset + size;
            for (size_t k = 0; k < table->levels; k++) {
                assert_true(c->step[k] > 0);
                last += c->step[k] * (size_t)(table->count[k] - 1);
            }
            assert_true(size > 0 && last <= sizeof(struct port_state));
            for (size_t b = 0; b < size; b++)
                assert_int_equal(taken[c->offset + b]++, 0);
        }
    }
    assert_true(columns > 100);
}

struct fixture {
    char top[256];
    struct db db;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct err err = ERR_INIT;
    const char *tmp = getenv("TMPDIR");
    if (!text_format(f.top, sizeof f.top, "%s/test_columns.XXXXXX", tmp == NULL ? "/tmp" : tmp) ||
        mkdtemp(f.top) == NULL)
        return -1;
    *state = &f;
    return db_open(f.top, "x.db", FILE_NO_OWNER, false, &f.db, &err) == OUT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char path[300];
    db_close(&f->db);
    (void)text_format(path, sizeof path, "%s/x.db", f->top);
    (void)unlink(path);
    return rmdir(f->top);
}

static void expect_number(const struct db *db, const char *sql, int64_t want)
{
    struct err err = ERR_INIT;
    int64_t n = -1;
    enum outcome out = db_number(db, sql, &n, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(out, OUT_OK);
    assert_true(n == want);
}

static void the_schema_has_these_columns(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char sql[256];
    assert_int_equal(schema_update(&f->db, schema_steps, schema_version, &err), OUT_OK);
    for (size_t t = 0; t < columns_n_tables; t++) {
        const struct columns_table *table = &columns_tables[t];
        size_t extra = t == 0 ? 2 : 1; /* name and restored; certificate */
        (void)text_format(sql, sizeof sql, "SELECT count(*) FROM pragma_table_info('%s')",
                          table->name);
        expect_number(&f->db, sql, (int64_t)(table->n + table->levels + extra));
        for (size_t i = 0; i < table->n; i++) {
            (void)text_format(sql, sizeof sql,
                              "SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s'",
                              table->name, table->columns[i].name);
            expect_number(&f->db, sql, 1);
        }
    }
}

static void a_database_moves_up_in_one_transaction(void **state)
{
    struct fixture *f = *state;
    static const char *const first[] = {"CREATE TABLE a (x) STRICT;", NULL};
    static const char *const good[] = {"CREATE TABLE a (x INT) STRICT;",
                                       "INSERT INTO a VALUES (1);", NULL};
    static const char *const second[] = {"ALTER TABLE a ADD y INT;", "UPDATE a SET y = x + 1;",
                                         NULL};
    static const char *const third[] = {"UPDATE a SET y = 7;", "UPDATE nothing SET z = 1;", NULL};
    const char *const *const broken[] = {first};
    const char *const *const one[] = {good};
    const char *const *const two[] = {good, second};
    const char *const *const three[] = {good, second, third};
    struct err err = ERR_INIT;
    assert_int_equal(schema_update(&f->db, broken, 1, &err), OUT_BROKEN);
    expect_number(&f->db, "SELECT count(*) FROM sqlite_schema", 0);
    expect_number(&f->db, "PRAGMA user_version", 0);
    assert_int_equal(schema_update(&f->db, one, 1, &err), OUT_OK);
    assert_int_equal(schema_check(&f->db, 2, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "has schema 1, this danemilter needs 2: start the daemon"));
    assert_int_equal(schema_update(&f->db, three, 3, &err), OUT_BROKEN);
    assert_non_null(strstr(err.text, "bringing the database from schema 1 to 3: "));
    expect_number(&f->db, "PRAGMA user_version", 1);
    expect_number(&f->db, "SELECT count(*) FROM pragma_table_info('a')", 1);
    assert_int_equal(schema_update(&f->db, two, 2, &err), OUT_OK);
    expect_number(&f->db, "SELECT y FROM a", 2);
    expect_number(&f->db, "PRAGMA user_version", 2);
    expect_number(&f->db, "PRAGMA application_id", SCHEMA_APPLICATION_ID);
    assert_int_equal(schema_update(&f->db, two, 2, &err), OUT_OK);
    assert_int_equal(schema_update(&f->db, one, 1, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "was written by a newer danemilter (schema 2, this one knows "
                                     "up to 1): install that version again"));
    assert_int_equal(schema_check(&f->db, 1, &err), OUT_REFUSED);
}

static void others_databases_are_left_alone(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    assert_int_equal(db_exec(&f->db, "CREATE TABLE a (x)", &err), OUT_OK);
    assert_int_equal(schema_update(&f->db, schema_steps, schema_version, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "is an SQLite database, but not one of danemilter: move it"));
    expect_number(&f->db, "SELECT count(*) FROM sqlite_schema", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lists_are_whole),
        cmocka_unit_test(no_two_columns_share_memory),
        cmocka_unit_test_setup_teardown(the_schema_has_these_columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_moves_up_in_one_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_databases_are_left_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
