/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/milters.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MILTERS_PORT_MAX 65535
#define MILTERS_BETWEEN ", \t\r\n" /* as Postfix: CHARS_COMMA_SP */

static const char inet4[] = "inet:", inet6[] = "inet6:";

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

bool milters_is_inet(const char *socket)
{
    return begins(socket, inet4) || begins(socket, inet6);
}

/* Digits alone, and then "@". 0: it is none. */
static unsigned long port_of(const char *text)
{
    char *end = NULL;
    if (text[0] < '1' || text[0] > '9')
        return 0;
    errno = 0;
    unsigned long port = strtoul(text, &end, 10);
    return errno == 0 && *end == '@' ? port : 0;
}

static bool take_inet4(const char *text, in_port_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = port};
    if (inet_pton(AF_INET, text, &in.sin_addr) != 1 || ntohl(in.sin_addr.s_addr) >> 24 != 127)
        return false;
    memcpy(out, &in, sizeof in);
    return true;
}

static bool take_inet6(const char *text, in_port_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = port};
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1 || !IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr))
        return false;
    memcpy(out, &in6, sizeof in6);
    return true;
}

enum outcome milters_inet(const char *socket, struct sockaddr_storage *out, socklen_t *len,
                          struct err *err)
{
    bool six = begins(socket, inet6);
    const char *text = socket + (six ? strlen(inet6) : strlen(inet4));
    unsigned long port = port_of(text);
    memset(out, 0, sizeof *out);
    if (port < MILTERS_PORT_MIN || port > MILTERS_PORT_MAX)
        return err_set(err, OUT_REFUSED,
                       "\"%s\" has no port from %d to %d between the colon and the @: write it as "
                       "inet:8891@127.0.0.1",
                       socket, MILTERS_PORT_MIN, MILTERS_PORT_MAX);
    const char *address = strchr(text, '@') + 1;
    *len = six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (six ? take_inet6(address, htons((in_port_t)port), out)
            : take_inet4(address, htons((in_port_t)port), out))
        return OUT_OK;
    return err_set(err, OUT_REFUSED,
                   "\"%s\" has no address of the loopback after the @, and whoever reaches the "
                   "socket from elsewhere could tell of sessions that never were: write %s",
                   socket, six ? "inet6:8891@::1" : "inet:8891@127.0.0.1");
}

void milters_entry(const char *socket, char out[MILTERS_ENTRY_MAX])
{
    bool six = begins(socket, inet6);
    if (!milters_is_inet(socket)) {
        (void)snprintf(out, MILTERS_ENTRY_MAX, "unix:%s", socket);
        return;
    }
    const char *port = socket + (six ? strlen(inet6) : strlen(inet4));
    const char *at = strchr(port, '@');
    (void)snprintf(out, MILTERS_ENTRY_MAX, six ? "inet:[%s]:%.*s" : "inet:%s:%.*s", at + 1,
                   (int)(at - port), port);
}

/* An entry without its braces: does it begin with this service? */
static bool is_service(const char *at, size_t n, const char *service)
{
    size_t len = strlen(service);
    return len <= n && strncmp(at, service, len) == 0 &&
           (len == n || strchr(MILTERS_BETWEEN "}", at[len]) != NULL);
}

static bool is_path(const char *at, size_t n, const char *path)
{
    size_t len = strlen(path), used = 0;
    while (used < n && strchr(MILTERS_BETWEEN "}", at[used]) == NULL)
        used++;
    if (!begins(at, "unix:/") || used <= len + strlen("unix:") || path[0] == '/')
        return false;
    return at[used - len - 1] == '/' && strncmp(at + used - len, path, len) == 0;
}

static bool is_ours(const char *at, size_t n, const char *socket)
{
    char entry[MILTERS_ENTRY_MAX], local[MILTERS_ENTRY_MAX];
    if (socket[0] == '\0')
        return false;
    while (n > 0 && strchr(MILTERS_BETWEEN "{", *at) != NULL)
        at++, n--;
    milters_entry(socket, entry);
    if (is_service(at, n, entry))
        return true;
    if (!milters_is_inet(socket))
        return is_path(at, n, socket);
    (void)snprintf(local, sizeof local, "inet:localhost%s", strrchr(entry, ':'));
    return is_service(at, n, local);
}

/* The length of the entry that begins here: a word, or what is in braces. */
static size_t entry_length(const char *at)
{
    size_t n = strcspn(at, at[0] == '{' ? "}" : MILTERS_BETWEEN);
    return at[0] == '{' && at[n] == '}' ? n + 1 : n;
}

bool milters_names(const char *value, const char *socket)
{
    for (const char *at = value + strspn(value, MILTERS_BETWEEN); *at != '\0';
         at += strspn(at, MILTERS_BETWEEN)) {
        size_t n = entry_length(at);
        if (is_ours(at, n, socket))
            return true;
        at += n;
    }
    return false;
}

char *milters_without(const char *value, const char *socket)
{
    char *out = malloc(strlen(value) + 1);
    size_t len = 0;
    if (out == NULL)
        return NULL;
    for (const char *at = value + strspn(value, MILTERS_BETWEEN); *at != '\0';
         at += strspn(at, MILTERS_BETWEEN)) {
        size_t n = entry_length(at);
        if (!is_ours(at, n, socket)) {
            if (len > 0)
                out[len++] = ' ';
            memcpy(out + len, at, n);
            len += n;
        }
        at += n;
    }
    out[len] = '\0';
    return out;
}
