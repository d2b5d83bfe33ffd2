/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/pace.h"
#include "acme/signed.h"
#include "base/text.h"

#define CLIENT_LINE_MAX 1536

void client_end(struct client *client)
{
    key_free(&client->key);
}

void client_stale(struct client *client)
{
    client->listed = false;
    client->nonce[0] = '\0';
}

void client_answer_free(struct client_answer *answer)
{
    json_decref(answer->doc);
    http_response_free(&answer->http);
    *answer = (struct client_answer){0};
}

void client_log(const struct client *client, enum port_level level, const char *certificate,
                const char *fmt, ...)
{
    char text[CLIENT_LINE_MAX];
    char line[CLIENT_LINE_MAX + 256];
    if (client->ports->log == NULL)
        return;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    (void)text_format(line, sizeof line, "%.200s: %s", certificate, text);
    client->ports->log->line(client->ports->log_self, level, line);
}

/* ---- what every answer brings --------------------------------------------------------------- */

/* A nonce that came is used by the next request, and by that one only. */
static void client_keep_nonce(struct client *client, const struct http_response *http)
{
    const char *nonce = http_header(http, "Replay-Nonce");
    client->nonce[0] = '\0';
    if (nonce == NULL || !b64url_alphabet(nonce))
        return;
    if (!text_format(client->nonce, sizeof client->nonce, "%s", nonce))
        client->nonce[0] = '\0';
}

/* When the CA may be asked again: a limit without a Retry-After is left alone for a while too. */
static enum outcome client_retry_after(struct client *client, struct client_answer *answer,
                                       struct err *err)
{
    struct port_time now;
    const struct acme_ports *ports = client->ports;
    bool limited = answer->problem.status == 429 || problem_is(&answer->problem, "rateLimited");
    enum outcome res = ports->clock->now(ports->clock_self, &now, err);
    if (res != OUT_OK)
        return res;
    answer->retry = http_retry_after(&answer->http, now.wall);
    if (answer->problem.status != 0 && answer->retry > 0)
        client->asked_until = now.wall + answer->retry;
    else if (limited)
        client->asked_until = now.wall + CLIENT_LIMITED_WAIT;
    return OUT_OK;
}

/* One request and the parts of its answer that count whatever it was about. */
static enum outcome client_perform(struct client *client, const struct http_request *request,
                                   struct client_answer *answer, struct err *err)
{
    const struct transport *t = &client->transport;
    client_answer_free(answer);
    enum outcome res = t->ops->perform(t->self, request, &answer->http, err);
    if (res != OUT_OK)
        return res;
    bool good = answer->http.status >= 200 && answer->http.status < 300;
    client_keep_nonce(client, &answer->http);
    if (!good)
        problem_read(answer->http.status, answer->http.body != NULL ? answer->http.body : "",
                     answer->http.len, &answer->problem);
    res = client_retry_after(client, answer, err);
    if (res != OUT_OK || good)
        return res;
    return err_set(err, problem_outcome(&answer->problem), "%s", answer->problem.text);
}

static enum outcome client_parse(const char *what, struct client_answer *answer, struct err *err)
{
    if (answer->http.body == NULL)
        return err_set(err, OUT_REFUSED, "%s: an answer without a body", what);
    return doc_parse(what, answer->http.body, answer->http.len, &answer->doc, err);
}

/* ---- directory and nonces ---------------------------------------------------------------------
 */

static enum outcome client_terms(struct client *client, const json_t *doc, struct err *err)
{
    const json_t *meta = json_object_get(doc, "meta");
    client->terms[0] = '\0';
    if (json_object_get(meta, "termsOfService") == NULL)
        return OUT_OK;
    const char *terms = doc_text(meta, "termsOfService");
    if (terms == NULL || !text_format(client->terms, sizeof client->terms, "%s", terms))
        return err_set(err, OUT_REFUSED, "the directory: \"termsOfService\" is no URL");
    return OUT_OK;
}

static enum outcome client_list(struct client *client, const json_t *doc, struct err *err)
{
    static const char *const members[CLIENT_URLS] = {
        [CLIENT_NEW_NONCE] = "newNonce",
        [CLIENT_NEW_ACCOUNT] = "newAccount",
        [CLIENT_NEW_ORDER] = "newOrder",
    };
    enum outcome res = OUT_OK;
    for (size_t i = 0; i < CLIENT_URLS && res == OUT_OK; i++)
        res = doc_url(doc, "the directory", members[i], client->urls[i], err);
    return res == OUT_OK ? client_terms(client, doc, err) : res;
}

enum outcome client_directory(struct client *client, struct err *err)
{
    struct client_answer answer = {0};
    const char *url = client->config->directory;
    const struct http_request request = {.method = "GET", .url = url};
    if (client->listed)
        return OUT_OK;
    enum outcome res = client_perform(client, &request, &answer, err);
    if (res == OUT_OK)
        res = client_parse("the directory", &answer, err);
    if (res == OUT_OK)
        res = client_list(client, answer.doc, err);
    client->listed = res == OUT_OK;
    client_answer_free(&answer);
    if (res != OUT_OK)
        err_prepend(err, "CA \"%s\": directory %s", client->config->title, url);
    return res;
}

static enum outcome client_need_nonce(struct client *client, struct err *err)
{
    struct client_answer answer = {0};
    const struct http_request request = {.method = "HEAD", .url = client->urls[CLIENT_NEW_NONCE]};
    if (client->nonce[0] != '\0')
        return OUT_OK;
    enum outcome res = client_perform(client, &request, &answer, err);
    client_answer_free(&answer);
    if (res != OUT_OK)
        err_prepend(err, "a new nonce");
    else if (client->nonce[0] == '\0')
        return err_set(err, OUT_RETRY, "newNonce gave no nonce that can be used (Replay-Nonce)");
    return res;
}

/* ---- signed requests ----------------------------------------------------------------------------
 */

static enum outcome client_post_once(struct client *client, const char *url, const char *payload,
                                     enum client_body body, struct client_answer *answer,
                                     struct err *err)
{
    const struct http_header headers[] = {
        {"Content-Type", "application/jose+json"},
        {"Accept", body == CLIENT_PEM ? "application/pem-certificate-chain" : "application/json"}};
    char *text = NULL;
    enum outcome res = client_need_nonce(client, err);
    if (res != OUT_OK)
        return res;
    const struct signed_head head = {
        .key = client->key, .kid = client->kid, .nonce = client->nonce, .url = url};
    res = signed_make(&head, payload, &text, err);
    client->nonce[0] = '\0'; /* spent, whatever comes of it */
    if (res == OUT_OK) {
        const struct http_request request = {.method = "POST",
                                             .url = url,
                                             .headers = headers,
                                             .n_headers = sizeof headers / sizeof headers[0],
                                             .body = text,
                                             .len = strlen(text)};
        res = client_perform(client, &request, answer, err);
    }
    free(text);
    return res;
}

/* Signed anew as long as nothing but the nonce is wrong. */
static enum outcome client_post_nonces(struct client *client, const char *url, const char *payload,
                                       enum client_body body, struct client_answer *answer,
                                       struct err *err)
{
    enum outcome res = OUT_RETRY;
    for (int i = 0; i <= CLIENT_NONCES; i++) {
        if (pace_stopping(client->ports))
            return err_set(err, OUT_RETRY, "stopping");
        res = client_post_once(client, url, payload, body, answer, err);
        if (res == OUT_OK || !problem_is(&answer->problem, "badNonce"))
            return res;
    }
    return err_set(err, OUT_RETRY, "%d nonces in a row were refused, the last as: %s",
                   CLIENT_NONCES + 1, answer->problem.text);
}

enum outcome client_post(struct client *client, const char *what, const char *url,
                         const json_t *payload, enum client_body body, struct client_answer *answer,
                         struct err *err)
{
    char *text = NULL;
    enum outcome res = OUT_OK;
    if (!doc_is_url(url)) {
        res = err_set(err, OUT_REFUSED, "\"%.200s\" is no https URL", url);
    } else if (payload != NULL) {
        text = json_dumps(payload, JSON_COMPACT);
        if (text == NULL)
            res = err_set(err, OUT_BROKEN, "out of memory");
    }
    if (res == OUT_OK)
        res = client_post_nonces(client, url, text != NULL ? text : "", body, answer, err);
    if (res == OUT_OK && body == CLIENT_JSON)
        res = client_parse(what, answer, err);
    free(text);
    if (res != OUT_OK)
        err_prepend(err, "CA \"%s\", %s", client->config->title, what);
    return res;
}
