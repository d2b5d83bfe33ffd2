/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The milter from the other end of its socket: what it asks for at the negotiation, that it says
 * nothing afterwards, that it counts, that it survives nonsense, that it ends.
 */
#include "milter/milter.h"
#include "tests/milter/wire.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

/* Of the protocol (version 6): steps that may be left out, and replies. */
#define STEPS_OFFERED 0x1fffffUL
#define STEPS_WANTED 0x5378UL /* no RCPT BODY HDRS EOH UNKNOWN DATA; no reply to CONN MAIL */
#define STEPS_REPLY 0x1378UL  /* the same, but MAIL has a reply */
#define STEPS_INET 0x178UL    /* the same with DATA, and everything has a reply */
#define STEPS_MASK 0x7ffffUL
#define ACTIONS_OFFERED 0x1ffUL
#define CHILD_S 60 /* a child that a failed test left behind ends by itself */

/* libmilter was not built for -fsanitize=thread, makes a lock in one thread that another one uses
 * to stop it, and destroys one that its other thread used: its own affair. Data of ours that its
 * threads touch is still watched. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:mi_listener\nrace:mi_stop_milters\nrace:mi_closener\nrace:mi_worker\n"
           "race:mi_pool_controller\n"
           "mutex:libmilter.so\nrace:pthread_cond_destroy\n";
}

struct place {
    char folder[64];
    char path[96];
    struct milter *milter;
};

static void say(void *self, enum port_level level, const char *text)
{
    (void)self;
    (void)level;
    print_message("log: %s\n", text);
}

static const struct port_log_ops log_ops = {.line = say};

static int make_place(void **state)
{
    static struct place p;
    struct err err = ERR_INIT;
    memset(&p, 0, sizeof p);
    (void)snprintf(p.folder, sizeof p.folder, "/tmp/danemilter-milter-XXXXXX");
    assert_non_null(mkdtemp(p.folder));
    (void)snprintf(p.path, sizeof p.path, "%s/milter", p.folder);
    const struct milter_config config = {.socket = p.path, .log = &log_ops};
    enum outcome out = milter_open(&config, &p.milter, &err);
    if (out != OUT_OK)
        fail_msg("%s", err.text);
    *state = &p;
    return 0;
}

static int end_place(void **state)
{
    struct place *p = *state;
    milter_close(&p->milter);
    assert_null(p->milter);
    assert_int_equal(access(p->path, F_OK), -1); /* the socket is gone */
    assert_int_equal(rmdir(p->folder), 0);
    return 0;
}

static int dial(const struct place *p)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", p->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* Sessions are counted when their thread saw them close, which is soon. */
static bool counted(struct place *p, const char *member)
{
    char json[1024] = "";
    for (int i = 0; i < 500; i++) {
        milter_live(p->milter, json, sizeof json);
        if (strstr(json, member) != NULL)
            return true;
        (void)poll(NULL, 0, 10);
    }
    print_message("%s\n", json);
    return false;
}

static void test_least(void **state)
{
    struct place *p = *state;
    unsigned char packet[512];
    uint32_t steps = 0;
    int fd = dial(p);
    wire_negotiate(fd, ACTIONS_OFFERED, STEPS_OFFERED, &steps);
    assert_int_equal(steps & STEPS_MASK, STEPS_WANTED);
    wire_session(fd, "TLSv1.3", true);
    for (int i = 0; i < 2; i++) { /* to HELO, and not a word more */
        (void)wire_take(fd, packet, sizeof packet);
        assert_int_equal(packet[0], 'c');
    }
    assert_false(wire_readable(fd, 200));
    wire_put(fd, 'Q', "", 0);
    assert_true(counted(p, "\"total\": 1, \"silent\": 0, \"mail\": {\"none\": 0"));
    assert_true(counted(p, "\"TLSv1.3\": 1"));
    (void)close(fd);
}

/* A mail server that knows no "no reply" waits for one: "continue", to each step. */
static void test_old_server(void **state)
{
    struct place *p = *state;
    unsigned char packet[512];
    uint32_t steps = 0;
    int fd = dial(p);
    wire_negotiate(fd, 0x3f, 0x7f, &steps);
    assert_int_equal(steps & ~0x7fUL, 0);
    wire_session(fd, NULL, true);
    for (int i = 0; i < 3; i++) {
        (void)wire_take(fd, packet, sizeof packet);
        assert_int_equal(packet[0], 'c');
    }
    wire_put(fd, 'Q', "", 0);
    assert_true(counted(p, "\"total\": 2,"));
    (void)close(fd);
}

/* Each kind of nonsense costs its own connection and nothing else. */
static void test_nonsense(void **state)
{
    struct place *p = *state;
    static const char huge[] = "\x7f\xff\xff\xffO";
    static const char zero[] = "\0\0\0\0\0";
    static const char unknown[] = "\0\0\0\001z";
    const char *list[] = {huge, zero, unknown};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        int fd = dial(p);
        (void)send(fd, list[i], 5, MSG_NOSIGNAL);
        (void)close(fd);
    }
    uint32_t steps = 0;
    int slow = dial(p), cut = dial(p);
    assert_int_equal(send(slow, "\0\0", 2, MSG_NOSIGNAL), 2); /* and then nothing */
    wire_negotiate(cut, ACTIONS_OFFERED, STEPS_OFFERED, &steps);
    wire_session(cut, NULL, false);
    assert_true(counted(p, "\"open\": 1, \"total\": 2,"));
    (void)close(cut); /* in the middle of a session */
    assert_true(counted(p, "\"total\": 3,"));
    int fd = dial(p);
    wire_negotiate(fd, ACTIONS_OFFERED, STEPS_OFFERED, &steps);
    wire_session(fd, "TLSv1.2", false);
    wire_put(fd, 'Q', "", 0);
    assert_true(counted(p, "\"open\": 0, \"total\": 4,"));
    (void)close(fd);
    (void)close(slow);
}

static void test_socket(void **state)
{
    const struct place *p = *state;
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0660);
}

static void refused(const char *path, const char *why)
{
    struct err err = ERR_INIT;
    struct milter *m = NULL;
    const struct milter_config config = {.socket = path, .log = &log_ops};
    assert_int_equal(milter_open(&config, &m, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, why));
    assert_null(m);
}

static void test_paths(void **state)
{
    char longest[200];
    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    refused(longest, "choose a shorter one");
    refused("", "1 to 107 octets");
    refused("/dev/null", "is not a socket");
    refused("inet:8891@192.0.2.1", "no address of the loopback");
}

static int stop_fd; /* of the child */

static void on_term(int sig)
{
    ssize_t n = write(stop_fd, "m", 1);
    (void)sig;
    (void)n; /* the reader notices */
}

static void on_ended(void *self, bool asked)
{
    ssize_t n = write(*(const int *)self, asked ? "y" : "n", 1);
    (void)n;
}

/* Never returns. As the daemon: a handler, and nothing that is held. */
static void stop_child(const char *path, const int fd[2])
{
    struct milter *m = NULL;
    struct err err = ERR_INIT;
    struct sigaction term;
    const struct milter_config config = {
        .socket = path, .ended = on_ended, .ended_self = &stop_fd, .log = &log_ops};
    (void)close(fd[0]);
    (void)alarm(CHILD_S);
    stop_fd = fd[1];
    memset(&term, 0, sizeof term);
    term.sa_handler = on_term;
    if (sigaction(SIGTERM, &term, NULL) != 0 || milter_open(&config, &m, &err) != OUT_OK ||
        kill(getpid(), SIGTERM) != 0)
        _exit(EXIT_FAILURE);
    for (;;)
        (void)pause();
}

/* A stop is the main thread's, at any moment: libmilter, which waits for signals too, never takes
 * it away. In a process of its own, before any milter was opened here: one a process. */
static void test_stop(void **state)
{
    int fd[2], status = 0;
    char who = '-', path[] = "/tmp/danemilter-stop-XXXXXX";
    (void)state;
    int file = mkstemp(path); /* a name of our own */
    assert_true(file >= 0);
    assert_int_equal(close(file), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        stop_child(path, fd);
    (void)close(fd[1]);
    if (wire_readable(fd[0], 20000))
        (void)!read(fd[0], &who, 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(fd[0]);
    (void)unlink(path);
    assert_int_equal(who, 'm');
}

/* ---- the guard, in a process of its own ------------------------------------------------------ */

static void say_to_pipe(void *self, enum port_level level, const char *text)
{
    (void)level;
    (void)dprintf(*(const int *)self, "%s\n", text);
}

/* Never returns. 192.0.2.0/24 as client.test has a habit of TLS. */
static void guard_child(const char *path, int out)
{
    static const struct port_log_ops log = {.line = say_to_pipe};
    static const struct guard_policy policy = {
        .downgrade = GUARD_TEMPFAIL, .memory = 3600000, .minimum = 2};
    static const uint8_t address[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 51};
    struct ledger_entry e = {.sessions = 2};
    struct ledger *ledger = NULL;
    struct milter *m = NULL;
    struct err err = ERR_INIT;
    e.last = e.since = (model_time)time(NULL) * 1000;
    e.mail[SESSION_TLS13] = e.tls[SESSION_TLS13] = 2;
    ledger_client_of(address, "client.test", &e.client);
    if (ledger_new(16, &ledger, &err) != OUT_OK)
        _exit(EXIT_FAILURE);
    ledger_restore(ledger, &e);
    const struct milter_config config = {
        .socket = path, .ledger = ledger, .guard = &policy, .log = &log, .log_self = &out};
    if (milter_open(&config, &m, &err) != OUT_OK)
        _exit(EXIT_FAILURE);
    (void)dprintf(out, "ready\n");
    (void)alarm(CHILD_S);
    (void)pause();
    _exit(EXIT_FAILURE);
}

static void hello(int fd)
{
    unsigned char packet[512];
    wire_put(fd, 'H', "client.test", sizeof "client.test");
    (void)wire_take(fd, packet, sizeof packet);
    assert_int_equal(packet[0], 'c');
}

/* What MAIL is answered; steps of the negotiation are seen to. */
static void answer(const struct place *p, const char *address, const char *tls, bool again,
                   unsigned char *packet, size_t size)
{
    static const char from[] = "<a@sender.test>";
    char connect[64] = "client.test\0004\0\031";
    uint32_t steps = 0;
    int fd = dial(p);
    memset(packet, 0, size);
    wire_negotiate(fd, ACTIONS_OFFERED, STEPS_OFFERED, &steps);
    assert_int_equal(steps & STEPS_MASK, STEPS_REPLY);
    (void)snprintf(connect + 15, sizeof connect - 15, "%s", address);
    wire_put(fd, 'C', connect, 15 + strlen(address) + 1);
    hello(fd);
    if (tls != NULL) {
        wire_macro(fd, 'H', "{tls_version}", tls);
        hello(fd);
    }
    wire_put(fd, 'M', from, sizeof from);
    (void)wire_take(fd, packet, size - 1);
    if (again) {
        memset(packet, 0, size);
        wire_put(fd, 'M', from, sizeof from);
        (void)wire_take(fd, packet, size - 1);
    }
    wire_put(fd, 'Q', "", 0);
    (void)close(fd);
}

static void hear(int fd, const char *wanted)
{
    char line[512] = "";
    for (size_t n = 0; n + 1 < sizeof line && (n == 0 || line[n - 1] != '\n'); n++) {
        assert_true(wire_readable(fd, 10000));
        assert_int_equal(read(fd, line + n, 1), 1);
    }
    if (strstr(line, wanted) == NULL)
        fail_msg("\"%s\" is not in: %s", wanted, line);
}

static void test_guard(void **state)
{
    struct place p = {.folder = "/tmp/danemilter-guard-XXXXXX"};
    unsigned char packet[512];
    int fd[2], status = 0;
    (void)state;
    assert_non_null(mkdtemp(p.folder));
    (void)snprintf(p.path, sizeof p.path, "%s/milter", p.folder);
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        guard_child(p.path, fd[1]);
    (void)close(fd[1]);
    hear(fd[0], "ready");
    answer(&p, "192.0.2.51", "TLSv1.3", false, packet, sizeof packet);
    assert_int_equal(packet[0], 'c');
    answer(&p, "198.51.100.7", NULL, true, packet, sizeof packet); /* a stranger */
    assert_int_equal(packet[0], 'c');
    assert_false(wire_readable(fd[0], 0)); /* nothing to log so far */
    answer(&p, "192.0.2.51", NULL, true, packet, sizeof packet);
    assert_int_equal(packet[0], 'y');
    assert_memory_equal(packet + 1, "451 4.7.0 ", 10);
    assert_non_null(strstr((char *)packet + 1, "(danemilter guard: downgrade)"));
    hear(fd[0], "guard: 192.0.2.51 (helo client.test) comes without TLS after ");
    assert_false(wire_readable(fd[0], 100)); /* the second one is held back */
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(fd[0]);
    (void)unlink(p.path);
    assert_int_equal(rmdir(p.folder), 0);
}

/* A port of the loopback that was free a moment ago. */
static in_port_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(close(fd), 0);
    return ntohs(a.sin_port);
}

/* Never returns. Ends by milter_close(), whose nudge goes to the port. */
static void inet_child(const char *socket, int out)
{
    static const struct port_log_ops log = {.line = say_to_pipe};
    struct milter *m = NULL;
    struct err err = ERR_INIT;
    struct sigaction wake;
    const struct milter_config config = {.socket = socket, .log = &log, .log_self = &out};
    memset(&wake, 0, sizeof wake);
    wake.sa_handler = on_term;
    stop_fd = out;
    (void)sigaction(SIGUSR2, &wake, NULL);
    (void)alarm(CHILD_S);
    if (milter_open(&config, &m, &err) != OUT_OK)
        _exit(EXIT_FAILURE);
    (void)dprintf(out, "ready\n");
    (void)pause();
    struct place p = {.milter = m};
    if (!counted(&p, "\"total\": 1,"))
        _exit(EXIT_FAILURE);
    milter_close(&m);
    _exit(EXIT_SUCCESS);
}

static void test_inet(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(free_port())};
    char socket_name[64];
    unsigned char packet[512];
    uint32_t steps = 0;
    int fd[2], status = 0;
    (void)state;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)snprintf(socket_name, sizeof socket_name, "inet:%u@127.0.0.1",
                   (unsigned)ntohs(a.sin_port));
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        inet_child(socket_name, fd[1]);
    (void)close(fd[1]);
    hear(fd[0], "ready");
    int to = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(to, (struct sockaddr *)&a, sizeof a), 0);
    wire_negotiate(to, ACTIONS_OFFERED, STEPS_OFFERED, &steps);
    assert_int_equal(steps & STEPS_MASK, STEPS_INET);
    wire_session(to, "TLSv1.3", true);
    wire_put(to, 'T', "", 0);
    for (int i = 0; i < 5; i++) { /* connect, HELO twice, MAIL, DATA */
        (void)wire_take(to, packet, sizeof packet);
        assert_int_equal(packet[0], 'c');
    }
    wire_put(to, 'Q', "", 0);
    (void)close(to);
    assert_int_equal(kill(pid, SIGUSR2), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    (void)close(fd[0]);
}

int main(void)
{
    const struct CMUnitTest alone[] = {cmocka_unit_test(test_stop), cmocka_unit_test(test_guard),
                                       cmocka_unit_test(test_inet)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_socket),     cmocka_unit_test(test_least),
        cmocka_unit_test(test_old_server), cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_paths),
    };
    (void)umask(077); /* as under master(8) */
    int failed = cmocka_run_group_tests(alone, NULL, NULL);
    return failed + cmocka_run_group_tests(tests, make_place, end_place);
}
