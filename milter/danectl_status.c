/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/danectl.h"

#include "status.h"

#include <stdio.h>
#include <stdlib.h>

static void free_state(struct port_state *st)
{
    for (int i = 0; i < MODEL_MAX_RECS; i++)
        free(st->recs[i]);
    for (int i = 0; i < MODEL_MAX_CHAINS; i++)
        free(st->bundles[i]);
    free(st);
}

static enum outcome status_one(struct danectl *d, const struct conf_certificate *c, bool *attention,
                               struct err *err)
{
    struct port_time t;
    struct port_state *st = calloc(1, sizeof *st);
    if (st == NULL)
        return err_errno(err, "state");
    enum outcome out = sysclock_ops.now(&d->clock, &t, err);
    if (out == OUT_OK)
        out = store_ops.load(d->store, c->name, st, err);
    if (out == OUT_OK) {
        *attention |= status_print(stdout, c->name, st, &c->policy, status_now(st, &t));
    } else if (out == OUT_NOT_YET) {
        (void)printf("certificate %s\n  nothing is known of it yet: the daemon's log says why\n",
                     c->name);
        *attention = true;
        out = OUT_OK;
    }
    free_state(st);
    return out;
}

static enum outcome status_daemon(struct danectl *d, bool *attention, struct err *err)
{
    pid_t pid = 0;
    enum outcome out = danectl_daemon(d, &pid, err);
    if (out != OUT_OK)
        return out;
    if (pid > 0) {
        (void)printf("danemilter runs as process %ld\n", (long)pid);
    } else if (pid < 0) {
        (void)printf("danemilter runs\n");
    } else {
        (void)printf("danemilter does NOT run: nothing is renewed and nothing is watched\n");
        *attention = true;
    }
    return OUT_OK;
}

static enum danectl_status run_status(struct danectl *d, struct err *err)
{
    bool attention = false;
    const struct conf_certificate *only = NULL;
    if (d->argc > 0 && (only = danectl_certificate(d, d->argv[0], err)) == NULL)
        return DANECTL_FAILED;
    enum outcome out = status_daemon(d, &attention, err);
    for (size_t i = 0; i < d->conf->n_certificates && out == OUT_OK; i++) {
        if (only == NULL || only == &d->conf->certificates[i])
            out = status_one(d, &d->conf->certificates[i], &attention, err);
    }
    if (out != OUT_OK)
        return danectl_of(out);
    return attention ? DANECTL_ATTENTION : DANECTL_OK;
}

const struct danectl_command danectl_status_command = {
    .name = "status",
    .args = "[CERTIFICATE]",
    .help = "what is served, published and waited for",
    .max_args = 1,
    .needs = DANECTL_NEED_STORE,
    .run = run_status,
};
