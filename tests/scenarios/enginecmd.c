/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands about time, the engine's life and the operator. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include "conditions.h"
#include "core/facts.h"
#include "core/safety.h"
#include "things.h"
#include "world.h"

static bool engine_advance(struct run *r)
{
    int64_t d;

    if (!script_words(r, 2, "advance DURATION") || !script_duration(r, r->words[1], &d))
        return false;
    d += r->s->t;
    while (shell_tick(r->e, d))
        ;
    return !r->s->broken;
}

/* crash; crash POINT [VERB]: the next time it gets there */
static bool engine_crash(struct run *r)
{
    enum plan_verb verb;

    if (r->n == 1) {
        shell_crash(r->e, "as told");
        return true;
    }
    if (r->n > 2) {
        if (!condition_verb(r->words[2], &verb))
            return script_fail(r, "\"%s\" is not an action", r->words[2]);
        r->e->crash_verb = (int)verb;
    }
    for (int p = 0; p < SHELL_POINTS; p++) {
        if (strcmp(r->words[1], shell_point_name((enum shell_point)p)) == 0) {
            r->e->crash_at = p;
            return true;
        }
    }
    return script_fail(r, "\"%s\" is not a point", r->words[1]);
}

/* reboot DURATION: the machine is away for so long */
static bool engine_reboot(struct run *r)
{
    bool postfix = r->s->postfix_up;
    int64_t d;

    if (!script_words(r, 2, "reboot DURATION") || !script_duration(r, r->words[1], &d))
        return false;
    if (r->e->up)
        shell_crash(r->e, "with the machine");
    world_postfix(r->s, false);
    world_advance_to(r->s, r->s->t + d);
    world_reboot(r->s);
    world_postfix(r->s, postfix);
    if (!r->s->broken)
        shell_start(r->e);
    return !r->s->broken;
}

static bool operator_key(struct run *r, int *fact)
{
    int key;

    if (r->n < 3)
        return script_fail(r, "which key?");
    if (strcmp(r->words[2], "host") == 0) {
        *fact = MODEL_NONE;
        return true;
    }
    key = things_key_named(r->s, r->words[2]);
    *fact = key < 0 ? -1 : shell_fact_key(r->e, key);
    return *fact >= 0 ? true : script_fail(r, "the engine knows no key %s", r->words[2]);
}

/* renew, rollback: the algorithm that is named, or each */
static bool operator_algs(struct run *r, void (*fn)(struct model_facts *f, int alg))
{
    struct model_facts *f = &r->e->mem.facts;
    int alg = r->n > 2 ? things_alg(r->s, r->words[2]) : MODEL_NONE;

    if (r->n > 2 && alg < 0)
        return script_fail(r, "no algorithm is called \"%s\"", r->words[2]);
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (f->algs[a].used && f->algs[a].wanted && (alg == MODEL_NONE || a == alg))
            fn(f, a);
    }
    return true;
}

/* operator roll|renew|rollback [ALG]|compromised KEY|freeze|resume [CAUSE]|unwanted ALG */
static bool engine_operator(struct run *r)
{
    struct model_facts *f = &r->e->mem.facts;
    const char *what = r->n > 1 ? r->words[1] : "";
    int fact = MODEL_NONE;

    while (!r->e->up && r->e->comes_back != SIM_NEVER && shell_tick(r->e, SIM_NEVER))
        ; /* the operator finds it dead for a moment, and tries again */
    if (!r->e->up)
        return script_fail(r, "the engine is down");
    if (strcmp(what, "roll") == 0) {
        facts_roll(f);
    } else if (strcmp(what, "renew") == 0) {
        if (!operator_algs(r, facts_renew))
            return false;
    } else if (strcmp(what, "rollback") == 0) {
        if (!operator_algs(r, facts_rollback))
            return false;
    } else if (strcmp(what, "compromised") == 0) {
        if (!operator_key(r, &fact))
            return false;
        facts_compromised(f, fact, shell_now(r->e));
    } else if (strcmp(what, "freeze") == 0) {
        facts_freeze(f, MODEL_F_OPERATOR);
    } else if (strcmp(what, "resume") == 0) {
        facts_resume(f, r->n > 2 ? condition_cause(r->words[2]) : UINT32_MAX);
    } else if (strcmp(what, "account-lost") == 0) {
        facts_freeze(f, MODEL_F_ACCOUNT);
    } else if ((strcmp(what, "drops") == 0 || strcmp(what, "wants") == 0) && r->n > 2) {
        int alg = things_alg(r->s, r->words[2]);

        if (alg < 0)
            return script_fail(r, "no algorithm is called \"%s\"", r->words[2]);
        f->algs[alg].wanted = strcmp(what, "wants") == 0;
    } else {
        return script_fail(r, "an operator does not \"%s\"", what);
    }
    shell_save(r->e);
    r->e->wake = r->s->t;
    return true;
}

/* force switch|withdraw ...: the act itself, whatever planner and safety say. For the tests of
 * the oracle. */
static bool engine_force(struct run *r)
{
    struct model_facts *f = &r->e->mem.facts;
    struct plan_action a = {.alg = MODEL_NONE,
                            .key = MODEL_NONE,
                            .chain = MODEL_NONE,
                            .owner = MODEL_NONE,
                            .addr = MODEL_NONE,
                            .rec = MODEL_NONE};
    enum plan_verb verb;
    int key, owner;
    sim_mask recs;

    if (!r->e->up || !script_words(r, 3, "force VERB ...") || !condition_verb(r->words[1], &verb))
        return script_fail(r, "force switch KEY, issue KEY, shred KEY or withdraw OWNER RECORD...");
    a.verb = verb;
    for (int i = 0; i < MODEL_MAX_ALGS; i++)
        a.chains[i] = f->algs[i].used ? f->algs[i].current : MODEL_NONE;
    if (verb == PLAN_WITHDRAW) {
        if (!script_owner(r, r->words[2], &owner) || !script_recs(r, 3, &recs))
            return false;
        a.owner = owner;
        for (int i = 0; i < r->s->n_recs; i++) {
            if ((recs & SIM_BIT(i)) != 0)
                a.mask |= MODEL_BIT(shell_fact_rec(r->e, i));
        }
    } else {
        key = things_key_named(r->s, r->words[2]);
        if (key < 0)
            return false;
        a.key = shell_fact_key(r->e, key);
        a.alg = r->s->keys[key].alg;
        for (int c = r->s->n_certs - 1; c >= 0 && verb == PLAN_SWITCH; c--) {
            if (r->s->certs[c].key == key) {
                a.chains[a.alg] = (int8_t)shell_fact_chain(r->e, c);
                break;
            }
        }
    }
    sim_say(r->s, "forced: %s", plan_verb_name(verb));
    shell_act(r->e, &a);
    world_advance_to(r->s, r->s->t);
    return !r->s->broken;
}

/* rule gives-way D: what happens now breaks it, knowingly; after D it holds again */
static bool engine_rule(struct run *r)
{
    int64_t d;

    if (!script_words(r, 3, "rule gives-way D") || strcmp(r->words[1], "gives-way") != 0)
        return script_fail(r, "rule gives-way D");
    if (!script_duration(r, r->words[2], &d))
        return false;
    r->s->gives_way = r->s->t + d;
    return true;
}

bool engine_command(struct run *r)
{
    const char *word = r->words[0];

    if (strcmp(word, "advance") == 0)
        return engine_advance(r);
    if (strcmp(word, "crash") == 0)
        return engine_crash(r);
    if (strcmp(word, "reboot") == 0)
        return engine_reboot(r);
    if (strcmp(word, "operator") == 0)
        return engine_operator(r);
    if (strcmp(word, "force") == 0)
        return engine_force(r);
    if (strcmp(word, "rule") == 0)
        return engine_rule(r);
    if (strcmp(word, "unsafe") == 0)
        r->e->unsafe = true;
    else if (strcmp(word, "backup") == 0)
        r->e->kept = r->e->disk;
    else if (strcmp(word, "restore") == 0 && r->e->up)
        return script_fail(r, "restore while the engine is down: crash first");
    else if (strcmp(word, "restore") == 0)
        r->e->disk = r->e->kept;
    else if (r->e->up) /* restart: another crash was quicker, or the point was never reached */
        r->e->crash_at = -1;
    else
        shell_start(r->e);
    return !r->s->broken;
}
