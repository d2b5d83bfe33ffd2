/* SPDX-License-Identifier: BSD-2-Clause */
#include "pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/ossl.h"

static void pki_need(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "pki: %s failed\n", what);
        abort();
    }
}

struct key *pki_key(enum port_alg alg)
{
    struct key *key = NULL;
    struct err err = ERR_INIT;
    pki_need(key_make(alg, &key, &err) == OUT_OK, err.text);
    return key;
}

char *pki_key_pem(const struct key *key)
{
    struct key_pem pem;
    struct err err = ERR_INIT;
    pki_need(key_to_pem(key, &pem, &err) == OUT_OK, err.text);
    char *text = strdup(pem.text);
    key_pem_wipe(&pem);
    pki_need(text != NULL, "strdup");
    return text;
}

static void pki_ext(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    pki_need(ext != NULL && X509_add_ext(cert, ext, -1) == 1, value);
    X509_EXTENSION_free(ext);
}

static void pki_names(X509 *cert, const char *names)
{
    char value[4096] = "";
    size_t at = 0;
    while (*names != '\0') {
        size_t len = strcspn(names, ",");
        int n = snprintf(value + at, sizeof value - at, "%sDNS:%.*s", at > 0 ? "," : "", (int)len,
                         names);
        pki_need(n > 0 && (size_t)n < sizeof value - at, "snprintf");
        at += (size_t)n;
        names += len + (names[len] == ',' ? 1 : 0);
    }
    pki_ext(cert, NID_subject_alt_name, value);
}

static X509_NAME *pki_name(const char *common)
{
    X509_NAME *name = X509_NAME_new();
    unsigned char text[256];
    size_t len = strlen(common);
    pki_need(name != NULL && len < sizeof text, "X509_NAME_new");
    memcpy(text, common, len);
    pki_need(
        X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, text, (int)len, -1, 0) == 1,
        "common name");
    return name;
}

static bool pki_serial(X509 *cert)
{
    unsigned char bytes[4];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    long number = 1 + bytes[0] + 256L * bytes[1] + 65536L * bytes[2];
    return ASN1_INTEGER_set(X509_get_serialNumber(cert), number) == 1;
}

char *pki_make(const struct pki_cert *what)
{
    char *text = NULL;
    time_t now = time(NULL);
    X509 *cert = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    X509_NAME *subject = pki_name(what->subject);
    X509_NAME *issuer = pki_name(what->issuer);
    pki_need(cert != NULL && bio != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
                 pki_serial(cert) && X509_set_subject_name(cert, subject) == 1 &&
                 X509_set_issuer_name(cert, issuer) == 1 &&
                 X509_set_pubkey(cert, ossl_pkey(what->key)) == 1,
             "certificate");
    pki_need(ASN1_TIME_set(X509_getm_notBefore(cert), now + what->from) != NULL &&
                 ASN1_TIME_set(X509_getm_notAfter(cert), now + what->to) != NULL,
             "dates");
    pki_ext(cert, NID_basic_constraints, what->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (what->names != NULL)
        pki_names(cert, what->names);
    pki_need(X509_sign(cert, ossl_pkey(what->signer), EVP_sha256()) > 0, "X509_sign");
    pki_need(PEM_write_bio_X509(bio, cert) == 1, "PEM_write_bio_X509");
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    text = calloc(1, (size_t)len + 1);
    pki_need(text != NULL, "calloc");
    memcpy(text, data, (size_t)len);
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
    X509_free(cert);
    BIO_free(bio);
    return text;
}

char *pki_join(const char *a, const char *b)
{
    size_t n = strlen(a);
    size_t m = b != NULL ? strlen(b) : 0;
    char *text = calloc(1, n + m + 1);
    pki_need(text != NULL, "calloc");
    memcpy(text, a, n);
    if (b != NULL)
        memcpy(text + n, b, m);
    return text;
}

char *pki_self(const struct key *key, const char *name)
{
    struct pki_cert what = {key, key, name, name, name, false, -60, 86400};
    return pki_make(&what);
}

void pki_begin(struct pki *pki, enum port_alg leaf, const char *names)
{
    pki->root_key = pki_key(PORT_ALG_P256);
    pki->sub_key = pki_key(PORT_ALG_P256);
    pki->leaf_key = pki_key(leaf);
    struct pki_cert root = {pki->root_key, pki->root_key, "Root", "Root", NULL, true, -60, 864000};
    struct pki_cert sub = {pki->sub_key, pki->root_key, "Sub", "Root", NULL, true, -60, 864000};
    struct pki_cert end = {pki->leaf_key, pki->sub_key, "leaf", "Sub", names, false, -60, 86400};
    pki->root = pki_make(&root);
    pki->sub = pki_make(&sub);
    pki->leaf = pki_make(&end);
}

void pki_end(struct pki *pki)
{
    key_free(&pki->root_key);
    key_free(&pki->sub_key);
    key_free(&pki->leaf_key);
    free(pki->root);
    free(pki->sub);
    free(pki->leaf);
}
