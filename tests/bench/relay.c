/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_relay - passes TCP connections on, and counts them: one octet in FILE for each
 *
 *   bench_relay ADDRESS PORT TO-ADDRESS TO-PORT FILE
 *
 * IPv4, in the foreground, until a signal ends it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS_MAX 128
#define CHUNK 65536

struct pair {
    int fd[2];
};

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

static struct sockaddr_in place(const char *address, const char *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    addr.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    need(inet_pton(AF_INET, address, &addr.sin_addr) == 1, address);
    return addr;
}

static int listen_at(const struct sockaddr_in *addr)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    need(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
             bind(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 && listen(fd, 64) == 0,
         "listening");
    return fd;
}

static void at_once(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void take(int listener, const struct sockaddr_in *to, int count, struct pair *pairs,
                 size_t *n)
{
    int from = accept(listener, NULL, NULL);
    if (from < 0)
        return;
    need(write(count, ".", 1) == 1, "counting");
    int on = socket(AF_INET, SOCK_STREAM, 0);
    need(on >= 0, "a socket");
    if (*n == PAIRS_MAX || connect(on, (const struct sockaddr *)to, sizeof *to) != 0) {
        (void)close(on);
        (void)close(from);
        return;
    }
    at_once(from);
    at_once(on);
    pairs[(*n)++] = (struct pair){{from, on}};
}

/* False: that side said no more. */
static bool pass(int from, int to)
{
    static char buf[CHUNK];
    ssize_t got = recv(from, buf, sizeof buf, 0);
    for (ssize_t at = 0; at < got;) {
        ssize_t put = send(to, buf + at, (size_t)(got - at), MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        at += put;
    }
    return got > 0;
}

static void relay(int listener, const struct sockaddr_in *to, int count)
{
    static struct pair pairs[PAIRS_MAX];
    static struct pollfd fds[2 * PAIRS_MAX + 1];
    size_t n = 0;
    for (;;) {
        fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        for (size_t i = 0; i < 2 * n; i++)
            fds[i + 1] = (struct pollfd){.fd = pairs[i / 2].fd[i % 2], .events = POLLIN};
        size_t had = n;
        need(poll(fds, (nfds_t)(2 * n + 1), -1) >= 0 || errno == EINTR, "poll");
        for (size_t i = had; i-- > 0;) {
            bool on = true;
            for (size_t side = 0; on && side < 2; side++) {
                if (fds[2 * i + side + 1].revents != 0)
                    on = pass(pairs[i].fd[side], pairs[i].fd[1 - side]);
            }
            if (!on) {
                (void)close(pairs[i].fd[0]);
                (void)close(pairs[i].fd[1]);
                pairs[i] = pairs[--n];
            }
        }
        if (fds[0].revents != 0)
            take(listener, to, count, pairs, &n);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        (void)fputs("usage: bench_relay ADDRESS PORT TO-ADDRESS TO-PORT FILE\n", stderr);
        return 2;
    }
    const struct sockaddr_in at = place(argv[1], argv[2]), to = place(argv[3], argv[4]);
    int count = open(argv[5], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    need(count >= 0, argv[5]);
    relay(listen_at(&at), &to, count);
    return 0;
}
