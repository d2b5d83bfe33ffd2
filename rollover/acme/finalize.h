/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * finalize - the request for the certificate, and what comes of it (RFC 8555 sections 7.4, 7.4.2)
 *
 * The certificate is counted in the budget, durably, before it is asked for; once for each order.
 *
 * Threads: as struct client.
 */
#ifndef DANEMILTER_ACME_FINALIZE_H
#define DANEMILTER_ACME_FINALIZE_H

#include "acme/orderrun.h"

/* Of an order that is ready; run->doc is the order afterwards. */
enum outcome finalize_ask(struct order_run *run, struct err *err);
/* Of an order that is valid: the chain, checked, in run->issued; the order is over then. */
enum outcome finalize_fetch(struct order_run *run, struct err *err);

#endif
