/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

#define SPIN 200 /* actions without time passing: more is a loop */

void kit_init(struct kit *k)
{
    memset(k, 0, sizeof(*k));
    facts_init(&k->f);
    k->p = (struct model_policy){.strategy = MODEL_STANDBY,
                                 .combos = {{3, 1, 1}},
                                 .n_combos = 1,
                                 .poll = 5 * MIN,
                                 .silence = HOUR,
                                 .past_ttl = 2 * DAY,
                                 .ttl_cap = 7 * DAY,
                                 .floor = DAY,
                                 .delta_sender = 15 * MIN,
                                 .fresh = SEC,
                                 .commit_max = 2 * DAY,
                                 .renew_margin = 5 * DAY,
                                 .compromised_drain = 5 * MIN,
                                 .attest_every = MIN};
    k->now = (struct model_now){.steady = 1000, .wall = WALL0 + 1000, .epoch = 0};
    k->validity = 90 * DAY;
    k->drains = true;
    k->reached = true;
    (void)facts_alg(&k->f, 1, true);
    (void)facts_owner(&k->f, 0);
    k->f.postfix_up = true;
    k->zones[0].n_servers = 2;
    k->zones[0].ttl = 3600;
    for (int z = 0; z < MODEL_MAX_OWNERS; z++) {
        for (int s = 0; s < 4; s++)
            k->zones[z].servers[s] =
                (struct kit_server){.ip = (uint8_t)(s + 1), .in_set = true, .ttl = 3600};
    }
}

int kit_rec(struct kit *k, struct model_combo combo, bool ours)
{
    uint8_t id[MODEL_ID_LEN] = {0};
    int r;

    k->next_id++;
    id[0] = (uint8_t)k->next_id;
    id[1] = (uint8_t)(k->next_id >> 8);
    r = facts_rec(&k->f, combo, id);
    assert_int_not_equal(r, MODEL_NONE);
    k->f.recs[r].ours = ours;
    return r;
}

int kit_key(struct kit *k, int alg)
{
    uint8_t spki[MODEL_ID_LEN] = {1};
    model_mask recs = 0;
    int key;

    for (int i = 0; i < k->p.n_combos; i++) {
        if (k->p.combos[i].usage == 3 && k->p.combos[i].selector == 1)
            recs |= MODEL_BIT(kit_rec(k, k->p.combos[i], true));
    }
    k->next_id++;
    spki[1] = (uint8_t)k->next_id;
    spki[2] = (uint8_t)(k->next_id >> 8);
    key = facts_key_made(&k->f, alg, spki, recs, false, k->now);
    assert_int_not_equal(key, MODEL_NONE);
    return key;
}

int kit_chain(struct kit *k, int key)
{
    struct model_chain chain = {.key = (uint8_t)key,
                                .durable = true,
                                .names_ok = true,
                                .not_before = k->now.wall - HOUR,
                                .not_after = k->now.wall + k->validity,
                                .matches = k->f.keys[key].recs};
    int c;

    for (int i = 0; i < k->p.n_combos; i++) {
        if (k->p.combos[i].usage == 3 && k->p.combos[i].selector == 0)
            chain.matches |= MODEL_BIT(kit_rec(k, k->p.combos[i], true));
    }
    c = facts_chain_obtained(&k->f, &chain, k->now);
    assert_int_not_equal(c, MODEL_NONE);
    return c;
}

void kit_install(struct kit *k, int chain)
{
    int8_t chains[MODEL_MAX_ALGS];

    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        chains[a] = k->f.algs[a].current;
    chains[k->f.keys[k->f.chains[chain].key].alg] = (int8_t)chain;
    facts_file_holds(&k->f, chains, false, k->now);
}

int kit_lowest(model_mask m)
{
    int i = 0;

    assert_true(m != 0);
    while ((m >> i & 1u) == 0)
        i++;
    return i;
}

int kit_serving(struct kit *k, int alg)
{
    int key = kit_key(k, alg), chain;

    k->f.keys[key].adopted = true;
    chain = kit_chain(k, key);
    kit_install(k, chain);
    k->f.adopted = true;
    facts_attested(&k->f, chain, k->now);
    facts_committed(&k->f, alg, k->now);
    return chain;
}

void kit_pass(struct kit *k, model_time ms)
{
    k->now.steady += ms;
    k->now.wall += ms;
}

static enum model_answer_kind kind_of(const struct kit_server *s)
{
    switch (s->says) {
    case KIT_SILENT:
        return MODEL_ANS_SILENT;
    case KIT_CONTRADICTS:
        return MODEL_ANS_CONTRADICTION;
    case KIT_NOROUTE:
        return MODEL_ANS_NOROUTE;
    case KIT_NODATA:
        return MODEL_ANS_NODATA;
    case KIT_SERVES:
        break;
    }
    return s->holds != 0 ? MODEL_ANS_RRSET : MODEL_ANS_NODATA;
}

void kit_observe(struct kit *k, int owner)
{
    const struct kit_zone *z = &k->zones[owner];
    struct facts_round round = {
        .begin = k->now.steady, .end = k->now.steady, .cname_ttl = z->cname_ttl};

    for (int s = 0; s < z->n_servers; s++) {
        const struct kit_server *srv = &z->servers[s];
        struct facts_answer *a = &round.answers[round.n_answers];

        *a = (struct facts_answer){.kind = kind_of(srv),
                                   .present = srv->holds,
                                   .ttl = srv->ttl,
                                   .sig_until = k->now.wall + 14 * DAY,
                                   .ns_ttl = srv->in_set ? DAY : 0};
        a->ip[10] = a->ip[11] = 0xff;
        a->ip[12] = 192;
        a->ip[15] = srv->ip;
        if (!srv->in_set) {
            int i = facts_addr(&k->f.owners[owner], a->ip);
            if (k->f.owners[owner].addrs[i].last_try == MODEL_NEVER)
                k->f.owners[owner].addrs[i].used = false;
            if (!phase_addr_counts(&k->f.owners[owner].addrs[i], k->now))
                continue; /* nobody asks it any more */
        }
        round.n_answers++;
    }
    facts_observed(&k->f, owner, &round, &k->p, k->now);
    if (!k->f.owners[owner].based)
        facts_baseline(&k->f, owner);
}

static void follow(struct kit_zone *z)
{
    for (int s = 0; s < z->n_servers; s++) {
        if (!z->servers[s].lags)
            z->servers[s].holds = z->primary;
    }
}

void kit_publish(struct kit *k, int owner, model_mask recs)
{
    facts_publish_intent(&k->f, owner, recs, k->now);
    k->zones[owner].primary |= recs;
    follow(&k->zones[owner]);
}

void kit_watch(struct kit *k, int owner, model_time span, model_time step)
{
    model_time end = k->now.steady + span;

    while (k->now.steady < end) {
        kit_pass(k, step < end - k->now.steady ? step : end - k->now.steady);
        kit_observe(k, owner);
    }
}

void kit_ready(struct kit *k)
{
    kit_init(k);
    k->a = kit_serving(k, 0);
    k->rec_a = kit_lowest(k->f.chains[k->a].matches);
    kit_publish(k, 0, MODEL_BIT(k->rec_a));
    kit_observe(k, 0);
    k->b = kit_chain(k, kit_key(k, 0));
    k->rec_b = kit_lowest(k->f.chains[k->b].matches);
    kit_publish(k, 0, MODEL_BIT(k->rec_b));
    kit_watch(k, 0, 3 * DAY, 30 * MIN);
}

/* ---- executing plans ---- */

static void do_adopt(struct kit *k)
{
    int8_t chains[MODEL_MAX_ALGS];

    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        chains[a] = k->f.algs[a].current;
    facts_file_holds(&k->f, chains, false, k->now);
    k->f.adopted = true;
    k->n.adopt++;
}

static void do_switch(struct kit *k, const struct plan_action *act, bool rollback)
{
    facts_switch_intent(&k->f, act->chains);
    facts_file_holds(&k->f, act->chains, rollback, k->now);
    if (rollback)
        k->n.rollback++;
    else
        k->n.switched++;
    k->wrong = !rollback && k->wrong_next;
    k->wrong_next = false;
}

static void do_attest(struct kit *k)
{
    facts_attest_tried(&k->f, k->now);
    k->n.attest++;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = k->f.algs[a].used ? k->f.algs[a].current : MODEL_NONE;

        if (c == MODEL_NONE || !k->reached)
            continue;
        if (k->wrong)
            facts_wrong(&k->f, c, k->now);
        else
            facts_attested(&k->f, c, k->now);
    }
    for (int c = 0; k->drains && c < MODEL_MAX_CHAINS; c++) {
        if (k->f.chains[c].used)
            facts_drained(&k->f, c, k->now);
    }
}

static void do_dns(struct kit *k, const struct plan_action *act)
{
    struct kit_zone *z = &k->zones[act->owner];

    if (act->verb == PLAN_PUBLISH) {
        facts_publish_intent(&k->f, act->owner, act->mask, k->now);
        k->n.publish++;
        if (!z->lying)
            z->primary |= act->mask;
    } else {
        facts_withdraw_intent(&k->f, act->owner, act->mask);
        k->n.withdraw++;
        if (!z->lying)
            z->primary &= ~act->mask;
    }
    follow(z);
}

static void execute(struct kit *k, const struct plan_action *act)
{
    switch (act->verb) {
    case PLAN_WAIT:
        break;
    case PLAN_ADOPT:
        do_adopt(k);
        break;
    case PLAN_OBSERVE:
        kit_observe(k, act->owner);
        k->n.observe++;
        break;
    case PLAN_MAKE_KEY:
        (void)kit_key(k, act->alg);
        k->n.make_key++;
        break;
    case PLAN_ISSUE:
        (void)kit_chain(k, act->key);
        k->n.issue++;
        break;
    case PLAN_SWITCH:
    case PLAN_ROLLBACK:
        do_switch(k, act, act->verb == PLAN_ROLLBACK);
        break;
    case PLAN_ATTEST:
        do_attest(k);
        break;
    case PLAN_COMMIT:
        facts_committed(&k->f, act->alg, k->now);
        k->n.commit++;
        break;
    case PLAN_PUBLISH:
    case PLAN_WITHDRAW:
        do_dns(k, act);
        break;
    case PLAN_SHRED:
        facts_shredded(&k->f, act->key);
        k->n.shred++;
        break;
    case PLAN_FREEZE:
        facts_freeze(&k->f, act->causes);
        k->n.freeze++;
        break;
    case PLAN_THAW:
        facts_thaw(&k->f, act->causes);
        k->n.thaw++;
        break;
    }
}

static bool step(struct kit *k, struct plan_action *act)
{
    struct safety_verdict why;

    facts_sweep(&k->f, &k->p, k->now);
    plan_next(&k->f, &k->p, k->now, act);
    if (!safety_allows(&k->f, &k->p, act, k->now, &why))
        fail_msg("planned %s, refused: %s", plan_verb_name(act->verb), safety_text(why.no));
    if (act->verb == PLAN_WAIT) {
        assert_true(act->wake > k->now.steady);
        return false;
    }
    execute(k, act);
    k->last = *act;
    kit_assert_rule(k);
    return true;
}

bool kit_step(struct kit *k)
{
    struct plan_action act;

    return step(k, &act);
}

/* Runs until `end`, or until a verb was done. */
static bool run(struct kit *k, model_time end, int verb)
{
    int spun = 0;

    while (k->now.steady < end) {
        struct plan_action act;

        if (step(k, &act)) {
            if (++spun > SPIN)
                fail_msg("the planner spins: %s", plan_verb_name(act.verb));
            if ((int)act.verb == verb)
                return true;
            continue;
        }
        spun = 0;
        kit_pass(k, (act.wake < end ? act.wake : end) - k->now.steady);
    }
    return false;
}

void kit_run(struct kit *k, model_time span)
{
    (void)run(k, k->now.steady + span, -1);
}

bool kit_until(struct kit *k, enum plan_verb verb, model_time span)
{
    return run(k, k->now.steady + span, (int)verb);
}

/* ---- asking ---- */

struct plan_action kit_action(const struct kit *k, enum plan_verb verb)
{
    struct plan_action act = {.verb = verb,
                              .alg = MODEL_NONE,
                              .key = MODEL_NONE,
                              .chain = MODEL_NONE,
                              .owner = MODEL_NONE,
                              .addr = MODEL_NONE,
                              .rec = MODEL_NONE};

    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        act.chains[a] = k->f.algs[a].used ? k->f.algs[a].current : MODEL_NONE;
    return act;
}

struct plan_action kit_switch_to(const struct kit *k, int chain)
{
    struct plan_action act = kit_action(k, PLAN_SWITCH);

    act.chains[k->f.keys[k->f.chains[chain].key].alg] = (int8_t)chain;
    return act;
}

enum safety_no kit_judge(const struct kit *k, const struct plan_action *act)
{
    struct safety_verdict why;

    (void)safety_allows(&k->f, &k->p, act, k->now, &why);
    return why.no;
}

/* Each server's RRset: in each combination in which some record of ours is, every servable chain
 * of a key that is not compromised has a record. */
void kit_assert_rule(const struct kit *k)
{
    uint32_t servable = phase_servable(&k->f);

    for (int z = 0; z < MODEL_MAX_OWNERS; z++) {
        for (int s = 0; k->f.owners[z].used && s < k->zones[z].n_servers; s++) {
            model_mask holds = k->zones[z].servers[s].holds;

            for (int c = 0; holds != 0 && c < MODEL_MAX_CHAINS; c++) {
                if ((servable >> c & 1u) == 0 || k->f.keys[k->f.chains[c].key].compromised)
                    continue;
                if ((k->f.chains[c].matches & holds) == 0)
                    fail_msg("server %d of owner %d matches no record of chain %d", s, z, c);
            }
        }
    }
}
