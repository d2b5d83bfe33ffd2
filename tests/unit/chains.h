/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chains - two generations of a P-256 and an RSA-2048 part, and the keys behind them
 *
 * Made once (RSA takes its time); `keys` loads any of the four.
 */
#ifndef DANEMILTER_TESTS_CHAINS_H
#define DANEMILTER_TESTS_CHAINS_H

#include "crypto/key.h"
#include "ports.h"

struct chains {
    struct port_part old[2], new[2];
    char *key_pem[4];
    struct key_loader keys; /* self: this struct */
};

void chains_begin(struct chains *chains);
void chains_end(struct chains *chains);

/* The text of a chain file of two parts; malloc()ed. */
char *chains_text(struct chains *chains, const struct port_part parts[2]);

#endif
