/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/bundle.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "crypto/chain.h"
#include "crypto/ossl.h"
#include "crypto/pem.h"

/* One part while it is read: a key, and the certificates behind it. */
struct bundle_entry {
    struct key *key;
    struct chain *chain;
    size_t line; /* of the key */
};

struct bundle {
    size_t n;
    struct bundle_entry entries[PORT_PARTS_MAX];
};

static void bundle_end(struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->n; i++) {
        key_free(&bundle->entries[i].key);
        chain_free(&bundle->entries[i].chain);
    }
    bundle->n = 0;
}

static enum outcome bundle_key(struct bundle *bundle, const char *text,
                               const struct pem_block *block, struct err *err)
{
    if (bundle->n == PORT_PARTS_MAX)
        return err_set(err, OUT_REFUSED, "line %zu: more than %d private keys", block->line,
                       PORT_PARTS_MAX);
    struct bundle_entry *entry = &bundle->entries[bundle->n];
    entry->line = block->line;
    enum outcome res = chain_new(&entry->chain, err);
    if (res != OUT_OK)
        return res;
    bundle->n++;
    res = key_from_pem(text + block->begin, block->end - block->begin, &entry->key, err);
    if (res != OUT_OK)
        err_prepend(err, "line %zu", block->line);
    return res;
}

static enum outcome bundle_block(struct bundle *bundle, const char *text,
                                 const struct pem_block *block, struct err *err)
{
    static const char *const loaded[] = {"DSA PRIVATE KEY", "X509 CERTIFICATE",
                                         "TRUSTED CERTIFICATE"};
    switch (block->kind) {
    case PEM_NONE:
    case PEM_PARAMS:
        return OUT_OK;
    case PEM_KEY:
        return bundle_key(bundle, text, block, err);
    case PEM_CERT:
        if (bundle->n == 0)
            return err_set(err, OUT_REFUSED,
                           "line %zu: a certificate before any private key: each key comes first, "
                           "then its chain",
                           block->line);
        return chain_add(bundle->entries[bundle->n - 1].chain, text + block->begin,
                         block->end - block->begin, block->line, err);
    case PEM_ENCRYPTED:
        return err_set(err, OUT_REFUSED,
                       "line %zu: the private key is encrypted, which Postfix cannot use",
                       block->line);
    case PEM_OTHER:
        break;
    }
    for (size_t i = 0; i < sizeof loaded / sizeof loaded[0]; i++) {
        if (strcmp(block->label, loaded[i]) == 0)
            return err_set(err, OUT_REFUSED, "line %zu: a block \"%s\" is not handled", block->line,
                           block->label);
    }
    return OUT_OK; /* DH PARAMETERS and the like, which Postfix ignores */
}

static enum outcome bundle_fit(const struct bundle *bundle, struct err *err)
{
    if (bundle->n == 0)
        return err_set(err, OUT_REFUSED, "no private key in the file");
    for (size_t i = 0; i < bundle->n; i++) {
        const struct bundle_entry *entry = &bundle->entries[i];
        if (chain_count(entry->chain) == 0)
            return err_set(err, OUT_REFUSED, "line %zu: no certificate follows the private key",
                           entry->line);
        if (X509_check_private_key(chain_cert(entry->chain, 0), ossl_pkey(entry->key)) != 1)
            return ossl_err(err, OUT_REFUSED,
                            "line %zu: the %s key does not fit the certificate behind it",
                            entry->line, key_alg_name(key_alg(entry->key)));
    }
    return OUT_OK;
}

/* On failure the bundle is empty. */
static enum outcome bundle_parse(const char *text, size_t len, struct bundle *bundle,
                                 struct err *err)
{
    struct pem_walk walk;
    struct pem_block block = {0};
    enum outcome res = OUT_OK;
    memset(bundle, 0, sizeof *bundle);
    if (len > BUNDLE_MAX)
        return err_set(err, OUT_REFUSED, "%zu octets, at most %zu", len, BUNDLE_MAX);
    pem_start(&walk, text, len);
    do {
        res = pem_next(&walk, &block, err);
        if (res == OUT_OK)
            res = bundle_block(bundle, text, &block, err);
    } while (res == OUT_OK && block.kind != PEM_NONE);
    if (res == OUT_OK)
        res = bundle_fit(bundle, err);
    if (res != OUT_OK)
        bundle_end(bundle);
    return res;
}

static enum outcome bundle_part(const struct bundle_entry *entry, struct port_part *part,
                                struct err *err)
{
    struct key_pem pem;
    part->alg = key_alg(entry->key);
    key_spki(entry->key, part->spki);
    enum outcome res = chain_to_pem(entry->chain, &part->chain_pem, err);
    if (res != OUT_OK)
        return res;
    res = key_to_pem(entry->key, &pem, err);
    if (res == OUT_OK) {
        part->key_pem = malloc(pem.len + 1);
        if (part->key_pem != NULL)
            memcpy(part->key_pem, pem.text, pem.len + 1);
        else
            res = err_set(err, OUT_BROKEN, "out of memory");
    }
    key_pem_wipe(&pem);
    return res;
}

enum outcome bundle_read(const char *text, size_t len, struct port_part *parts, size_t *n,
                         struct err *err)
{
    struct bundle bundle;
    size_t room = *n;
    *n = 0;
    enum outcome res = bundle_parse(text, len, &bundle, err);
    if (res == OUT_OK && bundle.n > room)
        res = err_set(err, OUT_REFUSED, "%zu private keys, at most %zu", bundle.n, room);
    for (size_t i = 0; res == OUT_OK && i < bundle.n; i++) {
        memset(&parts[i], 0, sizeof parts[i]);
        *n = i + 1;
        res = bundle_part(&bundle.entries[i], &parts[i], err);
    }
    bundle_end(&bundle);
    if (res != OUT_OK) {
        bundle_free(parts, *n);
        *n = 0;
    }
    return res;
}

void bundle_free(struct port_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].key_pem != NULL)
            key_wipe(parts[i].key_pem, strlen(parts[i].key_pem));
        free(parts[i].key_pem);
        free(parts[i].chain_pem);
        parts[i].key_pem = NULL;
        parts[i].chain_pem = NULL;
    }
}

void bundle_drop(char **text, size_t len)
{
    if (*text != NULL)
        key_wipe(*text, len);
    free(*text);
    *text = NULL;
}

/* Appends key and chain of one part to a text with room for it. */
static enum outcome bundle_append(const struct port_part *part, const struct key_loader *keys,
                                  char *text, size_t size, size_t *len, struct err *err)
{
    struct key *key = NULL;
    struct key_pem pem;
    uint8_t spki[MODEL_ID_LEN];
    size_t chain = strlen(part->chain_pem);
    enum outcome res = keys->load(keys->self, part->spki, &key, err);
    if (res != OUT_OK)
        return res;
    key_spki(key, spki);
    if (key_alg(key) != part->alg || memcmp(spki, part->spki, sizeof spki) != 0)
        res = err_set(err, OUT_BROKEN, "the key folder gave another key than the %s key asked for",
                      key_alg_name(part->alg));
    else
        res = key_to_pem(key, &pem, err);
    key_free(&key);
    if (res != OUT_OK)
        return res;
    if (chain == 0 || size - *len < pem.len + chain + 2) {
        res = err_set(err, OUT_REFUSED, "the %s chain of %zu octets is empty or too large",
                      key_alg_name(part->alg), chain);
    } else {
        memcpy(text + *len, pem.text, pem.len);
        *len += pem.len;
        memcpy(text + *len, part->chain_pem, chain);
        *len += chain;
        if (text[*len - 1] != '\n')
            text[(*len)++] = '\n';
    }
    key_pem_wipe(&pem);
    return res;
}

enum outcome bundle_write(const struct port_part *parts, size_t n, const struct key_loader *keys,
                          char **text, size_t *len, struct err *err)
{
    enum outcome res = OUT_OK;
    *text = NULL;
    *len = 0;
    if (n == 0 || n > PORT_PARTS_MAX)
        return err_set(err, OUT_REFUSED, "a chain file of %zu algorithms: 1 to %d are possible", n,
                       PORT_PARTS_MAX);
    char *own = calloc(1, BUNDLE_MAX + 1);
    if (own == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    for (size_t i = 0; res == OUT_OK && i < n; i++)
        res = bundle_append(&parts[i], keys, own, BUNDLE_MAX, len, err);
    if (res != OUT_OK) {
        bundle_drop(&own, *len);
        *len = 0;
        return res;
    }
    own[*len] = '\0';
    *text = own;
    return OUT_OK;
}

/* As Postfix's load_chain_files: key, leaf and chain at once, none replacing another. */
static enum outcome bundle_load(SSL_CTX *ctx, const struct bundle_entry *entry, struct err *err)
{
    STACK_OF(X509) *rest = sk_X509_new_null();
    if (rest == NULL)
        return ossl_err(err, OUT_BROKEN, "out of memory");
    bool good = true;
    for (size_t i = 1; good && i < chain_count(entry->chain); i++)
        good = sk_X509_push(rest, chain_cert(entry->chain, i)) > 0;
    good = good && SSL_CTX_use_cert_and_key(ctx, chain_cert(entry->chain, 0), ossl_pkey(entry->key),
                                            rest, 0) == 1;
    sk_X509_free(rest);
    if (!good)
        return ossl_err(err, OUT_REFUSED, "line %zu: OpenSSL does not take the %s key and chain",
                        entry->line, key_alg_name(key_alg(entry->key)));
    return OUT_OK;
}

static enum outcome bundle_same(const struct bundle_entry *entry, const struct port_part *part,
                                struct err *err)
{
    uint8_t spki[MODEL_ID_LEN];
    struct chain *want = NULL;
    char *text = NULL;
    char *want_text = NULL;
    key_spki(entry->key, spki);
    if (key_alg(entry->key) != part->alg || memcmp(spki, part->spki, sizeof spki) != 0)
        return err_set(err, OUT_REFUSED, "line %zu: not the %s key that belongs here", entry->line,
                       key_alg_name(part->alg));
    enum outcome res = chain_parse(part->chain_pem, &want, err);
    if (res == OUT_OK)
        res = chain_to_pem(want, &want_text, err);
    if (res == OUT_OK)
        res = chain_to_pem(entry->chain, &text, err);
    if (res == OUT_OK && strcmp(text, want_text) != 0)
        res = err_set(err, OUT_REFUSED, "line %zu: not the %s chain that belongs here", entry->line,
                      key_alg_name(part->alg));
    chain_free(&want);
    free(text);
    free(want_text);
    return res;
}

enum outcome bundle_check(const char *text, size_t len, const struct port_part *parts, size_t n,
                          struct err *err)
{
    struct bundle bundle;
    enum outcome res = bundle_parse(text, len, &bundle, err);
    if (res != OUT_OK)
        return res;
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL)
        res = ossl_err(err, OUT_BROKEN, "cannot make a TLS context");
    else
        SSL_CTX_set_security_level(ctx, 0); /* as Postfix does for opportunistic TLS */
    if (res == OUT_OK && bundle.n != n)
        res = err_set(err, OUT_REFUSED, "%zu keys in the file, %zu expected", bundle.n, n);
    for (size_t i = 0; res == OUT_OK && i < n; i++) {
        res = bundle_same(&bundle.entries[i], &parts[i], err);
        if (res == OUT_OK)
            res = bundle_load(ctx, &bundle.entries[i], err);
    }
    SSL_CTX_free(ctx);
    bundle_end(&bundle);
    ERR_clear_error();
    return res;
}
