/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlsa - TLSA RDATA as values (RFC 6698 section 2.1, RFC 7671)
 *
 * Association data is computed from DER; records are known by the SHA-256 of their RDATA in
 * wire form (usage, selector, matching type, data).
 *
 * Ownership: values only. Threads: no state. Errors: OUT_REFUSED for a record that cannot be,
 * OUT_BROKEN when a digest cannot be computed.
 */
#ifndef DANEMILTER_CRYPTO_TLSA_H
#define DANEMILTER_CRYPTO_TLSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/model.h"
#include "ports.h"

/* SHA-256 of the RDATA. */
enum outcome tlsa_id(const struct port_tlsa *rec, uint8_t id[MODEL_ID_LEN], struct err *err);

/* The record for `der`, which is the certificate (selector 0) or the SubjectPublicKeyInfo
 * (selector 1); the matching type says how. Matching type 0 of something larger than
 * PORT_TLSA_MAX, and numbers that are not assigned, are OUT_REFUSED. */
enum outcome tlsa_from_der(const uint8_t *der, size_t len, struct model_combo combo,
                           struct port_tlsa *out, struct err *err);

/* Same usage, selector, matching type and data. */
bool tlsa_equal(const struct port_tlsa *a, const struct port_tlsa *b);

/* "3 1 1 0123456789abcdef..." for people: the data is cut to fit `size` (at least 16). */
void tlsa_print(const struct port_tlsa *rec, char *out, size_t size);

#endif
