/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * challenges - the authorizations of one order, all at once, by dns-01 (RFC 8555 sections 7.5, 8.4)
 *
 * All are read; then all records are noted and put, all are seen on every name server, the CA is
 * told of all, all are looked at until each is valid. Records stay in the note; whoever ends the
 * order drops them. A name that we did not ask for is never put anywhere.
 *
 * OUT_REFUSED: an authorization failed; the text has the problem document of each. OUT_RETRY: CA or
 * name servers did not answer, or not in time; the order is to be taken up again.
 *
 * Threads: as struct client.
 */
#ifndef DANEMILTER_ACME_CHALLENGES_H
#define DANEMILTER_ACME_CHALLENGES_H

#include "acme/client.h"
#include "acme/ordernote.h"

struct challenges_job {
    struct client *client;
    const struct port_order *order;
    const char (*urls)[DOC_URL_MAX]; /* of the authorizations */
    size_t n_urls;
    struct ordernote *note; /* records are entered here and saved */
};

/* What went wrong at the CA, for the caller to judge. */
struct challenges_fault {
    bool over;              /* the order can come to nothing: forget it */
    bool caa;               /* a CAA record forbids it */
    bool late;              /* the CA did not look at every name in time */
    struct problem problem; /* of the last request that failed; status 0: none */
};

enum outcome challenges_run(const struct challenges_job *job, struct challenges_fault *fault,
                            struct err *err);

/* Of an order that is invalid: what the authorizations that failed say; false: none did. */
bool challenges_blame(const struct challenges_job *job, struct challenges_fault *fault,
                      struct err *err);

#endif
