/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/tlsa.h"

#include <stdio.h>
#include <string.h>

#include "crypto/ossl.h"

enum outcome tlsa_id(const struct port_tlsa *rec, uint8_t id[MODEL_ID_LEN], struct err *err)
{
    uint8_t wire[3 + PORT_TLSA_MAX];
    if (rec->len > PORT_TLSA_MAX)
        return err_set(err, OUT_REFUSED, "a TLSA record of %u octets, at most %d are handled",
                       (unsigned)rec->len, PORT_TLSA_MAX);
    wire[0] = rec->combo.usage;
    wire[1] = rec->combo.selector;
    wire[2] = rec->combo.matching;
    memcpy(wire + 3, rec->data, rec->len);
    return ossl_digest(256, wire, 3u + rec->len, id, err);
}

enum outcome tlsa_from_der(const uint8_t *der, size_t len, struct model_combo combo,
                           struct port_tlsa *out, struct err *err)
{
    if (combo.usage > 3 || combo.selector > 1 || combo.matching > 2)
        return err_set(err, OUT_REFUSED, "TLSA %u %u %u is not assigned (RFC 6698 section 2.1)",
                       (unsigned)combo.usage, (unsigned)combo.selector, (unsigned)combo.matching);
    memset(out, 0, sizeof *out);
    out->combo = combo;
    if (combo.matching == 0) {
        if (len > PORT_TLSA_MAX)
            return err_set(err, OUT_REFUSED,
                           "TLSA %u %u 0 would hold %zu octets, at most %d are handled: take "
                           "matching type 1",
                           (unsigned)combo.usage, (unsigned)combo.selector, len, PORT_TLSA_MAX);
        memcpy(out->data, der, len);
        out->len = (uint16_t)len;
        return OUT_OK;
    }
    out->len = combo.matching == 1 ? 32 : 64;
    return ossl_digest(combo.matching == 1 ? 256 : 512, der, len, out->data, err);
}

bool tlsa_equal(const struct port_tlsa *a, const struct port_tlsa *b)
{
    return a->combo.usage == b->combo.usage && a->combo.selector == b->combo.selector &&
           a->combo.matching == b->combo.matching && a->len == b->len && a->len <= PORT_TLSA_MAX &&
           memcmp(a->data, b->data, a->len) == 0;
}

void tlsa_print(const struct port_tlsa *rec, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    int n = snprintf(out, size, "%u %u %u ", (unsigned)rec->combo.usage,
                     (unsigned)rec->combo.selector, (unsigned)rec->combo.matching);
    if (n < 0 || (size_t)n >= size)
        return;
    size_t at = (size_t)n;
    size_t len = rec->len <= PORT_TLSA_MAX ? rec->len : PORT_TLSA_MAX;
    size_t room = size - at - 1;
    size_t shown = len * 2 <= room ? len : (room > 3 ? (room - 3) / 2 : 0);
    for (size_t i = 0; i < shown; i++) {
        out[at++] = digits[rec->data[i] >> 4];
        out[at++] = digits[rec->data[i] & 15];
    }
    for (size_t i = 0; shown < len && i < 3 && at + 1 < size; i++)
        out[at++] = '.';
    out[at] = '\0';
}
