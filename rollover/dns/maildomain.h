/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maildomain - what DNS says of a mail domain: its MX hosts, and whether it announces MTA-STS
 *
 * Ownership: values. Threads: as the struct resolve it uses. RFC 5321 section 5.1, RFC 7505 (a
 * null MX counts as none), RFC 8461 section 3.1.
 */
#ifndef DANEMILTER_DNS_MAILDOMAIN_H
#define DANEMILTER_DNS_MAILDOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "dns/resolve.h"
#include "ports.h"

#define MAILDOMAIN_MX_MAX 16

struct maildomain {
    char mx[MAILDOMAIN_MX_MAX][PORT_NAME_MAX]; /* lower case, without final dot */
    size_t n;
    bool more;                  /* there are more than these */
    enum port_zone_state state; /* of the MX answer */
    bool sts;                   /* _mta-sts.DOMAIN has a TXT record v=STSv1 */
};

/* OUT_REFUSED: no name. OUT_RETRY: no answer. Bogus answers are looked at no further: state says
 * so. */
enum outcome maildomain_look(struct resolve *resolve, const char *domain, struct maildomain *out,
                             struct err *err);

#endif
