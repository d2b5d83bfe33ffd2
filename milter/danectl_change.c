/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * renew, roll, rollback, freeze, resume: one table, because all of them are a line to the daemon
 * and its reply.
 */
#include "milter/danectl.h"

#include "conf/names.h"
#include "milter/control_client.h"
#include "status.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* The daemon has its own checks; these come before it, so that a typing error is said even when it
 * does not run. */
static enum danectl_status check_args(const struct danectl *d, struct err *err)
{
    enum port_alg alg;
    const struct conf_certificate *c = danectl_certificate(d, d->argv[0], err);
    if (c == NULL)
        return DANECTL_FAILED;
    if (d->argc < 2)
        return DANECTL_OK;
    if (names_alg(d->argv[1], &alg, err) != OUT_OK)
        return DANECTL_FAILED;
    for (size_t i = 0; i < c->n_algs; i++) {
        if (c->algs[i] == alg)
            return DANECTL_OK;
    }
    (void)err_set(err, OUT_REFUSED, "certificate \"%s\" has no key of the kind %s", c->name,
                  d->argv[1]);
    return DANECTL_FAILED;
}

static enum danectl_status print_done(const struct danectl *d, const char *verb, const char *text,
                                      struct err *err)
{
    if (!d->json) {
        status_wrap(stdout, "", text, 2);
        return DANECTL_OK; /* danectl.c looks at the stream */
    }
    json_t *o = json_pack("{s:s, s:s, s:s*, s:b, s:s}", "command", verb, "certificate", d->argv[0],
                          "algorithm", d->argc > 1 ? d->argv[1] : NULL, "dry_run", (int)d->dry_run,
                          "text", text);
    return danectl_print_json(o, err);
}

static enum danectl_status reply_status(const struct control_reply *reply, struct err *err)
{
    if (reply->outcome == OUT_OK)
        return DANECTL_OK;
    (void)err_set(err, reply->outcome, "%s", reply->text);
    return reply->outcome == OUT_REFUSED ? DANECTL_REFUSED : DANECTL_FAILED;
}

static enum danectl_status change(struct danectl *d, const char *verb, struct err *err)
{
    struct control_command command = {.dry_run = d->dry_run};
    struct control_reply reply = {.outcome = OUT_OK};
    enum danectl_status status = check_args(d, err);
    if (status != DANECTL_OK)
        return status;
    (void)snprintf(command.verb, sizeof command.verb, "%s", verb);
    (void)snprintf(command.certificate, sizeof command.certificate, "%s", d->argv[0]);
    if (d->argc > 1)
        (void)snprintf(command.alg, sizeof command.alg, "%s", d->argv[1]);
    switch (control_client_ask(d->conf->run_dir, &command, &reply, err)) {
    case OUT_OK:
        status = reply_status(&reply, err);
        break;
    case OUT_NOT_YET:
        danectl_say_down(d, err);
        return DANECTL_DOWN;
    case OUT_REFUSED:
        return DANECTL_REFUSED;
    default:
        return DANECTL_FAILED;
    }
    return status == DANECTL_OK ? print_done(d, verb, reply.text, err) : status;
}

static enum danectl_status run_renew(struct danectl *d, struct err *err)
{
    return change(d, "renew", err);
}

static enum danectl_status run_roll(struct danectl *d, struct err *err)
{
    return change(d, "roll", err);
}

static enum danectl_status run_rollback(struct danectl *d, struct err *err)
{
    return change(d, "rollback", err);
}

static enum danectl_status run_freeze(struct danectl *d, struct err *err)
{
    return change(d, "freeze", err);
}

static enum danectl_status run_resume(struct danectl *d, struct err *err)
{
    return change(d, "resume", err);
}

#define CHANGE                                                                                     \
    .min_args = 1, .needs = DANECTL_NEED_CONF | DANECTL_NEED_ROOT, .json = true, .dry_run = true
#define ONE_ALGORITHM .args = "CERTIFICATE [ALGORITHM]", .max_args = 2
#define ALL_ALGORITHMS .args = "CERTIFICATE", .max_args = 1

const struct danectl_command danectl_renew_command = {
    .name = "renew",
    .help = "a new certificate now, for the key that is served",
    .run = run_renew,
    ONE_ALGORITHM,
    CHANGE,
};

const struct danectl_command danectl_roll_command = {
    .name = "roll",
    .help = "a key rollover, as soon as the next key may be served",
    .run = run_roll,
    ONE_ALGORITHM,
    CHANGE,
};

const struct danectl_command danectl_rollback_command = {
    .name = "rollback",
    .help = "back to the certificate before the last switch",
    .run = run_rollback,
    ONE_ALGORITHM,
    CHANGE,
};

const struct danectl_command danectl_freeze_command = {
    .name = "freeze",
    .help = "switch and withdraw no key until \"resume\"",
    .run = run_freeze,
    ALL_ALGORITHMS,
    CHANGE,
};

const struct danectl_command danectl_resume_command = {
    .name = "resume",
    .help = "go on after a freeze, from what the chain file holds now",
    .run = run_resume,
    ALL_ALGORITHMS,
    CHANGE,
};
