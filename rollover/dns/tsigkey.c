/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/tsigkey.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "base/tsigfile.h"
#include "dns/wire.h"

void tsigkey_free(struct tsigkey **key)
{
    if (*key == NULL)
        return;
    if ((*key)->secret != NULL)
        text_wipe((*key)->secret, strlen((*key)->secret));
    free((*key)->secret);
    free((*key)->name);
    free((*key)->algorithm);
    free((*key)->origin);
    free(*key);
    *key = NULL;
}

enum outcome tsigkey_new(const char *name, const char *algorithm, const char *secret,
                         const char *origin, struct tsigkey **out, struct err *err)
{
    char clean[PORT_NAME_MAX];
    char bare[TSIGFILE_ALGORITHM_MAX];
    char full[TSIGFILE_ALGORITHM_MAX + 1];
    *out = NULL;
    enum outcome res = wire_name_clean(name, clean, err);
    if (res != OUT_OK) {
        err_prepend(err, "%s: the TSIG key's name", origin);
        return res;
    }
    res = tsigfile_algorithm(algorithm, bare, err);
    if (res == OUT_OK)
        res = tsigfile_secret(secret, err);
    if (res != OUT_OK) {
        err_prepend(err, "%s: the TSIG key \"%s\"", origin, name);
        return res;
    }
    (void)text_format(full, sizeof full, "%s.", bare);
    struct tsigkey *key = calloc(1, sizeof *key);
    if (key == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    key->name = strdup(clean);
    key->algorithm = strdup(full);
    key->secret = strdup(secret);
    key->origin = strdup(origin);
    if (key->name == NULL || key->algorithm == NULL || key->secret == NULL || key->origin == NULL) {
        tsigkey_free(&key);
        return err_set(err, OUT_BROKEN, "out of memory");
    }
    *out = key;
    return OUT_OK;
}

enum outcome tsigkey_parse(const char *text, const char *origin, struct tsigkey **out,
                           struct err *err)
{
    struct tsigfile file;
    *out = NULL;
    enum outcome res = tsigfile_parse(text, origin, &file, err);
    if (res == OUT_OK)
        res = tsigkey_new(file.name, file.algorithm, file.secret, origin, out, err);
    text_wipe(&file, sizeof file);
    return res;
}

/* ---- the file ------------------------------------------------------------------------ */

enum outcome tsigkey_read(const char *path, struct tsigkey **out, struct err *err)
{
    const struct file_rule rule = {.mode = FILE_GROUP_READER, .owner = FILE_NO_OWNER};
    char *data = NULL;
    size_t len = 0;
    *out = NULL;
    enum outcome res = file_read(path, rule, TSIGFILE_MAX, &data, &len, err);
    if (res != OUT_OK) {
        err_prepend(err, "the TSIG key");
        return res == OUT_NOT_YET ? OUT_REFUSED : res;
    }
    if (strlen(data) != len)
        res = err_set(err, OUT_REFUSED, "the TSIG key %s is not a text file", path);
    else
        res = tsigkey_parse(data, path, out, err);
    text_wipe(data, len);
    free(data);
    return res;
}
