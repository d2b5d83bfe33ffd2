/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handshake - a TLS client on a connected socket, which forces a key algorithm and judges DANE
 *
 * A server with several keys shows the one that the client's offer asks for. `alg` forces it:
 * TLS 1.3 by signature algorithms (RSA by rsa_pss_rsae_*; PKCS#1 alone would look like a missing
 * certificate, RFC 8446 section 4.2.3), TLS 1.2 by cipher and, for curves, by supported groups.
 * RSA of any size is one family: the caller looks at `leaf_alg` in the result. Sessions are
 * never resumed. A chain that does not verify is a result, not an error, and is handed out, so
 * that it can be held against other RRsets without another connection (danematch.h).
 *
 * Times: deadlines are in ms on CLOCK_MONOTONIC, as handshake_clock() gives; the socket is made
 * non-blocking and waited for by poll. The process ignores SIGPIPE.
 * Ownership: the socket stays the caller's and outlives the handshake. A result owns its chain:
 * handshake_result_free. Threads: a client is read only and serves any number of threads; a
 * handshake belongs to one.
 * Errors: OUT_RETRY the deadline passed; OUT_REFUSED the other side, or TLS itself, said no;
 * OUT_BROKEN local trouble.
 */
#ifndef DANEMILTER_CRYPTO_HANDSHAKE_H
#define DANEMILTER_CRYPTO_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/model.h"
#include "crypto/danematch.h"
#include "ports.h"

enum handshake_version { HANDSHAKE_ANY, HANDSHAKE_TLS12, HANDSHAKE_TLS13 };

/* The offers, made once: making one costs as much as a handshake. */
struct handshake_client;

enum outcome handshake_client_new(struct handshake_client **out, struct err *err);
void handshake_client_free(struct handshake_client **client);

struct handshake_ask {
    enum port_alg alg; /* 0: unrestricted */
    enum handshake_version version;
    const char *sni;                /* NULL or "": none is sent */
    const struct port_rrset *rrset; /* NULL: nothing is verified */
    const char *const *names;       /* reference identifiers; looked at with an rrset only */
    size_t n_names;
    model_time deadline;
};

struct handshake_result {
    struct danematch_chain chain;
    struct danematch_verdict verdict; /* all zeroes when nothing was to be verified */
    uint8_t fingerprint[MODEL_ID_LEN];
    enum port_alg leaf_alg; /* 0: none of ours; leaf_name says what it is */
    char leaf_name[64];     /* "P-256", "RSA-2048", or for people what it is instead */
    char version[16];       /* "TLSv1.3" */
    char cipher[64];
    char sigalg[48]; /* what the server signed with: "ECDSA SHA256", "RSASSA-PSS SHA256" */
    bool resumed;    /* never, unless OpenSSL broke its word */
};

void handshake_result_free(struct handshake_result *result);

struct handshake;

/* OUT_OK: the handshake is complete, `result` is filled and `*out` may be spoken through. With
 * anything else there is nothing to free. */
enum outcome handshake_start(const struct handshake_client *client, int fd,
                             const struct handshake_ask *ask, struct handshake **out,
                             struct handshake_result *result, struct err *err);

/* Writes all of it. */
enum outcome handshake_write(struct handshake *hs, const void *data, size_t len,
                             model_time deadline, struct err *err);

/* Reads what there is, at least one octet; 0 octets is the other side's orderly end. */
enum outcome handshake_read(struct handshake *hs, void *data, size_t size, model_time deadline,
                            size_t *got, struct err *err);

/* Says goodbye if that needs no waiting. */
void handshake_free(struct handshake **hs);

/* ---- for whoever speaks on the same socket before ------------------------------------ */

model_time handshake_clock(void);

/* Makes the socket non-blocking. */
enum outcome handshake_nonblocking(int fd, struct err *err);

/* Waits for poll's `events`; `what` is what we wait for, in the text of a time-out. */
enum outcome handshake_wait(int fd, short events, model_time deadline, const char *what,
                            struct err *err);

#endif
