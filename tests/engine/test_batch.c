/* SPDX-License-Identifier: BSD-2-Clause */
/* Many certificates of one Postfix: what switches together shares one reload (policy.batch). */
#include "tests/engine/fakekit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 20
#define WINDOW 5000

/* A world for each certificate; the one whose turn it is stands in `now`. */
struct many {
    struct fw now, worlds[MANY];
    int at;
    model_time batch, reloaded, least_gap;
    unsigned reloads;
    bool alone; /* each certificate's Postfix is its own */
};

struct seat {
    struct many *m;
    int i;
};

static struct many *turn(struct many *m, int i)
{
    if (m->at != i) {
        model_time t = m->now.boot;
        m->worlds[m->at] = m->now;
        m->now = m->worlds[i];
        m->at = i;
        if (t > m->now.boot)
            fw_advance(&m->now, t - m->now.boot);
    }
    return m;
}

static const struct port_deploy_ops *inner(void)
{
    static const enum port_alg alg = PORT_ALG_P256;
    struct engine_certificate c;
    struct fw *w = fw_new();
    assert_non_null(w);
    fw_certificate(w, &alg, 1, &c);
    fw_free(&w);
    return c.deploy;
}

/* ---- ports that know whose turn it is ------------------------------------------------- */

static struct fw *of(void *self)
{
    const struct seat *s = self;
    return &turn(s->m, s->i)->now;
}

static enum outcome many_read(void *self, struct port_part *parts, size_t *n, struct err *err)
{
    return inner()->read(of(self), parts, n, err);
}

static void many_free_parts(void *self, struct port_part *parts, size_t n)
{
    inner()->free_parts(of(self), parts, n);
}

static enum outcome many_install(void *self, const struct port_part *parts, size_t n,
                                 const struct port_part *expect, size_t n_expect, struct err *err)
{
    return inner()->install(of(self), parts, n, expect, n_expect, err);
}

/* One Postfix: all of its processes are new. */
static enum outcome many_reload(void *self, struct err *err)
{
    const struct seat *s = self;
    struct many *m = s->m;
    enum outcome out = inner()->reload(of(self), err);
    model_time t = m->now.boot;
    for (int i = 0; i < MANY && out == OUT_OK && !m->alone; i++)
        fw_new_procs(&turn(m, i)->now);
    if (m->reloaded != 0 && t - m->reloaded < m->least_gap)
        m->least_gap = t - m->reloaded;
    m->reloaded = t;
    m->reloads++;
    (void)of(self);
    fw_advance(&m->now, 10);
    return out;
}

static enum outcome many_shred_old(void *self, struct err *err)
{
    return inner()->shred_old(of(self), err);
}

static enum outcome many_running(void *self, bool *up, struct err *err)
{
    return inner()->running(of(self), up, err);
}

static enum outcome many_points_here(void *self, struct err *err)
{
    return inner()->points_here(of(self), err);
}

static enum outcome many_older_than(void *self, model_time boot, size_t *count, struct err *err)
{
    return inner()->older_than(of(self), boot, count, err);
}

static const struct port_deploy_ops many_deploy = {.read = many_read,
                                                   .free_parts = many_free_parts,
                                                   .install = many_install,
                                                   .reload = many_reload,
                                                   .shred_old = many_shred_old,
                                                   .running = many_running,
                                                   .points_here = many_points_here,
                                                   .older_than = many_older_than};

/* "c12" */
static int number_of(const char *name)
{
    char *end = NULL;
    errno = 0;
    long n = strtol(name + 1, &end, 10);
    return errno == 0 && end != name + 1 && *end == '\0' && n >= 0 && n < MANY ? (int)n : 0;
}

static enum outcome many_load(void *self, const char *name, struct port_state *out, struct err *err)
{
    struct many *m = turn(self, number_of(name));
    return fw_store_ops.load(&m->now, name, out, err);
}

static enum outcome many_save(void *self, const char *name, const struct port_state *state,
                              const struct port_event *events, size_t n, struct err *err)
{
    struct many *m = turn(self, number_of(name));
    return fw_store_ops.save(&m->now, name, state, events, n, err);
}

static const struct port_store_ops many_store = {.load = many_load, .save = many_save};

/* ---- a run ---------------------------------------------------------------------------- */

static const enum port_alg one[] = {PORT_ALG_P256};

static struct engine *start(struct many *m, struct engine_certificate *certs, struct seat *seats)
{
    struct engine_world world;
    struct engine *e = NULL;
    struct err err = ERR_INIT;
    fw_world(&m->now, &world);
    world.store = &many_store;
    world.store_self = m;
    if (engine_new(&world, &e, &err) != OUT_OK)
        return NULL;
    for (int i = 0; i < MANY; i++) {
        seats[i] = (struct seat){.m = m, .i = i};
        fw_certificate(&turn(m, i)->now, one, 1, &certs[i]);
        certs[i].deploy = &many_deploy;
        certs[i].deploy_self = &seats[i];
        certs[i].batch = m->batch;
        (void)snprintf(certs[i].name, sizeof certs[i].name, "c%d", i);
        (void)snprintf(certs[i].instance, sizeof certs[i].instance, "/etc/postfix");
        certs[i].owners[0].dns_self = &m->now;
        certs[i].issuer_self = &m->now;
        if (engine_add(e, &certs[i], &err) != OUT_OK) {
            (void)fprintf(stderr, "engine: %s\n", err.text);
            engine_free(&e);
            return NULL;
        }
    }
    return e;
}

static int run_here(struct many *m, model_time ms)
{
    struct engine_certificate certs[MANY];
    struct seat seats[MANY];
    struct engine *e = start(m, certs, seats);
    model_time until = m->now.boot + ms;
    if (e == NULL)
        return FW_EXIT_REFUSED;
    while (m->now.boot < until) {
        model_time nap = 0;
        engine_step(e, &nap);
        fw_advance(&m->now, nap < 1 ? 1 : nap < 500 ? nap : 500);
    }
    engine_free(&e);
    for (int i = 0; i < MANY; i++)
        (void)turn(m, i);
    return 0;
}

/* In a process of its own; its status. */
static int run(struct many *m, model_time ms)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        exit(run_here(m, ms));
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int setup(void **state)
{
#ifdef MAP_ANONYMOUS
    int flags = MAP_SHARED | MAP_ANONYMOUS;
#else
    int flags = MAP_SHARED | 0x20;
#endif
    struct many *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (m == MAP_FAILED)
        return -1;
    for (int i = 0; i < MANY; i++)
        fw_begin(&m->worlds[i], one, 1);
    m->now = m->worlds[0];
    m->least_gap = INT64_MAX;
    m->batch = WINDOW;
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    return munmap(*state, sizeof(struct many));
}

static unsigned switches(struct many *m, unsigned *commits)
{
    unsigned n = 0;
    *commits = 0;
    for (int i = 0; i < MANY; i++) {
        const struct fw *w = &turn(m, i)->now;
        fakekit_rule(w);
        n += w->switches;
        *commits += w->commits;
    }
    return n;
}

/* All roll over every ten seconds or so: a window of five has one reload at most. */
static void test_one_reload(void **state)
{
    struct many *m = *state;
    unsigned commits, n;
    assert_int_equal(run(m, 60000), 0);
    n = switches(m, &commits);
    print_message("%d certificates: %u switches, %u reloads\n", MANY, n, m->reloads);
    assert_true(n >= 3 * MANY && commits >= 2 * MANY);
    assert_in_range(m->reloads, 3, 60000 / WINDOW + 1);
    assert_true(m->least_gap >= WINDOW);
}

static void test_off(void **state)
{
    struct many *m = *state;
    unsigned commits, n;
    m->batch = 0;
    assert_int_equal(run(m, 60000), 0);
    n = switches(m, &commits);
    assert_true(n >= 3 * MANY);
    assert_true(m->reloads >= n);
}

/* A switch that turns out wrong goes back at once, in the window. */
static void test_way_back(void **state)
{
    struct many *m = *state;
    unsigned commits;
    m->alone = true;
    m->batch = 600000;
    turn(m, 7)->now.next_wrong = true;
    assert_int_equal(run(m, 30000), 0);
    (void)switches(m, &commits);
    assert_int_equal(turn(m, 7)->now.rollbacks, 1);
    assert_int_equal(m->reloads, 2); /* all together, and the way back */
    assert_true(m->least_gap < WINDOW);
}

/* A day's window holds them back; one that ends within the last margin of validity does not. */
static void test_margin(void **state)
{
    struct many *m = *state;
    const model_time day = INT64_C(24) * 3600 * 1000;
    unsigned commits, once, more;
    m->batch = day;
    assert_int_equal(run(m, 60000), 0);
    once = switches(m, &commits);
    assert_int_equal(m->reloads, 1);
    assert_int_equal(once, MANY);
    m->batch = 90 * day; /* certificates last as long */
    assert_int_equal(run(m, 60000), 0);
    more = switches(m, &commits);
    assert_true(more >= once + 3 * MANY);
}

/* Ended between the renames and the one reload: each takes up its own. */
static void test_crash_before_the_reload(void **state)
{
    struct many *m = *state;
    unsigned commits;
    turn(m, 9)->now.crash_call = FW_INSTALL;
    assert_int_equal(run(m, 60000), FW_EXIT_CRASH);
    assert_int_equal(m->reloads, 0);
    assert_int_equal(run(m, 60000), 0);
    assert_true(switches(m, &commits) >= 3 * MANY);
    assert_true(commits >= 2 * MANY);
}

/* Row 43 for all of them: the reload fails, every file goes back. */
static void test_reload_fails(void **state)
{
    struct many *m = *state;
    unsigned commits, before;
    struct fw_file files[MANY];
    for (int i = 0; i < MANY; i++) {
        turn(m, i)->now.reload_fails = true;
        files[i] = m->now.file;
    }
    assert_int_equal(run(m, 30000), 0);
    assert_true(switches(m, &before) > 0);
    for (int i = 0; i < MANY; i++) {
        assert_memory_equal(files[i].spki, turn(m, i)->now.file.spki, sizeof files[i].spki);
        assert_int_equal(m->now.withdrawals, 0);
        m->now.reload_fails = false;
    }
    assert_int_equal(run(m, 60000), 0);
    (void)switches(m, &commits);
    assert_true(commits >= before + MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_way_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_margin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_before_the_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
