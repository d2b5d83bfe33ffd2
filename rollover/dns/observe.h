/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * observe - port_observe_ops: every address of a zone's servers asked, every answer validated
 *
 * A round follows CNAMEs at the owner, takes the zone's verdict and keys (libunbound, from the
 * trust anchor down), asks the parent's servers for the NS set, then every address of that set,
 * of the set the zone's own servers give, and every remembered one, all side by side; each answer
 * is judged by itself (answer.h). NS sets are asked for in every round and come from no cache;
 * addresses of servers, CNAMEs and keys may be `refresh_ms` old.
 *
 * A round is bounded by `round_ms`; of that the servers get the time that their time-outs need,
 * lookups the rest. RRsets are compared, never serials.
 *
 * Ownership: observe_close; a round's rrsets by observe_ops.free_round. Threads: one at a time
 * per object; the first observe_open of a process before other threads open theirs (lookup.h).
 */
#ifndef DANEMILTER_DNS_OBSERVE_H
#define DANEMILTER_DNS_OBSERVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "dns/resolve.h"
#include "ports.h"

struct observe;

struct observe_config {
    struct resolve_config resolve;
    uint16_t port; /* of name servers; 0: 53 */
    int udp_ms;    /* 0: 1500 */
    int udp_tries; /* 0: 3 */
    int tcp_ms;    /* 0: 3000 */
    int round_ms;  /* 0: 30000 */
};

enum outcome observe_open(const struct observe_config *config, struct observe **out,
                          struct err *err);
void observe_close(struct observe **observe);

/* `self` is a struct observe. */
extern const struct port_observe_ops observe_ops;

/* The resolver inside, for questions about zones and hosts (resolve.h, hosts.h). */
struct resolve *observe_resolve(struct observe *observe);

#define OBSERVE_SERVER_TEXT (PORT_NAME_MAX + TEXT_IP_MAX + 4)

/* "ns2.example.org (192.0.2.2)", or the address alone. */
void observe_text_server(const struct port_answer *answer, char out[OBSERVE_SERVER_TEXT]);

const char *observe_kind_name(enum model_answer_kind kind);
const char *observe_state_name(enum port_zone_state state);

#endif
