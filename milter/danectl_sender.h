/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_sender - what a sender that uses DANE finds at a host (RFC 7672), for danectl's commands
 *
 * The DNS half: the host's addresses and the TLSA RRset, DNSSEC's verdict on both. The RRset is
 * asked of every authoritative server, not of one resolver: any of the answers may be in a sender's
 * cache. The TLS half: one handshake a question, and OpenSSL's DANE code as the judge.
 *
 * Ownership: sender_open/sender_close; sender_dns_free, sender_shake_free. Threads: one.
 */
#ifndef DANEMILTER_MILTER_DANECTL_SENDER_H
#define DANEMILTER_MILTER_DANECTL_SENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/conf.h"
#include "crypto/danematch.h"
#include "crypto/handshake.h"
#include "dns/observe.h"
#include "ports.h"

#define SENDER_ADDRESSES_MAX 16
#define SENDER_RRSETS_MAX 4 /* different ones that the servers of one owner give */

struct sender;

/* `conf` NULL: from the root down, with Debian's trust anchor. `anchor` and `resolver` ("IP" or
 * "IP@port") take precedence; NULL: not given. */
enum outcome sender_open(const struct conf *conf, const char *anchor, const char *resolver,
                         struct sender **out, struct err *err);
void sender_close(struct sender **sender);
struct observe *sender_observe(struct sender *sender);

/* What DNS says of HOST:PORT. */
struct sender_dns {
    char host[PORT_NAME_MAX]; /* as asked, final dot */
    char base[PORT_NAME_MAX]; /* the TLSA base domain, without final dot (RFC 7672 2.2.2) */
    char cname[PORT_NAME_MAX];
    char zone[PORT_NAME_MAX];
    enum port_zone_state host_state; /* of the addresses */
    char host_why[PORT_WHY_MAX];
    struct port_address addresses[SENDER_ADDRESSES_MAX];
    size_t n_addresses;
    char owner[PORT_NAME_MAX];                          /* of the TLSA records */
    struct port_round *round;                           /* every server's answer */
    const struct port_rrset *rrsets[SENDER_RRSETS_MAX]; /* the different ones; in the round */
    size_t n_rrsets;
    size_t n_denied, n_bad, n_silent; /* servers that deny it, contradict, do not answer */
};
/* OUT_OK: said, whatever DNS says. OUT_RETRY, OUT_REFUSED: nothing could be found out, or answers
 * that no sender would use. */
enum outcome sender_dns(struct sender *sender, const char *host, uint16_t port,
                        struct sender_dns *out, struct err *err);
void sender_dns_free(struct sender *sender, struct sender_dns *dns);

/* One handshake. */
enum sender_shake_kind {
    SENDER_SHOOK,      /* `got` has the chain */
    SENDER_NOT_HAD,    /* reached; no TLS for this offer */
    SENDER_NOT_REACHED /* no connection, time-out, busy */
};
struct sender_shake {
    enum sender_shake_kind kind;
    char why[PORT_WHY_MAX];
    struct handshake_result got;
    model_time not_before, not_after; /* of the leaf, wall; 0: it could not be read */
};
/* alg 0: unrestricted. `direct`: TLS at once, no STARTTLS. OUT_BROKEN only: local trouble. */
enum outcome sender_shake(struct sender *sender, const uint8_t ip[16], uint16_t port,
                          const char *sni, enum port_alg alg, bool direct, struct sender_shake *out,
                          struct err *err);
void sender_shake_free(struct sender_shake *shake);

/* Against one RRset, as a sender would; `names` as in danematch.h. */
enum outcome sender_judge(struct sender *sender, const struct sender_shake *shake,
                          const struct port_rrset *rrset, const char *base,
                          struct danematch_verdict *out, struct err *err);
enum outcome sender_each(struct sender *sender, const struct sender_shake *shake,
                         const struct port_rrset *rrset, const char *base,
                         struct danematch_combos *out, struct err *err);

/* 465, 993, 995, 636: TLS from the first octet. */
bool sender_is_direct(uint16_t port);

#endif
