/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that change the world. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "things.h"
#include "world.h"

static bool choose(struct run *r, const char *word, const char *const *names, int n, int *out)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(word, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return script_fail(r, "\"%s\" is not known here: %s, %s ...", word, names[0], names[1]);
}

static bool server_flap(struct run *r, struct sim_server *v)
{
    int64_t d;

    if (!script_words(r, 4, "server NAME flap DURATION") || !script_duration(r, r->words[3], &d))
        return false;
    memcpy(v->kept, v->shows, sizeof v->kept);
    memcpy(v->shows, v->old, sizeof v->shows);
    v->flap_end = r->s->t + d;
    return true;
}

static void server_thaw(struct run *r, struct sim_server *v)
{
    v->frozen = false;
    v->next = r->s->t + (v->lag >= 0 ? v->lag : r->s->sync);
}

static bool server_listing(struct run *r, const char *what)
{
    struct sim_server *v;

    if (strcmp(what, "appears") == 0) {
        sim_mask recs = 0;
        int i = world_server_add(r->s, r->words[1]);

        if (i < 0 || !script_recs(r, 3, &recs))
            return script_fail(r, "too many servers, or no such record");
        r->s->servers[i].frozen = r->n > 3; /* with an old copy of the zone, until it thaws */
        for (int o = 0; o < r->s->n_owners && r->n > 3; o++)
            r->s->servers[i].shows[o].recs = recs;
        return true;
    }
    if (!script_server(r, r->words[1], &v))
        return false;
    v->listed = false;
    v->left_at = r->s->t;
    return true;
}

/* server NAME freeze|thaw|lag D|flap D|appears|departs|answers|silent|bogus|servfail|... */
static bool world_server(struct run *r)
{
    static const char *const moods[] = {"answers",  "silent", "bogus",  "servfail",
                                        "insecure", "lame",   "noroute"};
    struct sim_server *v;
    const char *what;
    int mood = 0;

    if (!script_words(r, 3, "server NAME WHAT"))
        return false;
    what = r->words[2];
    if (strcmp(what, "appears") == 0 || strcmp(what, "departs") == 0)
        return server_listing(r, what);
    if (!script_server(r, r->words[1], &v))
        return false;
    if (strcmp(what, "freeze") == 0) {
        v->frozen = true;
        v->next = SIM_NEVER;
    } else if (strcmp(what, "thaw") == 0) {
        server_thaw(r, v);
    } else if (strcmp(what, "lag") == 0) {
        return script_words(r, 4, "server NAME lag D") && script_duration(r, r->words[3], &v->lag);
    } else if (strcmp(what, "flap") == 0) {
        return server_flap(r, v);
    } else {
        if (!choose(r, what, moods, 7, &mood))
            return false;
        v->mood = (enum sim_mood)mood;
    }
    return true;
}

/* cname OWNER loop; cname OWNER D [TARGET] */
static bool world_cname(struct run *r)
{
    const char *target = r->n > 3 ? r->words[3] : "";
    struct sim_owner *o;
    int owner;
    int64_t d = 0;

    if (!script_words(r, 3, "OWNER DURATION [TARGET], OWNER loop") ||
        !script_owner(r, r->words[1], &owner))
        return false;
    o = &r->s->owners[owner];
    o->cname_loop = strcmp(r->words[2], "loop") == 0;
    if (o->cname_loop)
        return true;
    if (!script_duration(r, r->words[2], &d))
        return false;
    o->cname_ttl = (uint32_t)(d / SEC);
    o->cname = d > 0 ? 2 : 0;
    for (; *target != '\0'; target++)
        o->cname = o->cname * 31 + (uint64_t)(unsigned char)*target;
    return true;
}

/* ttl OWNER D */
static bool world_ttl(struct run *r)
{
    int owner;
    int64_t d;

    if (!script_words(r, 3, "OWNER DURATION") || !script_owner(r, r->words[1], &owner) ||
        !script_duration(r, r->words[2], &d))
        return false;
    world_zone_ttl(r->s, owner, (uint32_t)(d / SEC));
    return true;
}

/* human add|delete OWNER RECORD...|all */
static bool world_human(struct run *r)
{
    int owner;
    sim_mask recs;

    if (!script_words(r, 4, "human add|delete OWNER RECORD...") ||
        !script_owner(r, r->words[2], &owner))
        return false;
    if (strcmp(r->words[3], "all") == 0)
        recs = r->s->owners[owner].zone.recs;
    else if (!script_recs(r, 3, &recs))
        return false;
    if (strcmp(r->words[1], "add") == 0)
        world_human_change(r->s, owner, recs, 0);
    else if (strcmp(r->words[1], "delete") == 0)
        world_human_change(r->s, owner, 0, recs);
    else
        return script_fail(r, "a human can add or delete");
    return true;
}

static bool world_api(struct run *r)
{
    static const char *const names[] = {"honest", "lies", "refuses", "delays"};
    int api = 0;

    if (!script_words(r, 2, "api honest|lies|refuses|delays D") ||
        !choose(r, r->words[1], names, 4, &api))
        return false;
    r->s->api = (enum sim_api)api;
    if (r->s->api == SIM_API_DELAYS)
        return script_words(r, 3, "api delays D") &&
               script_duration(r, r->words[2], &r->s->api_delay);
    return true;
}

/* ca works|fails|takes D|blocks KEY|issuer N|names wrong|names right */
static bool world_ca(struct run *r)
{
    const char *what = r->n > 1 ? r->words[1] : "";

    if (strcmp(what, "works") == 0) {
        r->s->ca = SIM_CA_WORKS;
        r->s->ca_names_wrong = false;
    } else if (strcmp(what, "fails") == 0) {
        r->s->ca = SIM_CA_FAILS;
    } else if (strcmp(what, "takes") == 0 && r->n > 2) {
        return script_duration(r, r->words[2], &r->s->ca_takes);
    } else if (strcmp(what, "names-wrong") == 0) {
        r->s->ca_names_wrong = true;
    } else if (strcmp(what, "blocks") == 0 && r->n > 2) {
        r->s->ca_blocked = things_key_named(r->s, r->words[2]);
    } else if (strcmp(what, "issuer") == 0 && r->n > 2 && strncmp(r->words[2], "ca", 2) == 0) {
        r->s->ca_issuer = (int)strtol(r->words[2] + 2, NULL, 10);
    } else {
        return script_fail(r, "ca works, fails, takes D, names-wrong, blocks KEY or issuer caN");
    }
    return true;
}

/* postfix up|down|reload fails|reload works|elsewhere|here */
static bool world_postfix_command(struct run *r)
{
    const char *what = r->n > 1 ? r->words[1] : "";

    if (strcmp(what, "up") == 0 || strcmp(what, "down") == 0)
        world_postfix(r->s, strcmp(what, "up") == 0);
    else if (strcmp(what, "reload") == 0 && r->n > 2)
        r->s->reload_fails = strcmp(r->words[2], "fails") == 0;
    else if (strcmp(what, "elsewhere") == 0 || strcmp(what, "here") == 0)
        r->s->elsewhere = strcmp(what, "elsewhere") == 0;
    else
        return script_fail(r, "postfix up, down, reload fails|works, elsewhere or here");
    return true;
}

/* proof good|wrong|unreached ALG */
static bool world_proof(struct run *r)
{
    static const char *const names[] = {"good", "wrong", "unreached"};
    int proof = 0, alg;

    if (!script_words(r, 3, "proof good|wrong|unreached ALG") ||
        !choose(r, r->words[1], names, 3, &proof))
        return false;
    alg = things_alg(r->s, r->words[2]);
    if (alg < 0)
        return script_fail(r, "no algorithm is called \"%s\"", r->words[2]);
    r->s->proof[alg] = (enum sim_proof)proof;
    return true;
}

bool world_command(struct run *r)
{
    const char *word = r->words[0];
    bool ok;

    if (strcmp(word, "server") == 0)
        ok = world_server(r);
    else if (strcmp(word, "ttl") == 0)
        ok = world_ttl(r);
    else if (strcmp(word, "cname") == 0)
        ok = world_cname(r);
    else if (strcmp(word, "human") == 0)
        ok = world_human(r);
    else if (strcmp(word, "api") == 0)
        ok = world_api(r);
    else if (strcmp(word, "ca") == 0)
        ok = world_ca(r);
    else if (strcmp(word, "postfix") == 0)
        ok = world_postfix_command(r);
    else if (strcmp(word, "proof") == 0)
        ok = world_proof(r);
    else if (strcmp(word, "clock") == 0)
        ok = script_words(r, 2, "clock +365d") && script_duration(r, r->words[1], &r->s->skew);
    else if (!script_words(r, 2, "session holds|ends"))
        ok = false;
    else {
        world_session(r->s, strcmp(r->words[1], "holds") == 0);
        ok = true;
    }
    if (ok)
        world_advance_to(r->s, r->s->t);
    return ok;
}
