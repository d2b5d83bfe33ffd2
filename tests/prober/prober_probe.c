/* SPDX-License-Identifier: BSD-2-Clause */
#include "prober_probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/tlsa.h"

/* ---- words --------------------------------------------------------------------------- */

void prober_probe_reason(struct prober_probe *p, const char *fmt, ...)
{
    struct err text = ERR_INIT;
    char words[300];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    (void)err_set(&text, OUT_OK, "%s: %s", p->lane->name, n < 0 ? "" : words);
    (void)snprintf(p->reason, sizeof p->reason, "%.390s", text.text);
    (void)snprintf(p->detail, sizeof p->detail, "%.390s", text.text);
}

static void detail(struct prober_probe *p, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Appends. */
static void detail(struct prober_probe *p, const char *fmt, ...)
{
    size_t at = strlen(p->detail);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(p->detail + at, sizeof p->detail - at, fmt, ap);
    va_end(ap);
    if (n < 0)
        p->detail[at] = '\0';
}

void prober_probe_rrset(struct prober_probe *p, const struct port_rrset *rrset)
{
    detail(p, "; TTL %lu, the RRset:", (unsigned long)rrset->ttl);
    for (size_t i = 0; i < rrset->n; i++) {
        char text[64];
        tlsa_print(&rrset->recs[i], text, sizeof text);
        detail(p, "%s %s", i == 0 ? "" : ",", text);
    }
}

static void detail_served(struct prober_probe *p)
{
    detail(p, "; served %s %s %zu certificate(s), leaf SHA-256 ", p->got.version, p->got.leaf_name,
           p->got.chain.n);
    for (size_t i = 0; i < MODEL_ID_LEN; i++)
        detail(p, "%02x", p->got.fingerprint[i]);
}

/* ---- against every RRset that a cache may hold --------------------------------------- */

static enum outcome judge(struct prober_probe *p, const struct port_rrset *rrset,
                          struct danematch_combos *out, struct err *err)
{
    const struct prober_options *options = p->prober->options;
    struct danematch_ask ask = {rrset, options->names, options->n_names, 0};
    return danematch_each(p->prober->judge, &p->got.chain, &ask, out, err);
}

static const struct danematch_combo *find(const struct danematch_combos *list,
                                          struct model_combo combo)
{
    for (size_t i = 0; i < list->n; i++) {
        if (danematch_combo_equal(list->list[i].combo, combo))
            return &list->list[i];
    }
    return NULL;
}

static bool is_ignored(const struct prober_baseline *baseline, struct model_combo combo)
{
    for (size_t i = 0; i < baseline->n; i++) {
        if (danematch_combo_equal(baseline->ignored[i], combo))
            return true;
    }
    return false;
}

/* Ignored is a combination that is there and matches in no RRset. */
static void note_baseline(struct prober_probe *p, const struct danematch_combos *all, size_t n)
{
    struct prober_baseline *baseline = &p->lane->baseline;
    (void)pthread_mutex_lock(&p->prober->lock);
    for (size_t i = 0; !baseline->taken && i < n; i++) {
        for (size_t k = 0; k < all[i].n; k++) {
            struct model_combo combo = all[i].list[k].combo;
            bool matched = is_ignored(baseline, combo) || baseline->n == PORT_RRSET_MAX;
            for (size_t j = 0; j < n && !matched; j++) {
                const struct danematch_combo *same = find(&all[j], combo);
                matched = same != NULL && same->matched;
            }
            if (matched)
                continue;
            baseline->ignored[baseline->n++] = combo;
            (void)fprintf(stderr, "prober: %s: %d %d %d does not match from the start: %s\n",
                          p->lane->name, combo.usage, combo.selector, combo.matching,
                          p->prober->options->ignore_baseline ? "ignored" : "counted all the same");
        }
    }
    if (!p->prober->options->ignore_baseline)
        baseline->n = 0;
    baseline->taken = true;
    (void)pthread_mutex_unlock(&p->prober->lock);
}

static struct prober_baseline baseline_of(struct prober_probe *p)
{
    (void)pthread_mutex_lock(&p->prober->lock);
    struct prober_baseline copy = p->lane->baseline;
    (void)pthread_mutex_unlock(&p->prober->lock);
    return copy;
}

static void explain_stale(struct prober_probe *p, const struct prober_view *view,
                          const struct danematch_combo *combo)
{
    char server[96];
    const struct prober_options *options = p->prober->options;
    if (view->server < options->n_auth)
        prober_at_text(&options->auth[view->server], server, sizeof server);
    else
        (void)snprintf(server, sizeof server, "the resolver");
    prober_probe_reason(p, "%d %d %d of an RRset that a cache may hold: %s", combo->combo.usage,
                        combo->combo.selector, combo->combo.matching, combo->why);
    detail(p, "; %s gave it last %.3f s before the handshake, cacheable for %.3f s more", server,
           (double)(p->shook - view->given) / 1e9, (double)(view->until - p->shook) / 1e9);
    prober_probe_rrset(p, view->rrset);
    detail_served(p);
}

static bool find_stale(struct prober_probe *p, const struct danematch_combos *all)
{
    struct prober_baseline baseline = baseline_of(p);
    for (size_t i = 0; i < p->n_view; i++) {
        for (size_t k = 0; k < all[i].n; k++) {
            const struct danematch_combo *combo = &all[i].list[k];
            if (combo->matched || is_ignored(&baseline, combo->combo))
                continue;
            explain_stale(p, &p->view[i], combo);
            return true;
        }
    }
    return false;
}

/* What the sender itself has may be cached too, of course. */
static void add_live(struct prober_probe *p)
{
    for (size_t i = 0; i < p->n_view; i++) {
        if (prober_held_equal(p->view[i].rrset, p->live))
            return;
    }
    if (p->live->n > 0 && p->n_view < PROBER_HELD_VIEW)
        p->view[p->n_view++] =
            (struct prober_view){p->live, PROBER_HELD_SERVERS, p->shook,
                                 p->shook + (int64_t)p->live->ttl * PROBER_SECOND};
}

/* ---- the verdict --------------------------------------------------------------------- */

static bool leaf_fits(const struct prober_alg *alg, enum port_alg leaf)
{
    if (alg->any_size)
        return leaf == PORT_ALG_RSA2048 || leaf == PORT_ALG_RSA3072 || leaf == PORT_ALG_RSA4096;
    return alg->alg == 0 || alg->alg == leaf;
}

static enum prober_verdict judge_live(struct prober_probe *p)
{
    if (!leaf_fits(p->lane->alg, p->got.leaf_alg)) {
        prober_probe_reason(p, "asked for %s, the certificate has %s", p->lane->alg->name,
                            p->got.leaf_name);
        detail_served(p);
        return PROBER_FAILED;
    }
    if (p->live->n > 0 && p->got.verdict.usable == 0) {
        prober_probe_reason(p, "%s", p->got.verdict.why);
        prober_probe_rrset(p, p->live);
        return PROBER_OTHER;
    }
    if (p->live->n > 0 && !p->got.verdict.verified) {
        prober_probe_reason(p, "%s", p->got.verdict.why);
        prober_probe_rrset(p, p->live);
        detail_served(p);
        return PROBER_FAILED;
    }
    return PROBER_VERIFIED;
}

enum outcome prober_probe_judge(struct prober_probe *p, enum prober_verdict *verdict,
                                struct err *err)
{
    *verdict = judge_live(p);
    add_live(p);
    bool first = !baseline_of(p).taken;
    if (*verdict != PROBER_VERIFIED && !first)
        return OUT_OK;
    struct danematch_combos *all = calloc(p->n_view + 1, sizeof *all);
    if (all == NULL)
        return err_errno(err, "the verdicts of one probe");
    enum outcome rc = OUT_OK;
    for (size_t i = 0; i < p->n_view && rc == OUT_OK; i++)
        rc = judge(p, p->view[i].rrset, &all[i], err);
    if (rc == OUT_OK && first)
        note_baseline(p, all, p->n_view);
    if (rc == OUT_OK && *verdict == PROBER_VERIFIED && find_stale(p, all))
        *verdict = PROBER_STALE;
    free(all);
    return rc;
}

enum outcome prober_probe_unpublished(struct prober_probe *p, struct err *err)
{
    enum outcome rc = prober_held_at(p->prober->held, prober_clock(), p->view, &p->n_view, err);
    if (rc == OUT_OK && p->n_view == 0)
        note_baseline(p, NULL, 0);
    return rc == OUT_OK ? OUT_OK : OUT_BROKEN;
}
