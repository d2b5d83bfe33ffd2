/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Wall and steady clock may drift apart this far before row 18 speaks. */
#define UNIT_CLOCK_JUMP (INT64_C(3600) * 1000)

static void unit_vlog(const struct unit *u, enum port_level level, const char *text)
{
    char line[ERR_TEXT_MAX + ENGINE_CERTIFICATE_NAME_MAX + 16];
    (void)snprintf(line, sizeof line, "%s: %s", u->cfg->name, text);
    u->world->log->line(u->world->log_self, level, line);
}

void unit_log(const struct unit *u, enum port_level level, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    unit_vlog(u, level, n < 0 ? fmt : text);
}

/* A first state, or the changes of the configuration since the last run. */
static enum outcome unit_configure(struct unit *u, struct err *err)
{
    struct model_facts *f = &u->st.facts;
    for (int a = 0; a < MODEL_MAX_ALGS; a++)
        f->algs[a].wanted = false;
    for (size_t i = 0; i < u->cfg->n_algs; i++) {
        if (facts_alg(f, (uint8_t)u->cfg->algs[i], true) == MODEL_NONE)
            return err_set(err, OUT_REFUSED,
                           "certificate %s: more than %d key algorithms, old "
                           "ones included: remove one and let it be withdrawn first",
                           u->cfg->name, MODEL_MAX_ALGS);
    }
    for (size_t o = u->cfg->n_owners; o < MODEL_MAX_OWNERS; o++) {
        if (f->owners[o].used)
            return err_set(err, OUT_REFUSED,
                           "certificate %s: TLSA owner %s is gone from the configuration, but not "
                           "from DNS: put it back; or delete its records by hand and give the "
                           "certificate another name to begin anew",
                           u->cfg->name, u->st.owners[o]);
    }
    for (size_t i = 0; i < u->cfg->n_owners; i++) {
        int o = facts_owner(f, (int)i);
        if (o == MODEL_NONE)
            return err_set(err, OUT_REFUSED, "certificate %s: more than %d TLSA owners",
                           u->cfg->name, MODEL_MAX_OWNERS);
        if (u->st.owners[o][0] != '\0' && strcmp(u->st.owners[o], u->cfg->owners[i].owner) != 0)
            return err_set(err, OUT_REFUSED,
                           "certificate %s: its TLSA owner was %s and is %s "
                           "now: give the certificate another name to begin anew",
                           u->cfg->name, u->st.owners[o], u->cfg->owners[i].owner);
        (void)snprintf(u->st.owners[o], sizeof u->st.owners[o], "%s", u->cfg->owners[i].owner);
    }
    return OUT_OK;
}

/* Orders do not outlive their process; the issuer takes them up where they were left. */
static void forget_orders(struct model_facts *f)
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++)
        f->keys[k].ordering = MODEL_NEVER;
}

enum outcome unit_load(struct unit *u, struct err *err)
{
    const struct engine_world *w = u->world;
    enum outcome out = w->store->load(w->store_self, u->cfg->name, &u->st, err);
    if (out == OUT_NOT_YET) {
        facts_init(&u->st.facts);
        u->st.steady = 1;
        out = OUT_OK;
    }
    if (out == OUT_OK)
        out = unit_configure(u, err);
    if (out == OUT_OK)
        out = unit_check_keys(u, err);
    forget_orders(&u->st.facts);
    if (out != OUT_OK)
        return out;
    u->said.verb = PLAN_WAIT;
    u->said.reason = PLAN_R_IDLE;
    return unit_clock(u, err);
}

void unit_clear(struct unit *u)
{
    unit_end_jobs(u);
    for (int i = 0; i < MODEL_MAX_RECS; i++) {
        free(u->st.recs[i]);
        u->st.recs[i] = NULL;
    }
    for (int i = 0; i < MODEL_MAX_CHAINS; i++) {
        free(u->st.bundles[i]);
        u->st.bundles[i] = NULL;
    }
}

/* Row 18. A jump is believed once signatures have been found valid under the new time, see
 * unit_dns.c. */
static void unit_check_wall(struct unit *u, const struct port_time *t, bool same_boot)
{
    if (u->st.wall == 0)
        return;
    model_time passed = same_boot ? t->boot - u->st.boot : 0;
    model_time drift = (t->wall - u->st.wall) - passed;
    bool back = drift < -UNIT_CLOCK_JUMP;
    bool ahead = same_boot && drift > UNIT_CLOCK_JUMP;
    if (!back && !ahead)
        return;
    facts_freeze(&u->st.facts, MODEL_F_CLOCK);
    unit_log(u, PORT_LOG_ERROR,
             "the clock was set %s by %" PRId64 " s: no key is switched until the name servers' "
             "signatures are found valid at the new time; set the clock right (ntp)",
             back ? "back" : "ahead", (back ? -drift : drift) / 1000);
}

/* After a boot no process from before it is left. A state without a boot id was put back from a
 * backup, perhaps while Postfix ran: whatever runs now may be old. */
static void stamp_old_processes(struct unit *u, const struct port_time *t)
{
    static const uint8_t none[sizeof t->boot_id];
    bool unknown = memcmp(u->st.boot_id, none, sizeof none) == 0;
    for (int c = 0; c < MODEL_MAX_CHAINS; c++)
        u->st.switch_boot[c] = unknown ? t->boot : 0;
}

enum outcome unit_clock(struct unit *u, struct err *err)
{
    struct port_time t;
    enum outcome out = u->world->clock->now(u->world->clock_self, &t, err);
    if (out != OUT_OK)
        return out;
    bool first = u->st.boot == 0;
    bool same_boot =
        !first && memcmp(t.boot_id, u->st.boot_id, sizeof t.boot_id) == 0 && t.boot >= u->st.boot;
    if (!first)
        unit_check_wall(u, &t, same_boot);
    if (same_boot) {
        u->st.steady += t.boot - u->st.boot;
    } else if (!first) {
        facts_new_epoch(&u->st.facts);
        u->st.steady++;
        stamp_old_processes(u, &t);
    }
    u->st.boot = t.boot;
    u->st.wall = t.wall;
    memcpy(u->st.boot_id, t.boot_id, sizeof u->st.boot_id);
    u->now.steady = u->st.steady;
    u->now.wall = t.wall;
    u->now.epoch = u->st.facts.epoch;
    return OUT_OK;
}

void unit_begin(struct unit *u)
{
    u->undo = u->st.facts;
}

enum outcome unit_record(struct unit *u, bool intent, const char *what, struct err *err,
                         const char *fmt, ...)
{
    char text[ERR_TEXT_MAX] = "";
    if (fmt != NULL) {
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        if (n < 0)
            text[0] = '\0';
    }
    struct port_event event = {.what = what, .text = text};
    facts_thaw(&u->st.facts, MODEL_F_DISK);
    const struct engine_world *w = u->world;
    enum outcome out =
        w->store->save(w->store_self, u->cfg->name, &u->st, &event, fmt != NULL ? 1 : 0, err);
    if (out != OUT_OK) {
        if (intent)
            u->st.facts = u->undo;
        facts_freeze(&u->st.facts, MODEL_F_DISK);
        err_prepend(err, "state not saved, nothing is switched or withdrawn until it can be");
        return out;
    }
    if (fmt != NULL)
        unit_vlog(u, PORT_LOG_INFO, text);
    return OUT_OK;
}

void unit_suspect(struct unit *u, const char *certificate, const char *why)
{
    struct err err = ERR_INIT;
    if (!u->st.facts.adopted || (certificate != NULL && strcmp(certificate, u->cfg->name) != 0))
        return;
    u->prove = true;
    u->wake = MODEL_NEVER;
    enum outcome out = unit_clock(u, &err);
    if (out == OUT_OK)
        out = unit_record(u, false, "suspected", &err,
                          "a suspicion, so the chain is proven again: %s", why);
    if (out != OUT_OK) /* it is proven all the same */
        unit_log(u, PORT_LOG_ERROR, "%s", err.text);
}
