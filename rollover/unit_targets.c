/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the proof asks. */
#include "say.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static const uint8_t everywhere[16];

/* Two owners may be ports of one host. */
static bool same_target(const struct unit *u, const struct unit_target *a,
                        const struct unit_target *b)
{
    return a->port == b->port && a->sni == b->sni && memcmp(a->ip, b->ip, sizeof a->ip) == 0 &&
           strcmp(u->cfg->owners[a->owner].host, u->cfg->owners[b->owner].host) == 0;
}

/* Does it hang on an owner's target? */
static bool hangs(const struct unit_target *t)
{
    return t->extra || t->sni != MODEL_NONE;
}

static bool has_room(const struct unit *u, bool hanger)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n_targets; i++)
        n += hangs(&u->targets[i]) == hanger ? 1 : 0;
    return n < (hanger ? UNIT_EXTRA_MAX : UNIT_TARGETS_MAX) &&
           u->n_targets < UNIT_TARGETS_MAX + UNIT_EXTRA_MAX;
}

/* True when it is in the list. An owner's target is never taken over by a service's. */
static bool add(struct unit *u, const struct unit_target *wanted)
{
    for (size_t i = 0; i < u->n_targets; i++) {
        struct unit_target *t = &u->targets[i];
        if (!same_target(u, t, wanted))
            continue;
        if (wanted->until > t->until)
            t->until = wanted->until;
        if (!wanted->extra)
            t->extra = t->anywhere = false;
        if (wanted->extra == t->extra)
            t->wrapped = wanted->wrapped;
        return true;
    }
    if (!has_room(u, hangs(wanted)))
        return false;
    u->targets[u->n_targets++] = *wanted;
    return true;
}

/* Does Postfix have TLS at once there? */
static bool wrapped_at(const struct unit *u, uint16_t port)
{
    for (size_t i = 0; i < u->n_services; i++) {
        if (u->services[i].ours && u->services[i].port == port)
            return u->services[i].wrapped;
    }
    return false;
}

static void drop_old(struct unit *u)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n_targets; i++) {
        if (u->targets[i].until >= u->now.steady)
            u->targets[n++] = u->targets[i];
    }
    u->n_targets = n;
}

/* The owners' own: every address of the host at the owner's port. */
static enum outcome add_owners(struct unit *u, struct err *err)
{
    const struct engine_world *w = u->world;
    for (size_t o = 0; o < u->cfg->n_owners; o++) {
        struct port_address addrs[MODEL_MAX_ADDRS];
        size_t n = MODEL_MAX_ADDRS;
        enum outcome out =
            w->observe->addresses(w->observe_self, u->cfg->owners[o].host, addrs, &n, err);
        if (out != OUT_OK)
            return out;
        for (size_t i = 0; i < n; i++) {
            struct unit_target t = {.owner = (uint8_t)o,
                                    .port = u->cfg->owners[o].port,
                                    .sni = MODEL_NONE,
                                    .until = u->now.steady + (model_time)addrs[i].ttl * 1000};
            memcpy(t.ip, addrs[i].ip, sizeof t.ip);
            t.wrapped = wrapped_at(u, t.port);
            if (!add(u, &t))
                return err_set(err, OUT_REFUSED,
                               "more than %d addresses to prove for one certificate",
                               UNIT_TARGETS_MAX);
        }
    }
    return OUT_OK;
}

/* ---- what hangs on them -----------------------------------------------------------------------
 */

/* The others of Postfix that serve another file, or cannot be asked: said when it changes. */
static void say_others(struct unit *u)
{
    char text[ERR_TEXT_MAX] = "";
    size_t len = 0;
    for (size_t i = 0; i < u->n_services && len < sizeof text; i++) {
        const struct port_service *s = &u->services[i];
        if (s->ours)
            continue;
        int n =
            snprintf(text + len, sizeof text - len, "%s%s is not danemilter's and not proven: %s",
                     len > 0 ? "; " : "", s->name, s->why);
        len += n > 0 ? (size_t)n : 0;
    }
    if (strcmp(text, u->said_services) == 0)
        return;
    memcpy(u->said_services, text, sizeof text);
    if (text[0] != '\0')
        unit_log(u, PORT_LOG_INFO, "%s", text);
    else
        unit_log(u, PORT_LOG_INFO, "every service of Postfix with TLS serves the chain file again");
}

/* When they cannot be had the last ones stay: the owners' ports are proven in any case. */
static void ask_services(struct unit *u)
{
    struct port_service services[PORT_SERVICES_MAX];
    size_t n = PORT_SERVICES_MAX;
    struct err err = ERR_INIT;
    const struct engine_certificate *c = u->cfg;
    if (c->deploy->services == NULL)
        return;
    if (c->deploy->services(c->deploy_self, services, &n, &err) != OUT_OK) {
        err_prepend(&err, "the services of master.cf are not known");
        if (strcmp(u->said_services, err.text) != 0)
            unit_log(u, PORT_LOG_WARNING, "%s", err.text);
        memcpy(u->said_services, err.text, sizeof err.text);
        return;
    }
    memcpy(u->services, services, n * sizeof services[0]);
    u->n_services = n;
    say_others(u);
}

/* A service on every address is asked at those of the hosts; another one at its own. */
static bool add_service(struct unit *u, const struct port_service *s, size_t n_owners_targets)
{
    bool all = memcmp(s->ip, everywhere, sizeof everywhere) == 0;
    bool good = true;
    for (size_t i = 0; i < n_owners_targets; i++) {
        struct unit_target t = {.owner = u->targets[i].owner,
                                .port = s->port,
                                .wrapped = s->wrapped,
                                .sni = MODEL_NONE,
                                .extra = true,
                                .anywhere = all,
                                .until = u->targets[i].until};
        if (hangs(&u->targets[i]))
            continue;
        memcpy(t.ip, all ? u->targets[i].ip : s->ip, sizeof t.ip);
        good = add(u, &t) && good;
        if (!all)
            break;
    }
    return good;
}

static bool add_names(struct unit *u, size_t n_owners_targets)
{
    bool good = true;
    for (size_t i = 0; i < n_owners_targets; i++) {
        for (size_t k = 0; k < u->cfg->n_sni; k++) {
            struct unit_target t = {.owner = u->targets[i].owner,
                                    .port = u->targets[i].port,
                                    .wrapped = u->targets[i].wrapped,
                                    .sni = (int8_t)k,
                                    .until = u->targets[i].until};
            if (hangs(&u->targets[i]))
                continue;
            memcpy(t.ip, u->targets[i].ip, sizeof t.ip);
            good = add(u, &t) && good;
        }
    }
    return good;
}

/* Those that hang on others are found anew each time: what master.cf has no more is not asked. */
static void forget_hangers(struct unit *u)
{
    for (size_t i = 0; i < u->n_targets; i++) {
        if (hangs(&u->targets[i]))
            u->targets[i].until = MODEL_NEVER;
    }
}

/* Owners' targets come first in the list: what hangs on them must not take their room. */
static void owners_first(struct unit *u)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n_targets; i++) {
        struct unit_target t = u->targets[i];
        if (hangs(&t))
            continue;
        memmove(&u->targets[n + 1], &u->targets[n], (i - n) * sizeof t);
        u->targets[n++] = t;
    }
}

enum outcome unit_targets(struct unit *u, struct err *err)
{
    ask_services(u);
    forget_hangers(u);
    enum outcome out = add_owners(u, err);
    if (out != OUT_OK)
        return out;
    owners_first(u);
    size_t n = u->n_targets;
    bool good = add_names(u, n);
    for (size_t i = 0; i < u->n_services; i++) {
        if (u->services[i].ours)
            good = add_service(u, &u->services[i], n) && good;
    }
    drop_old(u); /* those seen just now keep what is known of them */
    if (u->n_targets == 0)
        return err_set(err, OUT_RETRY, "none of the hosts has an address: nothing can be proven");
    if (!good && !u->said_full)
        unit_log(u, PORT_LOG_WARNING,
                 "only %d proofs of further services and names are made for one certificate",
                 UNIT_EXTRA_MAX);
    u->said_full = !good;
    return OUT_OK;
}

void unit_say_services(const struct unit *u, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < u->n_services && len < size; i++) {
        if (!u->services[i].ours)
            continue;
        int n = snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", u->services[i].name);
        len += n > 0 ? (size_t)n : 0;
    }
}

enum outcome unit_reload(struct unit *u, struct err *err)
{
    struct err why = ERR_INIT;
    enum outcome out = u->cfg->deploy->reload(u->cfg->deploy_self, &why);
    if (out != OUT_OK)
        return err_set(err, out, "%s", why.text);
    if (why.text[0] != '\0')
        unit_log(u, PORT_LOG_WARNING, "%s", why.text);
    return OUT_OK;
}
