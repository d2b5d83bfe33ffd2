/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * selfsigned - the issuer that needs nobody: certificates signed by their own key
 *
 * Under DANE-EE (usage 3) senders look at the key alone (RFC 7671 section 5.1), so such a
 * certificate is enough for them. It is made as others expect all the same: X.509 version 3, a
 * random serial of 128 bits, each name as a dNSName, the first one as common name where it fits
 * into 64 octets, not a CA, for servers, valid from an hour ago (clocks differ) for `lifetime`.
 *
 * Ownership: the caller's struct is `self` of selfsigned_ops and outlives its use; the key comes
 * from its loader and is freed here. Threads: no state beyond what the loader has.
 * Errors: OUT_REFUSED for names or a lifetime that no certificate can have; what the loader says
 * of a missing key; OUT_BROKEN for memory.
 */
#ifndef DANEMILTER_CRYPTO_SELFSIGNED_H
#define DANEMILTER_CRYPTO_SELFSIGNED_H

#include "crypto/key.h"
#include "ports.h"

#define SELFSIGNED_SKEW_S 3600
#define SELFSIGNED_LIFETIME_MAX ((model_time)3650 * 86400 * 1000) /* ms */

struct selfsigned {
    struct key_loader keys;
    model_time lifetime; /* ms from now; more than 0 */
};

extern const struct port_issuer_ops selfsigned_ops; /* self: struct selfsigned * */

#endif
