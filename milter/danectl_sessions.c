/* SPDX-License-Identifier: BSD-2-Clause */
/* What the session ledger has saved; also when the daemon is down. */
#include "milter/danectl.h"

#include "base/text.h"
#include "milter/danectl_status.h"
#include "milter/session.h"
#include "say.h"
#include "store/ledgerdb.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_SHOWN 10
#define SESSIONS_MAX 1000000

struct client {
    struct ledgerdb_row row;
    model_time suspected;
};

struct sessions {
    size_t shown;
    struct client *top;       /* by sessions, the most first; `shown` at most */
    struct client *suspected; /* by moment, the latest first; the same */
    size_t n_top, n_suspected, clients;
    model_time since, last;
    uint64_t total, gone;
    uint64_t tls[LEDGERDB_KINDS], mail[LEDGERDB_KINDS];
};

/* ---- collecting ---------------------------------------------------------------------------- */

static bool busier(const struct client *a, const struct client *b)
{
    return a->row.sessions > b->row.sessions;
}

static bool later(const struct client *a, const struct client *b)
{
    return a->suspected > b->suspected;
}

static void enter(struct client *list, size_t *n, size_t max, const struct client *c,
                  bool (*before)(const struct client *, const struct client *))
{
    size_t at = *n;
    while (at > 0 && before(c, &list[at - 1]))
        at--;
    if (at == max)
        return;
    size_t kept = *n < max ? *n : max - 1;
    memmove(&list[at + 1], &list[at], (kept - at) * sizeof *list);
    list[at] = *c;
    *n = kept + 1;
}

static bool collect(void *self, const struct ledgerdb_row *row, model_time suspected)
{
    struct sessions *s = self;
    const struct client c = {.row = *row, .suspected = suspected};
    s->clients++;
    s->total += row->sessions;
    s->gone += row->gone;
    for (int i = 0; i < LEDGERDB_KINDS; i++) {
        s->tls[i] += row->tls[i];
        s->mail[i] += row->mail[i];
    }
    if (s->since == 0 || row->since < s->since)
        s->since = row->since;
    if (row->last > s->last)
        s->last = row->last;
    enter(s->top, &s->n_top, s->shown, &c, busier);
    if (suspected != 0)
        enter(s->suspected, &s->n_suspected, s->shown, &c, later);
    return true;
}

static void network(const struct ledgerdb_row *r, char *out, size_t size)
{
    char ip[TEXT_IP_MAX];
    text_ip(r->net, ip);
    (void)text_format(out, size, "%s/%d", ip, strchr(ip, ':') == NULL ? r->bits - 96 : r->bits);
}

static uint64_t by_tls(const uint64_t counts[LEDGERDB_KINDS])
{
    uint64_t sum = 0;
    for (int i = SESSION_PLAIN + 1; i < LEDGERDB_KINDS; i++)
        sum += counts[i];
    return sum;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_client(const struct client *c)
{
    char net[TEXT_IP_MAX + 8], when[64];
    const struct ledgerdb_row *r = &c->row;
    network(r, net, sizeof net);
    say_wall(c->suspected != 0 ? c->suspected : r->last, when, sizeof when);
    (void)printf("  %s %s: %" PRIu64 " sessions, %" PRIu64 " by TLS, completed %" PRIu64
                 " by TLS and %" PRIu64 " without, %" PRIu64 " ended after HELO; %s%s%s %s\n",
                 net, r->domain[0] != '\0' ? r->domain : "(no name)", r->sessions, by_tls(r->tls),
                 by_tls(r->mail), r->mail[SESSION_PLAIN], r->gone, r->cipher,
                 r->cipher[0] != '\0' ? ", " : "", c->suspected != 0 ? "suspected" : "last", when);
}

static void print_text(const struct sessions *s)
{
    char since[64], last[64];
    if (s->clients == 0) {
        (void)printf("no sessions yet\n");
        return;
    }
    say_wall(s->since, since, sizeof since);
    say_wall(s->last, last, sizeof last);
    (void)printf("%" PRIu64 " sessions of %zu clients since %s, last %s\n", s->total, s->clients,
                 since, last);
    for (int i = 0; i < LEDGERDB_KINDS; i++) {
        if (s->tls[i] > 0)
            (void)printf("  %-8s %" PRIu64 ", completed %" PRIu64 "\n",
                         i == SESSION_PLAIN ? "no TLS" : session_tls_name((enum session_tls)i),
                         s->tls[i], s->mail[i]);
    }
    (void)printf("  ended after HELO without TLS: %" PRIu64 "\n", s->gone);
    (void)printf("the busiest clients:\n");
    for (size_t i = 0; i < s->n_top; i++)
        print_client(&(struct client){.row = s->top[i].row});
    (void)printf(s->n_suspected > 0 ? "suspected after a switch (never more than a suspicion):\n"
                                    : "nobody is suspected\n");
    for (size_t i = 0; i < s->n_suspected; i++)
        print_client(&s->suspected[i]);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *versions_json(const uint64_t counts[LEDGERDB_KINDS])
{
    json_t *o = json_object();
    for (int i = 0; o != NULL && i < LEDGERDB_KINDS; i++) {
        if (json_object_set_new(o, session_tls_name((enum session_tls)i),
                                json_integer((json_int_t)counts[i])) != 0) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

static json_t *client_json(const struct client *c)
{
    char net[TEXT_IP_MAX + 8];
    const struct ledgerdb_row *r = &c->row;
    network(r, net, sizeof net);
    return json_pack("{s:s, s:o, s:I, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "network", net,
                     "domain", danectl_json_text(r->domain), "sessions", (json_int_t)r->sessions,
                     "tls", versions_json(r->tls), "mail", versions_json(r->mail), "gone",
                     (json_int_t)r->gone, "cipher", danectl_json_text(r->cipher), "since",
                     danectl_json_time(r->since), "last", danectl_json_time(r->last), "last_plain",
                     danectl_json_time(r->last_plain), "suspected",
                     danectl_json_time(c->suspected));
}

static json_t *clients_json(const struct client *list, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; a != NULL && i < n; i++) {
        if (json_array_append_new(a, client_json(&list[i])) != 0) {
            json_decref(a);
            return NULL;
        }
    }
    return a;
}

static json_t *sessions_json(const struct sessions *s)
{
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "clients",
                     (json_int_t)s->clients, "sessions", (json_int_t)s->total, "since",
                     danectl_json_time(s->since), "last", danectl_json_time(s->last), "tls",
                     versions_json(s->tls), "mail", versions_json(s->mail), "gone",
                     (json_int_t)s->gone, "top", clients_json(s->top, s->n_top), "suspected",
                     clients_json(s->suspected, s->n_suspected));
}

/* ---- the command ----------------------------------------------------------------------------- */

/* None yet is no failure. */
static enum outcome read_all(struct danectl *d, struct sessions *s, struct err *err)
{
    struct ledgerdb *db = NULL;
    enum outcome out = ledgerdb_open_readonly(d->conf->state_dir, danectl_owner(d->conf), &db, err);
    if (out == OUT_OK)
        out = ledgerdb_read(db, 0, SESSIONS_MAX, collect, s, err);
    ledgerdb_close(&db);
    if (out == OUT_NOT_YET) {
        err_clear(err);
        out = OUT_OK;
    }
    return out;
}

static enum danectl_status run_sessions(struct danectl *d, struct err *err)
{
    struct sessions s;
    memset(&s, 0, sizeof s);
    s.shown = d->own.number > 0 ? (size_t)d->own.number : SESSIONS_SHOWN;
    s.top = calloc(s.shown, sizeof *s.top);
    s.suspected = calloc(s.shown, sizeof *s.suspected);
    enum danectl_status status = DANECTL_OK;
    if (s.top == NULL || s.suspected == NULL)
        status = danectl_of(err_errno(err, "%zu clients", s.shown));
    else
        status = danectl_of(read_all(d, &s, err));
    if (status == DANECTL_OK && d->json)
        status = danectl_print_json(sessions_json(&s), err);
    else if (status == DANECTL_OK)
        print_text(&s);
    free(s.top);
    free(s.suspected);
    return status;
}

static bool sessions_option(struct danectl *d, int opt, const char *arg, struct err *err)
{
    return opt == 'n' && text_number(arg, 1, 10000, &d->own.number, err) == OUT_OK;
}

const struct danectl_command danectl_sessions_command = {
    .name = "sessions",
    .args = "",
    .help = "who sends mail, with which TLS, and who is suspected after a switch",
    .more = "  -n N  the busiest N clients (10)\n",
    .options = "n:",
    .option = sessions_option,
    .max_args = 0,
    .needs = DANECTL_NEED_CONF,
    .run = run_sessions,
    .json = true,
};
