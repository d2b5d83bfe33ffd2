/* SPDX-License-Identifier: BSD-2-Clause */
/* Notes of the store: from several threads beside saves, and in a database of the version before.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "store/db.h"
#include "store/schema.h"
#include "tests/unit/store_try.h"

#define THREADS 3
#define ROUNDS 40

static void put(struct store_try *t, const char *name, const char *text)
{
    err_clear(&t->err);
    assert_int_equal(store_notes_ops.put(t->store, name, text, &t->err), OUT_OK);
}

static void expect_note(struct store_try *t, struct store *store, const char *name,
                        const char *text)
{
    char out[PORT_NOTE_MAX] = "untouched";
    enum outcome res = store_notes_ops.get(store, name, out, sizeof out, &t->err);
    assert_int_equal(res, text == NULL ? OUT_NOT_YET : OUT_OK);
    assert_string_equal(out, text == NULL ? "untouched" : text);
}

static void notes_come_back(void **state)
{
    struct store_try *t = *state;
    struct store *reader = NULL;
    (void)store_try_open(t);
    expect_note(t, t->store, "acme/le/account", NULL);
    put(t, "acme/le/account", NULL); /* forgetting what is not there */
    put(t, "acme/le/account", "https://ca.test/acct/1");
    put(t, "acme/le/order/00", "");
    expect_note(t, t->store, "acme/le/account", "https://ca.test/acct/1");
    put(t, "acme/le/account", "it's another\nline");
    (void)store_try_open(t);
    expect_note(t, t->store, "acme/le/account", "it's another\nline");
    expect_note(t, t->store, "acme/le/order/00", "");
    assert_int_equal(store_open_readonly(t->state, FILE_NO_OWNER, &reader, &t->err), OUT_OK);
    expect_note(t, reader, "acme/le/account", "it's another\nline");
    assert_int_equal(store_notes_ops.put(reader, "a", "b", &t->err), OUT_BROKEN);
    assert_non_null(strstr(t->err.text, "open for reading only"));
    put(t, "acme/le/account", NULL);
    expect_note(t, reader, "acme/le/account", NULL);
    expect_note(t, t->store, "acme/le/order/00", "");
    store_close(&reader);
}

static void notes_have_ceilings(void **state)
{
    struct store_try *t = *state;
    static char text[PORT_NOTE_MAX + 1];
    char name[PORT_NOTE_NAME_MAX + 1];
    char small[4] = "old";
    (void)store_try_open(t);
    memset(text, 'x', PORT_NOTE_MAX);
    memset(name, 'n', PORT_NOTE_NAME_MAX);
    name[PORT_NOTE_NAME_MAX] = '\0';
    assert_int_equal(store_notes_ops.put(t->store, "a", text, &t->err), OUT_REFUSED);
    assert_int_equal(store_notes_ops.put(t->store, name, "x", &t->err), OUT_REFUSED);
    assert_int_equal(store_notes_ops.put(t->store, "", "x", &t->err), OUT_REFUSED);
    assert_int_equal(store_notes_ops.get(t->store, name, small, sizeof small, &t->err),
                     OUT_REFUSED);
    text[PORT_NOTE_MAX - 1] = '\0';
    name[PORT_NOTE_NAME_MAX - 1] = '\0';
    put(t, name, text);
    expect_note(t, t->store, name, text);
    assert_int_equal(store_notes_ops.get(t->store, name, small, sizeof small, &t->err),
                     OUT_REFUSED);
    store_try_sql(t, "INSERT INTO note (name, text) WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL "
                     "SELECT i + 1 FROM n WHERE i < 65536) SELECT i, 'y' FROM n");
    assert_int_equal(store_try_number(t, "SELECT count(*) FROM note"), STORE_NOTES_MAX);
    assert_int_equal(store_notes_ops.put(t->store, "one more", "x", &t->err), OUT_REFUSED);
    assert_non_null(strstr(t->err.text, "holds 65536 notes already"));
    put(t, name, "what is there can still change");
    put(t, name, NULL);
    put(t, "one more", "x");
}

/* ---- threads ---- */

struct worker {
    pthread_t thread;
    struct store *store;
    unsigned number, faults;
    struct err err;
};

/* A name of its own and one that all write. */
static void *work(void *arg)
{
    struct worker *w = arg;
    char name[64], text[64], out[PORT_NOTE_MAX];
    (void)text_format(name, sizeof name, "worker/%u", w->number);
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)text_format(text, sizeof text, "round %u", i);
        if (store_notes_ops.put(w->store, name, text, &w->err) != OUT_OK ||
            store_notes_ops.put(w->store, "shared", i % 2 == 0 ? "even" : "odd", &w->err) !=
                OUT_OK ||
            store_notes_ops.get(w->store, name, out, sizeof out, &w->err) != OUT_OK ||
            strcmp(out, text) != 0)
            w->faults++;
        if (store_notes_ops.get(w->store, "shared", out, sizeof out, &w->err) != OUT_OK ||
            (strcmp(out, "even") != 0 && strcmp(out, "odd") != 0))
            w->faults++;
    }
    return NULL;
}

static bool count_line(void *self, const struct store_line *line)
{
    size_t *n = self;
    *n += line->what[0] != '\0';
    return true;
}

static void any_thread_while_the_engine_saves(void **state)
{
    struct store_try *t = *state;
    struct worker w[THREADS];
    struct port_event event = {"saved", "once more"};
    size_t lines = 0;
    memset(w, 0, sizeof w);
    (void)store_try_open(t);
    store_try_fill(t->a, 5);
    for (unsigned i = 0; i < THREADS; i++) {
        w[i].store = t->store;
        w[i].number = i;
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        assert_int_equal(store_ops.save(t->store, "mx", t->a, &event, 1, &t->err), OUT_OK);
        store_try_load(t, "mx");
        assert_null(store_try_differs(t->a, t->b));
        assert_int_equal(store_history(t->store, "mx", 1, count_line, &lines, &t->err), OUT_OK);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(w[i].thread, NULL), 0);
        assert_string_equal(w[i].err.text, "");
        assert_int_equal(w[i].faults, 0);
    }
    assert_int_equal(lines, ROUNDS / 4);
    assert_int_equal(store_try_number(t, "SELECT count(*) FROM note"), THREADS + 1);
}

/* ---- the version before ---- */

/* As danemilter with schema 1 left it. */
static const char *const old_rows[] = {
    "UPDATE meta SET seq = 41;",
    "INSERT INTO certificate (name, steady, boot, wall, boot_id, epoch, next_serial, frozen,"
    " postfix_up, adopted, roll_now, compromised_at, last_attest, retry_switch_at) VALUES"
    " ('mx', 1001, 1002, 1003, '0102030405060708090a0b0c0d0e0f10', 3, 4, 0, 1, 1, 1, 0, 990, 0);",
    "INSERT INTO key VALUES ('mx', 2, 1, 1, 1, 1, 0, 0, 0, 0, 3, 77, 5,"
    " '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 88);",
    "INSERT INTO chain VALUES ('mx', 1, 1, 2, 1, 1, 0, 0, 10, 20, 5, 30, 40, 50, 60, 0, 0, 0, 0,"
    " 'a bundle');",
    "INSERT INTO alg VALUES ('mx', 1, 1, 1, 2, 1, -1, -1, 0, 1, 0, 99);",
    "INSERT INTO owner VALUES ('mx', 0, '_25._tcp.mx.test.', 1, 0, 1, 0, 5, 0, 5, 5, 0, 5, 11, 0,"
    " 3600, 12, 0, 300, 13, 3, 14, 1, 15, 16, 0);",
    "INSERT INTO readd VALUES ('mx', 0, 2, 1);",
    "INSERT INTO history (wall, certificate, what, text) VALUES (7, 'mx', 'adopted', 'two keys');",
    NULL};

static void make_old(struct store_try *t)
{
    struct db db;
    assert_int_equal(db_open(t->state, STORE_FILE, FILE_NO_OWNER, false, &db, &t->err), OUT_OK);
    assert_int_equal(schema_update(&db, schema_steps, 1, &t->err), OUT_OK);
    for (const char *const *sql = old_rows; *sql != NULL; sql++) {
        err_clear(&t->err);
        enum outcome out = db_exec(&db, *sql, &t->err);
        assert_string_equal(t->err.text, "");
        assert_int_equal(out, OUT_OK);
    }
    db_close(&db);
}

static void an_older_database_is_brought_up_to_date(void **state)
{
    struct store_try *t = *state;
    struct store *reader = NULL;
    size_t lines = 0;
    make_old(t);
    assert_int_equal(store_open_readonly(t->state, FILE_NO_OWNER, &reader, &t->err), OUT_REFUSED);
    assert_non_null(strstr(t->err.text, "start the daemon of this version first"));
    assert_int_equal(store_try_open(t), 0);
    assert_int_equal(store_try_number(t, "PRAGMA user_version"), schema_version);
    assert_int_equal(store_try_number(t, "SELECT seq FROM meta"), 41);
    store_try_load(t, "mx");
    const struct model_facts *f = &t->b->facts;
    assert_true(f->adopted && f->roll_now && f->postfix_up && f->epoch == 3 && f->frozen == 0);
    assert_true(t->b->steady == 1001 && t->b->wall == 1003 && t->b->boot_id[15] == 0x10);
    assert_true(f->keys[2].used && f->keys[2].serial == 3 && f->keys[2].retry_at == 88);
    assert_true(f->chains[1].used && f->chains[1].key == 2 && f->chains[1].attested == 50);
    assert_string_equal(t->b->bundles[1], "a bundle");
    assert_true(f->algs[1].current == 1 && f->algs[1].previous == MODEL_NONE && f->algs[1].roll);
    assert_true(f->owners[0].want == 5 && f->owners[0].cname_ttl == 300);
    assert_true(f->owners[0].readds[2] == 1);
    assert_true(f->keys[2].wait_until == 0 && f->keys[2].ordering == 0);
    assert_false(f->algs[1].renew || f->algs[1].rollback);
    assert_true(f->owners[0].cname == MODEL_CNAME_UNTOLD && f->owners[0].cname_moved == 0);
    assert_int_equal(store_history(t->store, "mx", 9, count_line, &lines, &t->err), OUT_OK);
    assert_int_equal(lines, 1);
    put(t, "notice/mx", "first");
    expect_note(t, t->store, "notice/mx", "first");
    assert_int_equal(store_ops.save(t->store, "mx", t->b, NULL, 0, &t->err), OUT_OK);
    (void)store_try_open(t);
    expect_note(t, t->store, "notice/mx", "first");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_try_begin, store_try_end)
    const struct CMUnitTest tests[] = {
        TEST(notes_come_back),
        TEST(notes_have_ceilings),
        TEST(any_thread_while_the_engine_saves),
        TEST(an_older_database_is_brought_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
