/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danematch_ssl - how handshake and danematch make OpenSSL a DANE sender; nobody else includes it
 *
 * One place, so that a live handshake and a chain judged off line get the same rules. OpenSSL's
 * types appear by their struct tags.
 */
#ifndef DANEMILTER_CRYPTO_DANEMATCH_SSL_H
#define DANEMILTER_CRYPTO_DANEMATCH_SSL_H

#include "base/err.h"
#include "crypto/danematch.h"

struct ssl_st;
struct ssl_ctx_st;
struct stack_st_X509;

/* A client context with DANE switched on, no name checks under usage 3, no trust store. Free
 * with SSL_CTX_free. */
enum outcome danematch_ssl_ctx(struct ssl_ctx_st **out, struct err *err);

/* Gives the connection its names and the records; `*usable` counts those a sender can use. */
enum outcome danematch_ssl_arm(struct ssl_st *ssl, const struct danematch_ask *ask, size_t *usable,
                               struct err *err);

/* Reads the verdict after a verification: a handshake, or X509_verify_cert. */
void danematch_ssl_verdict(struct ssl_st *ssl, size_t usable, struct danematch_verdict *out);

/* Copies certificates into a chain. */
enum outcome danematch_ssl_chain(const struct stack_st_X509 *certs, struct danematch_chain *out,
                                 struct err *err);

#endif
