/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"

static void err_starts_empty(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_string_equal(err.text, "");
}

static void clear_forgets_the_text(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    (void)err_set(&err, OUT_RETRY, "time-out");
    err_clear(&err);
    assert_string_equal(err.text, "");
    err_clear(NULL);
}

static void set_returns_its_outcome_and_formats(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(err_set(&err, OUT_REFUSED, "%s:%d: %s", "a.conf", 7, "no"), OUT_REFUSED);
    assert_string_equal(err.text, "a.conf:7: no");
    assert_int_equal(err_set(NULL, OUT_NOT_YET, "nobody reads this"), OUT_NOT_YET);
}

static void control_characters_are_escaped(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    (void)err_set(&err, OUT_BROKEN, "%s", "a\nb\033[31m\x7f\x80");
    assert_string_equal(err.text, "a?b?[31m?\x80");
}

static void long_text_is_cut_and_terminated(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char big[ERR_TEXT_MAX * 2];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    (void)err_set(&err, OUT_BROKEN, "%s", big);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    err_prepend(&err, "front");
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(err.text, "front: xxx", 10);
    err_prepend(&err, "%s", big);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(err.text, "xxxxxxxxxx", 10);
}

static void prepend_puts_context_in_front(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    (void)err_set(&err, OUT_RETRY, "time-out");
    err_prepend(&err, "ns%d", 2);
    err_prepend(&err, "zone %s", "example.org");
    assert_string_equal(err.text, "zone example.org: ns2: time-out");
    err_prepend(NULL, "nobody reads this");
}

static void errno_is_explained_and_broken(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    errno = ENOENT;
    assert_int_equal(err_errno(&err, "open %s", "/x"), OUT_BROKEN);
    assert_string_equal(err.text, "open /x: No such file or directory");
    errno = ENOSPC;
    assert_int_equal(err_errno(NULL, "write"), OUT_BROKEN);
}

static void outcomes_are_ordered_and_named(void **state)
{
    (void)state;
    static const struct {
        enum outcome out;
        const char *name;
    } table[] = {
        {OUT_OK, "ok"},           {OUT_NOT_YET, "not yet"}, {OUT_RETRY, "retry"},
        {OUT_REFUSED, "refused"}, {OUT_BROKEN, "broken"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_string_equal(err_outcome_name(table[i].out), table[i].name);
        if (i > 0)
            assert_true(table[i - 1].out < table[i].out);
    }
    assert_string_equal(err_outcome_name((enum outcome)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_starts_empty),
        cmocka_unit_test(clear_forgets_the_text),
        cmocka_unit_test(set_returns_its_outcome_and_formats),
        cmocka_unit_test(control_characters_are_escaped),
        cmocka_unit_test(long_text_is_cut_and_terminated),
        cmocka_unit_test(prepend_puts_context_in_front),
        cmocka_unit_test(errno_is_explained_and_broken),
        cmocka_unit_test(outcomes_are_ordered_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
