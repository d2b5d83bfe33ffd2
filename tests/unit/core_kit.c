/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/core_kit.h"

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
                                .held = k->held,
                                .not_before = k->now.wall - HOUR,
                                .not_after = k->now.wall + k->validity,
                                .matches = k->f.keys[key].recs | k->issuer};
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

/* The RRset was given up to now. */
static void given(struct kit_zone *z, model_mask recs, uint32_t ttl, model_time now)
{
    struct kit_cached *slot = &z->cached[0];

    for (size_t i = 0; i < sizeof(z->cached) / sizeof(z->cached[0]); i++) {
        struct kit_cached *c = &z->cached[i];

        if (c->last != MODEL_NEVER && c->recs == recs && c->ttl == ttl) {
            c->last = now;
            return;
        }
        if (c->last < slot->last)
            slot = c;
    }
    *slot = (struct kit_cached){.recs = recs, .ttl = ttl, .last = now};
}

void kit_pass(struct kit *k, model_time ms)
{
    for (int z = 0; z < MODEL_MAX_OWNERS; z++) {
        for (int s = 0; s < k->zones[z].n_servers; s++) {
            const struct kit_server *srv = &k->zones[z].servers[s];

            if (srv->says == KIT_SERVES && srv->in_set)
                given(&k->zones[z], srv->holds, srv->ttl, k->now.steady + ms);
        }
    }
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
    struct facts_round round = {.begin = k->now.steady,
                                .end = k->now.steady + z->takes,
                                .cname_ttl = z->cname_ttl,
                                .cname = z->cname};

    if (z->takes > 0)
        kit_pass(k, z->takes);
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

void kit_follow(struct kit_zone *z)
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
    kit_follow(&k->zones[owner]);
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
