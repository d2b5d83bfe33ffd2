/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * acme - port_issuer_ops by a certification authority that speaks ACME (RFC 8555, dns-01)
 *
 * A struct acme is one account at one CA: directory, nonces, account key (ES256, in the key
 * folder), one kept connection. It serves any number of certificates, one order at a time.
 *
 * An order goes through directory, account (found or made; RFC 8555 section 7.3), newOrder,
 * authorizations, challenges (all records put, all seen on every server, then the CA told, then
 * all polled), finalize, certificate. Its URL is noted before anything is done with it, so that
 * after a crash at any point it is taken up where it stands (safety.md row 4); challenge records
 * are noted before they are put and dropped in the end, also those of an order that failed or was
 * forgotten. What came is checked before it is given out: PEM of nothing but certificates, the
 * key, every name, order and signatures of the chain, times (rows 7-11); the engine checks again.
 *
 * Durable notes (struct port_notes_ops): "acme/TITLE/account" (directory, account URL, SPKI of the
 * key), "acme/TITLE/order/SPKI" (order URL, names, challenge records), "acme/TITLE/budget" (when
 * orders and certificates were asked for, when the CA may be asked again), "acme/TITLE/leftover"
 * (challenge records of orders that are over, still to be dropped).
 *
 * Outcomes of issue: OUT_OK. OUT_RETRY: the CA or a name server cannot be reached, is busy
 * (`wait` honours Retry-After), or an order is still being processed. OUT_NOT_YET: a budget of our
 * own is used up, or the order failed less than an hour ago (`wait` says until when). OUT_REFUSED:
 * the CA said no, with its problem document's type, detail and subproblems in full (RFC 7807; cut
 * and escaped by err.h); `fault` tells rows 16, 17 and 7-11 apart.
 *
 * Bounds: PORT_PEM_MAX, 1 MiB of JSON, 32 levels deep, PORT_NAMES_MAX authorizations, polls of an
 * order until order_wait, challenges until challenge_wait, 10 bad nonces in a row for a request.
 *
 * Ownership: acme_open/acme_close; everything in `ports` outlives it. Threads: issue from any
 * thread; a caller waits at most a minute for the one before, then OUT_NOT_YET: an order that hangs
 * takes no thread but its own.
 */
#ifndef DANEMILTER_ACME_ACME_H
#define DANEMILTER_ACME_ACME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/model.h"
#include "crypto/key.h"
#include "ports.h"

struct acme;

struct acme_config {
    const char *title;     /* of its section, for notes and texts */
    const char *directory; /* https URL */
    const char *ca_file;   /* NULL or "": the system's bundle */
    const char *const *contact;
    size_t n_contact;                      /* mail addresses, without "mailto:" */
    bool agree;                            /* to the terms of service */
    model_time challenge_wait, order_wait; /* ms */
    model_time poll; /* ms between looks, unless the CA says (1 s to 5 min); 0: see pace.h */
    unsigned orders_per_hour, certificates_per_week;
};

struct acme_ports {
    const struct port_clock_ops *clock; /* `sleep` of this one returns when we are to stop */
    void *clock_self;
    const struct port_keys_ops *keys; /* makes the account key */
    void *keys_self;
    struct key_loader loader;
    const struct port_certs_ops *certs;
    void *certs_self;
    const struct port_notes_ops *notes;
    void *notes_self;
    const struct port_challenge_ops *challenge;
    void *challenge_self;
    const struct port_log_ops *log;
    void *log_self;
    bool (*stopping)(void *self); /* true: give up at once with OUT_RETRY; or NULL */
    void *stopping_self;
};

enum outcome acme_open(const struct acme_config *config, const struct acme_ports *ports,
                       struct acme **out, struct err *err);
void acme_close(struct acme **acme);

extern const struct port_issuer_ops acme_ops; /* self: struct acme * */

/* For danectl check: fetches the directory; of the ports it needs the clock alone. `terms` gets the
 * URL of the terms of service, or "". */
enum outcome acme_look(struct acme *acme, char *terms, size_t size, struct err *err);

/* HTTP connections made so far, for benchmarks. */
unsigned long acme_connections(const struct acme *acme);

#endif
