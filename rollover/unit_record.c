/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* Which of our chains does a record that is new to us match? */
static enum outcome rec_matches(struct unit *u, int index, const struct port_tlsa *rec,
                                struct err *err)
{
    const struct engine_world *w = u->world;
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        struct model_chain *chain = &u->st.facts.chains[c];
        if (!chain->used || u->st.bundles[c] == NULL)
            continue;
        bool match = false;
        enum outcome out = w->certs->matches(w->certs_self, u->st.bundles[c], rec, &match, err);
        if (out != OUT_OK)
            return out;
        if (match)
            chain->matches |= MODEL_BIT(index);
        else
            chain->matches &= ~MODEL_BIT(index);
    }
    return OUT_OK;
}

enum outcome unit_rec(struct unit *u, const struct port_tlsa *rec, int *index, struct err *err)
{
    const struct engine_world *w = u->world;
    uint8_t id[MODEL_ID_LEN];
    enum outcome out = w->certs->id(w->certs_self, rec, id, err);
    if (out != OUT_OK)
        return out;
    int found = facts_find_rec(&u->st.facts, id);
    if (found != MODEL_NONE && u->st.recs[found] != NULL) {
        *index = found;
        return OUT_OK;
    }
    found = facts_rec(&u->st.facts, rec->combo, id);
    if (found == MODEL_NONE)
        return err_set(err, OUT_REFUSED,
                       "more than %d different TLSA records to keep in mind: remove the ones "
                       "nobody needs",
                       MODEL_MAX_RECS);
    struct port_tlsa *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return err_errno(err, "TLSA record");
    *copy = *rec;
    free(u->st.recs[found]);
    u->st.recs[found] = copy;
    *index = found;
    out = rec_matches(u, found, rec, err);
    if (out != OUT_OK) /* so that the next time finds out what it matches */
        u->st.facts.recs[found].used = false;
    return out;
}

enum outcome unit_key_recs(struct unit *u, const uint8_t *spki, model_mask *mask, struct err *err)
{
    const struct engine_world *w = u->world;
    const struct model_policy *p = &u->cfg->policy;
    enum outcome out = OUT_OK;
    struct port_tlsa *rec = malloc(sizeof *rec);
    if (rec == NULL)
        return err_errno(err, "TLSA record");
    for (int i = 0; i < p->n_combos && out == OUT_OK; i++) {
        if (p->combos[i].usage != 3 || p->combos[i].selector != 1)
            continue;
        int index = MODEL_NONE;
        out = w->keys->tlsa(w->keys_self, spki, p->combos[i], rec, err);
        if (out == OUT_OK)
            out = unit_rec(u, rec, &index, err);
        if (out == OUT_OK)
            *mask |= MODEL_BIT(index);
    }
    free(rec);
    return out;
}

enum outcome unit_chain_matches(struct unit *u, const char *pem, struct model_chain *chain,
                                struct err *err)
{
    const struct engine_world *w = u->world;
    chain->matches = 0;
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        if (!u->st.facts.recs[r].used || u->st.recs[r] == NULL)
            continue;
        bool match = false;
        enum outcome out = w->certs->matches(w->certs_self, pem, u->st.recs[r], &match, err);
        if (out != OUT_OK)
            return out;
        if (match)
            chain->matches |= MODEL_BIT(r);
    }
    return OUT_OK;
}
