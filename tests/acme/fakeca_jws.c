/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes signed: base64url, nonces, JWS (RFC 7515, RFC 8555 section 6.2 to 6.5). */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>

#include "fakeca_int.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t fakeca_b64_decode(const char *text, unsigned char *out, size_t size)
{
    unsigned bits = 0, have = 0;
    size_t len = 0;
    for (; *text != '\0'; text++) {
        const char *at = strchr(alphabet, *text);
        if (at == NULL)
            return SIZE_MAX;
        bits = (bits << 6 | (unsigned)(at - alphabet)) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (len == size)
                return SIZE_MAX;
            out[len++] = (unsigned char)(bits >> have);
        }
    }
    /* One character too many, or bits left over that are not zero. */
    if (have == 6 || (bits & ((1U << have) - 1)) != 0)
        return SIZE_MAX;
    return len;
}

void fakeca_b64_encode(const unsigned char *data, size_t len, char *out, size_t size)
{
    unsigned bits = 0, have = 0;
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | data[i]) & 0xffff;
        for (have += 8; have >= 6; have -= 6) {
            fakeca_need(at + 2 < size, "room for base64url");
            out[at++] = alphabet[bits >> (have - 6) & 63];
        }
    }
    if (have > 0)
        out[at++] = alphabet[bits << (6 - have) & 63];
    fakeca_need(at < size, "room for base64url");
    out[at] = '\0';
}

void fakeca_random_text(char out[FAKECA_HASH_TEXT])
{
    unsigned char bytes[FAKECA_SHA256];
    fakeca_need(RAND_bytes(bytes, sizeof bytes) == 1, "random octets");
    fakeca_b64_encode(bytes, sizeof bytes, out, FAKECA_HASH_TEXT);
}

void fakeca_nonce(struct fakeca *ca, char out[FAKECA_HASH_TEXT])
{
    char *slot = ca->nonces[ca->next_nonce++ % FAKECA_NONCES];
    fakeca_random_text(slot);
    memcpy(out, slot, FAKECA_HASH_TEXT);
}

/* Known and not used before; used from now on. */
static bool use_nonce(struct fakeca *ca, const char *nonce)
{
    for (unsigned i = 0; i < FAKECA_NONCES; i++) {
        if (nonce[0] != '\0' && strcmp(ca->nonces[i], nonce) == 0) {
            ca->nonces[i][0] = '\0';
            return true;
        }
    }
    return false;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

/* A JWK of P-256 with nothing but what it needs (RFC 7518 section 6.2.1). */
static EVP_PKEY *key_of(const json_t *jwk, char thumb[FAKECA_HASH_TEXT])
{
    unsigned char point[65] = {4}, hash[FAKECA_SHA256];
    const char *x = text_of(jwk, "x"), *y = text_of(jwk, "y");
    char canon[256];
    EVP_PKEY *key = NULL;
    if (json_object_size(jwk) != 4 || strcmp(text_of(jwk, "kty"), "EC") != 0 ||
        strcmp(text_of(jwk, "crv"), "P-256") != 0 || fakeca_b64_decode(x, point + 1, 32) != 32 ||
        fakeca_b64_decode(y, point + 33, 32) != 32)
        return NULL;
    char group[] = "P-256";
    OSSL_PARAM params[3];
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point);
    params[2] = OSSL_PARAM_construct_end();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    fakeca_need(ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1, "a key's context");
    if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL; /* no point of the curve */
    EVP_PKEY_CTX_free(ctx);
    (void)snprintf(canon, sizeof canon,
                   "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
    fakeca_need(EVP_Q_digest(NULL, "SHA256", NULL, canon, strlen(canon), hash, NULL) == 1,
                "SHA-256");
    fakeca_b64_encode(hash, sizeof hash, thumb, FAKECA_HASH_TEXT);
    return key;
}

/* ES256: r and s of 32 octets each (RFC 7518 section 3.4). */
static bool signature_fits(EVP_PKEY *key, const char *protected, const char *payload,
                           const char *signature)
{
    unsigned char raw[65], *der = NULL;
    size_t size = strlen(protected) + strlen(payload) + 2;
    bool fits = false;
    if (fakeca_b64_decode(signature, raw, sizeof raw) != 64)
        return false;
    char *input = fakeca_alloc(size);
    (void)snprintf(input, size, "%s.%s", protected, payload);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    fakeca_need(sig != NULL && ECDSA_SIG_set0(sig, r, s) == 1, "a signature");
    int len = i2d_ECDSA_SIG(sig, &der);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    fakeca_need(len > 0 && md != NULL &&
                    EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1,
                "verifying");
    fits = EVP_DigestVerify(md, der, (size_t)len, (unsigned char *)input, size - 1) == 1;
    EVP_MD_CTX_free(md);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    free(input);
    ERR_clear_error();
    return fits;
}

static json_t *decoded_json(const char *text)
{
    size_t size = strlen(text) + 1;
    unsigned char *data = fakeca_alloc(size);
    size_t len = fakeca_b64_decode(text, data, size);
    json_t *json =
        len == SIZE_MAX ? NULL : json_loadb((char *)data, len, JSON_REJECT_DUPLICATES, NULL);
    free(data);
    return json;
}

static struct fakeca_account *account_of(struct fakeca *ca, const char *kid)
{
    char url[512];
    for (struct fakeca_account *a = ca->accounts; a != NULL; a = a->next) {
        fakeca_url(ca, false, url, sizeof url, "/account/%u", a->id, 0);
        if (strcmp(url, kid) == 0)
            return a;
    }
    return NULL;
}

/* Who signs: a new key or an account. NULL: the reply says why not. */
static EVP_PKEY *signer(struct fakeca *ca, const json_t *protected, bool by_key,
                        struct fakeca_signed *out, struct fakeca_reply *reply)
{
    json_t *jwk = json_object_get(protected, "jwk");
    const json_t *kid = json_object_get(protected, "kid");
    if ((jwk != NULL) == (kid != NULL) || (jwk != NULL) != by_key) {
        fakeca_complain(ca, reply, 400, "malformed",
                        by_key ? "this request is signed with a jwk and no kid"
                               : "this request is signed with a kid and no jwk");
        return NULL;
    }
    if (jwk != NULL) {
        out->jwk = json_incref(jwk);
        out->key = key_of(jwk, out->thumb);
        if (out->key == NULL)
            fakeca_complain(ca, reply, 400, "badPublicKey", "the jwk is no public key of P-256");
        return out->key;
    }
    out->account = account_of(ca, json_is_string(kid) ? json_string_value(kid) : "");
    if (out->account == NULL) {
        fakeca_problem(reply, 400, "accountDoesNotExist", "there is no such account", NULL);
        return NULL;
    }
    return out->account->key;
}

/* What the protected header must say, but for the key. */
static bool header_right(struct fakeca *ca, const struct fakeca_request *request,
                         const json_t *protected, struct fakeca_reply *reply)
{
    char url[1024];
    (void)snprintf(url, sizeof url, "https://%s%s", ca->host, request->path);
    if (!json_is_object(protected) || json_object_size(protected) != 4)
        fakeca_complain(ca, reply, 400, "malformed",
                        "the protected header is not alg, nonce, url and jwk or kid");
    else if (strcmp(text_of(protected, "alg"), "ES256") != 0)
        fakeca_complain(ca, reply, 400, "badSignatureAlgorithm", "alg is not ES256");
    else if (strcmp(text_of(protected, "url"), url) != 0)
        fakeca_complain(ca, reply, 401, "unauthorized", "url is not that of the request");
    else if (!use_nonce(ca, text_of(protected, "nonce")))
        fakeca_complain(ca, reply, 400, "badNonce", "the nonce is unknown or was used before");
    else
        return true;
    return false;
}

static bool verify_parts(struct fakeca *ca, const struct fakeca_request *request, bool by_key,
                         const json_t *jws, struct fakeca_signed *out, struct fakeca_reply *reply)
{
    const char *head = text_of(jws, "protected"), *payload = text_of(jws, "payload");
    json_t *protected = decoded_json(head);
    bool ok = header_right(ca, request, protected, reply);
    EVP_PKEY *key = ok ? signer(ca, protected, by_key, out, reply) : NULL;
    ok = key != NULL;
    if (ok && !signature_fits(key, head, payload, text_of(jws, "signature"))) {
        fakeca_complain(ca, reply, 400, "malformed", "the signature does not fit");
        ok = false;
    }
    if (ok && out->account != NULL && out->account->deactivated) {
        fakeca_problem(reply, 401, "unauthorized", "the account is deactivated", NULL);
        ok = false;
    }
    if (ok && payload[0] != '\0') {
        out->payload = decoded_json(payload);
        ok = json_is_object(out->payload);
        if (!ok)
            fakeca_complain(ca, reply, 400, "malformed", "the payload is no JSON object");
    }
    json_decref(protected);
    return ok;
}

bool fakeca_verify(struct fakeca *ca, const struct fakeca_request *request, bool by_key,
                   struct fakeca_signed *out, struct fakeca_reply *reply)
{
    bool ok = false;
    memset(out, 0, sizeof *out);
    if (strcmp(request->type, "application/jose+json") != 0) {
        fakeca_complain(ca, reply, 415, "malformed", "the media type is not application/jose+json");
        return false;
    }
    json_t *jws = json_loadb(request->body, request->len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(jws) || json_object_size(jws) != 3 ||
        !json_is_string(json_object_get(jws, "protected")) ||
        !json_is_string(json_object_get(jws, "payload")) ||
        !json_is_string(json_object_get(jws, "signature")))
        fakeca_complain(ca, reply, 400, "malformed", "not a flattened JWS with three texts");
    else
        ok = verify_parts(ca, request, by_key, jws, out, reply);
    json_decref(jws);
    return ok;
}

void fakeca_signed_end(struct fakeca_signed *s)
{
    json_decref(s->payload);
    json_decref(s->jwk);
    EVP_PKEY_free(s->key);
    memset(s, 0, sizeof *s);
}
