/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ordernote - what must survive about an order: its URL, and the challenge records that were put
 *
 * "acme/TITLE/order/SPKI" holds the order of one key. "acme/TITLE/leftover" holds challenge records
 * whose order is over but that could not be removed; each later order tries again.
 *
 * Ownership: values of some 20 KiB: keep them on the heap. Threads: no state.
 */
#ifndef DANEMILTER_ACME_ORDERNOTE_H
#define DANEMILTER_ACME_ORDERNOTE_H

#include "acme/doc.h"
#include "acme/note.h"
#include "crypto/jws.h"

#define ORDERNOTE_OWNER_MAX (PORT_NAME_MAX + 16)

struct ordernote_record {
    char owner[ORDERNOTE_OWNER_MAX];
    char value[B64URL_SIZE(JWS_DIGEST_LEN)];
};

struct ordernote {
    char url[DOC_URL_MAX];     /* "": no order */
    char account[DOC_URL_MAX]; /* whose it is */
    uint8_t names[MODEL_ID_LEN];
    model_time made; /* wall */
    bool counted;    /* the certificate was counted in the budget */
    int64_t late;    /* times that the CA was not done with it in time */
    size_t n;
    struct ordernote_record records[PORT_NAMES_MAX];
};

/* OUT_NOT_YET: none, or not readable; `out` is empty then. */
enum outcome ordernote_load(const struct acme_config *config, const struct acme_ports *ports,
                            const uint8_t spki[MODEL_ID_LEN], struct ordernote *out,
                            struct err *err);
/* An empty one is forgotten. */
enum outcome ordernote_save(const struct acme_config *config, const struct acme_ports *ports,
                            const uint8_t spki[MODEL_ID_LEN], const struct ordernote *note,
                            struct err *err);

/* Enters a record unless it is there. OUT_REFUSED: no room. */
enum outcome ordernote_add(struct ordernote *note, const char *owner, const char *value,
                           struct err *err);

/* Removes every record from DNS, and from `note` (not yet from the durable one). OUT_OK even when
 * some could not be: these are in the durable leftover then, and `*failed` counts them, the text
 * says why. */
enum outcome ordernote_drop(const struct acme_config *config, const struct acme_ports *ports,
                            struct ordernote *note, size_t *failed, struct err *err);
/* Tries what is left over; what still fails stays. */
enum outcome ordernote_sweep(const struct acme_config *config, const struct acme_ports *ports,
                             struct err *err);

/* SHA-256 over the names, in any order and case, without final dots; and over key and names. */
enum outcome ordernote_names(const struct port_order *order, uint8_t names[MODEL_ID_LEN],
                             uint8_t both[MODEL_ID_LEN], struct err *err);

#endif
