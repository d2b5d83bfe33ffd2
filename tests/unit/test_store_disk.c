/* SPDX-License-Identifier: BSD-2-Clause */
/* The store on a full and on a read-only disk (safety.md rows 36, 37, 40): a small tmpfs in a mount
 * namespace of the test's own. Without root, or where mounting is not permitted, the whole
 * program counts as skipped. */
#define _GNU_SOURCE 1 /* unshare */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"
#include "tests/unit/store_try.h"

/* Runs `body` in a child with a mount namespace and a tmpfs as t->state. */
static void on_small_disk(struct store_try *t, const char *options,
                          void (*body)(struct store_try *t))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("tmpfs", t->state, "tmpfs", 0, options) != 0) {
            (void)fprintf(stderr, "no small disk: %d\n", errno);
            _exit(1);
        }
        body(t);
        store_try_close(t);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

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

static void put_ballast(struct store_try *t, size_t len)
{
    static char block[4096];
    int fd =
        open(store_try_path(t, "state/ballast"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    MUST(fd >= 0);
    for (size_t i = 0; i < len / sizeof block; i++) {
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block)
            break; /* full is what it is for */
    }
    MUST(close(fd) == 0);
}

static void fill_the_disk(struct store_try *t)
{
    bool restored = true;
    MUST(store_open(t->state, t->run, &t->store, &restored, &t->err) == OUT_OK);
    MUST(save(t, 1) == OUT_OK);
    put_ballast(t, 1 << 20);
    t->a->bundles[0] = calloc(1, PORT_PEM_MAX);
    MUST(t->a->bundles[0] != NULL);
    memset(t->a->bundles[0], 'x', PORT_PEM_MAX - 1);
    uint32_t n = 2;
    while (n < 50 && save(t, n) == OUT_OK)
        n++;
    MUST(n < 50);
    MUST(strstr(t->err.text, "state.db: the disk is full; nothing was changed: free some space "
                             "there") != NULL);
    MUST(save(t, 99) == OUT_BROKEN);
    MUST(load(t) == n - 1);
    MUST(unlink(store_try_path(t, "state/ballast")) == 0);
    MUST(save(t, 100) == OUT_OK);
    MUST(load(t) == 100);
    store_close(&t->store);
    MUST(store_open(t->state, t->run, &t->store, &restored, &t->err) == OUT_OK);
    MUST(!restored && load(t) == 100);
}

static void a_full_disk_changes_nothing(void **state)
{
    on_small_disk(*state, "size=512k,mode=0700", fill_the_disk);
}

static void begin_on_a_full_disk(struct store_try *t)
{
    bool restored;
    put_ballast(t, 2 << 20);
    MUST(store_open(t->state, t->run, &t->store, &restored, &t->err) == OUT_BROKEN);
    MUST(t->store == NULL);
    MUST(strstr(t->err.text, "disk") != NULL || strstr(t->err.text, "No space left") != NULL);
    MUST(unlink(store_try_path(t, "state/ballast")) == 0);
    MUST(store_open(t->state, t->run, &t->store, &restored, &t->err) == OUT_OK);
    MUST(save(t, 1) == OUT_OK);
}

static void a_full_disk_at_the_first_start(void **state)
{
    on_small_disk(*state, "size=1m,mode=0700", begin_on_a_full_disk);
}

static void mount_it_readonly(struct store_try *t)
{
    bool restored;
    MUST(store_open(t->state, t->run, &t->store, &restored, &t->err) == OUT_OK);
    MUST(save(t, 1) == OUT_OK);
    store_close(&t->store);
    MUST(mount("none", t->state, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    MUST(store_open(t->state, t->run, &t->store, &restored, &t->err) == OUT_BROKEN);
    MUST(t->store == NULL);
    MUST(strstr(t->err.text, "state.db") != NULL);
    MUST(strstr(t->err.text, "read-only") != NULL || strstr(t->err.text, "Read-only") != NULL ||
         strstr(t->err.text, "unable to open") != NULL);
    MUST(mount("none", t->state, NULL, MS_REMOUNT, NULL) == 0);
    MUST(store_open(t->state, t->run, &t->store, &restored, &t->err) == OUT_OK);
    MUST(load(t) == 1);
}

static void a_readonly_disk_is_told(void **state)
{
    on_small_disk(*state, "size=1m,mode=0700", mount_it_readonly);
}

/* Is there a disk to be had? */
static bool may_mount(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
                  ? 0
                  : 1);
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_try_begin, store_try_end)
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_changes_nothing),
        TEST(a_full_disk_at_the_first_start),
        TEST(a_readonly_disk_is_told),
    };
    if (!may_mount()) {
        (void)printf("skipped: this test mounts a small disk, and may not: run it as root\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
