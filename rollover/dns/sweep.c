/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/answer.h"
#include "dns/delegation.h"
#include "dns/exchange.h"
#include "dns/replay.h"
#include "dns/wire.h"

#define NS_PASSES 4 /* the zone's servers may name more servers, which may name more */
#define JUDGE_MS 3000
#define SPARE_MS 500 /* for what else a machine has to do */

/* Where an owner led when it could last be looked up. */
struct known {
    char owner[PORT_NAME_MAX];
    struct resolve_owner leads;
};

struct sweep {
    struct resolve *resolve;
    struct exchange_limits limits;
    int round_ms;
    uint16_t port;
    struct known known[MODEL_MAX_OWNERS];
    size_t next_known;
};

/* A round under way. */
struct round {
    struct sweep *sweep;
    const struct sweep_question *question;
    struct rdataset *records; /* beside the answers of a struct port_round */
    int64_t end, lookups_end; /* CLOCK_MONOTONIC, ms */
    struct resolve_owner owner;
    struct replay_keys keys;
    struct delegation del;
    struct answer_context context;
    size_t asked; /* addresses of `del` that were asked */
    uint8_t query[WIRE_QUERY_MAX], ns[WIRE_QUERY_MAX];
    size_t query_len, ns_len;
};

/* ---- the object ---------------------------------------------------------------------- */

static int or_default(int value, int otherwise)
{
    return value > 0 ? value : otherwise;
}

enum outcome sweep_open(const struct observe_config *config, struct sweep **out, struct err *err)
{
    *out = NULL;
    struct sweep *sweep = calloc(1, sizeof *sweep);
    if (sweep == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    sweep->port = config->port != 0 ? config->port : 53;
    sweep->limits.udp_ms = or_default(config->udp_ms, 1500);
    sweep->limits.udp_tries = or_default(config->udp_tries, 3);
    sweep->limits.tcp_ms = or_default(config->tcp_ms, 3000);
    sweep->round_ms = or_default(config->round_ms, 30000);
    enum outcome res = resolve_open(&config->resolve, &sweep->resolve, err);
    if (res != OUT_OK)
        sweep_close(&sweep);
    *out = sweep;
    return res;
}

void sweep_close(struct sweep **sweep)
{
    if (*sweep == NULL)
        return;
    resolve_close(&(*sweep)->resolve);
    free(*sweep);
    *sweep = NULL;
}

int sweep_ms(const struct sweep *sweep)
{
    return sweep->round_ms;
}

struct resolve *sweep_resolve(struct sweep *sweep)
{
    return sweep->resolve;
}

/* ---- asking -------------------------------------------------------------------------- */

/* Not beyond the moment `end`. */
static struct exchange_limits limits_until(const struct round *round, int64_t end)
{
    struct exchange_limits limits = round->sweep->limits;
    int64_t left = end - exchange_now();
    limits.total_ms = left > 0 ? (int)left : 0;
    return limits;
}

static enum outcome make_questions(struct round *round, struct err *err)
{
    ldns_rdf *owner = NULL;
    ldns_rdf *zone = NULL;
    enum outcome out = wire_name_parse(round->owner.name, &owner, err);
    if (out == OUT_OK)
        out = wire_name_parse(round->owner.zone, &zone, err);
    if (out == OUT_OK) {
        round->query_len = wire_question(owner, round->question->type->type, true, round->query,
                                         sizeof round->query);
        round->ns_len = wire_question(zone, LDNS_RR_TYPE_NS, true, round->ns, sizeof round->ns);
        if (round->query_len == 0 || round->ns_len == 0)
            out = err_set(err, OUT_BROKEN, "out of memory");
    }
    ldns_rdf_deep_free(owner);
    ldns_rdf_deep_free(zone);
    return out;
}

static void set_ask(const struct round *round, struct exchange_ask *ask, const uint8_t ip[16],
                    const uint8_t *query, size_t len)
{
    memset(ask, 0, sizeof *ask);
    memcpy(ask->ip, ip, 16);
    ask->port = round->sweep->port;
    ask->query = query;
    ask->query_len = len;
}

/* What the zone's own servers say of its NS set; only authoritative answers count. */
static enum outcome take_ns(struct round *round, const struct exchange_ask *ask, struct err *err)
{
    const char *why = NULL;
    if (ask->state != EXCHANGE_ANSWER)
        return OUT_OK;
    ldns_pkt *pkt = wire_parse(ask->reply, ask->reply_len, &why);
    enum outcome out = OUT_OK;
    if (pkt != NULL && ldns_pkt_aa(pkt))
        out = delegation_add_ns(&round->del, ldns_pkt_answer(pkt), err);
    ldns_pkt_free(pkt);
    return out;
}

static enum outcome take_answer(struct round *round, const struct delegation_addr *addr,
                                const struct exchange_ask *ask, struct port_round *out,
                                struct err *err)
{
    struct port_answer *answer = &out->answers[out->n];
    memset(answer, 0, sizeof *answer);
    memcpy(answer->ip, addr->ip, sizeof answer->ip);
    enum outcome res = answer_judge(&round->context, ask, answer, &round->records[out->n], err);
    if (res == OUT_OK)
        out->n++;
    return res;
}

/* Asks the addresses that were not asked yet, for the RRset and for the NS set. */
static enum outcome ask_new(struct round *round, struct port_round *out, struct err *err)
{
    size_t first = round->asked;
    size_t n = round->del.n - first;
    struct exchange_limits limits = limits_until(round, round->end);
    struct exchange_ask *asks = calloc(2 * n, sizeof *asks);
    if (asks == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const uint8_t *ip = round->del.addrs[first + i].ip;
        set_ask(round, &asks[2 * i], ip, round->query, round->query_len);
        set_ask(round, &asks[2 * i + 1], ip, round->ns, round->ns_len);
    }
    round->asked += n;
    enum outcome res = exchange_run(asks, 2 * n, &limits, err);
    for (size_t i = 0; i < n && res == OUT_OK; i++) {
        const struct delegation_addr *addr = &round->del.addrs[first + i];
        res = take_answer(round, addr, &asks[2 * i], out, err);
        /* Servers that are only remembered are asked no more which servers there are. */
        if (res == OUT_OK && addr->server[0] != '\0')
            res = take_ns(round, &asks[2 * i + 1], err);
    }
    exchange_free(asks, 2 * n);
    free(asks);
    return res;
}

/* ---- the round ----------------------------------------------------------------------- */

static enum outcome find_servers(struct round *round, struct err *err)
{
    const struct sweep_question *question = round->question;
    struct exchange_limits limits = limits_until(round, round->lookups_end);
    struct delegation *del = &round->del;
    memcpy(del->zone, round->owner.zone, sizeof del->zone);
    del->port = round->sweep->port;
    enum outcome out = delegation_from_parent(round->sweep->resolve, &limits, del, err);
    if (out == OUT_OK)
        out = delegation_resolve(round->sweep->resolve, del, err);
    for (size_t i = 0; i < question->n_remembered && out == OUT_OK; i++)
        out = delegation_remember(del, question->remembered[i], err);
    if (out == OUT_OK && del->n == 0)
        out = err_set(err, OUT_RETRY, "no name server of %s has an address", del->zone);
    return out;
}

static struct known *find_known(struct sweep *sweep, const char *owner)
{
    for (size_t i = 0; i < MODEL_MAX_OWNERS; i++) {
        if (strcmp(sweep->known[i].owner, owner) == 0)
            return &sweep->known[i];
    }
    return NULL;
}

/* Where the owner leads. When nobody can say at the moment, where it led: its servers are asked all
 * the same, so that they are named as silent, but nothing they say counts in this round. */
static enum outcome learn_owner(struct round *round, const char *owner, struct err *err)
{
    struct sweep *sweep = round->sweep;
    struct known *known = find_known(sweep, owner);
    enum outcome res = resolve_owner_of(sweep->resolve, owner, &round->owner, err);
    if (res == OUT_RETRY && known != NULL) {
        round->owner = known->leads;
        round->owner.state = PORT_ZONE_UNKNOWN;
        (void)snprintf(round->owner.why, sizeof round->owner.why, "%.200s", err->text);
        return OUT_OK;
    }
    if (res != OUT_OK || strlen(owner) >= PORT_NAME_MAX)
        return res;
    if (known == NULL) {
        known = &sweep->known[sweep->next_known];
        sweep->next_known = (sweep->next_known + 1) % MODEL_MAX_OWNERS;
        (void)snprintf(known->owner, sizeof known->owner, "%s", owner);
    }
    known->leads = round->owner;
    return OUT_OK;
}

/* Verdict and keys of the zone, and the CNAMEs' on the way to it. */
static enum outcome learn_zone(struct round *round, struct port_round *out, struct err *err)
{
    struct resolve *resolve = round->sweep->resolve;
    enum outcome res = learn_owner(round, round->question->owner, err);
    if (res == OUT_OK)
        res =
            resolve_keys(resolve, round->owner.zone, &round->keys, &out->zone_state, out->why, err);
    if (res != OUT_OK)
        return res;
    enum port_zone_state own = out->zone_state;
    if (out->zone_state == PORT_ZONE_SECURE && round->owner.state != PORT_ZONE_SECURE) {
        out->zone_state = round->owner.state;
        memcpy(out->why, round->owner.why, sizeof out->why);
    }
    memcpy(out->zone, round->owner.zone, sizeof out->zone);
    memcpy(out->cname, round->owner.cname, sizeof out->cname);
    out->cname_ttl = round->owner.cname_ttl;
    /* An unsigned CNAME is no reason to believe unsigned answers of a zone that is signed. */
    if (!round->question->unsigned_ok || out->zone_state != PORT_ZONE_INSECURE)
        own = out->zone_state;
    round->context = (struct answer_context){.owner = round->owner.name,
                                             .zone = round->owner.zone,
                                             .type = round->question->type,
                                             .unsigned_ok = round->question->unsigned_ok,
                                             .state = own,
                                             .zone_why = out->why,
                                             .keys = &round->keys,
                                             .judge_ms = JUDGE_MS,
                                             .now = time(NULL)};
    return OUT_OK;
}

/* Server names and TTLs as they stand when all servers have been heard. */
static void name_servers(const struct round *round, struct port_round *out)
{
    for (size_t i = 0; i < out->n; i++) {
        memcpy(out->answers[i].server, round->del.addrs[i].server, sizeof out->answers[i].server);
        out->answers[i].ns_ttl = round->del.addrs[i].ttl;
    }
}

/* What the servers themselves get of a round's time, however long the lookups before take. */
static int64_t time_to_ask(const struct sweep *sweep)
{
    const struct exchange_limits *limits = &sweep->limits;
    int64_t need = (int64_t)limits->udp_ms * limits->udp_tries + limits->tcp_ms + SPARE_MS;
    int64_t half = sweep->round_ms / 2;
    return need < half ? need : half;
}

static enum outcome run_round(struct round *round, struct port_round *out, struct err *err)
{
    struct sweep *sweep = round->sweep;
    int64_t now = exchange_now();
    int64_t lookups = sweep->round_ms - time_to_ask(sweep);
    round->end = now + sweep->round_ms;
    round->lookups_end = now + lookups;
    /* Lookups that go to the zone's own servers, which may all be dead, get half of theirs; the
     * rest is for finding those servers at the parent. */
    resolve_set_end(sweep->resolve, now + lookups / 2);
    enum outcome res = learn_zone(round, out, err);
    resolve_set_end(sweep->resolve, round->lookups_end);
    if (res == OUT_OK)
        res = find_servers(round, err);
    if (res == OUT_OK)
        res = make_questions(round, err);
    for (int pass = 0; res == OUT_OK && round->asked < round->del.n; pass++) {
        if (pass == NS_PASSES)
            return err_set(err, OUT_REFUSED,
                           "the servers of %s keep naming other servers: give them all the same "
                           "NS set",
                           round->owner.zone);
        res = ask_new(round, out, err);
        if (res == OUT_OK)
            res = delegation_resolve(round->sweep->resolve, &round->del, err);
    }
    name_servers(round, out);
    return res;
}

enum outcome sweep_run(struct sweep *sweep, const struct sweep_question *question,
                       struct port_round *out, struct rdataset records[PORT_ADDRS_MAX],
                       struct err *err)
{
    memset(out, 0, sizeof *out);
    out->zone_state = PORT_ZONE_UNKNOWN;
    struct round *round = calloc(1, sizeof *round);
    if (round == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    round->sweep = sweep;
    round->question = question;
    round->records = records;
    enum outcome res = run_round(round, out, err);
    resolve_set_end(sweep->resolve, 0);
    replay_keys_free(&round->keys);
    free(round);
    if (res != OUT_OK)
        err_prepend(err, "observing %s", question->owner);
    return res;
}
