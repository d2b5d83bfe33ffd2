/* SPDX-License-Identifier: BSD-2-Clause */
/* The mail log: postlogd's form, what must not get into a line, a socket that is full or gone. */
#include "milter/maillog.h"

#include <errno.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

struct world {
    struct scratch scratch;
    int fd; /* postlogd */
    struct maillog log;
};

static int listen_at(struct world *w)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", scratch_path(&w->scratch, "postlog"));
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static int setup(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    scratch_begin(&w.scratch);
    w.fd = listen_at(&w);
    assert_int_equal(setenv("POSTLOG_SERVICE", scratch_path(&w.scratch, "postlog"), 1), 0);
    assert_int_equal(setenv("POSTLOG_HOSTNAME", "mx.example.org", 1), 0);
    assert_int_equal(setenv("MAIL_LOGTAG", "postfix-in", 1), 0);
    maillog_mail(&w.log, "danemilter");
    assert_int_equal(w.log.kind, MAILLOG_POSTLOG);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    if (w->fd >= 0)
        assert_int_equal(close(w->fd), 0);
    assert_int_equal(close(w->log.fd), 0);
    scratch_end(&w->scratch);
    return 0;
}

static void next_line(struct world *w, char *out, size_t size)
{
    ssize_t n = recv(w->fd, out, size - 1, MSG_DONTWAIT);
    assert_true(n > 0);
    out[n] = '\0';
}

static void expect(struct world *w, const char *pattern)
{
    char line[MAILLOG_MAX + 1];
    regex_t re;
    next_line(w, line, sizeof line);
    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&re, line, 0, NULL, 0) != 0)
        fail_msg("\"%s\" is not \"%s\"", line, pattern);
    regfree(&re);
}

#define HEAD                                                                                       \
    "^[A-Z][a-z]{2} [0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} mx postfix-in/danemilter\\[[0-9]+\\]: "

static void lines_are_postfix_like(void **state)
{
    struct world *w = *state;
    maillog_ops.line(&w->log, PORT_LOG_INFO, "started");
    expect(w, HEAD "started$");
    maillog_ops.line(&w->log, PORT_LOG_WARNING, "a%sb");
    expect(w, HEAD "warning: a%sb$");
    maillog_ops.line(&w->log, PORT_LOG_ERROR, "one\ntwo\rthree\x1b[2J\x7f");
    expect(w, HEAD "error: one\\?two\\?three\\?\\[2J\\?$");
}

static void a_line_has_an_end(void **state)
{
    struct world *w = *state;
    char line[2 * MAILLOG_MAX];
    char *text = malloc(20000);
    assert_non_null(text);
    memset(text, 'x', 19999);
    text[19999] = '\0';
    maillog_ops.line(&w->log, PORT_LOG_INFO, text);
    free(text);
    next_line(w, line, sizeof line);
    assert_true(strlen(line) < MAILLOG_MAX && strlen(line) > MAILLOG_MAX - 10);
}

static void a_full_socket_holds_nobody(void **state)
{
    struct world *w = *state;
    char line[MAILLOG_MAX + 1];
    unsigned taken = 0;
    for (int i = 0; i < 100000 && atomic_load(&w->log.missing) == 0; i++)
        maillog_ops.line(&w->log, PORT_LOG_INFO, "filling");
    unsigned missing = atomic_load(&w->log.missing);
    assert_true(missing > 0);
    assert_false(maillog_lost(&w->log));
    while (recv(w->fd, line, sizeof line, MSG_DONTWAIT) > 0)
        taken++;
    assert_true(taken > 0);
    maillog_ops.line(&w->log, PORT_LOG_INFO, "again");
    expect(w, HEAD "warning: 1 line before this one could not be written$");
    expect(w, HEAD "again$");
    assert_int_equal(atomic_load(&w->log.missing), 0);
}

static void a_socket_that_is_gone_is_renewed(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    int fd = -1;
    assert_int_equal(close(w->fd), 0);
    assert_int_equal(remove(scratch_path(&w->scratch, "postlog")), 0);
    maillog_ops.line(&w->log, PORT_LOG_INFO, "lost");
    assert_true(maillog_lost(&w->log));
    assert_int_equal(maillog_connect(&w->log, &fd, &err), OUT_BROKEN);
    w->fd = listen_at(w);
    assert_int_equal(maillog_connect(&w->log, &fd, &err), OUT_OK);
    assert_int_equal(maillog_renew(&w->log, fd, &err), OUT_OK);
    assert_false(maillog_lost(&w->log));
    maillog_ops.line(&w->log, PORT_LOG_INFO, "found");
    expect(w, HEAD "warning: 1 line before this one could not be written$");
    expect(w, HEAD "found$");
}

static void without_postlogd_it_is_syslog(void **state)
{
    struct maillog log;
    (void)state;
    assert_int_equal(unsetenv("POSTLOG_SERVICE"), 0);
    maillog_mail(&log, "danemilter");
    assert_int_equal(log.kind, MAILLOG_SYSLOG);
    assert_string_equal(log.path, "/dev/log");
    assert_string_equal(log.ident, "postfix-in/danemilter");
    assert_int_equal(close(log.fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_postfix_like, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_has_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_socket_holds_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_that_is_gone_is_renewed, setup, teardown),
        cmocka_unit_test(without_postlogd_it_is_syslog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
