/* SPDX-License-Identifier: BSD-2-Clause */
/* The record itself: read, added to, written. */
#include "milter/danectl_adopt_undo.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNDO_MAX (1024 * 1024)
#define UNDO_VERSION 1

static const char *const kinds[] = {"parameter", "service", "file", "chain", "folder"};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

static const struct file_rule private = {FILE_PRIVATE, FILE_NO_OWNER};

void adopt_undo_free(struct adopt_undo **undo)
{
    if (*undo == NULL)
        return;
    for (size_t i = 0; i < (*undo)->n; i++) {
        free((*undo)->changes[i].name);
        free((*undo)->changes[i].before);
        free((*undo)->changes[i].after);
    }
    free(*undo);
    *undo = NULL;
}

static bool copy(const char *from, char **out)
{
    *out = from == NULL ? NULL : strdup(from);
    return from == NULL || *out != NULL;
}

static enum outcome undo_new(const char *path, const char *config_dir, struct adopt_undo **out,
                             struct err *err)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return err_errno(err, "the record of changes");
    if (strlen(path) < sizeof(*out)->path && strlen(config_dir) < sizeof(*out)->config_dir) {
        memcpy((*out)->path, path, strlen(path) + 1);
        memcpy((*out)->config_dir, config_dir, strlen(config_dir) + 1);
        return OUT_OK;
    }
    adopt_undo_free(out);
    return err_set(err, OUT_REFUSED, "the path %.100s is too long", config_dir);
}

/* FOLDER and NAME of a path; the folder's parent holds it, both made when missing. */
static enum outcome undo_folder(const char *path, bool make, struct file_folder *out,
                                const char **name, struct err *err)
{
    char folder[FILE_PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path || (size_t)(slash - path) >= sizeof folder)
        return err_set(err, OUT_REFUSED, "%s is no path of a record", path);
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    *name = slash + 1;
    if (!make)
        return file_folder_open(folder, private, out, err);
    char *parent_end = strrchr(folder, '/');
    if (parent_end != folder) {
        *parent_end = '\0';
        if (mkdir(folder, 0755) != 0 && errno != EEXIST)
            return err_errno(err, "cannot make %s", folder);
        *parent_end = '/';
    }
    return file_folder_make(folder, FILE_NO_OWNER, out, err);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static bool change_from(const json_t *o, struct adopt_change *c)
{
    const char *kind = text_of(o, "kind"), *name = text_of(o, "name");
    size_t k = 0;
    while (kind != NULL && k < N_KINDS && strcmp(kinds[k], kind) != 0)
        k++;
    if (kind == NULL || name == NULL || k == N_KINDS)
        return false;
    c->kind = (enum adopt_kind)k;
    return copy(name, &c->name) && copy(text_of(o, "before"), &c->before) &&
           copy(text_of(o, "after"), &c->after);
}

static enum outcome undo_parse(const char *path, const json_t *o, struct adopt_undo **out,
                               struct err *err)
{
    const json_t *list = json_object_get(o, "changes");
    const char *dir = text_of(o, "postfix_config");
    bool good = dir != NULL && json_is_array(list) && json_array_size(list) <= ADOPT_CHANGES_MAX &&
                json_integer_value(json_object_get(o, "version")) == UNDO_VERSION;
    enum outcome res = good ? undo_new(path, dir, out, err) : OUT_OK;
    if (res != OUT_OK)
        return res;
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        (*out)->n++;
        good = change_from(json_array_get(list, i), &(*out)->changes[i]);
    }
    if (good) {
        (*out)->complete = json_is_true(json_object_get(o, "complete"));
        return OUT_OK;
    }
    adopt_undo_free(out);
    return err_set(err, OUT_REFUSED,
                   "%s is no record of this danectl: put main.cf and master.cf back by hand, then "
                   "delete it",
                   path);
}

enum outcome adopt_undo_load(const char *path, struct adopt_undo **out, struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    json_error_t why;
    *out = NULL;
    enum outcome res = file_read(path, private, UNDO_MAX, &data, &len, err);
    if (res != OUT_OK)
        return res;
    json_t *o = json_loadb(data, len, 0, &why);
    free(data);
    if (o == NULL)
        return err_set(err, OUT_REFUSED, "%s:%d: %s", path, why.line, why.text);
    res = undo_parse(path, o, out, err);
    json_decref(o);
    return res;
}

static json_t *change_to(const struct adopt_change *c)
{
    json_t *o = json_pack("{s:s, s:s}", "kind", kinds[c->kind], "name", c->name);
    if (o != NULL && c->before != NULL)
        (void)json_object_set_new(o, "before", json_string(c->before));
    if (o != NULL && c->after != NULL)
        (void)json_object_set_new(o, "after", json_string(c->after));
    bool whole = o != NULL && (c->before == NULL || text_of(o, "before") != NULL) &&
                 (c->after == NULL || text_of(o, "after") != NULL);
    if (!whole) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static char *undo_text(const struct adopt_undo *undo)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (size_t i = 0; good && i < undo->n; i++)
        good = json_array_append_new(list, change_to(&undo->changes[i])) == 0;
    json_t *o = !good
                    ? NULL
                    : json_pack("{s:i, s:s, s:b, s:O}", "version", UNDO_VERSION, "postfix_config",
                                undo->config_dir, "complete", (int)undo->complete, "changes", list);
    char *text = o != NULL ? json_dumps(o, JSON_INDENT(2)) : NULL;
    json_decref(o);
    json_decref(list);
    return text;
}

static enum outcome undo_save(const struct adopt_undo *undo, struct err *err)
{
    struct file_folder folder = {.fd = -1};
    const char *name = NULL;
    char *text = undo_text(undo);
    if (text == NULL)
        return err_set(err, OUT_BROKEN,
                       "the record of changes could not be written as JSON: no memory, or a value "
                       "that is no UTF-8");
    enum outcome res = undo_folder(undo->path, true, &folder, &name, err);
    if (res == OUT_OK)
        res = file_write_at(&folder, name, 0600, text, strlen(text), err);
    file_folder_close(&folder);
    free(text);
    if (res != OUT_OK)
        err_prepend(err, "nothing is changed without a record");
    return res == OUT_NOT_YET ? OUT_BROKEN : res;
}

/* ---- for adopt ------------------------------------------------------------------------------ */

enum outcome adopt_undo_begin(const char *path, const char *config_dir, struct adopt_undo **out,
                              struct err *err)
{
    enum outcome res = adopt_undo_load(path, out, err);
    if (res == OUT_NOT_YET) {
        err_clear(err);
        return undo_new(path, config_dir, out, err);
    }
    if (res == OUT_OK && strcmp((*out)->config_dir, config_dir) != 0) {
        res = err_set(err, OUT_REFUSED,
                      "%s is about the Postfix of %s: one danemilter belongs to one Postfix", path,
                      (*out)->config_dir);
        adopt_undo_free(out);
    }
    return res;
}

enum outcome adopt_undo_add(struct adopt_undo *undo, enum adopt_kind kind, const char *name,
                            const char *before, const char *after, struct err *err)
{
    struct adopt_change *c = NULL;
    char *was = NULL;
    bool good;
    for (size_t i = 0; i < undo->n && c == NULL; i++) {
        if (undo->changes[i].kind == kind && strcmp(undo->changes[i].name, name) == 0)
            c = &undo->changes[i];
    }
    if (c == NULL && undo->n == ADOPT_CHANGES_MAX)
        return err_set(err, OUT_REFUSED, "more than %d changes", ADOPT_CHANGES_MAX);
    if (c != NULL) {
        was = c->after;
        good = copy(after, &c->after);
        free(was);
    } else {
        c = &undo->changes[undo->n++];
        memset(c, 0, sizeof *c);
        c->kind = kind;
        good = copy(name, &c->name) && copy(before, &c->before) && copy(after, &c->after);
    }
    undo->complete = false;
    return good ? undo_save(undo, err) : err_errno(err, "the record of changes");
}

enum outcome adopt_undo_complete(struct adopt_undo *undo, struct err *err)
{
    undo->complete = true;
    return undo_save(undo, err);
}

enum outcome adopt_undo_remove(const char *path, struct err *err)
{
    struct file_folder folder = {.fd = -1};
    const char *name = NULL;
    enum outcome res = undo_folder(path, false, &folder, &name, err);
    if (res == OUT_NOT_YET)
        return OUT_OK;
    if (res == OUT_OK)
        res = file_remove_at(&folder, name, err);
    file_folder_close(&folder);
    if (res == OUT_OK && rmdir(folder.path) != 0 && errno != ENOENT && errno != ENOTEMPTY &&
        errno != EEXIST)
        res = err_errno(err, "cannot remove %s", folder.path);
    return res;
}
