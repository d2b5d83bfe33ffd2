/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/exchange.h"
#include "dns/lookup.h"
#include "dns/replay.h"
#include "dns/wire.h"

#define DEFAULT_LOOKUP_MS 8000
#define DEFAULT_REFRESH_MS 300000
#define BAD_NEWS_MS 1000 /* older bad verdicts are asked for again */
#define FORWARD_MAX 8

struct resolve {
    struct lookup_settings settings;
    char *strings[FORWARD_MAX + 3]; /* what settings points to */
    const char *forward[FORWARD_MAX + 1];
    int lookup_ms;
    int refresh_ms;
    struct lookup *judge;  /* validates */
    struct lookup *finder; /* does not; made when first needed */
    int64_t born;          /* of both */
    int64_t end;
};

/* ---- the object ---------------------------------------------------------------------- */

static const char *keep(struct resolve *resolve, const char *text)
{
    for (size_t i = 0; text != NULL && i < sizeof resolve->strings / sizeof resolve->strings[0];
         i++) {
        if (resolve->strings[i] == NULL)
            return resolve->strings[i] = strdup(text);
    }
    return NULL;
}

static enum outcome copy_config(struct resolve *resolve, const struct resolve_config *config,
                                struct err *err)
{
    size_t n = 0;
    resolve->settings.trust_anchor = keep(resolve, config->trust_anchor);
    resolve->settings.root_hints = keep(resolve, config->root_hints);
    if (resolve->settings.trust_anchor == NULL ||
        (config->root_hints != NULL && resolve->settings.root_hints == NULL))
        return err_set(err, OUT_BROKEN, "out of memory");
    for (; config->forward != NULL && config->forward[n] != NULL; n++) {
        if (n == FORWARD_MAX)
            return err_set(err, OUT_REFUSED, "more than %d resolvers to forward to", FORWARD_MAX);
        resolve->forward[n] = keep(resolve, config->forward[n]);
        if (resolve->forward[n] == NULL)
            return err_set(err, OUT_BROKEN, "out of memory");
    }
    if (n > 0)
        resolve->settings.forward = resolve->forward;
    resolve->lookup_ms = config->lookup_ms > 0 ? config->lookup_ms : DEFAULT_LOOKUP_MS;
    resolve->refresh_ms = config->refresh_ms > 0 ? config->refresh_ms : DEFAULT_REFRESH_MS;
    return OUT_OK;
}

/* Contexts that are older than that go; the judge comes anew. */
static enum outcome refresh(struct resolve *resolve, int64_t older_than, struct err *err)
{
    int64_t now = exchange_now();
    if (resolve->judge != NULL && now - resolve->born < older_than)
        return OUT_OK;
    lookup_close(&resolve->judge);
    lookup_close(&resolve->finder);
    resolve->born = now;
    resolve->settings.validate = true;
    return lookup_open(&resolve->settings, &resolve->judge, err);
}

enum outcome resolve_open(const struct resolve_config *config, struct resolve **out,
                          struct err *err)
{
    *out = NULL;
    if (config->trust_anchor == NULL)
        return err_set(err, OUT_REFUSED,
                       "no trust anchor: name a file with the root's DS or DNSKEY records (on "
                       "Debian /usr/share/dns/root.key of dns-root-data)");
    struct resolve *resolve = calloc(1, sizeof *resolve);
    if (resolve == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = copy_config(resolve, config, err);
    if (res == OUT_OK)
        res = refresh(resolve, resolve->refresh_ms, err);
    if (res != OUT_OK)
        resolve_close(&resolve);
    *out = resolve;
    return res;
}

void resolve_close(struct resolve **resolve)
{
    if (*resolve == NULL)
        return;
    lookup_close(&(*resolve)->judge);
    lookup_close(&(*resolve)->finder);
    for (size_t i = 0; i < sizeof(*resolve)->strings / sizeof(*resolve)->strings[0]; i++)
        free((*resolve)->strings[i]);
    free(*resolve);
    *resolve = NULL;
}

void resolve_set_end(struct resolve *resolve, int64_t end)
{
    resolve->end = end;
}

uint32_t resolve_age(const struct resolve *resolve)
{
    return (uint32_t)((exchange_now() - resolve->born + 999) / 1000);
}

static int time_left(const struct resolve *resolve)
{
    int64_t left = resolve->end == 0 ? resolve->lookup_ms : resolve->end - exchange_now();
    if (left > resolve->lookup_ms)
        left = resolve->lookup_ms;
    return left > 0 ? (int)left : 0;
}

/* The bogus one again, without validation. Its verdict stays BOGUS, with the data added. */
static enum outcome find_again(struct resolve *resolve, struct lookup_ask *ask, struct err *err)
{
    struct lookup_ask again = {.type = ask->type};
    memcpy(again.name, ask->name, sizeof again.name);
    if (resolve->finder == NULL) {
        resolve->settings.validate = false;
        enum outcome out = lookup_open(&resolve->settings, &resolve->finder, err);
        resolve->settings.validate = true;
        if (out != OUT_OK)
            return out;
    }
    enum outcome out = lookup_run(resolve->finder, &again, 1, time_left(resolve), err);
    if (out == OUT_OK && again.verdict != LOOKUP_FAILED && again.result != NULL) {
        lookup_free(ask, 1);
        ask->result = again.result;
        again.result = NULL;
    }
    lookup_free(&again, 1);
    return out;
}

enum outcome resolve_run(struct resolve *resolve, struct lookup_ask *asks, size_t n, bool find,
                         struct err *err)
{
    for (size_t i = 0; i < n; i++)
        asks[i].result = NULL;
    enum outcome out = refresh(resolve, resolve->refresh_ms, err);
    if (out == OUT_OK)
        out = lookup_run(resolve->judge, asks, n, time_left(resolve), err);
    for (size_t i = 0; i < n && out == OUT_OK && find; i++) {
        if (asks[i].verdict == LOOKUP_BOGUS)
            out = find_again(resolve, &asks[i], err);
    }
    if (out != OUT_OK)
        lookup_free(asks, n);
    return out;
}

/* One lookup, its packet taken apart. *pkt NULL: no usable answer, and err says why. */
static enum outcome ask_one(struct resolve *resolve, struct lookup_ask *ask, const char *name,
                            uint16_t type, ldns_pkt **pkt, struct err *err)
{
    const char *why = "no packet";
    *pkt = NULL;
    memset(ask, 0, sizeof *ask);
    ask->type = type;
    if (snprintf(ask->name, sizeof ask->name, "%s", name) >= (int)sizeof ask->name)
        return err_set(err, OUT_REFUSED, "the name %.60s... is too long", name);
    enum outcome out = resolve_run(resolve, ask, 1, true, err);
    if (out != OUT_OK)
        return out;
    if (ask->result != NULL && ask->result->answer_len > 0)
        *pkt = wire_parse(ask->result->answer_packet, (size_t)ask->result->answer_len, &why);
    if (*pkt != NULL && (ask->verdict != LOOKUP_FAILED))
        return OUT_OK;
    ldns_pkt_free(*pkt);
    *pkt = NULL;
    err_set(err, OUT_RETRY, "%s: %s", name, ask->why[0] != '\0' ? ask->why : why);
    lookup_free(ask, 1);
    return OUT_RETRY;
}

/* ---- zone cuts ----------------------------------------------------------------------- */

/* The zone that an answer says it comes from: the owner of the SOA record. */
static bool soa_owner(const ldns_pkt *pkt, const char *name, char zone[PORT_NAME_MAX])
{
    const ldns_rr *soa = wire_first(ldns_pkt_answer(pkt), name, LDNS_RR_TYPE_SOA);
    if (soa == NULL)
        soa = wire_first(ldns_pkt_authority(pkt), NULL, LDNS_RR_TYPE_SOA);
    return soa != NULL && wire_name_text(ldns_rr_owner(soa), zone) && wire_name_below(name, zone);
}

enum outcome resolve_zone_of(struct resolve *resolve, const char *name, char zone[PORT_NAME_MAX],
                             struct err *err)
{
    char at[PORT_NAME_MAX];
    char up[PORT_NAME_MAX];
    if (snprintf(at, sizeof at, "%s", name) >= (int)sizeof at)
        return err_set(err, OUT_REFUSED, "the name %.60s... is too long", name);
    /* Below a CNAME the SOA is another zone's: then the cut is further up. */
    for (;;) {
        struct lookup_ask ask;
        ldns_pkt *pkt = NULL;
        enum outcome out = ask_one(resolve, &ask, at, LDNS_RR_TYPE_SOA, &pkt, err);
        if (out != OUT_OK) {
            err_prepend(err, "cannot find the zone of %s", name);
            return out;
        }
        bool found = soa_owner(pkt, at, zone);
        ldns_pkt_free(pkt);
        lookup_free(&ask, 1);
        if (found)
            return OUT_OK;
        if (!wire_name_up(at, up))
            return err_set(err, OUT_RETRY, "cannot find the zone of %s: no SOA record", name);
        memcpy(at, up, sizeof at);
    }
}

/* ---- CNAMEs -------------------------------------------------------------------------- */

static enum port_zone_state state_of(enum lookup_verdict verdict)
{
    switch (verdict) {
    case LOOKUP_SECURE:
        return PORT_ZONE_SECURE;
    case LOOKUP_INSECURE:
        return PORT_ZONE_INSECURE;
    case LOOKUP_BOGUS:
        return PORT_ZONE_BOGUS;
    case LOOKUP_FAILED:
        break;
    }
    return PORT_ZONE_UNKNOWN;
}

/* Follows one CNAME: out->name moves on. */
static enum outcome follow(struct resolve *resolve, const struct lookup_ask *ask,
                           const ldns_pkt *pkt, const ldns_rr *rr, struct resolve_owner *out,
                           struct err *err)
{
    char next[PORT_NAME_MAX];
    enum port_zone_state state = state_of(ask->verdict);
    uint32_t ttl = wire_max_ttl(ldns_pkt_answer(pkt), out->name, LDNS_RR_TYPE_CNAME);
    if (state == PORT_ZONE_INSECURE)
        ttl += resolve_age(resolve);
    if (!wire_name_text(ldns_rr_rdf(rr, 0), next))
        return err_set(err, OUT_REFUSED, "the CNAME record of %s is broken", out->name);
    if (state != PORT_ZONE_SECURE && out->state == PORT_ZONE_SECURE) {
        out->state = state;
        (void)snprintf(out->why, sizeof out->why, "the CNAME record of %.100s %s%.100s", out->name,
                       state == PORT_ZONE_INSECURE ? "is not signed" : "is bogus: ", ask->why);
    }
    out->cname_ttl = ttl > UINT32_MAX - out->cname_ttl ? UINT32_MAX : out->cname_ttl + ttl;
    memcpy(out->name, next, sizeof out->name);
    memcpy(out->cname, next, sizeof out->cname);
    return OUT_OK;
}

/* One step: *done when out->name is no CNAME. */
static enum outcome owner_step(struct resolve *resolve, struct resolve_owner *out, bool *done,
                               struct err *err)
{
    struct lookup_ask ask;
    ldns_pkt *pkt = NULL;
    enum outcome res = ask_one(resolve, &ask, out->name, LDNS_RR_TYPE_CNAME, &pkt, err);
    if (res != OUT_OK)
        return res;
    const ldns_rr *rr = wire_first(ldns_pkt_answer(pkt), out->name, LDNS_RR_TYPE_CNAME);
    if (rr != NULL) {
        res = follow(resolve, &ask, pkt, rr, out, err);
    } else {
        *done = true;
        if (!soa_owner(pkt, out->name, out->zone))
            res = resolve_zone_of(resolve, out->name, out->zone, err);
    }
    ldns_pkt_free(pkt);
    lookup_free(&ask, 1);
    return res;
}

enum outcome resolve_owner_of(struct resolve *resolve, const char *owner, struct resolve_owner *out,
                              struct err *err)
{
    char seen[RESOLVE_CNAMES_MAX + 1][PORT_NAME_MAX];
    bool done = false;
    memset(out, 0, sizeof *out);
    enum outcome res = wire_name_clean(owner, out->name, err);
    for (size_t i = 0; res == OUT_OK && !done; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(seen[j], out->name) == 0)
                return err_set(err, OUT_REFUSED,
                               "%s is a CNAME that comes back to %s: mend the loop in DNS", owner,
                               out->name);
        }
        if (i > RESOLVE_CNAMES_MAX)
            return err_set(err, OUT_REFUSED, "%s leads through more than %d CNAMEs: shorten them",
                           owner, RESOLVE_CNAMES_MAX);
        memcpy(seen[i], out->name, sizeof seen[i]);
        res = owner_step(resolve, out, &done, err);
    }
    return res;
}

/* ---- keys and verdicts --------------------------------------------------------------- */

enum outcome resolve_has_ds(struct resolve *resolve, const char *zone, bool *out, struct err *err)
{
    struct lookup_ask ask = {.type = LDNS_RR_TYPE_DS};
    enum outcome res;
    *out = false;
    if (snprintf(ask.name, sizeof ask.name, "%s", zone) >= (int)sizeof ask.name)
        return err_set(err, OUT_REFUSED, "the name %.60s... is too long", zone);
    res = resolve_run(resolve, &ask, 1, false, err);
    if (res != OUT_OK)
        return res;
    if (ask.verdict == LOOKUP_SECURE || ask.verdict == LOOKUP_INSECURE)
        *out = ask.result->havedata != 0;
    else
        res = err_set(err, OUT_RETRY, "the DS records of %s: %s", zone, ask.why);
    lookup_free(&ask, 1);
    return res;
}

/* The sentence for a zone that is not signed, as far as anybody sees. */
static void explain_insecure(struct resolve *resolve, const char *zone, char why[PORT_WHY_MAX])
{
    struct err err = ERR_INIT;
    bool there = false;
    int n;
    if (resolve_has_ds(resolve, zone, &there, &err) != OUT_OK)
        n = snprintf(why, PORT_WHY_MAX, "%.100s is not secured by DNSSEC (%.100s)", zone, err.text);
    else if (there)
        n = snprintf(why, PORT_WHY_MAX,
                     "%.150s has DS records, but none of a kind that resolvers can use", zone);
    else
        n = snprintf(why, PORT_WHY_MAX,
                     "%.100s is not secured by DNSSEC: its parent zone has no DS record for it, "
                     "or is not secured itself",
                     zone);
    if (n < 0)
        why[0] = '\0';
}

/* The zone's DNSKEY RRset. Bad news from a cache is asked for again without one. */
static enum outcome ask_keys(struct resolve *resolve, struct lookup_ask *ask, const char *zone,
                             struct err *err)
{
    memset(ask, 0, sizeof *ask);
    ask->type = LDNS_RR_TYPE_DNSKEY;
    if (snprintf(ask->name, sizeof ask->name, "%s", zone) >= (int)sizeof ask->name)
        return err_set(err, OUT_REFUSED, "the name %.60s... is too long", zone);
    enum outcome out = resolve_run(resolve, ask, 1, false, err);
    bool old = exchange_now() - resolve->born >= BAD_NEWS_MS;
    if (out != OUT_OK || !old || ask->verdict == LOOKUP_SECURE || ask->verdict == LOOKUP_FAILED)
        return out;
    lookup_free(ask, 1);
    out = refresh(resolve, BAD_NEWS_MS, err);
    return out == OUT_OK ? resolve_run(resolve, ask, 1, false, err) : out;
}

enum outcome resolve_keys(struct resolve *resolve, const char *zone, struct replay_keys *keys,
                          enum port_zone_state *state, char why[PORT_WHY_MAX], struct err *err)
{
    struct lookup_ask ask;
    memset(keys, 0, sizeof *keys);
    why[0] = '\0';
    *state = PORT_ZONE_UNKNOWN;
    enum outcome out = ask_keys(resolve, &ask, zone, err);
    if (out != OUT_OK)
        return out;
    *state = state_of(ask.verdict);
    if (*state == PORT_ZONE_SECURE && ask.result->havedata) {
        out = replay_keys_set(keys, zone, (const uint8_t *const *)ask.result->data, ask.result->len,
                              ask.result->answer_packet, ask.result->answer_len, err);
    } else if (*state == PORT_ZONE_SECURE || *state == PORT_ZONE_INSECURE) {
        *state = PORT_ZONE_INSECURE;
        explain_insecure(resolve, zone, why);
    } else {
        const char *text = *state == PORT_ZONE_BOGUS
                               ? "does not validate (do the DS records at the parent fit its keys?)"
                               : "cannot be validated";
        (void)snprintf(why, PORT_WHY_MAX, "%.80s %s: %.100s", zone, text, ask.why);
    }
    lookup_free(&ask, 1);
    return out;
}

/* ---- servers ------------------------------------------------------------------------- */

enum outcome resolve_ns(struct resolve *resolve, const char *zone, char (*names)[PORT_NAME_MAX],
                        size_t *n, struct err *err)
{
    struct lookup_ask ask;
    ldns_pkt *pkt = NULL;
    size_t room = *n;
    *n = 0;
    enum outcome out = ask_one(resolve, &ask, zone, LDNS_RR_TYPE_NS, &pkt, err);
    if (out != OUT_OK)
        return out;
    const ldns_rr_list *answer = ldns_pkt_answer(pkt);
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer) && *n < room; i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NS && wire_owner_is(rr, zone) &&
            wire_name_text(ldns_rr_rdf(rr, 0), names[*n]))
            (*n)++;
    }
    ldns_pkt_free(pkt);
    lookup_free(&ask, 1);
    if (*n == 0)
        return err_set(err, OUT_RETRY, "no name servers of %s can be found", zone);
    return OUT_OK;
}
