/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/acme.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "acme/client.h"
#include "acme/order.h"
#include "acme/pace.h"
#include "base/text.h"

#define ACME_TURN_MAX ((model_time)60 * 1000) /* waiting for the order before */
#define ACME_TURN_LOOK 200

struct acme {
    struct acme_config config; /* its texts are ours */
    struct acme_ports ports;
    struct client client;
    pthread_mutex_t lock; /* one order at a time */
};

static void acme_free_config(struct acme_config *config)
{
    union {
        const char *const *held;
        char **own;
    } contact = {.held = config->contact};
    for (size_t i = 0; contact.own != NULL && i < config->n_contact; i++)
        free(contact.own[i]);
    free(contact.own);
    const char *const texts[] = {config->title, config->directory, config->ca_file};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        union {
            const char *held;
            char *own;
        } text = {.held = texts[i]};
        free(text.own);
    }
}

static bool acme_copy_config(const struct acme_config *from, struct acme_config *to)
{
    char **contact = calloc(from->n_contact > 0 ? from->n_contact : 1, sizeof *contact);
    *to = *from;
    to->title = strdup(from->title);
    to->directory = strdup(from->directory);
    to->ca_file = strdup(from->ca_file != NULL ? from->ca_file : "");
    bool good =
        contact != NULL && to->title != NULL && to->directory != NULL && to->ca_file != NULL;
    for (size_t i = 0; contact != NULL && i < from->n_contact; i++) {
        contact[i] = strdup(from->contact[i]);
        good = good && contact[i] != NULL;
    }
    to->contact = (const char *const *)contact;
    return good;
}

enum outcome acme_open_over(const struct acme_config *config, const struct acme_ports *ports,
                            struct transport transport, struct acme **out, struct err *err)
{
    struct acme *acme = calloc(1, sizeof *acme);
    *out = NULL;
    if (acme == NULL) {
        transport_close(&transport);
        return err_set(err, OUT_BROKEN, "out of memory");
    }
    bool good = acme_copy_config(config, &acme->config);
    acme->ports = *ports;
    acme->client =
        (struct client){.config = &acme->config, .ports = &acme->ports, .transport = transport};
    if (!good || pthread_mutex_init(&acme->lock, NULL) != 0) {
        acme_free_config(&acme->config);
        transport_close(&transport);
        free(acme);
        return err_set(err, OUT_BROKEN, "out of memory");
    }
    *out = acme;
    return OUT_OK;
}

enum outcome acme_open(const struct acme_config *config, const struct acme_ports *ports,
                       struct acme **out, struct err *err)
{
    struct transport transport = {0};
    *out = NULL;
    if (!doc_is_url(config->directory))
        return err_set(err, OUT_REFUSED,
                       "acme \"%s\": directory \"%.200s\" is no https URL: ACME is never spoken "
                       "without TLS",
                       config->title, config->directory);
    enum outcome res = transport_open(config, ports, &transport, err);
    if (res != OUT_OK) {
        err_prepend(err, "acme \"%s\"", config->title);
        return res;
    }
    return acme_open_over(config, ports, transport, out, err);
}

void acme_close(struct acme **acme)
{
    if (*acme == NULL)
        return;
    client_end(&(*acme)->client);
    transport_close(&(*acme)->client.transport);
    (void)pthread_mutex_destroy(&(*acme)->lock);
    acme_free_config(&(*acme)->config);
    free(*acme);
    *acme = NULL;
}

/* The order before ours may hang for hours, and its thread is all that may hang with it: who waits
 * longer than healthy orders take is sent away. */
static enum outcome acme_turn(struct acme *acme, struct port_issued *out, struct err *err)
{
    const struct acme_ports *ports = &acme->ports;
    for (model_time waited = 0; waited < ACME_TURN_MAX; waited += ACME_TURN_LOOK) {
        int code = pthread_mutex_trylock(&acme->lock);
        if (code == 0)
            return OUT_OK;
        if (code != EBUSY)
            return err_set(err, OUT_BROKEN, "acme \"%s\": cannot lock", acme->config.title);
        if (pace_stopping(ports))
            return err_set(err, OUT_RETRY, "stopping");
        ports->clock->sleep(ports->clock_self, ACME_TURN_LOOK);
    }
    out->wait = ACME_TURN_MAX;
    return err_set(err, OUT_NOT_YET, "CA \"%s\": another order there is under way, and takes long",
                   acme->config.title);
}

static enum outcome acme_issue(void *self, const struct port_order *order, struct port_issued *out,
                               struct err *err)
{
    struct acme *acme = self;
    out->fault = PORT_ISSUE_OTHER;
    out->wait = 0;
    enum outcome res = acme_turn(acme, out, err);
    if (res != OUT_OK)
        return res;
    res = pace_stopping(&acme->ports) ? err_set(err, OUT_RETRY, "stopping")
                                      : order_run(&acme->client, order, out, err);
    if (res == OUT_OK)
        err_clear(err); /* what was said of nonces on the way */
    else
        client_stale(&acme->client);
    (void)pthread_mutex_unlock(&acme->lock);
    return res;
}

const struct port_issuer_ops acme_ops = {.issue = acme_issue};

enum outcome acme_look(struct acme *acme, char *terms, size_t size, struct err *err)
{
    if (size > 0)
        terms[0] = '\0';
    if (pthread_mutex_lock(&acme->lock) != 0)
        return err_set(err, OUT_BROKEN, "acme \"%s\": cannot lock", acme->config.title);
    client_stale(&acme->client);
    enum outcome res = client_directory(&acme->client, err);
    if (res == OUT_OK && !text_format(terms, size, "%s", acme->client.terms))
        res = err_set(err, OUT_REFUSED, "the URL of the terms of service is too long");
    (void)pthread_mutex_unlock(&acme->lock);
    return res;
}

unsigned long acme_connections(const struct acme *acme)
{
    const struct transport *t = &acme->client.transport;
    return t->ops->connections(t->self);
}
