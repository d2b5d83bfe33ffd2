/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"
#include "store/lock.h"

static char top[256];
static char path[300];

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    if (!text_format(top, sizeof top, "%s/test_lock.XXXXXX", tmp == NULL ? "/tmp" : tmp) ||
        mkdtemp(top) == NULL || !text_format(path, sizeof path, "%s/lock", top))
        return -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(top);
}

static pid_t holder(void)
{
    struct err err = ERR_INIT;
    pid_t pid = -7;
    enum outcome out = lock_holder(top, &pid, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(out, OUT_OK);
    return pid;
}

/* What another process gets: its outcome; the text goes into `text`. */
static enum outcome other_takes(char text[ERR_TEXT_MAX])
{
    int fd[2];
    int status = 0;
    assert_int_equal(pipe(fd), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct err err = ERR_INIT;
        struct lock lock;
        enum outcome out = lock_take(top, &lock, &err);
        (void)!write(fd[1], err.text, sizeof err.text);
        _exit((int)out);
    }
    assert_int_equal(close(fd[1]), 0);
    assert_int_equal(read(fd[0], text, ERR_TEXT_MAX), ERR_TEXT_MAX);
    assert_int_equal(close(fd[0]), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return (enum outcome)WEXITSTATUS(status);
}

static void the_second_is_told_who_holds_it(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct lock lock;
    char text[ERR_TEXT_MAX];
    char want[ERR_TEXT_MAX];
    (void)text_format(want, sizeof want,
                      "another danemilter (process %ld) works on %s: end it, or give this one a "
                      "state_dir of its own",
                      (long)getpid(), top);
    assert_int_equal(lock_take(top, &lock, &err), OUT_OK);
    assert_int_equal(other_takes(text), OUT_NOT_YET);
    assert_string_equal(text, want);
    assert_int_equal(holder(), getpid()); /* asking opens and closes the file: */
    assert_int_equal(other_takes(text), OUT_NOT_YET);
    lock_release(&lock);
    assert_int_equal(lock.fd, -1);
    assert_int_equal(holder(), 0);
    assert_int_equal(other_takes(text), OUT_OK);
    assert_string_equal(text, "");
    lock_release(&lock);
}

static void one_process_does_not_take_it_twice(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct lock first;
    struct lock second;
    assert_int_equal(lock_take(top, &first, &err), OUT_OK);
    assert_int_equal(lock_take(top, &second, &err), OUT_NOT_YET);
    assert_int_equal(second.fd, -1);
    lock_release(&second);
    lock_release(&first);
}

static void death_gives_it_back(void **state)
{
    (void)state;
    int fd[2];
    char byte = 0;
    assert_int_equal(pipe(fd), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct err err = ERR_INIT;
        struct lock lock;
        (void)!write(fd[1], lock_take(top, &lock, &err) == OUT_OK ? "y" : "n", 1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(fd[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(holder(), child);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(holder(), 0); /* the file with its pid is still there */
    assert_int_equal(access(path, F_OK), 0);
    (void)close(fd[0]);
    (void)close(fd[1]);
}

static void oddities_are_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct lock lock;
    struct stat st;
    assert_int_equal(holder(), 0); /* no file at all */
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(lock_take(top, &lock, &err), OUT_BROKEN);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(lock_take(top, &lock, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "/lock is not a plain file with one name: remove it"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(lock_take("/nowhere/at/all", &lock, &err), OUT_BROKEN);
    assert_string_equal(err.text, "/nowhere/at/all/lock does not exist");
    mode_t before = umask(0);
    assert_int_equal(lock_take(top, &lock, &err), OUT_OK);
    (void)umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    lock_release(&lock);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_second_is_told_who_holds_it),
        TEST(one_process_does_not_take_it_twice),
        TEST(death_gives_it_back),
        TEST(oddities_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
