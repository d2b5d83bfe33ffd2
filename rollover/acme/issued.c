/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/issued.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void issued_date(model_time wall, char out[32])
{
    time_t seconds = (time_t)(wall / 1000);
    struct tm tm;
    out[0] = '\0';
    if (gmtime_r(&seconds, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        out[0] = '\0';
}

static enum outcome issued_times(const struct port_cert *cert, model_time now, struct err *err)
{
    char from[32];
    char to[32];
    issued_date(cert->not_before, from);
    issued_date(cert->not_after, to);
    if (now < cert->not_before)
        return err_set(err, OUT_REFUSED,
                       "it is valid from %s only, which is still to come: compare this machine's "
                       "clock with the CA's",
                       from);
    if (now >= cert->not_after)
        return err_set(err, OUT_REFUSED,
                       "it was valid until %s: compare this machine's clock with the CA's", to);
    return OUT_OK;
}

/* Which name it is, for the text. */
static enum outcome issued_names(const struct acme_ports *ports, const struct port_order *order,
                                 const char *pem, struct err *err)
{
    for (size_t i = 0; i < order->n_names; i++) {
        struct port_cert cert;
        enum outcome res = ports->certs->inspect(ports->certs_self, pem, order->spki,
                                                 &order->names[i], 1, &cert, err);
        if (res != OUT_OK)
            return res;
        if (!cert.names_ok)
            return err_set(err, OUT_REFUSED, "it does not cover %.253s", order->names[i]);
    }
    return err_set(err, OUT_REFUSED, "it does not cover each of the names asked for");
}

/* A chain without any issuer is one that was cut short. */
static enum outcome issued_whole(const struct acme_ports *ports, const char *pem, struct err *err)
{
    const struct model_combo combo = {.usage = 2, .selector = 1, .matching = 1};
    struct port_tlsa *rec = malloc(sizeof *rec);
    if (rec == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = ports->certs->tlsa(ports->certs_self, pem, combo, 1, rec, err);
    free(rec);
    if (res == OUT_REFUSED)
        return err_set(err, OUT_REFUSED, "the certificate of its issuer is missing");
    return res;
}

enum outcome issued_check(const struct acme_ports *ports, const struct port_order *order,
                          const char *pem, size_t len, struct err *err)
{
    struct port_cert cert;
    struct port_time now;
    if (len >= PORT_PEM_MAX)
        return err_set(err, OUT_REFUSED, "%zu octets, at most %d", len, PORT_PEM_MAX - 1);
    if (memchr(pem, '\0', len) != NULL)
        return err_set(err, OUT_REFUSED, "a NUL within the PEM text");
    enum outcome res = ports->certs->inspect(ports->certs_self, pem, order->spki, order->names,
                                             order->n_names, &cert, err);
    if (res != OUT_OK)
        return res;
    if (!cert.names_ok)
        return issued_names(ports, order, pem, err);
    if (memcmp(cert.spki, order->spki, sizeof cert.spki) != 0)
        return err_set(err, OUT_REFUSED, "it is for another key");
    res = issued_whole(ports, pem, err);
    if (res == OUT_OK)
        res = ports->clock->now(ports->clock_self, &now, err);
    return res == OUT_OK ? issued_times(&cert, now.wall, err) : res;
}
