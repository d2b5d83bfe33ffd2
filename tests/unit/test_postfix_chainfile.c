/* SPDX-License-Identifier: BSD-2-Clause */
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

#include "chains.h"
#include "crypto/bundle.h"
#include "pki.h"
#include "postfix/chainfile.h"
#include "scratch.h"

static struct chains chains;
static struct scratch scratch;
static char path[SCRATCH_MAX]; /* DIR/tls/chain.pem */

static int make(void **state)
{
    (void)state;
    chains_begin(&chains);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    chains_end(&chains);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    scratch_begin(&scratch);
    scratch_mkdir(&scratch, "tls", 0755);
    (void)snprintf(path, sizeof path, "%s", scratch_path(&scratch, "tls/chain.pem"));
    return 0;
}

static int end(void **state)
{
    (void)state;
    scratch_end(&scratch);
    return 0;
}

static enum outcome install(const struct port_part *parts, struct err *err)
{
    return chainfile_install(path, parts, 2, &chains.keys, err);
}

static void installed(const struct port_part *parts)
{
    struct err err = ERR_INIT;
    enum outcome out = install(parts, &err);
    if (out != OUT_OK)
        print_error("%s\n", err.text);
    assert_int_equal(out, OUT_OK);
}

/* The file DIR/tls/NAME holds exactly these parts. */
static void holds(const char *name, const struct port_part *parts)
{
    char *want = chains_text(&chains, parts);
    char *text = scratch_read(&scratch, name);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
    free(want);
}

static void look(const char *name, struct stat *info)
{
    assert_int_equal(lstat(scratch_path(&scratch, name), info), 0);
}

static void a_first_file_is_closed_to_others(void **state)
{
    (void)state;
    struct stat info;
    mode_t old = umask(0);
    installed(chains.old);
    (void)umask(old);
    holds("tls/chain.pem", chains.old);
    look("tls/chain.pem", &info);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_false(scratch_exists(&scratch, "tls/chain.pem.next"));
    assert_false(scratch_exists(&scratch, "tls/chain.pem.previous"));
}

static void the_old_one_is_kept_and_shredded_on_demand(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    installed(chains.old);
    installed(chains.new);
    holds("tls/chain.pem", chains.new);
    holds("tls/chain.pem.previous", chains.old);
    assert_int_equal(chainfile_shred_old(path, &err), OUT_OK);
    assert_false(scratch_exists(&scratch, "tls/chain.pem.previous"));
    holds("tls/chain.pem", chains.new);
    assert_int_equal(chainfile_shred_old(path, &err), OUT_OK); /* gone already */
}

/* A file that is open already shows what shredding left of it. */
static void shredding_overwrites(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    installed(chains.old);
    installed(chains.new);
    FILE *in = fopen(scratch_path(&scratch, "tls/chain.pem.previous"), "r");
    assert_non_null(in);
    assert_int_equal(chainfile_shred_old(path, &err), OUT_OK);
    size_t n = 0;
    for (int c = fgetc(in); c != EOF; c = fgetc(in)) {
        assert_int_equal(c, 0);
        n++;
    }
    char *text = chains_text(&chains, chains.old);
    assert_int_equal(n, strlen(text));
    free(text);
    assert_int_equal(fclose(in), 0);
}

static void the_same_content_changes_nothing(void **state)
{
    (void)state;
    struct stat before;
    struct stat after;
    installed(chains.old);
    installed(chains.new);
    look("tls/chain.pem", &before);
    installed(chains.new);
    installed(chains.new);
    look("tls/chain.pem", &after);
    assert_int_equal(before.st_ino, after.st_ino);
    holds("tls/chain.pem.previous", chains.old);
}

static void the_mode_is_kept(void **state)
{
    (void)state;
    struct stat info;
    installed(chains.old);
    assert_int_equal(chmod(path, 0640), 0);
    installed(chains.new);
    look("tls/chain.pem", &info);
    assert_int_equal(info.st_mode & 07777, 0640);
}

static void the_owner_is_kept(void **state)
{
    (void)state;
    struct stat info;
    if (geteuid() != 0)
        skip(); /* nobody else can give files away */
    installed(chains.old);
    assert_int_equal(chown(path, 0, 4242), 0);
    installed(chains.new);
    look("tls/chain.pem", &info);
    assert_int_equal(info.st_gid, 4242);
    assert_int_equal(info.st_uid, 0);
}

static void what_is_read_is_what_was_installed(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    assert_int_equal(chainfile_read(path, parts, &n, &err), OUT_OK);
    assert_int_equal(n, 0); /* no file yet */
    installed(chains.old);
    n = PORT_PARTS_MAX;
    assert_int_equal(chainfile_read(path, parts, &n, &err), OUT_OK);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(parts[i].alg, chains.old[i].alg);
        assert_string_equal(parts[i].chain_pem, chains.old[i].chain_pem);
        assert_string_equal(parts[i].key_pem, chains.key_pem[i]);
    }
    bundle_free(parts, n);
    scratch_write(&scratch, "tls/chain.pem", "rubbish", 0600);
    n = PORT_PARTS_MAX;
    assert_int_equal(chainfile_read(path, parts, &n, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "chain.pem: no private key"));
    assert_int_equal(n, 0);
}

/* Whatever the file holds, a right one may replace it. */
static void a_broken_file_is_replaced(void **state)
{
    (void)state;
    scratch_write(&scratch, "tls/chain.pem", "rubbish", 0600);
    installed(chains.new);
    holds("tls/chain.pem", chains.new);
    char *text = scratch_read(&scratch, "tls/chain.pem.previous");
    assert_string_equal(text, "rubbish");
    free(text);
}

/* Row 46, and the others of its kind: the file stays. */
static void wrong_parts_never_reach_the_file(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char rubbish[] = "rubbish";
    char *both = pki_join(chains.new[0].chain_pem, chains.key_pem[2]);
    struct port_part rows[5][2] = {{chains.new[0], chains.new[1]},
                                   {chains.new[0], chains.new[1]},
                                   {chains.new[0], chains.new[1]},
                                   {chains.new[0], chains.new[0]},
                                   {chains.new[0], chains.new[1]}};
    rows[0][0].chain_pem = chains.old[0].chain_pem; /* does not fit its key */
    rows[1][1].chain_pem = rubbish;
    rows[2][0].spki[5] ^= 1;     /* no such key */
    rows[4][0].chain_pem = both; /* a private key in the chain */
    installed(chains.old);
    for (size_t i = 0; i < 5; i++) {
        enum outcome out = install(rows[i], &err);
        if (out != OUT_REFUSED)
            print_error("row %zu: %s: %s\n", i, err_outcome_name(out), err.text);
        assert_int_equal(out, OUT_REFUSED);
        assert_non_null(strstr(err.text, "is left as it is"));
        holds("tls/chain.pem", chains.old);
        assert_false(scratch_exists(&scratch, "tls/chain.pem.next"));
        assert_false(scratch_exists(&scratch, "tls/chain.pem.previous"));
    }
    free(both);
}

static void refused(const char *why)
{
    struct err err = ERR_INIT;
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    enum outcome out = install(chains.new, &err);
    if (out != OUT_REFUSED || strstr(err.text, why) == NULL)
        print_error("expected \"%s\", got %s: %s\n", why, err_outcome_name(out), err.text);
    assert_int_equal(out, OUT_REFUSED);
    assert_non_null(strstr(err.text, why));
    assert_false(scratch_exists(&scratch, "tls/chain.pem.next"));
    err_clear(&err);
    assert_int_equal(chainfile_read(path, parts, &n, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, why));
}

/* Rows 54 and 55. */
static void links_are_refused(void **state)
{
    (void)state;
    char target[SCRATCH_MAX];
    scratch_write(&scratch, "real.pem", "x", 0600);
    (void)snprintf(target, sizeof target, "%s", scratch_path(&scratch, "real.pem"));
    assert_int_equal(symlink(target, path), 0);
    refused("is a symbolic link");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(link(target, path), 0);
    refused("has 2 names");
    assert_int_equal(unlink(path), 0);
    char *text = scratch_read(&scratch, "real.pem");
    assert_string_equal(text, "x");
    free(text);
    assert_int_equal(symlink("/does/not/exist", path), 0);
    refused("is a symbolic link");
}

static void links_among_the_folders_are_refused(void **state)
{
    (void)state;
    char link_path[SCRATCH_MAX];
    (void)snprintf(link_path, sizeof link_path, "%s", scratch_path(&scratch, "alias"));
    assert_int_equal(symlink("tls", link_path), 0);
    (void)snprintf(path, sizeof path, "%s", scratch_path(&scratch, "alias/chain.pem"));
    refused("alias is a symbolic link");
    scratch_mkdir(&scratch, "tls/deep", 0755);
    (void)snprintf(path, sizeof path, "%s", scratch_path(&scratch, "alias/deep/chain.pem"));
    refused("alias is a symbolic link");
}

static void files_and_folders_open_to_others_are_refused(void **state)
{
    (void)state;
    static const mode_t wide[] = {0644, 0604, 0602, 0660, 0620, 0601, 0610};
    static const mode_t folders[] = {0775, 0757, 0777, 01777};
    installed(chains.old);
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        assert_int_equal(chmod(path, wide[i]), 0);
        refused("chmod 0600 it");
    }
    assert_int_equal(chmod(path, 0600), 0);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        assert_int_equal(chmod(scratch_path(&scratch, "tls"), folders[i]), 0);
        refused("chmod go-w it");
    }
    assert_int_equal(chmod(scratch_path(&scratch, "tls"), 0755), 0);
    assert_int_equal(chmod(scratch.dir, 0777), 0); /* the folder above */
    refused("is writable by others");
    assert_int_equal(chmod(scratch.dir, 0700), 0);
    installed(chains.new);
}

static void owners_that_are_not_root_are_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* nobody else can give files away */
    installed(chains.old);
    assert_int_equal(chown(path, 4242, 0), 0);
    refused("chown root it");
    assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(chown(scratch_path(&scratch, "tls"), 4242, 0), 0);
    refused("chown root it");
    assert_int_equal(chown(scratch_path(&scratch, "tls"), 0, 0), 0);
    assert_int_equal(chown(scratch.dir, 4242, 0), 0);
    refused("chown root it");
    assert_int_equal(chown(scratch.dir, 0, 0), 0);
    installed(chains.new);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0); /* and nobody hangs on it */
    refused("not a regular file");
    assert_int_equal(unlink(path), 0);
    scratch_mkdir(&scratch, "tls/chain.pem", 0700);
    refused("not a regular file");
}

static void paths_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"chain.pem", "",        "/",          "/tmp/",
                                       "/tmp/../x", "/tmp//x", "/tmp/./x/y", "tls/chain.pem",
                                       "//tmp/a/x", "/tmp/..", "/tmp/.",     "/.."};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)snprintf(path, sizeof path, "%s", rows[i]);
        struct err err = ERR_INIT;
        assert_int_equal(install(chains.new, &err), OUT_REFUSED);
    }
    (void)snprintf(path, sizeof path, "%s", scratch_path(&scratch, "none/chain.pem"));
    struct err err = ERR_INIT;
    assert_int_equal(install(chains.new, &err), OUT_BROKEN);
    assert_non_null(strstr(err.text, "cannot open the folder"));
    scratch_write(&scratch, "file", "x", 0600);
    (void)snprintf(path, sizeof path, "%s", scratch_path(&scratch, "file/chain.pem"));
    assert_int_equal(install(chains.new, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "is not a folder"));
}

static void a_file_too_large_is_refused(void **state)
{
    (void)state;
    char *text = malloc(BUNDLE_MAX + 2);
    assert_non_null(text);
    memset(text, '\n', BUNDLE_MAX + 1);
    text[BUNDLE_MAX + 1] = '\0';
    scratch_write(&scratch, "tls/chain.pem", text, 0600);
    refused("larger than");
    free(text);
}

/* What a crash may leave beside, in every combination. */
static void leftovers_are_cleared(void **state)
{
    (void)state;
    char other[SCRATCH_MAX];
    installed(chains.old);
    scratch_write(&scratch, "tls/chain.pem.next", "half a file", 0600);
    installed(chains.new);
    holds("tls/chain.pem", chains.new);
    assert_false(scratch_exists(&scratch, "tls/chain.pem.next"));
    /* between link and rename: two names of one inode */
    assert_int_equal(unlink(scratch_path(&scratch, "tls/chain.pem.previous")), 0);
    (void)snprintf(other, sizeof other, "%s", scratch_path(&scratch, "tls/chain.pem.previous"));
    assert_int_equal(link(path, other), 0);
    scratch_write(&scratch, "tls/chain.pem.next", "a whole file", 0600);
    struct err err = ERR_INIT;
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    assert_int_equal(chainfile_read(path, parts, &n, &err), OUT_OK);
    bundle_free(parts, n);
    assert_int_equal(link(path, other), 0);
    installed(chains.old);
    holds("tls/chain.pem", chains.old);
    holds("tls/chain.pem.previous", chains.new);
    assert_int_equal(chainfile_shred_old(path, &err), OUT_OK);
    assert_int_equal(link(path, other), 0);
    scratch_write(&scratch, "tls/chain.pem.next", "half", 0600);
    assert_int_equal(chainfile_shred_old(path, &err), OUT_OK);
    holds("tls/chain.pem", chains.old); /* not overwritten through its second name */
    assert_false(scratch_exists(&scratch, "tls/chain.pem.next"));
    assert_false(scratch_exists(&scratch, "tls/chain.pem.previous"));
}

static void no_open_file_is_left(void **state)
{
    (void)state;
    size_t before = scratch_open_files();
    installed(chains.old);
    installed(chains.new);
    assert_int_equal(chmod(path, 0644), 0);
    refused("chmod 0600 it");
    assert_int_equal(scratch_open_files(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static enum outcome over(const struct port_part *parts, const struct port_part *expect, size_t n,
                         struct err *err)
{
    return chainfile_install_over(path, parts, 2, expect, n, &chains.keys, err);
}

static void what_is_not_expected_is_left_alone(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct port_part turned[2] = {chains.old[1], chains.old[0]};
    struct port_part mixed[2] = {chains.old[0], chains.new[1]};
    assert_int_equal(over(chains.old, chains.old, 2, &err), OUT_NOT_YET); /* there is no file */
    assert_false(scratch_exists(&scratch, "tls/chain.pem"));
    assert_int_equal(over(chains.old, chains.old, 0, &err), OUT_OK);
    assert_int_equal(over(chains.new, chains.new, 2, &err), OUT_NOT_YET);
    assert_non_null(strstr(err.text, "chain.pem was changed by somebody else while it was to be"));
    assert_int_equal(over(chains.new, mixed, 2, &err), OUT_NOT_YET);
    assert_int_equal(over(chains.new, chains.old, 1, &err), OUT_NOT_YET);
    assert_int_equal(over(chains.new, chains.old, 0, &err), OUT_NOT_YET);
    holds("tls/chain.pem", chains.old);
    assert_false(scratch_exists(&scratch, "tls/chain.pem.next"));
    assert_false(scratch_exists(&scratch, "tls/chain.pem.previous"));
    assert_int_equal(over(chains.new, turned, 2, &err), OUT_OK);
    holds("tls/chain.pem", chains.new);
    assert_int_equal(over(chains.new, chains.old, 2, &err), OUT_OK); /* done already */
    assert_int_equal(over(chains.old, NULL, 0, &err), OUT_OK);
    holds("tls/chain.pem", chains.old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_first_file_is_closed_to_others),
        TEST(the_old_one_is_kept_and_shredded_on_demand),
        TEST(shredding_overwrites),
        TEST(the_same_content_changes_nothing),
        TEST(the_mode_is_kept),
        TEST(the_owner_is_kept),
        TEST(what_is_read_is_what_was_installed),
        TEST(a_broken_file_is_replaced),
        TEST(wrong_parts_never_reach_the_file),
        TEST(links_are_refused),
        TEST(links_among_the_folders_are_refused),
        TEST(files_and_folders_open_to_others_are_refused),
        TEST(owners_that_are_not_root_are_refused),
        TEST(what_is_no_file_is_refused),
        TEST(paths_that_are_none_are_refused),
        TEST(a_file_too_large_is_refused),
        TEST(leftovers_are_cleared),
        TEST(what_is_not_expected_is_left_alone),
        TEST(no_open_file_is_left),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
