/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the proof asks: owners' ports in any case, and what hangs on them. */
#include "unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t n_addresses, n_services;
static enum outcome services_say;
static struct port_service services[PORT_SERVICES_MAX];
static unsigned lines;

static enum outcome addresses(void *self, const char *host, struct port_address *out, size_t *n,
                              struct err *err)
{
    (void)self;
    (void)host;
    (void)err;
    for (size_t i = 0; i < n_addresses; i++) {
        memset(&out[i], 0, sizeof out[i]);
        out[i].ip[15] = (uint8_t)(i + 1);
        out[i].ip[0] = 0x20;
        out[i].ttl = 10;
    }
    *n = n_addresses;
    return OUT_OK;
}

static enum outcome tell_services(void *self, struct port_service *out, size_t *n, struct err *err)
{
    (void)self;
    if (services_say != OUT_OK)
        return err_set(err, services_say, "no postconf");
    memcpy(out, services, n_services * sizeof *out);
    *n = n_services;
    return OUT_OK;
}

static void line(void *self, enum port_level level, const char *text)
{
    (void)self;
    (void)level;
    (void)text;
    lines++;
}

static void service(const char *name, uint16_t port, bool wrapped, bool ours, uint8_t last)
{
    struct port_service *s = &services[n_services++];
    memset(s, 0, sizeof *s);
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    s->port = port;
    s->wrapped = wrapped;
    s->ours = ours;
    s->ip[15] = last; /* ::1, or everywhere */
}

static const struct port_observe_ops observe_ops = {.addresses = addresses};
static const struct port_deploy_ops deploy_ops = {.services = tell_services};
static const struct port_log_ops log_ops = {.line = line};
static const char *const names[] = {"other.test"};
static const struct engine_world world = {.observe = &observe_ops, .log = &log_ops};
static struct engine_certificate cfg;
static struct unit unit;

static int begin(void **state)
{
    (void)state;
    n_services = 0;
    n_addresses = 2;
    services_say = OUT_OK;
    lines = 0;
    memset(&cfg, 0, sizeof cfg);
    memset(&unit, 0, sizeof unit);
    cfg.deploy = &deploy_ops;
    cfg.n_owners = 1;
    cfg.owners[0].port = 25;
    (void)snprintf(cfg.owners[0].host, sizeof cfg.owners[0].host, "mx.test.");
    unit.world = &world;
    unit.cfg = &cfg;
    unit.now.steady = 1000;
    return 0;
}

static size_t count(uint16_t port, bool extra, bool wrapped)
{
    size_t n = 0;
    for (size_t i = 0; i < unit.n_targets; i++) {
        const struct unit_target *t = &unit.targets[i];
        n += t->port == port && t->extra == extra && t->wrapped == wrapped ? 1 : 0;
    }
    return n;
}

static void refresh(enum outcome wanted)
{
    struct err err = ERR_INIT;
    enum outcome out = unit_targets(&unit, &err);
    if (out != wanted)
        fail_msg("%s: %s", err_outcome_name(out), err.text);
}

static void services_hang_on_the_hosts(void **state)
{
    (void)state;
    service("smtp/inet", 25, false, true, 0);
    service("465/inet", 465, true, true, 0);
    service("[::1]:26/inet", 26, false, true, 1);
    service("submission/inet", 587, false, false, 0);
    for (int round = 0; round < 2; round++) {
        refresh(OUT_OK);
        assert_int_equal(unit.n_targets, 5);
        assert_int_equal(count(25, false, false), 2); /* the owner's own, not another time */
        assert_int_equal(count(465, true, true), 2);
        assert_int_equal(count(26, true, false), 1);
    }
    assert_int_equal(lines, 1); /* submission: said once */
    unit.targets[3].proven = true;
    n_services = 1; /* taken out of master.cf: not asked any more */
    refresh(OUT_OK);
    assert_int_equal(unit.n_targets, 2);
}

static void owners_are_asked_whatever_is_known(void **state)
{
    (void)state;
    services_say = OUT_RETRY;
    refresh(OUT_OK);
    refresh(OUT_OK);
    assert_int_equal(count(25, false, false), 2);
    assert_int_equal(lines, 1);
    services_say = OUT_OK;
    service("465/inet", 465, true, true, 0);
    refresh(OUT_OK);
    services_say = OUT_RETRY; /* the last ones known */
    refresh(OUT_OK);
    assert_int_equal(count(465, true, true), 2);
    cfg.owners[0].port = 465; /* the operator publishes for it: it is no extra */
    unit.n_targets = 0;
    refresh(OUT_OK);
    assert_int_equal(count(465, false, true), 2);
}

static void further_names_are_asked_at_owners_ports(void **state)
{
    (void)state;
    cfg.sni = names;
    cfg.n_sni = 1;
    service("465/inet", 465, true, true, 0);
    refresh(OUT_OK);
    refresh(OUT_OK);
    assert_int_equal(unit.n_targets, 6);
    assert_int_equal(count(25, false, false), 4);
    assert_int_equal(count(465, true, true), 2);
}

/* However many hang on them, owners' targets have their room, and the list its end. */
static void ceilings_hold(void **state)
{
    (void)state;
    n_addresses = MODEL_MAX_ADDRS;
    cfg.n_owners = 2;
    cfg.owners[1] = cfg.owners[0];
    (void)snprintf(cfg.owners[1].host, sizeof cfg.owners[1].host, "mx2.test.");
    for (uint16_t i = 0; i < PORT_SERVICES_MAX; i++)
        service("some/inet", (uint16_t)(1000 + i), false, true, 0);
    for (int round = 0; round < 2; round++) {
        refresh(OUT_OK);
        assert_int_equal(unit.n_targets, 2 * MODEL_MAX_ADDRS + UNIT_EXTRA_MAX);
        assert_int_equal(count(25, false, false), 2 * MODEL_MAX_ADDRS);
    }
    assert_int_equal(lines, 1);
    cfg.n_owners = 3;
    cfg.owners[2] = cfg.owners[0];
    (void)snprintf(cfg.owners[2].host, sizeof cfg.owners[2].host, "mx3.test.");
    refresh(OUT_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(services_hang_on_the_hosts, begin),
        cmocka_unit_test_setup(owners_are_asked_whatever_is_known, begin),
        cmocka_unit_test_setup(further_names_are_asked_at_owners_ports, begin),
        cmocka_unit_test_setup(ceilings_hold, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
