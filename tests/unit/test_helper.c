/* SPDX-License-Identifier: BSD-2-Clause */
/* The privileged helper: its table of operations over a real socket pair, and what it refuses. */
#include "milter/helper.h"
#include "milter/helper_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* An adapter that remembers one chain file and answers in a way that shows who was asked. */
struct box {
    int number;
    char chain[PORT_PARTS_MAX][64];
    uint8_t spki[PORT_PARTS_MAX][MODEL_ID_LEN];
    size_t n;
};

static char *dup_text(const char *text)
{
    char *copy = malloc(strlen(text) + 1);
    if (copy != NULL)
        memcpy(copy, text, strlen(text) + 1);
    return copy;
}

static enum outcome box_read(void *self, struct port_part *parts, size_t *n, struct err *err)
{
    const struct box *b = self;
    for (size_t i = 0; i < b->n; i++) {
        parts[i].alg = PORT_ALG_P256;
        memcpy(parts[i].spki, b->spki[i], MODEL_ID_LEN);
        parts[i].key_pem = dup_text("a key");
        parts[i].chain_pem = dup_text(b->chain[i]);
    }
    *n = b->n;
    return b->n > 0 ? OUT_OK : err_set(err, OUT_REFUSED, "box %d is empty", b->number);
}

static void box_free(void *self, struct port_part *parts, size_t n)
{
    (void)self;
    helper_msg_free_parts(parts, n);
}

static enum outcome box_install(void *self, const struct port_part *parts, size_t n,
                                const struct port_part *expect, size_t n_expect, struct err *err)
{
    struct box *b = self;
    if (expect != NULL &&
        (n_expect != b->n || (n_expect > 0 && strcmp(expect[0].chain_pem, b->chain[0]) != 0)))
        return err_set(err, OUT_NOT_YET, "box %d holds something else", b->number);
    b->n = n;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].key_pem[0] != '\0')
            return err_set(err, OUT_BROKEN, "a key travelled to the helper");
        (void)snprintf(b->chain[i], sizeof b->chain[i], "%s", parts[i].chain_pem);
        memcpy(b->spki[i], parts[i].spki, MODEL_ID_LEN);
    }
    return OUT_OK;
}

static enum outcome box_reload(void *self, struct err *err)
{
    const struct box *b = self;
    return err_set(err, OUT_RETRY, "box %d: the mail system is busy", b->number);
}

static enum outcome box_shred(void *self, struct err *err)
{
    (void)self;
    (void)err;
    return OUT_OK;
}

static enum outcome box_running(void *self, bool *up, struct err *err)
{
    const struct box *b = self;
    (void)err;
    *up = b->number == 1;
    return OUT_OK;
}

static enum outcome box_points(void *self, struct err *err)
{
    (void)self;
    return err_set(err, OUT_REFUSED, "main.cf points elsewhere");
}

static enum outcome box_older(void *self, model_time boot, size_t *count, struct err *err)
{
    (void)self;
    (void)err;
    *count = (size_t)(boot / 1000000000);
    return OUT_OK;
}

/* As many as its number says, and one more. */
static enum outcome box_services(void *self, struct port_service *out, size_t *n, struct err *err)
{
    const struct box *b = self;
    (void)err;
    assert_int_equal(*n, PORT_SERVICES_MAX);
    *n = (size_t)b->number + 1;
    memset(out, 0, *n * sizeof *out);
    for (size_t i = 0; i < *n; i++) {
        (void)snprintf(out[i].name, sizeof out[i].name, "service %zu", i);
        out[i].ip[15] = (uint8_t)(i + 7);
        out[i].port = (uint16_t)(65535 - i);
        out[i].wrapped = i == 1;
        out[i].ours = i == 0;
    }
    (void)snprintf(out[*n - 1].why, sizeof out[0].why, "/other.pem");
    return OUT_OK;
}

static const struct port_deploy_ops box_ops = {.read = box_read,
                                               .free_parts = box_free,
                                               .install = box_install,
                                               .reload = box_reload,
                                               .shred_old = box_shred,
                                               .running = box_running,
                                               .points_here = box_points,
                                               .older_than = box_older,
                                               .services = box_services};

static enum outcome host_reread(void *self, bool *changed, char *problems, size_t size,
                                struct err *err)
{
    static int calls;
    (void)self;
    if (calls++ == 0) {
        *changed = true;
        return OUT_OK;
    }
    (void)snprintf(problems, size, "a.conf:1: one\na.conf:2: two\n");
    return err_set(err, OUT_REFUSED, "2 problems");
}

static enum outcome host_generation(void *self, int64_t *out, struct err *err)
{
    (void)self;
    (void)err;
    *out = INT64_C(1) << 60;
    return OUT_OK;
}

/* A pipe's reading end, with something in it. */
static enum outcome host_log_socket(void *self, int *fd, struct err *err)
{
    int ends[2];
    (void)self;
    if (pipe(ends) != 0 || write(ends[1], "x", 1) != 1)
        return err_errno(err, "pipe");
    (void)close(ends[1]);
    *fd = ends[0];
    return OUT_OK;
}

static const struct helper_host host = {
    .reread = host_reread, .generation = host_generation, .log_socket = host_log_socket};

struct fixture {
    int fd;
    pid_t pid;
    struct msg msg;
    struct helper_client clients[2];
};

static void serve(int fd)
{
    struct box boxes[2] = {{.number = 0}, {.number = 1}};
    const struct helper_deploy deploys[2] = {{&box_ops, &boxes[0]}, {&box_ops, &boxes[1]}};
    struct err err = ERR_INIT;
    const struct helper_table table = {deploys, 2, &host};
    exit(helper_serve(fd, &table, &err) == OUT_OK ? 0 : 1);
}

static int setup(void **state)
{
    static struct fixture f;
    int pair[2];
    struct err err = ERR_INIT;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return -1;
    f.pid = fork();
    if (f.pid == 0) {
        (void)close(pair[0]);
        serve(pair[1]);
    }
    (void)close(pair[1]);
    f.fd = pair[0];
    for (uint32_t i = 0; i < 2; i++)
        f.clients[i] = (struct helper_client){.fd = f.fd, .certificate = i, .msg = &f.msg};
    *state = &f;
    return f.pid > 0 && msg_init(&f.msg, &err) == OUT_OK ? 0 : -1;
}

static int helper_status(struct fixture *f)
{
    int status = -1;
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
    while (f->pid > 0 && waitpid(f->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    f->pid = -1;
    return status;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    msg_free(&f->msg);
    if (f->pid > 0)
        (void)helper_status(f);
    return 0;
}

static void test_install_and_read(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char chain[] = "leaf and chain";
    struct port_part in[2] = {{.alg = PORT_ALG_P256, .chain_pem = chain},
                              {.alg = PORT_ALG_RSA2048, .chain_pem = chain}};
    memset(in[1].spki, 7, sizeof in[1].spki);
    assert_int_equal(helper_ops.install(&f->clients[1], in, 2, in, 2, &err), OUT_NOT_YET);
    assert_int_equal(helper_ops.install(&f->clients[1], in, 2, in, 0, &err), OUT_OK); /* empty */
    assert_int_equal(helper_ops.install(&f->clients[1], in, 2, in, 0, &err), OUT_NOT_YET);
    assert_string_equal(err.text, "box 1 holds something else");
    assert_int_equal(helper_ops.install(&f->clients[1], in, 2, in, 2, &err), OUT_OK);
    assert_int_equal(helper_ops.install(&f->clients[1], in, 2, NULL, 0, &err), OUT_OK);
    struct port_part out[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    assert_int_equal(helper_ops.read(&f->clients[1], out, &n, &err), OUT_OK);
    assert_int_equal(n, 2);
    assert_string_equal(out[1].chain_pem, chain);
    assert_string_equal(out[1].key_pem, "a key");
    assert_memory_equal(out[1].spki, in[1].spki, sizeof in[1].spki);
    helper_ops.free_parts(&f->clients[1], out, n);
    /* the other certificate is another one */
    assert_int_equal(helper_ops.read(&f->clients[0], out, &n, &err), OUT_REFUSED);
    assert_string_equal(err.text, "box 0 is empty");
}

static void test_values_and_texts(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    bool up = false;
    size_t count = 0;
    assert_int_equal(helper_ops.running(&f->clients[1], &up, &err), OUT_OK);
    assert_true(up);
    assert_int_equal(helper_ops.running(&f->clients[0], &up, &err), OUT_OK);
    assert_false(up);
    assert_int_equal(helper_ops.reload(&f->clients[0], &err), OUT_RETRY);
    assert_string_equal(err.text, "box 0: the mail system is busy");
    assert_int_equal(helper_ops.points_here(&f->clients[0], &err), OUT_REFUSED);
    assert_int_equal(helper_ops.shred_old(&f->clients[0], &err), OUT_OK);
    assert_int_equal(helper_ops.older_than(&f->clients[0], INT64_C(123000000000), &count, &err),
                     OUT_OK);
    assert_int_equal(count, 123);
}

static void test_services(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct port_service s[PORT_SERVICES_MAX];
    size_t n = PORT_SERVICES_MAX;
    assert_int_equal(helper_ops.services(&f->clients[1], s, &n, &err), OUT_OK);
    assert_int_equal(n, 2);
    assert_string_equal(s[0].name, "service 0");
    assert_true(s[0].ours && !s[0].wrapped && s[0].port == 65535 && s[0].ip[15] == 7);
    assert_true(!s[1].ours && s[1].wrapped && s[1].port == 65534 && s[1].ip[15] == 8);
    assert_string_equal(s[0].why, "");
    assert_string_equal(s[1].why, "/other.pem");
    n = 1; /* no room */
    assert_int_equal(helper_ops.services(&f->clients[1], s, &n, &err), OUT_BROKEN);
    assert_int_equal(n, 0);
}

static void test_host(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    bool changed = false;
    char *problems = NULL;
    int64_t generation = 0;
    int fd = -1;
    char octet = 0;
    assert_int_equal(helper_reread(&f->clients[0], &changed, &problems, &err), OUT_OK);
    assert_true(changed);
    assert_string_equal(problems, "");
    free(problems);
    assert_int_equal(helper_reread(&f->clients[0], &changed, &problems, &err), OUT_REFUSED);
    assert_false(changed);
    assert_string_equal(problems, "a.conf:1: one\na.conf:2: two\n");
    assert_string_equal(err.text, "2 problems");
    free(problems);
    assert_int_equal(helper_generation(&f->clients[0], &generation, &err), OUT_OK);
    assert_true(generation == INT64_C(1) << 60);
    assert_int_equal(helper_log_socket(&f->clients[0], &fd, &err), OUT_OK);
    assert_int_equal(read(fd, &octet, 1), 1);
    assert_int_equal(octet, 'x');
    assert_int_equal(close(fd), 0);
}

static void refused(struct fixture *f, const char *what)
{
    struct err err = ERR_INIT;
    assert_int_equal(msg_write(f->fd, &f->msg, &err), OUT_OK);
    assert_int_equal(msg_read(f->fd, &f->msg, &err), OUT_OK);
    uint32_t res = msg_take_u32(&f->msg);
    if (res == (uint32_t)OUT_OK)
        fail_msg("%s was accepted", what);
}

static void test_nonsense_is_refused(void **state)
{
    struct fixture *f = *state;
    static const uint32_t heads[][2] = {
        {HELPER_N_OPS, 0}, {0xffffffffu, 0}, {HELPER_READ, 2}, {HELPER_RELOAD, 0xffffffffu}};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        msg_reset(&f->msg);
        msg_put_u32(&f->msg, heads[i][0]);
        msg_put_u32(&f->msg, heads[i][1]);
        refused(f, "a number out of range");
    }
    msg_reset(&f->msg);
    msg_put_u32(&f->msg, HELPER_INSTALL);
    refused(f, "a message cut short");
    static const uint32_t counts[] = {1, PORT_PARTS_MAX + 1, 0xffffffffu};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        msg_reset(&f->msg);
        msg_put_u32(&f->msg, HELPER_INSTALL);
        msg_put_u32(&f->msg, 0);
        msg_put_u32(&f->msg, counts[i]);
        msg_put_u32(&f->msg, PORT_ALG_P256);
        refused(f, "parts that are not there");
    }
    bool up = false; /* and it still serves */
    struct err err = ERR_INIT;
    assert_int_equal(helper_ops.running(&f->clients[1], &up, &err), OUT_OK);
}

static void test_too_long_ends_it(void **state)
{
    struct fixture *f = *state;
    const uint8_t head[4] = {0x7f, 0xff, 0xff, 0xff};
    assert_int_equal(send(f->fd, head, sizeof head, MSG_NOSIGNAL), sizeof head);
    struct err err = ERR_INIT;
    assert_int_equal(msg_read(f->fd, &f->msg, &err), OUT_NOT_YET); /* it has gone */
    int status = helper_status(f);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void test_ends_with_the_daemon(void **state)
{
    struct fixture *f = *state;
    int status = helper_status(f);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_message_bounds(void **state)
{
    struct msg m;
    struct err err = ERR_INIT;
    char text[4];
    (void)state;
    assert_int_equal(msg_init(&m, &err), OUT_OK);
    msg_put_text(&m, "abcd");
    msg_take_text(&m, text, sizeof text); /* no room for the NUL */
    assert_true(m.bad);
    assert_string_equal(text, "");
    msg_reset(&m);
    msg_put_i64(&m, -2);
    assert_int_equal(msg_take_i64(&m), -2);
    assert_int_equal(msg_take_u32(&m), 0);
    assert_true(m.bad);
    msg_reset(&m);
    static const uint8_t big[MSG_MAX];
    msg_put_bytes(&m, big, sizeof big);
    assert_true(m.bad);
    assert_int_equal(msg_write(-1, &m, &err), OUT_REFUSED);
    msg_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_install_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_and_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_services, setup, teardown),
        cmocka_unit_test_setup_teardown(test_host, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nonsense_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_long_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_with_the_daemon, setup, teardown),
        cmocka_unit_test(test_message_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
