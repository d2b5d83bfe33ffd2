/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakeca_int - what the files of fakeca share; nobody else includes it
 *
 * Everything of a struct fakeca but its constant parts is held by `lock`.
 */
#ifndef DANEMILTER_TESTS_ACME_FAKECA_INT_H
#define DANEMILTER_TESTS_ACME_FAKECA_INT_H

#include <pthread.h>

#include <jansson.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "fakeca.h"

#define FAKECA_NAMES_MAX 16
#define FAKECA_SCRIPTS_MAX 16
#define FAKECA_NONCES 256
#define FAKECA_BODY_MAX 65536
#define FAKECA_CONNS_MAX 64
#define FAKECA_SHA256 32
#define FAKECA_HASH_TEXT 44 /* base64url of 32 octets, NUL */
#define FAKECA_ANY_PLACE FAKECA_PLACES

enum fakeca_lie {
    LIE_BAD_NONCE,
    LIE_BUSY,
    LIE_RATE_LIMITED,
    LIE_ERROR,
    LIE_CUT,
    LIE_CUT_AFTER,
    LIE_REDIRECT,
    LIE_HTTP,
    LIE_NO_NONCE,
    LIE_JUNK,
    LIE_HUGE,
    LIE_DEEP,
    LIE_UTF8,
    LIE_UNAUTHORIZED,
    LIE_DEACTIVATED,
    LIE_FORGET,
    LIE_CAA,
    LIE_BAD_KEY,
    LIE_PROCESSING,
    LIE_PENDING,
    LIE_INVALID_ORDER,
    LIE_INVALID_CHALLENGE,
    LIE_WRONG_KEY,
    LIE_MISSING_NAME,
    LIE_LEAF_ALONE,
    LIE_CUT_PEM,
    LIE_GAP,
    LIE_MISORDERED,
    LIE_FORGED,
    LIE_WITH_KEY,
    LIE_WITH_TEXT,
    LIE_FUTURE,
    LIE_EXPIRED,
    LIE_OTHER_ISSUER,
    LIE_COUNT
};

struct fakeca_request {
    char method[16], path[512], host[256], type[128];
    bool agent;
    char body[FAKECA_BODY_MAX];
    size_t len;
};

struct fakeca_reply {
    int status;
    const char *type;
    char *body; /* malloc()ed, or NULL */
    size_t len;
    char headers[1536]; /* lines with CRLF */
    bool nonce;         /* a fresh one goes along */
    bool cut;           /* nothing is sent: the connection ends */
};

struct fakeca_account {
    unsigned id;
    EVP_PKEY *key;
    char thumb[FAKECA_HASH_TEXT]; /* of its JWK (RFC 7638) */
    bool deactivated;
    struct fakeca_account *next;
};

struct fakeca_authz {
    char name[256];
    char token[FAKECA_HASH_TEXT];
    enum { AUTHZ_PENDING, AUTHZ_PROCESSING, AUTHZ_VALID, AUTHZ_INVALID, AUTHZ_STUCK } state;
    bool wildcard, good; /* good: what the judge said */
    bool caa;
    unsigned looks;
};

struct fakeca_order {
    unsigned id, account, n;
    struct fakeca_authz authz[FAKECA_NAMES_MAX];
    enum { ORDER_OPEN, ORDER_PROCESSING, ORDER_VALID, ORDER_INVALID, ORDER_STUCK } state;
    unsigned looks;
    X509_REQ *csr;
    char *pem; /* the honest chain */
    struct fakeca_order *next;
};

struct fakeca_rule {
    enum fakeca_lie lie;
    enum fakeca_place place;
    long number; /* -1: none given */
    unsigned from, to, seen;
};

struct fakeca_issuer {
    EVP_PKEY *key;
    X509 *cert;
};

struct fakeca {
    /* constant after the start */
    struct fakeca_config config;
    char host[280], directory[320]; /* host: with the port, as in the Host header */
    char *root_pem;
    SSL_CTX *tls;
    struct fakeca_issuer tls_root, root, intermediate, other_root, other;
    int listener, stop[2];
    pthread_t thread;

    pthread_mutex_t lock;
    uint32_t dice;       /* for lies told now and then */
    pthread_cond_t gone; /* a connection ended */
    int conns[FAKECA_CONNS_MAX];
    bool lost; /* an answer was lost: a client may rightly repeat itself */
    unsigned n_conns, connections, next_id, ordered, issued, complaints;
    char complaint[512];
    unsigned asked[FAKECA_PLACES];
    struct fakeca_rule rules[FAKECA_SCRIPTS_MAX];
    unsigned n_rules;
    char nonces[FAKECA_NONCES][FAKECA_HASH_TEXT];
    unsigned next_nonce;
    struct fakeca_account *accounts;
    struct fakeca_order *orders;
};

/* What came with a request that was signed rightly. */
struct fakeca_signed {
    json_t *payload; /* NULL: empty, POST-as-GET */
    json_t *jwk;     /* NULL: kid */
    EVP_PKEY *key;   /* of the jwk */
    char thumb[FAKECA_HASH_TEXT];
    struct fakeca_account *account; /* of the kid */
};

/* Ends the program with the place and OpenSSL's reasons unless `ok`. */
void fakeca_need(bool ok, const char *what);
void *fakeca_alloc(size_t size);

/* fakeca.c: fakeca_forget, by who has the lock. */
void fakeca_lose(struct fakeca *ca);

/* fakeca_http.c: false: no more requests on this connection. */
bool fakeca_read(SSL *ssl, struct fakeca_request *out);
bool fakeca_write(SSL *ssl, const struct fakeca_request *request, const struct fakeca_reply *reply,
                  const char *nonce);

/* fakeca_lies.c: does the lie happen now? Call it once a request. `number` may be NULL. */
bool fakeca_lies(struct fakeca *ca, enum fakeca_lie lie, enum fakeca_place place, long *number);
const char *fakeca_place_name(enum fakeca_place place);
/* Lies instead of an answer; true: the reply stands. */
bool fakeca_lies_before(struct fakeca *ca, const struct fakeca_request *request,
                        enum fakeca_place place, struct fakeca_reply *reply);
/* Lies about an answer that was made. */
void fakeca_lies_after(struct fakeca *ca, enum fakeca_place place, struct fakeca_reply *reply);

/* fakeca_jws.c */
size_t fakeca_b64_decode(const char *text, unsigned char *out, size_t size); /* SIZE_MAX: no */
void fakeca_b64_encode(const unsigned char *data, size_t len, char *out, size_t size);
void fakeca_random_text(char out[FAKECA_HASH_TEXT]);
void fakeca_nonce(struct fakeca *ca, char out[FAKECA_HASH_TEXT]);
/* False: the reply is a problem document. `by_key`: this resource wants jwk. */
bool fakeca_verify(struct fakeca *ca, const struct fakeca_request *request, bool by_key,
                   struct fakeca_signed *out, struct fakeca_reply *reply);
void fakeca_signed_end(struct fakeca_signed *s);

/* fakeca_acme.c */
enum fakeca_place fakeca_place_of(const char *path);
void fakeca_answer(struct fakeca *ca, const struct fakeca_request *request,
                   struct fakeca_reply *reply);
void fakeca_url(const struct fakeca *ca, bool http, char *out, size_t size, const char *fmt,
                unsigned a, unsigned b);
/* A problem document; `type` without "urn:ietf:params:acme:error:"; `subs` is taken, may be NULL.
 */
void fakeca_problem(struct fakeca_reply *reply, int status, const char *type, const char *detail,
                    json_t *subs);
/* The same, for what the client did wrong. */
void fakeca_complain(struct fakeca *ca, struct fakeca_reply *reply, int status, const char *type,
                     const char *detail);
void fakeca_json(struct fakeca_reply *reply, int status, json_t *json); /* takes json */
void fakeca_header(struct fakeca_reply *reply, const char *name, const char *value);
json_t *fakeca_error(const char *type, const char *detail, const char *name); /* name may be NULL */

/* fakeca_order.c */
void fakeca_new_order(struct fakeca *ca, const struct fakeca_signed *s, struct fakeca_reply *reply);
void fakeca_order_request(struct fakeca *ca, enum fakeca_place place, const char *path,
                          const struct fakeca_signed *s, struct fakeca_reply *reply);
void fakeca_order_free(struct fakeca_order *order);

/* fakeca_pki.c */
void fakeca_pki_begin(struct fakeca *ca);
void fakeca_pki_end(struct fakeca *ca);
/* NULL: all is well; else what is wrong with it. */
const char *fakeca_csr_check(const struct fakeca_order *order, X509_REQ *csr,
                             const EVP_PKEY *account);
char *fakeca_chain(struct fakeca *ca, const struct fakeca_order *order, enum fakeca_lie lie);

/* fakeca_dns.c */
bool fakeca_dns_check(const char *server, const char *name, const char *value);

#endif
