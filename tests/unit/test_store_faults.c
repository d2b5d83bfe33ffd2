/* SPDX-License-Identifier: BSD-2-Clause */
/* The store in trouble: limited, held, damaged; and killed in the middle of saves (safety.md rows
 * 36 to 40). Full and read-only disks: test_store_disk.c. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "base/file.h"
#include "base/text.h"
#include "tests/unit/store_try.h"

/* In the child a failed assertion of cmocka would run the parent's further tests. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, t->err.text); \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static enum outcome save(struct store_try *t, uint32_t n)
{
    t->a->facts.next_serial = n;
    err_clear(&t->err);
    return store_ops.save(t->store, "mx", t->a, NULL, 0, &t->err);
}

static uint32_t load(struct store_try *t)
{
    store_try_clear(t->b);
    if (store_ops.load(t->store, "mx", t->b, &t->err) != OUT_OK)
        return 0;
    return t->b->facts.next_serial;
}

/* Files may not grow beyond a limit. */
static void a_file_size_limit_changes_nothing(void **state)
{
    struct store_try *t = *state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool restored;
        struct rlimit limit = {400 * 1024, 400 * 1024};
        struct sigaction ignore = {.sa_handler = SIG_IGN};
        MUST(sigaction(SIGXFSZ, &ignore, NULL) == 0);
        MUST(store_open(t->state, t->run, &t->store, &restored, &t->err) == OUT_OK);
        MUST(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        uint32_t n = 1;
        for (int i = 0; i < MODEL_MAX_CHAINS; i++) {
            t->a->bundles[i] = calloc(1, PORT_PEM_MAX);
            MUST(t->a->bundles[i] != NULL);
            memset(t->a->bundles[i], 'x', PORT_PEM_MAX - 1);
            if (save(t, n) != OUT_OK)
                break;
            n++;
        }
        MUST(n > 1 && n < MODEL_MAX_CHAINS);
        MUST(strstr(t->err.text, "nothing was changed") != NULL);
        MUST(load(t) == n - 1);
        store_close(&t->store);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(store_try_open(t), 0);
    assert_true(load(t) > 1);
}

/* ---- damage ---- */

static void damage(struct store_try *t, off_t at, const char *with)
{
    int fd = open(store_try_path(t, "state/state.db"), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, with, strlen(with), at), (ssize_t)strlen(with));
    assert_int_equal(close(fd), 0);
}

static uint64_t sum_of(struct store_try *t)
{
    uint64_t sum = 14695981039346656037u;
    FILE *in = fopen(store_try_path(t, "state/state.db"), "r");
    assert_non_null(in);
    for (int c = fgetc(in); c != EOF; c = fgetc(in))
        sum = (sum ^ (uint64_t)c) * 1099511628211u;
    assert_int_equal(fclose(in), 0);
    return sum;
}

static void expect_damage(struct store_try *t)
{
    bool restored;
    uint64_t before = sum_of(t);
    assert_int_equal(store_open(t->state, t->run, &t->store, &restored, &t->err), OUT_BROKEN);
    assert_null(t->store);
    assert_non_null(strstr(t->err.text, "state.db: "));
    assert_non_null(strstr(t->err.text, "the database is damaged ("));
    assert_non_null(strstr(t->err.text, "it was left as it is: stop danemilter, keep a copy"));
    assert_true(sum_of(t) == before);
}

static void a_damaged_database_is_told_and_kept(void **state)
{
    struct store_try *t = *state;
    (void)store_try_open(t);
    store_try_fill(t->a, 5);
    store_try_save(t, "mx");
    store_try_close(t);
    damage(t, 4096 * 3, "here was a page of a table once, and now there is nothing of use in it");
    expect_damage(t);
    damage(t, 0, "no database");
    expect_damage(t);
}

static void a_damaged_value_is_told(void **state)
{
    struct store_try *t = *state;
    static const struct {
        const char *sql;
        const char *why;
    } rows[] = {
        {"UPDATE key SET alg = 4 WHERE key = 0",
         "table key, certificate \"mx\": the database was changed or damaged; restore a backup: "
         "column alg holds 4, outside 0 to 3"},
        {"UPDATE alg SET current = -2 WHERE alg = 1", "column current holds -2, outside -1 to 15"},
        {"UPDATE key SET used = 2 WHERE key = 1", "column used holds 2, outside 0 to 1"},
        {"UPDATE certificate SET epoch = 4294967296", "column epoch holds 4294967296, outside 0"},
        {"UPDATE sight SET rec = 32 WHERE rec = 0 AND address = 0 AND owner = 0",
         "column rec holds 32, outside 0 to 31"},
        {"UPDATE key SET spki = 'abc' WHERE key = 3",
         "column spki holds no 32 octets in hexadecimal"},
        {"UPDATE address SET ip = '1.2.3' WHERE address = 1 AND owner = 0",
         "column ip holds no address"},
        {"UPDATE owner SET name = hex(zeroblob(128)) WHERE owner = 2",
         "column name holds 256 octets, more than 255 or with a NUL"},
        {"UPDATE rec SET rdata = x'0301' WHERE rec = 4", "column rdata holds 2 octets"},
        {"UPDATE chain SET bundle = 'a' || char(0) || 'b' WHERE chain = 0",
         "column bundle holds 3 octets, more than 65535 or with a NUL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)store_try_open(t);
        store_try_fill(t->a, 6);
        store_try_save(t, "mx");
        store_try_clear(t->b);
        store_try_sql(t, rows[i].sql);
        assert_int_equal(store_ops.load(t->store, "mx", t->b, &t->err), OUT_BROKEN);
        if (strstr(t->err.text, rows[i].why) == NULL)
            assert_string_equal(t->err.text, rows[i].why);
        store_try_clear(t->a);
        assert_null(store_try_differs(t->a, t->b)); /* untouched */
    }
}

/* An operator left a transaction open in a shell. */
static void a_database_held_by_others_is_told(void **state)
{
    struct store_try *t = *state;
    sqlite3 *other = NULL;
    (void)store_try_open(t);
    assert_int_equal(save(t, 1), OUT_OK);
    assert_int_equal(sqlite3_open(store_try_path(t, "state/state.db"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(save(t, 2), OUT_RETRY); /* after 5 s */
    assert_non_null(strstr(t->err.text,
                           "state.db: write: another process has held it for more than "
                           "5 s: look for a sqlite3 or backup"));
    assert_int_equal(load(t), 1);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_int_equal(save(t, 2), OUT_OK);
    assert_int_equal(load(t), 2);
}

/* ---- killed ---- */

#define KILL_ROUNDS 25

/* As large as the state of a certificate usually is. */
static void fill_some(struct port_state *st, uint32_t n)
{
    store_try_fill(st, n);
    memset(&st->facts.owners[1], 0, sizeof st->facts.owners - sizeof st->facts.owners[0]);
    memset(&st->facts.owners[0].addrs[4], 0, 20 * sizeof st->facts.owners[0].addrs[0]);
    memset(st->owners[1], 0, sizeof st->owners - sizeof st->owners[0]);
    memset(st->servers[0][4], 0, sizeof st->servers - 4 * sizeof st->servers[0][0]);
    memset(st->said[0][4], 0, sizeof st->said - 4 * sizeof st->said[0][0]);
    st->facts.next_serial = n;
}

/* Saves states 1, 2, 3... and says the number of each that was acknowledged. */
static void save_for_ever(struct store_try *t, int out, uint32_t from)
{
    bool restored;
    MUST(store_open(t->state, t->run, &t->store, &restored, &t->err) == OUT_OK);
    MUST(!restored);
    for (uint32_t n = from;; n++) {
        fill_some(t->a, n);
        MUST(save(t, n) == OUT_OK);
        MUST(write(out, &n, sizeof n) == (ssize_t)sizeof n);
    }
}

static void kill_9_leaves_a_saved_state(void **state)
{
    struct store_try *t = *state;
    uint32_t done = 0;
    for (int round = 0; round < KILL_ROUNDS; round++) {
        int fd[2];
        uint32_t n = 0;
        assert_int_equal(pipe(fd), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(fd[0]);
            save_for_ever(t, fd[1], done + 1);
        }
        (void)close(fd[1]);
        /* after the first acknowledgement, at a moment that differs from round to round */
        assert_int_equal(read(fd[0], &n, sizeof n), (ssize_t)sizeof n);
        struct timespec wait = {0, (round * 7919 % 97) * 300000L};
        (void)nanosleep(&wait, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        do
            done = n;
        while (read(fd[0], &n, sizeof n) == (ssize_t)sizeof n);
        (void)close(fd[0]);
        assert_int_equal(store_try_open(t), 0);
        uint32_t found = load(t);
        assert_true(found == done || found == done + 1); /* +1: killed before it could say so */
        fill_some(t->a, found);
        assert_null(store_try_differs(t->a, t->b));
        store_try_close(t);
        done = found;
    }
    print_message("%d kills, %u states saved\n", KILL_ROUNDS, (unsigned)done);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_try_begin, store_try_end)
    const struct CMUnitTest tests[] = {
        TEST(a_file_size_limit_changes_nothing), TEST(a_damaged_database_is_told_and_kept),
        TEST(a_damaged_value_is_told),           TEST(a_database_held_by_others_is_told),
        TEST(kill_9_leaves_a_saved_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
