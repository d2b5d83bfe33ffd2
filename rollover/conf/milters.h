/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milters - where Postfix finds the milter: our milter_socket, and its entry in smtpd_milters
 *
 * milter_socket is a path (a unix socket; relative ones are below Postfix's queue_directory) or, as
 * libmilter writes it, inet:PORT@ADDRESS or inet6:PORT@ADDRESS, where ADDRESS is one of the
 * loopback: whoever reaches the socket could tell of sessions that never were. smtpd_milters has
 * the same as unix:PATH, inet:ADDRESS:PORT or inet:[ADDRESS]:PORT (postconf(5)), alone or first in
 * braces.
 *
 * Pure: no I/O. Threads: any.
 */
#ifndef DANEMILTER_CONF_MILTERS_H
#define DANEMILTER_CONF_MILTERS_H

#include "base/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define MILTERS_ENTRY_MAX 160
#define MILTERS_PORT_MIN 1024 /* below it only root may listen, and we are not */

/* Is it of the inet form, good or not? */
bool milters_is_inet(const char *socket);

/* Of the inet form: what to listen at. *len: how much of *out is used. OUT_REFUSED: what is wrong.
 */
enum outcome milters_inet(const char *socket, struct sockaddr_storage *out, socklen_t *len,
                          struct err *err);

/* The service as smtpd_milters has it, without braces: "unix:danemilter/milter". `socket` is good.
 */
void milters_entry(const char *socket, char out[MILTERS_ENTRY_MAX]);

/* Does the value of smtpd_milters name the socket? A relative path is also meant by an absolute one
 * that ends with it, and an address of the loopback by "localhost". */
bool milters_names(const char *value, const char *socket);

/* The value without those entries; allocated, the caller frees. NULL: no memory. */
char *milters_without(const char *value, const char *socket);

#endif
