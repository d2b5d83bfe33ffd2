/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/keyfile.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "conf/names.h"

enum outcome keyfile_set_name(const char *name, struct tsigfile *out, struct err *err)
{
    return names_domain(name, NAMES_UNDERSCORE | NAMES_DOT, out->name, err);
}

static enum outcome keyfile_load(const char *path, uid_t user, char **data, size_t *len,
                                 struct err *err)
{
    struct file_rule rule = {FILE_GROUP_READER, user};
    enum outcome out = file_read(path, rule, KEYFILE_MAX, data, len, err);
    if (out != OUT_OK) {
        *data = NULL;
        *len = 0;
        return out == OUT_NOT_YET ? OUT_REFUSED : out;
    }
    if (strlen(*data) == *len)
        return OUT_OK;
    text_wipe(*data, *len);
    free(*data);
    *data = NULL;
    return err_set(err, OUT_REFUSED, "%s holds a NUL: it is not a text file", path);
}

enum outcome keyfile_read(const char *path, uid_t user, struct tsigfile *out, struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    memset(out, 0, sizeof *out);
    enum outcome res = keyfile_load(path, user, &data, &len, err);
    if (res != OUT_OK)
        return res;
    res = tsigfile_parse(data, path, out, err);
    text_wipe(data, len);
    free(data);
    if (res == OUT_OK) {
        char name[PORT_NAME_MAX];
        res = names_domain(out->name, NAMES_UNDERSCORE | NAMES_DOT, name, NULL);
        if (res == OUT_OK)
            memcpy(out->name, name, sizeof out->name);
        else
            (void)err_set(
                err, res,
                "%s:%d: the key's name is not a domain name: make a key with tsig-keygen NAME",
                path, out->name_line);
    }
    if (res != OUT_OK)
        text_wipe(out, sizeof *out);
    return res;
}

/* The only word of a file. `*begin` and `*n` are set within `data`, which keyfile_drop ends. */
static enum outcome keyfile_word(const char *path, uid_t user, char **data, size_t *len,
                                 size_t *begin, size_t *n, struct err *err)
{
    static const char space[] = " \t\r\n";
    enum outcome res = keyfile_load(path, user, data, len, err);
    if (res != OUT_OK)
        return res;
    *begin = strspn(*data, space);
    *n = strcspn(*data + *begin, space);
    const char *rest = *data + *begin + *n;
    if (rest[strspn(rest, space)] != '\0')
        return err_set(err, OUT_REFUSED,
                       "%s: more than one word: it must hold the secret and nothing else", path);
    return OUT_OK;
}

static void keyfile_drop(char **data, size_t len)
{
    if (*data != NULL)
        text_wipe(*data, len);
    free(*data);
    *data = NULL;
}

enum outcome keyfile_read_secret(const char *path, uid_t user, struct tsigfile *out,
                                 struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    size_t begin = 0;
    size_t n = 0;
    enum outcome res = keyfile_word(path, user, &data, &len, &begin, &n, err);
    if (res == OUT_OK) {
        data[begin + n] = '\0';
        res = tsigfile_secret(data + begin, err);
        if (res == OUT_OK)
            memcpy(out->secret, data + begin, n + 1);
        else
            err_prepend(err, "%s", path);
    }
    keyfile_drop(&data, len);
    return res;
}

enum outcome keyfile_read_word(const char *path, uid_t user, char *out, size_t size,
                               struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    size_t begin = 0;
    size_t n = 0;
    enum outcome res = keyfile_word(path, user, &data, &len, &begin, &n, err);
    if (res == OUT_OK && n == 0)
        res = err_set(err, OUT_REFUSED, "%s is empty: put the key there and nothing else", path);
    if (res == OUT_OK && n >= size)
        res = err_set(err, OUT_REFUSED,
                      "%s: the key has %zu octets, and at most %zu are taken: use "
                      "a shorter one",
                      path, n, size - 1);
    for (size_t i = 0; res == OUT_OK && i < n; i++) {
        if (data[begin + i] < 0x21 || data[begin + i] > 0x7e)
            res = err_set(err, OUT_REFUSED,
                          "%s: the key has signs that an HTTP header cannot carry: use printable "
                          "ASCII",
                          path);
    }
    if (res == OUT_OK) {
        memcpy(out, data + begin, n);
        out[n] = '\0';
    }
    keyfile_drop(&data, len);
    return res;
}
