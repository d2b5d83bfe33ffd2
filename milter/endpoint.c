/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/endpoint.h"

#include "conf/milters.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_of(const struct endpoint *e)
{
    return e->spec + strlen("unix:");
}

static enum outcome init_unix(const char *path, struct endpoint *out, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;
    if (path[0] == '\0' || strlen(path) >= sizeof address.sun_path)
        return err_set(err, OUT_REFUSED,
                       "milter_socket \"%s\": a socket's path has 1 to %zu octets: choose a "
                       "shorter one",
                       path, sizeof address.sun_path - 1);
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return err_set(err, OUT_REFUSED, "%s is there and is not a socket: remove it", path);
    memcpy(address.sun_path, path, strlen(path));
    memcpy(&out->address, &address, sizeof address);
    out->len = sizeof address;
    (void)snprintf(out->spec, sizeof out->spec, "unix:%s", path);
    return OUT_OK;
}

enum outcome endpoint_init(const char *socket, struct endpoint *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    out->inet = milters_is_inet(socket);
    if (!out->inet)
        return init_unix(socket, out, err);
    enum outcome res = milters_inet(socket, &out->address, &out->len, err);
    if (res == OUT_OK)
        (void)snprintf(out->spec, sizeof out->spec, "%s", socket);
    else
        err_prepend(err, "milter_socket");
    return res;
}

/* libmilter made it under our umask, and Postfix has to reach it. */
enum outcome endpoint_open_up(const struct endpoint *e, struct err *err)
{
    if (e->inet || chmod(path_of(e), 0660) == 0)
        return OUT_OK;
    return err_errno(err, "%s", path_of(e));
}

void endpoint_nudge(const struct endpoint *e)
{
    int fd = socket(e->address.ss_family, SOCK_STREAM, 0);
    if (fd < 0)
        return;
    (void)connect(fd, (const struct sockaddr *)&e->address, e->len);
    (void)close(fd);
}

void endpoint_remove(const struct endpoint *e)
{
    if (!e->inet)
        (void)unlink(path_of(e));
}
