/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ledger - what the sessions of each client looked like, and whether that changed
 *
 * A client is a network (IPv4 /24, IPv6 /48, so that a farm of senders is one) and the domain of
 * its HELO (its last labels: the host name without its first label, if at least two remain).
 * Counted in memory per client: sessions, protocol versions, cipher of the last, completed (got as
 * far as MAIL), ended after HELO without TLS and without MAIL. Knows neither libmilter nor SQLite.
 *
 * Bounded: at most `max` clients; who was not seen for longest is forgotten (what was not saved of
 * it is lost). A flood of distinct clients costs memory up to that and no more, and cannot push out
 * a client that was ever completed by TLS in favour of ones that never were, while any of the
 * latter is left.
 *
 * Suspicion (facts.md section 4: a milter cannot tell a DANE failure from a probe, so never more
 * than that): ledger_switched() marks a moment; a client that completed by TLS before it and whose
 * sessions after it, at least LEDGER_SUSPECT_MIN of them, all ended after HELO without TLS and
 * MAIL, is suspected, once for each switch. Our own probes and loopback are never counted.
 *
 * Threads: any, for all functions (one mutex, held for microseconds; never during I/O).
 */
#ifndef DANEMILTER_MILTER_LEDGER_H
#define DANEMILTER_MILTER_LEDGER_H

#include "base/err.h"
#include "core/model.h"
#include "milter/session.h"

#define LEDGER_DOMAIN_MAX 64
#define LEDGER_CIPHER_MAX 48
#define LEDGER_SUSPECT_MIN 2

struct ledger;

struct ledger_client {
    uint8_t net[16];                /* host bits 0; IPv6, or IPv4-mapped */
    uint8_t bits;                   /* of the 128 */
    char domain[LEDGER_DOMAIN_MAX]; /* of the HELO, lower case; "": an address literal, or none */
};

/* Counted since `since` (wall, ms). */
struct ledger_entry {
    struct ledger_client client;
    model_time since, last;         /* wall, ms */
    model_time last_plain;          /* MAIL without TLS, not exempt; 0: never */
    uint64_t sessions;              /* closed, with HELO */
    uint64_t tls[SESSION_TLS_N];    /* sessions by protocol at their last HELO */
    uint64_t mail[SESSION_TLS_N];   /* of those: completed */
    uint64_t gone;                  /* HELO, no TLS, no MAIL */
    char cipher[LEDGER_CIPHER_MAX]; /* of the last by TLS */
};

/* `address`: IPv6 or IPv4-mapped; `helo`: as it was said, or NULL. */
void ledger_client_of(const uint8_t address[16], const char *helo, struct ledger_client *out);

enum outcome ledger_new(size_t max, struct ledger **out, struct err *err);
void ledger_free(struct ledger **ledger);

/* `news` is called, outside the lock, from the thread that counts: when there is something to save
 * after there was nothing, and with each new suspect. Before the first session. */
void ledger_on_news(struct ledger *l, void (*news)(void *self, bool suspect), void *self);

/* One session that has ended. `cipher` may be NULL. */
void ledger_count(struct ledger *l, const struct ledger_client *client, const struct session *s,
                  const char *cipher, model_time wall);
/* What is known of a client; false: nothing. For the guard, at each MAIL without TLS. */
bool ledger_find(struct ledger *l, const struct ledger_client *client, struct ledger_entry *out);
/* Puts in what was saved; ledger_count adds to it. */
void ledger_restore(struct ledger *l, const struct ledger_entry *entry);

/* Addresses whose sessions are not counted: those that we probe from. Copies. */
#define LEDGER_OURS_MAX 64
void ledger_ours(struct ledger *l, const uint8_t (*addresses)[16], size_t n);
bool ledger_is_ours(struct ledger *l, const uint8_t address[16]);

/* The chain file was switched just now. */
void ledger_switched(struct ledger *l);
/* The next client that is suspected and was not yet told; false: none. */
bool ledger_suspect(struct ledger *l, struct ledger_entry *out);

/* Entries changed since they were last taken, at most `max`; how many. They count as saved. */
size_t ledger_take_changed(struct ledger *l, struct ledger_entry *out, size_t max);

#endif
