/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper - the privileged half: what must be done as root, and nothing else
 *
 * Forked before anything else is started, the helper serves a closed table of operations on
 * the certificates of the configuration it was started with (root-owned): read, install and
 * tidy up the chain file, look at Postfix and its services, reload it. It faces no network and
 * takes no path and no command from the daemon: only the number of a certificate, and for an
 * install the chains and which keys (by SPKI hash) belong to them; the keys it reads itself.
 *
 * Besides there are questions that concern no certificate (struct helper_host): is the
 * configuration on disk what we run with; was Postfix reloaded; a new socket for the log.
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

#define HELPER_PROBLEMS_MAX 65536

struct helper_host {
    /* Reads the configuration, and whatever else we were started with, again. OUT_OK: it is fine,
     * and `*changed` says whether it is another. OUT_REFUSED: `problems` (size octets) has every
     * problem, a line each. */
    enum outcome (*reread)(void *self, bool *changed, char *problems, size_t size, struct err *err);
    /* A number that is another one after Postfix was reloaded; 0: not known now. */
    enum outcome (*generation)(void *self, int64_t *out, struct err *err);
    /* A socket connected to where the log goes; the helper closes its own copy. */
    enum outcome (*log_socket)(void *self, int *fd, struct err *err);
    void *self;
};

/* What one helper works on. */
struct helper_table {
    const struct helper_deploy *deploys;
    size_t n;
    const struct helper_host *host;
};

/* OUT_OK: the daemon is gone. */
enum outcome helper_serve(int fd, const struct helper_table *table, struct err *err);

struct helper_client {
    void (*lost)(void); /* called when the helper is gone or cannot be understood; or NULL */
    int fd;
    uint32_t certificate;
    struct msg *msg;  /* shared by the clients of one socket */
    unsigned reloads; /* that were asked for and done */
};

extern const struct port_deploy_ops helper_ops;

/* The other questions; `certificate` of the client does not matter. helper_reread: `*problems` is
 * malloc()ed, or NULL. */
enum outcome helper_reread(const struct helper_client *c, bool *changed, char **problems,
                           struct err *err);
enum outcome helper_generation(const struct helper_client *c, int64_t *out, struct err *err);
enum outcome helper_log_socket(const struct helper_client *c, int *fd, struct err *err);

#endif
