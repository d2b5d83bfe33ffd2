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
    deploy = (struct deploy){.config_dir = "/etc/postfix",
                             .chain_file = CHAIN,
                             .postfix = postfix,
                             .postconf = postconf,
                             .proc = "/proc",
                             .timeout_ms = 20000};
    return 0;
}

static int end(void **state)
{
    (void)state;
    scratch_end(&scratch);
    return 0;
}

/* A postconf that prints `main_cf` for -x and `master_cf` for -Px; one smtpd on port 25. */
static void fake_postconf(const char *main_cf, const char *master_cf)
{
    char script[4096];
    int n = snprintf(script, sizeof script,
                     "#!/bin/sh\n[ \"$1 $2\" = '-c /etc/postfix' ] || exit 9\n"
                     "case $3 in\n-x) cat <<'EOF'\n%sEOF\n;;\n-Px) cat <<'EOF'\n%sEOF\n;;\n"
                     "-F) echo '25/inet/command = smtpd' ;;\n*) exit 9 ;;\nesac\n",
                     main_cf, master_cf);
    assert_in_range(n, 1, sizeof script - 1);
    scratch_write(&scratch, "postconf", script, 0700);
}

/* All that a Postfix is asked for. */
static void fake_main_cf(const char *files, const char *sni)
{
    char text[3000];
    (void)snprintf(text, sizeof text,
                   "smtpd_tls_chain_files = %s\ntlsproxy_tls_chain_files = %s\n"
                   "queue_directory = %s/queue\ntls_server_sni_maps = %s\n"
                   "smtpd_tls_cert_file =\nsmtpd_tls_key_file =\nsmtpd_tls_eccert_file =\n"
                   "smtpd_tls_dcert_file =\ntlsproxy_tls_cert_file =\ntlsproxy_tls_key_file =\n"
                   "tlsproxy_tls_eccert_file =\ntlsproxy_tls_dcert_file =\n"
                   "smtpd_tls_security_level = may\nsmtpd_use_tls = no\nsmtpd_enforce_tls = no\n"
                   "postscreen_tls_security_level = may\npostscreen_use_tls = no\n"
                   "postscreen_enforce_tls = no\nsmtpd_tls_wrappermode = no\n"
                   "inet_interfaces = all\n",
                   files, files, scratch.dir, sni);
    fake_postconf(text, "");
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
    fake_main_cf(other, "");
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
    fake_main_cf(CHAIN, "");
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
    fake_main_cf(CHAIN, "");
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

/* A program that leaves its name and arguments in the order of the calls. */
static void fake_program(const char *name, int status)
{
    char script[SCRATCH_MAX + 128];
    (void)snprintf(script, sizeof script, "#!/bin/sh\necho %s \"$@\" >>%s/asked\nexit %d\n", name,
                   scratch.dir, status);
    scratch_write(&scratch, name, script, 0700);
}

static void assert_asked(const char *wanted)
{
    char *text = scratch_read(&scratch, "asked");
    assert_string_equal(text, wanted);
    free(text);
    assert_int_equal(unlink(scratch_path(&scratch, "asked")), 0);
}

/* Only tables that hold copies of our file, and before the reload. */
static void tables_are_built_before_the_reload(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char maps[3 * SCRATCH_MAX + 64];
    char wanted[2 * SCRATCH_MAX + 160];
    (void)snprintf(maps, sizeof maps, "hash:%s/ours, texthash:%s/ours lmdb:%s/theirs hash:/gone",
                   scratch.dir, scratch.dir, scratch.dir);
    fake_main_cf(CHAIN, maps);
    fake_program("postfix", 0);
    fake_program("postmap", 0);
    scratch_write(&scratch, "ours", "a.test /a.pem\nb.test /b.key, " CHAIN "\n", 0600);
    scratch_write(&scratch, "theirs", "c.test " CHAIN ".other\n", 0600);
    assert_int_equal(deploy_ops.reload(&deploy, &err), OUT_OK);
    assert_string_equal(err.text, "");
    (void)snprintf(wanted, sizeof wanted,
                   "postmap -c /etc/postfix -F hash:%s/ours\npostfix -c /etc/postfix reload\n",
                   scratch.dir);
    assert_asked(wanted);
    /* one reload for two certificates of one Postfix */
    const struct deploy all[] = {deploy,
                                 {.config_dir = "/etc/postfix", .chain_file = CHAIN ".other"},
                                 {.config_dir = "/etc/postfix2", .chain_file = "/a.pem"}};
    deploy.all = all;
    deploy.n_all = 3;
    assert_int_equal(deploy_ops.reload(&deploy, &err), OUT_OK);
    (void)snprintf(wanted, sizeof wanted,
                   "postmap -c /etc/postfix -F hash:%s/ours\n"
                   "postmap -c /etc/postfix -F lmdb:%s/theirs\npostfix -c /etc/postfix reload\n",
                   scratch.dir, scratch.dir);
    assert_asked(wanted);
    deploy.n_all = 0;
    fake_program("postmap", 1); /* row 43: as a reload that failed */
    assert_int_equal(deploy_ops.reload(&deploy, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "could not be built anew"));
    assert_non_null(strstr(err.text, "/ours"));
    (void)snprintf(wanted, sizeof wanted, "postmap -c /etc/postfix -F hash:%s/ours\n", scratch.dir);
    assert_asked(wanted);
}

static void other_servers_never_fail_the_reload(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char good[SCRATCH_MAX];
    char bad[SCRATCH_MAX];
    const char *others[3] = {bad, "relative reload", good};
    fake_main_cf(CHAIN, "");
    fake_program("postfix", 0);
    fake_program("good", 0);
    fake_program("bad", 3);
    (void)snprintf(good, sizeof good, "%s  one $HOME ", scratch_path(&scratch, "good"));
    (void)snprintf(bad, sizeof bad, "%s", scratch_path(&scratch, "bad"));
    deploy.others = others;
    deploy.n_others = 3;
    assert_int_equal(deploy_ops.reload(&deploy, &err), OUT_OK);
    assert_asked("postfix -c /etc/postfix reload\nbad\ngood one $HOME\n");
    assert_non_null(strstr(err.text, bad));
    assert_non_null(strstr(err.text, "\"relative reload\""));
    assert_null(strstr(err.text, good));
    fake_program("postfix", 1); /* no use in telling them */
    assert_int_equal(deploy_ops.reload(&deploy, &err), OUT_REFUSED);
    assert_asked("postfix -c /etc/postfix reload\n");
}

static void running_asks_postconf_for_the_queue(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    bool up = true;
    size_t count = 99;
    fake_main_cf(CHAIN, "");
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
        TEST(links_to_the_chain_file_count_by_name),
        TEST(reload_is_one_command),
        TEST(a_failing_reload_says_why),
        TEST(tables_are_built_before_the_reload),
        TEST(other_servers_never_fail_the_reload),
        TEST(running_asks_postconf_for_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
