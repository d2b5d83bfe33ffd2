/* SPDX-License-Identifier: BSD-2-Clause */
/* http, url: what is read out of text, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/http.h"
#include "net/url.h"

static void retry_after_in_both_forms(void **state)
{
    const struct {
        const char *value;
        long long wall, wait;
    } rows[] = {
        {"120", 0, 120000},
        {"0", 0, 0},
        {"99999999", 0, 86400000},
        {"99999999999999999999999", 0, 86400000},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111767000, 10000},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000, 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111778000, 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0, 86400000},
        {"soon", 0, 0},
        {"-5", 0, 0},
        {"", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[] = "retry-after";
        char value[64];
        (void)snprintf(value, sizeof value, "%s", rows[i].value);
        const struct http_response got = {.n_headers = 1, .names = {name}, .values = {value}};
        assert_int_equal(http_retry_after(&got, rows[i].wall), rows[i].wait);
    }
    const struct http_response none = {0};
    assert_int_equal(http_retry_after(&none, 0), 0);
}

static void near_hosts_are_told_from_far_ones(void **state)
{
    const struct {
        const char *url;
        bool near;
    } rows[] = {
        {"http://127.0.0.1:8081", true},     {"http://localhost/", true},
        {"http://10.255.0.1", true},         {"http://172.16.0.1", true},
        {"http://172.31.255.255", true},     {"http://192.168.1.1", true},
        {"http://192.0.2.12:8081", true},    {"http://[::1]:8081/", true},
        {"http://[fd00::1]", true},          {"http://[fe80::1]", true},
        {"http://[2001:db8::12]", true},     {"http://172.32.0.1", false},
        {"http://172.15.0.1", false},        {"http://11.0.0.1", false},
        {"http://192.169.0.1", false},       {"http://8.8.8.8", false},
        {"http://[2001:4860::1]", false},    {"http://dns.example.org", false},
        {"http://127.0.0.1.example", false}, {"http://localhost.example", false},
        {"http://10.example", false},        {"http://[::2]", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        struct url url;
        assert_int_equal(url_split(rows[i].url, &url, &err), OUT_OK);
        if (url_is_near(&url) != rows[i].near)
            print_error("%s\n", rows[i].url);
        assert_int_equal(url_is_near(&url), rows[i].near);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after_in_both_forms),
        cmocka_unit_test(near_hosts_are_told_from_far_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
