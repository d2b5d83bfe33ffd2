/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * services - which services of master.cf offer TLS, where, and which chain each of them serves
 *
 * What counts for a service is what Postfix would take: the value of main.cf, a default that names
 * another parameter ($smtpd_tls_cert_file), an override (-o) of the service itself. postconf(1)
 * tells all of it; nothing is parsed here but its answers.
 *
 * Taken are smtpd and postscreen on inet sockets. postscreen has TLS done by tlsproxy and hands
 * good clients to the smtpd of type pass: all of them must serve the file. TLS is offered when
 * smtpd_tls_security_level is neither empty nor none, smtpd_use_tls or smtpd_enforce_tls say so, or
 * with smtpd_tls_wrappermode (at once).
 *
 * The older parameters count when smtpd_tls_chain_files is empty: one file as smtpd_tls_cert_file
 * and as its key is as good, for one kind of key (Postfix takes the first of each from it).
 *
 * An address by name is not looked up (the one who asks is privileged and faces no network):
 * "localhost" apart it is not known. Ports by name are those of services(5).
 *
 * Ownership: services_load gives, services_free ends. Threads: no state. Errors: as params.h.
 */
#ifndef DANEMILTER_POSTFIX_SERVICES_H
#define DANEMILTER_POSTFIX_SERVICES_H

#include <stdbool.h>

#include "base/err.h"
#include "ports.h"
#include "postfix/params.h"

/* What is asked of them. */
struct services_ask {
    struct params params;
    const char *chain_file;
    const uint16_t *ports; /* of our TLSA records; n_ports 0: every one */
    size_t n_ports;
    size_t n_kinds; /* of keys in the chain file */
};

struct services;

enum outcome services_load(const struct services_ask *ask, struct services **out, struct err *err);
void services_free(struct services **services);

/* Those that offer TLS. More than `*n` (in: room, out: count) is OUT_REFUSED. */
enum outcome services_list(const struct services *services, struct port_service *out, size_t *n,
                           struct err *err);

/* OUT_REFUSED: a service of our ports on every address serves something else, or each of them
 * does; or there is none (another port is forwarded to us), and main.cf has something else. */
enum outcome services_points_here(const struct services *services, struct err *err);

/* The same file, perhaps by a symbolic link, which follows a rename, too. */
bool services_same(const char *chain_file, const char *value);

#endif
