/* SPDX-License-Identifier: BSD-2-Clause */
/* A section dns: what its provider needs, what it has no use for, and its credentials. */
#include "conf/check.h"

#include <string.h>

#include "base/text.h"
#include "conf/keyfile.h"
#include "conf/names.h"
#include "conf/value.h"

#define CHECK_OPTIONS_MAX 8

/* What the check has to know of a provider; the same order as enum conf_provider. */
static const struct {
    const char *name;
    bool swaps; /* a change is refused when the RRset is not what we saw (safety.md, section 3) */
    const char *needs[CHECK_OPTIONS_MAX];
    const char *takes[CHECK_OPTIONS_MAX]; /* beside these, and provider and zone */
    const char *hint[CHECK_OPTIONS_MAX];  /* of needs, in the same order */
} check_providers[] = {
    [CONF_RFC2136] = {"rfc2136",
                      true,
                      {"server", NULL},
                      {"key_file", "tsig_name", "tsig_algorithm", "secret_file", NULL},
                      {"address of the primary server, as 192.0.2.53"}},
    [CONF_POWERDNS] = {"powerdns",
                       false,
                       {"url", "api_key_file", NULL},
                       {"server_id", "ca_file", NULL},
                       {"where its API listens, as http://127.0.0.1:8081",
                        "a file that holds the api-key of pdns.conf and nothing else"}},
};

static bool check_among(const char *const *list, const char *name)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, name) == 0)
            return true;
    }
    return false;
}

/* The providers that do take an option, for the text. */
static const char *check_taker(const char *option)
{
    for (size_t i = 0; i < sizeof check_providers / sizeof check_providers[0]; i++) {
        if (check_among(check_providers[i].needs, option) ||
            check_among(check_providers[i].takes, option))
            return check_providers[i].name;
    }
    return "another";
}

static void check_dns_options(struct check *c, const struct conf_dns *d, const struct check_at *at)
{
    size_t n = 0;
    const struct table_option *rows = table_of(TABLE_DNS, &n);
    const char *provider = check_providers[d->provider].name;
    const char *const *needs = check_providers[d->provider].needs;
    for (size_t i = 0; needs[i] != NULL; i++) {
        if (!check_given(at, needs[i]))
            check_say(c, d->head.line,
                      "dns \"%s\" has no \"%s\", and provider = %s needs it: add "
                      "it (%s)",
                      d->name, needs[i], provider, check_providers[d->provider].hint[i]);
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = rows[i].name;
        if (!check_given(at, name) || value_is_default(&rows[i], d) ||
            strcmp(name, "provider") == 0 || strcmp(name, "zone") == 0 ||
            check_among(needs, name) || check_among(check_providers[d->provider].takes, name))
            continue;
        check_say(c, check_at(at, name, 0),
                  "%s: provider = %s has no use for it, it is for %s: drop the line, or mend the "
                  "provider",
                  name, provider, check_taker(name));
    }
}

/* Which of the two forms of a TSIG key is there; false: said that it cannot be. */
static bool check_tsig_form(struct check *c, const struct conf_dns *d, const struct check_at *at)
{
    bool parts = d->tsig_name[0] != '\0' || d->secret_file[0] != '\0';
    if (d->key_file[0] != '\0' && parts) {
        check_say(c, check_at(at, d->tsig_name[0] != '\0' ? "tsig_name" : "secret_file", 0),
                  "key_file already holds name and secret: drop tsig_name and secret_file");
        return false;
    }
    if (d->key_file[0] == '\0' && !parts) {
        check_say(c, d->head.line,
                  "dns \"%s\" has no TSIG key, and changes that are not signed are taken from "
                  "anybody: make one with tsig-keygen, give it to the server too, and add key_file",
                  d->name);
        return false;
    }
    if (parts && (d->tsig_name[0] == '\0' || d->secret_file[0] == '\0')) {
        check_say(c, d->head.line, "dns \"%s\": tsig_name and secret_file come together: add %s",
                  d->name, d->tsig_name[0] != '\0' ? "secret_file" : "tsig_name");
        return false;
    }
    return true;
}

static void check_tsig(struct check *c, struct conf_dns *d, const struct check_at *at)
{
    struct err err = ERR_INIT;
    enum outcome out = OUT_OK;
    const char *option = "key_file";
    if (!check_tsig_form(c, d, at) || c->source->without_secrets)
        return;
    if (d->key_file[0] != '\0') {
        out = keyfile_read(d->key_file, c->source->user, &d->tsig, &err);
    } else {
        option = "tsig_name";
        out = keyfile_set_name(d->tsig_name, &d->tsig, &err);
        if (out == OUT_OK) {
            option = "tsig_algorithm";
            out = tsigfile_algorithm(d->tsig_algorithm, d->tsig.algorithm, &err);
        }
        if (out == OUT_OK) {
            option = "secret_file";
            out = keyfile_read_secret(d->secret_file, c->source->user, &d->tsig, &err);
        }
    }
    if (out != OUT_OK) {
        check_say(c, check_at(at, option, 0), "%s: %s", option, err.text);
        text_wipe(&d->tsig, sizeof d->tsig);
    }
}

/* "http://HOST[:PORT]" or https; nothing behind it but one slash. */
static bool check_is_api(const char *url, char host[PORT_NAME_MAX], bool *tls)
{
    *tls = strncmp(url, "https://", 8) == 0;
    if (!*tls && strncmp(url, "http://", 7) != 0)
        return false;
    const char *at = url + (*tls ? 8 : 7);
    size_t len = at[0] == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":/");
    if (len == 0 || len >= PORT_NAME_MAX || strpbrk(at, " \t@?#\"'<>\\") != NULL)
        return false;
    (void)text_format(host, PORT_NAME_MAX, "%.*s", (int)len, at);
    at += len;
    if (*at == ':') {
        char number[8];
        int64_t port = 0;
        size_t digits = strspn(at + 1, "0123456789");
        if (digits == 0 || digits > 5 ||
            !text_format(number, sizeof number, "%.*s", (int)digits, at + 1) ||
            text_number(number, 1, 65535, &port, NULL) != OUT_OK)
            return false;
        at += 1 + digits;
    }
    return *at == '\0' || strcmp(at, "/") == 0;
}

static bool check_is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

static void check_api(struct check *c, struct conf_dns *d, const struct check_at *at)
{
    struct err err = ERR_INIT;
    char host[PORT_NAME_MAX];
    bool tls = false;
    if (d->url[0] != '\0' && !check_is_api(d->url, host, &tls))
        check_say(c, check_at(at, "url", 0),
                  "url: \"%s\" is not the address of an API: write it as http://127.0.0.1:8081 or "
                  "https://ns1.example.org:8443, without a path",
                  d->url);
    else if (d->url[0] != '\0' && !tls && d->ca_file[0] != '\0')
        check_say(c, check_at(at, "ca_file", 0),
                  "ca_file is for https, and url begins with http: drop ca_file, or write https");
    else if (d->url[0] != '\0' && !tls && !check_is_loopback(host))
        check_note(c, check_at(at, "url", 0),
                   "url: over http the API key goes to %s readable for everybody on the way: use "
                   "https, or a tunnel to the loopback",
                   host);
    if (d->api_key_file[0] == '\0' || c->source->without_secrets)
        return;
    if (keyfile_read_word(d->api_key_file, c->source->user, d->api_key, sizeof d->api_key, &err) !=
        OUT_OK)
        check_say(c, check_at(at, "api_key_file", 0), "api_key_file: %s", err.text);
}

void check_dns(struct check *c, struct conf_dns *d, const struct tree *section)
{
    struct check_at at = {c, section, d->head.line, TABLE_DNS};
    struct err err = ERR_INIT;
    char zone[PORT_NAME_MAX];
    check_dns_options(c, d, &at);
    if (d->server_text[0] != '\0' && names_server(d->server_text, 53, &d->server, &err) != OUT_OK)
        check_say(c, check_at(&at, "server", 0), "server: %s", err.text);
    if (d->zone[0] != '\0' &&
        names_domain(d->zone, NAMES_UNDERSCORE | NAMES_DOT, zone, &err) != OUT_OK)
        check_say(c, check_at(&at, "zone", 0), "zone: %s", err.text);
    else if (d->zone[0] != '\0')
        memcpy(d->apex, zone, sizeof d->apex);
    if (d->provider == CONF_RFC2136)
        check_tsig(c, d, &at);
    else
        check_api(c, d, &at);
}

static void check_shared_owner(struct check *c, const struct conf *conf, size_t index,
                               const struct conf_owner *owner)
{
    const struct conf_certificate *cert = &conf->certificates[index];
    for (size_t i = 0; i < index; i++) {
        const struct conf_certificate *other = &conf->certificates[i];
        const struct conf_dns *weak = cert->dns;
        for (size_t k = 0; k < other->n_owners; k++) {
            if (strcmp(other->owners[k].owner, owner->owner) != 0)
                continue;
            if (weak == NULL || check_providers[weak->provider].swaps)
                weak = other->dns;
            if (weak == NULL || check_providers[weak->provider].swaps)
                return;
            check_say(c, cert->tlsa.head.line,
                      "certificate \"%s\": %s belongs to certificate \"%s\" (line %d) too, and "
                      "dns \"%s\" (provider = %s) cannot notice when one erases what the other "
                      "wrote: make them one certificate, or publish by rfc2136",
                      cert->name, owner->owner, other->name, other->head.line, weak->name,
                      check_providers[weak->provider].name);
            return;
        }
    }
}

void check_dns_shared(struct check *c, const struct conf *conf)
{
    for (size_t i = 0; i < conf->n_certificates; i++) {
        for (size_t k = 0; k < conf->certificates[i].n_owners; k++)
            check_shared_owner(c, conf, i, &conf->certificates[i].owners[k]);
    }
}

/* Do challenges of a certificate go there? CNAMEs may lead anywhere; the names themselves say. */
static bool check_holds_names(const struct conf_dns *d, const struct conf_certificate *cert)
{
    for (size_t i = 0; cert->issuer == CONF_ACME && i < cert->names.n; i++) {
        char name[PORT_NAME_MAX];
        if (text_format(name, sizeof name, "%s.", cert->names.items[i]) &&
            names_below(name, d->apex))
            return true;
    }
    return false;
}

void check_dns_unused(struct check *c, const struct conf *conf)
{
    for (size_t i = 0; i < conf->n_dns; i++) {
        const struct conf_dns *d = &conf->dns[i];
        bool used = false;
        for (size_t k = 0; k < conf->n_certificates && !used; k++)
            used = conf->certificates[k].dns == d || check_holds_names(d, &conf->certificates[k]);
        if (!used)
            check_note(c, d->head.line,
                       "dns \"%s\": no certificate publishes there, and none has names in %s: it "
                       "is used only if the CNAME of a challenge leads there; else drop it",
                       d->name, d->apex);
    }
}
