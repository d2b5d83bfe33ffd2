/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * endpoint - what the milter listens at: a unix socket, or a port of the loopback
 *
 * Owns nothing but its own fields. Threads: one at a time.
 */
#ifndef DANEMILTER_MILTER_ENDPOINT_H
#define DANEMILTER_MILTER_ENDPOINT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ENDPOINT_SPEC_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) + 8)

struct endpoint {
    bool inet;
    char spec[ENDPOINT_SPEC_MAX]; /* as smfi_setconn() takes it */
    struct sockaddr_storage address;
    socklen_t len;
};

/* `socket`: a path, absolute or below the working directory, of at most 107 octets, or one of the
 * inet forms (conf/milters.h). OUT_REFUSED: it is neither, or something else stands there. */
enum outcome endpoint_init(const char *socket, struct endpoint *out, struct err *err);

/* libmilter listens: whoever may reach a unix socket's folder may now connect to it (0660). */
enum outcome endpoint_open_up(const struct endpoint *e, struct err *err);

/* Connects once and hangs up: libmilter looks every few seconds whether it is to end, and at each
 * connection. */
void endpoint_nudge(const struct endpoint *e);

/* Removes a unix socket. */
void endpoint_remove(const struct endpoint *e);

#endif
