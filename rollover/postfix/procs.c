/* SPDX-License-Identifier: BSD-2-Clause */
#include "postfix/procs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define PROCS_PATH_MAX 4096
#define PROCS_STAT_MAX 4096

struct procs_one {
    char comm[64];
    char state;
    long ppid;
    long long start; /* clock ticks */
};

enum procs_sight { PROCS_SEEN, PROCS_GONE, PROCS_HIDDEN };

static enum outcome procs_path(char out[PROCS_PATH_MAX], const char *a, const char *b,
                               const char *c, struct err *err)
{
    int n = snprintf(out, PROCS_PATH_MAX, "%s/%s%s", a, b, c);
    if (n < 0 || n >= PROCS_PATH_MAX)
        return err_set(err, OUT_BROKEN, "the path %s/%s is too long", a, b);
    return OUT_OK;
}

/* The text of a small file, or errno. */
static ssize_t procs_slurp(const char *path, char *out, size_t size)
{
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    for (;;) {
        ssize_t n = read(fd, out + len, size - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int why = errno;
            (void)close(fd);
            errno = why;
            return -1;
        }
        len += (size_t)n;
        if (n == 0 || len == size - 1)
            break;
    }
    (void)close(fd); /* read only: nothing can be lost */
    out[len] = '\0';
    return (ssize_t)len;
}

/* Field number `field` (from 3) of what stands behind the name. */
static bool procs_field(const char *rest, int field, const char **out)
{
    for (int i = 3; i < field; i++) {
        rest = strchr(rest, ' ');
        if (rest == NULL)
            return false;
        rest++;
    }
    *out = rest;
    return true;
}

static bool procs_number(const char *text, long long *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *out >= 0;
}

/* proc(5): the name may hold blanks and brackets, so the last bracket ends it. */
static bool procs_parse(const char *text, struct procs_one *out)
{
    const char *open_at = strchr(text, '(');
    const char *close_at = strrchr(text, ')');
    const char *at = NULL;
    long long ppid = 0;
    if (open_at == NULL || close_at == NULL || close_at < open_at || close_at[1] != ' ' ||
        close_at[2] == '\0')
        return false;
    size_t len = (size_t)(close_at - open_at - 1);
    if (len >= sizeof out->comm)
        return false;
    memcpy(out->comm, open_at + 1, len);
    out->comm[len] = '\0';
    out->state = close_at[2];
    if (!procs_field(close_at + 2, 4, &at) || !procs_number(at, &ppid) ||
        !procs_field(close_at + 2, 22, &at) || !procs_number(at, &out->start))
        return false;
    out->ppid = (long)ppid;
    return true;
}

static enum outcome procs_look(const struct procs *procs, const char *pid, struct procs_one *out,
                               enum procs_sight *sight, struct err *err)
{
    char path[PROCS_PATH_MAX];
    char text[PROCS_STAT_MAX];
    enum outcome res = procs_path(path, procs->proc, pid, "/stat", err);
    if (res != OUT_OK)
        return res;
    *sight = PROCS_SEEN;
    if (procs_slurp(path, text, sizeof text) < 0) {
        if (errno == ENOENT || errno == ESRCH || errno == ENOTDIR)
            *sight = PROCS_GONE;
        else if (errno == EACCES || errno == EPERM)
            *sight = PROCS_HIDDEN;
        else
            return err_errno(err, "cannot read %s", path);
        return OUT_OK;
    }
    if (!procs_parse(text, out))
        return err_set(err, OUT_BROKEN, "cannot make sense of %s", path);
    return OUT_OK;
}

static enum outcome procs_pid_file(const struct procs *procs, char path[PROCS_PATH_MAX],
                                   struct err *err)
{
    return procs_path(path, procs->queue_dir, "pid", "/master.pid", err);
}

/* Locks by fcntl(2) are asked for; the lock by flock(2), which Postfix takes on Linux, can only be
 * tried, which disturbs nobody while master holds it. */
static enum outcome procs_locked(int fd, const char *path, bool *locked, struct err *err)
{
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    *locked = false;
    if (fcntl(fd, F_GETLK, &lock) != 0)
        return err_errno(err, "cannot ask for the lock on %s", path);
    if (lock.l_type != F_UNLCK) {
        *locked = true;
        return OUT_OK;
    }
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return err_errno(err, "cannot ask for the lock on %s", path);
        *locked = true;
    }
    return OUT_OK;
}

enum outcome procs_running(const struct procs *procs, bool *up, struct err *err)
{
    char path[PROCS_PATH_MAX];
    *up = false;
    enum outcome res = procs_pid_file(procs, path, err);
    if (res != OUT_OK)
        return res;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return OUT_OK; /* it has never run */
    if (fd < 0)
        return err_errno(err, "cannot open %s", path);
    res = procs_locked(fd, path, up, err);
    (void)close(fd); /* gives the lock back */
    return res;
}

/* The pid in master.pid, while master runs; it must be visible, or nobody of it is. */
static enum outcome procs_master(const struct procs *procs, long *out, struct err *err)
{
    char path[PROCS_PATH_MAX];
    char text[64];
    char pid[24];
    struct procs_one one;
    enum procs_sight sight = PROCS_GONE;
    long long number = 0;
    enum outcome res = procs_pid_file(procs, path, err);
    if (res != OUT_OK)
        return res;
    if (procs_slurp(path, text, sizeof text) < 0)
        return err_errno(err, "cannot read %s", path);
    if (!procs_number(text, &number) || number == 0)
        return err_set(err, OUT_BROKEN, "no process number in %s", path);
    (void)snprintf(pid, sizeof pid, "%lld", number);
    res = procs_look(procs, pid, &one, &sight, err);
    if (res != OUT_OK)
        return res;
    if (sight != PROCS_SEEN || strcmp(one.comm, "master") != 0)
        return err_set(err, OUT_BROKEN,
                       "Postfix runs (%s is locked) but process %lld is not its master here: run "
                       "danemilter in the same pid namespace, with /proc mounted without hidepid",
                       path, number);
    *out = (long)number;
    return OUT_OK;
}

/* Does it work in the queue directory? Hidden when we may not know. */
static enum outcome procs_cwd(const struct procs *procs, const char *pid, const struct stat *queue,
                              bool *same, enum procs_sight *sight, struct err *err)
{
    char path[PROCS_PATH_MAX];
    struct stat there;
    *same = false;
    *sight = PROCS_SEEN;
    enum outcome res = procs_path(path, procs->proc, pid, "/cwd", err);
    if (res != OUT_OK)
        return res;
    if (stat(path, &there) != 0) {
        *sight = errno == ENOENT || errno == ESRCH ? PROCS_GONE : PROCS_HIDDEN;
        return OUT_OK;
    }
    *same = there.st_dev == queue->st_dev && there.st_ino == queue->st_ino;
    return OUT_OK;
}

static bool procs_serves(const struct procs_one *one)
{
    return one->state != 'Z' && one->state != 'X' &&
           (strcmp(one->comm, "smtpd") == 0 || strcmp(one->comm, "tlsproxy") == 0);
}

/* Whose working directory cannot be seen is ours unless its parent is another master. */
static enum outcome procs_ours(const struct procs *procs, const char *pid,
                               const struct procs_one *one, long master, const struct stat *queue,
                               bool *ours, struct err *err)
{
    char parent_pid[24];
    struct procs_one parent;
    enum procs_sight sight = PROCS_SEEN;
    *ours = master > 0 && one->ppid == master;
    if (*ours)
        return OUT_OK;
    enum outcome res = procs_cwd(procs, pid, queue, ours, &sight, err);
    if (res != OUT_OK || sight != PROCS_HIDDEN)
        return res;
    (void)snprintf(parent_pid, sizeof parent_pid, "%ld", one->ppid);
    res = procs_look(procs, parent_pid, &parent, &sight, err);
    if (res == OUT_OK)
        *ours = sight != PROCS_SEEN || strcmp(parent.comm, "master") != 0;
    return res;
}

static bool procs_is_pid(const char *name)
{
    for (const char *p = name; *p != '\0'; p++) {
        if (!isdigit((unsigned char)*p))
            return false;
    }
    return name[0] != '\0';
}

static enum outcome procs_count(const struct procs *procs, DIR *dir, long master,
                                const struct stat *queue, long long last_tick, size_t *count,
                                struct err *err)
{
    for (;;) {
        struct procs_one one;
        enum procs_sight sight = PROCS_GONE;
        bool ours = false;
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL && errno != 0)
            return err_errno(err, "cannot list %s", procs->proc);
        if (entry == NULL)
            return OUT_OK;
        if (!procs_is_pid(entry->d_name))
            continue;
        enum outcome res = procs_look(procs, entry->d_name, &one, &sight, err);
        if (res != OUT_OK)
            return res;
        if (sight == PROCS_HIDDEN)
            return err_set(err, OUT_BROKEN,
                           "process %s cannot be looked at: mount %s without hidepid",
                           entry->d_name, procs->proc);
        if (sight != PROCS_SEEN || !procs_serves(&one) || one.start > last_tick)
            continue;
        res = procs_ours(procs, entry->d_name, &one, master, queue, &ours, err);
        if (res != OUT_OK)
            return res;
        if (ours)
            (*count)++;
    }
}

enum outcome procs_older_than(const struct procs *procs, model_time boot, size_t *count,
                              struct err *err)
{
    struct stat queue;
    bool up = false;
    long master = 0;
    long hz = sysconf(_SC_CLK_TCK);
    *count = 0;
    if (hz <= 0)
        return err_set(err, OUT_BROKEN, "the length of a clock tick is not known");
    if (stat(procs->queue_dir, &queue) != 0)
        return err_errno(err, "cannot look at %s", procs->queue_dir);
    enum outcome res = procs_running(procs, &up, err);
    if (res == OUT_OK && up)
        res = procs_master(procs, &master, err);
    if (res != OUT_OK)
        return res;
    DIR *dir = opendir(procs->proc);
    if (dir == NULL)
        return err_errno(err, "cannot list %s", procs->proc);
    /* Tick t is shown for starts from t/hz up to (t+1)/hz: older, or in doubt, up to boot's. */
    res = procs_count(procs, dir, master, &queue, (long long)(boot * hz / 1000), count, err);
    if (closedir(dir) != 0 && res == OUT_OK)
        res = err_errno(err, "cannot close %s", procs->proc);
    return res;
}

/* The next process in the listing that can be seen; *end: there is none. */
static enum outcome procs_next(const struct procs *procs, DIR *dir, struct procs_one *one,
                               long long *pid, bool *end, struct err *err)
{
    *end = false;
    for (;;) {
        enum procs_sight sight = PROCS_GONE;
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL && errno != 0)
            return err_errno(err, "cannot list %s", procs->proc);
        *end = entry == NULL;
        if (*end)
            return OUT_OK;
        if (!procs_is_pid(entry->d_name) || !procs_number(entry->d_name, pid))
            continue;
        enum outcome res = procs_look(procs, entry->d_name, one, &sight, err);
        if (res != OUT_OK || sight == PROCS_SEEN)
            return res;
    }
}

enum outcome procs_child(const struct procs *procs, long parent, const char *name, int64_t *mark,
                         struct err *err)
{
    bool end = false;
    DIR *dir = opendir(procs->proc);
    enum outcome res = OUT_OK;
    *mark = 0;
    if (dir == NULL)
        return err_errno(err, "cannot list %s", procs->proc);
    while (res == OUT_OK && *mark == 0) {
        struct procs_one one;
        long long pid = 0;
        res = procs_next(procs, dir, &one, &pid, &end, err);
        if (res != OUT_OK || end)
            break;
        if (one.ppid == parent && one.state != 'Z' && one.state != 'X' &&
            strcmp(one.comm, name) == 0)
            *mark = (int64_t)(((uint64_t)one.start << 22 | (uint64_t)pid) & INT64_MAX);
    }
    if (closedir(dir) != 0 && res == OUT_OK)
        res = err_errno(err, "cannot close %s", procs->proc);
    return res;
}
