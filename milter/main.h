/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main - the composition root, in parts: the only files beside danectl that name concrete adapters
 *
 *   main.c         arguments, and the order of things
 *   main_root.c    as root: configuration, folders, secrets, what the helper works on
 *   main_host.c    the helper, and what it answers about this host
 *   main_world.c   as the daemon's user: adapters, issuers, engine
 *   main_control.c the operator's commands
 *   main_ledger.c  sessions: saved, restored, suspicions
 *   main_loop.c    the daemon's life: threads, commands, reloads, the end
 *
 * One struct daemon, made once, passed along; main.c frees it. Everything runs in the main thread.
 */
#ifndef DANEMILTER_MILTER_MAIN_H
#define DANEMILTER_MILTER_MAIN_H

#include "acme/acme.h"
#include "conf/conf.h"
#include "crypto/selfsigned.h"
#include "dns/observe.h"
#include "engine.h"
#include "milter/control.h"
#include "milter/daemon.h"
#include "milter/guard.h"
#include "milter/helper.h"
#include "milter/ledger.h"
#include "milter/maillog.h"
#include "milter/master.h"
#include "milter/milter.h"
#include "milter/notice.h"
#include "milter/sysclock.h"
#include "milter/work.h"
#include "net/probe.h"
#include "postfix/deploy.h"
#include "store/keydir.h"
#include "store/lock.h"
#include "store/store.h"

#include <pthread.h>

#define MAIN_CONF "/etc/danemilter/danemilter.conf"
#define MAIN_PATH_MAX 1024
#define MAIN_POSTFIX "/usr/sbin/postfix"
#define MAIN_POSTCONF "/usr/sbin/postconf"

/* An account at a CA (a section acme), with what it alone uses: objects that may be used by one
 * thread at a time. */
struct challenge;
struct main_ca {
    struct challenge *challenge;
    struct acme *acme;
};

/* How reloads of Postfix are noticed (main_loop.c). */
struct main_reloads {
    unsigned triggers;  /* seen */
    model_time look_at; /* boot: then the queue manager is looked at; 0: no need */
    int64_t generation; /* which queue manager it was; 0: not known */
    unsigned taken;     /* reloads so far */
    unsigned ours;      /* of our own asking, so far */
    model_time ours_at; /* boot: the last of those; 0: none yet */
    bool ended;         /* the status socket has, and that was not judged yet */
};

struct main_ledger;

struct daemon {
    const char *path; /* of the configuration */
    struct maillog log;
    struct master *master; /* NULL: in the foreground */

    /* main_root.c */
    const struct conf *conf;
    struct daemon_user user;
    gid_t control_group;
    char problem[512];                 /* the first one of the configuration; "": none */
    bool has_folders;                  /* state_dir and run_dir are there */
    char milter_socket[MAIN_PATH_MAX]; /* absolute, or of the inet form; "": none */
    char keys_path[MAIN_PATH_MAX];
    size_t n; /* certificates */
    struct deploy *deploys;
    struct helper_deploy *table;
    void **providers; /* by conf->dns */
    struct keydir *keydir;

    /* main.c */
    int fd; /* between daemon and helper */
    pid_t helper;

    /* main_loop.c */
    pthread_t main_thread; /* the one that takes signals */
    struct helper_client host;
    struct main_reloads reloads;
    struct sysclock clock;
    struct work *work;
    struct control *control;
    struct guard_policy guard;
    struct conf_net exempt[CONF_NETS_MAX]; /* the guard's */
    struct milter *milter;
    struct ledger *ledger;        /* NULL: there was no memory for it */
    struct main_ledger *sessions; /* main_ledger.c */
    struct lock lock;

    /* main_world.c */
    struct engine_certificate *certificates;
    struct helper_client *clients;
    struct selfsigned *issuers;
    struct main_ca *cas; /* by conf->acme */
    struct msg msg;
    struct store *store;
    struct observe *observe;
    struct probe *probe;
    struct notice *notice;
    struct engine *engine;
    bool restored; /* the state comes from a backup */
};

/* Everything that root alone may do or read, before the split. */
enum outcome main_root_prepare(struct daemon *d, struct err *err);
void main_root_free(struct daemon *d);
const struct provider *main_root_provider(const struct conf_dns *dns);

/* The helper's life; its exit status. */
int main_host_help(struct daemon *d);

/* With the state's lock held: every adapter, then the engine with its certificates. After a failure
 * main_world_close() and once more is fine. */
enum outcome main_world_open(struct daemon *d, struct err *err);
void main_world_close(struct daemon *d);

/* With the state's lock held, because a socket that is left there is removed. `degraded`: why
 * nothing is done, or NULL. */
enum outcome main_control_open(struct daemon *d, const char *degraded, struct err *err);
/* Between two steps: what was asked for meanwhile. */
void main_control_take(struct daemon *d);

/* With the state's lock held, before the milter: what was saved, and the thread that saves. What
 * fails is said, and costs counts alone. */
void main_ledger_open(struct daemon *d);
/* Saves, and ends the thread. Sessions may go on counting. */
void main_ledger_close(struct daemon *d);
/* Between two steps: suspicions, for the engine. */
void main_ledger_take(struct daemon *d);
void main_ledger_switched(void *daemon); /* engine_world's */

/* The daemon's life. OUT_OK: it ended as it was asked to, or to be started anew. */
enum outcome main_loop_run(struct daemon *d, struct err *err);

/* Under master, when main_root_prepare() failed: says why, drops privileges and does nothing until
 * Postfix is reloaded, or an hour has passed; then returns, to be started anew. */
void main_loop_idle(struct daemon *d, const char *why);

#endif
