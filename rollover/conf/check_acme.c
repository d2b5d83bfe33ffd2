/* SPDX-License-Identifier: BSD-2-Clause */
/* A section acme, and certificates that come from one. */
#include "conf/check.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

/* An absolute https URL (RFC 3986) with a host, no user, no fragment. */
static bool check_is_https(const char *url)
{
    if (strncmp(url, "https://", 8) != 0)
        return false;
    for (const unsigned char *p = (const unsigned char *)url; *p != '\0'; p++) {
        if (*p < 0x21 || *p > 0x7e || strchr("\"'<>\\^`{|}#", *p) != NULL)
            return false;
    }
    size_t host = strcspn(url + 8, "/?");
    return host > 0 && url[8] != ':' && memchr(url + 8, '@', host) == NULL;
}

void check_acme(struct check *c, const struct conf_acme *a, const struct tree *section)
{
    struct check_at at = {c, section, a->head.line, TABLE_ACME};
    if (a->directory[0] != '\0' && !check_is_https(a->directory))
        check_say(c, check_at(&at, "directory", 0),
                  "directory: \"%s\" is not an https URL: take the one of the CA's ACME directory, "
                  "as https://acme-staging-v02.api.letsencrypt.org/directory",
                  a->directory);
    for (size_t i = 0; i < a->contact.n; i++) {
        const char *mail = a->contact.items[i];
        int line = check_at(&at, "contact", i);
        if (strncmp(mail, "mailto:", 7) == 0)
            check_say(c, line, "contact: \"%s\": write the address alone, without mailto:", mail);
        else if (!check_is_mail(mail))
            check_say(c, line,
                      "contact: \"%s\" is not a mail address: write it as postmaster@example.org",
                      mail);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(mail, a->contact.items[k]) == 0)
                check_say(c, line, "contact: \"%s\" is there twice: drop one", mail);
        }
    }
}

/* Names for which no public CA gives a certificate by dns-01 (CA/Browser Forum's Baseline
 * Requirements 7.1.4.2.1; an address is no name in DNS). */
static void check_acme_names(const struct check_at *at, const struct conf_certificate *cert)
{
    for (size_t i = 0; i < cert->names.n; i++) {
        const char *name = cert->names.items[i];
        const char *dot = strchr(name, '.');
        struct in_addr ip;
        int line = check_at(at, "names", i);
        if (inet_pton(AF_INET, name, &ip) == 1)
            check_say(at->check, line,
                      "names: \"%s\" is an address, and a CA proves names by dns-01: write the "
                      "host's name",
                      name);
        else if (dot == NULL || (strncmp(name, "*.", 2) == 0 && strchr(dot + 1, '.') == NULL))
            check_say(at->check, line,
                      "names: \"%s\" is not below a public domain, and no CA gives a certificate "
                      "for it: write the whole name, as mx.example.org",
                      name);
        for (size_t k = 0; k < cert->names.n; k++) {
            const char *wild = cert->names.items[k];
            if (dot != NULL && k != i && strncmp(wild, "*.", 2) == 0 && strcmp(wild + 1, dot) == 0)
                check_say(at->check, line,
                          "names: \"%s\" is covered by \"%s\", and CAs refuse both in one "
                          "certificate: drop \"%s\"",
                          name, wild, name);
        }
    }
}

static void check_acme_agree(struct check *c, const struct conf_certificate *cert)
{
    const struct conf_acme *a = cert->acme;
    if (a->agree)
        return;
    check_say(c, a->head.line,
              "acme \"%s\": certificate \"%s\" comes from there, and you did not agree to the CA's "
              "terms of service: read them (\"termsOfService\" in what %s shows; danectl check "
              "shows it too), then write agree = yes",
              a->name, cert->name, a->directory);
}

void check_acme_issuer(struct check *c, const struct conf *conf, struct conf_certificate *cert,
                       const struct tree *section)
{
    struct check_at at = {c, section, cert->head.line, TABLE_CERTIFICATE};
    if (cert->issuer != CONF_ACME) {
        if (cert->ca[0] != '\0')
            check_say(c, check_at(&at, "ca", 0), "ca is for issuer = acme: write that, or drop ca");
        return;
    }
    if (cert->ca[0] == '\0') {
        check_say(c, cert->head.line,
                  "certificate \"%s\" has issuer = acme and no \"ca\": add it (the title of a "
                  "section acme)",
                  cert->name);
    } else {
        for (size_t i = 0; i < conf->n_acme; i++) {
            if (strcmp(conf->acme[i].name, cert->ca) == 0)
                cert->acme = &conf->acme[i];
        }
        if (cert->acme == NULL)
            check_say(c, check_at(&at, "ca", 0),
                      "ca: there is no section acme \"%s\": add it, or mend the name", cert->ca);
    }
    check_acme_names(&at, cert);
    if (cert->acme != NULL)
        check_acme_agree(c, cert);
}

void check_acme_unused(struct check *c, const struct conf *conf)
{
    for (size_t i = 0; i < conf->n_acme; i++) {
        bool used = false;
        for (size_t k = 0; k < conf->n_certificates && !used; k++)
            used = conf->certificates[k].acme == &conf->acme[i];
        if (!used)
            check_note(c, conf->acme[i].head.line,
                       "acme \"%s\": no certificate names it: add ca = \"%s\" to one, or drop the "
                       "section",
                       conf->acme[i].name, conf->acme[i].name);
    }
}
