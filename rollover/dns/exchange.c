/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"
#define _DEFAULT_SOURCE 1 /* getrandom */

#include "dns/exchange.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dns/wire.h"

enum phase { PHASE_UDP, PHASE_CONNECT, PHASE_SEND, PHASE_LENGTH, PHASE_BODY, PHASE_DONE };

/* One ask under way. */
struct run {
    struct exchange_ask *ask;
    enum phase phase;
    int fd;
    int tries;
    int64_t until;
    uint16_t id;
    uint8_t *out; /* TCP: length and query */
    size_t at;    /* octets of this phase done */
    uint8_t length[2];
    bool truncated;
    char trouble[64]; /* the last error the network reported */
};

int64_t exchange_now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- does the answer fit ------------------------------------------------------------- */

static unsigned get16(const uint8_t *p)
{
    return ((unsigned)p[0] << 8) | p[1];
}

/* Length of the question behind the header; 0: there is none, or it is compressed or cut. */
static size_t question_len(const uint8_t *p, size_t len)
{
    size_t pos = WIRE_HEADER;
    while (pos < len && p[pos] != 0) {
        if (p[pos] > 63)
            return 0;
        pos += (size_t)p[pos] + 1;
    }
    return pos + 5 <= len ? pos + 5 - WIRE_HEADER : 0;
}

bool exchange_fits(const uint8_t *query, size_t query_len, uint16_t id, const uint8_t *reply,
                   size_t reply_len)
{
    if (query_len < WIRE_HEADER || reply_len < WIRE_HEADER)
        return false;
    if (get16(reply) != id || (reply[2] & 0x80) == 0 || ((reply[2] ^ query[2]) & 0x78) != 0)
        return false;
    unsigned questions = get16(reply + 4);
    bool failed = (reply[3] & 0x0f) != 0;
    bool update = (query[2] & 0x78) == 0x28;
    /* A server that cannot or need not repeat the question may leave it out. */
    if (questions == 0)
        return failed || update;
    size_t len = question_len(query, query_len);
    if (questions != 1 || len == 0 || reply_len < WIRE_HEADER + len)
        return false;
    const uint8_t *a = query + WIRE_HEADER;
    const uint8_t *b = reply + WIRE_HEADER;
    for (size_t i = 0; i + 4 < len; i++) {
        if (tolower(a[i]) != tolower(b[i]))
            return false;
    }
    return memcmp(a + len - 4, b + len - 4, 4) == 0;
}

/* ---- sockets ------------------------------------------------------------------------- */

static bool no_route(int code)
{
    return code == ENETUNREACH || code == EHOSTUNREACH || code == EADDRNOTAVAIL ||
           code == EAFNOSUPPORT || code == ENETDOWN || code == EACCES || code == EPERM ||
           code == EINVAL;
}

static void explain(char *out, size_t size, int code)
{
    if (strerror_r(code, out, size) != 0)
        (void)snprintf(out, size, "error %d", code);
}

static void finish(struct run *run, enum exchange_state state, const char *why)
{
    run->ask->state = state;
    (void)snprintf(run->ask->why, sizeof run->ask->why, "%s", why);
    if (run->fd >= 0)
        (void)close(run->fd);
    run->fd = -1;
    run->phase = PHASE_DONE;
}

static int open_socket(int family, int type)
{
    int fd = socket(family, type, 0);
    if (fd < 0)
        return -1;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Opens run->fd connected to the address. False: the ask is finished. */
static bool dial(struct run *run, int type)
{
    const struct exchange_ask *ask = run->ask;
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(ask->port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(ask->port)};
    bool is4 = wire_ip_is4(ask->ip);
    char text[64];

    memcpy(&six.sin6_addr, ask->ip, 16);
    memcpy(&four.sin_addr, ask->ip + 12, 4);
    if (run->fd >= 0)
        (void)close(run->fd);
    run->fd = open_socket(is4 ? AF_INET : AF_INET6, type);
    if (run->fd < 0) {
        int saved = errno;
        explain(text, sizeof text, saved);
        finish(run, no_route(saved) ? EXCHANGE_NOROUTE : EXCHANGE_LOCAL, text);
        return false;
    }
    const struct sockaddr *to =
        is4 ? (const struct sockaddr *)&four : (const struct sockaddr *)&six;
    if (connect(run->fd, to, is4 ? sizeof four : sizeof six) == 0 || errno == EINPROGRESS)
        return true;
    int saved = errno;
    explain(text, sizeof text, saved);
    /* Once a datagram could be sent there is a route. */
    bool sent = run->tries > 0;
    finish(run, no_route(saved) && !sent ? EXCHANGE_NOROUTE : EXCHANGE_SILENT, text);
    return false;
}

static bool random_id(uint16_t *out)
{
    return getrandom(out, sizeof *out, 0) == (ssize_t)sizeof *out;
}

/* ---- UDP ----------------------------------------------------------------------------- */

static void begin_tcp(struct run *run, const struct exchange_limits *limits);

static void send_udp(struct run *run, const struct exchange_limits *limits, uint8_t *buf)
{
    struct exchange_ask *ask = run->ask;
    if (run->tries >= limits->udp_tries) {
        begin_tcp(run, limits);
        return;
    }
    if (!dial(run, SOCK_DGRAM))
        return;
    run->tries++;
    run->until = exchange_now() + limits->udp_ms;
    memcpy(buf, ask->query, ask->query_len);
    if (!ask->keep_id && !random_id(&run->id)) {
        finish(run, EXCHANGE_LOCAL, "no random numbers");
        return;
    }
    buf[0] = (uint8_t)(run->id >> 8);
    buf[1] = (uint8_t)run->id;
    if (send(run->fd, buf, ask->query_len, MSG_NOSIGNAL) >= 0)
        return;
    int saved = errno;
    if (saved == EAGAIN || saved == EWOULDBLOCK || saved == ENOBUFS || saved == EMSGSIZE)
        return; /* as if lost on the way */
    explain(run->trouble, sizeof run->trouble, saved);
    if (no_route(saved) && run->tries == 1)
        finish(run, EXCHANGE_NOROUTE, run->trouble);
}

static bool keep_reply(struct run *run, const uint8_t *data, size_t len, bool tcp)
{
    run->ask->reply = malloc(len);
    if (run->ask->reply == NULL) {
        finish(run, EXCHANGE_LOCAL, "out of memory");
        return false;
    }
    memcpy(run->ask->reply, data, len);
    run->ask->reply_len = len;
    run->ask->tcp = tcp;
    finish(run, EXCHANGE_ANSWER, "");
    return true;
}

static void read_udp(struct run *run, const struct exchange_limits *limits, uint8_t *buf)
{
    for (;;) {
        ssize_t got = recv(run->fd, buf, WIRE_MAX, 0);
        if (got < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
                return;
            /* ICMP: refused or unreachable, possibly forged; the next try comes in its time. */
            explain(run->trouble, sizeof run->trouble, errno);
            return;
        }
        if (!exchange_fits(run->ask->query, run->ask->query_len, run->id, buf, (size_t)got))
            continue;
        if ((buf[2] & 0x02) != 0) {
            run->truncated = true;
            begin_tcp(run, limits);
            return;
        }
        (void)keep_reply(run, buf, (size_t)got, false);
        return;
    }
}

/* ---- TCP ----------------------------------------------------------------------------- */

static void begin_tcp(struct run *run, const struct exchange_limits *limits)
{
    const struct exchange_ask *ask = run->ask;
    if (limits->tcp_ms <= 0) {
        finish(run, EXCHANGE_SILENT, run->trouble);
        return;
    }
    if (!dial(run, SOCK_STREAM))
        return;
    if (run->out == NULL)
        run->out = malloc(ask->query_len + 2);
    if (run->out == NULL) {
        finish(run, EXCHANGE_LOCAL, "out of memory");
        return;
    }
    if (!ask->keep_id && !random_id(&run->id)) {
        finish(run, EXCHANGE_LOCAL, "no random numbers");
        return;
    }
    run->out[0] = (uint8_t)(ask->query_len >> 8);
    run->out[1] = (uint8_t)ask->query_len;
    memcpy(run->out + 2, ask->query, ask->query_len);
    run->out[2] = (uint8_t)(run->id >> 8);
    run->out[3] = (uint8_t)run->id;
    run->at = 0;
    run->phase = PHASE_CONNECT;
    run->until = exchange_now() + limits->tcp_ms;
}

static void tcp_failed(struct run *run, int code)
{
    char text[64];
    char why[EXCHANGE_WHY];
    explain(text, sizeof text, code);
    if (run->truncated)
        (void)snprintf(why, sizeof why, "its answer is too long for UDP, and TCP fails: %s", text);
    else if (run->tries > 0)
        (void)snprintf(why, sizeof why, "no answer by UDP, and TCP fails: %s", text);
    else
        (void)snprintf(why, sizeof why, "%s", text);
    finish(run, EXCHANGE_SILENT, why);
}

static void write_tcp(struct run *run)
{
    size_t total = run->ask->query_len + 2;
    if (run->phase == PHASE_CONNECT) {
        int code = 0;
        socklen_t len = sizeof code;
        if (getsockopt(run->fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
            code = errno;
        if (code != 0) {
            tcp_failed(run, code);
            return;
        }
        run->phase = PHASE_SEND;
    }
    ssize_t put = send(run->fd, run->out + run->at, total - run->at, MSG_NOSIGNAL);
    if (put < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            tcp_failed(run, errno);
        return;
    }
    run->at += (size_t)put;
    if (run->at == total) {
        run->phase = PHASE_LENGTH;
        run->at = 0;
    }
}

/* Reads what is there of the phase's octets; true when they are complete. */
static bool read_some(struct run *run, uint8_t *to, size_t want)
{
    ssize_t got = recv(run->fd, to + run->at, want - run->at, 0);
    if (got == 0) {
        tcp_failed(run, ECONNRESET);
        return false;
    }
    if (got < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            tcp_failed(run, errno);
        return false;
    }
    run->at += (size_t)got;
    return run->at == want;
}

static void read_tcp(struct run *run)
{
    struct exchange_ask *ask = run->ask;
    if (run->phase == PHASE_LENGTH) {
        if (!read_some(run, run->length, 2))
            return;
        ask->reply_len = get16(run->length);
        if (ask->reply_len < WIRE_HEADER) {
            tcp_failed(run, EBADMSG);
            return;
        }
        free(ask->reply);
        ask->reply = malloc(ask->reply_len);
        if (ask->reply == NULL) {
            finish(run, EXCHANGE_LOCAL, "out of memory");
            return;
        }
        run->at = 0;
        run->phase = PHASE_BODY;
    }
    if (!read_some(run, ask->reply, ask->reply_len))
        return;
    if (exchange_fits(ask->query, ask->query_len, run->id, ask->reply, ask->reply_len)) {
        ask->tcp = true;
        finish(run, EXCHANGE_ANSWER, "");
        return;
    }
    run->phase = PHASE_LENGTH; /* not ours: perhaps the next one */
    run->at = 0;
}

/* ---- the loop ------------------------------------------------------------------------ */

static void expire(struct run *run, const struct exchange_limits *limits, uint8_t *buf)
{
    if (run->phase == PHASE_UDP)
        send_udp(run, limits, buf);
    else
        tcp_failed(run, ETIMEDOUT);
}

static void handle(struct run *run, short events, const struct exchange_limits *limits,
                   uint8_t *buf)
{
    if (events == 0)
        return;
    if (run->phase == PHASE_UDP)
        read_udp(run, limits, buf);
    else if (run->phase == PHASE_CONNECT || run->phase == PHASE_SEND)
        write_tcp(run);
    else if (run->phase != PHASE_DONE)
        read_tcp(run);
}

/* Prepares one poll; returns how many runs are open, and the nearest moment of any. */
static size_t prepare(struct run *runs, size_t n, struct pollfd *fds, int64_t *nearest)
{
    size_t open = 0;
    for (size_t i = 0; i < n; i++) {
        bool writing = runs[i].phase == PHASE_CONNECT || runs[i].phase == PHASE_SEND;
        fds[i].fd = runs[i].phase == PHASE_DONE ? -1 : runs[i].fd;
        fds[i].events = writing ? POLLOUT : POLLIN;
        fds[i].revents = 0;
        if (runs[i].phase == PHASE_DONE)
            continue;
        open++;
        if (runs[i].until < *nearest)
            *nearest = runs[i].until;
    }
    return open;
}

static enum outcome loop(struct run *runs, size_t n, struct pollfd *fds,
                         const struct exchange_limits *limits, uint8_t *buf, struct err *err)
{
    int64_t end = exchange_now() + limits->total_ms;
    for (;;) {
        int64_t nearest = end;
        if (prepare(runs, n, fds, &nearest) == 0)
            return OUT_OK;
        int64_t now = exchange_now();
        int wait = nearest > now ? (int)(nearest - now) : 0;
        if (poll(fds, (nfds_t)n, wait) < 0 && errno != EINTR)
            return err_errno(err, "cannot wait for DNS answers");
        now = exchange_now();
        for (size_t i = 0; i < n; i++) {
            if (fds[i].fd >= 0)
                handle(&runs[i], fds[i].revents, limits, buf);
            if (runs[i].phase == PHASE_DONE)
                continue;
            if (now >= end)
                finish(&runs[i], EXCHANGE_SILENT, runs[i].trouble);
            else if (now >= runs[i].until)
                expire(&runs[i], limits, buf);
        }
    }
}

static void begin(struct run *run, struct exchange_ask *ask, const struct exchange_limits *limits,
                  uint8_t *buf)
{
    *run = (struct run){.ask = ask, .fd = -1, .phase = PHASE_UDP};
    ask->reply = NULL;
    ask->reply_len = 0;
    ask->tcp = false;
    if (ask->query_len < WIRE_HEADER || ask->query_len > WIRE_MAX) {
        finish(run, EXCHANGE_LOCAL, "a question of impossible length");
        return;
    }
    run->id = (uint16_t)get16(ask->query);
    if (ask->tcp_only)
        begin_tcp(run, limits);
    else
        send_udp(run, limits, buf);
}

static void explain_silence(struct exchange_ask *ask)
{
    if (ask->state == EXCHANGE_SILENT && ask->why[0] == '\0')
        (void)snprintf(ask->why, sizeof ask->why, "no answer in time");
    if (ask->state != EXCHANGE_ANSWER) {
        free(ask->reply);
        ask->reply = NULL;
        ask->reply_len = 0;
    }
}

enum outcome exchange_run(struct exchange_ask *asks, size_t n, const struct exchange_limits *limits,
                          struct err *err)
{
    if (n > EXCHANGE_MAX)
        return err_set(err, OUT_BROKEN, "%zu questions at once, at most %d", n, EXCHANGE_MAX);
    if (n == 0)
        return OUT_OK;
    struct run *runs = calloc(n, sizeof *runs);
    struct pollfd *fds = calloc(n, sizeof *fds);
    uint8_t *buf = malloc(WIRE_MAX);
    enum outcome out;
    if (runs == NULL || fds == NULL || buf == NULL) {
        out = err_set(err, OUT_BROKEN, "out of memory for %zu questions", n);
        n = 0;
    } else {
        for (size_t i = 0; i < n; i++)
            begin(&runs[i], &asks[i], limits, buf);
        out = loop(runs, n, fds, limits, buf, err);
    }
    for (size_t i = 0; i < n; i++) {
        if (runs[i].phase != PHASE_DONE)
            finish(&runs[i], EXCHANGE_LOCAL, "the questions were given up");
        free(runs[i].out);
        explain_silence(&asks[i]);
    }
    free(runs);
    free(fds);
    free(buf);
    return out;
}

void exchange_free(struct exchange_ask *asks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(asks[i].reply);
        asks[i].reply = NULL;
        asks[i].reply_len = 0;
    }
}
