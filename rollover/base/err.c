/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_clear(struct err *err)
{
    if (err != NULL)
        err->text[0] = '\0';
}

static void err_escape(struct err *err)
{
    for (char *p = err->text; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
}

static void ERR_PRINTF(2, 0) err_vformat(struct err *err, const char *fmt, va_list ap)
{
    if (vsnprintf(err->text, sizeof err->text, fmt, ap) < 0)
        err->text[0] = '\0';
    err_escape(err);
}

void err_say(struct err *err, const char *fmt, ...)
{
    if (err == NULL)
        return;
    va_list ap;
    va_start(ap, fmt);
    err_vformat(err, fmt, ap);
    va_end(ap);
}

void err_prepend(struct err *err, const char *fmt, ...)
{
    if (err == NULL)
        return;
    struct err front = ERR_INIT;
    va_list ap;
    va_start(ap, fmt);
    err_vformat(&front, fmt, ap);
    va_end(ap);
    size_t len = strlen(front.text);
    int n = snprintf(front.text + len, sizeof front.text - len, ": %s", err->text);
    if (n >= 0)
        *err = front;
}

void err_say_errno(struct err *err, const char *fmt, ...)
{
    int saved = errno;
    if (err == NULL)
        return;
    va_list ap;
    va_start(ap, fmt);
    err_vformat(err, fmt, ap);
    va_end(ap);
    size_t len = strlen(err->text);
    char why[128];
    if (strerror_r(saved, why, sizeof why) != 0)
        (void)snprintf(why, sizeof why, "errno %d", saved);
    (void)snprintf(err->text + len, sizeof err->text - len, ": %s", why);
}

const char *err_outcome_name(enum outcome out)
{
    switch (out) {
    case OUT_OK:
        return "ok";
    case OUT_NOT_YET:
        return "not yet";
    case OUT_RETRY:
        return "retry";
    case OUT_REFUSED:
        return "refused";
    case OUT_BROKEN:
        return "broken";
    }
    return "unknown";
}
