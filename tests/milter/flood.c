/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flood SOCKET CONNECTIONS SECONDS - all that can go wrong at the other end of a milter's socket,
 * at once: CONNECTIONS sessions that stand still after HELO, a tenth as many that send an octet a
 * second, and until the time is over ones that send nonsense or hang up after each step.
 *
 * Prints "held N slow N nonsense N dropped N refused N"; status 1 if a connection was refused.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 5000
#define STEPS 5
#define PATIENCE_MS 10000

struct packet {
    const char *data;
    size_t len;
};

#define PACKET(text)                                                                               \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* Negotiation as Postfix does it, connect, HELO, MAIL, the end of a session. */
static const struct packet steps[STEPS] = {
    PACKET("\0\0\0\x0dO\0\0\0\x06\0\0\1\xff\0\x1f\xff\xff"),
    PACKET("\0\0\0\x1a"
           "Cflood.test\0"
           "4\0\031192.0.2.99\0"),
    PACKET("\0\0\0\x0c"
           "Hflood.test\0"),
    PACKET("\0\0\0\x10"
           "M<a@flood.test>\0"),
    PACKET("\0\0\0\x01Q"),
};

static const struct packet nonsense[] = {
    PACKET("\x7f\xff\xff\xffO"), PACKET("\0\0\0\0\0"),   PACKET("\0\0\0\1z"),
    PACKET("\0\0\0\5Dxxxx"),     PACKET("\0\0\0\3Cx\0"), PACKET("GET / HTTP/1.0\r\n\r\n"),
};
#define KINDS (sizeof nonsense / sizeof nonsense[0])

static int dial(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path)
        return -1;
    memcpy(to.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static bool put(int fd, const char *data, size_t len)
{
    return send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* The first `n` steps; after the negotiation and HELO a reply is waited for. */
static bool walk(int fd, int n)
{
    char reply[512];
    for (int i = 0; i < n; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (!put(fd, steps[i].data, steps[i].len))
            return false;
        if ((i == 0 || i == 2) &&
            (poll(&p, 1, PATIENCE_MS) != 1 || recv(fd, reply, sizeof reply, 0) <= 0))
            return false;
    }
    return true;
}

static time_t now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

static void more_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* else connections are refused, and that is seen */
    }
}

/* One round of what hangs up: false if a connection was refused. */
static bool quick_ones(const char *path, long *nonsenses, long *dropped)
{
    for (size_t i = 0; i < KINDS; i++) {
        int fd = dial(path);
        if (fd < 0)
            return false;
        (void)put(fd, nonsense[i].data, nonsense[i].len);
        (void)close(fd);
        ++*nonsenses;
    }
    for (int n = 0; n <= STEPS; n++) {
        int fd = dial(path);
        if (fd < 0)
            return false;
        (void)walk(fd, n);
        (void)close(fd);
        ++*dropped;
    }
    return true;
}

int main(int argc, char **argv)
{
    static int fds[CONNECTIONS_MAX];
    long wanted = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    long seconds = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    long held = 0, slow = 0, nonsenses = 0, dropped = 0, refused = 0;
    if (wanted < 10 || wanted > CONNECTIONS_MAX || seconds < 1 || seconds > 600) {
        (void)fprintf(stderr, "usage: flood SOCKET CONNECTIONS SECONDS\n");
        return 2;
    }
    more_files();
    for (long i = 0; i < wanted; i++) {
        bool drips = i % 10 == 0;
        fds[i] = dial(argv[1]);
        if (fds[i] < 0 || (!drips && !walk(fds[i], 3)))
            refused++;
        else if (drips)
            slow++;
        else
            held++;
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    time_t end = now() + seconds, last = 0;
    for (size_t at = 0; now() < end;) {
        if (now() != last) { /* an octet more of the negotiation */
            for (long i = 0; i < wanted; i += 10)
                (void)put(fds[i], steps[0].data + at % steps[0].len, 1);
            last = now();
            at++;
        }
        if (!quick_ones(argv[1], &nonsenses, &dropped))
            refused++;
    }
    (void)printf("held %ld slow %ld nonsense %ld dropped %ld refused %ld\n", held, slow, nonsenses,
                 dropped, refused);
    return refused > 0 ? 1 : 0;
}
