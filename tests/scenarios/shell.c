/* SPDX-License-Identifier: BSD-2-Clause */
#include "shell.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/facts.h"
#include "core/phase.h"
#include "oracle.h"
#include "things.h"
#include "world.h"

#define MANY_STEPS 2000 /* without a rest: the planner goes round in circles */

static const struct model_policy defaults = {.strategy = MODEL_STANDBY,
                                             .combos = {{3, 1, 1}},
                                             .n_combos = 1,
                                             .poll = 5 * MIN,
                                             .silence = HOUR,
                                             .past_ttl = 2 * DAY,
                                             .ttl_cap = 7 * DAY,
                                             .floor = DAY,
                                             .delta_sender = 15 * MIN,
                                             .fresh = SEC,
                                             .commit_max = 48 * HOUR,
                                             .renew_margin = 7 * DAY,
                                             .compromised_drain = 5 * MIN,
                                             .attest_every = HOUR};

void shell_init(struct shell *e, struct sim *s)
{
    memset(e, 0, sizeof *e);
    e->s = s;
    e->policy = defaults;
    e->crash_at = -1;
    e->crash_verb = -1;
    e->downtime = 10 * SEC;
    e->comes_back = SIM_NEVER;
}

const struct model_facts *shell_facts(const struct shell *e)
{
    return e->up ? &e->mem.facts : &e->disk.facts;
}

struct model_now shell_now(const struct shell *e)
{
    const struct shell_state *st = e->up ? &e->mem : &e->disk;
    model_time boot = e->s->t - e->s->boot_at, steady = st->steady;

    if (st->boot_id == e->s->boot_id && boot > st->boot)
        steady += boot - st->boot;
    return (struct model_now){.steady = steady, .wall = sim_wall(e->s), .epoch = st->facts.epoch};
}

void shell_save(struct shell *e)
{
    struct model_now now = shell_now(e);
    const struct model_facts *f = &e->mem.facts;

    e->mem.exists = true;
    e->mem.steady = now.steady;
    e->mem.boot = e->s->t - e->s->boot_at;
    e->mem.boot_id = e->s->boot_id;
    e->disk = e->mem;
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        int key = f->keys[k].used ? things_key_of_spki(e->s, f->keys[k].spki) : -1;

        if (key >= 0)
            e->s->keys[key].recorded = true;
    }
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (f->chains[c].used && e->mem.cert_of[c] >= 0)
            e->s->certs[e->mem.cert_of[c]].recorded = true;
    }
}

static void first_facts(struct shell *e)
{
    memset(&e->mem, 0, sizeof e->mem);
    facts_init(&e->mem.facts);
    e->mem.steady = 1;
    e->mem.boot = e->s->t - e->s->boot_at;
    e->mem.boot_id = e->s->boot_id;
    for (int c = 0; c < MODEL_MAX_CHAINS; c++)
        e->mem.cert_of[c] = -1;
    for (int a = 0; a < e->s->n_algs; a++) {
        if (facts_alg(&e->mem.facts, (uint8_t)(a + 1), true) != a)
            sim_fail(e->s, "the facts have no room for the algorithms");
    }
    for (int o = 0; o < e->s->n_owners; o++) {
        if (facts_owner(&e->mem.facts, o) != o)
            sim_fail(e->s, "the facts have no room for the owners");
    }
}

void shell_start(struct shell *e)
{
    struct model_now now;

    e->up = true;
    e->comes_back = SIM_NEVER;
    e->steps = 0;
    e->wake = e->s->t;
    if (!e->disk.exists) {
        first_facts(e);
        e->mem.facts.postfix_up = e->s->postfix_up;
        shell_save(e);
        return;
    }
    e->mem = e->disk;
    now = shell_now(e);
    if (e->mem.boot_id != e->s->boot_id) {
        facts_new_epoch(&e->mem.facts);
        e->mem.steady = now.steady;
        e->mem.boot = e->s->t - e->s->boot_at;
        e->mem.boot_id = e->s->boot_id;
    }
    for (int k = 0; k < MODEL_MAX_KEYS; k++)
        e->mem.facts.keys[k].ordering = MODEL_NEVER;
    sim_say(e->s, "engine: starts, epoch %" PRIu32, e->mem.facts.epoch);
    shell_file_was(e);
    shell_save(e);
}

void shell_crash(struct shell *e, const char *where)
{
    sim_say(e->s, "engine: DIES %s", where);
    e->up = false;
    e->crash_at = -1;
    e->crash_verb = -1;
    memset(&e->mem, 0, sizeof e->mem);
}

const char *shell_point_name(enum shell_point point)
{
    static const char *const names[] = {"before-intent", "after-intent", "after-rename",
                                        "after-act", "after-record"};

    return names[point];
}

bool shell_point(struct shell *e, enum shell_point point, const struct plan_action *a)
{
    char where[SIM_TEXT];

    if (a->verb != PLAN_OBSERVE)
        e->observed = 0;
    else if (point == SHELL_BEFORE_INTENT)
        e->observed++;
    if (e->crash_at < 0 && e->observed > 1 && e->observed % 10 != 0)
        return false; /* rounds in the middle of a wait are alike */
    e->points++;
    if (e->crash_countdown > 0 && --e->crash_countdown == 0) {
        e->comes_back = e->s->t + e->downtime;
    } else if (e->crash_at != (int)point || (e->crash_verb >= 0 && e->crash_verb != (int)a->verb)) {
        return false;
    }
    if (snprintf(where, sizeof where, "%s of %s", shell_point_name(point),
                 plan_verb_name(a->verb)) < 0)
        where[0] = '\0';
    shell_crash(e, where);
    return true;
}

/* The engine looks at Postfix and at main.cf before it plans. */
static void look_around(struct shell *e)
{
    struct model_facts *f = &e->mem.facts;
    bool skewed = e->s->skew > DAY || e->s->skew < -DAY;

    f->postfix_up = e->s->postfix_up;
    if (e->s->elsewhere)
        facts_freeze(f, MODEL_F_ELSEWHERE);
    if (skewed && (f->frozen & MODEL_F_CLOCK) == 0) {
        sim_say(e->s, "engine: the CA's clock and ours differ");
        facts_freeze(f, MODEL_F_CLOCK);
    } else if (!skewed && (f->frozen & MODEL_F_CLOCK) != 0) {
        facts_thaw(f, MODEL_F_CLOCK);
    }
    if (!e->s->reload_fails && (f->frozen & MODEL_F_RELOAD) != 0)
        facts_thaw(f, MODEL_F_RELOAD);
}

/* A daemon looks around now and then, whatever the planner says. */
static void rest(struct shell *e, const struct plan_action *a, struct model_now now)
{
    model_time left = a->wake - now.steady;

    e->steps = 0;
    if (left <= 0)
        sim_fail(e->s, "the planner wants to wait until a moment that is not in the future");
    e->wake = e->s->t + (left < 6 * HOUR ? left : 6 * HOUR);
}

/* An intent whose rename may have happened, and no reload that works: asked again later. */
static bool unresolved(struct shell *e)
{
    const struct model_facts *f = &e->mem.facts;
    bool pending = false;

    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        pending =
            pending || (f->algs[a].used && (f->algs[a].pending >= 0 || f->algs[a].pending_drop));
    if (!pending)
        return false;
    if (shell_file_was(e)) {
        shell_save(e);
        return false;
    }
    e->wake = e->s->t + e->policy.poll;
    return true;
}

bool shell_step(struct shell *e)
{
    struct model_now now = shell_now(e);
    struct plan_action a;
    char text[SIM_TEXT];

    look_around(e);
    if (unresolved(e))
        return false;
    if (shell_take_order(e))
        return true;
    plan_next(&e->mem.facts, &e->policy, now, &a);
    if (a.verb == PLAN_WAIT) {
        e->refused = PLAN_WAIT;
        rest(e, &a, now);
        return false;
    }
    shell_action_text(e, &a, text);
    if (!e->unsafe && !safety_allows(&e->mem.facts, &e->policy, &a, now, &e->no)) {
        sim_say(e->s, "safety: no %s: %s", text, safety_text(e->no.no));
        e->refused = a.verb;
        e->wake = e->s->t + MIN;
        return false;
    }
    e->refused = PLAN_WAIT;
    if (a.verb != PLAN_OBSERVE || e->verbose)
        sim_say(e->s, "engine: %s", text);
    if (++e->steps > MANY_STEPS) {
        sim_fail(e->s, "the planner goes round in circles: %s", text);
        return false;
    }
    e->last = a;
    shell_act(e, &a);
    if (e->up)
        e->done[a.verb]++;
    return true;
}

bool shell_tick(struct shell *e, int64_t limit)
{
    struct sim *s = e->s;
    int64_t next;

    if (s->broken || s->t >= limit)
        return false;
    if (!e->up && s->t >= e->comes_back)
        shell_start(e);
    if (e->up && (s->t >= e->wake || s->t >= shell_next_order(e))) {
        if (shell_step(e) || s->broken)
            return true;
    }
    next = e->up ? e->wake : e->comes_back;
    if (e->up && shell_next_order(e) < next)
        next = shell_next_order(e);
    if (world_next_event(s) < next)
        next = world_next_event(s);
    if (next > limit)
        next = limit;
    world_advance_to(s, next > s->t ? next : s->t + 1);
    return true;
}

int shell_fact_key(const struct shell *e, int world_key)
{
    const struct model_facts *f = shell_facts(e);
    uint8_t spki[MODEL_ID_LEN];

    things_spki(world_key, spki);
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (f->keys[k].used && memcmp(f->keys[k].spki, spki, MODEL_ID_LEN) == 0)
            return k;
    }
    return -1;
}

int shell_fact_chain(const struct shell *e, int cert)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (e->mem.facts.chains[c].used && e->mem.cert_of[c] == cert)
            return c;
    }
    return -1;
}

int shell_fact_rec(struct shell *e, int world_rec)
{
    struct model_facts *f = e->up ? &e->mem.facts : &e->disk.facts;
    uint8_t id[MODEL_ID_LEN];
    int rec;

    things_rec_id(e->s, world_rec, id);
    rec = facts_rec(f, e->s->recs[world_rec].combo, id);
    if (rec < 0)
        sim_fail(e->s, "the facts have no room for another record");
    return rec;
}

int shell_world_rec(const struct shell *e, int rec)
{
    return things_rec_of_id(e->s, shell_facts(e)->recs[rec].id);
}

sim_mask shell_world_mask(const struct shell *e, model_mask recs)
{
    sim_mask out = 0;

    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        int rec = (recs & MODEL_BIT(r)) != 0 ? shell_world_rec(e, r) : -1;

        if (rec >= 0)
            out |= SIM_BIT(rec);
    }
    return out;
}

void shell_refresh_matches(struct shell *e)
{
    struct model_facts *f = &e->mem.facts;

    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (!f->chains[c].used || e->mem.cert_of[c] < 0)
            continue;
        f->chains[c].matches = 0;
        for (int r = 0; r < MODEL_MAX_RECS; r++) {
            int rec = f->recs[r].used ? shell_world_rec(e, r) : -1;

            if (rec >= 0 && things_matches(e->s, e->mem.cert_of[c], rec))
                f->chains[c].matches |= MODEL_BIT(r);
        }
    }
}

void shell_server_ip(int server, uint8_t ip[16])
{
    memset(ip, 0, 16);
    ip[10] = ip[11] = 0xff;
    ip[12] = 192;
    ip[14] = 2;
    ip[15] = (uint8_t)(server + 1);
}

int shell_server_of_ip(const uint8_t ip[16])
{
    return ip[15] - 1;
}

void shell_action_text(const struct shell *e, const struct plan_action *a, char out[SIM_TEXT])
{
    const struct model_facts *f = shell_facts(e);
    char set[SIM_TEXT], key[SIM_NAME] = "";
    const char *server = "";
    int n;

    things_set_text(e->s, shell_world_mask(e, a->mask), set);
    set[200] = '\0';
    if (a->key >= 0)
        things_key_text(e->s, things_key_of_spki(e->s, f->keys[a->key].spki), key);
    if (a->owner >= 0 && a->addr >= 0)
        server = e->s->servers[shell_server_of_ip(f->owners[a->owner].addrs[a->addr].ip)].name;
    n = snprintf(out, SIM_TEXT, "%s alg %d owner %d %s %s chains %d %d %s (%s)",
                 plan_verb_name(a->verb), a->alg, a->owner, key, server, a->chains[0], a->chains[1],
                 set, plan_reason_text(a->reason));
    if (n < 0)
        out[0] = '\0';
}
