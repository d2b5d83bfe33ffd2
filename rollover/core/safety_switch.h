/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * safety_switch - may these chains be put into the chain file now?
 *
 * Part of safety.h, for SWITCH and ROLLBACK alone. Three ways lead to yes, asked for each
 * algorithm that changes (safety.md, section 1 and 3):
 *  - same records: whatever the served chain is matched by, in any cache, matches the new one
 *    too. No evidence is asked for, and nothing else is looked at;
 *  - evidence: every combination that any cache may hold has a record that matches the new chain
 *    and has waited its time at every server, seen once more just now;
 *  - nothing to lose: the served chain is matched by nothing any more (usage 2, expired), or its
 *    key and every standby are compromised.
 */
#ifndef DANEMILTER_CORE_SAFETY_SWITCH_H
#define DANEMILTER_CORE_SAFETY_SWITCH_H

#include "core/safety.h"

bool safety_switch_allows(const struct model_facts *f, const struct model_policy *p,
                          const int8_t chains[MODEL_MAX_ALGS], bool rollback, struct model_now now,
                          struct safety_verdict *why);

#endif
