/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme_pair.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/http.h"

void acme_pair_begin(struct acme_pair *p, unsigned looks, unsigned retry_after)
{
    const struct fakeca_config config = {.check = acme_try_check,
                                         .check_arg = p->try.dir,
                                         .looks = looks,
                                         .retry_after = retry_after,
                                         .log = getenv("FAKECA_LOG") != NULL ? stdout : NULL};
    memset(p, 0, sizeof *p);
    p->ca = fakeca_start(&config);
    acme_try_begin(&p->try, fakeca_directory(p->ca), fakeca_root(p->ca));
}

void acme_pair_end(struct acme_pair *p)
{
    acme_try_end(&p->try);
    fakeca_stop(&p->ca);
}

/* With what the client logged. */
static void no_good(const struct acme_pair *p, const char *name, const char *what)
{
    fail_msg("%s: %s; the client says: %s\nits log:\n%s", name, what, p->try.err.text, p->try.log);
}

void acme_pair_need(const struct acme_pair *p, const char *name, bool ok, const char *what)
{
    if (!ok)
        no_good(p, name, what);
}

/* The client did nothing that a strict CA refuses. */
void acme_pair_correct(struct acme_pair *p, const char *name)
{
    char first[512];
    if (fakeca_complaints(p->ca, first, sizeof first) != 0)
        no_good(p, name, first);
}

void acme_pair_issues(struct acme_pair *p, const char *name)
{
    enum outcome out = acme_try_issue(&p->try);
    acme_pair_need(p, name, out == OUT_OK, "no certificate");
    acme_pair_need(p, name, acme_try_good(&p->try), "not the certificate that was ordered");
    acme_pair_need(p, name, acme_try_records(&p->try) == 0, "challenge records were left behind");
    acme_pair_correct(p, name);
}

int acme_pair_global_begin(void **state)
{
    struct err err = ERR_INIT;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)state;
    /* The CA writes to connections that the client has closed. */
    if (sigaction(SIGPIPE, &ignore, NULL) != 0)
        return -1;
    return http_global_init(&err) == OUT_OK ? 0 : -1;
}

int acme_pair_global_end(void **state)
{
    (void)state;
    http_global_end();
    return 0;
}
