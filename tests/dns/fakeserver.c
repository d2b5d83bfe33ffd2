/* SPDX-License-Identifier: BSD-2-Clause */
#include "fakeserver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fakeserver {
    fakeserver_answer answer;
    void *arg;
    int udp, tcp;
    int stop[2];
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock; /* guards asked, and what `arg` points to */
    unsigned asked[2];
    uint8_t query[FAKESERVER_REPLY_MAX + 2], reply[FAKESERVER_REPLY_MAX + 2];
};

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

static void count(struct fakeserver *server, bool tcp)
{
    need(pthread_mutex_lock(&server->lock) == 0, "lock");
    server->asked[tcp ? 1 : 0]++;
    need(pthread_mutex_unlock(&server->lock) == 0, "unlock");
}

static size_t next_answer(struct fakeserver *server, size_t len, bool tcp, size_t i, uint8_t *reply)
{
    need(pthread_mutex_lock(&server->lock) == 0, "lock");
    size_t out = server->answer(server->arg, server->query, len, tcp, i, reply);
    need(pthread_mutex_unlock(&server->lock) == 0, "unlock");
    return out;
}

void fakeserver_sync(struct fakeserver *server)
{
    need(pthread_mutex_lock(&server->lock) == 0, "lock");
    need(pthread_mutex_unlock(&server->lock) == 0, "unlock");
}

static void serve_udp(struct fakeserver *server)
{
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t got = recvfrom(server->udp, server->query, FAKESERVER_REPLY_MAX, 0,
                           (struct sockaddr *)&from, &from_len);
    if (got <= 0)
        return;
    count(server, false);
    for (size_t i = 0;; i++) {
        size_t len = next_answer(server, (size_t)got, false, i, server->reply);
        if (len == 0)
            return;
        need(sendto(server->udp, server->reply, len, 0, (struct sockaddr *)&from, from_len) ==
                 (ssize_t)len,
             "sendto");
    }
}

static bool read_all(int fd, uint8_t *to, size_t want)
{
    size_t at = 0;
    while (at < want) {
        ssize_t got = recv(fd, to + at, want - at, 0);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static void serve_tcp(struct fakeserver *server)
{
    int fd = accept(server->tcp, NULL, NULL);
    if (fd < 0)
        return;
    if (read_all(fd, server->query, 2)) {
        size_t want = ((size_t)server->query[0] << 8) | server->query[1];
        if (read_all(fd, server->query, want)) {
            count(server, true);
            for (size_t i = 0;; i++) {
                size_t len = next_answer(server, want, true, i, server->reply + 2);
                if (len == 0)
                    break;
                server->reply[0] = (uint8_t)(len >> 8);
                server->reply[1] = (uint8_t)len;
                /* In two pieces, as networks do. */
                (void)send(fd, server->reply, 1, MSG_NOSIGNAL);
                (void)send(fd, server->reply + 1, len + 1, MSG_NOSIGNAL);
            }
        }
    }
    (void)close(fd);
}

static void *run(void *arg)
{
    struct fakeserver *server = arg;
    for (;;) {
        struct pollfd fds[3] = {{.fd = server->stop[0], .events = POLLIN},
                                {.fd = server->udp, .events = POLLIN},
                                {.fd = server->tcp, .events = POLLIN}};
        if (poll(fds, 3, -1) < 0)
            continue;
        if (fds[0].revents != 0)
            return NULL;
        if (fds[1].revents != 0)
            serve_udp(server);
        if (fds[2].revents != 0)
            serve_tcp(server);
    }
}

/* Both sockets on one free port. */
static void open_sockets(struct fakeserver *server, bool no_tcp)
{
    server->tcp = -1;
    for (int i = 0; i < 50; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof at;
        server->udp = socket(AF_INET, SOCK_DGRAM, 0);
        need(server->udp >= 0 && bind(server->udp, (struct sockaddr *)&at, sizeof at) == 0 &&
                 getsockname(server->udp, (struct sockaddr *)&at, &len) == 0,
             "a UDP socket");
        server->port = ntohs(at.sin_port);
        if (no_tcp)
            return;
        server->tcp = socket(AF_INET, SOCK_STREAM, 0);
        need(server->tcp >= 0, "a TCP socket");
        if (bind(server->tcp, (struct sockaddr *)&at, sizeof at) == 0 &&
            listen(server->tcp, 16) == 0)
            return;
        (void)close(server->tcp);
        (void)close(server->udp);
    }
    need(false, "a free port");
}

struct fakeserver *fakeserver_new(fakeserver_answer answer, void *arg, bool no_tcp)
{
    struct fakeserver *server = calloc(1, sizeof *server);
    need(server != NULL, "calloc");
    server->answer = answer;
    server->arg = arg;
    open_sockets(server, no_tcp);
    need(pipe(server->stop) == 0, "pipe");
    need(pthread_mutex_init(&server->lock, NULL) == 0, "mutex");
    need(pthread_create(&server->thread, NULL, run, server) == 0, "thread");
    return server;
}

void fakeserver_free(struct fakeserver **server)
{
    if (*server == NULL)
        return;
    need(write((*server)->stop[1], "x", 1) == 1, "stopping");
    need(pthread_join((*server)->thread, NULL) == 0, "join");
    need(pthread_mutex_destroy(&(*server)->lock) == 0, "mutex");
    (void)close((*server)->udp);
    if ((*server)->tcp >= 0)
        (void)close((*server)->tcp);
    (void)close((*server)->stop[0]);
    (void)close((*server)->stop[1]);
    free(*server);
    *server = NULL;
}

uint16_t fakeserver_port(const struct fakeserver *server)
{
    return server->port;
}

unsigned fakeserver_asked(struct fakeserver *server, bool tcp)
{
    need(pthread_mutex_lock(&server->lock) == 0, "lock");
    unsigned asked = server->asked[tcp ? 1 : 0];
    need(pthread_mutex_unlock(&server->lock) == 0, "unlock");
    return asked;
}
