/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/danectl_leave.h"

#include "base/file.h"
#include "base/text.h"
#include "core/phase.h"
#include "milter/danectl_provider.h"
#include "milter/danectl_state.h"
#include "say.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAVE_MARK "leaving"

void leave_say(void *self, const char *text)
{
    (void)self;
    (void)printf("%s\n", text);
}

/* ---- records ---------------------------------------------------------------------------- */

/* Is the record matched by every chain in the file? */
static bool matched(const struct model_facts *f, int rec)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (f->algs[a].used && f->algs[a].current != MODEL_NONE &&
            (f->chains[f->algs[a].current].matches & MODEL_BIT(rec)) == 0)
            return false;
    }
    return true;
}

static enum outcome withdraw_owner(const struct danectl_provider *p, const struct port_state *st,
                                   int o, uint32_t ttl, bool apply, size_t *published,
                                   struct err *err)
{
    const struct port_tlsa *del[PORT_RRSET_MAX];
    struct port_change change = {.owner = st->owners[o], .ttl = ttl, .del = del};
    char text[128];
    struct port_rrset *seen = calloc(1, sizeof *seen);
    if (seen == NULL)
        return err_errno(err, "%s", st->owners[o]);
    enum outcome out = p->provider->ops->read(p->self, st->owners[o], seen, err);
    int strange = MODEL_NONE;
    for (uint8_t i = 0; i < seen->n && out == OUT_OK; i++) {
        int r = danectl_state_record(st, &seen->recs[i]);
        if (r != MODEL_NONE && st->facts.recs[r].ours) {
            say_rec(st, r, text, sizeof text);
            (void)printf("%s%s TLSA %s: withdrawn\n", apply ? "" : "would: ", st->owners[o], text);
            del[change.n_del++] = &seen->recs[i];
        } else if (r == MODEL_NONE || !matched(&st->facts, r)) {
            strange = i;
        }
    }
    *published += change.n_del;
    if (strange != MODEL_NONE && change.n_del > 0)
        out = err_set(err, OUT_REFUSED,
                      "%s holds a record %u %u %u that is not ours and that the served chain does "
                      "not match: alone it would make senders defer mail. Delete it by hand, then "
                      "leave again; or leave with --keep-records",
                      st->owners[o], seen->recs[strange].combo.usage,
                      seen->recs[strange].combo.selector, seen->recs[strange].combo.matching);
    change.seen = seen;
    if (out == OUT_OK && apply && change.n_del > 0)
        out = p->provider->ops->change(p->self, &change, err);
    free(seen);
    return out;
}

enum outcome leave_withdraw(struct danectl *d, const struct conf_certificate *c, bool apply,
                            size_t *published, model_time *wait, struct err *err)
{
    struct danectl_state *s = NULL;
    struct danectl_provider p;
    enum outcome out = danectl_state_load(d, c, &s, err);
    if (out == OUT_NOT_YET)
        return OUT_OK; /* nothing was ever done for it */
    if (out != OUT_OK)
        return out;
    out = danectl_provider_open(d->conf, c->dns, &p, err);
    for (int o = 0; o < MODEL_MAX_OWNERS && out == OUT_OK; o++) {
        const struct model_owner *owner = &s->st.facts.owners[o];
        if (!owner->used)
            continue;
        model_time ms = phase_wait(owner, &c->policy, true, s->now);
        *wait = ms > *wait ? ms : *wait;
        out = withdraw_owner(&p, &s->st, o, (uint32_t)c->tlsa.ttl, apply, published, err);
    }
    danectl_provider_close(&p);
    danectl_state_free(&s);
    return out;
}

/* ---- what depends on what --------------------------------------------------------------- */

enum outcome leave_depends(struct danectl *d, const struct conf_certificate *c, struct err *err)
{
    char key[64], until[64], recs[1024];
    struct danectl_state *s = NULL;
    enum outcome out = danectl_state_load(d, c, &s, err);
    if (out == OUT_NOT_YET)
        return OUT_OK;
    if (out != OUT_OK)
        return out;
    const struct model_facts *f = &s->st.facts;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (!f->algs[a].used || f->algs[a].current == MODEL_NONE)
            continue;
        const struct model_chain *chain = &f->chains[f->algs[a].current];
        say_key(&s->st, chain->key, key, sizeof key);
        say_wall(chain->not_after, until, sizeof until);
        say_recs(&s->st, chain->matches, recs, sizeof recs);
        (void)printf("certificate %s, %s in %s: valid until %s, and nobody renews it.\n"
                     "  TLSA records that it matches: %s\n"
                     "  Renew it with the same key. Before its key may change, delete all TLSA "
                     "records and wait until caches have forgotten them\n",
                     c->name, key, c->chain_file, until, recs);
    }
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (!f->keys[k].used || f->keys[k].shredded)
            continue;
        say_key(&s->st, k, key, sizeof key);
        say_recs(&s->st, f->keys[k].recs, recs, sizeof recs);
        (void)printf("  %s, in %s/keys: records %s\n", key, d->conf->state_dir, recs);
    }
    danectl_state_free(&s);
    return OUT_OK;
}

/* ---- the wait --------------------------------------------------------------------------- */

/* BOOT-ID SINCE WAIT, as leave_mark() writes it. `data` is cut up. */
static bool parse_mark(char *data, char was[static 33], int64_t *since, int64_t *wait)
{
    struct err err = ERR_INIT;
    char *save = NULL;
    const char *word[3];
    for (size_t i = 0; i < 3; i++) {
        word[i] = strtok_r(i == 0 ? data : NULL, " \n", &save);
        if (word[i] == NULL)
            return false;
    }
    bool good = strtok_r(NULL, " \n", &save) == NULL && text_format(was, 33, "%s", word[0]) &&
                text_number(word[1], 0, INT64_MAX, since, &err) == OUT_OK &&
                text_number(word[2], 0, INT64_MAX, wait, &err) == OUT_OK;
    err_clear(&err);
    return good;
}

enum outcome leave_mark(struct danectl *d, model_time wait, bool begin, model_time *left,
                        struct err *err)
{
    const struct file_rule rule = {FILE_PRIVATE, danectl_owner(d->conf)};
    struct file_folder folder;
    struct port_time t;
    char text[128], id[2 * sizeof t.boot_id + 1], was[2 * sizeof t.boot_id + 1] = "";
    int64_t since = 0, ms = 0;
    char *data = NULL;
    size_t len = 0;
    *left = 0;
    enum outcome out = sysclock_ops.now(&d->clock, &t, err);
    if (out == OUT_OK)
        out = file_folder_open(d->conf->state_dir, rule, &folder, err);
    if (out != OUT_OK)
        return out;
    for (size_t i = 0; i < sizeof t.boot_id; i++)
        (void)snprintf(id + 2 * i, 3, "%02x", t.boot_id[i]);
    if (!begin) {
        out = file_read_at(&folder, LEAVE_MARK, rule, sizeof text - 1, &data, &len, err);
        if (out == OUT_OK && parse_mark(data, was, &since, &ms)) {
            begin = strcmp(was, id) != 0 || since > t.boot;
            wait = ms;
            *left = t.boot - since < ms ? ms - (t.boot - since) : 0;
        } else if (out == OUT_OK) {
            out = err_set(err, OUT_REFUSED, "%s/%s is not ours: look who wrote it",
                          d->conf->state_dir, LEAVE_MARK);
        }
        free(data);
        if (out == OUT_NOT_YET) {
            err_clear(err);
            out = OUT_OK;
        }
    }
    if (out == OUT_OK && begin) {
        (void)snprintf(text, sizeof text, "%s %" PRId64 " %" PRId64 "\n", id, t.boot, wait);
        *left = wait;
        if (d->own.flags[0])
            out = file_write_at(&folder, LEAVE_MARK, 0600, text, strlen(text), err);
    }
    file_folder_close(&folder);
    return out;
}
