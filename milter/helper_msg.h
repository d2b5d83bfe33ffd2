/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper_msg - the helper's table of operations, and how parts of a chain file travel
 *
 * Shared by the two halves; see helper.h. Parts taken are malloc()ed and hold private keys only
 * in the answer to HELPER_READ: end them with helper_msg_free_parts(), which wipes.
 */
#ifndef DANEMILTER_MILTER_HELPER_MSG_H
#define DANEMILTER_MILTER_HELPER_MSG_H

#include "milter/msg.h"
#include "ports.h"

enum helper_op {
    HELPER_READ,
    HELPER_INSTALL,
    HELPER_RELOAD,
    HELPER_SHRED_OLD,
    HELPER_RUNNING,
    HELPER_POINTS_HERE,
    HELPER_OLDER_THAN,
    HELPER_SERVICES,
    HELPER_REREAD, /* from here on: of the host, not of a certificate */
    HELPER_GENERATION,
    HELPER_LOG_SOCKET,
    HELPER_N_OPS
};

void helper_msg_put_parts(struct msg *w, const struct port_part *parts, size_t n);
enum outcome helper_msg_take_parts(struct msg *w, struct port_part parts[PORT_PARTS_MAX], size_t *n,
                                   struct err *err);
void helper_msg_put_services(struct msg *w, const struct port_service *services, size_t n);
/* `*n` in: room, out: count. */
enum outcome helper_msg_take_services(struct msg *w, struct port_service *services, size_t *n,
                                      struct err *err);
/* A descriptor, behind the answer that announces it. */
enum outcome helper_msg_send_fd(int socket, int fd, struct err *err);
enum outcome helper_msg_take_fd(int socket, int *fd, struct err *err);
void helper_msg_free_parts(struct port_part *parts, size_t n);

#endif
