/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http - requests over HTTP/1.1 or 2, by libcurl, for ACME (RFC 8555) and providers' APIs
 *
 * A struct http is one libcurl handle: it keeps its connection and its TLS context (and so the CA
 * bundle, loaded once) from one request to the next. Redirects are never followed (safety.md row
 * 13); only https is spoken unless `plain` is set; proxies of the environment are not used.
 * Everything is bounded: time, the body, the headers.
 *
 * An answer of any status is OUT_OK; the caller judges it. OUT_RETRY: no answer (refused, time-out,
 * TLS failed half way, name not found). OUT_REFUSED: the server's certificate is not to be trusted,
 * the URL is not one we speak, the answer is too large. OUT_BROKEN: memory, ca_file unreadable.
 * Texts name the URL's host and port and say how to mend it; never request headers or bodies
 * (they may hold secrets).
 *
 * Ownership: http_open/http_close; a response belongs to the caller (http_response_free, also
 * after errors). Threads: one at a time per object; http_global_init() once per process before
 * any thread, http_global_end() at the end. The process ignores SIGPIPE. Requests with a user or
 * a password in the URL are refused.
 */
#ifndef DANEMILTER_NET_HTTP_H
#define DANEMILTER_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define HTTP_BODY_MAX (1024 * 1024)
#define HTTP_HEADERS_MAX 64
#define HTTP_HEADER_MAX 4096 /* octets of one */

struct http;

struct http_config {
    const char *ca_file;          /* NULL or "": the system's bundle */
    bool plain;                   /* http:// URLs are fine as well (an API on the loopback) */
    int connect_ms;               /* 0: 10 s */
    int total_ms;                 /* of one request; 0: 60 s */
    size_t body_max;              /* 0: HTTP_BODY_MAX */
    bool (*stopping)(void *self); /* asked about once a second; true ends a request; or NULL */
    void *self;
};

struct http_header {
    const char *name;
    const char *value;
};

struct http_request {
    const char *method; /* "GET", "HEAD", "POST", "PATCH", "PUT" */
    const char *url;
    const struct http_header *headers;
    size_t n_headers;
    const char *body; /* NULL: none */
    size_t len;
};

struct http_response {
    long status;
    char *body; /* a NUL follows; may be "" */
    size_t len;
    size_t n_headers; /* of the final answer */
    char *names[HTTP_HEADERS_MAX];
    char *values[HTTP_HEADERS_MAX];
};

enum outcome http_global_init(struct err *err);
void http_global_end(void);

enum outcome http_open(const struct http_config *config, struct http **out, struct err *err);
void http_close(struct http **http);

enum outcome http_do(struct http *http, const struct http_request *request,
                     struct http_response *out, struct err *err);
void http_response_free(struct http_response *response);

/* The first header of that name, in any case of letters; NULL: none. */
const char *http_header(const struct http_response *response, const char *name);
/* The next one after `*at` (0 to begin), for Link. */
const char *http_header_next(const struct http_response *response, const char *name, size_t *at);

/* Connections made since http_open, for tests and benchmarks. */
unsigned long http_connections(const struct http *http);

/* Retry-After (RFC 9110 section 10.2.3), seconds or a date, in ms from now (`wall`); 0: none, or
 * not readable; at most a day. */
long long http_retry_after(const struct http_response *response, long long wall);

#endif
