/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/engine/fakeworld.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- faults --------------------------------------------------------------------------- */

/* Counts a call. True: it is to fail. Ends the process when this is the one to crash at. */
bool fw_called(struct fw *w, enum fw_call call)
{
    w->calls++;
    w->last_call = call;
    if (w->crash_at == w->calls && !w->crash_after)
        _exit(FW_EXIT_CRASH);
    if (w->fail_call == call && w->fail_times > 0) {
        w->fail_times--;
        return true;
    }
    return false;
}

enum outcome fw_done(struct fw *w)
{
    fw_check(w);
    if (w->crash_call != FW_ANY && w->crash_call == w->last_call) {
        w->crash_call = FW_ANY;
        _exit(FW_EXIT_CRASH);
    }
    if (w->crash_at == w->calls && w->crash_after)
        _exit(FW_EXIT_CRASH);
    return OUT_OK;
}

/* ---- clock ---------------------------------------------------------------------------- */

static enum outcome clock_now(void *self, struct port_time *out, struct err *err)
{
    const struct fw *w = self;
    (void)err;
    out->boot = w->boot;
    out->wall = w->wall;
    memset(out->boot_id, w->boot_id, sizeof out->boot_id);
    return OUT_OK;
}

static void clock_sleep(void *self, model_time ms)
{
    fw_advance(self, ms);
}

const struct port_clock_ops fw_clock_ops = {.now = clock_now, .sleep = clock_sleep};

/* ---- the store ------------------------------------------------------------------------ */

static enum outcome store_load(void *self, const char *certificate, struct port_state *out,
                               struct err *err)
{
    const struct fw *w = self;
    (void)certificate;
    if (!w->stored.used)
        return OUT_NOT_YET;
    *out = w->stored.st;
    for (int i = 0; i < MODEL_MAX_RECS; i++) {
        out->recs[i] = w->stored.has_rec[i] ? malloc(sizeof *out->recs[i]) : NULL;
        if (out->recs[i] != NULL)
            *out->recs[i] = w->stored.recs[i];
        else if (w->stored.has_rec[i])
            return err_errno(err, "record");
    }
    for (int i = 0; i < MODEL_MAX_CHAINS; i++) {
        out->bundles[i] = w->stored.has_bundle[i] ? malloc(FW_PEM) : NULL;
        if (out->bundles[i] != NULL)
            (void)snprintf(out->bundles[i], FW_PEM, "%s", w->stored.bundles[i]);
        else if (w->stored.has_bundle[i])
            return err_errno(err, "bundle");
    }
    return OUT_OK;
}

static enum outcome store_save(void *self, const char *certificate, const struct port_state *state,
                               const struct port_event *events, size_t n_events, struct err *err)
{
    struct fw *w = self;
    (void)certificate;
    if (fw_called(w, FW_SAVE))
        return err_set(err, OUT_BROKEN, "database or disk is full");
    w->stored.used = true;
    w->stored.st = *state;
    for (int i = 0; i < MODEL_MAX_RECS; i++) {
        w->stored.has_rec[i] = state->recs[i] != NULL;
        if (state->recs[i] != NULL)
            w->stored.recs[i] = *state->recs[i];
    }
    for (int i = 0; i < MODEL_MAX_CHAINS; i++) {
        w->stored.has_bundle[i] = state->bundles[i] != NULL;
        if (state->bundles[i] != NULL)
            (void)snprintf(w->stored.bundles[i], FW_PEM, "%s", state->bundles[i]);
    }
    for (size_t i = 0; i < n_events; i++) {
        if (strcmp(events[i].what, "committed") == 0)
            w->commits++;
        if (strcmp(events[i].what, "rolled-back") == 0)
            w->rollbacks++;
        (void)snprintf(w->history, sizeof w->history, "%s: %.200s", events[i].what, events[i].text);
    }
    return fw_done(w);
}

const struct port_store_ops fw_store_ops = {.load = store_load, .save = store_save};

static void log_line(void *self, enum port_level level, const char *text)
{
    const struct fw *w = self;
    if (w->loud)
        (void)fprintf(stderr, "%8lld %d %s\n", (long long)w->boot, (int)level, text);
}

const struct port_log_ops fw_log_ops = {.line = log_line};
