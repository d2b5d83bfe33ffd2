/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/danematch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/danematch_ssl.h"
#include "crypto/ossl.h"

struct danematch {
    SSL_CTX *ctx;
};

enum outcome danematch_ssl_ctx(struct ssl_ctx_st **out, struct err *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL)
        return ossl_err(err, OUT_BROKEN, "cannot make a TLS context");
    if (SSL_CTX_dane_enable(ctx) <= 0) {
        SSL_CTX_free(ctx);
        return ossl_err(err, OUT_BROKEN, "cannot switch DANE on in OpenSSL");
    }
    (void)SSL_CTX_dane_set_flags(ctx, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    *out = ctx;
    return OUT_OK;
}

/* Usages 0 and 1 are not for SMTP; what OpenSSL cannot read is unusable too. */
static enum outcome add_record(SSL *ssl, const struct port_tlsa *rec, size_t *usable,
                               struct err *err)
{
    if (rec->combo.usage != 2 && rec->combo.usage != 3)
        return OUT_OK;
    ERR_clear_error();
    int rc = SSL_dane_tlsa_add(ssl, rec->combo.usage, rec->combo.selector, rec->combo.matching,
                               rec->data, rec->len);
    if (rc < 0)
        return ossl_err(err, OUT_BROKEN, "cannot take a TLSA record");
    ERR_clear_error();
    if (rc > 0)
        (*usable)++;
    return OUT_OK;
}

enum outcome danematch_ssl_arm(struct ssl_st *ssl, const struct danematch_ask *ask, size_t *usable,
                               struct err *err)
{
    *usable = 0;
    if (ask->n_names == 0 || ask->n_names > DANEMATCH_NAMES_MAX)
        return err_set(err, OUT_BROKEN, "a DANE check needs 1 to %d names, not %zu",
                       DANEMATCH_NAMES_MAX, ask->n_names);
    if (ask->rrset->n > PORT_RRSET_MAX)
        return err_set(err, OUT_REFUSED, "a TLSA RRset of %u records is above the ceiling of %d",
                       (unsigned)ask->rrset->n, PORT_RRSET_MAX);
    if (SSL_dane_enable(ssl, ask->names[0]) <= 0)
        return ossl_err(err, OUT_REFUSED, "\"%s\" cannot be the name of a server", ask->names[0]);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    for (size_t i = 1; i < ask->n_names; i++) {
        if (SSL_add1_host(ssl, ask->names[i]) != 1)
            return ossl_err(err, OUT_REFUSED, "\"%s\" cannot be the name of a server",
                            ask->names[i]);
    }
    if (ask->wall != 0)
        X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), (time_t)(ask->wall / 1000));
    for (size_t i = 0; i < ask->rrset->n; i++) {
        enum outcome out = add_record(ssl, &ask->rrset->recs[i], usable, err);
        if (out != OUT_OK)
            return out;
    }
    return OUT_OK;
}

void danematch_ssl_verdict(struct ssl_st *ssl, size_t usable, struct danematch_verdict *out)
{
    memset(out, 0, sizeof *out);
    out->usable = usable;
    out->depth = -1;
    long code = SSL_get_verify_result(ssl);
    out->code = (int)code;
    if (usable == 0) {
        if (code == X509_V_OK)
            out->code = X509_V_ERR_DANE_NO_MATCH;
        (void)snprintf(out->why, sizeof out->why, "no TLSA record that a sender can use");
        return;
    }
    if (code == X509_V_OK) {
        uint8_t usage = 0;
        uint8_t selector = 0;
        uint8_t matching = 0;
        out->depth = SSL_get0_dane_tlsa(ssl, &usage, &selector, &matching, NULL, NULL);
        out->by = (struct model_combo){usage, selector, matching};
        out->verified = out->depth >= 0;
        if (out->verified)
            return;
        out->code = X509_V_ERR_DANE_NO_MATCH;
    }
    (void)snprintf(out->why, sizeof out->why, "%s (%d)", X509_verify_cert_error_string(out->code),
                   out->code);
}

enum outcome danematch_new(struct danematch **out, struct err *err)
{
    struct danematch *judge = calloc(1, sizeof *judge);
    if (judge == NULL)
        return err_errno(err, "a judge of TLSA records");
    enum outcome rc = danematch_ssl_ctx(&judge->ctx, err);
    if (rc != OUT_OK) {
        free(judge);
        return rc;
    }
    *out = judge;
    return OUT_OK;
}

void danematch_free(struct danematch **judge)
{
    if (*judge == NULL)
        return;
    SSL_CTX_free((*judge)->ctx);
    free(*judge);
    *judge = NULL;
}

/* The certificates behind `list` belong to the caller: sk_X509_pop_free. */
static enum outcome parse_chain(const struct danematch_chain *chain, STACK_OF(X509) * *list,
                                struct err *err)
{
    if (chain->n == 0 || chain->n > DANEMATCH_CHAIN_MAX)
        return err_set(err, OUT_REFUSED, "a chain of %zu certificates: expected 1 to %d", chain->n,
                       DANEMATCH_CHAIN_MAX);
    STACK_OF(X509) *certs = sk_X509_new_null();
    if (certs == NULL)
        return ossl_err(err, OUT_BROKEN, "a chain of certificates");
    for (size_t i = 0; i < chain->n; i++) {
        const uint8_t *at = chain->certs[i].der;
        X509 *cert = d2i_X509(NULL, &at, (long)chain->certs[i].len);
        if (cert == NULL || sk_X509_push(certs, cert) <= 0) {
            X509_free(cert);
            sk_X509_pop_free(certs, X509_free);
            return ossl_err(err, OUT_REFUSED, "certificate %zu of the chain cannot be read", i + 1);
        }
    }
    *list = certs;
    return OUT_OK;
}

/* What libssl does with the certificates of a handshake, without the handshake. */
static enum outcome verify(SSL *ssl, STACK_OF(X509) * certs, struct err *err)
{
    X509_STORE_CTX *run = X509_STORE_CTX_new();
    X509_STORE *nothing = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    if (run == NULL || X509_STORE_CTX_init(run, nothing, sk_X509_value(certs, 0), certs) != 1) {
        X509_STORE_CTX_free(run);
        return ossl_err(err, OUT_BROKEN, "cannot begin to verify a chain");
    }
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(run);
    X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl));
    X509_STORE_CTX_set0_dane(run, SSL_get0_dane(ssl));
    enum outcome out = OUT_OK;
    if (X509_STORE_CTX_set_default(run, "ssl_server") != 1 ||
        X509_VERIFY_PARAM_set1(param, SSL_get0_param(ssl)) != 1)
        out = ossl_err(err, OUT_BROKEN, "cannot set the rules to verify a chain");
    if (out == OUT_OK) {
        int rc = X509_verify_cert(run);
        int code = X509_STORE_CTX_get_error(run);
        if (rc <= 0 && code == X509_V_OK)
            code = X509_V_ERR_UNSPECIFIED;
        SSL_set_verify_result(ssl, code);
    }
    X509_STORE_CTX_free(run);
    ERR_clear_error();
    return out;
}

static enum outcome judge_certs(const struct danematch *judge, STACK_OF(X509) * certs,
                                const struct danematch_ask *ask, struct danematch_verdict *out,
                                struct err *err)
{
    size_t usable = 0;
    SSL *ssl = SSL_new(judge->ctx);
    if (ssl == NULL)
        return ossl_err(err, OUT_BROKEN, "cannot make a TLS object");
    enum outcome rc = danematch_ssl_arm(ssl, ask, &usable, err);
    if (rc == OUT_OK && usable > 0)
        rc = verify(ssl, certs, err);
    if (rc == OUT_OK)
        danematch_ssl_verdict(ssl, usable, out);
    SSL_free(ssl);
    return rc;
}

enum outcome danematch_judge(const struct danematch *judge, const struct danematch_chain *chain,
                             const struct danematch_ask *ask, struct danematch_verdict *out,
                             struct err *err)
{
    STACK_OF(X509) *certs = NULL;
    enum outcome rc = parse_chain(chain, &certs, err);
    if (rc == OUT_OK)
        rc = judge_certs(judge, certs, ask, out, err);
    sk_X509_pop_free(certs, X509_free);
    return rc;
}

bool danematch_combo_equal(struct model_combo a, struct model_combo b)
{
    return a.usage == b.usage && a.selector == b.selector && a.matching == b.matching;
}

static bool has_combo(const struct danematch_combos *list, struct model_combo combo)
{
    for (size_t i = 0; i < list->n; i++) {
        if (danematch_combo_equal(list->list[i].combo, combo))
            return true;
    }
    return false;
}

/* The part of an RRset that is of one combination. */
static void only_combo(const struct port_rrset *rrset, struct model_combo combo,
                       struct port_rrset *part)
{
    part->ttl = rrset->ttl;
    part->n = 0;
    for (size_t i = 0; i < rrset->n && i < PORT_RRSET_MAX; i++) {
        if (danematch_combo_equal(rrset->recs[i].combo, combo))
            part->recs[part->n++] = rrset->recs[i];
    }
}

static enum outcome judge_combo(const struct danematch *judge, STACK_OF(X509) * certs,
                                const struct danematch_ask *ask, struct danematch_combo *out,
                                struct err *err)
{
    struct danematch_verdict verdict = {0};
    enum outcome rc = judge_certs(judge, certs, ask, &verdict, err);
    if (rc == OUT_OK) {
        out->usable = verdict.usable > 0;
        out->matched = verdict.verified;
        memcpy(out->why, verdict.why, sizeof out->why);
    }
    return rc;
}

enum outcome danematch_each(const struct danematch *judge, const struct danematch_chain *chain,
                            const struct danematch_ask *ask, struct danematch_combos *out,
                            struct err *err)
{
    memset(out, 0, sizeof *out);
    if (ask->rrset->n > PORT_RRSET_MAX)
        return err_set(err, OUT_REFUSED, "a TLSA RRset of %u records is above the ceiling of %d",
                       (unsigned)ask->rrset->n, PORT_RRSET_MAX);
    struct port_rrset *part = malloc(sizeof *part);
    if (part == NULL)
        return err_errno(err, "a TLSA RRset");
    STACK_OF(X509) *certs = NULL;
    enum outcome rc = parse_chain(chain, &certs, err);
    struct danematch_ask narrow = *ask;
    narrow.rrset = part;
    for (size_t i = 0; rc == OUT_OK && i < ask->rrset->n; i++) {
        struct model_combo combo = ask->rrset->recs[i].combo;
        if (has_combo(out, combo))
            continue;
        only_combo(ask->rrset, combo, part);
        out->list[out->n].combo = combo;
        rc = judge_combo(judge, certs, &narrow, &out->list[out->n++], err);
    }
    free(part);
    sk_X509_pop_free(certs, X509_free);
    return rc;
}
