/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * orderdoc - an order as the CA describes it (RFC 8555 section 7.1.3)
 *
 * It has to be about exactly the names that were asked for, with https URLs throughout.
 *
 * Ownership: a value of some 70 KiB: keep it on the heap. Threads: no state. Errors: OUT_REFUSED.
 */
#ifndef DANEMILTER_ACME_ORDERDOC_H
#define DANEMILTER_ACME_ORDERDOC_H

#include "acme/client.h"

enum orderdoc_status {
    ORDERDOC_PENDING,
    ORDERDOC_READY,
    ORDERDOC_PROCESSING,
    ORDERDOC_VALID,
    ORDERDOC_INVALID
};

struct orderdoc {
    enum orderdoc_status status;
    char finalize[DOC_URL_MAX];
    char certificate[DOC_URL_MAX]; /* ORDERDOC_VALID */
    size_t n;
    char authorizations[PORT_NAMES_MAX][DOC_URL_MAX];
    struct problem error; /* ORDERDOC_INVALID */
    bool others;          /* OUT_REFUSED, because it is about other names */
};

enum outcome orderdoc_read(const struct port_order *order, const json_t *doc, struct orderdoc *out,
                           struct err *err);

/* What newOrder is asked for: the names in lower case without final dots. NULL: no memory. */
json_t *orderdoc_ask(const struct port_order *order);

#endif
