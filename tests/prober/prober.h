/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prober - what the parts of the prober share: options, lanes, the running state
 *
 * A lane is one address with one demand on the key algorithm; probes go round the lanes in turn.
 * Options never change after the start. See prober.c for what is counted as what.
 */
#ifndef DANEMILTER_TESTS_PROBER_H
#define DANEMILTER_TESTS_PROBER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/danematch.h"
#include "crypto/handshake.h"
#include "ports.h"
#include "prober_dns.h"
#include "prober_held.h"
#include "prober_tally.h"

#define PROBER_ADDRS_MAX 16
#define PROBER_ALGS_MAX 4
#define PROBER_LANES_MAX (PROBER_ADDRS_MAX * PROBER_ALGS_MAX)
#define PROBER_THREADS_MAX 64
#define PROBER_SECOND INT64_C(1000000000)

struct prober_alg {
    enum port_alg alg; /* 0: unrestricted */
    bool any_size;     /* "rsa": of any size that has a number */
    char name[16];
};

struct prober_options {
    const char *host;
    char tlsa[PORT_NAME_MAX]; /* owner */
    const char *sni;          /* "" for none */
    const char *names[2];     /* host, next hop */
    size_t n_names;
    uint16_t port;
    struct prober_at resolver;
    bool direct; /* TLSA from the servers named, in turn, instead of the resolver */
    struct prober_at auth[PROBER_HELD_SERVERS];
    size_t n_auth;
    struct prober_at address[PROBER_ADDRS_MAX];
    size_t n_address;
    struct prober_alg algs[PROBER_ALGS_MAX];
    size_t n_algs;
    unsigned threads;
    unsigned rate;       /* probes a second; 0: as many as there can be */
    unsigned seconds;    /* 0: no end */
    unsigned long count; /* 0: no end */
    unsigned watch_ms;
    unsigned timeout_ms; /* of a probe; a DNS question has a third of it */
    unsigned report;     /* seconds between interim lines; 0: none */
    bool expect_tlsa;
    bool ignore_baseline;
    const char *until_file;
    const char *ready_file;
    const char *log;
};

/* Combinations that the chain of a lane did not match when it was first seen. */
struct prober_baseline {
    bool taken;
    size_t n;
    struct model_combo ignored[PORT_RRSET_MAX];
};

struct prober_lane {
    struct prober_at at;
    const struct prober_alg *alg;
    char name[96]; /* "192.0.2.41:25 p256" */
    struct prober_baseline baseline;
};

/* What one watcher saw of its server; its own thread writes, main reads after joining. */
struct prober_watch {
    struct prober *prober;
    size_t server;
    pthread_t thread;
    atomic_ulong asked;
    atomic_ulong answered;
    char trouble[PORT_WHY_MAX]; /* the last one */
};

struct prober {
    const struct prober_options *options;
    struct handshake_client *client;
    struct danematch *judge;
    struct prober_held *held;
    struct prober_tally *tally;
    pthread_mutex_t lock; /* baselines */
    struct prober_lane lanes[PROBER_LANES_MAX];
    size_t n_lanes;
    struct prober_watch watches[PROBER_HELD_SERVERS];
    int64_t begin;
    atomic_ulong next; /* number of the next probe */
    atomic_uint working;
    atomic_bool stop; /* no further probe */
    atomic_bool stop_watch;
    atomic_bool broken; /* local trouble: the result is void */
};

int64_t prober_clock(void); /* ns on CLOCK_MONOTONIC */
void prober_sleep(int64_t ns);

/* "192.0.2.1:25" */
void prober_at_text(const struct prober_at *at, char *out, size_t size);

/* Says it on stderr and marks the run as void. */
void prober_break(struct prober *prober, const char *who, const struct err *err);

/* Options from the command line; OUT_REFUSED explains; OUT_NOT_YET: help was printed. */
enum outcome prober_options_parse(int argc, char **argv, struct prober_options *out,
                                  struct err *err);

/* Threads: `arg` is a struct prober_watch or a struct prober. */
void *prober_watch_run(void *arg);
void *prober_work_run(void *arg);

/* Every lane has its baseline. */
bool prober_ready(struct prober *prober);

#endif
