/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_peer - who is at the other end of the operator's socket, and what they may do
 *
 * The kernel says who connected (SO_PEERCRED); nothing that the client sends matters. Threads: no
 * state.
 */
#ifndef DANEMILTER_MILTER_CONTROL_PEER_H
#define DANEMILTER_MILTER_CONTROL_PEER_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

#define CONTROL_GROUPS_MAX 64 /* of one user; more are not looked at */

struct control_peer {
    uid_t uid;
    gid_t groups[CONTROL_GROUPS_MAX + 1]; /* its own one first */
    size_t n_groups;
};

enum control_right {
    CONTROL_NOTHING, /* safety.md row 57 */
    CONTROL_ASK,     /* the daemon's own user, and members of the control group */
    CONTROL_CHANGE   /* root */
};

/* `self`: the daemon's user; `group`: the control group, (gid_t)-1: there is none. */
enum control_right control_right(const struct control_peer *peer, uid_t self, gid_t group);

/* Of a connected socket. OUT_BROKEN: the system does not say. */
enum outcome control_peer_of(int fd, struct control_peer *out, struct err *err);

#endif
