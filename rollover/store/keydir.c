/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keydir.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYDIR_NAME_MAX (2 * MODEL_ID_LEN + sizeof ".pem")

struct keydir {
    struct file_folder folder;
    uid_t owner;
};

static struct file_rule keydir_rule(const struct keydir *d)
{
    return (struct file_rule){.mode = FILE_PRIVATE, .owner = d->owner};
}

enum outcome keydir_open(const char *path, uid_t owner, struct keydir **out, struct err *err)
{
    struct keydir *d = calloc(1, sizeof *d);
    if (d == NULL)
        return err_errno(err, "key folder");
    d->owner = owner;
    enum outcome res = file_folder_make(path, owner, &d->folder, err);
    if (res != OUT_OK) {
        free(d);
        return res;
    }
    *out = d;
    return OUT_OK;
}

void keydir_close(struct keydir **keydir)
{
    if (*keydir == NULL)
        return;
    file_folder_close(&(*keydir)->folder);
    free(*keydir);
    *keydir = NULL;
}

static void file_name(const uint8_t spki[MODEL_ID_LEN], char name[KEYDIR_NAME_MAX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < MODEL_ID_LEN; i++) {
        name[2 * i] = digits[spki[i] >> 4];
        name[2 * i + 1] = digits[spki[i] & 15];
    }
    memcpy(name + 2 * (size_t)MODEL_ID_LEN, ".pem", sizeof ".pem");
}

static enum outcome write_key(const struct keydir *d, const struct key *key,
                              uint8_t spki[MODEL_ID_LEN], struct err *err)
{
    char name[KEYDIR_NAME_MAX];
    struct key_pem pem;
    enum outcome out = key_to_pem(key, &pem, err);
    if (out != OUT_OK)
        return out;
    key_spki(key, spki);
    file_name(spki, name);
    out = file_write_at(&d->folder, name, 0600, pem.text, pem.len, err);
    key_pem_wipe(&pem);
    return out;
}

static enum outcome keydir_make(void *self, enum port_alg alg, uint8_t spki[MODEL_ID_LEN],
                                struct err *err)
{
    struct key *key = NULL;
    enum outcome out = key_make(alg, &key, err);
    if (out == OUT_OK)
        out = write_key(self, key, spki, err);
    key_free(&key);
    return out;
}

static enum outcome keydir_adopt(void *self, const char *pem, uint8_t spki[MODEL_ID_LEN],
                                 struct err *err)
{
    struct key *key = NULL;
    enum outcome out = key_from_pem(pem, strlen(pem), &key, err);
    if (out == OUT_OK)
        out = write_key(self, key, spki, err);
    key_free(&key);
    return out;
}

static enum outcome keydir_load(void *self, const uint8_t spki[MODEL_ID_LEN], struct key **out,
                                struct err *err)
{
    const struct keydir *d = self;
    char name[KEYDIR_NAME_MAX];
    uint8_t found[MODEL_ID_LEN];
    char *text = NULL;
    size_t len = 0;
    file_name(spki, name);
    enum outcome res =
        file_read_at(&d->folder, name, keydir_rule(d), KEY_PEM_MAX, &text, &len, err);
    if (res == OUT_NOT_YET)
        return err_set(err, OUT_REFUSED,
                       "%s/%s: this key is not on disk: restore the folder from a backup, or let "
                       "the key be withdrawn",
                       d->folder.path, name);
    if (res != OUT_OK)
        return res;
    res = key_from_pem(text, len, out, err);
    key_wipe(text, len);
    free(text);
    if (res != OUT_OK) {
        err_prepend(err, "%s/%s", d->folder.path, name);
        return res;
    }
    key_spki(*out, found);
    if (memcmp(found, spki, MODEL_ID_LEN) == 0)
        return OUT_OK;
    key_free(out);
    return err_set(err, OUT_REFUSED,
                   "%s/%s holds another key than its name says: put the right "
                   "file back",
                   d->folder.path, name);
}

static enum outcome keydir_have(void *self, const uint8_t spki[MODEL_ID_LEN], struct err *err)
{
    struct key *key = NULL;
    enum outcome out = keydir_load(self, spki, &key, err);
    key_free(&key);
    return out;
}

static enum outcome keydir_tlsa(void *self, const uint8_t spki[MODEL_ID_LEN],
                                struct model_combo combo, struct port_tlsa *out, struct err *err)
{
    struct key *key = NULL;
    enum outcome res = keydir_load(self, spki, &key, err);
    if (res == OUT_OK)
        res = key_tlsa(key, combo, out, err);
    key_free(&key);
    return res;
}

static enum outcome keydir_shred(void *self, const uint8_t spki[MODEL_ID_LEN], struct err *err)
{
    const struct keydir *d = self;
    char name[KEYDIR_NAME_MAX];
    file_name(spki, name);
    return file_shred_at(&d->folder, name, err);
}

const struct port_keys_ops keydir_ops = {.make = keydir_make,
                                         .adopt = keydir_adopt,
                                         .have = keydir_have,
                                         .tlsa = keydir_tlsa,
                                         .shred = keydir_shred};

struct key_loader keydir_loader(struct keydir *keydir)
{
    return (struct key_loader){.load = keydir_load, .self = keydir};
}
