/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/engine/fakeworld.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys and certificates ------------------------------------------------------------ */

static int key_index(const struct fw *w, const uint8_t spki[MODEL_ID_LEN])
{
    for (int i = 0; i < FW_KEYS; i++) {
        if (w->has_key[i] && memcmp(w->keys[i], spki, MODEL_ID_LEN) == 0)
            return i;
    }
    return -1;
}

static enum outcome keys_make(void *self, enum port_alg alg, uint8_t spki[MODEL_ID_LEN],
                              struct err *err)
{
    struct fw *w = self;
    if (fw_called(w, FW_ANY))
        return err_set(err, OUT_RETRY, "no random numbers");
    fw_new_key(w, alg, spki);
    return fw_done(w);
}

static enum outcome keys_adopt(void *self, const char *pem, uint8_t spki[MODEL_ID_LEN],
                               struct err *err)
{
    struct fw *w = self;
    long long v[3];
    if (fw_called(w, FW_ANY) || !fw_numbers(pem, "KEY", v, 3))
        return err_set(err, OUT_REFUSED, "not a key: %s", pem);
    memset(spki, 0, MODEL_ID_LEN);
    for (size_t i = 0; i < 3; i++)
        spki[i] = (uint8_t)v[i];
    return fw_done(w);
}

static enum outcome keys_have(void *self, const uint8_t spki[MODEL_ID_LEN], struct err *err)
{
    return key_index(self, spki) >= 0 ? OUT_OK : err_set(err, OUT_REFUSED, "no such key");
}

static enum outcome keys_tlsa(void *self, const uint8_t spki[MODEL_ID_LEN],
                              struct model_combo combo, struct port_tlsa *out, struct err *err)
{
    (void)self;
    (void)err;
    out->combo = combo;
    out->len = MODEL_ID_LEN;
    memcpy(out->data, spki, MODEL_ID_LEN);
    return OUT_OK;
}

static enum outcome keys_shred(void *self, const uint8_t spki[MODEL_ID_LEN], struct err *err)
{
    struct fw *w = self;
    if (fw_called(w, FW_ANY))
        return err_set(err, OUT_BROKEN, "disk");
    int k = key_index(w, spki);
    if (k >= 0)
        w->has_key[k] = false;
    for (uint8_t i = 0; i < w->file.n; i++) {
        if (memcmp(w->file.spki[i], spki, MODEL_ID_LEN) == 0) {
            w->violations++;
            (void)snprintf(w->why, sizeof w->why, "a key in the chain file was shredded");
        }
    }
    w->shreds++;
    return fw_done(w);
}

static const struct port_keys_ops keys_ops = {.make = keys_make,
                                              .adopt = keys_adopt,
                                              .have = keys_have,
                                              .tlsa = keys_tlsa,
                                              .shred = keys_shred};

static enum outcome certs_inspect(void *self, const char *pem, const uint8_t *spki,
                                  const char *const *names, size_t n_names, struct port_cert *out,
                                  struct err *err)
{
    long long v[6]; /* SPKI in three numbers, serial, from, to */
    const struct fw *w = self;
    (void)n_names;
    memset(out, 0, sizeof *out);
    if (!fw_numbers(pem, "CERT", v, 6))
        return err_set(err, OUT_REFUSED, "not a certificate");
    out->alg = (enum port_alg)v[2];
    for (size_t i = 0; i < 3; i++)
        out->spki[i] = (uint8_t)v[i];
    if (spki != NULL && memcmp(spki, out->spki, MODEL_ID_LEN) != 0)
        return err_set(err, OUT_REFUSED, "another key");
    memcpy(out->fingerprint, &v[3], sizeof v[3]);
    out->not_before = v[4];
    out->not_after = v[5];
    out->names_ok = names == NULL || !w->bad_names;
    return OUT_OK;
}

static enum outcome certs_matches(void *self, const char *pem, const struct port_tlsa *rec,
                                  bool *out, struct err *err)
{
    struct port_cert cert;
    if (fw_called(self, FW_MATCH))
        return err_set(err, OUT_BROKEN, "no memory");
    enum outcome res = certs_inspect(self, pem, NULL, NULL, 0, &cert, err);
    *out = res == OUT_OK && memcmp(cert.spki, rec->data, MODEL_ID_LEN) == 0;
    return res;
}

static enum outcome certs_tlsa(void *self, const char *pem, struct model_combo combo, size_t depth,
                               struct port_tlsa *out, struct err *err)
{
    (void)self;
    (void)pem;
    (void)combo;
    (void)depth;
    (void)out;
    return err_set(err, OUT_REFUSED, "3 1 1 only");
}

static enum outcome certs_id(void *self, const struct port_tlsa *rec, uint8_t id[MODEL_ID_LEN],
                             struct err *err)
{
    (void)self;
    (void)err;
    memcpy(id, rec->data, MODEL_ID_LEN);
    return OUT_OK;
}

static const struct port_certs_ops certs_ops = {
    .inspect = certs_inspect, .matches = certs_matches, .tlsa = certs_tlsa, .id = certs_id};

static enum outcome issuer_issue(void *self, const struct port_order *order,
                                 struct port_issued *out, struct err *err)
{
    struct fw *w = self;
    if (w->last_issue != 0 && w->boot - w->last_issue < w->shortest_pause)
        w->shortest_pause = w->boot - w->last_issue;
    w->last_issue = w->boot;
    w->orders++;
    if (fw_called(w, FW_ISSUE))
        return err_set(err, OUT_RETRY, "the CA is down");
    if (w->fault_times > 0) {
        w->fault_times--;
        out->fault = w->issue_fault;
        out->wait = w->issue_wait;
        if (w->issue_fault == PORT_ISSUE_KEY)
            memcpy(w->refused_key, order->spki, MODEL_ID_LEN);
        return err_set(err, OUT_REFUSED, "the CA says no");
    }
    if (key_index(w, order->spki) < 0)
        return err_set(err, OUT_REFUSED, "the key to certify is missing");
    fw_write_cert(w, order->spki, out->pem, out->size);
    w->issued++;
    return fw_done(w);
}

static const struct port_issuer_ops issuer_ops = {.issue = issuer_issue};

/* ---- DNS ------------------------------------------------------------------------------ */

static void to_port(const struct fw *w, const struct fw_rrset *set, struct port_rrset *out)
{
    out->ttl = w->ttl;
    out->n = set->n;
    for (uint8_t i = 0; i < set->n; i++) {
        out->recs[i].combo = (struct model_combo){.usage = 3, .selector = 1, .matching = 1};
        out->recs[i].len = MODEL_ID_LEN;
        memcpy(out->recs[i].data, set->rec[i], MODEL_ID_LEN);
    }
}

static enum outcome dns_read(void *self, const char *owner, struct port_rrset *out, struct err *err)
{
    struct fw *w = self;
    (void)owner;
    if (fw_called(w, FW_ANY))
        return err_set(err, OUT_RETRY, "no answer");
    to_port(w, &w->primary, out);
    return fw_done(w);
}

static void primary_remove(struct fw_rrset *set, const uint8_t rec[MODEL_ID_LEN])
{
    for (uint8_t i = 0; i < set->n; i++) {
        if (memcmp(set->rec[i], rec, MODEL_ID_LEN) != 0)
            continue;
        memcpy(set->rec[i], set->rec[set->n - 1], MODEL_ID_LEN);
        memset(set->rec[--set->n], 0, MODEL_ID_LEN);
        return;
    }
}

static enum outcome dns_change(void *self, const struct port_change *change, struct err *err)
{
    struct fw *w = self;
    if (fw_called(w, FW_CHANGE))
        return err_set(err, OUT_RETRY, "SERVFAIL");
    if (change->seen->n != w->primary.n)
        return err_set(err, OUT_NOT_YET, "changed meanwhile");
    for (size_t i = 0; i < change->n_add; i++)
        memcpy(w->primary.rec[w->primary.n++], change->add[i]->data, MODEL_ID_LEN);
    for (size_t i = 0; i < change->n_del; i++) {
        primary_remove(&w->primary, change->del[i]->data);
        w->withdrawals++;
    }
    w->changed = w->boot;
    return fw_done(w);
}

static const struct port_dns_ops dns_ops = {.read = dns_read, .change = dns_change};

static enum outcome observe_round(void *self, const char *owner, const uint8_t (*remembered)[16],
                                  size_t n_remembered, struct port_round *out, struct err *err)
{
    struct fw *w = self;
    (void)owner;
    (void)remembered;
    (void)n_remembered;
    memset(out, 0, sizeof *out);
    if (fw_called(w, FW_ROUND))
        return err_set(err, OUT_RETRY, "no name servers found");
    out->zone_state = PORT_ZONE_SECURE;
    for (uint8_t s = 0; s < FW_SERVERS; s++) {
        struct port_answer *a = &out->answers[out->n++];
        (void)snprintf(a->server, sizeof a->server, "ns%u.test.", s + 1u);
        a->ip[10] = a->ip[11] = 0xff;
        a->ip[12] = 192;
        a->ip[14] = 2;
        a->ip[15] = (uint8_t)(s + 1);
        a->ns_ttl = w->ttl;
        a->sig_until = w->wall + INT64_C(30) * 86400 * 1000;
        a->kind = w->server[s].n > 0 ? MODEL_ANS_RRSET : MODEL_ANS_NODATA;
        if (w->silent[s])
            a->kind = MODEL_ANS_SILENT;
        if (w->bogus[s])
            a->kind = MODEL_ANS_CONTRADICTION;
        if (a->kind != MODEL_ANS_RRSET)
            continue;
        a->rrset = malloc(sizeof *a->rrset);
        if (a->rrset == NULL)
            return err_errno(err, "RRset");
        to_port(w, &w->server[s], a->rrset);
    }
    return fw_done(w);
}

static void observe_free_round(void *self, struct port_round *round)
{
    (void)self;
    for (uint8_t i = 0; i < round->n; i++) {
        free(round->answers[i].rrset);
        round->answers[i].rrset = NULL;
    }
}

static enum outcome observe_addresses(void *self, const char *host, struct port_address *out,
                                      size_t *n, struct err *err)
{
    const struct fw *w = self;
    (void)host;
    (void)err;
    memset(&out[0], 0, sizeof out[0]);
    out[0].ip[15] = 1;
    out[0].ttl = w->ttl;
    *n = 1;
    return OUT_OK;
}

static enum outcome observe_wildcard(void *self, const char *host, bool *out, struct err *err)
{
    const struct fw *w = self;
    (void)host;
    (void)err;
    *out = w->wildcard;
    return OUT_OK;
}

static const struct port_observe_ops observe_ops = {.wildcard = observe_wildcard,
                                                    .round = observe_round,
                                                    .free_round = observe_free_round,
                                                    .addresses = observe_addresses};

/* ---- Postfix -------------------------------------------------------------------------- */

static enum outcome deploy_read(void *self, struct port_part *parts, size_t *n, struct err *err)
{
    struct fw *w = self;
    if (fw_called(w, FW_ANY))
        return err_set(err, OUT_BROKEN, "disk");
    *n = w->file.n;
    for (size_t i = 0; i < w->file.n; i++) {
        parts[i].alg = (enum port_alg)w->file.alg[i];
        memcpy(parts[i].spki, w->file.spki[i], MODEL_ID_LEN);
        parts[i].key_pem = malloc(FW_PEM);
        parts[i].chain_pem = malloc(FW_PEM);
        if (parts[i].key_pem == NULL || parts[i].chain_pem == NULL)
            return err_errno(err, "parts");
        (void)snprintf(parts[i].key_pem, FW_PEM, "KEY %u %u %u", w->file.spki[i][0],
                       w->file.spki[i][1], w->file.spki[i][2]);
        (void)snprintf(parts[i].chain_pem, FW_PEM, "%s", w->file.pem[i]);
    }
    return fw_done(w);
}

static void deploy_free_parts(void *self, struct port_part *parts, size_t n)
{
    (void)self;
    for (size_t i = 0; i < n; i++) {
        free(parts[i].key_pem);
        free(parts[i].chain_pem);
    }
}

static bool serves(const struct fw_file *file, const struct port_part *expect, size_t n)
{
    bool same = file->n == n;
    for (size_t i = 0; same && i < n; i++) {
        size_t k = 0;
        while (k < file->n && file->alg[k] != (uint8_t)expect[i].alg)
            k++;
        same = k < file->n && strcmp(file->pem[k], expect[i].chain_pem) == 0;
    }
    return same;
}

static enum outcome deploy_install(void *self, const struct port_part *parts, size_t n,
                                   const struct port_part *expect, size_t n_expect, struct err *err)
{
    struct fw *w = self;
    if (fw_called(w, FW_INSTALL))
        return err_set(err, OUT_BROKEN, "no space left on device");
    if (w->hook_writes) { /* in the worst moment */
        w->hook_writes = false;
        fw_new_key(w, (enum port_alg)w->file.alg[0], w->file.spki[0]);
        fw_write_cert(w, w->file.spki[0], w->file.pem[0], FW_PEM);
    }
    if (expect != NULL && !serves(&w->file, expect, n_expect))
        return err_set(err, OUT_NOT_YET, "the file was changed by somebody else");
    for (size_t i = 0; i < n; i++) {
        if (key_index(w, parts[i].spki) < 0)
            return err_set(err, OUT_REFUSED, "a key is missing");
    }
    w->file.n = 0;
    for (size_t i = 0; i < n && i < FW_ALGS; i++) {
        w->file.alg[i] = (uint8_t)parts[i].alg;
        memcpy(w->file.spki[i], parts[i].spki, MODEL_ID_LEN);
        (void)snprintf(w->file.pem[i], FW_PEM, "%s", parts[i].chain_pem);
        w->file.n++;
    }
    w->switches++;
    w->serve_wrong = w->next_wrong;
    w->next_wrong = false;
    return fw_done(w);
}

static enum outcome deploy_reload(void *self, struct err *err)
{
    struct fw *w = self;
    if (fw_called(w, FW_RELOAD) || w->reload_fails)
        return err_set(err, OUT_REFUSED, "postfix reload: status 1");
    w->reloads++;
    fw_advance(w, 20);
    fw_new_procs(w);
    fw_advance(w, 10); /* the new generation is younger than the end of the reload */
    return fw_done(w);
}

static enum outcome deploy_shred_old(void *self, struct err *err)
{
    (void)self;
    (void)err;
    return OUT_OK;
}

static enum outcome deploy_running(void *self, bool *up, struct err *err)
{
    const struct fw *w = self;
    (void)err;
    *up = w->postfix_up;
    return OUT_OK;
}

static enum outcome deploy_points_here(void *self, struct err *err)
{
    const struct fw *w = self;
    return w->elsewhere ? err_set(err, OUT_REFUSED, "main.cf names another file") : OUT_OK;
}

/* Like the real one, but by the file loaded: the reload happens inside the switch here. */
static enum outcome deploy_older_than(void *self, model_time boot, size_t *count, struct err *err)
{
    const struct fw *w = self;
    (void)err;
    (void)boot;
    *count = 0;
    for (size_t p = 0; p < FW_PROCS; p++) {
        if (w->procs[p].alive && memcmp(&w->procs[p].file, &w->file, sizeof w->file) != 0)
            (*count)++;
    }
    return OUT_OK;
}

static const struct port_deploy_ops deploy_ops = {.read = deploy_read,
                                                  .free_parts = deploy_free_parts,
                                                  .install = deploy_install,
                                                  .reload = deploy_reload,
                                                  .shred_old = deploy_shred_old,
                                                  .running = deploy_running,
                                                  .points_here = deploy_points_here,
                                                  .older_than = deploy_older_than};

static enum outcome probe_attest(void *self, const struct port_target *target,
                                 const uint8_t (*expect)[MODEL_ID_LEN], size_t n_expect,
                                 enum port_reach *out, char why[PORT_WHY_MAX], struct err *err)
{
    struct fw *w = self;
    w->attests++;
    if (fw_called(w, FW_ATTEST)) {
        *out = PORT_NOT_REACHED;
        (void)snprintf(why, PORT_WHY_MAX, "connection timed out");
        return OUT_OK;
    }
    *out = PORT_WRONG;
    (void)snprintf(why, PORT_WHY_MAX, "another certificate");
    for (uint8_t i = 0; i < w->file.n && !w->serve_wrong; i++) {
        struct port_cert cert;
        if (target->alg != 0 && w->file.alg[i] != target->alg)
            continue;
        enum outcome res = certs_inspect(w, w->file.pem[i], NULL, NULL, 0, &cert, err);
        if (res != OUT_OK)
            return res;
        for (size_t e = 0; e < n_expect; e++) {
            if (memcmp(expect[e], cert.fingerprint, MODEL_ID_LEN) == 0)
                *out = PORT_GOOD;
        }
    }
    return fw_done(w);
}

static const struct port_probe_ops probe_ops = {.attest = probe_attest};

/* ---- the tables ------------------------------------------------------------------- */

void fw_world(struct fw *w, struct engine_world *out)
{
    *out = (struct engine_world){.clock = &fw_clock_ops,
                                 .clock_self = w,
                                 .keys = &keys_ops,
                                 .keys_self = w,
                                 .certs = &certs_ops,
                                 .certs_self = w,
                                 .observe = &observe_ops,
                                 .observe_self = w,
                                 .probe = &probe_ops,
                                 .probe_self = w,
                                 .store = &fw_store_ops,
                                 .store_self = w,
                                 .log = &fw_log_ops,
                                 .log_self = w,
                                 .work = w->order_ms > 0 ? &fw_work_ops : NULL,
                                 .work_self = w,
                                 .notice = &fw_notice_ops,
                                 .notice_self = w};
}

void fw_certificate(struct fw *w, const enum port_alg *algs, size_t n_algs,
                    struct engine_certificate *out)
{
    static const char *const names[] = {"mx.test"};
    memset(out, 0, sizeof *out);
    (void)snprintf(out->name, sizeof out->name, "test");
    out->names = names;
    out->n_names = 1;
    for (size_t i = 0; i < n_algs; i++)
        out->algs[i] = algs[i];
    out->n_algs = n_algs;
    out->adopt_records = w->adopt;
    out->n_owners = 1;
    struct engine_owner *o = &out->owners[0];
    (void)snprintf(o->owner, sizeof o->owner, "_25._tcp.mx.test.");
    (void)snprintf(o->host, sizeof o->host, "mx.test.");
    o->port = 25;
    o->ttl = w->ttl;
    o->dns = &dns_ops;
    o->dns_self = w;
    out->issuer = &issuer_ops;
    out->issuer_self = w;
    out->deploy = &deploy_ops;
    out->deploy_self = w;
    fw_policy(w, &out->policy);
}
