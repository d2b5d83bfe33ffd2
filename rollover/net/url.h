/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * url - the parts of a URL that decide whether it may be spoken to (RFC 3986)
 *
 * libcurl takes URLs apart, here and when a request goes out, so that both read the same.
 * Threads: any. Errors: OUT_REFUSED - not a URL with a host; OUT_BROKEN - memory.
 */
#ifndef DANEMILTER_NET_URL_H
#define DANEMILTER_NET_URL_H

#include <stdbool.h>

#include "base/err.h"

#define URL_HOST_MAX 256
#define URL_WHERE_MAX (URL_HOST_MAX + 32)

struct url {
    bool https;
    bool http;                 /* neither: another scheme */
    bool secret;               /* holds a user or a password */
    char host[URL_HOST_MAX];   /* lower case for https and http; "[::1]" */
    char where[URL_WHERE_MAX]; /* "https://host:port", for messages */
};

enum outcome url_split(const char *text, struct url *out, struct err *err);

/* Does the host lie where nobody in between can listen: the loopback, or an address (no name) of
 * a private network (RFC 1918, RFC 4193, link-local) or for documentation (RFC 5737, RFC 3849,
 * which no real network has)? "localhost" counts. */
bool url_is_near(const struct url *url);

#endif
