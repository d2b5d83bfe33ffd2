/* SPDX-License-Identifier: BSD-2-Clause */
/* The port, with commands of our own in place of postfix(1) and postconf(1). */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "postfix/deploy.h"
#include "postfix/params.h"
#include "scratch.h"

#define CHAIN "/etc/postfix/chain.pem"

static struct scratch scratch;
static char postfix[SCRATCH_MAX];
static char postconf[SCRATCH_MAX];
static struct deploy deploy;

static int begin(void **state)
{
    (void)state;
    scratch_begin(&scratch);
    scratch_mkdir(&scratch, "queue", 0755);
    scratch_mkdir(&scratch, "queue/pid", 0755);
    (void)snprintf(postfix, sizeof postfix, "%s", scratch_path(&scratch, "postfix"));
    (void)snprintf(postconf, sizeof postconf, "%s", scratch_path(&scratch, "postconf"));
    deploy = (struct deploy){"/etc/postfix", CHAIN, postfix, postconf, "/proc", 20000, {0}};
    return 0;
}

static int end(void **state)
{
    (void)state;
    scratch_end(&scratch);
    return 0;
}

/* A postconf that prints `main_cf` for -x and `master_cf` for -Px. */
static void fake_postconf(const char *main_cf, const char *master_cf)
{
    char script[4096];
    int n = snprintf(script, sizeof script,
                     "#!/bin/sh\n[ \"$1 $2\" = '-c /etc/postfix' ] || exit 9\n"
                     "case $3 in\n-x) cat <<'EOF'\n%sEOF\n;;\n-Px) cat <<'EOF'\n%sEOF\n;;\n"
                     "*) exit 9 ;;\nesac\n",
                     main_cf, master_cf);
    assert_in_range(n, 1, sizeof script - 1);
    scratch_write(&scratch, "postconf", script, 0700);
}

/* All that points_here asks for, `files` and `proxy` as given, one older parameter. */
static void fake_main_cf(const char *files, const char *proxy, const char *cert,
                         const char *master_cf)
{
    char text[3000];
    (void)snprintf(text, sizeof text,
                   "smtpd_tls_chain_files = %s\ntlsproxy_tls_chain_files = %s\n"
                   "queue_directory = %s/queue\nsmtpd_tls_cert_file = %s\n"
                   "smtpd_tls_eccert_file =\nsmtpd_tls_dcert_file = \n",
                   files, proxy, scratch.dir, cert);
    fake_postconf(text, master_cf);
}

static void parameters_are_read(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char values[3][PARAMS_VALUE_MAX];
    const struct params params = {postconf, "/etc/postfix", 20000};
    static const char *const names[] = {"b", "a", "c"};
    fake_postconf("a = 1 = 2\nb =  x  y  \nc =\nother = z\n", "");
    assert_int_equal(params_get(&params, names, 3, values, &err), OUT_OK);
    assert_string_equal(values[0], "x  y");
    assert_string_equal(values[1], "1 = 2");
    assert_string_equal(values[2], "");
    fake_postconf("a = 1\nb = 2\n", "");
    assert_int_equal(params_get(&params, names, 3, values, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "does not know the parameter c"));
    fake_postconf("a = 1\nb = 2\nrubbish\nc = 3\n", "");
    assert_int_equal(params_get(&params, names, 3, values, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "\"rubbish\""));
    scratch_write(&scratch, "postconf", "#!/bin/sh\necho 'fatal: no main.cf' >&2; exit 1\n", 0700);
    assert_int_equal(params_get(&params, names, 3, values, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "fatal: no main.cf"));
}

static void values_have_a_ceiling(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char values[1][PARAMS_VALUE_MAX];
    const struct params params = {postconf, "/etc/postfix", 20000};
    static const char *const names[] = {"a"};
    char text[PARAMS_VALUE_MAX + 64];
    (void)snprintf(text, sizeof text, "a = %0*d\n", PARAMS_VALUE_MAX - 1, 7);
    fake_postconf(text, "");
    assert_int_equal(params_get(&params, names, 1, values, &err), OUT_OK);
    (void)snprintf(text, sizeof text, "a = %0*d\n", PARAMS_VALUE_MAX, 7);
    fake_postconf(text, "");
    assert_int_equal(params_get(&params, names, 1, values, &err), OUT_REFUSED);
}

static void overrides_are_read(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct params_override got[2];
    size_t n = 2;
    const struct params params = {postconf, "/etc/postfix", 20000};
    static const char *const names[] = {"x_files"};
    fake_postconf("", "smtps/inet/x_files = /a\n[::1]:25/inet/x_files = /b, /c\n");
    assert_int_equal(params_overrides(&params, names, 1, got, &n, &err), OUT_OK);
    assert_int_equal(n, 2);
    assert_string_equal(got[0].service, "smtps/inet");
    assert_string_equal(got[0].name, "x_files");
    assert_string_equal(got[0].value, "/a");
    assert_string_equal(got[1].service, "[::1]:25/inet");
    assert_string_equal(got[1].value, "/b, /c");
    n = 1;
    assert_int_equal(params_overrides(&params, names, 1, got, &n, &err), OUT_REFUSED);
    fake_postconf("", "rubbish = /a\n");
    n = 2;
    assert_int_equal(params_overrides(&params, names, 1, got, &n, &err), OUT_REFUSED);
}

/* Row 45. */
static void main_cf_that_points_elsewhere_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *files, *proxy, *cert, *master, *why; /* why NULL: it points here */
    } rows[] = {
        {CHAIN, CHAIN, "", "", NULL},
        {CHAIN, CHAIN, "/old.pem", "", NULL}, /* does not count */
        {CHAIN, CHAIN, "", "smtps/inet/smtpd_tls_chain_files = " CHAIN "\n", NULL},
        {"/other.pem", CHAIN, "", "", "smtpd_tls_chain_files = /other.pem, but danemilter writes"},
        {CHAIN " /more.pem", CHAIN, "", "", "single file"},
        {CHAIN ", /more.pem", CHAIN, "", "", "single file"},
        {CHAIN, "/proxy.pem", "", "", "tlsproxy_tls_chain_files = /proxy.pem"},
        {CHAIN, "", "", "", "tlsproxy_tls_chain_files = ,"},
        {"", "", "/old.pem", "", "sets smtpd_tls_cert_file = /old.pem and no smtpd_tls_chain"},
        {"", "", "", "", "sets no smtpd_tls_chain_files"},
        {CHAIN, CHAIN, "", "smtps/inet/smtpd_tls_chain_files = /s.pem\n",
         "the service smtps/inet has smtpd_tls_chain_files = /s.pem"},
        {CHAIN, CHAIN, "", "smtps/inet/smtpd_tls_chain_files = \n", "the service smtps/inet"},
        {CHAIN, CHAIN, "",
         "smtps/inet/smtpd_tls_chain_files = " CHAIN "\n"
         "tlsproxy/unix/tlsproxy_tls_chain_files = /p.pem\n",
         "the service tlsproxy/unix has tlsproxy_tls_chain_files = /p.pem"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        fake_main_cf(rows[i].files, rows[i].proxy, rows[i].cert, rows[i].master);
        enum outcome out = deploy_ops.points_here(&deploy, &err);
        if (out != (rows[i].why == NULL ? OUT_OK : OUT_REFUSED))
            print_error("row %zu: %s: %s\n", i, err_outcome_name(out), err.text);
        assert_int_equal(out, rows[i].why == NULL ? OUT_OK : OUT_REFUSED);
        if (rows[i].why != NULL && strstr(err.text, rows[i].why) == NULL)
            print_error("row %zu: %s\n", i, err.text);
        assert_true(rows[i].why == NULL || strstr(err.text, rows[i].why) != NULL);
    }
}

/* A symbolic link in main.cf leads to the name that we rename; a hard link does not. */
static void links_to_the_chain_file_count_by_name(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char chain[SCRATCH_MAX];
    char other[SCRATCH_MAX];
    scratch_write(&scratch, "chain.pem", "x", 0600);
    (void)snprintf(chain, sizeof chain, "%s", scratch_path(&scratch, "chain.pem"));
    (void)snprintf(other, sizeof other, "%s", scratch_path(&scratch, "other.pem"));
    deploy.chain_file = chain;
    assert_int_equal(symlink(chain, other), 0);
    fake_main_cf(other, chain, "", "");
    assert_int_equal(deploy_ops.points_here(&deploy, &err), OUT_OK);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(link(chain, other), 0);
    assert_int_equal(deploy_ops.points_here(&deploy, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, other));
}

static void reload_is_one_command(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char script[SCRATCH_MAX + 64];
    (void)snprintf(script, sizeof script, "#!/bin/sh\necho \"$@\" >%s/asked\n", scratch.dir);
    scratch_write(&scratch, "postfix", script, 0700);
    assert_int_equal(deploy_ops.reload(&deploy, &err), OUT_OK);
    char *text = scratch_read(&scratch, "asked");
    assert_string_equal(text, "-c /etc/postfix reload\n");
    free(text);
}

/* Row 43. */
static void a_failing_reload_says_why(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    fake_main_cf(CHAIN, CHAIN, "", "");
    scratch_write(&scratch, "postfix", "#!/bin/sh\necho 'fatal: bad' >&2\nexit 1\n", 0700);
    assert_int_equal(deploy_ops.reload(&deploy, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "is not running"));
    assert_non_null(strstr(err.text, "fatal: bad"));
    scratch_write(&scratch, "queue/pid/master.pid", "1\n", 0600);
    int fd = open(scratch_path(&scratch, "queue/pid/master.pid"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(deploy_ops.reload(&deploy, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "the mail log says why"));
    assert_non_null(strstr(err.text, "fatal: bad"));
    assert_int_equal(close(fd), 0);
    deploy.timeout_ms = 200;
    scratch_write(&scratch, "postfix", "#!/bin/sh\nsleep 60\n", 0700);
    assert_int_equal(deploy_ops.reload(&deploy, &err), OUT_RETRY);
    assert_int_equal(unlink(postfix), 0);
    assert_int_equal(deploy_ops.reload(&deploy, &err), OUT_BROKEN);
}

static void running_asks_postconf_for_the_queue(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    bool up = true;
    size_t count = 99;
    fake_main_cf(CHAIN, CHAIN, "", "");
    assert_int_equal(deploy_ops.running(&deploy, &up, &err), OUT_OK);
    assert_false(up);
    assert_int_equal(deploy_ops.older_than(&deploy, 1, &count, &err), OUT_OK);
    assert_int_equal(count, 0);
    assert_int_equal(unlink(postconf), 0);
    assert_int_equal(deploy_ops.running(&deploy, &up, &err), OUT_BROKEN);
    assert_int_equal(deploy_ops.older_than(&deploy, 1, &count, &err), OUT_BROKEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parameters_are_read),
        TEST(values_have_a_ceiling),
        TEST(overrides_are_read),
        TEST(main_cf_that_points_elsewhere_is_named),
        TEST(links_to_the_chain_file_count_by_name),
        TEST(reload_is_one_command),
        TEST(a_failing_reload_says_why),
        TEST(running_asks_postconf_for_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
