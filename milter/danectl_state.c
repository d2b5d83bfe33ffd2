/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/danectl_state.h"

#include "status.h"

#include <stdlib.h>
#include <string.h>

enum outcome danectl_state_load(struct danectl *d, const struct conf_certificate *c,
                                struct danectl_state **out, struct err *err)
{
    struct port_time t;
    struct danectl_state *state = calloc(1, sizeof *state);
    *out = state;
    if (state == NULL)
        return err_errno(err, "state");
    state->name = c->name;
    state->policy = &c->policy;
    enum outcome res = sysclock_ops.now(&d->clock, &t, err);
    if (res == OUT_OK)
        res = store_ops.load(d->store, c->name, &state->st, err);
    if (res == OUT_OK)
        state->now = status_now(&state->st, &t);
    if (res != OUT_OK)
        danectl_state_free(out);
    return res;
}

void danectl_state_free(struct danectl_state **state)
{
    if (*state == NULL)
        return;
    for (int i = 0; i < MODEL_MAX_RECS; i++)
        free((*state)->st.recs[i]);
    for (int i = 0; i < MODEL_MAX_CHAINS; i++)
        free((*state)->st.bundles[i]);
    free(*state);
    *state = NULL;
}

int danectl_state_record(const struct port_state *st, const struct port_tlsa *rec)
{
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        const struct port_tlsa *known = st->recs[r];
        if (st->facts.recs[r].used && known != NULL && known->len == rec->len &&
            memcmp(&known->combo, &rec->combo, sizeof rec->combo) == 0 &&
            memcmp(known->data, rec->data, rec->len) == 0)
            return r;
    }
    return MODEL_NONE;
}
