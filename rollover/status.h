/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status - what an operator wants to know of one certificate, in lines of text
 *
 * From the stored state alone, by the same functions that decide: it says the same whether the
 * daemon runs or not. `now` is derived from the state with status_now(). Lines go to `out`
 * (stdio, so that danectl prints and tests capture); errors of writing stay in the stream.
 */
#ifndef DANEMILTER_STATUS_H
#define DANEMILTER_STATUS_H

#include "ports.h"

#include <stdio.h>

/* The moment `t`, in the terms of this state; see model_now. */
struct model_now status_now(const struct port_state *st, const struct port_time *t);

/* True: something wants attention (a freeze, a server that disagrees or does not answer). */
bool status_print(FILE *out, const char *certificate, const struct port_state *st,
                  const struct model_policy *policy, struct model_now now);

#endif
