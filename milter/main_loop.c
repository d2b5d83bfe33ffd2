/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's life: its threads, the engine's steps, and what interrupts them. */
#include "config.h"

#include "milter/main.h"

#include <unistd.h>

static enum outcome start(struct daemon *d, struct err *err)
{
    enum outcome out = geteuid() == 0 ? daemon_drop(&d->user, err) : OUT_OK;
    if (out == OUT_OK)
        out = sysclock_init(&d->clock, err);
    if (out == OUT_OK)
        out = daemon_signals(d->clock.pipe[1], false, err);
    if (out == OUT_OK)
        out = msg_init(&d->msg, err);
    if (out == OUT_OK)
        out = daemon_hold_signals(err);
    if (out == OUT_OK)
        out = work_open(sysclock_wake, &d->clock, &d->work, err);
    if (out == OUT_OK)
        out = daemon_let_signals(err);
    return out;
}

static void run(struct daemon *d)
{
    const volatile sig_atomic_t *stop = daemon_stopping();
    maillog_ops.line(&d->log, PORT_LOG_INFO, "danemilter " PACKAGE_VERSION " started");
    if (d->restored)
        maillog_ops.line(&d->log, PORT_LOG_ERROR,
                         "the state was restored from a backup: every wait begins again, and no "
                         "key is switched or withdrawn before you have looked (danectl status)");
    while (!*stop) {
        model_time nap = 0;
        engine_step(d->engine, &nap);
        (void)daemon_reap(d->helper);
        if (nap > 0 && !*stop)
            sysclock_ops.sleep(&d->clock, nap);
    }
}

enum outcome main_loop_run(struct daemon *d, struct err *err)
{
    enum outcome out = start(d, err);
    if (out == OUT_OK)
        out = main_world_open(d, err);
    if (out == OUT_OK)
        run(d);
    if (d->work != NULL)
        work_close(&d->work);
    main_world_close(d);
    msg_free(&d->msg);
    if (out == OUT_OK && daemon_lost())
        out = err_set(err, OUT_BROKEN,
                      "the helper has ended, and nothing can be installed or reloaded without it: "
                      "start danemilter again");
    if (out == OUT_OK)
        maillog_ops.line(&d->log, PORT_LOG_INFO, "danemilter stopped");
    return out;
}
