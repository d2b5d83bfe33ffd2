/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/guard.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

void guard_read(const struct conf *conf, struct conf_net nets[CONF_NETS_MAX],
                struct guard_policy *out)
{
    static const enum guard_act acts[] = {[CONF_GUARD_OFF] = GUARD_ACCEPT,
                                          [CONF_GUARD_LOG] = GUARD_LOG,
                                          [CONF_GUARD_TEMPFAIL] = GUARD_TEMPFAIL,
                                          [CONF_GUARD_REJECT] = GUARD_REJECT};
    memcpy(nets, conf->policy.exempt_nets, conf->policy.n_exempt_nets * sizeof *nets);
    *out = (struct guard_policy){.plaintext = acts[conf->policy.plaintext],
                                 .downgrade = acts[conf->policy.downgrade],
                                 .memory = conf->policy.memory,
                                 .minimum = (uint64_t)conf->policy.minimum,
                                 .exempt = nets,
                                 .n_exempt = conf->policy.n_exempt_nets};
}

static const struct conf_net always[] = {
    {{[10] = 0xff, [11] = 0xff, [12] = 127}, 104}, /* 127.0.0.0/8 */
    {{[15] = 1}, 128},
};

static bool within(const uint8_t address[16], const struct conf_net *nets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned whole = nets[i].bits / 8u, rest = nets[i].bits % 8u;
        unsigned mask = (0xff00u >> rest) & 0xffu;
        if (memcmp(address, nets[i].ip, whole) == 0 &&
            (rest == 0 || ((address[whole] ^ nets[i].ip[whole]) & mask) == 0))
            return true;
    }
    return false;
}

bool guard_exempts(const struct guard_policy *policy, const uint8_t address[16])
{
    return within(address, always, sizeof always / sizeof always[0]) ||
           within(address, policy->exempt, policy->n_exempt);
}

/* Completed sessions by TLS, if that is all there were within the memory. */
static uint64_t habit(const struct guard_policy *policy, const struct ledger_entry *past,
                      model_time wall)
{
    uint64_t n = 0;
    if (past == NULL || past->last < wall - policy->memory)
        return 0;
    if (past->last_plain != 0 && past->last_plain >= wall - policy->memory)
        return 0;
    for (int t = SESSION_PLAIN + 1; t < SESSION_TLS_N; t++)
        n += past->mail[t];
    return n >= policy->minimum ? n : 0;
}

static void say(const uint8_t address[16], const char *helo, uint64_t n, struct guard_verdict *out)
{
    static const char *const done[] = {"", "accepted", "told to come again (4.7.0)",
                                       "refused (5.7.0)"};
    char ip[TEXT_IP_MAX];
    text_ip(address, ip);
    if (out->downgrade)
        (void)text_format(out->line, sizeof out->line,
                          "guard: %s (helo %.80s) comes without TLS after %" PRIu64
                          " sessions with it: %s",
                          ip, helo != NULL ? helo : "none", n, done[out->act]);
    else
        (void)text_format(out->line, sizeof out->line,
                          "guard: %s (helo %.80s) comes without TLS: %s", ip,
                          helo != NULL ? helo : "none", done[out->act]);
    if (out->act < GUARD_TEMPFAIL)
        return;
    (void)text_format(out->reply, sizeof out->reply, "%s (danemilter guard: %s)",
                      out->downgrade ? "TLS was always used from your network and is missing now"
                                     : "TLS is required here: use STARTTLS",
                      out->downgrade ? "downgrade" : "plaintext");
}

void guard_judge(const struct guard_policy *policy, const uint8_t address[16], const char *helo,
                 enum session_tls tls, const struct ledger_entry *past, model_time wall,
                 struct guard_verdict *out)
{
    memset(out, 0, sizeof *out);
    if (tls != SESSION_PLAIN || guard_exempts(policy, address))
        return;
    uint64_t n = policy->downgrade != GUARD_ACCEPT ? habit(policy, past, wall) : 0;
    out->act = policy->plaintext;
    if (n > 0 && policy->downgrade >= policy->plaintext) {
        out->act = policy->downgrade;
        out->downgrade = true;
    }
    if (out->act != GUARD_ACCEPT)
        say(address, helo, n, out);
}
