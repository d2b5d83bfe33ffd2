/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/master.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MASTER_FLOW_READ = 3, MASTER_FLOW_WRITE = 4, MASTER_STATUS = 5, MASTER_LISTEN = 6 };
enum { MASTER_TAKEN = 0, MASTER_AVAIL = 1 };
#define MASTER_TRIGGER_MAX 16 /* triggers taken in one go */

/* What master reads from the status socket, in its own byte order. */
struct master_report {
    int pid;
    unsigned generation;
    int available;
};

/* Postfix's own options of its servers, then ours. */
static const char options[] = "+cdDi:lm:n:o:s:St:uvVzC:";

static bool is_socket(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

static bool is_listening(int fd)
{
    int on = 0;
    socklen_t len = sizeof on;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on != 0;
}

bool master_is_parent(int argc, char *const *argv)
{
    bool typed = false;
    for (int i = 1; i + 1 < argc; i++)
        typed = typed || strcmp(argv[i], "-t") == 0;
    return typed && getenv("GENERATION") != NULL && is_socket(MASTER_STATUS) &&
           is_listening(MASTER_LISTEN);
}

static enum outcome close_on_exec(struct err *err)
{
    for (int fd = MASTER_FLOW_READ; fd <= MASTER_LISTEN; fd++) {
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 && errno != EBADF)
            return err_errno(err, "descriptor %d", fd);
    }
    return OUT_OK;
}

static enum outcome take_arguments(int argc, char *const *argv, struct master *m, struct err *err)
{
    int opt;
    opterr = 0;
    optind = 1;
    while ((opt = getopt(argc, argv, options)) != -1) {
        switch (opt) {
        case 'n':
            (void)snprintf(m->name, sizeof m->name, "%s", optarg);
            break;
        case 'C':
            m->conf = optarg;
            break;
        case '?':
            return err_set(err, OUT_REFUSED,
                           "master.cf: the line of %s has an argument that danemilter does not "
                           "know (-%c); it takes -C FILE",
                           m->name, optopt);
        default: /* one of Postfix's own */
            break;
        }
    }
    if (optind < argc)
        return err_set(err, OUT_REFUSED,
                       "master.cf: the line of %s has \"%s\" at its end; danemilter takes -C FILE "
                       "there",
                       m->name, argv[optind]);
    return OUT_OK;
}

enum outcome master_open(int argc, char *const *argv, struct master *m, struct err *err)
{
    memset(m, 0, sizeof *m);
    m->status = MASTER_STATUS;
    m->listener = MASTER_LISTEN;
    m->parent = getppid();
    m->pipe[0] = m->pipe[1] = -1;
    atomic_init(&m->reloaded, false);
    atomic_init(&m->triggers, 0);
    atomic_init(&m->hold, false);
    (void)snprintf(m->name, sizeof m->name, "danemilter");
    enum outcome out = close_on_exec(err);
    return out == OUT_OK ? take_arguments(argc, argv, m, err) : out;
}

static enum outcome report(const struct master *m, unsigned long generation, int available,
                           struct err *err)
{
    struct master_report r = {
        .pid = (int)getpid(), .generation = (unsigned)generation, .available = available};
    ssize_t n;
    do
        n = send(m->status, &r, sizeof r, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof r)
        return OUT_OK;
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
        return OUT_OK; /* reloaded already: master does not ask any more */
    return err_errno(err, "telling Postfix's master that danemilter works");
}

enum outcome master_report(const struct master *m, struct err *err)
{
    const char *text = getenv("GENERATION");
    char *end = NULL;
    errno = 0;
    unsigned long generation = text != NULL ? strtoul(text, &end, 8) : 0;
    if (text == NULL || errno != 0 || end == text || *end != '\0')
        return err_set(err, OUT_BROKEN, "Postfix's master gave no GENERATION (in octal)");
    enum outcome out = report(m, generation, MASTER_TAKEN, err);
    return out == OUT_OK ? report(m, generation, MASTER_AVAIL, err) : out;
}

/* Accepts what waits, and throws it away: master closes its end by itself. */
static bool take_triggers(struct master *m)
{
    bool any = false;
    for (int i = 0; i < MASTER_TRIGGER_MAX; i++) {
        char ignored[64];
        int fd = accept(m->listener, NULL, NULL);
        if (fd < 0)
            break; /* none is left (it does not block) */
        ssize_t n = recv(fd, ignored, sizeof ignored, MSG_DONTWAIT);
        (void)n; /* what it says does not matter: that it came does */
        (void)close(fd);
        any = true;
        (void)atomic_fetch_add(&m->triggers, 1);
    }
    return any;
}

static bool has_ended(int fd)
{
    char ignored[64];
    return recv(fd, ignored, sizeof ignored, MSG_DONTWAIT) == 0;
}

/* One look; `ms` as poll takes it. True: something happened. */
static bool look(struct master *m, int ms)
{
    struct pollfd p[] = {{.fd = m->status, .events = POLLIN},
                         {.fd = atomic_load(&m->hold) ? -1 : m->listener, .events = POLLIN},
                         {.fd = m->pipe[0], .events = POLLIN}};
    char drain[16];
    if (poll(p, sizeof p / sizeof p[0], ms) <= 0)
        return false;
    if (p[2].revents != 0)
        (void)!read(m->pipe[0], drain, sizeof drain);
    if (p[0].revents != 0 && has_ended(m->status)) {
        m->status = -1;
        atomic_store(&m->hold, true); /* before this reload's trigger is taken */
        atomic_store(&m->reloaded, true);
        return true;
    }
    return p[1].revents != 0 && !atomic_load(&m->hold) && take_triggers(m);
}

static void *run(void *arg)
{
    struct master *m = arg;
    for (;;) {
        if (look(m, -1))
            m->wake(m->wake_self);
    }
    return NULL;
}

static void nudge(const struct master *m)
{
    ssize_t n = write(m->pipe[1], "", 1);
    (void)n; /* a full pipe makes the thread look just as well */
}

enum outcome master_begin(struct master *m, void (*wake)(void *self), void *wake_self,
                          struct err *err)
{
    m->wake = wake;
    m->wake_self = wake_self;
    if (pipe(m->pipe) != 0)
        return err_errno(err, "pipe");
    for (int i = 0; i < 2; i++) {
        if (fcntl(m->pipe[i], F_SETFD, FD_CLOEXEC) != 0 ||
            fcntl(m->pipe[i], F_SETFL, O_NONBLOCK) != 0)
            return err_errno(err, "pipe");
    }
    errno = pthread_create(&m->thread, NULL, run, m);
    return errno == 0 ? OUT_OK : err_errno(err, "the thread for Postfix's triggers");
}

bool master_reloaded(struct master *m)
{
    return atomic_exchange(&m->reloaded, false);
}

void master_go_on(struct master *m)
{
    atomic_store(&m->hold, false);
    nudge(m);
}

unsigned master_triggers(struct master *m)
{
    return atomic_load(&m->triggers);
}

bool master_await_trigger(struct master *m, int ms)
{
    struct pollfd p = {.fd = m->listener, .events = POLLIN};
    atomic_store(&m->hold, true);
    nudge(m);
    return poll(&p, 1, ms) > 0;
}

static int64_t now_ms(void)
{
    struct timespec ts = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void master_idle(struct master *m, int ms)
{
    int64_t end = now_ms() + ms;
    while (!atomic_load(&m->reloaded) && getppid() == m->parent) {
        int64_t left = end - now_ms();
        if (left <= 0)
            break;
        (void)look(m, left < 60000 ? (int)left : 60000);
    }
    (void)master_await_trigger(m, 60000);
}

void master_let_go(void)
{
    for (int fd = MASTER_FLOW_READ; fd <= MASTER_LISTEN; fd++)
        (void)close(fd); /* master's; one of them may be closed already */
}
