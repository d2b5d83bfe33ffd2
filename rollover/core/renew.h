/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * renew - when a certificate is to be renewed, and with which key
 *
 * Wall times (milliseconds since 1970), from the certificate alone; a clock that goes back only
 * delays.
 */
#ifndef DANEMILTER_CORE_RENEW_H
#define DANEMILTER_CORE_RENEW_H

#include "core/model.h"

enum renew_kind {
    RENEW_NOT_DUE,
    RENEW_NEXT_KEY, /* a key rollover: with the standby, or a fresh key */
    RENEW_SAME_KEY  /* strategy reuse; the operator asked for it; or the deadline comes before the
                       next key can be served */
};

model_time renew_due_at(const struct model_chain *c, const struct model_policy *p);
model_time renew_deadline(const struct model_chain *c, const struct model_policy *p);

/* The record of the key in the file is gone from caches, the next key's is in all of them: a switch
 * mends it. */
bool renew_served_gone(const struct model_facts *f, const struct model_policy *p, int alg,
                       struct model_now now);

/* Has the chain been in the file for policy.renew_every? */
bool renew_by_age(const struct model_chain *c, const struct model_policy *p, struct model_now now);

/* For one algorithm. `next` gets the key that a RENEW_NEXT_KEY is to use, or MODEL_NONE. */
enum renew_kind renew_decide(const struct model_facts *f, const struct model_policy *p, int alg,
                             struct model_now now, int *next);

#endif
