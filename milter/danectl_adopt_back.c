/* SPDX-License-Identifier: BSD-2-Clause */
/* Putting back what a record says. */
#include "milter/danectl_adopt_undo.h"

#include "base/text.h"
#include "crypto/bundle.h"
#include "crypto/tlsa.h"
#include "milter/danectl_adopt.h"
#include "milter/danectl_adopt_postfix.h"
#include "postfix/chainfile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct back {
    const struct adopt_undo *undo;
    const struct adopt_undo_ask *ask;
};

static void ERR_PRINTF(2, 3) back_say(const struct back *b, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    if (b->ask->say != NULL)
        b->ask->say(b->ask->self, text);
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What adopt added to a list that somebody has changed since, taken out of it; NULL: it is not in
 * there (or no memory, which then leaves the list alone). */
static char *without_ours(const struct adopt_change *c, const char *now)
{
    const char *ours = c->after;
    if (ours == NULL || now == NULL || strcmp(c->name, "smtpd_milters") != 0)
        return NULL;
    if (c->before != NULL && c->before[0] != '\0')
        ours += strlen(c->before) + 2 < strlen(ours) ? strlen(c->before) + 2 : 0;
    const char *at = strstr(now, ours);
    if (at == NULL)
        return NULL;
    size_t head = (size_t)(at - now);
    const char *tail = at + strlen(ours);
    tail += strspn(tail, ", ");
    while (*tail == '\0' && head > 0 && strchr(", ", now[head - 1]) != NULL)
        head--;
    char *out = malloc(strlen(now) + 1);
    if (out != NULL)
        (void)snprintf(out, strlen(now) + 1, "%.*s%s", (int)head, now, tail);
    return out;
}

static enum outcome back_set(const struct back *b, const struct adopt_change *c, const char *value,
                             struct err *err)
{
    const char *dir = b->undo->config_dir;
    back_say(b, "%s/%s: %s %s%s", dir, c->kind == ADOPT_PARAM ? "main.cf" : "master.cf", c->name,
             value == NULL ? "taken out" : "as before: ", value == NULL ? "" : value);
    if (b->ask->dry_run)
        return OUT_OK;
    return c->kind == ADOPT_PARAM ? adopt_pf_set_param(dir, c->name, value, err)
                                  : adopt_pf_set_service(dir, c->name, value, err);
}

/* What the files have, all of it before the first change (adopt_do says why). */
static enum outcome back_now(const struct adopt_undo *undo, char *now[ADOPT_CHANGES_MAX],
                             struct err *err)
{
    enum outcome res = OUT_OK;
    for (size_t i = 0; i < undo->n && res == OUT_OK; i++) {
        const struct adopt_change *c = &undo->changes[i];
        if (c->kind == ADOPT_PARAM)
            res = adopt_pf_param(undo->config_dir, c->name, &now[i], err);
        else if (c->kind == ADOPT_SERVICE)
            res = adopt_pf_service(undo->config_dir, c->name, &now[i], err);
    }
    return res;
}

static enum outcome back_value(const struct back *b, const struct adopt_change *c, const char *now,
                               struct err *err)
{
    enum outcome res = OUT_OK;
    char *rest = !same(now, c->before) && !same(now, c->after) ? without_ours(c, now) : NULL;
    if (same(now, c->before))
        ;
    else if (c->after == NULL || same(now, c->after))
        res = back_set(b, c, c->before, err);
    else if (rest != NULL)
        res = back_set(b, c, rest, err);
    else
        back_say(b, "%s was changed since by somebody else, and is left alone; it was: %s", c->name,
                 c->before == NULL ? "(not set)" : c->before);
    free(rest);
    return res;
}

/* SHA-256, by the code that makes it of certificates. */
enum outcome adopt_sum(const char *data, size_t len, char out[ADOPT_SUM_MAX], struct err *err)
{
    struct port_tlsa rec;
    enum outcome res =
        tlsa_from_der((const uint8_t *)data, len, (struct model_combo){3, 0, 1}, &rec, err);
    if (res == OUT_OK && !text_hex(out, ADOPT_SUM_MAX, rec.data, rec.len))
        res = err_set(err, OUT_BROKEN, "a digest of another size");
    return res;
}

/* ---- files ---------------------------------------------------------------------------------- */

static enum outcome back_split(const char *path, struct file_folder *folder, const char **name,
                               struct err *err)
{
    char dir[FILE_PATH_MAX];
    const char *slash = strrchr(path, '/');
    const struct file_rule rule = {FILE_ANY_READER, FILE_NO_OWNER};
    if (slash == NULL || slash == path || (size_t)(slash - path) >= sizeof dir)
        return err_set(err, OUT_REFUSED, "%s is no path of a file", path);
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    *name = slash + 1;
    return file_folder_open(dir, rule, folder, err);
}

static enum outcome back_remove(const struct back *b, const struct adopt_change *c,
                                const struct file_folder *folder, const char *name, struct err *err)
{
    back_say(b, "%s removed", c->name);
    if (b->ask->dry_run)
        return OUT_OK;
    enum outcome res = c->kind == ADOPT_CHAIN ? chainfile_shred_old(c->name, err) : OUT_OK;
    if (res != OUT_OK)
        return res;
    return c->kind == ADOPT_CHAIN ? file_shred_at(folder, name, err)
                                  : file_remove_at(folder, name, err);
}

static enum outcome back_file(const struct back *b, const struct adopt_change *c, struct err *err)
{
    const struct file_rule rule = {c->kind == ADOPT_CHAIN ? FILE_GROUP_READER : FILE_ANY_READER,
                                   FILE_NO_OWNER};
    struct file_folder folder = {.fd = -1};
    const char *name = NULL;
    char *data = NULL;
    size_t len = 0;
    char sum[ADOPT_SUM_MAX] = "";
    enum outcome res = back_split(c->name, &folder, &name, err);
    if (res == OUT_OK)
        res = file_read_at(&folder, name, rule, BUNDLE_MAX, &data, &len, err);
    if (res == OUT_OK)
        res = adopt_sum(data, len, sum, err);
    text_wipe(data, len);
    free(data);
    if (res == OUT_OK && (b->ask->files == ADOPT_FILES_ALL || same(sum, c->after)))
        res = back_remove(b, c, &folder, name, err);
    else if (res == OUT_OK)
        back_say(b, "%s was changed since it was made, and is left alone", c->name);
    file_folder_close(&folder);
    if (res == OUT_NOT_YET) { /* gone already */
        err_clear(err);
        res = OUT_OK;
    }
    return res;
}

static enum outcome back_folder(const struct back *b, const struct adopt_change *c, struct err *err)
{
    if (b->ask->dry_run || rmdir(c->name) == 0) {
        back_say(b, "%s removed", c->name);
        return OUT_OK;
    }
    if (errno == ENOENT)
        return OUT_OK;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return err_errno(err, "cannot remove %s", c->name);
    back_say(b, "%s is left: it is not empty", c->name);
    return OUT_OK;
}

static enum outcome back_one(const struct back *b, const struct adopt_change *c, const char *now,
                             struct err *err)
{
    switch (c->kind) {
    case ADOPT_PARAM:
    case ADOPT_SERVICE:
        return back_value(b, c, now, err);
    case ADOPT_FILE:
    case ADOPT_CHAIN:
        return b->ask->files == ADOPT_FILES_KEEP ? OUT_OK : back_file(b, c, err);
    case ADOPT_FOLDER:
        return b->ask->files == ADOPT_FILES_KEEP ? OUT_OK : back_folder(b, c, err);
    }
    return err_set(err, OUT_BROKEN, "a change of an unknown kind");
}

enum outcome adopt_undo_apply(const struct adopt_undo *undo, const struct adopt_undo_ask *ask,
                              struct err *err)
{
    const struct back b = {undo, ask};
    char *now[ADOPT_CHANGES_MAX] = {NULL};
    enum outcome res = back_now(undo, now, err);
    for (size_t i = undo->n; i > 0 && res == OUT_OK; i--)
        res = back_one(&b, &undo->changes[i - 1], now[i - 1], err);
    for (size_t i = 0; i < ADOPT_CHANGES_MAX; i++)
        free(now[i]);
    return res;
}
