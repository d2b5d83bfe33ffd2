/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * order - one certificate: from the noted order, or a new one, to a chain that was checked
 *
 * Follows the status that the CA gives (RFC 8555 section 7.1.6), so it does the same after a crash
 * as before: pending - challenges; ready - finalize; processing - look again; valid - fetch.
 *
 * An order that is invalid, gone, a day old, for other names or of another account is forgotten and
 * its challenge records dropped; where nobody refused anything a new one is begun at once, within
 * the budget.
 *
 * Outcomes, `fault` and `wait`: acme.h. Threads: as struct client.
 */
#ifndef DANEMILTER_ACME_ORDER_H
#define DANEMILTER_ACME_ORDER_H

#include "acme/client.h"

#define ORDER_AGE_MAX ((model_time)24 * 3600 * 1000)

enum outcome order_run(struct client *client, const struct port_order *order,
                       struct port_issued *issued, struct err *err);

#endif
