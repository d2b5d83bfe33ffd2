/* SPDX-License-Identifier: BSD-2-Clause */
#include "oracle.h"

#include "things.h"

static bool same(struct model_combo a, struct model_combo b)
{
    return a.usage == b.usage && a.selector == b.selector && a.matching == b.matching;
}

static bool ignored(const struct sim_owner *o, struct model_combo c)
{
    for (int i = 0; i < o->n_ignored; i++) {
        if (same(o->ignored[i], c))
            return true;
    }
    return false;
}

static void ignore(struct sim_owner *o, struct model_combo c)
{
    if (!ignored(o, c) && o->n_ignored < MODEL_MAX_COMBOS)
        o->ignored[o->n_ignored++] = c;
}

/* Does some record of this combination in the set accept the certificate? */
static bool served(const struct sim *s, sim_mask recs, struct model_combo c, int cert)
{
    for (int r = 0; r < s->n_recs; r++) {
        if ((recs & SIM_BIT(r)) != 0 && same(s->recs[r].combo, c) &&
            things_accepts(s, cert, r, s->t))
            return true;
    }
    return false;
}

/* The record whose combination the certificate fails, or -1. */
static int failing(const struct sim *s, int owner, sim_mask recs, int cert)
{
    const struct sim_owner *o = &s->owners[owner];

    for (int r = 0; r < s->n_recs; r++) {
        if ((recs & SIM_BIT(r)) != 0 && !ignored(o, s->recs[r].combo) &&
            !served(s, recs, s->recs[r].combo, cert))
            return r;
    }
    return -1;
}

static bool excused(const struct sim *s, int owner, sim_mask recs, int cert)
{
    for (int i = 0; i < s->n_excuses; i++) {
        const struct sim_excuse *e = &s->excuses[i];

        if (e->owner == owner && e->recs == recs && e->cert == cert)
            return true;
    }
    return false;
}

static void excuse(struct sim *s, int owner, sim_mask recs, int cert)
{
    if (excused(s, owner, recs, cert))
        return;
    if (s->n_excuses == SIM_EXCUSES) {
        sim_fail(s, "the oracle has no room for another excuse");
        return;
    }
    s->excuses[s->n_excuses++] = (struct sim_excuse){.owner = owner, .recs = recs, .cert = cert};
}

/* Calls `f` for each certificate that may be served, file by file. */
typedef void visit_fn(struct sim *s, int owner, sim_mask recs, int cert);

static void each_file(struct sim *s, const struct sim_file *file, int owner, sim_mask recs,
                      visit_fn *f)
{
    for (int a = 0; a < s->n_algs; a++) {
        if (file->cert[a] >= 0)
            f(s, owner, recs, file->cert[a]);
    }
}

static void each_served(struct sim *s, int owner, sim_mask recs, visit_fn *f)
{
    each_file(s, &s->file, owner, recs, f);
    for (int i = 0; i < s->n_procs; i++) {
        if (s->procs[i].dies_at > s->t)
            each_file(s, &s->procs[i].file, owner, recs, f);
    }
}

static void judge(struct sim *s, int owner, sim_mask recs, int cert)
{
    int r = failing(s, owner, recs, cert);
    char set[SIM_TEXT], name[SIM_NAME], rec[SIM_NAME];

    if (s->broken || r < 0 || excused(s, owner, recs, cert))
        return;
    things_set_text(s, recs, set);
    things_cert_text(s, cert, name);
    things_rec_text(s, r, rec);
    sim_fail(s,
             "THE RULE IS BROKEN: a cache may hold %s for %s while %s is served, which no "
             "record of the combination of %s matches",
             set, s->owners[owner].name, name, rec);
}

static void need_key(struct sim *s, int owner, sim_mask recs)
{
    char name[SIM_NAME];

    for (int r = 0; r < s->n_recs; r++) {
        if ((recs & SIM_BIT(r) & s->owners[owner].ours) == 0 || s->recs[r].of != SIM_OF_KEY ||
            s->keys[s->recs[r].which].on_disk)
            continue;
        things_key_text(s, s->recs[r].which, name);
        sim_fail(s, "a record of key %s is published, and that key is not on disk", name);
    }
}

void oracle_check(struct sim *s)
{
    for (int h = 0; h < s->n_held && !s->broken && s->t >= s->gives_way; h++) {
        const struct sim_held *held = &s->held[h];

        if (held->until < s->t)
            continue;
        each_served(s, held->owner, held->rrset.recs, judge);
    }
    for (int o = 0; o < s->n_owners && !s->broken; o++)
        need_key(s, o, s->owners[o].zone.recs);
}

void oracle_arrival(struct sim *s)
{
    for (int i = 0; i < s->n_owners; i++) {
        struct sim_owner *o = &s->owners[i];

        for (int a = 0; a < s->n_algs; a++) {
            int r;

            while (s->file.cert[a] >= 0 && (r = failing(s, i, o->zone.recs, s->file.cert[a])) >= 0)
                ignore(o, s->recs[r].combo);
        }
    }
}

/* A combination which no record of the set but strays has was brought by the human. */
static void ignore_strays(struct sim *s, int owner)
{
    struct sim_owner *o = &s->owners[owner];

    for (int r = 0; r < s->n_recs; r++) {
        bool only = true;

        if ((o->zone.recs & SIM_BIT(r)) == 0 || s->recs[r].of != SIM_OF_NOTHING)
            continue;
        for (int q = 0; q < s->n_recs; q++) {
            if ((o->zone.recs & SIM_BIT(q)) != 0 && s->recs[q].of != SIM_OF_NOTHING &&
                same(s->recs[q].combo, s->recs[r].combo))
                only = false;
        }
        if (only)
            ignore(o, s->recs[r].combo);
    }
}

static void excuse_if_failing(struct sim *s, int owner, sim_mask recs, int cert)
{
    if (failing(s, owner, recs, cert) >= 0)
        excuse(s, owner, recs, cert);
}

void oracle_excuse(struct sim *s, int owner)
{
    ignore_strays(s, owner);
    each_served(s, owner, s->owners[owner].zone.recs, excuse_if_failing);
}

void oracle_carry(struct sim *s, int owner, sim_mask before)
{
    sim_mask after = s->owners[owner].zone.recs;
    int n = s->n_excuses;

    for (int i = 0; i < n; i++) {
        if (s->excuses[i].owner == owner && s->excuses[i].recs == before && (before & ~after) == 0)
            excuse_if_failing(s, owner, after, s->excuses[i].cert);
    }
}

static void needs(struct sim *s, int owner, sim_mask recs, int cert)
{
    char name[SIM_NAME];

    (void)owner;
    (void)recs;
    if (s->keys[s->certs[cert].key].on_disk)
        return;
    things_cert_text(s, cert, name);
    sim_fail(s, "the key of %s was shredded while a process may serve it", name);
}

void oracle_shred(struct sim *s, int key)
{
    char name[SIM_NAME];

    each_served(s, 0, 0, needs);
    for (int h = 0; h < s->n_held && !s->broken; h++) {
        for (int r = 0; r < s->n_recs; r++) {
            if (s->held[h].until < s->t || (s->held[h].rrset.recs & SIM_BIT(r)) == 0 ||
                s->recs[r].of != SIM_OF_KEY || s->recs[r].which != key)
                continue;
            things_key_text(s, key, name);
            sim_fail(s, "key %s was shredded while caches may hold its record", name);
        }
    }
}
