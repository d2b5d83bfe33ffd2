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

#define SPIN 500 /* actions without time passing: a planner that goes round in circles */

const char *forecast_assumption(void)
{
    return "if danemilter runs all the time, every name server answers and follows at once, the "
           "CA issues within a minute, every proof is good, and no session keeps an old process "
           "of Postfix";
}

struct run {
    struct forecast_world w;
    struct forecast *out;
    enum phase phases[MODEL_MAX_KEYS];
    bool switched; /* a switch was seen in the forecast */
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

/* Which key the records are for; NONE when for several. */
static int key_of_recs(const struct model_facts *f, model_mask recs)
{
    int found = MODEL_NONE;
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (!f->keys[k].used || (f->keys[k].recs & recs) == 0)
            continue;
        if (found != MODEL_NONE)
            return MODEL_NONE;
        found = k;
    }
    return found;
}

static void note_dns(struct run *r, const struct plan_action *a)
{
    const struct model_facts *f = &r->w.st.facts;
    char name[64] = "several keys";
    int key = key_of_recs(f, a->mask);
    bool add = a->verb == PLAN_PUBLISH;
    if (key != MODEL_NONE)
        say_key(&r->w.st, key, name, sizeof name);
    event(r, add ? "publish" : "withdraw", MODEL_NONE, key, "%s the TLSA record of %s at %.90s",
          add ? "publish" : "remove", name, r->w.st.owners[a->owner]);
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
        say_key(&r->w.st, a->key, name, sizeof name);
        event(r, "issue", MODEL_NONE, a->key, "get a certificate for %s: %s", name,
              plan_reason_text(a->reason));
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

/* Lets time pass. With nothing to do before the next renewal, in leaps that are as long as good
 * observation allows; else as long as the planner says. */
static bool wait(struct run *r, const struct plan_action *a)
{
    struct plan_action outlook;
    model_time to = a->wake, leap = r->w.policy->silence / 4 * 3;
    plan_outlook(&r->w.st.facts, r->w.policy, r->w.now, &outlook);
    if (idle(&outlook) && r->switched) {
        const struct model_alg *alg = &r->w.st.facts.algs[outlook.alg];
        char name[64];
        r->w.now.wall += outlook.wake - r->w.now.steady;
        say_key(&r->w.st, r->w.st.facts.chains[alg->current].key, name, sizeof name);
        event(r, "renewal-due", outlook.alg, MODEL_NONE,
              "the renewal after that is due (the certificate of %s)", name);
        r->out->end = FORECAST_SETTLED;
        return false;
    }
    if (outlook.verb == PLAN_FREEZE)
        return stuck(r, plan_reason_text(outlook.reason));
    if (idle(&outlook) && leap > to - r->w.now.steady) {
        to = r->w.now.steady + leap;
        if (to > outlook.wake && outlook.wake > r->w.now.steady)
            to = outlook.wake;
    }
    if (to <= r->w.now.steady)
        to = r->w.now.steady + 1;
    forecast_world_pass(&r->w, to - r->w.now.steady);
    r->spin = 0;
    return true;
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
    bool proving = a.verb == PLAN_ATTEST && unproven(f);
    note(r, &a);
    if (!forecast_world_do(&r->w, &a))
        return stuck(r, "there is no room for more keys or certificates before old ones are gone");
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
    note_phases(r, true);
    for (int i = 0; i < FORECAST_STEPS && out->n_events < FORECAST_EVENTS && step(r); i++)
        note_phases(r, false);
    free(r);
    free(s);
    return OUT_OK;
}
