/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire - the milter protocol (version 6) as a mail server speaks it; whatever fails, fails the test
 */
#ifndef DANEMILTER_TESTS_MILTER_WIRE_H
#define DANEMILTER_TESTS_MILTER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void wire_put(int fd, char command, const void *data, size_t len);
/* Within `ms`? */
bool wire_readable(int fd, int ms);
/* One packet, within 10 s; its first octet is the command. Returns its length. */
size_t wire_take(int fd, unsigned char *packet, size_t size);
/* *got: the steps that the milter wants. */
void wire_negotiate(int fd, unsigned long actions, unsigned long steps, uint32_t *got);
/* A macro of the next `command`. */
void wire_macro(int fd, char command, const char *name, const char *value);
/* Connect from 192.0.2.51, HELO client.test, by TLS once more if `tls` is its version, and MAIL. */
void wire_session(int fd, const char *tls, bool mail);

#endif
