/* SPDX-License-Identifier: BSD-2-Clause */
#include "conditions.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/facts.h"
#include "core/phase.h"
#include "things.h"
#include "world.h"

static const char *const verbs[] = {"wait",     "adopt",  "observe", "make-key", "publish",
                                    "issue",    "switch", "attest",  "commit",   "rollback",
                                    "withdraw", "shred",  "freeze",  "thaw"};

static const char *const causes[] = {"account", "restored", "elsewhere", "clock", "caa",
                                     "dnssec",  "lame",     "deleted",   "size",  "cname",
                                     "disk",    "reload",   "operator",  "usage"};

static const char *const refusals[] = {
    "ok",      "frozen", "unseen",  "wait",     "stale-facts", "signature",  "combination",
    "expired", "key",    "durable", "servable", "foreign",     "unattested", "drain",
    "window",  "size",   "usage",   "cached",   "postfix",     "retired",    "nonsense"};

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

static int find(const char *const *table, int n, const char *word)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(table[i], word) == 0)
            return i;
    }
    return -1;
}

bool condition_verb(const char *word, enum plan_verb *out)
{
    int i = find(verbs, COUNT(verbs), word);

    if (i >= 0)
        *out = (enum plan_verb)i;
    return i >= 0;
}

uint32_t condition_cause(const char *word)
{
    int i = find(causes, COUNT(causes), word);

    return i < 0 ? 0 : (uint32_t)1 << (unsigned)i;
}

static bool no(char why[SIM_TEXT], const char *fmt, ...) SIM_PRINTF(2, 3);
static bool no(char why[SIM_TEXT], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(why, SIM_TEXT, fmt, ap) < 0)
        why[0] = '\0';
    va_end(ap);
    return false;
}

static bool is_phase(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    int key = things_find_key(r->s, words[0]), fact;
    const char *have;

    (void)n;
    if (key < 0)
        return no(why, "there is no such key");
    fact = shell_fact_key(r->e, key);
    if (fact < 0)
        return strcmp(words[1], "forgotten") == 0 ? true : no(why, "it is forgotten");
    have = phase_name(phase_of_key(shell_facts(r->e), &r->e->policy, fact, shell_now(r->e)));
    return strcmp(have, words[1]) == 0 ? true : no(why, "its phase is %s", have);
}

/* file KEY|CERT...: these exactly, whatever the certificate when a key is named */
static bool is_file(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    char have[SIM_TEXT];
    int parts = 0;

    things_file_text(r->s, &r->s->file, have);
    for (int a = 0; a < r->s->n_algs; a++)
        parts += r->s->file.cert[a] >= 0;
    for (int i = 0; i < n; i++) {
        bool found = false;

        for (int a = 0; a < r->s->n_algs; a++) {
            char key[SIM_NAME], cert[SIM_NAME];

            if (r->s->file.cert[a] < 0)
                continue;
            things_key_text(r->s, r->s->certs[r->s->file.cert[a]].key, key);
            things_cert_text(r->s, r->s->file.cert[a], cert);
            found = found || strcmp(words[i], key) == 0 || strcmp(words[i], cert) == 0;
        }
        if (!found)
            return no(why, "the file is %s", have);
    }
    return parts == n ? true : no(why, "the file is %s", have);
}

/* Records by name, of which some may not exist yet. */
static bool parse_recs(struct run *r, char **words, int n, sim_mask *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        int rec;

        if (strchr(words[i], '/') != NULL && strlen(words[i]) > 4 &&
            strchr(words[i], '#') == NULL && things_find_key(r->s, words[i] + 4) < 0)
            return false;
        rec = things_rec_named(r->s, words[i]);
        if (rec < 0)
            return false;
        *out |= SIM_BIT(rec);
    }
    return true;
}

static bool zone_has(struct run *r, char **words, int n, bool exactly, char why[SIM_TEXT])
{
    char have[SIM_TEXT];
    sim_mask want, zone;
    int owner;

    if (!script_owner(r, words[0], &owner))
        return false;
    zone = r->s->owners[owner].zone.recs;
    things_set_text(r->s, zone, have);
    if (n == 2 && strcmp(words[1], "none") == 0)
        want = 0;
    else if (!parse_recs(r, words + 1, n - 1, &want))
        return no(why, "the zone has %s", have);
    if (exactly ? zone == want : (zone & want) == want)
        return true;
    return no(why, "the zone has %s", have);
}

static bool is_records(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    return zone_has(r, words, n, true, why);
}

static bool has_records(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    return zone_has(r, words, n, false, why);
}

/* frozen [CAUSE]: for this cause (others too), or for any */
static bool is_frozen(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    uint32_t have = shell_facts(r->e)->frozen, cause;

    if (n == 0)
        return have != 0 ? true : no(why, "nothing is frozen");
    cause = condition_cause(words[0]);
    if (cause == 0)
        return script_fail(r, "\"%s\" is not a cause", words[0]);
    return (have & cause) != 0 ? true : no(why, "the causes are %" PRIx32, have);
}

static bool is_action(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    struct plan_action a;
    char text[SIM_TEXT];

    (void)n;
    plan_next(shell_facts(r->e), &r->e->policy, shell_now(r->e), &a);
    shell_action_text(r->e, &a, text);
    return strcmp(words[0], verbs[a.verb]) == 0 ? true : no(why, "the plan is %s", text);
}

/* outlook VERB [SERVER]: what is waited for, and whom it waits for */
static bool is_outlook(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    const struct model_facts *f = shell_facts(r->e);
    const char *server = "nobody";
    struct plan_action a;
    char text[SIM_TEXT];

    plan_outlook(f, &r->e->policy, shell_now(r->e), &a);
    shell_action_text(r->e, &a, text);
    if (strcmp(words[0], verbs[a.verb]) != 0)
        return no(why, "the outlook is %s", text);
    if (a.owner >= 0 && a.addr >= 0)
        server = r->s->servers[shell_server_of_ip(f->owners[a.owner].addrs[a.addr].ip)].name;
    if (n > 1 && strcmp(words[1], server) != 0)
        return no(why, "it waits for %s: %s", server, text);
    return true;
}

/* A switch to this key as if a good certificate for it were at hand. */
static bool would_switch(struct run *r, const char *name, struct model_facts *f,
                         struct plan_action *a)
{
    int key = things_find_key(r->s, name), fact = key < 0 ? -1 : shell_fact_key(r->e, key);
    struct model_chain c = {.used = true, .durable = true, .names_ok = true};

    if (fact < 0)
        return script_fail(r, "the engine knows no key %s", name);
    *f = *shell_facts(r->e);
    c.key = (uint8_t)fact;
    c.not_before = sim_wall(r->s) - HOUR;
    c.not_after = sim_wall(r->s) + 90 * DAY;
    c.matches = f->keys[fact].recs;
    *a = (struct plan_action){.verb = PLAN_SWITCH,
                              .alg = f->keys[fact].alg,
                              .key = fact,
                              .owner = MODEL_NONE,
                              .addr = MODEL_NONE,
                              .rec = MODEL_NONE};
    for (int i = 0; i < MODEL_MAX_ALGS; i++)
        a->chains[i] = f->algs[i].used ? f->algs[i].current : MODEL_NONE;
    a->chain = facts_chain_obtained(f, &c, shell_now(r->e));
    a->chains[a->alg] = (int8_t)a->chain;
    return a->chain >= 0 ? true : script_fail(r, "no room for another chain");
}

/* blocked switch KEY [REFUSAL [SERVER]]; blocked withdraw OWNER RECORD [REFUSAL] */
static bool is_blocked(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    struct model_facts *f = malloc(sizeof *f);
    struct safety_verdict v = {.no = SAFETY_NO_NONSENSE};
    struct plan_action a;
    bool sensible = false;
    int owner = 0, at = 2;

    if (f == NULL)
        return script_fail(r, "out of memory");
    if (strcmp(words[0], "switch") == 0) {
        sensible = would_switch(r, words[1], f, &a);
    } else if (strcmp(words[0], "withdraw") == 0 && n > 2 && script_owner(r, words[1], &owner)) {
        int rec = things_rec_named(r->s, words[2]), fact = rec < 0 ? -1 : shell_fact_rec(r->e, rec);

        *f = *shell_facts(r->e);
        a = (struct plan_action){.verb = PLAN_WITHDRAW, .owner = owner};
        a.mask = fact < 0 ? 0 : MODEL_BIT(fact);
        sensible = fact >= 0;
        at = 3;
    } else {
        script_fail(r, "blocked switch KEY or blocked withdraw OWNER RECORD");
    }
    if (sensible && safety_allows(f, &r->e->policy, &a, shell_now(r->e), &v))
        sensible = no(why, "safety allows it");
    if (sensible && n > at && strcmp(words[at], refusals[v.no]) != 0)
        sensible = no(why, "safety refuses it for another reason: %s", refusals[v.no]);
    if (sensible && n > at + 1 &&
        (v.owner < 0 || v.addr < 0 ||
         strcmp(r->s->servers[shell_server_of_ip(f->owners[v.owner].addrs[v.addr].ip)].name,
                words[at + 1]) != 0))
        sensible = no(why, "safety names another server");
    free(f);
    return sensible;
}

static bool is_shredded(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    int key = things_find_key(r->s, words[0]);

    (void)n;
    if (key < 0)
        return no(why, "there is no such key");
    return r->s->keys[key].on_disk ? no(why, "it is on disk") : true;
}

/* done VERB N: carried out so many times */
static bool is_done(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    enum plan_verb verb;

    (void)n;
    if (!condition_verb(words[0], &verb))
        return script_fail(r, "\"%s\" is not an action", words[0]);
    return r->e->done[verb] == strtol(words[1], NULL, 10)
               ? true
               : no(why, "it was done %d times", r->e->done[verb]);
}

static bool is_up(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    (void)words;
    (void)n;
    return r->e->up ? true : no(why, "the engine is down");
}

/* wait-left KEY at-least D: good waiting that the first record of the key still needs */
static bool is_left(struct run *r, char **words, int n, char why[SIM_TEXT])
{
    int key = things_find_key(r->s, words[0]), fact = key < 0 ? -1 : shell_fact_key(r->e, key);
    const struct model_facts *f = shell_facts(r->e);
    model_time left = 0, d;
    int rec = 0;

    (void)n;
    if (fact < 0)
        return no(why, "the engine knows no such key");
    if (!script_duration(r, words[2], &d))
        return false;
    while (rec < MODEL_MAX_RECS && (f->keys[fact].recs & MODEL_BIT(rec)) == 0)
        rec++;
    if (rec < MODEL_MAX_RECS)
        left = phase_rec_left(&f->owners[0], &r->e->policy, rec, false, shell_now(r->e), NULL);
    if (strcmp(words[1], "at-least") == 0 ? left >= d : left <= d)
        return true;
    return no(why, "%" PRId64 " s are left", left / SEC);
}

const struct condition *condition_named(const char *name)
{
    static const struct condition table[] = {
        {"phase", 2, "phase KEY PHASE", is_phase},
        {"file", 0, "file KEY|CERT...", is_file},
        {"records", 2, "records OWNER RECORD...|none", is_records},
        {"has", 2, "has OWNER RECORD...", has_records},
        {"frozen", 0, "frozen [CAUSE]", is_frozen},
        {"action", 1, "action VERB", is_action},
        {"outlook", 1, "outlook VERB [SERVER]", is_outlook},
        {"blocked", 2, "blocked switch KEY [WHY [SERVER]]", is_blocked},
        {"shredded", 1, "shredded KEY", is_shredded},
        {"done", 2, "done VERB N", is_done},
        {"up", 0, "up", is_up},
        {"wait-left", 3, "wait-left KEY at-least|at-most D", is_left},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}
