/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/finalize.h"

#include <stdlib.h>
#include <string.h>

#include "acme/issued.h"
#include "crypto/csr.h"

static enum outcome finalize_payload(struct order_run *run, json_t **out, struct err *err)
{
    const struct acme_ports *ports = run->client->ports;
    struct key *key = NULL;
    uint8_t *der = NULL;
    char *text = NULL;
    size_t len = 0;
    uint8_t spki[MODEL_ID_LEN];
    enum outcome res = ports->loader.load(ports->loader.self, run->order->spki, &key, err);
    if (res != OUT_OK)
        return res;
    key_spki(key, spki);
    if (memcmp(spki, run->order->spki, sizeof spki) != 0)
        res = err_set(err, OUT_BROKEN, "the key folder gave another key than the one asked for");
    else
        res = csr_make(key, run->order->names, run->order->n_names, &der, &len, err);
    key_free(&key);
    if (res != OUT_OK)
        return res;
    text = malloc(B64URL_SIZE(len));
    if (text != NULL && b64url_encode(der, len, text, B64URL_SIZE(len)))
        *out = json_pack("{s:s}", "csr", text);
    free(text);
    free(der);
    return *out != NULL ? OUT_OK : err_set(err, OUT_BROKEN, "out of memory");
}

static enum outcome finalize_count(struct order_run *run, struct err *err)
{
    const struct client *client = run->client;
    if (run->note->counted)
        return OUT_OK;
    enum outcome res = orderrun_clock(run, err);
    if (res != OUT_OK)
        return res;
    model_time at = budget_cert_at(&run->budget, client->config->certificates_per_week, run->now);
    if (at > run->now) {
        run->issued->wait = at - run->now;
        return err_set(err, OUT_NOT_YET, "CA \"%s\": certificates_per_week is used up",
                       client->config->title);
    }
    budget_add_cert(&run->budget, run->now);
    run->note->counted = true;
    res = budget_save(client->config, client->ports, &run->budget, err);
    if (res == OUT_OK)
        res = ordernote_save(client->config, client->ports, run->order->spki, run->note, err);
    return res;
}

/* The CA refused the request itself: this order comes to nothing. */
static enum outcome finalize_refused(struct order_run *run, const struct problem *problem,
                                     enum outcome res, struct err *err)
{
    if (res == OUT_REFUSED && problem_is(problem, "badPublicKey"))
        run->issued->fault = PORT_ISSUE_KEY; /* that of the CSR, RFC 8555 section 7.4 */
    else
        res = orderrun_judge(run, problem, res, err);
    if (res != OUT_REFUSED || problem->status == 0 || run->again != ORDERRUN_NO ||
        run->issued->fault == PORT_ISSUE_ACCOUNT)
        return res;
    return orderrun_fail(run, err);
}

enum outcome finalize_ask(struct order_run *run, struct err *err)
{
    struct client_answer answer = {0};
    json_t *payload = NULL;
    enum outcome res = finalize_count(run, err);
    if (res == OUT_OK)
        res = finalize_payload(run, &payload, err);
    if (res != OUT_OK)
        return res;
    res = client_post(run->client, "finalize", run->doc->finalize, payload, CLIENT_JSON, &answer,
                      err);
    if (res == OUT_OK)
        res = orderrun_take(run, &answer, err);
    else if (problem_is(&answer.problem, "orderNotReady"))
        res = orderrun_look(run, err);
    else
        res = finalize_refused(run, &answer.problem, res, err);
    json_decref(payload);
    client_answer_free(&answer);
    return res;
}

/* ---- the certificate ---------------------------------------------------------------------- */

static enum outcome finalize_keep(struct order_run *run, const struct http_response *http,
                                  struct err *err)
{
    struct port_issued *issued = run->issued;
    if (http->body == NULL)
        return err_set(err, OUT_RETRY, "the CA gave an empty certificate");
    if (http->len >= issued->size)
        return err_set(err, OUT_BROKEN, "a chain of %zu octets does not fit into %zu", http->len,
                       issued->size);
    memcpy(issued->pem, http->body, http->len);
    issued->pem[http->len] = '\0';
    budget_forget_failed(&run->budget, run->id);
    enum outcome res = budget_save(run->client->config, run->client->ports, &run->budget, err);
    if (res == OUT_OK)
        res = orderrun_end(run, false, err);
    if (res != OUT_OK)
        issued->pem[0] = '\0';
    return res;
}

enum outcome finalize_fetch(struct order_run *run, struct err *err)
{
    struct client_answer answer = {0};
    struct client *client = run->client;
    enum outcome res = client_post(client, "the certificate", run->doc->certificate, NULL,
                                   CLIENT_PEM, &answer, err);
    if (res != OUT_OK) {
        res = orderrun_judge(run, &answer.problem, res, err);
        goto out;
    }
    res = issued_check(client->ports, run->order, answer.http.body != NULL ? answer.http.body : "",
                       answer.http.len, err);
    if (res == OUT_REFUSED) {
        err_prepend(err, "CA \"%s\": the certificate that came is rejected, the old one stays",
                    client->config->title);
        run->issued->fault = PORT_ISSUE_REJECTED;
        res = orderrun_fail(run, err);
        goto out;
    }
    if (res == OUT_OK)
        res = finalize_keep(run, &answer.http, err);
    if (res == OUT_OK)
        client_log(client, PORT_LOG_INFO, run->order->certificate, "%s has issued the certificate",
                   client->config->title);
out:
    client_answer_free(&answer);
    return res;
}
