/* SPDX-License-Identifier: BSD-2-Clause */
/* Start, stop, connections. */
#include "fakeca_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

struct conn {
    struct fakeca *ca;
    int fd;
};

/* One request; false: the connection is over. */
static bool serve_one(struct fakeca *ca, SSL *ssl, struct fakeca_request *request)
{
    struct fakeca_reply reply = {.status = 500};
    char nonce[FAKECA_HASH_TEXT];
    if (!fakeca_read(ssl, request))
        return false;
    (void)pthread_mutex_lock(&ca->lock);
    fakeca_answer(ca, request, &reply);
    if (reply.nonce)
        fakeca_nonce(ca, nonce);
    (void)pthread_mutex_unlock(&ca->lock);
    bool more = !reply.cut && fakeca_write(ssl, request, &reply, reply.nonce ? nonce : NULL);
    free(reply.body);
    return more;
}

static void *serve(void *arg)
{
    struct conn *conn = arg;
    struct fakeca *ca = conn->ca;
    struct fakeca_request *request = fakeca_alloc(sizeof *request);
    SSL *ssl = SSL_new(ca->tls);
    fakeca_need(ssl != NULL && SSL_set_fd(ssl, conn->fd) == 1, "TLS on a socket");
    if (SSL_accept(ssl) == 1) {
        while (serve_one(ca, ssl, request))
            continue;
    }
    ERR_clear_error();
    SSL_free(ssl);
    free(request);
    (void)pthread_mutex_lock(&ca->lock);
    for (unsigned i = 0; i < ca->n_conns; i++) {
        if (ca->conns[i] == conn->fd)
            ca->conns[i] = ca->conns[--ca->n_conns];
    }
    (void)close(conn->fd);
    (void)pthread_cond_signal(&ca->gone);
    (void)pthread_mutex_unlock(&ca->lock);
    free(conn);
    return NULL;
}

static void take(struct fakeca *ca, int fd)
{
    pthread_t thread;
    int on = 1;
    struct conn *conn = fakeca_alloc(sizeof *conn);
    /* Small answers at once: waiting for acknowledgements would cost 40 ms each. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conn->ca = ca;
    conn->fd = fd;
    (void)pthread_mutex_lock(&ca->lock);
    fakeca_need(ca->n_conns < FAKECA_CONNS_MAX, "room for a connection");
    ca->conns[ca->n_conns++] = fd;
    ca->connections++;
    (void)pthread_mutex_unlock(&ca->lock);
    fakeca_need(pthread_create(&thread, NULL, serve, conn) == 0 && pthread_detach(thread) == 0,
                "a thread");
}

static void *run(void *arg)
{
    struct fakeca *ca = arg;
    for (;;) {
        struct pollfd two[2] = {{.fd = ca->listener, .events = POLLIN},
                                {.fd = ca->stop[0], .events = POLLIN}};
        fakeca_need(poll(two, 2, -1) > 0, "waiting for a connection");
        if (two[1].revents != 0)
            return NULL;
        int fd = accept(ca->listener, NULL, NULL);
        if (fd >= 0)
            take(ca, fd);
    }
}

static void begin_listening(struct fakeca *ca)
{
    const char *address = ca->config.address != NULL ? ca->config.address : "127.0.0.1";
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(ca->config.port)};
    socklen_t len = sizeof addr;
    int on = 1;
    fakeca_need(inet_pton(AF_INET, address, &addr.sin_addr) == 1, "an IPv4 address");
    ca->listener = socket(AF_INET, SOCK_STREAM, 0);
    fakeca_need(ca->listener >= 0 &&
                    setsockopt(ca->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                    bind(ca->listener, (struct sockaddr *)&addr, len) == 0 &&
                    listen(ca->listener, 64) == 0 &&
                    getsockname(ca->listener, (struct sockaddr *)&addr, &len) == 0,
                "listening");
    unsigned port = ntohs(addr.sin_port);
    (void)snprintf(ca->host, sizeof ca->host, "%.253s:%u",
                   ca->config.host != NULL ? ca->config.host : address, port);
    (void)snprintf(ca->directory, sizeof ca->directory, "https://%s/directory", ca->host);
}

struct fakeca *fakeca_start(const struct fakeca_config *config)
{
    struct fakeca *ca = fakeca_alloc(sizeof *ca);
    int judges = (config->check != NULL) + (config->dns_server != NULL) + config->accept_all;
    fakeca_need(judges == 1, "exactly one way to judge challenges");
    ca->config = *config;
    fakeca_need(pthread_mutex_init(&ca->lock, NULL) == 0 &&
                    pthread_cond_init(&ca->gone, NULL) == 0 && pipe(ca->stop) == 0,
                "a lock and a pipe");
    fakeca_pki_begin(ca);
    begin_listening(ca);
    fakeca_need(pthread_create(&ca->thread, NULL, run, ca) == 0, "a thread");
    return ca;
}

void fakeca_lose(struct fakeca *ca)
{
    while (ca->accounts != NULL) {
        struct fakeca_account *account = ca->accounts;
        ca->accounts = account->next;
        EVP_PKEY_free(account->key);
        free(account);
    }
    while (ca->orders != NULL) {
        struct fakeca_order *order = ca->orders;
        ca->orders = order->next;
        fakeca_order_free(order);
    }
}

void fakeca_forget(struct fakeca *ca)
{
    (void)pthread_mutex_lock(&ca->lock);
    fakeca_lose(ca);
    (void)pthread_mutex_unlock(&ca->lock);
}

void fakeca_honest(struct fakeca *ca)
{
    (void)pthread_mutex_lock(&ca->lock);
    ca->n_rules = 0;
    for (struct fakeca_order *order = ca->orders; order != NULL; order = order->next) {
        if (order->state == ORDER_STUCK) {
            order->state = ORDER_PROCESSING;
            order->looks = 1;
        }
        for (unsigned i = 0; i < order->n; i++) {
            if (order->authz[i].state == AUTHZ_STUCK)
                order->authz[i].state = AUTHZ_PROCESSING;
        }
    }
    (void)pthread_mutex_unlock(&ca->lock);
}

void fakeca_stop(struct fakeca **ca_in)
{
    struct fakeca *ca = *ca_in;
    if (ca == NULL)
        return;
    (void)close(ca->stop[1]);
    fakeca_need(pthread_join(ca->thread, NULL) == 0, "joining a thread");
    (void)pthread_mutex_lock(&ca->lock);
    for (unsigned i = 0; i < ca->n_conns; i++)
        (void)shutdown(ca->conns[i], SHUT_RDWR);
    while (ca->n_conns > 0)
        (void)pthread_cond_wait(&ca->gone, &ca->lock);
    (void)pthread_mutex_unlock(&ca->lock);
    (void)close(ca->stop[0]);
    (void)close(ca->listener);
    fakeca_lose(ca);
    fakeca_pki_end(ca);
    (void)pthread_cond_destroy(&ca->gone);
    (void)pthread_mutex_destroy(&ca->lock);
    free(ca);
    *ca_in = NULL;
}

const char *fakeca_directory(const struct fakeca *ca)
{
    return ca->directory;
}

const char *fakeca_root(const struct fakeca *ca)
{
    return ca->root_pem;
}

/* Reads one of the counters. */
static unsigned count(struct fakeca *ca, const unsigned *counter)
{
    (void)pthread_mutex_lock(&ca->lock);
    unsigned n = *counter;
    (void)pthread_mutex_unlock(&ca->lock);
    return n;
}

unsigned fakeca_asked(struct fakeca *ca, enum fakeca_place place)
{
    if (place != FAKECA_PLACES)
        return count(ca, &ca->asked[place]);
    unsigned n = 0;
    for (int i = 0; i < FAKECA_PLACES; i++)
        n += count(ca, &ca->asked[i]);
    return n;
}

unsigned fakeca_ordered(struct fakeca *ca)
{
    return count(ca, &ca->ordered);
}

unsigned fakeca_issued(struct fakeca *ca)
{
    return count(ca, &ca->issued);
}

unsigned fakeca_connections(struct fakeca *ca)
{
    return count(ca, &ca->connections);
}

unsigned fakeca_complaints(struct fakeca *ca, char *first, size_t size)
{
    (void)pthread_mutex_lock(&ca->lock);
    unsigned n = ca->complaints;
    (void)snprintf(first, size, "%s", ca->complaint);
    (void)pthread_mutex_unlock(&ca->lock);
    return n;
}
