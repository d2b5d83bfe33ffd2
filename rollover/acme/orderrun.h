/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * orderrun - one pass over an order: what its steps share
 *
 * Ownership: belongs to order_run; everything in it is borrowed. Threads: as struct client.
 */
#ifndef DANEMILTER_ACME_ORDERRUN_H
#define DANEMILTER_ACME_ORDERRUN_H

#include "acme/budget.h"
#include "acme/client.h"
#include "acme/orderdoc.h"
#include "acme/ordernote.h"

#define ORDERRUN_LATE_MAX 1

/* What has to be mended before it is worth another try within the same call. */
enum orderrun_again { ORDERRUN_NO, ORDERRUN_ACCOUNT, ORDERRUN_ORDER };

struct order_run {
    struct client *client;
    const struct port_order *order;
    struct port_issued *issued;
    struct ordernote *note;
    struct orderdoc *doc; /* as last seen */
    struct budget budget;
    uint8_t names[MODEL_ID_LEN]; /* digest of the names */
    uint8_t id[MODEL_ID_LEN];    /* of key and names */
    model_time now;              /* wall, as last read */
    model_time retry;            /* Retry-After of the last look at the order */
    bool proven;                 /* the challenges were done in this pass */
    enum orderrun_again again;
};

enum outcome orderrun_clock(struct order_run *run, struct err *err);

/* The order as an answer describes it; and asked for anew. */
enum outcome orderrun_take(struct order_run *run, const struct client_answer *answer,
                           struct err *err);
enum outcome orderrun_look(struct order_run *run, struct err *err);

/* A request about the order failed: sets `fault` or `again`; its value is the outcome. The key that
 * badPublicKey is about is the one that signed the request, the account's (RFC 8555 section 6.2):
 * never a reason to give up the certificate's. */
enum outcome orderrun_judge(struct order_run *run, const struct problem *problem, enum outcome res,
                            struct err *err);

/* Drops its challenge records and forgets it. `failed`: counted as such first. */
enum outcome orderrun_end(struct order_run *run, bool failed, struct err *err);
/* orderrun_end, failed; OUT_REFUSED with the text as it is, unless that fails too. */
enum outcome orderrun_fail(struct order_run *run, struct err *err);
/* The CA was not done in time: OUT_RETRY, the text is completed. The order is taken up again
 * ORDERRUN_LATE_MAX times; after that it counts as failed and is forgotten (safety.md row 5). */
enum outcome orderrun_late(struct order_run *run, struct err *err);

#endif
