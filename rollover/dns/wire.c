/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/wire.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names --------------------------------------------------------------------------- */

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)tolower((unsigned char)*text);
}

enum outcome wire_name_clean(const char *text, char out[PORT_NAME_MAX], struct err *err)
{
    size_t len = strlen(text);
    bool dot = len > 0 && text[len - 1] == '.';
    if (len == 0 || len + (dot ? 0 : 1) >= PORT_NAME_MAX)
        return err_set(err, OUT_REFUSED, "\"%.80s\" is not a domain name: give 1 to %d characters",
                       text, PORT_NAME_MAX - 2);
    int n = snprintf(out, PORT_NAME_MAX, "%s%s", text, dot ? "" : ".");
    if (n < 0 || n >= PORT_NAME_MAX)
        return err_set(err, OUT_REFUSED, "\"%.80s\" is too long for a domain name", text);
    lower(out);
    ldns_rdf *name = NULL;
    enum outcome res = wire_name_parse(out, &name, err);
    ldns_rdf_deep_free(name);
    return res;
}

enum outcome wire_name_parse(const char *text, ldns_rdf **out, struct err *err)
{
    size_t len = strlen(text);
    *out = NULL;
    if (len == 0 || len >= PORT_NAME_MAX || text[len - 1] != '.')
        return err_set(err, OUT_REFUSED, "\"%.80s\" is not a full domain name with a final dot",
                       text);
    ldns_status status = ldns_str2rdf_dname(out, text);
    if (status == LDNS_STATUS_MEM_ERR)
        return err_set(err, OUT_BROKEN, "out of memory");
    if (status != LDNS_STATUS_OK || *out == NULL) {
        *out = NULL;
        return err_set(err, OUT_REFUSED, "\"%.80s\" is not a domain name: %s", text,
                       ldns_get_errorstr_by_id(status));
    }
    return OUT_OK;
}

bool wire_name_text(const ldns_rdf *name, char out[PORT_NAME_MAX])
{
    out[0] = '\0';
    if (name == NULL || ldns_rdf_get_type(name) != LDNS_RDF_TYPE_DNAME)
        return false;
    char *text = ldns_rdf2str(name);
    if (text == NULL)
        return false;
    int n = snprintf(out, PORT_NAME_MAX, "%s", text);
    free(text);
    if (n <= 0 || n >= PORT_NAME_MAX) {
        out[0] = '\0';
        return false;
    }
    lower(out);
    return true;
}

bool wire_name_below(const char *name, const char *top)
{
    size_t n = strlen(name);
    size_t t = strlen(top);
    if (strcmp(top, ".") == 0)
        return true;
    if (n < t || strcmp(name + (n - t), top) != 0)
        return false;
    if (n == t)
        return true;
    /* The octet before must be a dot that is no part of an escaped label. */
    size_t slashes = 0;
    if (name[n - t - 1] != '.')
        return false;
    for (size_t i = n - t - 1; i > 0 && name[i - 1] == '\\'; i--)
        slashes++;
    return slashes % 2 == 0;
}

bool wire_name_up(const char *name, char out[PORT_NAME_MAX])
{
    size_t at = 0;
    if (strcmp(name, ".") == 0)
        return false;
    while (name[at] != '\0' && name[at] != '.')
        at += name[at] == '\\' && name[at + 1] != '\0' ? 2 : 1;
    const char *rest = name[at] == '\0' || name[at + 1] == '\0' ? "." : name + at + 1;
    int n = snprintf(out, PORT_NAME_MAX, "%s", rest);
    return n > 0 && n < PORT_NAME_MAX;
}

/* ---- packets ------------------------------------------------------------------------- */

size_t wire_question(const ldns_rdf *name, uint16_t type, bool dnssec, uint8_t *buf, size_t size)
{
    ldns_rdf *copy = ldns_rdf_clone(name);
    if (copy == NULL)
        return 0;
    ldns_pkt *pkt = ldns_pkt_query_new(copy, (ldns_rr_type)type, LDNS_RR_CLASS_IN, 0);
    if (pkt == NULL) {
        ldns_rdf_deep_free(copy);
        return 0;
    }
    ldns_pkt_set_edns_udp_size(pkt, WIRE_UDP_SIZE);
    ldns_pkt_set_edns_do(pkt, dnssec);
    ldns_pkt_set_id(pkt, 0);
    uint8_t *wire = NULL;
    size_t len = 0;
    if (ldns_pkt2wire(&wire, pkt, &len) == LDNS_STATUS_OK && len <= size)
        memcpy(buf, wire, len);
    else
        len = 0;
    LDNS_FREE(wire);
    ldns_pkt_free(pkt);
    return len;
}

/* Moves *pos behind the name there. Follows pointers only to see that they end. */
static bool scan_name(const uint8_t *p, size_t len, size_t *pos)
{
    size_t at = *pos;
    size_t octets = 1;
    int pointers = 0;
    bool jumped = false;
    for (;;) {
        if (at >= len)
            return false;
        uint8_t label = p[at];
        if ((label & 0xc0) == 0xc0) {
            if (at + 1 >= len || ++pointers > WIRE_POINTERS_MAX)
                return false;
            size_t target = ((size_t)(label & 0x3f) << 8) | p[at + 1];
            if (target >= at || target < WIRE_HEADER)
                return false;
            if (!jumped)
                *pos = at + 2;
            jumped = true;
            at = target;
            continue;
        }
        if (label > LDNS_MAX_LABELLEN)
            return false;
        octets += (size_t)label + (label > 0 ? 1u : 0u);
        if (octets > LDNS_MAX_DOMAINLEN)
            return false;
        at += (size_t)label + 1;
        if (label == 0)
            break;
    }
    if (!jumped)
        *pos = at;
    return true;
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)((p[0] << 8) | p[1]);
}

static const char *scan_packet(const uint8_t *p, size_t len)
{
    size_t pos = WIRE_HEADER;
    unsigned opts = 0;
    unsigned tsigs = 0;
    if (len < WIRE_HEADER)
        return "shorter than a header";
    unsigned questions = get16(p + 4);
    unsigned records = (unsigned)get16(p + 6) + get16(p + 8) + get16(p + 10);
    for (unsigned i = 0; i < questions; i++) {
        if (!scan_name(p, len, &pos))
            return "broken name in the question";
        if (len - pos < 4)
            return "question cut short";
        pos += 4;
    }
    for (unsigned i = 0; i < records; i++) {
        if (!scan_name(p, len, &pos))
            return "broken name of a record";
        if (len - pos < 10)
            return "record cut short";
        uint16_t type = get16(p + pos);
        size_t rdlen = get16(p + pos + 8);
        pos += 10;
        if (len - pos < rdlen)
            return "record longer than the packet";
        pos += rdlen;
        opts += type == LDNS_RR_TYPE_OPT;
        tsigs += type == LDNS_RR_TYPE_TSIG;
    }
    if (opts > 1 || tsigs > 1)
        return "more than one OPT or TSIG record";
    if (pos != len)
        return "octets after the last record";
    return NULL;
}

ldns_pkt *wire_parse(const uint8_t *packet, size_t len, const char **why)
{
    ldns_pkt *pkt = NULL;
    *why = len > WIRE_MAX ? "too long" : scan_packet(packet, len);
    if (*why != NULL)
        return NULL;
    ldns_status status = ldns_wire2pkt(&pkt, packet, len);
    if (status != LDNS_STATUS_OK) {
        *why = ldns_get_errorstr_by_id(status);
        return NULL;
    }
    return pkt;
}

/* ---- TLSA ---------------------------------------------------------------------------- */

bool wire_tlsa_rdata(const uint8_t *rdata, size_t len, struct port_tlsa *out)
{
    if (len < 3 || len - 3 > PORT_TLSA_MAX)
        return false;
    out->combo.usage = rdata[0];
    out->combo.selector = rdata[1];
    out->combo.matching = rdata[2];
    out->len = (uint16_t)(len - 3);
    memcpy(out->data, rdata + 3, len - 3);
    return true;
}

bool wire_tlsa_get(const ldns_rr *rr, struct port_tlsa *out)
{
    uint8_t head[3];
    size_t count = ldns_rr_rd_count(rr);
    if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_TLSA || count < 3 || count > 4)
        return false;
    for (size_t i = 0; i < 3; i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        if (rdf == NULL || ldns_rdf_size(rdf) != 1)
            return false;
        head[i] = ldns_rdf_data(rdf)[0];
    }
    const ldns_rdf *data = count == 4 ? ldns_rr_rdf(rr, 3) : NULL;
    size_t len = data == NULL ? 0 : ldns_rdf_size(data);
    if (len > PORT_TLSA_MAX)
        return false;
    out->combo.usage = head[0];
    out->combo.selector = head[1];
    out->combo.matching = head[2];
    out->len = (uint16_t)len;
    if (len > 0)
        memcpy(out->data, ldns_rdf_data(data), len);
    return true;
}

bool wire_tlsa_equal(const struct port_tlsa *a, const struct port_tlsa *b)
{
    return a->combo.usage == b->combo.usage && a->combo.selector == b->combo.selector &&
           a->combo.matching == b->combo.matching && a->len == b->len &&
           memcmp(a->data, b->data, a->len) == 0;
}

static bool push_rdata(ldns_rr *rr, const struct port_tlsa *tlsa)
{
    const struct {
        ldns_rdf_type type;
        const uint8_t *data;
        size_t len;
    } fields[] = {
        {LDNS_RDF_TYPE_CERTIFICATE_USAGE, &tlsa->combo.usage, 1},
        {LDNS_RDF_TYPE_SELECTOR, &tlsa->combo.selector, 1},
        {LDNS_RDF_TYPE_MATCHING_TYPE, &tlsa->combo.matching, 1},
        {LDNS_RDF_TYPE_HEX, tlsa->data, tlsa->len},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        ldns_rdf *rdf = ldns_rdf_new_frm_data(fields[i].type, fields[i].len, fields[i].data);
        if (rdf == NULL)
            return false;
        if (!ldns_rr_push_rdf(rr, rdf)) {
            ldns_rdf_deep_free(rdf);
            return false;
        }
    }
    return true;
}

ldns_rr *wire_rr(const ldns_rdf *owner, ldns_rr_type type, uint32_t ttl, ldns_rr_class class)
{
    ldns_rr *rr = ldns_rr_new();
    ldns_rdf *copy = ldns_rdf_clone(owner);
    if (rr == NULL || copy == NULL) {
        ldns_rdf_deep_free(copy);
        ldns_rr_free(rr);
        return NULL;
    }
    ldns_rr_set_owner(rr, copy);
    ldns_rr_set_type(rr, type);
    ldns_rr_set_class(rr, class);
    ldns_rr_set_ttl(rr, ttl);
    return rr;
}

ldns_rr *wire_tlsa_rr(const ldns_rdf *owner, const struct port_tlsa *tlsa, uint32_t ttl,
                      ldns_rr_class class)
{
    ldns_rr *rr = wire_rr(owner, LDNS_RR_TYPE_TLSA, ttl, class);
    if (rr != NULL && tlsa != NULL && !push_rdata(rr, tlsa)) {
        ldns_rr_free(rr);
        return NULL;
    }
    return rr;
}

/* ---- signatures ---------------------------------------------------------------------- */

int64_t wire_sig_time(uint32_t value, time_t now)
{
    int64_t base = (int64_t)now;
    uint32_t ahead = value - (uint32_t)base;
    return ahead < UINT32_C(0x80000000) ? base + (int64_t)ahead
                                        : base - (int64_t)(uint32_t)(0u - ahead);
}

bool wire_sig_get(const ldns_rr *rr, struct wire_sig *out)
{
    if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_RRSIG || ldns_rr_rd_count(rr) < 9)
        return false;
    out->covers = (uint16_t)ldns_rdf2native_int16(ldns_rr_rrsig_typecovered(rr));
    out->labels = ldns_rdf2native_int8(ldns_rr_rrsig_labels(rr));
    out->ttl = ldns_rdf2native_int32(ldns_rr_rrsig_origttl(rr));
    out->expires = ldns_rdf2native_int32(ldns_rr_rrsig_expiration(rr));
    return true;
}

bool wire_owner_is(const ldns_rr *rr, const char *name)
{
    char text[PORT_NAME_MAX];
    return wire_name_text(ldns_rr_owner(rr), text) && strcmp(text, name) == 0;
}

static bool is_at(const ldns_rr *rr, const char *owner)
{
    return owner == NULL || wire_owner_is(rr, owner);
}

uint32_t wire_max_ttl(const ldns_rr_list *section, const char *owner, uint16_t type)
{
    uint32_t ttl = 0;
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(section, i);
        struct wire_sig sig = {0};
        bool covers = wire_sig_get(rr, &sig) && sig.covers == type;
        if ((!covers && ldns_rr_get_type(rr) != (ldns_rr_type)type) || !is_at(rr, owner))
            continue;
        if (ldns_rr_ttl(rr) > ttl)
            ttl = ldns_rr_ttl(rr);
        if (covers && sig.ttl > ttl)
            ttl = sig.ttl;
    }
    return ttl;
}

model_time wire_sig_until(const ldns_rr_list *section, uint16_t type, time_t now)
{
    model_time until = 0;
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
        struct wire_sig sig;
        if (!wire_sig_get(ldns_rr_list_rr(section, i), &sig) || (type != 0 && sig.covers != type))
            continue;
        model_time end = wire_sig_time(sig.expires, now) * 1000;
        if (until == 0 || end < until)
            until = end;
    }
    return until;
}

const ldns_rr *wire_first(const ldns_rr_list *section, const char *owner, uint16_t type)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(section, i);
        if (ldns_rr_get_type(rr) == (ldns_rr_type)type && is_at(rr, owner))
            return rr;
    }
    return NULL;
}

/* ---- addresses ----------------------------------------------------------------------- */

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool wire_ip_is4(const uint8_t ip[16])
{
    return memcmp(ip, mapped, sizeof mapped) == 0;
}

void wire_ip_from4(const uint8_t ip4[4], uint8_t out[16])
{
    memcpy(out, mapped, sizeof mapped);
    memcpy(out + sizeof mapped, ip4, 4);
}

bool wire_ip_parse(const char *text, uint8_t out[16])
{
    uint8_t ip4[4];
    if (inet_pton(AF_INET, text, ip4) == 1) {
        wire_ip_from4(ip4, out);
        return true;
    }
    return inet_pton(AF_INET6, text, out) == 1;
}

/* ---- rcodes -------------------------------------------------------------------------- */

const char *wire_rcode_name(int rcode)
{
    static const char *const names[] = {
        "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
        "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",
    };
    if (rcode >= 0 && (size_t)rcode < sizeof names / sizeof names[0])
        return names[rcode];
    return rcode == 16 ? "BADVERS" : "an unknown rcode";
}
