/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* explicit_bzero */
#include "config.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_DURATION_MAX (INT64_C(36500) * 24 * 3600 * 1000)

void text_init(struct text *text, char *buf, size_t size)
{
    text->buf = buf;
    text->size = size;
    text->len = 0;
    text->cut = false;
    buf[0] = '\0';
}

void text_add(struct text *text, const char *fmt, ...)
{
    if (text->cut)
        return;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text->buf + text->len, text->size - text->len, fmt, ap);
    va_end(ap);
    if (n < 0) {
        text->buf[text->len] = '\0';
        text->cut = true;
    } else if ((size_t)n >= text->size - text->len) {
        text->len = text->size - 1;
        text->cut = true;
    } else {
        text->len += (size_t)n;
    }
}

bool text_format(char *out, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out, size, fmt, ap);
    va_end(ap);
    return n >= 0 && (size_t)n < size;
}

bool text_hex(char *out, size_t size, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    if (size == 0)
        return false;
    out[0] = '\0';
    if (n > (size - 1) / 2)
        return false;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
    return true;
}

static int text_nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_unhex(const char *hex, uint8_t *bytes, size_t n)
{
    if (strlen(hex) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = text_nibble(hex[2 * i]);
        int low = text_nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* Digits from *p on; false when there are none or the number passes `max`. Moves *p. */
static bool text_digits(const char **p, int64_t max, int64_t *out)
{
    int64_t n = 0;
    const char *begin = *p;
    bool fits = true;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        int digit = **p - '0';
        if (!fits || n > (max - digit) / 10)
            fits = false;
        else
            n = n * 10 + digit;
    }
    *out = n;
    return fits && *p != begin;
}

enum outcome text_number(const char *text, int64_t min, int64_t max, int64_t *out, struct err *err)
{
    const char *p = text;
    bool minus = *p == '-';
    if (minus)
        p++;
    int64_t n = 0;
    bool fits = text_digits(&p, INT64_MAX, &n);
    bool number = p != text + (minus ? 1 : 0) && *p == '\0';
    if (!number)
        return err_set(err, OUT_REFUSED, "\"%s\" is not a number", text);
    if (minus)
        n = -n;
    if (!fits || n < min || n > max)
        return err_set(err, OUT_REFUSED, "%s is outside %" PRId64 " to %" PRId64, text, min, max);
    *out = n;
    return OUT_OK;
}

struct text_unit {
    const char *name;
    int64_t ms;
};

/* From the largest to the smallest, for printing. */
static const struct text_unit text_units[] = {
    {"w", INT64_C(604800000)},
    {"d", 86400000},
    {"h", 3600000},
    {"min", 60000},
    {"s", 1000},
    {"ms", 1},
};
#define TEXT_UNITS (sizeof text_units / sizeof text_units[0])

enum outcome text_duration(const char *text, int64_t *ms, struct err *err)
{
    const char *p = text;
    int64_t n = 0;
    bool fits = text_digits(&p, TEXT_DURATION_MAX, &n);
    if (p == text)
        return err_set(err, OUT_REFUSED,
                       "\"%s\" is not a duration: write a number and a unit, as in \"15 min\"",
                       text);
    while (*p == ' ' || *p == '\t')
        p++;
    int64_t unit = *p == '\0' ? 1000 : 0;
    for (size_t i = 0; i < TEXT_UNITS && unit == 0; i++) {
        if (strcmp(p, text_units[i].name) == 0)
            unit = text_units[i].ms;
    }
    if (unit == 0)
        return err_set(err, OUT_REFUSED,
                       "\"%s\" has an unknown unit: use one of ms, s, min, h, d, w", text);
    if (!fits || n > TEXT_DURATION_MAX / unit)
        return err_set(err, OUT_REFUSED, "\"%s\" is more than 100 years", text);
    *ms = n * unit;
    return OUT_OK;
}

void text_print_duration(int64_t ms, char *out, size_t size)
{
    size_t i = 1; /* weeks are read, but days are easier to compare */
    while (i < TEXT_UNITS - 1 && (ms == 0 ? text_units[i].ms != 1000 : ms % text_units[i].ms != 0))
        i++;
    (void)snprintf(out, size, "%" PRId64 " %s", ms / text_units[i].ms, text_units[i].name);
}

void text_ip(const uint8_t ip[16], char out[TEXT_IP_MAX])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool four = memcmp(ip, mapped, sizeof mapped) == 0;
    const char *text = four ? inet_ntop(AF_INET, ip + sizeof mapped, out, TEXT_IP_MAX)
                            : inet_ntop(AF_INET6, ip, out, TEXT_IP_MAX);
    if (text == NULL)
        out[0] = '\0';
}

void text_wipe(void *mem, size_t n)
{
    if (n == 0)
        return;
#ifdef HAVE_EXPLICIT_BZERO
    explicit_bzero(mem, n);
#else
    volatile unsigned char *p = mem;
    while (n-- > 0)
        *p++ = 0;
#endif
}
