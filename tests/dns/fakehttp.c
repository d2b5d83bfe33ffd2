/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* strcasestr */
#include "fakehttp.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

struct fakehttp {
    pthread_t thread;
    fakehttp_answer answer;
    void *arg;
    SSL_CTX *tls;
    int listener;
    int stop[2];
    uint16_t port;
    atomic_uint connections;
};

struct fakehttp_conn {
    int fd;
    SSL *ssl;
    char buf[FAKEHTTP_REQUEST_MAX];
    size_t len;
};

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fakehttp: %s\n", what);
    abort();
}

static int conn_read(struct fakehttp_conn *conn, char *to, size_t size)
{
    if (conn->ssl != NULL)
        return SSL_read(conn->ssl, to, (int)size);
    return (int)recv(conn->fd, to, size, 0);
}

bool fakehttp_write(struct fakehttp_conn *conn, const char *data, size_t len)
{
    while (len > 0) {
        int put = conn->ssl != NULL ? SSL_write(conn->ssl, data, (int)len)
                                    : (int)send(conn->fd, data, len, MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        data += put;
        len -= (size_t)put;
    }
    return true;
}

bool fakehttp_say(struct fakehttp_conn *conn, int status, const char *headers, const char *body)
{
    char head[4096];
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d Said\r\n%sContent-Length: %zu\r\n\r\n", status,
                     headers, strlen(body));
    need(n > 0 && (size_t)n < sizeof head, "long headers");
    return fakehttp_write(conn, head, (size_t)n) && fakehttp_write(conn, body, strlen(body));
}

void fakehttp_hang(struct fakehttp_conn *conn)
{
    char c;
    while (conn_read(conn, &c, 1) > 0)
        continue;
}

bool fakehttp_header(const struct fakehttp_request *request, const char *name, char *out,
                     size_t size)
{
    char line[128];
    need(snprintf(line, sizeof line, "\r\n%s:", name) < (int)sizeof line, "a long name");
    const char *at = strcasestr(request->head, line);
    if (at == NULL)
        return false;
    at += strlen(line);
    at += strspn(at, " ");
    (void)snprintf(out, size, "%.*s", (int)strcspn(at, "\r"), at);
    return true;
}

/* Reads until the buffer holds `what`; NULL: the client is gone. */
static char *read_until(struct fakehttp_conn *conn, const char *what)
{
    for (;;) {
        conn->buf[conn->len] = '\0';
        char *at = strstr(conn->buf, what);
        if (at != NULL)
            return at;
        need(conn->len + 1 < sizeof conn->buf, "a long request");
        int got = conn_read(conn, conn->buf + conn->len, sizeof conn->buf - conn->len - 1);
        if (got <= 0)
            return NULL;
        conn->len += (size_t)got;
    }
}

static bool read_body(struct fakehttp_conn *conn, size_t end)
{
    need(end < sizeof conn->buf, "a long body");
    while (conn->len < end) {
        int got = conn_read(conn, conn->buf + conn->len, end - conn->len);
        if (got <= 0)
            return false;
        conn->len += (size_t)got;
    }
    conn->buf[end] = '\0';
    return true;
}

/* One request and its answer. */
static bool serve_one(struct fakehttp *server, struct fakehttp_conn *conn)
{
    struct fakehttp_request request = {{0}, {0}, "", ""};
    char value[32];
    char *end = read_until(conn, "\r\n\r\n");
    if (end == NULL)
        return false;
    size_t body = (size_t)(end + 4 - conn->buf);
    end[2] = '\0';
    char *line = strstr(conn->buf, "\r\n");
    const char *space = strchr(conn->buf, ' ');
    need(line != NULL && space != NULL && space < line, "no request line");
    (void)snprintf(request.method, sizeof request.method, "%.*s", (int)(space - conn->buf),
                   conn->buf);
    (void)snprintf(request.path, sizeof request.path, "%.*s", (int)strcspn(space + 1, " "),
                   space + 1);
    request.head = line;
    size_t length = 0;
    if (fakehttp_header(&request, "Content-Length", value, sizeof value))
        length = (size_t)strtoul(value, NULL, 10);
    if (!read_body(conn, body + length))
        return false;
    request.body = conn->buf + body;
    bool more = server->answer(server->arg, &request, conn);
    conn->len = 0;
    return more;
}

/* Until the client or the test ends it, or somebody else waits. */
static void serve(struct fakehttp *server, struct fakehttp_conn *conn)
{
    for (;;) {
        struct pollfd fds[3] = {{.fd = conn->fd, .events = POLLIN},
                                {.fd = server->stop[0], .events = POLLIN},
                                {.fd = server->listener, .events = POLLIN}};
        if (conn->ssl == NULL || SSL_pending(conn->ssl) == 0) {
            need(poll(fds, 3, -1) > 0, "poll");
            if (fds[0].revents == 0)
                return;
        }
        if (!serve_one(server, conn))
            return;
    }
}

static void welcome(struct fakehttp *server, int fd)
{
    struct fakehttp_conn *conn = calloc(1, sizeof *conn);
    need(conn != NULL, "memory");
    conn->fd = fd;
    atomic_fetch_add(&server->connections, 1);
    bool up = true;
    if (server->tls != NULL) {
        conn->ssl = SSL_new(server->tls);
        need(conn->ssl != NULL && SSL_set_fd(conn->ssl, fd) == 1, "TLS");
        up = SSL_accept(conn->ssl) == 1;
    }
    if (up)
        serve(server, conn);
    if (up && conn->ssl != NULL)
        (void)SSL_shutdown(conn->ssl);
    ERR_clear_error();
    SSL_free(conn->ssl);
    (void)close(fd);
    free(conn);
}

static void *run(void *arg)
{
    struct fakehttp *server = arg;
    for (;;) {
        struct pollfd two[2] = {{.fd = server->stop[0], .events = POLLIN},
                                {.fd = server->listener, .events = POLLIN}};
        need(poll(two, 2, -1) > 0, "poll");
        if (two[0].revents != 0)
            return NULL;
        int fd = accept(server->listener, NULL, NULL);
        if (fd >= 0)
            welcome(server, fd);
    }
}

struct fakehttp *fakehttp_new(fakehttp_answer answer, void *arg, SSL_CTX *tls)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    struct fakehttp *server = calloc(1, sizeof *server);
    need(server != NULL, "memory");
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->answer = answer;
    server->arg = arg;
    server->tls = tls;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    need(server->listener >= 0 &&
             bind(server->listener, (const struct sockaddr *)&addr, sizeof addr) == 0 &&
             listen(server->listener, 16) == 0 &&
             getsockname(server->listener, (struct sockaddr *)&addr, &len) == 0 &&
             pipe(server->stop) == 0,
         "listening");
    server->port = ntohs(addr.sin_port);
    need(pthread_create(&server->thread, NULL, run, server) == 0, "a thread");
    return server;
}

void fakehttp_free(struct fakehttp **server)
{
    struct fakehttp *s = *server;
    if (s == NULL)
        return;
    (void)close(s->stop[1]);
    need(pthread_join(s->thread, NULL) == 0, "joining the thread");
    (void)close(s->stop[0]);
    (void)close(s->listener);
    free(s);
    *server = NULL;
}

uint16_t fakehttp_port(const struct fakehttp *server)
{
    return server->port;
}

unsigned fakehttp_connections(struct fakehttp *server)
{
    return atomic_load(&server->connections);
}
