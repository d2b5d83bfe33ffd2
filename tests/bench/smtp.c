/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_smtp ADDRESS SESSIONS PARALLEL - sessions of one mail each, and how long they took
 *
 * Prints "SECONDS P50 P99 MAX FAILED": all of them in seconds, one session (connect to the reply
 * to QUIT) in ms. A reply that is not 2xx or 3xx makes the session a failed one.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PARALLEL_MAX 64
#define SESSIONS_MAX 100000

struct run {
    struct sockaddr_in to;
    long sessions;
    double *ms;
    atomic_long next, failed;
};

static double now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* One reply, all of its lines. */
static int hear(int fd)
{
    char buf[4096];
    size_t n = 0;
    for (;;) {
        ssize_t got = recv(fd, buf + n, sizeof buf - 1 - n, 0);
        if (got <= 0)
            return -1;
        n += (size_t)got;
        buf[n] = '\0';
        if (buf[n - 1] != '\n')
            continue;
        buf[n - 1] = '\0';
        const char *last = strrchr(buf, '\n');
        last = last != NULL ? last + 1 : buf;
        if (strlen(last) > 3 && last[3] == ' ')
            return last[0] == '2' || last[0] == '3' ? 0 : -1;
        buf[n - 1] = '\n';
        if (n >= sizeof buf - 1)
            return -1;
    }
}

static int talk(int fd)
{
    static const char *const lines[] = {"EHLO bench.far.test\r\n",
                                        "MAIL FROM:<a@far.test>\r\n",
                                        "RCPT TO:<sink@bind.test>\r\n",
                                        "DATA\r\n",
                                        "Subject: bench\r\n\r\nas long as most\r\n.\r\n",
                                        "QUIT\r\n"};
    if (hear(fd) != 0)
        return -1;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        size_t len = strlen(lines[i]);
        if (send(fd, lines[i], len, MSG_NOSIGNAL) != (ssize_t)len || hear(fd) != 0)
            return -1;
    }
    return 0;
}

static int session(const struct sockaddr_in *to)
{
    struct timeval patience = {.tv_sec = 30};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    int out = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (out == 0)
        out = connect(fd, (const struct sockaddr *)to, sizeof *to);
    if (out == 0)
        out = talk(fd);
    (void)close(fd); /* a socket: nothing is lost */
    return out;
}

static void *client(void *arg)
{
    struct run *r = arg;
    for (;;) {
        long i = atomic_fetch_add(&r->next, 1);
        if (i >= r->sessions)
            return NULL;
        double begin = now();
        if (session(&r->to) != 0)
            (void)atomic_fetch_add(&r->failed, 1);
        r->ms[i] = now() - begin;
    }
}

static int by_size(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct run r = {.to = {.sin_family = AF_INET, .sin_port = htons(25)}};
    pthread_t threads[PARALLEL_MAX];
    long parallel = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    r.sessions = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    if (parallel < 1 || parallel > PARALLEL_MAX || r.sessions < 1 || r.sessions > SESSIONS_MAX ||
        inet_pton(AF_INET, argv[1], &r.to.sin_addr) != 1) {
        (void)fprintf(stderr, "usage: bench_smtp ADDRESS SESSIONS PARALLEL\n");
        return 2;
    }
    r.ms = calloc((size_t)r.sessions, sizeof *r.ms);
    if (r.ms == NULL)
        return 1;
    double begin = now();
    for (long i = 0; i < parallel; i++)
        if (pthread_create(&threads[i], NULL, client, &r) != 0)
            return 1;
    for (long i = 0; i < parallel; i++)
        (void)pthread_join(threads[i], NULL);
    double all = now() - begin;
    qsort(r.ms, (size_t)r.sessions, sizeof *r.ms, by_size);
    (void)printf("%.4f %.3f %.3f %.3f %ld\n", all / 1e3, r.ms[r.sessions / 2],
                 r.ms[r.sessions * 99 / 100], r.ms[r.sessions - 1], (long)r.failed);
    free(r.ms);
    return 0;
}
