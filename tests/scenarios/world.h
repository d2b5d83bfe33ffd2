/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world - time, servers, the API, caches' possible contents and Postfix of a scenario
 *
 * Caches are not simulated one by one: `held` is every RRset that any cache may hold, each with
 * the moment until which a sender may still work with it: last offered + TTL (+ CNAME's TTL, +
 * `hold`, the time a sender takes, + `stale`, for resolvers that serve expired answers). That
 * is exact, because a cache may ask any server at any moment.
 * The oracle is asked after every change and at every event on the way through time.
 */
#ifndef DANEMILTER_TESTS_WORLD_H
#define DANEMILTER_TESTS_WORLD_H

#include "sim.h"

/* The first processes, caches full of what the servers show. After configuration. */
void world_start(struct sim *s);

/* Through every event until true time `t`, which is then now. */
void world_advance_to(struct sim *s, int64_t t);
int64_t world_next_event(const struct sim *s);

/* What a change by API or by a human does. False: the API refused. */
bool world_api_change(struct sim *s, int owner, sim_mask add, sim_mask del);
void world_human_change(struct sim *s, int owner, sim_mask add, sim_mask del);
void world_zone_ttl(struct sim *s, int owner, uint32_t ttl);

int world_server_add(struct sim *s, const char *name);
int world_server_named(const struct sim *s, const char *name);
int world_owner_named(const struct sim *s, const char *name);
bool world_askable(const struct sim *s, const struct sim_server *v); /* resolvers may ask it */

/* Postfix. Install is the rename: from then on new processes load the file. */
void world_install(struct sim *s, const struct sim_file *file);
bool world_reload(struct sim *s);
void world_postfix(struct sim *s, bool up);
void world_session(struct sim *s, bool holds);
bool world_older_than(const struct sim *s, int64_t t);
void world_reboot(struct sim *s);

#endif
