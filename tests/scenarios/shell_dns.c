/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's questions to the servers, and its changes by the API. */
#include "shell.h"

#include <string.h>

#include "core/facts.h"
#include "things.h"
#include "world.h"

#define ROUND_TIME (200) /* ms that one round takes */

/* Every record that any server shows gets known before the round is entered. */
static void enter_unknown(struct shell *e, sim_mask recs)
{
    for (int r = 0; r < e->s->n_recs; r++) {
        if ((recs & SIM_BIT(r)) != 0)
            shell_fact_rec(e, r);
    }
}

static enum model_answer_kind kind_of(const struct shell *e, const struct sim_server *v,
                                      const struct sim_rrset *shows)
{
    switch (v->mood) {
    case SIM_SILENT:
        return MODEL_ANS_SILENT;
    case SIM_NOROUTE:
        return MODEL_ANS_NOROUTE;
    case SIM_BOGUS:
    case SIM_SERVFAIL:
    case SIM_INSECURE:
    case SIM_LAME:
        return MODEL_ANS_CONTRADICTION;
    case SIM_ANSWERS:
        break;
    }
    /* with a wrong clock no signature is valid */
    if (e->s->skew > e->s->sig_life || e->s->skew < -e->s->sig_life)
        return MODEL_ANS_CONTRADICTION;
    return shows->recs == 0 ? MODEL_ANS_NODATA : MODEL_ANS_RRSET;
}

static model_mask known(struct shell *e, sim_mask recs)
{
    model_mask out = 0;

    for (int r = 0; r < e->s->n_recs; r++) {
        int rec = (recs & SIM_BIT(r)) != 0 ? shell_fact_rec(e, r) : -1;

        if (rec >= 0)
            out |= MODEL_BIT(rec);
    }
    return out;
}

static bool remembered(const struct shell *e, int owner, int server)
{
    const struct model_owner *o = &e->mem.facts.owners[owner];
    uint8_t ip[16];

    shell_server_ip(server, ip);
    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        if (o->addrs[i].used && memcmp(o->addrs[i].ip, ip, 16) == 0)
            return shell_now(e).steady <= o->addrs[i].asked_until;
    }
    return false;
}

/* Records found that a served chain is matched by, of our combinations: `adopt` hands them to
 * us. */
static void hand_over(struct shell *e, int owner, const struct facts_round *round)
{
    struct model_facts *f = &e->mem.facts;
    model_mask found = 0, ours = 0;

    for (int i = 0; i < round->n_answers; i++)
        found |= round->answers[i].present;
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (f->chains[c].used)
            ours |= found & f->chains[c].matches;
    }
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (!f->recs[r].used || !f->recs[r].ours)
            ours &= ~MODEL_BIT(r);
    }
    if (ours != 0)
        facts_publish_intent(f, owner, ours, shell_now(e));
}

/* Rows 18 and 24-27: the validated verdict on the zone as a whole. */
static void judge_zone(struct shell *e, int owner, const struct facts_round *round)
{
    struct model_facts *f = &e->mem.facts;
    bool valid = false, denied = false;

    for (int i = 0; i < round->n_answers; i++)
        valid = valid || round->answers[i].kind == MODEL_ANS_RRSET ||
                round->answers[i].kind == MODEL_ANS_NODATA;
    for (int i = 0; i < e->s->n_servers && !valid; i++)
        denied =
            denied || e->s->servers[i].mood == SIM_BOGUS || e->s->servers[i].mood == SIM_INSECURE;
    if (denied) {
        f->owners[owner].denied = true;
        facts_freeze(f, MODEL_F_DNSSEC);
    }
    if (!valid)
        return;
    f->owners[owner].denied = denied = false;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++)
        denied = denied || (f->owners[o].used && f->owners[o].denied);
    if (!denied)
        facts_thaw(f, MODEL_F_DNSSEC);
}

void shell_observe(struct shell *e, int owner)
{
    struct facts_round round = {.begin = shell_now(e).steady};
    const struct sim *s = e->s;

    for (int i = 0; i < s->n_servers; i++)
        enter_unknown(e, s->servers[i].shows[owner].recs);
    shell_refresh_matches(e);
    for (int i = 0; i < s->n_servers && round.n_answers < MODEL_MAX_ADDRS; i++) {
        const struct sim_server *v = &s->servers[i];
        struct facts_answer *answer = &round.answers[round.n_answers];

        if (!v->listed && !remembered(e, owner, i))
            continue;
        shell_server_ip(i, answer->ip);
        answer->kind = kind_of(e, v, &v->shows[owner]);
        answer->ns_ttl = v->listed ? s->ns_ttl : 0;
        if (answer->kind == MODEL_ANS_RRSET) {
            answer->present = known(e, v->shows[owner].recs);
            answer->ttl = v->shows[owner].ttl;
            answer->sig_until = sim_wall(s) - s->skew + s->sig_life;
        }
        round.n_answers++;
    }
    round.cname_ttl = s->owners[owner].cname_ttl;
    round.cname = s->owners[owner].cname != 0 ? s->owners[owner].cname : MODEL_CNAME_NONE;
    world_advance_to(e->s, s->t + ROUND_TIME);
    round.end = shell_now(e).steady;
    if (s->owners[owner].cname_loop) { /* nobody can be asked */
        sim_say(e->s, "engine: the CNAME leads nowhere");
        round.n_answers = 0;
        facts_cname_lost(&e->mem.facts, owner, shell_now(e));
    }
    facts_observed(&e->mem.facts, owner, &round, &e->policy, shell_now(e));
    if (!e->mem.facts.owners[owner].based && round.n_answers > 0) {
        facts_baseline(&e->mem.facts, owner);
        hand_over(e, owner, &round);
    }
    judge_zone(e, owner, &round);
    facts_sweep(&e->mem.facts, &e->policy, shell_now(e));
    shell_save(e);
    shell_point(e, SHELL_AFTER_RECORD, &e->last);
}

void shell_change_dns(struct shell *e, const struct plan_action *a)
{
    struct model_facts *f = &e->mem.facts;
    sim_mask recs = shell_world_mask(e, a->mask);
    bool add = a->verb == PLAN_PUBLISH;

    if (add)
        facts_publish_intent(f, a->owner, a->mask, shell_now(e));
    else
        facts_withdraw_intent(f, a->owner, a->mask);
    shell_save(e);
    if (shell_point(e, SHELL_AFTER_INTENT, a))
        return;
    if (!world_api_change(e->s, a->owner, add ? recs : 0, add ? 0 : recs)) {
        sim_say(e->s, "  the API refuses");
        f->owners[a->owner].retry_at = shell_now(e).steady + 10 * MIN;
        shell_save(e);
    }
    shell_point(e, SHELL_AFTER_ACT, a);
}
