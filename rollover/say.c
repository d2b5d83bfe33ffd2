/* SPDX-License-Identifier: BSD-2-Clause */
#include "say.h"

#include "base/text.h"
#include "core/phase.h"
#include "core/renew.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void say_alg(uint8_t type, char *out, size_t size)
{
    static const char *const names[] = {"?", "p256", "p384", "rsa2048", "rsa3072", "rsa4096"};
    size_t i = type < sizeof names / sizeof names[0] ? type : 0;
    (void)snprintf(out, size, "%s", names[i]);
}

void say_key(const struct port_state *st, int key, char *out, size_t size)
{
    char alg[16];
    if (key < 0 || key >= MODEL_MAX_KEYS) {
        (void)snprintf(out, size, "no key");
        return;
    }
    const struct model_key *k = &st->facts.keys[key];
    say_alg(st->facts.algs[k->alg].type, alg, sizeof alg);
    (void)snprintf(out, size, "%s key %" PRIu32, alg, k->serial);
}

void say_rec(const struct port_state *st, int rec, char *out, size_t size)
{
    if (rec < 0 || rec >= MODEL_MAX_RECS || st->recs[rec] == NULL) {
        (void)snprintf(out, size, "a record");
        return;
    }
    const struct port_tlsa *r = st->recs[rec];
    uint8_t head[4] = {0};
    for (size_t i = 0; i < sizeof head && i < r->len; i++)
        head[i] = r->data[i];
    (void)snprintf(out, size, "%u %u %u %02x%02x%02x%02x...", r->combo.usage, r->combo.selector,
                   r->combo.matching, head[0], head[1], head[2], head[3]);
}

void say_recs(const struct port_state *st, model_mask mask, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (int r = 0; r < MODEL_MAX_RECS && len < size; r++) {
        char rec[64];
        if ((mask & MODEL_BIT(r)) == 0)
            continue;
        say_rec(st, r, rec, sizeof rec);
        int n = snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", rec);
        len += n > 0 ? (size_t)n : 0;
    }
}

void say_duration(model_time ms, char *out, size_t size)
{
    int64_t s = ms / 1000;
    if (ms == PHASE_FOREVER)
        (void)snprintf(out, size, "for ever");
    else if (ms < 10000)
        (void)snprintf(out, size, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
    else if (s < 120)
        (void)snprintf(out, size, "%" PRId64 " s", s);
    else if (s < 7200)
        (void)snprintf(out, size, "%" PRId64 " min", s / 60);
    else if (s < 172800)
        (void)snprintf(out, size, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    else
        (void)snprintf(out, size, "%" PRId64 " days %" PRId64 " h", s / 86400, s / 3600 % 24);
}

void say_wall(model_time wall, char *out, size_t size)
{
    time_t t = (time_t)(wall / 1000);
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || strftime(out, size, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        (void)snprintf(out, size, "at %" PRId64, wall / 1000);
}

void say_server(const struct port_state *st, int owner, int addr, char *out, size_t size)
{
    char ip[TEXT_IP_MAX];
    text_ip(st->facts.owners[owner].addrs[addr].ip, ip);
    const char *name = st->servers[owner][addr];
    size_t len = strlen(name);
    if (len > 1 && name[len - 1] == '.')
        len--;
    if (len == 0)
        (void)snprintf(out, size, "%s", ip);
    else
        (void)snprintf(out, size, "%.*s (%s)", (int)len, name, ip);
}

/* A list that grows, cut at the end of its buffer. */
struct list {
    char *out;
    size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void list_add(struct list *l, const char *fmt, ...)
{
    va_list ap;
    if (l->len >= l->size)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(l->out + l->len, l->size - l->len, fmt, ap);
    va_end(ap);
    l->len += n > 0 ? (size_t)n : 0;
}

static void list_recs(struct list *l, const struct port_state *st, int owner, int addr,
                      model_mask mask, uint8_t state)
{
    const struct model_addr *a = &st->facts.owners[owner].addrs[addr];
    const char *comma = " ";
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        char rec[64];
        if ((mask & MODEL_BIT(r)) == 0 || a->sights[r].state != state)
            continue;
        say_rec(st, r, rec, sizeof rec);
        list_add(l, "%s%s", comma, rec);
        comma = ", ";
    }
}

static model_mask with_state(const struct model_addr *a, model_mask mask, uint8_t state)
{
    model_mask found = 0;
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if ((mask & MODEL_BIT(r)) != 0 && a->sights[r].state == state)
            found |= MODEL_BIT(r);
    }
    return found;
}

static void say_no_answer(const struct port_state *st, int owner, int addr, struct list *l)
{
    const struct model_addr *a = &st->facts.owners[owner].addrs[addr];
    const char *why = st->said[owner][addr];
    if (a->last_kind == MODEL_ANS_NOROUTE)
        list_add(l, "cannot be reached from here: no route to its address%s",
                 a->skip ? " (left out, as policy says)" : "");
    else if (a->last_kind == MODEL_ANS_SILENT)
        list_add(l, "does not answer");
    else
        list_add(l, "gives no valid answer");
    if (why[0] != '\0')
        list_add(l, ": %s", why);
}

bool say_disagreement(const struct port_state *st, int owner, int addr, model_mask recs, char *out,
                      size_t size)
{
    const struct model_addr *a = &st->facts.owners[owner].addrs[addr];
    struct list l = {.out = out, .size = size};
    out[0] = '\0';
    if (a->last_try == MODEL_NEVER)
        return false;
    bool answered = a->last_kind == MODEL_ANS_RRSET || a->last_kind == MODEL_ANS_NODATA;
    model_mask absent = with_state(a, recs, MODEL_ABSENT);
    if (answered && absent == 0)
        return false;
    char server[PORT_NAME_MAX + 64];
    say_server(st, owner, addr, server, sizeof server);
    list_add(&l, "%s ", server);
    if (!answered) {
        say_no_answer(st, owner, addr, &l);
        return true;
    }
    if (with_state(a, ~(model_mask)0, MODEL_PRESENT) == 0) {
        list_add(&l, "still shows no TLSA record at all; missing:");
    } else {
        list_add(&l, "still shows");
        list_recs(&l, st, owner, addr, ~(model_mask)0, MODEL_PRESENT);
        list_add(&l, "; missing:");
    }
    list_recs(&l, st, owner, addr, absent, MODEL_ABSENT);
    return true;
}

void say_causes(uint32_t causes, char *out, size_t size)
{
    static const struct {
        uint32_t bit;
        const char *text;
    } names[] = {
        {MODEL_F_ACCOUNT, "the CA deactivated the account"},
        {MODEL_F_RESTORED, "the state was restored from an old backup"},
        {MODEL_F_ELSEWHERE, "Postfix uses another chain file"},
        {MODEL_F_CLOCK, "the clock jumped"},
        {MODEL_F_CAA, "a CAA record forbids"},
        {MODEL_F_DNSSEC, "the zone does not validate"},
        {MODEL_F_LAME, "name servers are lame"},
        {MODEL_F_DELETED, "records were deleted by somebody else"},
        {MODEL_F_SIZE, "too many TLSA records"},
        {MODEL_F_CNAME, "the CNAME at the owner leads elsewhere than before, or nowhere"},
        {MODEL_F_DISK, "the state cannot be saved"},
        {MODEL_F_RELOAD, "postfix reload failed"},
        {MODEL_F_OPERATOR, "the operator said so"},
        {MODEL_F_USAGE, "certificate usage 0 or 1 is published"},
    };
    struct list l = {.out = out, .size = size};
    out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((causes & names[i].bit) != 0)
            list_add(&l, "%s%s", l.len > 0 ? "; " : "", names[i].text);
    }
}

static void list_until(struct list *l, const struct plan_action *a, struct model_now now)
{
    char left[64], when[64];
    if (a->wake <= now.steady || a->wake == PHASE_FOREVER)
        return;
    say_duration(a->wake - now.steady, left, sizeof left);
    say_wall(now.wall + (a->wake - now.steady), when, sizeof when);
    list_add(l, ", %s more (until %s)", left, when);
}

void say_action(const struct port_state *st, const struct plan_action *a, struct model_now now,
                char *out, size_t size)
{
    struct list l = {.out = out, .size = size};
    char text[SAY_MAX];
    out[0] = '\0';
    list_add(&l, "%s", a->verb == PLAN_WAIT ? "wait" : plan_verb_name(a->verb));
    if (a->key != MODEL_NONE) {
        say_key(st, a->key, text, sizeof text);
        list_add(&l, " (%s)", text);
    }
    list_add(&l, ": %s", plan_reason_text(a->reason));
    if (a->reason == PLAN_R_ORDERING && a->key != MODEL_NONE) {
        say_wall(st->facts.keys[a->key].ordering, text, sizeof text);
        list_add(&l, " since %s", text);
    }
    if (a->owner != MODEL_NONE && a->addr != MODEL_NONE) {
        model_mask recs = a->rec != MODEL_NONE ? MODEL_BIT(a->rec) : a->mask;
        if (say_disagreement(st, a->owner, a->addr, recs, text, sizeof text))
            list_add(&l, ": %s", text);
        else {
            say_server(st, a->owner, a->addr, text, sizeof text);
            list_add(&l, " at %s", text);
        }
    }
    if (a->causes != 0) {
        say_causes(a->causes, text, sizeof text);
        list_add(&l, ": %s", text);
    }
    list_until(&l, a, now);
}

void say_refusal(const struct port_state *st, const struct safety_verdict *v, char *out,
                 size_t size)
{
    struct list l = {.out = out, .size = size};
    char text[SAY_MAX];
    out[0] = '\0';
    list_add(&l, "%s", safety_text(v->no));
    if (v->rec != MODEL_NONE) {
        say_rec(st, v->rec, text, sizeof text);
        list_add(&l, ": %s", text);
    }
    if (v->owner != MODEL_NONE)
        list_add(&l, " at %s", st->owners[v->owner]);
    if (v->owner != MODEL_NONE && v->addr != MODEL_NONE) {
        say_server(st, v->owner, v->addr, text, sizeof text);
        list_add(&l, ", server %s", text);
    }
    if (v->left > 0 && v->left != PHASE_FOREVER) {
        say_duration(v->left, text, sizeof text);
        list_add(&l, ", %s to wait", text);
    }
}

/* ---- the fate ------------------------------------------------------------------------- */

/* The chain in the file that ends first; MODEL_NONE: nothing is served. */
static int first_to_end(const struct model_facts *f)
{
    int first = MODEL_NONE;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = f->algs[a].used ? f->algs[a].current : MODEL_NONE;
        if (c != MODEL_NONE &&
            (first == MODEL_NONE || f->chains[c].not_after < f->chains[first].not_after))
            first = c;
    }
    return first;
}

/* Do senders hold the dates against the chain (usage 2)? Under usage 3 they do not. */
static bool dates_count(const struct model_policy *p)
{
    for (int i = 0; i < p->n_combos; i++) {
        if (p->combos[i].usage == 2)
            return true;
    }
    return false;
}

void say_fate(const struct port_state *st, const struct model_policy *policy, struct model_now now,
              char *out, size_t size)
{
    const struct model_facts *f = &st->facts;
    struct list l = {.out = out, .size = size};
    int first = first_to_end(f);
    char when[64];
    out[0] = '\0';
    if (first == MODEL_NONE) {
        list_add(&l, "Postfix has no certificate of ours yet");
        return;
    }
    say_wall(f->chains[first].not_after, when, sizeof when);
    bool over = f->chains[first].not_after <= now.wall;
    bool none_to_get = (f->frozen & (MODEL_F_ACCOUNT | MODEL_F_CAA)) != 0;
    if (none_to_get || over)
        list_add(&l, "%s%s (the first certificate %s %s%s)",
                 f->frozen != 0 ? "the keys stay as they are, and " : "",
                 none_to_get ? "no certificate can be renewed" : "orders are tried again and again",
                 over ? "ended" : "ends", when,
                 dates_count(policy) ? ": then senders that use DANE defer their mail"
                                     : "; DANE under usage 3 does not mind, MTA-STS does");
    else if (f->frozen != 0)
        list_add(&l,
                 "the keys stay as they are, renewals with the same key go on (the first "
                 "certificate ends %s)",
                 when);
    else
        list_add(&l, "it goes on by itself (the first certificate ends %s)", when);
}

bool say_overdue(const struct port_state *st, const struct model_policy *policy,
                 struct model_now now, char *out, size_t size)
{
    char key[64], when[64];
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        const struct model_alg *alg = &st->facts.algs[a];
        if (!alg->used || !alg->wanted || alg->current == MODEL_NONE)
            continue;
        const struct model_chain *c = &st->facts.chains[alg->current];
        if (now.wall <= renew_deadline(c, policy))
            continue;
        say_key(st, c->key, key, sizeof key);
        say_wall(c->not_after, when, sizeof when);
        (void)snprintf(out, size, "the certificate of %s could not be renewed in time: it %s %s",
                       key, now.wall < c->not_after ? "ends" : "ended", when);
        return true;
    }
    return false;
}

bool say_rejected(const struct port_state *st, char *out, size_t size)
{
    const struct model_facts *f = &st->facts;
    char key[64];
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        const struct model_chain *chain = &f->chains[c];
        if (!chain->used || !chain->rejected)
            continue;
        int current = f->algs[f->keys[chain->key].alg].current;
        if (current == MODEL_NONE || f->chains[current].obtained > chain->obtained)
            continue;
        say_key(st, chain->key, key, sizeof key);
        (void)snprintf(out, size, "the certificate of %s was rolled back from", key);
        return true;
    }
    return false;
}
