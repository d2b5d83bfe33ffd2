/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/compose.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static enum outcome copy_text(const char *what, const char *in, char *out, size_t size,
                              struct err *err)
{
    if (strlen(in) >= size)
        return err_set(err, OUT_REFUSED, "%s \"%s\" is longer than %zu characters", what, in,
                       size - 1);
    (void)snprintf(out, size, "%s", in);
    return OUT_OK;
}

/* With the final dot, as the ports take names. */
static enum outcome copy_host(const char *in, char *out, size_t size, struct err *err)
{
    int n = snprintf(out, size, "%s.", in);
    if (n < 0 || (size_t)n >= size)
        return err_set(err, OUT_REFUSED, "host \"%s\" is too long", in);
    return OUT_OK;
}

static enum outcome compose_owner(const struct conf_certificate *cert, size_t i,
                                  struct engine_owner *out, struct err *err)
{
    const struct conf_owner *in = &cert->owners[i];
    if (in->host[0] == '\0' || in->port == 0)
        return err_set(err, OUT_REFUSED,
                       "certificate %s: owner %s does not say host and port (_25._tcp.HOST), so "
                       "that nothing can be proven there: name the host in tlsa { hosts }",
                       cert->name, in->owner);
    enum outcome res = copy_text("TLSA owner", in->owner, out->owner, sizeof out->owner, err);
    if (res == OUT_OK)
        res = copy_host(in->host, out->host, sizeof out->host, err);
    out->port = in->port;
    out->ttl = (uint32_t)cert->tlsa.ttl;
    return res;
}

static enum outcome compose_via(const struct conf_certificate *cert, struct engine_certificate *out,
                                struct err *err)
{
    const char *text = cert->deploy.probe_via;
    if (text == NULL || text[0] == '\0')
        return OUT_OK;
    out->has_via = true;
    if (inet_pton(AF_INET6, text, out->via) == 1)
        return OUT_OK;
    memset(out->via, 0, sizeof out->via);
    out->via[10] = out->via[11] = 0xff;
    if (inet_pton(AF_INET, text, out->via + 12) == 1)
        return OUT_OK;
    return err_set(err, OUT_REFUSED, "certificate %s: probe_via \"%s\" is not an IP address",
                   cert->name, text);
}

/* What the engine can make records of at this stage. */
static enum outcome check_records(const struct conf_certificate *cert, struct err *err)
{
    for (uint8_t i = 0; i < cert->policy.n_combos; i++) {
        const struct model_combo *c = &cert->policy.combos[i];
        if (c->usage != 3 || c->selector != 1)
            return err_set(err, OUT_REFUSED,
                           "certificate %s: TLSA records %u %u %u are not published by this "
                           "release: take \"3 1 1\"",
                           cert->name, c->usage, c->selector, c->matching);
    }
    return OUT_OK;
}

/* Postfix (OpenSSL) has one place for each kind of key: the second of a kind would replace the
 * first. */
static enum outcome check_kinds(const struct conf_certificate *cert, struct err *err)
{
    size_t ec = 0, rsa = 0;
    for (size_t i = 0; i < cert->n_algs; i++) {
        if (cert->algs[i] == PORT_ALG_P256 || cert->algs[i] == PORT_ALG_P384)
            ec++;
        else
            rsa++;
    }
    if (ec <= 1 && rsa <= 1)
        return OUT_OK;
    return err_set(err, OUT_REFUSED,
                   "certificate %s: keys names two %s keys, and Postfix serves one of a kind: take "
                   "one elliptic curve and one RSA size at most",
                   cert->name, ec > 1 ? "elliptic curve" : "RSA");
}

/* What one reload serves: a Postfix, and the other servers that are told with it. Too long for the
 * name: it shares with nobody. */
static void compose_instance(const struct conf_deploy *deploy, struct engine_certificate *out)
{
    int n = snprintf(out->instance, sizeof out->instance, "%s", deploy->postfix_config);
    size_t len = n > 0 ? (size_t)n : sizeof out->instance;
    for (size_t i = 0; i < deploy->reload.n && len < sizeof out->instance; i++) {
        n = snprintf(out->instance + len, sizeof out->instance - len, "\n%s",
                     deploy->reload.items[i]);
        len += n > 0 ? (size_t)n : sizeof out->instance;
    }
    if (len >= sizeof out->instance)
        out->instance[0] = '\0';
}

enum outcome compose_certificate(const struct conf *conf, const struct conf_certificate *cert,
                                 struct engine_certificate *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    enum outcome res = copy_text("certificate", cert->name, out->name, sizeof out->name, err);
    if (res == OUT_OK)
        res = compose_via(cert, out, err);
    if (res == OUT_OK)
        res = check_records(cert, err);
    if (res == OUT_OK)
        res = check_kinds(cert, err);
    for (size_t i = 0; i < cert->n_owners && res == OUT_OK; i++)
        res = compose_owner(cert, i, &out->owners[i], err);
    out->names = (const char *const *)cert->names.items;
    out->n_names = cert->names.n;
    out->n_owners = cert->n_owners;
    out->sni = (const char *const *)cert->deploy.sni.items;
    out->n_sni = cert->deploy.sni.n;
    memcpy(out->algs, cert->algs, sizeof out->algs);
    out->n_algs = cert->n_algs;
    out->policy = cert->policy;
    out->batch = conf->policy.batch;
    compose_instance(&cert->deploy, out);
    out->adopt_records = conf->policy.adopt;
    return res;
}
