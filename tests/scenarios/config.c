/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands before `start`. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include "things.h"
#include "world.h"

static bool set_strategy(struct run *r, const char *value)
{
    static const char *const names[] = {"standby", "reuse", "fresh"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) == 0) {
            r->e->policy.strategy = (enum model_strategy)i;
            return true;
        }
    }
    return script_fail(r, "\"%s\" is not a strategy: standby, reuse or fresh", value);
}

static bool set_combos(struct run *r, const char *value)
{
    struct model_policy *p = &r->e->policy;

    p->n_combos = 0;
    while (*value != '\0') {
        if (p->n_combos == MODEL_MAX_COMBOS || !things_combo(value, &p->combos[p->n_combos]) ||
            (value[3] != ',' && value[3] != '\0'))
            return script_fail(r, "combos are written 311 or 311,312");
        p->n_combos++;
        value += value[3] == ',' ? 4 : 3;
    }
    return true;
}

static bool set_policy(struct run *r, const char *word)
{
    struct model_policy *p = &r->e->policy;
    const struct {
        const char *name;
        model_time *at;
    } table[] = {{"poll", &p->poll},
                 {"silence", &p->silence},
                 {"past_ttl", &p->past_ttl},
                 {"ttl_cap", &p->ttl_cap},
                 {"floor", &p->floor},
                 {"delta_sender", &p->delta_sender},
                 {"anycast_margin", &p->anycast_margin},
                 {"fresh", &p->fresh},
                 {"commit_max", &p->commit_max},
                 {"renew_before", &p->renew_before},
                 {"renew_margin", &p->renew_margin},
                 {"renew_every", &p->renew_every},
                 {"compromised_drain", &p->compromised_drain},
                 {"attest_every", &p->attest_every}};
    const char *value;

    if (script_option(word, "strategy", &value))
        return set_strategy(r, value);
    if (script_option(word, "combos", &value))
        return set_combos(r, value);
    if (strcmp(word, "skip_noroute") == 0) {
        r->e->policy.skip_noroute = true;
        return true;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (script_option(word, table[i].name, &value))
            return script_duration(r, value, table[i].at);
    }
    return script_fail(r, "policy knows no \"%s\"", word);
}

static bool set_world(struct run *r, const char *word)
{
    struct sim *s = r->s;
    const struct {
        const char *name;
        int64_t *at;
    } table[] = {{"ns_ttl", &s->ns_ttl},     {"validity", &s->validity},   {"drain", &s->drain},
                 {"sync", &s->sync},         {"hold", &s->hold},           {"stale", &s->stale},
                 {"sig_life", &s->sig_life}, {"downtime", &r->e->downtime}};
    const char *value;
    int64_t ttl;

    if (script_option(word, "ttl", &value)) {
        if (!script_duration(r, value, &ttl))
            return false;
        s->ttl = (uint32_t)(ttl / SEC);
        return true;
    }
    if (script_option(word, "issuers", &value)) {
        s->issuers = (int)strtol(value, NULL, 10);
        return s->issuers > 0 && s->issuers < 9 ? true : script_fail(r, "1 to 8 issuers");
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (script_option(word, table[i].name, &value))
            return script_duration(r, value, table[i].at);
    }
    return script_fail(r, "world knows no \"%s\"", word);
}

static bool config_alg(struct run *r)
{
    for (int i = 1; i < r->n; i++) {
        if (r->s->n_algs == MODEL_MAX_ALGS || strlen(r->words[i]) >= SIM_NAME)
            return script_fail(r, "too many algorithms, or a name too long");
        memcpy(r->s->algs[r->s->n_algs++], r->words[i], strlen(r->words[i]) + 1);
    }
    return true;
}

static bool config_servers(struct run *r)
{
    for (int i = 1; i < r->n; i++) {
        if (world_server_add(r->s, r->words[i]) < 0)
            return script_fail(r, "too many servers, or a name too long");
    }
    return true;
}

static bool config_owners(struct run *r)
{
    for (int i = 1; i < r->n; i++) {
        struct sim_owner *o = &r->s->owners[r->s->n_owners];

        if (r->s->n_owners == SIM_OWNERS || strlen(r->words[i]) >= SIM_NAME)
            return script_fail(r, "too many owners, or a name too long");
        memcpy(o->name, r->words[i], strlen(r->words[i]) + 1);
        o->zone.ttl = r->s->ttl;
        r->s->n_owners++;
    }
    return true;
}

/* file ALG/1 ... [age=D] */
static bool config_file(struct run *r)
{
    int64_t age = 0;
    const char *value;

    for (int i = 1; i < r->n; i++) {
        if (script_option(r->words[i], "age", &value) && !script_duration(r, value, &age))
            return false;
    }
    for (int i = 1; i < r->n; i++) {
        char *slash = strchr(r->words[i], '/');
        int alg, key, cert;

        if (script_option(r->words[i], "age", &value))
            continue;
        if (slash == NULL || strcmp(slash, "/1") != 0)
            return script_fail(r, "the file begins with the first keys: p256/1");
        *slash = '\0';
        alg = things_alg(r->s, r->words[i]);
        if (alg < 0)
            return script_fail(r, "no algorithm is called \"%s\"", r->words[i]);
        key = things_make_key(r->s, alg);
        cert = key < 0 ? -1 : things_make_cert(r->s, key);
        if (cert < 0)
            return false;
        r->s->keys[key].recorded = r->s->certs[cert].recorded = true;
        r->s->certs[cert].not_before -= age;
        r->s->certs[cert].not_after -= age;
        r->s->file.cert[alg] = cert;
    }
    return true;
}

static bool config_records(struct run *r)
{
    int owner;

    if (!script_words(r, 3, "records OWNER RECORD...") || !script_owner(r, r->words[1], &owner))
        return false;
    return script_recs(r, 2, &r->s->owners[owner].zone.recs);
}

static bool config_start(struct run *r)
{
    if (r->s->n_algs == 0 || r->s->n_servers == 0 || r->s->n_owners == 0)
        return script_fail(r, "a scenario needs alg, servers and owners");
    for (int o = 0; o < r->s->n_owners; o++) {
        struct sim_owner *at = &r->s->owners[o];

        at->zone.ttl = r->s->ttl;
        for (int i = 0; i < r->s->n_recs; i++) {
            if ((at->zone.recs & SIM_BIT(i)) != 0 && r->s->recs[i].of != SIM_OF_NOTHING)
                at->ours |= SIM_BIT(i);
        }
    }
    world_start(r->s);
    shell_start(r->e);
    r->started = true;
    return true;
}

static bool each(struct run *r, bool (*set)(struct run *r, const char *word))
{
    for (int i = 1; i < r->n; i++) {
        if (!set(r, r->words[i]))
            return false;
    }
    return true;
}

bool config_command(struct run *r)
{
    const char *word = r->words[0];

    if (strcmp(word, "policy") == 0)
        return each(r, set_policy);
    if (strcmp(word, "world") == 0)
        return each(r, set_world);
    if (strcmp(word, "alg") == 0)
        return config_alg(r);
    if (strcmp(word, "servers") == 0)
        return config_servers(r);
    if (strcmp(word, "owners") == 0)
        return config_owners(r);
    if (strcmp(word, "file") == 0)
        return config_file(r);
    if (strcmp(word, "records") == 0)
        return config_records(r);
    return config_start(r);
}
