/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dispatcher: options, the table of commands, what each of them needs.
 */
#include "config.h"

#include "milter/danectl.h"

#include "base/file.h"
#include "store/lock.h"

#include <getopt.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DANECTL_OPTIONS_MAX 32

enum { OPT_DRY_RUN = 256 };

static const struct danectl_command *const commands[] = {
    &danectl_status_command, &danectl_plan_command,   &danectl_history_command,
    &danectl_renew_command,  &danectl_roll_command,   &danectl_rollback_command,
    &danectl_freeze_command, &danectl_resume_command, &danectl_config_command,
    &danectl_check_command,  &danectl_tlsa_command,   &danectl_probe_command,
    &danectl_adopt_command,  &danectl_leave_command,  &danectl_sessions_command,
    &danectl_export_command, &danectl_import_command,
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

static const struct option longs[] = {
    {"json", no_argument, NULL, 'j'},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"config", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    /* of single commands; those that do not have them refuse them */
    {"check", no_argument, NULL, 'k'},
    {"tls", no_argument, NULL, 't'},
    {"trust-anchor", required_argument, NULL, 'a'},
    {"resolver", required_argument, NULL, 'r'},
    {"apply", no_argument, NULL, 'A'},
    {"keep-records", no_argument, NULL, 'K'},
    {"undo", no_argument, NULL, 'U'},
    {"postfix", required_argument, NULL, 'P'},
    {"host", required_argument, NULL, 'H'},
    {"domain", required_argument, NULL, 'D'},
    {"issuer", required_argument, NULL, 'I'},
    {"ca", required_argument, NULL, 'C'},
    {"dns", required_argument, NULL, 'N'},
    {NULL, 0, NULL, 0},
};

/* ---- usage ------------------------------------------------------------------------------ */

static void usage_all(FILE *out)
{
    (void)fprintf(out, "usage: danectl [-c FILE] COMMAND [--json] [--dry-run] ...\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        (void)fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->help);
    (void)fprintf(out,
                  "  -c, --config FILE  the configuration (%s)\n"
                  "  -j, --json         print JSON\n"
                  "      --dry-run      say what would be done, change nothing\n"
                  "  -h, --help         this; after a command: what that command takes\n"
                  "  -V, --version      print the version\n"
                  "Exit status: 0 all is well; 1 it could not be done or said; 2 wrong usage;\n"
                  "3 something wants attention (a freeze, a name server that disagrees, no\n"
                  "daemon); 4 the daemon refuses; 5 the daemon does not run and is needed.\n",
                  DANECTL_CONF);
}

static void usage_one(FILE *out, const struct danectl_command *c)
{
    (void)fprintf(out, "usage: danectl [-c FILE] %s%s%s%s%s\n  %s\n", c->name,
                  c->json ? " [--json]" : "", c->dry_run ? " [--dry-run]" : "",
                  c->args[0] != '\0' ? " " : "", c->args, c->help);
    if (c->more != NULL)
        (void)fputs(c->more, out);
}

static enum danectl_status usage(const struct danectl_command *c, enum danectl_status status)
{
    FILE *out = status == DANECTL_OK ? stdout : stderr;
    if (c != NULL)
        usage_one(out, c);
    else
        usage_all(out);
    return status;
}

/* ---- what commands share ---------------------------------------------------------------- */

enum danectl_status danectl_of(enum outcome out)
{
    return out == OUT_OK ? DANECTL_OK : DANECTL_FAILED;
}

const struct conf_certificate *danectl_certificate(const struct danectl *d, const char *name,
                                                   struct err *err)
{
    char known[512] = "";
    size_t len = 0;
    for (size_t i = 0; i < d->conf->n_certificates; i++) {
        if (strcmp(d->conf->certificates[i].name, name) == 0)
            return &d->conf->certificates[i];
        if (len >= sizeof known)
            continue;
        int n = snprintf(known + len, sizeof known - len, "%s\"%s\"", i > 0 ? ", " : "",
                         d->conf->certificates[i].name);
        len += n > 0 ? (size_t)n : 0;
    }
    (void)err_set(err, OUT_REFUSED, "there is no certificate \"%s\" in %s; it has %s", name,
                  d->conf->path, known[0] != '\0' ? known : "none");
    return NULL;
}

enum outcome danectl_daemon(const struct danectl *d, pid_t *pid, struct err *err)
{
    *pid = 0;
    if (d->conf == NULL)
        return err_set(err, OUT_BROKEN, "the command has read no configuration");
    return lock_holder(d->conf->state_dir, pid, err);
}

void danectl_say_down(const struct danectl *d, struct err *err)
{
    (void)err_set(err, OUT_RETRY,
                  "danemilter does not run with %s: nothing is renewed, and nothing is watched; "
                  "mail goes on with the certificates that Postfix has. Start it: \"postfix "
                  "reload\" if it is a service in master.cf (its log says why it ended), else "
                  "\"danemilter -f -c %s\"",
                  d->conf->state_dir, d->conf_path);
}

enum danectl_status danectl_print_json(json_t *value, struct err *err)
{
    bool good =
        value != NULL && json_dumpf(value, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF;
    json_decref(value);
    return good ? DANECTL_OK
                : danectl_of(err_set(err, OUT_BROKEN, "the answer could not be printed as JSON"));
}

/* ---- needs ------------------------------------------------------------------------------ */

static void say_problem(void *self, const char *problem)
{
    (void)self;
    (void)fprintf(stderr, "danectl: %s\n", problem);
}

uid_t danectl_owner(const struct conf *conf)
{
    char buf[4096];
    struct passwd pw, *found = NULL;
    if (getpwnam_r(conf->user, &pw, buf, sizeof buf, &found) != 0 || found == NULL)
        return FILE_NO_OWNER;
    return pw.pw_uid;
}

static enum outcome need_conf(struct danectl *d, bool secrets, struct err *err)
{
    struct conf_source source = {.path = d->conf_path,
                                 .user = FILE_NO_OWNER,
                                 .without_secrets = !secrets,
                                 .without_host = true,
                                 .say = say_problem};
    enum outcome out = conf_load(&source, &d->conf, err);
    if (out == OUT_REFUSED)
        (void)err_set(err, out, "mend the configuration (%s); nothing was done", d->conf_path);
    return out;
}

static enum outcome need_store(struct danectl *d, struct err *err)
{
    enum outcome out =
        store_open_readonly(d->conf->state_dir, danectl_owner(d->conf), &d->store, err);
    if (out == OUT_NOT_YET)
        err_prepend(err, "nothing is stored yet; start danemilter first");
    if (out == OUT_BROKEN && geteuid() != 0)
        err_prepend(err, "run danectl as root");
    return out;
}

static enum danectl_status need_daemon(const struct danectl *d, struct err *err)
{
    pid_t pid = 0;
    if (danectl_daemon(d, &pid, err) != OUT_OK)
        return DANECTL_FAILED;
    if (pid != 0)
        return DANECTL_OK;
    danectl_say_down(d, err);
    return DANECTL_DOWN;
}

static enum danectl_status prepare(struct danectl *d, unsigned needs, struct err *err)
{
    const unsigned any_conf =
        DANECTL_NEED_CONF | DANECTL_NEED_SECRETS | DANECTL_NEED_STORE | DANECTL_NEED_DAEMON;
    enum outcome out = OUT_OK;
    if ((needs & DANECTL_NEED_ROOT) != 0 && geteuid() != 0) {
        (void)err_set(err, OUT_REFUSED, "only root may do this: run it with sudo, or as root");
        return DANECTL_REFUSED;
    }
    if ((needs & any_conf) != 0)
        out = need_conf(d, (needs & DANECTL_NEED_SECRETS) != 0, err);
    if (out == OUT_OK && (needs & DANECTL_NEED_STORE) != 0)
        out = sysclock_init(&d->clock, err);
    if (out == OUT_OK && (needs & DANECTL_NEED_STORE) != 0)
        out = need_store(d, err);
    if (out == OUT_OK && (needs & DANECTL_NEED_DAEMON) != 0)
        return need_daemon(d, err);
    return danectl_of(out);
}

/* ---- options ---------------------------------------------------------------------------- */

static const struct danectl_command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static bool misused(const struct danectl_command *c, const struct danectl *d, struct err *err)
{
    if (d->json && !c->json)
        (void)err_set(err, OUT_REFUSED, "%s has no --json", c->name);
    else if (d->dry_run && !c->dry_run)
        (void)err_set(err, OUT_REFUSED, "%s changes nothing: --dry-run has no use here", c->name);
    else if (d->argc < c->min_args)
        (void)err_set(err, OUT_REFUSED, "%s needs %s", c->name, c->args);
    else if (d->argc > c->max_args)
        (void)err_set(err, OUT_REFUSED, "%s does not take \"%s\"", c->name, d->argv[c->max_args]);
    else
        return c->fits != NULL && !c->fits(d, err);
    return true;
}

/* The options that every command has. True: it was one; `*done` when there is no more to do. */
static bool common_option(struct danectl *d, const struct danectl_command *c, int opt, bool *done)
{
    switch (opt) {
    case 'c':
        d->conf_path = optarg;
        return true;
    case 'j':
        d->json = true;
        return true;
    case OPT_DRY_RUN:
        d->dry_run = true;
        return true;
    case 'h':
        *done = true;
        (void)usage(c, DANECTL_OK);
        return true;
    case 'V':
        *done = true;
        (void)printf("danectl %s\n", PACKAGE_VERSION);
        return true;
    default:
        return false;
    }
}

/* From argv[optind] on; stops at the first argument when there is no command yet. */
static enum danectl_status options(struct danectl *d, const struct danectl_command *c, int argc,
                                   char **argv, bool *done)
{
    char shorts[DANECTL_OPTIONS_MAX];
    int opt;
    (void)snprintf(shorts, sizeof shorts, "%sc:jhV%s", c == NULL ? "+" : "",
                   c != NULL && c->options != NULL ? c->options : "");
    while ((opt = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        struct err err = ERR_INIT;
        if (common_option(d, c, opt, done)) {
            if (*done)
                return DANECTL_OK;
            continue;
        }
        if (opt != '?' && c != NULL && c->option != NULL && c->option(d, opt, optarg, &err))
            continue;
        if (err.text[0] != '\0')
            (void)fprintf(stderr, "danectl: %s\n", err.text);
        return usage(c, DANECTL_USAGE);
    }
    return DANECTL_OK;
}

/* ---- a run ------------------------------------------------------------------------------ */

static void json_error(const struct err *err, enum danectl_status status)
{
    json_t *o = json_pack("{s:s, s:i}", "error", err->text, "status", (int)status);
    if (o == NULL || json_dumpf(o, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF)
        (void)fprintf(stderr, "danectl: the error could not be printed as JSON\n");
    json_decref(o);
}

static enum danectl_status run(struct danectl *d, const struct danectl_command *c)
{
    struct err err = ERR_INIT;
    if (misused(c, d, &err)) {
        (void)fprintf(stderr, "danectl: %s\n", err.text);
        return usage(c, DANECTL_USAGE);
    }
    enum danectl_status status = prepare(d, c->needs, &err);
    if (status == DANECTL_OK)
        status = c->run(d, &err);
    if (status != DANECTL_OK && status != DANECTL_ATTENTION && err.text[0] != '\0') {
        (void)fprintf(stderr, "danectl: %s\n", err.text);
        if (d->json)
            json_error(&err, status);
    }
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        (void)fprintf(stderr, "danectl: standard output cannot be written\n");
        status = DANECTL_FAILED;
    }
    store_close(&d->store);
    sysclock_close(&d->clock);
    conf_unref(&d->conf);
    return status;
}

int main(int argc, char **argv)
{
    struct danectl d = {.conf_path = DANECTL_CONF, .clock = {.pipe = {-1, -1}}};
    bool done = false;
    enum danectl_status status = options(&d, NULL, argc, argv, &done);
    if (done || status != DANECTL_OK)
        return (int)status;
    if (optind >= argc)
        return (int)usage(NULL, DANECTL_USAGE);
    const struct danectl_command *c = find_command(argv[optind]);
    if (c == NULL) {
        (void)fprintf(stderr, "danectl: there is no command \"%s\"\n", argv[optind]);
        return (int)usage(NULL, DANECTL_USAGE);
    }
    argc -= optind;
    argv += optind;
    optind = 0; /* begin anew; argv[0] is the command's name */
    status = options(&d, c, argc, argv, &done);
    if (done || status != DANECTL_OK)
        return (int)status;
    d.argc = argc - optind;
    d.argv = argv + optind;
    return (int)run(&d, c);
}
