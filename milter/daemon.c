/* SPDX-License-Identifier: BSD-2-Clause */
#define _DEFAULT_SOURCE 1 /* setgroups: BSD, not in POSIX; configure looks for it */
#include "config.h"

#include "milter/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#ifndef HAVE_SETGROUPS
#error "setgroups() is needed to drop privileges for good"
#endif

/* Why the loop is to end; 0: it is not. */
enum { STOP_ASKED = 1, STOP_LOST = 2 };

/* The one kind of mutable global that is permitted: what a signal handler needs. */
static volatile sig_atomic_t daemon_stop_flag; /* STOP_... */
static volatile sig_atomic_t daemon_wake_fd = -1;

enum outcome daemon_harden(struct err *err)
{
    struct rlimit none = {0, 0}, files;
    struct sigaction ignore;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    (void)umask(077);
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return err_errno(err, "no core files");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < DAEMON_FILES &&
        files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max < DAEMON_FILES ? files.rlim_max : DAEMON_FILES;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0)
            return err_errno(err, "room for open files");
    }
#ifdef __linux__
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return err_errno(err, "not dumpable");
#endif
    if (sigaction(SIGPIPE, &ignore, NULL) != 0)
        return err_errno(err, "SIGPIPE");
    return OUT_OK;
}

enum outcome daemon_find_user(const char *name, struct daemon_user *out, struct err *err)
{
    char buf[4096];
    struct passwd pw, *found = NULL;
    int rc = getpwnam_r(name, &pw, buf, sizeof buf, &found);
    if (rc != 0 || found == NULL)
        return err_set(err, OUT_REFUSED,
                       "there is no user %s: make one (adduser --system --group %s), or name "
                       "another in the configuration (user = ...)",
                       name, name);
    if (pw.pw_uid == 0)
        return err_set(err, OUT_REFUSED,
                       "user %s is root: name one without privileges in the configuration", name);
    out->uid = pw.pw_uid;
    out->gid = pw.pw_gid;
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    return OUT_OK;
}

enum outcome daemon_find_group(const char *name, gid_t *out, struct err *err)
{
    char buf[16384];
    struct group gr, *found = NULL;
    *out = DAEMON_NO_GROUP;
    if (name[0] == '\0')
        return OUT_OK;
    int rc = getgrnam_r(name, &gr, buf, sizeof buf, &found);
    if (rc != 0 || found == NULL)
        return err_set(err, OUT_REFUSED,
                       "there is no group %s: make one (addgroup --system %s), or name another in "
                       "the configuration (control_group = ...)",
                       name, name);
    *out = gr.gr_gid;
    return OUT_OK;
}

/* A folder that was made this moment with mode 0700: for `to` (NULL: ours), with `mode`. By its
 * descriptor, and only if it is still ours: whoever owns the folder above could have put something
 * else in its place. */
static enum outcome hand_over(int fd, const char *path, const struct daemon_user *to, mode_t mode,
                              struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_errno(err, "%s", path);
    if (st.st_uid != geteuid() || (st.st_mode & 0777) != 0700)
        return err_set(err, OUT_REFUSED,
                       "%s was made just now and is another folder already: somebody plays with "
                       "the folder above it",
                       path);
    if ((to != NULL && fchown(fd, to->uid, to->gid) != 0) || fchmod(fd, mode) != 0)
        return err_errno(err, "%s: owner and mode of the new folder", path);
    return OUT_OK;
}

/* Folders above ours are root's and open to all, as in /var/lib and /run. They may be links, if
 * they are there; what is made is made only where nobody else could choose what it is. */
static enum outcome open_parent(int above, const char *name, const char *path, int *out,
                                struct err *err)
{
    struct stat st;
    *out = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*out >= 0)
        return OUT_OK;
    if (errno != ENOENT || fstat(above, &st) != 0)
        return err_errno(err, "%s", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return err_set(err, OUT_REFUSED,
                       "%s: the folder above it belongs to uid %ld, so it is not made: make it, or "
                       "name another",
                       path, (long)st.st_uid);
    if (mkdirat(above, name, 0700) != 0)
        return err_errno(err, "%s: making the folder", path);
    *out = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *out < 0 ? err_errno(err, "%s", path) : hand_over(*out, path, NULL, 0755, err);
}

/* The folder above `path`, and where its own name begins. */
static enum outcome open_above(const char *path, int *out, const char **name, struct err *err)
{
    char parent[1024];
    size_t len = strlen(path), begin = 0;
    if (len >= sizeof parent)
        return err_set(err, OUT_REFUSED, "%s: the path is too long", path);
    *out = open(path[0] == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum outcome res = *out < 0 ? err_errno(err, "%s", path) : OUT_OK;
    for (size_t i = 0; i < len && res == OUT_OK; i++) {
        int below = -1;
        if (path[i] != '/')
            continue;
        memcpy(parent, path, i);
        parent[i] = '\0';
        if (i > begin) {
            res = open_parent(*out, parent + begin, parent, &below, err);
            (void)close(*out);
            *out = below;
        }
        begin = i + 1;
    }
    *name = path + begin;
    return res;
}

/* Makes the folder if it is missing, opens it, and looks whose it is. */
static enum outcome own_folder(const char *path, const struct daemon_user *user, int *fd,
                               struct stat *st, struct err *err)
{
    const char *name = NULL;
    int above = -1;
    bool made = false;
    *fd = -1;
    enum outcome out = open_above(path, &above, &name, err);
    if (out != OUT_OK)
        goto out;
    made = mkdirat(above, name, 0700) == 0;
    if (!made && errno != EEXIST) {
        out = err_errno(err, "%s: making the folder", path);
        goto out;
    }
    *fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        out = err_set(err, OUT_REFUSED, "%s is not a folder: remove it or name another", path);
    else if (*fd < 0)
        out = err_errno(err, "%s", path);
    if (out == OUT_OK && made)
        out = hand_over(*fd, path, user, 0700, err);
    if (out == OUT_OK && fstat(*fd, st) != 0)
        out = err_errno(err, "%s", path);
    if (out == OUT_OK && st->st_uid != user->uid)
        out = err_set(err, OUT_REFUSED, "%s must belong to %s: chown %s %s", path, user->name,
                      user->name, path);
out:
    if (above >= 0)
        (void)close(above); /* nothing was written */
    return out;
}

enum outcome daemon_state_dir(const char *path, const struct daemon_user *user, struct err *err)
{
    struct stat st;
    int fd = -1;
    enum outcome out = own_folder(path, user, &fd, &st, err);
    if (out == OUT_OK && (st.st_mode & 077) != 0)
        out = err_set(err, OUT_REFUSED, "nobody but %s may enter %s: chmod 0700 %s", user->name,
                      path, path);
    if (fd >= 0)
        (void)close(fd);
    return out;
}

/* DAEMON_NO_GROUP: the group stays. */
static enum outcome share_folder(const char *path, const struct daemon_user *user, gid_t group,
                                 mode_t mode, struct err *err)
{
    struct stat st;
    int fd = -1;
    enum outcome out = own_folder(path, user, &fd, &st, err);
    if (out == OUT_OK &&
        ((group != DAEMON_NO_GROUP && st.st_gid != group) || (st.st_mode & 07777) != mode) &&
        (fchown(fd, (uid_t)-1, group) != 0 || fchmod(fd, mode) != 0))
        out = err_errno(err, "%s: mode %04o and its group", path, (unsigned)mode);
    if (fd >= 0)
        (void)close(fd);
    return out;
}

enum outcome daemon_run_dir(const char *path, const struct daemon_user *user, gid_t group,
                            struct err *err)
{
    return share_folder(path, user, group, group == DAEMON_NO_GROUP ? 0700 : 0710, err);
}

enum outcome daemon_milter_dir(const char *path, const struct daemon_user *user, gid_t group,
                               struct err *err)
{
    return share_folder(path, user, group, 02710, err);
}

static void die_with_parent(pid_t parent)
{
#ifdef __linux__
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(EXIT_FAILURE);
#else
    (void)parent;
#endif
}

enum outcome daemon_fork(bool *helper, int *fd, pid_t *child, struct err *err)
{
    int pair[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return err_errno(err, "socket pair");
    *child = fork();
    if (*child < 0) {
        enum outcome out = err_errno(err, "fork");
        (void)close(pair[0]);
        (void)close(pair[1]);
        return out;
    }
    *helper = *child == 0;
    if (*helper)
        die_with_parent(parent);
    if (fcntl(pair[0], F_SETFD, FD_CLOEXEC) != 0 || fcntl(pair[1], F_SETFD, FD_CLOEXEC) != 0)
        return err_errno(err, "socket pair");
    *fd = pair[*helper ? 1 : 0];
    if (close(pair[*helper ? 0 : 1]) != 0)
        return err_errno(err, "socket pair");
    return OUT_OK;
}

enum outcome daemon_drop(const struct daemon_user *user, struct err *err)
{
    if (setgroups(0, NULL) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0)
        return err_errno(err, "becoming user %s", user->name);
    if (setuid(0) == 0 || geteuid() != user->uid)
        return err_set(err, OUT_BROKEN, "privileges could not be dropped for good");
#ifdef __linux__
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return err_errno(err, "not dumpable");
#endif
    return OUT_OK;
}

static void wake_up(void)
{
    ssize_t n = write((int)daemon_wake_fd, "", 1);
    (void)n; /* a full pipe wakes the sleeper just as well */
}

static void on_stop(int sig)
{
    int saved = errno;
    if (daemon_stop_flag == 0)
        daemon_stop_flag = STOP_ASKED;
    (void)sig;
    wake_up();
    errno = saved;
}

static void on_child(int sig)
{
    int saved = errno;
    (void)sig;
    wake_up();
    errno = saved;
}

static void on_stop_soon(int sig)
{
    (void)alarm(DAEMON_STOP_S);
    on_stop(sig);
}

static void on_stop_at_once(int sig)
{
    (void)sig;
    _exit(EXIT_SUCCESS);
}

enum outcome daemon_signals(int wake_fd, enum daemon_end end, struct err *err)
{
    static void (*const handlers[])(int) = {[DAEMON_END_AT_ONCE] = on_stop_at_once,
                                            [DAEMON_END_SOON] = on_stop_soon,
                                            [DAEMON_END_ORDERLY] = on_stop};
    struct sigaction stop, child, late;
    memset(&stop, 0, sizeof stop);
    memset(&child, 0, sizeof child);
    memset(&late, 0, sizeof late);
    stop.sa_handler = handlers[end];
    late.sa_handler = on_stop_at_once;
    child.sa_handler = on_child;
    daemon_wake_fd = wake_fd;
    if (sigaction(SIGTERM, &stop, NULL) != 0 || sigaction(SIGINT, &stop, NULL) != 0 ||
        sigaction(SIGHUP, &stop, NULL) != 0 || sigaction(SIGCHLD, &child, NULL) != 0 ||
        sigaction(SIGALRM, &late, NULL) != 0)
        return err_errno(err, "signal handlers");
    return OUT_OK;
}

static enum outcome mask_signals(int how, struct err *err)
{
    sigset_t set;
    if (sigemptyset(&set) != 0 || sigaddset(&set, SIGTERM) != 0 || sigaddset(&set, SIGINT) != 0 ||
        sigaddset(&set, SIGHUP) != 0 || sigaddset(&set, SIGCHLD) != 0)
        return err_errno(err, "signal mask");
    errno = pthread_sigmask(how, &set, NULL);
    return errno == 0 ? OUT_OK : err_errno(err, "signal mask");
}

enum outcome daemon_hold_signals(struct err *err)
{
    return mask_signals(SIG_BLOCK, err);
}

enum outcome daemon_let_signals(struct err *err)
{
    return mask_signals(SIG_UNBLOCK, err);
}

void daemon_lose(void)
{
    if (daemon_stop_flag == 0)
        daemon_stop_flag = STOP_LOST;
    wake_up();
}

bool daemon_reap(pid_t helper)
{
    int status = 0;
    if (helper <= 0 || waitpid(helper, &status, WNOHANG) != helper)
        return false;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM)
        daemon_lose();
    else if (daemon_stop_flag == 0)
        daemon_stop_flag = STOP_ASKED; /* whoever ends us by a signal to both is not to be told */
    return true;
}

enum outcome daemon_follow(pid_t parent, struct err *err)
{
#ifdef __linux__
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        return err_errno(err, "a signal at the end of the parent process");
#endif
    if (getppid() != parent)
        return err_set(err, OUT_BROKEN, "the process that started this one has ended");
    return OUT_OK;
}

bool daemon_lost(void)
{
    return daemon_stop_flag == STOP_LOST;
}

const volatile sig_atomic_t *daemon_stopping(void)
{
    return &daemon_stop_flag;
}
