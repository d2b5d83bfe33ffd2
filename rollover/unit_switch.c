/* SPDX-License-Identifier: BSD-2-Clause */
#include "say.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* The parts of the chain file for chains[]: only names; keys come from the key folder. */
static size_t parts_of(const struct unit *u, const int8_t chains[MODEL_MAX_ALGS],
                       struct port_part parts[PORT_PARTS_MAX])
{
    const struct model_facts *f = &u->st.facts;
    size_t n = 0;
    memset(parts, 0, PORT_PARTS_MAX * sizeof parts[0]);
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (!f->algs[a].used || chains[a] == MODEL_NONE)
            continue;
        const struct model_chain *c = &f->chains[chains[a]];
        parts[n].alg = (enum port_alg)f->algs[a].type;
        memcpy(parts[n].spki, f->keys[c->key].spki, sizeof parts[n].spki);
        parts[n].chain_pem = u->st.bundles[chains[a]];
        n++;
    }
    return n;
}

static void current_chains(const struct unit *u, int8_t chains[MODEL_MAX_ALGS])
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        chains[a] = u->st.facts.algs[a].used ? u->st.facts.algs[a].current : MODEL_NONE;
}

/* Processes that started up to now may have loaded the file as it was. */
static void stamp_leaving(struct unit *u, const int8_t before[MODEL_MAX_ALGS],
                          const int8_t after[MODEL_MAX_ALGS])
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (before[a] != MODEL_NONE && before[a] != after[a])
            u->st.switch_boot[before[a]] = u->st.boot;
        if (after[a] != MODEL_NONE && before[a] != after[a])
            u->st.switch_boot[after[a]] = 0;
    }
}

/* The rename and the reload. `renamed` says how far it came. */
static enum outcome put_in_place(struct unit *u, const int8_t chains[MODEL_MAX_ALGS], bool *renamed,
                                 struct err *err)
{
    const struct engine_certificate *c = u->cfg;
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = parts_of(u, chains, parts);
    *renamed = false;
    enum outcome out = c->deploy->install(c->deploy_self, parts, n, err);
    if (out != OUT_OK)
        return out;
    *renamed = true;
    return c->deploy->reload(c->deploy_self, err);
}

static void describe(const struct unit *u, const int8_t chains[MODEL_MAX_ALGS], char *out,
                     size_t size)
{
    const struct model_facts *f = &u->st.facts;
    size_t len = 0;
    out[0] = '\0';
    for (int a = 0; a < MODEL_MAX_ALGS && len < size; a++) {
        char key[64];
        if (!f->algs[a].used || chains[a] == MODEL_NONE)
            continue;
        say_key(&u->st, f->chains[chains[a]].key, key, sizeof key);
        int n = snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", key);
        len += n > 0 ? (size_t)n : 0;
    }
}

/* Records what the file holds now. The time is read afresh: later is the safe side. */
static enum outcome settle(struct unit *u, const int8_t before[MODEL_MAX_ALGS],
                           const int8_t after[MODEL_MAX_ALGS], bool rollback, const char *what,
                           struct err *err)
{
    char text[SAY_MAX];
    enum outcome out = unit_clock(u, err);
    if (out != OUT_OK)
        return out;
    stamp_leaving(u, before, after);
    facts_file_holds(&u->st.facts, after, rollback, u->now);
    describe(u, after, text, sizeof text);
    return unit_record(u, false, what, err, "%s: the chain file holds %s", what, text);
}

/* Row 43: the file goes back to what it was, so that file and running processes agree. Processes
 * that started between the two renames have loaded the new chain: it was in the file, and counts
 * as served until they are gone. */
static enum outcome undo_switch(struct unit *u, const int8_t before[MODEL_MAX_ALGS],
                                const int8_t after[MODEL_MAX_ALGS], struct err *err)
{
    struct err more = ERR_INIT;
    bool renamed = false;
    unit_log(u, PORT_LOG_ERROR, "%s; putting the chain file back", err->text);
    facts_freeze(&u->st.facts, MODEL_F_RELOAD);
    enum outcome out = settle(u, before, after, false, "renamed", &more);
    if (out == OUT_OK) {
        facts_switch_intent(&u->st.facts, before);
        out = unit_record(u, false, "putting-back", &more, "putting the chain file back");
    }
    if (out == OUT_OK)
        out = put_in_place(u, before, &renamed, &more);
    if (!renamed) {
        unit_log(u, PORT_LOG_ERROR, "the chain file was not put back: %s", more.text);
        return out; /* an intent stays pending: unit_recover() reads the file */
    }
    return settle(u, after, before, false, "put-back", &more);
}

enum outcome unit_switch(struct unit *u, const struct plan_action *a, struct err *err)
{
    bool rollback = a->verb == PLAN_ROLLBACK;
    int8_t before[MODEL_MAX_ALGS];
    char text[SAY_MAX];
    current_chains(u, before);
    enum outcome out = OUT_OK;
    unit_begin(u);
    facts_switch_intent(&u->st.facts, a->chains);
    describe(u, a->chains, text, sizeof text);
    out = unit_record(u, true, rollback ? "rolling-back" : "switching", err, "%s to %s",
                      rollback ? "rolling back" : "switching", text);
    if (out != OUT_OK)
        return out;
    bool renamed = false;
    out = put_in_place(u, a->chains, &renamed, err);
    if (out != OUT_OK && !renamed)
        return out; /* whether the rename happened is for unit_recover() to find out */
    if (out != OUT_OK)
        return undo_switch(u, before, a->chains, err) == OUT_OK ? OUT_REFUSED : out;
    facts_thaw(&u->st.facts, MODEL_F_RELOAD);
    return settle(u, before, a->chains, rollback, rollback ? "rolled-back" : "switched", err);
}

/* Which of our chains is this part of the file? */
static int chain_in_file(const struct unit *u, const struct port_part *part)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (u->st.facts.chains[c].used && u->st.bundles[c] != NULL &&
            strcmp(u->st.bundles[c], part->chain_pem) == 0)
            return c;
    }
    return MODEL_NONE;
}

static bool is_pending(const struct model_facts *f)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (f->algs[a].used && (f->algs[a].pending != MODEL_NONE || f->algs[a].pending_drop))
            return true;
    }
    return false;
}

/* Was the intent to go back to the chains from before the last switch? */
static bool was_rollback(const struct model_facts *f)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        const struct model_alg *alg = &f->algs[a];
        if (alg->used && alg->pending != MODEL_NONE && alg->pending == alg->previous)
            return true;
    }
    return false;
}

static enum outcome read_file(struct unit *u, int8_t chains[MODEL_MAX_ALGS], struct err *err)
{
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    const struct engine_certificate *c = u->cfg;
    memset(chains, MODEL_NONE, MODEL_MAX_ALGS);
    enum outcome out = c->deploy->read(c->deploy_self, parts, &n, err);
    if (out != OUT_OK)
        return out;
    for (size_t i = 0; i < n && out == OUT_OK; i++) {
        int chain = chain_in_file(u, &parts[i]);
        if (chain == MODEL_NONE) {
            facts_freeze(&u->st.facts, MODEL_F_ELSEWHERE);
            out = err_set(err, OUT_REFUSED,
                          "the chain file holds a certificate that is not ours: "
                          "somebody else writes it; stop that, then `danectl resume`");
        } else {
            chains[u->st.facts.keys[u->st.facts.chains[chain].key].alg] = (int8_t)chain;
        }
    }
    c->deploy->free_parts(c->deploy_self, parts, n);
    return out;
}

enum outcome unit_recover(struct unit *u, struct err *err)
{
    int8_t before[MODEL_MAX_ALGS];
    int8_t chains[MODEL_MAX_ALGS];
    if (!is_pending(&u->st.facts))
        return OUT_OK;
    current_chains(u, before);
    enum outcome out = read_file(u, chains, err);
    if (out == OUT_OK && memcmp(before, chains, sizeof chains) != 0)
        /* renamed; whether the reload was done we cannot know, and it is harmless twice */
        out = u->cfg->deploy->reload(u->cfg->deploy_self, err);
    if (out != OUT_OK)
        return out;
    bool rollback = was_rollback(&u->st.facts) && memcmp(before, chains, sizeof chains) != 0 &&
                    (u->st.facts.frozen & MODEL_F_RELOAD) == 0;
    return settle(u, before, chains, rollback, "recovered", err);
}

enum outcome unit_commit(struct unit *u, int alg, struct err *err)
{
    char key[64];
    unit_begin(u);
    say_key(&u->st, u->st.facts.chains[u->st.facts.algs[alg].current].key, key, sizeof key);
    facts_committed(&u->st.facts, alg, u->now);
    return unit_record(u, true, "committed", err, "%s is committed: no way back from here", key);
}
