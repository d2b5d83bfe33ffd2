/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's life: its threads, the engine's steps, and what interrupts them. */
#include "config.h"

#include "milter/main.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOP_LOCK_MS 1000     /* another daemon's lock is tried again */
#define LOOP_MEND_MS 60000    /* whatever else could not be opened */
#define LOOP_TRIGGER_MS 15000 /* a trigger that is waited for; longer than `wakeup` */
#define LOOP_IDLE_MS 3600000  /* with a configuration that cannot be used */
#define LOOP_OURS_MS 5000     /* a reload so soon after our own is that one */
#define LOOP_SETTLE_MS 1000   /* until the processes that a reload ends have ended */

static void say(struct daemon *d, enum port_level level, const char *text)
{
    maillog_ops.line(&d->log, level, text);
}

static model_time now_ms(struct daemon *d)
{
    struct port_time t;
    struct err err = ERR_INIT;
    if (sysclock_ops.now(&d->clock, &t, &err) == OUT_OK)
        return t.boot;
    say(d, PORT_LOG_ERROR, err.text);
    return 0;
}

/* ---- the beginning ------------------------------------------------------------------------ */

/* Never more than this as root: from here on the network is faced. */
static enum outcome become(struct daemon *d, struct err *err)
{
    enum outcome out = geteuid() == 0 ? daemon_drop(&d->user, err) : OUT_OK;
    if (out == OUT_OK && d->master != NULL)
        out = daemon_follow(d->master->parent, err);
    if (out == OUT_OK && d->master != NULL)
        out = master_report(d->master, err);
    return out;
}

/* A signal that libmilter's own thread took is handed on to the main thread: it is a stop. */
static void milter_ended(void *self, bool asked)
{
    struct daemon *d = self;
    /* The main thread has a handler for it.
     * NOLINTNEXTLINE(*-bad-signal-to-kill-thread,cert-pos44-c) */
    if (asked && pthread_kill(d->main_thread, SIGTERM) == 0)
        return;
    say(d, PORT_LOG_ERROR,
        "the milter has ended by itself: sessions are not counted any more; mail flows all the "
        "same (default_action=accept in smtpd_milters)");
}

/* Mail flows without it, and so do rollovers: said, no more. */
static void open_milter(struct daemon *d)
{
    struct err err = ERR_INIT;
    guard_read(d->conf, d->exempt, &d->guard);
    const struct milter_config config = {.socket = d->milter_socket,
                                         .ended = milter_ended,
                                         .ended_self = d,
                                         .ledger = d->ledger,
                                         .guard = &d->guard,
                                         .log = &maillog_ops,
                                         .log_self = &d->log};
    if (d->milter_socket[0] == '\0' || milter_open(&config, &d->milter, &err) == OUT_OK)
        return;
    err_prepend(&err, "no milter, sessions are not counted");
    say(d, PORT_LOG_ERROR, err.text);
}

static enum outcome start_threads(struct daemon *d, struct err *err)
{
    enum outcome out = daemon_hold_signals(err);
    if (out == OUT_OK)
        out = work_open(sysclock_wake, &d->clock, &d->work, err);
    if (out == OUT_OK && d->master != NULL)
        out = master_begin(d->master, sysclock_wake, &d->clock, err);
    if (out == OUT_OK)
        out = daemon_let_signals(err);
    return out;
}

static enum outcome start(struct daemon *d, struct err *err)
{
    enum outcome out = become(d, err);
    d->main_thread = pthread_self();
    if (out == OUT_OK)
        out = sysclock_init(&d->clock, err);
    if (out == OUT_OK)
        out = daemon_signals(d->clock.pipe[1],
                             d->master != NULL ? DAEMON_END_SOON : DAEMON_END_ORDERLY, err);
    if (out == OUT_OK)
        out = msg_init(&d->msg, err);
    if (out == OUT_OK)
        out = start_threads(d, err);
    d->host = (struct helper_client){.lost = daemon_lose, .fd = d->fd, .msg = &d->msg};
    return out;
}

/* ---- postfix reload ----------------------------------------------------------------------- */

static void say_lines(struct daemon *d, char *lines)
{
    char *save = NULL;
    for (char *line = strtok_r(lines, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save))
        say(d, PORT_LOG_ERROR, line);
}

/* After each step: did it reload Postfix? */
static void note_ours(struct daemon *d)
{
    unsigned sum = 0;
    for (size_t i = 0; d->clients != NULL && i < d->n; i++)
        sum += d->clients[i].reloads;
    if (sum != d->reloads.ours)
        d->reloads.ours_at = now_ms(d);
    d->reloads.ours = sum;
}

static void say_reloaded(struct daemon *d)
{
    model_time ours_at = d->reloads.ours_at;
    if (ours_at != 0 && now_ms(d) - ours_at < LOOP_OURS_MS)
        say(d, PORT_LOG_INFO, "danemilter has reloaded Postfix");
    else
        say(d, PORT_LOG_INFO, "Postfix was reloaded: its parameters are looked at again");
    d->reloads.ours_at = 0;
}

/* True: to be started anew. */
static bool take_reload(struct daemon *d)
{
    struct err err = ERR_INIT;
    bool changed = false;
    char *problems = NULL;
    enum outcome out = helper_reread(&d->host, &changed, &problems, &err);
    d->reloads.taken++;
    if (out == OUT_OK && changed) {
        free(problems);
        say(d, PORT_LOG_INFO,
            "Postfix was reloaded, and the configuration or the program is another: starting anew");
        (void)master_await_trigger(d->master,
                                   LOOP_TRIGGER_MS); /* without one: at the next wakeup */
        return true;
    }
    if (problems != NULL)
        say_lines(d, problems);
    free(problems);
    if (out == OUT_OK)
        say_reloaded(d);
    else
        say(d, PORT_LOG_ERROR,
            "Postfix was reloaded, but danemilter goes on with the configuration that it has: mend "
            "the new one (danectl check), then reload again");
    if (d->engine != NULL)
        engine_reloaded(d->engine);
    master_go_on(d->master);
    return false;
}

/* The first reload ends the status socket. Later ones are a trigger, after which the queue manager
 * is another process. Either is judged when what a reload ends has had the time to end, so that
 * the configuration is read after all reloads that came close together. */
static bool was_reloaded(struct daemon *d)
{
    struct err err = ERR_INIT;
    struct main_reloads *r = &d->reloads;
    int64_t generation = 0;
    model_time now = now_ms(d);
    unsigned triggers = master_triggers(d->master);
    bool ended = master_reloaded(d->master);
    if (ended || triggers != r->triggers)
        r->look_at = now + LOOP_SETTLE_MS;
    r->triggers = triggers;
    r->ended = r->ended || ended;
    if (r->look_at == 0 || now < r->look_at)
        return false;
    r->look_at = 0;
    if (helper_generation(&d->host, &generation, &err) != OUT_OK)
        say(d, PORT_LOG_WARNING, err.text);
    bool other = r->generation != 0 && generation != 0 && generation != r->generation;
    if (generation != 0)
        r->generation = generation;
    other = other || r->ended;
    r->ended = false;
    return other;
}

static void renew_log(struct daemon *d)
{
    struct err err = ERR_INIT;
    int fd = -1;
    if (!maillog_lost(&d->log))
        return;
    if (helper_log_socket(&d->host, &fd, &err) == OUT_OK)
        (void)maillog_renew(&d->log, fd, &err); /* fails: tried again after the next step */
}

/* Whatever may have happened meanwhile. True: the daemon is to end. */
static bool look_around(struct daemon *d)
{
    (void)daemon_reap(d->helper);
    if (d->master != NULL && getppid() != d->master->parent)
        return true; /* master was killed, and nobody could tell us */
    renew_log(d);
    if (*daemon_stopping())
        return true;
    return d->master != NULL && was_reloaded(d) && take_reload(d);
}

static void rest(struct daemon *d, model_time nap)
{
    model_time left = d->reloads.look_at != 0 ? d->reloads.look_at - now_ms(d) : nap;
    if (left < nap)
        nap = left;
    if (nap > 0 && !*daemon_stopping())
        sysclock_ops.sleep(&d->clock, nap);
}

/* ---- the world, as soon as it can be had -------------------------------------------------- */

/* True: the daemon is to end. False: the time is over, or Postfix was reloaded, which may have been
 * because something was mended. */
static bool wait_mended(struct daemon *d, model_time ms)
{
    model_time end = now_ms(d) + ms;
    for (;;) {
        unsigned before = d->reloads.taken;
        if (look_around(d))
            return true;
        model_time left = end - now_ms(d);
        if (left <= 0 || d->reloads.taken != before)
            return false;
        rest(d, left);
    }
}

/* Under master nothing that is wrong may end us: it would be a circle of starts. So it is said
 * once, and tried again. OUT_NOT_YET: the daemon is to end. */
static enum outcome wait_for(struct daemon *d,
                             enum outcome (*try)(struct daemon *d, struct err *err), model_time ms,
                             struct err *err)
{
    char said[ERR_TEXT_MAX] = "";
    for (;;) {
        err_clear(err);
        enum outcome out = try(d, err);
        if (out == OUT_OK || d->master == NULL)
            return out;
        if (strcmp(said, err->text) != 0) {
            (void)snprintf(said, sizeof said, "%s", err->text);
            err_prepend(err, "nothing is renewed and nothing is watched until this is mended");
            say(d, PORT_LOG_ERROR, err->text);
        }
        if (wait_mended(d, ms))
            return OUT_NOT_YET;
    }
}

static enum outcome try_lock(struct daemon *d, struct err *err)
{
    return lock_take(d->conf->state_dir, &d->lock, err);
}

/* When it fails under master, whoever asks by the control socket is told why. */
static enum outcome try_world(struct daemon *d, struct err *err)
{
    struct err ignored = ERR_INIT; /* the world's own trouble is what counts */
    control_close(&d->control);
    enum outcome out = main_world_open(d, err);
    if (out == OUT_OK)
        out = main_control_open(d, NULL, err);
    if (out == OUT_OK)
        return out;
    main_world_close(d);
    if (d->master != NULL)
        (void)main_control_open(d, err->text, &ignored);
    return out;
}

static enum outcome open_world(struct daemon *d, struct err *err)
{
    enum outcome out = wait_for(d, try_lock, LOOP_LOCK_MS, err);
    if (out != OUT_OK)
        return out;
    main_ledger_open(d);
    open_milter(d); /* now that no other daemon's socket can stand there */
    return wait_for(d, try_world, LOOP_MEND_MS, err);
}

/* ---- life --------------------------------------------------------------------------------- */

static void run(struct daemon *d)
{
    say(d, PORT_LOG_INFO, "danemilter " PACKAGE_VERSION " started");
    if (d->restored)
        say(d, PORT_LOG_ERROR,
            "the state was restored from a backup: every wait begins again, and no key is switched "
            "or withdrawn before you have looked (danectl status)");
    while (!*daemon_stopping()) {
        model_time nap = 0;
        main_control_take(d);
        main_ledger_take(d);
        engine_step(d->engine, &nap);
        note_ours(d);
        if (look_around(d))
            break;
        rest(d, nap);
    }
}

/* In this order: jobs end before what they use. The milter is left to end with the process:
 * libmilter would take seconds. When Postfix is stopped, nobody waits for us: what sessions were
 * counted is saved, and whatever else is under way ends as by kill -9, which it has to survive
 * anyway. */
static void finish(struct daemon *d)
{
    main_ledger_close(d);
    if (d->master != NULL && *daemon_stopping() && !daemon_lost()) {
        say(d, PORT_LOG_INFO, "danemilter stopped");
        _exit(EXIT_SUCCESS);
    }
    control_close(&d->control);
    work_close(&d->work);
    main_world_close(d);
    lock_release(&d->lock);
    msg_free(&d->msg);
}

enum outcome main_loop_run(struct daemon *d, struct err *err)
{
    enum outcome out = start(d, err);
    if (out == OUT_OK)
        out = open_world(d, err);
    if (out == OUT_OK)
        run(d);
    finish(d);
    if (daemon_lost())
        return err_set(err, OUT_BROKEN,
                       "the helper has ended, and nothing can be installed or reloaded without it: "
                       "danemilter has to be started again");
    if (out == OUT_OK)
        say(d, PORT_LOG_INFO, "danemilter stopped");
    return out == OUT_NOT_YET && d->master != NULL ? OUT_OK : out; /* asked to end while waiting */
}

void main_loop_idle(struct daemon *d, const char *why)
{
    struct err err = ERR_INIT;
    char text[ERR_TEXT_MAX];
    (void)snprintf(text, sizeof text,
                   "nothing is renewed and nothing is watched until this is mended and Postfix is "
                   "reloaded: %s",
                   why);
    say(d, PORT_LOG_ERROR, text);
    if (d->user.uid == 0 && geteuid() == 0)
        (void)daemon_find_user("nobody", &d->user, &err);
    enum outcome out = daemon_signals(-1, DAEMON_END_AT_ONCE, &err);
    if (out == OUT_OK)
        out = become(d, &err);
    if (out == OUT_OK && d->has_folders && lock_take(d->conf->state_dir, &d->lock, &err) == OUT_OK)
        out = main_control_open(d, why, &err);
    if (out != OUT_OK) /* even so: who only waits for master needs nothing more */
        say(d, PORT_LOG_ERROR, err.text);
    master_idle(d->master, LOOP_IDLE_MS);
    control_close(&d->control);
    lock_release(&d->lock);
}
