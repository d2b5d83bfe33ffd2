/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/provider.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rfc2136.h"
#include "dns/tsigkey.h"

/* ---- rfc2136 ------------------------------------------------------------------------- */

/* The UPDATE adapter and the key it borrows. */
struct keyed {
    struct rfc2136 *inner;
    struct tsigkey *key;
};

static enum outcome keyed_read(void *self, const char *owner, struct port_rrset *out,
                               struct err *err)
{
    return rfc2136_ops.read(((struct keyed *)self)->inner, owner, out, err);
}

static enum outcome keyed_change(void *self, const struct port_change *change, struct err *err)
{
    return rfc2136_ops.change(((struct keyed *)self)->inner, change, err);
}

static const struct port_dns_ops keyed_ops = {.read = keyed_read, .change = keyed_change};

static void keyed_close(void **self)
{
    struct keyed *keyed = *self;
    if (keyed == NULL)
        return;
    rfc2136_close(&keyed->inner);
    tsigkey_free(&keyed->key);
    free(keyed);
    *self = NULL;
}

static enum outcome keyed_open(const struct provider_settings *settings, void **self,
                               struct err *err)
{
    *self = NULL;
    bool file = settings->key_file != NULL && settings->key_file[0] != '\0';
    if (!file && (settings->tsig_name == NULL || settings->tsig_name[0] == '\0'))
        return err_set(err, OUT_REFUSED,
                       "no TSIG key file is named: make one with tsig-keygen -a hmac-sha256 NAME");
    struct keyed *keyed = calloc(1, sizeof *keyed);
    if (keyed == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    *self = keyed;
    enum outcome out =
        file ? tsigkey_read(settings->key_file, &keyed->key, err)
             : tsigkey_new(settings->tsig_name, settings->tsig_algorithm, settings->tsig_secret,
                           settings->tsig_origin, &keyed->key, err);
    if (out == OUT_OK) {
        const struct rfc2136_config config = {.server = settings->server,
                                              .port = settings->port,
                                              .zone = settings->zone,
                                              .key = keyed->key,
                                              .timeout_ms = settings->timeout_ms};
        out = rfc2136_open(&config, &keyed->inner, err);
    }
    if (out != OUT_OK)
        keyed_close(self);
    return out;
}

/* ---- the table ----------------------------------------------------------------------- */

static const struct provider table[] = {
    {"rfc2136", "DNS UPDATE with TSIG (BIND, Knot, PowerDNS and others)", &keyed_ops, true,
     keyed_open, keyed_close},
};

const struct provider *provider_table(size_t *n)
{
    *n = sizeof table / sizeof table[0];
    return table;
}

const struct provider *provider_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}
