/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_check - the parts of danectl check: each looks at one thing and says ok, warn or FAIL
 *
 * Everything here only looks. What cannot be found out is said as such, and does not end the
 * others. Ownership: the run belongs to danectl_check.c. Threads: one.
 */
#ifndef DANEMILTER_MILTER_DANECTL_CHECK_H
#define DANEMILTER_MILTER_DANECTL_CHECK_H

#include <sys/types.h>

#include "milter/danectl.h"
#include "milter/danectl_sender.h"

enum check_level { CHECK_OK, CHECK_WARN, CHECK_FAIL };

struct check_run {
    struct danectl *d;
    struct sender *sender;
    struct json_t *list; /* with --json */
    enum check_level worst;
    char domain[PORT_NAME_MAX]; /* Postfix's mydomain, of the last certificate looked at */
    uid_t uid;                  /* of the daemon's user; (uid_t)-1: there is none */
};

/* One line: what was looked at, and the sentence. */
void danectl_check_say(struct check_run *run, enum check_level level, const char *what,
                       const char *fmt, ...) ERR_PRINTF(4, 5);

/* danectl_check_host.c: user, folders, sendmail, Postfix, chain file */
void danectl_check_host(struct check_run *run);
void danectl_check_postfix(struct check_run *run, const struct conf_certificate *c);

/* danectl_check_dns.c: hosts, zones, name servers, records, each address by STARTTLS */
/* Is the mail domain, where the MX records are, signed? */
void danectl_check_domain(struct check_run *run);
void danectl_check_hosts(struct check_run *run, const struct conf_certificate *c);

/* danectl_check_ca.c: credentials, CA, challenges */
void danectl_check_provider(struct check_run *run, const struct conf_dns *dns);
void danectl_check_challenges(struct check_run *run, const struct conf_certificate *c);
void danectl_check_ca(struct check_run *run, const struct conf_acme *ca);

#endif
