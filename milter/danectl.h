/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl - the operator's command, as a table of commands
 *
 *   danectl [-c FILE] COMMAND [--json] [--dry-run] [options and arguments of the command]
 *
 * danectl.c reads the options, finds the command, opens what the command needs, runs it and closes
 * everything. A command is one `const struct danectl_command` in a file of its own, danectl_*.c,
 * declared below and entered in the table in danectl.c.
 *
 * Output: what was asked for goes to standard output, in short lines or, with --json, as one JSON
 * value; complaints go to standard error. A command that fails says why in `err`: it is printed
 * once, by danectl.c; with --json also as {"error": TEXT, "status": N} on standard output, so that
 * a program that reads it always gets JSON. An empty `err` says that the command said all itself.
 * Field names are stable: danectl(8) lists them.
 *
 * Threads: one. Nothing here outlives the run of one command.
 */
#ifndef DANEMILTER_MILTER_DANECTL_H
#define DANEMILTER_MILTER_DANECTL_H

#include "base/err.h"
#include "conf/conf.h"
#include "milter/sysclock.h"
#include "store/store.h"

#include <stdbool.h>

#define DANECTL_GIVEN_MAX 24
#define DANECTL_CONF "/etc/danemilter/danemilter.conf"

/* The exit status. */
enum danectl_status {
    DANECTL_OK = 0,        /* all is well, or it was done */
    DANECTL_FAILED = 1,    /* it could not be done, or not be said */
    DANECTL_USAGE = 2,     /* wrong usage; an unknown certificate or algorithm is 1 */
    DANECTL_ATTENTION = 3, /* said, and something wants attention */
    DANECTL_REFUSED = 4,   /* the daemon refuses: not safe, not possible now, not permitted */
    DANECTL_DOWN = 5       /* the daemon does not run, and the command needs it */
};

/* What danectl.c prepares before it runs a command; ored. */
enum danectl_need {
    DANECTL_NEED_CONF = 1 << 0,    /* d->conf, without secrets */
    DANECTL_NEED_SECRETS = 1 << 1, /* d->conf with the secret files read (needs root) */
    DANECTL_NEED_STORE = 1 << 2,   /* d->store and d->clock, and so d->conf */
    DANECTL_NEED_DAEMON = 1 << 3,  /* refuses with DANECTL_DOWN when no daemon holds the state */
    DANECTL_NEED_ROOT = 1 << 4     /* refuses with DANECTL_REFUSED anybody else */
};

struct json_t; /* jansson's */

struct danectl {
    const char *conf_path;
    bool json;    /* --json, or -j */
    bool dry_run; /* --dry-run */
    int argc;     /* arguments of the command, after its name and options */
    char **argv;
    const struct conf *conf; /* NULL: not asked for */
    struct store *store;     /* NULL: not asked for */
    struct sysclock clock;
    /* Room for the options that a command has of its own; all 0 and false at first. */
    struct {
        bool flags[8];
        const char *text, *second;
        int64_t number;
        struct {
            int opt;
            const char *arg;
        } given[DANECTL_GIVEN_MAX]; /* for options that may come more than once */
        size_t n_given;
    } own;
};

struct danectl_command {
    const char *name;
    const char *args;    /* for the usage line: "[CERTIFICATE]" */
    const char *help;    /* one line, begins in lower case, no full stop */
    const char *more;    /* the lines of its own options, each with a newline; or NULL */
    const char *options; /* its own short options, as for getopt; or NULL */
    /* One of `options`; keeps it in d->own. False: wrong usage, and err says what. */
    bool (*option)(struct danectl *d, int opt, const char *arg, struct err *err);
    /* What arguments and options say together, before anything is opened; or NULL. False: wrong
     * usage, and err says what. */
    bool (*fits)(const struct danectl *d, struct err *err);
    int min_args, max_args;
    unsigned needs; /* enum danectl_need */
    enum danectl_status (*run)(struct danectl *d, struct err *err);
    bool json, dry_run; /* does it take them? */
};

/* The daemon's user, who may own the state beside root and us; FILE_NO_OWNER: there is none. */
uid_t danectl_owner(const struct conf *conf);

/* The configured certificate of this title; NULL, and the text says which there are. */
const struct conf_certificate *danectl_certificate(const struct danectl *d, const char *name,
                                                   struct err *err);
/* Who holds the state: 0 nobody, -1 somebody whose pid is not known. */
enum outcome danectl_daemon(const struct danectl *d, pid_t *pid, struct err *err);
/* The text that says what it means that the daemon does not run, and how to start it. */
void danectl_say_down(const struct danectl *d, struct err *err);
/* FAILED for anything but OUT_OK. */
enum danectl_status danectl_of(enum outcome out);

/* Prints a JSON value on standard output, takes it over. NULL: no memory, or text that is no UTF-8.
 */
enum danectl_status danectl_print_json(struct json_t *value, struct err *err);

/* The commands. */
extern const struct danectl_command danectl_status_command;
extern const struct danectl_command danectl_plan_command;
extern const struct danectl_command danectl_history_command;
extern const struct danectl_command danectl_renew_command;
extern const struct danectl_command danectl_roll_command;
extern const struct danectl_command danectl_rollback_command;
extern const struct danectl_command danectl_freeze_command;
extern const struct danectl_command danectl_resume_command;
extern const struct danectl_command danectl_config_command;
extern const struct danectl_command danectl_adopt_command;
extern const struct danectl_command danectl_check_command;
extern const struct danectl_command danectl_tlsa_command;
extern const struct danectl_command danectl_probe_command;
extern const struct danectl_command danectl_leave_command;
extern const struct danectl_command danectl_sessions_command;
extern const struct danectl_command danectl_export_command;
extern const struct danectl_command danectl_import_command;

#endif
