/* SPDX-License-Identifier: BSD-2-Clause */
/* http: what comes back, what is refused, and that everything is bounded. */
#include <setjmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "net/http.h"
#include "tests/dns/fakehttp.h"
#include "tests/prober/pki.h"

struct world {
    pthread_mutex_t lock; /* asked, last */
    struct fakehttp *plain, *tls;
    SSL_CTX *ctx;
    struct pki_cert ca, leaf, wrong, twin; /* twin: the CA's name, another key */
    char ca_file[64], other_file[64], twin_file[64];
    unsigned asked;
    char last[FAKEHTTP_REQUEST_MAX]; /* method, path, headers, body of the last request */
};

/* ---- the server ---------------------------------------------------------------------- */

static bool endless(struct fakehttp_conn *conn, const char *begin, const char *more)
{
    bool up = fakehttp_write(conn, begin, strlen(begin));
    while (up)
        up = fakehttp_write(conn, more, strlen(more));
    return false;
}

static bool answer_odd(const char *path, struct fakehttp_conn *conn)
{
    static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    static char line[HTTP_HEADER_MAX + 64];
    if (strcmp(path, "/headers") == 0)
        return endless(conn, "HTTP/1.1 200 OK\r\n", "X-More: yes\r\n");
    if (strcmp(path, "/interim") == 0)
        return endless(conn, "", "HTTP/1.1 103 Early Hints\r\nX-More: yes\r\n\r\n");
    if (strcmp(path, "/body") == 0)
        return endless(conn, chunked, "4\r\nmore\r\n");
    if (strcmp(path, "/header") == 0) {
        memset(line, 'x', sizeof line - 1);
        memcpy(line, "X: ", 3);
        return fakehttp_write(conn, "HTTP/1.1 200 OK\r\n", 17) &&
               fakehttp_write(conn, line, sizeof line - 1) &&
               fakehttp_write(conn, "\r\nContent-Length: 0\r\n\r\n", 23);
    }
    if (strcmp(path, "/half") == 0) {
        (void)fakehttp_write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 42);
        return false;
    }
    if (strcmp(path, "/rubbish") == 0) {
        (void)fakehttp_write(conn, "220 mx ESMTP\r\n", 14);
        return false;
    }
    if (strcmp(path, "/trailer") == 0) {
        static const char text[] = "HTTP/1.1 100 Continue\r\nX-A: interim\r\n\r\n"
                                   "HTTP/1.1 200 OK\r\nX-A: one\r\nTransfer-Encoding: chunked\r\n"
                                   "Trailer: X-B\r\n\r\n2\r\nok\r\n0\r\nX-B: late\r\n\r\n";
        return fakehttp_write(conn, text, sizeof text - 1);
    }
    if (strcmp(path, "/hang") == 0) {
        fakehttp_hang(conn);
        return false;
    }
    return fakehttp_say(conn, 404, "", "nothing here");
}

static bool answer(void *arg, const struct fakehttp_request *request, struct fakehttp_conn *conn)
{
    struct world *w = arg;
    (void)pthread_mutex_lock(&w->lock); /* two servers, a thread each */
    w->asked++;
    (void)snprintf(w->last, sizeof w->last, "%s %s %s%s", request->method, request->path,
                   request->head, request->body);
    (void)pthread_mutex_unlock(&w->lock);
    if (strcmp(request->method, "HEAD") == 0)
        return fakehttp_write(
            conn, "HTTP/1.1 200 OK\r\nReplay-Nonce: n\r\nContent-Length: 9\r\n\r\n", 55);
    if (strcmp(request->path, "/") == 0)
        return fakehttp_say(
            conn, 200, "X-One: 1\r\nLink: <a>;rel=\"up\"\r\nlink:  <b> \r\nX-None:\r\n", "hello");
    if (strcmp(request->path, "/moved") == 0)
        return fakehttp_say(conn, 302, "Location: /\r\n", "");
    if (strcmp(request->path, "/bad") == 0)
        return fakehttp_say(conn, 500, "", "{\"error\":\"x\"}");
    return answer_odd(request->path, conn);
}

/* ---- the fixture --------------------------------------------------------------------- */

static void write_ca(const struct pki_cert *cert, char path[64])
{
    (void)snprintf(path, 64, "/tmp/test_http.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert->cert), 1);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    struct err err = ERR_INIT;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(pthread_mutex_init(&w->lock, NULL), 0);
    assert_int_equal(sigaction(SIGPIPE, &ignore, NULL), 0);
    assert_int_equal(http_global_init(&err), OUT_OK);
    pki_make(&(struct pki_spec){.name = "test CA", .alg = "P-256", .issuer = true}, &w->ca);
    pki_make(&(struct pki_spec){.name = "localhost", .alg = "P-256", .by = &w->ca}, &w->leaf);
    pki_make(&(struct pki_spec){.name = "other CA", .alg = "P-256", .issuer = true}, &w->wrong);
    pki_make(&(struct pki_spec){.name = "test CA", .alg = "P-256", .issuer = true}, &w->twin);
    write_ca(&w->ca, w->ca_file);
    write_ca(&w->wrong, w->other_file);
    write_ca(&w->twin, w->twin_file);
    w->ctx = SSL_CTX_new(TLS_server_method());
    assert_non_null(w->ctx);
    pki_serve(w->ctx, (const struct pki_cert *const[]){&w->leaf, NULL});
    w->plain = fakehttp_new(answer, w, NULL);
    w->tls = fakehttp_new(answer, w, w->ctx);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fakehttp_free(&w->plain);
    fakehttp_free(&w->tls);
    SSL_CTX_free(w->ctx);
    pki_free(&w->ca);
    pki_free(&w->leaf);
    pki_free(&w->wrong);
    pki_free(&w->twin);
    assert_int_equal(unlink(w->ca_file), 0);
    assert_int_equal(unlink(w->other_file), 0);
    assert_int_equal(unlink(w->twin_file), 0);
    http_global_end();
    assert_int_equal(pthread_mutex_destroy(&w->lock), 0);
    free(w);
    return 0;
}

static struct http *open_http(const struct http_config *config)
{
    struct err err = ERR_INIT;
    struct http *http = NULL;
    assert_int_equal(http_open(config, &http, &err), OUT_OK);
    assert_non_null(http);
    return http;
}

static enum outcome get(struct http *http, const struct world *w, const char *path,
                        struct http_response *out, struct err *err)
{
    char url[256];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", fakehttp_port(w->plain), path);
    const struct http_request request = {.method = "GET", .url = url};
    err_clear(err);
    enum outcome rc = http_do(http, &request, out, err);
    print_message("%s: %s %s\n", path, err_outcome_name(rc), err->text);
    return rc;
}

static enum outcome get_tls(struct http *http, const struct world *w, const char *host,
                            struct http_response *out, struct err *err)
{
    char url[256];
    (void)snprintf(url, sizeof url, "https://%s:%u/", host, fakehttp_port(w->tls));
    const struct http_request request = {.method = "GET", .url = url};
    err_clear(err);
    enum outcome rc = http_do(http, &request, out, err);
    print_message("%s: %s %s\n", url, err_outcome_name(rc), err->text);
    return rc;
}

/* ---- tests --------------------------------------------------------------------------- */

static void status_headers_and_body(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    struct http_response got;
    struct http *http = open_http(&(struct http_config){.plain = true});
    assert_int_equal(get(http, w, "/", &got, &err), OUT_OK);
    assert_int_equal(got.status, 200);
    assert_string_equal(got.body, "hello");
    assert_int_equal(got.len, 5);
    assert_string_equal(http_header(&got, "x-one"), "1");
    assert_string_equal(http_header(&got, "X-None"), "");
    assert_null(http_header(&got, "X-Two"));
    size_t at = 0;
    assert_string_equal(http_header_next(&got, "Link", &at), "<a>;rel=\"up\"");
    assert_string_equal(http_header_next(&got, "Link", &at), "<b>");
    assert_null(http_header_next(&got, "Link", &at));
    assert_non_null(strstr(w->last, "\r\nUser-Agent: danemilter/"));
    http_response_free(&got);
    assert_null(got.body);
    assert_int_equal(get(http, w, "/bad", &got, &err), OUT_OK);
    assert_int_equal(got.status, 500);
    assert_string_equal(got.body, "{\"error\":\"x\"}");
    http_response_free(&got);
    assert_int_equal(get(http, w, "/trailer", &got, &err), OUT_OK);
    assert_string_equal(got.body, "ok");
    at = 0;
    assert_string_equal(http_header_next(&got, "X-A", &at), "one");
    assert_null(http_header_next(&got, "X-A", &at));
    assert_null(http_header(&got, "X-B"));
    http_response_free(&got);
    http_close(&http);
    assert_null(http);
}

static void methods_headers_and_bodies_go_out(void **state)
{
    struct world *w = *state;
    char url[64];
    struct http *http = open_http(&(struct http_config){.plain = true});
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", fakehttp_port(w->plain));
    const struct http_header headers[] = {
        {"X-API-Key", "secret"}, {"Content-Type", "application/jose+json"}, {"X-Empty", ""}};
    const struct {
        struct http_request request;
        const char *says[4];
        const char *hides;
    } rows[] = {
        {{.method = "POST", .url = url, .headers = headers, .n_headers = 3, .body = "{}", .len = 2},
         {"POST / ", "X-API-Key: secret\r\n", "Content-Type: application/jose+json\r\n", "{}"},
         "Expect"},
        {{.method = "PATCH", .url = url, .body = "a\nb", .len = 3},
         {"PATCH / ", "Content-Length: 3\r\n", "a\nb", ""},
         "Content-Type"},
        {{.method = "PUT", .url = url},
         {"PUT / ", "Content-Length: 0\r\n", "", ""},
         "Content-Type"},
        {{.method = "HEAD", .url = url}, {"HEAD / ", "", "", ""}, "Content-Length"},
        {{.method = "GET", .url = url, .headers = headers, .n_headers = 3},
         {"GET / ", "X-Empty:\r\n", "", ""},
         "Content-Length"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct http_response got;
        assert_int_equal(http_do(http, &rows[i].request, &got, &err), OUT_OK);
        assert_int_equal(got.status, 200);
        for (size_t j = 0; j < 4; j++)
            assert_non_null(strstr(w->last, rows[i].says[j]));
        assert_null(strstr(w->last, rows[i].hides));
        http_response_free(&got);
    }
    assert_int_equal(http_connections(http), 1);
    http_close(&http);
}

static void redirects_are_answers(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    struct http_response got;
    struct http *http = open_http(&(struct http_config){.plain = true});
    unsigned before = w->asked;
    assert_int_equal(get(http, w, "/moved", &got, &err), OUT_OK);
    assert_int_equal(got.status, 302);
    assert_string_equal(http_header(&got, "Location"), "/");
    assert_int_equal(w->asked, before + 1);
    http_response_free(&got);
    http_close(&http);
}

static void what_is_not_spoken_is_refused(void **state)
{
    struct world *w = *state;
    struct http *http = open_http(&(struct http_config){0});
    char plain[64];
    (void)snprintf(plain, sizeof plain, "http://127.0.0.1:%u/", fakehttp_port(w->plain));
    const struct http_header split = {"X-A", "a\r\nX-B: b"};
    const struct {
        struct http_request request;
        enum outcome out;
        const char *says;
    } rows[] = {
        {{.method = "GET", .url = plain}, OUT_REFUSED, "plain http is refused"},
        {{.method = "GET", .url = "file:///etc/passwd"}, OUT_REFUSED, "not a URL"},
        {{.method = "GET", .url = "ftp://127.0.0.1/"}, OUT_REFUSED, "only https"},
        {{.method = "GET", .url = "https://me:word@127.0.0.1/"}, OUT_REFUSED, "password"},
        {{.method = "GET", .url = "https://"}, OUT_REFUSED, "not a URL"},
        {{.method = "GET", .url = "nonsense"}, OUT_REFUSED, "not a URL"},
        {{.method = "GET", .url = "https://127.0.0.1:1/", .headers = &split, .n_headers = 1},
         OUT_REFUSED,
         "line break"},
        {{.method = "DELETE", .url = "https://127.0.0.1:1/"}, OUT_BROKEN, "DELETE"},
    };
    unsigned before = w->asked;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct http_response got;
        enum outcome rc = http_do(http, &rows[i].request, &got, &err);
        print_message("%s: %s\n", rows[i].request.url, err.text);
        assert_int_equal(rc, rows[i].out);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_null(strstr(err.text, "word@"));
        http_response_free(&got);
    }
    assert_int_equal(w->asked, before);
    http_close(&http);
}

static void answers_have_a_ceiling(void **state)
{
    struct world *w = *state;
    const struct {
        const char *path, *says;
        enum outcome out;
    } rows[] = {
        {"/headers", "number of headers", OUT_REFUSED},
        {"/interim", "number of headers", OUT_REFUSED},
        {"/header", "a header", OUT_REFUSED},
        {"/body", "the body", OUT_REFUSED},
        {"/half", "no answer", OUT_RETRY},
        {"/rubbish", "no answer", OUT_RETRY},
    };
    struct http *http = open_http(&(struct http_config){.plain = true, .body_max = 4096});
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct http_response got;
        assert_int_equal(get(http, w, rows[i].path, &got, &err), rows[i].out);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_null(got.body);
        http_response_free(&got);
    }
    http_close(&http);
    struct err err = ERR_INIT;
    struct http_response got;
    http = open_http(&(struct http_config){.plain = true, .body_max = 4});
    assert_int_equal(get(http, w, "/", &got, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "the body of the answer is too large"));
    http_close(&http);
    http = open_http(&(struct http_config){.plain = true, .body_max = 5});
    assert_int_equal(get(http, w, "/", &got, &err), OUT_OK);
    http_response_free(&got);
    http_close(&http);
}

static bool stop_at_second(void *self)
{
    int *asked = self;
    return ++*asked >= 2;
}

static void a_request_ends_in_time(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    struct http_response got;
    int asked = 0;
    time_t begin = time(NULL);
    struct http *http = open_http(&(struct http_config){.plain = true, .total_ms = 300});
    assert_int_equal(get(http, w, "/hang", &got, &err), OUT_RETRY);
    assert_non_null(strstr(err.text, "no answer in time"));
    assert_non_null(strstr(err.text, "127.0.0.1"));
    http_close(&http);
    http =
        open_http(&(struct http_config){.plain = true, .stopping = stop_at_second, .self = &asked});
    assert_int_equal(get(http, w, "/hang", &got, &err), OUT_RETRY);
    assert_non_null(strstr(err.text, "stopping"));
    http_close(&http);
    assert_true(time(NULL) - begin < 8);
}

static void nobody_there_is_no_answer(void **state)
{
    struct err err = ERR_INIT;
    struct http_response got;
    struct http *http = open_http(&(struct http_config){.connect_ms = 2000});
    const struct http_request request = {.method = "GET", .url = "https://127.0.0.1:1/"};
    (void)state;
    assert_int_equal(http_do(http, &request, &got, &err), OUT_RETRY);
    assert_non_null(strstr(err.text, "https://127.0.0.1:1: no answer"));
    http_close(&http);
}

static void only_trusted_servers_are_spoken_to(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    struct http_response got;
    struct http *http = open_http(&(struct http_config){.ca_file = w->ca_file});
    assert_int_equal(get_tls(http, w, "localhost", &got, &err), OUT_OK);
    assert_string_equal(got.body, "hello");
    http_response_free(&got);
    /* The certificate has no such name. */
    assert_int_equal(get_tls(http, w, "127.0.0.1", &got, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "not to be trusted"));
    http_close(&http);
    const char *const others[] = {w->other_file, w->twin_file, NULL};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        unsigned before = w->asked;
        http = open_http(&(struct http_config){.ca_file = others[i]});
        assert_int_equal(get_tls(http, w, "localhost", &got, &err), OUT_REFUSED);
        assert_non_null(strstr(err.text, "not to be trusted"));
        assert_int_equal(w->asked, before);
        http_close(&http);
    }
    assert_int_equal(http_open(&(struct http_config){.ca_file = "/nowhere/ca.pem"}, &http, &err),
                     OUT_BROKEN);
    assert_non_null(strstr(err.text, "/nowhere/ca.pem"));
    assert_null(http);
}

static void old_tls_is_not_spoken(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    struct http_response got;
    SSL_CTX *old = SSL_CTX_new(TLS_server_method());
    assert_non_null(old);
    pki_serve(old, (const struct pki_cert *const[]){&w->leaf, NULL});
    SSL_CTX_set_security_level(old, 0);
    assert_int_equal(SSL_CTX_set_max_proto_version(old, TLS1_1_VERSION), 1);
    struct fakehttp *tls = w->tls;
    struct http *http = open_http(&(struct http_config){.ca_file = w->ca_file});
    w->tls = fakehttp_new(answer, w, old);
    assert_int_equal(get_tls(http, w, "localhost", &got, &err), OUT_RETRY);
    fakehttp_free(&w->tls);
    w->tls = tls;
    http_close(&http);
    SSL_CTX_free(old);
}

static void one_connection_serves_many_requests(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    struct http_response got;
    struct http *http = open_http(&(struct http_config){.ca_file = w->ca_file});
    unsigned before = fakehttp_connections(w->tls);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get_tls(http, w, "localhost", &got, &err), OUT_OK);
        http_response_free(&got);
    }
    assert_int_equal(fakehttp_connections(w->tls), before + 1);
    assert_int_equal(http_connections(http), 1);
    http_close(&http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_headers_and_body),
        cmocka_unit_test(methods_headers_and_bodies_go_out),
        cmocka_unit_test(redirects_are_answers),
        cmocka_unit_test(what_is_not_spoken_is_refused),
        cmocka_unit_test(answers_have_a_ceiling),
        cmocka_unit_test(a_request_ends_in_time),
        cmocka_unit_test(nobody_there_is_no_answer),
        cmocka_unit_test(only_trusted_servers_are_spoken_to),
        cmocka_unit_test(old_tls_is_not_spoken),
        cmocka_unit_test(one_connection_serves_many_requests),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
