/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leaf - what stands in the first certificate of a chain, for those who take over a server
 *
 * Ownership: values. Threads: no state. Errors: OUT_REFUSED for text that is no chain, or more
 * names than PORT_NAMES_MAX.
 */
#ifndef DANEMILTER_CRYPTO_LEAF_H
#define DANEMILTER_CRYPTO_LEAF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "ports.h"

struct leaf {
    char names[PORT_NAMES_MAX][PORT_NAME_MAX]; /* its dNSNames, lower case; others are left out */
    size_t n;
    bool self_signed;
};

enum outcome leaf_read(const char *chain_pem, struct leaf *out, struct err *err);

#endif
