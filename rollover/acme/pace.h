/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pace - how long to wait before the next look, and until when
 *
 * By struct port_clock_ops alone, on its `boot` clock. The CA's Retry-After is honoured within 1 s
 * and 5 min. Without it the configured time, or, when that is 0, an eighth of what has passed,
 * 50 ms to 30 s: soon for a CA that is quick, seldom for one that is slow.
 *
 * Threads: no state beyond the struct.
 */
#ifndef DANEMILTER_ACME_PACE_H
#define DANEMILTER_ACME_PACE_H

#include "acme/acme.h"

struct pace {
    model_time begin, end; /* boot */
    model_time poll;
};

/* Pure: the wait before the next look, when `passed` ms went by. `asked`: Retry-After, 0: none. */
model_time pace_next(model_time poll, model_time passed, model_time asked);

enum outcome pace_begin(const struct acme_ports *ports, model_time poll, model_time total,
                        struct pace *out, struct err *err);
/* Waits. OUT_NOT_YET, without a text: the time is over, nothing was waited for. OUT_RETRY: we are
 * to stop. */
enum outcome pace_rest(const struct acme_ports *ports, const struct pace *pace, model_time asked,
                       struct err *err);

bool pace_stopping(const struct acme_ports *ports);

#endif
