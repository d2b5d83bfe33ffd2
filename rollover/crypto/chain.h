/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chain - the certificates of a PEM text, decoded; shared within rollover/crypto
 *
 * OpenSSL's types appear by their struct tags, so that this header needs none of OpenSSL's.
 *
 * Ownership: chain_parse and chain_new give a chain that the caller ends with chain_free; the
 * certificates belong to it. Threads: no state; a chain belongs to one thread.
 */
#ifndef DANEMILTER_CRYPTO_CHAIN_H
#define DANEMILTER_CRYPTO_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ports.h"

#define CHAIN_CERTS_MAX 10

struct x509_st;
struct chain;

/* Takes nothing but certificates and white space; 1 to CHAIN_CERTS_MAX of them, of at most
 * PORT_PEM_MAX - 1 octets of text. Order and signatures are not looked at. */
enum outcome chain_parse(const char *pem, struct chain **out, struct err *err);

/* An empty one, and a certificate at its end from the octets of one PEM block. */
enum outcome chain_new(struct chain **out, struct err *err);
enum outcome chain_add(struct chain *chain, const char *text, size_t len, size_t line,
                       struct err *err);

void chain_free(struct chain **chain);

size_t chain_count(const struct chain *chain);
struct x509_st *chain_cert(const struct chain *chain, size_t i); /* 0 is the leaf */

/* Each certificate is issued and signed by the next; nothing follows a self-signed one. The last
 * one's issuer may be missing. */
enum outcome chain_check_order(const struct chain *chain, struct err *err);

/* As PEM text, leaf first; malloc()ed. */
enum outcome chain_to_pem(const struct chain *chain, char **out, struct err *err);

/* DER of a certificate or its SubjectPublicKeyInfo; free with ossl_free. */
enum outcome chain_der(const struct x509_st *cert, bool spki, uint8_t **der, size_t *len,
                       struct err *err);

#endif
