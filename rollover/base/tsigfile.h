/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tsigfile - the text of a TSIG key file in BIND's form, and what a key may be
 *
 * key "NAME" { algorithm NAME; secret "BASE64"; }; once, with comments as in named.conf. The
 * name is taken as it stands: whoever uses it checks that it is a domain name. Algorithms of RFC
 * 8945 section 6, as far as the library that signs has them: hmac-sha256, hmac-sha512, hmac-sha1.
 * A secret is base64 (RFC 4648 section 4) of at least 10 octets.
 *
 * Errors: OUT_REFUSED with "ORIGIN:LINE: " in front; no text holds a part of the secret, nor what
 * stands where the algorithm should. Ownership: values; the caller wipes what it got (text_wipe).
 * Threads: no state; any.
 */
#ifndef DANEMILTER_BASE_TSIGFILE_H
#define DANEMILTER_BASE_TSIGFILE_H

#include <stddef.h>

#include "base/err.h"

#define TSIGFILE_MAX 8192        /* octets of a file */
#define TSIGFILE_SECRET_MAX 1024 /* base64 */
#define TSIGFILE_ALGORITHM_MAX 32

struct tsigfile {
    char name[256];
    int name_line;                          /* where it stands, for a caller who refuses it */
    char algorithm[TSIGFILE_ALGORITHM_MAX]; /* lower case, no final dot */
    char secret[TSIGFILE_SECRET_MAX + 1];
};

/* `origin` is the file's name, for messages. Wiped after errors. */
enum outcome tsigfile_parse(const char *text, const char *origin, struct tsigfile *out,
                            struct err *err);

/* Lower case, without the final dot. */
enum outcome tsigfile_algorithm(const char *algorithm, char out[TSIGFILE_ALGORITHM_MAX],
                                struct err *err);
enum outcome tsigfile_secret(const char *secret, struct err *err);

#endif
