/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine.h"

#include "say.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENGINE_UNITS_MAX 4096
#define ENGINE_NAP_MAX (INT64_C(3600) * 1000) /* look around at least once an hour */
#define ENGINE_BACKOFF_MIN INT64_C(500)
#define ENGINE_BACKOFF_MAX (INT64_C(3600) * 1000)

struct engine {
    struct engine_world world;
    struct unit **units;
    size_t n_units;
    uint32_t jitter; /* a small generator's state: spreads retries, guards nothing */
};

enum outcome engine_new(const struct engine_world *world, struct engine **out, struct err *err)
{
    struct engine *e = calloc(1, sizeof *e);
    if (e == NULL)
        return err_errno(err, "engine");
    e->world = *world;
    e->jitter = 2463534242u;
    *out = e;
    return OUT_OK;
}

void engine_free(struct engine **e)
{
    if (*e == NULL)
        return;
    for (size_t i = 0; i < (*e)->n_units; i++) {
        unit_clear((*e)->units[i]);
        free((*e)->units[i]);
    }
    free((*e)->units);
    free(*e);
    *e = NULL;
}

enum outcome engine_add(struct engine *e, const struct engine_certificate *cert, struct err *err)
{
    if (e->n_units == ENGINE_UNITS_MAX)
        return err_set(err, OUT_REFUSED, "more than %d certificates", ENGINE_UNITS_MAX);
    struct unit **units = realloc(e->units, (e->n_units + 1) * sizeof(struct unit *));
    if (units == NULL)
        return err_errno(err, "certificate %s", cert->name);
    e->units = units;
    struct unit *u = calloc(1, sizeof *u);
    if (u == NULL)
        return err_errno(err, "certificate %s", cert->name);
    u->world = &e->world;
    u->cfg = cert;
    enum outcome out = unit_load(u, err);
    if (out != OUT_OK) {
        unit_clear(u);
        free(u);
        return out;
    }
    e->units[e->n_units++] = u;
    return OUT_OK;
}

/* xorshift32 (Marsaglia): enough to keep machines from retrying in step. */
static uint32_t engine_random(struct engine *e)
{
    e->jitter ^= e->jitter << 13;
    e->jitter ^= e->jitter >> 17;
    e->jitter ^= e->jitter << 5;
    return e->jitter;
}

static model_time backoff(struct engine *e, unsigned fails)
{
    model_time ms = ENGINE_BACKOFF_MIN;
    for (unsigned i = 0; i < fails && ms < ENGINE_BACKOFF_MAX; i++)
        ms *= 2;
    if (ms > ENGINE_BACKOFF_MAX)
        ms = ENGINE_BACKOFF_MAX;
    return ms / 2 + (model_time)(engine_random(e) % (uint32_t)(ms / 2 + 1));
}

/* ---- saying what is done, once -------------------------------------------------------- */

static bool same_said(const struct plan_action *a, const struct plan_action *b)
{
    return a->verb == b->verb && a->reason == b->reason && a->alg == b->alg && a->key == b->key &&
           a->owner == b->owner && a->addr == b->addr && a->rec == b->rec && a->causes == b->causes;
}

/* What is waited for. What can be done at once says so when it is done. */
static void say_plan(struct unit *u, model_time until)
{
    struct plan_action a;
    char text[SAY_MAX];
    unit_batch_outlook(u, until, &a);
    if (a.wake == u->now.steady || same_said(&a, &u->said))
        return;
    u->said = a;
    say_action(&u->st, &a, u->now, text, sizeof text);
    unit_log(u, PORT_LOG_INFO, "waiting: %s", text);
}

static void say_phases(struct unit *u)
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        char key[64];
        if (!u->st.facts.keys[k].used) {
            u->said_phase[k] = 0;
            continue;
        }
        enum phase phase = phase_of_key(&u->st.facts, &u->cfg->policy, k, u->now);
        if (u->said_phase[k] == (uint8_t)phase + 1)
            continue;
        u->said_phase[k] = (uint8_t)((uint8_t)phase + 1);
        say_key(&u->st, k, key, sizeof key);
        unit_log(u, PORT_LOG_INFO, "%s is %s", key, phase_name(phase));
    }
}

static void say_refused(struct unit *u, const struct safety_verdict *v)
{
    char text[SAY_MAX];
    if (u->said_no == v->no)
        return;
    u->said_no = v->no;
    say_refusal(&u->st, v, text, sizeof text);
    unit_log(u, PORT_LOG_WARNING, "not done: %s", text);
}

/* What keeps the certificate from being looked at: said when it begins or changes. */
static void say_trouble(struct unit *u, const char *text)
{
    if (strcmp(u->said_trouble, text) == 0)
        return;
    (void)snprintf(u->said_trouble, sizeof u->said_trouble, "%s", text);
    unit_log(u, PORT_LOG_ERROR, "%s", text);
}

/* ---- one action ----------------------------------------------------------------------- */

/* The last look before a switch: the targets as they are, then the name servers "in the second
 * before". Neither can forbid by failing: safety judges what is known afterwards. */
static enum outcome act_switch(struct unit *u, const struct plan_action *a, struct err *err)
{
    struct err note = ERR_INIT;
    struct safety_verdict why;
    if (a->verb == PLAN_SWITCH && unit_proof_before(u, &note) != OUT_OK)
        unit_log(u, PORT_LOG_WARNING, "no proof of the old state before the switch: %s", note.text);
    for (size_t o = 0; o < u->cfg->n_owners; o++) {
        err_clear(&note);
        if (unit_observe(u, (int)o, &note) != OUT_OK)
            unit_log(u, PORT_LOG_WARNING, "%s: %s", u->cfg->owners[o].owner, note.text);
    }
    enum outcome out = unit_clock(u, err);
    if (out != OUT_OK)
        return out;
    if (!safety_allows(&u->st.facts, &u->cfg->policy, a, u->now, &why)) {
        say_refused(u, &why);
        return err_set(err, OUT_NOT_YET, "not switched after the last look");
    }
    return unit_switch(u, a, err);
}

static enum outcome act_freeze(struct unit *u, const struct plan_action *a, struct err *err)
{
    char causes[SAY_MAX];
    say_causes(a->causes, causes, sizeof causes);
    unit_begin(u);
    if (a->verb == PLAN_FREEZE)
        facts_freeze(&u->st.facts, a->causes);
    else
        facts_thaw(&u->st.facts, a->causes);
    return unit_record(u, true, a->verb == PLAN_FREEZE ? "frozen" : "thawed", err, "%s: %s",
                       a->verb == PLAN_FREEZE ? "frozen" : "no longer frozen", causes);
}

static enum outcome act(struct unit *u, const struct plan_action *a, struct err *err)
{
    switch (a->verb) {
    case PLAN_ADOPT:
        return unit_adopt(u, err);
    case PLAN_OBSERVE:
        return unit_observe(u, a->owner, err);
    case PLAN_MAKE_KEY:
        return unit_make_key(u, a->alg, err);
    case PLAN_PUBLISH:
        return unit_publish(u, a, err);
    case PLAN_ISSUE:
        return unit_issue(u, a->key, err);
    case PLAN_SWITCH:
    case PLAN_ROLLBACK:
        return act_switch(u, a, err);
    case PLAN_ATTEST:
        return unit_attest(u, err);
    case PLAN_COMMIT:
        return unit_commit(u, a->alg, err);
    case PLAN_WITHDRAW:
        return unit_withdraw(u, a, err);
    case PLAN_SHRED:
        return unit_shred(u, a->key, err);
    case PLAN_FREEZE:
    case PLAN_THAW:
        return act_freeze(u, a, err);
    case PLAN_WAIT:
        break;
    }
    return OUT_OK;
}

static void look_at_postfix(struct unit *u)
{
    struct err note = ERR_INIT;
    bool up = false;
    if (u->cfg->deploy->running(u->cfg->deploy_self, &up, &note) != OUT_OK)
        up = false;
    if (up != u->st.facts.postfix_up)
        unit_log(u, up ? PORT_LOG_INFO : PORT_LOG_WARNING, "Postfix is %s",
                 up ? "running" : "not running: nothing is switched until it is");
    u->st.facts.postfix_up = up;
}

/* Holds an action back until `until`: the planner looks for something else meanwhile. */
static void hold(struct unit *u, const struct plan_action *a, model_time until)
{
    struct model_facts *f = &u->st.facts;
    switch (a->verb) {
    case PLAN_ISSUE:
    case PLAN_SHRED:
        f->keys[a->key].retry_at = until;
        break;
    case PLAN_MAKE_KEY:
        f->algs[a->alg].retry_at = until;
        break;
    case PLAN_PUBLISH:
    case PLAN_WITHDRAW:
        f->owners[a->owner].retry_at = until;
        break;
    case PLAN_SWITCH:
    case PLAN_ROLLBACK:
        f->retry_switch_at = until;
        break;
    case PLAN_ATTEST: /* unit_attest() noted the time; the planner keeps the distance */
    case PLAN_OBSERVE:
        break;
    case PLAN_ADOPT:
    case PLAN_COMMIT:
    case PLAN_FREEZE:
    case PLAN_THAW:
    case PLAN_WAIT:
        u->wake = until; /* nothing else can be done before these */
        break;
    }
}

/* Row 43 clears by itself: the file is as it was, so that a reload is harmless at any time. */
static void retry_reload(struct engine *e, struct unit *u)
{
    struct err err = ERR_INIT;
    if ((u->st.facts.frozen & MODEL_F_RELOAD) == 0 || !u->st.facts.postfix_up ||
        u->st.facts.retry_switch_at > u->now.steady)
        return;
    if (unit_reload(u, &err) != OUT_OK) {
        u->st.facts.retry_switch_at = u->now.steady + backoff(e, u->fails[PLAN_SWITCH]++);
        return;
    }
    facts_thaw(&u->st.facts, MODEL_F_RELOAD);
    u->fails[PLAN_SWITCH] = 0;
    if (unit_record(u, false, "thawed", &err, "postfix reload works again") != OUT_OK)
        say_trouble(u, err.text);
}

/* The algorithm or the owner that an action is about: another key or record will do as well. */
static int subject(const struct unit *u, const struct plan_action *a)
{
    if (a->verb == PLAN_ISSUE)
        return u->st.facts.keys[a->key].alg;
    return a->verb == PLAN_PUBLISH || a->verb == PLAN_WITHDRAW ? a->owner : MODEL_NONE;
}

static void act_done(struct unit *u, const struct plan_action *a)
{
    u->fails[a->verb] = 0;
    u->said_no = SAFETY_OK;
    if (u->rejected_verb == a->verb && u->rejected_at == subject(u, a))
        u->rejected[0] = '\0';
}

/* What was refused is told until the same is done; it will not come right by waiting. */
static void remember_rejection(struct unit *u, const struct plan_action *a, const struct err *err)
{
    u->rejected_verb = a->verb;
    u->rejected_at = subject(u, a);
    (void)snprintf(u->rejected, sizeof u->rejected, "%s: %.900s", plan_verb_name(a->verb),
                   err->text);
}

static void act_failed(struct engine *e, struct unit *u, const struct plan_action *a,
                       enum outcome out, const struct err *err)
{
    struct err more = ERR_INIT;
    model_time ms = out == OUT_NOT_YET ? u->cfg->policy.poll : backoff(e, u->fails[a->verb]++);
    if (a->verb == PLAN_ISSUE && u->least_wait > ms)
        ms = u->least_wait;
    hold(u, a, u->now.steady + ms);
    if (out == OUT_REFUSED)
        remember_rejection(u, a, err);
    if (err->text[0] != '\0' && (a->verb != PLAN_ISSUE || out == OUT_NOT_YET))
        unit_log(u, out == OUT_NOT_YET ? PORT_LOG_INFO : PORT_LOG_WARNING, "%s: %s",
                 plan_verb_name(a->verb), err->text);
    /* Rows 2 and 3: when the CA may be asked again must survive a restart. */
    if (a->verb == PLAN_ISSUE && out != OUT_NOT_YET &&
        unit_record(u, false, "not-issued", &more, "no certificate: %.900s", err->text) != OUT_OK)
        say_trouble(u, more.text);
}

static void unit_try(struct engine *e, struct unit *u, const struct plan_action *a)
{
    struct err err = ERR_INIT;
    struct safety_verdict why;
    enum outcome out = OUT_NOT_YET;
    if (!safety_allows(&u->st.facts, &u->cfg->policy, a, u->now, &why))
        say_refused(u, &why);
    else
        out = act(u, a, &err);
    if (u->half.open)
        return; /* end_shared() */
    if (out != OUT_OK)
        act_failed(e, u, a, out, &err);
    else if (a->verb != PLAN_ISSUE || u->world->work == NULL)
        act_done(u, a); /* an order that was started is not done yet */
}

/* Orders that have ended since the last step. */
static void take_jobs(struct engine *e, struct unit *u)
{
    struct plan_action a = {.verb = PLAN_ISSUE};
    struct err err = ERR_INIT;
    enum outcome out;
    while (unit_take_job(u, &a.key, &out, &err)) {
        if (out == OUT_OK)
            act_done(u, &a);
        else
            act_failed(e, u, &a, out, &err);
        err_clear(&err);
    }
}

/* Once after each start: does the file still hold what the facts say? */
static void look_at_file(struct unit *u)
{
    struct err err = ERR_INIT;
    if (u->looked || !u->st.facts.adopted || unit_pending(&u->st.facts))
        return;
    enum outcome out = unit_check_file(u, &err);
    u->looked = out == OUT_OK || out == OUT_REFUSED;
    if (out != OUT_OK)
        unit_log(u, PORT_LOG_ERROR, "%s", err.text);
}

/* Somebody reloaded Postfix: do senders still see what the file holds? Whatever comes of it, the
 * facts know; not again before the next reload. */
static void prove_again(struct unit *u)
{
    struct err err = ERR_INIT;
    if (!u->prove || !u->st.facts.postfix_up || !u->st.facts.adopted)
        return;
    u->prove = false;
    if (unit_attest(u, &err) != OUT_OK && err.text[0] != '\0')
        unit_log(u, PORT_LOG_WARNING, "proof that was asked for: %s", err.text);
}

/* False: something stands in the way of everything. */
static bool unit_look_around(struct engine *e, struct unit *u)
{
    struct err err = ERR_INIT;
    enum outcome out = unit_clock(u, &err);
    if (out == OUT_OK)
        out = u->st.facts.adopted ? unit_recover(u, &err) : OUT_OK; /* else it is read anew */
    if (out != OUT_OK) {
        say_trouble(u, err.text);
        u->wake = u->now.steady + u->cfg->policy.poll;
        return false;
    }
    u->said_trouble[0] = '\0';
    look_at_postfix(u);
    look_at_file(u);
    retry_reload(e, u);
    take_jobs(e, u);
    prove_again(u);
    facts_sweep(&u->st.facts, &u->cfg->policy, u->now);
    return true;
}

static void unit_step(struct engine *e, struct unit *u)
{
    struct plan_action a;
    if (!unit_look_around(e, u)) {
        unit_tell(u);
        return;
    }
    model_time until = unit_batch_wait(u, e->units, e->n_units);
    unit_batch_plan(u, until, &a);
    if (a.verb == PLAN_WAIT)
        u->wake = a.wake;
    else
        unit_try(e, u, &a);
    if (a.verb == PLAN_OBSERVE && a.reason == PLAN_R_READY) {
        /* Seen just now: that does not last while others have their turn. */
        unit_batch_plan(u, until, &a);
        if (a.verb == PLAN_SWITCH)
            unit_try(e, u, &a);
    }
    say_phases(u);
    say_plan(u, until);
    unit_tell(u);
}

/* One reload for all whose files were renamed in this pass. */
static void end_shared(struct engine *e)
{
    const struct plan_action a = {.verb = PLAN_SWITCH};
    for (size_t i = 0; i < e->n_units; i++) {
        struct unit *first = e->units[i];
        struct err why = ERR_INIT;
        if (!first->half.open)
            continue;
        enum outcome out = unit_reload(first, &why);
        for (size_t j = i; j < e->n_units; j++) {
            struct unit *u = e->units[j];
            struct err err = why;
            if (!u->half.open || !unit_batch_together(first, u))
                continue;
            enum outcome mine = unit_switch_end(u, out, &err);
            if (mine == OUT_OK)
                act_done(u, &a);
            else
                act_failed(e, u, &a, mine, &err);
        }
    }
}

static struct unit *find_unit(const struct engine *e, const char *certificate)
{
    for (size_t i = 0; i < e->n_units; i++) {
        if (strcmp(e->units[i]->cfg->name, certificate) == 0)
            return e->units[i];
    }
    return NULL;
}

enum outcome engine_command(struct engine *e, const struct engine_command *command, char *text,
                            size_t size, struct err *err)
{
    struct unit *u = find_unit(e, command->certificate);
    if (u == NULL)
        return err_set(err, OUT_REFUSED, "no certificate is called \"%s\"", command->certificate);
    return unit_command(u, command, text, size, err);
}

void engine_reloaded(struct engine *e)
{
    for (size_t i = 0; i < e->n_units; i++) {
        e->units[i]->looked = false;
        e->units[i]->prove = true;
        e->units[i]->wake = MODEL_NEVER;
    }
}

void engine_suspect(struct engine *e, const char *certificate, const char *why)
{
    for (size_t i = 0; i < e->n_units; i++)
        unit_suspect(e->units[i], certificate, why);
}

void engine_step(struct engine *e, model_time *sleep_ms)
{
    model_time nap = ENGINE_NAP_MAX;
    for (size_t i = 0; i < e->n_units; i++) {
        struct unit *u = e->units[i];
        struct err err = ERR_INIT;
        if (unit_clock(u, &err) != OUT_OK) {
            unit_log(u, PORT_LOG_ERROR, "%s", err.text);
            continue;
        }
        if (u->wake <= u->now.steady || unit_job_ready(u))
            unit_step(e, u);
        model_time left = u->wake > u->now.steady ? u->wake - u->now.steady : 0;
        if (left < nap)
            nap = left;
    }
    end_shared(e);
    *sleep_ms = nap;
}
