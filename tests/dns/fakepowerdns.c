/* SPDX-License-Identifier: BSD-2-Clause */
#include "fakepowerdns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fakehttp.h"

#define ZONES "/api/v1/servers/localhost/zones/"

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fakepowerdns: %s\n", what);
    abort();
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

static bool show_zone(struct fakepowerdns *w, const char *query, struct fakehttp_conn *conn)
{
    char filter[512] = "";
    json_t *some = json_array();
    size_t i;
    json_t *rrset;
    if (w->get_body != NULL) {
        json_decref(some);
        return fakehttp_say(conn, 200, "", w->get_body);
    }
    if (!w->old && strncmp(query, "?rrset_name=", 12) == 0)
        (void)snprintf(filter, sizeof filter, "%s", query + 12);
    json_array_foreach(w->rrsets, i, rrset)
    {
        if (filter[0] == '\0' || strcmp(text(rrset, "name"), filter) == 0)
            need(json_array_append(some, rrset) == 0, "JSON");
    }
    json_t *zone = json_pack("{s:s, s:s, s:s, s:o}", "name", "example.org.", "kind", "Master",
                             "soa_edit_api", w->soa_edit_api, "rrsets", some);
    char *body = json_dumps(zone, 0);
    bool up = fakehttp_say(conn, 200, "Content-Type: application/json\r\n", body);
    free(body);
    json_decref(zone);
    return up;
}

/* NULL: fine; else what the real one says with 422. */
static const char *bad_patch(const json_t *rrset)
{
    bool replace = strcmp(text(rrset, "changetype"), "REPLACE") == 0;
    size_t i;
    json_t *record;
    if (!replace)
        return strcmp(text(rrset, "changetype"), "DELETE") == 0 ? NULL
                                                                : "Changetype not understood";
    if (!json_is_integer(json_object_get(rrset, "ttl")))
        return "Key 'ttl' not present or not an Integer";
    json_array_foreach(json_object_get(rrset, "records"), i, record)
    {
        const char *content = text(record, "content");
        if (!json_is_boolean(json_object_get(record, "disabled")))
            return "Key 'disabled' is not a Boolean";
        if (strcmp(text(rrset, "type"), "TXT") == 0 && content[0] != '"')
            return "Data field in DNS should start with quote";
    }
    return NULL;
}

static bool take_patch(struct fakepowerdns *w, const char *body, struct fakehttp_conn *conn)
{
    json_t *patch = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
    json_t *rrsets = json_object_get(patch, "rrsets");
    json_t *one = json_array_get(rrsets, 0);
    w->whole = w->whole && json_array_size(rrsets) == 1;
    const char *bad = bad_patch(one);
    if (bad != NULL) {
        char said[256];
        (void)snprintf(said, sizeof said, "{\"error\": \"%s\"}", bad);
        json_decref(patch);
        return fakehttp_say(conn, 422, "", said);
    }
    for (size_t i = json_array_size(w->rrsets); i-- > 0;) {
        const json_t *old = json_array_get(w->rrsets, i);
        if (strcmp(text(old, "name"), text(one, "name")) == 0 &&
            strcmp(text(old, "type"), text(one, "type")) == 0)
            need(json_array_remove(w->rrsets, i) == 0, "JSON");
    }
    if (strcmp(text(one, "changetype"), "REPLACE") == 0)
        need(json_array_append(w->rrsets, one) == 0, "JSON");
    json_decref(patch);
    return fakehttp_say(conn, 204, "", "");
}

static bool answer(void *arg, const struct fakehttp_request *request, struct fakehttp_conn *conn)
{
    struct fakepowerdns *w = arg;
    char value[256];
    bool keyed = fakehttp_header(request, "X-API-Key", value, sizeof value);
    if (!keyed || strcmp(value, FAKEPOWERDNS_KEY) != 0)
        return fakehttp_say(conn, 401, "", "Unauthorized");
    if (strncmp(request->path, ZONES, strlen(ZONES)) != 0)
        return fakehttp_say(conn, 404, "", "Not Found");
    const char *zone = request->path + strlen(ZONES);
    const char *rest = zone + strcspn(zone, "?/");
    if (strncmp(zone, "example.org.", (size_t)(rest - zone)) != 0 || rest - zone != 12)
        return fakehttp_say(conn, 404, "", "{\"error\": \"Could not find domain\"}");
    if (strcmp(request->method, "PUT") == 0 && strcmp(rest, "/notify") == 0) {
        w->notifies++;
        return fakehttp_say(conn, w->notify != 0 ? w->notify : 200, "", "{\"error\": \"not now\"}");
    }
    if (strcmp(request->method, "GET") == 0) {
        w->gets++;
        return show_zone(w, rest, conn);
    }
    if (strcmp(request->method, "PATCH") != 0)
        return fakehttp_say(conn, 405, "", "Method Not Allowed");
    w->patches++;
    w->whole = w->whole && fakehttp_header(request, "Content-Type", value, sizeof value) &&
               strcmp(value, "application/json") == 0;
    if (w->status != 0)
        return fakehttp_say(conn, w->status, "", w->said);
    return take_patch(w, request->body, conn);
}

void fakepowerdns_open(struct fakepowerdns *w)
{
    w->server = fakehttp_new(answer, w, NULL);
    w->rrsets = json_array();
    w->soa_edit_api = "DEFAULT";
    w->whole = true;
    (void)snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u/", fakehttp_port(w->server));
}

void fakepowerdns_close(struct fakepowerdns *w)
{
    fakehttp_free(&w->server);
    json_decref(w->rrsets);
}

/* Puts an RRset into the zone; records with a blank between them are split at "|". */
void fakepowerdns_hold(struct fakepowerdns *w, const char *name, const char *type, int ttl,
                       const char *contents, bool disabled)
{
    json_t *records = json_array();
    while (*contents != '\0') {
        size_t len = strcspn(contents, "|");
        json_t *record =
            json_pack("{s:s%, s:b}", "content", contents, len, "disabled", disabled ? 1 : 0);
        need(json_array_append_new(records, record) == 0, "JSON");
        contents += len + (contents[len] == '|' ? 1 : 0);
    }
    json_t *rrset = json_pack("{s:s, s:s, s:i, s:o, s:[]}", "name", name, "type", type, "ttl", ttl,
                              "records", records, "comments");
    need(json_array_append_new(w->rrsets, rrset) == 0, "JSON");
}

/* "TTL content|content" of an RRset; "" when there is none. */
const char *fakepowerdns_held(const struct fakepowerdns *w, const char *name, const char *type,
                              char out[512])
{
    struct text to;
    size_t i;
    size_t j;
    json_t *rrset;
    json_t *record;
    text_init(&to, out, 512);
    json_array_foreach(w->rrsets, i, rrset)
    {
        if (strcmp(text(rrset, "name"), name) != 0 || strcmp(text(rrset, "type"), type) != 0)
            continue;
        text_add(&to, "%d", (int)json_integer_value(json_object_get(rrset, "ttl")));
        json_array_foreach(json_object_get(rrset, "records"), j, record)
        {
            text_add(&to, "%s%s%s", j == 0 ? " " : "|", text(record, "content"),
                     json_is_true(json_object_get(record, "disabled")) ? " off" : "");
        }
    }
    return out;
}
