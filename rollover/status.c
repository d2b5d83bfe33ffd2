/* SPDX-License-Identifier: BSD-2-Clause */
#include "status.h"

#include "core/renew.h"

#include <stdarg.h>
#include <string.h>

struct model_now status_now(const struct port_state *st, const struct port_time *t)
{
    struct model_now now = {.steady = st->steady, .wall = t->wall, .epoch = st->facts.epoch};
    if (memcmp(t->boot_id, st->boot_id, sizeof t->boot_id) == 0 && t->boot >= st->boot)
        now.steady += t->boot - st->boot;
    return now;
}

/* A steady time as wall time, as far as that can be known. */
static model_time wall_of(model_time steady, struct model_now now)
{
    if (steady == MODEL_NEVER || steady == PHASE_FOREVER)
        return MODEL_NEVER;
    return now.wall + (steady - now.steady);
}

/* ---- freezes ---------------------------------------------------------------------------- */

static const struct status_freeze freezes[] = {
    {MODEL_F_ACCOUNT, "account", "the CA deactivated our account",
     "put the account right with the CA, then: danectl resume %s", true},
    {MODEL_F_RESTORED, "restored", "the state was restored from an older backup",
     "see that what Postfix serves and DNS shows is right (danectl check), then: danectl resume "
     "%s",
     true},
    {MODEL_F_ELSEWHERE, "elsewhere",
     "Postfix does not use the chain file that danemilter writes, or somebody else changed it",
     "the log names the difference: put it right, then: danectl resume %s", true},
    {MODEL_F_CLOCK, "clock", "the clock jumped", "by itself, when the clock is right", false},
    {MODEL_F_CAA, "caa", "a CAA record forbids the CA to issue",
     "by itself, when the CAA record permits it (the log names the record)", false},
    {MODEL_F_DNSSEC, "dnssec", "the zone does not validate: unsigned, expired, or a wrong DS",
     "by itself, when the zone validates again", false},
    {MODEL_F_LAME, "lame", "name servers of the zone do not answer for it",
     "by itself, when they answer, or are no longer listed as name servers", false},
    {MODEL_F_DELETED, "deleted", "somebody deleted our TLSA records",
     "to go on with DANE and publish them again: danectl resume %s", false},
    {MODEL_F_SIZE, "size", "too many TLSA records at one name",
     "by itself, when records that are not ours were deleted", false},
    {MODEL_F_CNAME, "cname", "the CNAME at the owner leads elsewhere than before, or nowhere",
     "by itself, when it leads where our records are", false},
    {MODEL_F_DISK, "disk", "the state cannot be saved",
     "by itself, when the disk has room and can be written", false},
    {MODEL_F_RELOAD, "reload", "postfix reload failed",
     "by itself, when it works again (try: postfix check)", false},
    {MODEL_F_OPERATOR, "operator", "an operator froze it", "danectl resume %s", true},
    {MODEL_F_USAGE, "usage", "TLSA records of usage 0 or 1 are published",
     "by itself, when they were deleted", false},
};

static void read_freezes(struct status *s, uint32_t frozen)
{
    for (size_t i = 0; i < sizeof freezes / sizeof freezes[0]; i++) {
        if ((frozen & freezes[i].cause) != 0)
            s->freezes[s->n_freezes++] = freezes[i];
    }
}

void status_freeze_end(const struct status *s, const struct status_freeze *freeze, char *out,
                       size_t size)
{
    const char *at = strstr(freeze->end, "%s");
    if (at == NULL)
        (void)snprintf(out, size, "%s", freeze->end);
    else
        (void)snprintf(out, size, "%.*s%s%s", (int)(at - freeze->end), freeze->end, s->certificate,
                       at + 2);
}

/* ---- keys ------------------------------------------------------------------------------- */

struct view {
    const struct port_state *st;
    const struct model_facts *f;
    const struct model_policy *p;
    struct model_now now;
};

/* The longest wait that a record of this key still has before it, until it is in every cache. */
static model_time usable_left(const struct view *v, int key)
{
    model_time worst = 0;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        for (int r = 0; v->f->owners[o].used && r < MODEL_MAX_RECS; r++) {
            if ((v->f->keys[key].recs & MODEL_BIT(r)) == 0)
                continue;
            model_time left = phase_usable_left(&v->f->owners[o], v->p, r, v->now, NULL);
            if (left > worst)
                worst = left;
        }
    }
    return worst;
}

/* The same until it is in no cache. */
static model_time gone_left(const struct view *v, int key)
{
    model_time worst = 0;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        for (int r = 0; v->f->owners[o].used && r < MODEL_MAX_RECS; r++) {
            if ((v->f->keys[key].recs & MODEL_BIT(r)) == 0 ||
                !phase_rec_cached(&v->f->owners[o], v->p, r, v->now))
                continue;
            model_time left = phase_gone_left(&v->f->owners[o], v->p, r, v->now, NULL);
            if (left > worst)
                worst = left;
        }
    }
    return worst;
}

/* When the last server came to show it (or to show it no more). */
static model_time seen_since(const struct view *v, int key, uint8_t state)
{
    model_time last = MODEL_NEVER;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        for (int a = 0; v->f->owners[o].used && a < MODEL_MAX_ADDRS; a++) {
            const struct model_addr *addr = &v->f->owners[o].addrs[a];
            for (int r = 0; addr->used && !addr->skip && r < MODEL_MAX_RECS; r++) {
                if ((v->f->keys[key].recs & MODEL_BIT(r)) != 0 && addr->sights[r].state == state &&
                    addr->sights[r].since > last)
                    last = addr->sights[r].since;
            }
        }
    }
    return last;
}

/* The chain of the key that counts: in the file, else the newest that waits for it, else the one
 * that left last. */
static int chain_of(const struct view *v, int key)
{
    int best = MODEL_NONE;
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        const struct model_chain *chain = &v->f->chains[c];
        if (!chain->used || chain->key != key)
            continue;
        if (v->f->algs[v->f->keys[key].alg].current == c)
            return c;
        if (best == MODEL_NONE || chain->obtained > v->f->chains[best].obtained)
            best = c;
    }
    return best;
}

static model_time phase_since(const struct view *v, int key, enum phase phase, int chain)
{
    const struct model_chain *c = chain != MODEL_NONE ? &v->f->chains[chain] : NULL;
    switch (phase) {
    case PHASE_HIDDEN:
    case PHASE_RUMOURED:
        return v->f->keys[key].made;
    case PHASE_CONFIRMED:
        return seen_since(v, key, MODEL_PRESENT);
    case PHASE_STAGED:
        return c != NULL ? c->obtained : MODEL_NEVER;
    case PHASE_PROBATION:
        return c != NULL ? c->installed : MODEL_NEVER;
    case PHASE_SERVING:
        return c != NULL ? c->committed : MODEL_NEVER;
    case PHASE_RETIRING:
        return c != NULL ? c->left : MODEL_NEVER;
    case PHASE_UNRETENTIVE:
        return seen_since(v, key, MODEL_ABSENT);
    case PHASE_OMNIPRESENT: /* cannot be told from what is stored */
    case PHASE_DEAD:
        break;
    }
    return MODEL_NEVER;
}

static model_time phase_until(const struct view *v, int key, enum phase phase)
{
    model_time left = MODEL_NEVER;
    if (phase == PHASE_CONFIRMED)
        left = usable_left(v, key);
    else if (phase == PHASE_UNRETENTIVE)
        left = gone_left(v, key);
    else if (phase == PHASE_PROBATION)
        return wall_of(phase_commit_at(v->f, v->p, v->f->keys[key].alg), v->now);
    return left > 0 && left != PHASE_FOREVER ? v->now.wall + left : MODEL_NEVER;
}

/* What a phase is, before and after the time since when; "": there is no such time. */
static const struct {
    const char *what, *since, *more;
} meaning[] = {
    [PHASE_HIDDEN] = {"made", " at ", "; not published yet"},
    [PHASE_RUMOURED] = {"made", " at ", ", published; not every name server shows it yet"},
    [PHASE_CONFIRMED] = {"on every name server", " since ", "; caches may hold older answers"},
    [PHASE_OMNIPRESENT] = {"on every name server, in every cache: ready to be used next", "", ""},
    [PHASE_STAGED] = {"its certificate is here", " since ", ": Postfix is switched to it next"},
    [PHASE_PROBATION] = {"served", " since ", ""},
    [PHASE_SERVING] = {"served", " since ", ""},
    [PHASE_RETIRING] = {"served no longer", " since ", "; its record goes when nobody needs it"},
    [PHASE_UNRETENTIVE] = {"removed from DNS", " at ", "; caches may hold it"},
    [PHASE_DEAD] = {"over", "", ""},
};

ERR_PRINTF(3, 4) static void append(char *out, size_t size, const char *fmt, ...)
{
    va_list ap;
    size_t len = strlen(out);
    va_start(ap, fmt);
    (void)vsnprintf(out + len, size - len, fmt, ap);
    va_end(ap);
}

static void append_time(char *out, size_t size, const char *before, model_time wall)
{
    char when[64];
    if (wall == MODEL_NEVER)
        return;
    say_wall(wall, when, sizeof when);
    append(out, size, "%s%s", before, when);
}

static void key_text(const struct view *v, struct status_key *k, int chain)
{
    char *out = k->text;
    const size_t size = sizeof k->text;
    char left[64];
    model_time since = k->since;
    if (k->phase == PHASE_SERVING && chain != MODEL_NONE)
        since = wall_of(v->f->chains[chain].installed, v->now);
    (void)snprintf(out, size, "%s", meaning[k->phase].what);
    if (meaning[k->phase].since[0] != '\0')
        append_time(out, size, meaning[k->phase].since, since);
    append(out, size, "%s", meaning[k->phase].more);
    if (k->phase == PHASE_PROBATION && chain != MODEL_NONE) {
        append(out, size, ", %s",
               v->f->chains[chain].attested != MODEL_NEVER ? "proven at every address"
                                                           : "not yet proven at every address");
        append_time(out, size, "; a way back is kept until ", k->until);
        return;
    }
    if (k->until > v->now.wall) {
        say_duration(k->until - v->now.wall, left, sizeof left);
        append(out, size, ", for %s more", left);
        append_time(out, size, " (until ", k->until);
        append(out, size, ")");
    }
}

/* By validity, or before that by age (policy.renew_every). */
static model_time renewal_due(const struct view *v, const struct model_chain *chain)
{
    model_time due = renew_due_at(chain, v->p);
    if (v->p->renew_every == 0 || chain->installed == MODEL_NEVER)
        return due;
    model_time old = wall_of(chain->installed + v->p->renew_every, v->now);
    return old < due ? old : due;
}

static void read_key(const struct view *v, int key, struct status_key *k)
{
    int chain = chain_of(v, key);
    const struct model_key *facts = &v->f->keys[key];
    k->key = key;
    k->phase = phase_of_key(v->f, v->p, key, v->now);
    k->since = wall_of(phase_since(v, key, k->phase, chain), v->now);
    k->until = phase_until(v, key, k->phase);
    k->ordering = facts->ordering;
    k->left_alone =
        facts->wait_until > v->now.steady ? wall_of(facts->wait_until, v->now) : MODEL_NEVER;
    if (chain != MODEL_NONE && v->f->chains[chain].left == MODEL_NEVER) {
        k->not_after = v->f->chains[chain].not_after;
        k->renewal_due = renewal_due(v, &v->f->chains[chain]);
    }
    key_text(v, k, chain);
}

static void read_keys(const struct view *v, struct status *s)
{
    uint32_t after = 0;
    for (;;) {
        int next = MODEL_NONE;
        for (int k = 0; k < MODEL_MAX_KEYS; k++) {
            const struct model_key *key = &v->f->keys[k];
            if (key->used && key->serial > after &&
                (next == MODEL_NONE || key->serial < v->f->keys[next].serial))
                next = k;
        }
        if (next == MODEL_NONE)
            return;
        after = v->f->keys[next].serial;
        read_key(v, next, &s->keys[s->n_keys++]);
    }
}

/* ---- servers ---------------------------------------------------------------------------- */

static enum status_sight sight_of(const struct view *v, int owner, int addr)
{
    const struct model_owner *o = &v->f->owners[owner];
    const struct model_addr *a = &o->addrs[addr];
    char text[SAY_MAX];
    bool answers = a->last_kind == MODEL_ANS_RRSET || a->last_kind == MODEL_ANS_NODATA;
    /* What it showed before the records were changed says nothing about it. */
    if (answers && o->changed_at != MODEL_NEVER && o->round_end <= o->changed_at)
        return STATUS_UNASKED;
    if (say_disagreement(v->st, owner, addr, o->want & ~o->drop, text, sizeof text))
        return o->addrs[addr].skip ? STATUS_SKIPPED : STATUS_DISAGREES;
    return o->addrs[addr].last_try == MODEL_NEVER ? STATUS_UNASKED : STATUS_AGREES;
}

/* Secondaries are told of a change and fetch it: that they lack a record is no trouble until then.
 */
static bool has_settled(const struct view *v, const struct model_owner *o,
                        const struct model_addr *a)
{
    model_time wait = 2 * v->p->poll > STATUS_SETTLE_MS ? 2 * v->p->poll : STATUS_SETTLE_MS;
    if (a->last_kind != MODEL_ANS_RRSET && a->last_kind != MODEL_ANS_NODATA)
        return true;
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        const struct model_sight *sight = &a->sights[r];
        if ((o->want & ~o->drop & MODEL_BIT(r)) != 0 && sight->state == MODEL_ABSENT &&
            v->now.steady - sight->since >= wait)
            return true;
    }
    return false;
}

static void read_owner(const struct view *v, int owner, struct status *s)
{
    const struct model_owner *o = &v->f->owners[owner];
    model_mask shown = phase_shown_somewhere(o, v->now);
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (v->f->recs[r].used && !v->f->recs[r].ours)
            s->foreign[owner] |= shown & MODEL_BIT(r);
    }
    s->attention |= s->foreign[owner] != 0;
    for (int a = 0; a < MODEL_MAX_ADDRS; a++) {
        if (!o->addrs[a].used)
            continue;
        struct status_server *server = &s->servers[s->n_servers++];
        *server = (struct status_server){owner, a, sight_of(v, owner, a)};
        s->attention |= server->sight == STATUS_DISAGREES && has_settled(v, o, &o->addrs[a]);
    }
}

void status_server_text(const struct port_state *st, const struct status_server *server, char *out,
                        size_t size)
{
    const struct model_owner *o = &st->facts.owners[server->owner];
    if (!say_disagreement(st, server->owner, server->addr, o->want & ~o->drop, out, size))
        say_server(st, server->owner, server->addr, out, size);
}

const char *status_sight_name(enum status_sight sight)
{
    static const char *const sights[] = {[STATUS_AGREES] = "agrees",
                                         [STATUS_UNASKED] = "unasked",
                                         [STATUS_SKIPPED] = "skipped",
                                         [STATUS_DISAGREES] = "disagrees"};
    return sights[sight];
}

/* ---- what comes next -------------------------------------------------------------------- */

void status_action_text(const struct port_state *st, const struct plan_action *a, char *out,
                        size_t size)
{
    static const char *const words[] = {
        [PLAN_WAIT] = "nothing is due",
        [PLAN_ADOPT] = "read the chain file that Postfix uses",
        [PLAN_OBSERVE] = "ask the name servers",
        [PLAN_MAKE_KEY] = "make a key",
        [PLAN_PUBLISH] = "publish TLSA records",
        [PLAN_ISSUE] = "get a certificate",
        [PLAN_SWITCH] = "switch Postfix over",
        [PLAN_ATTEST] = "prove by STARTTLS what is served",
        [PLAN_COMMIT] = "let go of the certificate from before the switch",
        [PLAN_ROLLBACK] = "go back to the certificate from before the switch",
        [PLAN_WITHDRAW] = "remove old TLSA records",
        [PLAN_SHRED] = "destroy a key that nothing needs any more",
        [PLAN_FREEZE] = "freeze",
        [PLAN_THAW] = "end the freeze",
    };
    char name[64];
    int key = a->key;
    if (key == MODEL_NONE && a->chain != MODEL_NONE && a->verb == PLAN_SWITCH)
        key = st->facts.chains[a->chain].key;
    (void)snprintf(out, size, "%s", words[a->verb]);
    if (key != MODEL_NONE) {
        say_key(st, key, name, sizeof name);
        append(out, size, " (%s)", name);
    } else if (a->alg != MODEL_NONE) {
        say_alg(st->facts.algs[a->alg].type, name, sizeof name);
        append(out, size, " (%s)", name);
    }
}

static void next_why(const struct port_state *st, const struct plan_action *a, char *out,
                     size_t size)
{
    char text[SAY_MAX];
    (void)snprintf(out, size, "%s", plan_reason_text(a->reason));
    if (a->reason == PLAN_R_BLOCKED)
        append(out, size, ": %s", safety_text((enum safety_no)a->no));
    if (a->reason == PLAN_R_ORDERING && a->key != MODEL_NONE)
        append_time(out, size, " since ", st->facts.keys[a->key].ordering);
    if (a->owner != MODEL_NONE && a->addr != MODEL_NONE) {
        say_server(st, a->owner, a->addr, text, sizeof text);
        append(out, size, ": %s", text);
    }
    if (a->causes != 0) {
        say_causes(a->causes, text, sizeof text);
        append(out, size, ": %s", text);
    }
}

/* ---- all of it -------------------------------------------------------------------------- */

void status_read(const char *certificate, const struct port_state *st,
                 const struct model_policy *policy, struct model_now now, struct status *out)
{
    const struct view v = {.st = st, .f = &st->facts, .p = policy, .now = now};
    char text[SAY_MAX];
    memset(out, 0, sizeof *out);
    out->certificate = certificate;
    read_freezes(out, st->facts.frozen);
    read_keys(&v, out);
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (st->facts.owners[o].used)
            read_owner(&v, o, out);
    }
    plan_outlook(&st->facts, policy, now, &out->next);
    if (out->next.wake > now.steady)
        out->next_at = wall_of(out->next.wake, now);
    status_action_text(st, &out->next, out->next_what, sizeof out->next_what);
    next_why(st, &out->next, out->next_why, sizeof out->next_why);
    say_fate(st, policy, now, out->fate, sizeof out->fate);
    if (say_overdue(st, policy, now, text, sizeof text))
        append(out->trouble, sizeof out->trouble, "%s", text);
    if (say_rejected(st, text, sizeof text))
        append(out->trouble, sizeof out->trouble, "%s%s", out->trouble[0] != '\0' ? "; " : "",
               text);
    out->attention |= out->n_freezes > 0 || out->trouble[0] != '\0';
}
