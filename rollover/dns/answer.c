/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"

static void say(struct port_answer *out, enum model_answer_kind kind, const char *fmt, ...)
    ERR_PRINTF(3, 4);

static void say(struct port_answer *out, enum model_answer_kind kind, const char *fmt, ...)
{
    va_list ap;
    out->kind = kind;
    va_start(ap, fmt);
    if (vsnprintf(out->why, sizeof out->why, fmt, ap) < 0)
        out->why[0] = '\0';
    va_end(ap);
}

/* What no signature can mend. True: the reply may go on to be validated. */
static bool structure_ok(const struct answer_context *context, const ldns_pkt *pkt,
                         struct port_answer *out)
{
    char to[PORT_NAME_MAX] = "?";
    int rcode = (int)ldns_pkt_get_rcode(pkt);
    const ldns_rr *cname = wire_first(ldns_pkt_answer(pkt), context->owner, LDNS_RR_TYPE_CNAME);
    if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
        say(out, MODEL_ANS_CONTRADICTION, "says %s (%d)", wire_rcode_name(rcode), rcode);
        return false;
    }
    if (!ldns_pkt_aa(pkt)) {
        say(out, MODEL_ANS_CONTRADICTION, "is not authoritative for %.150s (lame)", context->zone);
        return false;
    }
    if (cname != NULL) {
        (void)wire_name_text(ldns_rr_rdf(cname, 0), to);
        say(out, MODEL_ANS_CONTRADICTION, "shows a CNAME to %.200s", to);
        return false;
    }
    return true;
}

/* Counts the records; false when there are too many or one is too large or too small. */
static bool count_ok(const struct answer_context *context, const ldns_pkt *pkt, size_t *count,
                     struct port_answer *out)
{
    const ldns_rr_list *answer = ldns_pkt_answer(pkt);
    const struct rrtype *type = context->type;
    *count = 0;
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        if (ldns_rr_get_type(rr) != (ldns_rr_type)type->type || !wire_owner_is(rr, context->owner))
            continue;
        size_t size = rdataset_size(rr);
        if (size > type->size_max || size < type->size_min) {
            say(out, MODEL_ANS_CONTRADICTION, "shows a %s record of %zu octets, not %zu to %zu",
                type->name, size, type->size_min, type->size_max);
            return false;
        }
        ++*count;
    }
    if (*count > type->n_max) {
        say(out, MODEL_ANS_CONTRADICTION, "shows too many %s records: %zu, at most %zu", type->name,
            *count, type->n_max);
        return false;
    }
    return true;
}

static bool has_signature(const struct answer_context *context, const ldns_pkt *pkt, bool positive)
{
    const ldns_rr_list *section = positive ? ldns_pkt_answer(pkt) : ldns_pkt_authority(pkt);
    return wire_sig_until(section, positive ? context->type->type : 0, 0) != 0;
}

static enum outcome validate(const struct answer_context *context, const struct exchange_ask *ask,
                             const ldns_pkt *pkt, bool positive, struct port_answer *out,
                             struct rdataset *records, struct err *err)
{
    struct replay_question question = {.owner = context->owner,
                                       .type = context->type,
                                       .packet = ask->reply,
                                       .packet_len = ask->reply_len,
                                       .ms = context->judge_ms};
    enum replay_kind kind = REPLAY_FAILED;
    char why[PORT_WHY_MAX];
    enum outcome res = replay_judge(context->keys, &question, &kind, records, why, err);
    if (res != OUT_OK)
        return res;
    if (kind == REPLAY_RECORDS) {
        const ldns_rr_list *answer = ldns_pkt_answer(pkt);
        out->kind = MODEL_ANS_RRSET;
        records->ttl = wire_max_ttl(answer, context->owner, context->type->type);
        out->sig_until = wire_sig_until(answer, context->type->type, context->now);
        return OUT_OK;
    }
    if (kind == REPLAY_NONE && !positive) {
        out->kind = MODEL_ANS_NODATA;
        out->sig_until = wire_sig_until(ldns_pkt_authority(pkt), 0, context->now);
    } else if (kind == REPLAY_FAILED) {
        say(out, MODEL_ANS_SILENT, "answers, but no verdict on it was reached: %.180s", why);
    } else {
        say(out, MODEL_ANS_CONTRADICTION, "shows %s that does not validate: %.200s",
            positive ? "an RRset" : "a denial", kind == REPLAY_NONE ? "it is denied as well" : why);
    }
    return OUT_OK;
}

/* A reply of a zone without signatures, which has to be good enough. */
static enum outcome believe(const struct answer_context *context, const ldns_pkt *pkt,
                            struct port_answer *out, struct rdataset *records, struct err *err)
{
    if (!rdataset_take(records, context->type, ldns_pkt_answer(pkt), context->owner))
        return err_set(err, OUT_BROKEN, "out of memory");
    out->kind = records->n > 0 ? MODEL_ANS_RRSET : MODEL_ANS_NODATA;
    return OUT_OK;
}

/* A well-formed reply. */
static enum outcome judge_packet(const struct answer_context *context,
                                 const struct exchange_ask *ask, const ldns_pkt *pkt,
                                 struct port_answer *out, struct rdataset *records, struct err *err)
{
    size_t count = 0;
    if (!structure_ok(context, pkt, out) || !count_ok(context, pkt, &count, out))
        return OUT_OK;
    if (context->state == PORT_ZONE_UNKNOWN) {
        say(out, MODEL_ANS_SILENT, "answers, but cannot be checked: %.200s", context->zone_why);
        return OUT_OK;
    }
    if (context->state == PORT_ZONE_INSECURE && context->unsigned_ok)
        return believe(context, pkt, out, records, err);
    if (context->state != PORT_ZONE_SECURE) {
        say(out, MODEL_ANS_CONTRADICTION, "cannot be believed: %.220s", context->zone_why);
        return OUT_OK;
    }
    if (!has_signature(context, pkt, count > 0)) {
        say(out, MODEL_ANS_CONTRADICTION, "shows %s without a signature",
            count > 0 ? "an RRset" : "that there is no RRset, but");
        return OUT_OK;
    }
    return validate(context, ask, pkt, count > 0, out, records, err);
}

enum outcome answer_judge(const struct answer_context *context, const struct exchange_ask *ask,
                          struct port_answer *out, struct rdataset *records, struct err *err)
{
    const char *why = NULL;
    out->rrset = NULL;
    out->sig_until = 0;
    out->why[0] = '\0';
    switch (ask->state) {
    case EXCHANGE_LOCAL:
        return err_set(err, OUT_BROKEN, "cannot ask name servers: %s", ask->why);
    case EXCHANGE_SILENT:
        say(out, MODEL_ANS_SILENT, "%s", ask->why);
        return OUT_OK;
    case EXCHANGE_NOROUTE:
        say(out, MODEL_ANS_NOROUTE, "no route from here: %s", ask->why);
        return OUT_OK;
    case EXCHANGE_ANSWER:
        break;
    }
    ldns_pkt *pkt = wire_parse(ask->reply, ask->reply_len, &why);
    if (pkt == NULL) {
        say(out, MODEL_ANS_CONTRADICTION, "sends a malformed answer: %.200s", why);
        return OUT_OK;
    }
    enum outcome res = judge_packet(context, ask, pkt, out, records, err);
    ldns_pkt_free(pkt);
    return res;
}

enum outcome answer_tlsa(const struct rdataset *records, struct port_answer *out, struct err *err)
{
    if (out->kind != MODEL_ANS_RRSET)
        return OUT_OK;
    struct port_rrset *rrset = calloc(1, sizeof *rrset);
    if (rrset == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    rrset->ttl = records->ttl;
    for (size_t i = 0; i < records->n && rrset->n < PORT_RRSET_MAX; i++) {
        if (wire_tlsa_rdata(records->recs[i].data, records->recs[i].len, &rrset->recs[rrset->n]))
            rrset->n++;
    }
    if (rrset->n != records->n) {
        free(rrset);
        return err_set(err, OUT_BROKEN, "records that are no TLSA records");
    }
    out->rrset = rrset;
    return OUT_OK;
}
