/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/challenges.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/pace.h"

enum challenges_state { CHALLENGES_OPEN, CHALLENGES_TOLD, CHALLENGES_VALID };

struct challenges_one {
    enum challenges_state state;
    char name[PORT_NAME_MAX]; /* without "*." */
    char url[DOC_URL_MAX];    /* of the challenge */
    char owner[ORDERNOTE_OWNER_MAX];
    char value[B64URL_SIZE(JWS_DIGEST_LEN)];
};

struct challenges_run {
    const struct challenges_job *job;
    struct challenges_fault *fault;
    struct challenges_one *all;
    model_time retry; /* the longest Retry-After of this round */
};

/* ---- what an authorization says -----------------------------------------------------------------
 */

/* Did we ask for this name? `wildcard`: as "*.NAME". */
static bool challenges_ours(const struct port_order *order, const char *name, bool wildcard)
{
    for (size_t i = 0; i < order->n_names; i++) {
        const char *own = order->names[i];
        bool star = strncmp(own, "*.", 2) == 0;
        size_t len = strlen(own);
        if (len > 0 && own[len - 1] == '.')
            len--;
        if (star) {
            own += 2;
            len -= 2;
        }
        if (star == wildcard && strlen(name) == len && strncasecmp(own, name, len) == 0)
            return true;
    }
    return false;
}

static const json_t *challenges_dns01(const json_t *doc)
{
    const json_t *list = json_object_get(doc, "challenges");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *type = doc_text(one, "type");
        if (type != NULL && strcmp(type, "dns-01") == 0)
            return one;
    }
    return NULL;
}

/* base64url(SHA-256(token "." thumbprint)), RFC 8555 section 8.4. */
static enum outcome challenges_value(struct client *client, const char *token,
                                     struct challenges_one *one, struct err *err)
{
    char thumb[B64URL_SIZE(JWS_DIGEST_LEN)];
    char text[512 + sizeof thumb];
    uint8_t digest[JWS_DIGEST_LEN];
    if (token == NULL || !b64url_alphabet(token))
        return err_set(err, OUT_REFUSED, "%s: a token that is no base64url", one->name);
    enum outcome res = jws_thumbprint(client->key, thumb, err);
    if (res != OUT_OK)
        return res;
    if (!text_format(text, sizeof text, "%s.%s", token, thumb))
        return err_set(err, OUT_REFUSED, "%s: a token of %zu octets", one->name, strlen(token));
    res = jws_sha256(text, strlen(text), digest, err);
    if (res == OUT_OK)
        (void)b64url_encode(digest, sizeof digest, one->value, sizeof one->value);
    return res;
}

/* A failed authorization: what its challenges say. */
static enum outcome challenges_failed(struct challenges_run *run, const json_t *doc,
                                      const struct challenges_one *one, struct err *err)
{
    struct problem problem = {0};
    const json_t *list = json_object_get(doc, "challenges");
    const char *status = doc_text(doc, "status");
    const json_t *error = NULL;
    for (size_t i = 0; i < json_array_size(list) && error == NULL; i++)
        error = json_object_get(json_array_get(list, i), "error");
    problem_take(error, &problem);
    run->fault->over = true;
    run->fault->caa = run->fault->caa || problem.caa;
    return err_set(err, OUT_REFUSED, "%s: the authorization is %.40s: %s", one->name,
                   status != NULL ? status : "without a status", problem.text);
}

static enum outcome challenges_open(struct challenges_run *run, const json_t *doc,
                                    struct challenges_one *one, struct err *err)
{
    const json_t *challenge = challenges_dns01(doc);
    const char *status = doc_text(challenge, "status");
    if (challenge == NULL) {
        run->fault->over = true;
        return err_set(err, OUT_REFUSED,
                       "%s: the CA offers no challenge dns-01, and no other is "
                       "ours to answer",
                       one->name);
    }
    enum outcome res = doc_url(challenge, one->name, "url", one->url, err);
    if (res == OUT_OK)
        res = challenges_value(run->job->client, doc_text(challenge, "token"), one, err);
    if (res == OUT_OK &&
        !text_format(one->owner, sizeof one->owner, "_acme-challenge.%s.", one->name))
        res = err_set(err, OUT_REFUSED, "%s is too long for a challenge", one->name);
    one->state =
        status != NULL && strcmp(status, "processing") == 0 ? CHALLENGES_TOLD : CHALLENGES_OPEN;
    return res;
}

static enum outcome challenges_name(struct challenges_run *run, const json_t *doc,
                                    struct challenges_one *one, struct err *err)
{
    const json_t *identifier = json_object_get(doc, "identifier");
    const char *type = doc_text(identifier, "type");
    const char *name = doc_text(identifier, "value");
    bool wildcard = json_is_true(json_object_get(doc, "wildcard"));
    if (type == NULL || strcmp(type, "dns") != 0 || name == NULL ||
        !text_format(one->name, sizeof one->name, "%s", name) ||
        !challenges_ours(run->job->order, name, wildcard)) {
        run->fault->over = true;
        return err_set(err, OUT_REFUSED, "an authorization for \"%.100s\", which was not asked for",
                       name != NULL ? name : "no name");
    }
    return OUT_OK;
}

/* Reads one authorization. The first time (one->name is empty) what it is about as well. */
static enum outcome challenges_look(struct challenges_run *run, size_t i, struct err *err)
{
    struct client_answer answer = {0};
    struct challenges_one *one = &run->all[i];
    bool first = one->name[0] == '\0';
    enum outcome res = client_post(run->job->client, "an authorization", run->job->urls[i], NULL,
                                   CLIENT_JSON, &answer, err);
    run->fault->problem = answer.problem;
    if (answer.retry > run->retry)
        run->retry = answer.retry;
    if (res == OUT_OK && first)
        res = challenges_name(run, answer.doc, one, err);
    const char *status = doc_text(answer.doc, "status");
    if (res != OUT_OK)
        ;
    else if (status != NULL && strcmp(status, "valid") == 0)
        one->state = CHALLENGES_VALID;
    else if (status == NULL || strcmp(status, "pending") != 0)
        res = challenges_failed(run, answer.doc, one, err);
    else if (first)
        res = challenges_open(run, answer.doc, one, err);
    client_answer_free(&answer);
    return res;
}

/* ---- the records --------------------------------------------------------------------------------
 */

static enum outcome challenges_put(struct challenges_run *run, struct err *err)
{
    const struct challenges_job *job = run->job;
    const struct client *client = job->client;
    const struct acme_ports *ports = client->ports;
    enum outcome res = OUT_OK;
    size_t before = job->note->n;
    for (size_t i = 0; i < job->n_urls && res == OUT_OK; i++) {
        if (run->all[i].state != CHALLENGES_VALID)
            res = ordernote_add(job->note, run->all[i].owner, run->all[i].value, err);
    }
    if (res == OUT_OK && job->note->n != before)
        res = ordernote_save(client->config, ports, job->order->spki, job->note, err);
    for (size_t i = 0; i < job->n_urls && res == OUT_OK; i++) {
        const struct challenges_one *one = &run->all[i];
        if (one->state == CHALLENGES_VALID)
            continue;
        res = ports->challenge->put(ports->challenge_self, one->owner, one->value, err);
        if (res != OUT_OK)
            err_prepend(err, "the challenge record at %s", one->owner);
    }
    return res;
}

/* Is each record on every server? OUT_NOT_YET or OUT_RETRY tells of the first that is not. */
static enum outcome challenges_seen(struct challenges_run *run, struct err *err)
{
    const struct challenges_job *job = run->job;
    const struct acme_ports *ports = job->client->ports;
    for (size_t i = 0; i < job->n_urls; i++) {
        const struct challenges_one *one = &run->all[i];
        if (one->state == CHALLENGES_VALID)
            continue;
        enum outcome res =
            ports->challenge->seen(ports->challenge_self, one->owner, one->value, err);
        if (res != OUT_OK)
            return res;
    }
    return OUT_OK;
}

static enum outcome challenges_wait_seen(struct challenges_run *run, const struct pace *pace,
                                         struct err *err)
{
    const struct client *client = run->job->client;
    bool said = false;
    for (;;) {
        struct err why = ERR_INIT;
        struct err stop = ERR_INIT;
        enum outcome res = challenges_seen(run, &why);
        if (res != OUT_NOT_YET && res != OUT_RETRY) {
            *err = why;
            return res;
        }
        if (!said)
            client_log(client, PORT_LOG_INFO, run->job->order->certificate,
                       "challenge records put, waiting until every name server shows them: %s",
                       why.text);
        said = true;
        res = pace_rest(client->ports, pace, 0, &stop);
        if (res == OUT_NOT_YET)
            return err_set(err, OUT_RETRY,
                           "the challenge records are not on every name server yet, and the CA is "
                           "not told before: %s",
                           why.text);
        if (res != OUT_OK) {
            *err = stop;
            return res;
        }
    }
}

/* ---- the CA
 * --------------------------------------------------------------------------------------- */

static enum outcome challenges_tell(struct challenges_run *run, struct err *err)
{
    enum outcome res = OUT_OK;
    json_t *empty = json_object();
    if (empty == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    for (size_t i = 0; i < run->job->n_urls && res == OUT_OK; i++) {
        struct client_answer answer = {0};
        struct challenges_one *one = &run->all[i];
        if (one->state != CHALLENGES_OPEN)
            continue;
        res = client_post(run->job->client, "a challenge", one->url, empty, CLIENT_JSON, &answer,
                          err);
        run->fault->problem = answer.problem;
        if (res == OUT_OK)
            one->state = CHALLENGES_TOLD;
        client_answer_free(&answer);
    }
    json_decref(empty);
    return res;
}

/* One look at each that is not valid. OUT_NOT_YET: some are still being looked at. What failed is
 * told of together. */
static enum outcome challenges_round(struct challenges_run *run, struct err *err)
{
    enum outcome worst = OUT_OK;
    struct text text;
    char said[ERR_TEXT_MAX];
    text_init(&text, said, sizeof said);
    run->retry = 0;
    for (size_t i = 0; i < run->job->n_urls; i++) {
        struct err why = ERR_INIT;
        enum outcome res = OUT_OK;
        if (run->all[i].state == CHALLENGES_VALID)
            continue;
        res = challenges_look(run, i, &why);
        if (res == OUT_OK && run->all[i].state != CHALLENGES_VALID)
            res = OUT_NOT_YET;
        if (res > OUT_NOT_YET)
            text_add(&text, "%s%s", text.len > 0 ? "; " : "", why.text);
        if (res > worst)
            worst = res;
        if (res > OUT_NOT_YET && !run->fault->over)
            break; /* not an answer about this name: the others would fare the same */
    }
    if (worst > OUT_NOT_YET)
        (void)err_set(err, worst, "%s", said);
    return worst;
}

static enum outcome challenges_poll(struct challenges_run *run, const struct pace *pace,
                                    struct err *err)
{
    for (;;) {
        enum outcome res = challenges_round(run, err);
        if (res != OUT_NOT_YET)
            return res;
        res = pace_rest(run->job->client->ports, pace, run->retry, err);
        if (res == OUT_NOT_YET) {
            run->fault->late = true;
            return err_set(err, OUT_RETRY, "CA \"%s\" has not validated every name in time",
                           run->job->client->config->title);
        }
        if (res != OUT_OK)
            return res;
    }
}

/* ---- all of it
 * -------------------------------------------------------------------------------------- */

static size_t challenges_count(const struct challenges_run *run, enum challenges_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < run->job->n_urls; i++)
        n += run->all[i].state == state ? 1 : 0;
    return n;
}

static enum outcome challenges_all(struct challenges_run *run, struct err *err)
{
    struct pace pace;
    const struct client *client = run->job->client;
    size_t n = run->job->n_urls;
    enum outcome res = OUT_OK;
    for (size_t i = 0; i < n && res == OUT_OK; i++)
        res = challenges_look(run, i, err);
    if (res != OUT_OK || challenges_count(run, CHALLENGES_VALID) == n)
        return res;
    res = challenges_put(run, err);
    if (res == OUT_OK)
        res = pace_begin(client->ports, client->config->poll, client->config->challenge_wait, &pace,
                         err);
    if (res == OUT_OK)
        res = challenges_wait_seen(run, &pace, err);
    if (res == OUT_OK)
        res = challenges_tell(run, err);
    if (res == OUT_OK)
        res = pace_begin(client->ports, client->config->poll, client->config->challenge_wait, &pace,
                         err);
    if (res == OUT_OK)
        res = challenges_poll(run, &pace, err);
    if (res == OUT_OK)
        client_log(client, PORT_LOG_INFO, run->job->order->certificate,
                   "%s has validated every name (%zu)", client->config->title, n);
    return res;
}

enum outcome challenges_run(const struct challenges_job *job, struct challenges_fault *fault,
                            struct err *err)
{
    struct challenges_run run = {.job = job, .fault = fault};
    memset(fault, 0, sizeof *fault);
    run.all = calloc(job->n_urls > 0 ? job->n_urls : 1, sizeof *run.all);
    if (run.all == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = challenges_all(&run, err);
    free(run.all);
    return res;
}

bool challenges_blame(const struct challenges_job *job, struct challenges_fault *fault,
                      struct err *err)
{
    struct challenges_run run = {.job = job, .fault = fault};
    memset(fault, 0, sizeof *fault);
    run.all = calloc(job->n_urls > 0 ? job->n_urls : 1, sizeof *run.all);
    if (run.all == NULL)
        return false;
    struct err why = ERR_INIT;
    (void)challenges_round(&run, &why);
    free(run.all);
    if (fault->over)
        *err = why;
    return fault->over;
}
