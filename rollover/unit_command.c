/* SPDX-License-Identifier: BSD-2-Clause */
#include "say.h"
#include "unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is answered, sentence by sentence; cut at the end. */
struct reply {
    char *out;
    size_t size, len;
};

ERR_PRINTF(2, 3) static void reply_add(struct reply *r, const char *fmt, ...)
{
    va_list ap;
    if (r->len >= r->size)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(r->out + r->len, r->size - r->len, fmt, ap);
    va_end(ap);
    r->len += n > 0 ? (size_t)n : 0;
}

/* ---- renew ---------------------------------------------------------------------------- */

static enum outcome may_renew(const struct unit *u, int alg, struct err *err)
{
    const struct model_facts *f = &u->st.facts;
    char name[64];
    if (f->algs[alg].current == MODEL_NONE) {
        say_alg(f->algs[alg].type, name, sizeof name);
        return err_set(err, OUT_REFUSED, "nothing of %s is in the chain file yet", name);
    }
    int key = f->chains[f->algs[alg].current].key;
    say_key(&u->st, key, name, sizeof name);
    if (phase_key_usable(&f->keys[key]))
        return OUT_OK;
    return err_set(
        err, OUT_REFUSED,
        "%s is compromised, refused by the CA or not on disk: it gets no certificate any "
        "more; `danectl roll` asks for the next key",
        name);
}

static enum outcome renew(struct unit *u, int alg, struct reply *r, struct err *err)
{
    struct model_facts *f = &u->st.facts;
    char name[64], when[64];
    enum outcome out = may_renew(u, alg, err);
    if (out != OUT_OK)
        return out;
    struct model_key *key = &f->keys[f->chains[f->algs[alg].current].key];
    say_key(&u->st, f->chains[f->algs[alg].current].key, name, sizeof name);
    facts_renew(f, alg);
    key->retry_at = MODEL_NEVER; /* our own back-off; what the issuer asked for stands */
    reply_add(r, "another certificate for %s, with the same key", name);
    if (key->ordering != MODEL_NEVER) {
        say_wall(key->ordering, when, sizeof when);
        reply_add(r, " (an order is under way since %s)", when);
    } else if (key->wait_until > u->now.steady) {
        say_wall(u->now.wall + key->wait_until - u->now.steady, when, sizeof when);
        reply_add(r, " (the issuer wants to be left alone until %s)", when);
    }
    reply_add(r, "; ");
    return OUT_OK;
}

/* ---- roll ----------------------------------------------------------------------------- */

static enum outcome roll(struct unit *u, int alg, struct reply *r, struct err *err)
{
    char name[64];
    say_alg(u->st.facts.algs[alg].type, name, sizeof name);
    if (!u->st.facts.algs[alg].wanted)
        return err_set(err, OUT_REFUSED,
                       "%s is not in the configuration any more: it is being withdrawn", name);
    facts_roll_alg(&u->st.facts, alg);
    reply_add(r, "the next %s key is served as soon as every cache holds its record; ", name);
    return OUT_OK;
}

/* ---- rollback ------------------------------------------------------------------------- */

/* The planner's draft, asked of safety as the planner would. */
static enum outcome may_go_back(const struct unit *u, int alg, struct err *err)
{
    const struct model_facts *f = &u->st.facts;
    struct plan_action a = {.verb = PLAN_ROLLBACK,
                            .reason = PLAN_R_ASKED,
                            .alg = alg,
                            .key = MODEL_NONE,
                            .chain = f->algs[alg].previous,
                            .owner = MODEL_NONE,
                            .addr = MODEL_NONE,
                            .rec = MODEL_NONE};
    struct safety_verdict why;
    char name[64], text[SAY_MAX];
    say_alg(f->algs[alg].type, name, sizeof name);
    if (f->algs[alg].current == MODEL_NONE || f->algs[alg].previous == MODEL_NONE)
        return err_set(err, OUT_REFUSED,
                       "%s: there is no way back: the last switch is committed, or there was none",
                       name);
    say_wall(f->chains[f->algs[alg].previous].not_after, text, sizeof text);
    if (f->chains[f->algs[alg].previous].not_after <= u->now.wall)
        return err_set(err, OUT_REFUSED, "%s: the certificate from before expired at %s", name,
                       text);
    for (int i = 0; i < MODEL_MAX_ALGS; i++)
        a.chains[i] = f->algs[i].used ? f->algs[i].current : MODEL_NONE;
    a.chains[alg] = f->algs[alg].previous;
    if (safety_allows(f, &u->cfg->policy, &a, u->now, &why))
        return OUT_OK;
    say_refusal(&u->st, &why, text, sizeof text);
    return err_set(err, OUT_REFUSED, "%s: not possible now: %s", name, text);
}

static enum outcome go_back(struct unit *u, int alg, struct reply *r, struct err *err)
{
    struct model_facts *f = &u->st.facts;
    char from[64], to[64];
    enum outcome out = may_go_back(u, alg, err);
    if (out != OUT_OK)
        return out;
    say_key(&u->st, f->chains[f->algs[alg].current].key, from, sizeof from);
    say_key(&u->st, f->chains[f->algs[alg].previous].key, to, sizeof to);
    facts_rollback(f, alg);
    f->retry_switch_at = MODEL_NEVER;
    reply_add(r, "back from %s to the chain of %s that was served before; ", from, to);
    return OUT_OK;
}

/* ---- freeze, resume ------------------------------------------------------------------- */

static void freeze(struct unit *u, struct reply *r)
{
    facts_freeze(&u->st.facts, MODEL_F_OPERATOR);
    reply_add(r,
              "no key is switched or withdrawn until `danectl resume %s`; renewals that keep the "
              "key go on; ",
              u->cfg->name);
}

/* Not while Postfix reads another file: that would only lose sight of what it serves. */
static enum outcome resume(struct unit *u, struct reply *r, struct err *err)
{
    char causes[SAY_MAX];
    enum outcome out = u->cfg->deploy->points_here(u->cfg->deploy_self, err);
    if (out != OUT_OK)
        return out;
    say_causes(u->st.facts.frozen, causes, sizeof causes);
    /* A reload that is owed stays owed. */
    facts_resume(&u->st.facts, ~(uint32_t)MODEL_F_RELOAD);
    u->st.facts.adopted = false;
    reply_add(r, "%s%s; the chain file is read anew, and what it holds is where we begin; ",
              causes[0] != '\0' ? "no longer frozen: " : "it was not frozen", causes);
    return OUT_OK;
}

/* ---- all of them ---------------------------------------------------------------------- */

typedef enum outcome verb_fn(struct unit *u, int alg, struct reply *r, struct err *err);

/* For the algorithm that was named, or for each. With none named it is enough that one can. */
static enum outcome for_algs(struct unit *u, enum port_alg which, verb_fn *fn, struct reply *r,
                             struct err *err)
{
    const struct model_facts *f = &u->st.facts;
    char name[16];
    bool any = false, done = false;
    enum outcome out = OUT_OK;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (!f->algs[a].used || (which != 0 && f->algs[a].type != (uint8_t)which) ||
            (which == 0 && !f->algs[a].wanted))
            continue;
        any = true;
        err_clear(err);
        out = fn(u, a, r, err);
        if (out == OUT_OK)
            done = true;
        else
            reply_add(r, "%s; ", err->text);
    }
    if (done) {
        err_clear(err);
        return OUT_OK;
    }
    if (any)
        return out;
    say_alg((uint8_t)which, name, sizeof name);
    return err_set(err, OUT_REFUSED, "certificate %s has no algorithm %s", u->cfg->name, name);
}

static enum outcome apply(struct unit *u, const struct engine_command *c, struct reply *r,
                          struct err *err)
{
    switch (c->verb) {
    case ENGINE_RENEW:
        return for_algs(u, c->alg, renew, r, err);
    case ENGINE_ROLL:
        return for_algs(u, c->alg, roll, r, err);
    case ENGINE_ROLLBACK:
        return for_algs(u, c->alg, go_back, r, err);
    case ENGINE_FREEZE:
        freeze(u, r);
        return OUT_OK;
    case ENGINE_RESUME:
        return resume(u, r, err);
    }
    return err_set(err, OUT_REFUSED, "no such command");
}

static const char *verb_name(enum engine_verb verb)
{
    static const char *const names[] = {[ENGINE_RENEW] = "renew",
                                        [ENGINE_ROLL] = "roll",
                                        [ENGINE_ROLLBACK] = "rollback",
                                        [ENGINE_FREEZE] = "freeze",
                                        [ENGINE_RESUME] = "resume"};
    return names[verb];
}

static enum outcome record(struct unit *u, const struct engine_command *c, const char *text,
                           struct err *err)
{
    char by[64] = "";
    if (c->uid >= 0)
        (void)snprintf(by, sizeof by, " by uid %ld", c->uid);
    return unit_record(u, true, verb_name(c->verb), err, "%s asked for%s: %.700s",
                       verb_name(c->verb), by, text);
}

enum outcome unit_command(struct unit *u, const struct engine_command *command, char *text,
                          size_t size, struct err *err)
{
    struct reply r = {.out = text, .size = size};
    struct plan_action next;
    char outlook[SAY_MAX];
    text[0] = '\0';
    enum outcome out = unit_clock(u, err);
    if (out != OUT_OK)
        return out;
    if (command->dry_run)
        reply_add(&r, "nothing is done now (dry run); it would be: ");
    unit_begin(u);
    out = apply(u, command, &r, err);
    if (out == OUT_OK) {
        plan_outlook(&u->st.facts, &u->cfg->policy, u->now, &next);
        say_action(&u->st, &next, u->now, outlook, sizeof outlook);
        reply_add(&r, "next: %s", outlook);
        if (command->verb == ENGINE_ROLL && u->st.facts.frozen != 0) {
            say_causes(u->st.facts.frozen, outlook, sizeof outlook);
            reply_add(&r, "; no key is switched while it is frozen: %s", outlook);
        }
        out = command->dry_run ? OUT_OK : record(u, command, text, err);
    } else {
        u->st.facts = u->undo;
    }
    if (command->dry_run)
        u->st.facts = u->undo;
    else if (out == OUT_OK) {
        u->wake = MODEL_NEVER; /* in the next step */
        u->looked = u->looked && command->verb != ENGINE_RESUME;
    }
    return out;
}
