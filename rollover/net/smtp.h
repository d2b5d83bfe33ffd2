/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp - a client's side of SMTP as far as STARTTLS (RFC 5321, RFC 3207), and QUIT behind it
 *
 * Replies are bounded: SMTP_LINE_MAX octets a line, SMTP_LINES_MAX lines a reply. The server may
 * speak only when it is its turn; octets behind its reply to STARTTLS are injected plaintext
 * (RFC 3207 section 5) and end the session.
 *
 * The outcomes keep apart what the proof keeps apart: OUT_RETRY = nothing was learnt (no
 * connection, time-out, the server is busy or went away); OUT_REFUSED = the server answered, and
 * TLS is not to be had, or what it said is no SMTP; OUT_BROKEN = local trouble.
 * Texts from the server are escaped by err.h, and cut.
 *
 * Times: deadlines as in handshake.h. Ownership: the caller closes the socket.
 * Threads: no state.
 */
#ifndef DANEMILTER_NET_SMTP_H
#define DANEMILTER_NET_SMTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/model.h"
#include "crypto/handshake.h"

#define SMTP_LINE_MAX 1024 /* RFC 5321 section 4.5.3.1.5 says 512; be generous, yet bounded */
#define SMTP_LINES_MAX 100
#define SMTP_ADDRESS_MAX 64

/* "192.0.2.1:25", "[2001:db8::1]:25"; ip is IPv6, or IPv4-mapped. */
void smtp_address_text(const uint8_t ip[16], uint16_t port, char out[SMTP_ADDRESS_MAX]);

/* A non-blocking, connected socket. Refused, unreachable, no route, time-out: OUT_RETRY. */
enum outcome smtp_connect(const uint8_t ip[16], uint16_t port, model_time deadline, int *fd,
                          struct err *err);

/* Banner, EHLO, STARTTLS. On OUT_OK the next octet on the socket is TLS's. */
enum outcome smtp_starttls(int fd, const char *helo, model_time deadline, struct err *err);

/* QUIT through TLS, and its reply. What comes of it says nothing about the certificate; it spares
 * the server a "lost connection" in its log. */
enum outcome smtp_quit(struct handshake *hs, model_time deadline, struct err *err);

/* The banner of a server that began with TLS; as smtp_quit, it says nothing about the certificate.
 */
enum outcome smtp_banner(struct handshake *hs, model_time deadline, struct err *err);

#endif
