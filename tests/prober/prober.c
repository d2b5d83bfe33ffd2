/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prober - a DANE sender that only knocks, hundreds of times a second, and counts the verdicts
 *
 * It decides whether a rollover was noticed by any sender that could exist: `failed` by the RRset
 * that a real resolver gave at that moment, `stale` by every RRset that any other cache might
 * have held at that moment (prober_held.h), each combination in it by itself (RFC 7671 section 8).
 * Combinations that a chain did not match when it was first seen are not counted.
 *
 * Threads: main waits for signals and the clock; one watcher for each authoritative server; the
 * workers. Signals are blocked everywhere and taken by sigtimedwait.
 */
#include "prober.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/smtp.h"

#define TICK INT64_C(20000000)

int64_t prober_clock(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        abort(); /* POSIX gives this clock no way to fail */
    return (int64_t)now.tv_sec * PROBER_SECOND + now.tv_nsec;
}

void prober_sleep(int64_t ns)
{
    if (ns <= 0)
        return;
    struct timespec left = {.tv_sec = (time_t)(ns / PROBER_SECOND),
                            .tv_nsec = (long)(ns % PROBER_SECOND)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

void prober_at_text(const struct prober_at *at, char *out, size_t size)
{
    char text[SMTP_ADDRESS_MAX];
    smtp_address_text(at->ip, at->port, text);
    (void)snprintf(out, size, "%s", text);
}

void prober_break(struct prober *prober, const char *who, const struct err *err)
{
    (void)fprintf(stderr, "prober: %s is in trouble: %s\n", who, err->text);
    atomic_store(&prober->broken, true);
    atomic_store(&prober->stop, true);
}

bool prober_ready(struct prober *prober)
{
    bool ready = true;
    (void)pthread_mutex_lock(&prober->lock);
    for (size_t i = 0; i < prober->n_lanes; i++)
        ready = ready && prober->lanes[i].baseline.taken;
    (void)pthread_mutex_unlock(&prober->lock);
    return ready;
}

/* ---- beginning ----------------------------------------------------------------------- */

static enum outcome find_addresses(struct prober_options *options, struct err *err)
{
    struct prober_dns *dns = NULL;
    if (options->n_address > 0)
        return OUT_OK;
    enum outcome rc = prober_dns_new(&options->resolver, true, options->timeout_ms / 3, &dns, err);
    if (rc == OUT_OK)
        rc = prober_dns_addresses(dns, options->host, options->address, PROBER_ADDRS_MAX,
                                  &options->n_address, err);
    prober_dns_free(&dns);
    for (size_t i = 0; i < options->n_address; i++)
        options->address[i].port = options->port;
    if (rc == OUT_OK && options->n_address == 0)
        rc = err_set(err, OUT_REFUSED, "%s has no address", options->host);
    return rc;
}

static void lay_lanes(struct prober *prober)
{
    const struct prober_options *options = prober->options;
    for (size_t i = 0; i < options->n_address; i++) {
        for (size_t k = 0; k < options->n_algs; k++) {
            struct prober_lane *lane = &prober->lanes[prober->n_lanes++];
            char at[SMTP_ADDRESS_MAX];
            lane->at = options->address[i];
            lane->alg = &options->algs[k];
            prober_at_text(&lane->at, at, sizeof at);
            (void)snprintf(lane->name, sizeof lane->name, "%s %s", at, lane->alg->name);
        }
    }
}

static enum outcome begin(struct prober *prober, struct prober_options *options, struct err *err)
{
    prober->options = options;
    if (pthread_mutex_init(&prober->lock, NULL) != 0)
        return err_set(err, OUT_BROKEN, "cannot make a mutex");
    enum outcome rc = find_addresses(options, err);
    if (rc == OUT_OK)
        rc = handshake_client_new(&prober->client, err);
    if (rc == OUT_OK)
        rc = danematch_new(&prober->judge, err);
    if (rc == OUT_OK)
        rc = prober_held_new(&prober->held, err);
    if (rc == OUT_OK)
        rc = prober_tally_new(options->log, &prober->tally, err);
    if (rc == OUT_OK)
        lay_lanes(prober);
    return rc;
}

/* Signals are for main alone. */
static enum outcome block_signals(sigset_t *set, struct err *err)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignore, NULL) != 0 || sigemptyset(set) != 0 ||
        sigaddset(set, SIGINT) != 0 || sigaddset(set, SIGTERM) != 0)
        return err_errno(err, "cannot set up signals");
    int code = pthread_sigmask(SIG_BLOCK, set, NULL);
    return code == 0 ? OUT_OK : err_set(err, OUT_BROKEN, "cannot block signals: error %d", code);
}

static bool each_server_asked(struct prober *prober)
{
    for (size_t i = 0; i < prober->options->n_auth; i++) {
        if (atomic_load(&prober->watches[i].asked) == 0)
            return false;
    }
    return true;
}

/* A baseline needs what every server gives. */
static void start_watching(struct prober *prober)
{
    for (size_t i = 0; i < prober->options->n_auth; i++) {
        struct prober_watch *watch = &prober->watches[i];
        watch->prober = prober;
        watch->server = i;
        if (pthread_create(&watch->thread, NULL, prober_watch_run, watch) != 0) {
            (void)fprintf(stderr, "prober: cannot start a thread\n");
            abort();
        }
    }
    while (!each_server_asked(prober) && !atomic_load(&prober->broken))
        prober_sleep(TICK / 4);
}

static void start_working(struct prober *prober, pthread_t threads[PROBER_THREADS_MAX])
{
    prober->begin = prober_clock();
    atomic_store(&prober->working, prober->options->threads);
    for (unsigned i = 0; i < prober->options->threads; i++) {
        if (pthread_create(&threads[i], NULL, prober_work_run, prober) != 0) {
            (void)fprintf(stderr, "prober: cannot start a thread\n");
            abort();
        }
    }
}

/* ---- while it runs ------------------------------------------------------------------- */

static void make_file(struct prober *prober, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file != NULL && fclose(file) == 0)
        return;
    struct err err = ERR_INIT;
    (void)err_errno(&err, "cannot make %s", path);
    prober_break(prober, "main", &err);
}

static void interim(struct prober *prober, int64_t now)
{
    struct prober_counts counts = prober_tally_counts(prober->tally);
    (void)printf("t=%.1f ", (double)(now - prober->begin) / 1e9);
    prober_tally_line(&counts, stdout);
    (void)fflush(stdout);
}

/* Until a signal, the time, the count or the file says that it is enough. */
static void wait_for_end(struct prober *prober, const sigset_t *signals)
{
    const struct prober_options *o = prober->options;
    const struct timespec tick = {0, (long)TICK};
    bool told = o->ready_file == NULL;
    int64_t report = prober->begin + (int64_t)o->report * PROBER_SECOND;
    while (atomic_load(&prober->working) > 0) {
        int got = sigtimedwait(signals, NULL, &tick);
        int64_t now = prober_clock();
        if (got > 0 || (o->until_file != NULL && access(o->until_file, F_OK) == 0) ||
            (o->seconds != 0 && now - prober->begin >= (int64_t)o->seconds * PROBER_SECOND))
            atomic_store(&prober->stop, true);
        if (!told && prober_ready(prober)) {
            make_file(prober, o->ready_file);
            told = true;
        }
        if (o->report != 0 && now >= report) {
            interim(prober, now);
            report += (int64_t)o->report * PROBER_SECOND;
        }
    }
}

/* ---- the end ------------------------------------------------------------------------- */

static void join(struct prober *prober, const pthread_t threads[PROBER_THREADS_MAX])
{
    for (unsigned i = 0; i < prober->options->threads; i++)
        (void)pthread_join(threads[i], NULL);
    atomic_store(&prober->stop_watch, true);
    for (size_t i = 0; i < prober->options->n_auth; i++)
        (void)pthread_join(prober->watches[i].thread, NULL);
}

/* A server that never answered was not held against: then there is no "stale=0". */
static bool report_watches(struct prober *prober)
{
    bool good = true;
    for (size_t i = 0; i < prober->options->n_auth; i++) {
        struct prober_watch *watch = &prober->watches[i];
        unsigned long asked = atomic_load(&watch->asked);
        unsigned long answered = atomic_load(&watch->answered);
        char at[SMTP_ADDRESS_MAX];
        prober_at_text(&prober->options->auth[i], at, sizeof at);
        (void)fprintf(stderr, "prober: %s answered %lu of %lu questions%s%s\n", at, answered, asked,
                      watch->trouble[0] != '\0' ? "; last trouble: " : "", watch->trouble);
        if (answered == 0)
            (void)fprintf(stderr, "prober: %s never answered: stale records cannot be judged\n",
                          at);
        good = good && answered > 0;
    }
    return good;
}

static int finish(struct prober *prober)
{
    double took = (double)(prober_clock() - prober->begin) / 1e9;
    struct prober_counts counts = prober_tally_counts(prober->tally);
    (void)fprintf(stderr, "prober: %lu probes in %.1f s, %.0f a second\n", counts.probes, took,
                  took > 0 ? (double)counts.probes / took : 0);
    prober_tally_reasons(prober->tally, stderr);
    bool good = report_watches(prober) && counts.probes > 0 && counts.by[PROBER_FAILED] == 0 &&
                counts.by[PROBER_STALE] == 0 && counts.by[PROBER_OTHER] * 100 <= counts.probes;
    prober_tally_line(&counts, stdout);
    if (fflush(stdout) != 0 || atomic_load(&prober->broken))
        return 2;
    return good ? 0 : 1;
}

static int run(struct prober *prober, const sigset_t *signals)
{
    pthread_t threads[PROBER_THREADS_MAX] = {0};
    start_watching(prober);
    start_working(prober, threads);
    wait_for_end(prober, signals);
    join(prober, threads);
    return finish(prober);
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    struct prober_options options;
    sigset_t signals;
    enum outcome rc = prober_options_parse(argc, argv, &options, &err);
    if (rc == OUT_NOT_YET)
        return 0;
    struct prober *prober = calloc(1, sizeof *prober);
    int status = 2;
    if (prober == NULL)
        rc = err_errno(&err, "the prober");
    if (rc == OUT_OK)
        rc = block_signals(&signals, &err);
    if (rc == OUT_OK)
        rc = begin(prober, &options, &err);
    if (rc == OUT_OK)
        status = run(prober, &signals);
    if (prober != NULL) {
        handshake_client_free(&prober->client);
        danematch_free(&prober->judge);
        prober_held_free(&prober->held);
        enum outcome closed = prober_tally_free(&prober->tally, &err);
        status = closed == OUT_OK ? status : 2;
        rc = closed > rc ? closed : rc;
    }
    free(prober);
    if (rc != OUT_OK)
        (void)fprintf(stderr, "prober: %s\n", err.text);
    return status;
}
