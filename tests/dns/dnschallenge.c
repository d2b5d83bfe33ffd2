/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dnschallenge - puts, looks for and drops the TXT record of a challenge
 *
 *   dnschallenge --anchor FILE --hints FILE [--rfc2136 "ZONE ADDRESS KEYFILE"]...
 *       [--powerdns "ZONE URL KEYFILE"]... put|seen|drop OWNER VALUE
 *
 * --round-ms N and --udp-ms N bound the looking. Prints the outcome: "ok", "not yet: ...". Exit
 * status: the outcome's number; 9 usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "dns/challenge.h"
#include "dns/provider.h"

#define PLACES_MAX 4

struct place {
    const struct provider *provider;
    void *self;
    char zone[256], where[256], key[1024];
};

struct options {
    struct challenge_config config;
    size_t n;
    struct place places[PLACES_MAX];
};

static int usage(const char *what)
{
    (void)fprintf(stderr, "dnschallenge: %s; see the top of dnschallenge.c\n", what);
    return 9;
}

static bool first_line(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    bool good = fgets(out, (int)size, file) != NULL;
    out[strcspn(out, "\n")] = '\0';
    return fclose(file) == 0 && good;
}

/* The next word of *p. */
static bool word(const char **p, char *out, size_t size)
{
    size_t len = strcspn(*p, " ");
    bool good = len > 0 && text_format(out, size, "%.*s", (int)len, *p);
    *p += len;
    *p += strspn(*p, " ");
    return good;
}

static bool add_place(struct options *o, const char *provider, const char *value)
{
    struct place *place = &o->places[o->n];
    char file[256];
    struct err err = ERR_INIT;
    if (o->n == PLACES_MAX || !word(&value, place->zone, sizeof place->zone) ||
        !word(&value, place->where, sizeof place->where) || !word(&value, file, sizeof file))
        return false;
    place->provider = provider_find(provider);
    struct provider_settings settings = {.zone = place->zone};
    if (strcmp(provider, "powerdns") == 0) {
        if (!first_line(file, place->key, sizeof place->key))
            return false;
        settings.url = place->where;
        settings.api_key = place->key;
    } else {
        settings.server = place->where;
        settings.key_file = file;
    }
    if (place->provider->open(&settings, &place->self, &err) != OUT_OK) {
        (void)printf("%s\n", err.text);
        return false;
    }
    o->n++;
    return true;
}

static bool set_option(struct options *o, const char *name, const char *value)
{
    struct err err = ERR_INIT;
    int64_t number = 0;
    if (strcmp(name, "--anchor") == 0)
        o->config.observe.resolve.trust_anchor = value;
    else if (strcmp(name, "--hints") == 0)
        o->config.observe.resolve.root_hints = value;
    else if (strcmp(name, "--rfc2136") == 0 || strcmp(name, "--powerdns") == 0)
        return add_place(o, name + 2, value);
    else if (text_number(value, 1, 3600000, &number, &err) != OUT_OK)
        return false;
    else if (strcmp(name, "--round-ms") == 0)
        o->config.observe.round_ms = (int)number;
    else if (strcmp(name, "--udp-ms") == 0)
        o->config.observe.udp_ms = (int)number;
    else
        return false;
    return true;
}

static enum outcome run(struct challenge *challenge, const char *what, const char *owner,
                        const char *value, struct err *err)
{
    if (strcmp(what, "put") == 0)
        return challenge_ops.put(challenge, owner, value, err);
    if (strcmp(what, "drop") == 0)
        return challenge_ops.drop(challenge, owner, value, err);
    return challenge_ops.seen(challenge, owner, value, err);
}

int main(int argc, char **argv)
{
    struct options o = {.n = 0};
    struct challenge_provider providers[PLACES_MAX];
    struct challenge *challenge = NULL;
    struct err err = ERR_INIT;
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (!set_option(&o, argv[at], argv[at + 1]))
            return usage(argv[at]);
    }
    if (argc - at != 3)
        return usage("put, seen or drop, an owner and a value");
    for (size_t i = 0; i < o.n; i++)
        providers[i] = (struct challenge_provider){o.places[i].zone, o.places[i].provider->ops,
                                                   o.places[i].self};
    o.config.providers = providers;
    o.config.n_providers = o.n;
    enum outcome out = challenge_open(&o.config, &challenge, &err);
    if (out == OUT_OK)
        out = run(challenge, argv[at], argv[at + 1], argv[at + 2], &err);
    challenge_close(&challenge);
    for (size_t i = 0; i < o.n; i++)
        o.places[i].provider->close(&o.places[i].self);
    (void)printf("%s%s%s\n", err_outcome_name(out), err.text[0] != '\0' ? ": " : "", err.text);
    return (int)out;
}
