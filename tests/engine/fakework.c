/* SPDX-License-Identifier: BSD-2-Clause */
/* Worker threads, the operator and his policy, and who is told, of the world behind the engine's
 * ports. */
#include "tests/engine/fakeworld.h"

#include <stdio.h>
#include <string.h>

static enum outcome work_start(void *self, void (*fn)(void *arg), void *arg, struct err *err)
{
    struct fw *w = self;
    if (fw_called(w, FW_ANY))
        return err_set(err, OUT_NOT_YET, "all are busy");
    for (unsigned i = 0; i < w->workers; i++) {
        if (w->jobs[i].fn != NULL)
            continue;
        w->jobs[i] = (struct fw_job){.fn = fn, .arg = arg, .due = w->boot + w->order_ms};
        return OUT_OK;
    }
    return err_set(err, OUT_NOT_YET, "all are busy");
}

const struct port_work_ops fw_work_ops = {.start = work_start};

void fw_work(struct fw *w, bool all)
{
    for (size_t i = 0; i < FW_JOBS; i++) {
        struct fw_job job = w->jobs[i];
        if (job.fn == NULL || (!all && job.due > w->boot))
            continue;
        job.fn(job.arg);
        w->jobs[i].fn = NULL;
    }
}

static void notice_tell(void *self, const char *certificate, const char *trouble, const char *fate)
{
    struct fw *w = self;
    (void)certificate;
    w->told++;
    w->trouble = trouble != NULL;
    (void)snprintf(w->trouble_text, sizeof w->trouble_text, "%.255s", w->trouble ? trouble : "");
    (void)snprintf(w->fate, sizeof w->fate, "%.255s", fate);
}

const struct port_notice_ops fw_notice_ops = {.tell = notice_tell};

void fw_switched(void *fw)
{
    struct fw *w = fw;
    w->told_switched++;
}

void fw_command(struct fw *w, struct engine *e)
{
    struct err err = ERR_INIT;
    if (w->reload_at != 0 && w->boot >= w->reload_at) {
        w->reload_at = 0;
        engine_reloaded(e);
    }
    if (w->suspect_at != 0 && w->boot >= w->suspect_at) {
        w->suspect_at = 0;
        engine_suspect(e, NULL, "three sessions ended after HELO");
    }
    if (w->command_at == 0 || w->command_done || w->boot < w->command_at)
        return;
    w->command_out = engine_command(e, &w->command, w->reply, sizeof w->reply, &err);
    (void)snprintf(w->refusal, sizeof w->refusal, "%s", err.text);
    w->command_done = w->command_out == OUT_OK || w->command_out == OUT_REFUSED;
}

void fw_policy(const struct fw *w, struct model_policy *p)
{
    p->strategy = MODEL_STANDBY;
    p->combos[0] = (struct model_combo){.usage = 3, .selector = 1, .matching = 1};
    p->n_combos = 1;
    p->poll = 500;
    p->silence = 5000;
    p->past_ttl = 2000;
    p->ttl_cap = INT64_C(7) * 86400 * 1000;
    p->floor = 2000;
    p->delta_sender = 500;
    p->fresh = 1000;
    p->commit_max = w->commit_ms > 0 ? w->commit_ms : 3000;
    p->renew_margin = 86400 * 1000;
    p->renew_every = w->quiet ? 0 : 10000;
    p->compromised_drain = 1000;
    p->attest_every = 500;
}
