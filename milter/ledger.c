/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/ledger.h"

#include "base/text.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define LEDGER_BITS4 (96 + 24)
#define LEDGER_BITS6 48
#define LEDGER_SUSPECTS 32 /* waiting to be taken; more are as good as these */

struct row {
    struct ledger_entry entry;
    struct row *chain; /* of its bucket */
    bool proven;       /* completed by TLS at least once */
    bool changed;      /* is in l->changed */
    bool told;         /* as a suspect, since the last switch */
    bool before;       /* proven before the last switch */
    unsigned epoch;    /* switches when `before` and what follows was set */
    unsigned gone, done;
    TAILQ_ENTRY(row) age, change;
};
TAILQ_HEAD(rows, row);

struct ledger {
    pthread_mutex_t lock; /* protects all that follows */
    size_t max, n;
    size_t n_buckets; /* a power of two */
    struct row **buckets;
    struct rows proven, others; /* the one seen last comes first */
    struct rows changed;
    unsigned epoch; /* switches so far */
    struct ledger_entry suspects[LEDGER_SUSPECTS];
    size_t n_suspects;
    uint8_t ours[LEDGER_OURS_MAX][16];
    size_t n_ours;
    void (*news)(void *self, bool suspect);
    void *news_self;
};

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static void lock(struct ledger *l)
{
    if (pthread_mutex_lock(&l->lock) != 0)
        abort(); /* a broken invariant of our own */
}

static void unlock(struct ledger *l)
{
    if (pthread_mutex_unlock(&l->lock) != 0)
        abort();
}

/* ---- who a client is ----------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_name(const char *helo, size_t len)
{
    bool letter = false;
    for (size_t i = 0; i < len; i++) {
        char c = lower(helo[i]);
        bool digit = c >= '0' && c <= '9';
        letter = letter || (c >= 'a' && c <= 'z');
        if (!digit && !(c >= 'a' && c <= 'z') && c != '-' && c != '.' && c != '_')
            return false;
    }
    return letter && len > 0;
}

/* "mail7.example.org" -> "example.org", "example.org" -> "example.org"; what is no host name -> "".
 */
static void domain_of(const char *helo, char out[LEDGER_DOMAIN_MAX])
{
    memset(out, 0, LEDGER_DOMAIN_MAX);
    size_t len = helo != NULL ? strlen(helo) : 0;
    if (len > 0 && helo[len - 1] == '.')
        len--;
    if (!is_name(helo, len))
        return;
    const char *dot = memchr(helo, '.', len);
    if (dot != NULL) {
        size_t rest = len - (size_t)(dot + 1 - helo);
        if (memchr(dot + 1, '.', rest) != NULL) {
            helo = dot + 1;
            len = rest;
        }
    }
    if (len >= LEDGER_DOMAIN_MAX) { /* the end of a name says most about whose it is */
        helo += len - (LEDGER_DOMAIN_MAX - 1);
        len = LEDGER_DOMAIN_MAX - 1;
    }
    for (size_t i = 0; i < len; i++)
        out[i] = lower(helo[i]);
}

void ledger_client_of(const uint8_t address[16], const char *helo, struct ledger_client *out)
{
    memset(out, 0, sizeof *out);
    bool v4 = memcmp(address, v4_mapped, sizeof v4_mapped) == 0;
    out->bits = v4 ? LEDGER_BITS4 : LEDGER_BITS6;
    memcpy(out->net, address, out->bits / 8);
    domain_of(helo, out->domain);
}

/* FNV-1a. An enemy who makes long chains of one bucket has at most `max` entries to do it with. */
static size_t bucket_of(const struct ledger *l, const struct ledger_client *c)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < sizeof c->net; i++)
        h = (h ^ c->net[i]) * UINT64_C(1099511628211);
    for (const char *p = c->domain; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
    return (size_t)(h ^ (h >> 32)) & (l->n_buckets - 1);
}

static bool same(const struct ledger_client *a, const struct ledger_client *b)
{
    return a->bits == b->bits && memcmp(a->net, b->net, sizeof a->net) == 0 &&
           strcmp(a->domain, b->domain) == 0;
}

/* ---- rows ---------------------------------------------------------------------------------- */

static struct row *find(const struct ledger *l, const struct ledger_client *client)
{
    struct row *r = l->buckets[bucket_of(l, client)];
    while (r != NULL && !same(&r->entry.client, client))
        r = r->chain;
    return r;
}

static struct rows *ages(struct ledger *l, const struct row *r)
{
    return r->proven ? &l->proven : &l->others;
}

static void forget(struct ledger *l, struct row *r)
{
    struct row **at = &l->buckets[bucket_of(l, &r->entry.client)];
    while (*at != r)
        at = &(*at)->chain;
    *at = r->chain;
    TAILQ_REMOVE(ages(l, r), r, age);
    if (r->changed)
        TAILQ_REMOVE(&l->changed, r, change);
    free(r);
    l->n--;
}

/* NULL: no memory; nothing is counted then. */
static struct row *add(struct ledger *l, const struct ledger_client *client, bool proven)
{
    if (l->n >= l->max) {
        struct row *old = TAILQ_LAST(&l->others, rows);
        if (old == NULL)
            old = TAILQ_LAST(&l->proven, rows);
        if (old != NULL)
            forget(l, old);
    }
    struct row *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    size_t bucket = bucket_of(l, client);
    r->entry.client = *client;
    r->chain = l->buckets[bucket];
    l->buckets[bucket] = r;
    r->proven = proven;
    r->epoch = l->epoch;
    TAILQ_INSERT_HEAD(ages(l, r), r, age);
    l->n++;
    return r;
}

static bool completed_by_tls(const struct ledger_entry *e)
{
    for (int t = SESSION_PLAIN + 1; t < SESSION_TLS_N; t++) {
        if (e->mail[t] > 0)
            return true;
    }
    return false;
}

/* ---- counting ------------------------------------------------------------------------------ */

static void suspect(struct ledger *l, struct row *r)
{
    if (!r->before || r->told || r->done > 0 || r->gone < LEDGER_SUSPECT_MIN ||
        l->n_suspects == LEDGER_SUSPECTS)
        return;
    r->told = true;
    l->suspects[l->n_suspects++] = r->entry;
}

static void count(struct ledger *l, struct row *r, const struct session *s, const char *cipher,
                  model_time wall)
{
    struct ledger_entry *e = &r->entry;
    bool gone = s->tls == SESSION_PLAIN && !s->mail;
    if (r->epoch != l->epoch) { /* the first one since the switch */
        r->epoch = l->epoch;
        r->before = r->proven;
        r->told = false;
        r->gone = r->done = 0;
    }
    if (e->sessions == 0)
        e->since = wall;
    e->last = wall;
    e->sessions++;
    e->tls[s->tls]++;
    e->mail[s->tls] += s->mail ? 1 : 0;
    e->gone += gone ? 1 : 0;
    if (s->mail && s->tls == SESSION_PLAIN && !s->exempt)
        e->last_plain = wall;
    if (s->tls != SESSION_PLAIN && cipher != NULL)
        (void)text_format(e->cipher, sizeof e->cipher, "%s", cipher);
    if (gone)
        r->gone++;
    else
        r->done++;
    TAILQ_REMOVE(ages(l, r), r, age);
    r->proven = r->proven || (s->mail && s->tls != SESSION_PLAIN);
    TAILQ_INSERT_HEAD(ages(l, r), r, age);
    if (!r->changed)
        TAILQ_INSERT_TAIL(&l->changed, r, change);
    r->changed = true;
    suspect(l, r);
}

void ledger_count(struct ledger *l, const struct ledger_client *client, const struct session *s,
                  const char *cipher, model_time wall)
{
    if (!s->helo)
        return;
    lock(l);
    bool nothing = TAILQ_EMPTY(&l->changed);
    size_t suspects = l->n_suspects;
    struct row *r = find(l, client);
    if (r == NULL)
        r = add(l, client, false);
    if (r != NULL)
        count(l, r, s, cipher, wall);
    bool suspect = l->n_suspects > suspects;
    bool news = suspect || (nothing && !TAILQ_EMPTY(&l->changed));
    unlock(l);
    if (news && l->news != NULL)
        l->news(l->news_self, suspect);
}

void ledger_on_news(struct ledger *l, void (*news)(void *self, bool suspect), void *self)
{
    l->news = news;
    l->news_self = self;
}

bool ledger_find(struct ledger *l, const struct ledger_client *client, struct ledger_entry *out)
{
    lock(l);
    const struct row *r = find(l, client);
    if (r != NULL)
        *out = r->entry;
    unlock(l);
    return r != NULL;
}

void ledger_restore(struct ledger *l, const struct ledger_entry *entry)
{
    lock(l);
    struct row *r = find(l, &entry->client);
    if (r == NULL && l->n < l->max)
        r = add(l, &entry->client, completed_by_tls(entry));
    if (r != NULL && r->entry.sessions == 0)
        r->entry = *entry;
    unlock(l);
}

/* ---- ours, switches, suspects, saving -------------------------------------------------------- */

void ledger_ours(struct ledger *l, const uint8_t (*addresses)[16], size_t n)
{
    lock(l);
    l->n_ours = n < LEDGER_OURS_MAX ? n : LEDGER_OURS_MAX;
    if (n > 0)
        memcpy(l->ours, addresses, l->n_ours * sizeof l->ours[0]);
    unlock(l);
}

bool ledger_is_ours(struct ledger *l, const uint8_t address[16])
{
    static const uint8_t loopback6[16] = {[15] = 1};
    bool yes = memcmp(address, loopback6, 16) == 0 ||
               (memcmp(address, v4_mapped, sizeof v4_mapped) == 0 && address[12] == 127);
    lock(l);
    for (size_t i = 0; !yes && i < l->n_ours; i++)
        yes = memcmp(l->ours[i], address, 16) == 0;
    unlock(l);
    return yes;
}

void ledger_switched(struct ledger *l)
{
    lock(l);
    l->epoch++;
    unlock(l);
}

bool ledger_suspect(struct ledger *l, struct ledger_entry *out)
{
    lock(l);
    bool some = l->n_suspects > 0;
    if (some)
        *out = l->suspects[--l->n_suspects];
    unlock(l);
    return some;
}

size_t ledger_take_changed(struct ledger *l, struct ledger_entry *out, size_t max)
{
    size_t n = 0;
    lock(l);
    for (struct row *r; n < max && (r = TAILQ_FIRST(&l->changed)) != NULL; n++) {
        TAILQ_REMOVE(&l->changed, r, change);
        r->changed = false;
        out[n] = r->entry;
    }
    unlock(l);
    return n;
}

/* ---- life ------------------------------------------------------------------------------------ */

enum outcome ledger_new(size_t max, struct ledger **out, struct err *err)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (l == NULL)
        return err_errno(err, "the session ledger");
    l->max = max;
    for (l->n_buckets = 16; l->n_buckets < max; l->n_buckets *= 2)
        ;
    l->buckets = calloc(l->n_buckets, sizeof(struct row *));
    int failed = l->buckets == NULL ? ENOMEM : pthread_mutex_init(&l->lock, NULL);
    if (failed != 0) {
        free(l->buckets);
        free(l);
        errno = failed;
        return err_errno(err, "the session ledger");
    }
    TAILQ_INIT(&l->proven);
    TAILQ_INIT(&l->others);
    TAILQ_INIT(&l->changed);
    *out = l;
    return OUT_OK;
}

void ledger_free(struct ledger **ledger)
{
    struct ledger *l = *ledger;
    *ledger = NULL;
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n_buckets; i++) {
        for (struct row *r = l->buckets[i], *next; r != NULL; r = next) {
            next = r->chain;
            free(r);
        }
    }
    (void)pthread_mutex_destroy(&l->lock);
    free(l->buckets);
    free(l);
}
