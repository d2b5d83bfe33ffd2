/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/lookup.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/exchange.h"
#include "dns/wire.h"

struct lookup {
    struct ub_ctx *ctx;
};

/* ---- the context --------------------------------------------------------------------- */

struct option {
    const char *name, *value;
};

static enum outcome set_options(struct ub_ctx *ctx, const struct option *options, size_t n,
                                struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        int code = ub_ctx_set_option(ctx, options[i].name, options[i].value);
        if (code != 0)
            return err_set(err, OUT_BROKEN, "libunbound %s refuses its option %s %s: %s",
                           ub_version(), options[i].name, options[i].value, ub_strerror(code));
    }
    return OUT_OK;
}

static enum outcome need_file(const char *path, const char *what, struct err *err)
{
    if (access(path, R_OK) == 0)
        return OUT_OK;
    return err_errno(err, "cannot read the %s %s", what, path);
}

static enum outcome set_anchors(struct ub_ctx *ctx, const struct lookup_settings *settings,
                                struct err *err)
{
    if (settings->trust_anchor != NULL) {
        enum outcome out = need_file(settings->trust_anchor, "trust anchor", err);
        if (out != OUT_OK)
            return out;
        int code = ub_ctx_add_ta_file(ctx, settings->trust_anchor);
        if (code != 0)
            return err_set(err, OUT_BROKEN, "libunbound does not take the trust anchor %s: %s",
                           settings->trust_anchor, ub_strerror(code));
    }
    for (size_t i = 0; settings->anchors != NULL && settings->anchors[i] != NULL; i++) {
        int code = ub_ctx_add_ta(ctx, settings->anchors[i]);
        if (code != 0)
            return err_set(err, OUT_BROKEN, "libunbound does not take a key of the zone: %s",
                           ub_strerror(code));
    }
    return OUT_OK;
}

static enum outcome set_servers(struct ub_ctx *ctx, const struct lookup_settings *settings,
                                struct err *err)
{
    if (settings->root_hints != NULL) {
        const struct option hints = {"root-hints:", settings->root_hints};
        enum outcome out = need_file(settings->root_hints, "root hints", err);
        if (out == OUT_OK)
            out = set_options(ctx, &hints, 1, err);
        if (out != OUT_OK)
            return out;
    }
    for (size_t i = 0; settings->forward != NULL && settings->forward[i] != NULL; i++) {
        int code = ub_ctx_set_fwd(ctx, settings->forward[i]);
        if (code != 0)
            return err_set(err, OUT_REFUSED,
                           "\"%s\" is no address of a resolver (an IP address, or IP@port): %s",
                           settings->forward[i], ub_strerror(code));
    }
    return OUT_OK;
}

static enum outcome configure(struct ub_ctx *ctx, const struct lookup_settings *settings,
                              struct err *err)
{
    const struct option options[] = {
        {"module-config:", settings->validate ? "validator iterator" : "iterator"},
        {"val-sig-skew-min:", "0"},
        {"val-sig-skew-max:", "0"},
        {"do-not-query-localhost:", "no"},
        {"local-zone:", "test. transparent"}, /* else made empty (RFC 6761) */
        {"prefetch:", "no"},
    };
    int code = ub_ctx_debugout(ctx, NULL);
    if (code == 0)
        code = ub_ctx_async(ctx, 1);
    if (code != 0)
        return err_set(err, OUT_BROKEN, "libunbound: %s", ub_strerror(code));
    enum outcome out = set_options(ctx, options, sizeof options / sizeof options[0], err);
    if (out == OUT_OK && settings->validate)
        out = set_anchors(ctx, settings, err);
    if (out == OUT_OK)
        out = set_servers(ctx, settings, err);
    return out;
}

enum outcome lookup_open(const struct lookup_settings *settings, struct lookup **out,
                         struct err *err)
{
    *out = NULL;
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    lookup->ctx = ub_ctx_create();
    if (lookup->ctx == NULL) {
        free(lookup);
        return err_errno(err, "libunbound cannot make a context");
    }
    enum outcome res = configure(lookup->ctx, settings, err);
    if (res != OUT_OK)
        lookup_close(&lookup);
    *out = lookup;
    return res;
}

void lookup_close(struct lookup **lookup)
{
    if (*lookup == NULL)
        return;
    ub_ctx_delete((*lookup)->ctx);
    free(*lookup);
    *lookup = NULL;
}

int lookup_fd(const struct lookup *lookup)
{
    return ub_fd(lookup->ctx);
}

/* ---- answers ------------------------------------------------------------------------- */

/* "validation failure <name TLSA IN>: signature expired from 192.0.2.1 for <...>", possibly with
 * another such text inside: the part after the last of these heads, as the rest of the sentence
 * names the question anyway. */
static void bogus_reason(struct lookup_ask *ask)
{
    const char *text = ask->result->why_bogus;
    if (text == NULL || text[0] == '\0')
        text = "DNSSEC validation failed";
    for (const char *at = strstr(text, ">: "); at != NULL; at = strstr(text, ">: "))
        text = at + 3;
    (void)snprintf(ask->why, sizeof ask->why, "%s", text);
}

static void judge(struct lookup_ask *ask)
{
    const struct ub_result *result = ask->result;
    bool answered = result->rcode == LDNS_RCODE_NOERROR || result->rcode == LDNS_RCODE_NXDOMAIN;
    if (result->bogus) {
        ask->verdict = LOOKUP_BOGUS;
        bogus_reason(ask);
    } else if (!answered) {
        ask->verdict = LOOKUP_FAILED;
        (void)snprintf(ask->why, sizeof ask->why, "looking it up failed: %s",
                       wire_rcode_name(result->rcode));
    } else {
        ask->verdict = result->secure ? LOOKUP_SECURE : LOOKUP_INSECURE;
    }
}

static void arrived(void *arg, int code, struct ub_result *result)
{
    struct lookup_ask *ask = arg;
    ask->done = true;
    ask->result = result;
    if (code == 0 && result != NULL) {
        judge(ask);
        return;
    }
    ask->verdict = LOOKUP_FAILED;
    (void)snprintf(ask->why, sizeof ask->why, "looking it up failed: %s", ub_strerror(code));
}

/* ---- running ------------------------------------------------------------------------- */

enum outcome lookup_begin(struct lookup *lookup, struct lookup_ask *asks, size_t n, struct err *err)
{
    enum outcome out = OUT_OK;
    sigset_t all;
    sigset_t before;
    for (size_t i = 0; i < n; i++) {
        asks[i].result = NULL;
        asks[i].done = true;
        asks[i].verdict = LOOKUP_FAILED;
        asks[i].why[0] = '\0';
    }
    if (n > LOOKUP_MAX)
        return err_set(err, OUT_BROKEN, "%zu lookups at once, at most %d", n, LOOKUP_MAX);
    /* The first question starts the thread, which inherits this mask. */
    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return err_set(err, OUT_BROKEN, "cannot block signals for libunbound's thread");
    for (size_t i = 0; i < n && out == OUT_OK; i++) {
        asks[i].done = false;
        int code = ub_resolve_async(lookup->ctx, asks[i].name, asks[i].type, LDNS_RR_CLASS_IN,
                                    &asks[i], arrived, &asks[i].id);
        if (code == 0)
            continue;
        asks[i].done = true;
        out = err_set(err, OUT_BROKEN,
                      "libunbound cannot start (%s): are the trust anchor and root hints as they "
                      "should be?",
                      ub_strerror(code));
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (out != OUT_OK)
        lookup_stop(lookup, asks, n);
    return out;
}

enum outcome lookup_step(struct lookup *lookup, struct lookup_ask *asks, size_t n, size_t *open,
                         struct err *err)
{
    int code = ub_process(lookup->ctx);
    *open = 0;
    for (size_t i = 0; i < n; i++)
        *open += !asks[i].done;
    if (code == 0)
        return OUT_OK;
    lookup_stop(lookup, asks, n);
    return err_set(err, OUT_BROKEN, "libunbound's thread is gone: %s", ub_strerror(code));
}

void lookup_stop(struct lookup *lookup, struct lookup_ask *asks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (asks[i].done)
            continue;
        /* Fails only when the answer is in the pipe already; it finds no taker there. */
        (void)ub_cancel(lookup->ctx, asks[i].id);
        asks[i].done = true;
        asks[i].verdict = LOOKUP_FAILED;
        (void)snprintf(asks[i].why, sizeof asks[i].why, "looking it up took too long");
    }
}

enum outcome lookup_run(struct lookup *lookup, struct lookup_ask *asks, size_t n, int ms,
                        struct err *err)
{
    int64_t end = exchange_now() + ms;
    size_t open = 0;
    enum outcome out = lookup_begin(lookup, asks, n, err);
    if (out == OUT_OK)
        out = lookup_step(lookup, asks, n, &open, err);
    while (out == OUT_OK && open > 0) {
        struct pollfd fd = {.fd = lookup_fd(lookup), .events = POLLIN};
        int64_t left = end - exchange_now();
        if (left <= 0)
            break;
        if (poll(&fd, 1, (int)left) < 0 && errno != EINTR) {
            out = err_errno(err, "cannot wait for libunbound");
            break;
        }
        out = lookup_step(lookup, asks, n, &open, err);
    }
    lookup_stop(lookup, asks, n);
    return out;
}

void lookup_free(struct lookup_ask *asks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ub_resolve_free(asks[i].result);
        asks[i].result = NULL;
    }
}
