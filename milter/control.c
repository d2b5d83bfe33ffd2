/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "milter/control.h"
#include "milter/control_box.h"
#include "milter/control_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MS 5000
#define BUSY_MS 60000
#define ACCEPT_PAUSE_MS 1000    /* when there are no descriptors */
#define REFUSALS_EVERY_MS 10000 /* of what is logged about those who may not */

enum client_state { NOBODY, READS, ENGINE, WRITES };

struct client {
    enum client_state state;
    int fd;
    enum control_right right;
    uid_t uid;
    int64_t until; /* the state's end at the latest */
    uint64_t ticket;
    char *line; /* CONTROL_LINE_MAX */
    size_t len, done;
};

struct control {
    struct control_config config;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    char degraded[CONTROL_TEXT_MAX];
    struct control_box *box;
    int listener;
    int wake[2]; /* of our thread */
    pthread_t thread;
    bool runs, bound;
    atomic_bool stop;
    int64_t accept_at; /* nobody is let in before */
    struct client clients[CONTROL_CLIENTS_MAX];
    int64_t refused_at;
    unsigned refused_more;
};

static int64_t now_ms(void)
{
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with this clock */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void say(const struct control *c, enum port_level level, const char *text)
{
    c->config.log->line(c->config.log_self, level, text);
}

/* ---- answering -------------------------------------------------------------------------- */

static void drop(struct client *client)
{
    (void)close(client->fd); /* nothing that was written can be lost by it: it is a local socket */
    free(client->line);
    *client = (struct client){.state = NOBODY, .fd = -1};
}

static void answer(struct control *c, struct client *client, struct control_reply *reply)
{
    struct err err = ERR_INIT;
    (void)snprintf(reply->version, sizeof reply->version, "%s", PACKAGE_VERSION);
    (void)snprintf(reply->degraded, sizeof reply->degraded, "%s", c->degraded);
    reply->pid = getpid();
    client->done = 0;
    if (control_msg_write_reply(reply, client->line, CONTROL_LINE_MAX, &client->len, &err) !=
        OUT_OK) {
        say(c, PORT_LOG_ERROR, err.text);
        drop(client);
        return;
    }
    client->state = WRITES;
    client->until = now_ms() + c->config.request_ms;
}

static void answer_text(struct control *c, struct client *client, enum outcome outcome,
                        const char *text)
{
    struct control_reply reply = {.outcome = outcome};
    (void)snprintf(reply.text, sizeof reply.text, "%s", text);
    answer(c, client, &reply);
}

/* Once in a while at most: whoever may connect must not fill the log. */
static void say_refused(struct control *c, uid_t uid, const char *what)
{
    char text[256];
    int64_t now = now_ms();
    if (c->refused_at != 0 && now - c->refused_at < REFUSALS_EVERY_MS) {
        c->refused_more++;
        return;
    }
    (void)snprintf(text, sizeof text,
                   "control: user %ld asked for %s and was refused (%u more since the last time)",
                   (long)uid, what, c->refused_more);
    say(c, PORT_LOG_WARNING, text);
    c->refused_at = now;
    c->refused_more = 0;
}

/* ---- a request -------------------------------------------------------------------------- */

static void answer_status(struct control *c, struct client *client)
{
    struct control_reply reply = {.outcome = OUT_OK};
    if (c->config.live != NULL)
        c->config.live(c->config.live_self, reply.live, sizeof reply.live);
    answer(c, client, &reply);
}

static void for_engine(struct control *c, struct client *client,
                       const struct control_command *command)
{
    if (client->right != CONTROL_CHANGE) {
        say_refused(c, client->uid, command->verb);
        answer_text(c, client, OUT_REFUSED, "only root may do this");
    } else if (c->degraded[0] != '\0') {
        answer_text(c, client, OUT_REFUSED, c->degraded);
    } else if (!control_box_put(c->box, command, &client->ticket)) {
        answer_text(c, client, OUT_RETRY,
                    "too many commands wait for the engine: try again in a minute");
    } else {
        client->state = ENGINE;
        client->until = now_ms() + c->config.busy_ms;
        c->config.wake(c->config.wake_self);
    }
}

static void request(struct control *c, struct client *client, size_t len)
{
    struct control_command command;
    struct err err = ERR_INIT;
    if (control_msg_read_request(client->line, len, &command, &err) != OUT_OK) {
        answer_text(c, client, OUT_REFUSED, err.text);
        return;
    }
    command.uid = client->uid;
    if (control_msg_asks(&command))
        answer_status(c, client);
    else
        for_engine(c, client, &command);
}

/* ---- sockets ---------------------------------------------------------------------------- */

static void read_more(struct control *c, struct client *client)
{
    ssize_t n = read(client->fd, client->line + client->len, CONTROL_LINE_MAX - client->len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(client);
        return;
    }
    client->len += (size_t)n;
    char *end = memchr(client->line, '\n', client->len);
    if (end != NULL)
        request(c, client, (size_t)(end - client->line));
    else if (client->len == CONTROL_LINE_MAX)
        answer_text(c, client, OUT_REFUSED, "the request is too long");
}

static void write_more(struct client *client)
{
    ssize_t n =
        send(client->fd, client->line + client->done, client->len - client->done, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n >= 0)
        client->done += (size_t)n;
    if (n < 0 || client->done == client->len)
        drop(client);
}

static bool set_flags(int fd)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

static struct client *free_client(struct control *c, enum control_right right)
{
    size_t n = CONTROL_CLIENTS_MAX;
    if (right != CONTROL_CHANGE)
        n -= CONTROL_ROOT_ONLY;
    for (size_t i = 0; i < n; i++) {
        if (c->clients[i].state == NOBODY)
            return &c->clients[i];
    }
    return NULL;
}

/* For those who get no line of their own; it fits into any socket's buffer. */
static void turn_away(int fd, const char *text)
{
    char line[512];
    size_t len = 0;
    struct err err = ERR_INIT;
    struct control_reply reply = {.outcome = OUT_REFUSED};
    (void)snprintf(reply.text, sizeof reply.text, "%s", text);
    if (control_msg_write_reply(&reply, line, sizeof line, &len, &err) == OUT_OK)
        (void)send(fd, line, len, MSG_NOSIGNAL); /* whether they read it is their affair */
    (void)close(fd);
}

static void admit(struct control *c, int fd)
{
    struct control_peer peer;
    struct err err = ERR_INIT;
    if (!set_flags(fd) || control_peer_of(fd, &peer, &err) != OUT_OK) {
        (void)close(fd);
        say(c, PORT_LOG_ERROR, err.text[0] != '\0' ? err.text : "control socket: fcntl");
        return;
    }
    enum control_right right = control_right(&peer, geteuid(), c->config.group);
    if (right == CONTROL_NOTHING) {
        say_refused(c, peer.uid, "something");
        turn_away(fd, "you may not: root may, and members of control_group may ask");
        return;
    }
    struct client *client = free_client(c, right);
    char *line = client != NULL ? malloc(CONTROL_LINE_MAX) : NULL;
    if (line == NULL) {
        turn_away(fd, "too many ask at the same time: try again in a few seconds");
        return;
    }
    *client = (struct client){.state = READS,
                              .fd = fd,
                              .right = right,
                              .uid = peer.uid,
                              .until = now_ms() + c->config.request_ms,
                              .line = line};
}

static void accept_all(struct control *c)
{
    for (;;) {
        int fd = accept(c->listener, NULL, NULL);
        if (fd >= 0) {
            admit(c, fd);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno == EAGAIN)
            return;
        struct err err = ERR_INIT;
        (void)err_errno(&err, "control socket: nobody can be let in for a moment");
        say(c, PORT_LOG_WARNING, err.text);
        c->accept_at = now_ms() + ACCEPT_PAUSE_MS; /* they wait in the kernel's queue */
        return;
    }
}

/* ---- the thread ------------------------------------------------------------------------- */

static void too_late(struct control *c, struct client *client)
{
    if (client->state != ENGINE) {
        drop(client);
        return;
    }
    control_box_forget(c->box, client->ticket);
    answer_text(c, client, OUT_NOT_YET,
                "the engine is busy with something that takes long; the command stays in line "
                "and is done afterwards: danectl history shows it");
}

static void serve(struct control *c, struct client *client, short events)
{
    struct control_reply reply = {.outcome = OUT_OK};
    if (client->state == NOBODY)
        return;
    if (client->state == ENGINE && control_box_collect(c->box, client->ticket, &reply)) {
        answer(c, client, &reply);
    } else if (now_ms() >= client->until) {
        too_late(c, client);
    } else if (client->state == ENGINE && (events & (POLLHUP | POLLERR)) != 0) {
        control_box_forget(c->box, client->ticket);
        drop(client);
    } else if (client->state == READS && events != 0) {
        read_more(c, client);
    } else if (client->state == WRITES && events != 0) {
        write_more(client);
    }
}

static int fill(const struct control *c, struct pollfd *p)
{
    int64_t now = now_ms(), next = now + 3600000;
    bool pause = now < c->accept_at;
    p[0] = (struct pollfd){.fd = c->wake[0], .events = POLLIN};
    p[1] = (struct pollfd){.fd = pause ? -1 : c->listener, .events = POLLIN};
    if (pause)
        next = c->accept_at;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *client = &c->clients[i];
        p[2 + i] = (struct pollfd){.fd = -1};
        if (client->state == NOBODY)
            continue;
        p[2 + i].fd = client->fd;
        p[2 + i].events = client->state == READS ? POLLIN : client->state == WRITES ? POLLOUT : 0;
        if (client->until < next)
            next = client->until;
    }
    return next > now ? (int)(next - now) : 0;
}

static void drain(int fd)
{
    char octets[64];
    while (read(fd, octets, sizeof octets) > 0)
        continue;
}

static void *run(void *arg)
{
    struct control *c = arg;
    struct pollfd p[2 + CONTROL_CLIENTS_MAX];
    sigset_t all;
    if (sigfillset(&all) != 0 || pthread_sigmask(SIG_BLOCK, &all, NULL) != 0)
        c->config.log->line(c->config.log_self, PORT_LOG_WARNING,
                            "the control socket's thread cannot leave signals to the main one");
    while (!atomic_load(&c->stop)) {
        int wait = fill(c, p);
        if (poll(p, 2 + CONTROL_CLIENTS_MAX, wait) < 0) {
            for (size_t i = 0; i < 2 + CONTROL_CLIENTS_MAX; i++)
                p[i].revents = 0; /* EINTR cannot be (signals are blocked); ENOMEM passes */
        }
        if (p[0].revents != 0)
            drain(c->wake[0]);
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
            serve(c, &c->clients[i], p[2 + i].revents);
        if (p[1].revents != 0)
            accept_all(c);
    }
    return NULL;
}

/* ---- opening, closing ------------------------------------------------------------------- */

static enum outcome listen_at(struct control *c, const char *run_dir, struct err *err)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int n = snprintf(c->path, sizeof c->path, "%s/%s", run_dir, CONTROL_SOCKET);
    if (n < 0 || (size_t)n >= sizeof c->path)
        return err_set(err, OUT_REFUSED,
                       "run_dir: %s is too long for a socket in it (%zu octets at most)", run_dir,
                       sizeof c->path - sizeof CONTROL_SOCKET - 1);
    memcpy(sun.sun_path, c->path, sizeof c->path);
    c->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (c->listener < 0 || !set_flags(c->listener))
        return err_errno(err, "control socket");
    if (unlink(c->path) != 0 && errno != ENOENT)
        return err_errno(err, "%s", c->path);
    if (bind(c->listener, (const struct sockaddr *)&sun, sizeof sun) != 0)
        return err_errno(err, "%s", c->path);
    c->bound = true;
    if (chmod(c->path, c->config.group == (gid_t)-1 ? 0600 : 0666) != 0 ||
        listen(c->listener, CONTROL_CLIENTS_MAX) != 0)
        return err_errno(err, "%s", c->path);
    return OUT_OK;
}

/* Signals are for the main thread. */
static enum outcome start(struct control *c, struct err *err)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    errno = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (errno != 0)
        return err_errno(err, "control thread");
    int code = pthread_create(&c->thread, NULL, run, c);
    c->runs = code == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return code == 0 ? OUT_OK : err_errno(err, "control thread");
}

enum outcome control_open(const struct control_config *config, struct control **out,
                          struct err *err)
{
    struct control *c = calloc(1, sizeof *c);
    if (c == NULL)
        return err_errno(err, "control");
    c->config = *config;
    c->config.run_dir = NULL;
    c->config.degraded = NULL;
    if (c->config.request_ms == 0)
        c->config.request_ms = REQUEST_MS;
    if (c->config.busy_ms == 0)
        c->config.busy_ms = BUSY_MS;
    (void)snprintf(c->degraded, sizeof c->degraded, "%s",
                   config->degraded != NULL ? config->degraded : "");
    c->listener = c->wake[0] = c->wake[1] = -1;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        c->clients[i].fd = -1;
    enum outcome res = control_box_new(&c->box, err);
    if (res == OUT_OK && (pipe(c->wake) != 0 || !set_flags(c->wake[0]) || !set_flags(c->wake[1])))
        res = err_errno(err, "control pipe");
    if (res == OUT_OK)
        res = listen_at(c, config->run_dir, err);
    if (res == OUT_OK)
        res = start(c, err);
    if (res != OUT_OK)
        control_close(&c);
    *out = c;
    return res;
}

/* A full pipe wakes as well. */
static void wake_thread(struct control *c)
{
    while (write(c->wake[1], "", 1) < 0 && errno == EINTR)
        continue;
}

void control_close(struct control **control)
{
    struct control *c = *control;
    if (c == NULL)
        return;
    if (c->runs) {
        atomic_store(&c->stop, true);
        wake_thread(c);
        (void)pthread_join(c->thread, NULL);
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (c->clients[i].state != NOBODY)
            drop(&c->clients[i]);
    }
    if (c->bound)
        (void)unlink(c->path); /* gone already is as well */
    const int fds[] = {c->listener, c->wake[0], c->wake[1]};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
    control_box_free(&c->box);
    free(c);
    *control = NULL;
}

void control_take(struct control *control,
                  enum outcome (*handle)(void *self, const struct control_command *command,
                                         char *text, size_t size, struct err *err),
                  void *self)
{
    struct control_command command;
    uint64_t ticket;
    while (control_box_take(control->box, &command, &ticket)) {
        char text[CONTROL_TEXT_MAX] = "";
        struct err err = ERR_INIT;
        enum outcome out = handle(self, &command, text, sizeof text, &err);
        control_box_answer(control->box, ticket, out, out == OUT_OK ? text : err.text);
        wake_thread(control);
    }
}
