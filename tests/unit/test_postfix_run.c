/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
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
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "postfix/run.h"
#include "scratch.h"

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Runs a line of shell. */
static enum outcome shell(const char *line, int timeout_ms, struct run_result *out, struct err *err)
{
    const char *argv[] = {"/bin/sh", "-c", line, NULL};
    return run_program(argv, timeout_ms, out, err);
}

static void output_is_captured(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct run_result out;
    const char *argv[] = {"/bin/echo", "a b", "$HOME", ";", "c", NULL};
    assert_int_equal(run_program(argv, 10000, &out, &err), OUT_OK);
    assert_string_equal(out.out, "a b $HOME ; c\n"); /* no shell has seen it */
    assert_int_equal(out.out_len, strlen(out.out));
    run_result_free(&out);
    assert_int_equal(shell("echo x; echo why >&2", 10000, &out, &err), OUT_OK);
    assert_string_equal(out.out, "x\n");
    assert_string_equal(out.err, "why\n");
    run_result_free(&out);
    assert_int_equal(shell("true", 10000, &out, &err), OUT_OK);
    assert_string_equal(out.out, "");
    run_result_free(&out);
}

static void failure_tells_status_and_standard_error(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *why;
    } rows[] = {
        {"exit 3", "/bin/sh ended with status 3"},
        {"echo one >&2; echo two >&2; exit 1", "ended with status 1: one two"},
        {"kill -SEGV $$", "ended by signal 11"},
        {"echo x; exit 127", "status 127"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct run_result out;
        assert_int_equal(shell(rows[i].line, 10000, &out, &err), OUT_REFUSED);
        if (strstr(err.text, rows[i].why) == NULL)
            print_error("%s\n", err.text);
        assert_non_null(strstr(err.text, rows[i].why));
        run_result_free(&out);
    }
}

static void what_cannot_be_started_is_broken(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *why;
    } rows[] = {
        {"/does/not/exist", "cannot run /does/not/exist: No such file"},
        {"/etc/passwd", "cannot run /etc/passwd: Permission denied"},
        {"sh", "absolute path"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct run_result out;
        const char *argv[] = {rows[i].path, NULL};
        assert_int_equal(run_program(argv, 10000, &out, &err), OUT_BROKEN);
        assert_non_null(strstr(err.text, rows[i].why));
        run_result_free(&out);
    }
}

/* The shell and its child both: the process group. */
static void after_the_time_everything_is_killed(void **state)
{
    (void)state;
    struct scratch scratch;
    struct err err = ERR_INIT;
    struct run_result out;
    char line[SCRATCH_MAX + 64];
    scratch_begin(&scratch);
    (void)snprintf(line, sizeof line, "sleep 600 & echo $! >%s; wait",
                   scratch_path(&scratch, "pid"));
    int64_t begin = now_ms();
    assert_int_equal(shell(line, 500, &out, &err), OUT_RETRY);
    assert_in_range(now_ms() - begin, 500, 5000);
    assert_non_null(strstr(err.text, "did not end in time"));
    run_result_free(&out);
    char *text = scratch_read(&scratch, "pid");
    assert_non_null(text);
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    assert_true(pid > 1);
    /* Its parent is dead, so init reaps it: soon it is no process, or a dead one. */
    bool gone = false;
    for (int i = 0; i < 500 && !gone; i++) {
        char path[64];
        char stat[256] = "";
        (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
        FILE *in = fopen(path, "r");
        size_t n = in != NULL ? fread(stat, 1, sizeof stat - 1, in) : 0;
        if (in != NULL)
            assert_int_equal(fclose(in), 0);
        gone = n == 0 || strstr(stat, ") Z ") != NULL;
        struct timespec pause = {0, 10000000};
        if (!gone)
            (void)nanosleep(&pause, NULL);
    }
    assert_true(gone);
    free(text);
    scratch_end(&scratch);
}

static void output_has_a_ceiling(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct run_result out;
    int64_t begin = now_ms();
    assert_int_equal(shell("yes", 60000, &out, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "wrote more than 262144 octets"));
    assert_true(out.out_len <= RUN_OUTPUT_MAX);
    run_result_free(&out);
    assert_int_equal(shell("yes >&2", 300, &out, &err), OUT_RETRY); /* cut, and no harm */
    assert_int_equal(strlen(out.err), RUN_STDERR_MAX - 1);
    run_result_free(&out);
    assert_true(now_ms() - begin < 30000);
}

static void a_daemon_that_keeps_the_pipes_is_not_waited_for(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct run_result out;
    int64_t begin = now_ms();
    assert_int_equal(shell("sleep 5 & echo started", 10000, &out, &err), OUT_OK);
    assert_string_equal(out.out, "started\n");
    assert_true(now_ms() - begin < 4000);
    run_result_free(&out);
}

static void the_child_inherits_nothing(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct run_result out;
    assert_int_equal(setenv("DANEMILTER_SECRET", "hidden", 1), 0);
    int fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
    assert_true(fd >= 3);
    const char *env[] = {"/usr/bin/env", NULL};
    assert_int_equal(run_program(env, 10000, &out, &err), OUT_OK);
    assert_string_equal(out.out, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
    run_result_free(&out);
    const char *files[] = {"/bin/ls", "/proc/self/fd", NULL};
    assert_int_equal(run_program(files, 10000, &out, &err), OUT_OK);
    assert_string_equal(out.out, "0\n1\n2\n3\n"); /* 3 is ls reading the folder */
    run_result_free(&out);
    assert_int_equal(shell("pwd; umask; cat", 10000, &out, &err), OUT_OK);
    assert_string_equal(out.out, "/\n0022\n");
    run_result_free(&out);
    assert_int_equal(close(fd), 0);
}

static void signals_are_as_at_the_beginning(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct run_result out;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction old;
    sigset_t blocked;
    sigset_t before;
    assert_int_equal(sigaction(SIGPIPE, &ignore, &old), 0);
    assert_int_equal(sigemptyset(&blocked), 0);
    assert_int_equal(sigaddset(&blocked, SIGTERM), 0);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
    assert_int_equal(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status", 10000, &out, &err), OUT_OK);
    const char *line = strstr(out.out, "SigIgn:");
    assert_non_null(line);
    unsigned long long ignored = strtoull(line + strlen("SigIgn:"), NULL, 16);
    assert_int_equal(ignored & ~0x180000000ULL, 0); /* 32 and 33 are libc's own */
    assert_int_equal(strncmp(out.out, "SigBlk:\t0000000000000000\n", 25), 0);
    run_result_free(&out);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
}

static void standard_input_is_fed(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct run_result out;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction old;
    const char *cat[] = {"/bin/cat", NULL};
    const char *count[] = {"/bin/sh", "-c", "sleep 0.2; wc -c", NULL};
    const char *deaf[] = {"/bin/sh", "-c", "exec <&-; echo no thanks; exit 3", NULL};
    char *big = malloc(1000001); /* more than a pipe holds */
    assert_non_null(big);
    memset(big, 'x', 1000000);
    big[1000000] = '\0';
    assert_int_equal(sigaction(SIGPIPE, &ignore, &old), 0);
    assert_int_equal(run_program_input(cat, "a\nb\n", 10000, &out, &err), OUT_OK);
    assert_string_equal(out.out, "a\nb\n");
    run_result_free(&out);
    assert_int_equal(run_program_input(cat, "", 10000, &out, &err), OUT_OK);
    assert_string_equal(out.out, "");
    run_result_free(&out);
    assert_int_equal(run_program_input(count, big, 10000, &out, &err), OUT_OK);
    assert_string_equal(out.out, "1000000\n");
    run_result_free(&out);
    assert_int_equal(run_program_input(deaf, big, 10000, &out, &err), OUT_REFUSED);
    assert_string_equal(out.out, "no thanks\n");
    run_result_free(&out);
    assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
    free(big);
}

static void no_file_and_no_child_is_left(void **state)
{
    (void)state;
    size_t before = scratch_open_files();
    for (int i = 0; i < 20; i++) {
        struct err err = ERR_INIT;
        struct run_result out;
        const char *missing[] = {"/does/not/exist", NULL};
        (void)shell(i % 2 == 0 ? "true" : "exit 1", 10000, &out, &err);
        run_result_free(&out);
        (void)run_program(missing, 10000, &out, &err);
        run_result_free(&out);
    }
    assert_int_equal(scratch_open_files(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_captured),
        cmocka_unit_test(failure_tells_status_and_standard_error),
        cmocka_unit_test(what_cannot_be_started_is_broken),
        cmocka_unit_test(after_the_time_everything_is_killed),
        cmocka_unit_test(output_has_a_ceiling),
        cmocka_unit_test(a_daemon_that_keeps_the_pipes_is_not_waited_for),
        cmocka_unit_test(the_child_inherits_nothing),
        cmocka_unit_test(signals_are_as_at_the_beginning),
        cmocka_unit_test(standard_input_is_fed),
        cmocka_unit_test(no_file_and_no_child_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
