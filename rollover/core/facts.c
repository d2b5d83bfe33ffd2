/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <string.h>

#include "core/facts.h"

void facts_init(struct model_facts *f)
{
    memset(f, 0, sizeof(*f));
    f->next_serial = 1;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        f->algs[a].current = MODEL_NONE;
        f->algs[a].previous = MODEL_NONE;
        f->algs[a].pending = MODEL_NONE;
    }
}

int facts_alg(struct model_facts *f, uint8_t type, bool wanted)
{
    int room = MODEL_NONE;

    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        if (f->algs[a].used && f->algs[a].type == type) {
            f->algs[a].wanted = wanted;
            return a;
        }
        if (!f->algs[a].used && room == MODEL_NONE)
            room = a;
    }
    if (room != MODEL_NONE) {
        f->algs[room] = (struct model_alg){.used = true,
                                           .wanted = wanted,
                                           .type = type,
                                           .current = MODEL_NONE,
                                           .previous = MODEL_NONE,
                                           .pending = MODEL_NONE};
    }
    return room;
}

int facts_owner(struct model_facts *f, int index)
{
    if (index < 0 || index >= MODEL_MAX_OWNERS)
        return MODEL_NONE;
    if (!f->owners[index].used) {
        memset(&f->owners[index], 0, sizeof(f->owners[index]));
        f->owners[index].used = true;
    }
    return index;
}

int facts_find_rec(const struct model_facts *f, const uint8_t id[MODEL_ID_LEN])
{
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (f->recs[r].used && memcmp(f->recs[r].id, id, MODEL_ID_LEN) == 0)
            return r;
    }
    return MODEL_NONE;
}

int facts_rec(struct model_facts *f, struct model_combo combo, const uint8_t id[MODEL_ID_LEN])
{
    int r = facts_find_rec(f, id);

    if (r != MODEL_NONE)
        return r;
    for (r = 0; r < MODEL_MAX_RECS; r++) {
        if (!f->recs[r].used) {
            f->recs[r] = (struct model_rec){.used = true, .combo = combo};
            memcpy(f->recs[r].id, id, MODEL_ID_LEN);
            return r;
        }
    }
    return MODEL_NONE;
}

int facts_key_made(struct model_facts *f, int alg, const uint8_t spki[MODEL_ID_LEN],
                   model_mask recs, bool adopted, struct model_now now)
{
    int room = MODEL_NONE;

    if (alg < 0 || alg >= MODEL_MAX_ALGS)
        return MODEL_NONE;
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        struct model_key *key = &f->keys[k];
        if (key->used && memcmp(key->spki, spki, MODEL_ID_LEN) == 0) {
            key->recs |= recs;
            return k;
        }
        if (!key->used && room == MODEL_NONE)
            room = k;
    }
    if (room == MODEL_NONE)
        return MODEL_NONE;
    f->keys[room] = (struct model_key){.used = true,
                                       .alg = (uint8_t)alg,
                                       .adopted = adopted,
                                       .on_disk = true,
                                       .serial = f->next_serial++,
                                       .made = now.steady,
                                       .recs = recs};
    memcpy(f->keys[room].spki, spki, MODEL_ID_LEN);
    return room;
}

int facts_chain_obtained(struct model_facts *f, const struct model_chain *chain,
                         struct model_now now)
{
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        if (f->chains[c].used)
            continue;
        f->chains[c] = *chain;
        f->chains[c].used = true;
        f->chains[c].obtained = now.steady;
        f->chains[c].installed = f->chains[c].attested = f->chains[c].committed = MODEL_NEVER;
        f->chains[c].left = f->chains[c].drained = f->chains[c].wrong_at = MODEL_NEVER;
        return c;
    }
    return MODEL_NONE;
}

void facts_new_epoch(struct model_facts *f)
{
    f->epoch++;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        for (int a = 0; a < MODEL_MAX_ADDRS; a++)
            memset(f->owners[o].addrs[a].sights, 0, sizeof(f->owners[o].addrs[a].sights));
        f->owners[o].watch_since = MODEL_NEVER;
    }
}

void facts_attest_tried(struct model_facts *f, struct model_now now)
{
    f->last_attest = now.steady;
}

void facts_attested(struct model_facts *f, int chain, struct model_now now)
{
    facts_attest_tried(f, now);
    if (chain < 0 || chain >= MODEL_MAX_CHAINS || !f->chains[chain].used)
        return;
    f->chains[chain].attested = now.steady;
    f->chains[chain].wrong_at = MODEL_NEVER;
}

void facts_wrong(struct model_facts *f, int chain, struct model_now now)
{
    facts_attest_tried(f, now);
    if (chain >= 0 && chain < MODEL_MAX_CHAINS && f->chains[chain].used)
        f->chains[chain].wrong_at = now.steady;
}

void facts_drained(struct model_facts *f, int chain, struct model_now now)
{
    if (chain < 0 || chain >= MODEL_MAX_CHAINS || !f->chains[chain].used)
        return;
    if (f->chains[chain].left != MODEL_NEVER)
        f->chains[chain].drained = now.steady;
}

void facts_shredded(struct model_facts *f, int key)
{
    if (key < 0 || key >= MODEL_MAX_KEYS || !f->keys[key].used)
        return;
    f->keys[key].shredded = true;
    f->keys[key].on_disk = false;
}

void facts_roll(struct model_facts *f)
{
    f->roll_now = true;
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        f->algs[a].roll = f->algs[a].used && f->algs[a].wanted;
}

void facts_roll_alg(struct model_facts *f, int alg)
{
    if (alg < 0 || alg >= MODEL_MAX_ALGS || !f->algs[alg].used)
        return;
    f->roll_now = true;
    f->algs[alg].roll = true;
}

void facts_renew(struct model_facts *f, int alg)
{
    if (alg >= 0 && alg < MODEL_MAX_ALGS && f->algs[alg].used)
        f->algs[alg].renew = true;
}

void facts_rollback(struct model_facts *f, int alg)
{
    if (alg < 0 || alg >= MODEL_MAX_ALGS || !f->algs[alg].used)
        return;
    f->algs[alg].rollback = true;
    f->algs[alg].rolling = false;
}

void facts_compromised(struct model_facts *f, int key, struct model_now now)
{
    f->compromised_at = now.steady;
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        if (f->keys[k].used && (k == key || key == MODEL_NONE))
            f->keys[k].compromised = true;
    }
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int previous = f->algs[a].previous;

        if (previous != MODEL_NONE && f->keys[f->chains[previous].key].compromised)
            f->algs[a].previous = MODEL_NONE; /* no way back to it */
    }
}

void facts_freeze(struct model_facts *f, uint32_t causes)
{
    f->frozen |= causes;
}

/* Wherever the CNAMEs led before is forgotten with the cause. */
static void settle_cnames(struct model_facts *f, uint32_t causes)
{
    for (int o = 0; (causes & MODEL_F_CNAME) != 0 && o < MODEL_MAX_OWNERS; o++)
        f->owners[o].cname_moved = MODEL_NEVER;
}

void facts_thaw(struct model_facts *f, uint32_t causes)
{
    f->frozen &= ~(causes & ~(uint32_t)MODEL_F_STICKY);
    settle_cnames(f, causes);
}

void facts_resume(struct model_facts *f, uint32_t causes)
{
    f->frozen &= ~causes;
    settle_cnames(f, causes);
    if ((causes & MODEL_F_DELETED) == 0)
        return;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        f->owners[o].shown = 0;
        memset(f->owners[o].readds, 0, sizeof(f->owners[o].readds));
    }
}
