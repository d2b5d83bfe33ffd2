/* SPDX-License-Identifier: BSD-2-Clause */
#include "postfix/chainfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/bundle.h"
#include "postfix/folder.h"

#define CHAINFILE_NAME_MAX (FOLDER_NAME_MAX + 32)

/* One call's view of the folder. */
struct chainfile {
    struct folder folder;
    char next[CHAINFILE_NAME_MAX];
    char previous[CHAINFILE_NAME_MAX];
    bool exists;
    struct stat info;       /* of the file, when it exists */
    struct folder_text old; /* what it holds */
    struct folder_text new;
};

/* A crash between link and rename leaves the file with two names. Then .previous goes. */
static enum outcome chainfile_heal(const struct chainfile *file, struct err *err)
{
    struct stat a;
    struct stat b;
    if (fstatat(file->folder.fd, file->folder.name, &a, AT_SYMLINK_NOFOLLOW) != 0 ||
        fstatat(file->folder.fd, file->previous, &b, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return OUT_OK;
        return err_errno(err, "cannot look at %s", file->folder.path);
    }
    if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return OUT_OK;
    if (unlinkat(file->folder.fd, file->previous, 0) != 0)
        return err_errno(err, "cannot remove %s.previous, a second name of it", file->folder.path);
    return OUT_OK;
}

static void chainfile_close(struct chainfile *file)
{
    folder_text_free(&file->old);
    bundle_drop(&file->new.text, file->new.len);
    folder_close(&file->folder);
}

/* Opens the folder, and reads the file if there is one. On failure nothing is left open. */
static enum outcome chainfile_open(const char *path, struct chainfile *file, struct err *err)
{
    int fd = -1;
    memset(file, 0, sizeof *file);
    enum outcome res = folder_open(path, &file->folder, err);
    if (res != OUT_OK)
        return res;
    folder_name(&file->folder, ".next", file->next);
    folder_name(&file->folder, ".previous", file->previous);
    res = chainfile_heal(file, err);
    if (res == OUT_OK)
        res = folder_file(&file->folder, file->folder.name, &fd, &file->info, err);
    if (res == OUT_OK) {
        file->exists = true;
        res = folder_read(&file->folder, file->folder.name, fd, BUNDLE_MAX, &file->old, err);
        (void)close(fd); /* read only: nothing can be lost */
    } else if (res == OUT_NOT_YET) {
        res = OUT_OK;
        err_clear(err);
    }
    if (res != OUT_OK)
        chainfile_close(file);
    return res;
}

enum outcome chainfile_read(const char *path, struct port_part *parts, size_t *n, struct err *err)
{
    struct chainfile file;
    size_t room = *n;
    *n = 0;
    enum outcome res = chainfile_open(path, &file, err);
    if (res != OUT_OK)
        return res;
    if (file.exists) {
        *n = room;
        res = bundle_read(file.old.text, file.old.len, parts, n, err);
        if (res != OUT_OK)
            err_prepend(err, "%s", path);
    }
    chainfile_close(&file);
    return res;
}

/* FILE.next, read again from the disk: the octets that were meant, which Postfix would load. */
static enum outcome chainfile_verify(const struct chainfile *file, const struct port_part *parts,
                                     size_t n, struct err *err)
{
    struct folder_text text = {NULL, 0};
    struct stat info;
    int fd = -1;
    enum outcome res = folder_file(&file->folder, file->next, &fd, &info, err);
    if (res == OUT_NOT_YET)
        return OUT_BROKEN; /* it was there a moment ago */
    if (res != OUT_OK)
        return res;
    res = folder_read(&file->folder, file->next, fd, BUNDLE_MAX, &text, err);
    (void)close(fd); /* read only: nothing can be lost */
    if (res != OUT_OK)
        return res;
    if (text.len != file->new.len || memcmp(text.text, file->new.text, text.len) != 0)
        res = err_set(err, OUT_BROKEN, "%s.next does not hold what was written to it",
                      file->folder.path);
    else
        res = bundle_check(text.text, text.len, parts, n, err);
    folder_text_free(&text);
    return res;
}

/* The old file gets its second name; what had that name is shredded. */
static enum outcome chainfile_keep(const struct chainfile *file, struct err *err)
{
    if (!file->exists)
        return OUT_OK;
    enum outcome res = folder_shred(&file->folder, file->previous, err);
    if (res != OUT_OK)
        return res;
    if (linkat(file->folder.fd, file->folder.name, file->folder.fd, file->previous, 0) != 0)
        return err_errno(err, "cannot keep the old file as %s.previous", file->folder.path);
    return OUT_OK;
}

/* The folder cannot be fsynced: the old file comes back, so that what is seen is what was. */
static enum outcome chainfile_undo(const struct chainfile *file, struct err *err)
{
    int fd = file->folder.fd;
    if (!file->exists)
        err_prepend(err, "the new file is in place, but not for sure after a power loss");
    else if (renameat(fd, file->previous, fd, file->folder.name) == 0)
        err_prepend(err, "the old file was put back");
    else
        err_prepend(err, "the new file is in place, the old one could not be put back");
    return OUT_BROKEN;
}

static enum outcome chainfile_changed(const struct chainfile *file, struct err *err)
{
    return err_set(err, OUT_NOT_YET,
                   "%s was changed by somebody else while it was to be replaced; it is left alone",
                   file->folder.path);
}

/* Nobody put another file there, or wrote into this one, since it was read. */
static enum outcome chainfile_unchanged(const struct chainfile *file, struct err *err)
{
    struct stat now;
    if (fstatat(file->folder.fd, file->folder.name, &now, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT)
            return err_errno(err, "cannot look at %s", file->folder.path);
        return file->exists ? chainfile_changed(file, err) : OUT_OK;
    }
    if (!file->exists || now.st_dev != file->info.st_dev || now.st_ino != file->info.st_ino ||
        now.st_size != file->info.st_size || now.st_mtim.tv_sec != file->info.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != file->info.st_mtim.tv_nsec)
        return chainfile_changed(file, err);
    return OUT_OK;
}

static enum outcome chainfile_switch(const struct chainfile *file, struct err *err)
{
    int fd = file->folder.fd;
    enum outcome res = chainfile_unchanged(file, err);
    if (res != OUT_OK)
        return res;
    if (renameat(fd, file->next, fd, file->folder.name) != 0)
        return err_errno(err, "cannot rename %s.next", file->folder.path);
    if (folder_sync(&file->folder, err) != OUT_OK)
        return chainfile_undo(file, err);
    return OUT_OK;
}

/* What was made beside goes again; why is told already. */
static void chainfile_tidy(const struct chainfile *file)
{
    struct err ignored = ERR_INIT;
    (void)folder_shred(&file->folder, file->next, &ignored);
    (void)chainfile_heal(file, &ignored);
}

static enum outcome chainfile_replace(struct chainfile *file, const struct port_part *parts,
                                      size_t n, struct err *err)
{
    enum outcome res = folder_shred(&file->folder, file->next, err); /* left by a crash */
    if (res != OUT_OK)
        return res;
    res = folder_create(&file->folder, file->next, &file->new, file->exists ? &file->info : NULL,
                        err);
    if (res == OUT_OK)
        res = chainfile_verify(file, parts, n, err);
    if (res == OUT_OK)
        res = chainfile_keep(file, err);
    if (res == OUT_OK)
        res = chainfile_switch(file, err);
    if (res != OUT_OK)
        chainfile_tidy(file);
    return res;
}

/* Nothing to write, but an earlier call may have ended before its fsync. */
static enum outcome chainfile_settle(const struct chainfile *file, struct err *err)
{
    struct stat info;
    int fd = -1;
    enum outcome res = folder_file(&file->folder, file->folder.name, &fd, &info, err);
    if (res != OUT_OK)
        return res == OUT_NOT_YET ? OUT_BROKEN : res;
    if (fsync(fd) != 0)
        res = err_errno(err, "cannot fsync %s", file->folder.path);
    if (close(fd) != 0 && res == OUT_OK)
        res = err_errno(err, "cannot close %s", file->folder.path);
    if (res == OUT_OK)
        res = folder_shred(&file->folder, file->next, err);
    if (res == OUT_OK)
        res = folder_sync(&file->folder, err);
    return res;
}

static bool chainfile_has(const struct port_part *parts, size_t n, const struct port_part *part)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].alg == part->alg)
            return memcmp(parts[i].spki, part->spki, sizeof part->spki) == 0 &&
                   strcmp(parts[i].chain_pem, part->chain_pem) == 0;
    }
    return false;
}

/* Is another part of its algorithm behind it? */
static bool chainfile_hidden(const struct port_part *parts, size_t n, size_t i)
{
    for (size_t k = i + 1; k < n; k++) {
        if (parts[k].alg == parts[i].alg)
            return true;
    }
    return false;
}

static enum outcome chainfile_expected(const struct chainfile *file, const struct port_part *expect,
                                       size_t n_expect, struct err *err)
{
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX, served = 0;
    bool same = true;
    if (!file->exists)
        return n_expect == 0 ? OUT_OK : chainfile_changed(file, err);
    enum outcome res = bundle_read(file->old.text, file->old.len, parts, &n, err);
    if (res != OUT_OK)
        return res == OUT_REFUSED ? chainfile_changed(file, err) : res;
    for (size_t i = 0; i < n; i++) {
        if (chainfile_hidden(parts, n, i))
            continue;
        served++;
        same = same && chainfile_has(expect, n_expect, &parts[i]);
    }
    bundle_free(parts, n);
    return same && served == n_expect ? OUT_OK : chainfile_changed(file, err);
}

enum outcome chainfile_install(const char *path, const struct port_part *parts, size_t n,
                               const struct key_loader *keys, struct err *err)
{
    return chainfile_install_over(path, parts, n, NULL, 0, keys, err);
}

enum outcome chainfile_install_over(const char *path, const struct port_part *parts, size_t n,
                                    const struct port_part *expect, size_t n_expect,
                                    const struct key_loader *keys, struct err *err)
{
    struct chainfile file;
    enum outcome res = chainfile_open(path, &file, err);
    if (res != OUT_OK)
        return res;
    res = bundle_write(parts, n, keys, &file.new.text, &file.new.len, err);
    if (res == OUT_OK)
        res = bundle_check(file.new.text, file.new.len, parts, n, err);
    if (res != OUT_OK)
        err_prepend(err, "%s is left as it is", path);
    else if (file.exists &&
             file.old.len == file.new.len &&memcmp(file.old.text, file.new.text, file.new.len) == 0)
        res = chainfile_settle(&file, err);
    else {
        if (expect != NULL)
            res = chainfile_expected(&file, expect, n_expect, err);
        if (res == OUT_OK)
            res = chainfile_replace(&file, parts, n, err);
    }
    chainfile_close(&file);
    return res;
}

enum outcome chainfile_shred_old(const char *path, struct err *err)
{
    struct folder folder;
    char name[CHAINFILE_NAME_MAX];
    enum outcome res = folder_open(path, &folder, err);
    if (res != OUT_OK)
        return res;
    folder_name(&folder, ".next", name);
    res = folder_shred(&folder, name, err);
    folder_name(&folder, ".previous", name);
    if (res == OUT_OK)
        res = folder_shred(&folder, name, err);
    if (res == OUT_OK)
        res = folder_sync(&folder, err);
    folder_close(&folder);
    return res;
}
