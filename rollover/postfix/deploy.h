/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deploy - port_deploy_ops for one Postfix instance and one chain file
 *
 * read, install and shred_old work on the chain file (chainfile.h), reload and points_here ask
 * Postfix's own commands by argv (run.h), running and older_than look at its processes (procs.h).
 * read: no chain file is OUT_OK and 0 parts.
 * points_here: smtpd_tls_chain_files, and what tlsproxy takes for it, must be the chain file and
 * nothing else, in main.cf and in every override of master.cf; the older parameters
 * (smtpd_tls_cert_file and its kin) do not count when it is set, and are named when it is not.
 * SNI maps come with a later issue: their part of the port will stand beside install.
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
    const char *postfix;    /* "/usr/sbin/postfix" */
    const char *postconf;   /* "/usr/sbin/postconf" */
    const char *proc;       /* "/proc" */
    int timeout_ms;         /* of each command; DEPLOY_TIMEOUT_MS */
    struct key_loader keys;
};

extern const struct port_deploy_ops deploy_ops; /* self: struct deploy * */

#endif
