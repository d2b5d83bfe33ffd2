/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/order.h"

#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/budget.h"
#include "acme/challenges.h"
#include "acme/finalize.h"
#include "acme/issued.h"
#include "acme/orderdoc.h"
#include "acme/ordernote.h"
#include "acme/orderrun.h"
#include "acme/pace.h"

#define ORDER_ROUNDS 3 /* an account that is gone, and an order that is gone with it */

/* ---- a new order -------------------------------------------------------------------------------
 */

static enum outcome order_until(struct order_run *run, model_time at, const char *why,
                                struct err *err)
{
    char text[32];
    if (at <= run->now)
        return OUT_OK;
    run->issued->wait = at - run->now;
    text_print_duration((run->issued->wait + 59999) / 60000 * 60000, text, sizeof text);
    return err_set(err, OUT_NOT_YET, "CA \"%s\": %s; the next may be ordered in %s",
                   run->client->config->title, why, text);
}

static enum outcome order_budget(struct order_run *run, struct err *err)
{
    const struct acme_config *config = run->client->config;
    enum outcome res = orderrun_clock(run, err);
    if (res == OUT_OK)
        res = order_until(run, budget_failed_until(&run->budget, run->id),
                          "the last order for this key and these names failed", err);
    if (res == OUT_OK)
        res = order_until(run, budget_order_at(&run->budget, config->orders_per_hour, run->now),
                          "orders_per_hour is used up", err);
    if (res == OUT_OK)
        res =
            order_until(run, budget_cert_at(&run->budget, config->certificates_per_week, run->now),
                        "certificates_per_week is used up", err);
    return res;
}

/* The order's URL is durable before anything is done with it. */
static enum outcome order_note(struct order_run *run, const char *url, struct err *err)
{
    struct ordernote *note = run->note;
    if (url == NULL || !doc_is_url(url))
        return err_set(err, OUT_REFUSED, "CA \"%s\": an order without an https URL (Location)",
                       run->client->config->title);
    if (!text_format(note->url, sizeof note->url, "%s", url) ||
        !text_format(note->account, sizeof note->account, "%s", run->client->kid))
        return err_set(err, OUT_BROKEN, "the order's URL does not fit");
    memcpy(note->names, run->names, sizeof note->names);
    note->made = run->now;
    note->counted = false;
    note->late = 0;
    return ordernote_save(run->client->config, run->client->ports, run->order->spki, note, err);
}

static enum outcome order_new(struct order_run *run, struct err *err)
{
    struct client *client = run->client;
    struct client_answer answer = {0};
    enum outcome res = order_budget(run, err);
    if (res != OUT_OK)
        return res;
    client_log(client, PORT_LOG_INFO, run->order->certificate, "ordering a certificate at %s",
               client->config->title);
    budget_add_order(&run->budget, run->now);
    res = budget_save(client->config, client->ports, &run->budget, err);
    if (res != OUT_OK)
        return res;
    json_t *payload = orderdoc_ask(run->order);
    if (payload == NULL)
        return err_set(err, OUT_REFUSED, "the names do not fit into an order");
    res = client_post(client, "a new order", client->urls[CLIENT_NEW_ORDER], payload, CLIENT_JSON,
                      &answer, err);
    json_decref(payload);
    if (res != OUT_OK)
        res = orderrun_judge(run, &answer.problem, res, err);
    else
        res = order_note(run, http_header(&answer.http, "Location"), err);
    if (res == OUT_OK)
        res = orderrun_take(run, &answer, err);
    client_answer_free(&answer);
    return res;
}

/* ---- the noted order
 * ------------------------------------------------------------------------------ */

static const char *order_stale(const struct order_run *run)
{
    const struct ordernote *note = run->note;
    if (memcmp(note->names, run->names, sizeof note->names) != 0)
        return "it is for other names";
    if (strcmp(note->account, run->client->kid) != 0)
        return "it belongs to another account";
    if (run->now - note->made > ORDER_AGE_MAX)
        return "it is more than a day old";
    return NULL;
}

/* *fresh: there is no order to go on with. */
static enum outcome order_resume(struct order_run *run, bool *fresh, struct err *err)
{
    *fresh = true;
    struct client *client = run->client;
    enum outcome res =
        ordernote_load(client->config, client->ports, run->order->spki, run->note, err);
    if (res == OUT_NOT_YET)
        return OUT_OK;
    if (res != OUT_OK)
        return res;
    const char *stale = run->note->url[0] != '\0' ? order_stale(run) : NULL;
    if (stale != NULL)
        client_log(client, PORT_LOG_INFO, run->order->certificate,
                   "forgetting the order noted at %s: %s", client->config->title, stale);
    if (stale != NULL || run->note->url[0] == '\0')
        return orderrun_end(run, false, err);
    *fresh = false;
    client_log(client, PORT_LOG_INFO, run->order->certificate,
               "taking up the order noted at %s: %s", client->config->title, run->note->url);
    return orderrun_look(run, err);
}

/* ---- from status to status
 * -------------------------------------------------------------------------- */

static struct challenges_job order_job(struct order_run *run)
{
    return (struct challenges_job){.client = run->client,
                                   .order = run->order,
                                   .urls = (const char(*)[DOC_URL_MAX])run->doc->authorizations,
                                   .n_urls = run->doc->n,
                                   .note = run->note};
}

static enum outcome order_prove(struct order_run *run, struct err *err)
{
    const struct challenges_job job = order_job(run);
    struct challenges_fault fault;
    enum outcome res = challenges_run(&job, &fault, err);
    if (res == OUT_OK) {
        run->proven = true;
        return orderrun_look(run, err);
    }
    if (fault.late)
        return orderrun_late(run, err);
    if (!fault.over)
        return orderrun_judge(run, &fault.problem, res, err);
    if (fault.caa)
        run->issued->fault = PORT_ISSUE_CAA;
    return orderrun_fail(run, err);
}

static enum outcome order_invalid(struct order_run *run, struct err *err)
{
    const struct challenges_job job = order_job(run);
    const char *title = run->client->config->title;
    struct challenges_fault fault;
    struct err why = ERR_INIT;
    if (challenges_blame(&job, &fault, &why))
        (void)err_set(err, OUT_REFUSED, "CA \"%s\": the order is invalid: %s", title, why.text);
    else
        (void)err_set(err, OUT_REFUSED, "CA \"%s\": the order is invalid: %s", title,
                      run->doc->error.text);
    if (fault.caa || run->doc->error.caa)
        run->issued->fault = PORT_ISSUE_CAA;
    if (problem_is(&run->doc->error, "badPublicKey"))
        run->issued->fault = PORT_ISSUE_KEY;
    return orderrun_fail(run, err);
}

static enum outcome order_wait(struct order_run *run, const struct pace *pace, struct err *err)
{
    enum outcome res = pace_rest(run->client->ports, pace, run->retry, err);
    if (res == OUT_NOT_YET) {
        run->issued->wait = run->retry;
        (void)err_set(err, OUT_RETRY, "CA \"%s\" is not done with the order %s in time",
                      run->client->config->title, run->note->url);
        return orderrun_late(run, err);
    }
    return res == OUT_OK ? orderrun_look(run, err) : res;
}

/* Each pass that does not wait brings the order further: challenges and finalize once each. */
static enum outcome order_follow(struct order_run *run, struct err *err)
{
    struct pace pace;
    const struct acme_config *config = run->client->config;
    bool asked = false;
    enum outcome res = pace_begin(run->client->ports, config->poll, config->order_wait, &pace, err);
    while (res == OUT_OK) {
        switch (run->doc->status) {
        case ORDERDOC_PENDING:
            if (run->proven) {
                res = order_wait(run, &pace, err);
                break;
            }
            res = order_prove(run, err);
            if (res == OUT_OK)
                res = pace_begin(run->client->ports, config->poll, config->order_wait, &pace, err);
            break;
        case ORDERDOC_READY:
            if (asked)
                res = order_wait(run, &pace, err);
            if (res == OUT_OK && run->doc->status == ORDERDOC_READY)
                res = finalize_ask(run, err);
            asked = true;
            break;
        case ORDERDOC_PROCESSING:
            res = order_wait(run, &pace, err);
            break;
        case ORDERDOC_VALID:
            return finalize_fetch(run, err);
        case ORDERDOC_INVALID:
            return order_invalid(run, err);
        }
    }
    return res;
}

static enum outcome order_once(struct order_run *run, struct err *err)
{
    struct client *client = run->client;
    bool fresh = false;
    run->again = ORDERRUN_NO;
    run->proven = false;
    enum outcome res = account_ready(client, run->order->certificate, &run->issued->fault, err);
    if (res == OUT_OK)
        res = order_resume(run, &fresh, err);
    if (res == OUT_OK && fresh)
        res = order_new(run, err);
    return res == OUT_OK ? order_follow(run, err) : res;
}

static enum outcome order_rounds(struct order_run *run, struct err *err)
{
    enum outcome res = OUT_OK;
    struct client *client = run->client;
    const char *certificate = run->order->certificate;
    for (int i = 0; i < ORDER_ROUNDS; i++) {
        res = order_once(run, err);
        if (res == OUT_OK || run->again == ORDERRUN_NO)
            return res;
        enum outcome mended = OUT_OK;
        struct err why = ERR_INIT;
        if (run->again == ORDERRUN_ACCOUNT) {
            mended = account_again(client, certificate, &run->issued->fault, &why);
        } else {
            client_log(client, PORT_LOG_WARNING, certificate,
                       "%s does not know our order any more, beginning anew: %s",
                       client->config->title, run->note->url);
            mended = orderrun_end(run, false, &why);
        }
        if (mended != OUT_OK) {
            *err = why;
            return mended;
        }
    }
    return res;
}

/* ---- all of it
 * -------------------------------------------------------------------------------------- */

static enum outcome order_begin(struct order_run *run, struct err *err)
{
    struct client *client = run->client;
    const struct acme_config *config = client->config;
    enum outcome res = ordernote_names(run->order, run->names, run->id, err);
    if (res == OUT_OK)
        res = orderrun_clock(run, err);
    if (res == OUT_OK)
        res = budget_load(config, client->ports, run->now, &run->budget, err);
    if (res != OUT_OK)
        return res;
    client->asked_until = 0;
    if (run->budget.not_before > run->now) {
        run->issued->wait = run->budget.not_before - run->now;
        return err_set(err, OUT_RETRY, "CA \"%s\" asked to be left alone for another %lld s",
                       config->title, (long long)(run->issued->wait + 999) / 1000);
    }
    res = ordernote_sweep(config, client->ports, err);
    return res == OUT_OK ? client_directory(client, err) : res;
}

/* What the CA asked for outlives this process. */
static enum outcome order_finish(struct order_run *run, enum outcome res, struct err *err)
{
    struct client *client = run->client;
    struct err why = ERR_INIT;
    if (res == OUT_OK || client->asked_until == 0 || orderrun_clock(run, &why) != OUT_OK ||
        client->asked_until <= run->now)
        return res;
    if (res == OUT_RETRY && run->issued->wait < client->asked_until - run->now)
        run->issued->wait = client->asked_until - run->now;
    run->budget.not_before = client->asked_until;
    if (budget_save(client->config, client->ports, &run->budget, &why) == OUT_OK)
        return res;
    *err = why;
    return OUT_BROKEN;
}

enum outcome order_run(struct client *client, const struct port_order *order,
                       struct port_issued *issued, struct err *err)
{
    enum outcome res = OUT_OK;
    struct order_run *run = calloc(1, sizeof *run);
    struct ordernote *note = calloc(1, sizeof *note);
    struct orderdoc *doc = calloc(1, sizeof *doc);
    if (run == NULL || note == NULL || doc == NULL) {
        res = err_set(err, OUT_BROKEN, "out of memory");
        goto out;
    }
    run->client = client;
    run->order = order;
    run->issued = issued;
    run->note = note;
    run->doc = doc;
    res = order_begin(run, err);
    if (res == OUT_OK)
        res = order_rounds(run, err);
    res = order_finish(run, res, err);
out:
    free(doc);
    free(note);
    free(run);
    return res;
}
