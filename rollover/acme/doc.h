/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doc - JSON from a CA, read within bounds (safety.md rows 12, 13)
 *
 * At most HTTP_BODY_MAX octets, DOC_DEPTH levels and DOC_VALUES values, which bounds what the
 * parser may allocate; UTF-8, no NUL, no member twice. A document is an object.
 *
 * Ownership: doc_parse gives a document that the caller ends with json_decref; texts got from it
 * live as long. Threads: no state. Errors: OUT_REFUSED says what is wrong and where (line and
 * column); OUT_BROKEN for memory.
 */
#ifndef DANEMILTER_ACME_DOC_H
#define DANEMILTER_ACME_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"

#define DOC_DEPTH 32
#define DOC_VALUES 20000
#define DOC_URL_MAX 1024

/* `what` names it in texts: "the directory". */
enum outcome doc_parse(const char *what, const char *text, size_t len, json_t **out,
                       struct err *err);

/* A member that is a string; NULL: there is none, or it is something else. */
const char *doc_text(const json_t *doc, const char *member);

/* https, a host, nothing but visible ASCII, no user, no quotes, shorter than DOC_URL_MAX. */
bool doc_is_url(const char *url);
/* A member that has to be such a URL. */
enum outcome doc_url(const json_t *doc, const char *what, const char *member, char out[DOC_URL_MAX],
                     struct err *err);

#endif
