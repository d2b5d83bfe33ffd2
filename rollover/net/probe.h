/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe - the proof: does this address show one of these certificates, as a sender sees it?
 *
 * The port of ports.h. One connection a question: STARTTLS, a handshake that forces the key
 * algorithm (handshake.h) without resumption, QUIT; no STARTTLS where the target is `wrapped`.
 * PORT_WRONG needs an answer: no STARTTLS,
 * 454, a failed handshake, another leaf, a leaf of another key type. Whatever teaches nothing is
 * PORT_NOT_REACHED: refused, no route, a time-out at any point, "421 too busy", a connection that
 * ends before STARTTLS was answered. `why` says what for both.
 *
 * Ownership: probe_new gives an object that probe_free ends; it is `self` of the port.
 * Threads: read only after probe_new; several threads may attest at a time. The process ignores
 * SIGPIPE. Errors: OUT_BROKEN only, for local trouble.
 */
#ifndef DANEMILTER_NET_PROBE_H
#define DANEMILTER_NET_PROBE_H

#include "base/err.h"
#include "core/model.h"
#include "ports.h"

/* 0 and NULL take the default. */
struct probe_config {
    model_time connect; /* ms for the connection: 10 s */
    model_time total;   /* ms for everything: 40 s; Postfix itself may stall for 15 */
    const char *helo;   /* "danemilter.invalid" */
};

struct probe;

enum outcome probe_new(const struct probe_config *config, struct probe **out, struct err *err);
void probe_free(struct probe **probe);

extern const struct port_probe_ops probe_ops;

#endif
