/* SPDX-License-Identifier: BSD-2-Clause */
#include "say.h"
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int unit_find_key(const struct model_facts *f, const uint8_t spki[MODEL_ID_LEN])
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (f->keys[k].used && memcmp(f->keys[k].spki, spki, MODEL_ID_LEN) == 0)
            return k;
    }
    return MODEL_NONE;
}

enum outcome unit_enter_chain(struct unit *u, int key, const char *pem,
                              const struct port_cert *cert, int *index, struct err *err)
{
    struct model_chain chain;
    memset(&chain, 0, sizeof chain);
    chain.used = true;
    chain.key = (uint8_t)key;
    chain.durable = true; /* it is saved with the facts, in one transaction */
    chain.names_ok = cert->names_ok;
    chain.not_before = cert->not_before;
    chain.not_after = cert->not_after;
    enum outcome out = unit_chain_matches(u, pem, &chain, err);
    if (out != OUT_OK)
        return out;
    size_t size = strlen(pem) + 1;
    char *copy = malloc(size);
    if (copy == NULL)
        return err_errno(err, "chain");
    memcpy(copy, pem, size);
    *index = facts_chain_obtained(&u->st.facts, &chain, u->now);
    if (*index == MODEL_NONE) {
        free(copy);
        return err_set(err, OUT_NOT_YET,
                       "%d certificates are kept already; the oldest goes when "
                       "its records are withdrawn",
                       MODEL_MAX_CHAINS);
    }
    free(u->st.bundles[*index]);
    u->st.bundles[*index] = copy;
    return OUT_OK;
}

static bool is_wanted(const struct engine_certificate *cfg, enum port_alg alg)
{
    for (size_t i = 0; i < cfg->n_algs; i++) {
        if (cfg->algs[i] == alg)
            return true;
    }
    return false;
}

/* One key and chain that Postfix serves today. */
static enum outcome adopt_part(struct unit *u, const struct port_part *part,
                               int8_t chains[MODEL_MAX_ALGS], struct err *err)
{
    const struct engine_world *w = u->world;
    struct model_facts *f = &u->st.facts;
    uint8_t spki[MODEL_ID_LEN];
    struct port_cert cert;
    enum outcome out = w->keys->adopt(w->keys_self, part->key_pem, spki, err);
    if (out == OUT_OK)
        out = w->certs->inspect(w->certs_self, part->chain_pem, spki, u->cfg->names,
                                u->cfg->n_names, &cert, err);
    if (out != OUT_OK)
        return out;
    int alg = facts_alg(f, (uint8_t)cert.alg, is_wanted(u->cfg, cert.alg));
    if (alg == MODEL_NONE)
        return err_set(err, OUT_REFUSED, "more than %d key algorithms", MODEL_MAX_ALGS);
    int key = unit_find_key(f, spki);
    if (key == MODEL_NONE) {
        model_mask recs = 0;
        out = unit_key_recs(u, spki, &recs, err);
        if (out != OUT_OK)
            return out;
        key = facts_key_made(f, alg, spki, recs, true, u->now);
    }
    if (key == MODEL_NONE)
        return err_set(err, OUT_REFUSED, "more than %d keys", MODEL_MAX_KEYS);
    int chain = unit_find_chain(u, part->chain_pem);
    out = OUT_OK;
    if (chain == MODEL_NONE)
        out = unit_enter_chain(u, key, part->chain_pem, &cert, &chain, err);
    if (out == OUT_OK)
        chains[alg] = (int8_t)chain;
    return out;
}

/* Only what is on disk can be served: a key whose file is gone is never published or issued for
 * again (safety.md section 4, invariant 7). */
enum outcome unit_check_keys(struct unit *u, struct err *err)
{
    const struct engine_world *w = u->world;
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        struct model_key *key = &u->st.facts.keys[k];
        struct err why = ERR_INIT;
        if (!key->used || key->shredded)
            continue;
        key->on_disk = w->keys->have(w->keys_self, key->spki, &why) == OUT_OK;
        if (!key->on_disk) {
            unit_log(u, PORT_LOG_ERROR, "a key cannot be used: %s", why.text);
            continue;
        }
        model_mask recs = 0;
        enum outcome out = key->retired ? OUT_OK : unit_key_recs(u, key->spki, &recs, err);
        if (out != OUT_OK)
            return out;
        if (!key->retired)
            key->recs = recs;
    }
    return OUT_OK;
}

static bool any_chain(const int8_t chains[MODEL_MAX_ALGS])
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (chains[a] != MODEL_NONE)
            return true;
    }
    return false;
}

/* The chain file as Postfix names it, taken in. */
static enum outcome read_parts(struct unit *u, int8_t chains[MODEL_MAX_ALGS], size_t *n,
                               struct err *err)
{
    struct port_part parts[PORT_PARTS_MAX];
    const struct engine_certificate *c = u->cfg;
    *n = PORT_PARTS_MAX;
    memset(chains, MODEL_NONE, MODEL_MAX_ALGS);
    enum outcome out = c->deploy->points_here(c->deploy_self, err);
    if (out == OUT_OK)
        out = c->deploy->read(c->deploy_self, parts, n, err);
    if (out != OUT_OK)
        return out;
    for (size_t i = 0; i < *n && out == OUT_OK; i++)
        out = adopt_part(u, &parts[i], chains, err);
    c->deploy->free_parts(c->deploy_self, parts, *n);
    return out;
}

/* Another file than we know, or a switch that nobody finished: whether Postfix was reloaded since
 * we cannot know, and it is harmless twice. What left the file may be served until now. */
static enum outcome leave_behind(struct unit *u, const int8_t before[MODEL_MAX_ALGS],
                                 const int8_t chains[MODEL_MAX_ALGS], struct err *err)
{
    enum outcome out = OUT_OK;
    bool other = any_chain(before) && memcmp(before, chains, MODEL_MAX_ALGS) != 0;
    if ((other || unit_pending(&u->st.facts)) && u->st.facts.postfix_up)
        out = unit_reload(u, err);
    if (out == OUT_OK)
        out = unit_clock(u, err);
    if (out == OUT_OK)
        unit_stamp_leaving(u, before, chains, u->st.boot);
    return out;
}

enum outcome unit_adopt(struct unit *u, struct err *err)
{
    int8_t before[MODEL_MAX_ALGS], chains[MODEL_MAX_ALGS];
    size_t n = 0;
    unit_current_chains(u, before);
    unit_begin(u);
    enum outcome out = read_parts(u, chains, &n, err);
    if (out == OUT_OK)
        out = leave_behind(u, before, chains, err);
    if (out != OUT_OK) {
        u->st.facts = u->undo;
        if (out == OUT_REFUSED)
            facts_freeze(&u->st.facts, MODEL_F_ELSEWHERE);
        /* Resumed too early: what was known before still holds, and is watched. */
        u->st.facts.adopted = any_chain(before);
        return out;
    }
    facts_file_holds(&u->st.facts, chains, false, u->now);
    u->st.facts.adopted = true;
    return unit_record(u, true, "adopted", err,
                       "adopted the %zu key%s that Postfix serves now, from its chain file", n,
                       n == 1 ? "" : "s");
}

enum outcome unit_make_key(struct unit *u, int alg, struct err *err)
{
    const struct engine_world *w = u->world;
    uint8_t spki[MODEL_ID_LEN];
    model_mask recs = 0;
    unit_begin(u);
    enum outcome out =
        w->keys->make(w->keys_self, (enum port_alg)u->st.facts.algs[alg].type, spki, err);
    if (out == OUT_OK)
        out = unit_key_recs(u, spki, &recs, err);
    if (out != OUT_OK)
        return out;
    int key = facts_key_made(&u->st.facts, alg, spki, recs, false, u->now);
    if (key == MODEL_NONE) {
        struct err ignored = ERR_INIT;
        (void)w->keys->shred(w->keys_self, spki, &ignored); /* never entered, never published */
        return err_set(err, OUT_NOT_YET, "%d keys are kept already", MODEL_MAX_KEYS);
    }
    char name[64];
    say_key(&u->st, key, name, sizeof name);
    return unit_record(u, true, "key", err, "made %s", name);
}

enum outcome unit_shred(struct unit *u, int key, struct err *err)
{
    const struct engine_world *w = u->world;
    char name[64];
    say_key(&u->st, key, name, sizeof name);
    enum outcome out = u->cfg->deploy->shred_old(u->cfg->deploy_self, err);
    if (out == OUT_OK)
        out = w->keys->shred(w->keys_self, u->st.facts.keys[key].spki, err);
    if (out != OUT_OK)
        return out;
    facts_shredded(&u->st.facts, key);
    return unit_record(u, false, "shredded", err, "shredded %s: nothing can hold it any more",
                       name);
}
