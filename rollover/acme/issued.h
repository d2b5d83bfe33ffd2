/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * issued - is what came what was asked for? (safety.md rows 7 to 11)
 *
 * Nothing but certificates, a leaf of our key that covers each name, an unbroken chain, valid now.
 * OUT_REFUSED says what is wrong. Threads: no state.
 */
#ifndef DANEMILTER_ACME_ISSUED_H
#define DANEMILTER_ACME_ISSUED_H

#include "acme/acme.h"

/* `pem` has `len` octets and a NUL behind them. */
enum outcome issued_check(const struct acme_ports *ports, const struct port_order *order,
                          const char *pem, size_t len, struct err *err);

#endif
