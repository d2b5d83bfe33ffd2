/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * altname - the names of a certificate that we ask for or make; shared within rollover/crypto
 *
 * Each name is a host name in lower case without its final dot, perhaps with a leading "*.", and
 * becomes a dNSName; the first is the common name too where it fits into 64 octets.
 *
 * Ownership: the caller frees both. Threads: no state. Errors: OUT_REFUSED names what is not a host
 * name, OUT_BROKEN for memory; both are NULL then.
 */
#ifndef DANEMILTER_CRYPTO_ALTNAME_H
#define DANEMILTER_CRYPTO_ALTNAME_H

#include <stddef.h>

#include "base/err.h"

struct X509_name_st;
struct stack_st_GENERAL_NAME;

enum outcome altname_make(const char *const *names, size_t n, struct X509_name_st **subject,
                          struct stack_st_GENERAL_NAME **sans, struct err *err);

#endif
