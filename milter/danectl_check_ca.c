/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl check: the providers' credentials, the CA, and where its challenges go. */
#include "milter/danectl_check.h"

#include "acme/acme.h"
#include "base/text.h"
#include "dns/resolve.h"
#include "milter/danectl_provider.h"
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- providers ------------------------------------------------------------------------------ */

/* A record that nobody has: its data is no digest of anything. */
static void made_up(struct port_tlsa *rec, uint8_t with)
{
    memset(rec, 0, sizeof *rec);
    rec->combo = (struct model_combo){3, 1, 1};
    rec->len = 32;
    memset(rec->data, with, rec->len);
}

/* An update whose prerequisite cannot hold: the server checks signature, zone and prerequisite,
 * and changes nothing (RFC 2136 section 3.2). */
static void check_update(struct check_run *run, const char *what, struct danectl_provider *provider,
                         const char *owner)
{
    struct err err = ERR_INIT;
    struct port_rrset *seen = calloc(1, sizeof *seen);
    struct port_tlsa *rec = calloc(1, sizeof *rec);
    if (seen == NULL || rec == NULL) {
        danectl_check_say(run, CHECK_FAIL, what, "no memory for an update");
    } else {
        const struct port_tlsa *add[] = {rec};
        struct port_change change = {.owner = owner, .seen = seen, .add = add, .n_add = 1};
        seen->ttl = 3600;
        seen->n = 1;
        made_up(&seen->recs[0], 0xa5);
        made_up(rec, 0x5a);
        enum outcome out = provider->provider->ops->change(provider->self, &change, &err);
        if (out == OUT_NOT_YET)
            danectl_check_say(run, CHECK_OK, what,
                              "takes signed updates (tried with one that changes nothing)");
        else if (out == OUT_OK)
            danectl_check_say(run, CHECK_FAIL, what,
                              "took an update whose prerequisite does not hold: this server cannot "
                              "be used, and %s needs a look",
                              owner);
        else
            danectl_check_say(run, CHECK_FAIL, what, "updates: %s", err.text);
    }
    free(seen);
    free(rec);
}

/* An owner that is published there; else the apex, where there is none. */
static const char *check_an_owner(const struct conf *conf, const struct conf_dns *dns)
{
    for (size_t i = 0; i < conf->n_certificates; i++) {
        if (conf->certificates[i].dns == dns && conf->certificates[i].n_owners > 0)
            return conf->certificates[i].owners[0].owner;
    }
    return dns->apex;
}

void danectl_check_provider(struct check_run *run, const struct conf_dns *dns)
{
    struct danectl_provider provider = {NULL, NULL};
    struct err err = ERR_INIT;
    char what[160];
    const char *owner = check_an_owner(run->d->conf, dns);
    struct port_rrset *rrset = calloc(1, sizeof *rrset);
    (void)snprintf(what, sizeof what, "dns \"%s\"", dns->name);
    if (geteuid() != 0) {
        danectl_check_say(run, CHECK_WARN, what, "not tried: root alone reads its key");
    } else if (rrset == NULL) {
        danectl_check_say(run, CHECK_FAIL, what, "no memory for records");
    } else if (danectl_provider_open(run->d->conf, dns, &provider, &err) != OUT_OK ||
               provider.provider->ops->read(provider.self, owner, rrset, &err) != OUT_OK) {
        danectl_check_say(run, CHECK_FAIL, what, "%s", err.text);
    } else {
        danectl_check_say(run, CHECK_OK, what, "reads %s: %u TLSA record(s)", owner,
                          (unsigned)rrset->n);
        if (provider.provider->swaps)
            check_update(run, what, &provider, owner);
        else
            danectl_check_say(run, CHECK_OK, what,
                              "cannot compare and swap: no other machine may publish at the same "
                              "names");
    }
    danectl_provider_close(&provider);
    free(rrset);
}

/* ---- challenges ----------------------------------------------------------------------------- */

static const struct conf_dns *check_home(const struct conf *conf, const char *name)
{
    const struct conf_dns *best = NULL;
    size_t len = strlen(name);
    for (size_t i = 0; i < conf->n_dns; i++) {
        const struct conf_dns *d = &conf->dns[i];
        size_t z = strlen(d->apex);
        bool below = z <= len && strcmp(name + len - z, d->apex) == 0 &&
                     (z == len || name[len - z - 1] == '.');
        if (below && (best == NULL || z > strlen(best->apex)))
            best = d;
    }
    return best;
}

static void check_challenge(struct check_run *run, const char *name)
{
    struct resolve_owner where;
    struct err err = ERR_INIT;
    char owner[PORT_NAME_MAX];
    if (!text_format(owner, sizeof owner, "_acme-challenge.%s.",
                     strncmp(name, "*.", 2) == 0 ? name + 2 : name)) {
        danectl_check_say(run, CHECK_FAIL, name, "is too long for a challenge below it");
        return;
    }
    if (resolve_owner_of(observe_resolve(sender_observe(run->sender)), owner, &where, &err) !=
        OUT_OK) {
        danectl_check_say(run, CHECK_FAIL, owner, "%s", err.text);
        return;
    }
    const struct conf_dns *home = check_home(run->d->conf, where.name);
    if (home == NULL)
        danectl_check_say(
            run, CHECK_FAIL, owner,
            "no section dns has the zone %s, where its TXT record has to go: add one, "
            "or let a CNAME lead into a zone that has",
            where.zone);
    else
        danectl_check_say(run, CHECK_OK, owner, "challenges go to dns \"%s\"%s%s", home->name,
                          where.cname[0] != '\0' ? ", by CNAME at " : "", where.cname);
}

void danectl_check_challenges(struct check_run *run, const struct conf_certificate *c)
{
    for (size_t i = 0; c->issuer == CONF_ACME && i < c->names.n; i++)
        check_challenge(run, c->names.items[i]);
}

/* ---- the CA --------------------------------------------------------------------------------- */

void danectl_check_ca(struct check_run *run, const struct conf_acme *ca)
{
    const struct acme_config config = {
        .title = ca->name, .directory = ca->directory, .ca_file = ca->ca_file};
    const struct acme_ports ports = {.clock = &sysclock_ops, .clock_self = &run->d->clock};
    struct acme *acme = NULL;
    struct err err = ERR_INIT;
    char what[160], terms[2048] = "";
    (void)snprintf(what, sizeof what, "acme \"%s\"", ca->name);
    enum outcome out = http_global_init(&err);
    if (out == OUT_OK) {
        out = acme_open(&config, &ports, &acme, &err);
        if (out == OUT_OK)
            out = acme_look(acme, terms, sizeof terms, &err);
        acme_close(&acme);
        http_global_end();
    }
    if (out == OUT_OK)
        danectl_check_say(run, CHECK_OK, what, "%s answers; terms of service: %s", ca->directory,
                          terms[0] == '\0' ? "none" : terms);
    else
        danectl_check_say(run, CHECK_FAIL, what, "%s%s", err.text,
                          out == OUT_REFUSED ? ": look at directory for a wrong URL" : "");
}
