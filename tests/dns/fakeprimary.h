/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakeprimary - a primary for example.org. that signs with TSIG, rightly or wrongly
 *
 * For tests with cmocka only. Members are changed and read between fakeserver_sync() only.
 */
#ifndef DANEMILTER_TESTS_DNS_FAKEPRIMARY_H
#define DANEMILTER_TESTS_DNS_FAKEPRIMARY_H

#include <stdbool.h>

#include <ldns/ldns.h>

#include "dns/rfc2136.h"
#include "dns/tsigkey.h"
#include "tests/dns/fakeserver.h"

#define FAKEPRIMARY_OWNER "_25._tcp.mx.example.org."
#define FAKEPRIMARY_SECRET "bXkgc2VjcmV0IGtleSBkYXRh"

/* How the fake primary signs. */
enum signing { SIGNED, UNSIGNED, OTHER_KEY, OTHER_MAC, NO_REPLY };

struct fakeprimary {
    struct tsigkey *key, *wrong;
    struct fakeserver *server;
    struct rfc2136 *dns;
    struct port_rrset *seen;
    struct port_tlsa *recs; /* 20 of them, each with its number as data */
    /* what the primary does, set before a question and read after its answer */
    enum signing signing;
    int rcode;
    ldns_pkt *update; /* the last UPDATE that came */
    bool mac_good;
};

/* *state becomes a struct fakeprimary. */
int fakeprimary_setup(void **state);
int fakeprimary_teardown(void **state);

#endif
