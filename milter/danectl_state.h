/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_state - the stored state of one certificate, with the moment to look at it from
 *
 * For commands with DANECTL_NEED_STORE. Ownership: danectl_state_free.
 */
#ifndef DANEMILTER_MILTER_DANECTL_STATE_H
#define DANEMILTER_MILTER_DANECTL_STATE_H

#include "milter/danectl.h"

struct danectl_state {
    const char *name; /* of the configuration, as the policy */
    const struct model_policy *policy;
    struct model_now now;
    struct port_state st;
};

/* OUT_NOT_YET: nothing is stored under this title. */
enum outcome danectl_state_load(struct danectl *d, const struct conf_certificate *c,
                                struct danectl_state **out, struct err *err);
void danectl_state_free(struct danectl_state **state);
/* The index of our record that is this one; MODEL_NONE: it is not ours. */
int danectl_state_record(const struct port_state *st, const struct port_tlsa *rec);

#endif
