/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's commands, from the control socket to the engine. */
#include "config.h"

#include "milter/main.h"

#include "conf/names.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum engine_verb verb;
} verbs[] = {{"renew", ENGINE_RENEW},
             {"roll", ENGINE_ROLL},
             {"rollback", ENGINE_ROLLBACK},
             {"freeze", ENGINE_FREEZE},
             {"resume", ENGINE_RESUME}};

static enum outcome find_verb(const char *name, enum engine_verb *out, struct err *err)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            *out = verbs[i].verb;
            return OUT_OK;
        }
    }
    return err_set(err, OUT_REFUSED, "this danemilter knows no command \"%s\"", name);
}

/* What the engine takes, it records and says by itself. */
static void say_command(struct daemon *d, const struct control_command *c, enum outcome out,
                        const char *text)
{
    char line[ERR_TEXT_MAX + CONTROL_TEXT_MAX];
    if (out == OUT_OK && !c->dry_run)
        return;
    (void)snprintf(line, sizeof line, "%s%s%s: uid %ld asks for %s%s: %s%s", c->certificate,
                   c->alg[0] != '\0' ? " " : "", c->alg, (long)c->uid, c->verb,
                   c->dry_run ? " (dry run)" : "", out == OUT_OK ? "" : "not done: ", text);
    maillog_ops.line(&d->log, PORT_LOG_INFO, line);
}

static enum outcome handle(void *self, const struct control_command *c, char *text, size_t size,
                           struct err *err)
{
    struct daemon *d = self;
    struct engine_command e = {
        .certificate = c->certificate, .dry_run = c->dry_run, .uid = (long)c->uid};
    enum outcome out = find_verb(c->verb, &e.verb, err);
    if (out == OUT_OK && c->alg[0] != '\0')
        out = names_alg(c->alg, &e.alg, err);
    if (out == OUT_OK)
        out = engine_command(d->engine, &e, text, size, err);
    say_command(d, c, out, out == OUT_OK ? text : err->text);
    return out;
}

enum outcome main_control_open(struct daemon *d, const char *degraded, struct err *err)
{
    const struct control_config config = {.run_dir = d->conf->run_dir,
                                          .group = d->control_group,
                                          .wake = sysclock_wake,
                                          .wake_self = &d->clock,
                                          .live = d->milter != NULL ? milter_live : NULL,
                                          .live_self = d->milter,
                                          .degraded = degraded,
                                          .log = &maillog_ops,
                                          .log_self = &d->log};
    return control_open(&config, &d->control, err);
}

void main_control_take(struct daemon *d)
{
    control_take(d->control, handle, d);
}
