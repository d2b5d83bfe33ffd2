/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exchange - many DNS questions to many addresses at once, bounded in time
 *
 * Private to rollover/dns. Each ask is sent by UDP from a fresh connected socket (the kernel picks
 * a random source port and drops what other addresses send) with a random id, again after
 * `udp_ms`, `udp_tries` times; then, or when an answer is truncated, once by TCP. Answers whose
 * id, opcode or question differ are ignored (safety.md, row 35). Nothing else is judged here: the
 * answer may be any rubbish behind its question. All asks run side by side in one poll loop, so
 * dead addresses cost the time of one.
 *
 * EXCHANGE_NOROUTE is only said when the kernel refuses to send at all: an ICMP error that comes
 * back later can be forged and counts as silence.
 *
 * Ownership: `query` stays the caller's; `reply` is malloc()ed, freed by exchange_free. At most
 * EXCHANGE_MAX asks. Threads: no state; any thread. Times in milliseconds of CLOCK_MONOTONIC.
 * RFC 1035 4.2, RFC 5452 sections 4 and 9, RFC 7766.
 */
#ifndef DANEMILTER_DNS_EXCHANGE_H
#define DANEMILTER_DNS_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define EXCHANGE_MAX 256
#define EXCHANGE_WHY 128

struct exchange_limits {
    int udp_ms;    /* for an answer to one datagram */
    int udp_tries; /* datagrams */
    int tcp_ms;    /* connect, question and answer together */
    int total_ms;  /* the whole run; what is open then is silent */
};

enum exchange_state {
    EXCHANGE_ANSWER,
    EXCHANGE_SILENT,
    EXCHANGE_NOROUTE,
    EXCHANGE_LOCAL /* no socket, no memory: our own trouble */
};

struct exchange_ask {
    /* set by the caller */
    uint8_t ip[16];
    uint16_t port;
    const uint8_t *query; /* whole message, at least a header and one question */
    size_t query_len;
    bool keep_id;  /* signed: the id in `query` is part of the signature */
    bool tcp_only; /* at once, and no second time */
    /* the outcome */
    enum exchange_state state;
    bool tcp; /* the answer came by TCP */
    uint8_t *reply;
    size_t reply_len;
    char why[EXCHANGE_WHY]; /* for anything but an answer */
};

/* OUT_OK: every ask has a state. OUT_BROKEN: no memory or no randomness; no ask was sent. */
enum outcome exchange_run(struct exchange_ask *asks, size_t n, const struct exchange_limits *limits,
                          struct err *err);
void exchange_free(struct exchange_ask *asks, size_t n);

/* Is this the answer to that query, sent with this id? */
bool exchange_fits(const uint8_t *query, size_t query_len, uint16_t id, const uint8_t *reply,
                   size_t reply_len);

/* CLOCK_MONOTONIC in ms. */
int64_t exchange_now(void);

#endif
