/* SPDX-License-Identifier: BSD-2-Clause */
/* Real files in a folder below $TMPDIR; fsync, rename, write and fstat are wrapped at link time,
 * so that a test can make one of them fail, or a file somebody else's. */
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

static const struct file_rule any = {FILE_ANY_READER, FILE_NO_OWNER};
static const struct file_rule group = {FILE_GROUP_READER, FILE_NO_OWNER};
static const struct file_rule private = {FILE_PRIVATE, FILE_NO_OWNER};

/* What the next call is to fail with; 0 = nothing. `skip` calls go through first. */
static struct {
    int fsync, rename, write;
    int skip;
} fail;
static uid_t stranger; /* owner of every plain file, unless 0 */

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

int __wrap_fstat(int fd, struct stat *st)
{
    int res = __real_fstat(fd, st);
    if (res == 0 && stranger != 0 && S_ISREG(st->st_mode))
        st->st_uid = stranger;
    return res;
}

static int fails(int *with)
{
    if (*with == 0 || fail.skip-- > 0)
        return 0;
    errno = *with;
    *with = 0;
    return 1;
}

int __wrap_fsync(int fd)
{
    return fails(&fail.fsync) ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return fails(&fail.rename) ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

ssize_t __wrap_write(int fd, const void *buf, size_t len)
{
    return fails(&fail.write) ? -1 : __real_write(fd, buf, len);
}

struct fixture {
    char top[256];
    char path[512];
    struct file_folder folder;
    struct err err;
    char *data;
    size_t len;
};

static const char *path_of(struct fixture *f, const char *name)
{
    assert_true(text_format(f->path, sizeof f->path, "%s/%s", f->top, name));
    return f->path;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *tmp = getenv("TMPDIR");
    if (f == NULL ||
        !text_format(f->top, sizeof f->top, "%s/test_file.XXXXXX", tmp == NULL ? "/tmp" : tmp))
        return -1;
    if (mkdtemp(f->top) == NULL || file_folder_open(f->top, private, &f->folder, &f->err) != OUT_OK)
        return -1;
    memset(&fail, 0, sizeof fail);
    stranger = 0;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"a", "a.new", "b", "link", "fifo"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlinkat(f->folder.fd, names[i], 0);
    file_folder_close(&f->folder);
    (void)rmdir(path_of(f, "sub/deep"));
    (void)rmdir(path_of(f, "sub"));
    int left = rmdir(f->top);
    free(f->data);
    free(f);
    return left;
}

static void lay(struct fixture *f, const char *name, const char *content, mode_t mode)
{
    int fd = openat(f->folder.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(__real_write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(close(fd), 0);
}

static enum outcome take(struct fixture *f, const char *name, struct file_rule rule)
{
    free(f->data);
    f->data = NULL;
    err_clear(&f->err);
    return file_read_at(&f->folder, name, rule, 64, &f->data, &f->len, &f->err);
}

static bool there(struct fixture *f, const char *name)
{
    struct stat st;
    return fstatat(f->folder.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void says(struct fixture *f, const char *fmt)
{
    char want[1024];
    char name[300];
    struct text t;
    text_init(&t, want, sizeof want);
    assert_true(text_format(name, sizeof name, "%s", f->top));
    for (const char *p = fmt; *p != '\0'; p++) {
        if (*p == '@')
            text_add(&t, "%s", name);
        else
            text_add(&t, "%c", *p);
    }
    assert_string_equal(f->err.text, want);
}

static void what_is_written_can_be_read(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    lay(f, "a.new", "left by a crash", 0644);
    assert_int_equal(file_write_at(&f->folder, "a", 0600, "one", 3, &f->err), OUT_OK);
    assert_int_equal(take(f, "a", private), OUT_OK);
    assert_string_equal(f->data, "one");
    assert_int_equal(f->len, 3);
    assert_int_equal(file_write_at(&f->folder, "a", 0640, "", 0, &f->err), OUT_OK);
    assert_int_equal(take(f, "a", group), OUT_OK);
    assert_int_equal(f->len, 0);
    assert_int_equal(fstatat(f->folder.fd, "a", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_false(there(f, "a.new"));
    free(f->data);
    f->data = NULL;
    assert_int_equal(file_read(path_of(f, "a"), any, 64, &f->data, &f->len, &f->err), OUT_OK);
}

static void reading_has_a_ceiling(void **state)
{
    struct fixture *f = *state;
    char big[66];
    memset(big, 'x', sizeof big);
    assert_int_equal(file_write_at(&f->folder, "a", 0600, big, 64, &f->err), OUT_OK);
    assert_int_equal(take(f, "a", private), OUT_OK);
    assert_int_equal(file_write_at(&f->folder, "a", 0600, big, 65, &f->err), OUT_OK);
    assert_int_equal(take(f, "a", private), OUT_REFUSED);
    says(f,
         "@/a is larger than the 64 octets that such a file may have (or grew while it was read)");
}

static void links_and_oddities_are_refused(void **state)
{
    struct fixture *f = *state;
    lay(f, "a", "x", 0600);
    assert_int_equal(symlinkat("a", f->folder.fd, "link"), 0);
    assert_int_equal(take(f, "link", private), OUT_REFUSED);
    says(f, "@/link is a symbolic link: put the file itself there, or name its real path");
    assert_int_equal(linkat(f->folder.fd, "a", f->folder.fd, "b", 0), 0);
    assert_int_equal(take(f, "b", private), OUT_REFUSED);
    says(f, "@/b has 2 names (hard links): remove the others, or put a copy there");
    assert_int_equal(mkfifo(path_of(f, "fifo"), 0600), 0);
    assert_int_equal(take(f, "fifo", private), OUT_REFUSED);
    says(f, "@/fifo is not a plain file");
    assert_int_equal(take(f, "none", private), OUT_NOT_YET);
    says(f, "@/none does not exist");
}

static void modes_are_judged(void **state)
{
    struct fixture *f = *state;
    static const struct {
        mode_t mode;
        bool any, group, private;
    } rows[] = {
        {0600, true, true, true},    {0400, true, true, true},    {0640, true, true, false},
        {0644, true, false, false},  {0660, false, false, false}, {0602, false, false, false},
        {0666, false, false, false}, {0610, true, true, false},   {0601, true, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        lay(f, "a", "x", 0600);
        assert_int_equal(fchmodat(f->folder.fd, "a", rows[i].mode, 0), 0);
        assert_int_equal(take(f, "a", any), rows[i].any ? OUT_OK : OUT_REFUSED);
        assert_int_equal(take(f, "a", group), rows[i].group ? OUT_OK : OUT_REFUSED);
        assert_int_equal(take(f, "a", private), rows[i].private ? OUT_OK : OUT_REFUSED);
        assert_int_equal(unlinkat(f->folder.fd, "a", 0), 0);
    }
    lay(f, "a", "x", 0644);
    assert_int_equal(take(f, "a", group), OUT_REFUSED);
    says(f, "@/a has mode 0644, which lets others read it: chmod g-w,o= @/a");
    assert_int_equal(fchmodat(f->folder.fd, "a", 0622, 0), 0);
    assert_int_equal(take(f, "a", private), OUT_REFUSED);
    says(f, "@/a has mode 0622, which lets others change it: chmod go= @/a");
}

static void a_stranger_s_file_is_refused(void **state)
{
    struct fixture *f = *state;
    lay(f, "a", "x", 0600);
    stranger = 4711;
    assert_int_equal(take(f, "a", private), OUT_REFUSED);
    says(f, "@/a belongs to user 4711, who could change it: it must belong to root or to the user "
            "danemilter runs as");
    assert_int_equal(take(f, "a", (struct file_rule){FILE_PRIVATE, 4711}), OUT_OK);
    assert_int_equal(take(f, "a", (struct file_rule){FILE_PRIVATE, 4712}), OUT_REFUSED);
    stranger = 0;
    assert_int_equal(take(f, "a", private), OUT_OK);
}

static void folders_are_walked_without_links(void **state)
{
    struct fixture *f = *state;
    struct file_folder sub;
    char link[600];
    assert_int_equal(file_folder_open(path_of(f, "sub"), private, &sub, &f->err), OUT_NOT_YET);
    says(f, "@/sub does not exist");
    assert_int_equal(file_folder_make(path_of(f, "sub/deep"), FILE_NO_OWNER, &sub, &f->err),
                     OUT_BROKEN);
    says(f, "@/sub does not exist");
    assert_int_equal(file_folder_make(path_of(f, "sub/"), FILE_NO_OWNER, &sub, &f->err), OUT_OK);
    assert_int_equal(file_folder_sync(&sub, &f->err), OUT_OK);
    file_folder_close(&sub);
    assert_int_equal(file_folder_make(path_of(f, "sub//deep"), FILE_NO_OWNER, &sub, &f->err),
                     OUT_OK);
    file_folder_close(&sub);
    assert_int_equal(symlinkat("sub", f->folder.fd, "link"), 0);
    assert_true(text_format(link, sizeof link, "%s/link/deep", f->top));
    assert_int_equal(file_folder_open(link, private, &sub, &f->err), OUT_REFUSED);
    says(f, "@/link is a symbolic link: put the file itself there, or name its real path");
    assert_int_equal(chmod(path_of(f, "sub"), 0775), 0);
    assert_int_equal(file_folder_open(path_of(f, "sub"), private, &sub, &f->err), OUT_REFUSED);
    says(f, "@/sub has mode 0775, which lets others change it: chmod go= @/sub");
    assert_int_equal(chmod(path_of(f, "sub"), 0777), 0);
    assert_int_equal(file_folder_open(path_of(f, "sub/deep"), private, &sub, &f->err), OUT_REFUSED);
    says(f, "@/sub has mode 0777, which lets others change it: chmod go-w @/sub");
    assert_int_equal(chmod(path_of(f, "sub"), 01777), 0);
    assert_int_equal(file_folder_open(path_of(f, "sub/deep"), private, &sub, &f->err), OUT_OK);
    file_folder_close(&sub);
}

static void a_failed_write_leaves_the_old_file(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int write, fsync, rename;
        const char *why;
    } rows[] = {
        {ENOSPC, 0, 0, "cannot write @/a.new: No space left on device; free some space there"},
        {0, EIO, 0,
         "cannot fsync @/a.new: Input/output error; the disk fails: look at the kernel log"},
        {0, 0, EROFS,
         "cannot rename to @/a: Read-only file system; the file system is mounted read-only: look "
         "for disk errors in the kernel log"},
    };
    assert_int_equal(file_write_at(&f->folder, "a", 0600, "old", 3, &f->err), OUT_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fail.write = rows[i].write;
        fail.fsync = rows[i].fsync;
        fail.rename = rows[i].rename;
        assert_int_equal(file_write_at(&f->folder, "a", 0600, "new", 3, &f->err), OUT_BROKEN);
        says(f, rows[i].why);
        assert_int_equal(take(f, "a", private), OUT_OK);
        assert_string_equal(f->data, "old");
        if (rows[i].rename == 0)
            assert_false(there(f, "a.new"));
    }
}

static void a_folder_that_does_not_sync_is_told(void **state)
{
    struct fixture *f = *state;
    fail.fsync = EIO;
    fail.skip = 1;
    assert_int_equal(file_write_at(&f->folder, "a", 0600, "new", 3, &f->err), OUT_BROKEN);
    says(f, "@/a is in place, but may not survive a power cut: cannot fsync the folder @: "
            "Input/output error; the disk fails: look at the kernel log");
}

static void staged_content_waits_for_its_commit(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(file_stage_at(&f->folder, "a", 0600, "x", 1, &f->err), OUT_OK);
    assert_true(there(f, "a.new"));
    assert_false(there(f, "a"));
    assert_int_equal(file_unstage_at(&f->folder, "a", &f->err), OUT_OK);
    assert_false(there(f, "a.new"));
    assert_int_equal(file_stage_at(&f->folder, "a", 0600, "x", 1, &f->err), OUT_OK);
    assert_int_equal(file_commit_at(&f->folder, "a", &f->err), OUT_OK);
    assert_true(there(f, "a"));
    assert_int_equal(file_stage_at(&f->folder, "x/y", 0600, "x", 1, &f->err), OUT_REFUSED);
    assert_string_equal(f->err.text, "\"x/y\" is not a possible name of a file");
}

static void shredding_overwrites_before_it_unlinks(void **state)
{
    struct fixture *f = *state;
    char big[5000];
    memset(big, 'k', sizeof big);
    assert_int_equal(file_write_at(&f->folder, "a", 0600, big, sizeof big, &f->err), OUT_OK);
    int fd = openat(f->folder.fd, "a", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(file_shred_at(&f->folder, "a", &f->err), OUT_OK);
    assert_false(there(f, "a"));
    assert_int_equal(read(fd, big, sizeof big), (ssize_t)sizeof big);
    for (size_t i = 0; i < sizeof big; i++)
        assert_int_equal(big[i], 0);
    assert_int_equal(read(fd, big, sizeof big), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(file_shred_at(&f->folder, "a", &f->err), OUT_OK);
}

static void a_failed_shred_keeps_the_name(void **state)
{
    struct fixture *f = *state;
    lay(f, "a", "key", 0600);
    fail.fsync = EIO;
    assert_int_equal(file_shred_at(&f->folder, "a", &f->err), OUT_BROKEN);
    says(f, "cannot overwrite @/a: Input/output error; the disk fails: look at the kernel log");
    assert_true(there(f, "a"));
    assert_int_equal(linkat(f->folder.fd, "a", f->folder.fd, "b", 0), 0);
    assert_int_equal(file_shred_at(&f->folder, "a", &f->err), OUT_REFUSED);
    assert_true(there(f, "a"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_can_be_read),         TEST(reading_has_a_ceiling),
        TEST(links_and_oddities_are_refused),      TEST(modes_are_judged),
        TEST(a_stranger_s_file_is_refused),        TEST(folders_are_walked_without_links),
        TEST(a_failed_write_leaves_the_old_file),  TEST(a_folder_that_does_not_sync_is_told),
        TEST(staged_content_waits_for_its_commit), TEST(shredding_overwrites_before_it_unlinks),
        TEST(a_failed_shred_keeps_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
