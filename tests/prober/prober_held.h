/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prober_held - every RRset the authoritative servers gave, and until when a cache may hold it
 *
 * A sender may have asked a server at the last moment at which it gave an RRset, and may use it
 * for its TTL: so an RRset is held until (that moment + TTL), the latest over all the times it
 * was given. That moment is when we asked, which is never later than when the server gave it: an
 * RRset that counts as held really could be. The view of a moment must be taken at that moment:
 * what is given later was in no cache then.
 *
 * Times are ns on CLOCK_MONOTONIC. An RRset without records is not kept: it has no combination.
 * Ownership: what a view points to lives as long as the table. Threads: any.
 */
#ifndef DANEMILTER_TESTS_PROBER_HELD_H
#define DANEMILTER_TESTS_PROBER_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ports.h"

#define PROBER_HELD_SERVERS 16
#define PROBER_HELD_MAX 4096 /* different RRsets in one run */
#define PROBER_HELD_VIEW 64  /* of them at one moment */

struct prober_held;

/* One RRset that a cache may hold, with the server whose answer lives longest. */
struct prober_view {
    const struct port_rrset *rrset; /* its ttl is that of the first time */
    size_t server;
    int64_t given; /* when that server gave it last */
    int64_t until;
};

enum outcome prober_held_new(struct prober_held **out, struct err *err);
void prober_held_free(struct prober_held **held);

/* `rrset` as prober_dns_tlsa gives it (sorted). OUT_REFUSED: above the ceiling. */
enum outcome prober_held_note(struct prober_held *held, size_t server,
                              const struct port_rrset *rrset, int64_t asked, struct err *err);

/* What caches may hold at `when`, which is now. OUT_REFUSED: above the ceiling. */
enum outcome prober_held_at(struct prober_held *held, int64_t when,
                            struct prober_view view[PROBER_HELD_VIEW], size_t *n, struct err *err);

/* Sorted RRsets with the same records; TTLs are not looked at. */
bool prober_held_equal(const struct port_rrset *a, const struct port_rrset *b);

#endif
