/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/pem.h"

#include <string.h>

static const char pem_begin[] = "-----BEGIN ";
static const char pem_end[] = "-----END ";
static const char pem_dashes[] = "-----";

void pem_start(struct pem_walk *walk, const char *text, size_t len)
{
    walk->text = text;
    walk->len = len;
    walk->at = 0;
    walk->line = 1;
}

/* The line at walk->at without its newline, trailing white space cut; moves behind it. */
static bool pem_line(struct pem_walk *walk, const char **line, size_t *len)
{
    if (walk->at >= walk->len)
        return false;
    const char *start = walk->text + walk->at;
    size_t left = walk->len - walk->at;
    const char *newline = memchr(start, '\n', left);
    size_t n = newline != NULL ? (size_t)(newline - start) : left;
    walk->at += newline != NULL ? n + 1 : n;
    walk->line++;
    while (n > 0 && (start[n - 1] == ' ' || start[n - 1] == '\t' || start[n - 1] == '\r'))
        n--;
    *line = start;
    *len = n;
    return true;
}

/* Is it "<prefix>LABEL-----"? Then the label, which must fit. */
static bool pem_boundary(const char *line, size_t len, const char *prefix,
                         char label[PEM_LABEL_MAX])
{
    size_t front = strlen(prefix);
    size_t back = sizeof pem_dashes - 1;
    if (len < front + back || memcmp(line, prefix, front) != 0 ||
        memcmp(line + len - back, pem_dashes, back) != 0)
        return false;
    size_t n = len - front - back;
    if (n >= PEM_LABEL_MAX)
        return false;
    memcpy(label, line + front, n);
    label[n] = '\0';
    return true;
}

static enum pem_kind pem_kind_of(const char *label)
{
    static const struct {
        const char *label;
        enum pem_kind kind;
    } kinds[] = {
        {"CERTIFICATE", PEM_CERT},     {"PRIVATE KEY", PEM_KEY},
        {"EC PRIVATE KEY", PEM_KEY},   {"RSA PRIVATE KEY", PEM_KEY},
        {"EC PARAMETERS", PEM_PARAMS}, {"ENCRYPTED PRIVATE KEY", PEM_ENCRYPTED},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(label, kinds[i].label) == 0)
            return kinds[i].kind;
    }
    return PEM_OTHER;
}

/* From behind the BEGIN line to behind the END line. */
static enum outcome pem_body(struct pem_walk *walk, struct pem_block *out, struct err *err)
{
    static const char encrypted[] = "Proc-Type: 4,ENCRYPTED";
    const char *line = NULL;
    size_t len = 0;
    while (pem_line(walk, &line, &len)) {
        char label[PEM_LABEL_MAX];
        if (pem_boundary(line, len, pem_end, label)) {
            if (strcmp(label, out->label) != 0)
                return err_set(err, OUT_REFUSED, "line %zu: BEGIN %s ends as END %s", out->line,
                               out->label, label);
            out->end = walk->at;
            return OUT_OK;
        }
        if (len >= sizeof pem_dashes - 1 && memcmp(line, pem_dashes, sizeof pem_dashes - 1) == 0)
            break;
        if (len == sizeof encrypted - 1 && memcmp(line, encrypted, len) == 0 &&
            out->kind == PEM_KEY)
            out->kind = PEM_ENCRYPTED;
    }
    return err_set(err, OUT_REFUSED, "line %zu: BEGIN %s has no END: the file is cut short",
                   out->line, out->label);
}

enum outcome pem_next(struct pem_walk *walk, struct pem_block *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    if (walk->at == 0 && memchr(walk->text, '\0', walk->len) != NULL)
        return err_set(err, OUT_REFUSED, "a NUL octet in what should be PEM text");
    const char *line = NULL;
    size_t len = 0;
    for (;;) {
        out->begin = walk->at;
        out->line = walk->line;
        if (!pem_line(walk, &line, &len)) {
            out->end = out->begin;
            return OUT_OK;
        }
        if (pem_boundary(line, len, pem_begin, out->label))
            break;
        if (len > 0)
            out->stray = true;
        if (len >= sizeof pem_dashes - 1 && memcmp(line, pem_dashes, sizeof pem_dashes - 1) == 0)
            return err_set(err, OUT_REFUSED, "line %zu: a line of dashes that begins no PEM block",
                           out->line);
    }
    out->kind = pem_kind_of(out->label);
    return pem_body(walk, out, err);
}
