/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ossl - what the files of rollover/crypto share with one another, and nobody else includes
 *
 * OpenSSL's types appear by their struct tags, so that this header needs none of OpenSSL's.
 */
#ifndef DANEMILTER_CRYPTO_OSSL_H
#define DANEMILTER_CRYPTO_OSSL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/model.h"
#include "ports.h"

struct evp_pkey_st;
struct bio_st;
struct key;

/* err_set with OpenSSL's reason appended; empties this thread's error queue. The queue never
 * holds parts of a key. */
enum outcome ossl_err(struct err *err, enum outcome out, const char *fmt, ...) ERR_PRINTF(3, 4);

/* SHA-256, or SHA-512 if `bits` is 512. */
enum outcome ossl_digest(int bits, const uint8_t *data, size_t len, uint8_t *out, struct err *err);

/* Of a public key: its DER SubjectPublicKeyInfo, free with ossl_free; NULL and err otherwise. */
enum outcome ossl_spki_der(const struct evp_pkey_st *pkey, uint8_t **der, size_t *len,
                           struct err *err);
enum outcome ossl_spki(const struct evp_pkey_st *pkey, uint8_t spki[MODEL_ID_LEN], struct err *err);
void ossl_free(void *mem);

/* Which of ours it is; OUT_REFUSED names what it is instead. */
enum outcome ossl_alg(const struct evp_pkey_st *pkey, enum port_alg *out, struct err *err);

/* The OpenSSL key within; it belongs to `key`. */
struct evp_pkey_st *ossl_pkey(const struct key *key);

/* A BIO that reads len octets of text, which must outlive it. NULL and err otherwise. */
struct bio_st *ossl_reader(const char *text, size_t len, struct err *err);

#endif
