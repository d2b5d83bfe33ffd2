/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csr - certificate signing requests (PKCS#10, RFC 2986) as ACME wants them (RFC 8555 section 7.4)
 *
 * Every name is a dNSName (crypto/altname.h), the first the common name too where it fits; signed
 * by the key itself with SHA-256 (SHA-384 for P-384). The key is borrowed for the call.
 *
 * Ownership: the DER is malloc()ed, the caller frees it. Threads: no state.
 * Errors: OUT_REFUSED for a name that is none, OUT_BROKEN for memory.
 */
#ifndef DANEMILTER_CRYPTO_CSR_H
#define DANEMILTER_CRYPTO_CSR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/key.h"

/* 1 to PORT_NAMES_MAX names. */
enum outcome csr_make(const struct key *key, const char *const *names, size_t n, uint8_t **der,
                      size_t *len, struct err *err);

#endif
