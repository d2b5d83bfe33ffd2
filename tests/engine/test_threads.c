/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders in real threads: for the sanitizers. Time is the world's, so the engine steps while the
 * worker sleeps. */
#include "tests/engine/fakekit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define THREADS 64

struct pool {
    pthread_t threads[THREADS];
    unsigned n;
    void (*fn[THREADS])(void *arg);
    void *arg[THREADS];
};

struct one {
    struct pool *pool;
    unsigned i;
};

/* Knows nothing of the world: its threads are the engine's. */
struct issuer {
    pthread_mutex_t lock;
    unsigned serial;
    model_time wall;
};

static void *run_one(void *arg)
{
    struct one *one = arg;
    one->pool->fn[one->i](one->pool->arg[one->i]);
    return NULL;
}

static struct one ones[THREADS];

static enum outcome start(void *self, void (*fn)(void *arg), void *arg, struct err *err)
{
    struct pool *p = self;
    if (p->n == THREADS)
        return err_set(err, OUT_NOT_YET, "all are busy");
    p->fn[p->n] = fn;
    p->arg[p->n] = arg;
    ones[p->n] = (struct one){p, p->n};
    assert_int_equal(pthread_create(&p->threads[p->n], NULL, run_one, &ones[p->n]), 0);
    p->n++;
    return OUT_OK;
}

static enum outcome issue(void *self, const struct port_order *order, struct port_issued *out,
                          struct err *err)
{
    struct issuer *issuer = self;
    const struct timespec pause = {.tv_nsec = 2000000};
    (void)err;
    (void)nanosleep(&pause, NULL);
    (void)pthread_mutex_lock(&issuer->lock);
    unsigned serial = ++issuer->serial;
    (void)pthread_mutex_unlock(&issuer->lock);
    (void)snprintf(out->pem, out->size, "CERT %u %u %u %u %lld %lld", order->spki[0],
                   order->spki[1], order->spki[2], 1000 + serial, (long long)issuer->wall,
                   (long long)issuer->wall + 90LL * 86400 * 1000);
    return OUT_OK;
}

static void rollovers_beside_real_threads(void **state)
{
    static const struct port_work_ops work_ops = {.start = start};
    static const struct port_issuer_ops issuer_ops = {.issue = issue};
    static struct pool pool;
    struct fw *w = *state;
    struct issuer issuer = {.wall = w->wall - 1000};
    struct engine_world world;
    struct engine_certificate cert;
    struct engine *e = NULL;
    struct err err = ERR_INIT;
    const struct timespec tick = {.tv_nsec = 100000};
    assert_int_equal(pthread_mutex_init(&issuer.lock, NULL), 0);
    fw_world(w, &world);
    world.work = &work_ops;
    world.work_self = &pool;
    fw_certificate(w, both, 2, &cert);
    cert.issuer = &issuer_ops;
    cert.issuer_self = &issuer;
    assert_int_equal(engine_new(&world, &e, &err), OUT_OK);
    assert_int_equal(engine_add(e, &cert, &err), OUT_OK);
    for (int i = 0; i < 20000 && w->commits < 6 && pool.n < THREADS; i++) {
        model_time nap = 0;
        engine_step(e, &nap);
        fw_advance(w, nap < 50 ? nap : 50);
        (void)nanosleep(&tick, NULL);
    }
    assert_true(w->commits >= 6);
    fakekit_rule(w);
    engine_free(&e); /* waits for what runs */
    for (unsigned i = 0; i < pool.n; i++)
        assert_int_equal(pthread_join(pool.threads[i], NULL), 0);
    assert_int_equal(issuer.serial, pool.n);
    assert_int_equal(pthread_mutex_destroy(&issuer.lock), 0);
}

/* Stopped in the middle of an order. */
static void freed_while_an_order_runs(void **state)
{
    static const struct port_work_ops work_ops = {.start = start};
    static const struct port_issuer_ops issuer_ops = {.issue = issue};
    static struct pool pool;
    struct fw *w = *state;
    struct issuer issuer = {.wall = w->wall - 1000};
    struct engine_world world;
    struct engine_certificate cert;
    struct engine *e = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(pthread_mutex_init(&issuer.lock, NULL), 0);
    fw_world(w, &world);
    world.work = &work_ops;
    world.work_self = &pool;
    fw_certificate(w, both, 2, &cert);
    cert.issuer = &issuer_ops;
    cert.issuer_self = &issuer;
    assert_int_equal(engine_new(&world, &e, &err), OUT_OK);
    assert_int_equal(engine_add(e, &cert, &err), OUT_OK);
    for (int i = 0; i < 20000 && pool.n == 0; i++) {
        model_time nap = 0;
        engine_step(e, &nap);
        fw_advance(w, nap < 50 ? nap : 50);
    }
    assert_true(pool.n > 0);
    engine_free(&e);
    assert_null(e);
    for (unsigned i = 0; i < pool.n; i++)
        assert_int_equal(pthread_join(pool.threads[i], NULL), 0);
    assert_int_equal(issuer.serial, pool.n);
    assert_int_equal(pthread_mutex_destroy(&issuer.lock), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rollovers_beside_real_threads, fakekit_setup,
                                        fakekit_teardown),
        cmocka_unit_test_setup_teardown(freed_while_an_order_runs, fakekit_setup, fakekit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
