/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/milter/wire.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <cmocka.h>

void wire_put(int fd, char command, const void *data, size_t len)
{
    char packet[512];
    uint32_t n = htonl((uint32_t)len + 1);
    assert_true(len + 5 <= sizeof packet);
    memcpy(packet, &n, 4);
    packet[4] = command;
    memcpy(packet + 5, data, len);
    assert_int_equal(send(fd, packet, len + 5, MSG_NOSIGNAL), (ssize_t)len + 5);
}

bool wire_readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) > 0;
}

/* One packet; its first octet is the command. */
size_t wire_take(int fd, unsigned char *packet, size_t size)
{
    uint32_t n = 0;
    assert_true(wire_readable(fd, 10000));
    assert_int_equal(recv(fd, &n, 4, MSG_WAITALL), 4);
    n = ntohl(n);
    assert_true(n >= 1 && n <= size);
    assert_int_equal(recv(fd, packet, n, MSG_WAITALL), (ssize_t)n);
    return n;
}

static uint32_t wire_number(const unsigned char *at)
{
    uint32_t n;
    memcpy(&n, at, 4);
    return ntohl(n);
}

void wire_negotiate(int fd, unsigned long actions, unsigned long steps, uint32_t *got)
{
    uint32_t offer[3] = {htonl(6), htonl((uint32_t)actions), htonl((uint32_t)steps)};
    unsigned char packet[512];
    wire_put(fd, 'O', offer, sizeof offer);
    size_t n = wire_take(fd, packet, sizeof packet);
    assert_int_equal(packet[0], 'O');
    assert_true(n >= 13);
    *got = wire_number(packet + 9);
}

void wire_macro(int fd, char command, const char *name, const char *value)
{
    char data[256];
    data[0] = command;
    int n = snprintf(data + 1, sizeof data - 1, "%s", name);
    int m = snprintf(data + 2 + n, sizeof data - 2 - (size_t)n, "%s", value);
    wire_put(fd, 'D', data, 3 + (size_t)n + (size_t)m);
}

void wire_session(int fd, const char *tls, bool mail)
{
    static const char connect[] = "client.test\0004\0\031192.0.2.51";
    static const char from[] = "<a@sender.test>";
    wire_put(fd, 'C', connect, sizeof connect);
    wire_put(fd, 'H', "client.test", sizeof "client.test");
    if (tls != NULL) {
        wire_macro(fd, 'H', "{tls_version}", tls);
        wire_put(fd, 'H', "client.test", sizeof "client.test");
    }
    if (mail)
        wire_put(fd, 'M', from, sizeof from);
}
