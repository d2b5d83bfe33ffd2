/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/key.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/ossl.h"
#include "crypto/pem.h"
#include "crypto/tlsa.h"

struct key {
    EVP_PKEY *pkey;
    enum port_alg alg;
    uint8_t spki[MODEL_ID_LEN];
};

static const struct {
    enum port_alg alg;
    const char *name;
    unsigned bits;     /* RSA */
    const char *group; /* EC */
} key_algs[] = {
    {PORT_ALG_P256, "P-256", 0, "P-256"},       {PORT_ALG_P384, "P-384", 0, "P-384"},
    {PORT_ALG_RSA2048, "RSA-2048", 2048, NULL}, {PORT_ALG_RSA3072, "RSA-3072", 3072, NULL},
    {PORT_ALG_RSA4096, "RSA-4096", 4096, NULL},
};
#define KEY_ALGS (sizeof key_algs / sizeof key_algs[0])

void key_wipe(void *mem, size_t len)
{
    if (len > 0)
        OPENSSL_cleanse(mem, len);
}

void key_pem_wipe(struct key_pem *pem)
{
    key_wipe(pem, sizeof *pem);
}

const char *key_alg_name(enum port_alg alg)
{
    for (size_t i = 0; i < KEY_ALGS; i++) {
        if (key_algs[i].alg == alg)
            return key_algs[i].name;
    }
    return "unknown";
}

enum outcome key_alg_parse(const char *name, enum port_alg *out, struct err *err)
{
    for (size_t i = 0; i < KEY_ALGS; i++) {
        if (strcasecmp(key_algs[i].name, name) == 0) {
            *out = key_algs[i].alg;
            return OUT_OK;
        }
    }
    return err_set(err, OUT_REFUSED,
                   "key algorithm \"%s\" is none of P-256, P-384, RSA-2048, RSA-3072, RSA-4096",
                   name);
}

/* Signs and verifies: the private half fits the public one. */
static enum outcome key_prove(EVP_PKEY *pkey, struct err *err)
{
    static const uint8_t text[] = "do the halves fit?";
    uint8_t sig[1024];
    size_t len = sizeof sig;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
                EVP_DigestSign(ctx, sig, &len, text, sizeof text) == 1 &&
                EVP_MD_CTX_reset(ctx) == 1 &&
                EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
                EVP_DigestVerify(ctx, sig, len, text, sizeof text) == 1;
    EVP_MD_CTX_free(ctx);
    if (!good)
        return ossl_err(err, OUT_REFUSED, "the private key does not fit its own public half");
    return OUT_OK;
}

/* Takes pkey, also when it fails. */
static enum outcome key_wrap(EVP_PKEY *pkey, struct key **out, struct err *err)
{
    struct key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return err_set(err, OUT_BROKEN, "out of memory");
    }
    key->pkey = pkey;
    enum outcome res = ossl_alg(pkey, &key->alg, err);
    if (res == OUT_OK)
        res = key_prove(pkey, err);
    if (res == OUT_OK)
        res = ossl_spki(pkey, key->spki, err);
    if (res != OUT_OK)
        key_free(&key);
    *out = key;
    return res;
}

enum outcome key_make(enum port_alg alg, struct key **out, struct err *err)
{
    *out = NULL;
    for (size_t i = 0; i < KEY_ALGS; i++) {
        if (key_algs[i].alg != alg)
            continue;
        EVP_PKEY *pkey = key_algs[i].group != NULL
                             ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", key_algs[i].group)
                             : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)key_algs[i].bits);
        if (pkey == NULL)
            return ossl_err(err, OUT_BROKEN, "cannot make a %s key", key_algs[i].name);
        return key_wrap(pkey, out, err);
    }
    return err_set(err, OUT_REFUSED, "key algorithm %d is not known", (int)alg);
}

/* Never asks for a pass phrase. */
static int key_no_pass(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

/* Finds the one key block of the text. */
static enum outcome key_block(const char *text, size_t len, struct pem_block *out, struct err *err)
{
    struct pem_walk walk;
    struct pem_block block = {0};
    bool found = false;
    pem_start(&walk, text, len);
    do {
        enum outcome res = pem_next(&walk, &block, err);
        if (res != OUT_OK)
            return res;
        if (block.stray)
            return err_set(err, OUT_REFUSED,
                           "text outside the PEM block, before line %zu: leave the key alone",
                           block.line);
        if (block.kind == PEM_ENCRYPTED)
            return err_set(err, OUT_REFUSED,
                           "the private key is encrypted: nobody is there to type its pass phrase "
                           "at night. Write it without one (openssl pkey -in ... -out ...)");
        if (block.kind == PEM_CERT || block.kind == PEM_OTHER)
            return err_set(err, OUT_REFUSED, "line %zu: \"%s\" where a private key is expected",
                           block.line, block.label);
        if (block.kind == PEM_KEY && found)
            return err_set(err, OUT_REFUSED, "line %zu: a second private key", block.line);
        if (block.kind == PEM_KEY) {
            *out = block;
            found = true;
        }
    } while (block.kind != PEM_NONE);
    if (!found)
        return err_set(err, OUT_REFUSED, "no private key in PEM");
    return OUT_OK;
}

enum outcome key_from_pem(const char *text, size_t len, struct key **out, struct err *err)
{
    struct pem_block block = {0};
    *out = NULL;
    enum outcome res = key_block(text, len, &block, err);
    if (res != OUT_OK)
        return res;
    BIO *bio = ossl_reader(text + block.begin, block.end - block.begin, err);
    if (bio == NULL)
        return OUT_BROKEN;
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, key_no_pass, NULL);
    BIO_free(bio);
    if (pkey == NULL)
        return ossl_err(err, OUT_REFUSED, "line %zu: not a readable private key", block.line);
    res = key_wrap(pkey, out, err);
    ERR_clear_error(); /* what the decoders left behind while they tried */
    return res;
}

enum outcome key_to_pem(const struct key *key, struct key_pem *out, struct err *err)
{
    enum outcome res = OUT_OK;
    char *text = NULL;
    memset(out, 0, sizeof *out);
    BIO *bio = BIO_new(BIO_s_mem()); /* overwritten when it grows and when it is freed */
    if (bio == NULL ||
        PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
        res = ossl_err(err, OUT_BROKEN, "cannot encode a private key");
        goto out;
    }
    long len = BIO_get_mem_data(bio, &text);
    if (len <= 0 || (size_t)len >= sizeof out->text) {
        res = err_set(err, OUT_BROKEN, "a private key takes %ld octets in PEM, at most %d", len,
                      KEY_PEM_MAX - 1);
        goto out;
    }
    memcpy(out->text, text, (size_t)len);
    out->len = (size_t)len;
out:
    BIO_free(bio);
    return res;
}

void key_free(struct key **key)
{
    if (*key == NULL)
        return;
    EVP_PKEY_free((*key)->pkey); /* OpenSSL overwrites the private numbers */
    key_wipe(*key, sizeof **key);
    free(*key);
    *key = NULL;
}

enum port_alg key_alg(const struct key *key)
{
    return key->alg;
}

void key_spki(const struct key *key, uint8_t spki[MODEL_ID_LEN])
{
    memcpy(spki, key->spki, MODEL_ID_LEN);
}

EVP_PKEY *ossl_pkey(const struct key *key)
{
    return key->pkey;
}

enum outcome key_tlsa(const struct key *key, struct model_combo combo, struct port_tlsa *out,
                      struct err *err)
{
    if (combo.usage != 3 || combo.selector != 1)
        return err_set(err, OUT_REFUSED,
                       "TLSA %u %u %u cannot be told from a key alone, only 3 1 x can: it depends "
                       "on the certificate",
                       (unsigned)combo.usage, (unsigned)combo.selector, (unsigned)combo.matching);
    uint8_t *der = NULL;
    size_t len = 0;
    enum outcome res = ossl_spki_der(key->pkey, &der, &len, err);
    if (res == OUT_OK)
        res = tlsa_from_der(der, len, combo, out, err);
    ossl_free(der);
    return res;
}
