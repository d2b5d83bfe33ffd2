/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/maildomain.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <ldns/ldns.h>

#include "dns/lookup.h"
#include "dns/wire.h"

#define STS_BEGIN "v=STSv1"

/* The host of one MX record, in plain letters; the root (RFC 7505) is none. */
static bool mx_host(const uint8_t *data, size_t len, char out[PORT_NAME_MAX])
{
    size_t at = 2, n = 0;
    while (at < len && data[at] != 0) {
        size_t label = data[at];
        if (label > 63 || at + 1 + label > len || n + label + 2 > PORT_NAME_MAX)
            return false;
        if (n > 0)
            out[n++] = '.';
        for (size_t i = 0; i < label; i++) {
            uint8_t c = data[at + 1 + i];
            if (c <= ' ' || c >= 127 || c == '.' || c == '"' || c == '\\')
                return false;
            out[n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        }
        at += 1 + label;
    }
    out[n] = '\0';
    return n > 0 && at < len;
}

static void take_mx(const struct lookup_ask *ask, struct maildomain *out)
{
    for (size_t i = 0; ask->result != NULL && ask->result->data != NULL &&
                       ask->result->data[i] != NULL && !out->more;
         i++) {
        const uint8_t *data = (const uint8_t *)ask->result->data[i];
        char host[PORT_NAME_MAX];
        if (ask->result->len[i] < 3 || !mx_host(data, (size_t)ask->result->len[i], host))
            continue;
        out->more = out->n == MAILDOMAIN_MX_MAX;
        if (!out->more)
            memcpy(out->mx[out->n++], host, sizeof host);
    }
}

/* One character-string that begins as RFC 8461 says. */
static void take_sts(const struct lookup_ask *ask, struct maildomain *out)
{
    const size_t begin = sizeof STS_BEGIN - 1;
    for (size_t i = 0;
         ask->result != NULL && ask->result->data != NULL && ask->result->data[i] != NULL; i++) {
        if (ask->result->len[i] > (int)begin &&
            memcmp(ask->result->data[i] + 1, STS_BEGIN, begin) == 0)
            out->sts = true;
    }
}

enum outcome maildomain_look(struct resolve *resolve, const char *domain, struct maildomain *out,
                             struct err *err)
{
    struct lookup_ask asks[2];
    char name[PORT_NAME_MAX];
    memset(asks, 0, sizeof asks);
    memset(out, 0, sizeof *out);
    enum outcome res = wire_name_clean(domain, name, err);
    if (res != OUT_OK)
        return res;
    asks[0].type = LDNS_RR_TYPE_MX;
    asks[1].type = LDNS_RR_TYPE_TXT;
    int a = snprintf(asks[0].name, sizeof asks[0].name, "%s", name);
    int b = snprintf(asks[1].name, sizeof asks[1].name, "_mta-sts.%s", name);
    if (a < 0 || b < 0 || (size_t)a >= sizeof asks[0].name || (size_t)b >= sizeof asks[1].name)
        return err_set(err, OUT_REFUSED, "the name %.60s... is too long", name);
    res = resolve_run(resolve, asks, 2, false, err);
    if (res != OUT_OK)
        return res;
    if (asks[0].verdict == LOOKUP_FAILED)
        res = err_set(err, OUT_RETRY, "the MX records of %s: %s", name, asks[0].why);
    else if (asks[0].verdict == LOOKUP_BOGUS)
        out->state = PORT_ZONE_BOGUS;
    else {
        out->state = asks[0].verdict == LOOKUP_SECURE ? PORT_ZONE_SECURE : PORT_ZONE_INSECURE;
        take_mx(&asks[0], out);
        take_sts(&asks[1], out);
    }
    lookup_free(asks, 2);
    return res;
}
