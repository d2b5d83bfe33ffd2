/* SPDX-License-Identifier: BSD-2-Clause */
/* The sessions' database: what comes back, what is forgotten, and files that are not to be used. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "store/db.h"
#include "store/ledgerdb.h"
#include "tests/unit/store_try.h"

struct got {
    struct ledgerdb_row rows[8];
    model_time suspected[8];
    size_t n;
};

static bool keep(void *self, const struct ledgerdb_row *row, model_time suspected)
{
    struct got *g = self;
    assert_true(g->n < 8);
    g->rows[g->n] = *row;
    g->suspected[g->n++] = suspected;
    return true;
}

static struct ledgerdb_row row_of(const char *domain, model_time last)
{
    struct ledgerdb_row r;
    memset(&r, 0, sizeof r);
    memcpy(r.net, (const uint8_t[]){0x20, 0x01, 0x0d, 0xb8}, 4);
    r.bits = 48;
    (void)text_format(r.domain, sizeof r.domain, "%s", domain);
    (void)text_format(r.cipher, sizeof r.cipher, "TLS_AES_256_GCM_SHA384");
    r.since = last - 7;
    r.last = last;
    r.last_plain = last - 3;
    r.sessions = 50;
    r.gone = 4;
    for (unsigned i = 0; i < LEDGERDB_KINDS; i++) {
        r.tls[i] = 10 + i;
        r.mail[i] = 20 + i;
    }
    return r;
}

static struct ledgerdb *open_db(struct store_try *t)
{
    struct ledgerdb *db = NULL;
    assert_int_equal(ledgerdb_open(t->state, &db, &t->err), OUT_OK);
    return db;
}

static struct got read_all(struct store_try *t, struct ledgerdb *db, model_time oldest)
{
    struct got g = {.n = 0};
    assert_int_equal(ledgerdb_read(db, oldest, 8, keep, &g, &t->err), OUT_OK);
    return g;
}

static void rows_come_back(void **state)
{
    struct store_try *t = *state;
    struct ledgerdb_row rows[] = {row_of("a.test", 1000), row_of("b.test", 3000),
                                  row_of("c.test", 2000)};
    struct ledgerdb *db = NULL, *reader = NULL;
    assert_int_equal(ledgerdb_open_readonly(t->state, FILE_NO_OWNER, &reader, &t->err),
                     OUT_NOT_YET);
    db = open_db(t);
    assert_int_equal(ledgerdb_put(db, rows, 3, 0, &t->err), OUT_OK);
    rows[0].sessions = 51;
    assert_int_equal(ledgerdb_put(db, rows, 1, 0, &t->err), OUT_OK);
    assert_int_equal(ledgerdb_suspect(db, &rows[2], 2500, &t->err), OUT_OK);
    assert_int_equal(ledgerdb_put(db, &rows[2], 1, 0, &t->err), OUT_OK); /* it stays so */
    ledgerdb_close(&db);
    assert_int_equal(ledgerdb_open_readonly(t->state, FILE_NO_OWNER, &reader, &t->err), OUT_OK);
    struct got g = read_all(t, reader, 0);
    assert_int_equal(g.n, 3);
    assert_memory_equal(&g.rows[0], &rows[1], sizeof rows[1]);
    assert_memory_equal(&g.rows[1], &rows[2], sizeof rows[2]);
    assert_memory_equal(&g.rows[2], &rows[0], sizeof rows[0]);
    assert_int_equal(g.suspected[0], 0);
    assert_int_equal(g.suspected[1], 2500);
    assert_int_equal(read_all(t, reader, 2000).n, 2);
    assert_int_equal(ledgerdb_put(reader, rows, 1, 0, &t->err), OUT_BROKEN);
    ledgerdb_close(&reader);
}

static void the_old_go(void **state)
{
    struct store_try *t = *state;
    struct ledgerdb_row rows[] = {row_of("a.test", 1000), row_of("b.test", 3000)};
    struct ledgerdb *db = open_db(t);
    assert_int_equal(ledgerdb_put(db, rows, 2, 1000, &t->err), OUT_OK);
    assert_int_equal(read_all(t, db, 0).n, 2);
    assert_int_equal(ledgerdb_put(db, rows, 0, 1001, &t->err), OUT_OK);
    struct got g = read_all(t, db, 0);
    assert_int_equal(g.n, 1);
    assert_string_equal(g.rows[0].domain, "b.test");
    ledgerdb_close(&db);
}

static void write_sql(struct store_try *t, const char *sql)
{
    struct db db;
    assert_int_equal(db_open(t->state, LEDGERDB_FILE, FILE_NO_OWNER, false, &db, &t->err), OUT_OK);
    assert_int_equal(db_exec(&db, sql, &t->err), OUT_OK);
    db_close(&db);
}

static void all_or_nothing(void **state)
{
    struct store_try *t = *state;
    struct ledgerdb_row rows[] = {row_of("a.test", 1000), row_of("bad.test", 3000)};
    struct ledgerdb *db = open_db(t);
    ledgerdb_close(&db);
    write_sql(t, "CREATE TRIGGER no BEFORE INSERT ON client WHEN new.domain = 'bad.test' "
                 "BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END;");
    db = open_db(t);
    assert_int_not_equal(ledgerdb_put(db, rows, 2, 0, &t->err), OUT_OK);
    assert_non_null(strstr(t->err.text, "the disk is on fire"));
    assert_int_equal(read_all(t, db, 0).n, 0);
    assert_int_equal(ledgerdb_put(db, rows, 1, 0, &t->err), OUT_OK); /* and it goes on */
    assert_int_equal(read_all(t, db, 0).n, 1);
    ledgerdb_close(&db);
}

static void wrong_files(void **state)
{
    struct store_try *t = *state;
    struct stat before, after;
    const char *path = store_try_path(t, "state/" LEDGERDB_FILE);
    struct ledgerdb *db = open_db(t);
    ledgerdb_close(&db);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(before.st_mode & 0777, 0600);
    write_sql(t, "PRAGMA user_version = 2");
    assert_int_equal(ledgerdb_open(t->state, &db, &t->err), OUT_REFUSED);
    assert_null(db);
    write_sql(t, "PRAGMA user_version = 1; PRAGMA application_id = 7");
    assert_int_equal(ledgerdb_open(t->state, &db, &t->err), OUT_REFUSED);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, "no database at all, but text", 28), 28);
    assert_int_equal(close(fd), 0);
    assert_int_equal(ledgerdb_open(t->state, &db, &t->err), OUT_BROKEN);
    assert_null(db);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_size, 28); /* left as it is */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_come_back, store_try_begin, store_try_end),
        cmocka_unit_test_setup_teardown(the_old_go, store_try_begin, store_try_end),
        cmocka_unit_test_setup_teardown(all_or_nothing, store_try_begin, store_try_end),
        cmocka_unit_test_setup_teardown(wrong_files, store_try_begin, store_try_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
