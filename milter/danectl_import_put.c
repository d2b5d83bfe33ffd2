/* SPDX-License-Identifier: BSD-2-Clause */
/* What is imported: judged, then written. */
#include "milter/danectl_export.h"

#include "base/text.h"
#include "crypto/key.h"
#include "store/copy.h"
#include "store/ledgerdb.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- judging ---------------------------------------------------------------------------- */

static enum outcome judge_db(struct export_member *m, struct err *err)
{
    char *good = NULL;
    size_t len = 0;
    enum outcome out = copy_judge(m->data, m->len, m->kind == EXPORT_FACTS, &good, &len, err);
    if (out != OUT_OK)
        return out;
    free(m->data);
    m->data = good;
    m->len = len;
    return OUT_OK;
}

/* The name is made from the key, so it is no path to anywhere else. */
static enum outcome judge_key(const struct export_member *m, struct err *err)
{
    struct key *key = NULL;
    uint8_t spki[MODEL_ID_LEN];
    char name[2 * MODEL_ID_LEN + sizeof ".pem"];
    enum outcome out = key_from_pem(m->data, m->len, &key, err);
    if (out != OUT_OK)
        return out;
    key_spki(key, spki);
    key_free(&key);
    for (size_t i = 0; i < sizeof spki; i++)
        (void)snprintf(name + 2 * i, 3, "%02x", spki[i]);
    memcpy(name + 2 * sizeof spki, ".pem", sizeof ".pem");
    return strcmp(name, m->name) == 0
               ? OUT_OK
               : err_set(err, OUT_REFUSED, "%s holds another key than its name says", m->name);
}

static const char *chain_place(const struct export_place *to, const char *title)
{
    for (size_t i = 0; i < to->n; i++) {
        if (strcmp(to->titles[i], title) == 0)
            return to->chain_files[i];
    }
    return NULL;
}

enum outcome import_judge(const struct export_place *to, struct export_set *set, struct err *err)
{
    size_t facts = 0;
    enum outcome out = OUT_OK;
    for (size_t i = 0; out == OUT_OK && i < set->n; i++) {
        struct export_member *m = &set->members[i];
        if (m->kind == EXPORT_KEY)
            out = judge_key(m, err);
        else if (m->kind != EXPORT_CHAIN)
            out = judge_db(m, err);
        else if (chain_place(to, m->name) == NULL)
            out = err_set(err, OUT_REFUSED,
                          "the configuration has no certificate \"%s\": take the other server's "
                          "danemilter.conf over first",
                          m->name);
        facts += m->kind == EXPORT_FACTS;
    }
    if (out == OUT_OK && facts != 1)
        out = err_set(err, OUT_REFUSED, "the file holds %zu states instead of one", facts);
    return out;
}

/* ---- writing ---------------------------------------------------------------------------- */

struct putting {
    const struct export_place *to;
    bool write; /* otherwise only looked at */
};

/* In an open folder: absent, or the same already. */
static enum outcome put_at(const struct putting *p, const struct file_folder *folder,
                           const char *name, const struct export_member *m, uid_t uid, gid_t gid,
                           struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    const struct file_rule rule = {FILE_PRIVATE, p->to->uid};
    enum outcome out = file_read_at(folder, name, rule, COPY_MAX, &data, &len, err);
    if (out == OUT_OK) {
        bool same = len == m->len && memcmp(data, m->data, len) == 0;
        text_wipe(data, len);
        free(data);
        if (!same)
            return err_set(
                err, OUT_REFUSED,
                "%s/%s is there already, with another content: move it away, then import "
                "again",
                folder->path, name);
    } else if (out != OUT_NOT_YET) {
        return out;
    }
    err_clear(err);
    if (!p->write)
        return OUT_OK;
    if (out == OUT_NOT_YET)
        out = file_write_at(folder, name, 0600, m->data, m->len, err);
    if (out == OUT_OK && fchownat(folder->fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
        out = err_errno(err, "%s/%s", folder->path, name);
    return out == OUT_OK ? file_folder_sync(folder, err) : out;
}

static enum outcome put_in(const struct putting *p, const char *path, enum file_mode_rule mode,
                           const char *name, const struct export_member *m, uid_t uid, gid_t gid,
                           struct err *err)
{
    struct file_folder folder;
    enum outcome out = file_folder_open(path, (struct file_rule){mode, p->to->uid}, &folder, err);
    if (out == OUT_NOT_YET)
        return err_set(err, OUT_REFUSED, "there is no folder %s: make it first", path);
    if (out != OUT_OK)
        return out;
    out = put_at(p, &folder, name, m, uid, gid, err);
    file_folder_close(&folder);
    return out;
}

static enum outcome put_member(const struct putting *p, const struct export_member *m,
                               struct err *err)
{
    const struct export_place *to = p->to;
    char path[FILE_PATH_MAX];
    switch (m->kind) {
    case EXPORT_KEY:
        if (!text_format(path, sizeof path, "%s/keys", to->state_dir))
            return err_set(err, OUT_REFUSED, "%s is too long", to->state_dir);
        return put_in(p, path, FILE_PRIVATE, m->name, m, to->uid, to->gid, err);
    case EXPORT_CHAIN: {
        const char *file = chain_place(to, m->name);
        const char *slash = file != NULL ? strrchr(file, '/') : NULL;
        if (slash == NULL || !text_format(path, sizeof path, "%.*s", (int)(slash - file), file))
            return err_set(err, OUT_REFUSED, "%s: no place for its chain file", m->name);
        return put_in(p, path, FILE_ANY_READER, slash + 1, m, geteuid(), getegid(), err);
    }
    case EXPORT_SESSIONS:
        return put_in(p, to->state_dir, FILE_PRIVATE, LEDGERDB_FILE, m, to->uid, to->gid, err);
    case EXPORT_FACTS:
        return put_in(p, to->state_dir, FILE_PRIVATE, STORE_FILE, m, to->uid, to->gid, err);
    }
    return err_set(err, OUT_BROKEN, "%s: a part of no kind", m->name);
}

static enum outcome put_kind(const struct putting *p, const struct export_set *set,
                             enum export_kind kind, struct err *err)
{
    enum outcome out = OUT_OK;
    for (size_t i = 0; out == OUT_OK && i < set->n; i++) {
        if (set->members[i].kind == kind)
            out = put_member(p, &set->members[i], err);
    }
    return out;
}

/* The facts last: without them there is no state. */
static enum outcome put_all(const struct putting *p, const struct export_set *set, struct err *err)
{
    static const enum export_kind order[] = {EXPORT_KEY, EXPORT_CHAIN, EXPORT_SESSIONS,
                                             EXPORT_FACTS};
    enum outcome out = OUT_OK;
    for (size_t i = 0; out == OUT_OK && i < sizeof order / sizeof order[0]; i++)
        out = put_kind(p, set, order[i], err);
    return out;
}

/* A state that is there is never overwritten; one that an import began has the mark. */
static enum outcome no_state(const struct export_place *to, struct err *err)
{
    struct stat st;
    char path[FILE_PATH_MAX];
    struct err mark = ERR_INIT;
    if (!text_format(path, sizeof path, "%s/%s", to->state_dir, STORE_FILE))
        return err_set(err, OUT_REFUSED, "%s is too long", to->state_dir);
    enum outcome out = copy_unmarked(to->state_dir, to->uid, &mark);
    bool begun = out == OUT_REFUSED && strstr(mark.text, "import") != NULL;
    err_clear(&mark);
    if (lstat(path, &st) == 0 && !begun)
        return err_set(err, OUT_REFUSED,
                       "%s is there already: this server has a state of its own, and it is not "
                       "overwritten",
                       path);
    return OUT_OK;
}

enum outcome import_put(const struct export_place *to, const struct export_set *set,
                        struct err *err)
{
    const struct putting look = {.to = to}, doit = {.to = to, .write = true};
    enum outcome out = no_state(to, err);
    if (out == OUT_OK)
        out = put_all(&look, set, err);
    if (out == OUT_OK)
        out = export_mark(to, "an import was cut off here: \"danectl import\" once more\n", err);
    if (out == OUT_OK)
        out = put_all(&doit, set, err);
    if (out == OUT_OK)
        out = export_unmark(to, err);
    return out;
}
