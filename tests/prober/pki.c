/* SPDX-License-Identifier: BSD-2-Clause */
#include "pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

void pki_need(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "pki: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

static EVP_PKEY *make_key(const char *alg)
{
    EVP_PKEY *key = NULL;
    if (strncmp(alg, "RSA-", 4) == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(alg + 4, NULL, 10));
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", alg);
    pki_need(key != NULL, "making a key");
    return key;
}

static void add_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    pki_need(ext != NULL && X509_add_ext(cert, ext, -1) == 1, "adding an extension");
    X509_EXTENSION_free(ext);
}

static void set_names(X509 *cert, const struct pki_spec *spec)
{
    X509_NAME *name = X509_get_subject_name(cert);
    char san[300];
    pki_need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)spec->name,
                                        -1, -1, 0) == 1,
             "naming a certificate");
    const X509 *issuer = spec->by != NULL ? spec->by->cert : cert;
    pki_need(X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1, "naming the issuer");
    if (spec->issuer) {
        add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(cert, NID_key_usage, "critical,keyCertSign");
        return;
    }
    int n = snprintf(san, sizeof san, "DNS:%s", spec->name);
    pki_need(n > 0 && (size_t)n < sizeof san, "a dNSName");
    add_extension(cert, NID_subject_alt_name, san);
}

void pki_make(const struct pki_spec *spec, struct pki_cert *out)
{
    long day = 24 * 60 * 60;
    long from = spec->from == 0 && spec->until == 0 ? -day : spec->from;
    long until = spec->from == 0 && spec->until == 0 ? day : spec->until;
    uint8_t serial[8];
    pki_need(RAND_bytes(serial, sizeof serial) == 1, "a serial number");
    serial[0] &= 0x7f;
    if (spec->key != NULL) {
        pki_need(EVP_PKEY_up_ref(spec->key->key) == 1, "a reference to a key");
        out->key = spec->key->key;
    } else {
        out->key = make_key(spec->alg);
    }
    X509 *cert = X509_new();
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    pki_need(cert != NULL && number != NULL, "a certificate");
    pki_need(X509_set_version(cert, X509_VERSION_3) == 1 &&
                 BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL &&
                 X509_gmtime_adj(X509_getm_notBefore(cert), from) != NULL &&
                 X509_gmtime_adj(X509_getm_notAfter(cert), until) != NULL &&
                 X509_set_pubkey(cert, out->key) == 1,
             "filling a certificate");
    BN_free(number);
    set_names(cert, spec);
    EVP_PKEY *signer = spec->by != NULL ? spec->by->key : out->key;
    pki_need(X509_sign(cert, signer, EVP_sha256()) > 0, "signing a certificate");
    out->cert = cert;
}

void pki_free(struct pki_cert *cert)
{
    X509_free(cert->cert);
    EVP_PKEY_free(cert->key);
    memset(cert, 0, sizeof *cert);
}

void pki_tlsa(const struct pki_cert *cert, struct model_combo combo, struct port_tlsa *out)
{
    uint8_t *der = NULL;
    int len = combo.selector == 1 ? i2d_PUBKEY(cert->key, &der) : i2d_X509(cert->cert, &der);
    pki_need(len > 0, "encoding a certificate or key");
    memset(out, 0, sizeof *out);
    out->combo = combo;
    unsigned size = sizeof out->data;
    if (combo.matching == 0) {
        pki_need((size_t)len <= sizeof out->data, "a record without a digest");
        memcpy(out->data, der, (size_t)len);
        size = (unsigned)len;
    } else {
        const EVP_MD *md = combo.matching == 2 ? EVP_sha512() : EVP_sha256();
        pki_need(EVP_Digest(der, (size_t)len, out->data, &size, md, NULL) == 1, "a digest");
    }
    out->len = (uint16_t)size;
    OPENSSL_free(der);
}

void pki_add(struct port_rrset *rrset, const struct pki_cert *cert, uint8_t usage, uint8_t selector,
             uint8_t matching, bool right)
{
    pki_need(rrset->n < PORT_RRSET_MAX, "room in an RRset");
    struct port_tlsa *rec = &rrset->recs[rrset->n++];
    pki_tlsa(cert, (struct model_combo){usage, selector, matching}, rec);
    if (!right)
        rec->data[rec->len - 1] ^= 1;
}

void pki_chain(struct danematch_chain *out, const struct pki_cert *const certs[])
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; certs[i] != NULL; i++) {
        int len = i2d_X509(certs[i]->cert, NULL);
        uint8_t *der = len > 0 ? malloc((size_t)len) : NULL;
        pki_need(der != NULL, "encoding a certificate");
        out->certs[out->n].der = der;
        out->certs[out->n].len = (size_t)len;
        pki_need(i2d_X509(certs[i]->cert, &der) == len, "encoding a certificate");
        out->n++;
    }
}

void pki_serve(SSL_CTX *ctx, const struct pki_cert *const certs[])
{
    STACK_OF(X509) *above = sk_X509_new_null();
    pki_need(above != NULL, "a chain");
    for (size_t i = 1; certs[i] != NULL; i++)
        pki_need(sk_X509_push(above, certs[i]->cert) > 0, "a chain");
    pki_need(SSL_CTX_use_cert_and_key(ctx, certs[0]->cert, certs[0]->key, above, 1) == 1,
             "giving a server its certificate");
    sk_X509_free(above);
}
