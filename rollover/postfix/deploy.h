/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deploy - port_deploy_ops for one Postfix instance and one chain file
 *
 * read, install and shred_old work on the chain file (chainfile.h), reload and points_here ask
 * Postfix's own commands by argv (run.h), running and older_than look at its processes (procs.h).
 * read: no chain file is OUT_OK and 0 parts.
 * points_here and services: what every service serves, by services.h. Those of our TLSA ports must
 * serve the chain file; others may have a file of their own.
 * reload: tables of tls_server_sni_maps that hold copies (snimaps.h) of this chain file, or of
 * another one that this instance serves, because one reload may end the switches of both; then
 * Postfix, then the other servers by their own commands; only those may fail without failing the
 * reload, and the text says which did. shred_old: the kept file, and old copies in those tables.
 *
 * Ownership: the caller's struct is `self` and outlives its use; so do the strings.
 * Threads: no state of its own, but one install at a time. Runs as root, who alone may read the
 * chain file, signal master and see where its processes work.
 */
#ifndef DANEMILTER_POSTFIX_DEPLOY_H
#define DANEMILTER_POSTFIX_DEPLOY_H

#include "crypto/key.h"
#include "ports.h"

#define DEPLOY_TIMEOUT_MS 60000

struct deploy {
    const char *config_dir; /* of Postfix: "/etc/postfix" */
    const char *chain_file; /* absolute */
    const char *postfix;    /* "/usr/sbin/postfix"; postmap is beside it */
    const char *postconf;   /* "/usr/sbin/postconf" */
    const char *proc;       /* "/proc" */
    int timeout_ms;         /* of each command; DEPLOY_TIMEOUT_MS */
    struct key_loader keys;
    uint16_t ports[MODEL_MAX_OWNERS]; /* of the TLSA records; n_ports 0: every service must serve
                                         the file */
    size_t n_ports;
    size_t n_kinds;            /* of keys in the chain file */
    const char *const *others; /* commands to reload other servers: words with blanks between */
    size_t n_others;
    const struct deploy *all; /* of every certificate, this one too: a reload serves all that */
    size_t n_all;             /* have the same config_dir, and so do the tables; or 0 */
};

extern const struct port_deploy_ops deploy_ops; /* self: struct deploy * */

#endif
