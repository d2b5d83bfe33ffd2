/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/control_client.h"
#include "milter/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with this clock */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static enum outcome connect_to(const char *run_dir, int *fd, struct err *err)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int n = snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", run_dir, CONTROL_SOCKET);
    if (n < 0 || (size_t)n >= sizeof sun.sun_path)
        return err_set(err, OUT_REFUSED, "run_dir: %s is too long for a socket in it", run_dir);
    *fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (*fd < 0 || fcntl(*fd, F_SETFD, FD_CLOEXEC) != 0)
        return err_errno(err, "socket");
    if (connect(*fd, (const struct sockaddr *)&sun, sizeof sun) == 0)
        return OUT_OK;
    if (errno == ENOENT || errno == ECONNREFUSED)
        return err_set(err, OUT_NOT_YET, "nobody listens at %s", sun.sun_path);
    if (errno == EACCES || errno == EPERM)
        return err_set(err, OUT_REFUSED, "%s: only root may do this, or ask the daemon",
                       sun.sun_path);
    return err_errno(err, "%s", sun.sun_path);
}

/* Whoever turns us away may do so before it has read all: then the reply tells more. */
static enum outcome send_all(int fd, const char *line, size_t len, struct err *err)
{
    while (len > 0) {
        ssize_t n = send(fd, line, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return OUT_OK;
        if (n < 0)
            return err_errno(err, "control socket");
        line += n;
        len -= (size_t)n;
    }
    return OUT_OK;
}

static enum outcome receive(int fd, char *line, size_t *len, struct err *err)
{
    int64_t until = now_ms() + CONTROL_CLIENT_MS;
    *len = 0;
    while (*len < CONTROL_LINE_MAX) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = until - now_ms();
        int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return err_set(err, OUT_RETRY, "the daemon does not answer: its log may say why");
        ssize_t n = read(fd, line + *len, CONTROL_LINE_MAX - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(err, OUT_RETRY,
                           "the daemon ended before it answered; what was asked for may have "
                           "been done: danectl history shows it");
        const char *end = memchr(line + *len, '\n', (size_t)n);
        if (end != NULL) {
            *len = (size_t)(end - line);
            return OUT_OK;
        }
        *len += (size_t)n;
    }
    return err_set(err, OUT_REFUSED, "the reply is too long for a daemon of ours");
}

enum outcome control_client_ask(const char *run_dir, const struct control_command *command,
                                struct control_reply *reply, struct err *err)
{
    int fd = -1;
    size_t len = 0;
    char *line = malloc(CONTROL_LINE_MAX);
    if (line == NULL)
        return err_errno(err, "control");
    enum outcome out = control_msg_write_request(command, line, CONTROL_LINE_MAX, &len, err);
    if (out == OUT_OK)
        out = connect_to(run_dir, &fd, err);
    if (out == OUT_OK)
        out = send_all(fd, line, len, err);
    if (out == OUT_OK)
        out = receive(fd, line, &len, err);
    if (out == OUT_OK)
        out = control_msg_read_reply(line, len, reply, err);
    if (fd >= 0)
        (void)close(fd); /* nothing is lost by it */
    free(line);
    return out;
}
