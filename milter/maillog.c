/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/maillog.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 2048

static size_t stamp(char *out, size_t size)
{
    struct timespec ts;
    struct tm tm;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0 || gmtime_r(&ts.tv_sec, &tm) == NULL)
        return 0;
    size_t len = strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
    int n = snprintf(out + len, size - len, ".%03ld ", ts.tv_nsec / 1000000);
    return len + (n > 0 ? (size_t)n : 0);
}

static void maillog_line(void *self, enum port_level level, const char *text)
{
    static const char *const prefix[] = {"", "warning: ", "error: "};
    const struct maillog *log = self;
    char line[LINE_MAX_LEN];
    size_t len = stamp(line, sizeof line);
    int n = snprintf(line + len, sizeof line - len - 1, "%s%s", prefix[level], text);
    if (n < 0)
        return;
    len = strlen(line);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[len++] = '\n';
    if (write(log->fd, line, len) < 0)
        return; /* the log never stops the daemon */
}

const struct port_log_ops maillog_ops = {.line = maillog_line};
