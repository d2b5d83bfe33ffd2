/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/powerdns.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "dns/change.h"
#include "dns/powerdns_rrset.h"
#include "dns/txt.h"
#include "dns/wire.h"
#include "net/http.h"
#include "net/url.h"

#define URL_MAX 2048
#define SAID_MAX 200
#define TIMEOUT_MS 20000

struct powerdns {
    struct http *http;
    char *api_key;
    char where[URL_WHERE_MAX];
    char base[URL_MAX / 2];   /* ".../api/v1/servers/ID/zones/" */
    char zone[PORT_NAME_MAX]; /* "": ask */
};

/* ---- the object ---------------------------------------------------------------------- */

/* Percent-encoding of all but RFC 3986's unreserved characters. False: no room. */
static bool encode(const char *text, char *out, size_t size)
{
    struct text to;
    text_init(&to, out, size);
    for (const char *p = text; *p != '\0'; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("-._~", *p) != NULL;
        if (plain)
            text_add(&to, "%c", *p);
        else
            text_add(&to, "%%%02X", (unsigned)(unsigned char)*p);
    }
    return !to.cut;
}

static enum outcome check_url(const struct powerdns_config *config, struct url *url,
                              struct err *err)
{
    if (config->url == NULL || config->url[0] == '\0')
        return err_set(err, OUT_REFUSED,
                       "no url is named: give that of PowerDNS' API, such as "
                       "http://127.0.0.1:8081");
    enum outcome rc = url_split(config->url, url, err);
    if (rc != OUT_OK)
        return rc;
    if (url->secret || (!url->https && !url->http))
        return err_set(err, OUT_REFUSED,
                       "%s: the URL of PowerDNS' API is https://HOST:PORT or, near by, "
                       "http://ADDRESS:PORT",
                       url->where);
    if (url->http && !url_is_near(url))
        return err_set(err, OUT_REFUSED,
                       "%s: the API key would travel in clear: use https://, or http:// to "
                       "127.0.0.1 or an address of a private network",
                       url->where);
    return OUT_OK;
}

static enum outcome set_up(struct powerdns *self, const struct powerdns_config *config,
                           struct err *err)
{
    struct url url;
    char id[URL_MAX / 4];
    bool named = config->server_id != NULL && config->server_id[0] != '\0';
    size_t len = 0;
    enum outcome rc = check_url(config, &url, err);
    if (rc != OUT_OK)
        return rc;
    if (config->api_key == NULL || config->api_key[0] == '\0')
        return err_set(err, OUT_REFUSED,
                       "%s: there is no API key: put that of api-key in pdns.conf into a file",
                       url.where);
    memcpy(self->where, url.where, sizeof self->where);
    for (len = strlen(config->url); len > 0 && config->url[len - 1] == '/'; len--)
        continue;
    if (!encode(named ? config->server_id : "localhost", id, sizeof id) ||
        !text_format(self->base, sizeof self->base, "%.*s/api/v1/servers/%s/zones/", (int)len,
                     config->url, id))
        return err_set(err, OUT_REFUSED, "%s: the URL or server_id is too long", url.where);
    if (config->zone != NULL && config->zone[0] != '\0')
        rc = wire_name_clean(config->zone, self->zone, err);
    if (rc == OUT_OK && (self->api_key = strdup(config->api_key)) == NULL)
        rc = err_set(err, OUT_BROKEN, "out of memory");
    const struct http_config http = {.ca_file = config->ca_file,
                                     .plain = url.http,
                                     .total_ms =
                                         config->timeout_ms > 0 ? config->timeout_ms : TIMEOUT_MS,
                                     .body_max = POWERDNS_BODY_MAX};
    return rc == OUT_OK ? http_open(&http, &self->http, err) : rc;
}

enum outcome powerdns_open(const struct powerdns_config *config, struct powerdns **out,
                           struct err *err)
{
    *out = NULL;
    struct powerdns *self = calloc(1, sizeof *self);
    if (self == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome rc = set_up(self, config, err);
    if (rc != OUT_OK)
        powerdns_close(&self);
    *out = self;
    return rc;
}

void powerdns_close(struct powerdns **self)
{
    struct powerdns *dns = *self;
    if (dns == NULL)
        return;
    http_close(&dns->http);
    if (dns->api_key != NULL)
        text_wipe(dns->api_key, strlen(dns->api_key));
    free(dns->api_key);
    free(dns);
    *self = NULL;
}

/* ---- what the server says ------------------------------------------------------------ */

/* The reason it gives: {"error": "..."} or plain text, one line of it. */
static void reason(const struct http_response *got, char said[SAID_MAX])
{
    json_t *body = json_loadb(got->body, got->len, 0, NULL);
    const char *text = json_string_value(json_object_get(body, "error"));
    if (text == NULL)
        text = got->body;
    size_t len = strcspn(text, "\r\n");
    (void)text_format(said, SAID_MAX, "%.*s", (int)(len < SAID_MAX ? len : SAID_MAX - 1), text);
    json_decref(body);
}

/* OUT_OK: a status of 2xx. */
static enum outcome judge(const struct powerdns *self, const struct http_response *got,
                          const char *zone, struct err *err)
{
    char said[SAID_MAX];
    if (got->status >= 200 && got->status < 300)
        return OUT_OK;
    reason(got, said);
    if (got->status >= 500)
        return err_set(err, OUT_RETRY,
                       "%s: PowerDNS says %ld (%s): its database is busy or cannot be written; its "
                       "log tells more",
                       self->where, got->status, said);
    switch (got->status) {
    case 401:
    case 403:
        return err_set(err, OUT_REFUSED,
                       "%s: PowerDNS does not take the API key (%ld): compare api_key_file with "
                       "api-key in pdns.conf, and see webserver-allow-from there",
                       self->where, got->status);
    case 404:
        return err_set(err, OUT_REFUSED,
                       "%s: PowerDNS knows no such zone or server (404 at %s%s: %s): correct zone "
                       "or server_id, or set api=yes in pdns.conf",
                       self->where, self->base, zone, said);
    case 400:
    case 422:
        return err_set(err, OUT_REFUSED, "%s: PowerDNS refuses it for the zone %s (%ld): %s",
                       self->where, zone, got->status, said);
    case 408:
    case 429:
        return err_set(err, OUT_RETRY, "%s: PowerDNS is busy (%ld): %s", self->where, got->status,
                       said);
    default:
        return err_set(err, OUT_REFUSED,
                       "%s: answers %ld, as PowerDNS' API does not (%s): is the URL right?",
                       self->where, got->status, said);
    }
}

/* One request about a zone; `rest` comes after its name in the URL. OUT_OK: an answer of any
 * status. */
static enum outcome request(const struct powerdns *self, const char *method, const char *zone,
                            const char *rest, const char *body, struct http_response *got,
                            struct err *err)
{
    char url[URL_MAX];
    char name[3 * PORT_NAME_MAX];
    const struct http_header headers[] = {{"X-API-Key", self->api_key},
                                          {"Accept", "application/json"},
                                          {"Content-Type", "application/json"}};
    const struct http_request what = {.method = method,
                                      .url = url,
                                      .headers = headers,
                                      .n_headers = body != NULL ? 3 : 2,
                                      .body = body,
                                      .len = body != NULL ? strlen(body) : 0};
    if (!encode(zone, name, sizeof name) ||
        !text_format(url, sizeof url, "%s%s%s", self->base, name, rest))
        return err_set(err, OUT_REFUSED, "%s: the URL for the zone %s is too long", self->where,
                       zone);
    return http_do(self->http, &what, got, err);
}

/* ---- zones and RRsets ---------------------------------------------------------------- */

/* Does the server have a zone of this name? */
static enum outcome has_zone(const struct powerdns *self, const char *zone, bool *there,
                             struct err *err)
{
    struct http_response got;
    *there = false;
    enum outcome rc = request(self, "GET", zone, "?rrsets=false", NULL, &got, err);
    if (rc != OUT_OK)
        return rc;
    *there = got.status != 404 && got.status != 422; /* before 4.2 an unknown zone was 422 */
    if (*there)
        rc = judge(self, &got, zone, err);
    http_response_free(&got);
    return rc;
}

static enum outcome find_zone(const struct powerdns *self, const char *owner,
                              char zone[PORT_NAME_MAX], struct err *err)
{
    char up[PORT_NAME_MAX];
    bool there = self->zone[0] != '\0';
    memcpy(zone, there ? self->zone : owner, there ? sizeof self->zone : strlen(owner) + 1);
    if (there && !wire_name_below(owner, zone))
        return err_set(err, OUT_REFUSED, "%s is not in the zone %s: correct the configuration",
                       owner, zone);
    while (!there) {
        enum outcome rc = has_zone(self, zone, &there, err);
        if (rc != OUT_OK)
            return rc;
        if (!there && !wire_name_up(zone, up))
            return err_set(err, OUT_REFUSED,
                           "%s: PowerDNS has no zone that holds %s: correct server_id, or make the "
                           "zone there",
                           self->where, owner);
        if (!there)
            memcpy(zone, up, sizeof up);
    }
    return OUT_OK;
}

/* An RRset as the server has it, and where. */
struct target {
    char owner[PORT_NAME_MAX];
    char zone[PORT_NAME_MAX];
    const char *type;
    struct powerdns_rrset rrset;
};

static enum outcome get(const struct powerdns *self, const char *owner, const char *type,
                        struct target *out, struct err *err)
{
    char name[3 * PORT_NAME_MAX];
    char rest[sizeof name + 32];
    struct http_response got;
    out->type = type;
    enum outcome rc = wire_name_clean(owner, out->owner, err);
    if (rc == OUT_OK)
        rc = find_zone(self, out->owner, out->zone, err);
    if (rc != OUT_OK)
        return rc;
    /* All types of the name: a CNAME there has to be seen as well. */
    if (!encode(out->owner, name, sizeof name) ||
        !text_format(rest, sizeof rest, "?rrset_name=%s", name))
        return err_set(err, OUT_REFUSED, "the name %s is too long", out->owner);
    rc = request(self, "GET", out->zone, rest, NULL, &got, err);
    if (rc != OUT_OK)
        return rc;
    rc = judge(self, &got, out->zone, err);
    if (rc == OUT_OK) {
        rc = powerdns_rrset_parse(got.body, got.len, out->owner, type, &out->rrset, err);
        if (rc != OUT_OK)
            err_prepend(err, "%s", self->where);
    }
    http_response_free(&got);
    return rc;
}

static void add_note(struct err *note, const struct err *more)
{
    if (more->text[0] == '\0')
        return;
    struct err both = *more;
    if (note->text[0] != '\0')
        err_prepend(&both, "%.400s", note->text);
    *note = both;
}

/* The change is made: nothing here makes it undone, so troubles are notes. */
static void notify(const struct powerdns *self, const struct target *target, struct err *note)
{
    struct http_response got;
    struct err err = ERR_INIT;
    enum outcome rc = request(self, "PUT", target->zone, "/notify", NULL, &got, &err);
    if (rc == OUT_OK) {
        rc = judge(self, &got, target->zone, &err);
        http_response_free(&got);
    }
    if (rc != OUT_OK) {
        err_prepend(&err, "the change is made, but secondaries were not told (NOTIFY)");
        add_note(note, &err);
    }
    if (target->rrset.lazy) {
        err_say(&err,
                "the serial of %s stands still at changes by the API, so its secondaries may not "
                "fetch them: pdnsutil set-meta %s SOA-EDIT-API DEFAULT",
                target->zone, target->zone);
        add_note(note, &err);
    }
}

static enum outcome patch(const struct powerdns *self, const struct target *target, uint32_t ttl,
                          struct err *note, struct err *err)
{
    struct http_response got;
    char *body = powerdns_rrset_patch(&target->rrset, target->owner, target->type, ttl);
    if (body == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome rc = request(self, "PATCH", target->zone, "", body, &got, err);
    free(body);
    if (rc != OUT_OK)
        return rc;
    rc = judge(self, &got, target->zone, err);
    http_response_free(&got);
    if (rc != OUT_OK)
        return rc;
    notify(self, target, note);
    *err = *note;
    return OUT_OK;
}

/* ---- the provider -------------------------------------------------------------------- */

static enum outcome powerdns_read(void *self, const char *owner, struct port_rrset *out,
                                  struct err *err)
{
    struct target target = {0};
    out->n = 0;
    out->ttl = 0;
    enum outcome rc = get(self, owner, "TLSA", &target, err);
    if (rc == OUT_OK)
        rc = powerdns_rrset_tlsa(&target.rrset, target.owner, out, err);
    powerdns_rrset_clear(&target.rrset);
    return rc;
}

static bool changes_nothing(const struct port_change *change)
{
    bool nothing = true;
    for (size_t i = 0; i < change->n_add; i++)
        nothing = nothing && change_has(change->seen, change->add[i]);
    for (size_t i = 0; i < change->n_del; i++)
        nothing = nothing && !change_has(change->seen, change->del[i]);
    return nothing;
}

static enum outcome swap(const struct powerdns *self, const struct port_change *change,
                         struct target *target, struct err *err)
{
    struct err note = ERR_INIT;
    struct port_rrset *now = calloc(1, sizeof *now);
    if (now == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome rc = powerdns_rrset_tlsa(&target->rrset, target->owner, now, err);
    bool same = rc == OUT_OK && change_same(now, change->seen);
    free(now);
    if (rc != OUT_OK)
        return rc;
    if (!same)
        return err_set(err, OUT_NOT_YET,
                       "%s: somebody changed the TLSA records at %s meanwhile: nothing was done, "
                       "they are to be read again",
                       self->where, target->owner);
    if (!powerdns_rrset_change(&target->rrset, change))
        return err_set(err, OUT_BROKEN, "out of memory");
    uint32_t ttl = change_ttl(change, &note);
    return patch(self, target, ttl, &note, err);
}

static enum outcome powerdns_change(void *self, const struct port_change *change, struct err *err)
{
    struct target target = {0};
    enum outcome rc = change_check(change, err);
    if (rc != OUT_OK)
        return rc;
    err_clear(err);
    if (changes_nothing(change))
        return OUT_OK;
    rc = get(self, change->owner, "TLSA", &target, err);
    if (rc == OUT_OK)
        rc = swap(self, change, &target, err);
    powerdns_rrset_clear(&target.rrset);
    return rc;
}

static enum outcome txt_change(const struct powerdns *self, const char *owner, const char *value,
                               uint32_t ttl, bool add, struct err *err)
{
    struct target target = {0};
    struct err note = ERR_INIT;
    bool changed = false;
    enum outcome rc = txt_check(value, err);
    if (rc == OUT_OK)
        rc = get(self, owner, "TXT", &target, err);
    if (rc == OUT_OK) {
        err_clear(err);
        if (json_array_size(target.rrset.records) > 0)
            ttl = target.rrset.ttl;
        if (!powerdns_rrset_txt(&target.rrset, value, add, &changed))
            rc = err_set(err, OUT_BROKEN, "out of memory");
    }
    if (rc == OUT_OK && changed)
        rc = patch(self, &target, ttl, &note, err);
    powerdns_rrset_clear(&target.rrset);
    return rc;
}

static enum outcome powerdns_txt_add(void *self, const char *owner, const char *value, uint32_t ttl,
                                     struct err *err)
{
    return txt_change(self, owner, value, ttl, true, err);
}

static enum outcome powerdns_txt_remove(void *self, const char *owner, const char *value,
                                        struct err *err)
{
    return txt_change(self, owner, value, 0, false, err);
}

const struct port_dns_ops powerdns_ops = {.read = powerdns_read,
                                          .change = powerdns_change,
                                          .txt_add = powerdns_txt_add,
                                          .txt_remove = powerdns_txt_remove};
