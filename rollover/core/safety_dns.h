/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * safety_dns - may these records be added or deleted, may this key be destroyed?
 *
 * Part of safety.h, for PUBLISH, WITHDRAW and SHRED alone.
 */
#ifndef DANEMILTER_CORE_SAFETY_DNS_H
#define DANEMILTER_CORE_SAFETY_DNS_H

#include "core/safety.h"

/* One question: the action, and where the answer is explained. */
struct safety_question {
    const struct model_facts *f;
    const struct model_policy *p;
    const struct plan_action *act;
    struct model_now now;
    struct safety_verdict *why;
};

bool safety_dns_publish(const struct safety_question *q);
bool safety_dns_withdraw(const struct safety_question *q);
bool safety_dns_shred(const struct safety_question *q);

#endif
