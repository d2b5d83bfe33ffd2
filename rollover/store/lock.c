/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* F_OFD_SETLK, where there is one */
#include "config.h"
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#ifdef F_OFD_SETLK
#define LOCK_SET F_OFD_SETLK
#define LOCK_GET F_OFD_GETLK
#else
#define LOCK_SET F_SETLK
#define LOCK_GET F_GETLK
#endif

static struct flock lock_whole(void)
{
    struct flock l;
    memset(&l, 0, sizeof l); /* l_pid must be 0 for open file description locks */
    l.l_type = F_WRLCK;
    l.l_whence = SEEK_SET;
    return l;
}

static enum outcome lock_open(const char *folder, int flags, char path[FILE_PATH_MAX], int *fd,
                              struct err *err)
{
    struct stat st;
    if (!text_format(path, FILE_PATH_MAX, "%s/lock", folder))
        return err_set(err, OUT_REFUSED, "%.64s...: the path is too long", folder);
    *fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (*fd < 0 && errno == ENOENT)
        return err_set(err, OUT_NOT_YET, "%s does not exist", path);
    if (*fd < 0)
        return err_errno(err, "cannot open %s", path);
    if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
        return OUT_OK;
    (void)close(*fd); /* nothing was written */
    *fd = -1;
    return err_set(err, OUT_REFUSED, "%s is not a plain file with one name: remove it", path);
}

static enum outcome lock_write_pid(int fd, const char *path, struct err *err)
{
    char text[32];
    (void)text_format(text, sizeof text, "%ld\n", (long)getpid());
    ssize_t len = (ssize_t)strlen(text);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return err_errno(err, "cannot write %s", path);
    return OUT_OK;
}

/* -1: the file does not say. */
static pid_t lock_read_pid(int fd)
{
    char text[32];
    int64_t pid = 0;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return -1;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return text_number(text, 1, INT_MAX, &pid, NULL) == OUT_OK ? (pid_t)pid : -1;
}

static enum outcome lock_held(int fd, const char *folder, struct err *err)
{
    char who[48] = "";
    pid_t pid = lock_read_pid(fd);
    if (pid > 0)
        (void)text_format(who, sizeof who, " (process %ld)", (long)pid);
    return err_set(err, OUT_NOT_YET,
                   "another danemilter%s works on %s: end it, or give this one a state_dir of its "
                   "own",
                   who, folder);
}

enum outcome lock_take(const char *folder, struct lock *lock, struct err *err)
{
    char path[FILE_PATH_MAX];
    int fd = -1;
    struct flock l = lock_whole();
    lock->fd = -1;
    enum outcome out = lock_open(folder, O_RDWR | O_CREAT, path, &fd, err);
    if (out != OUT_OK)
        return out == OUT_NOT_YET ? OUT_BROKEN : out; /* the folder is missing */
    if (fcntl(fd, LOCK_SET, &l) == 0)
        out = lock_write_pid(fd, path, err);
    else if (errno == EACCES || errno == EAGAIN)
        out = lock_held(fd, folder, err);
    else
        out = err_errno(err, "cannot lock %s", path);
    if (out == OUT_OK)
        lock->fd = fd;
    else
        (void)close(fd); /* nothing was written that matters */
    return out;
}

void lock_release(struct lock *lock)
{
    if (lock->fd >= 0)
        (void)close(lock->fd); /* gives the lock back */
    lock->fd = -1;
}

enum outcome lock_holder(const char *folder, pid_t *pid, struct err *err)
{
    char path[FILE_PATH_MAX];
    int fd = -1;
    struct flock l = lock_whole();
    *pid = 0;
    enum outcome out = lock_open(folder, O_RDWR, path, &fd, err);
    if (out == OUT_NOT_YET) {
        err_clear(err); /* nobody ever took it */
        return OUT_OK;
    }
    if (out != OUT_OK)
        return out;
    if (fcntl(fd, LOCK_GET, &l) != 0)
        out = err_errno(err, "cannot ask who holds %s", path);
    else if (l.l_type != F_UNLCK)
        *pid = lock_read_pid(fd);
    (void)close(fd); /* only asked */
    return out;
}
