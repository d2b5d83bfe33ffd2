/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP/1.1 on a TLS connection: requests in, answers out. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fakeca_int.h"

#define HEAD_MAX 16384

static bool put(SSL *ssl, const char *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t done = 0;
        if (SSL_write_ex(ssl, data + at, len - at, &done) != 1)
            return false;
        at += done;
    }
    return true;
}

/* Up to the empty line; an octet at a time is quick enough for tests. */
static bool read_head(SSL *ssl, char *head, size_t size)
{
    size_t len = 0;
    while (len + 1 < size) {
        size_t got = 0;
        if (SSL_read_ex(ssl, head + len, 1, &got) != 1)
            return false;
        len += got;
        head[len] = '\0';
        if (len >= 4 && strcmp(head + len - 4, "\r\n\r\n") == 0)
            return true;
    }
    return false;
}

/* The value of a header line; NULL: it is another one. */
static const char *value_of(const char *line, const char *name)
{
    size_t len = strlen(name);
    if (strncasecmp(line, name, len) != 0 || line[len] != ':')
        return NULL;
    return line + len + 1 + strspn(line + len + 1, " \t");
}

static bool copy(char *out, size_t size, const char *text)
{
    int n = snprintf(out, size, "%s", text);
    return n >= 0 && (size_t)n < size;
}

static bool read_header(struct fakeca_request *out, const char *line, bool *expect)
{
    const char *value = value_of(line, "Host");
    if (value != NULL)
        return copy(out->host, sizeof out->host, value);
    value = value_of(line, "Content-Type");
    if (value != NULL)
        return copy(out->type, sizeof out->type, value);
    value = value_of(line, "Content-Length");
    if (value != NULL) {
        char *end = NULL;
        unsigned long len = strtoul(value, &end, 10);
        out->len = len;
        return end != value && *end == '\0' && len < sizeof out->body;
    }
    if (value_of(line, "User-Agent") != NULL)
        out->agent = true;
    if (value_of(line, "Expect") != NULL)
        *expect = true;
    return value_of(line, "Transfer-Encoding") == NULL;
}

bool fakeca_read(SSL *ssl, struct fakeca_request *out)
{
    char head[HEAD_MAX];
    bool expect = false;
    memset(out, 0, sizeof *out);
    if (!read_head(ssl, head, sizeof head))
        return false;
    char *rest = NULL;
    char *line = strtok_r(head, "\r\n", &rest);
    if (line == NULL)
        return false;
    char *space = strchr(line, ' ');
    char *end = space == NULL ? NULL : strchr(space + 1, ' ');
    if (end == NULL || strcmp(end, " HTTP/1.1") != 0)
        return false;
    *space = *end = '\0';
    if (!copy(out->method, sizeof out->method, line) ||
        !copy(out->path, sizeof out->path, space + 1))
        return false;
    while ((line = strtok_r(NULL, "\r\n", &rest)) != NULL) {
        if (!read_header(out, line, &expect))
            return false;
    }
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (expect && !put(ssl, go_on, sizeof go_on - 1))
        return false;
    for (size_t at = 0; at < out->len;) {
        size_t got = 0;
        if (SSL_read_ex(ssl, out->body + at, out->len - at, &got) != 1)
            return false;
        at += got;
    }
    return true;
}

bool fakeca_write(SSL *ssl, const struct fakeca_request *request, const struct fakeca_reply *reply,
                  const char *nonce)
{
    char head[2560];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d fakeca\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
                     "%s%s%s%s%s%s%s\r\n",
                     reply->status, reply->len, reply->type != NULL ? "Content-Type: " : "",
                     reply->type != NULL ? reply->type : "", reply->type != NULL ? "\r\n" : "",
                     reply->headers, nonce != NULL ? "Replay-Nonce: " : "",
                     nonce != NULL ? nonce : "", nonce != NULL ? "\r\n" : "");
    fakeca_need(n > 0 && (size_t)n < sizeof head, "the head of an answer");
    size_t body = strcmp(request->method, "HEAD") == 0 ? 0 : reply->len;
    char *all = fakeca_alloc((size_t)n + body + 1);
    memcpy(all, head, (size_t)n);
    if (body > 0)
        memcpy(all + n, reply->body, body);
    bool done = put(ssl, all, (size_t)n + body);
    free(all);
    return done;
}
