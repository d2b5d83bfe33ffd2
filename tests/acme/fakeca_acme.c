/* SPDX-License-Identifier: BSD-2-Clause */
/* Which resource a request is for; directory, nonces, accounts, problem documents. */
#include <stdlib.h>
#include <string.h>

#include "fakeca_int.h"

#define ERROR_URN "urn:ietf:params:acme:error:"

enum fakeca_place fakeca_place_of(const char *path)
{
    static const struct {
        const char *prefix;
        bool whole;
        enum fakeca_place place;
    } rows[] = {
        {"/directory", true, FAKECA_DIRECTORY},     {"/new-nonce", true, FAKECA_NEW_NONCE},
        {"/new-account", true, FAKECA_NEW_ACCOUNT}, {"/account/", false, FAKECA_ACCOUNT},
        {"/new-order", true, FAKECA_NEW_ORDER},     {"/order/", false, FAKECA_ORDER},
        {"/authz/", false, FAKECA_AUTHZ},           {"/challenge/", false, FAKECA_CHALLENGE},
        {"/finalize/", false, FAKECA_FINALIZE},     {"/cert/", false, FAKECA_CERT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].whole ? strcmp(path, rows[i].prefix) == 0
                          : strncmp(path, rows[i].prefix, strlen(rows[i].prefix)) == 0)
            return rows[i].place;
    }
    return FAKECA_ELSEWHERE;
}

void fakeca_url(const struct fakeca *ca, bool http, char *out, size_t size, const char *fmt,
                unsigned a, unsigned b)
{
    int n = snprintf(out, size, "%s://%s", http ? "http" : "https", ca->host);
    fakeca_need(n > 0 && (size_t)n < size, "a URL");
    /* "%u" is all a path here consists of. */
    for (unsigned given = 0; *fmt != '\0'; fmt++) {
        size_t left = size - (size_t)n;
        bool number = fmt[0] == '%' && fmt[1] == 'u';
        int more = number ? snprintf(out + n, left, "%u", given++ == 0 ? a : b)
                          : snprintf(out + n, left, "%c", *fmt);
        fakeca_need(more > 0 && (size_t)more < left, "a URL");
        n += more;
        fmt += number ? 1 : 0;
    }
}

void fakeca_header(struct fakeca_reply *reply, const char *name, const char *value)
{
    size_t len = strlen(reply->headers), left = sizeof reply->headers - len;
    int n = snprintf(reply->headers + len, left, "%s: %s\r\n", name, value);
    fakeca_need(n > 0 && (size_t)n < left, "a header");
}

void fakeca_json(struct fakeca_reply *reply, int status, json_t *json)
{
    free(reply->body);
    reply->status = status;
    reply->type = "application/json";
    reply->body = json_dumps(json, JSON_COMPACT);
    fakeca_need(reply->body != NULL, "JSON of our own");
    reply->len = reply->body != NULL ? strlen(reply->body) : 0;
    json_decref(json);
}

json_t *fakeca_error(const char *type, const char *detail, const char *name)
{
    char urn[128];
    (void)snprintf(urn, sizeof urn, "%s%s", ERROR_URN, type);
    json_t *error = json_pack("{s:s, s:s}", "type", urn, "detail", detail);
    fakeca_need(error != NULL, "JSON");
    if (name != NULL)
        fakeca_need(json_object_set_new(error, "identifier",
                                        json_pack("{s:s, s:s}", "type", "dns", "value", name)) == 0,
                    "JSON");
    return error;
}

void fakeca_problem(struct fakeca_reply *reply, int status, const char *type, const char *detail,
                    json_t *subs)
{
    json_t *problem = fakeca_error(type, detail, NULL);
    fakeca_need(json_object_set_new(problem, "status", json_integer(status)) == 0, "JSON");
    if (subs != NULL)
        fakeca_need(json_object_set_new(problem, "subproblems", subs) == 0, "JSON");
    fakeca_json(reply, status, problem);
    reply->type = "application/problem+json";
    reply->nonce = true;
}

void fakeca_complain(struct fakeca *ca, struct fakeca_reply *reply, int status, const char *type,
                     const char *detail)
{
    bool repeated = strcmp(type, "badNonce") == 0 || strcmp(type, "orderNotReady") == 0;
    if (repeated && ca->lost) {
        fakeca_problem(reply, status, type, detail, NULL);
        return;
    }
    if (ca->complaints++ == 0)
        (void)snprintf(ca->complaint, sizeof ca->complaint, "%d %s: %s", status, type, detail);
    if (ca->config.log != NULL)
        (void)fprintf(ca->config.log, "fakeca: complaint: %d %s: %s\n", status, type, detail);
    fakeca_problem(reply, status, type, detail, NULL);
}

static void directory(struct fakeca *ca, struct fakeca_reply *reply)
{
    bool http = fakeca_lies(ca, LIE_HTTP, FAKECA_DIRECTORY, NULL);
    static const char *const rows[][2] = {{"newNonce", "/new-nonce"},
                                          {"newAccount", "/new-account"},
                                          {"newOrder", "/new-order"},
                                          {"revokeCert", "/revoke-cert"},
                                          {"keyChange", "/key-change"}};
    char url[512];
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fakeca_url(ca, http, url, sizeof url, rows[i][1], 0, 0);
        fakeca_need(json_object_set_new(json, rows[i][0], json_string(url)) == 0, "JSON");
    }
    fakeca_url(ca, false, url, sizeof url, "/terms", 0, 0);
    fakeca_need(json_object_set_new(json, "meta", json_pack("{s:s}", "termsOfService", url)) == 0,
                "JSON");
    fakeca_json(reply, 200, json);
}

static bool contacts_right(const json_t *contact)
{
    size_t i;
    const json_t *each;
    if (contact != NULL && !json_is_array(contact))
        return false;
    json_array_foreach(contact, i, each)
    {
        const char *text = json_string_value(each);
        if (text == NULL || strncmp(text, "mailto:", 7) != 0 || strchr(text, '@') == NULL ||
            strpbrk(text, ",?") != NULL)
            return false;
    }
    return true;
}

static void account_json(const struct fakeca *ca, const struct fakeca_account *account, int status,
                         struct fakeca_reply *reply)
{
    char url[512], orders[512];
    fakeca_url(ca, false, url, sizeof url, "/account/%u", account->id, 0);
    fakeca_url(ca, false, orders, sizeof orders, "/account/%u/orders", account->id, 0);
    fakeca_json(reply, status,
                json_pack("{s:s, s:s}", "status", account->deactivated ? "deactivated" : "valid",
                          "orders", orders));
    fakeca_header(reply, "Location", url);
}

static void new_account(struct fakeca *ca, struct fakeca_signed *s, struct fakeca_reply *reply)
{
    struct fakeca_account *account = ca->accounts;
    while (account != NULL && strcmp(account->thumb, s->thumb) != 0)
        account = account->next;
    if (s->payload == NULL) {
        fakeca_complain(ca, reply, 400, "malformed", "newAccount without a payload");
    } else if (account != NULL && account->deactivated) {
        fakeca_problem(reply, 403, "unauthorized", "the account of this key is deactivated", NULL);
    } else if (account != NULL) {
        account_json(ca, account, 200, reply);
    } else if (json_is_true(json_object_get(s->payload, "onlyReturnExisting"))) {
        fakeca_problem(reply, 400, "accountDoesNotExist", "no account has this key", NULL);
    } else if (!json_is_true(json_object_get(s->payload, "termsOfServiceAgreed"))) {
        fakeca_problem(reply, 403, "userActionRequired", "the terms of service are not agreed to",
                       NULL);
    } else if (!contacts_right(json_object_get(s->payload, "contact"))) {
        fakeca_complain(ca, reply, 400, "unsupportedContact", "a contact is no plain mailto: URL");
    } else {
        account = fakeca_alloc(sizeof *account);
        account->id = ++ca->next_id;
        account->key = s->key;
        s->key = NULL;
        memcpy(account->thumb, s->thumb, sizeof account->thumb);
        account->next = ca->accounts;
        ca->accounts = account;
        account_json(ca, account, 201, reply);
    }
}

static void account_request(struct fakeca *ca, const char *path, const struct fakeca_signed *s,
                            struct fakeca_reply *reply)
{
    char own[64];
    (void)snprintf(own, sizeof own, "/account/%u", s->account->id);
    if (strcmp(path, own) != 0)
        fakeca_complain(ca, reply, 403, "unauthorized", "another's account");
    else
        account_json(ca, s->account, 200, reply);
}

static void signed_request(struct fakeca *ca, const struct fakeca_request *request,
                           enum fakeca_place place, struct fakeca_reply *reply)
{
    struct fakeca_signed s;
    if (fakeca_lies(ca, LIE_DEACTIVATED, place, NULL)) {
        for (struct fakeca_account *a = ca->accounts; a != NULL; a = a->next)
            a->deactivated = true;
    }
    if (fakeca_verify(ca, request, place == FAKECA_NEW_ACCOUNT, &s, reply)) {
        if (place == FAKECA_NEW_ACCOUNT)
            new_account(ca, &s, reply);
        else if (place == FAKECA_ACCOUNT)
            account_request(ca, request->path, &s, reply);
        else if (place == FAKECA_NEW_ORDER)
            fakeca_new_order(ca, &s, reply);
        else
            fakeca_order_request(ca, place, request->path, &s, reply);
    }
    fakeca_signed_end(&s);
}

static void honest_answer(struct fakeca *ca, const struct fakeca_request *request,
                          enum fakeca_place place, struct fakeca_reply *reply)
{
    bool get = strcmp(request->method, "GET") == 0, head = strcmp(request->method, "HEAD") == 0;
    bool post = strcmp(request->method, "POST") == 0;
    if (!request->agent) {
        fakeca_complain(ca, reply, 400, "malformed", "no User-Agent (RFC 8555 section 6.1)");
    } else if (strcmp(request->host, ca->host) != 0) {
        fakeca_complain(ca, reply, 421, "malformed", "this host is not served here");
    } else if (place == FAKECA_ELSEWHERE) {
        fakeca_complain(ca, reply, 404, "malformed", "there is nothing here");
    } else if (place == FAKECA_NEW_NONCE && (get || head)) {
        reply->status = head ? 200 : 204;
        reply->nonce = true;
    } else if (place == FAKECA_DIRECTORY && get) {
        directory(ca, reply);
    } else if (place == FAKECA_DIRECTORY || place == FAKECA_NEW_NONCE || !post) {
        fakeca_complain(ca, reply, 405, "malformed", "this method is not for this resource");
    } else {
        reply->nonce = true;
        signed_request(ca, request, place, reply);
    }
}

void fakeca_answer(struct fakeca *ca, const struct fakeca_request *request,
                   struct fakeca_reply *reply)
{
    char index[700];
    enum fakeca_place place = fakeca_place_of(request->path);
    ca->asked[place]++;
    if (fakeca_lies_before(ca, request, place, reply)) {
        reply->nonce = reply->nonce && !fakeca_lies(ca, LIE_NO_NONCE, place, NULL);
    } else {
        honest_answer(ca, request, place, reply);
        fakeca_lies_after(ca, place, reply);
    }
    (void)snprintf(index, sizeof index, "<%s>;rel=\"index\"", ca->directory);
    fakeca_header(reply, "Link", index);
    if (ca->config.log != NULL) {
        (void)fprintf(ca->config.log, "fakeca: %s %s %s %d%s\n", request->method,
                      fakeca_place_name(place), request->path, reply->status,
                      reply->cut ? " cut" : "");
        (void)fflush(ca->config.log);
    }
}
