/* SPDX-License-Identifier: BSD-2-Clause */
#include "small_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/facts.h"

/* ---- names of keys and records: number + 1 in the first octet --------------------------- */

static int rec_of_key(struct small *s, uint8_t key)
{
    uint8_t id[MODEL_ID_LEN] = {(uint8_t)(key + 1)};
    int rec = facts_rec(&s->facts, (struct model_combo){3, 1, 1}, id);

    if (rec < 0) {
        fputs("explorer: no room for a record: MODEL_MAX_RECS is too small for this world\n",
              stderr);
        abort();
    }
    return rec;
}

static uint8_t keys_of_recs(const struct small *s, model_mask recs)
{
    uint8_t keys = 0;

    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((recs & MODEL_BIT(r)) != 0 && s->facts.recs[r].used)
            keys |= (uint8_t)(1u << (s->facts.recs[r].id[0] - 1));
    }
    return keys;
}

static model_mask recs_of_keys(struct small *s, uint8_t keys)
{
    model_mask recs = 0;

    for (uint8_t k = 0; k < SMALL_KEYS; k++) {
        if ((keys & 1u << k) != 0)
            recs |= MODEL_BIT(rec_of_key(s, k));
    }
    return recs;
}

static void refresh_matches(struct small *s)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        struct model_chain *chain = &s->facts.chains[c];

        if (!chain->used)
            continue;
        chain->matches = 0;
        for (int r = 0; r < MODEL_MAX_RECS; r++) {
            if (s->facts.recs[r].used &&
                s->facts.recs[r].id[0] == s->facts.keys[chain->key].spki[0])
                chain->matches |= MODEL_BIT(r);
        }
    }
}

/* ---- keys, chains, the file ------------------------------------------------------------- */

static void enter_key(struct small *s, uint8_t key, bool adopted)
{
    uint8_t spki[MODEL_ID_LEN] = {(uint8_t)(key + 1)};
    int rec = rec_of_key(s, key);
    struct model_now now;

    small_now(s, &now);
    s->facts.recs[rec].ours = true;
    facts_key_made(&s->facts, 0, spki, MODEL_BIT(rec), adopted, now);
}

/* A certificate for a key of the facts. The table may be full: the engine tries again. */
static void enter_chain(struct small *s, int key, int cert)
{
    struct model_chain chain = {.used = true,
                                .key = (uint8_t)key,
                                .durable = true,
                                .names_ok = true,
                                .not_before = SMALL_NOW - SMALL_FAR,
                                .not_after = SMALL_NOW + (cert == 0 ? SMALL_FAR / 2 : SMALL_FAR)};
    struct model_now now;
    int index;

    small_now(s, &now);
    index = facts_chain_obtained(&s->facts, &chain, now);
    if (index < 0) {
        fputs("explorer: no room for a chain: MODEL_MAX_CHAINS is too small\n", stderr);
        abort();
    }
    s->cert_of[index] = (int8_t)cert;
    refresh_matches(s);
}

static void adopt(struct small *s)
{
    int8_t chains[MODEL_MAX_ALGS] = {0};
    struct model_now now;

    small_now(s, &now);
    enter_key(s, 0, true);
    enter_chain(s, 0, s->file);
    facts_file_holds(&s->facts, chains, false, now);
    s->facts.adopted = true;
}

static void make_key(struct small *s)
{
    if (s->n_keys == SMALL_KEYS) {
        fputs("explorer: one key more than this world has\n", stderr);
        abort();
    }
    s->on_disk |= (uint8_t)(1u << s->n_keys);
    enter_key(s, s->n_keys, false);
    s->n_keys++;
}

static void issue(struct small *s, int key)
{
    if (s->n_certs == SMALL_CERTS) {
        fputs("explorer: one certificate more than this world has\n", stderr);
        abort();
    }
    s->cert_key[s->n_certs] = (uint8_t)(s->facts.keys[key].spki[0] - 1);
    enter_chain(s, key, s->n_certs);
    s->n_certs++;
}

static void file_is(struct small *s, bool rollback)
{
    int8_t chains[MODEL_MAX_ALGS] = {MODEL_NONE};
    struct model_now now;

    small_now(s, &now);
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (s->facts.chains[c].used && s->cert_of[c] == s->file)
            chains[0] = (int8_t)c;
    }
    if (chains[0] == MODEL_NONE) {
        fputs("explorer: the engine has forgotten the chain in the file\n", stderr);
        abort();
    }
    facts_file_holds(&s->facts, chains, rollback, now);
}

/* ---- DNS -------------------------------------------------------------------------------- */

static int server_of(enum small_label label)
{
    switch (label) {
    case SMALL_ENGINE_FLAP_0:
    case SMALL_ENGINE_SILENT_0:
        return 0;
    case SMALL_ENGINE_FLAP_1:
    case SMALL_ENGINE_SILENT_1:
        return 1;
    default:
        return -1;
    }
}

/* A server goes back to what it showed before its last change. Assumed (safety.md, section 2):
 * not any more once its whole wait was good, that is, once the records which it would lose are
 * relied upon, or the keys of those which it would show again are no more. */
static bool flap(struct small *s, int i)
{
    uint8_t lost = (uint8_t)(s->shows[i] & ~s->before[i]);
    uint8_t again = (uint8_t)(s->before[i] & ~s->shows[i]);
    struct small_view view;

    small_look(s, &view);
    if (s->facts.algs[0].pending != MODEL_NONE)
        view.served |= (uint8_t)(1u << s->cert_key[s->cert_of[s->facts.algs[0].pending]]);
    if ((s->flaps & 1u << i) != 0 || (lost == 0 && again == 0) || (lost & view.served) != 0 ||
        (again & view.shredded) != 0 || !small_spend(&s->flaps_left))
        return false;
    s->flaps |= (uint8_t)(1u << i);
    s->unseen |= (uint8_t)(1u << i);
    s->truth[i] = s->shows[i];
    s->shows[i] = s->before[i];
    return true;
}

/* What the engine is told that a server shows. */
static uint8_t told(const struct small_world *w, const struct small *s, int i)
{
    if (w->bug == BUG_TIMER_FROM_API_CALL)
        return (uint8_t)(s->shows[i] | keys_of_recs(s, s->facts.owners[0].want));
    if (w->bug == BUG_TIMER_OVER_FLAP && (s->flaps & 1u << i) != 0)
        return s->truth[i];
    return s->shows[i];
}

/* Mistakes in how long a record is believed to be there. */
static void spoil_timers(const struct small_world *w, struct small *s)
{
    struct model_owner *o = &s->facts.owners[0];

    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        model_time first = o->addrs[0].sights[r].since;

        for (int i = 0; i < SMALL_SERVERS; i++) {
            struct model_sight *sight = &o->addrs[i].sights[r];
            uint8_t *age;

            if (!s->facts.recs[r].used || sight->state != MODEL_PRESENT)
                continue;
            age = &s->since[i][s->facts.recs[r].id[0] - 1];
            if (w->bug == BUG_LAGGING_SECONDARY && o->addrs[0].sights[r].state == MODEL_PRESENT &&
                first < sight->since)
                sight->since = first;
            if (w->bug == BUG_FLAP_END_ONLY && *age == 0)
                *age = (uint8_t)(1 + (SMALL_NOW - sight->since) / SMALL_TICK);
            if (w->bug == BUG_FLAP_END_ONLY)
                sight->since = SMALL_NOW - (*age - 1) * SMALL_TICK;
        }
    }
}

static bool observe(const struct small_world *w, struct small *s, enum small_label label)
{
    struct facts_round round = {.begin = SMALL_NOW, .end = SMALL_NOW};
    bool silent = label == SMALL_ENGINE_SILENT_0 || label == SMALL_ENGINE_SILENT_1;
    int odd = server_of(label), n = w->bug == BUG_ONE_SERVER_ONLY ? 1 : SMALL_SERVERS;
    struct model_now now;

    if (label != SMALL_ENGINE && (odd < 0 || (silent && !w->silence) || (!silent && !flap(s, odd))))
        return false;
    small_now(s, &now);
    for (int i = 0; i < n; i++) {
        struct facts_answer *ans = &round.answers[round.n_answers++];

        ans->ip[15] = (uint8_t)(i + 1);
        ans->kind = silent && odd == i ? MODEL_ANS_SILENT : MODEL_ANS_RRSET;
        ans->present = recs_of_keys(s, told(w, s, i));
        ans->ttl = w->ttl;
        ans->sig_until = SMALL_NOW + SMALL_FAR;
        ans->ns_ttl = SMALL_FAR;
        if (!silent || odd != i)
            s->unseen &= (uint8_t) ~(1u << i);
    }
    refresh_matches(s);
    facts_observed(&s->facts, 0, &round, &w->policy, now);
    if (!s->facts.owners[0].based) {
        facts_baseline(&s->facts, 0);
        facts_publish_intent(&s->facts, 0, recs_of_keys(s, 1), now); /* handed over by `adopt` */
    }
    spoil_timers(w, s);
    facts_sweep(&s->facts, &w->policy, now);
    return true;
}

/* ---- the proof -------------------------------------------------------------------------- */

static void find_drained(const struct small_world *w, struct small *s, struct model_now now)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        bool lives = false;

        if (!s->facts.chains[c].used || s->facts.chains[c].left == MODEL_NEVER ||
            s->facts.chains[c].drained != MODEL_NEVER)
            continue;
        for (int i = 0; i < SMALL_PROCS; i++)
            lives = lives || s->procs[i] == s->cert_of[c];
        if (!lives || w->bug == BUG_NO_DRAIN)
            facts_drained(&s->facts, c, now);
    }
}

static bool attest(const struct small_world *w, struct small *s, enum small_label label)
{
    int current = s->facts.algs[0].current;
    struct model_now now;

    small_now(s, &now);
    facts_attest_tried(&s->facts, now);
    if (label == SMALL_ENGINE_WRONG) {
        if (!small_spend(&s->wrongs_left))
            return false;
        facts_wrong(&s->facts, current, now);
    } else if (label == SMALL_ENGINE) {
        facts_attested(&s->facts, current, now);
        find_drained(w, s, now);
    } else if (label != SMALL_ENGINE_UNREACHED) {
        return false;
    }
    return true;
}

/* ---- steps in several parts ------------------------------------------------------------- */

static void intend(struct small *s, const struct plan_action *a)
{
    struct model_now now;

    small_now(s, &now);
    s->verb = (uint8_t)a->verb;
    s->recs = keys_of_recs(s, a->mask);
    s->chain = a->chains[0];
    s->pc = 1;
    if (a->verb == PLAN_PUBLISH) {
        facts_publish_intent(&s->facts, 0, a->mask, now);
    } else if (a->verb == PLAN_WITHDRAW) {
        facts_withdraw_intent(&s->facts, 0, a->mask);
    } else if (a->verb == PLAN_SHRED) {
        s->chain = (int8_t)a->key;
        s->on_disk &= (uint8_t) ~(1u << (s->facts.keys[a->key].spki[0] - 1));
        s->pc = 2;
    } else {
        facts_switch_intent(&s->facts, a->chains);
    }
}

static bool change_zone(const struct small_world *w, struct small *s, enum small_label label)
{
    uint8_t add = s->verb == PLAN_PUBLISH ? s->recs : 0;
    uint8_t del = s->verb == PLAN_WITHDRAW ? s->recs : 0;

    if (label == SMALL_ENGINE_LIE) {
        if (!small_spend(&s->lies_left))
            return false;
        s->late_add = (uint8_t)((s->late_add | add) & ~del);
        s->late_del = (uint8_t)((s->late_del | del) & ~add);
    } else {
        s->primary = (uint8_t)((s->primary | add) & ~del);
        if (w->bug == BUG_REPLACE_INSTEAD_OF_ADD && add != 0)
            s->primary = add;
    }
    s->pc = 0;
    return true;
}

static void rename_file(const struct small_world *w, struct small *s)
{
    uint8_t old = s->cert_key[s->file];

    s->file = s->cert_of[s->chain];
    if (w->bug == BUG_WITHDRAW_AT_SWITCH && old != s->cert_key[s->file])
        s->primary &= (uint8_t) ~(1u << old);
    s->pc = 2;
}

static void record(const struct small_world *w, struct small *s)
{
    struct model_now now;

    small_now(s, &now);
    s->pc = 0;
    if (s->verb == PLAN_SHRED) {
        facts_shredded(&s->facts, s->chain);
        facts_sweep(&s->facts, &w->policy, now);
    } else {
        file_is(s, s->verb == PLAN_ROLLBACK);
    }
}

static bool continue_step(const struct small_world *w, struct small *s, enum small_label label)
{
    if (s->pc == 1 && (s->verb == PLAN_PUBLISH || s->verb == PLAN_WITHDRAW))
        return (label == SMALL_ENGINE || label == SMALL_ENGINE_LIE) && change_zone(w, s, label);
    if (label != SMALL_ENGINE)
        return false;
    if (s->pc == 1)
        rename_file(w, s);
    else
        record(w, s);
    return true;
}

/* Steps that are one transition, and deal with nothing that could be otherwise. */
static void plain_step(const struct small_world *w, struct small *s, const struct plan_action *a)
{
    struct model_now now;

    small_now(s, &now);
    if (a->verb == PLAN_ADOPT)
        adopt(s);
    else if (a->verb == PLAN_MAKE_KEY)
        make_key(s);
    else if (a->verb == PLAN_ISSUE)
        issue(s, a->key);
    else if (a->verb == PLAN_COMMIT)
        facts_committed(&s->facts, a->alg, now);
    else if (a->verb == PLAN_FREEZE)
        facts_freeze(&s->facts, a->causes);
    else if (a->verb == PLAN_THAW)
        facts_thaw(&s->facts, a->causes);
    else
        intend(s, a);
    if (a->verb == PLAN_WITHDRAW && w->bug == BUG_SHRED_EARLY)
        s->on_disk &= (uint8_t)~s->recs;
}

bool small_engine_step(const struct small_world *w, struct small *s, enum small_label label,
                       const struct plan_action *a)
{
    if (s->pc != 0)
        return continue_step(w, s, label);
    switch (a->verb) {
    case PLAN_WAIT:
        return false;
    case PLAN_OBSERVE:
        return observe(w, s, label);
    case PLAN_ATTEST:
        return attest(w, s, label);
    default:
        if (label != SMALL_ENGINE)
            return false;
        plain_step(w, s, a);
        return true;
    }
}

/* What was not known any more is taken for long done. */
static void lose_timers(const struct small_world *w, struct small *s)
{
    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        for (int r = 0; r < MODEL_MAX_RECS; r++) {
            if (s->facts.owners[0].addrs[i].sights[r].state == MODEL_PRESENT)
                s->facts.owners[0].addrs[i].sights[r].since = SMALL_NOW - w->wait * SMALL_TICK;
        }
    }
}

void small_engine_start(const struct small_world *w, struct small *s)
{
    bool rollback = s->facts.algs[0].pending != MODEL_NONE &&
                    s->facts.algs[0].pending == s->facts.algs[0].previous;

    s->up = true;
    if (s->rebooted)
        facts_new_epoch(&s->facts);
    s->rebooted = false;
    if (!s->facts.adopted)
        return;
    rollback = rollback && s->cert_of[s->facts.algs[0].pending] == s->file;
    file_is(s, rollback);
    if (w->bug == BUG_TIMER_LOST_IN_CRASH)
        lose_timers(w, s);
    if (w->bug == BUG_ROLLBACK_AFTER_WITHDRAWAL && s->facts.owners[0].drop != 0)
        s->file = 0; /* the mark "no rollback any more" was not durable: the kept bundle is back */
}
