/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main - the composition root, in parts: the only files beside danectl that name concrete adapters
 *
 *   main.c         arguments, and the order of things
 *   main_root.c    as root: configuration, folders, secrets, what the helper works on
 *   main_world.c   as the daemon's user: adapters, issuers, engine
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
#include "milter/daemon.h"
#include "milter/helper.h"
#include "milter/maillog.h"
#include "milter/sysclock.h"
#include "milter/work.h"
#include "net/probe.h"
#include "postfix/deploy.h"
#include "store/keydir.h"
#include "store/lock.h"
#include "store/store.h"

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

struct daemon {
    const char *path; /* of the configuration */
    bool resume;
    struct maillog log;

    /* main_root.c */
    const struct conf *conf;
    struct daemon_user user;
    gid_t control_group;
    char keys_path[MAIN_PATH_MAX];
    size_t n; /* certificates */
    struct deploy *deploys;
    struct helper_deploy *table;
    void **providers; /* by conf->dns */
    struct keydir *keydir;

    /* main.c */
    int fd; /* between daemon and helper */
    pid_t helper;

    /* main_world.c */
    struct engine_certificate *certificates;
    struct helper_client *clients;
    struct selfsigned *issuers;
    struct main_ca *cas; /* by conf->acme */
    struct lock lock;
    struct msg msg;
    struct sysclock clock;
    struct work *work;
    struct store *store;
    struct observe *observe;
    struct probe *probe;
    struct engine *engine;
    bool restored; /* the state comes from a backup */
};

/* Everything that root alone may do or read, before the split. */
enum outcome main_root_prepare(struct daemon *d, struct err *err);
/* The helper's life; its exit status. */
int main_root_help(struct daemon *d);
void main_root_free(struct daemon *d);
const struct provider *main_root_provider(const struct conf_dns *dns);

/* Opens every adapter, then the engine with its certificates. What can be mended while we wait is
 * OUT_NOT_YET (another daemon's lock) or OUT_BROKEN; main_world_close() and again is fine. */
enum outcome main_world_open(struct daemon *d, struct err *err);
void main_world_close(struct daemon *d);

enum outcome main_loop_run(struct daemon *d, struct err *err);

#endif
