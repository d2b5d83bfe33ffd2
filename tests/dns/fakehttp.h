/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakehttp - an HTTP/1.1 server on a port of 127.0.0.1 that says what a test wants
 *
 * In a thread of its own; one connection at a time, a waiting one ends an idle one. For tests
 * only; aborts on trouble. The process ignores SIGPIPE.
 *
 * Ownership: fakehttp_free joins the thread. `arg` is used by the thread while a request is
 * answered: tests change it between their requests only.
 */
#ifndef DANEMILTER_TESTS_DNS_FAKEHTTP_H
#define DANEMILTER_TESTS_DNS_FAKEHTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#define FAKEHTTP_REQUEST_MAX 65536

struct fakehttp;
struct fakehttp_conn;

struct fakehttp_request {
    char method[16];
    char path[2048];
    const char *head; /* every header, "\r\nName: value\r\n...", a string */
    const char *body; /* a string */
};

/* Writes the whole answer. False: the connection ends. */
typedef bool (*fakehttp_answer)(void *arg, const struct fakehttp_request *request,
                                struct fakehttp_conn *conn);

/* `tls` NULL: plain. */
struct fakehttp *fakehttp_new(fakehttp_answer answer, void *arg, SSL_CTX *tls);
void fakehttp_free(struct fakehttp **server);
uint16_t fakehttp_port(const struct fakehttp *server);
unsigned fakehttp_connections(struct fakehttp *server);

/* For answers. False: the client is gone. */
bool fakehttp_write(struct fakehttp_conn *conn, const char *data, size_t len);
/* A whole answer with its length; `headers` is "" or "Name: value\r\n...". */
bool fakehttp_say(struct fakehttp_conn *conn, int status, const char *headers, const char *body);
/* Waits for the client to go. */
void fakehttp_hang(struct fakehttp_conn *conn);

/* The value of a header; false: not there. */
bool fakehttp_header(const struct fakehttp_request *request, const char *name, char *out,
                     size_t size);

#endif
