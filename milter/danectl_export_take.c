/* SPDX-License-Identifier: BSD-2-Clause */
/* What is exported, the file, and the mark. */
#include "milter/danectl_export.h"

#include "base/text.h"
#include "crypto/key.h"
#include "store/copy.h"
#include "store/ledgerdb.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHAIN_MAX (1024 * 1024)

static enum outcome take_db(const struct export_place *from, enum export_kind kind,
                            const char *name, struct export_set *set, struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    enum outcome out = copy_take(from->state_dir, name, from->uid, &data, &len, err);
    return out == OUT_OK ? export_set_add(set, kind, name, data, len, err) : out;
}

static enum outcome take_key(const struct file_folder *folder, struct file_rule rule,
                             const char *name, struct export_set *set, struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    enum outcome out = file_read_at(folder, name, rule, KEY_PEM_MAX, &data, &len, err);
    return out == OUT_OK ? export_set_add(set, EXPORT_KEY, name, data, len, err) : out;
}

static bool is_pem(const char *name)
{
    size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, ".pem") == 0;
}

static enum outcome take_keys(const struct export_place *from, struct export_set *set,
                              struct err *err)
{
    const struct file_rule rule = {FILE_PRIVATE, from->uid};
    char path[FILE_PATH_MAX];
    struct file_folder folder;
    if (!text_format(path, sizeof path, "%s/keys", from->state_dir))
        return err_set(err, OUT_REFUSED, "%s is too long", from->state_dir);
    enum outcome out = file_folder_open(path, rule, &folder, err);
    if (out != OUT_OK)
        return out;
    int fd = openat(folder.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL)
        out = err_errno(err, "%s", path);
    for (struct dirent *e = NULL; out == OUT_OK;) {
        errno = 0;
        e = readdir(dir);
        if (e == NULL) {
            out = errno == 0 ? OUT_OK : err_errno(err, "%s", path);
            break;
        }
        if (is_pem(e->d_name))
            out = take_key(&folder, rule, e->d_name, set, err);
    }
    if (dir != NULL)
        (void)closedir(dir); /* only read */
    else if (fd >= 0)
        (void)close(fd);
    file_folder_close(&folder);
    return out;
}

enum outcome export_take(const struct export_place *from, struct export_set *set, struct err *err)
{
    enum outcome out = take_db(from, EXPORT_FACTS, STORE_FILE, set, err);
    if (out == OUT_NOT_YET)
        return err_set(err, OUT_REFUSED, "there is no state in %s: nothing to export",
                       from->state_dir);
    if (out == OUT_OK)
        out = take_db(from, EXPORT_SESSIONS, LEDGERDB_FILE, set, err);
    if (out == OUT_OK || out == OUT_NOT_YET)
        out = take_keys(from, set, err);
    for (size_t i = 0; out == OUT_OK && i < from->n; i++) {
        const struct file_rule rule = {FILE_PRIVATE, FILE_NO_OWNER};
        char *data = NULL;
        size_t len = 0;
        out = file_read(from->chain_files[i], rule, CHAIN_MAX, &data, &len, err);
        if (out == OUT_OK)
            out = export_set_add(set, EXPORT_CHAIN, from->titles[i], data, len, err);
        else if (out == OUT_NOT_YET)
            out = OUT_OK; /* never made */
    }
    if (out == OUT_OK)
        err_clear(err);
    return out == OUT_NOT_YET ? OUT_REFUSED : out;
}

static enum outcome write_all(int fd, const char *path, const char *text, struct err *err)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR)
            return err_errno(err, "cannot write %s", path);
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return fsync(fd) == 0 ? OUT_OK : err_errno(err, "cannot write %s", path);
}

enum outcome export_write(const char *path, const char *text, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char folder[FILE_PATH_MAX];
    (void)text_format(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path + 1),
                      slash == NULL ? "." : path);
    int above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0)
        return err_errno(err, "cannot open the folder %s", folder);
    const char *name = slash == NULL ? path : slash + 1;
    int fd = openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    enum outcome out = OUT_OK;
    if (fd < 0 && errno == EEXIST)
        out = err_set(err, OUT_REFUSED, "%s is there already: name a new file", path);
    else if (fd < 0)
        out = err_errno(err, "cannot make %s", path);
    if (out == OUT_OK && fchmod(fd, 0600) != 0)
        out = err_errno(err, "%s", path);
    if (out == OUT_OK)
        out = write_all(fd, path, text, err);
    if (fd >= 0 && close(fd) != 0 && out == OUT_OK)
        out = err_errno(err, "cannot write %s", path);
    if (out == OUT_OK && fsync(above) != 0)
        out = err_errno(err, "cannot write %s", folder);
    if (fd >= 0 && out != OUT_OK)
        (void)unlinkat(above, name, 0); /* the first error is the one to tell */
    (void)close(above);
    return out;
}

/* ---- the mark --------------------------------------------------------------------------- */

enum outcome export_mark(const struct export_place *at, const char *text, struct err *err)
{
    struct file_folder folder;
    enum outcome out =
        file_folder_open(at->state_dir, (struct file_rule){FILE_PRIVATE, at->uid}, &folder, err);
    if (out != OUT_OK)
        return out;
    out = file_write_at(&folder, COPY_MARK, 0600, text, strlen(text), err);
    if (out == OUT_OK && fchownat(folder.fd, COPY_MARK, at->uid, at->gid, AT_SYMLINK_NOFOLLOW) != 0)
        out = err_errno(err, "%s/%s", at->state_dir, COPY_MARK);
    file_folder_close(&folder);
    return out;
}

enum outcome export_unmark(const struct export_place *at, struct err *err)
{
    struct file_folder folder;
    enum outcome out =
        file_folder_open(at->state_dir, (struct file_rule){FILE_PRIVATE, at->uid}, &folder, err);
    if (out != OUT_OK)
        return out;
    out = file_remove_at(&folder, COPY_MARK, err);
    file_folder_close(&folder);
    return out;
}
