/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * key - private keys: made, read, written, wiped
 *
 * A `struct key` is a private key of one of the algorithms of enum port_alg; its fields and
 * OpenSSL stay hidden. It is known by the SHA-256 of its DER SubjectPublicKeyInfo, which is also
 * the association data of its 3 1 1 record (RFC 6698 section 2.1, RFC 7671 section 5.1).
 *
 * Ownership: key_make and key_from_pem give a key that the caller ends with key_free, which
 * wipes it. Text of a private key lives in a struct key_pem or in a buffer of the caller's;
 * whoever holds it ends it with key_pem_wipe or key_wipe, also after an error. Nothing here logs,
 * and no error text holds a part of a key.
 * Threads: no state of its own; one key may be read by several threads, freed by one.
 * Errors: OUT_REFUSED for text or algorithms that are not acceptable, OUT_BROKEN for trouble with
 * memory or the random generator.
 */
#ifndef DANEMILTER_CRYPTO_KEY_H
#define DANEMILTER_CRYPTO_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/model.h"
#include "ports.h"

/* The text of one private key; RSA-4096 takes 3272 octets. */
#define KEY_PEM_MAX 8192

struct key;

/* Room for a private key in PEM: `len` octets, then a NUL. */
struct key_pem {
    size_t len;
    char text[KEY_PEM_MAX];
};

/* Where keys come from, for modules that need one and must not know the key folder. The key that
 * load gives belongs to the caller, who ends it with key_free. */
struct key_loader {
    enum outcome (*load)(void *self, const uint8_t spki[MODEL_ID_LEN], struct key **out,
                         struct err *err);
    void *self;
};

/* Overwrites memory in a way that the compiler does not leave out. mem may be NULL if len is 0. */
void key_wipe(void *mem, size_t len);
void key_pem_wipe(struct key_pem *pem);

enum outcome key_make(enum port_alg alg, struct key **out, struct err *err);

/* Takes the PEM of exactly one private key: PKCS#8, or the older "EC PRIVATE KEY" and "RSA
 * PRIVATE KEY"; an "EC PARAMETERS" block before it is passed over. Anything else in the text but
 * white space, an encrypted key, and a key whose two halves do not fit are OUT_REFUSED. */
enum outcome key_from_pem(const char *text, size_t len, struct key **out, struct err *err);

/* PKCS#8, not encrypted. `out` is wiped when this fails. */
enum outcome key_to_pem(const struct key *key, struct key_pem *out, struct err *err);

void key_free(struct key **key);

enum port_alg key_alg(const struct key *key);
void key_spki(const struct key *key, uint8_t spki[MODEL_ID_LEN]);

/* The record of a key alone: usage 3, selector 1 and any matching type; others are OUT_REFUSED. */
enum outcome key_tlsa(const struct key *key, struct model_combo combo, struct port_tlsa *out,
                      struct err *err);

/* "P-256", "RSA-2048"...; "unknown" for a number that is none. */
const char *key_alg_name(enum port_alg alg);
/* The other way, upper or lower case; OUT_REFUSED lists the names. */
enum outcome key_alg_parse(const char *name, enum port_alg *out, struct err *err);

#endif
