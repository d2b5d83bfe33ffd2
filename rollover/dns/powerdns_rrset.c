/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/powerdns_rrset.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "dns/change.h"
#include "dns/txt.h"
#include "dns/wire.h"

#define CONTENT_MAX (2 * PORT_TLSA_MAX + 16)
#define RECORDS_MAX 64

/* ---- reading ------------------------------------------------------------------------- */

static bool name_is(const json_t *text, const char *owner)
{
    char name[PORT_NAME_MAX];
    const char *value = json_string_value(text);
    return value != NULL && wire_name_clean(value, name, NULL) == OUT_OK &&
           strcmp(name, owner) == 0;
}

static bool keep(json_t *records, const char *content, bool disabled)
{
    json_t *record = json_pack("{s:s, s:b}", "content", content, "disabled", disabled ? 1 : 0);
    return record != NULL && json_array_append_new(records, record) == 0;
}

static const char *content_of(const json_t *record)
{
    return json_string_value(json_object_get(record, "content"));
}

static enum outcome take_records(const json_t *rrset, const char *owner, const char *type,
                                 struct powerdns_rrset *out, struct err *err)
{
    const json_t *records = json_object_get(rrset, "records");
    const json_t *ttl = json_object_get(rrset, "ttl");
    json_int_t seconds = json_integer_value(ttl);
    if (!json_is_array(records) || !json_is_integer(ttl) || seconds < 0 || seconds > INT32_MAX)
        return err_set(err, OUT_REFUSED, "the RRset %s %s has no records or no TTL", owner, type);
    if (json_array_size(records) + json_array_size(out->records) > RECORDS_MAX)
        return err_set(err, OUT_REFUSED, "%s has more than %d %s records: remove some", owner,
                       RECORDS_MAX, type);
    for (size_t i = 0; i < json_array_size(records); i++) {
        const json_t *record = json_array_get(records, i);
        const char *content = content_of(record);
        if (content == NULL)
            return err_set(err, OUT_REFUSED, "a %s record of %s has no content", type, owner);
        if (!keep(out->records, content, json_is_true(json_object_get(record, "disabled"))))
            return err_set(err, OUT_BROKEN, "out of memory");
    }
    out->ttl = (uint32_t)seconds;
    return OUT_OK;
}

/* A number of one octet and the blanks behind it. */
static bool parse_octet(const char **p, uint8_t *out)
{
    unsigned n = 0;
    size_t digits = strspn(*p, "0123456789");
    if (digits == 0 || digits > 3)
        return false;
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (unsigned)((*p)[i] - '0');
    *p += digits;
    *p += strspn(*p, " \t");
    *out = (uint8_t)n;
    return n <= UINT8_MAX;
}

/* "3 1 1 aabb...", blanks allowed within the hexadecimal part. */
static bool parse_tlsa(const char *content, struct port_tlsa *out)
{
    char hex[CONTENT_MAX];
    size_t len = 0;
    const char *p = content;
    if (strlen(content) >= sizeof hex || !parse_octet(&p, &out->combo.usage) ||
        !parse_octet(&p, &out->combo.selector) || !parse_octet(&p, &out->combo.matching))
        return false;
    for (; *p != '\0'; p++) {
        if (*p != ' ' && *p != '\t')
            hex[len++] = *p;
    }
    hex[len] = '\0';
    if (len % 2 != 0 || len / 2 > PORT_TLSA_MAX)
        return false;
    out->len = (uint16_t)(len / 2);
    return text_unhex(hex, out->data, len / 2);
}

static bool is_text(const json_t *object, const char *key, const char *value)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && strcmp(text, value) == 0;
}

/* Nothing raises the serial of such a zone, and those who wait for a new one never fetch it. */
static bool is_lazy(const json_t *zone)
{
    const json_t *edit = json_object_get(zone, "soa_edit_api");
    return json_is_string(edit) && json_string_length(edit) == 0 &&
           !is_text(zone, "kind", "Native");
}

static enum outcome take_zone(const json_t *zone, const char *owner, const char *type,
                              struct powerdns_rrset *out, struct err *err)
{
    const json_t *rrsets = json_object_get(zone, "rrsets");
    if (!json_is_array(rrsets))
        return err_set(err, OUT_REFUSED,
                       "the answer shows no zone: is the URL that of PowerDNS' API?");
    out->lazy = is_lazy(zone);
    for (size_t i = 0; i < json_array_size(rrsets); i++) {
        const json_t *rrset = json_array_get(rrsets, i);
        bool cname = is_text(rrset, "type", "CNAME");
        if ((!cname && !is_text(rrset, "type", type)) ||
            !name_is(json_object_get(rrset, "name"), owner))
            continue;
        if (cname)
            return err_set(err, OUT_REFUSED,
                           "%s is a CNAME: records can be published at its target only", owner);
        enum outcome rc = take_records(rrset, owner, type, out, err);
        if (rc != OUT_OK)
            return rc;
    }
    return OUT_OK;
}

enum outcome powerdns_rrset_parse(const char *body, size_t len, const char *owner, const char *type,
                                  struct powerdns_rrset *out, struct err *err)
{
    json_error_t error;
    json_t *zone = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
    if (zone == NULL)
        return err_set(
            err, OUT_REFUSED,
            "the answer is not JSON (line %d: %.100s): is the URL that of PowerDNS' API?",
            error.line, error.text);
    out->records = json_array();
    enum outcome rc = out->records != NULL ? take_zone(zone, owner, type, out, err)
                                           : err_set(err, OUT_BROKEN, "out of memory");
    json_decref(zone);
    return rc;
}

void powerdns_rrset_clear(struct powerdns_rrset *rrset)
{
    json_decref(rrset->records);
    memset(rrset, 0, sizeof *rrset);
}

static bool disabled(const json_t *record)
{
    return json_is_true(json_object_get(record, "disabled"));
}

enum outcome powerdns_rrset_tlsa(const struct powerdns_rrset *rrset, const char *owner,
                                 struct port_rrset *out, struct err *err)
{
    out->n = 0;
    out->ttl = 0;
    for (size_t i = 0; i < json_array_size(rrset->records); i++) {
        const json_t *record = json_array_get(rrset->records, i);
        if (disabled(record))
            continue;
        if (out->n == PORT_RRSET_MAX)
            return err_set(err, OUT_REFUSED, "%s has more than %d TLSA records: remove some", owner,
                           PORT_RRSET_MAX);
        if (!parse_tlsa(content_of(record), &out->recs[out->n]))
            return err_set(err, OUT_REFUSED,
                           "%s has a TLSA record that cannot be read or has more than %d octets: "
                           "\"%.60s\"",
                           owner, PORT_TLSA_MAX, content_of(record));
        out->n++;
    }
    out->ttl = out->n > 0 ? rrset->ttl : 0;
    return OUT_OK;
}

/* ---- changing ------------------------------------------------------------------------ */

static bool has_tlsa(const struct powerdns_rrset *rrset, const struct port_tlsa *rec,
                     struct port_tlsa *room, size_t *at)
{
    for (size_t i = 0; i < json_array_size(rrset->records); i++) {
        const json_t *record = json_array_get(rrset->records, i);
        if (!disabled(record) && parse_tlsa(content_of(record), room) &&
            wire_tlsa_equal(room, rec)) {
            *at = i;
            return true;
        }
    }
    return false;
}

static bool add_tlsa(struct powerdns_rrset *rrset, const struct port_tlsa *rec)
{
    char hex[2 * PORT_TLSA_MAX + 1];
    char content[CONTENT_MAX];
    return text_hex(hex, sizeof hex, rec->data, rec->len) &&
           text_format(content, sizeof content, "%u %u %u %s", rec->combo.usage,
                       rec->combo.selector, rec->combo.matching, hex) &&
           keep(rrset->records, content, false);
}

bool powerdns_rrset_change(struct powerdns_rrset *rrset, const struct port_change *change)
{
    size_t at = 0;
    struct port_tlsa *room = malloc(sizeof *room);
    bool good = room != NULL;
    for (size_t i = 0; i < change->n_add && good; i++)
        good = has_tlsa(rrset, change->add[i], room, &at) || add_tlsa(rrset, change->add[i]);
    for (size_t i = 0; i < change->n_del && good; i++) {
        if (has_tlsa(rrset, change->del[i], room, &at))
            good = json_array_remove(rrset->records, at) == 0;
    }
    free(room);
    return good;
}

bool powerdns_rrset_txt(struct powerdns_rrset *rrset, const char *value, bool add, bool *changed)
{
    char content[TXT_VALUE_MAX + 3];
    bool good = text_format(content, sizeof content, "\"%s\"", value);
    bool found = false;
    *changed = false;
    for (size_t i = 0; i < json_array_size(rrset->records) && good && !found;) {
        const json_t *record = json_array_get(rrset->records, i);
        found = !disabled(record) && strcmp(content_of(record), content) == 0;
        if (!found) {
            i++;
        } else if (!add) {
            good = json_array_remove(rrset->records, i) == 0;
            *changed = true;
        }
    }
    if (good && add && !found) {
        good = keep(rrset->records, content, false);
        *changed = true;
    }
    return good;
}

char *powerdns_rrset_patch(const struct powerdns_rrset *rrset, const char *owner, const char *type,
                           uint32_t ttl)
{
    bool empty = json_array_size(rrset->records) == 0;
    json_t *patch = empty ? json_pack("{s:[{s:s, s:s, s:s}]}", "rrsets", "name", owner, "type",
                                      type, "changetype", "DELETE")
                          : json_pack("{s:[{s:s, s:s, s:s, s:I, s:O}]}", "rrsets", "name", owner,
                                      "type", type, "changetype", "REPLACE", "ttl", (json_int_t)ttl,
                                      "records", rrset->records);
    if (patch == NULL)
        return NULL;
    char *text = json_dumps(patch, JSON_COMPACT);
    json_decref(patch);
    return text;
}
