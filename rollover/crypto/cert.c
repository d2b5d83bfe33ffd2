/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/cert.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/chain.h"
#include "crypto/key.h"
#include "crypto/ossl.h"
#include "crypto/tlsa.h"

static enum outcome cert_time(const ASN1_TIME *when, model_time *out, struct err *err)
{
    int days = 0;
    int secs = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    if (epoch == NULL)
        return ossl_err(err, OUT_BROKEN, "out of memory");
    int good = ASN1_TIME_diff(&days, &secs, epoch, when);
    ASN1_TIME_free(epoch);
    if (good != 1)
        return ossl_err(err, OUT_REFUSED, "a certificate whose dates cannot be read");
    *out = ((model_time)days * 86400 + secs) * 1000;
    return OUT_OK;
}

static enum outcome cert_times(const X509 *leaf, struct port_cert *out, struct err *err)
{
    enum outcome res = cert_time(X509_get0_notBefore(leaf), &out->not_before, err);
    if (res == OUT_OK)
        res = cert_time(X509_get0_notAfter(leaf), &out->not_after, err);
    if (res == OUT_OK && out->not_after <= out->not_before)
        res = err_set(err, OUT_REFUSED, "a certificate that ends before it begins");
    return res;
}

static enum outcome cert_names(X509 *leaf, const char *const *names, size_t n, bool *out,
                               struct err *err)
{
    const unsigned flags =
        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    *out = true;
    if (names == NULL)
        return OUT_OK;
    if (n > PORT_NAMES_MAX)
        return err_set(err, OUT_REFUSED, "%zu names, at most %d", n, PORT_NAMES_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t len = strnlen(names[i], PORT_NAME_MAX);
        if (len > 0 && len < PORT_NAME_MAX && names[i][len - 1] == '.')
            len--;
        if (len == 0 || len >= PORT_NAME_MAX)
            return err_set(err, OUT_REFUSED, "name %zu is empty or too long", i + 1);
        int covered = X509_check_host(leaf, names[i], len, flags, NULL);
        if (covered < 0)
            return ossl_err(err, OUT_REFUSED, "cannot compare the certificate's names with %s",
                            names[i]);
        if (covered == 0)
            *out = false;
    }
    ERR_clear_error();
    return OUT_OK;
}

static enum outcome cert_key(const X509 *leaf, const uint8_t *spki, struct port_cert *out,
                             struct err *err)
{
    uint8_t *der = NULL;
    size_t len = 0;
    EVP_PKEY *pkey = X509_get0_pubkey(leaf);
    if (pkey == NULL)
        return ossl_err(err, OUT_REFUSED, "the leaf's public key cannot be read");
    enum outcome res = ossl_alg(pkey, &out->alg, err);
    if (res == OUT_OK)
        res = chain_der(leaf, true, &der, &len, err);
    if (res == OUT_OK)
        res = ossl_digest(256, der, len, out->spki, err);
    ossl_free(der);
    if (res == OUT_OK && spki != NULL && memcmp(spki, out->spki, MODEL_ID_LEN) != 0)
        res = err_set(err, OUT_REFUSED,
                      "the first certificate is for another key (its SPKI is %02x%02x%02x%02x..., "
                      "expected %02x%02x%02x%02x...)",
                      out->spki[0], out->spki[1], out->spki[2], out->spki[3], spki[0], spki[1],
                      spki[2], spki[3]);
    return res;
}

static enum outcome cert_look(const struct chain *chain, const uint8_t *spki,
                              const char *const *names, size_t n_names, struct port_cert *out,
                              struct err *err)
{
    X509 *leaf = chain_cert(chain, 0);
    uint8_t *der = NULL;
    size_t len = 0;
    enum outcome res = cert_key(leaf, spki, out, err);
    if (res == OUT_OK)
        res = chain_check_order(chain, err);
    if (res == OUT_OK)
        res = chain_der(leaf, false, &der, &len, err);
    if (res == OUT_OK)
        res = ossl_digest(256, der, len, out->fingerprint, err);
    ossl_free(der);
    if (res == OUT_OK)
        res = cert_times(leaf, out, err);
    if (res == OUT_OK)
        res = cert_names(leaf, names, n_names, &out->names_ok, err);
    return res;
}

static enum outcome cert_inspect(void *self, const char *pem, const uint8_t *spki,
                                 const char *const *names, size_t n_names, struct port_cert *out,
                                 struct err *err)
{
    struct chain *chain = NULL;
    (void)self;
    memset(out, 0, sizeof *out);
    enum outcome res = chain_parse(pem, &chain, err);
    if (res == OUT_OK)
        res = cert_look(chain, spki, names, n_names, out, err);
    chain_free(&chain);
    return res;
}

/* The record that certificate number i of the chain would have. */
static enum outcome cert_record(const struct chain *chain, size_t i, struct model_combo combo,
                                struct port_tlsa *out, struct err *err)
{
    uint8_t *der = NULL;
    size_t len = 0;
    enum outcome res = chain_der(chain_cert(chain, i), combo.selector == 1, &der, &len, err);
    if (res == OUT_OK)
        res = tlsa_from_der(der, len, combo, out, err);
    ossl_free(der);
    return res;
}

/* As cert_record, compared in place: a full certificate may be larger than a record of ours. */
static enum outcome cert_fits(const struct chain *chain, size_t i, const struct port_tlsa *rec,
                              bool *out, struct err *err)
{
    uint8_t *der = NULL;
    size_t len = 0;
    struct port_tlsa own;
    *out = false;
    enum outcome res = chain_der(chain_cert(chain, i), rec->combo.selector == 1, &der, &len, err);
    if (res == OUT_OK && rec->combo.matching == 0) {
        *out = rec->len == len && rec->len <= PORT_TLSA_MAX && memcmp(rec->data, der, len) == 0;
    } else if (res == OUT_OK) {
        res = tlsa_from_der(der, len, rec->combo, &own, err);
        *out = res == OUT_OK && tlsa_equal(&own, rec);
    }
    ossl_free(der);
    return res;
}

static enum outcome cert_matches(void *self, const char *pem, const struct port_tlsa *rec,
                                 bool *out, struct err *err)
{
    struct chain *chain = NULL;
    (void)self;
    *out = false;
    enum outcome res = chain_parse(pem, &chain, err);
    if (res != OUT_OK)
        return res;
    bool usable = (rec->combo.usage == 2 || rec->combo.usage == 3) && rec->combo.selector <= 1 &&
                  rec->combo.matching <= 2;
    if (usable && rec->combo.usage == 3)
        res = cert_fits(chain, 0, rec, out, err);
    for (size_t i = 1; usable && rec->combo.usage == 2 && i < chain_count(chain); i++) {
        res = cert_fits(chain, i, rec, out, err);
        if (res != OUT_OK || *out)
            break;
    }
    chain_free(&chain);
    return res;
}

static enum outcome cert_tlsa(void *self, const char *pem, struct model_combo combo, size_t depth,
                              struct port_tlsa *out, struct err *err)
{
    struct chain *chain = NULL;
    (void)self;
    if (combo.usage != 2 && combo.usage != 3)
        return err_set(err, OUT_REFUSED, "TLSA usage %u is not for SMTP: take 3 or 2 (RFC 7672)",
                       (unsigned)combo.usage);
    enum outcome res = chain_parse(pem, &chain, err);
    if (res != OUT_OK)
        return res;
    size_t i = combo.usage == 3 ? 0 : depth;
    if (combo.usage == 2 && (depth == 0 || depth >= chain_count(chain)))
        res = err_set(err, OUT_REFUSED,
                      "usage 2 needs issuer %zu in the chain, which holds %zu issuers", depth,
                      chain_count(chain) - 1);
    else
        res = cert_record(chain, i, combo, out, err);
    chain_free(&chain);
    return res;
}

static enum outcome cert_id(void *self, const struct port_tlsa *rec, uint8_t id[MODEL_ID_LEN],
                            struct err *err)
{
    (void)self;
    return tlsa_id(rec, id, err);
}

const struct port_certs_ops cert_ops = {
    .inspect = cert_inspect,
    .matches = cert_matches,
    .tlsa = cert_tlsa,
    .id = cert_id,
};
