/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leave: out of Postfix's configuration and out of DNS, in the order that keeps the rule
 * (safety.md): nothing switches any more, then our records go, all of an owner at once, then the
 * chain file has to stay what it is until no cache holds a record; only then main.cf goes back to
 * what it was before `adopt`. So leave is asked for twice.
 */
#include "milter/danectl.h"

#include "conf/milters.h"
#include "core/phase.h"
#include "milter/control_client.h"
#include "milter/danectl_adopt_postfix.h"
#include "milter/danectl_adopt_undo.h"
#include "milter/danectl_leave.h"
#include "milter/danectl_state.h"
#include "say.h"
#include "store/copy.h"
#include "store/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEAVE_SERVICE "danemilter/unix"
#define LEAVE_STOP_S 10 /* Postfix's reload has ended our daemon by then */

enum { LEAVE_APPLY, LEAVE_KEEP };

static bool leave_option(struct danectl *d, int opt, const char *arg, struct err *err)
{
    (void)arg;
    (void)err;
    d->own.flags[opt == 'A' ? LEAVE_APPLY : LEAVE_KEEP] = true;
    return true;
}

static void would(const struct danectl *d, const char *text)
{
    (void)printf("%s%s\n", d->own.flags[LEAVE_APPLY] ? "" : "would: ", text);
}

/* ---- the daemon ------------------------------------------------------------------------- */

/* Nothing is switched from here on. A daemon that is gone by now needs no telling. */
static enum outcome freeze_all(struct danectl *d, struct err *err)
{
    for (size_t i = 0; i < d->conf->n_certificates; i++) {
        struct control_command command = {.dry_run = !d->own.flags[LEAVE_APPLY]};
        struct control_reply reply = {.outcome = OUT_OK};
        char text[256];
        (void)snprintf(text, sizeof text, "freeze certificate %s", d->conf->certificates[i].name);
        would(d, text);
        if (command.dry_run)
            continue;
        (void)snprintf(command.verb, sizeof command.verb, "freeze");
        (void)snprintf(command.certificate, sizeof command.certificate, "%s",
                       d->conf->certificates[i].name);
        enum outcome out = control_client_ask(d->conf->run_dir, &command, &reply, err);
        if (out == OUT_NOT_YET)
            return OUT_OK;
        if (out != OUT_OK)
            return out;
        if (reply.outcome != OUT_OK)
            return err_set(err, reply.outcome, "%s", reply.text);
    }
    return OUT_OK;
}

/* From then on no daemon acts on this state (row 41). */
static enum outcome hold_state(struct danectl *d, struct lock *lock, struct err *err)
{
    const struct timespec nap = {.tv_nsec = 100000000};
    enum outcome out = lock_take(d->conf->state_dir, lock, err);
    for (int i = 0; i < LEAVE_STOP_S * 10 && out == OUT_NOT_YET; i++) {
        (void)nanosleep(&nap, NULL);
        out = lock_take(d->conf->state_dir, lock, err);
    }
    if (out == OUT_NOT_YET) {
        err_prepend(err, "the daemon still runs: it is no service of this Postfix. Stop it "
                         "(systemctl disable --now danemilter), then leave again");
        return OUT_REFUSED;
    }
    return out;
}

/* ---- Postfix ---------------------------------------------------------------------------- */

static enum outcome leave_milters(struct danectl *d, const char *dir, bool *changed,
                                  struct err *err)
{
    char *now = NULL, *text = NULL;
    enum outcome out = adopt_pf_param(dir, "smtpd_milters", &now, err);
    if (out != OUT_OK || now == NULL)
        return out;
    char *left = milters_without(now, d->conf->milter_socket);
    if (left == NULL) {
        free(now);
        return err_errno(err, "smtpd_milters");
    }
    if (strcmp(left, now) != 0) {
        text = malloc(strlen(left) + 256 + strlen(dir));
        if (text == NULL)
            out = err_errno(err, "smtpd_milters");
        else
            (void)snprintf(text, strlen(left) + 256 + strlen(dir),
                           "postconf -c %s smtpd_milters=\"%s\"", dir, left);
        if (text != NULL)
            would(d, text);
        if (out == OUT_OK && d->own.flags[LEAVE_APPLY])
            out = adopt_pf_set_param(dir, "smtpd_milters", left[0] != '\0' ? left : NULL, err);
        *changed = true;
    }
    free(text);
    free(left);
    free(now);
    return out;
}

static enum outcome leave_service(struct danectl *d, const char *dir, bool *changed,
                                  struct err *err)
{
    char text[512], *line = NULL;
    enum outcome out = adopt_pf_service(dir, LEAVE_SERVICE, &line, err);
    if (out != OUT_OK || line == NULL)
        return out;
    free(line);
    (void)snprintf(text, sizeof text, "postconf -c %s -MX %s", dir, LEAVE_SERVICE);
    would(d, text);
    *changed = true;
    return d->own.flags[LEAVE_APPLY] ? adopt_pf_set_service(dir, LEAVE_SERVICE, NULL, err) : OUT_OK;
}

static enum outcome leave_postfix(struct danectl *d, struct err *err)
{
    enum outcome out = OUT_OK;
    for (size_t i = 0; i < d->conf->n_certificates && out == OUT_OK; i++) {
        const char *dir = d->conf->certificates[i].deploy.postfix_config;
        char text[512];
        bool changed = false;
        out = leave_milters(d, dir, &changed, err);
        if (out == OUT_OK)
            out = leave_service(d, dir, &changed, err);
        if (out != OUT_OK || !changed)
            continue;
        (void)snprintf(text, sizeof text, "postfix -c %s reload", dir);
        would(d, text);
        if (d->own.flags[LEAVE_APPLY])
            out = adopt_pf_command(dir, "reload", err);
    }
    return out;
}

/* ---- the run ---------------------------------------------------------------------------- */

/* Back to before adopt, once nobody can hold a record. */
static enum outcome put_back(struct danectl *d, struct err *err)
{
    struct adopt_undo *undo = NULL;
    struct adopt_undo_ask ask = {
        .files = ADOPT_FILES_KEEP, .dry_run = !d->own.flags[LEAVE_APPLY], .say = leave_say};
    enum outcome out = adopt_undo_load(ADOPT_UNDO, &undo, err);
    if (out == OUT_NOT_YET) {
        err_clear(err);
        (void)printf("main.cf keeps naming the chain file: nothing says what stood there before\n");
        return OUT_OK;
    }
    if (out == OUT_OK)
        out = adopt_undo_apply(undo, &ask, err);
    if (out == OUT_OK && d->own.flags[LEAVE_APPLY]) {
        out = adopt_pf_command(undo->config_dir, "reload", err);
        if (out == OUT_OK)
            out = adopt_undo_remove(ADOPT_UNDO, err);
    }
    adopt_undo_free(&undo);
    return out;
}

/* With the lock held when anything is changed. */
static enum outcome leave_records(struct danectl *d, struct err *err)
{
    const bool apply = d->own.flags[LEAVE_APPLY];
    model_time wait = 0, left = 0;
    size_t published = 0;
    enum outcome out = OUT_OK;
    for (int pass = 0; pass < (apply ? 2 : 1) && out == OUT_OK; pass++) {
        published = 0; /* all owners are looked at before one record is deleted */
        for (size_t i = 0; i < d->conf->n_certificates && out == OUT_OK; i++)
            out = leave_withdraw(d, &d->conf->certificates[i], pass == 1, &published, &wait, err);
        if (out == OUT_OK && pass == 0 && apply && published > 0)
            out = leave_mark(d, wait, true, &left, err);
    }
    if (out != OUT_OK)
        return out;
    out = leave_mark(d, wait, apply && published > 0, &left, err);
    if (out != OUT_OK)
        return out;
    if (published > 0 || left > 0) {
        char text[64];
        say_duration(published > 0 ? wait : left, text, sizeof text);
        (void)printf("caches may hold the records for %s after they are gone from every name "
                     "server:\n  until then change neither the chain file nor its keys, and keep "
                     "main.cf naming it.\n  Then \"danectl leave --apply\" once more puts main.cf "
                     "back\n",
                     text);
        return OUT_OK;
    }
    return put_back(d, err);
}

/* What stands in the way of the records is found before Postfix is touched. */
static enum outcome look_first(struct danectl *d, struct err *err)
{
    model_time wait = 0;
    size_t published = 0;
    enum outcome out = OUT_OK;
    const bool look = d->own.flags[LEAVE_APPLY] && !d->own.flags[LEAVE_KEEP];
    for (size_t i = 0; look && i < d->conf->n_certificates && out == OUT_OK; i++)
        out = leave_withdraw(d, &d->conf->certificates[i], false, &published, &wait, err);
    return out;
}

static enum danectl_status leave_run(struct danectl *d, struct err *err)
{
    struct lock lock = {.fd = -1};
    pid_t pid = 0;
    if (d->own.flags[LEAVE_APPLY] && d->dry_run)
        d->own.flags[LEAVE_APPLY] = false;
    enum outcome out = danectl_daemon(d, &pid, err);
    if (out == OUT_OK && !d->own.flags[LEAVE_KEEP]) /* exported: the records are another server's */
        out = copy_unmarked(d->conf->state_dir, danectl_owner(d->conf), err);
    if (out == OUT_OK)
        out = look_first(d, err);
    if (out == OUT_OK && pid != 0)
        out = freeze_all(d, err);
    if (out == OUT_OK)
        out = leave_postfix(d, err);
    if (out == OUT_OK && d->own.flags[LEAVE_APPLY])
        out = hold_state(d, &lock, err);
    for (size_t i = 0; out == OUT_OK && d->own.flags[LEAVE_KEEP] && i < d->conf->n_certificates;
         i++)
        out = leave_depends(d, &d->conf->certificates[i], err);
    if (out == OUT_OK && !d->own.flags[LEAVE_KEEP])
        out = leave_records(d, err);
    if (lock.fd >= 0)
        lock_release(&lock);
    if (out == OUT_REFUSED)
        return DANECTL_REFUSED;
    if (out == OUT_OK && !d->own.flags[LEAVE_APPLY])
        (void)printf("nothing was changed; --apply does it\n");
    return danectl_of(out);
}

const struct danectl_command danectl_leave_command = {
    .name = "leave",
    .args = "[--apply] [--keep-records]",
    .help = "take danemilter out of Postfix and its records out of DNS",
    .more = "      --apply         do it; otherwise it is only said\n"
            "      --keep-records  leave DNS alone, and say what depends on what\n",
    .options = "AK",
    .option = leave_option,
    .needs = DANECTL_NEED_CONF | DANECTL_NEED_SECRETS | DANECTL_NEED_STORE | DANECTL_NEED_ROOT,
    .run = leave_run,
    .dry_run = true,
};
