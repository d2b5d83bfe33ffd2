/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/challenge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rdataset.h"
#include "dns/sweep.h"
#include "dns/txt.h"
#include "dns/wire.h"

#define CHALLENGE_TTL 60

struct place {
    char zone[PORT_NAME_MAX];
    const struct port_dns_ops *ops;
    void *self;
};

struct challenge {
    struct sweep *sweep;
    uint32_t ttl;
    size_t n;
    struct place *places;
};

/* ---- the object ---------------------------------------------------------------------- */

enum outcome challenge_open(const struct challenge_config *config, struct challenge **out,
                            struct err *err)
{
    *out = NULL;
    struct challenge *challenge = calloc(1, sizeof *challenge);
    if (challenge == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    challenge->ttl = config->ttl != 0 ? config->ttl : CHALLENGE_TTL;
    challenge->places = calloc(config->n_providers + 1, sizeof *challenge->places);
    enum outcome rc = OUT_OK;
    if (challenge->places == NULL)
        rc = err_set(err, OUT_BROKEN, "out of memory");
    for (size_t i = 0; i < config->n_providers && rc == OUT_OK; i++) {
        struct place *place = &challenge->places[challenge->n++];
        place->ops = config->providers[i].ops;
        place->self = config->providers[i].self;
        rc = wire_name_clean(config->providers[i].zone, place->zone, err);
    }
    if (rc == OUT_OK)
        rc = sweep_open(&config->observe, &challenge->sweep, err);
    if (rc != OUT_OK)
        challenge_close(&challenge);
    *out = challenge;
    return rc;
}

void challenge_close(struct challenge **challenge)
{
    if (*challenge == NULL)
        return;
    sweep_close(&(*challenge)->sweep);
    free((*challenge)->places);
    free(*challenge);
    *challenge = NULL;
}

/* ---- put and drop -------------------------------------------------------------------- */

static const struct place *longest(const struct challenge *challenge, const char *name)
{
    const struct place *best = NULL;
    for (size_t i = 0; i < challenge->n; i++) {
        const struct place *place = &challenge->places[i];
        if (wire_name_below(name, place->zone) &&
            (best == NULL || strlen(place->zone) > strlen(best->zone)))
            best = place;
    }
    return best;
}

/* Where the owner leads, and who can change records there. */
static enum outcome find_place(struct challenge *challenge, const char *owner,
                               struct resolve_owner *leads, const struct place **place,
                               struct err *err)
{
    enum outcome rc = resolve_owner_of(sweep_resolve(challenge->sweep), owner, leads, err);
    if (rc != OUT_OK)
        return rc;
    bool moved = leads->cname[0] != '\0';
    if (moved && leads->state == PORT_ZONE_BOGUS)
        return err_set(err, OUT_REFUSED, "%s: %s: no CA would follow it", owner, leads->why);
    *place = longest(challenge, leads->name);
    if (*place != NULL)
        return OUT_OK;
    return err_set(err, OUT_REFUSED,
                   "%s%s%s: no dns section of the configuration has a zone that holds this name: "
                   "add one, or let a CNAME lead into a zone that has one",
                   owner, moved ? ", a CNAME to " : "",
                   leads->name[0] != '\0' && moved ? leads->name : "");
}

static enum outcome challenge_put(void *self, const char *owner, const char *value, struct err *err)
{
    struct challenge *challenge = self;
    const struct place *place = NULL;
    struct resolve_owner leads;
    enum outcome rc = txt_check(value, err);
    if (rc == OUT_OK)
        rc = find_place(challenge, owner, &leads, &place, err);
    if (rc == OUT_OK)
        rc = place->ops->txt_add(place->self, leads.name, value, challenge->ttl, err);
    if (rc != OUT_OK)
        err_prepend(err, "the TXT record for %s", owner);
    return rc;
}

static enum outcome challenge_drop(void *self, const char *owner, const char *value,
                                   struct err *err)
{
    struct challenge *challenge = self;
    const struct place *place = NULL;
    struct resolve_owner leads;
    enum outcome rc = find_place(challenge, owner, &leads, &place, err);
    if (rc == OUT_OK)
        rc = place->ops->txt_remove(place->self, leads.name, value, err);
    if (rc != OUT_OK)
        err_prepend(err, "removing the TXT record for %s", owner);
    return rc;
}

/* ---- seen ---------------------------------------------------------------------------- */

static bool has_value(const struct rdataset *records, const char *value)
{
    for (size_t i = 0; i < records->n; i++) {
        if (txt_is(records->recs[i].data, records->recs[i].len, value))
            return true;
    }
    return false;
}

static enum outcome judge_server(const struct port_answer *answer, const struct rdataset *records,
                                 const char *owner, const char *value, struct err *err)
{
    char server[OBSERVE_SERVER_TEXT];
    observe_text_server(answer, server);
    if (answer->kind == MODEL_ANS_RRSET && has_value(records, value))
        return OUT_OK;
    if (answer->kind == MODEL_ANS_RRSET || answer->kind == MODEL_ANS_NODATA)
        return err_set(err, OUT_NOT_YET, "%s does not show the TXT record at %s yet%s", server,
                       owner, records->n > 0 ? ", but others" : "");
    return err_set(err, OUT_NOT_YET, "%s%s %s", server,
                   answer->kind == MODEL_ANS_SILENT ? " is not heard:" : "", answer->why);
}

enum outcome challenge_judge(const struct port_round *round, const struct rdataset *records,
                             const char *owner, const char *value, struct err *err)
{
    struct err skipped = ERR_INIT;
    size_t asked = 0;
    if (round->zone_state == PORT_ZONE_BOGUS)
        return err_set(err, OUT_REFUSED, "%s: %s: no CA would believe it", owner, round->why);
    if (round->zone_state == PORT_ZONE_UNKNOWN)
        return err_set(err, OUT_RETRY, "%s: %s", owner, round->why);
    for (size_t i = 0; i < round->n; i++) {
        const struct port_answer *answer = &round->answers[i];
        char server[OBSERVE_SERVER_TEXT];
        if (answer->kind == MODEL_ANS_NOROUTE) {
            observe_text_server(answer, server);
            (void)err_set(&skipped, OUT_OK, "%s was not asked about %s: %s", server, owner,
                          answer->why);
            continue;
        }
        asked++;
        enum outcome rc = judge_server(answer, &records[i], owner, value, err);
        if (rc != OUT_OK)
            return rc;
    }
    if (asked == 0)
        return err_set(err, OUT_RETRY, "no server of %s can be reached from here%s%s", round->zone,
                       skipped.text[0] != '\0' ? ": " : "", skipped.text);
    *err = skipped;
    return OUT_OK;
}

static enum outcome challenge_seen(void *self, const char *owner, const char *value,
                                   struct err *err)
{
    const struct challenge *challenge = self;
    const struct sweep_question question = {
        .owner = owner, .type = &rrtype_txt, .unsigned_ok = true};
    struct port_round *round = calloc(1, sizeof *round);
    struct rdataset *records = calloc(PORT_ADDRS_MAX, sizeof *records);
    enum outcome rc = OUT_OK;
    if (round == NULL || records == NULL)
        rc = err_set(err, OUT_BROKEN, "out of memory");
    if (rc == OUT_OK)
        rc = sweep_run(challenge->sweep, &question, round, records, err);
    if (rc == OUT_OK)
        rc = challenge_judge(round, records, owner, value, err);
    for (size_t i = 0; records != NULL && i < PORT_ADDRS_MAX; i++)
        rdataset_clear(&records[i]);
    free(records);
    free(round);
    return rc;
}

const struct port_challenge_ops challenge_ops = {
    .put = challenge_put, .seen = challenge_seen, .drop = challenge_drop};
