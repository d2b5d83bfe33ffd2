/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/work.h"

#include "milter/sysclock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct work_job {
    void (*fn)(void *arg);
    void *arg;
};

struct work_queue {
    struct work_job jobs[WORK_QUEUE_MAX];
    size_t first, n;
    pthread_cond_t more; /* a job waits, or the end has come */
};

struct work {
    void (*wake)(void *self);
    void *wake_self;
    pthread_t threads[WORK_THREADS + 1]; /* the last one: for mails alone */
    size_t n_threads;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t end;   /* the end has come, for sleepers; on CLOCK_MONOTONIC */
    struct work_queue orders, mails;
    bool stopping;
};

/* The next job; false: none will come. */
static bool work_next(struct work *w, struct work_queue *q, struct work_job *out)
{
    (void)pthread_mutex_lock(&w->lock);
    while (q->n == 0 && !w->stopping)
        (void)pthread_cond_wait(&q->more, &w->lock);
    bool some = q->n > 0;
    if (some) {
        *out = q->jobs[q->first];
        q->first = (q->first + 1) % WORK_QUEUE_MAX;
        q->n--;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return some;
}

static void work_run(struct work *w, struct work_queue *q)
{
    struct work_job job;
    while (work_next(w, q, &job)) {
        job.fn(job.arg);
        if (w->wake != NULL)
            w->wake(w->wake_self);
    }
}

static void *work_orders(void *arg)
{
    struct work *w = arg;
    work_run(w, &w->orders);
    return NULL;
}

static void *work_mails(void *arg)
{
    struct work *w = arg;
    work_run(w, &w->mails);
    return NULL;
}

static enum outcome work_add(struct work *w, struct work_queue *q, struct work_job job,
                             struct err *err)
{
    enum outcome out = OUT_OK;
    (void)pthread_mutex_lock(&w->lock);
    if (w->stopping) {
        out = err_set(err, OUT_NOT_YET, "danemilter is about to end");
    } else if (q->n == WORK_QUEUE_MAX) {
        out = err_set(err, OUT_NOT_YET, "%d tasks are waiting already", WORK_QUEUE_MAX);
    } else {
        q->jobs[(q->first + q->n++) % WORK_QUEUE_MAX] = job;
        (void)pthread_cond_signal(&q->more);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return out;
}

static enum outcome work_start(void *self, void (*fn)(void *arg), void *arg, struct err *err)
{
    struct work *w = self;
    return work_add(w, &w->orders, (struct work_job){fn, arg}, err);
}

static enum outcome work_start_mail(void *self, void (*fn)(void *arg), void *arg, struct err *err)
{
    struct work *w = self;
    return work_add(w, &w->mails, (struct work_job){fn, arg}, err);
}

static int work_init(struct work *w)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);
    if (rc == 0)
        rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (rc == 0)
        rc = pthread_mutex_init(&w->lock, NULL);
    if (rc == 0)
        rc = pthread_cond_init(&w->orders.more, NULL);
    if (rc == 0)
        rc = pthread_cond_init(&w->mails.more, NULL);
    if (rc == 0)
        rc = pthread_cond_init(&w->end, &attr);
    return rc;
}

enum outcome work_open(void (*wake)(void *self), void *wake_self, struct work **out,
                       struct err *err)
{
    struct work *w = calloc(1, sizeof *w);
    if (w == NULL)
        return err_errno(err, "worker threads");
    w->wake = wake;
    w->wake_self = wake_self;
    errno = work_init(w);
    if (errno != 0) {
        enum outcome res = err_errno(err, "worker threads");
        free(w);
        return res;
    }
    while (w->n_threads <= WORK_THREADS) {
        errno = pthread_create(&w->threads[w->n_threads], NULL,
                               w->n_threads < WORK_THREADS ? work_orders : work_mails, w);
        if (errno != 0) {
            enum outcome res = err_errno(err, "worker threads");
            work_close(&w);
            return res;
        }
        w->n_threads++;
    }
    *out = w;
    return OUT_OK;
}

void work_stop(struct work *work)
{
    (void)pthread_mutex_lock(&work->lock);
    work->stopping = true;
    (void)pthread_cond_broadcast(&work->orders.more);
    (void)pthread_cond_broadcast(&work->mails.more);
    (void)pthread_cond_broadcast(&work->end);
    (void)pthread_mutex_unlock(&work->lock);
}

void work_close(struct work **work)
{
    struct work *w = *work;
    if (w == NULL)
        return;
    work_stop(w);
    for (size_t i = 0; i < w->n_threads; i++)
        (void)pthread_join(w->threads[i], NULL);
    (void)pthread_cond_destroy(&w->end);
    (void)pthread_cond_destroy(&w->mails.more);
    (void)pthread_cond_destroy(&w->orders.more);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
    *work = NULL;
}

bool work_stopping(void *work)
{
    struct work *w = work;
    (void)pthread_mutex_lock(&w->lock);
    bool stopping = w->stopping;
    (void)pthread_mutex_unlock(&w->lock);
    return stopping;
}

static enum outcome work_now(void *self, struct port_time *out, struct err *err)
{
    (void)self;
    return sysclock_ops.now(NULL, out, err);
}

static void work_sleep(void *self, model_time ms)
{
    struct work *w = self;
    struct timespec until;
    if (clock_gettime(CLOCK_MONOTONIC, &until) != 0)
        return;
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&w->lock);
    while (!w->stopping && pthread_cond_timedwait(&w->end, &w->lock, &until) == 0)
        continue;
    (void)pthread_mutex_unlock(&w->lock);
}

const struct port_work_ops work_ops = {.start = work_start};
const struct port_work_ops work_mail_ops = {.start = work_start_mail};
const struct port_clock_ops work_clock_ops = {.now = work_now, .sleep = work_sleep};
