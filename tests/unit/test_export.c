/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl export and import: there and back, and whatever may have happened to the file. */
#include <dirent.h>
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

#include "base/text.h"
#include "milter/danectl_export.h"
#include "store/copy.h"
#include "store/keydir.h"
#include "tests/unit/store_try.h"

struct try_move {
    struct store_try *t;
    char chain_a[300], chain_b[300], other[300], keys[400], file[300];
    const char *titles[1], *chains_a[1], *chains_b[1];
    struct export_place from, to;
    uint8_t spki[MODEL_ID_LEN];
    char *text;
};

static void put_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

/* A state with a certificate, a key and a chain file; another folder beside. */
static int begin(void **state)
{
    struct keydir *dir = NULL;
    struct try_move *m = calloc(1, sizeof *m);
    assert_non_null(m);
    assert_int_equal(store_try_begin((void **)&m->t), 0);
    struct store_try *t = m->t;
    (void)text_format(m->chain_a, sizeof m->chain_a, "%s/run/a.pem", t->top);
    (void)text_format(m->chain_b, sizeof m->chain_b, "%s/run/b.pem", t->top);
    (void)text_format(m->other, sizeof m->other, "%s/run/other", t->top);
    (void)text_format(m->file, sizeof m->file, "%s/run/export", t->top);
    (void)text_format(m->keys, sizeof m->keys, "%s/keys", t->state);
    (void)store_try_open(t);
    store_try_fill(t->a, 5);
    t->a->facts.frozen = 0;
    store_try_save(t, "mx");
    store_try_close(t);
    assert_int_equal(keydir_open(m->keys, FILE_NO_OWNER, &dir, &t->err), OUT_OK);
    assert_int_equal(keydir_ops.make(dir, PORT_ALG_P256, m->spki, &t->err), OUT_OK);
    keydir_close(&dir);
    put_text(m->chain_a, "the chain\n");
    m->titles[0] = "mx";
    m->chains_a[0] = m->chain_a;
    m->chains_b[0] = m->chain_b;
    m->from = (struct export_place){t->state, geteuid(), getegid(), m->titles, m->chains_a, 1};
    m->to = (struct export_place){m->other, geteuid(), getegid(), m->titles, m->chains_b, 1};
    assert_int_equal(mkdir(m->other, 0700), 0);
    (void)text_format(m->keys, sizeof m->keys, "%s/keys", m->other);
    assert_int_equal(mkdir(m->keys, 0700), 0);
    *state = m;
    return 0;
}

static void clear_away(const char *folder)
{
    char path[1024];
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        (void)text_format(path, sizeof path, "%s/%s", folder, e->d_name);
        (void)unlink(path); /* not . and .. */
    }
    assert_int_equal(closedir(dir), 0);
    assert_int_equal(rmdir(folder), 0);
}

static int end(void **state)
{
    struct try_move *m = *state;
    char keys[400];
    free(m->text);
    (void)text_format(keys, sizeof keys, "%s/keys", m->t->state);
    const char *const folders[] = {keys, m->keys, m->other};
    for (size_t i = 0; i < 3; i++)
        clear_away(folders[i]);
    assert_int_equal(store_try_end((void **)&m->t), 0);
    free(m);
    return 0;
}

static void take(struct try_move *m)
{
    struct export_set *set = NULL;
    assert_int_equal(export_set_new(&set, &m->t->err), OUT_OK);
    (void)text_format(set->host, sizeof set->host, "old.example");
    assert_int_equal(export_take(&m->from, set, &m->t->err), OUT_OK);
    assert_int_equal(set->n, 3);
    assert_int_equal(export_text(set, &m->text, &m->t->err), OUT_OK);
    export_set_free(&set);
}

static enum outcome put(struct try_move *m)
{
    struct export_set *set = NULL;
    err_clear(&m->t->err);
    enum outcome out = export_parse(m->text, strlen(m->text), &set, &m->t->err);
    if (out == OUT_OK)
        out = import_judge(&m->to, set, &m->t->err);
    if (out == OUT_OK)
        out = import_put(&m->to, set, &m->t->err);
    export_set_free(&set);
    return out;
}

static bool exists(const struct try_move *m, const char *name)
{
    char path[400];
    struct stat st;
    (void)text_format(path, sizeof path, "%s/%s", m->other, name);
    if (stat(path, &st) != 0)
        return false;
    assert_int_equal(st.st_mode & 0777, 0600);
    return true;
}

static void nothing_written(const struct try_move *m)
{
    struct stat st;
    assert_false(exists(m, "state.db"));
    assert_false(exists(m, COPY_MARK));
    assert_int_not_equal(stat(m->chain_b, &st), 0);
    assert_int_equal(stat(m->keys, &st), 0);
    assert_int_equal(st.st_nlink, 2);
    assert_int_equal(rmdir(m->keys), 0); /* empty */
    assert_int_equal(mkdir(m->keys, 0700), 0);
}

static void there_and_back(void **state)
{
    struct try_move *m = *state;
    struct store_try *t = m->t;
    struct store *store = NULL;
    struct keydir *dir = NULL;
    bool restored = false;
    take(m);
    assert_int_equal(put(m), OUT_OK);
    assert_true(exists(m, "state.db"));
    assert_false(exists(m, COPY_MARK));
    assert_int_equal(access(m->chain_b, R_OK), 0);
    assert_int_equal(store_open(m->other, t->run, &store, &restored, &t->err), OUT_OK);
    assert_int_equal(store_ops.load(store, "mx", t->b, &t->err), OUT_OK);
    store_close(&store);
    assert_true((t->b->facts.frozen & MODEL_F_RESTORED) != 0); /* it looks first */
    for (size_t i = 0; i < sizeof t->b->boot_id; i++)
        assert_int_equal(t->b->boot_id[i], 0); /* waits begin again */
    t->b->facts.frozen = 0;
    memcpy(t->b->boot_id, t->a->boot_id, sizeof t->b->boot_id);
    assert_null(store_try_differs(t->a, t->b));
    assert_int_equal(keydir_open(m->keys, FILE_NO_OWNER, &dir, &t->err), OUT_OK);
    assert_int_equal(keydir_ops.have(dir, m->spki, &t->err), OUT_OK);
    keydir_close(&dir);
}

static void a_state_that_is_there_stays(void **state)
{
    struct try_move *m = *state;
    char path[400];
    take(m);
    (void)text_format(path, sizeof path, "%s/state.db", m->other);
    put_text(path, "mine");
    assert_int_equal(put(m), OUT_REFUSED);
    assert_non_null(strstr(m->t->err.text, "is there already"));
    assert_int_not_equal(access(m->chain_b, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    put_text(m->chain_b, "another chain\n");
    assert_int_equal(put(m), OUT_REFUSED);
    assert_false(exists(m, "state.db"));
    assert_int_equal(unlink(m->chain_b), 0);
    nothing_written(m);
}

static void torn_anywhere(void **state)
{
    struct try_move *m = *state;
    take(m);
    size_t len = strlen(m->text);
    for (size_t cut = 0; cut < len; cut += len / 40 + 1) {
        struct export_set *set = NULL;
        assert_int_equal(export_parse(m->text, cut, &set, &m->t->err), OUT_REFUSED);
        assert_null(set);
    }
    nothing_written(m);
}

/* Each octet that is no white space counts: 300 of them, and all of the first 400. */
static void one_octet_changed(void **state)
{
    struct try_move *m = *state;
    take(m);
    size_t len = strlen(m->text);
    for (size_t at = 0; at < len; at += at < 400 ? 1 : len / 300 + 1) {
        struct export_set *set = NULL;
        char was = m->text[at];
        if (was == ' ' || was == '\n')
            continue;
        m->text[at] = was == 'B' ? 'C' : 'B';
        assert_int_equal(export_parse(m->text, len, &set, &m->t->err), OUT_REFUSED);
        assert_null(set);
        m->text[at] = was;
    }
    assert_int_equal(put(m), OUT_OK);
}

/* The checksums are right, the content is not. */
static void made_by_somebody_else(void **state)
{
    struct try_move *m = *state;
    static const struct {
        enum export_kind kind;
        const char *name, *data, *why;
    } bad[] = {{EXPORT_KEY, "../../etc/x.pem", "no key", ""},
               {EXPORT_CHAIN, "mx2", "chain", "has no certificate"},
               {EXPORT_FACTS, "state.db", "no database", ""}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct export_set *set = NULL;
        assert_int_equal(export_set_new(&set, &m->t->err), OUT_OK);
        assert_int_equal(export_set_add(set, bad[i].kind, bad[i].name, strdup(bad[i].data),
                                        strlen(bad[i].data), &m->t->err),
                         OUT_OK);
        assert_int_not_equal(import_judge(&m->to, set, &m->t->err), OUT_OK);
        assert_non_null(strstr(m->t->err.text, bad[i].why));
        export_set_free(&set);
    }
    nothing_written(m);
}

static void cut_off_and_done_again(void **state)
{
    struct try_move *m = *state;
    struct store *store = NULL;
    bool restored = false;
    take(m);
    assert_int_equal(put(m), OUT_OK);
    assert_int_equal(export_mark(&m->to, "an import was cut off here\n", &m->t->err), OUT_OK);
    assert_int_equal(store_open(m->other, m->t->run, &store, &restored, &m->t->err), OUT_REFUSED);
    assert_int_equal(unlink(m->chain_b), 0);
    assert_int_equal(put(m), OUT_OK);
    assert_int_equal(access(m->chain_b, R_OK), 0);
    assert_int_equal(store_open(m->other, m->t->run, &store, &restored, &m->t->err), OUT_OK);
    store_close(&store);
}

static void the_old_server_rests(void **state)
{
    struct try_move *m = *state;
    struct store *store = NULL;
    bool restored = false;
    assert_int_equal(export_mark(&m->from, "this state was exported at noon\n", &m->t->err),
                     OUT_OK);
    assert_int_equal(store_open(m->t->state, m->t->run, &store, &restored, &m->t->err),
                     OUT_REFUSED);
    assert_non_null(strstr(m->t->err.text, "was exported at noon"));
    assert_int_equal(export_unmark(&m->from, &m->t->err), OUT_OK);
    (void)store_try_open(m->t);
}

static void no_file_is_overwritten(void **state)
{
    struct try_move *m = *state;
    struct stat st;
    assert_int_equal(export_write(m->file, "secret", &m->t->err), OUT_OK);
    assert_int_equal(stat(m->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(export_write(m->file, "other", &m->t->err), OUT_REFUSED);
    assert_int_equal(stat(m->file, &st), 0);
    assert_int_equal(st.st_size, 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(there_and_back),       TEST(a_state_that_is_there_stays), TEST(torn_anywhere),
        TEST(one_octet_changed),    TEST(made_by_somebody_else),       TEST(cut_off_and_done_again),
        TEST(the_old_server_rests), TEST(no_file_is_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
