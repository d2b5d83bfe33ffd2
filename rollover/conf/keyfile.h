/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keyfile - secrets in files: TSIG keys in BIND's form, or bare words
 *
 * Private to rollover/conf. Files that others can read are refused, and so is what is not a TSIG
 * key that RFC 8945 still allows (hmac-md5 is not). No error text holds a part of a secret. What
 * was read in between is wiped.
 */
#ifndef DANEMILTER_CONF_KEYFILE_H
#define DANEMILTER_CONF_KEYFILE_H

#include <sys/types.h>

#include "base/err.h"
#include "base/tsigfile.h"

#define KEYFILE_MAX TSIGFILE_MAX

/* key "NAME" { algorithm NAME; secret "BASE64"; }; once. `user` may own the file too. */
enum outcome keyfile_read(const char *path, uid_t user, struct tsigfile *out, struct err *err);
/* The secret alone; white space around it is fine. Fills `secret` only. */
enum outcome keyfile_read_secret(const char *path, uid_t user, struct tsigfile *out,
                                 struct err *err);

/* A secret of another kind, as the key of an API: one word of printable ASCII; white space around
 * it is fine. */
enum outcome keyfile_read_word(const char *path, uid_t user, char *out, size_t size,
                               struct err *err);

/* Fills the name from what the configuration says: lower case, final dot. */
enum outcome keyfile_set_name(const char *name, struct tsigfile *out, struct err *err);

#endif
