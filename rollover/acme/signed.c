/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/signed.h"

#include <stdlib.h>
#include <string.h>

#include "acme/client.h"
#include "base/text.h"
#include "crypto/jws.h"

#define SIGNED_HEAD_MAX (2 * DOC_URL_MAX + CLIENT_NONCE_MAX + JWS_JWK_MAX + 128)
#define SIGNED_PAYLOAD_MAX (128 * 1024)

static enum outcome signed_protected(const struct signed_head *head, char out[SIGNED_HEAD_MAX],
                                     struct err *err)
{
    char jwk[JWS_JWK_MAX] = "";
    struct text text;
    if (head->kid[0] == '\0') {
        enum outcome res = jws_jwk(head->key, jwk, err);
        if (res != OUT_OK)
            return res;
    }
    text_init(&text, out, SIGNED_HEAD_MAX);
    text_add(&text, "{\"alg\":\"ES256\",");
    if (head->kid[0] == '\0')
        text_add(&text, "\"jwk\":%s,", jwk);
    else
        text_add(&text, "\"kid\":\"%s\",", head->kid);
    text_add(&text, "\"nonce\":\"%s\",\"url\":\"%s\"}", head->nonce, head->url);
    return text.cut ? err_set(err, OUT_REFUSED, "the head of a request is too large") : OUT_OK;
}

/* "HEAD.PAYLOAD", both base64url; *dot is where the payload's part begins. */
static char *signed_input(const char *head, const char *payload, size_t *dot)
{
    size_t head_size = B64URL_SIZE(strlen(head)); /* with the NUL, which becomes the dot */
    size_t payload_size = B64URL_SIZE(strlen(payload));
    char *out = malloc(head_size + payload_size);
    if (out == NULL)
        return NULL;
    (void)b64url_encode((const uint8_t *)head, strlen(head), out, head_size);
    (void)b64url_encode((const uint8_t *)payload, strlen(payload), out + head_size, payload_size);
    out[head_size - 1] = '.';
    *dot = head_size;
    return out;
}

enum outcome signed_make(const struct signed_head *head, const char *payload, char **out,
                         struct err *err)
{
    static const char form[] = "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"%s\"}";
    char protected[SIGNED_HEAD_MAX];
    uint8_t sig[JWS_SIGNATURE_LEN];
    char sig_text[B64URL_SIZE(JWS_SIGNATURE_LEN)];
    size_t dot = 0;
    *out = NULL;
    if (strnlen(payload, SIGNED_PAYLOAD_MAX) >= SIGNED_PAYLOAD_MAX)
        return err_set(err, OUT_REFUSED, "a request of more than %d octets", SIGNED_PAYLOAD_MAX);
    enum outcome res = signed_protected(head, protected, err);
    if (res != OUT_OK)
        return res;
    char *input = signed_input(protected, payload, &dot);
    if (input == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    res = jws_sign(head->key, input, strlen(input), sig, err);
    if (res != OUT_OK)
        goto out;
    (void)b64url_encode(sig, sizeof sig, sig_text, sizeof sig_text);
    size_t size = sizeof form + strlen(input) + sizeof sig_text;
    *out = malloc(size);
    if (*out == NULL)
        res = err_set(err, OUT_BROKEN, "out of memory");
    else
        (void)text_format(*out, size, form, (int)(dot - 1), input, input + dot, sig_text);
out:
    free(input);
    return res;
}
