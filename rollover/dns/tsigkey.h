/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tsigkey - a TSIG key: name, algorithm, secret
 *
 * From parts, or from a file in BIND's form (what tsig-keygen writes):
 *
 *     key "danemilter" { algorithm hmac-sha256; secret "base64=="; };
 *
 * One key a file, comments as in named.conf. The file is opened as base/file.h says
 * (FILE_GROUP_READER): no link anywhere in the path, of root or of our own user, nothing for
 * others. A missing file is OUT_REFUSED. Algorithms: hmac-sha256, hmac-sha512, hmac-sha1 (RFC 8945
 * section 6, as far as ldns has them).
 *
 * Ownership: tsigkey_free wipes the secret. Messages never hold it. Threads: immutable once made;
 * any thread may read.
 */
#ifndef DANEMILTER_DNS_TSIGKEY_H
#define DANEMILTER_DNS_TSIGKEY_H

#include "base/err.h"

struct tsigkey {
    char *name;      /* lower case, final dot */
    char *algorithm; /* "hmac-sha256." */
    char *secret;    /* base64 */
    char *origin;    /* the file, or "configuration": for messages */
};

enum outcome tsigkey_new(const char *name, const char *algorithm, const char *secret,
                         const char *origin, struct tsigkey **out, struct err *err);
enum outcome tsigkey_read(const char *path, struct tsigkey **out, struct err *err);

/* The text of a key file, `origin` for messages. */
enum outcome tsigkey_parse(const char *text, const char *origin, struct tsigkey **out,
                           struct err *err);
void tsigkey_free(struct tsigkey **key);

#endif
