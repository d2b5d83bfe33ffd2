/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/maillog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define MAILLOG_DEV "/dev/log"

/* "2026-11-23 18:04:05.123 " */
static size_t stamp_foreground(char *out, size_t size)
{
    struct timespec ts;
    struct tm tm;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0 || gmtime_r(&ts.tv_sec, &tm) == NULL)
        return 0;
    size_t len = strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
    int n = snprintf(out + len, size - len, ".%03ld ", ts.tv_nsec / 1000000);
    return len + (n > 0 ? (size_t)n : 0);
}

/* "Nov 22 10:38:52 host postfix/danemilter[123]: ", for syslog with its priority and no host. */
static size_t stamp_mail(const struct maillog *log, enum port_level level, char *out, size_t size)
{
    static const int priority[] = {LOG_INFO, LOG_WARNING, LOG_ERR};
    char date[32] = "";
    struct tm tm;
    time_t now = time(NULL);
    int n;
    if (localtime_r(&now, &tm) != NULL)
        (void)strftime(date, sizeof date,
                       log->kind == MAILLOG_POSTLOG ? "%b %d %H:%M:%S" : "%b %e %H:%M:%S", &tm);
    if (log->kind == MAILLOG_POSTLOG)
        n = snprintf(out, size, "%s %s %s[%ld]: ", date, log->host, log->ident, (long)getpid());
    else
        n = snprintf(out, size, "<%d>%s %s[%ld]: ", LOG_MAIL | priority[level], date, log->ident,
                     (long)getpid());
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static void drop(struct maillog *log, unsigned lines)
{
    (void)atomic_fetch_add(&log->missing, lines);
}

/* Syslog's socket is open to all: a new one takes the old one's place. */
static bool reopen(struct maillog *log)
{
    struct err ignored = ERR_INIT; /* nobody could be told: this is the log */
    int fd = -1;
    if (log->kind != MAILLOG_SYSLOG || maillog_connect(log, &fd, &ignored) != OUT_OK)
        return false;
    return maillog_renew(log, fd, &ignored) == OUT_OK;
}

static void send_mail(struct maillog *log, const char *line, size_t len)
{
    ssize_t n = send(log->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    bool gone = n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS;
    if (gone && reopen(log))
        n = send(log->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    else if (gone)
        atomic_store(&log->lost, true);
    if (n < 0)
        drop(log, 1);
}

static void write_line(struct maillog *log, enum port_level level, const char *text)
{
    static const char *const prefix[] = {"", "warning: ", "error: "};
    char line[MAILLOG_MAX];
    bool mail = log->kind != MAILLOG_STDERR;
    size_t len =
        mail ? stamp_mail(log, level, line, sizeof line) : stamp_foreground(line, sizeof line);
    int n = snprintf(line + len, sizeof line - len - 1, "%s%s", prefix[level], text);
    if (n < 0)
        return;
    len = strlen(line);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    if (mail) {
        send_mail(log, line, len);
        return;
    }
    line[len++] = '\n';
    if (write(log->fd, line, len) < 0)
        drop(log, 1);
}

static void maillog_line(void *self, enum port_level level, const char *text)
{
    struct maillog *log = self;
    char note[80];
    unsigned missing = atomic_exchange(&log->missing, 0);
    if (missing > 0) {
        (void)snprintf(note, sizeof note, "%u %s before this one could not be written", missing,
                       missing == 1 ? "line" : "lines");
        write_line(log, PORT_LOG_WARNING, note);
        if (atomic_load(&log->missing) > 0) /* that one could not, either */
            drop(log, missing - 1);
    }
    write_line(log, level, text);
}

enum outcome maillog_connect(const struct maillog *log, int *fd, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = strlen(log->path);
    if (len >= sizeof addr.sun_path)
        return err_set(err, OUT_REFUSED, "%s: the path is too long for a socket", log->path);
    memcpy(addr.sun_path, log->path, len);
    *fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (*fd < 0)
        return err_errno(err, "socket");
    if (fcntl(*fd, F_SETFD, FD_CLOEXEC) == 0 &&
        connect(*fd, (const struct sockaddr *)&addr, sizeof addr) == 0)
        return OUT_OK;
    enum outcome out = err_errno(err, "%s", log->path);
    (void)close(*fd); /* nothing was written */
    *fd = -1;
    return out;
}

bool maillog_lost(struct maillog *log)
{
    return log->kind == MAILLOG_POSTLOG && atomic_load(&log->lost);
}

enum outcome maillog_renew(struct maillog *log, int fd, struct err *err)
{
    enum outcome out = OUT_OK;
    if (dup2(fd, log->fd) < 0 || fcntl(log->fd, F_SETFD, FD_CLOEXEC) != 0)
        out = err_errno(err, "%s", log->path);
    else
        atomic_store(&log->lost, false);
    (void)close(fd); /* nothing was written */
    return out;
}

void maillog_stderr(struct maillog *log)
{
    log->kind = MAILLOG_STDERR;
    log->fd = STDERR_FILENO;
    atomic_init(&log->lost, false);
    atomic_init(&log->missing, 0);
}

static bool plain_name(const char *text)
{
    return text != NULL && text[0] != '\0' && text[0] != '.' && strchr(text, '/') == NULL;
}

void maillog_mail(struct maillog *log, const char *name)
{
    struct err ignored = ERR_INIT; /* nobody could be told: this is the log */
    const char *service = getenv("POSTLOG_SERVICE");
    const char *host = getenv("POSTLOG_HOSTNAME");
    const char *tag = getenv("MAIL_LOGTAG");
    maillog_stderr(log);
    bool postlogd = service != NULL && service[0] == '/';
    log->kind = postlogd ? MAILLOG_POSTLOG : MAILLOG_SYSLOG;
    (void)snprintf(log->ident, sizeof log->ident, "%s/%s", plain_name(tag) ? tag : "postfix", name);
    (void)snprintf(log->host, sizeof log->host, "%s", plain_name(host) ? host : "localhost");
    log->host[strcspn(log->host, ".")] = '\0';
    (void)snprintf(log->path, sizeof log->path, "%s", postlogd ? service : MAILLOG_DEV);
    tzset(); /* localtime_r need not look */
    int fd = -1;
    if (maillog_connect(log, &fd, &ignored) == OUT_OK) {
        log->fd = fd;
        return;
    }
    log->fd = socket(AF_UNIX, SOCK_DGRAM, 0); /* a place for the one to come */
    atomic_store(&log->lost, true);
}

const struct port_log_ops maillog_ops = {.line = maillog_line};
