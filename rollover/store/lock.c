/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_PATH_MAX 1024

static struct flock whole(short type)
{
    struct flock l;
    memset(&l, 0, sizeof l);
    l.l_type = type;
    l.l_whence = SEEK_SET;
    return l;
}

static enum outcome lock_open(const char *folder, int flags, char path[LOCK_PATH_MAX], int *fd,
                              struct err *err)
{
    int n = snprintf(path, LOCK_PATH_MAX, "%s/lock", folder);
    if (n < 0 || n >= LOCK_PATH_MAX)
        return err_set(err, OUT_REFUSED, "%s: the path is too long", folder);
    *fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0 && errno == ENOENT)
        return err_set(err, OUT_NOT_YET, "%s is not there", path);
    return *fd >= 0 ? OUT_OK : err_errno(err, "%s", path);
}

static enum outcome write_pid(int fd, const char *path, struct err *err)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (n < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return err_errno(err, "%s", path);
    return OUT_OK;
}

enum outcome lock_take(const char *folder, struct lock *lock, struct err *err)
{
    char path[LOCK_PATH_MAX];
    lock->fd = -1;
    int fd = -1;
    enum outcome out = lock_open(folder, O_RDWR | O_CREAT, path, &fd, err);
    if (out != OUT_OK)
        return out;
    struct flock l = whole(F_WRLCK);
    if (fcntl(fd, F_SETLK, &l) != 0) {
        bool held = errno == EACCES || errno == EAGAIN;
        struct flock who = whole(F_WRLCK);
        out = err_errno(err, "%s", path);
        if (held && fcntl(fd, F_GETLK, &who) == 0 && who.l_type != F_UNLCK)
            out = err_set(err, OUT_NOT_YET,
                          "another danemilter (process %ld) works on %s: end it, or give this one "
                          "a state_dir of its own",
                          (long)who.l_pid, folder);
        else if (held)
            out = err_set(err, OUT_NOT_YET, "another danemilter works on %s", folder);
    } else {
        out = write_pid(fd, path, err);
    }
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
    char path[LOCK_PATH_MAX];
    int fd = -1;
    *pid = 0;
    enum outcome out = lock_open(folder, O_RDWR, path, &fd, err);
    if (out == OUT_NOT_YET)
        return OUT_OK;
    if (out != OUT_OK)
        return out;
    struct flock who = whole(F_WRLCK);
    if (fcntl(fd, F_GETLK, &who) != 0)
        out = err_errno(err, "%s", path);
    else if (who.l_type != F_UNLCK)
        *pid = who.l_pid;
    (void)close(fd); /* only asked */
    return out;
}
