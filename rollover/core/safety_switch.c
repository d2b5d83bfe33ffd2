/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "core/phase.h"
#include "core/safety_switch.h"

/* What is asked about: the chain `next` in place of `served` (or NONE), for one algorithm. */
struct change {
    const struct model_facts *f;
    const struct model_policy *p;
    struct model_now now;
    int alg, served, next;
    bool rollback;
};

static bool no(struct safety_verdict *why, enum safety_no reason, model_time left)
{
    why->no = reason;
    why->left = left;
    return false;
}

/* ---- same records ---- */

static bool never_answered(const struct model_owner *o)
{
    for (int i = 0; i < MODEL_MAX_ADDRS; i++) {
        if (o->addrs[i].used && o->addrs[i].last_answer != MODEL_NEVER)
            return false;
    }
    return true;
}

/* Nothing is known of what caches hold: then the key alone speaks, where we publish 3 1 x only. */
static bool key_speaks(const struct change *ch)
{
    if (ch->f->chains[ch->served].key != ch->f->chains[ch->next].key)
        return false;
    for (int i = 0; i < ch->p->n_combos && i < MODEL_MAX_COMBOS; i++) {
        if (ch->p->combos[i].usage != 3 || ch->p->combos[i].selector != 1)
            return false;
    }
    return true;
}

/* Is every record that the served chain is matched by now, and that a cache of any owner may
 * hold, one that matches the next chain too? */
static bool same_records(const struct change *ch)
{
    const struct model_facts *f = ch->f;

    if (ch->served == MODEL_NONE)
        return false;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (!f->owners[o].used)
            continue;
        if (never_answered(&f->owners[o]) && !key_speaks(ch))
            return false;
        for (int r = 0; r < MODEL_MAX_RECS; r++) {
            if (phase_matches(f, &f->chains[ch->served], r, ch->now) &&
                !phase_matches(f, &f->chains[ch->next], r, ch->now) &&
                phase_rec_cached(&f->owners[o], ch->p, r, ch->now))
                return false;
        }
    }
    return true;
}

/* ---- evidence ---- */

/* The best record of this combination for the chain: how long it still has to wait. */
static model_time combo_left(const struct change *ch, int owner, int chain,
                             struct model_combo combo, struct safety_verdict *why)
{
    const struct model_owner *o = &ch->f->owners[owner];
    model_time best = -1;

    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        model_time left;
        int worst;

        if (!phase_matches(ch->f, &ch->f->chains[chain], r, ch->now) ||
            !phase_same_combo(ch->f->recs[r].combo, combo))
            continue;
        left = phase_usable_left(o, ch->p, r, ch->now, &worst);
        if (ch->rollback && (o->whole & MODEL_BIT(r)) != 0)
            left = 0; /* it was in every cache when the chain was served, and stayed */
        if (best >= 0 && left >= best)
            continue;
        best = left;
        why->rec = r;
        why->addr = worst;
    }
    return best;
}

static bool combo_ready(const struct change *ch, int owner, struct model_combo combo,
                        struct safety_verdict *why)
{
    model_time left = combo_left(ch, owner, ch->next, combo, why);

    why->owner = owner;
    if (left == 0)
        return true;
    if (left < 0) {
        for (int r = 0; r < MODEL_MAX_RECS; r++) {
            if (ch->f->recs[r].used && phase_same_combo(ch->f->recs[r].combo, combo) &&
                phase_rec_cached(&ch->f->owners[owner], ch->p, r, ch->now))
                why->rec = r;
        }
        return no(why, SAFETY_NO_COMBINATION, PHASE_FOREVER);
    }
    return no(why, left == PHASE_FOREVER ? SAFETY_NO_UNSEEN : SAFETY_NO_WAIT, left);
}

/* Nothing is known to be in any cache: true of an owner that was watched for a whole E, not of
 * one that we have just met. */
static bool empty_ready(const struct change *ch, int owner, struct safety_verdict *why)
{
    const struct model_owner *o = &ch->f->owners[owner];
    model_time need = phase_wait(o, ch->p, true, ch->now), watched = 0;

    why->owner = owner;
    if (o->watch_since != MODEL_NEVER && o->watch_epoch == ch->now.epoch)
        watched = ch->now.steady - o->watch_since;
    return watched >= need || no(why, SAFETY_NO_WAIT, need - watched);
}

/* Has the combination at `i` come up already, at a smaller index? */
static bool repeated(const struct model_facts *f, int rec)
{
    for (int r = 0; r < rec; r++) {
        if (f->recs[r].used && phase_same_combo(f->recs[r].combo, f->recs[rec].combo))
            return true;
    }
    return false;
}

static bool ignored(const struct model_owner *o, struct model_combo combo, int alg)
{
    for (int i = 0; i < MODEL_MAX_COMBOS; i++) {
        if (o->seen[i].used && phase_same_combo(o->seen[i].combo, combo))
            return (o->seen[i].ignored >> alg & 1u) != 0;
    }
    return false;
}

/* Every combination that a cache may hold has a record for the next chain whose wait is over. */
static bool owner_ready(const struct change *ch, int owner, struct safety_verdict *why)
{
    const struct model_facts *f = ch->f;
    const struct model_owner *o = &f->owners[owner];
    model_time life = phase_wait(o, ch->p, true, ch->now);
    bool any = false;

    for (int i = 0; i < MODEL_MAX_COMBOS; i++) {
        if (!o->seen[i].used || !phase_combo_cached(f, o, ch->p, o->seen[i].combo, ch->now))
            continue;
        any = true;
        if (!ignored(o, o->seen[i].combo, ch->alg) &&
            !combo_ready(ch, owner, o->seen[i].combo, why))
            return false;
    }
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (!f->recs[r].used || repeated(f, r) ||
            !phase_combo_cached(f, o, ch->p, f->recs[r].combo, ch->now))
            continue;
        any = true;
        if (!ignored(o, f->recs[r].combo, ch->alg) &&
            !combo_ready(ch, owner, f->recs[r].combo, why))
            return false;
    }
    why->owner = owner;
    if (o->seen_lost != MODEL_NEVER && ch->now.steady - o->seen_lost < life)
        return no(why, SAFETY_NO_COMBINATION, life - (ch->now.steady - o->seen_lost));
    return any || empty_ready(ch, owner, why);
}

/* "Facts observed once more in the second before", with signatures that go on. A rollback is not
 * kept waiting for that: what is served is wrong. */
static bool just_observed(const struct change *ch, int owner, struct safety_verdict *why)
{
    const struct model_owner *o = &ch->f->owners[owner];

    why->owner = owner;
    why->rec = MODEL_NONE;
    if (!ch->rollback && !phase_fresh(ch->f, ch->p, owner, ch->now, &why->addr))
        return no(why, SAFETY_NO_STALE_FACTS, why->addr == MODEL_NONE ? 0 : PHASE_FOREVER);
    if (phase_signature_near(o, ch->p, ch->now, &why->addr))
        return no(why, SAFETY_NO_SIGNATURE, PHASE_FOREVER);
    return true;
}

static bool evidence(const struct change *ch, struct safety_verdict *why)
{
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (ch->f->owners[o].used && !owner_ready(ch, o, why))
            return false;
    }
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (ch->f->owners[o].used && !just_observed(ch, o, why))
            return false;
    }
    return true;
}

/* ---- nothing to lose ---- */

/* Does any record that a cache may hold still match the served chain? */
static bool matched_by_anything(const struct change *ch)
{
    const struct model_facts *f = ch->f;

    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        for (int r = 0; f->owners[o].used && r < MODEL_MAX_RECS; r++) {
            if (phase_matches(f, &f->chains[ch->served], r, ch->now) &&
                phase_rec_cached(&f->owners[o], ch->p, r, ch->now))
                return true;
        }
    }
    return false;
}

/* Usage 2 only: certificates of usage 2 expire, and then match nothing. What the chain would be
 * matched by, were it valid. */
static bool died_of_age(const struct change *ch)
{
    const struct model_chain *c = &ch->f->chains[ch->served];

    if (ch->now.wall < c->not_after || matched_by_anything(ch))
        return false;
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (ch->f->recs[r].used && (c->matches & MODEL_BIT(r)) != 0 &&
            ch->f->recs[r].combo.usage == 2)
            return true;
    }
    return false;
}

/* Was this key published before the compromise, and is it still good? */
static bool good_standby(const struct change *ch, int key)
{
    const struct model_facts *f = ch->f;
    const struct model_key *k = &f->keys[key];

    if (!phase_key_usable(k) || k->alg != ch->alg || k->recs == 0 || k->made >= f->compromised_at)
        return false;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (f->owners[o].used && (k->recs & ~f->owners[o].want) != 0)
            return false;
    }
    return true;
}

/* The served key is compromised and so is every standby: a key made since, wanted in DNS at every
 * owner, may be served at once. Some senders defer until their caches have it. */
static bool host_lost(const struct change *ch)
{
    const struct model_facts *f = ch->f;
    const struct model_chain *c = &f->chains[ch->next];
    model_mask recs = phase_chain_recs(f, ch->p, ch->next) | f->keys[c->key].recs;

    if (!f->keys[f->chains[ch->served].key].compromised || f->keys[c->key].made < f->compromised_at)
        return false;
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (good_standby(ch, k))
            return false;
    }
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (f->owners[o].used && (recs & ~f->owners[o].want) != 0)
            return false;
    }
    return recs != 0;
}

/* Usage 2, into the last margin before expiry: some (usage, selector) that the next chain
 * satisfies, with evidence, in all its matching types that caches may hold. */
static bool some_pair_ready(const struct change *ch, int owner)
{
    const struct model_owner *o = &ch->f->owners[owner];
    struct safety_verdict unused = {0};

    for (int pair = 0; pair < 4; pair++) {
        bool any = false, all = true;

        for (int i = 0; i < MODEL_MAX_COMBOS; i++) {
            const struct model_seen *s = &o->seen[i];

            if (!s->used || s->combo.usage != 2 + pair / 2 || s->combo.selector != pair % 2 ||
                !phase_combo_cached(ch->f, o, ch->p, s->combo, ch->now))
                continue;
            any = true;
            all = all && combo_left(ch, owner, ch->next, s->combo, &unused) == 0;
        }
        if (any && all)
            return true;
    }
    return false;
}

static bool last_margin(const struct change *ch)
{
    const struct model_facts *f = ch->f;
    const struct model_chain *c = &f->chains[ch->served];
    bool relies = false;
    struct safety_verdict unused = {0};

    for (int r = 0; r < MODEL_MAX_RECS; r++)
        relies = relies || (f->recs[r].used && f->recs[r].combo.usage == 2 &&
                            (c->matches & MODEL_BIT(r)) != 0);
    if (!relies || ch->now.wall < c->not_after - ch->p->renew_margin)
        return false;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (f->owners[o].used &&
            (!some_pair_ready(ch, o) || f->owners[o].seen_lost != MODEL_NEVER ||
             !just_observed(ch, o, &unused)))
            return false;
    }
    return true;
}

/* ---- together ---- */

static bool structure(const struct change *ch, struct safety_verdict *why)
{
    const struct model_chain *c;
    const struct model_key *k;

    if (ch->next < 0 || ch->next >= MODEL_MAX_CHAINS || !ch->f->chains[ch->next].used)
        return no(why, SAFETY_NO_NONSENSE, PHASE_FOREVER);
    c = &ch->f->chains[ch->next];
    k = &ch->f->keys[c->key];
    if (k->alg != ch->alg || !k->used)
        return no(why, SAFETY_NO_NONSENSE, PHASE_FOREVER);
    if (!c->durable)
        return no(why, SAFETY_NO_NOT_DURABLE, PHASE_FOREVER);
    if (c->rejected || !k->on_disk || k->shredded || k->compromised)
        return no(why, SAFETY_NO_KEY, PHASE_FOREVER);
    return true;
}

/* A chain that satisfies usage 2 only by names or dates it does not have says so. */
static void name_expiry(const struct change *ch, struct safety_verdict *why)
{
    const struct model_chain *c = &ch->f->chains[ch->next];
    bool valid = c->names_ok && c->not_before <= ch->now.wall && ch->now.wall < c->not_after;

    if (why->no != SAFETY_NO_COMBINATION || valid)
        return;
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (ch->f->recs[r].used && ch->f->recs[r].combo.usage == 2 &&
            (c->matches & MODEL_BIT(r)) != 0)
            why->no = SAFETY_NO_EXPIRED;
    }
}

/* Does some owner hold an RRset now without any record for the served chain? */
static bool served_missing(const struct change *ch)
{
    for (int i = 0; i < MODEL_MAX_OWNERS; i++) {
        const struct model_owner *o = &ch->f->owners[i];

        if (o->used && phase_shown(o, ch->p, ch->now) != 0 &&
            (phase_shown(o, ch->p, ch->now) & ch->f->chains[ch->served].matches) == 0)
            return true;
    }
    return false;
}

/* Freezes of rows 29 and 42 have a way out: the served chain's records are gone, those of another
 * key on disk are in every cache. */
static bool frozen(const struct change *ch)
{
    uint32_t causes = ch->f->frozen;

    if (ch->served != MODEL_NONE && served_missing(ch))
        causes &= ~(uint32_t)(MODEL_F_RESTORED | MODEL_F_DELETED);
    return causes != 0;
}

static bool nothing_served(const struct model_facts *f)
{
    if (!f->adopted)
        return false;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (f->algs[a].used && f->algs[a].current != MODEL_NONE)
            return false;
    }
    return true;
}

static bool change_allowed(const struct change *ch, struct safety_verdict *why)
{
    const struct model_facts *f = ch->f;

    why->chain = ch->next;
    if (!structure(ch, why))
        return false;
    if (same_records(ch) && (key_speaks(ch) || matched_by_anything(ch)))
        return true;
    if (!ch->rollback && frozen(ch))
        return no(why, SAFETY_NO_FROZEN, PHASE_FOREVER);
    if (!ch->rollback && !f->postfix_up)
        return no(why, SAFETY_NO_POSTFIX, PHASE_FOREVER);
    if (nothing_served(f))
        return true; /* senders get no TLS now: it cannot get worse */
    if (ch->served != MODEL_NONE && (died_of_age(ch) || host_lost(ch) || last_margin(ch)))
        return true;
    if (f->chains[ch->next].held)
        return no(why, SAFETY_NO_COMBINATION, PHASE_FOREVER);
    if (evidence(ch, why))
        return true;
    name_expiry(ch, why);
    return false;
}

/* Those who were served the chain that leaves will get the one that stays (ch->next): it needs the
 * evidence in each combination that matches the leaving one, whether it was ignored or not. */
static bool takes_over(const struct change *ch, struct safety_verdict *why)
{
    const struct model_facts *f = ch->f;

    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        bool any = false;

        for (int r = 0; f->owners[o].used && r < MODEL_MAX_RECS; r++) {
            if (!phase_matches(f, &f->chains[ch->served], r, ch->now) ||
                !phase_rec_cached(&f->owners[o], ch->p, r, ch->now))
                continue;
            any = true;
            if (!combo_ready(ch, o, f->recs[r].combo, why))
                return false;
        }
        if (any && !just_observed(ch, o, why))
            return false;
    }
    return true;
}

/* An algorithm goes out of the file. */
static bool drop_allowed(const struct change *ch, const int8_t chains[MODEL_MAX_ALGS],
                         struct safety_verdict *why)
{
    const struct model_facts *f = ch->f;
    bool any = false;

    if (f->frozen != 0 && !ch->rollback)
        return no(why, SAFETY_NO_FROZEN, PHASE_FOREVER);
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        struct change stays = *ch;

        if (!f->algs[a].used || chains[a] == MODEL_NONE)
            continue;
        any = true;
        stays.alg = a;
        stays.next = chains[a];
        why->chain = chains[a];
        if (!takes_over(&stays, why))
            return false;
    }
    return any || no(why, SAFETY_NO_SERVABLE, PHASE_FOREVER);
}

bool safety_switch_allows(const struct model_facts *f, const struct model_policy *p,
                          const int8_t chains[MODEL_MAX_ALGS], bool rollback, struct model_now now,
                          struct safety_verdict *why)
{
    bool any = false;

    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        const struct model_alg *alg = &f->algs[a];
        struct change ch = {f, p, now, a, alg->current, chains[a], rollback};

        if (!alg->used)
            continue;
        if (alg->pending_drop ? chains[a] != MODEL_NONE
                              : alg->pending != MODEL_NONE && alg->pending != chains[a])
            return no(why, SAFETY_NO_NOT_DURABLE, PHASE_FOREVER);
        if (chains[a] == alg->current)
            continue;
        any = true;
        if (chains[a] == MODEL_NONE ? !drop_allowed(&ch, chains, why) : !change_allowed(&ch, why))
            return false;
    }
    if (!any)
        return no(why, SAFETY_NO_NONSENSE, PHASE_FOREVER);
    why->no = SAFETY_OK;
    return true;
}
