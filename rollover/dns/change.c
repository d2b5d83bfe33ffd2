/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/change.h"

#include <stddef.h>

#include "dns/wire.h"

bool change_has(const struct port_rrset *rrset, const struct port_tlsa *rec)
{
    for (size_t i = 0; i < rrset->n; i++) {
        if (wire_tlsa_equal(&rrset->recs[i], rec))
            return true;
    }
    return false;
}

bool change_same(const struct port_rrset *a, const struct port_rrset *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; i < a->n && same; i++)
        same = change_has(b, &a->recs[i]);
    return same;
}

uint32_t change_ttl(const struct port_change *change, struct err *note)
{
    const struct port_rrset *seen = change->seen;
    err_clear(note);
    if (change->ttl == 0)
        return seen->n > 0 ? seen->ttl : CHANGE_TTL_NEW;
    if (seen->n > 0 && change->ttl != seen->ttl)
        (void)err_set(note, OUT_OK,
                      "the TTL of all TLSA records at %s goes from %lu to %lu, as configured: an "
                      "RRset has one TTL",
                      change->owner, (unsigned long)seen->ttl, (unsigned long)change->ttl);
    return change->ttl;
}

enum outcome change_check(const struct port_change *change, struct err *err)
{
    if (change->seen == NULL)
        return err_set(err, OUT_BROKEN, "a change without the RRset it starts from");
    size_t after = change->seen->n;
    for (size_t i = 0; i < change->n_add; i++)
        after += change_has(change->seen, change->add[i]) ? 0 : 1;
    for (size_t i = 0; i < change->n_del; i++)
        after -= change_has(change->seen, change->del[i]) ? 1 : 0;
    if (after > PORT_RRSET_MAX)
        return err_set(err, OUT_REFUSED, "%s would have %zu TLSA records, at most %d",
                       change->owner, after, PORT_RRSET_MAX);
    return OUT_OK;
}
