/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guard - the downgrade guard: what a client is told that comes without TLS
 *
 * Pure. A client is judged at MAIL, when it is known whether TLS came before. Defaults refuse
 * nothing. What is refused is refused with 4.7.0 (tempfail) or 5.7.0 (reject) and a text with the
 * word "danemilter" and a reason that an operator can search for. When both plaintext and downgrade
 * speak, the stricter counts. Loopback, exempt networks and our own probes are always accepted.
 */
#ifndef DANEMILTER_MILTER_GUARD_H
#define DANEMILTER_MILTER_GUARD_H

#include "conf/conf.h"
#include "milter/ledger.h"

#define GUARD_TEXT_MAX 256

enum guard_act { GUARD_ACCEPT, GUARD_LOG, GUARD_TEMPFAIL, GUARD_REJECT };

struct guard_policy {
    enum guard_act plaintext; /* ACCEPT: no opinion */
    enum guard_act downgrade; /* never REJECT */
    model_time memory;        /* ms */
    uint64_t minimum;         /* completed sessions by TLS that make a habit */
    const struct conf_net *exempt;
    size_t n_exempt;
};

struct guard_verdict {
    enum guard_act act;
    bool downgrade;             /* because of a habit, not of plaintext alone */
    char reply[GUARD_TEXT_MAX]; /* the text after the codes, for TEMPFAIL and REJECT */
    char line[GUARD_TEXT_MAX];  /* for the mail log; "" when there is nothing to say */
};

/* What a section policy says; `nets`, which `out` points to, is filled from it. Nothing of `conf`
 * is kept: sessions are judged until the process ends. */
void guard_read(const struct conf *conf, struct conf_net nets[CONF_NETS_MAX],
                struct guard_policy *out);

/* Loopback, and the networks that are exempt. */
bool guard_exempts(const struct guard_policy *policy, const uint8_t address[16]);

/* `past`: what the ledger knows, NULL: nothing. `tls`: this session's. `address`: as in ledger.h.
 */
void guard_judge(const struct guard_policy *policy, const uint8_t address[16], const char *helo,
                 enum session_tls tls, const struct ledger_entry *past, model_time wall,
                 struct guard_verdict *out);

#endif
