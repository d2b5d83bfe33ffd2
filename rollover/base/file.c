/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* O_PATH, where there is one */
#include "config.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#ifndef O_PATH /* then folders that we pass through must be readable */
#define O_PATH O_RDONLY
#endif

#define FILE_NEW ".new"
#ifndef NAME_MAX
#define NAME_MAX 255
#endif

/* Trouble with the system, from errno, with what to do about the usual ones. */
static enum outcome file_trouble(struct err *err, const char *doing, const char *folder,
                                 const char *name)
{
    int saved = errno;
    const char *slash = folder[0] == '\0' || name[0] == '\0' || strcmp(folder, "/") == 0 ? "" : "/";
    if (saved == ENOENT)
        return err_set(err, OUT_NOT_YET, "%s%s%s does not exist", folder, slash, name);
    if (saved == ELOOP)
        return err_set(
            err, OUT_REFUSED,
            "%s%s%s is a symbolic link: put the file itself there, or name its real path", folder,
            slash, name);
    errno = saved;
    (void)err_errno(err, "cannot %s %s%s%s", doing, folder, slash, name);
    const char *hint = NULL;
    if (saved == ENOSPC || saved == EDQUOT || saved == EFBIG)
        hint = "free some space there";
    else if (saved == EROFS)
        hint = "the file system is mounted read-only: look for disk errors in the kernel log";
    else if (saved == EIO)
        hint = "the disk fails: look at the kernel log";
    size_t len = err == NULL ? 0 : strlen(err->text);
    if (hint != NULL && err != NULL)
        (void)text_format(err->text + len, sizeof err->text - len, "; %s", hint);
    return OUT_BROKEN;
}

static bool file_owned(const struct stat *st, uid_t owner)
{
    return st->st_uid == 0 || st->st_uid == geteuid() ||
           (owner != FILE_NO_OWNER && st->st_uid == owner);
}

static mode_t file_forbidden(enum file_mode_rule rule)
{
    switch (rule) {
    case FILE_PRIVATE:
        return 077;
    case FILE_GROUP_READER:
        return 027;
    case FILE_ANY_READER:
        break;
    }
    return 022;
}

static const char *file_mend(enum file_mode_rule rule)
{
    switch (rule) {
    case FILE_PRIVATE:
        return "go=";
    case FILE_GROUP_READER:
        return "g-w,o=";
    case FILE_ANY_READER:
        break;
    }
    return "go-w";
}

/* Owner and mode; `allowed`: bits that do no harm here; `path` is for the text. */
static enum outcome file_judge(const struct stat *st, struct file_rule rule, mode_t allowed,
                               const char *path, struct err *err)
{
    mode_t wrong = st->st_mode & file_forbidden(rule.mode) & ~allowed;
    if (!file_owned(st, rule.owner))
        return err_set(err, OUT_REFUSED,
                       "%s belongs to user %lu, who could change it: it must belong to root or to "
                       "the user danemilter runs as",
                       path, (unsigned long)st->st_uid);
    if (wrong != 0)
        return err_set(err, OUT_REFUSED, "%s has mode %04o, which lets others %s it: chmod %s %s",
                       path, (unsigned)(st->st_mode & 07777),
                       (wrong & 022) != 0 ? "change" : "read", file_mend(rule.mode), path);
    return OUT_OK;
}

/* A folder on the way: as FILE_ANY_READER, but a sticky one may be writable by everybody, since
 * there nobody can replace what is ours, and root's group is as good as root. */
static enum outcome file_judge_way(const struct stat *st, uid_t owner, const char *path,
                                   struct err *err)
{
    mode_t allowed = (st->st_mode & S_ISVTX) != 0 ? 022 : st->st_gid == 0 ? 020 : 0;
    return file_judge(st, (struct file_rule){FILE_ANY_READER, owner}, allowed, path, err);
}

/* Where a walk ends: at a folder that must be like `rule`, or, `through`, at one that only lies on
 * the way to a file. */
struct file_end {
    struct file_rule rule;
    bool through;
};

/* One step: opens `name` below *fd, judges it, and puts it in place of *fd. */
static enum outcome file_step(int *fd, const char *name, bool last, const struct file_end *end,
                              const char *path, struct err *err)
{
    int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | (last ? O_RDONLY : O_PATH);
    struct stat st;
    int next = openat(*fd, name, flags);
    if (next < 0 && errno == ENOTDIR && fstatat(*fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
    if (next < 0)
        return file_trouble(err, "open", path, "");
    enum outcome out = OUT_OK;
    if (fstat(next, &st) != 0)
        out = file_trouble(err, "look at", path, "");
    else if (last && !end->through)
        out = file_judge(&st, end->rule, 0, path, err);
    else
        out = file_judge_way(&st, end->rule.owner, path, err);
    if (out != OUT_OK) {
        (void)close(next);
        return out;
    }
    if (*fd != AT_FDCWD)
        (void)close(*fd);
    *fd = next;
    return OUT_OK;
}

static enum outcome file_walk(const char *path, const struct file_end *end, struct file_folder *out,
                              struct err *err)
{
    char part[FILE_PATH_MAX];
    size_t len = strlen(path);
    out->fd = -1;
    if (len == 0 || len >= sizeof part)
        return err_set(err, OUT_REFUSED, "a path of %zu octets: 1 to %zu are possible", len,
                       sizeof part - 1);
    while (len > 1 && path[len - 1] == '/')
        len--;
    (void)text_format(out->path, sizeof out->path, "%.*s", (int)len, path);
    int fd = AT_FDCWD;
    enum outcome res = OUT_OK;
    size_t at = 0;
    if (path[0] == '/') {
        res = file_step(&fd, "/", len == 1, end, "/", err);
        at = 1;
    }
    while (res == OUT_OK && at < len) {
        size_t n = strcspn(out->path + at, "/");
        bool last = at + n == len;
        char name[FILE_PATH_MAX];
        if (n > 0) {
            (void)text_format(name, sizeof name, "%.*s", (int)n, out->path + at);
            (void)text_format(part, sizeof part, "%.*s", (int)(at + n), out->path);
            res = file_step(&fd, name, last, end, part, err);
        }
        at += n + 1;
    }
    if (res == OUT_OK)
        out->fd = fd;
    else if (fd != AT_FDCWD)
        (void)close(fd);
    return res;
}

enum outcome file_folder_open(const char *path, struct file_rule rule, struct file_folder *out,
                              struct err *err)
{
    return file_walk(path, &(struct file_end){rule, false}, out, err);
}

/* The folder that holds a file. */
static enum outcome file_folder_through(const char *path, uid_t owner, struct file_folder *out,
                                        struct err *err)
{
    return file_walk(path, &(struct file_end){{FILE_ANY_READER, owner}, true}, out, err);
}

/* Splits at the last slash: `folder` gets ".", "/" or what is before it. */
static enum outcome file_split(const char *path, char folder[FILE_PATH_MAX], const char **name,
                               struct err *err)
{
    const char *slash = strrchr(path, '/');
    *name = slash == NULL ? path : slash + 1;
    bool fits = slash == NULL ? text_format(folder, FILE_PATH_MAX, ".")
                              : text_format(folder, FILE_PATH_MAX, "%.*s",
                                            slash == path ? 1 : (int)(slash - path), path);
    if (!fits || strlen(path) >= FILE_PATH_MAX || **name == '\0')
        return err_set(err, OUT_REFUSED, "\"%.64s\" is not the path of a file", path);
    return OUT_OK;
}

enum outcome file_folder_make(const char *path, uid_t owner, struct file_folder *out,
                              struct err *err)
{
    struct file_rule private = {FILE_PRIVATE, owner};
    enum outcome res = file_folder_open(path, private, out, err);
    if (res != OUT_NOT_YET)
        return res;
    char above[FILE_PATH_MAX];
    char self[FILE_PATH_MAX];
    const char *name = NULL;
    struct file_folder parent = {.fd = -1};
    (void)text_format(self, sizeof self, "%s", out->path);
    res = file_split(self, above, &name, err);
    if (res == OUT_OK)
        res = file_folder_through(above, owner, &parent, err);
    if (res != OUT_OK)
        return res == OUT_NOT_YET ? OUT_BROKEN : res;
    if (mkdirat(parent.fd, name, 0700) != 0 && errno != EEXIST)
        res = file_trouble(err, "make the folder", self, "");
    else
        res = file_folder_sync(&parent, err);
    file_folder_close(&parent);
    if (res != OUT_OK)
        return res;
    err_clear(err); /* of its absence */
    return file_folder_open(self, private, out, err);
}

enum outcome file_folder_sync(const struct file_folder *folder, struct err *err)
{
    if (fsync(folder->fd) != 0)
        return file_trouble(err, "fsync the folder", folder->path, "");
    return OUT_OK;
}

void file_folder_close(struct file_folder *folder)
{
    if (folder->fd >= 0)
        (void)close(folder->fd);
    folder->fd = -1;
}

/* Opens a plain file with one name, judges it. A fifo must not make us wait: O_NONBLOCK. */
static enum outcome file_take(const struct file_folder *folder, const char *name, int flags,
                              struct file_rule rule, int *fd, struct stat *st, struct err *err)
{
    char path[FILE_PATH_MAX + 256];
    (void)text_format(path, sizeof path, "%s/%s",
                      strcmp(folder->path, "/") == 0 ? "" : folder->path, name);
    memset(st, 0, sizeof *st);
    *fd = openat(folder->fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0)
        return file_trouble(err, "open", folder->path, name);
    enum outcome out = OUT_OK;
    if (fstat(*fd, st) != 0)
        out = file_trouble(err, "look at", folder->path, name);
    else if (!S_ISREG(st->st_mode))
        out = err_set(err, OUT_REFUSED, "%s is not a plain file", path);
    else if (st->st_nlink != 1)
        out = err_set(err, OUT_REFUSED,
                      "%s has %lu names (hard links): remove the others, or put a copy there", path,
                      (unsigned long)st->st_nlink);
    else
        out = file_judge(st, rule, 0, path, err);
    if (out != OUT_OK) {
        (void)close(*fd);
        *fd = -1;
    }
    return out;
}

enum outcome file_open_at(const struct file_folder *folder, const char *name, struct file_rule rule,
                          int *fd, struct err *err)
{
    struct stat st;
    return file_take(folder, name, O_RDONLY, rule, fd, &st, err);
}

/* Reads to the end; buf has room for max + 1 octets. False: errno says why, 0 = too long. */
static bool file_slurp(int fd, char *buf, size_t max, size_t *len)
{
    *len = 0;
    for (;;) {
        ssize_t n = read(fd, buf + *len, max + 1 - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            return true;
        *len += (size_t)n;
        if (*len > max) {
            errno = 0;
            return false;
        }
    }
}

enum outcome file_read_at(const struct file_folder *folder, const char *name, struct file_rule rule,
                          size_t max, char **data, size_t *len, struct err *err)
{
    struct stat st;
    int fd = -1;
    enum outcome out = file_take(folder, name, O_RDONLY, rule, &fd, &st, err);
    if (out != OUT_OK)
        return out;
    size_t room = st.st_size < 0 || (uintmax_t)st.st_size > max ? max : (size_t)st.st_size;
    char *buf = malloc(room + 2);
    if (buf == NULL)
        out = err_set(err, OUT_BROKEN, "no memory to read %s/%s", folder->path, name);
    else if (file_slurp(fd, buf, room, len))
        buf[*len] = '\0';
    else if (errno == 0)
        out =
            err_set(err, OUT_REFUSED,
                    "%s/%s is larger than the %zu octets that such a file may have (or grew while "
                    "it was read)",
                    folder->path, name, max);
    else
        out = file_trouble(err, "read", folder->path, name);
    (void)close(fd);
    if (out != OUT_OK && buf != NULL) {
        text_wipe(buf, room + 2);
        free(buf);
        buf = NULL;
    }
    if (out == OUT_OK)
        *data = buf;
    return out;
}

enum outcome file_read(const char *path, struct file_rule rule, size_t max, char **data,
                       size_t *len, struct err *err)
{
    char above[FILE_PATH_MAX];
    const char *name = NULL;
    struct file_folder folder;
    enum outcome out = file_split(path, above, &name, err);
    if (out != OUT_OK)
        return out;
    out = file_folder_through(above, rule.owner, &folder, err);
    if (out != OUT_OK)
        return out;
    out = file_read_at(&folder, name, rule, max, data, len, err);
    file_folder_close(&folder);
    return out;
}

static bool file_pour(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static enum outcome file_new_name(const char *name, char out[NAME_MAX + 1], struct err *err)
{
    if (!text_format(out, NAME_MAX + 1, "%s" FILE_NEW, name) || strchr(name, '/') != NULL)
        return err_set(err, OUT_REFUSED, "\"%.64s\" is not a possible name of a file", name);
    return OUT_OK;
}

enum outcome file_stage_at(const struct file_folder *folder, const char *name, mode_t mode,
                           const char *data, size_t len, struct err *err)
{
    char temp[NAME_MAX + 1];
    enum outcome out = file_new_name(name, temp, err);
    if (out != OUT_OK)
        return out;
    if (unlinkat(folder->fd, temp, 0) != 0 && errno != ENOENT)
        return file_trouble(err, "remove the old", folder->path, temp);
    int fd = openat(folder->fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_trouble(err, "make", folder->path, temp);
    /* the umask must not decide, and a mode wider than 0600 comes before any content */
    if (fchmod(fd, mode) != 0)
        out = file_trouble(err, "set the mode of", folder->path, temp);
    else if (!file_pour(fd, data, len))
        out = file_trouble(err, "write", folder->path, temp);
    else if (fsync(fd) != 0)
        out = file_trouble(err, "fsync", folder->path, temp);
    if (close(fd) != 0 && out == OUT_OK)
        out = file_trouble(err, "close", folder->path, temp);
    if (out != OUT_OK && unlinkat(folder->fd, temp, 0) != 0)
        err_prepend(err, "(%s is left behind)", temp);
    return out;
}

enum outcome file_commit_at(const struct file_folder *folder, const char *name, struct err *err)
{
    char temp[NAME_MAX + 1];
    enum outcome out = file_new_name(name, temp, err);
    if (out != OUT_OK)
        return out;
    if (renameat(folder->fd, temp, folder->fd, name) != 0)
        return file_trouble(err, "rename to", folder->path, name);
    out = file_folder_sync(folder, err);
    if (out != OUT_OK)
        err_prepend(err, "%s/%s is in place, but may not survive a power cut", folder->path, name);
    return out;
}

enum outcome file_unstage_at(const struct file_folder *folder, const char *name, struct err *err)
{
    char temp[NAME_MAX + 1];
    enum outcome out = file_new_name(name, temp, err);
    return out == OUT_OK ? file_remove_at(folder, temp, err) : out;
}

enum outcome file_write_at(const struct file_folder *folder, const char *name, mode_t mode,
                           const char *data, size_t len, struct err *err)
{
    enum outcome out = file_stage_at(folder, name, mode, data, len, err);
    return out == OUT_OK ? file_commit_at(folder, name, err) : out;
}

enum outcome file_remove_at(const struct file_folder *folder, const char *name, struct err *err)
{
    if (unlinkat(folder->fd, name, 0) != 0) {
        if (errno == ENOENT)
            return OUT_OK;
        return file_trouble(err, "remove", folder->path, name);
    }
    return file_folder_sync(folder, err);
}

static bool file_blank(int fd, off_t size)
{
    static const char zeros[4096];
    for (off_t at = 0; at < size; at += (off_t)sizeof zeros) {
        off_t left = size - at;
        if (!file_pour(fd, zeros, left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros))
            return false;
    }
    return fsync(fd) == 0;
}

enum outcome file_shred_at(const struct file_folder *folder, const char *name, struct err *err)
{
    struct stat st;
    int fd = -1;
    struct file_rule rule = {FILE_PRIVATE, FILE_NO_OWNER};
    enum outcome out = file_take(folder, name, O_WRONLY, rule, &fd, &st, err);
    if (out == OUT_NOT_YET) {
        err_clear(err);
        return OUT_OK;
    }
    if (out != OUT_OK)
        return out;
    if (!file_blank(fd, st.st_size))
        out = file_trouble(err, "overwrite", folder->path, name);
    if (close(fd) != 0 && out == OUT_OK)
        out = file_trouble(err, "close", folder->path, name);
    return out == OUT_OK ? file_remove_at(folder, name, err) : out;
}
