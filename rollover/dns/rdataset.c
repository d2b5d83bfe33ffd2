/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/rdataset.h"

#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"
#include "ports.h"

const struct rrtype rrtype_tlsa = {LDNS_RR_TYPE_TLSA, "TLSA", PORT_RRSET_MAX, 3, 3 + PORT_TLSA_MAX};
const struct rrtype rrtype_txt = {LDNS_RR_TYPE_TXT, "TXT", RDATASET_MAX, 1, 4096};

bool rdataset_add(struct rdataset *set, const struct rrtype *type, const uint8_t *rdata, size_t len)
{
    if (set->n == type->n_max || len < type->size_min || len > type->size_max)
        return false;
    uint8_t *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL)
        return false;
    memcpy(copy, rdata, len);
    set->recs[set->n].data = copy;
    set->recs[set->n].len = len;
    set->n++;
    return true;
}

size_t rdataset_size(const ldns_rr *rr)
{
    size_t size = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
        size += ldns_rdf_size(ldns_rr_rdf(rr, i));
    return size;
}

static bool take_one(struct rdataset *set, const struct rrtype *type, const ldns_rr *rr)
{
    size_t size = rdataset_size(rr);
    size_t at = 0;
    if (size > type->size_max)
        return false;
    uint8_t *rdata = malloc(size + 1);
    if (rdata == NULL)
        return false;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        memcpy(rdata + at, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
        at += ldns_rdf_size(rdf);
    }
    bool good = rdataset_add(set, type, rdata, size);
    free(rdata);
    return good;
}

bool rdataset_take(struct rdataset *set, const struct rrtype *type, const ldns_rr_list *section,
                   const char *owner)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(section, i);
        if (ldns_rr_get_type(rr) == (ldns_rr_type)type->type && wire_owner_is(rr, owner) &&
            !take_one(set, type, rr))
            return false;
    }
    set->ttl = wire_max_ttl(section, owner, type->type);
    return true;
}

void rdataset_clear(struct rdataset *set)
{
    for (size_t i = 0; i < set->n; i++)
        free(set->recs[i].data);
    memset(set, 0, sizeof *set);
}
