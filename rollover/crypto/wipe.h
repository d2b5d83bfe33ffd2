/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wipe - nothing secret stays behind in memory that was freed
 *
 * OpenSSL overwrites the numbers of a private key when it is freed, but not every buffer that its
 * decoders and encoders had the key in on the way. After wipe_begin whatever OpenSSL frees is
 * overwritten, in all its users within the process.
 *
 * Threads: call it first of all in main, before any other use of OpenSSL and any thread; later it
 * is OUT_REFUSED, and all works as before, without the overwriting. Twice does no harm.
 */
#ifndef DANEMILTER_CRYPTO_WIPE_H
#define DANEMILTER_CRYPTO_WIPE_H

#include "base/err.h"

enum outcome wipe_begin(struct err *err);

#endif
