/* SPDX-License-Identifier: BSD-2-Clause */
#include "postfix/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/key.h"

#define FOLDER_STICKY 01000 /* S_ISVTX, which POSIX has under XSI only */
#define FOLDER_OTHERS (S_IWGRP | S_IWOTH)

static enum outcome folder_check(const struct stat *info, const char *path, int len, bool last,
                                 struct err *err)
{
    if (info->st_uid != 0 && info->st_uid != geteuid())
        return err_set(err, OUT_REFUSED,
                       "the folder %.*s belongs to user %ld, who could replace the keys in it: "
                       "chown root it, or keep the chain file elsewhere",
                       len, path, (long)info->st_uid);
    if ((info->st_mode & FOLDER_OTHERS) == 0 || (!last && (info->st_mode & FOLDER_STICKY) != 0))
        return OUT_OK;
    return err_set(err, OUT_REFUSED,
                   "the folder %.*s is writable by others (mode %04o), who could replace the keys "
                   "in it: chmod go-w it",
                   len, path, (unsigned)(info->st_mode & 07777));
}

/* One step down; `len` octets of the path lead to it. Takes over *fd. */
static enum outcome folder_step(int *fd, const char *name, const char *path, size_t len, bool last,
                                struct err *err)
{
    struct stat info;
    int shown = (int)(len > 0 ? len : 1);
    int next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 && (errno == ELOOP || errno == ENOTDIR)) {
        if (fstatat(*fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode))
            return err_set(err, OUT_REFUSED,
                           "%.*s is a symbolic link: name the chain file by its real path", shown,
                           path);
        return err_set(err, OUT_REFUSED, "%.*s is not a folder", shown, path);
    }
    if (next < 0)
        return err_errno(err, "cannot open the folder %.*s", shown, path);
    (void)close(*fd);
    *fd = next;
    if (fstat(next, &info) != 0)
        return err_errno(err, "cannot look at the folder %.*s", shown, path);
    return folder_check(&info, path, shown, last, err);
}

/* Absolute, of a file, no longer than we hold, each name a real one. */
static bool folder_plain(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (path[0] != '/' || slash[1] == '\0' || strlen(path) >= FOLDER_PATH_MAX ||
        strlen(slash + 1) >= FOLDER_NAME_MAX)
        return false;
    for (const char *at = path; *at != '\0';) {
        at++; /* over the slash */
        size_t len = strcspn(at, "/");
        if (len == 0 || len > 255 || (len <= 2 && strspn(at, ".") >= len))
            return false;
        at += len;
    }
    return true;
}

enum outcome folder_open(const char *path, struct folder *out, struct err *err)
{
    char piece[256];
    size_t at = 1;
    out->fd = -1;
    if (!folder_plain(path))
        return err_set(err, OUT_REFUSED,
                       "\"%s\" is not the path of a file from \"/\" on, without \"//\", \".\" and "
                       "\"..\"",
                       path);
    size_t end = (size_t)(strrchr(path, '/') - path);
    (void)snprintf(out->path, sizeof out->path, "%s", path);
    (void)snprintf(out->name, sizeof out->name, "%s", path + end + 1);
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "cannot open /");
    enum outcome res = folder_step(&fd, ".", path, 0, end == 0, err);
    while (res == OUT_OK && at < end) {
        size_t len = strcspn(path + at, "/");
        memcpy(piece, path + at, len);
        piece[len] = '\0';
        at += len;
        res = folder_step(&fd, piece, path, at, at == end, err);
        at++;
    }
    if (res != OUT_OK) {
        (void)close(fd);
        return res;
    }
    out->fd = fd;
    return OUT_OK;
}

void folder_close(struct folder *folder)
{
    if (folder->fd >= 0)
        (void)close(folder->fd); /* nothing is written through it */
    folder->fd = -1;
}

void folder_name(const struct folder *folder, const char *suffix, char out[FOLDER_NAME_MAX + 32])
{
    (void)snprintf(out, FOLDER_NAME_MAX + 32, "%.*s%.31s", FOLDER_NAME_MAX - 1, folder->name,
                   suffix);
}

static enum outcome folder_check_file(const struct folder *folder, const char *name,
                                      const struct stat *info, struct err *err)
{
    int len = (int)(strrchr(folder->path, '/') - folder->path);
    if (!S_ISREG(info->st_mode))
        return err_set(err, OUT_REFUSED, "%.*s/%s is not a regular file", len, folder->path, name);
    if (info->st_nlink > 1)
        return err_set(err, OUT_REFUSED,
                       "%.*s/%s has %lu names (hard links): remove the others, or copy it to a "
                       "file of its own",
                       len, folder->path, name, (unsigned long)info->st_nlink);
    if (info->st_uid != 0 && info->st_uid != geteuid())
        return err_set(err, OUT_REFUSED,
                       "%.*s/%s holds private keys and belongs to user %ld: chown root it", len,
                       folder->path, name, (long)info->st_uid);
    if ((info->st_mode & (S_IRWXO | S_IWGRP | S_IXGRP)) != 0)
        return err_set(err, OUT_REFUSED,
                       "%.*s/%s holds private keys and has mode %04o: chmod 0600 it", len,
                       folder->path, name, (unsigned)(info->st_mode & 07777));
    return OUT_OK;
}

enum outcome folder_file(const struct folder *folder, const char *name, int *fd, struct stat *info,
                         struct err *err)
{
    *fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0 && errno == ENOENT) {
        (void)err_set(err, OUT_NOT_YET, "%s does not exist", folder->path);
        return OUT_NOT_YET;
    }
    if (*fd < 0 && errno == ELOOP)
        return err_set(err, OUT_REFUSED,
                       "%s is a symbolic link: name the file itself in smtpd_tls_chain_files and "
                       "in danemilter.conf",
                       folder->path);
    if (*fd < 0)
        return err_errno(err, "cannot open %s", folder->path);
    enum outcome res = OUT_OK;
    if (fstat(*fd, info) != 0)
        res = err_errno(err, "cannot look at %s", folder->path);
    else
        res = folder_check_file(folder, name, info, err);
    if (res != OUT_OK) {
        (void)close(*fd);
        *fd = -1;
    }
    return res;
}

void folder_text_free(struct folder_text *text)
{
    if (text->text != NULL)
        key_wipe(text->text, text->len);
    free(text->text);
    text->text = NULL;
    text->len = 0;
}

enum outcome folder_read(const struct folder *folder, const char *name, int fd, size_t max,
                         struct folder_text *out, struct err *err)
{
    enum outcome res = OUT_OK;
    out->len = 0;
    out->text = malloc(max + 2);
    if (out->text == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    while (out->len <= max) {
        ssize_t n = read(fd, out->text + out->len, max + 1 - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            res = err_errno(err, "cannot read %s beside %s", name, folder->path);
        if (n <= 0)
            break;
        out->len += (size_t)n;
    }
    if (res == OUT_OK && out->len > max)
        res = err_set(err, OUT_REFUSED, "%s beside %s is larger than %zu octets", name,
                      folder->path, max);
    out->text[out->len] = '\0';
    if (res != OUT_OK)
        folder_text_free(out);
    return res;
}

static enum outcome folder_write(int fd, const char *text, size_t len, const char *path,
                                 struct err *err)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, "cannot write beside %s", path);
        if (n == 0)
            return err_set(err, OUT_BROKEN, "cannot write beside %s: nothing was taken", path);
        text += n;
        len -= (size_t)n;
    }
    return OUT_OK;
}

static enum outcome folder_fill(const struct folder *folder, int fd, const struct folder_text *text,
                                const struct stat *like, struct err *err)
{
    struct stat info;
    mode_t mode = like != NULL ? like->st_mode & 07777 : S_IRUSR | S_IWUSR;
    if (fstat(fd, &info) != 0)
        return err_errno(err, "cannot look at the new file beside %s", folder->path);
    if (like != NULL && (like->st_uid != info.st_uid || like->st_gid != info.st_gid) &&
        fchown(fd, like->st_uid, like->st_gid) != 0)
        return err_errno(err, "cannot give the new file beside %s its owner", folder->path);
    if (fchmod(fd, mode) != 0)
        return err_errno(err, "cannot give the new file beside %s its mode", folder->path);
    enum outcome res = folder_write(fd, text->text, text->len, folder->path, err);
    if (res == OUT_OK && fsync(fd) != 0)
        res = err_errno(err, "cannot fsync the new file beside %s", folder->path);
    return res;
}

enum outcome folder_create(const struct folder *folder, const char *name,
                           const struct folder_text *text, const struct stat *like, struct err *err)
{
    struct err ignored = ERR_INIT;
    int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    S_IRUSR | S_IWUSR);
    if (fd < 0)
        return err_errno(err, "cannot make %s beside %s", name, folder->path);
    enum outcome res = folder_fill(folder, fd, text, like, err);
    if (close(fd) != 0 && res == OUT_OK)
        res = err_errno(err, "cannot close the new file beside %s", folder->path);
    if (res != OUT_OK)
        (void)folder_shred(folder, name, &ignored); /* the first trouble is the one to tell */
    return res;
}

enum outcome folder_sync(const struct folder *folder, struct err *err)
{
    if (fsync(folder->fd) != 0)
        return err_errno(err, "cannot fsync the folder of %s", folder->path);
    return OUT_OK;
}

/* Zeros over the whole length. */
static enum outcome folder_overwrite(const struct folder *folder, int fd, off_t left,
                                     struct err *err)
{
    static const char zeros[4096];
    while (left > 0) {
        size_t len = left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros;
        enum outcome res = folder_write(fd, zeros, len, folder->path, err);
        if (res != OUT_OK)
            return res;
        left -= (off_t)len;
    }
    if (fsync(fd) != 0)
        return err_errno(err, "cannot fsync the overwritten file beside %s", folder->path);
    return OUT_OK;
}

enum outcome folder_shred(const struct folder *folder, const char *name, struct err *err)
{
    struct stat info;
    enum outcome res = OUT_OK;
    if (fstatat(folder->fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? OUT_OK
                               : err_errno(err, "cannot look at %s beside %s", name, folder->path);
    if (S_ISREG(info.st_mode) && info.st_nlink == 1) {
        int fd = openat(folder->fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            return err_errno(err, "cannot overwrite %s beside %s", name, folder->path);
        res = folder_overwrite(folder, fd, info.st_size, err);
        if (close(fd) != 0 && res == OUT_OK)
            res = err_errno(err, "cannot close %s beside %s", name, folder->path);
    }
    /* Unlinked all the same when it could not be overwritten: better gone than left. */
    if (unlinkat(folder->fd, name, 0) != 0 && errno != ENOENT && res == OUT_OK)
        res = err_errno(err, "cannot remove %s beside %s", name, folder->path);
    return res;
}
