/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/orderdoc.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static bool orderdoc_name(const char *name, char out[PORT_NAME_MAX])
{
    size_t len = strnlen(name, PORT_NAME_MAX);
    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len == 0 || len >= PORT_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    out[len] = '\0';
    return true;
}

json_t *orderdoc_ask(const struct port_order *order)
{
    char name[PORT_NAME_MAX];
    json_t *list = json_array();
    bool good = list != NULL;
    for (size_t i = 0; good && i < order->n_names; i++)
        good =
            orderdoc_name(order->names[i], name) &&
            json_array_append_new(list, json_pack("{s:s, s:s}", "type", "dns", "value", name)) == 0;
    json_t *out = good ? json_pack("{s:O}", "identifiers", list) : NULL;
    json_decref(list);
    return out;
}

static bool orderdoc_has(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *type = doc_text(one, "type");
        const char *value = doc_text(one, "value");
        if (type != NULL && value != NULL && strcmp(type, "dns") == 0 &&
            strcasecmp(value, name) == 0)
            return true;
    }
    return false;
}

/* Each of ours is there, and no more than ours. */
static bool orderdoc_ours(const struct port_order *order, const json_t *list)
{
    char name[PORT_NAME_MAX];
    if (json_array_size(list) > order->n_names)
        return false;
    for (size_t i = 0; i < order->n_names; i++) {
        if (!orderdoc_name(order->names[i], name) || !orderdoc_has(list, name))
            return false;
    }
    return true;
}

static enum outcome orderdoc_status(const json_t *doc, enum orderdoc_status *out, struct err *err)
{
    static const char *const names[] = {
        [ORDERDOC_PENDING] = "pending",       [ORDERDOC_READY] = "ready",
        [ORDERDOC_PROCESSING] = "processing", [ORDERDOC_VALID] = "valid",
        [ORDERDOC_INVALID] = "invalid",
    };
    const char *status = doc_text(doc, "status");
    for (size_t i = 0; status != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], status) == 0) {
            *out = (enum orderdoc_status)i;
            return OUT_OK;
        }
    }
    return err_set(err, OUT_REFUSED, "the order: its status is \"%.40s\"",
                   status != NULL ? status : "");
}

static enum outcome orderdoc_authorizations(const json_t *doc, struct orderdoc *out,
                                            struct err *err)
{
    const json_t *list = json_object_get(doc, "authorizations");
    size_t n = json_array_size(list);
    if (n == 0 || n > PORT_NAMES_MAX)
        return err_set(err, OUT_REFUSED, "the order: %zu authorizations, 1 to %d are right", n,
                       PORT_NAMES_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *url = json_string_value(json_array_get(list, i));
        if (url == NULL || !doc_is_url(url) ||
            !text_format(out->authorizations[i], DOC_URL_MAX, "%s", url))
            return err_set(err, OUT_REFUSED,
                           "the order: authorization \"%.200s\" is no https URL; nothing else is "
                           "asked",
                           url != NULL ? url : "");
    }
    out->n = n;
    return OUT_OK;
}

enum outcome orderdoc_read(const struct port_order *order, const json_t *doc, struct orderdoc *out,
                           struct err *err)
{
    memset(out, 0, sizeof *out);
    enum outcome res = orderdoc_status(doc, &out->status, err);
    if (res == OUT_OK && !orderdoc_ours(order, json_object_get(doc, "identifiers"))) {
        out->others = true;
        return err_set(err, OUT_REFUSED, "the order is about other names than were asked for");
    }
    if (res == OUT_OK)
        res = orderdoc_authorizations(doc, out, err);
    if (res == OUT_OK)
        res = doc_url(doc, "the order", "finalize", out->finalize, err);
    if (res == OUT_OK && out->status == ORDERDOC_VALID)
        res = doc_url(doc, "the order", "certificate", out->certificate, err);
    if (out->status == ORDERDOC_INVALID)
        problem_take(json_object_get(doc, "error"), &out->error);
    return res;
}
