/* SPDX-License-Identifier: BSD-2-Clause */
#include "say.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Row 3, rows 7 to 11 and 17: after a refusal it is asked for again at most so often. */
#define JOB_REFUSED_WAIT (INT64_C(3600) * 1000)

/* One order. What stands before `lock` is written before it starts and only read afterwards; the
 * rest is the worker's until `done`. */
struct unit_job {
    const struct port_issuer_ops *issuer;
    void *issuer_self;
    struct port_order order;
    model_time since; /* wall */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
    struct port_issued issued;
    enum outcome out;
    struct err err;
    char pem[PORT_PEM_MAX];
};

static void job_run(void *arg)
{
    struct unit_job *job = arg;
    job->issued = (struct port_issued){.pem = job->pem, .size = sizeof job->pem};
    err_clear(&job->err);
    job->out = job->issuer->issue(job->issuer_self, &job->order, &job->issued, &job->err);
    (void)pthread_mutex_lock(&job->lock); /* cannot fail: not held, and alive until done */
    job->done = true;
    (void)pthread_cond_signal(&job->ended);
    (void)pthread_mutex_unlock(&job->lock);
}

static enum outcome job_new(const struct unit *u, int key, struct unit_job **out, struct err *err)
{
    struct unit_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return err_errno(err, "order");
    job->issuer = u->cfg->issuer;
    job->issuer_self = u->cfg->issuer_self;
    job->since = u->now.wall;
    job->order = (struct port_order){
        .certificate = u->cfg->name, .names = u->cfg->names, .n_names = u->cfg->n_names};
    memcpy(job->order.spki, u->st.facts.keys[key].spki, sizeof job->order.spki);
    int code = pthread_mutex_init(&job->lock, NULL);
    if (code == 0) {
        code = pthread_cond_init(&job->ended, NULL);
        if (code != 0)
            (void)pthread_mutex_destroy(&job->lock);
    }
    if (code != 0) {
        free(job);
        return err_set(err, OUT_BROKEN, "an order needs a lock (error %d)", code);
    }
    *out = job;
    return OUT_OK;
}

static void job_free(struct unit_job **job)
{
    (void)pthread_mutex_destroy(&(*job)->lock);
    (void)pthread_cond_destroy(&(*job)->ended);
    free(*job);
    *job = NULL;
}

static bool job_done(struct unit_job *job)
{
    (void)pthread_mutex_lock(&job->lock);
    bool done = job->done;
    (void)pthread_mutex_unlock(&job->lock);
    return done;
}

static void job_wait(struct unit_job *job)
{
    (void)pthread_mutex_lock(&job->lock);
    while (!job->done)
        (void)pthread_cond_wait(&job->ended, &job->lock);
    (void)pthread_mutex_unlock(&job->lock);
}

bool unit_job_ready(const struct unit *u)
{
    for (size_t i = 0; i < UNIT_JOBS_MAX; i++) {
        if (u->jobs[i] != NULL && job_done(u->jobs[i]))
            return true;
    }
    return false;
}

/* ---- what came of it ------------------------------------------------------------------ */

/* Rows 7 to 11: what came from the CA is checked before anything else sees it. */
static enum outcome check_times(const struct unit *u, const struct port_cert *cert, struct err *err)
{
    char when[64];
    if (cert->not_after <= u->now.wall) {
        say_wall(cert->not_after, when, sizeof when);
        return err_set(err, OUT_REFUSED,
                       "the certificate from the issuer expired at %s: is the clock right?", when);
    }
    if (cert->not_before > u->now.wall) {
        say_wall(cert->not_before, when, sizeof when);
        return err_set(err, OUT_REFUSED,
                       "the certificate from the issuer is valid from %s only: is the clock right?",
                       when);
    }
    if (!cert->names_ok)
        return err_set(err, OUT_REFUSED,
                       "the certificate from the issuer lacks one of the names asked for");
    return OUT_OK;
}

/* The key may have been compromised, retired or refused while the order was under way. */
static enum outcome accept(struct unit *u, struct unit_job *job, int key, struct err *err)
{
    const struct engine_world *w = u->world;
    struct port_cert cert;
    char name[64], until[64];
    int chain = MODEL_NONE;
    if (!phase_key_usable(&u->st.facts.keys[key]))
        return err_set(err, OUT_NOT_YET,
                       "a certificate came for a key that is not to be used any more");
    enum outcome out = w->certs->inspect(w->certs_self, job->pem, job->order.spki, u->cfg->names,
                                         u->cfg->n_names, &cert, err);
    if (out == OUT_OK)
        out = check_times(u, &cert, err);
    if (out == OUT_REFUSED)
        job->issued.fault = PORT_ISSUE_REJECTED;
    if (out == OUT_OK)
        out = unit_enter_chain(u, key, job->pem, &cert, &chain, err);
    if (out != OUT_OK)
        return out;
    facts_thaw(&u->st.facts, MODEL_F_CAA);
    u->st.facts.keys[key].wait_until = u->st.facts.keys[key].retry_at = MODEL_NEVER;
    say_key(&u->st, key, name, sizeof name);
    say_wall(cert.not_after, until, sizeof until);
    return unit_record(u, true, "issued", err, "certificate for %s, valid until %s", name, until);
}

/* Rows 16 and 17. What the issuer says of waiting is kept beside our own back-off. */
static void keep_fault(struct unit *u, const struct unit_job *job, int key)
{
    struct model_facts *f = &u->st.facts;
    switch (job->issued.fault) {
    case PORT_ISSUE_ACCOUNT:
        facts_freeze(f, MODEL_F_ACCOUNT);
        u->least_wait = JOB_REFUSED_WAIT;
        break;
    case PORT_ISSUE_CAA:
        facts_freeze(f, MODEL_F_CAA);
        break;
    case PORT_ISSUE_KEY:
        f->keys[key].refused = true;
        break;
    case PORT_ISSUE_REJECTED:
        u->least_wait = JOB_REFUSED_WAIT;
        break;
    case PORT_ISSUE_OTHER:
        break;
    }
    if (job->issued.wait > 0)
        f->keys[key].wait_until = u->now.steady + job->issued.wait;
}

static enum outcome take(struct unit *u, struct unit_job *job, int key, struct err *err)
{
    u->least_wait = 0;
    u->st.facts.keys[key].ordering = MODEL_NEVER; /* whatever comes next: the job is over */
    enum outcome out = unit_clock(u, err);
    if (out != OUT_OK)
        return out;
    unit_begin(u);
    if (job->out == OUT_OK) {
        out = accept(u, job, key, err);
        if (out == OUT_OK)
            return out;
    } else {
        out = job->out;
        *err = job->err;
    }
    keep_fault(u, job, key);
    return job->issued.fault == PORT_ISSUE_OTHER ? out : OUT_REFUSED;
}

bool unit_take_job(struct unit *u, int *key, enum outcome *out, struct err *err)
{
    for (size_t i = 0; i < UNIT_JOBS_MAX; i++) {
        if (u->jobs[i] == NULL || !job_done(u->jobs[i]))
            continue;
        *key = unit_find_key(&u->st.facts, u->jobs[i]->order.spki);
        *out = OUT_NOT_YET;
        if (*key != MODEL_NONE)
            *out = take(u, u->jobs[i], *key, err);
        job_free(&u->jobs[i]);
        if (*key == MODEL_NONE) /* destroyed meanwhile: nobody needs its certificate */
            continue;
        return true;
    }
    return false;
}

/* What the CA issued in the last moment is kept as any other; what failed is told to nobody. */
void unit_end_jobs(struct unit *u)
{
    for (size_t i = 0; i < UNIT_JOBS_MAX; i++) {
        struct err err = ERR_INIT;
        if (u->jobs[i] == NULL)
            continue;
        job_wait(u->jobs[i]);
        int key = unit_find_key(&u->st.facts, u->jobs[i]->order.spki);
        if (key != MODEL_NONE && u->jobs[i]->out == OUT_OK &&
            take(u, u->jobs[i], key, &err) != OUT_OK)
            unit_log(u, PORT_LOG_ERROR, "the certificate that came at the end is not kept: %s",
                     err.text);
        job_free(&u->jobs[i]);
    }
}

/* ---- starting it ---------------------------------------------------------------------- */

/* A place for one more; NULL: all are taken, or this key's order is under way. */
static struct unit_job **place_for(struct unit *u, const uint8_t spki[MODEL_ID_LEN])
{
    struct unit_job **free_place = NULL;
    for (size_t i = 0; i < UNIT_JOBS_MAX; i++) {
        if (u->jobs[i] == NULL)
            free_place = &u->jobs[i];
        else if (memcmp(u->jobs[i]->order.spki, spki, MODEL_ID_LEN) == 0)
            return NULL;
    }
    return free_place;
}

/* That an order is under way is saved first: a disk that takes nothing must not cost the CA an
 * order each time. */
static enum outcome start(struct unit *u, struct unit_job *job, int key, struct err *err)
{
    const struct engine_world *w = u->world;
    char name[64], since[64];
    unit_begin(u);
    u->st.facts.keys[key].ordering = job->since;
    enum outcome out = unit_record(u, true, "ordering", err, NULL);
    if (out != OUT_OK)
        return out; /* and undone */
    out = w->work->start(w->work_self, job_run, job, err);
    if (out != OUT_OK) {
        struct err more = ERR_INIT;
        u->st.facts.keys[key].ordering = MODEL_NEVER;
        if (unit_record(u, false, "ordering", &more, NULL) != OUT_OK)
            unit_log(u, PORT_LOG_ERROR, "%s", more.text);
        return out;
    }
    say_key(&u->st, key, name, sizeof name);
    say_wall(job->since, since, sizeof since);
    unit_log(u, PORT_LOG_INFO, "ordering a certificate for %s since %s", name, since);
    return OUT_OK;
}

enum outcome unit_issue(struct unit *u, int key, struct err *err)
{
    struct unit_job *job = NULL;
    struct unit_job **place = place_for(u, u->st.facts.keys[key].spki);
    u->least_wait = 0;
    if (place == NULL)
        return err_set(err, OUT_NOT_YET, "an order for this key is under way already");
    enum outcome out = job_new(u, key, &job, err);
    if (out != OUT_OK)
        return out;
    if (u->world->work == NULL) {
        job_run(job);
        out = take(u, job, key, err);
    } else {
        out = start(u, job, key, err);
        if (out == OUT_OK) {
            *place = job;
            return OUT_OK;
        }
    }
    job_free(&job);
    return out;
}
