/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults in the installation of a chain file (rows 36 to 40 and 43 of the list of faults): every
 * system call of chainfile_install fails once; and the process is
 * killed before and after every one of them. Linked with --wrap for the calls below.
 */
#define _GNU_SOURCE 1
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
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "chains.h"
#include "crypto/bundle.h"
#include "postfix/chainfile.h"
#include "scratch.h"

enum mode { PASS, FAIL, SHORT, KILL_BEFORE, KILL_AFTER };

/* The call that is hit: number `at` of those that are counted while armed. */
static struct {
    bool armed;
    enum mode mode;
    int error;
    long at;
    long seen;
    bool hit;
    const char *name;
} fault;

static bool fault_now(const char *name)
{
    if (!fault.armed || fault.seen++ != fault.at)
        return false;
    fault.hit = true;
    fault.name = name;
    if (fault.mode == KILL_BEFORE)
        _exit(9);
    return fault.mode != PASS;
}

#define WRAPPED(call)                                                                              \
    do {                                                                                           \
        bool now = fault_now(__func__);                                                            \
        if (now && (fault.mode == FAIL || fault.mode == SHORT)) {                                  \
            errno = fault.error;                                                                   \
            return -1;                                                                             \
        }                                                                                          \
        int result = (call);                                                                       \
        if (now && fault.mode == KILL_AFTER)                                                       \
            _exit(9);                                                                              \
        return result;                                                                             \
    } while (0)

int __real_openat(int dir, const char *name, int flags, mode_t mode);
int __wrap_openat(int dir, const char *name, int flags, mode_t mode);
int __real_fstat(int fd, struct stat *info);
int __wrap_fstat(int fd, struct stat *info);
int __real_fstatat(int dir, const char *name, struct stat *info, int flags);
int __wrap_fstatat(int dir, const char *name, struct stat *info, int flags);
ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __real_linkat(int a, const char *from, int b, const char *to, int flags);
int __wrap_linkat(int a, const char *from, int b, const char *to, int flags);
int __real_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_openat(int dir, const char *name, int flags, mode_t mode)
{
    WRAPPED(__real_openat(dir, name, flags, mode));
}

int __wrap_fstat(int fd, struct stat *info)
{
    WRAPPED(__real_fstat(fd, info));
}

int __wrap_fstatat(int dir, const char *name, struct stat *info, int flags)
{
    WRAPPED(__real_fstatat(dir, name, info, flags));
}

ssize_t __wrap_read(int fd, void *data, size_t len)
{
    bool now = fault_now(__func__);
    if (now && fault.mode == FAIL) {
        errno = fault.error;
        return -1;
    }
    if (fault.armed && fault.mode == SHORT)
        len = len < 100 ? len : 100; /* every call */
    ssize_t result = __real_read(fd, data, len);
    if (now && fault.mode == KILL_AFTER)
        _exit(9);
    return result;
}

/* SHORT: takes a part, as a full disk does, then fails. */
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    bool now = fault_now(__func__);
    if (now && fault.mode == SHORT)
        len = len > 1 ? len / 2 : len;
    if (now && fault.mode == FAIL) {
        errno = fault.error;
        return -1;
    }
    ssize_t result = __real_write(fd, data, now && fault.mode == KILL_AFTER ? len / 2 : len);
    if (now && fault.mode == KILL_AFTER)
        _exit(9);
    return result;
}

int __wrap_fsync(int fd)
{
    WRAPPED(__real_fsync(fd));
}

int __wrap_fchmod(int fd, mode_t mode)
{
    WRAPPED(__real_fchmod(fd, mode));
}

int __wrap_linkat(int a, const char *from, int b, const char *to, int flags)
{
    WRAPPED(__real_linkat(a, from, b, to, flags));
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
    WRAPPED(__real_renameat(a, from, b, to));
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
    WRAPPED(__real_unlinkat(dir, name, flags));
}

/* A close that fails has closed all the same. */
int __wrap_close(int fd)
{
    bool now = fault_now(__func__);
    int result = __real_close(fd);
    if (now && fault.mode == KILL_AFTER)
        _exit(9);
    if (now && fault.mode == FAIL) {
        errno = fault.error;
        return -1;
    }
    return result;
}

static struct chains chains;
static struct scratch scratch;
static char path[SCRATCH_MAX];
static char *old_text;
static char *new_text;

static int make(void **state)
{
    (void)state;
    chains_begin(&chains);
    old_text = chains_text(&chains, chains.old);
    new_text = chains_text(&chains, chains.new);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    chains_end(&chains);
    free(old_text);
    free(new_text);
    return 0;
}

/* A folder with the old file, `before` it and its leftover in .next. */
static void begin(void)
{
    struct err err = ERR_INIT;
    scratch_begin(&scratch);
    (void)snprintf(path, sizeof path, "%s", scratch_path(&scratch, "chain.pem"));
    assert_int_equal(chainfile_install(path, chains.new, 2, &chains.keys, &err), OUT_OK);
    assert_int_equal(chainfile_install(path, chains.old, 2, &chains.keys, &err), OUT_OK);
    scratch_write(&scratch, "chain.pem.next", "left by a crash", 0600);
}

static void arm(enum mode mode, int error, long at)
{
    memset(&fault, 0, sizeof fault);
    fault.mode = mode;
    fault.error = error;
    fault.at = at;
    fault.armed = true;
}

/* The file is whole: the old one or the new one, and Postfix would load it. */
static bool holds(const char *want)
{
    char *text = scratch_read(&scratch, "chain.pem");
    assert_non_null(text);
    bool same = strcmp(text, want) == 0;
    free(text);
    return same;
}

/* What comes after must be able to go on. */
static void recovers(void)
{
    struct err err = ERR_INIT;
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    enum outcome out = chainfile_read(path, parts, &n, &err);
    if (out != OUT_OK)
        print_error("%s\n", err.text);
    assert_int_equal(out, OUT_OK);
    bundle_free(parts, n);
    assert_int_equal(chainfile_install(path, chains.new, 2, &chains.keys, &err), OUT_OK);
    assert_true(holds(new_text));
    assert_int_equal(chainfile_install(path, chains.old, 2, &chains.keys, &err), OUT_OK);
    assert_true(holds(old_text));
    assert_false(scratch_exists(&scratch, "chain.pem.next"));
    assert_int_equal(chainfile_shred_old(path, &err), OUT_OK);
    assert_false(scratch_exists(&scratch, "chain.pem.previous"));
}

/* Returns false when there is no call number `at`. */
static bool one_failure(enum mode mode, int error, long at)
{
    struct err err = ERR_INIT;
    begin();
    size_t files = scratch_open_files();
    arm(mode, error, at);
    enum outcome out = chainfile_install(path, chains.new, 2, &chains.keys, &err);
    fault.armed = false;
    bool hit = fault.hit;
    bool want_new = out == OUT_OK;
    if (!holds(want_new ? new_text : old_text))
        print_error("call %ld (%s): %s: %s\n", at, fault.name, err_outcome_name(out), err.text);
    assert_true(holds(want_new ? new_text : old_text));
    assert_true(out == OUT_OK || out == OUT_BROKEN);
    assert_true(out == OUT_OK || err.text[0] != '\0');
    assert_int_equal(scratch_open_files(), files);
    if (!hit)
        assert_int_equal(out, OUT_OK);
    recovers();
    scratch_end(&scratch);
    return hit;
}

static void every_call_fails_once(void **state)
{
    (void)state;
    long at = 0;
    while (one_failure(FAIL, at % 2 == 0 ? ENOSPC : EIO, at))
        at++;
    print_message("%ld calls\n", at);
    assert_true(at > 40); /* else the calls are not wrapped */
}

/* Of the calls that make it durable none may be passed over. */
static void a_failed_fsync_is_never_success(void **state)
{
    (void)state;
    long fsyncs = 0;
    for (long at = 0;; at++) {
        struct err err = ERR_INIT;
        begin();
        arm(FAIL, EIO, at);
        enum outcome out = chainfile_install(path, chains.new, 2, &chains.keys, &err);
        fault.armed = false;
        bool hit = fault.hit;
        if (hit && strcmp(fault.name, "__wrap_fsync") == 0) {
            assert_int_equal(out, OUT_BROKEN);
            assert_true(holds(old_text));
            fsyncs++;
        }
        scratch_end(&scratch);
        if (!hit)
            break;
    }
    assert_int_equal(fsyncs, 4); /* two things shredded, the new file, the folder */
}

/* Interrupted and short calls are no faults at all. */
static void short_and_interrupted_calls_are_gone_on_with(void **state)
{
    (void)state;
    long at = 0;
    while (one_failure(SHORT, EINTR, at))
        at++;
    for (at = 0;; at++) {
        struct err err = ERR_INIT;
        begin();
        arm(FAIL, EINTR, at);
        enum outcome out = chainfile_install(path, chains.new, 2, &chains.keys, &err);
        fault.armed = false;
        bool io = fault.hit && (strcmp(fault.name, "__wrap_write") == 0 ||
                                strcmp(fault.name, "__wrap_read") == 0);
        if (io)
            assert_int_equal(out, OUT_OK);
        scratch_end(&scratch);
        if (!fault.hit)
            break;
    }
}

/* Killed at the call: in the child, so that the parent can look. False: no such call. */
static bool one_kill(enum mode mode, long at)
{
    int status = 0;
    begin();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct err err = ERR_INIT;
        arm(mode, 0, at);
        enum outcome out = chainfile_install(path, chains.new, 2, &chains.keys, &err);
        _exit(out == OUT_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    bool hit = WEXITSTATUS(status) == 9;
    assert_true(hit || WEXITSTATUS(status) == 0);
    if (!holds(old_text) && !holds(new_text))
        print_error("killed at call %ld\n", at);
    assert_true(holds(old_text) || holds(new_text));
    recovers();
    scratch_end(&scratch);
    return hit;
}

static void killed_at_every_call_the_file_is_whole(void **state)
{
    (void)state;
    long before = 0;
    long after = 0;
    while (one_kill(KILL_BEFORE, before))
        before++;
    while (one_kill(KILL_AFTER, after))
        after++;
    print_message("killed before %ld calls, after %ld\n", before, after);
    assert_true(before > 40);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_fails_once),
        cmocka_unit_test(a_failed_fsync_is_never_success),
        cmocka_unit_test(short_and_interrupted_calls_are_gone_on_with),
        cmocka_unit_test(killed_at_every_call_the_file_is_whole),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
