/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders, authorizations, challenges, finalization, certificates (RFC 8555 sections 7.4, 7.5). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "fakeca_int.h"

static const char expires[] = "2099-01-01T00:00:00Z";

void fakeca_order_free(struct fakeca_order *order)
{
    X509_REQ_free(order->csr);
    free(order->pem);
    free(order);
}

/* An order shows its authorizations' state; nothing else tells "pending" from "ready". */
static const char *order_status(const struct fakeca_order *order)
{
    unsigned valid = 0;
    for (unsigned i = 0; i < order->n; i++) {
        if (order->authz[i].state == AUTHZ_INVALID)
            return "invalid";
        valid += order->authz[i].state == AUTHZ_VALID;
    }
    switch (order->state) {
    case ORDER_OPEN:
        return valid == order->n ? "ready" : "pending";
    case ORDER_VALID:
        return "valid";
    case ORDER_INVALID:
        return "invalid";
    case ORDER_PROCESSING:
    case ORDER_STUCK:
        break;
    }
    return "processing";
}

static json_t *identifier(const char *name)
{
    json_t *json = json_pack("{s:s, s:s}", "type", "dns", "value", name);
    fakeca_need(json != NULL, "JSON");
    return json;
}

static void shown_name(const struct fakeca_authz *authz, char *out, size_t size)
{
    (void)snprintf(out, size, "%s%s", authz->wildcard ? "*." : "", authz->name);
}

static json_t *order_error(const struct fakeca_order *order)
{
    json_t *subs = json_array();
    fakeca_need(subs != NULL, "JSON");
    for (unsigned i = 0; i < order->n; i++)
        fakeca_need(
            json_array_append_new(subs, fakeca_error("rejectedIdentifier", "this name is on a list",
                                                     order->authz[i].name)) == 0,
            "JSON");
    json_t *error = fakeca_error("compound", "several names are refused", NULL);
    fakeca_need(json_object_set_new(error, "subproblems", subs) == 0, "JSON");
    return error;
}

static void say_retry_after(const struct fakeca *ca, struct fakeca_reply *reply)
{
    char number[24];
    if (ca->config.retry_after == 0)
        return;
    (void)snprintf(number, sizeof number, "%u", ca->config.retry_after);
    fakeca_header(reply, "Retry-After", number);
}

static void order_json(struct fakeca *ca, struct fakeca_order *order, int status,
                       enum fakeca_place place, struct fakeca_reply *reply)
{
    bool http = fakeca_lies(ca, LIE_HTTP, place, NULL);
    char url[512], name[260];
    json_t *names = json_array(), *authz = json_array();
    for (unsigned i = 0; i < order->n; i++) {
        shown_name(&order->authz[i], name, sizeof name);
        fakeca_url(ca, http, url, sizeof url, "/authz/%u/%u", order->id, i);
        fakeca_need(json_array_append_new(names, identifier(name)) == 0 &&
                        json_array_append_new(authz, json_string(url)) == 0,
                    "JSON");
    }
    fakeca_url(ca, http, url, sizeof url, "/finalize/%u", order->id, 0);
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:o, s:s}", "status", order_status(order), "expires", expires,
                  "identifiers", names, "authorizations", authz, "finalize", url);
    fakeca_need(json != NULL, "JSON");
    if (order->state == ORDER_VALID) {
        fakeca_url(ca, http, url, sizeof url, "/cert/%u", order->id, 0);
        fakeca_need(json_object_set_new(json, "certificate", json_string(url)) == 0, "JSON");
    }
    if (order->state == ORDER_INVALID)
        fakeca_need(json_object_set_new(json, "error", order_error(order)) == 0, "JSON");
    fakeca_json(reply, status, json);
    fakeca_url(ca, http, url, sizeof url, "/order/%u", order->id, 0);
    fakeca_header(reply, "Location", url);
    if (order->state == ORDER_PROCESSING || order->state == ORDER_STUCK)
        say_retry_after(ca, reply);
}

/* Lower case labels of letters, digits and hyphens, at least two; "*." in front is fine. */
static bool name_right(const char *name)
{
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    size_t len = strlen(name);
    if (len == 0 || len > 253 || strchr(name, '.') == NULL || name[0] == '.' ||
        name[len - 1] == '.' || strstr(name, "..") != NULL)
        return false;
    for (; *name != '\0'; name++) {
        if (!islower((unsigned char)*name) && !isdigit((unsigned char)*name) && *name != '-' &&
            *name != '.')
            return false;
    }
    return true;
}

static const char *read_names(const json_t *names, struct fakeca_order *order)
{
    size_t i;
    const json_t *each;
    if (!json_is_array(names) || json_array_size(names) == 0)
        return "an order without identifiers";
    json_array_foreach(names, i, each)
    {
        const char *type = json_string_value(json_object_get(each, "type"));
        const char *value = json_string_value(json_object_get(each, "value"));
        if (i >= FAKECA_NAMES_MAX)
            return "too many identifiers";
        if (type == NULL || value == NULL || strcmp(type, "dns") != 0 || !name_right(value))
            return "an identifier that is no DNS name in lower case without a final dot";
        struct fakeca_authz *authz = &order->authz[order->n++];
        authz->wildcard = strncmp(value, "*.", 2) == 0;
        (void)snprintf(authz->name, sizeof authz->name, "%s", authz->wildcard ? value + 2 : value);
        fakeca_random_text(authz->token);
        for (unsigned k = 0; k + 1 < order->n; k++) {
            if (order->authz[k].wildcard == authz->wildcard &&
                strcmp(order->authz[k].name, authz->name) == 0)
                return "an identifier twice";
        }
    }
    return NULL;
}

static json_t *caa_error(const char *name)
{
    char text[400];
    (void)snprintf(text, sizeof text, "CAA record for %s prevents issuance", name);
    return fakeca_error("caa", text, name);
}

static void caa_problem(const struct fakeca_order *order, struct fakeca_reply *reply)
{
    char text[400];
    (void)snprintf(text, sizeof text, "CAA record for %s prevents issuance", order->authz[0].name);
    fakeca_problem(reply, 403, "caa", text, json_pack("[o]", caa_error(order->authz[0].name)));
}

void fakeca_new_order(struct fakeca *ca, const struct fakeca_signed *s, struct fakeca_reply *reply)
{
    struct fakeca_order *order = fakeca_alloc(sizeof *order);
    const char *wrong = s->payload == NULL || json_object_size(s->payload) != 1
                            ? "a payload that is not identifiers alone"
                            : read_names(json_object_get(s->payload, "identifiers"), order);
    if (wrong != NULL || fakeca_lies(ca, LIE_CAA, FAKECA_NEW_ORDER, NULL)) {
        if (wrong != NULL)
            fakeca_complain(ca, reply, 400, "malformed", wrong);
        else
            caa_problem(order, reply);
        fakeca_order_free(order);
        return;
    }
    order->id = ++ca->next_id;
    ca->ordered++;
    order->account = s->account->id;
    order->next = ca->orders;
    ca->orders = order;
    order_json(ca, order, 201, FAKECA_NEW_ORDER, reply);
}

/* ---- authorizations -------------------------------------------------------------------- */

static json_t *challenge_json(const struct fakeca *ca, const struct fakeca_order *order, unsigned i)
{
    const struct fakeca_authz *authz = &order->authz[i];
    static const char *const states[] = {"pending", "processing", "valid", "invalid", "processing"};
    char url[512];
    fakeca_url(ca, false, url, sizeof url, "/challenge/%u/%u", order->id, i);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "type", "dns-01", "url", url, "token",
                             authz->token, "status", states[authz->state]);
    fakeca_need(json != NULL, "JSON");
    if (authz->state == AUTHZ_INVALID) {
        char text[400];
        (void)snprintf(text, sizeof text, "no right TXT record found at _acme-challenge.%s",
                       authz->name);
        json_t *error =
            authz->caa ? caa_error(authz->name) : fakeca_error("unauthorized", text, NULL);
        fakeca_need(json_object_set_new(json, "error", error) == 0, "JSON");
    }
    return json;
}

static void authz_json(struct fakeca *ca, const struct fakeca_order *order, unsigned i,
                       struct fakeca_reply *reply)
{
    const struct fakeca_authz *authz = &order->authz[i];
    static const char *const states[] = {"pending", "pending", "valid", "invalid", "pending"};
    char url[512];
    json_t *challenges = json_array();
    if (authz->state == AUTHZ_PENDING && !authz->wildcard) {
        fakeca_url(ca, false, url, sizeof url, "/challenge/%u/%u/http", order->id, i);
        fakeca_need(json_array_append_new(
                        challenges, json_pack("{s:s, s:s, s:s, s:s}", "type", "http-01", "url", url,
                                              "token", authz->token, "status", "pending")) == 0,
                    "JSON");
    }
    fakeca_need(json_array_append_new(challenges, challenge_json(ca, order, i)) == 0, "JSON");
    json_t *json =
        json_pack("{s:o, s:s, s:s, s:o}", "identifier", identifier(authz->name), "status",
                  states[authz->state], "expires", expires, "challenges", challenges);
    fakeca_need(json != NULL, "JSON");
    if (authz->wildcard)
        fakeca_need(json_object_set_new(json, "wildcard", json_true()) == 0, "JSON");
    fakeca_json(reply, 200, json);
    if (authz->state == AUTHZ_PROCESSING || authz->state == AUTHZ_STUCK)
        say_retry_after(ca, reply);
}

/* What was judged comes to light after some looks. */
static void look_at(struct fakeca_authz *authz)
{
    if (authz->state != AUTHZ_PROCESSING)
        return;
    if (authz->looks > 0)
        authz->looks--;
    else
        authz->state = authz->good ? AUTHZ_VALID : AUTHZ_INVALID;
}

static bool judge(const struct fakeca *ca, const struct fakeca_account *account,
                  const struct fakeca_authz *authz)
{
    char text[2 * FAKECA_HASH_TEXT], value[FAKECA_HASH_TEXT];
    unsigned char hash[FAKECA_SHA256];
    (void)snprintf(text, sizeof text, "%s.%s", authz->token, account->thumb);
    fakeca_need(EVP_Q_digest(NULL, "SHA256", NULL, text, strlen(text), hash, NULL) == 1, "SHA-256");
    fakeca_b64_encode(hash, sizeof hash, value, sizeof value);
    if (ca->config.accept_all)
        return true;
    if (ca->config.check != NULL)
        return ca->config.check(ca->config.check_arg, authz->name, value);
    return fakeca_dns_check(ca->config.dns_server, authz->name, value);
}

static void challenge(struct fakeca *ca, struct fakeca_order *order, unsigned i,
                      const struct fakeca_signed *s, struct fakeca_reply *reply)
{
    struct fakeca_authz *authz = &order->authz[i];
    char up[600], url[512];
    if (s->payload == NULL) {
        look_at(authz);
    } else if (json_object_size(s->payload) != 0) {
        fakeca_complain(ca, reply, 400, "malformed", "a challenge is answered with {}");
        return;
    } else if (authz->state == AUTHZ_PENDING) {
        bool caa = fakeca_lies(ca, LIE_CAA, FAKECA_CHALLENGE, NULL);
        bool no = fakeca_lies(ca, LIE_INVALID_CHALLENGE, FAKECA_CHALLENGE, NULL);
        bool stuck = fakeca_lies(ca, LIE_PENDING, FAKECA_CHALLENGE, NULL);
        authz->caa = caa;
        authz->good = judge(ca, s->account, authz) && !caa && !no;
        authz->looks = ca->config.looks;
        authz->state = stuck ? AUTHZ_STUCK : AUTHZ_PROCESSING;
    }
    fakeca_json(reply, 200, challenge_json(ca, order, i));
    fakeca_url(ca, false, url, sizeof url, "/authz/%u/%u", order->id, i);
    (void)snprintf(up, sizeof up, "<%s>;rel=\"up\"", url);
    fakeca_header(reply, "Link", up);
}

/* ---- finalization and certificate ------------------------------------------------------- */

static X509_REQ *read_csr(const json_t *payload)
{
    const char *text = json_string_value(json_object_get(payload, "csr"));
    static const size_t size = 32768;
    if (text == NULL || json_object_size(payload) != 1)
        return NULL;
    unsigned char *der = fakeca_alloc(size);
    const unsigned char *at = der;
    size_t len = fakeca_b64_decode(text, der, size);
    X509_REQ *csr = len == SIZE_MAX ? NULL : d2i_X509_REQ(NULL, &at, (long)len);
    if (csr != NULL && at != der + len) {
        X509_REQ_free(csr);
        csr = NULL;
    }
    free(der);
    ERR_clear_error();
    return csr;
}

/* False: the reply is a problem document. */
static bool take_csr(struct fakeca *ca, struct fakeca_order *order, const struct fakeca_signed *s,
                     struct fakeca_reply *reply)
{
    X509_REQ *csr = read_csr(s->payload);
    const char *wrong =
        csr == NULL ? "no CSR in DER and base64url" : fakeca_csr_check(order, csr, s->account->key);
    if (wrong != NULL) {
        fakeca_complain(ca, reply, 400, "badCSR", wrong);
        X509_REQ_free(csr);
        return false;
    }
    order->csr = csr;
    return true;
}

static void finalize(struct fakeca *ca, struct fakeca_order *order, const struct fakeca_signed *s,
                     struct fakeca_reply *reply)
{
    if (strcmp(order_status(order), "ready") != 0) {
        fakeca_complain(ca, reply, 403, "orderNotReady", "the order is not ready");
        return;
    }
    if (s->payload == NULL) {
        fakeca_complain(ca, reply, 400, "malformed", "finalize without a payload");
        return;
    }
    if (!take_csr(ca, order, s, reply))
        return;
    if (fakeca_lies(ca, LIE_CAA, FAKECA_FINALIZE, NULL)) {
        order->state = ORDER_INVALID;
        caa_problem(order, reply);
        return;
    }
    if (fakeca_lies(ca, LIE_BAD_KEY, FAKECA_FINALIZE, NULL)) {
        order->state = ORDER_INVALID;
        fakeca_problem(reply, 400, "badPublicKey", "this key is known to be weak", NULL);
        return;
    }
    order->pem = fakeca_chain(ca, order, LIE_COUNT);
    order->looks = ca->config.looks;
    if (fakeca_lies(ca, LIE_INVALID_ORDER, FAKECA_FINALIZE, NULL))
        order->state = ORDER_INVALID;
    else if (fakeca_lies(ca, LIE_PROCESSING, FAKECA_FINALIZE, NULL))
        order->state = ORDER_STUCK;
    else
        order->state = order->looks > 0 ? ORDER_PROCESSING : ORDER_VALID;
    order_json(ca, order, 200, FAKECA_FINALIZE, reply);
}

static void certificate(struct fakeca *ca, const struct fakeca_order *order,
                        struct fakeca_reply *reply)
{
    char *pem = NULL;
    if (order->state != ORDER_VALID) {
        fakeca_complain(ca, reply, 404, "malformed", "there is no certificate yet");
        return;
    }
    for (int lie = LIE_WRONG_KEY; lie < LIE_COUNT && pem == NULL; lie++) {
        if (fakeca_lies(ca, (enum fakeca_lie)lie, FAKECA_CERT, NULL))
            pem = fakeca_chain(ca, order, (enum fakeca_lie)lie);
    }
    if (pem == NULL) {
        pem = fakeca_alloc(strlen(order->pem) + 1);
        memcpy(pem, order->pem, strlen(order->pem) + 1);
    }
    reply->status = 200;
    reply->type = "application/pem-certificate-chain";
    reply->body = pem;
    reply->len = strlen(pem);
}

/* ---- requests ------------------------------------------------------------------------- */

/* "/order/12", "/authz/12/0": the second number is below the order's count of names. */
static struct fakeca_order *find_order(struct fakeca *ca, enum fakeca_place place, const char *path,
                                       unsigned *second)
{
    bool two = place == FAKECA_AUTHZ || place == FAKECA_CHALLENGE;
    char *end = NULL;
    const char *at = strchr(path + 1, '/');
    if (at == NULL)
        return NULL;
    unsigned long id = strtoul(at + 1, &end, 10);
    if (two && *end == '/') {
        at = end;
        *second = (unsigned)strtoul(at + 1, &end, 10);
    }
    if (end == at + 1 || *end != '\0')
        return NULL;
    struct fakeca_order *order = ca->orders;
    while (order != NULL && order->id != id)
        order = order->next;
    return order != NULL && two && *second >= order->n ? NULL : order;
}

void fakeca_order_request(struct fakeca *ca, enum fakeca_place place, const char *path,
                          const struct fakeca_signed *s, struct fakeca_reply *reply)
{
    unsigned i = 0;
    struct fakeca_order *order = find_order(ca, place, path, &i);
    if (order == NULL) {
        /* A CA that forgot answers so too: no fault of the client's. */
        fakeca_problem(reply, 404, "malformed", "there is no such order", NULL);
    } else if (order->account != s->account->id) {
        fakeca_complain(ca, reply, 403, "unauthorized", "another account's order");
    } else if (s->payload != NULL && place != FAKECA_CHALLENGE && place != FAKECA_FINALIZE) {
        fakeca_complain(ca, reply, 400, "malformed", "POST-as-GET has an empty payload");
    } else if (place == FAKECA_ORDER) {
        if (order->state == ORDER_PROCESSING && order->looks-- <= 1)
            order->state = ORDER_VALID;
        order_json(ca, order, 200, place, reply);
    } else if (place == FAKECA_AUTHZ) {
        look_at(&order->authz[i]);
        authz_json(ca, order, i, reply);
    } else if (place == FAKECA_CHALLENGE) {
        challenge(ca, order, i, s, reply);
    } else if (place == FAKECA_FINALIZE) {
        finalize(ca, order, s, reply);
    } else {
        certificate(ca, order, reply);
    }
}
