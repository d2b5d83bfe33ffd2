/* SPDX-License-Identifier: BSD-2-Clause */
#include "say.h"
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- observing ------------------------------------------------------------------------ */

static enum outcome answer_mask(struct unit *u, const struct port_rrset *rrset, model_mask *mask,
                                struct err *err)
{
    for (uint8_t i = 0; i < rrset->n; i++) {
        int index = MODEL_NONE;
        enum outcome out = unit_rec(u, &rrset->recs[i], &index, err);
        if (out != OUT_OK)
            return out;
        *mask |= MODEL_BIT(index);
    }
    return OUT_OK;
}

static enum outcome convert_answer(struct unit *u, const struct port_answer *in,
                                   struct facts_answer *out, struct err *err)
{
    memcpy(out->ip, in->ip, sizeof out->ip);
    out->kind = in->kind;
    out->sig_until = in->sig_until;
    out->ns_ttl = (model_time)in->ns_ttl * 1000;
    if (in->kind != MODEL_ANS_RRSET || in->rrset == NULL)
        return OUT_OK;
    out->ttl = in->rrset->ttl;
    enum outcome res = answer_mask(u, in->rrset, &out->present, err);
    if (res != OUT_REFUSED)
        return res;
    out->kind = MODEL_ANS_CONTRADICTION; /* more records than can be kept in mind */
    out->present = 0;
    return OUT_OK;
}

/* Names and last words of the servers, for people. */
static void keep_texts(struct unit *u, int owner, const struct port_round *round)
{
    struct model_owner *o = &u->st.facts.owners[owner];
    for (uint8_t i = 0; i < round->n; i++) {
        const struct port_answer *a = &round->answers[i];
        int addr = facts_addr(o, a->ip);
        if (addr == MODEL_NONE)
            continue;
        if (a->server[0] != '\0')
            (void)snprintf(u->st.servers[owner][addr], PORT_NAME_MAX, "%s", a->server);
        (void)snprintf(u->st.said[owner][addr], PORT_WHY_MAX, "%s", a->why);
    }
}

/* Every record of ours that this owner is to show. */
static model_mask expected(const struct unit *u, int owner)
{
    const struct model_owner *o = &u->st.facts.owners[owner];
    return o->want & ~o->drop;
}

/* Logs a server that starts or stops to stand in the way, by name. */
static void log_disagreements(struct unit *u, int owner)
{
    char text[SAY_MAX];
    for (int a = 0; a < MODEL_MAX_ADDRS; a++) {
        if (!u->st.facts.owners[owner].addrs[a].used) {
            u->said_addr[owner][a] = false;
            continue;
        }
        bool bad = say_disagreement(&u->st, owner, a, expected(u, owner), text, sizeof text);
        if (bad && !u->said_addr[owner][a])
            unit_log(u, PORT_LOG_WARNING, "%s: %s", u->st.owners[owner], text);
        if (!bad && u->said_addr[owner][a]) {
            say_server(&u->st, owner, a, text, sizeof text);
            unit_log(u, PORT_LOG_INFO, "%s: %s shows what it should", u->st.owners[owner], text);
        }
        u->said_addr[owner][a] = bad;
    }
}

/* Row 30: a record that we did not make is kept, and said once when it comes and when it goes. */
static void log_foreign(struct unit *u, int owner)
{
    const struct model_facts *f = &u->st.facts;
    model_mask foreign = phase_shown_somewhere(&f->owners[owner], u->now);
    model_mask said = u->said_foreign[owner];
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        char rec[64];
        if (!f->recs[r].used || f->recs[r].ours)
            foreign &= ~MODEL_BIT(r);
        if (((foreign ^ said) & MODEL_BIT(r)) == 0)
            continue;
        say_rec(&u->st, r, rec, sizeof rec);
        if ((foreign & MODEL_BIT(r)) != 0)
            unit_log(u, PORT_LOG_WARNING, "%s: %s is not ours and stays", u->st.owners[owner], rec);
        else if (f->recs[r].used && !f->recs[r].ours)
            unit_log(u, PORT_LOG_INFO, "%s: %s, which is not ours, is gone", u->st.owners[owner],
                     rec);
    }
    u->said_foreign[owner] = foreign;
}

/* What was there before us is judged by a round in which everybody spoke. */
static bool all_answered(const struct facts_round *round)
{
    bool any = false;
    for (uint8_t i = 0; i < round->n_answers; i++) {
        enum model_answer_kind kind = round->answers[i].kind;
        if (kind == MODEL_ANS_NOROUTE)
            continue;
        if (kind != MODEL_ANS_RRSET && kind != MODEL_ANS_NODATA)
            return false;
        any = true;
    }
    return any;
}

static bool valid_answer(const struct facts_round *round)
{
    for (uint8_t i = 0; i < round->n_answers; i++) {
        if (round->answers[i].kind == MODEL_ANS_RRSET || round->answers[i].kind == MODEL_ANS_NODATA)
            return true;
    }
    return false;
}

static bool any_denied(const struct model_facts *f)
{
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (f->owners[o].used && f->owners[o].denied)
            return true;
    }
    return false;
}

/* Rows 18 and 24-27, from what the round found of the zone as a whole. */
static void judge_zone(struct unit *u, int owner, const struct port_round *round,
                       const struct facts_round *facts)
{
    struct model_facts *f = &u->st.facts;
    struct model_owner *o = &f->owners[owner];
    if (round->zone_state == PORT_ZONE_INSECURE || round->zone_state == PORT_ZONE_BOGUS) {
        if (!o->denied)
            unit_log(u, PORT_LOG_ERROR, "%s: zone %s is %s: %s", u->st.owners[owner], round->zone,
                     round->zone_state == PORT_ZONE_INSECURE ? "not signed" : "bogus", round->why);
        o->denied = true;
        facts_freeze(f, MODEL_F_DNSSEC);
    }
    if (round->zone_state != PORT_ZONE_SECURE || !valid_answer(facts))
        return;
    if (o->denied)
        unit_log(u, PORT_LOG_INFO, "%s: zone %s validates again", u->st.owners[owner], round->zone);
    o->denied = false;
    facts_thaw(f, MODEL_F_CLOCK | (any_denied(f) ? 0 : MODEL_F_DNSSEC));
}

/* `adopt`: the records found for the chains that Postfix serves are ours to withdraw later. */
static void take_over(struct unit *u, int owner, const struct facts_round *round)
{
    struct model_facts *f = &u->st.facts;
    model_mask found = 0, served = 0;
    if (!u->cfg->adopt_records)
        return;
    for (uint8_t i = 0; i < round->n_answers; i++)
        found |= round->answers[i].present;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (f->algs[a].used && f->algs[a].current != MODEL_NONE)
            served |= f->chains[f->algs[a].current].matches;
    }
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((found & served & MODEL_BIT(r)) != 0)
            f->recs[r].ours = true;
    }
    if ((found & served) != 0)
        facts_publish_intent(f, owner, found & served, u->now);
}

/* FNV-1a, 64 bits, in small letters: it is compared with itself only. */
static uint64_t cname_id(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    if (name[0] == '\0')
        return MODEL_CNAME_NONE;
    for (; *name != '\0'; name++) {
        h ^= (uint8_t)(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name);
        h *= UINT64_C(0x100000001b3);
    }
    return h == MODEL_CNAME_UNTOLD || h == MODEL_CNAME_NONE ? h + 2 : h;
}

/* Row 33: said when it begins; the planner freezes. */
static void say_cname(const struct unit *u, int owner, model_time before, const char *cname)
{
    const struct model_owner *o = &u->st.facts.owners[owner];
    if (o->cname_moved == before || o->cname_moved == MODEL_NEVER)
        return;
    unit_log(u, PORT_LOG_WARNING,
             "%s leads to %s now, and did not before: no key is switched until what is there has "
             "been seen for as long as caches may hold what was there",
             u->st.owners[owner], cname[0] != '\0' ? cname : "itself, no CNAME");
}

static enum outcome take_round(struct unit *u, int owner, const struct port_round *round,
                               model_time begin, struct err *err)
{
    struct facts_round *facts = calloc(1, sizeof *facts);
    if (facts == NULL)
        return err_errno(err, "round");
    enum outcome out = OUT_OK;
    facts->begin = begin;
    facts->end = u->now.steady;
    facts->cname_ttl = round->cname_ttl;
    facts->cname = cname_id(round->cname);
    for (uint8_t i = 0; i < round->n && out == OUT_OK; i++) {
        out = convert_answer(u, &round->answers[i], &facts->answers[i], err);
        facts->n_answers++;
    }
    if (out == OUT_OK) {
        model_time moved = u->st.facts.owners[owner].cname_moved;
        facts_observed(&u->st.facts, owner, facts, &u->cfg->policy, u->now);
        say_cname(u, owner, moved, round->cname);
        if (!u->st.facts.owners[owner].based && all_answered(facts)) {
            facts_baseline(&u->st.facts, owner);
            take_over(u, owner, facts);
        }
        keep_texts(u, owner, round);
        judge_zone(u, owner, round, facts);
        log_disagreements(u, owner);
        log_foreign(u, owner);
    }
    free(facts);
    return out;
}

/* Not even the name servers could be found: a round without an answer, so that the planner
 * knows when it was tried. */
static void note_failed_round(struct unit *u, int owner, model_time begin)
{
    struct facts_round none;
    memset(&none, 0, sizeof none);
    none.begin = begin;
    none.cname_ttl = u->st.facts.owners[owner].cname_ttl;
    none.end = u->now.steady;
    facts_observed(&u->st.facts, owner, &none, &u->cfg->policy, u->now);
}

enum outcome unit_observe(struct unit *u, int owner, struct err *err)
{
    const struct engine_world *w = u->world;
    const struct model_owner *o = &u->st.facts.owners[owner];
    uint8_t known[MODEL_MAX_ADDRS][16];
    size_t n_known = 0;
    for (int a = 0; a < MODEL_MAX_ADDRS; a++) {
        if (o->addrs[a].used)
            memcpy(known[n_known++], o->addrs[a].ip, 16);
    }
    struct port_round *round = calloc(1, sizeof *round);
    if (round == NULL)
        return err_errno(err, "round");
    model_time begin = u->now.steady;
    enum outcome out = w->observe->round(w->observe_self, u->cfg->owners[owner].owner,
                                         (const uint8_t(*)[16])known, n_known, round, err);
    if (out == OUT_REFUSED && round->zone[0] == '\0')
        facts_cname_lost(&u->st.facts, owner, u->now);
    if (out == OUT_OK)
        out = unit_clock(u, err);
    if (out == OUT_OK)
        out = take_round(u, owner, round, begin, err);
    if (out != OUT_OK)
        note_failed_round(u, owner, begin);
    w->observe->free_round(w->observe_self, round);
    free(round);
    if (out == OUT_OK)
        out = unit_record(u, false, "observed", err, NULL);
    return out;
}

/* ---- changing ------------------------------------------------------------------------- */

static bool same_rec(const struct port_tlsa *a, const struct port_tlsa *b)
{
    return a->combo.usage == b->combo.usage && a->combo.selector == b->combo.selector &&
           a->combo.matching == b->combo.matching && a->len == b->len &&
           memcmp(a->data, b->data, a->len) == 0;
}

static bool holds(const struct port_rrset *rrset, const struct port_tlsa *rec)
{
    for (uint8_t i = 0; i < rrset->n; i++) {
        if (same_rec(&rrset->recs[i], rec))
            return true;
    }
    return false;
}

/* Those of `mask` that are (`there`) or are not in the RRset. */
static model_mask among(const struct unit *u, const struct port_rrset *rrset, model_mask mask,
                        bool there)
{
    model_mask found = 0;
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((mask & MODEL_BIT(r)) != 0 && u->st.recs[r] != NULL &&
            holds(rrset, u->st.recs[r]) == there)
            found |= MODEL_BIT(r);
    }
    return found;
}

static size_t collect(const struct unit *u, model_mask mask, const struct port_tlsa **list)
{
    size_t n = 0;
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((mask & MODEL_BIT(r)) != 0 && u->st.recs[r] != NULL)
            list[n++] = u->st.recs[r];
    }
    return n;
}

static enum outcome send_change(struct unit *u, int owner, const struct port_rrset *seen,
                                model_mask add, model_mask del, struct err *err)
{
    const struct engine_owner *c = &u->cfg->owners[owner];
    const struct port_tlsa *adds[MODEL_MAX_RECS];
    const struct port_tlsa *dels[MODEL_MAX_RECS];
    struct port_change change = {.owner = c->owner, .ttl = c->ttl, .seen = seen};
    change.n_add = collect(u, add, adds);
    change.n_del = collect(u, del, dels);
    change.add = adds;
    change.del = dels;
    if (seen->n + change.n_add > PORT_RRSET_MAX)
        return err_set(err, OUT_REFUSED, "%s would hold more than %d records", c->owner,
                       PORT_RRSET_MAX);
    enum outcome out = c->dns->change(c->dns_self, &change, err);
    if (out == OUT_OK && err->text[0] != '\0') { /* a note, not a fault */
        unit_log(u, PORT_LOG_INFO, "%s", err->text);
        err_clear(err);
    }
    return out;
}

/* What is there already is not ours, unless the operator handed it over (`adopt`). */
static void own(struct unit *u, int owner, model_mask add, model_mask there)
{
    struct model_facts *f = &u->st.facts;
    model_mask ours = add | (u->cfg->adopt_records ? there : 0);
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((ours & MODEL_BIT(r)) != 0)
            f->recs[r].ours = true;
    }
    facts_publish_intent(f, owner, ours, u->now);
}

/* Safety is asked once more, about the RRset that the change will make of what the primary holds;
 * compare-and-swap holds it to that. */
static enum outcome judge_change(struct unit *u, int owner, const struct port_rrset *seen,
                                 model_mask add, model_mask del, struct err *err)
{
    struct safety_verdict why;
    char text[SAY_MAX];
    model_mask before = 0;
    enum outcome out = answer_mask(u, seen, &before, err);
    if (out != OUT_OK)
        return out;
    if (safety_rrset_serves(&u->st.facts, before, (before | add) & ~del, u->now, &why))
        return OUT_OK;
    say_refusal(&u->st, &why, text, sizeof text);
    return err_set(err, OUT_NOT_YET,
                   "%s: not changed, because the primary holds something else "
                   "than its servers showed: %s",
                   u->cfg->owners[owner].owner, text);
}

/* What is there already needs no message and no line in the log; the intent is recorded all the
 * same. */
static enum outcome publish_seen(struct unit *u, const struct plan_action *a,
                                 const struct port_rrset *seen, struct err *err)
{
    char text[SAY_MAX];
    model_mask there = among(u, seen, a->mask, true);
    model_mask add = a->mask & ~there;
    enum outcome out = judge_change(u, a->owner, seen, add, 0, err);
    if (out != OUT_OK)
        return out;
    unit_begin(u);
    own(u, a->owner, add, there);
    if (add == 0)
        return unit_record(u, true, "publish", err, NULL);
    say_recs(&u->st, add, text, sizeof text);
    out =
        unit_record(u, true, "publish", err, "%s: adding %s", u->cfg->owners[a->owner].owner, text);
    return out == OUT_OK ? send_change(u, a->owner, seen, add, 0, err) : out;
}

static enum outcome withdraw_seen(struct unit *u, const struct plan_action *a,
                                  const struct port_rrset *seen, struct err *err)
{
    char text[SAY_MAX];
    model_mask del = among(u, seen, a->mask, true);
    enum outcome out = judge_change(u, a->owner, seen, 0, del, err);
    if (out != OUT_OK)
        return out;
    unit_begin(u);
    facts_withdraw_intent(&u->st.facts, a->owner, a->mask);
    if (del == 0)
        return unit_record(u, true, "withdraw", err, NULL);
    say_recs(&u->st, del, text, sizeof text);
    out = unit_record(u, true, "withdraw", err, "%s: withdrawing %s",
                      u->cfg->owners[a->owner].owner, text);
    return out == OUT_OK ? send_change(u, a->owner, seen, 0, del, err) : out;
}

/* Reads the RRset at the primary, then does one of the two with it. */
static enum outcome with_rrset(struct unit *u, const struct plan_action *a,
                               enum outcome (*act)(struct unit *, const struct plan_action *,
                                                   const struct port_rrset *, struct err *),
                               struct err *err)
{
    const struct engine_owner *c = &u->cfg->owners[a->owner];
    struct port_rrset *seen = malloc(sizeof *seen);
    if (seen == NULL)
        return err_errno(err, "RRset");
    enum outcome out = c->dns->read(c->dns_self, c->owner, seen, err);
    if (out == OUT_OK)
        out = act(u, a, seen, err);
    free(seen);
    return out;
}

/* The first record below a host whose addresses a wildcard makes would end them. */
static enum outcome check_wildcard(struct unit *u, int owner, struct err *err)
{
    const struct engine_world *w = u->world;
    const char *host = u->cfg->owners[owner].host;
    bool wildcard = false;
    if (u->st.facts.owners[owner].first_want != MODEL_NEVER)
        return OUT_OK;
    enum outcome out = w->observe->wildcard(w->observe_self, host, &wildcard, err);
    if (out != OUT_OK || !wildcard)
        return out;
    return err_set(
        err, OUT_REFUSED,
        "%s: the addresses of %s come from a wildcard, and a TLSA record below that name "
        "would make them vanish (RFC 4592): give %s A and AAAA records of its own",
        u->cfg->owners[owner].owner, host, host);
}

enum outcome unit_publish(struct unit *u, const struct plan_action *a, struct err *err)
{
    enum outcome out = check_wildcard(u, a->owner, err);
    if (out != OUT_OK)
        return out;
    return with_rrset(u, a, publish_seen, err);
}

enum outcome unit_withdraw(struct unit *u, const struct plan_action *a, struct err *err)
{
    enum outcome out = unit_check_file(u, err);
    if (out != OUT_OK)
        return out;
    return with_rrset(u, a, withdraw_seen, err);
}
