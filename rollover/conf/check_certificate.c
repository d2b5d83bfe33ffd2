/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/check.h"

#include <string.h>

#include "base/text.h"
#include "conf/names.h"

static struct check_at certificate_at(struct check *c, const struct conf_certificate *cert,
                                      const struct tree *section, enum table_section kind)
{
    struct check_at at = {c, section, cert->head.line, kind};
    if (kind == TABLE_CERTIFICATE)
        return at;
    at.section = tree_count(section, kind) > 0 ? tree_section(section, kind, 0) : NULL;
    if (at.section != NULL)
        at.section_line = tree_line(at.section);
    return at;
}

/* Puts each name of a list into its normal form, in place. */
static void certificate_names(const struct check_at *at, const char *option, unsigned flags,
                              struct conf_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        char name[PORT_NAME_MAX];
        struct err err = ERR_INIT;
        if (names_domain(list->items[i], flags, name, &err) != OUT_OK) {
            check_say(at->check, check_at(at, option, i), "%s: %s", option, err.text);
            continue;
        }
        memcpy(list->items[i], name, strlen(name) + 1); /* never longer: no dot is added */
        for (size_t k = 0; k < i; k++) {
            if (strcmp(list->items[k], name) == 0)
                check_say(at->check, check_at(at, option, i), "%s: \"%s\" is there twice: drop one",
                          option, name);
        }
    }
}

static void certificate_keys(const struct check_at *at, struct conf_certificate *cert)
{
    for (size_t i = 0; i < cert->keys.n; i++) {
        enum port_alg alg = PORT_ALG_P256;
        struct err err = ERR_INIT;
        bool twice = false;
        if (names_alg(cert->keys.items[i], &alg, &err) != OUT_OK) {
            check_say(at->check, check_at(at, "keys", i), "keys: %s", err.text);
            continue;
        }
        for (size_t k = 0; k < cert->n_algs; k++)
            twice = twice || cert->algs[k] == alg;
        if (twice)
            check_say(at->check, check_at(at, "keys", i), "keys: \"%s\" is there twice: drop one",
                      cert->keys.items[i]);
        else if (cert->n_algs < MODEL_MAX_ALGS)
            cert->algs[cert->n_algs++] = alg;
    }
}

static bool certificate_same(struct model_combo a, struct model_combo b)
{
    return a.usage == b.usage && a.selector == b.selector && a.matching == b.matching;
}

static void certificate_records(const struct check_at *at, struct conf_certificate *cert)
{
    struct model_policy *p = &cert->policy;
    for (size_t i = 0; i < cert->tlsa.records.n; i++) {
        struct model_combo combo = {0, 0, 0};
        struct err err = ERR_INIT;
        const char *text = cert->tlsa.records.items[i];
        int line = check_at(at, "records", i);
        bool twice = false;
        if (names_combo(text, &combo, &err) != OUT_OK) {
            check_say(at->check, line, "records: %s", err.text);
            continue;
        }
        if (combo.usage == 2 && cert->issuer == CONF_SELFSIGNED) {
            check_say(
                at->check, line,
                "records: \"%s\" names an issuer, and issuer = \"selfsigned\" has none: write "
                "\"3 1 1\"",
                text);
            continue;
        }
        for (size_t k = 0; k < p->n_combos; k++)
            twice = twice || certificate_same(p->combos[k], combo);
        if (twice)
            check_say(at->check, line, "records: \"%s\" is there twice: drop one", text);
        else if (p->n_combos < MODEL_MAX_COMBOS)
            p->combos[p->n_combos++] = combo;
    }
}

/* False: there is no room for it, or it is there already; both are said. */
static bool certificate_owner(const struct check_at *at, const char *option, size_t item,
                              struct conf_certificate *cert, const struct conf_owner *owner)
{
    int line = check_at(at, option, item);
    for (size_t i = 0; i < cert->n_owners; i++) {
        if (strcmp(cert->owners[i].owner, owner->owner) == 0) {
            check_say(at->check, line, "%s: %s is there twice: drop one", option, owner->owner);
            return false;
        }
    }
    if (cert->n_owners >= MODEL_MAX_OWNERS) {
        check_say(at->check, line,
                  "%s: more than %d owner names in one certificate: split it into several", option,
                  MODEL_MAX_OWNERS);
        return false;
    }
    if (cert->dns != NULL && cert->dns->apex[0] != '\0' &&
        !names_below(owner->owner, cert->dns->apex)) {
        check_say(at->check, line, "%s: %s is not in the zone %s of dns \"%s\"", option,
                  owner->owner, cert->dns->apex, cert->dns->name);
        return false;
    }
    cert->owners[cert->n_owners++] = *owner;
    return true;
}

static void certificate_host(const struct check_at *at, size_t i, struct conf_certificate *cert)
{
    struct conf_owner owner;
    struct err err = ERR_INIT;
    if (names_domain(cert->tlsa.hosts.items[i], 0, owner.host, &err) != OUT_OK) {
        check_say(at->check, check_at(at, "hosts", i), "hosts: %s", err.text);
        return;
    }
    for (size_t k = 0; k < cert->tlsa.ports.n; k++) {
        int64_t port = 0;
        if (text_number(cert->tlsa.ports.items[k], 1, 65535, &port, NULL) != OUT_OK)
            continue; /* said by certificate_ports */
        owner.port = (uint16_t)port;
        if (!text_format(owner.owner, sizeof owner.owner, "_%u._tcp.%s.", (unsigned)owner.port,
                         owner.host)) {
            check_say(at->check, check_at(at, "hosts", i),
                      "hosts: \"%s\" is too long for an owner "
                      "name below it",
                      owner.host);
            return;
        }
        if (!certificate_owner(at, "hosts", i, cert, &owner) && cert->n_owners == MODEL_MAX_OWNERS)
            return;
    }
}

static void certificate_ports(const struct check_at *at, const struct conf_certificate *cert)
{
    for (size_t k = 0; k < cert->tlsa.ports.n; k++) {
        int64_t port = 0;
        struct err err = ERR_INIT;
        if (text_number(cert->tlsa.ports.items[k], 1, 65535, &port, &err) != OUT_OK)
            check_say(at->check, check_at(at, "ports", k), "ports: %s", err.text);
    }
}

static void certificate_owners(const struct check_at *at, struct conf_certificate *cert)
{
    certificate_ports(at, cert);
    for (size_t i = 0; i < cert->tlsa.hosts.n && cert->n_owners < MODEL_MAX_OWNERS; i++)
        certificate_host(at, i, cert);
    for (size_t i = 0; i < cert->tlsa.owners.n; i++) {
        struct conf_owner owner;
        struct err err = ERR_INIT;
        if (names_domain(cert->tlsa.owners.items[i], NAMES_UNDERSCORE | NAMES_DOT, owner.owner,
                         &err) != OUT_OK) {
            check_say(at->check, check_at(at, "owners", i), "owners: %s", err.text);
            continue;
        }
        names_service(owner.owner, owner.host, &owner.port);
        (void)certificate_owner(at, "owners", i, cert, &owner);
    }
    if (cert->tlsa.hosts.n + cert->tlsa.owners.n == 0)
        check_say(at->check, at->section_line,
                  "certificate \"%s\": tlsa has neither hosts nor owners: add hosts = { \"%s\" }",
                  cert->name, cert->names.n > 0 ? cert->names.items[0] : "mx.example.org");
}

static void certificate_dns(const struct check_at *at, const struct conf *conf,
                            struct conf_certificate *cert)
{
    if (cert->tlsa.dns_name[0] == '\0')
        return; /* missing: said */
    for (size_t i = 0; i < conf->n_dns; i++) {
        if (strcmp(conf->dns[i].name, cert->tlsa.dns_name) == 0)
            cert->dns = &conf->dns[i];
    }
    if (cert->dns == NULL)
        check_say(at->check, check_at(at, "dns", 0),
                  "dns: there is no section dns \"%s\": add it, or mend the name",
                  cert->tlsa.dns_name);
}

static void certificate_renew(const struct check_at *at, const struct conf_certificate *cert)
{
    const struct conf_renew *r = &cert->renew;
    int64_t before = r->before != 0 ? r->before : r->lifetime / 3;
    char due[32];
    char margin[32];
    char lifetime[32];
    text_print_duration(before, due, sizeof due);
    text_print_duration(r->margin, margin, sizeof margin);
    text_print_duration(r->lifetime, lifetime, sizeof lifetime);
    if (cert->issuer != CONF_SELFSIGNED)
        return;
    if (before >= r->lifetime)
        check_say(at->check, check_at(at, "before", 0),
                  "before (%s) is not shorter than lifetime (%s): it would renew for ever", due,
                  lifetime);
    else if (r->margin >= before)
        check_say(at->check, check_at(at, "margin", 0),
                  "margin (%s) is not shorter than %s (%s): there would be no time to renew in",
                  margin, r->before != 0 ? "before" : "a third of lifetime", due);
}

static void certificate_deploy(const struct check_at *at, struct conf_certificate *cert)
{
    struct conf_server server;
    struct err err = ERR_INIT;
    if (cert->deploy.probe_via[0] != '\0' &&
        names_server(cert->deploy.probe_via, 25, &server, &err) != OUT_OK)
        check_say(at->check, check_at(at, "probe_via", 0), "probe_via: %s", err.text);
    certificate_names(at, "sni", 0, &cert->deploy.sni);
    for (size_t i = 0; i < cert->deploy.reload.n; i++) {
        if (cert->deploy.reload.items[i][0] != '/')
            check_say(at->check, check_at(at, "reload", i),
                      "reload: \"%s\" does not begin with an absolute path: write it as "
                      "\"/usr/bin/doveadm reload\"",
                      cert->deploy.reload.items[i]);
    }
}

static void certificate_policy(const struct conf_policy *from, struct conf_certificate *cert)
{
    struct model_policy *p = &cert->policy;
    p->strategy = (enum model_strategy)cert->strategy;
    p->poll = from->poll;
    p->silence = from->silence;
    p->past_ttl = from->past_ttl;
    p->ttl_cap = from->ttl_cap;
    p->floor = from->floor;
    p->delta_sender = from->sender_timeout;
    p->anycast_margin = from->anycast_margin;
    p->fresh = from->fresh;
    p->commit_max = from->commit_window;
    p->renew_before = cert->renew.before;
    p->renew_margin = cert->renew.margin;
    p->renew_every = cert->renew.every;
    p->compromised_drain = from->compromised_drain;
    p->attest_every = from->attest_every;
    p->skip_noroute = from->skip_unroutable;
}

void check_certificate(struct check *c, struct conf *conf, size_t i)
{
    struct conf_certificate *cert = &conf->certificates[i];
    const struct tree *section = tree_section(c->tree, TABLE_CERTIFICATE, i);
    struct check_at at = certificate_at(c, cert, section, TABLE_CERTIFICATE);
    struct check_at tlsa = certificate_at(c, cert, section, TABLE_TLSA);
    struct check_at renew = certificate_at(c, cert, section, TABLE_RENEW);
    struct check_at deploy = certificate_at(c, cert, section, TABLE_DEPLOY);
    certificate_names(&at, "names", NAMES_STAR, &cert->names);
    check_acme_issuer(c, conf, cert, section);
    certificate_keys(&at, cert);
    if (tlsa.section != NULL) {
        certificate_records(&tlsa, cert);
        certificate_dns(&tlsa, conf, cert);
        certificate_owners(&tlsa, cert);
    }
    certificate_renew(&renew, cert);
    certificate_deploy(&deploy, cert);
    certificate_policy(&conf->policy, cert);
}
