/* SPDX-License-Identifier: BSD-2-Clause */
/* Worker threads, the operator, and who is told, of the world behind the engine's ports. */
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

void fw_command(struct fw *w, struct engine *e)
{
    struct err err = ERR_INIT;
    if (w->command_at == 0 || w->command_done || w->boot < w->command_at)
        return;
    w->command_out = engine_command(e, &w->command, w->reply, sizeof w->reply, &err);
    (void)snprintf(w->refusal, sizeof w->refusal, "%s", err.text);
    w->command_done = w->command_out == OUT_OK || w->command_out == OUT_REFUSED;
}
