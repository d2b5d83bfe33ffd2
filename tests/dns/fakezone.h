/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakezone - a zone with a key of its own, and packets as its servers would send them
 *
 * For tests only. Packets are made from records in text, each RRset signed (or not, or wrongly).
 * Ownership: what is returned is malloc()ed and the caller's. Aborts when out of memory.
 */
#ifndef DANEMILTER_TESTS_DNS_FAKEZONE_H
#define DANEMILTER_TESTS_DNS_FAKEZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/replay.h"

struct fakezone;

struct fakezone *fakezone_new(const char *name);
void fakezone_free(struct fakezone **zone);

/* The zone's keys as a validated lookup would have given them. */
void fakezone_keys(struct fakezone *zone, struct replay_keys *out);

struct fakezone_packet {
    const char *owner; /* of the question */
    uint16_t qtype;
    int rcode;
    bool no_aa;
    bool truncated;
    const char *const *answer;    /* records in text, NULL-ended, RRsets together; or NULL */
    const char *const *authority; /* likewise */
    bool unsigned_;               /* leave the signatures out */
    long expires;                 /* s from now; 0: a day */
    struct fakezone *signer;      /* another zone's key; NULL: its own */
};
uint8_t *fakezone_packet(struct fakezone *zone, const struct fakezone_packet *packet, size_t *len);

/* The text of an NSEC3 record (SHA-1, no iterations, no salt) that matches `name`. `cover`:
 * one that covers it instead. `types` is its bit map in text. */
char *fakezone_nsec3(struct fakezone *zone, const char *name, bool cover, const char *types);

#endif
