/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bundle - the text of a file for smtpd_tls_chain_files
 *
 * For each key algorithm the private key, then its certificates, leaf first; all in one text
 * (Postfix: postconf(5), smtpd_tls_chain_files). bundle_read is as lenient as Postfix: words
 * between the PEM blocks, and blocks that are neither keys nor certificates, are passed over.
 * bundle_check is as strict as Postfix: it loads the text in the way its TLS library does.
 *
 * Ownership: bundle_read fills parts that the caller ends with bundle_free, which wipes the
 * keys. The text that bundle_write gives holds private keys: end it with bundle_drop.
 * Threads: no state.
 * Errors: OUT_REFUSED with the line for what Postfix would not take, or for algorithms that
 * danemilter does not handle; OUT_BROKEN for memory.
 */
#ifndef DANEMILTER_CRYPTO_BUNDLE_H
#define DANEMILTER_CRYPTO_BUNDLE_H

#include <stddef.h>

#include "base/err.h"
#include "crypto/key.h"
#include "ports.h"

#define BUNDLE_MAX ((size_t)PORT_PARTS_MAX * (PORT_PEM_MAX + KEY_PEM_MAX))

/* `*n` in: room in parts (at most PORT_PARTS_MAX are used), out: count. Keys come as PKCS#8, the
 * chains without whatever stood between their blocks. Each key fits its leaf. On failure nothing
 * is left to free. */
enum outcome bundle_read(const char *text, size_t len, struct port_part *parts, size_t *n,
                         struct err *err);

/* Wipes and frees what the parts hold, not `parts`. */
void bundle_free(struct port_part *parts, size_t n);

/* The text for parts of which alg, spki and chain_pem are given; keys come from the loader. */
enum outcome bundle_write(const struct port_part *parts, size_t n, const struct key_loader *keys,
                          char **text, size_t *len, struct err *err);
void bundle_drop(char **text, size_t len);

/* Would Postfix take this text, and does it then serve exactly these parts (alg, spki, chain)? */
enum outcome bundle_check(const char *text, size_t len, const struct port_part *parts, size_t n,
                          struct err *err);

#endif
