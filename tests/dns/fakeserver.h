/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakeserver - a DNS server on a port of 127.0.0.1 that says what a test wants
 *
 * UDP and TCP on the same port, in a thread of its own. For tests only; aborts on trouble.
 */
#ifndef DANEMILTER_TESTS_DNS_FAKESERVER_H
#define DANEMILTER_TESTS_DNS_FAKESERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKESERVER_REPLY_MAX 65535

struct fakeserver;

/* Writes reply number `i` (from 0) into `reply`; returns its length. 0: no more replies. */
typedef size_t (*fakeserver_answer)(void *arg, const uint8_t *query, size_t len, bool tcp, size_t i,
                                    uint8_t *reply);

struct fakeserver *fakeserver_new(fakeserver_answer answer, void *arg, bool no_tcp);
void fakeserver_free(struct fakeserver **server);
uint16_t fakeserver_port(const struct fakeserver *server);

/* What the test changed in `arg` before is seen by the answers after, and the other way round. */
void fakeserver_sync(struct fakeserver *server);

/* How many questions came. */
unsigned fakeserver_asked(struct fakeserver *server, bool tcp);

#endif
