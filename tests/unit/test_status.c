/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of danectl status: broken between words, and nowhere else. */
#include "status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void wrapped(const char *label, const char *text, int indent, char *out, size_t size)
{
    FILE *file = fmemopen(out, size, "w");
    assert_non_null(file);
    status_wrap(file, label, text, indent);
    assert_int_equal(fclose(file), 0);
}

static void test_words(void **state)
{
    static const struct {
        const char *label, *text, *out;
        int indent;
    } rows[] = {
        {"", "no key is switched", "no key is switched\n", 2},
        {"", "it was not frozen", "it was not frozen\n", 2},
        {"  !", "no longer", "  ! no longer\n", 6},
        {"     ", "a b", "      a b\n", 6},
        {"", "", "\n", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[256] = "";
        wrapped(rows[i].label, rows[i].text, rows[i].indent, out, sizeof out);
        assert_string_equal(out, rows[i].out);
    }
}

/* Taken apart and put together again, a long text is the same; no line is too long. */
static void test_long(void **state)
{
    char text[600] = "", out[800] = "";
    (void)state;
    for (int i = 0; i < 80; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%sno%d", i > 0 ? " " : "",
                       i);
    wrapped("", text, 2, out, sizeof out);
    const char *rest = text;
    size_t column = 0, lines = 0;
    for (const char *p = out; *p != '\0'; p++) {
        column = *p == '\n' ? 0 : column + 1;
        assert_true(column <= 100);
        lines += *p == '\n';
        if (*p == ' ' || *p == '\n')
            continue;
        rest += strspn(rest, " ");
        assert_int_equal(*p, *rest++);
    }
    assert_string_equal(rest, "");
    assert_true(lines > 3);
}

/* A secondary that has not fetched the last change yet is shown, and wants attention later. */
static void test_settles(void **state)
{
    static const struct {
        model_time since, poll;
        uint8_t kind;
        bool attention;
    } rows[] = {{120000, 1000, MODEL_ANS_RRSET, false},
                {120000 - STATUS_SETTLE_MS + 1, 1000, MODEL_ANS_NODATA, false},
                {120000 - STATUS_SETTLE_MS, 1000, MODEL_ANS_RRSET, true},
                {120000 - STATUS_SETTLE_MS, 31000, MODEL_ANS_RRSET, false},
                {120000 - 62000, 31000, MODEL_ANS_RRSET, true},
                {120000, 1000, MODEL_ANS_SILENT, true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct port_state st;
        static struct status out;
        struct model_policy policy = {.poll = rows[i].poll};
        struct model_now now = {.steady = 120000, .wall = 120000};
        static struct port_tlsa rec = {.combo = {3, 1, 1}, .len = 32};
        struct model_owner *o = &st.facts.owners[0];
        memset(&st, 0, sizeof st);
        memset(&out, 0, sizeof out);
        st.facts.recs[0].used = st.facts.recs[0].ours = true;
        st.recs[0] = &rec;
        o->used = o->addrs[0].used = true;
        o->want = MODEL_BIT(0);
        o->changed_at = MODEL_NEVER;
        o->addrs[0].last_kind = rows[i].kind;
        o->addrs[0].sights[0] = (struct model_sight){MODEL_ABSENT, rows[i].since};
        o->addrs[0].last_try = o->addrs[0].last_answer = 119000;
        status_read("mx", &st, &policy, now, &out);
        assert_int_equal(out.n_servers, 1);
        assert_int_equal(out.servers[0].sight, STATUS_DISAGREES);
        assert_int_equal(out.attention, rows[i].attention);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_long),
                                       cmocka_unit_test(test_settles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
