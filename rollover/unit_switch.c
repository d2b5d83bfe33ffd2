/* SPDX-License-Identifier: BSD-2-Clause */
#include "say.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* Longer than this between the last question and the rename, and the machine slept in between. */
#define UNIT_SWITCH_MAX INT64_C(10000)

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

void unit_current_chains(const struct unit *u, int8_t chains[MODEL_MAX_ALGS])
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        chains[a] = u->st.facts.algs[a].used ? u->st.facts.algs[a].current : MODEL_NONE;
}

/* Processes that started up to `boot` may have loaded the file as it was. */
void unit_stamp_leaving(struct unit *u, const int8_t before[MODEL_MAX_ALGS],
                        const int8_t after[MODEL_MAX_ALGS], model_time boot)
{
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (before[a] != MODEL_NONE && before[a] != after[a])
            u->st.switch_boot[before[a]] = boot;
        if (after[a] != MODEL_NONE && before[a] != after[a])
            u->st.switch_boot[after[a]] = 0;
    }
}

/* The rename, if the file still holds `before`. `*renamed` is the moment after it
 * (CLOCK_BOOTTIME), 0 when it did not come to that. */
static enum outcome rename_file(struct unit *u, const int8_t before[MODEL_MAX_ALGS],
                                const int8_t chains[MODEL_MAX_ALGS], model_time *renamed,
                                struct err *err)
{
    const struct engine_certificate *c = u->cfg;
    struct port_part parts[PORT_PARTS_MAX], expect[PORT_PARTS_MAX];
    size_t n = parts_of(u, chains, parts);
    size_t n_expect = parts_of(u, before, expect);
    *renamed = 0;
    enum outcome out = c->deploy->install(c->deploy_self, parts, n, expect, n_expect, err);
    if (out != OUT_OK)
        return out;
    out = unit_clock(u, err);
    if (out == OUT_OK)
        *renamed = u->st.boot;
    return out;
}

/* The same, and the reload. */
static enum outcome put_in_place(struct unit *u, const int8_t before[MODEL_MAX_ALGS],
                                 const int8_t chains[MODEL_MAX_ALGS], model_time *renamed,
                                 struct err *err)
{
    enum outcome out = rename_file(u, before, chains, renamed, err);
    return out == OUT_OK ? unit_reload(u, err) : out;
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

/* Records what the file holds now. `boot`: servers that started later have loaded it; 0: that is
 * not known, and now is the safe side. */
static enum outcome settle(struct unit *u, const int8_t before[MODEL_MAX_ALGS],
                           const int8_t after[MODEL_MAX_ALGS], bool rollback, model_time boot,
                           const char *what, struct err *err)
{
    char text[SAY_MAX];
    enum outcome out = unit_clock(u, err);
    if (out != OUT_OK)
        return out;
    u->proved = MODEL_NEVER; /* of what the file held before */
    unit_stamp_leaving(u, before, after, boot != 0 ? boot : u->st.boot);
    facts_file_holds(&u->st.facts, after, rollback, u->now);
    describe(u, after, text, sizeof text);
    out = unit_record(u, false, what, err, "%s: the chain file holds %s", what, text);
    if (u->world->switched != NULL && memcmp(before, after, MODEL_MAX_ALGS) != 0)
        u->world->switched(u->world->switched_self);
    return out;
}

/* Row 43: the file goes back to what it was, so that file and running processes agree. Processes
 * that started between the two renames have loaded the new chain: it was in the file, and counts
 * as served until they are gone. */
static enum outcome undo_switch(struct unit *u, const int8_t before[MODEL_MAX_ALGS],
                                const int8_t after[MODEL_MAX_ALGS], struct err *err)
{
    struct err more = ERR_INIT;
    model_time renamed = 0;
    unit_log(u, PORT_LOG_ERROR, "%s; putting the chain file back", err->text);
    facts_freeze(&u->st.facts, MODEL_F_RELOAD);
    enum outcome out = settle(u, before, after, false, 0, "renamed", &more);
    if (out == OUT_OK) {
        facts_switch_intent(&u->st.facts, before);
        out = unit_record(u, false, "putting-back", &more, "putting the chain file back");
    }
    if (out == OUT_OK)
        out = put_in_place(u, after, before, &renamed, &more);
    if (renamed == 0) {
        unit_log(u, PORT_LOG_ERROR, "the chain file was not put back: %s", more.text);
        return out; /* an intent stays pending: unit_recover() reads the file */
    }
    return settle(u, after, before, false, 0, "put-back", &more);
}

enum outcome unit_switch(struct unit *u, const struct plan_action *a, struct err *err)
{
    bool rollback = a->verb == PLAN_ROLLBACK;
    int8_t before[MODEL_MAX_ALGS];
    char text[SAY_MAX];
    unit_current_chains(u, before);
    enum outcome out = unit_check_file(u, err);
    if (out != OUT_OK)
        return out;
    unit_begin(u);
    facts_switch_intent(&u->st.facts, a->chains);
    describe(u, a->chains, text, sizeof text);
    out = unit_record(u, true, rollback ? "rolling-back" : "switching", err, "%s to %s",
                      rollback ? "rolling back" : "switching", text);
    if (out != OUT_OK)
        return out;
    model_time asked = u->now.steady, renamed = 0;
    out = unit_clock(u, err);
    if (out == OUT_OK && u->now.steady - asked > UNIT_SWITCH_MAX)
        out = err_set(err, OUT_NOT_YET, "the machine stood still before the switch");
    if (out == OUT_OK)
        out = rename_file(u, before, a->chains, &renamed, err);
    if (out != OUT_OK)
        return out; /* whether the rename happened is for unit_recover() to find out */
    u->half = (struct unit_half){.open = true, .rollback = rollback, .renamed = renamed};
    memcpy(u->half.before, before, sizeof before);
    memcpy(u->half.after, a->chains, sizeof u->half.after);
    if (!rollback && unit_batch_shares(u))
        return OUT_OK; /* the engine ends it, with others */
    return unit_switch_end(u, unit_reload(u, err), err);
}

enum outcome unit_switch_end(struct unit *u, enum outcome out, struct err *err)
{
    const struct unit_half half = u->half;
    u->half.open = false;
    if (out != OUT_OK)
        return undo_switch(u, half.before, half.after, err) == OUT_OK ? OUT_REFUSED : out;
    facts_thaw(&u->st.facts, MODEL_F_RELOAD);
    out = settle(u, half.before, half.after, half.rollback, half.renamed,
                 half.rollback ? "rolled-back" : "switched", err);
    u->reloaded = u->st.boot;
    return out;
}

int unit_find_chain(const struct unit *u, const char *pem)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (u->st.facts.chains[c].used && u->st.bundles[c] != NULL &&
            strcmp(u->st.bundles[c], pem) == 0)
            return c;
    }
    return MODEL_NONE;
}

bool unit_pending(const struct model_facts *f)
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

/* What the file holds, as chains of ours. OUT_REFUSED: something else. */
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
        int chain = unit_find_chain(u, parts[i].chain_pem);
        if (chain == MODEL_NONE)
            out = err_set(err, OUT_REFUSED,
                          "the chain file holds a certificate that is not ours: somebody else "
                          "writes it. End that; then `danectl resume %s` begins with what it holds",
                          u->cfg->name);
        else
            chains[u->st.facts.keys[u->st.facts.chains[chain].key].alg] = (int8_t)chain;
    }
    c->deploy->free_parts(c->deploy_self, parts, n);
    return out;
}

/* Row 45, said and kept. */
static enum outcome elsewhere(struct unit *u, struct err *err)
{
    struct err more = ERR_INIT;
    bool known = (u->st.facts.frozen & MODEL_F_ELSEWHERE) != 0;
    facts_freeze(&u->st.facts, MODEL_F_ELSEWHERE);
    if (!known && unit_record(u, false, "elsewhere", &more, "%s", err->text) != OUT_OK)
        unit_log(u, PORT_LOG_ERROR, "%s", more.text);
    return OUT_REFUSED;
}

enum outcome unit_check_file(struct unit *u, struct err *err)
{
    const struct engine_certificate *c = u->cfg;
    int8_t known[MODEL_MAX_ALGS], found[MODEL_MAX_ALGS];
    unit_current_chains(u, known);
    enum outcome out = c->deploy->points_here(c->deploy_self, err);
    if (out == OUT_OK)
        out = read_file(u, found, err);
    if (out == OUT_REFUSED)
        return elsewhere(u, err);
    if (out != OUT_OK || memcmp(known, found, sizeof known) == 0)
        return out;
    /* Somebody put an old file of ours back: from now on that is what is served. */
    out = settle(u, known, found, false, 0, "found", err);
    if (out != OUT_OK)
        return out;
    (void)err_set(err, OUT_REFUSED,
                  "the chain file was changed by somebody else; it holds an older chain of "
                  "ours. End that; then `danectl resume %s` goes on",
                  u->cfg->name);
    return elsewhere(u, err);
}

enum outcome unit_recover(struct unit *u, struct err *err)
{
    int8_t before[MODEL_MAX_ALGS];
    int8_t chains[MODEL_MAX_ALGS];
    if (!unit_pending(&u->st.facts))
        return OUT_OK;
    unit_current_chains(u, before);
    enum outcome out = read_file(u, chains, err);
    if (out == OUT_REFUSED)
        return elsewhere(u, err);
    if (out == OUT_OK && memcmp(before, chains, sizeof chains) != 0 && u->st.facts.postfix_up)
        /* renamed; whether the reload was done we cannot know, and it is harmless twice */
        out = unit_reload(u, err);
    if (out != OUT_OK)
        return out;
    bool rollback = was_rollback(&u->st.facts) && memcmp(before, chains, sizeof chains) != 0 &&
                    (u->st.facts.frozen & MODEL_F_RELOAD) == 0;
    return settle(u, before, chains, rollback, 0, "recovered", err);
}

enum outcome unit_commit(struct unit *u, int alg, struct err *err)
{
    char key[64];
    enum outcome out = unit_check_file(u, err);
    if (out != OUT_OK)
        return out;
    unit_begin(u);
    say_key(&u->st, u->st.facts.chains[u->st.facts.algs[alg].current].key, key, sizeof key);
    facts_committed(&u->st.facts, alg, u->now);
    return unit_record(u, true, "committed", err, "%s is committed: no way back from here", key);
}
