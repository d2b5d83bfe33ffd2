/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#if defined(HAVE_CLOSE_RANGE) && HAVE_CLOSE_RANGE
#define _GNU_SOURCE 1
#endif
#include "postfix/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUN_TICK_MS 50

enum { RUN_OUT, RUN_ERR, RUN_EXEC, RUN_PIPES }; /* the last one tells errno of a failed exec */

struct run_child {
    const char *const *argv;
    pid_t pid;
    int64_t deadline; /* monotonic, ms */
    int fds[RUN_PIPES][2];
    int in[2];         /* its standard input; -1: /dev/null */
    const char *input; /* what is still to be written there */
    bool reaped;
    int status;
    int exec_errno;
    size_t err_len;
    struct run_result *result;
};

static int64_t run_now(void)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void run_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void run_result_free(struct run_result *result)
{
    free(result->out);
    result->out = NULL;
    result->out_len = 0;
}

/* From here to execve only calls that are safe after fork in a process with threads. */
static void run_close_others(int keep)
{
#if defined(HAVE_CLOSE_RANGE) && HAVE_CLOSE_RANGE
    if (close_range(3, (unsigned)keep - 1, 0) == 0 && close_range((unsigned)keep + 1, ~0U, 0) == 0)
        return;
#endif
    for (int fd = 3; fd < 4096; fd++) {
        if (fd != keep)
            (void)close(fd);
    }
}

static void run_signals(void)
{
    struct sigaction plain;
    memset(&plain, 0, sizeof plain);
    plain.sa_handler = SIG_DFL;
    for (int sig = 1; sig <= 64; sig++)
        (void)sigaction(sig, &plain, NULL); /* SIGKILL, SIGSTOP and libc's own two say no */
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run_child(const struct run_child *child)
{
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char locale[] = "LC_ALL=C";
    char *const envp[] = {path, locale, NULL};
    int report = child->fds[RUN_EXEC][1];
    int null = child->in[0] >= 0 ? child->in[0] : open("/dev/null", O_RDONLY);
    run_signals();
    if (null >= 0 && setpgid(0, 0) == 0 && chdir("/") == 0 && dup2(null, 0) == 0 &&
        dup2(child->fds[RUN_OUT][1], 1) == 1 && dup2(child->fds[RUN_ERR][1], 2) == 2) {
        (void)umask(022);
        run_close_others(report);
        /* execve does not change its argv: the cast is only for its old prototype. */
        (void)execve(child->argv[0], (char *const *)(uintptr_t)child->argv, envp);
    }
    int why = errno;
    ssize_t told = write(report, &why, sizeof why);
    _exit(told == (ssize_t)sizeof why ? 127 : 126);
}

/* A pipe above the standard descriptors; our end, ends[ours], does not block. */
static enum outcome run_pipe(const struct run_child *child, int ends[2], int ours, struct err *err)
{
    if (pipe(ends) != 0)
        return err_errno(err, "cannot make a pipe for %s", child->argv[0]);
    for (int j = 0; j < 2; j++) {
        int high = fcntl(ends[j], F_DUPFD_CLOEXEC, 3);
        if (high < 0)
            return err_errno(err, "cannot make a pipe for %s", child->argv[0]);
        run_close(&ends[j]);
        ends[j] = high;
    }
    if (fcntl(ends[ours], F_SETFL, O_NONBLOCK) != 0)
        return err_errno(err, "cannot make a pipe for %s", child->argv[0]);
    return OUT_OK;
}

static enum outcome run_pipes(struct run_child *child, struct err *err)
{
    enum outcome res = OUT_OK;
    for (int i = 0; i < RUN_PIPES; i++)
        child->fds[i][0] = child->fds[i][1] = -1;
    child->in[0] = child->in[1] = -1;
    for (int i = 0; i < RUN_PIPES && res == OUT_OK; i++)
        res = run_pipe(child, child->fds[i], 0, err);
    if (res == OUT_OK && child->input != NULL)
        res = run_pipe(child, child->in, 1, err);
    return res;
}

static enum outcome run_keep(struct run_child *child, int which, const char *data, size_t len,
                             struct err *err)
{
    struct run_result *result = child->result;
    if (which == RUN_EXEC) {
        memcpy(&child->exec_errno, data,
               len < sizeof child->exec_errno ? len : sizeof child->exec_errno);
    } else if (which == RUN_ERR) {
        size_t room = RUN_STDERR_MAX - 1 - child->err_len;
        size_t take = len < room ? len : room;
        memcpy(result->err + child->err_len, data, take);
        child->err_len += take;
    } else {
        if (result->out_len + len > RUN_OUTPUT_MAX)
            return err_set(err, OUT_REFUSED, "%s wrote more than %d octets", child->argv[0],
                           RUN_OUTPUT_MAX);
        char *more = realloc(result->out, result->out_len + len + 1);
        if (more == NULL)
            return err_set(err, OUT_BROKEN, "out of memory");
        result->out = more;
        memcpy(more + result->out_len, data, len);
        result->out_len += len;
        more[result->out_len] = '\0';
    }
    return OUT_OK;
}

/* Takes all that is there now; *got: something came. */
static enum outcome run_read(struct run_child *child, int which, bool *got, struct err *err)
{
    char data[4096];
    while (child->fds[which][0] >= 0) {
        ssize_t n = read(child->fds[which][0], data, sizeof data);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0)
            return err_errno(err, "cannot read from %s", child->argv[0]);
        if (n == 0) {
            run_close(&child->fds[which][0]);
            break;
        }
        *got = true;
        enum outcome res = run_keep(child, which, data, (size_t)n, err);
        if (res != OUT_OK)
            return res;
    }
    return OUT_OK;
}

/* As much of the input as it takes now; when all is written, or it takes no more, the end. */
static enum outcome run_feed(struct run_child *child, struct err *err)
{
    while (child->in[1] >= 0 && *child->input != '\0') {
        ssize_t n = write(child->in[1], child->input, strlen(child->input));
        if (n > 0)
            child->input += n;
        else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return OUT_OK;
        else if (n < 0 && errno == EPIPE)
            break;
        else if (n < 0 && errno != EINTR)
            return err_errno(err, "cannot write to %s", child->argv[0]);
    }
    run_close(&child->in[1]);
    return OUT_OK;
}

static enum outcome run_reap(struct run_child *child, struct err *err)
{
    if (child->reaped)
        return OUT_OK;
    pid_t pid = waitpid(child->pid, &child->status, WNOHANG);
    if (pid == child->pid)
        child->reaped = true;
    else if (pid < 0 && errno != EINTR)
        return err_errno(err, "cannot wait for %s", child->argv[0]);
    return OUT_OK;
}

/* Until it has ended and nothing more comes. A grandchild that keeps a pipe open is not waited
 * for. */
static enum outcome run_follow(struct run_child *child, struct err *err)
{
    for (;;) {
        struct pollfd polls[RUN_PIPES];
        bool got = false;
        bool was_reaped = child->reaped;
        int64_t left = child->deadline - run_now();
        if (left <= 0)
            return err_set(err, OUT_RETRY, "%s did not end in time and was killed", child->argv[0]);
        enum outcome res = run_feed(child, err);
        if (res != OUT_OK)
            return res;
        for (int i = 0; i < RUN_PIPES; i++)
            polls[i] = (struct pollfd){.fd = child->fds[i][0], .events = POLLIN};
        int wait = was_reaped ? 0 : (int)(left < RUN_TICK_MS ? left : RUN_TICK_MS);
        if (poll(polls, RUN_PIPES, wait) < 0 && errno != EINTR)
            return err_errno(err, "cannot wait for %s", child->argv[0]);
        for (int i = 0; i < RUN_PIPES; i++) {
            res = run_read(child, i, &got, err);
            if (res != OUT_OK)
                return res;
        }
        if (was_reaped && !got)
            return OUT_OK;
        res = run_reap(child, err);
        if (res != OUT_OK)
            return res;
    }
}

static enum outcome run_verdict(const struct run_child *child, struct err *err)
{
    const char *name = child->argv[0];
    char why[RUN_STDERR_MAX];
    memcpy(why, child->result->err, sizeof why);
    for (size_t len = strlen(why); len > 0 && why[len - 1] == '\n'; len--)
        why[len - 1] = '\0';
    for (char *p = why; *p != '\0'; p++) {
        if (*p == '\n')
            *p = ' ';
    }
    if (child->exec_errno != 0) {
        errno = child->exec_errno;
        return err_errno(err, "cannot run %s", name);
    }
    if (WIFSIGNALED(child->status))
        return err_set(err, OUT_REFUSED, "%s was ended by signal %d%s%s", name,
                       WTERMSIG(child->status), why[0] != '\0' ? ": " : "", why);
    if (!WIFEXITED(child->status) || WEXITSTATUS(child->status) != 0)
        return err_set(err, OUT_REFUSED, "%s ended with status %d%s%s", name,
                       WEXITSTATUS(child->status), why[0] != '\0' ? ": " : "", why);
    return OUT_OK;
}

/* Forks; in the parent the writing ends are closed. */
static enum outcome run_start(struct run_child *child, struct err *err)
{
    enum outcome res = run_pipes(child, err);
    if (res != OUT_OK)
        return res;
    child->pid = fork();
    if (child->pid < 0)
        return err_errno(err, "cannot start %s", child->argv[0]);
    if (child->pid == 0)
        run_child(child);
    (void)setpgid(child->pid, child->pid); /* whoever comes first; fails once it has exec'd */
    for (int i = 0; i < RUN_PIPES; i++)
        run_close(&child->fds[i][1]);
    run_close(&child->in[0]);
    return OUT_OK;
}

/* The process group goes; the child is waited for, which after SIGKILL is short. */
static void run_kill(struct run_child *child)
{
    if (child->pid <= 0 || child->reaped)
        return;
    (void)kill(-child->pid, SIGKILL);
    (void)kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
        continue;
    child->reaped = true;
}

enum outcome run_program_input(const char *const *argv, const char *input, int timeout_ms,
                               struct run_result *out, struct err *err)
{
    struct run_child child = {
        .argv = argv, .input = input, .result = out, .deadline = run_now() + timeout_ms};
    memset(out, 0, sizeof *out);
    if (argv[0] == NULL || argv[0][0] != '/')
        return err_set(err, OUT_BROKEN, "a program is named by its absolute path, not \"%s\"",
                       argv[0] != NULL ? argv[0] : "");
    out->out = calloc(1, 1);
    if (out->out == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = run_start(&child, err);
    if (res == OUT_OK)
        res = run_follow(&child, err);
    run_kill(&child);
    for (int i = 0; i < RUN_PIPES; i++) {
        run_close(&child.fds[i][0]);
        run_close(&child.fds[i][1]);
    }
    run_close(&child.in[0]);
    run_close(&child.in[1]);
    if (res == OUT_OK)
        res = run_verdict(&child, err);
    return res;
}

enum outcome run_program(const char *const *argv, int timeout_ms, struct run_result *out,
                         struct err *err)
{
    return run_program_input(argv, NULL, timeout_ms, out, err);
}
