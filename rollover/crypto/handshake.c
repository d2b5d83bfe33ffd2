/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>

#include "crypto/danematch_ssl.h"
#include "crypto/key.h"
#include "crypto/ossl.h"

/* ---- waiting ------------------------------------------------------------------------- */

model_time handshake_clock(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        abort(); /* POSIX gives this clock no way to fail */
    return (model_time)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum outcome handshake_nonblocking(int fd, struct err *err)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_errno(err, "cannot make a socket non-blocking");
    return OUT_OK;
}

enum outcome handshake_wait(int fd, short events, model_time deadline, const char *what,
                            struct err *err)
{
    for (;;) {
        model_time left = deadline - handshake_clock();
        if (left <= 0)
            return err_set(err, OUT_RETRY, "time-out while waiting for %s", what);
        struct pollfd one = {.fd = fd, .events = events};
        int rc = poll(&one, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (rc > 0)
            return OUT_OK;
        if (rc < 0 && errno != EINTR)
            return err_errno(err, "cannot wait for %s", what);
    }
}

/* ---- the offers ---------------------------------------------------------------------- */

/* "" leaves OpenSSL's default. */
struct offer {
    char sigalgs[160];
    char ciphers[64]; /* TLS 1.2 */
    char groups[32];
};

enum { OFFER_ANY, OFFER_P256, OFFER_P384, OFFER_RSA, OFFERS };

/* A curve that is not among the groups cannot be the certificate's in TLS 1.2 (RFC 8422 section
 * 5.1.1); in TLS 1.3 groups are for the key exchange only. */
static const struct offer offers[OFFERS] = {
    [OFFER_ANY] = {"", "", ""},
    [OFFER_P256] = {"ecdsa_secp256r1_sha256", "ECDHE+aECDSA", "X25519:P-256"},
    [OFFER_P384] = {"ecdsa_secp384r1_sha384", "ECDHE+aECDSA", "X25519:P-384"},
    [OFFER_RSA] = {"rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
                   "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512",
                   "ECDHE+aRSA:DHE+aRSA:kRSA:!eNULL", ""},
};

struct handshake_client {
    SSL_CTX *ctx[OFFERS];
};

static int offer_of(enum port_alg alg)
{
    switch (alg) {
    case PORT_ALG_P256:
        return OFFER_P256;
    case PORT_ALG_P384:
        return OFFER_P384;
    case PORT_ALG_RSA2048:
    case PORT_ALG_RSA3072:
    case PORT_ALG_RSA4096:
        return OFFER_RSA;
    }
    return OFFER_ANY;
}

static enum outcome make_offer(const struct offer *offer, SSL_CTX **out, struct err *err)
{
    SSL_CTX *ctx = NULL;
    enum outcome rc = danematch_ssl_ctx(&ctx, err);
    if (rc != OUT_OK)
        return rc;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    struct offer own = *offer; /* OpenSSL's macros want writable text */
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        (own.sigalgs[0] != '\0' && SSL_CTX_set1_sigalgs_list(ctx, own.sigalgs) != 1) ||
        (own.ciphers[0] != '\0' && SSL_CTX_set_cipher_list(ctx, own.ciphers) != 1) ||
        (own.groups[0] != '\0' && SSL_CTX_set1_groups_list(ctx, own.groups) != 1)) {
        SSL_CTX_free(ctx);
        return ossl_err(err, OUT_BROKEN, "cannot set what TLS offers");
    }
    *out = ctx;
    return OUT_OK;
}

enum outcome handshake_client_new(struct handshake_client **out, struct err *err)
{
    struct handshake_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return err_errno(err, "a TLS client");
    for (size_t i = 0; i < OFFERS; i++) {
        enum outcome rc = make_offer(&offers[i], &client->ctx[i], err);
        if (rc != OUT_OK) {
            handshake_client_free(&client);
            return rc;
        }
    }
    *out = client;
    return OUT_OK;
}

void handshake_client_free(struct handshake_client **client)
{
    if (*client == NULL)
        return;
    for (size_t i = 0; i < OFFERS; i++)
        SSL_CTX_free((*client)->ctx[i]);
    free(*client);
    *client = NULL;
}

/* ---- one handshake ------------------------------------------------------------------- */

struct handshake {
    SSL *ssl;
    int fd;
};

void handshake_result_free(struct handshake_result *result)
{
    danematch_chain_free(&result->chain);
    memset(result, 0, sizeof *result);
}

void handshake_free(struct handshake **hs)
{
    if (*hs == NULL)
        return;
    if (SSL_is_init_finished((*hs)->ssl))
        (void)SSL_shutdown((*hs)->ssl);
    ERR_clear_error();
    SSL_free((*hs)->ssl);
    free(*hs);
    *hs = NULL;
}

/* After an SSL call that gave `rc`: waits for what it wants, or says why it failed. */
static enum outcome after(const struct handshake *hs, int rc, model_time deadline, const char *what,
                          struct err *err)
{
    int saved = errno;
    switch (SSL_get_error(hs->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return handshake_wait(hs->fd, POLLIN, deadline, what, err);
    case SSL_ERROR_WANT_WRITE:
        return handshake_wait(hs->fd, POLLOUT, deadline, what, err);
    case SSL_ERROR_ZERO_RETURN:
        return err_set(err, OUT_REFUSED, "%s: the server ended TLS", what);
    case SSL_ERROR_SYSCALL:
        if (saved == 0)
            return err_set(err, OUT_REFUSED, "%s: the server closed the connection", what);
        errno = saved;
        (void)err_errno(err, "%s", what);
        return OUT_REFUSED;
    default:
        return ossl_err(err, OUT_REFUSED, "%s failed", what);
    }
}

static enum outcome restrict_version(SSL *ssl, enum handshake_version version, struct err *err)
{
    int only = version == HANDSHAKE_TLS12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    if (version == HANDSHAKE_ANY)
        return OUT_OK;
    if (SSL_set_min_proto_version(ssl, only) != 1 || SSL_set_max_proto_version(ssl, only) != 1)
        return ossl_err(err, OUT_BROKEN, "cannot restrict the version of TLS");
    return OUT_OK;
}

static enum outcome arm(struct handshake *hs, const struct handshake_ask *ask, size_t *usable,
                        struct err *err)
{
    enum outcome rc = restrict_version(hs->ssl, ask->version, err);
    if (rc == OUT_OK && ask->rrset != NULL) {
        struct danematch_ask dane = {ask->rrset, ask->names, ask->n_names, 0};
        rc = danematch_ssl_arm(hs->ssl, &dane, usable, err);
    }
    if (rc != OUT_OK)
        return rc;
    /* SSL_dane_enable has set the SNI name by itself: what was asked for counts. */
    char sni[PORT_NAME_MAX];
    int n = snprintf(sni, sizeof sni, "%s", ask->sni != NULL ? ask->sni : "");
    void *name = n > 0 ? sni : NULL;
    if (n < 0 || (size_t)n >= sizeof sni || SSL_set_tlsext_host_name(hs->ssl, name) != 1)
        return ossl_err(err, OUT_REFUSED, "cannot send \"%s\" as SNI", sni);
    if (SSL_set_fd(hs->ssl, hs->fd) != 1)
        return ossl_err(err, OUT_BROKEN, "cannot put TLS on a socket");
    return OUT_OK;
}

static enum outcome shake(struct handshake *hs, model_time deadline, struct err *err)
{
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int rc = SSL_connect(hs->ssl);
        if (rc == 1)
            return OUT_OK;
        enum outcome out = after(hs, rc, deadline, "the TLS handshake", err);
        if (out != OUT_OK)
            return out;
    }
}

static void name_sigalg(SSL *ssl, char *out, size_t size)
{
    int type = NID_undef;
    int digest = NID_undef;
    (void)SSL_get_peer_signature_type_nid(ssl, &type);
    (void)SSL_get_peer_signature_nid(ssl, &digest);
    const char *name = OBJ_nid2sn(type);
    if (type == NID_X9_62_id_ecPublicKey)
        name = "ECDSA";
    else if (type == NID_rsaEncryption)
        name = "RSA";
    (void)snprintf(out, size, "%s %s", name, digest == NID_undef ? "" : OBJ_nid2sn(digest));
}

static enum outcome fill(struct handshake *hs, const struct handshake_ask *ask, size_t usable,
                         struct handshake_result *result, struct err *err)
{
    enum outcome rc = danematch_ssl_chain(SSL_get_peer_cert_chain(hs->ssl), &result->chain, err);
    if (rc == OUT_OK)
        rc = danematch_fingerprint(&result->chain, result->fingerprint, err);
    if (rc != OUT_OK)
        return rc;
    if (ask->rrset != NULL)
        danematch_ssl_verdict(hs->ssl, usable, &result->verdict);
    X509 *leaf = SSL_get0_peer_certificate(hs->ssl);
    EVP_PKEY *pkey = leaf == NULL ? NULL : X509_get0_pubkey(leaf);
    struct err what = ERR_INIT;
    if (pkey == NULL)
        (void)snprintf(result->leaf_name, sizeof result->leaf_name, "a key that cannot be read");
    else if (ossl_alg(pkey, &result->leaf_alg, &what) == OUT_OK)
        (void)snprintf(result->leaf_name, sizeof result->leaf_name, "%s",
                       key_alg_name(result->leaf_alg));
    else
        (void)snprintf(result->leaf_name, sizeof result->leaf_name, "%.60s", what.text);
    ERR_clear_error();
    (void)snprintf(result->version, sizeof result->version, "%s", SSL_get_version(hs->ssl));
    (void)snprintf(result->cipher, sizeof result->cipher, "%s", SSL_get_cipher(hs->ssl));
    name_sigalg(hs->ssl, result->sigalg, sizeof result->sigalg);
    result->resumed = SSL_session_reused(hs->ssl) == 1;
    return OUT_OK;
}

enum outcome handshake_start(const struct handshake_client *client, int fd,
                             const struct handshake_ask *ask, struct handshake **out,
                             struct handshake_result *result, struct err *err)
{
    memset(result, 0, sizeof *result);
    enum outcome rc = handshake_nonblocking(fd, err);
    if (rc != OUT_OK)
        return rc;
    struct handshake *hs = calloc(1, sizeof *hs);
    if (hs == NULL)
        return err_errno(err, "a TLS handshake");
    hs->fd = fd;
    hs->ssl = SSL_new(client->ctx[offer_of(ask->alg)]);
    if (hs->ssl == NULL) {
        free(hs);
        return ossl_err(err, OUT_BROKEN, "cannot make a TLS object");
    }
    size_t usable = 0;
    rc = arm(hs, ask, &usable, err);
    if (rc == OUT_OK)
        rc = shake(hs, ask->deadline, err);
    if (rc == OUT_OK)
        rc = fill(hs, ask, usable, result, err);
    if (rc != OUT_OK) {
        handshake_result_free(result);
        handshake_free(&hs);
        return rc;
    }
    *out = hs;
    return OUT_OK;
}

enum outcome handshake_write(struct handshake *hs, const void *data, size_t len,
                             model_time deadline, struct err *err)
{
    if (len == 0)
        return OUT_OK;
    for (;;) {
        size_t put = 0;
        ERR_clear_error();
        errno = 0;
        int rc = SSL_write_ex(hs->ssl, data, len, &put);
        if (rc == 1)
            return OUT_OK;
        enum outcome out = after(hs, rc, deadline, "writing through TLS", err);
        if (out != OUT_OK)
            return out;
    }
}

enum outcome handshake_read(struct handshake *hs, void *data, size_t size, model_time deadline,
                            size_t *got, struct err *err)
{
    for (;;) {
        *got = 0;
        ERR_clear_error();
        errno = 0;
        int rc = SSL_read_ex(hs->ssl, data, size, got);
        if (rc == 1)
            return OUT_OK;
        if (SSL_get_error(hs->ssl, rc) == SSL_ERROR_ZERO_RETURN)
            return OUT_OK;
        enum outcome out = after(hs, rc, deadline, "reading through TLS", err);
        if (out != OUT_OK)
            return out;
    }
}
