/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* struct ucred */
#include "config.h"

#include "milter/control_peer.h"

#include <errno.h>
#include <sys/socket.h>

enum control_right control_right(const struct control_peer *peer, uid_t self, gid_t group)
{
    if (peer->uid == 0)
        return CONTROL_CHANGE;
    if (peer->uid == (uid_t)-1)
        return CONTROL_NOTHING;
    if (peer->uid == self)
        return CONTROL_ASK;
    for (size_t i = 0; i < peer->n_groups && group != (gid_t)-1; i++) {
        if (peer->groups[i] == group)
            return CONTROL_ASK;
    }
    return CONTROL_NOTHING;
}

#if HAVE_DECL_SO_PEERCRED

/* The groups at the time of connect, when the system tells (Linux 4.13); else the own one only. */
static void more_groups(int fd, struct control_peer *out)
{
#ifdef SO_PEERGROUPS
    socklen_t len = CONTROL_GROUPS_MAX * (socklen_t)sizeof(gid_t);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out->groups + 1, &len) == 0)
        out->n_groups += len / sizeof(gid_t);
#else
    (void)fd;
    (void)out;
#endif
}

enum outcome control_peer_of(int fd, struct control_peer *out, struct err *err)
{
    struct ucred cred;
    socklen_t len = sizeof cred;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
        return err_errno(err, "control socket: who asks is not known");
    out->uid = cred.uid;
    out->groups[0] = cred.gid;
    out->n_groups = 1;
    more_groups(fd, out);
    return OUT_OK;
}

#else

enum outcome control_peer_of(int fd, struct control_peer *out, struct err *err)
{
    (void)fd;
    (void)out;
    return err_set(err, OUT_BROKEN, "this system does not say who asks: no control socket");
}

#endif
