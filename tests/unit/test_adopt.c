/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl adopt's planner: what it refuses, warns of and does, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "milter/danectl_adopt.h"

#define ROOM(field) (sizeof(field))
#define PUT(field, text) (void)snprintf(field, ROOM(field), "%s", text)

#include <stdio.h>

struct world {
    struct adopt_facts f;
    struct adopt_wishes w;
    struct adopt_plan p;
};

/* A Postfix that could be adopted at once. */
static void base(struct world *x)
{
    memset(x, 0, sizeof *x);
    x->w.config_dir = "/etc/postfix";
    x->w.conf_path = "/etc/danemilter/danemilter.conf";
    PUT(x->f.config_dir, "/etc/postfix");
    PUT(x->f.chain_file, ADOPT_CHAIN_PATH);
    PUT(x->f.milter_socket, "danemilter/milter");
    PUT(x->f.values[ADOPT_CERT], "/etc/ssl/cert.pem");
    PUT(x->f.values[ADOPT_KEY], "/etc/ssl/key.pem");
    PUT(x->f.values[ADOPT_LEVEL], "may");
    PUT(x->f.domain, "example.org");
    x->f.running = x->f.program = true;
    PUT(x->f.values[ADOPT_DAEMON_DIR], "/usr/lib/postfix/sbin");
    x->f.now = 1000;
    x->f.n_parts = 1;
    x->f.keys[0].alg = PORT_ALG_P256;
    x->f.keys[0].not_after = 2000;
    PUT(x->f.keys[0].record, "3 1 1 ab");
    x->f.names.n = 1;
    PUT(x->f.names.names[0], "mx.example.org");
    x->f.n_hosts = 1;
    x->f.hosts[0].zone_known = true;
    PUT(x->f.hosts[0].name, "mx.example.org");
    PUT(x->f.hosts[0].zone, "example.org.");
    x->f.hosts[0].n_targets = 1;
    PUT(x->f.hosts[0].targets[0].address, "192.0.2.1:25");
}

static void as_it_is(struct world *x)
{
    (void)x;
}
static void unsigned_zone(struct world *x)
{
    x->f.hosts[0].state = PORT_ZONE_INSECURE;
}
static void bogus_zone(struct world *x)
{
    x->f.hosts[0].state = PORT_ZONE_BOGUS;
}
static void wildcard(struct world *x)
{
    x->f.hosts[0].wildcard = true;
}
static void uncovered(struct world *x)
{
    x->f.hosts[0].uncovered = true;
}
static void other_shown(struct world *x)
{
    x->f.hosts[0].targets[0].reach = ADOPT_OTHER;
}
static void no_tls(struct world *x)
{
    x->f.hosts[0].targets[0].reach = ADOPT_NO_TLS;
}
static void unreached(struct world *x)
{
    x->f.hosts[0].targets[0].reach = ADOPT_UNREACHED;
}
static void unreached_local(struct world *x)
{
    unreached(x);
    x->f.hosts[0].targets[0].local = true;
}
static void one_of_two(struct world *x)
{
    unreached(x);
    x->f.hosts[0].n_targets = 2;
}
static void hairpin(struct world *x)
{
    unreached(x);
    x->f.hosts[0].via_loopback = true;
}
static void no_address(struct world *x)
{
    x->f.hosts[0].n_targets = 0;
}
static void domain_unsigned(struct world *x)
{
    x->f.domain_state = PORT_ZONE_INSECURE;
}
static void sts(struct world *x)
{
    x->f.sts = true;
}
static void sts_selfsigned(struct world *x)
{
    x->f.sts = x->f.keys[0].self_signed = true;
}
static void sts_to_acme(struct world *x)
{
    sts_selfsigned(x);
    x->w.ca = "https://ca.example/dir";
}
static void override(struct world *x, const char *name, const char *value)
{
    x->f.n_overrides = 1;
    PUT(x->f.overrides[0].service, "smtps/inet");
    PUT(x->f.overrides[0].name, name);
    PUT(x->f.overrides[0].value, value);
}
static void override_other(struct world *x)
{
    override(x, "smtpd_tls_cert_file", "/etc/ssl/other.pem");
}
static void override_same(struct world *x)
{
    override(x, "smtpd_tls_cert_file", "/etc/ssl/cert.pem");
}
static void override_chain(struct world *x)
{
    PUT(x->f.values[ADOPT_CHAIN_FILES], "/etc/ssl/a.pem");
    PUT(x->f.values[ADOPT_TLSPROXY], "/etc/ssl/a.pem");
    override(x, "smtpd_tls_chain_files", "/etc/ssl/a.pem");
}
static void override_milters(struct world *x)
{
    override(x, "smtpd_milters", "inet:127.0.0.1:1");
}
static void chain_other(struct world *x)
{
    x->f.chain_there = true;
}
static void certbot(struct world *x)
{
    x->f.certbot = true;
}
static void stopped(struct world *x)
{
    x->f.running = false;
}
static void no_program(struct world *x)
{
    x->f.program = false;
}
static void untaken(struct world *x)
{
    x->f.n_parts = 0;
    PUT(x->f.trouble, "the key may be read by all");
}
static void stray_record(struct world *x)
{
    x->f.hosts[0].n_records = 1;
    PUT(x->f.hosts[0].records[0].text, "3 1 1 cd");
}
static void own_record(struct world *x)
{
    stray_record(x);
    PUT(x->f.hosts[0].records[0].text, "3 1 1 ab");
    x->f.hosts[0].records[0].matches = true;
}
static void broken_conf(struct world *x)
{
    x->f.conf_there = x->f.conf_hosts = x->f.conf_keys = true;
    PUT(x->f.conf_trouble, "line 3");
}
static void own_conf(struct world *x)
{
    broken_conf(x);
    x->f.conf_ours = true;
}
static void other_mx(struct world *x)
{
    x->f.n_hosts = 2;
    PUT(x->f.hosts[1].name, "mx2.example.org");
    x->f.hosts[1].other_mx = true;
}
static void ran_out(struct world *x)
{
    x->f.keys[0].not_after = 1000;
}
static void two_alike(struct world *x)
{
    x->f.n_parts = 2;
    x->f.keys[1] = x->f.keys[0];
}

static const struct {
    const char *what;
    void (*change)(struct world *x);
    enum adopt_level worst;
    const char *says; /* in a finding of that level */
} cases[] = {
    {"as it is", as_it_is, ADOPT_SAID, "shows the present certificate"},
    {"unsigned zone", unsigned_zone, ADOPT_REFUSES, "sign the zone"},
    {"bogus zone", bogus_zone, ADOPT_REFUSES, "sign the zone"},
    {"wildcard", wildcard, ADOPT_REFUSES, "RFC 4592"},
    {"uncovered", uncovered, ADOPT_REFUSES, "has not this name"},
    {"other shown", other_shown, ADOPT_REFUSES, "does not show"},
    {"no TLS", no_tls, ADOPT_REFUSES, "gives no TLS"},
    {"nothing reached", unreached, ADOPT_REFUSES, "no address of it could be asked"},
    {"nothing reached, local", unreached_local, ADOPT_REFUSES, "no address of it could be asked"},
    {"one of two reached", one_of_two, ADOPT_WARNS, "NAT without hairpin"},
    {"hairpin", hairpin, ADOPT_WARNS, "probe_via"},
    {"no address", no_address, ADOPT_REFUSES, "has no addresses"},
    {"domain unsigned", domain_unsigned, ADOPT_WARNS, "RFC 7672"},
    {"MTA-STS", sts, ADOPT_WARNS, "MTA-STS"},
    {"MTA-STS, self-signed", sts_selfsigned, ADOPT_REFUSES, "MTA-STS"},
    {"MTA-STS, then a CA", sts_to_acme, ADOPT_WARNS, "MTA-STS"},
    {"override with another", override_other, ADOPT_REFUSES, "postconf -PX smtps/inet/"},
    {"override with the same", override_same, ADOPT_SAID, "counts no longer"},
    {"override of the chain", override_chain, ADOPT_SAID, ""},
    {"override of milters", override_milters, ADOPT_WARNS, "not watched"},
    {"another chain file there", chain_other, ADOPT_REFUSES, "move it away"},
    {"certbot", certbot, ADOPT_WARNS, "certbot"},
    {"Postfix stopped", stopped, ADOPT_REFUSES, "does not run"},
    {"program missing", no_program, ADOPT_WARNS, "/usr/lib/postfix/sbin/danemilter is not there"},
    {"certificate not taken", untaken, ADOPT_REFUSES, "may be read by all"},
    {"stray record", stray_record, ADOPT_WARNS, "put off their mail now"},
    {"our record", own_record, ADOPT_SAID, "matches what is served"},
    {"broken configuration", broken_conf, ADOPT_REFUSES, "mend it"},
    {"our own configuration", own_conf, ADOPT_WARNS, "complete it"},
    {"another MX", other_mx, ADOPT_WARNS, "--host"},
    {"ran out", ran_out, ADOPT_WARNS, "run out"},
    {"two of one algorithm", two_alike, ADOPT_REFUSES, "serves the last one"},
};

static bool said(const struct adopt_plan *p, enum adopt_level level, const char *text)
{
    for (size_t i = 0; i < p->n_findings; i++) {
        if (p->findings[i].level == level && strstr(p->findings[i].text, text) != NULL)
            return true;
    }
    return false;
}

static void plan(struct world *x, void (*change)(struct world *x))
{
    base(x);
    change(x);
    adopt_plan_make(&x->f, &x->w, &x->p);
}

static void findings(void **state)
{
    struct world *x = malloc(sizeof *x);
    (void)state;
    assert_non_null(x);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        plan(x, cases[i].change);
        if (x->p.worst != cases[i].worst || !said(&x->p, cases[i].worst, cases[i].says))
            fail_msg("%s: level %d, first \"%s\"", cases[i].what, (int)x->p.worst,
                     x->p.findings[0].text);
    }
    free(x);
}

static const struct adopt_step *find(const struct adopt_plan *p, enum adopt_do what,
                                     const char *name)
{
    for (size_t i = 0; i < p->n_steps; i++) {
        if (p->steps[i].what == what && strcmp(p->steps[i].name, name) == 0)
            return &p->steps[i];
    }
    return NULL;
}

static void steps(void **state)
{
    struct world *x = malloc(sizeof *x);
    char text[4096];
    (void)state;
    assert_non_null(x);
    plan(x, as_it_is);
    assert_int_equal(x->p.steps[x->p.n_steps - 1].what, ADOPT_DO_RELOAD);
    assert_int_equal(x->p.steps[1].what, ADOPT_DO_CHAIN); /* before main.cf names it */
    assert_non_null(find(&x->p, ADOPT_DO_PARAM, "smtpd_tls_chain_files"));
    assert_null(find(&x->p, ADOPT_DO_PARAM, "smtpd_tls_security_level"));
    assert_non_null(find(&x->p, ADOPT_DO_SERVICE, "danemilter/unix"));
    adopt_step_text(&x->f, find(&x->p, ADOPT_DO_PARAM, "smtpd_milters"), text, sizeof text);
    assert_string_equal(text, "postconf -c /etc/postfix -e 'smtpd_milters = { "
                              "unix:danemilter/milter, default_action=accept }'");

    plan(x, override_chain);
    assert_non_null(find(&x->p, ADOPT_DO_DROP, "smtps/inet"));

    base(x); /* other milters stay in front; what is there is not done again */
    PUT(x->f.milters, "inet:$host:1");
    PUT(x->f.values[ADOPT_MILTERS], "inet:localhost:1");
    PUT(x->f.values[ADOPT_CHAIN_FILES], ADOPT_CHAIN_PATH);
    PUT(x->f.values[ADOPT_TLSPROXY], ADOPT_CHAIN_PATH);
    x->f.chain_there = x->f.chain_same = x->f.service = true;
    adopt_plan_make(&x->f, &x->w, &x->p);
    assert_null(find(&x->p, ADOPT_DO_PARAM, "smtpd_tls_chain_files"));
    assert_null(find(&x->p, ADOPT_DO_CHAIN, ADOPT_CHAIN_PATH));
    assert_null(find(&x->p, ADOPT_DO_SERVICE, "danemilter/unix"));
    assert_string_equal(find(&x->p, ADOPT_DO_PARAM, "smtpd_milters")->value,
                        "inet:$host:1, { unix:danemilter/milter, default_action=accept }");

    base(x);
    PUT(x->f.values[ADOPT_LEVEL], "");
    PUT(x->f.values[ADOPT_ENFORCE_TLS], "yes");
    adopt_plan_make(&x->f, &x->w, &x->p);
    assert_string_equal(find(&x->p, ADOPT_DO_PARAM, "smtpd_tls_security_level")->value, "encrypt");
    free(x);
}

static void configuration(void **state)
{
    static const struct {
        const char *ca, *issuer, *dns;
        bool self_signed, placeholders;
        const char *has;
    } rows[] = {
        {NULL, NULL, NULL, false, true, "# directory ="},
        {"https://ca.example/dir", NULL, NULL, true, true,
         "directory = \"https://ca.example/dir\""},
        {NULL, "selfsigned", NULL, false, true, "# key_file"},
        {NULL, NULL, "rfc2136:2001:db8::1:example.org:/k", true, false, "server = \"2001:db8::1\""},
        {NULL, NULL, "powerdns:http://[::1]:8081:example.org:/k", true, false,
         "url = \"http://[::1]:8081\""},
        {NULL, "acme", "rfc2136:192.0.2.1:example.org:/k", true, true, "ca = ca"},
    };
    struct world *x = malloc(sizeof *x);
    (void)state;
    assert_non_null(x);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        base(x);
        x->w.ca = rows[i].ca;
        x->w.issuer = rows[i].issuer;
        x->w.dns = rows[i].dns;
        x->f.keys[0].self_signed = rows[i].self_signed;
        adopt_plan_make(&x->f, &x->w, &x->p);
        const struct adopt_step *conf = find(&x->p, ADOPT_DO_CONF, x->w.conf_path);
        if (conf == NULL)
            fail_msg("no configuration is written for row %zu", i);
        else
            assert_non_null(strstr(conf->value, rows[i].has));
        assert_int_equal(x->p.placeholders, rows[i].placeholders);
    }
    assert_string_equal(x->p.records[0], "_25._tcp.mx.example.org. IN TLSA 3 1 1 ab");
    free(x);
}

static void dns_spec(void **state)
{
    static const char *const wrong[] = {"",
                                        "rfc2136",
                                        "rfc2136:a",
                                        "rfc2136:a:b",
                                        "other:a:b:c",
                                        "rfc2136::b:c",
                                        "rfc2136:a:b:",
                                        "rfc2136:a::c"};
    char part[4][256];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(adopt_dns_split(wrong[i], part));
    assert_true(adopt_dns_split("rfc2136:192.0.2.1:example.org:/etc/k", part));
    assert_string_equal(part[1], "192.0.2.1");
    assert_string_equal(part[2], "example.org");
    assert_string_equal(part[3], "/etc/k");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings),
        cmocka_unit_test(steps),
        cmocka_unit_test(configuration),
        cmocka_unit_test(dns_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
