/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dnschange - reads and changes a TLSA RRset through a provider
 *
 *   dnschange [OPTION VALUE]... OWNER                    prints the RRset
 *   dnschange [OPTION VALUE]... OWNER "+3 1 1 HEX" "-3 1 1 HEX" ...
 *   dnschange [OPTION VALUE]... --txt-add VALUE OWNER
 *   dnschange [OPTION VALUE]... --txt-remove VALUE OWNER
 *
 * Options: --server ADDRESS, --key FILE, --port N, --zone NAME, --ttl N, --timeout-ms N,
 * --url URL, --api-key FILE, --server-id ID, --provider NAME, --wait - (between reading and
 * changing, waits for a line on standard input). Prints the outcome: "ok", "not yet: ...",
 * "refused: ...". Exit status: the outcome's number; 9 usage.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "dns/provider.h"

#define ITEMS_MAX 32

struct options {
    struct provider_settings settings;
    const char *provider;
    const char *api_key_file;
    const char *txt_add, *txt_remove;
    int64_t ttl;
    bool wait;
};

static int usage(const char *what)
{
    (void)fprintf(stderr, "dnschange: %s; see the top of dnschange.c\n", what);
    return 9;
}

static bool set_option(struct options *o, const char *name, const char *value)
{
    struct err err = ERR_INIT;
    int64_t number = 0;
    const struct {
        const char *name;
        const char **to;
    } texts[] = {{"--server", &o->settings.server}, {"--key", &o->settings.key_file},
                 {"--zone", &o->settings.zone},     {"--url", &o->settings.url},
                 {"--api-key", &o->api_key_file},   {"--server-id", &o->settings.server_id},
                 {"--provider", &o->provider},      {"--txt-add", &o->txt_add},
                 {"--txt-remove", &o->txt_remove}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(texts[i].name, name) == 0) {
            *texts[i].to = value;
            return true;
        }
    }
    if (strcmp(name, "--wait") == 0)
        o->wait = true;
    else if (text_number(value, 0, 86400000, &number, &err) != OUT_OK)
        return false;
    else if (strcmp(name, "--port") == 0)
        o->settings.port = (uint16_t)number;
    else if (strcmp(name, "--ttl") == 0)
        o->ttl = number;
    else if (strcmp(name, "--timeout-ms") == 0)
        o->settings.timeout_ms = (int)number;
    else
        return false;
    return true;
}

/* "3 1 1 HEX" */
static struct port_tlsa *parse(const char *text)
{
    struct port_tlsa *rec = calloc(1, sizeof *rec);
    size_t hex = strlen(text);
    if (rec == NULL || hex < 8 || (hex - 6) % 2 != 0 || (hex - 6) / 2 > PORT_TLSA_MAX) {
        free(rec);
        return NULL;
    }
    rec->combo.usage = (uint8_t)(text[0] - '0');
    rec->combo.selector = (uint8_t)(text[2] - '0');
    rec->combo.matching = (uint8_t)(text[4] - '0');
    rec->len = (uint16_t)((hex - 6) / 2);
    if (!text_unhex(text + 6, rec->data, rec->len)) {
        free(rec);
        return NULL;
    }
    return rec;
}

static void print_rrset(const struct port_rrset *rrset)
{
    (void)printf("ttl %" PRIu32 " records %u\n", rrset->ttl, rrset->n);
    for (size_t i = 0; i < rrset->n; i++) {
        const struct port_tlsa *rec = &rrset->recs[i];
        char hex[2 * PORT_TLSA_MAX + 1];
        (void)text_hex(hex, sizeof hex, rec->data, rec->len);
        (void)printf("TLSA %u %u %u %s\n", rec->combo.usage, rec->combo.selector,
                     rec->combo.matching, hex);
    }
}

/* The records of the arguments that begin with `sign`. */
static bool collect(char **items, int n, char sign, struct port_tlsa **out, size_t *count)
{
    *count = 0;
    for (int i = 0; i < n; i++) {
        if (items[i][0] != sign)
            continue;
        if (*count == ITEMS_MAX || (out[*count] = parse(items[i] + 1)) == NULL)
            return false;
        ++*count;
    }
    return true;
}

static enum outcome change(const struct provider *provider, void *self, const struct options *o,
                           const char *owner, const struct port_rrset *seen, char **items, int n,
                           struct err *err)
{
    struct port_tlsa *add[ITEMS_MAX];
    struct port_tlsa *del[ITEMS_MAX];
    size_t n_add = 0;
    size_t n_del = 0;
    enum outcome out;
    if (collect(items, n, '+', add, &n_add) && collect(items, n, '-', del, &n_del)) {
        const struct port_change what = {.owner = owner,
                                         .ttl = (uint32_t)o->ttl,
                                         .seen = seen,
                                         .add = (const struct port_tlsa *const *)add,
                                         .n_add = n_add,
                                         .del = (const struct port_tlsa *const *)del,
                                         .n_del = n_del};
        out = provider->ops->change(self, &what, err);
    } else {
        out = err_set(err, OUT_BROKEN, "a record is not \"+3 1 1 HEX\" or \"-3 1 1 HEX\"");
    }
    for (size_t i = 0; i < n_add; i++)
        free(add[i]);
    for (size_t i = 0; i < n_del; i++)
        free(del[i]);
    return out;
}

static enum outcome change_txt(const struct provider *provider, void *self, const struct options *o,
                               const char *owner, struct err *err)
{
    if (o->txt_add != NULL)
        return provider->ops->txt_add(self, owner, o->txt_add, (uint32_t)o->ttl, err);
    return provider->ops->txt_remove(self, owner, o->txt_remove, err);
}

static enum outcome run(const struct provider *provider, void *self, const struct options *o,
                        const char *owner, char **items, int n, struct err *err)
{
    char line[8];
    if (o->txt_add != NULL || o->txt_remove != NULL)
        return change_txt(provider, self, o, owner, err);
    struct port_rrset *seen = calloc(1, sizeof *seen);
    if (seen == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome out = provider->ops->read(self, owner, seen, err);
    if (out == OUT_OK && n == 0)
        print_rrset(seen);
    if (out == OUT_OK && o->wait) {
        (void)printf("read\n");
        (void)fflush(stdout);
        if (fgets(line, sizeof line, stdin) == NULL)
            out = err_set(err, OUT_BROKEN, "nothing on standard input");
    }
    if (out == OUT_OK && n > 0)
        out = change(provider, self, o, owner, seen, items, n, err);
    free(seen);
    return out;
}

/* The file's first line. */
static bool read_key(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    bool good = fgets(out, (int)size, file) != NULL;
    out[strcspn(out, "\n")] = '\0';
    return fclose(file) == 0 && good;
}

int main(int argc, char **argv)
{
    struct options o = {.provider = "rfc2136"};
    struct err err = ERR_INIT;
    void *self = NULL;
    char api_key[256];
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (!set_option(&o, argv[at], argv[at + 1]))
            return usage(argv[at]);
    }
    if (at >= argc)
        return usage("an owner is missing");
    if (o.api_key_file != NULL) {
        if (!read_key(o.api_key_file, api_key, sizeof api_key))
            return usage(o.api_key_file);
        o.settings.api_key = api_key;
    }
    const struct provider *provider = provider_find(o.provider);
    if (provider == NULL)
        return usage("no such provider");
    enum outcome out = provider->open(&o.settings, &self, &err);
    if (out == OUT_OK)
        out = run(provider, self, &o, argv[at], argv + at + 1, argc - at - 1, &err);
    provider->close(&self);
    (void)printf("%s%s%s\n", err_outcome_name(out), err.text[0] != '\0' ? ": " : "", err.text);
    return (int)out;
}
