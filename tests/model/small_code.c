/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * small_code - the canonical encoding of a state
 *
 * One walk over the fields serves both directions, so that they cannot differ. Times become
 * ages in ticks; entries that are not in use are left out; what is the same in every state
 * (identities, NS TTLs, the wall clock) is not written and is put in again on reading.
 * small_tidy.c makes states that behave alike the same before that.
 */
#include "small.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    uint8_t *at, *end;
    bool reading;
    int age; /* writing: ticks to grow older by */
};

static void octet(struct walk *w, uint8_t *value)
{
    if (w->at == w->end) {
        fputs("small_code: a state does not fit into SMALL_CODE octets\n", stderr);
        abort();
    }
    if (w->reading)
        *value = *w->at;
    else
        *w->at = *value;
    w->at++;
}

static void flag(struct walk *w, bool *value)
{
    uint8_t v = *value;

    octet(w, &v);
    *value = v != 0;
}

static void small_int(struct walk *w, int8_t *value)
{
    uint8_t v = (uint8_t)(*value + 1);

    octet(w, &v);
    *value = (int8_t)(v - 1);
}

static void mask(struct walk *w, model_mask *value)
{
    uint8_t v = (uint8_t)*value;

    octet(w, &v);
    *value = v;
}

static void number(struct walk *w, uint32_t *value)
{
    uint8_t v[2] = {(uint8_t)*value, (uint8_t)(*value >> 8)};

    octet(w, &v[0]);
    octet(w, &v[1]);
    *value = (uint32_t)v[0] | (uint32_t)v[1] << 8;
}

/* 0: never; otherwise 1 + age. Times to come (back-offs) do not happen in this world. */
static void moment(struct walk *w, model_time *t)
{
    uint8_t v = 0;

    if (!w->reading && *t != MODEL_NEVER) {
        model_time age = (SMALL_NOW - *t) / SMALL_TICK + w->age;

        if (age < 0 || age > 250) {
            fputs("small_code: a moment still to come, or too long ago\n", stderr);
            abort();
        }
        v = (uint8_t)(1 + age);
    }
    octet(w, &v);
    *t = v == 0 ? MODEL_NEVER : SMALL_NOW - (v - 1) * SMALL_TICK;
}

/* Of a boot: this one, or another. */
static void boot(struct walk *w, uint32_t *epoch, uint32_t now)
{
    uint8_t v = *epoch == now;

    octet(w, &v);
    *epoch = v;
}

static void walk_recs(struct walk *w, struct model_facts *f)
{
    for (int i = 0; i < MODEL_MAX_RECS; i++) {
        struct model_rec *r = &f->recs[i];

        flag(w, &r->used);
        if (!r->used)
            continue;
        flag(w, &r->ours);
        octet(w, &r->id[0]);
        r->combo = (struct model_combo){3, 1, 1};
    }
}

static void walk_keys(struct walk *w, struct model_facts *f)
{
    for (int i = 0; i < MODEL_MAX_KEYS; i++) {
        struct model_key *k = &f->keys[i];

        flag(w, &k->used);
        if (!k->used)
            continue;
        octet(w, &k->alg);
        flag(w, &k->adopted);
        flag(w, &k->on_disk);
        flag(w, &k->compromised);
        flag(w, &k->refused);
        flag(w, &k->retired);
        flag(w, &k->shredded);
        number(w, &k->serial);
        moment(w, &k->made);
        mask(w, &k->recs);
        octet(w, &k->spki[0]);
    }
}

static void walk_chains(struct walk *w, struct model_facts *f)
{
    for (int i = 0; i < MODEL_MAX_CHAINS; i++) {
        struct model_chain *c = &f->chains[i];
        bool due = c->not_after < SMALL_NOW + SMALL_FAR;

        flag(w, &c->used);
        if (!c->used)
            continue;
        octet(w, &c->key);
        flag(w, &c->durable);
        flag(w, &c->names_ok);
        flag(w, &c->held);
        flag(w, &c->rejected);
        mask(w, &c->matches);
        moment(w, &c->obtained);
        moment(w, &c->installed);
        moment(w, &c->attested);
        moment(w, &c->committed);
        moment(w, &c->left);
        moment(w, &c->drained);
        moment(w, &c->wrong_at);
        c->not_before = SMALL_NOW - SMALL_FAR;
        flag(w, &due);
        c->not_after = SMALL_NOW + (due ? SMALL_FAR / 2 : SMALL_FAR);
    }
}

static void walk_alg(struct walk *w, struct model_alg *a)
{
    flag(w, &a->used);
    flag(w, &a->wanted);
    octet(w, &a->type);
    small_int(w, &a->current);
    small_int(w, &a->previous);
    small_int(w, &a->pending);
    flag(w, &a->pending_drop);
    flag(w, &a->roll);
    flag(w, &a->rolling);
    flag(w, &a->rollback);
    moment(w, &a->retry_at);
}

static void walk_addr(struct walk *w, struct model_addr *a, int index, uint32_t epoch)
{
    flag(w, &a->used);
    if (!a->used)
        return;
    flag(w, &a->skip);
    flag(w, &a->in_set);
    moment(w, &a->first_seen);
    moment(w, &a->last_try);
    moment(w, &a->last_answer);
    boot(w, &a->answer_epoch, epoch);
    octet(w, &a->last_kind);
    number(w, &a->ttl);
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        octet(w, &a->sights[r].state);
        moment(w, &a->sights[r].since);
    }
    a->ip[15] = (uint8_t)(index + 1);
    a->ns_ttl = SMALL_FAR;
    a->asked_until = SMALL_NOW + SMALL_FAR;
    a->sig_until = SMALL_NOW + SMALL_FAR;
}

static void walk_owner(struct walk *w, struct model_owner *o, uint32_t epoch)
{
    flag(w, &o->used);
    if (!o->used)
        return;
    flag(w, &o->denied);
    flag(w, &o->based);
    flag(w, &o->crowded);
    mask(w, &o->want);
    mask(w, &o->drop);
    mask(w, &o->ever);
    mask(w, &o->shown);
    mask(w, &o->late);
    mask(w, &o->whole);
    moment(w, &o->changed_at);
    moment(w, &o->retry_at);
    for (int r = 0; r < MODEL_MAX_RECS; r++)
        octet(w, &o->readds[r]);
    number(w, &o->ttl_max);
    moment(w, &o->ttl_max_at);
    number(w, &o->ttl_next);
    moment(w, &o->watch_since);
    boot(w, &o->watch_epoch, epoch);
    moment(w, &o->first_want);
    flag(w, &o->empty_before);
    moment(w, &o->round_begin);
    moment(w, &o->round_end);
    moment(w, &o->seen_lost);
    for (int i = 0; i < MODEL_MAX_COMBOS; i++) {
        flag(w, &o->seen[i].used);
        octet(w, &o->seen[i].ignored);
        moment(w, &o->seen[i].last_seen);
        o->seen[i].combo = (struct model_combo){3, 1, 1};
    }
    for (int i = 0; i < MODEL_MAX_ADDRS; i++)
        walk_addr(w, &o->addrs[i], i, epoch);
}

static void walk_facts(struct walk *w, struct model_facts *f)
{
    number(w, &f->next_serial);
    number(w, &f->frozen);
    flag(w, &f->postfix_up);
    flag(w, &f->adopted);
    flag(w, &f->roll_now);
    moment(w, &f->compromised_at);
    moment(w, &f->last_attest);
    moment(w, &f->retry_switch_at);
    walk_recs(w, f);
    walk_keys(w, f);
    walk_chains(w, f);
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        walk_alg(w, &f->algs[a]);
    for (int o = 0; o < MODEL_MAX_OWNERS; o++)
        walk_owner(w, &f->owners[o], f->epoch);
    f->epoch = 1; /* this boot is always number one */
}

static void walk_world(struct walk *w, struct small *s)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++)
        small_int(w, &s->cert_of[c]);
    octet(w, &s->n_keys);
    octet(w, &s->n_certs);
    octet(w, &s->on_disk);
    for (int c = 0; c < SMALL_CERTS; c++)
        octet(w, &s->cert_key[c]);
    flag(w, &s->up);
    flag(w, &s->rebooted);
    octet(w, &s->pc);
    octet(w, &s->verb);
    octet(w, &s->recs);
    small_int(w, &s->chain);
    octet(w, &s->primary);
    for (int i = 0; i < SMALL_SERVERS; i++) {
        octet(w, &s->shows[i]);
        octet(w, &s->before[i]);
        octet(w, &s->truth[i]);
        for (int k = 0; k < SMALL_KEYS; k++)
            octet(w, &s->since[i][k]);
    }
    octet(w, &s->flaps);
    octet(w, &s->unseen);
    octet(w, &s->late_add);
    octet(w, &s->late_del);
    small_int(w, &s->file);
    for (int i = 0; i < SMALL_PROCS; i++)
        small_int(w, &s->procs[i]);
    octet(w, &s->flaps_left);
    octet(w, &s->wrongs_left);
    octet(w, &s->lies_left);
    octet(w, &s->crashes_left);
    octet(w, &s->commands_left);
}

static void walk_all(struct walk *w, struct small *s)
{
    walk_facts(w, &s->facts);
    walk_world(w, s);
}

size_t small_write(const struct small_world *w, const struct small *s, uint8_t out[SMALL_CODE])
{
    struct walk walk = {.at = out, .end = out + SMALL_CODE};
    struct small copy = *s;

    small_tidy(w, &copy);
    walk_all(&walk, &copy);
    return (size_t)(walk.at - out);
}

void small_read(const uint8_t *code, size_t n, struct small *s)
{
    uint8_t buffer[SMALL_CODE];
    struct walk walk = {.at = buffer, .end = buffer + n, .reading = true};

    memcpy(buffer, code, n);
    memset(s, 0, sizeof *s);
    walk_all(&walk, s);
}

void small_grow_older(struct small *s)
{
    uint8_t code[SMALL_CODE] = {0};
    struct walk walk = {.at = code, .end = code + SMALL_CODE, .age = 1};

    walk_all(&walk, s);
    small_read(code, (size_t)(walk.at - code), s);
}
