/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * acme_pair - a fakeca and a client of it, and what holds for every course of events
 *
 * The functions fail the test (cmocka) with `name`, the client's last words and its log.
 */
#ifndef DANEMILTER_TESTS_ACME_PAIR_H
#define DANEMILTER_TESTS_ACME_PAIR_H

#include "acme_try.h"

struct acme_pair {
    struct fakeca *ca;
    struct acme_try try;
};

void acme_pair_begin(struct acme_pair *p, unsigned looks, unsigned retry_after);
void acme_pair_end(struct acme_pair *p);

void acme_pair_need(const struct acme_pair *p, const char *name, bool ok, const char *what);
/* The client did nothing that a strict CA refuses. */
void acme_pair_correct(struct acme_pair *p, const char *name);
/* The certificate comes, it is the right one, no challenge record is left. */
void acme_pair_issues(struct acme_pair *p, const char *name);

/* For cmocka: libcurl's global state. */
int acme_pair_global_begin(void **state);
int acme_pair_global_end(void **state);

#endif
