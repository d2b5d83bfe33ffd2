/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/orderrun.h"

#include <string.h>

#include "acme/account.h"
#include "base/text.h"

enum outcome orderrun_clock(struct order_run *run, struct err *err)
{
    struct port_time now;
    const struct acme_ports *ports = run->client->ports;
    enum outcome res = ports->clock->now(ports->clock_self, &now, err);
    if (res == OUT_OK)
        run->now = now.wall;
    return res;
}

enum outcome orderrun_take(struct order_run *run, const struct client_answer *answer,
                           struct err *err)
{
    run->retry = answer->retry;
    enum outcome res = orderdoc_read(run->order, answer->doc, run->doc, err);
    if (res != OUT_OK)
        err_prepend(err, "CA \"%s\"", run->client->config->title);
    return res;
}

enum outcome orderrun_look(struct order_run *run, struct err *err)
{
    struct client_answer answer = {0};
    enum outcome res =
        client_post(run->client, "the order", run->note->url, NULL, CLIENT_JSON, &answer, err);
    if (res != OUT_OK) {
        res = orderrun_judge(run, &answer.problem, res, err);
    } else {
        res = orderrun_take(run, &answer, err);
        if (run->doc->others)
            run->again = ORDERRUN_ORDER; /* another one has this URL now */
    }
    client_answer_free(&answer);
    return res;
}

enum outcome orderrun_judge(struct order_run *run, const struct problem *problem, enum outcome res,
                            struct err *err)
{
    struct port_issued *issued = run->issued;
    if (res != OUT_REFUSED)
        return res;
    if (problem_is(problem, "accountDoesNotExist")) {
        run->again = ORDERRUN_ACCOUNT;
    } else if (problem->caa) {
        issued->fault = PORT_ISSUE_CAA;
    } else if (problem_is(problem, "badPublicKey")) {
        err_prepend(err, "it is the key of our account that is refused (for another one give the "
                         "section acme another title)");
    } else if (problem_is(problem, "userActionRequired")) {
        issued->fault = PORT_ISSUE_ACCOUNT;
    } else if (problem_is(problem, "unauthorized")) {
        struct err why = ERR_INIT;
        enum outcome account = account_confirm(run->client, &issued->fault, &why);
        if (issued->fault == PORT_ISSUE_ACCOUNT)
            err_prepend(err, "%s", why.text);
        else if (account == OUT_OK && run->note->url[0] != '\0')
            run->again = ORDERRUN_ORDER; /* the account is fine, the order not its own */
    } else if (problem->status == 404 && run->note->url[0] != '\0') {
        run->again = ORDERRUN_ORDER;
    }
    return res;
}

enum outcome orderrun_end(struct order_run *run, bool failed, struct err *err)
{
    const struct client *client = run->client;
    const struct acme_config *config = client->config;
    struct err why = ERR_INIT;
    size_t left = 0;
    if (failed) {
        enum outcome res = orderrun_clock(run, err);
        budget_add_failed(&run->budget, run->id, run->now);
        if (res == OUT_OK)
            res = budget_save(config, client->ports, &run->budget, err);
        if (res != OUT_OK)
            return res;
    }
    enum outcome res = ordernote_drop(config, client->ports, run->note, &left, &why);
    if (res != OUT_OK) {
        *err = why;
        return res;
    }
    if (left > 0)
        client_log(client, PORT_LOG_WARNING, run->order->certificate,
                   "%zu challenge records could not be removed and are noted for the next time: %s",
                   left, why.text);
    memset(run->note, 0, sizeof *run->note);
    return ordernote_save(config, client->ports, run->order->spki, run->note, err);
}

enum outcome orderrun_fail(struct order_run *run, struct err *err)
{
    struct err why = ERR_INIT;
    enum outcome res = orderrun_end(run, true, &why);
    if (res != OUT_OK) {
        err_prepend(err, "%s; and before that", why.text);
        return res;
    }
    run->issued->wait = BUDGET_FAILED_WAIT;
    return OUT_REFUSED;
}

enum outcome orderrun_late(struct order_run *run, struct err *err)
{
    struct err why = ERR_INIT;
    enum outcome res = OUT_OK;
    bool again = run->note->late < ORDERRUN_LATE_MAX;
    size_t len = strlen(err->text);
    run->note->late++;
    if (again)
        res = ordernote_save(run->client->config, run->client->ports, run->order->spki, run->note,
                             &why);
    else
        res = orderrun_end(run, true, &why);
    if (res != OUT_OK) {
        err_prepend(err, "%s; and before that", why.text);
        return res;
    }
    if (!again)
        run->issued->wait = BUDGET_FAILED_WAIT;
    (void)text_format(err->text + len, sizeof err->text - len, "; %s",
                      again ? "it is noted and taken up again"
                            : "it was not the first time: this order is given up, the next one is "
                              "a new one");
    return OUT_RETRY;
}
