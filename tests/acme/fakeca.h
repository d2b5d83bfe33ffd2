/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakeca - a certification authority that speaks ACME (RFC 8555, dns-01) over TLS, for tests
 *
 * It is as strict as a real one about what it is sent: JWS (flattened JSON, ES256, jwk or kid but
 * never both, a nonce of its own used once, the url of the request, the signature), the media
 * type, the User-Agent, POST-as-GET with an empty payload, account and terms, the signature of
 * the CSR and its names (exactly the order's), a key that is not the account's. It issues real
 * certificates, each with its intermediate. And it lies as it is told to, by scripts:
 *
 *     MODE[:PLACE][=NUMBER][@FIRST[-[LAST]]]
 *
 * PLACE is the request at which it happens (every mode has a place of its own that is meant when
 * none is given), NUMBER what the mode says, FIRST and LAST count the requests there; "@2" is the
 * second alone, "@2-" the second and all that follow. `fakeca --help` lists modes and places.
 *
 * A challenge is judged in the moment the client says it is ready, as a real CA may do: by a
 * question to a DNS server, by a function, or (only when asked for by name) not at all.
 *
 * Ownership: fakeca_start/fakeca_stop, which joins all threads. Threads: any function from any
 * thread. Errors of the test's own making (no port, no memory, an unknown mode) end the program.
 */
#ifndef DANEMILTER_TESTS_ACME_FAKECA_H
#define DANEMILTER_TESTS_ACME_FAKECA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum fakeca_place {
    FAKECA_DIRECTORY,
    FAKECA_NEW_NONCE,
    FAKECA_NEW_ACCOUNT,
    FAKECA_ACCOUNT,
    FAKECA_NEW_ORDER,
    FAKECA_ORDER,
    FAKECA_AUTHZ,
    FAKECA_CHALLENGE,
    FAKECA_FINALIZE,
    FAKECA_CERT,
    FAKECA_ELSEWHERE, /* no such resource */
    FAKECA_PLACES
};

/* A TXT record with this value at "_acme-challenge.NAME"? Called by a thread of the CA. */
typedef bool (*fakeca_check)(void *arg, const char *name, const char *value);

struct fakeca_config {
    const char *address;    /* IPv4; NULL: 127.0.0.1 */
    uint16_t port;          /* 0: any */
    const char *host;       /* in URLs and in the server's certificate; NULL: the address */
    const char *root_name;  /* of the root of its https; NULL: the same for all */
    fakeca_check check;     /* one of these three judges challenges */
    void *check_arg;        /* of check */
    const char *dns_server; /* ADDRESS[#PORT], asked for TXT records */
    bool accept_all;
    unsigned looks; /* how often an order or a challenge is seen unfinished; by default never */
    unsigned retry_after; /* s, said with what is unfinished; 0: nothing is said */
    FILE *log;            /* a line a request; NULL: none */
};

struct fakeca;

struct fakeca *fakeca_start(const struct fakeca_config *config);
void fakeca_stop(struct fakeca **ca);

const char *fakeca_directory(const struct fakeca *ca); /* URL */
const char *fakeca_root(const struct fakeca *ca);      /* PEM: whom to trust for its https */

/* Adds a script; the counts of its place begin now. False: it cannot be read. */
bool fakeca_script(struct fakeca *ca, const char *script);
/* No more lies: what was processed for ever is done soon. What happened stays. */
void fakeca_honest(struct fakeca *ca);
/* A restart that lost everything: accounts, orders, nonces. */
void fakeca_forget(struct fakeca *ca);

/* Requests that came; FAKECA_PLACES: all of them. */
unsigned fakeca_asked(struct fakeca *ca, enum fakeca_place place);
unsigned fakeca_ordered(struct fakeca *ca); /* orders made */
unsigned fakeca_issued(struct fakeca *ca);  /* certificates signed */
unsigned fakeca_connections(struct fakeca *ca);

/* Requests refused for a fault of the client's, which no script made; `first`: what the first was.
 * Nonces that were never given, or used before, are among them. */
unsigned fakeca_complaints(struct fakeca *ca, char *first, size_t size);

/* Modes and places, one a line. */
void fakeca_help(FILE *out);

#endif
