/* SPDX-License-Identifier: BSD-2-Clause */
#include "prober_tally.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUPS_MAX 256
#define REASON_MAX 400

struct group {
    enum prober_verdict verdict;
    unsigned long count;
    char reason[REASON_MAX];
};

struct prober_tally {
    pthread_mutex_t lock;
    struct prober_counts counts;
    FILE *log;
    size_t n;
    unsigned long beyond; /* with a reason that found no room */
    struct group groups[GROUPS_MAX];
};

static const char *const names[PROBER_VERDICTS] = {"verified", "failed", "stale", "other"};

enum outcome prober_tally_new(const char *log, struct prober_tally **out, struct err *err)
{
    struct prober_tally *tally = calloc(1, sizeof *tally);
    if (tally == NULL)
        return err_errno(err, "the counts");
    if (pthread_mutex_init(&tally->lock, NULL) != 0) {
        free(tally);
        return err_set(err, OUT_BROKEN, "cannot make a mutex");
    }
    if (log != NULL)
        tally->log = fopen(log, "a");
    if (log != NULL && tally->log == NULL) {
        (void)err_errno(err, "cannot open the log %s", log);
        (void)pthread_mutex_destroy(&tally->lock);
        free(tally);
        return OUT_BROKEN;
    }
    *out = tally;
    return OUT_OK;
}

enum outcome prober_tally_free(struct prober_tally **tally, struct err *err)
{
    enum outcome rc = OUT_OK;
    struct prober_tally *t = *tally;
    if (t == NULL)
        return rc;
    if (t->log != NULL) {
        int bad = ferror(t->log);
        if (fclose(t->log) != 0 || bad != 0)
            rc = err_set(err, OUT_BROKEN, "the log could not be written");
    }
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
    *tally = NULL;
    return rc;
}

static void write_log(FILE *log, enum prober_verdict verdict, const char *detail)
{
    struct timespec now;
    struct tm tm;
    char day[32];
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || gmtime_r(&now.tv_sec, &tm) == NULL ||
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        abort(); /* the clock gives a year of more than ten digits */
    (void)fprintf(log, "%s.%03ldZ %s %s\n", day, now.tv_nsec / 1000000, names[verdict], detail);
    (void)fflush(log);
}

static void group(struct prober_tally *tally, enum prober_verdict verdict, const char *reason)
{
    for (size_t i = 0; i < tally->n; i++) {
        struct group *g = &tally->groups[i];
        if (g->verdict == verdict && strncmp(g->reason, reason, REASON_MAX - 1) == 0) {
            g->count++;
            return;
        }
    }
    if (tally->n == GROUPS_MAX) {
        tally->beyond++;
        return;
    }
    struct group *g = &tally->groups[tally->n++];
    g->verdict = verdict;
    g->count = 1;
    (void)snprintf(g->reason, sizeof g->reason, "%s", reason);
}

void prober_tally_add(struct prober_tally *tally, enum prober_verdict verdict, const char *reason,
                      const char *detail)
{
    (void)pthread_mutex_lock(&tally->lock);
    tally->counts.by[verdict]++;
    tally->counts.probes++;
    if (verdict != PROBER_VERIFIED) {
        group(tally, verdict, reason);
        if (tally->log != NULL)
            write_log(tally->log, verdict, detail);
    }
    (void)pthread_mutex_unlock(&tally->lock);
}

struct prober_counts prober_tally_counts(struct prober_tally *tally)
{
    (void)pthread_mutex_lock(&tally->lock);
    struct prober_counts counts = tally->counts;
    (void)pthread_mutex_unlock(&tally->lock);
    return counts;
}

void prober_tally_line(const struct prober_counts *counts, FILE *to)
{
    (void)fprintf(to, "probes=%lu verified=%lu failed=%lu stale=%lu other=%lu\n", counts->probes,
                  counts->by[PROBER_VERIFIED], counts->by[PROBER_FAILED], counts->by[PROBER_STALE],
                  counts->by[PROBER_OTHER]);
}

void prober_tally_reasons(struct prober_tally *tally, FILE *to)
{
    (void)pthread_mutex_lock(&tally->lock);
    for (int v = PROBER_FAILED; v < PROBER_VERDICTS; v++) {
        for (size_t i = 0; i < tally->n; i++) {
            const struct group *g = &tally->groups[i];
            if ((int)g->verdict == v)
                (void)fprintf(to, "prober: %s %lu x %s\n", names[v], g->count, g->reason);
        }
    }
    if (tally->beyond > 0)
        (void)fprintf(to, "prober: and %lu more, for reasons not listed\n", tally->beyond);
    (void)pthread_mutex_unlock(&tally->lock);
}
