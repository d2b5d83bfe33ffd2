/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b64url - base64url without padding (RFC 4648 section 5, RFC 7515 appendix C)
 *
 * Reading is strict: no padding, no white space, no unused bits that are set, so that each octet
 * string has exactly one text. Threads: no state.
 */
#ifndef DANEMILTER_CRYPTO_B64URL_H
#define DANEMILTER_CRYPTO_B64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of text for n octets, and its NUL; n is at most SIZE_MAX / 2. */
#define B64URL_SIZE(n) (((n) / 3) * 4 + (((n) % 3) * 4 + 2) / 3 + 1)

/* false, and an empty text where there is room for one, when size is smaller than B64URL_SIZE(n).
 */
bool b64url_encode(const uint8_t *bytes, size_t n, char *out, size_t size);

/* false when it is no base64url, or more than size octets; *n is undefined then. */
bool b64url_decode(const char *text, uint8_t *out, size_t size, size_t *n);

/* Not empty, and nothing but octets of the alphabet: what tokens and nonces are (RFC 8555). */
bool b64url_alphabet(const char *text);

#endif
