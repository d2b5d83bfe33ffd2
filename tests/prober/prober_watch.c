/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "prober.h"

static enum outcome look(struct prober_watch *watch, struct prober_dns *dns,
                         struct port_rrset *rrset, struct err *err)
{
    struct prober *prober = watch->prober;
    struct prober_answer answer;
    int64_t asked = prober_clock();
    enum outcome rc = prober_dns_tlsa(dns, prober->options->tlsa, rrset, &answer, err);
    if (rc != OUT_OK)
        return rc;
    if (answer.kind == PROBER_DNS_FAILED) {
        memcpy(watch->trouble, answer.why, sizeof watch->trouble);
    } else {
        rc = prober_held_note(prober->held, watch->server, rrset, asked, err);
        (void)atomic_fetch_add(&watch->answered, 1);
    }
    (void)atomic_fetch_add(&watch->asked, 1);
    return rc;
}

void *prober_watch_run(void *arg)
{
    struct prober_watch *watch = arg;
    struct prober *prober = watch->prober;
    const struct prober_options *options = prober->options;
    struct err err = ERR_INIT;
    struct prober_dns *dns = NULL;
    struct port_rrset *rrset = calloc(1, sizeof *rrset);
    enum outcome rc = rrset == NULL ? err_errno(&err, "an RRset") : OUT_OK;
    if (rc == OUT_OK)
        rc = prober_dns_new(&options->auth[watch->server], false, options->timeout_ms / 3, &dns,
                            &err);
    while (rc == OUT_OK && !atomic_load(&prober->stop_watch)) {
        int64_t from = prober_clock();
        rc = look(watch, dns, rrset, &err);
        prober_sleep(from + (int64_t)options->watch_ms * 1000000 - prober_clock());
    }
    if (rc != OUT_OK)
        prober_break(prober, "a watcher", &err);
    prober_dns_free(&dns);
    free(rrset);
    return NULL;
}
