/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "dns/answer.h"
#include "dns/exchange.h"
#include "dns/hosts.h"
#include "dns/sweep.h"
#include "dns/wire.h"

struct observe {
    struct sweep *sweep;
};

enum outcome observe_open(const struct observe_config *config, struct observe **out,
                          struct err *err)
{
    *out = NULL;
    struct observe *observe = calloc(1, sizeof *observe);
    if (observe == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = sweep_open(config, &observe->sweep, err);
    if (res != OUT_OK)
        observe_close(&observe);
    *out = observe;
    return res;
}

void observe_close(struct observe **observe)
{
    if (*observe == NULL)
        return;
    sweep_close(&(*observe)->sweep);
    free(*observe);
    *observe = NULL;
}

struct resolve *observe_resolve(struct observe *observe)
{
    return sweep_resolve(observe->sweep);
}

static enum outcome observe_round(void *self, const char *owner, const uint8_t (*remembered)[16],
                                  size_t n_remembered, struct port_round *out, struct err *err)
{
    const struct observe *observe = self;
    const struct sweep_question question = {.owner = owner,
                                            .type = &rrtype_tlsa,
                                            .remembered = remembered,
                                            .n_remembered = n_remembered};
    struct rdataset *records = calloc(PORT_ADDRS_MAX, sizeof *records);
    memset(out, 0, sizeof *out);
    if (records == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = sweep_run(observe->sweep, &question, out, records, err);
    for (size_t i = 0; i < out->n && res == OUT_OK; i++)
        res = answer_tlsa(&records[i], &out->answers[i], err);
    for (size_t i = 0; i < PORT_ADDRS_MAX; i++)
        rdataset_clear(&records[i]);
    free(records);
    return res;
}

static void observe_free_round(void *self, struct port_round *round)
{
    (void)self;
    for (size_t i = 0; i < PORT_ADDRS_MAX; i++) {
        free(round->answers[i].rrset);
        round->answers[i].rrset = NULL;
    }
    round->n = 0;
}

static enum outcome observe_addresses(void *self, const char *host, struct port_address *out,
                                      size_t *n, struct err *err)
{
    struct observe *observe = self;
    return hosts_addresses(sweep_resolve(observe->sweep), host, out, n, err);
}

static enum outcome observe_wildcard(void *self, const char *host, bool *out, struct err *err)
{
    const struct observe *observe = self;
    struct resolve *resolve = sweep_resolve(observe->sweep);
    resolve_set_end(resolve, exchange_now() + sweep_ms(observe->sweep));
    enum outcome res = hosts_wildcard(resolve, host, out, err);
    resolve_set_end(resolve, 0);
    return res;
}

const struct port_observe_ops observe_ops = {
    .wildcard = observe_wildcard,
    .round = observe_round,
    .free_round = observe_free_round,
    .addresses = observe_addresses,
};

/* ---- for people ---------------------------------------------------------------------- */

void observe_text_server(const struct port_answer *answer, char out[OBSERVE_SERVER_TEXT])
{
    char ip[TEXT_IP_MAX];
    size_t len = strlen(answer->server);
    text_ip(answer->ip, ip);
    if (len > 1 && answer->server[len - 1] == '.')
        len--;
    int n = len == 0
                ? snprintf(out, OBSERVE_SERVER_TEXT, "%s", ip)
                : snprintf(out, OBSERVE_SERVER_TEXT, "%.*s (%s)", (int)len, answer->server, ip);
    if (n < 0)
        out[0] = '\0';
}

const char *observe_kind_name(enum model_answer_kind kind)
{
    switch (kind) {
    case MODEL_ANS_RRSET:
        return "RRSET";
    case MODEL_ANS_NODATA:
        return "NODATA";
    case MODEL_ANS_CONTRADICTION:
        return "CONTRADICTION";
    case MODEL_ANS_SILENT:
        return "SILENT";
    case MODEL_ANS_NOROUTE:
        return "NOROUTE";
    }
    return "?";
}

const char *observe_state_name(enum port_zone_state state)
{
    switch (state) {
    case PORT_ZONE_SECURE:
        return "SECURE";
    case PORT_ZONE_INSECURE:
        return "INSECURE";
    case PORT_ZONE_BOGUS:
        return "BOGUS";
    case PORT_ZONE_UNKNOWN:
        return "UNKNOWN";
    }
    return "?";
}
