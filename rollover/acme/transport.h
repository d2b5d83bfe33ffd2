/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transport - how the client sends requests: by net/http.h, or by what a test puts in its place
 *
 * `perform` keeps the contract of http_do. Ownership: `close` ends the object. Threads: as struct
 * http.
 */
#ifndef DANEMILTER_ACME_TRANSPORT_H
#define DANEMILTER_ACME_TRANSPORT_H

#include "acme/acme.h"
#include "net/http.h"

struct transport_ops {
    enum outcome (*perform)(void *self, const struct http_request *request,
                            struct http_response *out, struct err *err);
    unsigned long (*connections)(const void *self);
    void (*close)(void *self);
};

struct transport {
    const struct transport_ops *ops;
    void *self;
};

enum outcome transport_open(const struct acme_config *config, const struct acme_ports *ports,
                            struct transport *out, struct err *err);
void transport_close(struct transport *transport);

/* acme_open over another transport, which belongs to the object, also after an error. */
enum outcome acme_open_over(const struct acme_config *config, const struct acme_ports *ports,
                            struct transport transport, struct acme **out, struct err *err);

#endif
