/* SPDX-License-Identifier: BSD-2-Clause */
#include "forecast.h"

#include "core/facts.h"
#include "core/phase.h"
#include "core/renew.h"
#include "core/safety.h"
#include "forecast_world.h"
#include "status.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FULL "there is no room for more keys or certificates before old ones are gone"
#define SPIN 500 /* actions without time passing: a planner that goes round in circles */

const char *forecast_assumption(void)
{
    return "danemilter runs all the time, every name server answers and follows at once, the "
           "CA issues within a minute, every proof is good, no session keeps an old process of "
           "Postfix";
}

struct run {
    struct forecast_world w;
    struct forecast *out;
    enum phase phases[MODEL_MAX_KEYS];
    model_time begin;  /* steady */
    model_time quiet;  /* steady: until then phases are no news */
    bool switched;     /* a switch was seen in the forecast */
    bool next_was_due; /* and the renewal after it */
    unsigned spin;
};

/* ---- events ----------------------------------------------------------------------------- */

ERR_PRINTF(5, 6)
static void event(struct run *r, const char *what, int alg, int key, const char *fmt, ...)
{
    const struct model_facts *f = &r->w.st.facts;
    va_list ap;
    if (r->out->n_events == FORECAST_EVENTS)
        return;
    struct forecast_event *e = &r->out->events[r->out->n_events++];
    *e = (struct forecast_event){.wall = r->w.now.wall, .what = what};
    if (key != MODEL_NONE) {
        alg = f->keys[key].alg;
        e->serial = f->keys[key].serial;
    }
    if (alg != MODEL_NONE)
        say_alg(f->algs[alg].type, e->alg, sizeof e->alg);
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
}

/* What time alone brings: a record is in every cache, or in none. */
static void note_phases(struct run *r, bool quiet)
{
    const struct model_facts *f = &r->w.st.facts;
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        char name[64];
        if (!f->keys[k].used) {
            r->phases[k] = PHASE_HIDDEN;
            continue;
        }
        enum phase phase = phase_of_key(f, r->w.policy, k, r->w.now);
        bool was_waiting = r->phases[k] < PHASE_OMNIPRESENT;
        say_key(&r->w.st, k, name, sizeof name);
        if (!quiet && was_waiting && (phase == PHASE_OMNIPRESENT || phase == PHASE_STAGED))
            event(r, "omnipresent", MODEL_NONE, k, "the record of %s is in every cache", name);
        r->phases[k] = phase;
    }
}

/* "p256 key 5, rsa2048 key 6": whose records they are. The first one, or NONE. */
static int keys_of_recs(const struct run *r, model_mask recs, char *out, size_t size)
{
    const struct model_facts *f = &r->w.st.facts;
    int first = MODEL_NONE;
    (void)snprintf(out, size, "nobody's key");
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        char name[64];
        size_t len = first == MODEL_NONE ? 0 : strlen(out);
        if (!f->keys[k].used || (f->keys[k].recs & recs) == 0)
            continue;
        say_key(&r->w.st, k, name, sizeof name);
        (void)snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", name);
        first = len > 0 ? first : k;
    }
    return first;
}

static void note_dns(struct run *r, const struct plan_action *a)
{
    char names[80];
    bool add = a->verb == PLAN_PUBLISH;
    int key = keys_of_recs(r, a->mask, names, sizeof names);
    event(r, add ? "publish" : "withdraw", MODEL_NONE,
          strchr(names, ',') == NULL ? key : MODEL_NONE, "%s TLSA of %s at %.90s",
          add ? "publish" : "remove", names, r->w.st.owners[a->owner]);
}

/* What is served for the algorithm of the key came in this forecast: its renewal is beyond it. */
static bool next_generation(const struct run *r, int alg)
{
    const struct model_facts *f = &r->w.st.facts;
    int c = f->algs[alg].current;
    return r->switched && c != MODEL_NONE && f->chains[c].installed > r->begin;
}

static void note_order(struct run *r, const struct plan_action *a)
{
    char name[64];
    say_key(&r->w.st, a->key, name, sizeof name);
    if (!next_generation(r, r->w.st.facts.keys[a->key].alg)) {
        event(r, "issue", MODEL_NONE, a->key, "order a certificate for %s: %s", name,
              plan_reason_text(a->reason));
    } else if (!r->next_was_due) {
        event(r, "renewal-due", MODEL_NONE, a->key, "the renewal after that is due (%s)", name);
        r->next_was_due = true;
    }
}

static void note_switch(struct run *r, const struct plan_action *a)
{
    const struct model_facts *f = &r->w.st.facts;
    bool back = a->verb == PLAN_ROLLBACK;
    for (int i = 0; i < MODEL_MAX_ALGS; i++) {
        char name[64];
        if (!f->algs[i].used || f->algs[i].current == a->chains[i])
            continue;
        if (a->chains[i] == MODEL_NONE) {
            say_alg(f->algs[i].type, name, sizeof name);
            event(r, "drop", i, MODEL_NONE, "Postfix serves no %s certificate any more", name);
            continue;
        }
        int key = f->chains[a->chains[i]].key;
        bool same = f->algs[i].current != MODEL_NONE && f->chains[f->algs[i].current].key == key;
        say_key(&r->w.st, key, name, sizeof name);
        event(r, back ? "rollback" : "switch", i, key, "%s %s%s",
              back ? "go back to" : "switch Postfix over to", name,
              same ? ", a new certificate for the same key" : "");
    }
    r->switched = true;
}

/* Before the action is done. */
static void note(struct run *r, const struct plan_action *a)
{
    char text[256], name[64];
    switch (a->verb) {
    case PLAN_PUBLISH:
    case PLAN_WITHDRAW:
        note_dns(r, a);
        break;
    case PLAN_SWITCH:
    case PLAN_ROLLBACK:
        note_switch(r, a);
        break;
    case PLAN_ISSUE:
        note_order(r, a);
        break;
    case PLAN_COMMIT:
        say_alg(r->w.st.facts.algs[a->alg].type, name, sizeof name);
        event(r, "commit", a->alg, MODEL_NONE,
              "%s: the switch is final, the certificate from before is let go", name);
        break;
    case PLAN_MAKE_KEY:
    case PLAN_SHRED:
    case PLAN_FREEZE:
        status_action_text(&r->w.st, a, text, sizeof text);
        event(r, plan_verb_name(a->verb), a->alg, a->key, "%s", text);
        break;
    case PLAN_WAIT:
    case PLAN_ADOPT:
    case PLAN_OBSERVE:
    case PLAN_ATTEST:
    case PLAN_THAW:
        break;
    }
}

static bool unproven(const struct model_facts *f)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = f->algs[a].used ? f->algs[a].current : MODEL_NONE;
        if (c != MODEL_NONE && f->chains[c].attested == MODEL_NEVER)
            return true;
    }
    return false;
}

/* ---- the loop --------------------------------------------------------------------------- */

static bool stuck(struct run *r, const char *text)
{
    r->out->end = FORECAST_STUCK;
    (void)snprintf(r->out->stuck, sizeof r->out->stuck, "%s", text);
    return false;
}

/* Nothing but the next renewal is ahead. */
static bool idle(const struct plan_action *outlook)
{
    return outlook->verb == PLAN_ISSUE && outlook->reason == PLAN_R_RENEW_DUE &&
           outlook->key == MODEL_NONE && outlook->wake != MODEL_NEVER;
}

/* The outlook's renewal, or one by age before it (policy.renew_every). `*alg` gets whose. */
static model_time next_due(const struct run *r, const struct plan_action *outlook, int *alg)
{
    const struct model_facts *f = &r->w.st.facts;
    model_time due = outlook->wake;
    *alg = outlook->alg;
    for (int a = 0; a < MODEL_MAX_ALGS && r->w.policy->renew_every != 0; a++) {
        int c = f->algs[a].used && f->algs[a].wanted ? f->algs[a].current : MODEL_NONE;
        if (c == MODEL_NONE || f->chains[c].installed + r->w.policy->renew_every >= due)
            continue;
        due = f->chains[c].installed + r->w.policy->renew_every;
        *alg = a;
    }
    return due;
}

/* More than any record needs to be in every cache when its waiting begins anew. */
static model_time longest_wait(const struct run *r)
{
    model_time worst = 0;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        const struct model_owner *owner = &r->w.st.facts.owners[o];
        model_time wait = owner->used ? phase_wait(owner, r->w.policy, true, r->w.now) : 0;
        if (wait > worst)
            worst = wait;
    }
    return 2 * (worst + r->w.policy->past_ttl + r->w.policy->silence);
}

/* Until when to sleep with nothing to do before `due`. Far from it in one leap, after which what is
 * in every cache has time enough to be found so again; near it in leaps that are no gaps. */
static model_time leap(struct run *r, model_time due, model_time wake)
{
    model_time far = due - longest_wait(r);
    model_time near = r->w.now.steady + r->w.policy->silence / 4 * 3;
    if (far > near) {
        r->quiet = due;
        return far;
    }
    if (due > r->w.now.steady && near > due)
        near = due;
    return near > wake ? near : wake;
}

/* Lets time pass. With nothing to do before the next renewal, in leaps that are as long as good
 * observation allows; else as long as the planner says. */
static bool wait(struct run *r, const struct plan_action *a)
{
    struct plan_action outlook;
    model_time to = a->wake;
    int whose = MODEL_NONE;
    plan_outlook(&r->w.st.facts, r->w.policy, r->w.now, &outlook);
    model_time due = next_due(r, &outlook, &whose);
    if (idle(&outlook) && r->switched) {
        const struct model_alg *alg = &r->w.st.facts.algs[whose];
        char name[64];
        r->w.now.wall += due - r->w.now.steady;
        say_key(&r->w.st, r->w.st.facts.chains[alg->current].key, name, sizeof name);
        event(r, "renewal-due", whose, MODEL_NONE,
              "the renewal after that is due (the certificate of %s)", name);
        r->out->end = FORECAST_SETTLED;
        return false;
    }
    if (outlook.verb == PLAN_FREEZE)
        return stuck(r, plan_reason_text(outlook.reason));
    if (idle(&outlook))
        to = leap(r, due, to);
    r->spin = 0;
    if (forecast_world_pass(&r->w, to > r->w.now.steady ? to : r->w.now.steady + 1))
        return true;
    return stuck(r, FULL);
}

static bool step(struct run *r)
{
    struct plan_action a;
    struct safety_verdict why;
    struct model_facts *f = &r->w.st.facts;
    plan_next(f, r->w.policy, r->w.now, &a);
    if (a.verb == PLAN_WAIT)
        return wait(r, &a);
    if (++r->spin > SPIN)
        return stuck(r, "the same is planned again and again: this is a fault of danemilter");
    if (!safety_allows(f, r->w.policy, &a, r->w.now, &why))
        return stuck(r, safety_text(why.no));
    if (a.verb == PLAN_ADOPT && !f->adopted)
        return stuck(r, "the chain file was not read yet: start danemilter first");
    /* Rollovers follow one another so quickly that nothing is ever idle: the second is not shown.
     */
    if (a.verb == PLAN_SWITCH && r->next_was_due) {
        r->out->end = FORECAST_SETTLED;
        return false;
    }
    bool proving = a.verb == PLAN_ATTEST && unproven(f);
    note(r, &a);
    if (!forecast_world_do(&r->w, &a))
        return stuck(r, FULL);
    if (proving && !unproven(f))
        event(r, "attested", MODEL_NONE, MODEL_NONE, "proven at every address");
    if (a.verb == PLAN_FREEZE)
        return stuck(r, plan_reason_text(a.reason));
    return true;
}

/* ---- obstacles -------------------------------------------------------------------------- */

static struct forecast_obstacle *obstacle(struct forecast *out, const char *what)
{
    if (out->n_obstacles == FORECAST_OBSTACLES) {
        out->more_obstacles = true;
        return NULL;
    }
    out->obstacles[out->n_obstacles].what = what;
    return &out->obstacles[out->n_obstacles++];
}

static void list_obstacles(const struct port_state *st, const struct status *s,
                           struct forecast *out)
{
    struct forecast_obstacle *o;
    for (size_t i = 0; i < s->n_freezes; i++) {
        if ((o = obstacle(out, "freeze")) == NULL)
            return;
        (void)snprintf(o->text, sizeof o->text, "frozen: %s", s->freezes[i].text);
        status_freeze_end(s, &s->freezes[i], o->end, sizeof o->end);
    }
    for (size_t i = 0; i < s->n_servers; i++) {
        if (s->servers[i].sight != STATUS_DISAGREES)
            continue;
        if ((o = obstacle(out, "server")) == NULL)
            return;
        status_server_text(st, &s->servers[i], o->text, sizeof o->text);
        (void)snprintf(o->end, sizeof o->end,
                       "by itself, when this name server answers and shows our records");
    }
    if (!st->facts.postfix_up && st->facts.adopted && (o = obstacle(out, "postfix")) != NULL) {
        (void)snprintf(o->text, sizeof o->text, "Postfix does not run");
        (void)snprintf(o->end, sizeof o->end, "postfix start");
    }
}

enum outcome forecast_run(const char *certificate, const struct port_state *st,
                          const struct model_policy *policy, struct model_now now,
                          struct forecast *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    out->end = FORECAST_LONG;
    struct status *s = calloc(1, sizeof *s);
    struct run *r = calloc(1, sizeof *r);
    if (s == NULL || r == NULL) {
        free(s);
        free(r);
        return err_errno(err, "forecast");
    }
    status_read(certificate, st, policy, now, s);
    list_obstacles(st, s, out);
    r->out = out;
    forecast_world_begin(&r->w, st, policy, now);
    r->begin = r->w.now.steady;
    note_phases(r, true);
    for (int i = 0; i < FORECAST_STEPS && out->n_events < FORECAST_EVENTS && step(r); i++)
        note_phases(r, r->w.now.steady < r->quiet);
    free(r);
    free(s);
    return OUT_OK;
}
