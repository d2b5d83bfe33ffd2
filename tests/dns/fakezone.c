/* SPDX-License-Identifier: BSD-2-Clause */
#include "fakezone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ldns/ldns.h>

struct fakezone {
    ldns_rdf *name;
    char text[256];
    ldns_key_list *keys;
    ldns_rr *dnskey;
};

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fakezone: %s failed\n", what);
    abort();
}

struct fakezone *fakezone_new(const char *name)
{
    struct fakezone *zone = calloc(1, sizeof *zone);
    need(zone != NULL, "calloc");
    zone->name = ldns_dname_new_frm_str(name);
    zone->keys = ldns_key_list_new();
    ldns_key *key = ldns_key_new_frm_algorithm(LDNS_SIGN_ECDSAP256SHA256, 256);
    need(zone->name != NULL && zone->keys != NULL && key != NULL, "making a key");
    (void)snprintf(zone->text, sizeof zone->text, "%s", name);
    ldns_key_set_pubkey_owner(key, ldns_rdf_clone(zone->name));
    ldns_key_set_flags(key, LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY);
    ldns_key_set_origttl(key, 300);
    zone->dnskey = ldns_key2rr(key);
    need(zone->dnskey != NULL, "the DNSKEY record");
    ldns_rr_set_ttl(zone->dnskey, 300);
    ldns_key_set_keytag(key, ldns_calc_keytag(zone->dnskey));
    need(ldns_key_list_push_key(zone->keys, key), "keeping the key");
    return zone;
}

void fakezone_free(struct fakezone **zone)
{
    if (*zone == NULL)
        return;
    ldns_rdf_deep_free((*zone)->name);
    ldns_key_list_free((*zone)->keys);
    ldns_rr_free((*zone)->dnskey);
    free(*zone);
    *zone = NULL;
}

/* Signs `set` into `to`. */
static void sign(struct fakezone *zone, const struct fakezone_packet *packet, ldns_rr_list *set,
                 ldns_rr_list *to)
{
    struct fakezone *signer = packet->signer != NULL ? packet->signer : zone;
    ldns_key *key = ldns_key_list_key(signer->keys, 0);
    long expires = packet->expires != 0 ? packet->expires : 86400;
    time_t now = time(NULL);
    long begin = expires < 0 ? expires - 86400 : -3600;
    ldns_key_set_inception(key, (uint32_t)(now + begin));
    ldns_key_set_expiration(key, (uint32_t)(now + expires));
    ldns_key_set_origttl(key, ldns_rr_ttl(ldns_rr_list_rr(set, 0)));
    ldns_rr_list *sigs = ldns_sign_public(set, signer->keys);
    need(sigs != NULL, "signing");
    while (ldns_rr_list_rr_count(sigs) > 0) {
        ldns_rr *sig = ldns_rr_list_pop_rr(sigs);
        /* Signed by somebody else's key in our name. */
        if (signer != zone) {
            ldns_rdf_deep_free(ldns_rr_set_rdf(sig, ldns_rdf_clone(zone->name), 7));
            ldns_rdf_deep_free(ldns_rr_set_rdf(
                sig, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, ldns_calc_keytag(zone->dnskey)),
                6));
        }
        need(ldns_rr_list_push_rr(to, sig), "keeping a signature");
    }
    ldns_rr_list_free(sigs);
}

static void add_section(struct fakezone *zone, const struct fakezone_packet *packet,
                        const char *const *texts, ldns_pkt *pkt, ldns_pkt_section section)
{
    ldns_rr_list *all = ldns_rr_list_new();
    ldns_rr_list *set = ldns_rr_list_new();
    need(all != NULL && set != NULL, "a list");
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        ldns_rr *rr = NULL;
        ldns_status status = ldns_rr_new_frm_str(&rr, texts[i], 300, NULL, NULL);
        need(status == LDNS_STATUS_OK, texts[i]);
        ldns_rr *first = ldns_rr_list_rr(set, 0);
        if (first != NULL && (ldns_rr_get_type(first) != ldns_rr_get_type(rr) ||
                              ldns_dname_compare(ldns_rr_owner(first), ldns_rr_owner(rr)) != 0)) {
            if (!packet->unsigned_)
                sign(zone, packet, set, all);
            ldns_rr_list_free(set);
            set = ldns_rr_list_new();
            need(set != NULL, "a list");
        }
        need(ldns_rr_list_push_rr(set, rr) && ldns_rr_list_push_rr(all, rr), "keeping a record");
    }
    if (ldns_rr_list_rr_count(set) > 0 && !packet->unsigned_)
        sign(zone, packet, set, all);
    ldns_rr_list_free(set);
    for (size_t i = 0; i < ldns_rr_list_rr_count(all); i++)
        need(ldns_pkt_push_rr(pkt, section, ldns_rr_list_rr(all, i)), "filling the packet");
    ldns_rr_list_free(all);
}

static uint8_t *to_wire(ldns_pkt *pkt, size_t *len)
{
    uint8_t *wire = NULL;
    need(ldns_pkt2wire(&wire, pkt, len) == LDNS_STATUS_OK, "writing the packet");
    ldns_pkt_free(pkt);
    return wire;
}

uint8_t *fakezone_packet(struct fakezone *zone, const struct fakezone_packet *packet, size_t *len)
{
    ldns_pkt *pkt = ldns_pkt_query_new(ldns_dname_new_frm_str(packet->owner),
                                       (ldns_rr_type)packet->qtype, LDNS_RR_CLASS_IN, 0);
    need(pkt != NULL, "a packet");
    ldns_pkt_set_qr(pkt, true);
    ldns_pkt_set_aa(pkt, !packet->no_aa);
    ldns_pkt_set_tc(pkt, packet->truncated);
    ldns_pkt_set_rcode(pkt, (uint8_t)packet->rcode);
    ldns_pkt_set_edns_udp_size(pkt, 1232);
    ldns_pkt_set_edns_do(pkt, true);
    add_section(zone, packet, packet->answer, pkt, LDNS_SECTION_ANSWER);
    add_section(zone, packet, packet->authority, pkt, LDNS_SECTION_AUTHORITY);
    return to_wire(pkt, len);
}

void fakezone_keys(struct fakezone *zone, struct replay_keys *out)
{
    struct err err = ERR_INIT;
    char *text = ldns_rr2str(zone->dnskey);
    const char *const answer[] = {text, NULL};
    const struct fakezone_packet packet = {
        .owner = zone->text, .qtype = LDNS_RR_TYPE_DNSKEY, .answer = answer};
    size_t len = 0;
    uint8_t *wire = fakezone_packet(zone, &packet, &len);
    uint8_t rdata[512];
    size_t at = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(zone->dnskey); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(zone->dnskey, i);
        need(at + ldns_rdf_size(rdf) <= sizeof rdata, "a small key");
        memcpy(rdata + at, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
        at += ldns_rdf_size(rdf);
    }
    const uint8_t *const datas[] = {rdata, NULL};
    const int lens[] = {(int)at, 0};
    need(replay_keys_set(out, zone->text, datas, lens, wire, (int)len, &err) == OUT_OK, err.text);
    free(wire);
    free(text);
}

char *fakezone_nsec3(struct fakezone *zone, const char *name, bool cover, const char *types)
{
    ldns_rdf *owner = ldns_dname_new_frm_str(name);
    ldns_rdf *hash = ldns_nsec3_hash_name(owner, 1, 0, 0, NULL);
    char *text = ldns_rdf2str(hash);
    char from[40];
    char to[40];
    need(text != NULL && strlen(text) >= 32, "hashing");
    (void)snprintf(from, sizeof from, "%.32s", text);
    (void)snprintf(to, sizeof to, "%.32s", text);
    /* A neighbour each way: the last digit goes one down or up, in base32hex. */
    const char *digits = "0123456789abcdefghijklmnopqrstuv";
    for (size_t i = 31;; i--) {
        const char *up = strchr(digits, to[i]);
        need(up != NULL, "base32hex");
        bool over = up[1] == '\0';
        to[i] = over ? '0' : up[1];
        if (!over)
            break;
    }
    for (size_t i = 31; cover; i--) {
        const char *down = strchr(digits, from[i]);
        need(down != NULL, "base32hex");
        bool under = down == digits;
        from[i] = under ? 'v' : down[-1];
        if (!under)
            break;
    }
    size_t size = 512;
    char *out = malloc(size);
    need(out != NULL, "malloc");
    (void)snprintf(out, size, "%s.%s 300 IN NSEC3 1 0 0 - %s %s", from, zone->text, to, types);
    free(text);
    ldns_rdf_deep_free(hash);
    ldns_rdf_deep_free(owner);
    return out;
}
