/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes of a Postfix instance, by a /proc of our own and by the real one. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "postfix/procs.h"
#include "scratch.h"

/* A queue directory, another one, and a /proc. */
struct world {
    struct scratch scratch;
    char queue[SCRATCH_MAX];
    char proc[SCRATCH_MAX];
    struct procs procs;
    int lock;
};

static int begin(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    scratch_begin(&world.scratch);
    scratch_mkdir(&world.scratch, "queue", 0755);
    scratch_mkdir(&world.scratch, "queue/pid", 0755);
    scratch_mkdir(&world.scratch, "other", 0755);
    scratch_mkdir(&world.scratch, "proc", 0755);
    (void)snprintf(world.queue, sizeof world.queue, "%s", scratch_path(&world.scratch, "queue"));
    (void)snprintf(world.proc, sizeof world.proc, "%s", scratch_path(&world.scratch, "proc"));
    world.procs = (struct procs){world.proc, world.queue};
    world.lock = -1;
    *state = &world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    if (world->lock >= 0)
        assert_int_equal(close(world->lock), 0);
    scratch_end(&world->scratch);
    return 0;
}

/* master.pid with a pid, and locked as Postfix does on Linux. */
static void master_up(struct world *world, const char *pid)
{
    scratch_write(&world->scratch, "queue/pid/master.pid", pid, 0600);
    world->lock = open(scratch_path(&world->scratch, "queue/pid/master.pid"), O_RDWR | O_CLOEXEC);
    assert_true(world->lock >= 0);
    assert_int_equal(flock(world->lock, LOCK_EX | LOCK_NB), 0);
}

/* A process: cwd is "queue", "other" or "" (not to be seen). */
static void process(struct world *world, int pid, const char *comm, char mode, int ppid,
                    long long start, const char *cwd)
{
    char name[64];
    char text[512];
    char link[SCRATCH_MAX];
    (void)snprintf(name, sizeof name, "proc/%d", pid);
    scratch_mkdir(&world->scratch, name, 0755);
    (void)snprintf(name, sizeof name, "proc/%d/stat", pid);
    (void)snprintf(text, sizeof text,
                   "%d (%s) %c %d 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %lld 4 5 6\n", pid,
                   comm, mode, ppid, start);
    scratch_write(&world->scratch, name, text, 0644);
    (void)snprintf(name, sizeof name, "proc/%d/cwd", pid);
    if (cwd[0] != '\0') {
        (void)snprintf(link, sizeof link, "%s", scratch_path(&world->scratch, cwd));
        assert_int_equal(symlink(link, scratch_path(&world->scratch, name)), 0);
    } else { /* a link to itself cannot be followed: ELOOP, as good as EACCES */
        (void)snprintf(link, sizeof link, "%s", scratch_path(&world->scratch, name));
        assert_int_equal(symlink(link, link), 0);
    }
}

static size_t older(const struct world *world, model_time boot)
{
    struct err err = ERR_INIT;
    size_t count = 99;
    enum outcome out = procs_older_than(&world->procs, boot, &count, &err);
    if (out != OUT_OK)
        print_error("%s\n", err.text);
    assert_int_equal(out, OUT_OK);
    return count;
}

static void running_is_a_question_of_the_lock(void **state)
{
    struct world *world = *state;
    struct err err = ERR_INIT;
    bool up = true;
    assert_int_equal(procs_running(&world->procs, &up, &err), OUT_OK);
    assert_false(up); /* no file */
    scratch_write(&world->scratch, "queue/pid/master.pid", "            1234\n", 0600);
    assert_int_equal(procs_running(&world->procs, &up, &err), OUT_OK);
    assert_false(up); /* left by a crash */
    master_up(world, "1234\n");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(procs_running(&world->procs, &up, &err), OUT_OK);
        assert_true(up);
    }
    assert_int_equal(flock(world->lock, LOCK_UN), 0);
    assert_int_equal(procs_running(&world->procs, &up, &err), OUT_OK);
    assert_false(up);
    assert_int_equal(flock(world->lock, LOCK_EX | LOCK_NB), 0); /* our asking holds nothing */
}

/* As other systems' Postfix locks: by fcntl(2), by another process. */
static void a_lock_by_fcntl_counts_too(void **state)
{
    struct world *world = *state;
    struct err err = ERR_INIT;
    bool up = false;
    int ready[2];
    char go = 0;
    scratch_write(&world->scratch, "queue/pid/master.pid", "1234\n", 0600);
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(scratch_path(&world->scratch, "queue/pid/master.pid"), O_RDWR);
        if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(close(ready[1]), 0);
    assert_int_equal(read(ready[0], &go, 1), 1);
    assert_int_equal(procs_running(&world->procs, &up, &err), OUT_OK);
    assert_true(up);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(close(ready[0]), 0);
    assert_int_equal(procs_running(&world->procs, &up, &err), OUT_OK);
    assert_false(up);
}

/* 100 ticks a second everywhere that Linux runs; the test says so if not. */
static void starts_are_compared_in_ticks_and_in_doubt_counted(void **state)
{
    struct world *world = *state;
    assert_int_equal(sysconf(_SC_CLK_TCK), 100);
    master_up(world, "100\n");
    process(world, 100, "master", 'S', 1, 10, "queue");
    process(world, 101, "smtpd", 'S', 100, 500, "queue"); /* within 5.000 .. 5.010 s */
    assert_int_equal(older(world, 4999), 0);              /* it started after that for sure */
    assert_int_equal(older(world, 5000), 1);
    assert_int_equal(older(world, 5009), 1);
    assert_int_equal(older(world, 5010), 1);
    assert_int_equal(older(world, 0), 0);
    assert_int_equal(older(world, INT64_C(4000000000000)), 1); /* 126 years */
}

static void only_servers_of_this_instance_count(void **state)
{
    struct world *world = *state;
    master_up(world, "100\n");
    process(world, 100, "master", 'S', 1, 10, "queue");
    process(world, 101, "smtpd", 'S', 100, 50, "queue");    /* 1 */
    process(world, 102, "tlsproxy", 'S', 100, 50, "queue"); /* 2 */
    process(world, 103, "smtpd", 'R', 100, 50, "");         /* 3: our child, cwd not to be seen */
    process(world, 104, "smtpd", 'S', 1, 50, "queue");      /* 4: its master was killed */
    process(world, 105, "smtpd", 'S', 1, 50, "");           /* 5: whose? in doubt ours */
    process(world, 106, "smtpd", 'Z', 100, 50, "queue");    /* serves nobody any more */
    process(world, 107, "smtpd", 'X', 100, 50, "queue");
    process(world, 108, "qmgr", 'S', 100, 50, "queue");
    process(world, 109, "smtp", 'S', 100, 50, "queue");
    process(world, 110, "smtpd", 'S', 200, 50, "other"); /* another instance's */
    process(world, 200, "master", 'S', 1, 50, "other");
    process(world, 111, "smtpd", 'S', 200, 50, "");        /* likewise, by its parent */
    process(world, 112, "smtpd", 'S', 1, 50, "other");     /* another one's orphan */
    process(world, 113, "smtpd", 'S', 100, 5000, "queue"); /* new */
    scratch_mkdir(&world->scratch, "proc/irq", 0755);
    scratch_mkdir(&world->scratch, "proc/999", 0755); /* gone while we looked */
    assert_int_equal(older(world, 600), 5);
    assert_int_equal(older(world, 60000), 6);
}

static void names_with_blanks_and_brackets_do_not_confuse(void **state)
{
    struct world *world = *state;
    master_up(world, "100\n");
    process(world, 100, "master", 'S', 1, 10, "queue");
    process(world, 101, "a) S 1 (smtpd", 'S', 100, 50, "queue");
    process(world, 102, "smtpd", 'S', 100, 50, "queue");
    process(world, 103, ") R 100", 'S', 100, 50, "queue");
    assert_int_equal(older(world, 600), 1);
}

static void servers_that_outlive_a_stopped_postfix_count(void **state)
{
    struct world *world = *state;
    scratch_write(&world->scratch, "queue/pid/master.pid", "100\n", 0600);
    process(world, 104, "smtpd", 'S', 1, 50, "queue");
    assert_int_equal(older(world, 600), 1);
    assert_int_equal(unlink(scratch_path(&world->scratch, "queue/pid/master.pid")), 0);
    assert_int_equal(older(world, 600), 1);
}

static void broken(const struct world *world, const char *why)
{
    struct err err = ERR_INIT;
    size_t count = 99;
    assert_int_equal(procs_older_than(&world->procs, 1000, &count, &err), OUT_BROKEN);
    if (strstr(err.text, why) == NULL)
        print_error("%s\n", err.text);
    assert_non_null(strstr(err.text, why));
}

/* Postfix runs, yet its master is not here: then no count means anything. */
static void processes_that_cannot_be_seen_are_not_taken_for_none(void **state)
{
    struct world *world = *state;
    master_up(world, "100\n");
    broken(world, "same pid namespace");
    process(world, 100, "bash", 'S', 1, 10, "queue");
    broken(world, "same pid namespace");
    assert_int_equal(ftruncate(world->lock, 0), 0);
    broken(world, "no process number");
}

static void nonsense_in_proc_is_told(void **state)
{
    struct world *world = *state;
    static const char *const rows[] = {"",
                                       "101",
                                       "101 (smtpd",
                                       "101 (smtpd) S",
                                       "101 smtpd S 1 2",
                                       "101 (smtpd) S x 1 1 0 -1 1 1 0 0 0 0 0 0 0 20 0 1 0 5 4",
                                       "101 (smtpd) S 1 1 1 0 -1 1 1 0 0 0 0 0 0 0 20 0 1 0 x 4"};
    master_up(world, "100\n");
    process(world, 100, "master", 'S', 1, 10, "queue");
    process(world, 101, "smtpd", 'S', 100, 5, "queue");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        scratch_write(&world->scratch, "proc/101/stat", rows[i], 0644);
        broken(world, "cannot make sense");
    }
    struct procs nowhere = {"/proc", "/does/not/exist"};
    struct err err = ERR_INIT;
    size_t count = 0;
    assert_int_equal(procs_older_than(&nowhere, 1000, &count, &err), OUT_BROKEN);
}

/* The clock of /proc is CLOCK_BOOTTIME: a child of ours named smtpd, working in the queue. */
static void the_real_proc_has_the_clock_that_we_think(void **state)
{
    struct world *world = *state;
    struct procs procs = {"/proc", world->queue};
    struct err err = ERR_INIT;
    struct timespec before;
    struct timespec after;
    size_t count = 99;
    char exe[SCRATCH_MAX];
    int ready[2];
    (void)snprintf(exe, sizeof exe, "%s", scratch_path(&world->scratch, "smtpd"));
    assert_int_equal(symlink("/bin/cat", exe), 0);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &before), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* comm is the name that was executed; cat waits for its input */
        if (chdir(world->queue) != 0 || dup2(ready[0], 0) != 0 || close(ready[1]) != 0)
            _exit(1);
        (void)execl(exe, "smtpd", "-", (char *)NULL);
        _exit(1);
    }
    assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &after), 0);
    model_time from = (model_time)before.tv_sec * 1000 + before.tv_nsec / 1000000;
    model_time to = (model_time)after.tv_sec * 1000 + after.tv_nsec / 1000000;
    /* Until the exec it has our name: wait for that by its comm. */
    char path[64];
    char comm[32] = "";
    (void)snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
    for (int i = 0; i < 1000 && strcmp(comm, "smtpd\n") != 0; i++) {
        FILE *in = fopen(path, "r");
        assert_non_null(in);
        size_t n = fread(comm, 1, sizeof comm - 1, in);
        comm[n] = '\0';
        assert_int_equal(fclose(in), 0);
        struct timespec pause = {0, 5000000};
        if (strcmp(comm, "smtpd\n") != 0)
            (void)nanosleep(&pause, NULL);
    }
    assert_string_equal(comm, "smtpd\n");
    assert_int_equal(procs_older_than(&procs, from - 11, &count, &err), OUT_OK);
    assert_int_equal(count, 0);
    assert_int_equal(procs_older_than(&procs, to, &count, &err), OUT_OK);
    assert_int_equal(count, 1);
    assert_int_equal(close(ready[1]), 0); /* end of input */
    assert_int_equal(close(ready[0]), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(procs_older_than(&procs, to, &count, &err), OUT_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(running_is_a_question_of_the_lock, begin, end),
        cmocka_unit_test_setup_teardown(a_lock_by_fcntl_counts_too, begin, end),
        cmocka_unit_test_setup_teardown(starts_are_compared_in_ticks_and_in_doubt_counted, begin,
                                        end),
        cmocka_unit_test_setup_teardown(only_servers_of_this_instance_count, begin, end),
        cmocka_unit_test_setup_teardown(names_with_blanks_and_brackets_do_not_confuse, begin, end),
        cmocka_unit_test_setup_teardown(servers_that_outlive_a_stopped_postfix_count, begin, end),
        cmocka_unit_test_setup_teardown(processes_that_cannot_be_seen_are_not_taken_for_none, begin,
                                        end),
        cmocka_unit_test_setup_teardown(nonsense_in_proc_is_told, begin, end),
        cmocka_unit_test_setup_teardown(the_real_proc_has_the_clock_that_we_think, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
