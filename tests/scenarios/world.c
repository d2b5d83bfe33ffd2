/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include <string.h>

#include "oracle.h"
#include "things.h"

bool world_askable(const struct sim *s, const struct sim_server *v)
{
    return v->listed || s->t <= v->left_at + s->ns_ttl;
}

/* Does a validating resolver get an RRset from it? */
static bool offers(const struct sim *s, const struct sim_server *v)
{
    return world_askable(s, v) &&
           (v->mood == SIM_ANSWERS || v->mood == SIM_SILENT || v->mood == SIM_NOROUTE);
}

static void drop_expired(struct sim *s)
{
    int n = 0;

    for (int h = 0; h < s->n_held; h++) {
        if (s->held[h].until >= s->t)
            s->held[n++] = s->held[h];
    }
    s->n_held = n;
}

static void hold(struct sim *s, int owner, const struct sim_rrset *rrset)
{
    int64_t life = ((int64_t)rrset->ttl + s->owners[owner].cname_ttl) * SEC + s->hold + s->stale;
    int h = 0;

    if (rrset->recs == 0)
        return;
    while (h < s->n_held && (s->held[h].owner != owner || s->held[h].rrset.recs != rrset->recs ||
                             s->held[h].rrset.ttl != rrset->ttl))
        h++;
    if (h == SIM_HELD) {
        sim_fail(s, "the world has no room for another cached RRset");
        return;
    }
    if (h == s->n_held)
        s->held[s->n_held++] = (struct sim_held){.owner = owner, .rrset = *rrset, .until = 0};
    if (s->held[h].until < s->t + life)
        s->held[h].until = s->t + life;
}

/* Caches ask every server, now. */
static void touch(struct sim *s)
{
    drop_expired(s);
    for (int i = 0; i < s->n_servers; i++) {
        if (!offers(s, &s->servers[i]))
            continue;
        for (int o = 0; o < s->n_owners; o++)
            hold(s, o, &s->servers[i].shows[o]);
    }
}

static void zone_changed(struct sim *s)
{
    for (int i = 0; i < s->n_servers; i++) {
        struct sim_server *v = &s->servers[i];
        int64_t lag = v->lag >= 0 ? v->lag : s->sync;

        if (!v->frozen && v->next == SIM_NEVER)
            v->next = s->t + lag;
    }
}

static void arrive(struct sim *s, struct sim_server *v)
{
    v->next = SIM_NEVER;
    for (int o = 0; o < s->n_owners; o++) {
        struct sim_rrset *at = v->flap_end != SIM_NEVER ? &v->kept[o] : &v->shows[o];
        const struct sim_rrset *zone = &s->owners[o].zone;

        if (at->recs == zone->recs && at->ttl == zone->ttl)
            continue;
        if (v->flap_end == SIM_NEVER)
            v->old[o] = *at;
        *at = *zone;
    }
}

static void change(struct sim *s, int owner, sim_mask add, sim_mask del)
{
    struct sim_owner *o = &s->owners[owner];
    sim_mask before = o->zone.recs;
    char added[SIM_TEXT], deleted[SIM_TEXT];

    touch(s);
    if ((del & o->zone.recs & ~o->ours) != 0) {
        things_set_text(s, del & ~o->ours, deleted);
        sim_fail(s, "records that we did not make were deleted: %s", deleted);
    }
    if (o->zone.recs == 0)
        o->zone.ttl = s->ttl;
    o->zone.recs = (o->zone.recs & ~del) | add;
    o->ours |= add;
    things_set_text(s, add, added);
    things_set_text(s, del, deleted);
    sim_say(s, "  primary: %s add %s delete %s", o->name, added, deleted);
    oracle_carry(s, owner, before);
    zone_changed(s);
    touch(s);
    oracle_check(s);
}

bool world_api_change(struct sim *s, int owner, sim_mask add, sim_mask del)
{
    if (s->api == SIM_API_REFUSES)
        return false;
    if (s->api == SIM_API_LIES)
        return true;
    if (s->api == SIM_API_HONEST) {
        change(s, owner, add, del);
        return true;
    }
    for (size_t i = 0; i < sizeof s->pending / sizeof s->pending[0]; i++) {
        if (s->pending[i].used)
            continue;
        s->pending[i] = (struct sim_pending){
            .used = true, .owner = owner, .add = add, .del = del, .at = s->t + s->api_delay};
        return true;
    }
    return false;
}

void world_human_change(struct sim *s, int owner, sim_mask add, sim_mask del)
{
    struct sim_owner *o = &s->owners[owner];

    touch(s);
    if (o->zone.recs == 0)
        o->zone.ttl = s->ttl;
    o->zone.recs = (o->zone.recs & ~del) | add;
    oracle_excuse(s, owner);
    zone_changed(s);
}

void world_zone_ttl(struct sim *s, int owner, uint32_t ttl)
{
    touch(s);
    s->owners[owner].zone.ttl = ttl;
    zone_changed(s);
}

int world_server_add(struct sim *s, const char *name)
{
    struct sim_server *v;

    if (s->n_servers == SIM_SERVERS || strlen(name) >= SIM_NAME)
        return -1;
    v = &s->servers[s->n_servers];
    *v = (struct sim_server){.mood = SIM_ANSWERS,
                             .listed = true,
                             .left_at = 0,
                             .lag = -1,
                             .next = SIM_NEVER,
                             .flap_end = SIM_NEVER};
    memcpy(v->name, name, strlen(name) + 1);
    for (int o = 0; o < s->n_owners; o++)
        v->shows[o] = v->old[o] = s->owners[o].zone;
    return s->n_servers++;
}

int world_server_named(const struct sim *s, const char *name)
{
    for (int i = 0; i < s->n_servers; i++) {
        if (strcmp(s->servers[i].name, name) == 0)
            return i;
    }
    return -1;
}

int world_owner_named(const struct sim *s, const char *name)
{
    for (int i = 0; i < s->n_owners; i++) {
        if (strcmp(s->owners[i].name, name) == 0)
            return i;
    }
    return -1;
}

static bool same_file(const struct sim_file *a, const struct sim_file *b)
{
    return memcmp(a->cert, b->cert, sizeof a->cert) == 0;
}

/* Processes begin, which load the file. Those that would be like others in all that can be asked
 * of them are counted with these. */
static void add_procs(struct sim *s)
{
    int n = 0;
    bool there = false;

    for (int i = 0; i < s->n_procs; i++) {
        if (s->procs[i].dies_at > s->t)
            s->procs[n++] = s->procs[i];
    }
    s->n_procs = n;
    for (int i = 0; i < n; i++)
        there = there || (!s->procs[i].held && s->procs[i].dies_at == SIM_NEVER &&
                          same_file(&s->procs[i].file, &s->file));
    if (there)
        return;
    if (n == SIM_PROCS) {
        sim_fail(s, "the world has no room for another generation of processes");
        return;
    }
    s->procs[s->n_procs++] = (struct sim_proc){.file = s->file, .born = s->t, .dies_at = SIM_NEVER};
}

void world_start(struct sim *s)
{
    for (int i = 0; i < s->n_servers; i++) {
        for (int o = 0; o < s->n_owners; o++)
            s->servers[i].shows[o] = s->servers[i].old[o] = s->owners[o].zone;
    }
    oracle_arrival(s);
    add_procs(s);
    s->procs[0].born = -HOUR;
    touch(s);
    oracle_check(s);
}

void world_install(struct sim *s, const struct sim_file *file)
{
    char text[SIM_TEXT];

    s->file = *file;
    things_file_text(s, file, text);
    sim_say(s, "  renamed: the chain file is %s", text);
    if (s->postfix_up)
        add_procs(s);
    touch(s);
    oracle_check(s);
}

bool world_reload(struct sim *s)
{
    if (!s->postfix_up || s->reload_fails)
        return false;
    for (int i = 0; i < s->n_procs; i++) {
        if (!s->procs[i].held && s->procs[i].dies_at == SIM_NEVER)
            s->procs[i].dies_at = s->t + s->drain;
    }
    s->reloaded_at = s->t;
    add_procs(s);
    return true;
}

void world_postfix(struct sim *s, bool up)
{
    if (s->postfix_up == up)
        return;
    s->postfix_up = up;
    s->n_procs = 0;
    if (up)
        add_procs(s);
    oracle_check(s);
}

void world_session(struct sim *s, bool holds)
{
    if (holds) {
        if (s->n_procs > 0)
            s->procs[s->n_procs - 1].held = true;
        return;
    }
    for (int i = 0; i < s->n_procs; i++) {
        if (s->procs[i].held && s->procs[i].born < s->reloaded_at)
            s->procs[i].dies_at = s->t;
        s->procs[i].held = false;
    }
}

bool world_older_than(const struct sim *s, int64_t t)
{
    for (int i = 0; i < s->n_procs; i++) {
        if (s->procs[i].dies_at > s->t && s->procs[i].born < t)
            return true;
    }
    return false;
}

void world_reboot(struct sim *s)
{
    s->boot_id++;
    s->boot_at = s->t;
    s->n_procs = 0;
    if (s->postfix_up)
        add_procs(s);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t world_next_event(const struct sim *s)
{
    int64_t at = SIM_NEVER;

    for (int i = 0; i < s->n_servers; i++) {
        const struct sim_server *v = &s->servers[i];

        at = least(at, least(v->next, v->flap_end));
        if (!v->listed && s->t < v->left_at + s->ns_ttl)
            at = least(at, v->left_at + s->ns_ttl);
    }
    for (size_t i = 0; i < sizeof s->pending / sizeof s->pending[0]; i++) {
        if (s->pending[i].used)
            at = least(at, s->pending[i].at);
    }
    for (int i = 0; i < s->n_procs; i++) {
        if (s->procs[i].dies_at > s->t)
            at = least(at, s->procs[i].dies_at);
    }
    for (int a = 0; a < s->n_algs; a++) {
        if (s->file.cert[a] >= 0 && s->certs[s->file.cert[a]].not_after > s->t)
            at = least(at, s->certs[s->file.cert[a]].not_after);
    }
    return at;
}

static void fire(struct sim *s)
{
    for (int i = 0; i < s->n_servers; i++) {
        struct sim_server *v = &s->servers[i];

        if (v->flap_end <= s->t) {
            v->flap_end = SIM_NEVER;
            memcpy(v->shows, v->kept, sizeof v->shows);
            sim_say(s, "  %s shows again what it had", v->name);
        }
        if (v->next <= s->t)
            arrive(s, v);
    }
    for (size_t i = 0; i < sizeof s->pending / sizeof s->pending[0]; i++) {
        if (s->pending[i].used && s->pending[i].at <= s->t) {
            s->pending[i].used = false;
            change(s, s->pending[i].owner, s->pending[i].add, s->pending[i].del);
        }
    }
}

void world_advance_to(struct sim *s, int64_t t)
{
    while (!s->broken) {
        int64_t at = world_next_event(s);

        if (at > t)
            break;
        if (at > s->t)
            s->t = at;
        touch(s);
        fire(s);
        touch(s);
        oracle_check(s);
    }
    if (t > s->t)
        s->t = t;
    touch(s);
    oracle_check(s);
}
