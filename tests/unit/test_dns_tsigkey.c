/* SPDX-License-Identifier: BSD-2-Clause */
/* tsigkey: BIND's key files, and who may read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/tsigfile.h"
#include "dns/tsigkey.h"

#define SECRET "bXkgc2VjcmV0IGtleSBkYXRh"
#define GOOD "key \"danemilter\" {\n\talgorithm hmac-sha256;\n\tsecret \"" SECRET "\";\n};\n"

static void files_are_parsed(void **state)
{
    (void)state;
    const struct {
        const char *text, *says; /* says NULL: good */
    } rows[] = {
        {GOOD, NULL},
        {"key danemilter. { secret \"" SECRET "\"; algorithm HMAC-SHA256; };", NULL},
        {"# c\n// c\n/* c\nc */ key \"danemilter\"{algorithm hmac-sha256.;secret " SECRET ";};",
         NULL},
        {"", "\"key\" is missing"},
        {"key", "a value is missing"},
        {"key \"danemilter\" ", "\"{\" is missing"},
        {"key \"danemilter\" { algorithm hmac-sha256; };", "missing"},
        {"key \"danemilter\" { secret \"" SECRET "\"; };", "missing"},
        {"key \"danemilter\" { algorithm hmac-sha256; secret \"" SECRET "\" };",
         "\";\" is missing"},
        {"key \"danemilter\" { algorithm hmac-sha256; secret \"" SECRET "\"; }",
         "\";\" is missing"},
        {GOOD GOOD, "one key a file"},
        {"key \"d\" { algorithm hmac-sha256; algorithm hmac-sha256; secret \"" SECRET "\"; };",
         "given twice"},
        {"key \"d\" { algorithm hmac-md5; secret \"" SECRET "\"; };", "algorithm cannot"},
        {"key \"d\" { algorithm hmac-sha384; secret \"" SECRET "\"; };", "algorithm cannot"},
        {"key \"d\" { algorithm " SECRET "; secret \"" SECRET "\"; };", "algorithm cannot"},
        {"key \"d\" { algorithm hmac-sha256; secret \"not base64!\"; };", "not base64"},
        {"key \"d\" { algorithm hmac-sha256; secret \"QUJD\"; };", "not base64"},
        {"key \"d\" { algorithm hmac-sha256; secret \"QUJDREVGR0g=\"; };", "10 octets"},
        {"key \"a..b\" { algorithm hmac-sha256; secret \"" SECRET "\"; };", "name"},
        {"key \"d\" { port 53; };", "neither algorithm nor secret"},
        {"/* key", "never ends"},
        {"key \"d", "not closed"},
        {"\n\n\nkey \"d\" { x", "origin:4:"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct tsigkey *key = NULL;
        enum outcome out = tsigkey_parse(rows[i].text, "origin", &key, &err);
        print_message("%zu: %s\n", i, err.text);
        assert_null(strstr(err.text, SECRET));
        if (rows[i].says == NULL) {
            assert_int_equal(out, OUT_OK);
            assert_string_equal(key->name, "danemilter.");
            assert_string_equal(key->algorithm, "hmac-sha256.");
            assert_string_equal(key->secret, SECRET);
        } else {
            assert_int_equal(out, OUT_REFUSED);
            assert_null(key);
            assert_non_null(strstr(err.text, "origin"));
            assert_non_null(strstr(err.text, rows[i].says));
        }
        tsigkey_free(&key);
        assert_null(key);
    }
}

static void a_word_too_long_is_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct tsigkey *key = NULL;
    char *text = malloc(4000);
    assert_non_null(text);
    memset(text, 'A', 3999);
    text[3999] = '\0';
    assert_int_equal(tsigkey_parse(text, "origin", &key, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "too long"));
    free(text);
}

/* ---- files --------------------------------------------------------------------------- */

struct folder {
    char path[64];
    char key[128];
    char link[128];
};

static int setup(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->path, sizeof f->path, "/tmp/danemilter-tsigkey-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    (void)snprintf(f->key, sizeof f->key, "%s/key", f->path);
    (void)snprintf(f->link, sizeof f->link, "%s/link", f->path);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct folder *f = *state;
    (void)unlink(f->key);
    (void)unlink(f->link);
    assert_int_equal(rmdir(f->path), 0);
    free(f);
    return 0;
}

static void write_key(const struct folder *f, const char *text, size_t len, mode_t mode)
{
    (void)unlink(f->key);
    FILE *file = fopen(f->key, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(f->key, mode), 0);
}

static void only_private_files_are_read(void **state)
{
    struct folder *f = *state;
    const struct {
        mode_t mode;
        bool good;
    } rows[] = {{0600, true},  {0400, true},  {0640, true},  {0644, false},
                {0604, false}, {0660, false}, {0602, false}, {0666, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct tsigkey *key = NULL;
        write_key(f, GOOD, strlen(GOOD), rows[i].mode);
        enum outcome out = tsigkey_read(f->key, &key, &err);
        print_message("%04o: %s\n", (unsigned)rows[i].mode, err.text);
        assert_int_equal(out, rows[i].good ? OUT_OK : OUT_REFUSED);
        if (!rows[i].good)
            assert_non_null(strstr(err.text, f->key));
        tsigkey_free(&key);
    }
}

static void links_missing_and_odd_files_are_refused(void **state)
{
    struct folder *f = *state;
    struct err err = ERR_INIT;
    struct tsigkey *key = NULL;
    char *big = calloc(1, TSIGFILE_MAX + 1);
    assert_non_null(big);
    memset(big, ' ', TSIGFILE_MAX + 1);
    write_key(f, GOOD, strlen(GOOD), 0600);
    assert_int_equal(symlink(f->key, f->link), 0);
    assert_int_equal(tsigkey_read(f->link, &key, &err), OUT_REFUSED);
    assert_int_equal(tsigkey_read(f->path, &key, &err), OUT_REFUSED);
    write_key(f, big, TSIGFILE_MAX + 1, 0600);
    assert_int_equal(tsigkey_read(f->key, &key, &err), OUT_REFUSED);
    write_key(f, GOOD "\0x", sizeof(GOOD "\0x") - 1, 0600);
    assert_int_equal(tsigkey_read(f->key, &key, &err), OUT_REFUSED);
    assert_int_equal(unlink(f->key), 0);
    assert_int_equal(tsigkey_read(f->key, &key, &err), OUT_REFUSED);
    print_message("%s\n", err.text);
    assert_null(key);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_parsed),
        cmocka_unit_test(a_word_too_long_is_refused),
        cmocka_unit_test_setup_teardown(only_private_files_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(links_missing_and_odd_files_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
