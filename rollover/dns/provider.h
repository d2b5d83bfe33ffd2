/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider - the ways to change TLSA records, by name
 *
 * A new provider is one file and one line in the table of provider.c. What a provider does not
 * need of the settings it leaves alone; what it misses it refuses with a sentence.
 *
 * Ownership: open gives an object that close frees; the object takes the key file's content in,
 * not the strings. Threads: any; every provider's calls take a lock of its
 * own, because challenges (challenge.h) are put by worker threads.
 */
#ifndef DANEMILTER_DNS_PROVIDER_H
#define DANEMILTER_DNS_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ports.h"

struct provider_settings {
    const char *server;   /* address or name of the primary */
    uint16_t port;        /* 0: the provider's own */
    const char *zone;     /* NULL or "": found out */
    const char *key_file; /* TSIG key in BIND's form (tsigkey.h); or, when NULL, its parts: */
    const char *tsig_name, *tsig_algorithm, *tsig_secret;
    const char *tsig_origin; /* where the parts come from, for messages */
    const char *url;         /* of an HTTP API */
    const char *api_key;     /* its key, as text; never logged */
    const char *server_id;   /* PowerDNS: "localhost" */
    const char *ca_file;     /* for https; NULL or "": the system's */
    int timeout_ms;          /* 0: the provider's own */
};

struct provider {
    const char *name;
    const char *what; /* one line for manuals */
    const struct port_dns_ops *ops;
    bool swaps; /* compare and swap: owners may be shared between machines */
    enum outcome (*open)(const struct provider_settings *settings, void **self, struct err *err);
    void (*close)(void **self);
};

/* NULL: there is no provider of this name. */
const struct provider *provider_find(const char *name);

/* Every provider, for manuals and messages. */
const struct provider *provider_table(size_t *n);

#endif
