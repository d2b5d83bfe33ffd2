/* SPDX-License-Identifier: BSD-2-Clause */
/* The store on a healthy disk. Faults: test_store_faults.c. */
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
#include "tests/unit/store_try.h"

static void every_field_comes_back(void **state)
{
    struct store_try *t = *state;
    (void)store_try_open(t);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        store_try_fill(t->a, seed);
        store_try_save(t, "mx");
        (void)store_try_open(t);
        store_try_load(t, "mx");
        assert_string_equal(store_try_differs(t->a, t->b) == NULL ? "nothing"
                                                                  : store_try_differs(t->a, t->b),
                            "nothing");
        /* all that is no pointer, octet by octet: also what no column knows */
        assert_memory_equal(&t->a->facts, &t->b->facts, sizeof t->a->facts);
        assert_memory_equal(t->a->switch_boot, t->b->switch_boot, sizeof t->a->switch_boot);
        assert_memory_equal(t->a->said, t->b->said, sizeof t->a->said);
        assert_memory_equal(t->a->servers, t->b->servers, sizeof t->a->servers);
    }
}

static void a_few_fields_by_hand(void **state)
{
    struct store_try *t = *state;
    (void)store_try_open(t);
    struct model_facts *f = &t->a->facts;
    f->frozen = UINT32_MAX;
    f->owners[7].addrs[23].sights[31].since = INT64_MIN;
    f->owners[7].addrs[23].sights[31].state = MODEL_ABSENT;
    f->owners[0].want = UINT64_MAX;
    f->owners[3].readds[31] = 255;
    f->owners[7].seen[11].combo.matching = 2;
    f->algs[3].current = MODEL_NONE;
    f->chains[15].key = 15;
    t->a->switch_boot[15] = 77;
    memset(t->a->boot_id, 0xab, sizeof t->a->boot_id);
    (void)text_format(t->a->owners[7], PORT_NAME_MAX, "%0255d", 0);
    (void)text_format(t->a->said[7][23], PORT_WHY_MAX, "it said \"no\"");
    store_try_save(t, "mx");
    store_try_load(t, "mx");
    f = &t->b->facts;
    assert_true(f->frozen == UINT32_MAX && f->owners[0].want == UINT64_MAX);
    assert_true(f->owners[7].addrs[23].sights[31].since == INT64_MIN);
    assert_int_equal(f->owners[7].addrs[23].sights[31].state, MODEL_ABSENT);
    assert_int_equal(f->owners[3].readds[31], 255);
    assert_int_equal(f->owners[7].seen[11].combo.matching, 2);
    assert_int_equal(f->algs[3].current, MODEL_NONE);
    assert_int_equal(f->chains[15].key, 15);
    assert_int_equal(t->b->switch_boot[15], 77);
    assert_int_equal(t->b->boot_id[15], 0xab);
    assert_int_equal(strlen(t->b->owners[7]), 255);
    assert_string_equal(t->b->said[7][23], "it said \"no\"");
    assert_memory_equal(&t->a->facts, &t->b->facts, sizeof t->a->facts);
}

static void a_save_replaces_all_of_one_certificate(void **state)
{
    struct store_try *t = *state;
    (void)store_try_open(t);
    store_try_fill(t->a, 4);
    store_try_save(t, "one");
    store_try_save(t, "two");
    store_try_clear(t->a);
    t->a->facts.epoch = 9;
    store_try_save(t, "one");
    store_try_load(t, "one");
    assert_null(store_try_differs(t->a, t->b));
    store_try_fill(t->a, 4);
    store_try_load(t, "two");
    assert_null(store_try_differs(t->a, t->b));
    assert_int_equal(store_ops.load(t->store, "three", t->b, &t->err), OUT_NOT_YET);
    assert_string_equal(t->err.text, "nothing is stored about certificate \"three\"");
    assert_null(store_try_differs(t->a, t->b)); /* untouched */
}

static void what_could_not_be_read_again_is_not_written(void **state)
{
    struct store_try *t = *state;
    (void)store_try_open(t);
    t->a->facts.epoch = 1;
    store_try_save(t, "mx");
    t->a->facts.keys[2].alg = MODEL_MAX_ALGS;
    assert_int_equal(store_ops.save(t->store, "mx", t->a, NULL, 0, &t->err), OUT_BROKEN);
    assert_string_equal(t->err.text,
                        "certificate \"mx\" is not saved: table key, row 2: column alg "
                        "is out of its range");
    t->a->facts.keys[2].alg = 0;
    t->a->bundles[1] = malloc(PORT_PEM_MAX + 1);
    assert_non_null(t->a->bundles[1]);
    memset(t->a->bundles[1], 'x', PORT_PEM_MAX);
    t->a->bundles[1][PORT_PEM_MAX] = '\0';
    assert_int_equal(store_ops.save(t->store, "mx", t->a, NULL, 0, &t->err), OUT_REFUSED);
    assert_string_equal(t->err.text,
                        "certificate \"mx\" is not saved: chain 1 has more than 65535 octets");
    t->a->bundles[1][PORT_PEM_MAX - 1] = '\0';
    store_try_save(t, "mx");
    store_try_load(t, "mx");
    assert_null(store_try_differs(t->a, t->b));
}

/* ---- history ---- */

struct lines {
    char text[1024];
    struct text all;
    int most;
};

static bool add_line(void *self, const struct store_line *line)
{
    struct lines *l = self;
    text_add(&l->all, "%lld %s %s %s;", (long long)line->wall, line->certificate, line->what,
             line->text);
    return --l->most > 0;
}

static const char *lines_of(struct store_try *t, const char *certificate, size_t limit, int most,
                            struct lines *l)
{
    text_init(&l->all, l->text, sizeof l->text);
    l->most = most;
    assert_int_equal(store_history(t->store, certificate, limit, add_line, l, &t->err), OUT_OK);
    return l->text;
}

static void history_is_kept_in_order(void **state)
{
    struct store_try *t = *state;
    struct lines l;
    struct port_event events[] = {{"made", "key 1"}, {"published", "it's out"}};
    (void)store_try_open(t);
    assert_string_equal(lines_of(t, NULL, 10, 10, &l), "");
    t->a->wall = 5;
    assert_int_equal(store_ops.save(t->store, "a", t->a, events, 2, &t->err), OUT_OK);
    t->a->wall = 6;
    assert_int_equal(store_ops.save(t->store, "b", t->a, events, 1, &t->err), OUT_OK);
    assert_string_equal(lines_of(t, NULL, 10, 10, &l),
                        "5 a made key 1;5 a published it's out;6 b made key 1;");
    assert_string_equal(lines_of(t, NULL, 2, 10, &l), "5 a published it's out;6 b made key 1;");
    assert_string_equal(lines_of(t, "a", 1, 10, &l), "5 a published it's out;");
    assert_string_equal(lines_of(t, "c", 10, 10, &l), "");
    assert_string_equal(lines_of(t, NULL, 10, 1, &l), "5 a made key 1;");
    assert_string_equal(lines_of(t, NULL, 0, 1, &l), "");
}

static void history_has_a_ceiling(void **state)
{
    struct store_try *t = *state;
    struct port_event event = {"last", "line"};
    (void)store_try_open(t);
    t->a->wall = 999999;
    store_try_sql(t, "INSERT INTO history (wall, certificate, what, text) WITH RECURSIVE n(i) AS "
                     "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200010) "
                     "SELECT i, 'a', 'x', 'y' FROM n");
    assert_int_equal(store_ops.save(t->store, "a", t->a, &event, 1, &t->err), OUT_OK);
    assert_int_equal(store_try_number(t, "SELECT count(*) FROM history"), STORE_HISTORY_MAX);
    assert_int_equal(store_try_number(t, "SELECT min(wall) FROM history"), 12);
}

/* ---- reading beside the daemon, files ---- */

static void readers_stand_beside_the_daemon(void **state)
{
    struct store_try *t = *state;
    struct store *reader = NULL;
    assert_int_equal(store_open_readonly(t->state, FILE_NO_OWNER, &reader, &t->err), OUT_NOT_YET);
    assert_null(reader);
    (void)store_try_open(t);
    t->a->facts.epoch = 1;
    store_try_save(t, "mx");
    assert_int_equal(store_open_readonly(t->state, FILE_NO_OWNER, &reader, &t->err), OUT_OK);
    t->a->facts.epoch = 2;
    store_try_save(t, "mx");
    assert_int_equal(store_ops.load(reader, "mx", t->b, &t->err), OUT_OK);
    assert_int_equal(t->b->facts.epoch, 2);
    t->a->facts.epoch = 3;
    store_try_save(t, "mx"); /* the reader's transaction is over */
    assert_int_equal(store_ops.save(reader, "mx", t->a, NULL, 0, &t->err), OUT_BROKEN);
    assert_non_null(strstr(t->err.text, "state.db is open for reading only"));
    store_try_close(t);
    assert_int_equal(store_ops.load(reader, "mx", t->b, &t->err), OUT_OK);
    assert_int_equal(t->b->facts.epoch, 3);
    store_close(&reader);
}

static void files_are_private(void **state)
{
    struct store_try *t = *state;
    static const char *const names[] = {"state/state.db", "state/state.db-wal",
                                        "state/state.db-shm", "run/seq"};
    bool restored;
    struct stat st;
    mode_t before = umask(0);
    (void)store_try_open(t);
    store_try_save(t, "mx");
    (void)umask(before);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(stat(store_try_path(t, names[i]), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    store_try_close(t);
    assert_int_equal(chmod(store_try_path(t, "state/state.db"), 0640), 0);
    assert_int_equal(store_open(t->state, t->run, &t->store, &restored, &t->err), OUT_REFUSED);
    assert_non_null(
        strstr(t->err.text, "state.db has mode 0640, which lets others read it: chmod"));
    assert_int_equal(chmod(store_try_path(t, "state/state.db"), 0600), 0);
    assert_int_equal(symlink("nowhere", store_try_path(t, "state/state.db-journal")), 0);
    assert_int_equal(store_open(t->state, t->run, &t->store, &restored, &t->err), OUT_REFUSED);
    assert_non_null(strstr(t->err.text, "state.db-journal is a symbolic link"));
    assert_int_equal(unlink(store_try_path(t, "state/state.db-journal")), 0);
    assert_int_equal(chmod(t->state, 0755), 0);
    assert_int_equal(store_open(t->state, t->run, &t->store, &restored, &t->err), OUT_REFUSED);
    assert_int_equal(chmod(t->state, 0700), 0);
    assert_int_equal(chmod(store_try_path(t, "run/seq"), 0622), 0);
    assert_int_equal(store_open(t->state, t->run, &t->store, &restored, &t->err), OUT_REFUSED);
    assert_int_equal(unlink(store_try_path(t, "run/seq")), 0);
    assert_int_equal(rmdir(t->run), 0);
    assert_int_equal(store_open(t->state, t->run, &t->store, &restored, &t->err), OUT_BROKEN);
    assert_non_null(strstr(t->err.text, "/run does not exist"));
}

static void a_newer_database_is_refused(void **state)
{
    struct store_try *t = *state;
    bool restored;
    struct store *reader = NULL;
    (void)store_try_open(t);
    store_try_close(t);
    store_try_sql(t, "PRAGMA user_version = 4711");
    assert_int_equal(store_open(t->state, t->run, &t->store, &restored, &t->err), OUT_REFUSED);
    assert_non_null(strstr(t->err.text, "newer danemilter (schema 4711"));
    assert_int_equal(store_open_readonly(t->state, FILE_NO_OWNER, &reader, &t->err), OUT_REFUSED);
    assert_int_equal(store_try_number(t, "PRAGMA user_version"), 4711);
}

/* ---- restored backups ---- */

static void copy_file(const char *from, const char *to)
{
    char cmd[8192];
    FILE *in = fopen(from, "r");
    FILE *out = fopen(to, "w");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t n = fread(cmd, 1, sizeof cmd, in); n > 0; n = fread(cmd, 1, sizeof cmd, in))
        assert_int_equal(fwrite(cmd, 1, n, out), n);
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(to, 0600), 0);
}

static void put_back(struct store_try *t)
{
    char db[400];
    (void)text_format(db, sizeof db, "%s", store_try_path(t, "state/state.db"));
    store_try_close(t);
    copy_file(store_try_path(t, "state/backup"), db);
    (void)unlink(store_try_path(t, "state/state.db-wal"));
    (void)unlink(store_try_path(t, "state/state.db-shm"));
}

/* Two certificates and a backup from before the last save of the first. */
static void prepare_backup(struct store_try *t)
{
    char db[400];
    assert_int_equal(store_try_open(t), 0);
    memset(t->a->boot_id, 1, sizeof t->a->boot_id);
    store_try_save(t, "one");
    store_try_save(t, "two");
    store_try_close(t); /* the write-ahead log goes into the database */
    (void)text_format(db, sizeof db, "%s", store_try_path(t, "state/state.db"));
    copy_file(db, store_try_path(t, "state/backup"));
    assert_int_equal(store_try_open(t), 0);
    store_try_save(t, "one");
    assert_int_equal(store_try_open(t), 0);
}

static void expect_restored(struct store_try *t, const char *name, bool restored)
{
    store_try_load(t, name);
    assert_int_equal((t->b->facts.frozen & MODEL_F_RESTORED) != 0, restored);
    assert_int_equal(t->b->boot_id[0], restored ? 0 : 1);
}

static void a_restored_backup_is_noticed(void **state)
{
    struct store_try *t = *state;
    prepare_backup(t);
    expect_restored(t, "one", false);
    put_back(t);
    assert_int_equal(store_try_open(t), 1);
    expect_restored(t, "one", true);
    expect_restored(t, "two", true);
    assert_int_equal(store_try_open(t), 0); /* as after a crash before anything was saved */
    expect_restored(t, "one", true);
    store_try_save(t, "one");
    assert_int_equal(store_try_open(t), 0);
    expect_restored(t, "one", false); /* the engine has it in its facts now */
    expect_restored(t, "two", true);
    store_try_save(t, "two");
    assert_int_equal(store_try_open(t), 0);
    expect_restored(t, "two", false);
}

static void a_boot_hides_a_restored_backup(void **state)
{
    struct store_try *t = *state;
    prepare_backup(t);
    put_back(t);
    assert_int_equal(unlink(store_try_path(t, "run/seq")), 0);
    assert_int_equal(store_try_open(t), 0); /* the limit that store.h names */
}

static void a_replaced_database_is_noticed(void **state)
{
    struct store_try *t = *state;
    prepare_backup(t);
    store_try_close(t);
    assert_int_equal(unlink(store_try_path(t, "state/state.db")), 0);
    assert_int_equal(store_try_open(t), 1);
    store_try_save(t, "one");
    expect_restored(t, "one", false);
    assert_int_equal(store_try_open(t), 0);
    store_try_close(t);
    FILE *marker = fopen(store_try_path(t, "run/seq"), "w");
    assert_non_null(marker);
    assert_true(fputs("rubbish\n", marker) >= 0);
    assert_int_equal(fclose(marker), 0);
    assert_int_equal(store_try_open(t), 1);
    assert_int_equal(store_try_open(t), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_try_begin, store_try_end)
    const struct CMUnitTest tests[] = {
        TEST(every_field_comes_back),
        TEST(a_few_fields_by_hand),
        TEST(a_save_replaces_all_of_one_certificate),
        TEST(what_could_not_be_read_again_is_not_written),
        TEST(history_is_kept_in_order),
        TEST(history_has_a_ceiling),
        TEST(readers_stand_beside_the_daemon),
        TEST(files_are_private),
        TEST(a_newer_database_is_refused),
        TEST(a_restored_backup_is_noticed),
        TEST(a_boot_hides_a_restored_backup),
        TEST(a_replaced_database_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
