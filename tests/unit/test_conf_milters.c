/* SPDX-License-Identifier: BSD-2-Clause */
/* smtpd_milters and our entry in it. */
#include "conf/milters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATH "danemilter/milter"
#define INET "inet:8891@127.0.0.1"

static void test_inet(void **state)
{
    (void)state;
    static const struct {
        const char *socket;
        socklen_t len; /* 0: refused */
    } rows[] = {
        {INET, sizeof(struct sockaddr_in)},
        {"inet:65535@127.255.0.9", sizeof(struct sockaddr_in)},
        {"inet6:1024@::1", sizeof(struct sockaddr_in6)},
        {"inet:1023@127.0.0.1", 0},
        {"inet:65536@127.0.0.1", 0},
        {"inet:8891", 0},
        {"inet:@127.0.0.1", 0},
        {"inet:-1@127.0.0.1", 0},
        {"inet:99999999999999999999999@127.0.0.1", 0},
        {"inet:8891@0.0.0.0", 0},
        {"inet:8891@128.0.0.1", 0},
        {"inet:8891@localhost", 0},
        {"inet:8891@::1", 0},
        {"inet6:8891@::", 0},
        {"inet6:8891@::ffff:127.0.0.1", 0},
        {"inet6:8891@127.0.0.1", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sockaddr_storage address;
        socklen_t len = 0;
        struct err err = ERR_INIT;
        enum outcome out = milters_inet(rows[i].socket, &address, &len, &err);
        if (out != (rows[i].len != 0 ? OUT_OK : OUT_REFUSED))
            fail_msg("%s: %s", rows[i].socket, err.text);
        if (out != OUT_OK)
            continue;
        assert_int_equal(len, rows[i].len);
        assert_int_equal(address.ss_family, len == sizeof(struct sockaddr_in) ? AF_INET : AF_INET6);
    }
}

static void test_entry(void **state)
{
    static const char *const rows[][2] = {{PATH, "unix:" PATH},
                                          {"/run/x/m", "unix:/run/x/m"},
                                          {INET, "inet:127.0.0.1:8891"},
                                          {"inet6:8891@::1", "inet:[::1]:8891"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char entry[MILTERS_ENTRY_MAX];
        milters_entry(rows[i][0], entry);
        assert_string_equal(entry, rows[i][1]);
    }
}

/* Each value, and what is left of it. */
static void test_without(void **state)
{
    static const struct {
        const char *socket, *value, *left;
    } rows[] = {
        {PATH, "", ""},
        {PATH, "unix:" PATH, ""},
        {PATH, "{ unix:" PATH ", default_action=accept }", ""},
        {PATH, "{unix:" PATH "}", ""},
        {PATH, "unix:a, { unix:" PATH ", default_action=accept }, inet:b:1", "unix:a inet:b:1"},
        {PATH, "{ unix:a, b=c } unix:/var/spool/postfix/" PATH, "{ unix:a, b=c }"},
        {PATH, "unix:" PATH "2", "unix:" PATH "2"},
        {PATH, "unix:x" PATH, "unix:x" PATH},
        {PATH, "unix:/x" PATH, "unix:/x" PATH},
        {PATH, "{ unix:a, b=" PATH " }", "{ unix:a, b=" PATH " }"},
        {PATH, "{ unix:" PATH, ""},
        {"/" PATH, "unix:/a/" PATH, "unix:/a/" PATH},
        {INET, "inet:127.0.0.1:8891,unix:a", "unix:a"},
        {INET, "{ inet:localhost:8891, default_action=accept }", ""},
        {INET, "inet:127.0.0.1:88910 inet:127.0.0.2:8891",
         "inet:127.0.0.1:88910 inet:127.0.0.2:8891"},
        {"inet6:8891@::1", "unix:a { inet:[::1]:8891 }", "unix:a"},
        {"", "unix:a", "unix:a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *left = milters_without(rows[i].value, rows[i].socket);
        assert_non_null(left);
        assert_string_equal(left, rows[i].left);
        /* it is named if something was taken out */
        bool fewer = strcmp(rows[i].value, rows[i].left) != 0;
        assert_int_equal(milters_names(rows[i].value, rows[i].socket), fewer);
        free(left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inet),
        cmocka_unit_test(test_entry),
        cmocka_unit_test(test_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
