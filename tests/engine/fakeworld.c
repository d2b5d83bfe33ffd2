/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/engine/fakeworld.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FW_STEPS_MAX 20000

struct fw *fw_new(void)
{
    int fd = -1;
#ifdef MAP_ANONYMOUS
    int flags = MAP_SHARED | MAP_ANONYMOUS;
#else
    int flags = MAP_SHARED | 0x20;
#endif
    void *at = mmap(NULL, sizeof(struct fw), PROT_READ | PROT_WRITE, flags, fd, 0);
    return at == MAP_FAILED ? NULL : at;
}

void fw_free(struct fw **w)
{
    if (*w != NULL)
        (void)munmap(*w, sizeof **w);
    *w = NULL;
}

static bool set_has(const struct fw_rrset *set, const uint8_t rec[MODEL_ID_LEN])
{
    for (uint8_t i = 0; i < set->n; i++) {
        if (memcmp(set->rec[i], rec, MODEL_ID_LEN) == 0)
            return true;
    }
    return false;
}

bool fw_numbers(const char *text, const char *word, long long *out, size_t n)
{
    size_t len = strlen(word);
    if (strncmp(text, word, len) != 0)
        return false;
    text += len;
    for (size_t i = 0; i < n; i++) {
        char *end = NULL;
        out[i] = strtoll(text, &end, 10);
        if (end == text)
            return false;
        text = end;
    }
    return *text == '\0';
}

/* ---- the judge ------------------------------------------------------------------------ */

static void judge_file(struct fw *w, const struct fw_file *file, const struct fw_given *g)
{
    for (uint8_t i = 0; i < file->n; i++) {
        if (set_has(&g->set, file->spki[i]))
            continue;
        w->violations++;
        (void)snprintf(w->why, sizeof w->why,
                       "at %lld: a chain of algorithm %u served, no record of it in a cached RRset "
                       "of %u records",
                       (long long)w->boot, file->alg[i], g->set.n);
    }
}

static void remember(struct fw *w, const struct fw_rrset *set)
{
    struct fw_given *slot = &w->given[0];
    for (size_t i = 0; i < FW_HISTORY; i++) {
        struct fw_given *g = &w->given[i];
        if (g->until >= w->boot && memcmp(&g->set, set, sizeof *set) == 0) {
            g->until = w->boot + (model_time)w->ttl * 1000;
            return;
        }
        if (g->until < slot->until)
            slot = g;
    }
    slot->set = *set;
    slot->until = w->boot + (model_time)w->ttl * 1000;
}

void fw_check(struct fw *w)
{
    for (size_t s = 0; s < FW_SERVERS; s++)
        remember(w, &w->server[s]);
    for (size_t i = 0; i < FW_HISTORY; i++) {
        const struct fw_given *g = &w->given[i];
        if (g->until < w->boot || g->set.n == 0)
            continue; /* no record: no DANE, nothing to break */
        judge_file(w, &w->file, g);
        for (size_t p = 0; p < FW_PROCS; p++) {
            if (w->procs[p].alive)
                judge_file(w, &w->procs[p].file, g);
        }
    }
}

void fw_advance(struct fw *w, model_time ms)
{
    while (ms > 0) {
        model_time tick = ms < 100 ? ms : 100;
        w->boot += tick;
        w->wall += tick;
        ms -= tick;
        for (size_t s = 0; s < FW_SERVERS; s++) {
            if (!w->frozen[s] && w->boot >= w->changed + w->lag[s])
                w->server[s] = w->primary;
        }
        fw_check(w);
    }
}

void fw_new_key(struct fw *w, enum port_alg alg, uint8_t spki[MODEL_ID_LEN])
{
    uint32_t k = w->next_key++ % FW_KEYS;
    memset(spki, 0, MODEL_ID_LEN);
    spki[0] = (uint8_t)(w->next_key >> 8);
    spki[1] = (uint8_t)w->next_key;
    spki[2] = (uint8_t)alg;
    w->has_key[k] = true;
    w->key_alg[k] = (uint8_t)alg;
    memcpy(w->keys[k], spki, MODEL_ID_LEN);
}

void fw_write_cert(struct fw *w, const uint8_t spki[MODEL_ID_LEN], char *pem, size_t size)
{
    (void)snprintf(pem, size, "CERT %u %u %u %u %lld %lld", spki[0], spki[1], spki[2],
                   ++w->next_cert, (long long)(w->wall - 1000),
                   (long long)(w->wall + INT64_C(90) * 86400 * 1000));
}

void fw_new_procs(struct fw *w)
{
    for (size_t p = 0; p < FW_PROCS; p++) {
        if (w->procs[p].alive && !w->procs[p].held)
            w->procs[p].alive = false;
    }
    for (size_t p = 0; p < FW_PROCS; p++) {
        if (w->procs[p].alive)
            continue;
        w->procs[p].alive = true;
        w->procs[p].held = false;
        w->procs[p].started = w->boot;
        w->procs[p].file = w->file;
        return;
    }
}

/* ---- putting it together -------------------------------------------------------------- */

void fw_begin(struct fw *w, const enum port_alg *algs, size_t n_algs)
{
    memset(w, 0, sizeof *w);
    w->boot = 1000;
    w->boot_id = 1; /* all zeros would mean "put back from a backup" */
    w->wall = INT64_C(1800000000) * 1000;
    w->ttl = 2;
    w->postfix_up = true;
    w->workers = FW_JOBS;
    w->shortest_pause = INT64_MAX;
    w->loud = getenv("FW_LOUD") != NULL;
    for (size_t i = 0; i < n_algs; i++) {
        fw_new_key(w, algs[i], w->file.spki[i]);
        w->file.alg[i] = (uint8_t)algs[i];
        fw_write_cert(w, w->file.spki[i], w->file.pem[i], FW_PEM);
        w->file.n++;
    }
    fw_new_procs(w);
}

/* The operator, with danectl resume. */
static bool fw_resume(struct engine *e, const char *name)
{
    struct err err = ERR_INIT;
    char text[ENGINE_REPLY_MAX];
    const struct engine_command c = {.verb = ENGINE_RESUME, .certificate = name, .uid = -1};
    if (engine_command(e, &c, text, sizeof text, &err) == OUT_OK)
        return true;
    (void)fprintf(stderr, "engine: %s\n", err.text);
    return false;
}

static int run_engine(struct fw *w, const enum port_alg *algs, size_t n_algs, model_time until)
{
    struct engine_world world;
    struct engine_certificate cert;
    struct engine *e = NULL;
    struct err err = ERR_INIT;
    fw_world(w, &world);
    world.switched = fw_switched;
    world.switched_self = w;
    fw_certificate(w, algs, n_algs, &cert);
    if (engine_new(&world, &e, &err) != OUT_OK || engine_add(e, &cert, &err) != OUT_OK) {
        (void)fprintf(stderr, "engine: %s\n", err.text);
        engine_free(&e);
        return FW_EXIT_REFUSED;
    }
    if (w->resume && !fw_resume(e, cert.name))
        w->resumes_refused++;
    unsigned idle = 0;
    memset(w->jobs, 0, sizeof w->jobs); /* of a process that is gone */
    for (unsigned i = 0; w->boot < until && idle < FW_STEPS_MAX; i++) {
        model_time nap = 0, before = w->boot;
        engine_step(e, &nap);
        if (nap > until - w->boot)
            nap = until - w->boot;
        for (size_t j = 0; j < FW_JOBS; j++) { /* a worker wakes the engine's clock */
            if (w->jobs[j].fn != NULL && w->jobs[j].due - w->boot < nap)
                nap = w->jobs[j].due > w->boot ? w->jobs[j].due - w->boot : 0;
        }
        if (w->command_at > w->boot && w->command_at - w->boot < nap)
            nap = w->command_at - w->boot;
        fw_advance(w, nap);
        fw_work(w, false);
        fw_command(w, e);
        idle = w->boot == before ? idle + 1 : 0;
    }
    fw_work(w, true);
    engine_free(&e);
    return idle < FW_STEPS_MAX ? 0 : FW_EXIT_BAD;
}

int fw_status(struct fw *w, const enum port_alg *algs, size_t n_algs, model_time ms)
{
    model_time until = w->boot + ms;
    pid_t pid = fork();
    if (pid == 0)
        exit(run_engine(w, algs, n_algs, until)); /* exit, so that leaks are looked for */
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool fw_run(struct fw *w, const enum port_alg *algs, size_t n_algs, model_time ms)
{
    int status = fw_status(w, algs, n_algs, ms);
    if (status != 0 && status != FW_EXIT_CRASH) {
        w->violations++;
        (void)snprintf(w->why, sizeof w->why, "the engine ended with status %d", status);
    }
    return status == 0;
}
