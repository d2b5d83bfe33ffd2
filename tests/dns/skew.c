/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * skew - the clock of a test program, as many seconds off as SKEW in the environment says
 *
 * Linked into a program, these stand before the C library's, also for the shared libraries.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t skew(void)
{
    const char *text = getenv("SKEW");
    return text == NULL ? 0 : (time_t)strtol(text, NULL, 10);
}

int gettimeofday(struct timeval *tv, void *zone)
{
    struct timespec ts;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return -1;
    tv->tv_sec = ts.tv_sec + skew();
    tv->tv_usec = (suseconds_t)(ts.tv_nsec / 1000);
    return 0;
}

time_t time(time_t *out)
{
    struct timespec ts;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return (time_t)-1;
    time_t now = ts.tv_sec + skew();
    if (out != NULL)
        *out = now;
    return now;
}
