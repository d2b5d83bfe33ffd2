/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/rfc2136.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/change.h"
#include "dns/primary.h"
#include "dns/txt.h"
#include "dns/wire.h"

#define MESSAGE_MAX 60000 /* leaves room for header, zone and TSIG */

struct rfc2136 {
    struct primary primary;
};

/* ---- the object ---------------------------------------------------------------------- */

enum outcome rfc2136_open(const struct rfc2136_config *config, struct rfc2136 **out,
                          struct err *err)
{
    *out = NULL;
    if (config->server == NULL || config->server[0] == '\0')
        return err_set(err, OUT_REFUSED, "no server is named: give the zone's primary");
    if (config->key == NULL)
        return err_set(err, OUT_REFUSED, "no TSIG key is named: updates are always signed");
    struct rfc2136 *self = calloc(1, sizeof *self);
    if (self == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = OUT_OK;
    if (snprintf(self->primary.server, sizeof self->primary.server, "%s", config->server) >=
        (int)sizeof self->primary.server)
        res = err_set(err, OUT_REFUSED, "the server's name %.60s... is too long", config->server);
    if (res == OUT_OK && config->zone != NULL && config->zone[0] != '\0')
        res = wire_name_clean(config->zone, self->primary.zone, err);
    self->primary.port = config->port != 0 ? config->port : 53;
    self->primary.timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : 5000;
    self->primary.key = config->key;
    if (res != OUT_OK)
        rfc2136_close(&self);
    *out = self;
    return res;
}

void rfc2136_close(struct rfc2136 **self)
{
    free(*self);
    *self = NULL;
}

/* ---- read ---------------------------------------------------------------------------- */

static enum outcome take_rrset(const struct primary *primary, const char *owner,
                               const ldns_pkt *pkt, struct port_rrset *out, struct err *err)
{
    const ldns_rr_list *answer = ldns_pkt_answer(pkt);
    const ldns_rr *cname = wire_first(answer, owner, LDNS_RR_TYPE_CNAME);
    char to[PORT_NAME_MAX] = "?";
    if (cname != NULL) {
        (void)wire_name_text(ldns_rr_rdf(cname, 0), to);
        return err_set(err, OUT_REFUSED, "%s is a CNAME to %s: records can be published there only",
                       owner, to);
    }
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_TLSA || !wire_owner_is(rr, owner))
            continue;
        if (out->n == PORT_RRSET_MAX)
            return err_set(err, OUT_REFUSED, "%s: %s has more than %d TLSA records: remove some",
                           primary->server, owner, PORT_RRSET_MAX);
        if (!wire_tlsa_get(rr, &out->recs[out->n]))
            return err_set(err, OUT_REFUSED,
                           "%s: %s has a TLSA record that is broken or has more than %d octets",
                           primary->server, owner, PORT_TLSA_MAX);
        out->n++;
    }
    out->ttl = wire_max_ttl(answer, owner, LDNS_RR_TYPE_TLSA);
    return OUT_OK;
}

static enum outcome rfc2136_read(void *self, const char *owner, struct port_rrset *out,
                                 struct err *err)
{
    const struct primary *primary = &((const struct rfc2136 *)self)->primary;
    char name[PORT_NAME_MAX];
    ldns_pkt *reply = NULL;
    out->n = 0;
    out->ttl = 0;
    enum outcome res = wire_name_clean(owner, name, err);
    if (res == OUT_OK)
        res = primary_question(primary, name, LDNS_RR_TYPE_TLSA, &reply, err);
    if (res == OUT_OK)
        res = take_rrset(primary, name, reply, out, err);
    ldns_pkt_free(reply);
    return res;
}

/* ---- change -------------------------------------------------------------------------- */

static bool push(ldns_rr_list *list, const ldns_rdf *owner, const struct port_tlsa *rec,
                 uint32_t ttl, ldns_rr_class class)
{
    ldns_rr *rr = wire_tlsa_rr(owner, rec, ttl, class);
    if (rr == NULL || !ldns_rr_list_push_rr(list, rr)) {
        ldns_rr_free(rr);
        return false;
    }
    return true;
}

/* Prerequisites and updates of a change; *changes counts what is left to do. */
static bool fill(const struct port_change *change, const ldns_rdf *owner, uint32_t ttl,
                 ldns_rr_list *pre, ldns_rr_list *up, size_t *changes)
{
    bool ok = true;
    *changes = 0;
    for (size_t i = 0; i < change->seen->n; i++)
        ok = ok && push(pre, owner, &change->seen->recs[i], 0, LDNS_RR_CLASS_IN);
    if (change->seen->n == 0)
        ok = ok && push(pre, owner, NULL, 0, LDNS_RR_CLASS_NONE);
    for (size_t i = 0; i < change->n_add; i++) {
        if (change_has(change->seen, change->add[i]))
            continue;
        ok = ok && push(up, owner, change->add[i], ttl, LDNS_RR_CLASS_IN);
        ++*changes;
    }
    for (size_t i = 0; i < change->n_del; i++) {
        if (!change_has(change->seen, change->del[i]))
            continue;
        ok = ok && push(up, owner, change->del[i], 0, LDNS_RR_CLASS_NONE);
        ++*changes;
    }
    return ok;
}

/* The UPDATE of a zone; NULL: out of memory. */
static ldns_pkt *make_update(const char *zone, ldns_rr_list *pre, ldns_rr_list *up)
{
    ldns_rdf *apex = NULL;
    if (wire_name_parse(zone, &apex, NULL) != OUT_OK)
        return NULL;
    ldns_pkt *pkt = ldns_update_pkt_new(apex, LDNS_RR_CLASS_IN, pre, up, NULL);
    if (pkt == NULL)
        ldns_rdf_deep_free(apex); /* else taken */
    return pkt;
}

/* The UPDATE; *pkt NULL with OUT_OK: nothing is left to do. */
static enum outcome build(const struct port_change *change, const char *owner, const char *zone,
                          uint32_t ttl, ldns_pkt **pkt, struct err *err)
{
    ldns_rdf *name = NULL;
    ldns_rr_list *pre = ldns_rr_list_new();
    ldns_rr_list *up = ldns_rr_list_new();
    size_t changes = 0;
    *pkt = NULL;
    enum outcome out = wire_name_parse(owner, &name, err);
    if (out == OUT_OK && (pre == NULL || up == NULL || !fill(change, name, ttl, pre, up, &changes)))
        out = err_set(err, OUT_BROKEN, "out of memory");
    if (out == OUT_OK && changes > 0) {
        *pkt = make_update(zone, pre, up);
        if (*pkt == NULL)
            out = err_set(err, OUT_BROKEN, "out of memory");
    }
    ldns_rdf_deep_free(name);
    ldns_rr_list_deep_free(pre);
    ldns_rr_list_deep_free(up);
    return out;
}

/* Octets of a record with this RDATA in a message, its name not compressed. */
static size_t record_size(const struct port_tlsa *rec)
{
    return LDNS_MAX_DOMAINLEN + 10 + 3 + (size_t)rec->len;
}

/* ldns aborts the process on a message beyond its buffer, so we count first. */
static size_t message_size(const struct port_change *change)
{
    size_t size = 0;
    for (size_t i = 0; i < change->seen->n; i++)
        size += record_size(&change->seen->recs[i]);
    for (size_t i = 0; i < change->n_add; i++)
        size += record_size(change->add[i]);
    for (size_t i = 0; i < change->n_del; i++)
        size += record_size(change->del[i]);
    return size;
}

static enum outcome check_size(const struct port_change *change, struct err *err)
{
    if (message_size(change) > MESSAGE_MAX)
        return err_set(err, OUT_REFUSED,
                       "the change of %s would not fit into one message of %d octets: publish "
                       "digests (matching type 1 or 2), not whole certificates",
                       change->owner, MESSAGE_MAX);
    return OUT_OK;
}

static enum outcome rfc2136_change(void *self, const struct port_change *change, struct err *err)
{
    const struct primary *primary = &((const struct rfc2136 *)self)->primary;
    char owner[PORT_NAME_MAX];
    char zone[PORT_NAME_MAX] = "";
    struct err note = ERR_INIT;
    ldns_pkt *pkt = NULL;
    enum outcome out = change_check(change, err);
    if (out == OUT_OK)
        out = check_size(change, err);
    if (out == OUT_OK)
        out = wire_name_clean(change->owner, owner, err);
    if (out == OUT_OK)
        out = primary_zone(primary, owner, zone, err);
    if (out == OUT_OK)
        out = build(change, owner, zone, change_ttl(change, &note), &pkt, err);
    if (out != OUT_OK)
        return out;
    if (pkt == NULL) {
        err_clear(err);
        return OUT_OK;
    }
    out = primary_update(primary, owner, zone, "TLSA", pkt, err);
    if (out == OUT_OK)
        *err = note;
    return out;
}

/* ---- TXT ----------------------------------------------------------------------------- */

/* One record in one UPDATE, without a prerequisite: a record that is there already is not added
 * again, one that is not there is not deleted (RFC 2136 sections 3.4.2.2, 3.4.2.4). */
static enum outcome txt_change(const struct primary *primary, const char *owner, const char *value,
                               uint32_t ttl, ldns_rr_class class, struct err *err)
{
    char name[PORT_NAME_MAX];
    char zone[PORT_NAME_MAX] = "";
    ldns_rdf *rdf = NULL;
    ldns_pkt *pkt = NULL;
    enum outcome out = txt_check(value, err);
    if (out == OUT_OK)
        out = wire_name_clean(owner, name, err);
    if (out == OUT_OK)
        out = primary_zone(primary, name, zone, err);
    if (out == OUT_OK)
        out = wire_name_parse(name, &rdf, err);
    if (out != OUT_OK)
        return out;
    ldns_rr_list *pre = ldns_rr_list_new();
    ldns_rr_list *up = ldns_rr_list_new();
    ldns_rr *rr = txt_rr(rdf, value, ttl, class);
    if (rr != NULL && pre != NULL && up != NULL && ldns_rr_list_push_rr(up, rr))
        pkt = make_update(zone, pre, up);
    else
        ldns_rr_free(rr);
    ldns_rdf_deep_free(rdf);
    ldns_rr_list_deep_free(pre);
    ldns_rr_list_deep_free(up);
    err_clear(err);
    return primary_update(primary, name, zone, "TXT", pkt, err);
}

static enum outcome rfc2136_txt_add(void *self, const char *owner, const char *value, uint32_t ttl,
                                    struct err *err)
{
    const struct rfc2136 *dns = self;
    return txt_change(&dns->primary, owner, value, ttl, LDNS_RR_CLASS_IN, err);
}

static enum outcome rfc2136_txt_remove(void *self, const char *owner, const char *value,
                                       struct err *err)
{
    const struct rfc2136 *dns = self;
    return txt_change(&dns->primary, owner, value, 0, LDNS_RR_CLASS_NONE, err);
}

const struct port_dns_ops rfc2136_ops = {.read = rfc2136_read,
                                         .change = rfc2136_change,
                                         .txt_add = rfc2136_txt_add,
                                         .txt_remove = rfc2136_txt_remove};
