/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions by what Postfix reports of them (facts: which callbacks come in which session). */
#include "milter/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* C connect, H HELO, T HELO with TLS, M MAIL; the session then closes. */
struct kind {
    const char *events;
    const char *tls;
    const char *member; /* that becomes 1 */
};

static const struct kind kinds[] = {
    {"CHM", NULL, "\"mail\": {\"none\": 1,"},
    {"CHMM", NULL, "\"mail\": {\"none\": 1,"},
    {"CHTM", "TLSv1.3",
     "\"mail\": {\"none\": 0, \"TLSv1\": 0, \"TLSv1.1\": 0, \"TLSv1.2\": 0, "
     "\"TLSv1.3\": 1,"},
    {"CHT", "TLSv1.2", "\"no_mail\": {\"none\": 0, \"TLSv1\": 0, \"TLSv1.1\": 0, \"TLSv1.2\": 1,"},
    {"CTM", "TLSv1", "\"mail\": {\"none\": 0, \"TLSv1\": 1,"},
    {"CTM", "TLSv1.1", "\"mail\": {\"none\": 0, \"TLSv1\": 0, \"TLSv1.1\": 1,"},
    {"CTM", "TLSv9", "\"TLSv1.3\": 0, \"other\": 1}, \"no_mail\""},
    {"CH", NULL, "\"no_mail\": {\"none\": 1,"},
    {"CH", "", "\"no_mail\": {\"none\": 1,"},
    {"C", NULL, "\"silent\": 1"},
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct session_counts counts;
        struct session s;
        char json[1024];
        memset(&counts, 0, sizeof counts);
        for (const char *e = kinds[i].events; *e != '\0'; e++) {
            if (*e == 'C')
                session_begin(&s, &counts);
            else if (*e == 'H')
                session_helo(&s, NULL);
            else if (*e == 'T')
                session_helo(&s, kinds[i].tls);
            else
                session_mail(&s);
        }
        assert_true(session_json(&counts, json, sizeof json));
        assert_non_null(strstr(json, "\"open\": 1, \"total\": 0"));
        session_end(&s, &counts);
        assert_true(session_json(&counts, json, sizeof json));
        assert_non_null(strstr(json, "\"open\": 0, \"total\": 1"));
        if (strstr(json, kinds[i].member) == NULL)
            fail_msg("%s: no %s in %s", kinds[i].events, kinds[i].member, json);
    }
}

/* The second HELO decides: a client that says HELO after STARTTLS is a TLS client. */
static void test_last_helo(void **state)
{
    struct session s;
    struct session_counts counts;
    (void)state;
    memset(&counts, 0, sizeof counts);
    session_begin(&s, &counts);
    session_helo(&s, NULL);
    assert_int_equal(s.tls, SESSION_PLAIN);
    session_helo(&s, "TLSv1.3");
    assert_int_equal(s.tls, SESSION_TLS13);
    assert_string_equal(session_tls_name(s.tls), "TLSv1.3");
}

static void test_room(void **state)
{
    struct session_counts counts;
    char json[1024], small[64];
    (void)state;
    memset(&counts, 0, sizeof counts);
    assert_true(session_json(&counts, json, sizeof json));
    assert_false(session_json(&counts, small, sizeof small));
    assert_string_equal(small, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_last_helo),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
