/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl - the operator's command
 *
 *   danectl [-c FILE] status [CERTIFICATE]   what is served, published, waited for; by whom
 *   danectl [-c FILE] history [CERTIFICATE]  what was done, oldest first
 *
 * Reads the stored state; the daemon may run or not, and is not disturbed. Run it as root or as
 * the daemon's user. Exit status: 0 all is well, 1 it could not be said, 2 wrong usage, 3
 * something wants attention (a freeze, a name server that disagrees, no daemon).
 */
#include "config.h"

#include "base/file.h"
#include "conf/conf.h"
#include "core/model.h"
#include "milter/sysclock.h"
#include "say.h"
#include "status.h"
#include "store/lock.h"
#include "store/store.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DANECTL_CONF "/etc/danemilter/danemilter.conf"
#define DANECTL_LINES 1000

enum { EXIT_USAGE = 2, EXIT_ATTENTION = 3 };

struct danectl {
    const struct conf *conf;
    struct store *store;
    struct sysclock clock;
    const char *only; /* one certificate, or NULL */
    bool attention;
};

static void say_problem(void *self, const char *problem)
{
    (void)self;
    (void)fprintf(stderr, "danectl: %s\n", problem);
}

static void free_state(struct port_state *st)
{
    for (int i = 0; i < MODEL_MAX_RECS; i++)
        free(st->recs[i]);
    for (int i = 0; i < MODEL_MAX_CHAINS; i++)
        free(st->bundles[i]);
    free(st);
}

static enum outcome status_one(struct danectl *d, const struct conf_certificate *c, struct err *err)
{
    struct port_time t;
    struct port_state *st = calloc(1, sizeof *st);
    if (st == NULL)
        return err_errno(err, "state");
    enum outcome out = sysclock_ops.now(&d->clock, &t, err);
    if (out == OUT_OK)
        out = store_ops.load(d->store, c->name, st, err);
    if (out == OUT_OK) {
        d->attention |= status_print(stdout, c->name, st, &c->policy, status_now(st, &t));
    } else if (out == OUT_NOT_YET) {
        (void)printf("certificate %s\n  nothing is known of it yet: the daemon's log says why\n",
                     c->name);
        d->attention = true;
        out = OUT_OK;
    }
    free_state(st);
    return out;
}

static enum outcome status_daemon(struct danectl *d, struct err *err)
{
    pid_t pid = 0;
    enum outcome out = lock_holder(d->conf->state_dir, &pid, err);
    if (out != OUT_OK)
        return out;
    if (pid > 0) {
        (void)printf("danemilter runs as process %ld\n", (long)pid);
    } else if (pid < 0) {
        (void)printf("danemilter runs\n");
    } else {
        (void)printf("danemilter does NOT run: nothing is renewed and nothing is watched\n");
        d->attention = true;
    }
    return OUT_OK;
}

static bool wanted(const struct danectl *d, const char *name)
{
    return d->only == NULL || strcmp(d->only, name) == 0;
}

static enum outcome no_such(const struct danectl *d, struct err *err)
{
    return err_set(err, OUT_REFUSED, "there is no certificate \"%s\" in %s",
                   d->only != NULL ? d->only : "", d->conf->path);
}

static enum outcome command_status(struct danectl *d, struct err *err)
{
    bool any = false;
    enum outcome out = status_daemon(d, err);
    for (size_t i = 0; i < d->conf->n_certificates && out == OUT_OK; i++) {
        if (!wanted(d, d->conf->certificates[i].name))
            continue;
        any = true;
        out = status_one(d, &d->conf->certificates[i], err);
    }
    if (out == OUT_OK && !any)
        out = no_such(d, err);
    return out;
}

static bool print_line(void *self, const struct store_line *line)
{
    char when[64];
    (void)self;
    say_wall(line->wall, when, sizeof when);
    return printf("%s %s: %s: %s\n", when, line->certificate, line->what, line->text) >= 0;
}

static enum outcome command_history(struct danectl *d, struct err *err)
{
    bool known = d->only == NULL;
    for (size_t i = 0; i < d->conf->n_certificates; i++)
        known = known || wanted(d, d->conf->certificates[i].name);
    if (!known)
        return no_such(d, err);
    return store_history(d->store, d->only, DANECTL_LINES, print_line, NULL, err);
}

struct command {
    const char *name;
    enum outcome (*run)(struct danectl *d, struct err *err);
    const char *help;
};

static const struct command commands[] = {
    {"status", command_status, "what is served, published and waited for"},
    {"history", command_history, "what was done, oldest first"},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int usage(int status)
{
    FILE *out = status == EXIT_SUCCESS ? stdout : stderr;
    (void)fprintf(out, "usage: danectl [-c FILE] COMMAND [CERTIFICATE]\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        (void)fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
    (void)fprintf(out,
                  "  -c FILE  the configuration (%s)\n"
                  "Exit status: 0 all is well, 1 it could not be said, 2 wrong usage, 3 something\n"
                  "wants attention: a freeze, a name server that disagrees, no daemon.\n",
                  DANECTL_CONF);
    return status;
}

/* The daemon's user may own the state beside root and us. */
static uid_t owner_of(const struct conf *conf)
{
    char buf[4096];
    struct passwd pw, *found = NULL;
    if (getpwnam_r(conf->user, &pw, buf, sizeof buf, &found) != 0 || found == NULL)
        return FILE_NO_OWNER;
    return pw.pw_uid;
}

static enum outcome run(struct danectl *d, const struct command *command, const char *path,
                        struct err *err)
{
    struct conf_source source = {
        .path = path, .user = FILE_NO_OWNER, .without_secrets = true, .say = say_problem};
    enum outcome out = conf_load(&source, &d->conf, err);
    if (out == OUT_REFUSED)
        (void)err_set(err, out, "mend the configuration (%s); nothing was looked at", path);
    if (out != OUT_OK)
        return out;
    out = sysclock_init(&d->clock, err);
    if (out == OUT_OK)
        out = store_open_readonly(d->conf->state_dir, owner_of(d->conf), &d->store, err);
    if (out == OUT_NOT_YET)
        err_prepend(err, "nothing is stored yet; start danemilter first");
    if (out == OUT_OK)
        out = command->run(d, err);
    if (fflush(stdout) != 0 && out == OUT_OK)
        out = err_errno(err, "standard output");
    return out;
}

int main(int argc, char **argv)
{
    struct danectl d = {.only = NULL, .clock = {.pipe = {-1, -1}}};
    struct err err = ERR_INIT;
    const char *path = DANECTL_CONF;
    int opt;
    while ((opt = getopt(argc, argv, "c:hV")) != -1) {
        switch (opt) {
        case 'c':
            path = optarg;
            break;
        case 'h':
            return usage(EXIT_SUCCESS);
        case 'V':
            (void)printf("danectl %s\n", PACKAGE_VERSION);
            return EXIT_SUCCESS;
        default:
            return usage(EXIT_USAGE);
        }
    }
    const struct command *command = optind < argc ? find_command(argv[optind]) : NULL;
    if (optind < argc && command == NULL)
        (void)fprintf(stderr, "danectl: there is no command \"%s\"\n", argv[optind]);
    if (command == NULL || argc - optind > 2)
        return usage(EXIT_USAGE);
    d.only = argc - optind == 2 ? argv[optind + 1] : NULL;
    enum outcome out = run(&d, command, path, &err);
    if (out != OUT_OK)
        (void)fprintf(stderr, "danectl: %s\n", err.text);
    store_close(&d.store);
    sysclock_close(&d.clock);
    conf_unref(&d.conf);
    if (out != OUT_OK)
        return EXIT_FAILURE;
    return d.attention ? EXIT_ATTENTION : EXIT_SUCCESS;
}
