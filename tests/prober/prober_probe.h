/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prober_probe - one probe as its worker sees it, its words, and the judgement of what was served
 *
 * Ownership and threads: a struct prober_probe belongs to one worker and is used for each of its
 * probes again.
 */
#ifndef DANEMILTER_TESTS_PROBER_PROBE_H
#define DANEMILTER_TESTS_PROBER_PROBE_H

#include "prober.h"

struct prober_probe {
    struct prober *prober;
    struct prober_dns *resolver;
    struct prober_dns *auth[PROBER_HELD_SERVERS]; /* with `direct` only */
    struct port_rrset *live;                      /* what the sender has */
    struct prober_lane *lane;
    unsigned long number;
    int64_t shook; /* when the handshake began */
    struct prober_view view[PROBER_HELD_VIEW];
    size_t n_view;
    struct handshake_result got;
    char reason[400];
    char detail[4096];
};

/* Sets reason and detail to "LANE: text". */
void prober_probe_reason(struct prober_probe *p, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Appends an RRset to the detail. */
void prober_probe_rrset(struct prober_probe *p, const struct port_rrset *rrset);

/* The verdict on a complete handshake: on the RRset that the sender has, and on every combination
 * in each that a cache may hold. The first of a lane makes its baseline. */
enum outcome prober_probe_judge(struct prober_probe *p, enum prober_verdict *verdict,
                                struct err *err);

/* Nothing was published when the lane was first looked at: nothing is ignored. */
enum outcome prober_probe_unpublished(struct prober_probe *p, struct err *err);

#endif
