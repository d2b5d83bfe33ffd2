/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict - what a primary's answer to a signed question or UPDATE means for us
 *
 * Private to rollover/dns. A table from rcode and TSIG state (RFC 2136 section 2.2, RFC 8945
 * section 5) to an outcome and a sentence that says how to mend it. Only an answer signed with our
 * key is ever believed when it says yes. Threads: pure.
 */
#ifndef DANEMILTER_DNS_VERDICT_H
#define DANEMILTER_DNS_VERDICT_H

#include <stdbool.h>

#include "base/err.h"
#include "dns/tsigkey.h"
#include "dns/tsigmsg.h"

struct verdict_context {
    const char *server; /* "192.0.2.1 port 53" */
    const char *owner;
    const char *zone; /* "" when not known */
    const struct tsigkey *key;
    bool update;      /* an UPDATE; else a question */
    const char *type; /* of the records of an UPDATE: "TLSA" */
};

/* OUT_OK: signed, and NOERROR (or NXDOMAIN for a question). */
enum outcome verdict_of(const struct verdict_context *context, int rcode,
                        const struct tsigmsg_check *check, struct err *err);

#endif
