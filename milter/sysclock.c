/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/sysclock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef CLOCK_BOOTTIME
#define CLOCK_BOOTTIME 7 /* Linux; not in POSIX */
#endif

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

static enum outcome read_clock(clockid_t id, model_time *ms, struct err *err)
{
    struct timespec ts;
    if (clock_gettime(id, &ts) != 0)
        return err_errno(err, "clock_gettime");
    *ms = (model_time)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
    return OUT_OK;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static enum outcome parse_boot_id(const char *text, uint8_t id[16], struct err *err)
{
    size_t n = 0;
    for (; *text != '\0' && *text != '\n' && n < 32; text++) {
        int d = hex_digit(*text);
        if (*text == '-')
            continue;
        if (d < 0)
            break;
        id[n / 2] = (uint8_t)(n % 2 == 0 ? d << 4 : id[n / 2] | d);
        n++;
    }
    if (n != 32)
        return err_set(err, OUT_BROKEN, "%s does not hold a boot id", BOOT_ID_FILE);
    return OUT_OK;
}

static enum outcome read_boot_id(uint8_t id[16], struct err *err)
{
    char text[64];
    int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "%s", BOOT_ID_FILE);
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n < 0) {
        enum outcome out = err_errno(err, "%s", BOOT_ID_FILE);
        (void)close(fd);
        return out;
    }
    if (close(fd) != 0)
        return err_errno(err, "%s", BOOT_ID_FILE);
    text[n] = '\0';
    return parse_boot_id(text, id, err);
}

static enum outcome sysclock_now(void *self, struct port_time *out, struct err *err)
{
    (void)self;
    enum outcome res = read_clock(CLOCK_BOOTTIME, &out->boot, err);
    if (res == OUT_OK)
        res = read_clock(CLOCK_REALTIME, &out->wall, err);
    if (res == OUT_OK)
        res = read_boot_id(out->boot_id, err);
    return res;
}

static void sysclock_sleep(void *self, model_time ms)
{
    const struct sysclock *c = self;
    struct pollfd p = {.fd = c->pipe[0], .events = POLLIN};
    char drain[64];
    int n = poll(&p, 1, ms > 3600000 ? 3600000 : (int)ms);
    while (n > 0 && read(c->pipe[0], drain, sizeof drain) > 0)
        continue;
}

static enum outcome set_flags(int fd, struct err *err)
{
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return err_errno(err, "wake-up pipe");
    return OUT_OK;
}

enum outcome sysclock_init(struct sysclock *c, struct err *err)
{
    if (pipe(c->pipe) != 0)
        return err_errno(err, "wake-up pipe");
    enum outcome out = set_flags(c->pipe[0], err);
    return out == OUT_OK ? set_flags(c->pipe[1], err) : out;
}

void sysclock_close(struct sysclock *c)
{
    (void)close(c->pipe[0]);
    (void)close(c->pipe[1]);
}

void sysclock_wake(void *sysclock)
{
    const struct sysclock *c = sysclock;
    ssize_t n = write(c->pipe[1], "", 1);
    (void)n; /* a full pipe wakes the sleeper just as well */
}

const struct port_clock_ops sysclock_ops = {.now = sysclock_now, .sleep = sysclock_sleep};
