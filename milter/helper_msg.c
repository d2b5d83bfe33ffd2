/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/helper_msg.h"

#include "crypto/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void helper_msg_put_parts(struct msg *w, const struct port_part *parts, size_t n)
{
    msg_put_u32(w, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        msg_put_u32(w, (uint32_t)parts[i].alg);
        msg_put_bytes(w, parts[i].spki, sizeof parts[i].spki);
        msg_put_text(w, parts[i].key_pem);
        msg_put_text(w, parts[i].chain_pem);
    }
}

enum outcome helper_msg_take_parts(struct msg *w, struct port_part parts[PORT_PARTS_MAX], size_t *n,
                                   struct err *err)
{
    uint32_t count = msg_take_u32(w);
    *n = 0;
    if (count > PORT_PARTS_MAX)
        return err_set(err, OUT_BROKEN, "more than %d parts of a chain file", PORT_PARTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct port_part *p = &parts[(*n)++];
        p->alg = (enum port_alg)msg_take_u32(w);
        msg_take_bytes(w, p->spki, sizeof p->spki);
        p->key_pem = msg_take_text_dup(w, KEY_PEM_MAX);
        p->chain_pem = msg_take_text_dup(w, PORT_PEM_MAX);
    }
    if (!w->bad)
        return OUT_OK;
    helper_msg_free_parts(parts, *n);
    *n = 0;
    return err_set(err, OUT_BROKEN,
                   "a chain file that does not fit between the two halves of "
                   "danemilter");
}

void helper_msg_free_parts(struct port_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].key_pem != NULL)
            key_wipe(parts[i].key_pem, strlen(parts[i].key_pem));
        free(parts[i].key_pem);
        free(parts[i].chain_pem);
        parts[i].key_pem = NULL;
        parts[i].chain_pem = NULL;
    }
}

void helper_msg_put_services(struct msg *w, const struct port_service *services, size_t n)
{
    msg_put_u32(w, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        msg_put_text(w, services[i].name);
        msg_put_bytes(w, services[i].ip, sizeof services[i].ip);
        msg_put_u32(w, services[i].port);
        msg_put_u32(w, services[i].wrapped ? 1 : 0);
        msg_put_u32(w, services[i].ours ? 1 : 0);
        msg_put_text(w, services[i].why);
    }
}

enum outcome helper_msg_take_services(struct msg *w, struct port_service *services, size_t *n,
                                      struct err *err)
{
    uint32_t count = msg_take_u32(w);
    size_t room = *n;
    *n = 0;
    if (count > room)
        return err_set(err, OUT_BROKEN, "more than %zu services", room);
    memset(services, 0, count * sizeof *services);
    for (uint32_t i = 0; i < count; i++) {
        struct port_service *s = &services[i];
        msg_take_text(w, s->name, sizeof s->name);
        msg_take_bytes(w, s->ip, sizeof s->ip);
        s->port = (uint16_t)msg_take_u32(w);
        s->wrapped = msg_take_u32(w) != 0;
        s->ours = msg_take_u32(w) != 0;
        msg_take_text(w, s->why, sizeof s->why);
    }
    if (w->bad)
        return err_set(err, OUT_BROKEN, "the helper's list of services is cut short");
    *n = count;
    return OUT_OK;
}

/* Room for one descriptor beside one octet, aligned as the kernel wants it. */
union helper_msg_room {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
};

enum outcome helper_msg_send_fd(int socket, int fd, struct err *err)
{
    union helper_msg_room control;
    char octet = 'F';
    struct iovec io = {.iov_base = &octet, .iov_len = 1};
    struct msghdr m;
    memset(&m, 0, sizeof m);
    memset(&control, 0, sizeof control);
    m.msg_iov = &io;
    m.msg_iovlen = 1;
    m.msg_control = &control;
    m.msg_controllen = sizeof control;
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    ssize_t n;
    do
        n = sendmsg(socket, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == 1 ? OUT_OK : err_errno(err, "handing over a descriptor");
}

enum outcome helper_msg_take_fd(int socket, int *fd, struct err *err)
{
    union helper_msg_room control;
    char octet = 0;
    struct iovec io = {.iov_base = &octet, .iov_len = 1};
    struct msghdr m;
    *fd = -1;
    memset(&m, 0, sizeof m);
    memset(&control, 0, sizeof control);
    m.msg_iov = &io;
    m.msg_iovlen = 1;
    m.msg_control = &control;
    m.msg_controllen = sizeof control;
    ssize_t n;
    do
        n = recvmsg(socket, &m, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno(err, "taking a descriptor over");
    const struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    if (n != 1 || head == NULL || head->cmsg_type != SCM_RIGHTS ||
        head->cmsg_len != CMSG_LEN(sizeof *fd))
        return err_set(err, OUT_BROKEN, "the helper sent no descriptor");
    memcpy(fd, CMSG_DATA(&control.head), sizeof *fd);
    if (fcntl(*fd, F_SETFD, FD_CLOEXEC) == 0)
        return OUT_OK;
    enum outcome out = err_errno(err, "taking a descriptor over");
    (void)close(*fd); /* nothing was written */
    *fd = -1;
    return out;
}
