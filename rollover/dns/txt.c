/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/txt.h"

#include <string.h>

#include "dns/wire.h"

enum outcome txt_check(const char *value, struct err *err)
{
    size_t len = strlen(value);
    size_t good = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    if (len == 0 || len > TXT_VALUE_MAX || good != len)
        return err_set(err, OUT_REFUSED,
                       "\"%.80s\" is no value of base64url characters for a TXT record", value);
    return OUT_OK;
}

ldns_rr *txt_rr(const ldns_rdf *owner, const char *value, uint32_t ttl, ldns_rr_class class)
{
    uint8_t string[TXT_VALUE_MAX + 1];
    size_t len = strlen(value);
    if (len > TXT_VALUE_MAX)
        return NULL;
    string[0] = (uint8_t)len;
    memcpy(string + 1, value, len);
    ldns_rr *rr = wire_rr(owner, LDNS_RR_TYPE_TXT, ttl, class);
    ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, len + 1, string);
    if (rr != NULL && rdf != NULL && ldns_rr_push_rdf(rr, rdf))
        return rr;
    ldns_rdf_deep_free(rdf);
    ldns_rr_free(rr);
    return NULL;
}

bool txt_is(const uint8_t *rdata, size_t len, const char *value)
{
    size_t want = strlen(value);
    return len == want + 1 && rdata[0] == want && memcmp(rdata + 1, value, want) == 0;
}
