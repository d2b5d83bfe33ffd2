/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl tlsa: the records that should be there, those that are, and the difference. */
#include "milter/danectl.h"

#include "base/file.h"
#include "crypto/bundle.h"
#include "crypto/cert.h"
#include "crypto/tlsa.h"
#include "milter/danectl_provider.h"
#include "milter/danectl_sender.h"
#include "milter/danectl_state.h"
#include "postfix/chainfile.h"
#include "say.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TLSA_WANT_MAX 32
#define TLSA_TEXT_MAX (2 * PORT_TLSA_MAX + 32)

struct tlsa_want {
    struct port_tlsa rec;
    char why[80]; /* "p256 key 3, served" */
};

struct tlsa_run {
    struct danectl *d;
    struct sender *sender;
    struct danectl_state *state; /* NULL: nothing is stored */
    struct tlsa_want *want;      /* TLSA_WANT_MAX */
    size_t n_want;
    struct port_rrset *rrset;
    char *text; /* TLSA_TEXT_MAX */
    bool attention;
    json_t *list;
};

static void ERR_PRINTF(2, 3) line(const struct tlsa_run *t, const char *fmt, ...)
{
    va_list ap;
    if (t->d->json)
        return;
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
}

static const char *tlsa_text(struct tlsa_run *t, const struct port_tlsa *rec)
{
    tlsa_print(rec, t->text, TLSA_TEXT_MAX);
    return t->text;
}

/* ---- what should be there ----------------------------------------------------------------------
 */

/* The key that wants a record, and what it is now. */
static void tlsa_reason(const struct port_state *st, int rec, char *out, size_t size)
{
    const struct model_facts *f = &st->facts;
    (void)snprintf(out, size, "of no key of ours");
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        char name[64];
        const char *role = "standby";
        if (!f->keys[k].used || (f->keys[k].recs & MODEL_BIT(rec)) == 0)
            continue;
        int current = f->algs[f->keys[k].alg].current;
        if (current != MODEL_NONE && f->chains[current].key == k)
            role = "served";
        else if (f->keys[k].retired)
            role = "going";
        say_key(st, k, name, sizeof name);
        (void)snprintf(out, size, "%s, %s", name, role);
        if (strcmp(role, "served") == 0)
            return;
    }
}

static void tlsa_from_state(struct tlsa_run *t, size_t owner)
{
    const struct model_facts *f = &t->state->st.facts;
    for (int i = 0; i < MODEL_MAX_RECS && t->n_want < TLSA_WANT_MAX; i++) {
        if ((f->owners[owner].want & MODEL_BIT(i)) == 0 || t->state->st.recs[i] == NULL)
            continue;
        struct tlsa_want *w = &t->want[t->n_want++];
        w->rec = *t->state->st.recs[i];
        tlsa_reason(&t->state->st, i, w->why, sizeof w->why);
    }
}

/* Before danemilter has run: of what the chain file holds. */
static enum outcome tlsa_from_file(struct tlsa_run *t, const struct conf_certificate *c,
                                   struct err *err)
{
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    enum outcome out = chainfile_read(c->chain_file, parts, &n, err);
    if (out != OUT_OK)
        return out;
    for (size_t i = 0; i < n && out == OUT_OK; i++) {
        for (size_t k = 0; k < c->policy.n_combos && out == OUT_OK; k++) {
            struct tlsa_want *w = &t->want[t->n_want];
            if (t->n_want == TLSA_WANT_MAX)
                break;
            out = cert_ops.tlsa(NULL, parts[i].chain_pem, c->policy.combos[k],
                                c->policy.combos[k].usage == 2 ? 1 : 0, &w->rec, err);
            (void)snprintf(w->why, sizeof w->why, "%s, in %.40s", key_alg_name(parts[i].alg),
                           "the chain file");
            t->n_want++;
        }
    }
    bundle_free(parts, n);
    return out;
}

static enum outcome tlsa_want(struct tlsa_run *t, const struct conf_certificate *c, size_t i,
                              struct err *err)
{
    t->n_want = 0;
    for (size_t o = 0; t->state != NULL && o < MODEL_MAX_OWNERS; o++) {
        if (!t->state->st.facts.owners[o].used ||
            strcmp(t->state->st.owners[o], c->owners[i].owner) != 0)
            continue;
        tlsa_from_state(t, o);
        return OUT_OK;
    }
    return tlsa_from_file(t, c, err);
}

/* ---- the difference ----------------------------------------------------------------------------
 */

static bool tlsa_has(const struct port_rrset *rrset, const struct port_tlsa *rec)
{
    for (size_t i = 0; i < rrset->n; i++) {
        if (tlsa_equal(&rrset->recs[i], rec))
            return true;
    }
    return false;
}

static bool tlsa_wanted(const struct tlsa_run *t, const struct port_tlsa *rec)
{
    for (size_t i = 0; i < t->n_want; i++) {
        if (tlsa_equal(&t->want[i].rec, rec))
            return true;
    }
    return false;
}

/* One place where the RRset was read. */
static void tlsa_compare(struct tlsa_run *t, const char *where, const struct port_rrset *rrset,
                         json_t *places)
{
    json_t *missing = json_array();
    json_t *extra = json_array();
    json_t *records = json_array();
    for (size_t i = 0; i < t->n_want; i++) {
        if (tlsa_has(rrset, &t->want[i].rec))
            continue;
        (void)json_array_append_new(missing, json_string(tlsa_text(t, &t->want[i].rec)));
        line(t, ";   %s: missing: %s (%s)\n", where, t->text, t->want[i].why);
    }
    for (size_t i = 0; i < rrset->n; i++) {
        (void)json_array_append_new(records, json_string(tlsa_text(t, &rrset->recs[i])));
        if (tlsa_wanted(t, &rrset->recs[i]))
            continue;
        (void)json_array_append_new(extra, json_string(t->text));
        line(t, ";   %s: extra:   %s\n", where, t->text);
    }
    bool same = json_array_size(missing) == 0 && json_array_size(extra) == 0;
    if (same)
        line(t, ";   %s: as it should be (%u records, TTL %u)\n", where, (unsigned)rrset->n,
             (unsigned)rrset->ttl);
    t->attention = t->attention || !same;
    (void)json_array_append_new(places,
                                json_pack("{s:s, s:b, s:i, s:o, s:o, s:o}", "where", where, "same",
                                          same ? 1 : 0, "ttl", (int)rrset->ttl, "records", records,
                                          "missing", missing, "extra", extra));
}

static void tlsa_trouble(struct tlsa_run *t, const char *where, const char *why, json_t *places)
{
    line(t, ";   %s: %s\n", where, why);
    t->attention = true;
    (void)json_array_append_new(
        places, json_pack("{s:s, s:b, s:s}", "where", where, "same", 0, "why", why));
}

static void tlsa_primary(struct tlsa_run *t, const struct conf_certificate *c, const char *owner,
                         json_t *places)
{
    struct danectl_provider provider;
    struct err err = ERR_INIT;
    char where[160];
    (void)snprintf(where, sizeof where, "dns \"%s\"", c->dns->name);
    if (geteuid() != 0) {
        line(t, ";   %s: not asked, because the key is read by root alone\n", where);
        return;
    }
    enum outcome out = danectl_provider_open(t->d->conf, c->dns, &provider, &err);
    if (out == OUT_OK)
        out = provider.provider->ops->read(provider.self, owner, t->rrset, &err);
    if (out == OUT_OK)
        tlsa_compare(t, where, t->rrset, places);
    else
        tlsa_trouble(t, where, err.text, places);
    danectl_provider_close(&provider);
}

static void tlsa_servers(struct tlsa_run *t, const char *owner, json_t *places)
{
    static const struct port_rrset none; /* no records */
    struct observe *observe = sender_observe(t->sender);
    struct port_round *round = calloc(1, sizeof *round);
    struct err err = ERR_INIT;
    enum outcome out = round == NULL ? err_errno(&err, "a round of questions")
                                     : observe_ops.round(observe, owner, NULL, 0, round, &err);
    if (out != OUT_OK)
        tlsa_trouble(t, "the name servers", err.text, places);
    for (size_t i = 0; out == OUT_OK && i < round->n; i++) {
        const struct port_answer *a = &round->answers[i];
        char server[OBSERVE_SERVER_TEXT];
        observe_text_server(a, server);
        if (a->kind == MODEL_ANS_RRSET)
            tlsa_compare(t, server, a->rrset, places);
        else if (a->kind == MODEL_ANS_NODATA)
            tlsa_compare(t, server, &none, places);
        else
            tlsa_trouble(t, server, a->why, places);
    }
    if (round != NULL)
        observe_ops.free_round(observe, round);
    free(round);
}

static enum outcome tlsa_owner(struct tlsa_run *t, const struct conf_certificate *c, size_t i,
                               struct err *err)
{
    const char *owner = c->owners[i].owner;
    json_t *records = json_array();
    json_t *places = json_array();
    enum outcome out = tlsa_want(t, c, i, err);
    line(t, "; certificate \"%s\", zone %s, at most %zu records%s\n", c->name, c->dns->apex,
         conf_peak(t->d->conf, owner),
         t->state == NULL ? "; danemilter has not run yet: what the chain file asks for" : "");
    if (out == OUT_OK && t->n_want == 0)
        line(t, "; %s: nothing is to be published yet\n", owner);
    for (size_t k = 0; out == OUT_OK && k < t->n_want; k++) {
        line(t, "%s %u IN TLSA %s ; %s\n", owner, (unsigned)c->tlsa.ttl,
             tlsa_text(t, &t->want[k].rec), t->want[k].why);
        (void)json_array_append_new(
            records, json_pack("{s:s, s:s}", "record", t->text, "why", t->want[k].why));
    }
    if (out == OUT_OK) {
        tlsa_primary(t, c, owner, places);
        tlsa_servers(t, owner, places);
    }
    (void)json_array_append_new(t->list, json_pack("{s:s, s:s, s:s, s:i, s:i, s:o, s:o}",
                                                   "certificate", c->name, "owner", owner, "zone",
                                                   c->dns->apex, "ttl", (int)c->tlsa.ttl, "peak",
                                                   (int)conf_peak(t->d->conf, owner), "records",
                                                   records, "published", places));
    return out;
}

/* ---- a run -------------------------------------------------------------------------------------
 */

/* No state is no error: danemilter has not run yet. */
static enum outcome tlsa_load(struct tlsa_run *t, const struct conf_certificate *c, struct err *err)
{
    danectl_state_free(&t->state);
    if (t->d->store == NULL)
        return OUT_OK;
    enum outcome out = danectl_state_load(t->d, c, &t->state, err);
    return out == OUT_NOT_YET ? OUT_OK : out;
}

static enum outcome tlsa_open(struct tlsa_run *t, struct err *err)
{
    struct danectl *d = t->d;
    struct conf_source source = {.path = d->conf_path,
                                 .user = FILE_NO_OWNER,
                                 .without_secrets = geteuid() != 0,
                                 .without_host = true};
    t->want = calloc(TLSA_WANT_MAX, sizeof *t->want);
    t->rrset = calloc(1, sizeof *t->rrset);
    t->text = malloc(TLSA_TEXT_MAX);
    t->list = json_array();
    if (t->want == NULL || t->rrset == NULL || t->text == NULL || t->list == NULL)
        return err_set(err, OUT_BROKEN, "no memory for TLSA records");
    enum outcome out = conf_load(&source, &d->conf, err);
    if (out == OUT_REFUSED)
        err_prepend(err, "danectl config --check shows all that is wrong");
    if (out == OUT_OK)
        out = store_open_readonly(d->conf->state_dir, danectl_owner(d->conf), &d->store, err);
    if (out == OUT_NOT_YET)
        out = OUT_OK;
    if (out == OUT_OK)
        out = sender_open(d->conf, NULL, NULL, &t->sender, err);
    return out;
}

static enum outcome tlsa_all(struct tlsa_run *t, struct err *err)
{
    const struct conf_certificate *only = NULL;
    const struct conf *conf = t->d->conf;
    if (t->d->argc > 0) {
        only = danectl_certificate(t->d, t->d->argv[0], err);
        if (only == NULL)
            return OUT_REFUSED;
    }
    for (size_t i = 0; i < conf->n_certificates; i++) {
        const struct conf_certificate *c = &conf->certificates[i];
        if (only != NULL && only != c)
            continue;
        enum outcome out = tlsa_load(t, c, err);
        for (size_t k = 0; out == OUT_OK && k < c->n_owners; k++)
            out = tlsa_owner(t, c, k, err);
        if (out != OUT_OK)
            return out;
    }
    return OUT_OK;
}

static enum danectl_status run(struct danectl *d, struct err *err)
{
    struct tlsa_run t = {.d = d};
    enum outcome out = tlsa_open(&t, err);
    if (out == OUT_OK)
        out = tlsa_all(&t, err);
    enum danectl_status status = danectl_of(out);
    if (out == OUT_OK && d->json)
        status = danectl_print_json(json_incref(t.list), err);
    json_decref(t.list);
    danectl_state_free(&t.state);
    sender_close(&t.sender);
    free(t.want);
    free(t.rrset);
    free(t.text);
    return status == DANECTL_OK && t.attention ? DANECTL_ATTENTION : status;
}

const struct danectl_command danectl_tlsa_command = {
    .name = "tlsa",
    .args = "[CERTIFICATE]",
    .help = "TLSA records that should be there, those that are, and the difference",
    .more = "  Exit 0: primary and name servers show what they should; 3: they differ.\n",
    .min_args = 0,
    .max_args = 1,
    .needs = 0,
    .run = run,
    .json = true,
};
