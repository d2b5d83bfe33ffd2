/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jws - what ACME signs with: ES256 (RFC 7518 section 3.4), JWK and its thumbprint (RFC 7638)
 *
 * Only P-256 keys; others are OUT_REFUSED. The key is borrowed for the call.
 * Threads: no state. Errors: OUT_REFUSED for another kind of key, OUT_BROKEN for memory.
 */
#ifndef DANEMILTER_CRYPTO_JWS_H
#define DANEMILTER_CRYPTO_JWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/b64url.h"
#include "crypto/key.h"

#define JWS_SIGNATURE_LEN 64
#define JWS_COORD_LEN 32
#define JWS_DIGEST_LEN 32
#define JWS_JWK_MAX 192 /* the JSON text of a public key */

/* r || s, each of 32 octets. */
enum outcome jws_sign(const struct key *key, const void *data, size_t len,
                      uint8_t sig[JWS_SIGNATURE_LEN], struct err *err);

/* The public key as JSON, in the form that RFC 7638 section 3.2 digests:
 * {"crv":"P-256","kty":"EC","x":"...","y":"..."} */
enum outcome jws_jwk(const struct key *key, char out[JWS_JWK_MAX], struct err *err);

/* base64url of the SHA-256 of jws_jwk. */
enum outcome jws_thumbprint(const struct key *key, char out[B64URL_SIZE(JWS_DIGEST_LEN)],
                            struct err *err);

enum outcome jws_sha256(const void *data, size_t len, uint8_t out[JWS_DIGEST_LEN], struct err *err);

#endif
