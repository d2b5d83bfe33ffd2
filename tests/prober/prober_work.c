/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/smtp.h"
#include "prober_probe.h"

#define QUIT_MS 2000

/* What a failure before the end of the handshake is counted as. */
static enum outcome unfinished(struct prober_probe *p, enum outcome rc,
                               enum prober_verdict *verdict, const struct err *err)
{
    *verdict = rc == OUT_RETRY ? PROBER_OTHER : PROBER_FAILED;
    prober_probe_reason(p, "%s", err->text);
    if (rc == OUT_REFUSED && p->live->n > 0)
        prober_probe_rrset(p, p->live);
    return rc == OUT_BROKEN ? rc : OUT_OK;
}

static enum outcome shake(struct prober_probe *p, int fd, model_time deadline, struct err *err)
{
    const struct prober_options *options = p->prober->options;
    struct handshake *hs = NULL;
    struct handshake_ask ask = {.alg = p->lane->alg->alg,
                                .sni = options->sni,
                                .rrset = p->live->n > 0 ? p->live : NULL,
                                .names = options->names,
                                .n_names = options->n_names,
                                .deadline = deadline};
    p->shook = prober_clock();
    enum outcome rc = prober_held_at(p->prober->held, p->shook, p->view, &p->n_view, err);
    if (rc != OUT_OK)
        return OUT_BROKEN;
    rc = handshake_start(p->prober->client, fd, &ask, &hs, &p->got, err);
    if (rc != OUT_OK)
        return rc;
    struct err unheard = ERR_INIT;
    model_time patience = handshake_clock() + QUIT_MS;
    (void)smtp_quit(hs, patience < deadline ? patience : deadline, &unheard);
    handshake_free(&hs);
    return OUT_OK;
}

static enum outcome knock(struct prober_probe *p, enum prober_verdict *verdict, struct err *err)
{
    int fd = -1;
    const struct prober_at *at = &p->lane->at;
    model_time deadline = handshake_clock() + p->prober->options->timeout_ms;
    enum outcome rc = smtp_connect(at->ip, at->port, deadline, &fd, err);
    if (rc == OUT_OK)
        rc = smtp_starttls(fd, "prober.invalid", deadline, err);
    if (rc == OUT_OK)
        rc = shake(p, fd, deadline, err);
    if (fd >= 0)
        (void)close(fd);
    if (rc == OUT_OK)
        rc = prober_probe_judge(p, verdict, err);
    else
        rc = unfinished(p, rc, verdict, err);
    handshake_result_free(&p->got);
    return rc;
}

static enum outcome probe(struct prober_probe *p, enum prober_verdict *verdict, struct err *err)
{
    const struct prober_options *options = p->prober->options;
    struct prober_answer answer;
    struct prober_dns *dns = p->resolver;
    if (options->direct)
        dns = p->auth[p->number / p->prober->n_lanes % options->n_auth];
    *verdict = PROBER_OTHER;
    enum outcome rc = prober_dns_tlsa(dns, options->tlsa, p->live, &answer, err);
    if (rc != OUT_OK)
        return rc;
    if (answer.kind == PROBER_DNS_FAILED) {
        prober_probe_reason(p, "TLSA lookup: %s", answer.why);
        return OUT_OK;
    }
    if (!answer.secure && !options->direct) {
        prober_probe_reason(p, "the TLSA answer is not validated (no AD)");
        return OUT_OK;
    }
    if (answer.kind == PROBER_DNS_NODATA && options->expect_tlsa) {
        prober_probe_reason(p, "no TLSA record");
        return prober_probe_unpublished(p, err);
    }
    return knock(p, verdict, err);
}

/* ---- the worker ---------------------------------------------------------------------- */

static enum outcome work_begin(struct prober_probe *p, struct err *err)
{
    const struct prober_options *options = p->prober->options;
    unsigned timeout = options->timeout_ms / 3;
    p->live = calloc(1, sizeof *p->live);
    if (p->live == NULL)
        return err_errno(err, "an RRset");
    enum outcome rc = prober_dns_new(&options->resolver, true, timeout, &p->resolver, err);
    for (size_t i = 0; rc == OUT_OK && options->direct && i < options->n_auth; i++)
        rc = prober_dns_new(&options->auth[i], false, timeout, &p->auth[i], err);
    return rc;
}

static void work_end(struct prober_probe *p)
{
    for (size_t i = 0; i < PROBER_HELD_SERVERS; i++)
        prober_dns_free(&p->auth[i]);
    prober_dns_free(&p->resolver);
    free(p->live);
}

/* Takes a number, waits for its turn; false when there is no further probe. */
static bool next_number(struct prober_probe *p)
{
    struct prober *prober = p->prober;
    const struct prober_options *options = prober->options;
    p->number = atomic_fetch_add(&prober->next, 1);
    if (options->count != 0 && p->number >= options->count)
        return false;
    if (options->rate != 0) {
        int64_t due = prober->begin + (int64_t)p->number * PROBER_SECOND / options->rate;
        prober_sleep(due - prober_clock());
    }
    return !atomic_load(&prober->stop);
}

void *prober_work_run(void *arg)
{
    struct prober *prober = arg;
    struct err err = ERR_INIT;
    struct prober_probe *p = calloc(1, sizeof *p);
    enum outcome rc = OUT_BROKEN;
    if (p != NULL) {
        p->prober = prober;
        rc = work_begin(p, &err);
    }
    while (rc == OUT_OK && next_number(p)) {
        enum prober_verdict verdict = PROBER_OTHER;
        p->lane = &prober->lanes[p->number % prober->n_lanes];
        p->n_view = 0;
        p->reason[0] = p->detail[0] = '\0';
        rc = probe(p, &verdict, &err);
        if (rc == OUT_OK) {
            prober_tally_add(prober->tally, verdict, p->reason, p->detail);
            err_clear(&err);
        }
    }
    if (rc != OUT_OK)
        prober_break(prober, "a worker", &err);
    if (p != NULL)
        work_end(p);
    free(p);
    (void)atomic_fetch_sub(&prober->working, 1);
    return NULL;
}
