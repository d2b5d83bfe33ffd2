/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * small - the transitions of the world around the engine; small_engine.c has the engine's
 */
#include "small.h"

#include <string.h>

#include "core/facts.h"
#include "core/phase.h"
#include "core/safety.h"
#include "small_engine.h"

void small_world_default(struct small_world *w)
{
    memset(w, 0, sizeof *w);
    w->ttl = 1;
    w->policy = (struct model_policy){.strategy = MODEL_STANDBY,
                                      .combos = {{3, 1, 1}},
                                      .n_combos = 1,
                                      .poll = SMALL_TICK,
                                      .silence = SMALL_TICK,
                                      .past_ttl = SMALL_TICK,
                                      .ttl_cap = SMALL_FAR,
                                      .floor = SMALL_TICK,
                                      .commit_max = SMALL_TICK,
                                      .renew_before = SMALL_FAR / 4 * 3, /* key 0's is due */
                                      .renew_margin = SMALL_TICK,
                                      .compromised_drain = SMALL_TICK,
                                      .attest_every = SMALL_TICK};
    w->flaps = 1;
    w->wrongs = 1;
    w->lies = SMALL_MANY;
    w->crashes = SMALL_MANY;
}

void small_init(const struct small_world *w, struct small *s)
{
    memset(s, 0, sizeof *s);
    facts_init(&s->facts);
    s->facts.epoch = 1;
    s->facts.postfix_up = true;
    facts_alg(&s->facts, 1, true);
    facts_owner(&s->facts, 0);
    for (int c = 0; c < MODEL_MAX_CHAINS; c++)
        s->cert_of[c] = MODEL_NONE;
    s->chain = MODEL_NONE;
    s->n_keys = s->n_certs = 1;
    s->on_disk = 1;
    s->up = true;
    s->primary = 1;
    for (int i = 0; i < SMALL_SERVERS; i++)
        s->shows[i] = s->before[i] = 1;
    s->flaps_left = (uint8_t)w->flaps;
    s->wrongs_left = (uint8_t)w->wrongs;
    s->lies_left = (uint8_t)w->lies;
    s->crashes_left = (uint8_t)w->crashes;
    s->commands_left = (uint8_t)w->commands;
}

/* One more of what may only happen so often. */
bool small_spend(uint8_t *left)
{
    if (*left == 0)
        return false;
    if (*left != SMALL_MANY)
        --*left;
    return true;
}

void small_now(const struct small *s, struct model_now *now)
{
    *now = (struct model_now){.steady = SMALL_NOW, .wall = SMALL_NOW, .epoch = s->facts.epoch};
}

void small_plan(const struct small_world *w, const struct small *s, struct plan_action *a,
                bool *refused)
{
    struct safety_verdict why;
    struct model_now now;

    *refused = false;
    if (!s->up || s->pc != 0) {
        *a = (struct plan_action){.verb = PLAN_WAIT};
        return;
    }
    small_now(s, &now);
    plan_next(&s->facts, &w->policy, now, a);
    if (a->verb != PLAN_WAIT && !safety_allows(&s->facts, &w->policy, a, now, &why)) {
        a->verb = PLAN_WAIT;
        *refused = true;
    }
}

/* Where the server flaps, what arrives is shown when the flap is over. */
static bool server_syncs(struct small *s, int i)
{
    uint8_t *at = (s->flaps & 1u << i) != 0 ? &s->truth[i] : &s->shows[i];

    if (*at == s->primary)
        return false;
    if (at == &s->shows[i])
        s->before[i] = *at;
    *at = s->primary;
    return true;
}

/* The flap ends. Assumed (safety.md, section 2): a server that agreed does not regress between
 * two good observations at most G apart. So a flap lasts until it was noticed. */
static bool server_recovers(const struct small_world *w, struct small *s, int i)
{
    const struct model_addr *a = &s->facts.owners[0].addrs[i];

    if ((s->flaps & 1u << i) == 0)
        return false;
    if ((s->unseen & 1u << i) != 0 && !s->rebooted && a->last_answer != MODEL_NEVER &&
        SMALL_NOW - a->last_answer <= w->policy.silence)
        return false;
    s->flaps &= (uint8_t) ~(1u << i);
    s->unseen &= (uint8_t) ~(1u << i);
    s->shows[i] = s->truth[i];
    s->truth[i] = 0;
    return true;
}

static bool api_catches_up(struct small *s)
{
    if (s->late_add == 0 && s->late_del == 0)
        return false;
    s->primary = (uint8_t)((s->primary | s->late_add) & ~s->late_del);
    s->late_add = s->late_del = 0;
    return true;
}

static bool process_ends(struct small *s, int i)
{
    if (s->procs[i] == s->file || (i > 0 && s->procs[i] == s->procs[i - 1]))
        return false; /* the second is the same transition as the first */
    s->procs[i] = s->file;
    return true;
}

static bool engine_dies(const struct small_world *w, struct small *s, bool reboot)
{
    if (!s->up || (reboot && !w->reboots) || !small_spend(&s->crashes_left))
        return false;
    s->up = false;
    s->pc = 0;
    s->rebooted = reboot;
    if (reboot) {
        for (int i = 0; i < SMALL_PROCS; i++)
            s->procs[i] = s->file;
    }
    return true;
}

/* Taken whenever there is a way back; whether it is safe is asked when it is planned. */
static bool operator_asks(struct small *s)
{
    const struct model_alg *a = &s->facts.algs[0];

    if (!s->up || s->pc != 0 || a->previous == MODEL_NONE || a->rollback ||
        !small_spend(&s->commands_left))
        return false;
    facts_rollback(&s->facts, 0);
    return true;
}

/* Time goes on only when the engine has nothing left to do at this moment, or is down. */
static bool tick(const struct small_world *w, struct small *s, const struct plan_action *a)
{
    if (s->up && (s->pc != 0 || a->verb != PLAN_WAIT))
        return false;
    if (s->rebooted)
        return true; /* the clock that the engine knows stands still */
    small_grow_older(s);
    for (int i = 0; i < SMALL_SERVERS; i++) {
        for (int k = 0; k < SMALL_KEYS; k++) {
            if (s->since[i][k] > 0 && s->since[i][k] <= w->wait)
                s->since[i][k]++;
        }
    }
    return true;
}

bool small_apply(const struct small_world *w, const struct small *s, enum small_label label,
                 const struct plan_action *a, struct small *out)
{
    *out = *s;
    switch (label) {
    case SMALL_ENGINE:
    case SMALL_ENGINE_FLAP_0:
    case SMALL_ENGINE_FLAP_1:
    case SMALL_ENGINE_SILENT_0:
    case SMALL_ENGINE_SILENT_1:
    case SMALL_ENGINE_LIE:
    case SMALL_ENGINE_WRONG:
    case SMALL_ENGINE_UNREACHED:
        return out->up && small_engine_step(w, out, label, a);
    case SMALL_CRASH:
        return engine_dies(w, out, false);
    case SMALL_REBOOT:
        return engine_dies(w, out, true);
    case SMALL_RESTART:
        if (out->up)
            return false;
        small_engine_start(w, out);
        return true;
    case SMALL_SYNC_0:
    case SMALL_SYNC_1:
        return server_syncs(out, (int)label - (int)SMALL_SYNC_0);
    case SMALL_LATE:
        return api_catches_up(out);
    case SMALL_UNFLAP_0:
    case SMALL_UNFLAP_1:
        return server_recovers(w, out, (int)label - (int)SMALL_UNFLAP_0);
    case SMALL_PROC_0:
    case SMALL_PROC_1:
        return process_ends(out, (int)label - (int)SMALL_PROC_0);
    case SMALL_ROLLBACK_ASKED:
        return operator_asks(out);
    case SMALL_TICK_PASSES:
        return tick(w, out, a);
    case SMALL_LABELS:
        break;
    }
    return false;
}

enum small_label small_well_behaved(const struct small_world *w, const struct small *s,
                                    const struct plan_action *a)
{
    static const enum small_label order[] = {SMALL_LATE,     SMALL_SYNC_0,   SMALL_SYNC_1,
                                             SMALL_UNFLAP_0, SMALL_UNFLAP_1, SMALL_RESTART,
                                             SMALL_ENGINE,   SMALL_PROC_0,   SMALL_PROC_1};
    struct small unused;

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (small_apply(w, s, order[i], a, &unused))
            return order[i];
    }
    return SMALL_TICK_PASSES;
}

/* A rollover is done when another key is served and committed, the old one is no more, and the
 * next standby is in every cache. */
bool small_done(const struct small_world *w, const struct small *s, const struct plan_action *a)
{
    const struct model_facts *f = &s->facts;
    const struct model_alg *alg = &f->algs[0];
    bool standby = false;
    struct model_now now;

    if (!s->up || s->pc != 0 || a->verb != PLAN_WAIT || alg->current == MODEL_NONE || f->roll_now ||
        f->frozen != 0 || (s->on_disk & 1u) != 0 || alg->previous != MODEL_NONE ||
        f->chains[alg->current].committed == MODEL_NEVER)
        return false;
    small_now(s, &now);
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (f->keys[k].used && k != f->chains[alg->current].key &&
            phase_of_key(f, &w->policy, k, now) >= PHASE_OMNIPRESENT &&
            phase_of_key(f, &w->policy, k, now) <= PHASE_STAGED)
            standby = true;
    }
    return standby;
}

void small_look(const struct small *s, struct small_view *out)
{
    memcpy(out->shows, s->shows, sizeof out->shows);
    out->served = (uint8_t)(1u << s->cert_key[s->file]);
    for (int i = 0; i < SMALL_PROCS; i++)
        out->served |= (uint8_t)(1u << s->cert_key[s->procs[i]]);
    out->shredded = (uint8_t)(((1u << s->n_keys) - 1u) & ~(unsigned)s->on_disk);
}

static const char *const labels[] = {"engine",
                                     "engine; server 1 is found gone back",
                                     "engine; server 2 is found gone back",
                                     "engine; server 1 is silent",
                                     "engine; server 2 is silent",
                                     "engine; the API says done and does nothing yet",
                                     "engine; the proof finds the wrong chain",
                                     "engine; the proof reaches nothing",
                                     "the engine dies",
                                     "the machine reboots",
                                     "the engine starts",
                                     "server 1 gets the zone",
                                     "server 2 gets the zone",
                                     "the API does at last what it said",
                                     "server 1 shows again what it had",
                                     "server 2 shows again what it had",
                                     "a process ends, the next loads the file",
                                     "a process ends, the next loads the file",
                                     "the operator asks for a rollback",
                                     "a tick passes"};

const char *small_label_name(enum small_label label)
{
    return labels[label];
}

static const char *const bugs[] = {"none",
                                   "wait-one-short",
                                   "one-server-only",
                                   "no-drain",
                                   "timer-over-flap",
                                   "flap-end-only",
                                   "timer-from-api-call",
                                   "lagging-secondary",
                                   "replace-instead-of-add",
                                   "rollback-after-withdrawal",
                                   "timer-lost-in-crash",
                                   "withdraw-at-switch",
                                   "shred-early",
                                   "forget-too-much"};

const char *small_bug_name(enum small_bug bug)
{
    return bugs[bug];
}

bool small_bug_named(const char *name, enum small_bug *out)
{
    for (int b = 0; b < SMALL_BUGS; b++) {
        if (strcmp(bugs[b], name) == 0) {
            *out = (enum small_bug)b;
            return true;
        }
    }
    return false;
}
