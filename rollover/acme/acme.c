/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/acme.h"

#include <stdlib.h>

struct acme {
    struct acme_ports ports;
};

enum outcome acme_open(const struct acme_config *config, const struct acme_ports *ports,
                       struct acme **out, struct err *err)
{
    (void)config;
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    (*out)->ports = *ports;
    return OUT_OK;
}

void acme_close(struct acme **acme)
{
    free(*acme);
    *acme = NULL;
}

static enum outcome acme_issue(void *self, const struct port_order *order, struct port_issued *out,
                               struct err *err)
{
    (void)self;
    (void)order;
    out->fault = PORT_ISSUE_OTHER;
    out->wait = 0;
    return err_set(err, OUT_REFUSED, "the ACME client is not in this build yet");
}

const struct port_issuer_ops acme_ops = {.issue = acme_issue};

enum outcome acme_look(struct acme *acme, char *terms, size_t size, struct err *err)
{
    (void)acme;
    if (size > 0)
        terms[0] = '\0';
    return err_set(err, OUT_REFUSED, "the ACME client is not in this build yet");
}

unsigned long acme_connections(const struct acme *acme)
{
    (void)acme;
    return 0;
}
