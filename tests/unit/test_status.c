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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
