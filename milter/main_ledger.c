/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session ledger: what was saved of it, a thread that saves, and suspicions for the engine.
 *
 * The saver sleeps without end until a session has ended; then it waits MAIN_LEDGER_MS for others,
 * and saves. Whatever goes wrong with the disk is said once, and costs counts alone.
 */
#include "config.h"

#include "milter/main.h"

#include "base/text.h"
#include "milter/ledger.h"
#include "store/ledgerdb.h"

#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAIN_LEDGER_S 30 /* between two savings */
#define MAIN_LEDGER_BATCH 256

_Static_assert(LEDGERDB_KINDS == SESSION_TLS_N, "a column for each protocol");
_Static_assert(LEDGERDB_TEXT >= LEDGER_DOMAIN_MAX && LEDGERDB_TEXT >= LEDGER_CIPHER_MAX, "room");

struct main_ledger {
    struct daemon *daemon;
    struct ledgerdb *db; /* the saver's alone while it runs; NULL: nothing is saved */
    bool failed;         /* and that was said */
    pthread_t thread;
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t news;
    bool changed, suspect, stop;
    unsigned suspects; /* for the engine, since it asked last */
    char who[TEXT_IP_MAX + LEDGER_DOMAIN_MAX + 32];
};

/* ---- rows and entries ---------------------------------------------------------------------- */

static void to_row(const struct ledger_entry *e, struct ledgerdb_row *r)
{
    memset(r, 0, sizeof *r);
    memcpy(r->net, e->client.net, sizeof r->net);
    r->bits = e->client.bits;
    r->since = e->since;
    r->last = e->last;
    r->last_plain = e->last_plain;
    r->sessions = e->sessions;
    r->gone = e->gone;
    memcpy(r->tls, e->tls, sizeof r->tls);
    memcpy(r->mail, e->mail, sizeof r->mail);
    (void)text_format(r->domain, sizeof r->domain, "%s", e->client.domain);
    (void)text_format(r->cipher, sizeof r->cipher, "%s", e->cipher);
}

static bool restore(void *self, const struct ledgerdb_row *r, model_time suspected)
{
    struct ledger_entry e;
    (void)suspected;
    memset(&e, 0, sizeof e);
    memcpy(e.client.net, r->net, sizeof e.client.net);
    e.client.bits = r->bits;
    e.since = r->since;
    e.last = r->last;
    e.last_plain = r->last_plain;
    e.sessions = r->sessions;
    e.gone = r->gone;
    memcpy(e.tls, r->tls, sizeof e.tls);
    memcpy(e.mail, r->mail, sizeof e.mail);
    (void)text_format(e.client.domain, sizeof e.client.domain, "%s", r->domain);
    (void)text_format(e.cipher, sizeof e.cipher, "%s", r->cipher);
    ledger_restore(self, &e);
    return true;
}

/* ---- saving -------------------------------------------------------------------------------- */

static model_time wall_ms(void)
{
    struct port_time t;
    struct err err = ERR_INIT;
    return sysclock_ops.now(NULL, &t, &err) == OUT_OK ? t.wall : 0;
}

/* Whoever was last seen before that is forgotten; 0: the clock is not known. */
static model_time oldest(const struct daemon *d)
{
    model_time now = wall_ms();
    return now > d->conf->policy.memory ? now - d->conf->policy.memory : 0;
}

static void note(struct main_ledger *m, enum outcome out, struct err *err)
{
    if (out == OUT_OK) {
        m->failed = false;
        return;
    }
    if (!m->failed) {
        err_prepend(err, "sessions are counted, but their counts are not saved");
        maillog_ops.line(&m->daemon->log, PORT_LOG_WARNING, err->text);
    }
    m->failed = true;
}

/* What has changed, a batch at most; false: there was less than that, and all of it is taken. */
static bool save_batch(struct main_ledger *m, struct ledger_entry *entries,
                       struct ledgerdb_row *rows)
{
    struct err err = ERR_INIT;
    size_t n = ledger_take_changed(m->daemon->ledger, entries, MAIN_LEDGER_BATCH);
    for (size_t i = 0; i < n; i++)
        to_row(&entries[i], &rows[i]);
    if (n > 0 && m->db != NULL)
        note(m, ledgerdb_put(m->db, rows, n, oldest(m->daemon), &err), &err);
    return n == MAIN_LEDGER_BATCH;
}

static void save(struct main_ledger *m)
{
    struct err err = ERR_INIT;
    struct ledger_entry *entries = calloc(MAIN_LEDGER_BATCH, sizeof *entries);
    struct ledgerdb_row *rows = calloc(MAIN_LEDGER_BATCH, sizeof *rows);
    int64_t left = m->daemon->conf->policy.ledger_clients / MAIN_LEDGER_BATCH + 1;
    bool more = true;
    if (entries == NULL || rows == NULL)
        note(m, err_errno(&err, "%d clients", MAIN_LEDGER_BATCH), &err);
    else
        while (more && left-- > 0)
            more = save_batch(m, entries, rows);
    if (more) { /* in the next round: of what is left there comes no news */
        (void)pthread_mutex_lock(&m->lock);
        m->changed = true;
        (void)pthread_mutex_unlock(&m->lock);
    }
    free(entries);
    free(rows);
}

/* ---- suspicions ------------------------------------------------------------------------------ */

static void name_client(const struct ledger_client *c, char *out, size_t size)
{
    char ip[TEXT_IP_MAX];
    text_ip(c->net, ip);
    bool v4 = strchr(ip, ':') == NULL;
    (void)text_format(out, size, "%s/%d%s%s", ip, v4 ? c->bits - 96 : c->bits,
                      c->domain[0] != '\0' ? " " : "", c->domain);
}

static void take_suspects(struct main_ledger *m)
{
    struct ledger_entry e;
    struct ledgerdb_row row;
    struct err err = ERR_INIT;
    bool any = false;
    while (ledger_suspect(m->daemon->ledger, &e)) {
        to_row(&e, &row);
        if (m->db != NULL)
            note(m, ledgerdb_suspect(m->db, &row, wall_ms(), &err), &err);
        err_clear(&err);
        (void)pthread_mutex_lock(&m->lock);
        m->suspects++;
        name_client(&e.client, m->who, sizeof m->who);
        (void)pthread_mutex_unlock(&m->lock);
        any = true;
    }
    if (any)
        sysclock_wake(&m->daemon->clock);
}

void main_ledger_take(struct daemon *d)
{
    struct main_ledger *m = d->sessions;
    char who[sizeof m->who] = "", why[512];
    if (m == NULL || d->engine == NULL)
        return;
    (void)pthread_mutex_lock(&m->lock);
    unsigned n = m->suspects;
    m->suspects = 0;
    memcpy(who, m->who, sizeof who);
    (void)pthread_mutex_unlock(&m->lock);
    if (n == 0)
        return;
    (void)text_format(why, sizeof why,
                      "%s completed by TLS before the last switch, and since then ends after HELO "
                      "without TLS and without mail (%u such clients just now)",
                      who, n);
    engine_suspect(d->engine, NULL, why);
}

void main_ledger_switched(void *daemon)
{
    const struct daemon *d = daemon;
    if (d->ledger != NULL)
        ledger_switched(d->ledger);
}

/* ---- the saver --------------------------------------------------------------------------------
 */

/* From a session's thread. */
static void news(void *self, bool suspect)
{
    struct main_ledger *m = self;
    (void)pthread_mutex_lock(&m->lock);
    m->changed = true;
    m->suspect = m->suspect || suspect;
    (void)pthread_cond_signal(&m->news);
    (void)pthread_mutex_unlock(&m->lock);
}

/* Locked. Returns what is due: something was counted, and then so much time went by, or a suspect
 * came, or it is the end. */
static void await(struct main_ledger *m, bool *stop, bool *suspect)
{
    struct timespec until;
    while (!m->changed && !m->stop)
        (void)pthread_cond_wait(&m->news, &m->lock);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += MAIN_LEDGER_S;
    while (!m->suspect && !m->stop) {
        if (pthread_cond_timedwait(&m->news, &m->lock, &until) != 0)
            break; /* the time is over */
    }
    *stop = m->stop;
    *suspect = m->suspect;
    m->changed = false;
    m->suspect = false;
}

static void *saver(void *arg)
{
    struct main_ledger *m = arg;
    bool stop = false, suspect = false;
    while (!stop) {
        (void)pthread_mutex_lock(&m->lock);
        await(m, &stop, &suspect);
        (void)pthread_mutex_unlock(&m->lock);
        if (suspect)
            take_suspects(m);
        save(m);
    }
    return NULL;
}

static enum outcome begin(struct main_ledger *m, struct err *err)
{
    pthread_condattr_t monotonic;
    struct err more = ERR_INIT;
    int failed = pthread_mutex_init(&m->lock, NULL);
    if (failed == 0)
        failed = pthread_condattr_init(&monotonic);
    if (failed == 0)
        failed = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    if (failed == 0)
        failed = pthread_cond_init(&m->news, &monotonic);
    if (failed == 0) {
        enum outcome out = daemon_hold_signals(err);
        if (out != OUT_OK)
            return out;
        failed = pthread_create(&m->thread, NULL, saver, m);
        if (daemon_let_signals(&more) != OUT_OK)
            maillog_ops.line(&m->daemon->log, PORT_LOG_ERROR, more.text);
    }
    errno = failed;
    return failed == 0 ? OUT_OK : err_errno(err, "the thread that saves sessions");
}

/* ---- life -------------------------------------------------------------------------------------
 */

/* The addresses that our proofs come from. */
static void find_ours(struct ledger *l)
{
    uint8_t ours[LEDGER_OURS_MAX][16];
    struct ifaddrs *all = NULL;
    size_t n = 0;
    memset(ours, 0, sizeof ours);
    if (getifaddrs(&all) != 0)
        return; /* a proof is counted as a session then, no more */
    for (const struct ifaddrs *a = all; a != NULL && n < LEDGER_OURS_MAX; a = a->ifa_next) {
        if (a->ifa_addr != NULL && a->ifa_addr->sa_family == AF_INET6) {
            struct sockaddr_in6 in6;
            memcpy(&in6, a->ifa_addr, sizeof in6);
            memcpy(ours[n++], &in6.sin6_addr, 16);
        } else if (a->ifa_addr != NULL && a->ifa_addr->sa_family == AF_INET) {
            struct sockaddr_in in;
            memcpy(&in, a->ifa_addr, sizeof in);
            memset(ours[n] + 10, 0xff, 2);
            memcpy(ours[n++] + 12, &in.sin_addr, 4);
        }
    }
    freeifaddrs(all);
    ledger_ours(l, (const uint8_t(*)[16])ours, n);
}

static void open_db(struct main_ledger *m)
{
    struct err err = ERR_INIT;
    const struct daemon *d = m->daemon;
    enum outcome out = ledgerdb_open(d->conf->state_dir, &m->db, &err);
    if (out == OUT_OK)
        out = ledgerdb_read(m->db, oldest(d), (size_t)d->conf->policy.ledger_clients, restore,
                            d->ledger, &err);
    note(m, out, &err);
}

void main_ledger_open(struct daemon *d)
{
    struct err err = ERR_INIT;
    struct main_ledger *m = calloc(1, sizeof *m);
    enum outcome out = m == NULL ? err_errno(&err, "the session ledger") : OUT_OK;
    if (out == OUT_OK)
        out = ledger_new((size_t)d->conf->policy.ledger_clients, &d->ledger, &err);
    if (out == OUT_OK) {
        m->daemon = d;
        find_ours(d->ledger);
        open_db(m);
        out = begin(m, &err);
        if (out == OUT_OK) {
            ledger_on_news(d->ledger, news, m);
            d->sessions = m;
            return;
        }
        ledgerdb_close(&m->db);
    }
    free(m);
    err_prepend(&err, "sessions are not remembered");
    maillog_ops.line(&d->log, PORT_LOG_ERROR, err.text);
}

void main_ledger_close(struct daemon *d)
{
    struct main_ledger *m = d->sessions;
    if (m == NULL)
        return;
    (void)pthread_mutex_lock(&m->lock);
    m->stop = true;
    (void)pthread_cond_signal(&m->news);
    (void)pthread_mutex_unlock(&m->lock);
    (void)pthread_join(m->thread, NULL);
    ledgerdb_close(&m->db);
    /* Sessions may still count: the ledger, and what `news` needs, end with the process. */
}
