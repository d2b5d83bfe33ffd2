/* SPDX-License-Identifier: BSD-2-Clause */
/* The key folder; fsync is counted and can be made to fail (wrapped at link time). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
#include "store/keydir.h"

static char top[256];
static char path[400];
static struct keydir *dir;
static uint8_t spki[MODEL_ID_LEN];
static struct err err;
static int fsyncs;
static int fail_fsync; /* the n-th one from now; 0: none */

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    fsyncs++;
    if (fail_fsync > 0 && --fail_fsync == 0) {
        errno = EIO;
        return -1;
    }
    return __real_fsync(fd);
}

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    char keys[300];
    if (!text_format(top, sizeof top, "%s/test_keydir.XXXXXX", tmp == NULL ? "/tmp" : tmp) ||
        mkdtemp(top) == NULL || !text_format(keys, sizeof keys, "%s/keys", top))
        return -1;
    fail_fsync = 0;
    err_clear(&err);
    return keydir_open(keys, FILE_NO_OWNER, &dir, &err) == OUT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char keys[300];
    keydir_close(&dir);
    (void)text_format(keys, sizeof keys, "%s/keys", top);
    DIR *d = opendir(keys);
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] != '.')
            (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    (void)closedir(d);
    (void)rmdir(keys);
    return rmdir(top);
}

static const char *file_of(const uint8_t id[MODEL_ID_LEN])
{
    char hex[2 * MODEL_ID_LEN + 1];
    assert_true(text_hex(hex, sizeof hex, id, MODEL_ID_LEN));
    assert_true(text_format(path, sizeof path, "%s/keys/%s.pem", top, hex));
    return path;
}

static void make(enum port_alg alg)
{
    enum outcome out = keydir_ops.make(dir, alg, spki, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(out, OUT_OK);
}

static void a_key_is_made_to_last(void **state)
{
    (void)state;
    struct stat st;
    fsyncs = 0;
    make(PORT_ALG_P256);
    assert_int_equal(fsyncs, 2); /* the file, the folder */
    assert_int_equal(stat(file_of(spki), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(keydir_ops.have(dir, spki, &err), OUT_OK);
    assert_true(text_format(path, sizeof path, "%s/keys", top));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void each_algorithm_gives_its_record(void **state)
{
    (void)state;
    static const enum port_alg algs[] = {PORT_ALG_P256, PORT_ALG_P384, PORT_ALG_RSA2048};
    struct port_tlsa *rec = calloc(1, sizeof *rec);
    assert_non_null(rec);
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        struct key *key = NULL;
        struct key_loader loader = keydir_loader(dir);
        make(algs[i]);
        assert_int_equal(keydir_ops.tlsa(dir, spki, (struct model_combo){3, 1, 1}, rec, &err),
                         OUT_OK);
        assert_int_equal(rec->len, MODEL_ID_LEN);
        assert_memory_equal(rec->data, spki, MODEL_ID_LEN); /* the name is the record */
        assert_int_equal(loader.load(loader.self, spki, &key, &err), OUT_OK);
        assert_int_equal(key_alg(key), algs[i]);
        key_free(&key);
    }
    assert_int_equal(keydir_ops.tlsa(dir, spki, (struct model_combo){3, 0, 1}, rec, &err),
                     OUT_REFUSED);
    free(rec);
}

static void a_key_is_adopted(void **state)
{
    (void)state;
    struct key *key = NULL;
    struct key_pem pem;
    uint8_t made[MODEL_ID_LEN];
    assert_int_equal(key_make(PORT_ALG_P256, &key, &err), OUT_OK);
    key_spki(key, made);
    assert_int_equal(key_to_pem(key, &pem, &err), OUT_OK);
    key_free(&key);
    assert_int_equal(keydir_ops.have(dir, made, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, ".pem: this key is not on disk: restore the folder"));
    assert_int_equal(keydir_ops.adopt(dir, pem.text, spki, &err), OUT_OK);
    assert_memory_equal(spki, made, sizeof made);
    assert_int_equal(keydir_ops.adopt(dir, pem.text, spki, &err), OUT_OK); /* again */
    assert_int_equal(keydir_ops.have(dir, made, &err), OUT_OK);
    assert_int_equal(keydir_ops.adopt(dir, "no key", spki, &err), OUT_REFUSED);
    key_pem_wipe(&pem);
}

static void only_a_trustworthy_file_is_had(void **state)
{
    (void)state;
    uint8_t other[MODEL_ID_LEN];
    char first[400];
    make(PORT_ALG_P256);
    memcpy(other, spki, sizeof other);
    assert_true(text_format(first, sizeof first, "%s", file_of(other)));
    assert_int_equal(chmod(first, 0640), 0);
    assert_int_equal(keydir_ops.have(dir, other, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "has mode 0640, which lets others read it: chmod go="));
    assert_int_equal(chmod(first, 0600), 0);
    err_clear(&err);
    make(PORT_ALG_P256);
    assert_int_equal(rename(first, file_of(spki)), 0); /* another key under this one's name */
    assert_int_equal(keydir_ops.have(dir, spki, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "holds another key than its name says"));
    assert_int_equal(symlink(file_of(spki), first), 0);
    assert_int_equal(keydir_ops.have(dir, other, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "is a symbolic link"));
    int fd = open(file_of(spki), O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(keydir_ops.have(dir, spki, &err), OUT_REFUSED);
}

static void a_key_that_does_not_last_is_none(void **state)
{
    (void)state;
    for (int n = 1; n <= 2; n++) {
        fail_fsync = n;
        assert_int_equal(keydir_ops.make(dir, PORT_ALG_P256, spki, &err), OUT_BROKEN);
        assert_non_null(strstr(err.text, "Input/output error"));
        assert_null(strstr(err.text, "PRIVATE"));
    }
}

static void a_shredded_key_is_gone(void **state)
{
    (void)state;
    char text[64];
    make(PORT_ALG_P256);
    int fd = open(file_of(spki), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    fsyncs = 0;
    assert_int_equal(keydir_ops.shred(dir, spki, &err), OUT_OK);
    assert_int_equal(fsyncs, 2); /* the zeros, the folder */
    assert_int_equal(access(file_of(spki), F_OK), -1);
    assert_int_equal(read(fd, text, sizeof text), (ssize_t)sizeof text);
    for (size_t i = 0; i < sizeof text; i++)
        assert_int_equal(text[i], 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(keydir_ops.have(dir, spki, &err), OUT_REFUSED);
    assert_int_equal(keydir_ops.shred(dir, spki, &err), OUT_OK);
}

static void a_folder_that_others_see_is_refused(void **state)
{
    (void)state;
    struct keydir *again = NULL;
    assert_true(text_format(path, sizeof path, "%s/keys", top));
    assert_int_equal(chmod(path, 0750), 0);
    assert_int_equal(keydir_open(path, FILE_NO_OWNER, &again, &err), OUT_REFUSED);
    assert_null(again);
    assert_int_equal(chmod(path, 0700), 0);
    keydir_close(&again);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_made_to_last),
        TEST(each_algorithm_gives_its_record),
        TEST(a_key_is_adopted),
        TEST(only_a_trustworthy_file_is_had),
        TEST(a_key_that_does_not_last_is_none),
        TEST(a_shredded_key_is_gone),
        TEST(a_folder_that_others_see_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
