/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine - observe, plan, ask safety, act, record: one step at a time
 *
 * The engine owns the state of every certificate and is its single writer. A step takes one
 * certificate that is due, asks the planner for one action, asks safety whether it may be done,
 * does it through the ports, and records what came of it before anything else happens. What
 * must be durable before an action (intents, keys, bundles) is saved first; when saving fails
 * nothing is done and the certificate is frozen until the disk is well again.
 *
 * The engine knows neither the milter nor Postfix's process model, and it survives every
 * failure of a port: it records, logs, backs off and goes on.
 *
 * Threads: one; every function is called from the engine's thread. Orders run in the threads of
 * world->work, which calls the issuer and nothing else of the engine's; the result is taken in the
 * next step (the work port wakes the clock). engine_free() waits for those that run: a pool that
 * is closed before it must have run every job that it took. Ownership: the caller keeps the
 * configuration and the adapters alive until engine_free().
 */
#ifndef DANEMILTER_ENGINE_H
#define DANEMILTER_ENGINE_H

#include "ports.h"

#define ENGINE_CERTIFICATE_NAME_MAX 64
#define ENGINE_INSTANCE_MAX 512

/* One TLSA owner name of a certificate, and the service that it is for. */
struct engine_owner {
    char owner[PORT_NAME_MAX]; /* "_25._tcp.mx.example.org." */
    char host[PORT_NAME_MAX];  /* "mx.example.org.": its A and AAAA are the proof's targets */
    uint16_t port;
    uint32_t ttl; /* s, for records we add */
    const struct port_dns_ops *dns;
    void *dns_self;
};

struct engine_certificate {
    char name[ENGINE_CERTIFICATE_NAME_MAX]; /* its title in the configuration */
    const char *const *names;               /* of the certificate, no final dot */
    size_t n_names;
    enum port_alg algs[MODEL_MAX_ALGS];
    size_t n_algs;
    struct engine_owner owners[MODEL_MAX_OWNERS];
    size_t n_owners;
    const char *const *sni; /* further names to ask the owners' services for */
    size_t n_sni;
    struct model_policy policy;
    /* Switches of certificates with the same `instance` (a Postfix and what is reloaded with it;
     * "": shares nothing) share one reload, and leave `batch` ms between two; 0: each has its own.
     */
    model_time batch;
    char instance[ENGINE_INSTANCE_MAX];
    bool adopt_records; /* records found that match the served chain are ours to withdraw */
    bool has_via;       /* what is not reached (NAT without hairpin) is proven at `via` instead */
    uint8_t via[16];
    const struct port_issuer_ops *issuer;
    void *issuer_self;
    const struct port_deploy_ops *deploy;
    void *deploy_self;
};

/* The adapters that all certificates share. */
struct engine_world {
    const struct port_clock_ops *clock;
    void *clock_self;
    const struct port_keys_ops *keys;
    void *keys_self;
    const struct port_certs_ops *certs;
    void *certs_self;
    const struct port_observe_ops *observe;
    void *observe_self;
    const struct port_probe_ops *probe;
    void *probe_self;
    const struct port_store_ops *store;
    void *store_self;
    const struct port_log_ops *log;
    void *log_self;
    const struct port_work_ops *work; /* NULL: orders are waited for in the engine's thread */
    void *work_self;
    const struct port_notice_ops *notice; /* NULL: nobody is told */
    void *notice_self;
    void (*switched)(void *self); /* a chain file holds something else since just now */
    void *switched_self;          /* NULL above: nobody needs to know */
};

/* What an operator asks for (danectl). */
enum engine_verb {
    ENGINE_RENEW,    /* a new certificate now, for the key that is served */
    ENGINE_ROLL,     /* a key rollover now: as soon as the next key may be served */
    ENGINE_ROLLBACK, /* back to the chain before the last switch, while that is possible */
    ENGINE_FREEZE,   /* no key is switched or withdrawn until RESUME */
    ENGINE_RESUME    /* on after a freeze that only a human may end; reads the chain file anew */
};

struct engine_command {
    enum engine_verb verb;
    const char *certificate; /* its title */
    enum port_alg alg;       /* 0: every algorithm; RENEW, ROLL and ROLLBACK only */
    bool dry_run;            /* say what would be done, change nothing */
    long uid;                /* who asks, for the history; -1: not known */
};

#define ENGINE_REPLY_MAX 2048

struct engine;

enum outcome engine_new(const struct engine_world *world, struct engine **out, struct err *err);
void engine_free(struct engine **e);

/* Loads the certificate's state, or begins one. OUT_BROKEN: the store cannot be read. */
enum outcome engine_add(struct engine *e, const struct engine_certificate *cert, struct err *err);

/* Takes a command, in the engine's thread; what it asks for is durable on OUT_OK and begins with
 * the next step. `text` (ENGINE_REPLY_MAX) gets what happens now, or would. OUT_REFUSED: there is
 * no such certificate or algorithm, or it cannot be done; err says why. */
enum outcome engine_command(struct engine *e, const struct engine_command *command, char *text,
                            size_t size, struct err *err);

/* Somebody has reloaded Postfix: its parameters are compared again and the chain in the file is
 * proven again, both in the next step of each certificate. */
void engine_reloaded(struct engine *e);

/* Somebody's sessions look as if the chain did not match (a suspicion, never more): the chain in
 * the file is proven again in the next step of each certificate (NULL), or of this one. `why`: one
 * sentence for log and history. */
void engine_suspect(struct engine *e, const char *certificate, const char *why);

/* Does what is due, one action for each certificate at most; `*sleep_ms` gets how long nothing
 * will be due (0: call again at once). */
void engine_step(struct engine *e, model_time *sleep_ms);

#endif
