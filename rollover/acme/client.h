/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client - requests to one CA: directory, nonces, signatures (RFC 8555 sections 6 and 7.1 to 7.2)
 *
 * A nonce is used once; the one that came with the last answer is the next one's, HEAD newNonce
 * gives others. A request whose nonce is refused is signed anew, CLIENT_NONCES times in a row.
 * Nothing but https is asked, and redirects are refused (safety.md row 13).
 *
 * Outcomes of client_post: OUT_OK is an answer 2xx; otherwise `answer->problem` says what came
 * (status 0: nothing did), and the text names the CA and what was asked. `retry` holds Retry-After
 * in either case.
 *
 * Ownership: client_begin/client_end; config and ports outlive it; an answer is ended with
 * client_answer_free, also after errors. Threads: one at a time.
 */
#ifndef DANEMILTER_ACME_CLIENT_H
#define DANEMILTER_ACME_CLIENT_H

#include "acme/acme.h"
#include "acme/doc.h"
#include "acme/problem.h"
#include "acme/transport.h"
#include "crypto/jws.h"

#define CLIENT_NONCES 10
#define CLIENT_NONCE_MAX 512
#define CLIENT_LIMITED_WAIT ((model_time)15 * 60 * 1000) /* 429 without Retry-After */

enum client_url { CLIENT_NEW_NONCE, CLIENT_NEW_ACCOUNT, CLIENT_NEW_ORDER, CLIENT_URLS };

struct client {
    const struct acme_config *config;
    const struct acme_ports *ports;
    struct transport transport;
    bool listed; /* the directory was read */
    char urls[CLIENT_URLS][DOC_URL_MAX];
    char terms[DOC_URL_MAX]; /* "": none */
    char nonce[CLIENT_NONCE_MAX];
    struct key *key;        /* of the account, or NULL */
    char kid[DOC_URL_MAX];  /* the account's URL, "": not known */
    model_time asked_until; /* wall: the CA asked to be left alone until then, 0: no */
};

struct client_answer {
    struct http_response http;
    json_t *doc; /* the body, NULL when none was asked for or it is not JSON */
    struct problem problem;
    model_time retry; /* Retry-After, ms; 0: none */
};

enum client_body { CLIENT_JSON, CLIENT_PEM, CLIENT_NOTHING };

void client_end(struct client *client); /* the key; the transport stays its owner's */

/* Reads the directory unless that was done. */
enum outcome client_directory(struct client *client, struct err *err);
/* It will be read again, and no nonce be used that is old. */
void client_stale(struct client *client);

/* `payload` NULL: POST-as-GET. Signed with the account's URL, or with its public key when that is
 * not known. `what` names it in texts: "a new order". */
enum outcome client_post(struct client *client, const char *what, const char *url,
                         const json_t *payload, enum client_body body, struct client_answer *answer,
                         struct err *err);
void client_answer_free(struct client_answer *answer);

/* One line, "CERTIFICATE: ..." */
void client_log(const struct client *client, enum port_level level, const char *certificate,
                const char *fmt, ...) ERR_PRINTF(4, 5);

#endif
