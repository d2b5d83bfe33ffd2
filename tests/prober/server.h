/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server - a scripted SMTP and TLS server in a thread, for tests
 *
 * For each connection: says say[0]; for each further text waits for a line of the client and
 * answers with it; then TLS if there is a context (and there, "221" for a line), or silence until
 * the client goes, or the end of the connection.
 *
 * Ownership: server_stop joins the thread and frees. The script must live as long.
 */
#ifndef DANEMILTER_TESTS_SERVER_H
#define DANEMILTER_TESTS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

struct server_script {
    const char *const *say;
    size_t n;
    SSL_CTX *tls;
    bool hang;         /* without tls: say no more, wait for the client's end */
    bool trickle;      /* one octet each 20 ms */
    const char *after; /* instead of TLS's first octets: plaintext, sent late */
};

struct server;

/* One connection, on one end of a socket pair; the other end is *fd. */
struct server *server_pair(const struct server_script *script, int *fd);

/* Any number of connections, one at a time, on a port of 127.0.0.1 (or ::1). */
struct server *server_listen(const struct server_script *script, bool v6, uint16_t *port);

void server_stop(struct server **server);

#endif
