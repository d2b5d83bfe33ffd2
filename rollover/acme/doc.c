/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/doc.h"

#include <string.h>

#include "base/text.h"
#include "net/http.h"

struct doc_scan {
    size_t depth, values, line;
    bool quoted;
};

/* One octet further, so that the parser is given nothing that would make it large or deep. */
static enum outcome doc_scan(struct doc_scan *scan, char c, const char *what, struct err *err)
{
    if (c == '\n')
        scan->line++;
    if (c == '"')
        scan->quoted = !scan->quoted;
    if (scan->quoted)
        return OUT_OK;
    if (c == '{' || c == '[')
        scan->depth++;
    if ((c == '}' || c == ']') && scan->depth > 0)
        scan->depth--;
    if (c == '{' || c == '[' || c == ',')
        scan->values++;
    if (scan->depth > DOC_DEPTH)
        return err_set(err, OUT_REFUSED, "%s: JSON deeper than %d levels in line %zu", what,
                       DOC_DEPTH, scan->line);
    if (scan->values > DOC_VALUES)
        return err_set(err, OUT_REFUSED, "%s: JSON of more than %d values by line %zu", what,
                       DOC_VALUES, scan->line);
    return OUT_OK;
}

static enum outcome doc_bounds(const char *what, const char *text, size_t len, struct err *err)
{
    struct doc_scan scan = {.line = 1};
    if (len > HTTP_BODY_MAX)
        return err_set(err, OUT_REFUSED, "%s: %zu octets of JSON, at most %d", what, len,
                       HTTP_BODY_MAX);
    for (size_t i = 0; i < len; i++) {
        if (scan.quoted && text[i] == '\\') {
            i++;
            continue;
        }
        enum outcome res = doc_scan(&scan, text[i], what, err);
        if (res != OUT_OK)
            return res;
    }
    return OUT_OK;
}

enum outcome doc_parse(const char *what, const char *text, size_t len, json_t **out,
                       struct err *err)
{
    json_error_t why;
    *out = NULL;
    enum outcome res = doc_bounds(what, text, len, err);
    if (res != OUT_OK)
        return res;
    json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (doc == NULL && json_error_code(&why) == json_error_out_of_memory)
        return err_set(err, OUT_BROKEN, "out of memory");
    if (doc == NULL)
        return err_set(err, OUT_REFUSED, "%s is no JSON: line %d, column %d: %s", what, why.line,
                       why.column, why.text);
    if (!json_is_object(doc)) {
        json_decref(doc);
        return err_set(err, OUT_REFUSED, "%s is JSON, but no object", what);
    }
    *out = doc;
    return OUT_OK;
}

const char *doc_text(const json_t *doc, const char *member)
{
    return json_string_value(json_object_get(doc, member));
}

bool doc_is_url(const char *url)
{
    static const char scheme[] = "https://";
    size_t len = strnlen(url, DOC_URL_MAX);
    if (len >= DOC_URL_MAX || strncmp(url, scheme, sizeof scheme - 1) != 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (url[i] < 0x21 || url[i] > 0x7e || url[i] == '"' || url[i] == '\\')
            return false;
    }
    const char *host = url + sizeof scheme - 1;
    size_t host_len = strcspn(host, "/?#");
    return host_len > 0 && host[0] != ':' && memchr(host, '@', host_len) == NULL;
}

enum outcome doc_url(const json_t *doc, const char *what, const char *member, char out[DOC_URL_MAX],
                     struct err *err)
{
    const json_t *value = json_object_get(doc, member);
    const char *text = json_string_value(value);
    if (value == NULL)
        return err_set(err, OUT_REFUSED, "%s has no \"%s\"", what, member);
    if (text == NULL)
        return err_set(err, OUT_REFUSED, "%s: \"%s\" is no string", what, member);
    if (!doc_is_url(text))
        return err_set(err, OUT_REFUSED,
                       "%s: \"%s\" is \"%.200s\", which is no https URL; nothing else is asked",
                       what, member, text);
    return text_format(out, DOC_URL_MAX, "%s", text)
               ? OUT_OK
               : err_set(err, OUT_BROKEN, "\"%s\" does not fit", member);
}
