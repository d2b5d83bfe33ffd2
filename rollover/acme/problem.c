/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/problem.h"

#include <string.h>

#include "acme/doc.h"
#include "base/text.h"

#define PROBLEM_SHOWN 8 /* subproblems; the others are counted */
#define PROBLEM_PART 400

static const char *problem_short(const char *type)
{
    static const char space[] = "urn:ietf:params:acme:error:";
    if (strncmp(type, space, sizeof space - 1) == 0)
        return type + sizeof space - 1;
    return type;
}

static void problem_part(struct text *text, const json_t *doc)
{
    const char *type = doc_text(doc, "type");
    const char *detail = doc_text(doc, "detail");
    const char *title = detail == NULL ? doc_text(doc, "title") : detail;
    text_add(text, "%.*s: %.*s", PROBLEM_TYPE_MAX, type != NULL ? problem_short(type) : "no type",
             PROBLEM_PART, title != NULL ? title : "it does not say why");
}

static void problem_subs(const json_t *subs, struct text *text, struct problem *out)
{
    size_t n = json_array_size(subs);
    for (size_t i = 0; i < n; i++) {
        const json_t *sub = json_array_get(subs, i);
        const char *type = doc_text(sub, "type");
        const char *name = doc_text(json_object_get(sub, "identifier"), "value");
        if (type != NULL && strcmp(problem_short(type), "caa") == 0)
            out->caa = true;
        if (i >= PROBLEM_SHOWN)
            continue;
        text_add(text, "; %.*s: ", PORT_NAME_MAX, name != NULL ? name : "a part");
        problem_part(text, sub);
    }
    if (n > PROBLEM_SHOWN)
        text_add(text, "; and %zu more", n - PROBLEM_SHOWN);
}

void problem_take(const json_t *doc, struct problem *out)
{
    struct text text;
    const char *type = doc_text(doc, "type");
    const char *instance = doc_text(doc, "instance");
    out->caa = false;
    out->type[0] = '\0';
    if (type != NULL && !text_format(out->type, sizeof out->type, "%s", problem_short(type)))
        out->type[0] = '\0';
    out->caa = strcmp(out->type, "caa") == 0;
    text_init(&text, out->text, sizeof out->text);
    if (!json_is_object(doc)) {
        text_add(&text, "without a reason");
        return;
    }
    problem_part(&text, doc);
    if (instance != NULL)
        text_add(&text, " (%.*s)", PROBLEM_PART, instance);
    problem_subs(json_object_get(doc, "subproblems"), &text, out);
}

void problem_read(long status, const char *body, size_t len, struct problem *out)
{
    json_t *doc = NULL;
    struct err ignored = ERR_INIT;
    char said[ERR_TEXT_MAX];
    if (doc_parse("the answer", body, len, &doc, &ignored) == OUT_OK &&
        doc_text(doc, "type") != NULL) {
        problem_take(doc, out);
        memcpy(said, out->text, sizeof said);
        (void)text_format(out->text, sizeof out->text, "HTTP status %ld, %.*s", status,
                          (int)sizeof out->text - 32, said);
    } else {
        problem_take(NULL, out);
        (void)text_format(out->text, sizeof out->text,
                          status >= 300 && status < 400
                              ? "HTTP status %ld: a redirect, which is never followed; write the "
                                "URL that it leads to if you trust it"
                              : "HTTP status %ld without a problem document",
                          status);
    }
    out->status = status;
    json_decref(doc);
}

bool problem_is(const struct problem *problem, const char *type)
{
    return strcmp(problem->type, type) == 0;
}

enum outcome problem_outcome(const struct problem *problem)
{
    static const char *const passing[] = {"badNonce", "rateLimited", "orderNotReady"};
    static const long statuses[] = {408, 425, 429};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        if (problem_is(problem, passing[i]))
            return OUT_RETRY;
    }
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (problem->status == statuses[i])
            return OUT_RETRY;
    }
    return problem->status >= 500 ? OUT_RETRY : OUT_REFUSED;
}
