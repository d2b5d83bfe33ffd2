/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/transport.h"

#include <stddef.h>

static enum outcome transport_perform(void *self, const struct http_request *request,
                                      struct http_response *out, struct err *err)
{
    return http_do(self, request, out, err);
}

static unsigned long transport_connections(const void *self)
{
    return http_connections(self);
}

static void transport_end(void *self)
{
    struct http *http = self;
    http_close(&http);
}

static const struct transport_ops transport_http = {
    .perform = transport_perform,
    .connections = transport_connections,
    .close = transport_end,
};

enum outcome transport_open(const struct acme_config *config, const struct acme_ports *ports,
                            struct transport *out, struct err *err)
{
    const struct http_config http = {
        .ca_file = config->ca_file, .stopping = ports->stopping, .self = ports->stopping_self};
    struct http *self = NULL;
    enum outcome res = http_open(&http, &self, err);
    *out = (struct transport){.ops = &transport_http, .self = self};
    if (res != OUT_OK)
        out->ops = NULL;
    return res;
}

void transport_close(struct transport *transport)
{
    if (transport->ops != NULL)
        transport->ops->close(transport->self);
    *transport = (struct transport){0};
}
