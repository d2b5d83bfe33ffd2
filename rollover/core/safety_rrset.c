/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * safety_rrset - a change judged by the RRset that it really makes
 */
#include <stddef.h>

#include "core/phase.h"
#include "core/safety.h"

static bool matched(const struct model_facts *f, int chain, model_mask recs,
                    struct model_combo combo, struct model_now now)
{
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((recs & MODEL_BIT(r)) != 0 && f->recs[r].used &&
            phase_same_combo(f->recs[r].combo, combo) &&
            phase_matches(f, &f->chains[chain], r, now))
            return true;
    }
    return false;
}

static bool has_combo(const struct model_facts *f, model_mask recs, struct model_combo combo)
{
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((recs & MODEL_BIT(r)) != 0 && phase_same_combo(f->recs[r].combo, combo))
            return true;
    }
    return false;
}

static int count(model_mask recs)
{
    int n = 0;
    for (; recs != 0; recs &= recs - 1)
        n++;
    return n;
}

bool safety_rrset_serves(const struct model_facts *f, model_mask before, model_mask after,
                         struct model_now now, struct safety_verdict *why)
{
    uint32_t servable = phase_servable(f);
    *why = (struct safety_verdict){.no = SAFETY_OK,
                                   .owner = MODEL_NONE,
                                   .addr = MODEL_NONE,
                                   .rec = MODEL_NONE,
                                   .chain = MODEL_NONE,
                                   .left = PHASE_FOREVER};
    if (count(after) > MODEL_RRSET_MAX && count(after) > count(before)) {
        why->no = SAFETY_NO_SIZE;
        return false;
    }
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        struct model_combo combo = f->recs[r].combo;
        if ((after & MODEL_BIT(r)) == 0)
            continue;
        for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
            bool worse = !has_combo(f, before, combo) || matched(f, c, before, combo, now);
            bool lost = f->keys[f->chains[c].key].compromised; /* section 3 says when it goes */
            if ((servable >> c & 1u) == 0 || lost || !worse || matched(f, c, after, combo, now))
                continue;
            why->no = SAFETY_NO_COMBINATION;
            why->rec = r;
            why->chain = c;
            return false;
        }
    }
    return true;
}
