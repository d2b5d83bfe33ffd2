/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper - the privileged half: what must be done as root, and nothing else
 *
 * Forked before anything else is started, the helper serves a closed table of operations on
 * the certificates of the configuration it was started with (root-owned): read, install and
 * tidy up the chain file, look at Postfix, reload it. It faces no network and takes no path and
 * no command from the daemon: only the number of a certificate, and for an install the chains
 * and which keys (by SPKI hash) belong to them; the keys it reads itself.
 *
 * helper_serve() runs in the helper until the daemon closes its end, then returns.
 * helper_ops is a port_deploy_ops over the socket pair; its self is a struct helper_client, one
 * for each certificate, used from one thread at a time (they share one socket).
 */
#ifndef DANEMILTER_MILTER_HELPER_H
#define DANEMILTER_MILTER_HELPER_H

#include "milter/msg.h"
#include "ports.h"

#include <sys/types.h>

/* The adapter that really does it, for each certificate by number. */
struct helper_deploy {
    const struct port_deploy_ops *ops;
    void *self;
};

/* OUT_OK: the daemon is gone. */
enum outcome helper_serve(int fd, const struct helper_deploy *deploys, size_t n, struct err *err);

struct helper_client {
    void (*lost)(void); /* called when the helper is gone or cannot be understood; or NULL */
    int fd;
    uint32_t certificate;
    struct msg *msg; /* shared by the clients of one socket */
};

extern const struct port_deploy_ops helper_ops;

#endif
