/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/provider.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dns/powerdns.h"
#include "dns/rfc2136.h"
#include "dns/tsigkey.h"

/* A way to change records, without the lock. */
struct backend {
    const struct port_dns_ops *ops;
    enum outcome (*open)(const struct provider_settings *settings, void **inner, struct err *err);
    void (*close)(void **inner);
};

/* ---- one call at a time -------------------------------------------------------------- */

/* What `self` of every provider is. */
struct locked {
    pthread_mutex_t mutex;
    const struct backend *backend;
    void *inner;
};

/* pthread_mutex_lock() of a plain mutex fails only where the program is broken. */
static struct locked *enter(void *self)
{
    struct locked *locked = self;
    if (pthread_mutex_lock(&locked->mutex) != 0)
        abort();
    return locked;
}

static enum outcome leave(struct locked *locked, enum outcome out)
{
    if (pthread_mutex_unlock(&locked->mutex) != 0)
        abort();
    return out;
}

static enum outcome locked_read(void *self, const char *owner, struct port_rrset *out,
                                struct err *err)
{
    struct locked *locked = enter(self);
    return leave(locked, locked->backend->ops->read(locked->inner, owner, out, err));
}

static enum outcome locked_change(void *self, const struct port_change *change, struct err *err)
{
    struct locked *locked = enter(self);
    return leave(locked, locked->backend->ops->change(locked->inner, change, err));
}

static enum outcome locked_txt_add(void *self, const char *owner, const char *value, uint32_t ttl,
                                   struct err *err)
{
    struct locked *locked = enter(self);
    return leave(locked, locked->backend->ops->txt_add(locked->inner, owner, value, ttl, err));
}

static enum outcome locked_txt_remove(void *self, const char *owner, const char *value,
                                      struct err *err)
{
    struct locked *locked = enter(self);
    return leave(locked, locked->backend->ops->txt_remove(locked->inner, owner, value, err));
}

static const struct port_dns_ops locked_ops = {.read = locked_read,
                                               .change = locked_change,
                                               .txt_add = locked_txt_add,
                                               .txt_remove = locked_txt_remove};

static void locked_close(void **self)
{
    struct locked *locked = *self;
    if (locked == NULL)
        return;
    locked->backend->close(&locked->inner);
    (void)pthread_mutex_destroy(&locked->mutex);
    free(locked);
    *self = NULL;
}

static enum outcome locked_open(const struct backend *backend,
                                const struct provider_settings *settings, void **self,
                                struct err *err)
{
    *self = NULL;
    struct locked *locked = calloc(1, sizeof *locked);
    if (locked == NULL || pthread_mutex_init(&locked->mutex, NULL) != 0) {
        free(locked);
        return err_set(err, OUT_BROKEN, "out of memory");
    }
    locked->backend = backend;
    enum outcome out = backend->open(settings, &locked->inner, err);
    *self = locked;
    if (out != OUT_OK)
        locked_close(self);
    return out;
}

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

static enum outcome keyed_txt_add(void *self, const char *owner, const char *value, uint32_t ttl,
                                  struct err *err)
{
    return rfc2136_ops.txt_add(((struct keyed *)self)->inner, owner, value, ttl, err);
}

static enum outcome keyed_txt_remove(void *self, const char *owner, const char *value,
                                     struct err *err)
{
    return rfc2136_ops.txt_remove(((struct keyed *)self)->inner, owner, value, err);
}

static const struct port_dns_ops keyed_ops = {.read = keyed_read,
                                              .change = keyed_change,
                                              .txt_add = keyed_txt_add,
                                              .txt_remove = keyed_txt_remove};

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

static const struct backend keyed_backend = {&keyed_ops, keyed_open, keyed_close};

static enum outcome rfc2136_begin(const struct provider_settings *settings, void **self,
                                  struct err *err)
{
    return locked_open(&keyed_backend, settings, self, err);
}

/* ---- powerdns ------------------------------------------------------------------------ */

static enum outcome pdns_open(const struct provider_settings *settings, void **inner,
                              struct err *err)
{
    struct powerdns *dns = NULL;
    const struct powerdns_config config = {.url = settings->url,
                                           .api_key = settings->api_key,
                                           .server_id = settings->server_id,
                                           .zone = settings->zone,
                                           .ca_file = settings->ca_file,
                                           .timeout_ms = settings->timeout_ms};
    enum outcome out = powerdns_open(&config, &dns, err);
    *inner = dns;
    return out;
}

static void pdns_close(void **inner)
{
    struct powerdns *dns = *inner;
    powerdns_close(&dns);
    *inner = NULL;
}

static const struct backend pdns_backend = {&powerdns_ops, pdns_open, pdns_close};

static enum outcome powerdns_begin(const struct provider_settings *settings, void **self,
                                   struct err *err)
{
    return locked_open(&pdns_backend, settings, self, err);
}

/* ---- the table ----------------------------------------------------------------------- */

static const struct provider table[] = {
    {"rfc2136", "DNS UPDATE with TSIG (BIND, Knot, PowerDNS and others)", &locked_ops, true,
     rfc2136_begin, locked_close},
    {"powerdns", "the HTTP API of PowerDNS Authoritative Server", &locked_ops, false,
     powerdns_begin, locked_close},
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
