/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session - what one SMTP session was like, and how many of each kind there were
 *
 * Knows nothing of libmilter. A session is fed its events in the order in which Postfix reports
 * them (connect, HELO or EHLO - a second one after STARTTLS - MAIL, close) and is counted when it
 * closes. STARTTLS itself is not reported: a client that begins TLS and goes away looks like one
 * that never tried.
 *
 * Ownership: values. Threads: a session belongs to one thread; counters to all (C11 atomics,
 * relaxed: each is right by itself, a snapshot may be one session apart between two of them).
 */
#ifndef DANEMILTER_MILTER_SESSION_H
#define DANEMILTER_MILTER_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum session_tls {
    SESSION_PLAIN, /* no TLS, as far as was seen */
    SESSION_TLS10,
    SESSION_TLS11,
    SESSION_TLS12,
    SESSION_TLS13,
    SESSION_TLS_OTHER, /* a version without a name here */
    SESSION_TLS_N
};

struct session {
    bool helo;
    bool mail;
    bool exempt;          /* the guard leaves it alone: it ends nobody's habit */
    enum session_tls tls; /* at the last HELO */
};

struct session_counts {
    atomic_uint_fast64_t open;                /* now */
    atomic_uint_fast64_t total;               /* closed */
    atomic_uint_fast64_t silent;              /* of total: gone without HELO */
    atomic_uint_fast64_t tls[SESSION_TLS_N];  /* of the others: by protocol */
    atomic_uint_fast64_t mail[SESSION_TLS_N]; /* of those: got as far as MAIL */
};

void session_begin(struct session *s, struct session_counts *counts);
/* `tls_version` as in the macro {tls_version}, "TLSv1.3"; NULL or "": none. */
void session_helo(struct session *s, const char *tls_version);
void session_mail(struct session *s);
void session_end(const struct session *s, struct session_counts *counts);

/* "TLSv1.2"; "none" for SESSION_PLAIN. */
const char *session_tls_name(enum session_tls tls);

/* The counters as one member of a JSON object, without a comma:
 *   "sessions": {"open": 1, "total": 9, "silent": 0, "mail": {"none": 2, "TLSv1.2": 1, ...},
 *   "no_mail": {"none": 1, ...}}
 * False (and ""): it does not fit. */
bool session_json(const struct session_counts *counts, char *out, size_t size);

#endif
