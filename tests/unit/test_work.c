/* SPDX-License-Identifier: BSD-2-Clause */
/* Worker threads: every job runs once, the queue has an end, the stop waits for jobs and wakes
 * them. */
#include "milter/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

struct counts {
    atomic_uint jobs, wakes;
    atomic_bool go;
    struct work *work;
};

static void wake(void *self)
{
    struct counts *c = self;
    (void)atomic_fetch_add(&c->wakes, 1);
}

static void count(void *arg)
{
    struct counts *c = arg;
    (void)atomic_fetch_add(&c->jobs, 1);
}

/* Keeps a worker busy until it may go, or everything stops. */
static void wait_long(void *arg)
{
    struct counts *c = arg;
    while (!atomic_load(&c->go) && !work_stopping(c->work))
        work_clock_ops.sleep(c->work, 5);
    (void)atomic_fetch_add(&c->jobs, 1);
}

static void sleep_long(void *arg)
{
    struct counts *c = arg;
    work_clock_ops.sleep(c->work, 600000);
    (void)atomic_fetch_add(&c->jobs, 1);
}

static int64_t now_ms(void)
{
    struct timespec ts;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void begin(struct counts *c)
{
    struct err err = ERR_INIT;
    atomic_init(&c->jobs, 0);
    atomic_init(&c->wakes, 0);
    atomic_init(&c->go, false);
    assert_int_equal(work_open(wake, c, &c->work, &err), OUT_OK);
}

static void every_job_runs_once(void **state)
{
    struct counts c;
    struct err err = ERR_INIT;
    unsigned started = 0;
    (void)state;
    begin(&c);
    while (started < 1000) {
        enum outcome out = work_ops.start(c.work, count, &c, &err);
        assert_true(out == OUT_OK || out == OUT_NOT_YET);
        if (out == OUT_OK)
            started++;
        else
            work_clock_ops.sleep(c.work, 1);
    }
    work_close(&c.work);
    assert_null(c.work);
    assert_int_equal(atomic_load(&c.jobs), 1000);
    assert_int_equal(atomic_load(&c.wakes), 1000);
}

static void the_queue_has_an_end(void **state)
{
    struct counts c;
    struct err err = ERR_INIT;
    unsigned started = 0;
    (void)state;
    begin(&c);
    while (started < WORK_QUEUE_MAX + WORK_THREADS + 1 &&
           work_ops.start(c.work, wait_long, &c, &err) == OUT_OK)
        started++;
    assert_true(started >= WORK_QUEUE_MAX && started <= WORK_QUEUE_MAX + WORK_THREADS);
    assert_string_equal(err.text, "64 tasks are waiting already");
    atomic_store(&c.go, true);
    work_close(&c.work);
    assert_int_equal(atomic_load(&c.jobs), started);
}

/* Every order hangs and as many wait: a mail is handed over all the same. */
static void mails_do_not_wait_for_orders(void **state)
{
    struct counts c;
    struct err err = ERR_INIT;
    (void)state;
    begin(&c);
    while (work_ops.start(c.work, wait_long, &c, &err) == OUT_OK)
        continue;
    assert_int_equal(work_mail_ops.start(c.work, count, &c, &err), OUT_OK);
    int64_t before = now_ms();
    while (atomic_load(&c.jobs) == 0 && now_ms() - before < 30000)
        work_clock_ops.sleep(c.work, 1);
    assert_int_equal(atomic_load(&c.jobs), 1);
    atomic_store(&c.go, true);
    work_close(&c.work);
}

static void the_stop_ends_sleep_and_runs_what_waits(void **state)
{
    struct counts c;
    struct err err = ERR_INIT;
    (void)state;
    begin(&c);
    for (int i = 0; i < WORK_THREADS + 3; i++)
        assert_int_equal(work_ops.start(c.work, sleep_long, &c, &err), OUT_OK);
    int64_t before = now_ms();
    work_stop(c.work);
    assert_true(work_stopping(c.work));
    assert_int_equal(work_ops.start(c.work, count, &c, &err), OUT_NOT_YET);
    work_close(&c.work);
    assert_true(now_ms() - before < 60000);
    assert_int_equal(atomic_load(&c.jobs), WORK_THREADS + 3);
}

static void the_clock_sleeps_as_long_as_asked(void **state)
{
    struct counts c;
    struct err err = ERR_INIT;
    struct port_time t;
    (void)state;
    begin(&c);
    int64_t before = now_ms();
    work_clock_ops.sleep(c.work, 120);
    assert_true(now_ms() - before >= 120);
    assert_int_equal(work_clock_ops.now(c.work, &t, &err), OUT_OK);
    assert_true(t.wall > INT64_C(1600000000000));
    work_close(&c.work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once),
        cmocka_unit_test(the_queue_has_an_end),
        cmocka_unit_test(mails_do_not_wait_for_orders),
        cmocka_unit_test(the_stop_ends_sleep_and_runs_what_waits),
        cmocka_unit_test(the_clock_sleeps_as_long_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
