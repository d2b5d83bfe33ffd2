/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/smtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const uint8_t ip[16])
{
    return memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0;
}

void smtp_address_text(const uint8_t ip[16], uint16_t port, char out[SMTP_ADDRESS_MAX])
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (is_mapped(ip)) {
        (void)inet_ntop(AF_INET, ip + 12, text, sizeof text);
        (void)snprintf(out, SMTP_ADDRESS_MAX, "%s:%u", text, (unsigned)port);
    } else {
        (void)inet_ntop(AF_INET6, ip, text, sizeof text);
        (void)snprintf(out, SMTP_ADDRESS_MAX, "[%s]:%u", text, (unsigned)port);
    }
}

/* ---- connecting ---------------------------------------------------------------------- */

/* What is wrong here on this machine, and not on the way. */
static bool is_local(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOBUFS ||
           code == EINVAL || code == EBADF;
}

static enum outcome connect_error(int code, const char *address, struct err *err)
{
    errno = code;
    enum outcome broken = err_errno(err, "cannot connect to %s", address);
    return is_local(code) ? broken : OUT_RETRY;
}

static int start_connect(int fd, const uint8_t ip[16], uint16_t port)
{
    if (is_mapped(ip)) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&to.sin_addr, ip + 12, 4);
        return connect(fd, (const struct sockaddr *)&to, sizeof to);
    }
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&to.sin6_addr, ip, 16);
    return connect(fd, (const struct sockaddr *)&to, sizeof to);
}

static enum outcome finish_connect(int fd, const char *address, model_time deadline,
                                   struct err *err)
{
    enum outcome rc = handshake_wait(fd, POLLOUT, deadline, address, err);
    if (rc != OUT_OK)
        return rc;
    int code = 0;
    socklen_t len = sizeof code;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
        code = errno;
    return code == 0 ? OUT_OK : connect_error(code, address, err);
}

enum outcome smtp_connect(const uint8_t ip[16], uint16_t port, model_time deadline, int *fd,
                          struct err *err)
{
    char address[SMTP_ADDRESS_MAX];
    smtp_address_text(ip, port, address);
    int sock = socket(is_mapped(ip) ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    if (sock < 0)
        return connect_error(errno, address, err);
    enum outcome rc = OUT_OK;
    if (fcntl(sock, F_SETFD, FD_CLOEXEC) != 0)
        rc = err_errno(err, "cannot set close-on-exec on a socket");
    if (rc == OUT_OK)
        rc = handshake_nonblocking(sock, err);
    if (rc == OUT_OK && start_connect(sock, ip, port) != 0) {
        if (errno == EINPROGRESS || errno == EINTR)
            rc = finish_connect(sock, address, deadline, err);
        else
            rc = connect_error(errno, address, err);
    }
    if (rc != OUT_OK) {
        (void)close(sock);
        return rc;
    }
    *fd = sock;
    return OUT_OK;
}

/* ---- the dialogue -------------------------------------------------------------------- */

struct dialogue {
    int fd;
    model_time deadline;
    const char *waiting; /* for what, in the text of a time-out */
    size_t len;          /* octets received and not yet used */
    char buf[SMTP_LINE_MAX];
};

struct reply {
    int code;
    bool starttls;            /* a line but the first offers it */
    char text[SMTP_LINE_MAX]; /* of the first line, with the code */
};

static enum outcome receive(struct dialogue *d, struct err *err)
{
    for (;;) {
        enum outcome rc = handshake_wait(d->fd, POLLIN, d->deadline, d->waiting, err);
        if (rc != OUT_OK)
            return rc;
        ssize_t got = recv(d->fd, d->buf + d->len, sizeof d->buf - d->len, 0);
        if (got > 0) {
            d->len += (size_t)got;
            return OUT_OK;
        }
        if (got == 0)
            return err_set(err, OUT_RETRY, "the server closed the connection before %s",
                           d->waiting);
        if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
            (void)err_errno(err, "cannot read %s", d->waiting);
            return OUT_RETRY;
        }
    }
}

/* One line without its end; OUT_REFUSED when it is longer than the ceiling. */
static enum outcome read_line(struct dialogue *d, char line[SMTP_LINE_MAX], struct err *err)
{
    char *end = memchr(d->buf, '\n', d->len);
    while (end == NULL) {
        if (d->len == sizeof d->buf)
            return err_set(err, OUT_REFUSED, "%s has a line of more than %d octets", d->waiting,
                           SMTP_LINE_MAX);
        enum outcome rc = receive(d, err);
        if (rc != OUT_OK)
            return rc;
        end = memchr(d->buf, '\n', d->len);
    }
    size_t whole = (size_t)(end - d->buf) + 1;
    size_t len = whole - 1;
    if (len > 0 && d->buf[len - 1] == '\r')
        len--;
    memcpy(line, d->buf, len);
    line[len] = '\0';
    if (memchr(line, '\0', len) != NULL)
        return err_set(err, OUT_REFUSED, "%s has a NUL in it", d->waiting);
    memmove(d->buf, d->buf + whole, d->len - whole);
    d->len -= whole;
    return OUT_OK;
}

/* The code of a reply line, or -1; RFC 5321 section 4.2. */
static int line_code(const char *line)
{
    for (int i = 0; i < 3; i++) {
        if (line[i] < '0' || line[i] > '9')
            return -1;
    }
    if (line[3] != ' ' && line[3] != '-' && line[3] != '\0')
        return -1;
    int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    return code >= 200 && code < 600 ? code : -1;
}

static bool offers_starttls(const char *line)
{
    static const char word[] = "STARTTLS";
    size_t n = sizeof word - 1;
    return line[3] != '\0' && strncasecmp(line + 4, word, n) == 0 &&
           (line[4 + n] == '\0' || line[4 + n] == ' ');
}

static enum outcome read_reply(struct dialogue *d, struct reply *reply, struct err *err)
{
    char line[SMTP_LINE_MAX] = "";
    memset(reply, 0, sizeof *reply);
    for (int i = 0; i < SMTP_LINES_MAX; i++) {
        enum outcome rc = read_line(d, line, err);
        if (rc != OUT_OK)
            return rc;
        int code = line_code(line);
        if (code < 0 || (i > 0 && code != reply->code))
            return err_set(err, OUT_REFUSED, "%s is no SMTP reply: \"%.80s\"", d->waiting, line);
        if (i == 0) {
            reply->code = code;
            memcpy(reply->text, line, sizeof reply->text);
        } else if (offers_starttls(line)) {
            reply->starttls = true;
        }
        if (line[3] != '-')
            return OUT_OK;
    }
    return err_set(err, OUT_REFUSED, "%s has more than %d lines", d->waiting, SMTP_LINES_MAX);
}

static enum outcome send_all(struct dialogue *d, const char *text, size_t len, struct err *err)
{
    while (len > 0) {
        ssize_t put = send(d->fd, text, len, MSG_NOSIGNAL);
        if (put > 0) {
            text += put;
            len -= (size_t)put;
        } else if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            enum outcome rc = handshake_wait(d->fd, POLLOUT, d->deadline, d->waiting, err);
            if (rc != OUT_OK)
                return rc;
        } else if (put < 0 && errno != EINTR) {
            (void)err_errno(err, "the server went away before %s", d->waiting);
            return OUT_RETRY;
        }
    }
    return OUT_OK;
}

/* Says `command` and reads the reply. The server must not have spoken out of turn before. */
static enum outcome ask(struct dialogue *d, const char *command, const char *waiting,
                        struct reply *reply, struct err *err)
{
    d->waiting = waiting;
    if (d->len > 0)
        return err_set(err, OUT_REFUSED, "the server spoke out of turn before %s", waiting);
    enum outcome rc = send_all(d, command, strlen(command), err);
    return rc == OUT_OK ? read_reply(d, reply, err) : rc;
}

static enum outcome greet(struct dialogue *d, const char *helo, struct reply *reply,
                          struct err *err)
{
    d->waiting = "the banner";
    enum outcome rc = read_reply(d, reply, err);
    if (rc != OUT_OK)
        return rc;
    if (reply->code != 220)
        return err_set(err, OUT_RETRY, "no service: \"%.160s\"", reply->text);
    char command[300];
    int n = snprintf(command, sizeof command, "EHLO %s\r\n", helo);
    if (n < 0 || (size_t)n >= sizeof command || strpbrk(helo, "\r\n \t") != NULL)
        return err_set(err, OUT_BROKEN, "\"%s\" cannot be said in EHLO", helo);
    rc = ask(d, command, "the reply to EHLO", reply, err);
    if (rc != OUT_OK)
        return rc;
    if (reply->code == 421)
        return err_set(err, OUT_RETRY, "no service: \"%.160s\"", reply->text);
    if (reply->code != 250)
        return err_set(err, OUT_REFUSED, "EHLO was refused: \"%.160s\"", reply->text);
    if (!reply->starttls)
        return err_set(err, OUT_REFUSED, "STARTTLS is not offered");
    return OUT_OK;
}

enum outcome smtp_starttls(int fd, const char *helo, model_time deadline, struct err *err)
{
    struct dialogue d = {.fd = fd, .deadline = deadline};
    struct reply reply;
    enum outcome rc = greet(&d, helo, &reply, err);
    if (rc == OUT_OK)
        rc = ask(&d, "STARTTLS\r\n", "the reply to STARTTLS", &reply, err);
    if (rc != OUT_OK)
        return rc;
    if (reply.code == 421)
        return err_set(err, OUT_RETRY, "no service: \"%.160s\"", reply.text);
    if (reply.code != 220)
        return err_set(err, OUT_REFUSED, "STARTTLS was refused: \"%.160s\"", reply.text);
    if (d.len > 0)
        return err_set(err, OUT_REFUSED,
                       "%zu octets of plaintext were injected behind the reply to STARTTLS", d.len);
    return OUT_OK;
}

/* The beginning of a reply through TLS. */
static enum outcome hear(struct handshake *hs, const char *waiting, model_time deadline,
                         struct err *err)
{
    char buf[SMTP_LINE_MAX] = "";
    size_t len = 0;
    enum outcome rc = OUT_OK;
    while (rc == OUT_OK && len < sizeof buf && memchr(buf, '\n', len) == NULL) {
        size_t got = 0;
        rc = handshake_read(hs, buf + len, sizeof buf - len, deadline, &got, err);
        if (rc == OUT_OK && got == 0)
            return err_set(err, OUT_REFUSED, "the server ended TLS before %s", waiting);
        len += got;
    }
    return rc;
}

enum outcome smtp_banner(struct handshake *hs, model_time deadline, struct err *err)
{
    return hear(hs, "its banner", deadline, err);
}

enum outcome smtp_quit(struct handshake *hs, model_time deadline, struct err *err)
{
    static const char quit[] = "QUIT\r\n";
    enum outcome rc = handshake_write(hs, quit, sizeof quit - 1, deadline, err);
    return rc == OUT_OK ? hear(hs, "its reply to QUIT", deadline, err) : rc;
}
