/* SPDX-License-Identifier: BSD-2-Clause */
/* The certificates and keys that Postfix serves now, whichever parameters name them. */
#define _XOPEN_SOURCE 700 /* realpath: glibc has it under XSI only */
#include "milter/danectl_adopt.h"

#include "base/text.h"
#include "crypto/bundle.h"
#include "crypto/cert.h"
#include "crypto/key.h"
#include "crypto/pem.h"
#include "postfix/chainfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CERT_FILE_MAX (1024 * 1024)
#define CERT_BLANKS ", \t"

/* The text of a chain file as it grows; it holds keys. */
struct gather {
    char *text; /* BUNDLE_MAX */
    size_t len;
    struct adopt_facts *f;
};

/* Links are followed (certbot's live folders are made of them), then the real path is judged. */
static enum outcome gather_read(struct gather *g, const char *path, enum file_mode_rule mode,
                                char **data, size_t *len, struct err *err)
{
    const struct file_rule rule = {mode, FILE_NO_OWNER};
    char *real = path[0] == '/' ? realpath(path, NULL) : NULL;
    if (real == NULL)
        return err_set(err, OUT_REFUSED, "%s cannot be found: give its whole path in main.cf",
                       path);
    if (strstr(real, "/letsencrypt/") != NULL || strstr(path, "/letsencrypt/") != NULL)
        g->f->certbot = true;
    enum outcome res = file_read(real, rule, CERT_FILE_MAX, data, len, err);
    free(real);
    size_t used = strlen(g->f->origin);
    (void)snprintf(g->f->origin + used, sizeof g->f->origin - used, "%s%.*s", used > 0 ? ", " : "",
                   (int)(sizeof g->f->origin > used + 3 ? sizeof g->f->origin - used - 3 : 0),
                   strstr(g->f->origin, path) != NULL ? "" : path);
    return res == OUT_NOT_YET ? OUT_REFUSED : res;
}

static bool gather_put(struct gather *g, const char *from, size_t len)
{
    if (BUNDLE_MAX - g->len < len + 1)
        return false;
    memcpy(g->text + g->len, from, len);
    g->len += len;
    return true;
}

/* All blocks of one kind. */
static enum outcome gather_kind(struct gather *g, const char *data, size_t len, enum pem_kind kind,
                                struct err *err)
{
    struct pem_walk walk;
    struct pem_block block;
    size_t found = 0;
    enum outcome res = OUT_OK;
    pem_start(&walk, data, len);
    do {
        res = pem_next(&walk, &block, err);
        if (res == OUT_OK && block.kind == PEM_ENCRYPTED && kind == PEM_KEY)
            res = err_set(err, OUT_REFUSED, "the private key is encrypted");
        if (res != OUT_OK || block.kind != kind)
            continue;
        found++;
        if (!gather_put(g, data + block.begin, block.end - block.begin))
            res = err_set(err, OUT_REFUSED, "it is too large");
        else if (data[block.end - 1] != '\n')
            (void)gather_put(g, "\n", 1);
    } while (res == OUT_OK && block.kind != PEM_NONE && !(kind == PEM_KEY && found == 1));
    if (res == OUT_OK && found == 0)
        res = err_set(err, OUT_REFUSED, "it holds no %s",
                      kind == PEM_KEY ? "private key" : "certificate");
    return res;
}

/* One file of one kind, or (PEM_NONE) as it is. */
static enum outcome gather_file(struct gather *g, const char *path, enum pem_kind kind,
                                struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    enum outcome res = gather_read(g, path, kind == PEM_CERT ? FILE_ANY_READER : FILE_GROUP_READER,
                                   &data, &len, err);
    if (res != OUT_OK)
        return res;
    if (kind != PEM_NONE)
        res = gather_kind(g, data, len, kind, err);
    else if (!gather_put(g, data, len))
        res = err_set(err, OUT_REFUSED, "it is too large");
    if (res != OUT_OK)
        err_prepend(err, "%s", path);
    text_wipe(data, len);
    free(data);
    return res;
}

static enum outcome gather_chain_files(struct gather *g, const char *list, struct err *err)
{
    char copy[PARAMS_VALUE_MAX];
    char *save = NULL;
    enum outcome res = OUT_OK;
    (void)snprintf(copy, sizeof copy, "%s", list);
    for (char *path = strtok_r(copy, CERT_BLANKS, &save); path != NULL && res == OUT_OK;
         path = strtok_r(NULL, CERT_BLANKS, &save))
        res = gather_file(g, path, PEM_NONE, err);
    return res;
}

static bool is_set(const char *value)
{
    return value[0] != '\0' && strcmp(value, "none") != 0;
}

static enum outcome gather_legacy(struct gather *g, struct err *err)
{
    static const struct {
        enum adopt_param cert, key;
    } pairs[] = {{ADOPT_CERT, ADOPT_KEY}, {ADOPT_ECCERT, ADOPT_ECKEY}};
    enum outcome res = OUT_OK;
    if (is_set(g->f->values[ADOPT_DCERT]))
        return err_set(err, OUT_REFUSED,
                       "smtpd_tls_dcert_file names a DSA certificate, which no sender wants any "
                       "more: postconf -X smtpd_tls_dcert_file smtpd_tls_dkey_file");
    for (size_t i = 0; i < 2 && res == OUT_OK; i++) {
        const char *cert = g->f->values[pairs[i].cert], *key = g->f->values[pairs[i].key];
        if (!is_set(cert))
            continue;
        res = gather_file(g, key, PEM_KEY, err);
        if (res == OUT_OK)
            res = gather_file(g, cert, PEM_CERT, err);
    }
    return res;
}

/* ---- what they are --------------------------------------------------------------------------- */

static void keep_common(struct leaf *all, const struct leaf *one)
{
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        bool found = false;
        for (size_t k = 0; k < one->n; k++)
            found = found || strcmp(all->names[i], one->names[k]) == 0;
        if (found)
            memmove(all->names[n++], all->names[i], PORT_NAME_MAX);
    }
    all->n = n;
}

static enum outcome cert_key(struct adopt_facts *f, size_t i, struct err *err)
{
    struct adopt_key *k = &f->keys[i];
    struct port_cert cert;
    struct port_tlsa rec;
    struct leaf *leaf = calloc(1, sizeof *leaf);
    char hex[2 * MODEL_ID_LEN + 1];
    if (leaf == NULL)
        return err_errno(err, "a certificate");
    const char *pem = f->parts[i].chain_pem;
    enum outcome res = cert_ops.inspect(NULL, pem, f->parts[i].spki, NULL, 0, &cert, err);
    if (res == OUT_OK)
        res = leaf_read(pem, leaf, err);
    if (res == OUT_OK)
        res = cert_ops.tlsa(NULL, pem, (struct model_combo){3, 1, 1}, 0, &rec, err);
    if (res == OUT_OK && text_hex(hex, sizeof hex, rec.data, rec.len)) {
        k->alg = f->parts[i].alg;
        k->self_signed = leaf->self_signed;
        k->not_after = cert.not_after;
        memcpy(k->leaf, cert.fingerprint, MODEL_ID_LEN);
        (void)snprintf(k->record, sizeof k->record, "3 1 1 %s", hex);
        if (i == 0)
            f->names = *leaf;
        else
            keep_common(&f->names, leaf);
    }
    free(leaf);
    if (res != OUT_OK)
        err_prepend(err, "the %s certificate", key_alg_name(f->parts[i].alg));
    return res;
}

static bool same_parts(const struct adopt_facts *f, const struct port_part *parts, size_t n)
{
    bool same = n == f->n_parts;
    for (size_t i = 0; i < n && same; i++)
        same = memcmp(parts[i].spki, f->parts[i].spki, MODEL_ID_LEN) == 0 &&
               strcmp(parts[i].chain_pem, f->parts[i].chain_pem) == 0;
    return same;
}

void adopt_facts_chain(struct adopt_facts *f)
{
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    struct err unread = ERR_INIT; /* then it is there, and not the same */
    char *real = realpath(f->chain_file, NULL);
    f->chain_there = real != NULL;
    free(real);
    if (!f->chain_there)
        return;
    if (chainfile_read(f->chain_file, parts, &n, &unread) != OUT_OK)
        return;
    f->chain_same = same_parts(f, parts, n);
    bundle_free(parts, n);
}

enum outcome adopt_facts_cert(struct adopt_facts *out, struct err *err)
{
    struct gather g = {.f = out, .text = malloc(BUNDLE_MAX)};
    enum outcome res = OUT_OK;
    if (g.text == NULL)
        return err_errno(err, "the certificates");
    if (is_set(out->values[ADOPT_CHAIN_FILES]))
        res = gather_chain_files(&g, out->values[ADOPT_CHAIN_FILES], err);
    else if (is_set(out->values[ADOPT_CERT]) || is_set(out->values[ADOPT_ECCERT]) ||
             is_set(out->values[ADOPT_DCERT]))
        res = gather_legacy(&g, err);
    else
        res = err_set(err, OUT_REFUSED,
                      "this Postfix has no certificate: postfix tls enable-server makes one");
    out->n_parts = 0;
    if (res == OUT_OK) {
        out->n_parts = PORT_PARTS_MAX;
        res = bundle_read(g.text, g.len, out->parts, &out->n_parts, err);
        if (res != OUT_OK)
            out->n_parts = 0;
    }
    for (size_t i = 0; i < out->n_parts && res == OUT_OK; i++)
        res = cert_key(out, i, err);
    key_wipe(g.text, BUNDLE_MAX);
    free(g.text);
    if (res != OUT_OK && res != OUT_BROKEN) {
        (void)snprintf(out->trouble, sizeof out->trouble, "%.*s", (int)sizeof out->trouble - 1,
                       err->text);
        err_clear(err);
        res = OUT_OK;
    }
    return res;
}
