/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/tsigmsg.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "dns/wire.h"

#define BADTIME 18
#define MESSAGE_MAX 60000 /* ldns aborts when message, names and MAC pass 65535 together */

/* Fields of a TSIG record (RFC 8945 section 4.2), as ldns numbers them. */
enum { F_ALGORITHM, F_TIME, F_FUDGE, F_MAC, F_ID, F_ERROR, F_OTHER, F_COUNT };

enum outcome tsigmsg_sign(ldns_pkt *pkt, const struct tsigkey *key, uint8_t **wire, size_t *len,
                          ldns_rdf **mac, struct err *err)
{
    *wire = NULL;
    *mac = NULL;
    ldns_status status =
        ldns_pkt_tsig_sign(pkt, key->name, key->secret, TSIGMSG_FUDGE, key->algorithm, NULL);
    if (status != LDNS_STATUS_OK)
        return err_set(err, OUT_BROKEN, "cannot sign with the TSIG key %s (%s): %s", key->name,
                       key->origin, ldns_get_errorstr_by_id(status));
    *mac = ldns_rdf_clone(ldns_rr_rdf(ldns_pkt_tsig(pkt), F_MAC));
    status = ldns_pkt2wire(wire, pkt, len);
    if (*mac != NULL && status == LDNS_STATUS_OK && *len <= WIRE_MAX)
        return OUT_OK;
    ldns_rdf_deep_free(*mac);
    LDNS_FREE(*wire);
    *mac = NULL;
    if (status == LDNS_STATUS_OK && *len > WIRE_MAX)
        return err_set(err, OUT_REFUSED, "a message of %zu octets is too large for DNS", *len);
    return err_set(err, OUT_BROKEN, "cannot write a DNS message: %s",
                   ldns_get_errorstr_by_id(status));
}

static int64_t time48(const uint8_t *p)
{
    int64_t value = 0;
    for (size_t i = 0; i < 6; i++)
        value = (value << 8) | p[i];
    return value;
}

/* Key and algorithm are ours, and every field is there in its size. */
static bool is_ours(const ldns_rr *tsig, const struct tsigkey *key)
{
    char algorithm[PORT_NAME_MAX];
    if (ldns_rr_rd_count(tsig) < F_COUNT || !wire_owner_is(tsig, key->name))
        return false;
    if (!wire_name_text(ldns_rr_rdf(tsig, F_ALGORITHM), algorithm) ||
        strcmp(algorithm, key->algorithm) != 0)
        return false;
    return ldns_rdf_size(ldns_rr_rdf(tsig, F_TIME)) == 6 &&
           ldns_rdf_size(ldns_rr_rdf(tsig, F_FUDGE)) == 2 &&
           ldns_rdf_size(ldns_rr_rdf(tsig, F_MAC)) >= 2 &&
           ldns_rdf_size(ldns_rr_rdf(tsig, F_ERROR)) == 2 &&
           ldns_rdf_size(ldns_rr_rdf(tsig, F_OTHER)) >= 2;
}

void tsigmsg_verify(ldns_pkt *pkt, const uint8_t *wire, size_t len, const struct tsigkey *key,
                    const ldns_rdf *mac, time_t now, struct tsigmsg_check *out)
{
    const ldns_rr *tsig = ldns_pkt_tsig(pkt);
    *out = (struct tsigmsg_check){.state = TSIGMSG_FORGED};
    if (tsig == NULL) {
        out->state = TSIGMSG_ABSENT;
        return;
    }
    if (len > MESSAGE_MAX || !is_ours(tsig, key))
        return;
    out->error = ldns_rdf2native_int16(ldns_rr_rdf(tsig, F_ERROR));
    bool has_mac = ldns_rdf_size(ldns_rr_rdf(tsig, F_MAC)) > 2;
    if (out->error != 0 && out->error != BADTIME && !has_mac) {
        out->state = TSIGMSG_ERROR;
        return;
    }
    /* The time may be read before the MAC is checked; nothing is believed before. */
    int64_t then = time48(ldns_rdf_data(ldns_rr_rdf(tsig, F_TIME)));
    const ldns_rdf *other = ldns_rr_rdf(tsig, F_OTHER);
    if (out->error == BADTIME && ldns_rdf_size(other) == 8)
        then = time48(ldns_rdf_data(other) + 2);
    if (!ldns_pkt_tsig_verify(pkt, wire, len, key->name, key->secret, mac))
        return;
    out->skew = then - (int64_t)now;
    if (out->error != 0)
        out->state = TSIGMSG_ERROR;
    else if (out->skew > TSIGMSG_FUDGE || out->skew < -TSIGMSG_FUDGE)
        out->state = TSIGMSG_STALE;
    else
        out->state = TSIGMSG_GOOD;
}
