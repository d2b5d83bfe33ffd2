/* SPDX-License-Identifier: BSD-2-Clause */
/* Issuers, what a CSR must be, and chains: honest ones and others. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "fakeca_int.h"

#define DAY (24L * 60 * 60)

void fakeca_need(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fakeca: %s: failed\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

void *fakeca_alloc(size_t size)
{
    void *mem = calloc(1, size);
    fakeca_need(mem != NULL, "memory");
    return mem;
}

static EVP_PKEY *new_key(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    fakeca_need(key != NULL, "a key");
    return key;
}

static void extend(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    fakeca_need(ext != NULL && X509_add_ext(cert, ext, -1) == 1, value);
    X509_EXTENSION_free(ext);
}

static X509 *new_cert(const char *common_name, EVP_PKEY *key, long from, long until)
{
    unsigned char serial[8];
    X509 *cert = X509_new();
    fakeca_need(RAND_bytes(serial, sizeof serial) == 1, "random octets");
    serial[0] = (serial[0] & 0x7f) | 0x40;
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    fakeca_need(cert != NULL && number != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
                    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL &&
                    X509_gmtime_adj(X509_getm_notBefore(cert), from) != NULL &&
                    X509_gmtime_adj(X509_getm_notAfter(cert), until) != NULL &&
                    X509_set_pubkey(cert, key) == 1 &&
                    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                               (const unsigned char *)common_name, -1, -1, 0) == 1,
                "a certificate");
    BN_free(number);
    return cert;
}

static void sign(X509 *cert, const struct fakeca_issuer *by)
{
    fakeca_need(X509_set_issuer_name(cert, X509_get_subject_name(by->cert)) == 1 &&
                    X509_sign(cert, by->key, EVP_sha256()) > 0,
                "signing");
}

/* `by` NULL: a root. */
static void make_issuer(struct fakeca_issuer *out, const char *name, const struct fakeca_issuer *by)
{
    out->key = new_key();
    out->cert = new_cert(name, out->key, -DAY, 3650 * DAY);
    extend(out->cert, NID_basic_constraints, "critical,CA:TRUE");
    extend(out->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(out->cert, by == NULL ? out : by);
}

static void end_issuer(struct fakeca_issuer *issuer)
{
    X509_free(issuer->cert);
    EVP_PKEY_free(issuer->key);
}

static char *text_of_bio(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    fakeca_need(len > 0, "a text");
    char *text = fakeca_alloc((size_t)len + 1);
    memcpy(text, data, (size_t)len);
    BIO_free(bio);
    return text;
}

static BIO *new_bio(void)
{
    BIO *bio = BIO_new(BIO_s_mem());
    fakeca_need(bio != NULL, "a BIO");
    return bio;
}

static void put_cert(BIO *bio, X509 *cert)
{
    fakeca_need(PEM_write_bio_X509(bio, cert) == 1, "PEM");
}

static void server_certificate(struct fakeca *ca)
{
    char names[600];
    const char *address = ca->config.address != NULL ? ca->config.address : "127.0.0.1";
    const char *host = ca->config.host != NULL ? ca->config.host : "localhost";
    EVP_PKEY *key = new_key();
    X509 *cert = new_cert("fakeca", key, -DAY, 90 * DAY);
    (void)snprintf(names, sizeof names, "DNS:%s,IP:%s", host, address);
    extend(cert, NID_subject_alt_name, names);
    extend(cert, NID_basic_constraints, "critical,CA:FALSE");
    sign(cert, &ca->tls_root);
    ca->tls = SSL_CTX_new(TLS_server_method());
    fakeca_need(ca->tls != NULL && SSL_CTX_use_certificate(ca->tls, cert) == 1 &&
                    SSL_CTX_use_PrivateKey(ca->tls, key) == 1 &&
                    SSL_CTX_set_min_proto_version(ca->tls, TLS1_2_VERSION) == 1,
                "TLS");
    X509_free(cert);
    EVP_PKEY_free(key);
}

void fakeca_pki_begin(struct fakeca *ca)
{
    const char *tls_name = ca->config.root_name;
    make_issuer(&ca->tls_root, tls_name != NULL ? tls_name : "fakeca: root of its https", NULL);
    make_issuer(&ca->root, "fakeca: root", NULL);
    make_issuer(&ca->intermediate, "fakeca: intermediate", &ca->root);
    make_issuer(&ca->other_root, "fakeca: other root", NULL);
    make_issuer(&ca->other, "fakeca: other intermediate", &ca->other_root);
    server_certificate(ca);
    BIO *bio = new_bio();
    put_cert(bio, ca->tls_root.cert);
    ca->root_pem = text_of_bio(bio);
}

void fakeca_pki_end(struct fakeca *ca)
{
    end_issuer(&ca->tls_root);
    end_issuer(&ca->root);
    end_issuer(&ca->intermediate);
    end_issuer(&ca->other_root);
    end_issuer(&ca->other);
    SSL_CTX_free(ca->tls);
    free(ca->root_pem);
}

/* ---- the CSR --------------------------------------------------------------------------- */

static bool ordered(const struct fakeca_order *order, const ASN1_STRING *name)
{
    char shown[260];
    for (unsigned i = 0; i < order->n; i++) {
        int n = snprintf(shown, sizeof shown, "%s%s", order->authz[i].wildcard ? "*." : "",
                         order->authz[i].name);
        if (n == ASN1_STRING_length(name) &&
            memcmp(shown, ASN1_STRING_get0_data(name), (size_t)n) == 0)
            return true;
    }
    return false;
}

static const char *check_names(const struct fakeca_order *order, X509_REQ *csr)
{
    STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(csr);
    GENERAL_NAMES *names = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
    const char *wrong = names == NULL ? "no subjectAltName in the CSR" : NULL;
    int n = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
    for (int i = 0; i < n && wrong == NULL; i++) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS || !ordered(order, name->d.dNSName))
            wrong = "a name in the CSR that the order does not have";
        for (int k = 0; k < i && wrong == NULL; k++) {
            if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, k), name) == 0)
                wrong = "a name twice in the CSR";
        }
    }
    if (wrong == NULL && (unsigned)n != order->n)
        wrong = "a name of the order is not in the CSR";
    int at = -1;
    const X509_NAME *subject = X509_REQ_get_subject_name(csr);
    while (wrong == NULL && (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
        if (!ordered(order, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))))
            wrong = "a common name in the CSR that the order does not have";
    }
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return wrong;
}

const char *fakeca_csr_check(const struct fakeca_order *order, X509_REQ *csr,
                             const EVP_PKEY *account)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(csr);
    if (key == NULL || X509_REQ_verify(csr, key) != 1) {
        ERR_clear_error();
        return "the CSR's signature does not fit";
    }
    if (X509_REQ_get_version(csr) != X509_REQ_VERSION_1)
        return "the CSR is not of version 1";
    if (EVP_PKEY_eq(key, account) == 1)
        return "the CSR has the account's key";
    bool ec = EVP_PKEY_is_a(key, "EC") &&
              (EVP_PKEY_get_bits(key) == 256 || EVP_PKEY_get_bits(key) == 384);
    bool rsa = EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048 &&
               EVP_PKEY_get_bits(key) <= 4096;
    if (!ec && !rsa)
        return "the CSR's key is none that is signed here";
    return check_names(order, csr);
}

/* ---- chains ---------------------------------------------------------------------------- */

static void put_names(X509 *cert, const struct fakeca_order *order, bool spoil)
{
    char names[FAKECA_NAMES_MAX * 300] = "";
    size_t len = 0;
    for (unsigned i = 0; i < order->n; i++) {
        const struct fakeca_authz *authz = &order->authz[i];
        bool other = spoil && i + 1 == order->n;
        int n = snprintf(names + len, sizeof names - len, "%sDNS:%s%s", i == 0 ? "" : ",",
                         authz->wildcard ? "*." : "", other ? "elsewhere.example" : authz->name);
        fakeca_need(n > 0 && (size_t)n < sizeof names - len, "names");
        len += (size_t)n;
    }
    extend(cert, NID_subject_alt_name, names);
}

static X509 *make_leaf(struct fakeca *ca, const struct fakeca_order *order, enum fakeca_lie lie)
{
    long from = lie == LIE_FUTURE ? DAY : lie == LIE_EXPIRED ? -91 * DAY : -3600;
    EVP_PKEY *wrong = lie == LIE_WRONG_KEY ? new_key() : NULL;
    EVP_PKEY *key = wrong != NULL ? wrong : X509_REQ_get0_pubkey(order->csr);
    X509 *leaf = new_cert("fakeca: leaf", key, from, from + 90 * DAY);
    put_names(leaf, order, lie == LIE_MISSING_NAME);
    extend(leaf, NID_basic_constraints, "critical,CA:FALSE");
    extend(leaf, NID_ext_key_usage, "serverAuth");
    sign(leaf, lie == LIE_OTHER_ISSUER ? &ca->other : &ca->intermediate);
    EVP_PKEY_free(wrong);
    ca->issued++;
    return leaf;
}

static void put_forged(BIO *bio)
{
    struct fakeca_issuer root = {0}, forged = {0};
    make_issuer(&root, "fakeca: root", NULL);
    make_issuer(&forged, "fakeca: intermediate", &root);
    put_cert(bio, forged.cert);
    end_issuer(&forged);
    end_issuer(&root);
}

static void put_key(BIO *bio)
{
    EVP_PKEY *key = new_key();
    fakeca_need(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, "PEM");
    EVP_PKEY_free(key);
}

char *fakeca_chain(struct fakeca *ca, const struct fakeca_order *order, enum fakeca_lie lie)
{
    X509 *leaf = make_leaf(ca, order, lie);
    BIO *bio = new_bio();
    if (lie == LIE_MISORDERED)
        put_cert(bio, ca->intermediate.cert);
    put_cert(bio, leaf);
    if (lie == LIE_WITH_TEXT)
        fakeca_need(BIO_puts(bio, "Dear customer, here is your certificate.\n") > 0, "a text");
    if (lie == LIE_GAP)
        put_cert(bio, ca->root.cert);
    else if (lie == LIE_FORGED)
        put_forged(bio);
    else if (lie == LIE_OTHER_ISSUER)
        put_cert(bio, ca->other.cert);
    else if (lie != LIE_LEAF_ALONE && lie != LIE_MISORDERED)
        put_cert(bio, ca->intermediate.cert);
    if (lie == LIE_WITH_KEY)
        put_key(bio);
    char *pem = text_of_bio(bio);
    if (lie == LIE_CUT_PEM)
        pem[strlen(pem) - 200] = '\0';
    X509_free(leaf);
    return pem;
}
