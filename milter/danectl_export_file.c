/* SPDX-License-Identifier: BSD-2-Clause */
/* The format of the file. */
#include "milter/danectl_export.h"

#include "base/text.h"
#include "crypto/b64url.h"
#include "crypto/jws.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT_FORMAT "danemilter-export"
#define EXPORT_VERSION 1
#define SUM_SIZE (2 * JWS_DIGEST_LEN + 1)

static const char *const kinds[] = {"facts", "sessions", "key", "chain"};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

enum outcome export_set_new(struct export_set **out, struct err *err)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL ? OUT_OK : err_errno(err, "the export");
}

static void wipe_free(char *data, size_t len)
{
    if (data != NULL)
        text_wipe(data, len);
    free(data);
}

void export_set_free(struct export_set **set)
{
    if (*set == NULL)
        return;
    for (size_t i = 0; i < (*set)->n; i++)
        wipe_free((*set)->members[i].data, (*set)->members[i].len);
    free(*set);
    *set = NULL;
}

enum outcome export_set_add(struct export_set *set, enum export_kind kind, const char *name,
                            char *data, size_t len, struct err *err)
{
    struct export_member *m = &set->members[set->n];
    if (set->n == EXPORT_MEMBERS_MAX || !text_format(m->name, sizeof m->name, "%s", name)) {
        wipe_free(data, len);
        return err_set(err, OUT_REFUSED, "more than %d parts, or the name %.60s is too long",
                       EXPORT_MEMBERS_MAX, name);
    }
    m->kind = kind;
    m->data = data;
    m->len = len;
    set->n++;
    return OUT_OK;
}

static enum outcome sum(const char *data, size_t len, char out[static SUM_SIZE], struct err *err)
{
    uint8_t digest[JWS_DIGEST_LEN];
    enum outcome res = jws_sha256(data, len, digest, err);
    for (size_t i = 0; res == OUT_OK && i < sizeof digest; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return res;
}

/* Of everything but itself. */
static enum outcome sum_object(json_t *o, char out[static SUM_SIZE], struct err *err)
{
    (void)json_object_del(o, "sha256"); /* may be missing */
    char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL)
        return err_set(err, OUT_BROKEN, "no memory for the export, or text that is no UTF-8");
    enum outcome res = sum(text, strlen(text), out, err);
    wipe_free(text, strlen(text));
    return res;
}

static enum outcome member_to(const struct export_member *m, json_t *list, struct err *err)
{
    char digest[SUM_SIZE];
    size_t size = B64URL_SIZE(m->len);
    char *text = malloc(size);
    if (text == NULL)
        return err_errno(err, "the export");
    enum outcome res = sum(m->data, m->len, digest, err);
    if (res == OUT_OK &&
        (!b64url_encode((const uint8_t *)m->data, m->len, text, size) ||
         json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "kind", kinds[m->kind],
                                               "name", m->name, "sha256", digest, "data", text)) !=
             0))
        res = err_set(err, OUT_BROKEN, "no memory for the export, or a name that is no UTF-8");
    wipe_free(text, size);
    return res;
}

enum outcome export_text(const struct export_set *set, char **text, struct err *err)
{
    char digest[SUM_SIZE];
    enum outcome res = OUT_OK;
    json_t *list = json_array();
    *text = NULL;
    for (size_t i = 0; list != NULL && res == OUT_OK && i < set->n; i++)
        res = member_to(&set->members[i], list, err);
    json_t *o =
        json_pack("{s:s, s:i, s:s, s:I, s:o}", "format", EXPORT_FORMAT, "version", EXPORT_VERSION,
                  "host", set->host, "made", (json_int_t)set->made, "members", list);
    if (res == OUT_OK && o == NULL)
        res = err_set(err, OUT_BROKEN, "no memory for the export, or a host name that is no UTF-8");
    if (res == OUT_OK)
        res = sum_object(o, digest, err);
    if (res == OUT_OK && json_object_set_new(o, "sha256", json_string(digest)) == 0)
        *text = json_dumps(o, JSON_INDENT(1));
    if (res == OUT_OK && *text == NULL)
        res = err_set(err, OUT_BROKEN, "no memory for the export");
    json_decref(o);
    return res;
}

/* ---- reading ---------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

static enum outcome member_from(const json_t *o, struct export_set *set, struct err *err)
{
    char digest[SUM_SIZE];
    size_t kind = 0, len = 0;
    const char *data = text_of(o, "data");
    size_t size = strlen(data);
    while (kind < N_KINDS && strcmp(kinds[kind], text_of(o, "kind")) != 0)
        kind++;
    char *bytes = malloc(size + 1);
    if (bytes == NULL)
        return err_errno(err, "the export");
    enum outcome res = OUT_OK;
    if (kind == N_KINDS || !b64url_decode(data, (uint8_t *)bytes, size, &len))
        res = err_set(err, OUT_REFUSED, "a part that this danectl does not know");
    if (res == OUT_OK)
        res = sum(bytes, len, digest, err);
    if (res == OUT_OK && strcmp(digest, text_of(o, "sha256")) != 0)
        res = err_set(err, OUT_REFUSED, "the checksum of %.100s is wrong", text_of(o, "name"));
    if (res != OUT_OK) {
        wipe_free(bytes, size + 1);
        return res;
    }
    bytes[len] = '\0';
    return export_set_add(set, (enum export_kind)kind, text_of(o, "name"), bytes, len, err);
}

static enum outcome object_from(json_t *o, struct export_set *set, struct err *err)
{
    char said[SUM_SIZE] = "", digest[SUM_SIZE];
    const json_t *list = json_object_get(o, "members");
    if (strcmp(text_of(o, "format"), EXPORT_FORMAT) != 0)
        return err_set(err, OUT_REFUSED, "this is no file of \"danectl export\"");
    if (json_integer_value(json_object_get(o, "version")) != EXPORT_VERSION)
        return err_set(err, OUT_REFUSED, "its version is %d: take the danectl that wrote it",
                       (int)json_integer_value(json_object_get(o, "version")));
    (void)text_format(said, sizeof said, "%s", text_of(o, "sha256"));
    enum outcome res = sum_object(o, digest, err);
    if (res == OUT_OK && strcmp(said, digest) != 0)
        res = err_set(err, OUT_REFUSED, "the checksum over all of it is wrong");
    if (res == OUT_OK && !text_format(set->host, sizeof set->host, "%s", text_of(o, "host")))
        res = err_set(err, OUT_REFUSED, "the host's name is too long");
    set->made = json_integer_value(json_object_get(o, "made"));
    for (size_t i = 0; res == OUT_OK && i < json_array_size(list); i++)
        res = member_from(json_array_get(list, i), set, err);
    return res;
}

enum outcome export_parse(const char *text, size_t len, struct export_set **out, struct err *err)
{
    json_error_t why;
    enum outcome res = export_set_new(out, err);
    if (res != OUT_OK)
        return res;
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (o == NULL)
        res = err_set(err, OUT_REFUSED, "line %d: %s", why.line, why.text);
    else
        res = object_from(o, *out, err);
    json_decref(o);
    if (res != OUT_OK) {
        err_prepend(err, "the file is torn or was changed; nothing was written");
        export_set_free(out);
    }
    return res;
}
