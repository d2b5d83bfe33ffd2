/* SPDX-License-Identifier: BSD-2-Clause */
/* Which services serve what, from a postconf(1) of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "postfix/services.h"
#include "scratch.h"

#define CHAIN "/etc/postfix/chain.pem"

static struct scratch scratch;
static char postconf[SCRATCH_MAX];
static uint16_t ports[2];
static struct services_ask ask;

static int begin(void **state)
{
    (void)state;
    scratch_begin(&scratch);
    (void)snprintf(postconf, sizeof postconf, "%s", scratch_path(&scratch, "postconf"));
    ports[0] = 25;
    ask = (struct services_ask){.params = {postconf, "/etc/postfix", 20000},
                                .chain_file = CHAIN,
                                .ports = ports,
                                .n_ports = 1,
                                .n_kinds = 1};
    return 0;
}

static int end(void **state)
{
    (void)state;
    scratch_end(&scratch);
    return 0;
}

/* main.cf by "name = value" lines over what a Postfix has without any; overrides; services. */
static void fake(const char *main_cf, const char *overrides, const char *commands)
{
    static const char *const defaults[][2] = {
        {"smtpd_tls_chain_files", ""},
        {"smtpd_tls_cert_file", ""},
        {"smtpd_tls_key_file", "$smtpd_tls_cert_file"},
        {"smtpd_tls_eccert_file", ""},
        {"smtpd_tls_dcert_file", ""},
        {"tlsproxy_tls_chain_files", "$smtpd_tls_chain_files"},
        {"tlsproxy_tls_cert_file", "$smtpd_tls_cert_file"},
        {"tlsproxy_tls_key_file", "$smtpd_tls_cert_file"},
        {"tlsproxy_tls_eccert_file", ""},
        {"tlsproxy_tls_dcert_file", ""},
        {"smtpd_tls_security_level", ""},
        {"smtpd_use_tls", "no"},
        {"smtpd_enforce_tls", "no"},
        {"postscreen_tls_security_level", "$smtpd_tls_security_level"},
        {"postscreen_use_tls", "no"},
        {"postscreen_enforce_tls", "no"},
        {"smtpd_tls_wrappermode", "no"},
        {"inet_interfaces", "all"}};
    char script[8192];
    size_t len = (size_t)snprintf(script, sizeof script,
                                  "#!/bin/sh\nset -f\ncase $3 in\n-Px) cat <<'EOF'\n%sEOF\n;;\n"
                                  "-F) cat <<'EOF'\n%sEOF\n;;\n-x)\n%s",
                                  overrides, commands, "");
    /* The shell expands what names another parameter, as postconf -x does. */
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        len += (size_t)snprintf(script + len, sizeof script - len, "%s=\"%s\"\n", defaults[i][0],
                                defaults[i][1]);
    len += (size_t)snprintf(script + len, sizeof script - len, "%s", main_cf);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (defaults[i][1][0] == '$' && strstr(main_cf, defaults[i][0]) == NULL)
            len += (size_t)snprintf(script + len, sizeof script - len, "%s=\"%s\"\n",
                                    defaults[i][0], defaults[i][1]);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        len += (size_t)snprintf(script + len, sizeof script - len, "echo \"%s = $%s\"\n",
                                defaults[i][0], defaults[i][0]);
    len += (size_t)snprintf(script + len, sizeof script - len, ";;\nesac\n");
    assert_in_range(len, 1, sizeof script - 1);
    scratch_write(&scratch, "postconf", script, 0700);
}

static size_t list(struct port_service out[PORT_SERVICES_MAX])
{
    struct err err = ERR_INIT;
    struct services *services = NULL;
    size_t n = PORT_SERVICES_MAX;
    assert_int_equal(services_load(&ask, &services, &err), OUT_OK);
    assert_int_equal(services_list(services, out, &n, &err), OUT_OK);
    services_free(&services);
    return n;
}

static void assert_ip(const struct port_service *s, const char *hex)
{
    char got[33];
    for (size_t i = 0; i < 16; i++)
        (void)snprintf(got + 2 * i, 3, "%02x", s->ip[i]);
    assert_string_equal(got, hex);
}

#define EVERYWHERE "00000000000000000000000000000000"
#define OURS "smtpd_tls_chain_files=" CHAIN "\nsmtpd_tls_security_level=may\n"

static void services_are_found(void **state)
{
    (void)state;
    struct port_service s[PORT_SERVICES_MAX];
    fake(OURS,
         "submission/inet/smtpd_tls_security_level = encrypt\n"
         "smtps/inet/smtpd_tls_wrappermode = yes\n"
         "127.0.0.1:10025/inet/smtpd_tls_security_level = none\n"
         "127.0.0.1:10026/inet/smtpd_tls_chain_files = /other.pem\n",
         "smtp/inet/command = smtpd -v\nsubmission/inet/command = smtpd -o a=b\n"
         "smtps/inet/command = smtpd\n127.0.0.1:10025/inet/command = smtpd\n"
         "127.0.0.1:10026/inet/command = smtpd\n[::1]:submission/inet/command = smtpd\n"
         "localhost:10027/inet/command = smtpd\nmail.test:10028/inet/command = smtpd\n"
         "no-such-service/inet/command = smtpd\n2525/inet/command = qmqpd\n"
         "smtpd/pass/command = smtpd\n");
    assert_int_equal(list(s), 8);
    assert_string_equal(s[0].name, "smtp/inet");
    assert_ip(&s[0], EVERYWHERE);
    assert_int_equal(s[0].port, 25);
    assert_true(s[0].ours && !s[0].wrapped);
    assert_int_equal(s[1].port, 587);
    assert_int_equal(s[2].port, 465);
    assert_true(s[2].ours && s[2].wrapped);
    assert_int_equal(s[3].port, 10026);
    assert_ip(&s[3], "00000000000000000000ffff7f000001");
    assert_false(s[3].ours);
    assert_non_null(strstr(s[3].why, "smtpd_tls_chain_files = /other.pem"));
    assert_int_equal(s[4].port, 587);
    assert_ip(&s[4], "00000000000000000000000000000001");
    assert_ip(&s[5], "00000000000000000000ffff7f000001");
    assert_non_null(strstr(s[6].why, "write its address into master.cf"));
    assert_false(s[6].ours);
    assert_non_null(strstr(s[7].why, "services(5)"));
}

static void tls_is_offered_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *main_cf, *overrides, *command;
        bool tls;
    } rows[] = {
        {"", "", "smtpd", false},
        {"smtpd_use_tls=yes\n", "", "smtpd", true},
        {"smtpd_enforce_tls=yes\n", "", "smtpd", true},
        {"smtpd_tls_security_level=none\nsmtpd_use_tls=yes\n", "", "smtpd", false},
        {"", "smtp/inet/smtpd_tls_wrappermode = yes\n", "smtpd", true},
        {"", "smtp/inet/smtpd_tls_security_level = may\n", "smtpd", true},
        {"", "other/inet/smtpd_tls_security_level = may\n", "smtpd", false},
        {"smtpd_tls_security_level=may\n", "", "postscreen", true},
        {"", "smtp/inet/smtpd_tls_security_level = may\n", "postscreen", true},
        {"smtpd_tls_security_level=may\npostscreen_tls_security_level=none\n", "", "postscreen",
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct port_service s[PORT_SERVICES_MAX];
        char command[64];
        (void)snprintf(command, sizeof command, "smtp/inet/command = %s\n", rows[i].command);
        fake(rows[i].main_cf, rows[i].overrides, command);
        if ((list(s) == 1) != rows[i].tls)
            fail_msg("row %zu", i);
    }
}

/* Row 45: what belongs to our ports. */
static void only_our_ports_must_serve_the_file(void **state)
{
    (void)state;
    static const char two[] = "smtp/inet/command = smtpd\nsubmission/inet/command = smtpd\n";
    static const char screen[] = "smtp/inet/command = postscreen\nsmtpd/pass/command = smtpd\n";
    static const struct {
        const char *main_cf, *overrides, *commands, *why; /* why NULL: it points here */
        size_t n_kinds;
    } rows[] = {
        {OURS, "", two, NULL, 2},
        {OURS, "submission/inet/smtpd_tls_chain_files = /s.pem\n", two, NULL, 2},
        {OURS, "smtp/inet/smtpd_tls_chain_files = /s.pem\n", two,
         "the service smtp/inet has smtpd_tls_chain_files = /s.pem", 2},
        {OURS, "smtp/inet/smtpd_tls_chain_files = \n", two, "the service smtp/inet has", 2},
        {"smtpd_tls_chain_files=/s.pem\n", "smtp/inet/smtpd_tls_chain_files = " CHAIN "\n", two,
         NULL, 2},
        {"smtpd_tls_chain_files='/s.pem " CHAIN "'\n", "", two, "single file", 2},
        {"", "", two, "sets no smtpd_tls_chain_files", 1},
        {"smtpd_tls_chain_files=/s.pem\n", "", "10025/inet/command = smtpd\n", "/s.pem", 2},
        {OURS, "", "10025/inet/command = smtpd\n", NULL, 2}, /* port 25 is forwarded to it */
        /* addresses of their own */
        {OURS, "192.0.2.1:25/inet/smtpd_tls_chain_files = /s.pem\n",
         "192.0.2.1:25/inet/command = smtpd\n192.0.2.2:25/inet/command = smtpd\n", NULL, 2},
        {OURS, "192.0.2.1:25/inet/smtpd_tls_chain_files = /s.pem\n",
         "192.0.2.1:25/inet/command = smtpd\n", "192.0.2.1:25/inet", 2},
        /* postscreen: tlsproxy and the smtpd behind it */
        {OURS, "", screen, NULL, 2},
        {OURS "tlsproxy_tls_chain_files=/p.pem\n", "", screen, "tlsproxy_tls_chain_files = /p.pem",
         2},
        {OURS "tlsproxy_tls_chain_files=/p.pem\n", "", two, NULL, 2},
        {OURS, "tlsproxy/unix/smtpd_tls_chain_files = /p.pem\n", screen, "tlsproxy/unix", 2},
        {OURS, "smtpd/pass/smtpd_tls_chain_files = /p.pem\n", screen, "the service smtpd/pass", 2},
        /* the older parameters */
        {"smtpd_tls_cert_file=" CHAIN "\n", "", two, NULL, 1},
        {"smtpd_tls_cert_file=" CHAIN "\n", "", screen, NULL, 1},
        {"smtpd_tls_cert_file=" CHAIN "\n", "", two, "one kind of key only", 2},
        {"smtpd_tls_cert_file=" CHAIN "\nsmtpd_tls_key_file=/k.pem\n", "", two,
         "sets smtpd_tls_key_file = /k.pem and no smtpd_tls_chain_files", 1},
        {"smtpd_tls_cert_file=/c.pem\n", "", two, "sets smtpd_tls_cert_file = /c.pem", 1},
        {"smtpd_tls_cert_file=" CHAIN "\nsmtpd_tls_eccert_file=/e.pem\n", "", two,
         "smtpd_tls_eccert_file = /e.pem", 1},
        {"smtpd_tls_cert_file=" CHAIN "\nsmtpd_tls_eccert_file=none\n", "", two, NULL, 1},
        {"smtpd_tls_cert_file=/c.pem\n", "smtp/inet/smtpd_tls_cert_file = " CHAIN "\n", two, NULL,
         1},
        {"smtpd_tls_cert_file=" CHAIN "\n", "smtp/inet/smtpd_tls_cert_file = /c.pem\n", two,
         "/c.pem", 1},
        {OURS "smtpd_tls_cert_file=/c.pem\n", "", two, NULL, 2}, /* does not count */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct services *services = NULL;
        ask.n_kinds = rows[i].n_kinds;
        fake(rows[i].main_cf, rows[i].overrides, rows[i].commands);
        assert_int_equal(services_load(&ask, &services, &err), OUT_OK);
        enum outcome out = services_points_here(services, &err);
        services_free(&services);
        if (out != (rows[i].why == NULL ? OUT_OK : OUT_REFUSED) ||
            (rows[i].why != NULL && strstr(err.text, rows[i].why) == NULL))
            fail_msg("row %zu: %s: %s", i, err_outcome_name(out), err.text);
    }
}

static void ceilings_hold(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct services *services = NULL;
    struct port_service s[2];
    size_t n = 1;
    fake(OURS, "", "25/inet/command = smtpd\n26/inet/command = smtpd\n");
    assert_int_equal(services_load(&ask, &services, &err), OUT_OK);
    assert_int_equal(services_list(services, s, &n, &err), OUT_REFUSED);
    n = 2;
    assert_int_equal(services_list(services, s, &n, &err), OUT_OK);
    services_free(&services);
    fake(OURS, "", "25/inet/private = n\n");
    assert_int_equal(services_load(&ask, &services, &err), OUT_REFUSED);
    assert_null(services);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(services_are_found),
        TEST(tls_is_offered_or_not),
        TEST(only_our_ports_must_serve_the_file),
        TEST(ceilings_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
