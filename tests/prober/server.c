/* SPDX-License-Identifier: BSD-2-Clause */
#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "pki.h"

struct server {
    pthread_t thread;
    const struct server_script *script;
    int fd;      /* the connection, or the listener */
    int stop[2]; /* a listener ends when the other end of this pipe is closed */
    bool listens;
};

static bool say(int fd, const char *text, bool trickle)
{
    size_t len = strlen(text);
    size_t step = trickle ? 1 : len;
    const struct timespec pause = {0, 20000000};
    for (size_t at = 0; at < len;) {
        size_t left = len - at;
        ssize_t put = send(fd, text + at, step < left ? step : left, MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        at += (size_t)put;
        if (trickle)
            (void)nanosleep(&pause, NULL);
    }
    return true;
}

/* Reads one octet at a time, so that nothing of TLS is taken. */
static bool hear_line(int fd)
{
    char c = 0;
    while (recv(fd, &c, 1, 0) == 1) {
        if (c == '\n')
            return true;
    }
    return false;
}

static void hear_end(int fd)
{
    char buf[512];
    while (recv(fd, buf, sizeof buf, 0) > 0)
        continue;
}

static void serve_tls(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);
    char buf[512];
    pki_need(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "TLS on a socket");
    if (SSL_accept(ssl) == 1) {
        if (SSL_read(ssl, buf, sizeof buf) > 0)
            (void)SSL_write(ssl, "221 bye\r\n", 9);
        (void)SSL_shutdown(ssl);
    }
    ERR_clear_error();
    SSL_free(ssl);
}

static void serve(const struct server_script *script, int fd)
{
    bool up = true;
    for (size_t i = 0; up && i < script->n; i++)
        up = (i == 0 || hear_line(fd)) && say(fd, script->say[i], script->trickle);
    if (up && script->after != NULL)
        up = say(fd, script->after, false);
    if (up && script->tls != NULL)
        serve_tls(script->tls, fd);
    else if (up && script->hang)
        hear_end(fd);
    (void)shutdown(fd, SHUT_RDWR);
    (void)close(fd);
}

static void *run(void *arg)
{
    struct server *server = arg;
    while (server->listens) {
        struct pollfd two[2] = {{.fd = server->fd, .events = POLLIN},
                                {.fd = server->stop[0], .events = POLLIN}};
        pki_need(poll(two, 2, -1) > 0, "waiting for a connection");
        if (two[1].revents != 0)
            break;
        int fd = accept(server->fd, NULL, NULL);
        if (fd >= 0)
            serve(server->script, fd);
    }
    if (!server->listens)
        serve(server->script, server->fd);
    return NULL;
}

static struct server *start(const struct server_script *script, int fd, bool listens)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        abort();
    server->script = script;
    server->fd = fd;
    server->listens = listens;
    pki_need(!listens || pipe(server->stop) == 0, "a pipe");
    pki_need(pthread_create(&server->thread, NULL, run, server) == 0, "a thread");
    return server;
}

struct server *server_pair(const struct server_script *script, int *fd)
{
    int pair[2];
    pki_need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "a socket pair");
    *fd = pair[0];
    return start(script, pair[1], false);
}

struct server *server_listen(const struct server_script *script, bool v6, uint16_t *port)
{
    struct sockaddr_in v4addr = {.sin_family = AF_INET};
    struct sockaddr_in6 v6addr = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    v4addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = v6 ? sizeof v6addr : sizeof v4addr;
    struct sockaddr *addr = v6 ? (struct sockaddr *)&v6addr : (struct sockaddr *)&v4addr;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    pki_need(fd >= 0 && bind(fd, addr, len) == 0 && listen(fd, 16) == 0 &&
                 getsockname(fd, addr, &len) == 0,
             "listening");
    *port = ntohs(v6 ? v6addr.sin6_port : v4addr.sin_port);
    return start(script, fd, true);
}

void server_stop(struct server **server)
{
    struct server *s = *server;
    if (s->listens)
        (void)close(s->stop[1]);
    pki_need(pthread_join(s->thread, NULL) == 0, "joining a thread");
    if (s->listens) {
        (void)close(s->stop[0]);
        (void)close(s->fd);
    }
    free(s);
    *server = NULL;
}
