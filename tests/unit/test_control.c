/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's socket: who may, what is understood, and that silly clients disturb nobody.
 */
#include "milter/control.h"
#include "milter/control_client.h"
#include "tests/unit/scratch.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHER_USER 12345

struct fixture {
    struct scratch scratch;
    struct control *control;
    int wake[2];
    int handled;
    struct control_command last;
};

static void line(void *self, enum port_level level, const char *text)
{
    (void)self;
    (void)level;
    (void)text;
}
static const struct port_log_ops silent = {line};

static void wake(void *self)
{
    const struct fixture *f = self;
    assert_int_equal(write(f->wake[1], "", 1), 1);
}

static void live(void *self, char *out, size_t size)
{
    (void)self;
    (void)snprintf(out, size, "\"sessions\": {\"tls\": 7}");
}

static void open_with(struct fixture *f, gid_t group, const char *degraded)
{
    struct err err = ERR_INIT;
    const struct control_config config = {.run_dir = f->scratch.dir,
                                          .group = group,
                                          .wake = wake,
                                          .wake_self = f,
                                          .live = live,
                                          .degraded = degraded,
                                          .log = &silent,
                                          .request_ms = 300,
                                          .busy_ms = 300};
    enum outcome out = control_open(&config, &f->control, &err);
    if (out != OUT_OK)
        fail_msg("%s", err.text);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_begin(&f->scratch);
    assert_int_equal(pipe(f->wake), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    control_close(&f->control);
    (void)close(f->wake[0]);
    (void)close(f->wake[1]);
    scratch_end(&f->scratch);
    free(f);
    return 0;
}

static enum outcome ask(struct fixture *f, const char *verb, const char *certificate,
                        struct control_reply *reply)
{
    struct err err = ERR_INIT;
    struct control_command command = {.verb = ""};
    (void)snprintf(command.verb, sizeof command.verb, "%s", verb);
    (void)snprintf(command.certificate, sizeof command.certificate, "%s", certificate);
    return control_client_ask(f->scratch.dir, &command, reply, &err);
}

/* A connection by hand. */
static int connect_raw(struct fixture *f)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    (void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", scratch_path(&f->scratch, "control"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&sun, sizeof sun), 0);
    return fd;
}

/* What comes within two seconds, up to the end; malloc()ed. */
static char *read_raw(int fd)
{
    char *text = calloc(1, CONTROL_LINE_MAX + 1);
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_non_null(text);
    while (len < CONTROL_LINE_MAX && poll(&p, 1, 2000) == 1) {
        ssize_t n = read(fd, text + len, CONTROL_LINE_MAX - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    return text;
}

/* ---- who may ---------------------------------------------------------------------------- */

/* Runs as somebody else: 0 refused, 1 not. */
static int as_another(struct fixture *f, const char *verb, gid_t group)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct control_reply reply = {.outcome = OUT_OK};
        if (setgid(group) != 0 || setuid(OTHER_USER) != 0)
            _exit(2);
        enum outcome out = ask(f, verb, "mail", &reply);
        if (out != OUT_OK)
            _exit(3);
        _exit(reply.outcome == OUT_REFUSED ? 0 : 1);
    }
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void another_user_is_refused(void **state)
{
    struct fixture *f = *state;
    struct control_reply reply;
    if (geteuid() != 0)
        skip(); /* only root can be somebody else; the table above decides the same */
    assert_int_equal(chmod(f->scratch.dir, 0755), 0);
    open_with(f, 777, NULL);
    assert_int_equal(as_another(f, "status", OTHER_USER), 0);
    assert_int_equal(as_another(f, "status", 777), 1); /* a member of the group may ask */
    assert_int_equal(as_another(f, "roll", 777), 0);   /* and no more */
    assert_int_equal(poll(&(struct pollfd){.fd = f->wake[0], .events = POLLIN}, 1, 0), 0);
    assert_int_equal(ask(f, "status", "", &reply), OUT_OK);
}

static void without_a_group_the_socket_is_ours_alone(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    open_with(f, (gid_t)-1, NULL);
    assert_int_equal(stat(scratch_path(&f->scratch, "control"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- what is understood ----------------------------------------------------------------- */

static void status_tells_what_lives(void **state)
{
    struct fixture *f = *state;
    struct control_reply reply;
    open_with(f, (gid_t)-1, NULL);
    assert_int_equal(ask(f, "status", "", &reply), OUT_OK);
    assert_int_equal(reply.outcome, OUT_OK);
    assert_int_equal(reply.pid, getpid());
    assert_string_equal(reply.degraded, "");
    assert_non_null(strstr(reply.live, "\"tls\": 7"));
}

static void garbage_is_refused_and_hurts_nobody(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "\n",
        "status\n",
        "[1, 2]\n",
        "{\"do\": \"status\"\n",
        "{\"do\": 1}\n",
        "{\"do\": \"rm\"}\n",
        "{\"do\": \"roll\"}\n",
        "{\"do\": \"status\", \"uid\": 0}\n",
        "{\"do\": \"status\", \"do\": \"status\"}\n",
        "{\"do\": \"status\", \"dry_run\": \"yes\"}\n",
        "{\"do\": \"status\", \"certificate\": \"a\\nb\"}\n",
        "{\"do\": \"status\", \"certificate\": \"a\\u0000b\"}\n",
        "{\"do\": \"status\", \"algorithm\": \"p2566666666666666\"}\n",
        "{\"do\": \"\xff\xfe\"}\n",
    };
    open_with(f, (gid_t)-1, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = connect_raw(f);
        assert_int_equal(send(fd, bad[i], strlen(bad[i]), MSG_NOSIGNAL), (ssize_t)strlen(bad[i]));
        char *text = read_raw(fd);
        if (strstr(text, "\"refused\"") == NULL)
            fail_msg("%s gave %s", bad[i], text);
        free(text);
        (void)close(fd);
    }
    struct control_reply reply;
    assert_int_equal(ask(f, "status", "", &reply), OUT_OK);
}

static void an_oversized_line_is_refused(void **state)
{
    struct fixture *f = *state;
    char *big = malloc(2 * CONTROL_LINE_MAX);
    assert_non_null(big);
    memset(big, ' ', 2 * CONTROL_LINE_MAX);
    open_with(f, (gid_t)-1, NULL);
    int fd = connect_raw(f);
    (void)send(fd, big, 2 * CONTROL_LINE_MAX, MSG_NOSIGNAL); /* cut off somewhere */
    char *text = read_raw(fd);
    assert_non_null(strstr(text, "too long"));
    free(text);
    free(big);
    (void)close(fd);
}

/* ---- slow and many ---------------------------------------------------------------------- */

static void a_slow_client_is_cut_off_and_disturbs_nobody(void **state)
{
    struct fixture *f = *state;
    struct control_reply reply;
    open_with(f, (gid_t)-1, NULL);
    int fd = connect_raw(f);
    assert_int_equal(send(fd, "{\"do\"", 5, MSG_NOSIGNAL), 5);
    assert_int_equal(ask(f, "status", "", &reply), OUT_OK);
    char *text = read_raw(fd);
    assert_string_equal(text, ""); /* the end came, and before read_raw's own time-out: */
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 1);
    free(text);
    (void)close(fd);
}

static void too_many_are_turned_away_until_the_others_are_gone(void **state)
{
    struct fixture *f = *state;
    const int most = geteuid() == 0 ? CONTROL_CLIENTS_MAX : CONTROL_CLIENTS_MAX - CONTROL_ROOT_ONLY;
    int fds[CONTROL_CLIENTS_MAX];
    struct control_reply reply;
    open_with(f, (gid_t)-1, NULL);
    for (int i = 0; i < most; i++)
        fds[i] = connect_raw(f);
    assert_int_equal(ask(f, "status", "", &reply), OUT_OK);
    assert_int_equal(reply.outcome, OUT_REFUSED);
    assert_non_null(strstr(reply.text, "too many"));
    for (int i = 0; i < most; i++) {
        char *text = read_raw(fds[i]); /* their time is over */
        assert_string_equal(text, "");
        free(text);
        (void)close(fds[i]);
    }
    assert_int_equal(ask(f, "status", "", &reply), OUT_OK);
    assert_int_equal(reply.outcome, OUT_OK);
}

/* ---- the mailbox ------------------------------------------------------------------------ */

static enum outcome handle(void *self, const struct control_command *command, char *text,
                           size_t size, struct err *err)
{
    struct fixture *f = self;
    f->handled++;
    f->last = *command;
    if (strcmp(command->verb, "rollback") == 0)
        return err_set(err, OUT_REFUSED, "there is no way back");
    (void)snprintf(text, size, "begins");
    return OUT_OK;
}

struct asking {
    struct fixture *f;
    const char *verb;
    struct control_reply reply;
    enum outcome out;
};

static void *ask_thread(void *arg)
{
    struct asking *a = arg;
    a->out = ask(a->f, a->verb, "mail", &a->reply);
    return NULL;
}

static void await_wake(struct fixture *f)
{
    char octet;
    struct pollfd p = {.fd = f->wake[0], .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(read(f->wake[0], &octet, 1), 1);
}

static void commands_are_done_by_the_engine(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *verb, *text;
        enum outcome outcome;
    } t[] = {{"roll", "begins", OUT_OK}, {"rollback", "there is no way back", OUT_REFUSED}};
    if (geteuid() != 0)
        skip(); /* only root may change something */
    open_with(f, (gid_t)-1, NULL);
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct asking a = {.f = f, .verb = t[i].verb};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, ask_thread, &a), 0);
        await_wake(f);
        control_take(f->control, handle, f);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(a.out, OUT_OK);
        assert_int_equal(a.reply.outcome, t[i].outcome);
        assert_string_equal(a.reply.text, t[i].text);
        assert_int_equal(f->handled, (int)i + 1);
        assert_string_equal(f->last.verb, t[i].verb);
        assert_string_equal(f->last.certificate, "mail");
        assert_int_equal(f->last.uid, 0);
    }
}

static void a_busy_engine_is_said_and_the_command_stays_in_line(void **state)
{
    struct fixture *f = *state;
    struct control_reply reply;
    if (geteuid() != 0)
        skip(); /* only root may change something */
    open_with(f, (gid_t)-1, NULL);
    assert_int_equal(ask(f, "freeze", "mail", &reply), OUT_OK);
    assert_int_equal(reply.outcome, OUT_NOT_YET);
    assert_int_equal(f->handled, 0);
    control_take(f->control, handle, f);
    assert_int_equal(f->handled, 1);
    control_take(f->control, handle, f);
    assert_int_equal(f->handled, 1);
}

static void a_line_of_commands_has_an_end(void **state)
{
    struct fixture *f = *state;
    struct control_reply reply;
    if (geteuid() != 0)
        skip(); /* only root may change something */
    open_with(f, (gid_t)-1, NULL);
    for (int i = 0; i < 16; i++) {
        int fd = connect_raw(f);
        const char *text = "{\"do\":\"roll\",\"certificate\":\"mail\"}\n";
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
        await_wake(f);
        (void)close(fd); /* it goes away; its command stays */
    }
    assert_int_equal(ask(f, "roll", "mail", &reply), OUT_OK);
    assert_int_equal(reply.outcome, OUT_RETRY);
    control_take(f->control, handle, f);
    assert_int_equal(f->handled, 16);
}

static void a_degraded_daemon_says_why_and_does_nothing(void **state)
{
    struct fixture *f = *state;
    struct control_reply reply;
    open_with(f, (gid_t)-1, "the configuration is broken");
    assert_int_equal(ask(f, "status", "", &reply), OUT_OK);
    assert_string_equal(reply.degraded, "the configuration is broken");
    assert_int_equal(ask(f, "roll", "mail", &reply), OUT_OK);
    assert_int_equal(reply.outcome, OUT_REFUSED);
    if (geteuid() == 0)
        assert_string_equal(reply.text, "the configuration is broken");
}

static void closing_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct control_reply reply;
    size_t files = scratch_open_files();
    open_with(f, (gid_t)-1, NULL);
    int fd = connect_raw(f);
    assert_int_equal(ask(f, "status", "", &reply), OUT_OK); /* so the other was let in as well */
    control_close(&f->control);
    assert_null(f->control);
    (void)close(fd);
    assert_int_equal(scratch_open_files(), files);
    assert_false(scratch_exists(&f->scratch, "control"));
    assert_int_equal(ask(f, "status", "", &reply), OUT_NOT_YET);
    /* An old socket is no obstacle. */
    scratch_write(&f->scratch, "control", "", 0600);
    open_with(f, (gid_t)-1, NULL);
    assert_int_equal(ask(f, "status", "", &reply), OUT_OK);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    struct err err = ERR_INIT;
    struct control *control = NULL;
    char dir[200];
    (void)state;
    memset(dir, 'a', sizeof dir - 1);
    dir[0] = '/';
    dir[sizeof dir - 1] = '\0';
    const struct control_config config = {.run_dir = dir, .group = (gid_t)-1, .log = &silent};
    assert_int_equal(control_open(&config, &control, &err), OUT_REFUSED);
    assert_null(control);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(another_user_is_refused),
        T(without_a_group_the_socket_is_ours_alone),
        T(status_tells_what_lives),
        T(garbage_is_refused_and_hurts_nobody),
        T(an_oversized_line_is_refused),
        T(a_slow_client_is_cut_off_and_disturbs_nobody),
        T(too_many_are_turned_away_until_the_others_are_gone),
        T(commands_are_done_by_the_engine),
        T(a_busy_engine_is_said_and_the_command_stays_in_line),
        T(a_line_of_commands_has_an_end),
        T(a_degraded_daemon_says_why_and_does_nothing),
        T(closing_leaves_nothing),
        T(a_path_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
