/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

static void a_text_grows_and_says_when_it_is_cut(void **state)
{
    (void)state;
    char buf[8];
    struct text t;
    text_init(&t, buf, sizeof buf);
    text_add(&t, "%s-%d", "ab", 12);
    assert_string_equal(buf, "ab-12");
    assert_false(t.cut);
    text_add(&t, "34");
    assert_string_equal(buf, "ab-1234");
    assert_false(t.cut);
    text_add(&t, "5");
    assert_true(t.cut);
    assert_string_equal(buf, "ab-1234");
    text_add(&t, "%s", "");
    assert_true(t.cut);
}

static void format_says_whether_it_fitted(void **state)
{
    (void)state;
    char buf[4];
    assert_true(text_format(buf, sizeof buf, "%d", 123));
    assert_false(text_format(buf, sizeof buf, "%d", 1234));
    assert_string_equal(buf, "123");
}

static void hexadecimal_goes_there_and_back(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x9f, 0xa0, 0xff};
    uint8_t back[4];
    char hex[9];
    assert_true(text_hex(hex, sizeof hex, bytes, 4));
    assert_string_equal(hex, "009fa0ff");
    assert_true(text_unhex("009FA0ff", back, 4));
    assert_memory_equal(back, bytes, 4);
    assert_false(text_hex(hex, 8, bytes, 4));
    assert_string_equal(hex, "");
    assert_false(text_unhex("009fa0f", back, 4));
    assert_false(text_unhex("009fa0fff", back, 4));
    assert_false(text_unhex("009fa0fg", back, 4));
    assert_false(text_unhex(" 09fa0ff", back, 4));
}

static void numbers_are_whole_and_in_range(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int64_t min, max;
        const char *why; /* NULL: fine */
        int64_t out;
    } rows[] = {
        {"0", 0, 9, NULL, 0},
        {"65535", 1, 65535, NULL, 65535},
        {"-3", -5, 5, NULL, -3},
        {"9223372036854775807", 0, INT64_MAX, NULL, INT64_MAX},
        {"9223372036854775808", 0, INT64_MAX,
         "9223372036854775808 is outside 0 to 9223372036854775807", 0},
        {"65536", 1, 65535, "65536 is outside 1 to 65535", 0},
        {"0", 1, 65535, "0 is outside 1 to 65535", 0},
        {"", 0, 9, "\"\" is not a number", 0},
        {"-", 0, 9, "\"-\" is not a number", 0},
        {"1x", 0, 9, "\"1x\" is not a number", 0},
        {" 1", 0, 9, "\" 1\" is not a number", 0},
        {"0x10", 0, 99, "\"0x10\" is not a number", 0},
        {"1.5", 0, 9, "\"1.5\" is not a number", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        int64_t got = 42;
        enum outcome out = text_number(rows[i].in, rows[i].min, rows[i].max, &got, &err);
        assert_int_equal(out, rows[i].why == NULL ? OUT_OK : OUT_REFUSED);
        assert_string_equal(err.text, rows[i].why == NULL ? "" : rows[i].why);
        assert_true(got == (rows[i].why == NULL ? rows[i].out : 42));
    }
}

#define DAY (INT64_C(86400000))

static void durations_have_one_number_and_one_unit(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int64_t ms;      /* -1: refused */
        const char *out; /* printed again, or the reason */
    } rows[] = {
        {"0", 0, "0 s"},
        {"60", 60000, "1 min"},
        {"2 s", 2000, "2 s"},
        {"2s", 2000, "2 s"},
        {"1500ms", 1500, "1500 ms"},
        {"15min", 900000, "15 min"},
        {"15 \t min", 900000, "15 min"},
        {"36h", 129600000, "36 h"},
        {"2d", 2 * DAY, "2 d"},
        {"1w", 7 * DAY, "7 d"},
        {"36500d", 36500 * DAY, "36500 d"},
        {"36501d", -1, "\"36501d\" is more than 100 years"},
        {"99999999999999999999", -1, "\"99999999999999999999\" is more than 100 years"},
        {"", -1, "\"\" is not a duration: write a number and a unit, as in \"15 min\""},
        {"min", -1, "\"min\" is not a duration: write a number and a unit, as in \"15 min\""},
        {"-1 s", -1, "\"-1 s\" is not a duration: write a number and a unit, as in \"15 min\""},
        {"1m", -1, "\"1m\" has an unknown unit: use one of ms, s, min, h, d, w"},
        {"1h30min", -1, "\"1h30min\" has an unknown unit: use one of ms, s, min, h, d, w"},
        {"2 s ", -1, "\"2 s \" has an unknown unit: use one of ms, s, min, h, d, w"},
        {"1.5h", -1, "\"1.5h\" has an unknown unit: use one of ms, s, min, h, d, w"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        int64_t ms = -7;
        char out[32] = "";
        enum outcome res = text_duration(rows[i].in, &ms, &err);
        if (rows[i].ms >= 0) {
            assert_int_equal(res, OUT_OK);
            assert_true(ms == rows[i].ms);
            text_print_duration(ms, out, sizeof out);
            assert_string_equal(out, rows[i].out);
        } else {
            assert_int_equal(res, OUT_REFUSED);
            assert_string_equal(err.text, rows[i].out);
            assert_true(ms == -7);
        }
    }
}

static void wiping_leaves_nothing(void **state)
{
    (void)state;
    char secret[16] = "secret";
    const char zero[16] = {0};
    text_wipe(secret, sizeof secret);
    assert_memory_equal(secret, zero, sizeof secret);
    text_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows_and_says_when_it_is_cut),
        cmocka_unit_test(format_says_whether_it_fitted),
        cmocka_unit_test(hexadecimal_goes_there_and_back),
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(durations_have_one_number_and_one_unit),
        cmocka_unit_test(wiping_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
