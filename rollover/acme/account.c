/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/account.h"

#include <stdlib.h>
#include <string.h>

#include "acme/note.h"

struct account_note {
    char directory[DOC_URL_MAX];
    char url[DOC_URL_MAX]; /* "": the key alone is there */
    uint8_t spki[MODEL_ID_LEN];
    bool keyed;
};

static bool account_parse(const char *text, struct account_note *out)
{
    char word[NOTE_WORD_MAX];
    char hex[2 * MODEL_ID_LEN + 1];
    const char *rest = NULL;
    size_t len = 0;
    bool good = true;
    memset(out, 0, sizeof *out);
    while (note_line(&text, word, &rest, &len)) {
        if (strcmp(word, "directory") == 0)
            good = note_copy(rest, len, out->directory, sizeof out->directory) && good;
        else if (strcmp(word, "account") == 0)
            good = note_copy(rest, len, out->url, sizeof out->url) && good;
        else if (strcmp(word, "key") == 0)
            out->keyed =
                note_copy(rest, len, hex, sizeof hex) && text_unhex(hex, out->spki, MODEL_ID_LEN);
    }
    return good && (out->url[0] == '\0' || doc_is_url(out->url));
}

static enum outcome account_load(struct client *client, struct account_note *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    char *text = malloc(PORT_NOTE_MAX);
    if (text == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = note_get(client->config, client->ports, "account", NULL, text, err);
    if (res == OUT_OK && !account_parse(text, out))
        out->url[0] = '\0';
    free(text);
    /* The account of another CA; the key serves here as well. */
    if (strcmp(out->directory, client->config->directory) != 0)
        out->url[0] = '\0';
    return res == OUT_NOT_YET ? OUT_OK : res;
}

static enum outcome account_save(struct client *client, const struct account_note *note,
                                 struct err *err)
{
    char text[2 * DOC_URL_MAX + 256];
    char hex[2 * MODEL_ID_LEN + 1];
    (void)text_hex(hex, sizeof hex, note->spki, MODEL_ID_LEN);
    if (!text_format(text, sizeof text, "directory %s\naccount %s\nkey %s\n",
                     client->config->directory, note->url, hex))
        return err_set(err, OUT_REFUSED, "the URL of the directory is too long");
    return note_put(client->config, client->ports, "account", NULL, text, err);
}

/* ---- the key ------------------------------------------------------------------------------ */

static enum outcome account_make_key(struct client *client, const char *certificate,
                                     struct account_note *note, struct err *err)
{
    const struct acme_ports *ports = client->ports;
    enum outcome res = ports->keys->make(ports->keys_self, PORT_ALG_P256, note->spki, err);
    if (res != OUT_OK) {
        err_prepend(err, "the account key of CA \"%s\"", client->config->title);
        return res;
    }
    if (note->keyed)
        client_log(client, PORT_LOG_WARNING, certificate,
                   "the key of the account at %s is not in the key folder any more: making a new "
                   "key and a new account",
                   client->config->title);
    note->keyed = true;
    note->url[0] = '\0';
    res = account_save(client, note, err);
    if (res == OUT_OK)
        res = ports->loader.load(ports->loader.self, note->spki, &client->key, err);
    return res;
}

static enum outcome account_load_key(struct client *client, const char *certificate,
                                     struct account_note *note, bool *fresh, struct err *err)
{
    const struct acme_ports *ports = client->ports;
    *fresh = false;
    key_free(&client->key);
    client->kid[0] = '\0';
    if (note->keyed) {
        enum outcome res = ports->keys->have(ports->keys_self, note->spki, err);
        if (res == OUT_OK)
            return ports->loader.load(ports->loader.self, note->spki, &client->key, err);
        if (res != OUT_REFUSED)
            return res;
    }
    *fresh = true;
    return account_make_key(client, certificate, note, err);
}

/* ---- newAccount ------------------------------------------------------------------------------ */

static json_t *account_payload(const struct acme_config *config, bool existing)
{
    char mail[320];
    if (existing)
        return json_pack("{s:b}", "onlyReturnExisting", 1);
    json_t *doc = json_object();
    json_t *contact = json_array();
    bool good = doc != NULL && contact != NULL;
    for (size_t i = 0; good && i < config->n_contact; i++)
        good = text_format(mail, sizeof mail, "mailto:%s", config->contact[i]) &&
               json_array_append_new(contact, json_string(mail)) == 0;
    if (good && config->agree)
        good = json_object_set_new(doc, "termsOfServiceAgreed", json_true()) == 0;
    if (good && config->n_contact > 0)
        good = json_object_set(doc, "contact", contact) == 0;
    json_decref(contact);
    if (!good) {
        json_decref(doc);
        return NULL;
    }
    return doc;
}

static enum outcome account_fault(const struct client_answer *answer, enum outcome res,
                                  enum port_issue_fault *fault)
{
    if (problem_is(&answer->problem, "unauthorized") ||
        problem_is(&answer->problem, "userActionRequired"))
        *fault = PORT_ISSUE_ACCOUNT;
    return res;
}

/* Is an account document one that may be used? */
static enum outcome account_judge(const struct client *client, const struct client_answer *answer,
                                  enum port_issue_fault *fault, struct err *err)
{
    const char *status = doc_text(answer->doc, "status");
    if (status == NULL)
        return err_set(err, OUT_REFUSED, "CA \"%s\": an account without a status",
                       client->config->title);
    if (strcmp(status, "valid") == 0)
        return OUT_OK;
    *fault = PORT_ISSUE_ACCOUNT;
    return err_set(err, OUT_REFUSED,
                   "CA \"%s\": our account there is \"%.40s\". Ask the CA; for a new account give "
                   "the section acme another title",
                   client->config->title, status);
}

static enum outcome account_take(struct client *client, const struct client_answer *answer,
                                 struct account_note *note, enum port_issue_fault *fault,
                                 struct err *err)
{
    const char *url = http_header(&answer->http, "Location");
    enum outcome res = account_judge(client, answer, fault, err);
    if (res != OUT_OK)
        return res;
    if (url == NULL || !doc_is_url(url))
        return err_set(err, OUT_REFUSED, "CA \"%s\": an account without an https URL (Location)",
                       client->config->title);
    if (!text_format(note->url, sizeof note->url, "%s", url))
        return err_set(err, OUT_BROKEN, "the account's URL does not fit");
    res = account_save(client, note, err);
    if (res == OUT_OK)
        (void)text_format(client->kid, sizeof client->kid, "%s", note->url);
    return res;
}

static enum outcome account_terms(const struct client *client, struct err *err)
{
    if (client->terms[0] == '\0' || client->config->agree)
        return OUT_OK;
    return err_set(err, OUT_REFUSED,
                   "CA \"%s\" has terms of service: read %s and, if you agree, write agree = yes "
                   "into its section acme",
                   client->config->title, client->terms);
}

/* OUT_NOT_YET, with `existing`: the CA knows no account of this key. */
static enum outcome account_ask(struct client *client, bool existing, struct account_note *note,
                                enum port_issue_fault *fault, struct err *err)
{
    struct client_answer answer = {0};
    enum outcome res = existing ? OUT_OK : account_terms(client, err);
    if (res != OUT_OK)
        return res;
    json_t *payload = account_payload(client->config, existing);
    if (payload == NULL)
        return err_set(err, OUT_REFUSED, "a contact address is not UTF-8 or too long");
    client->kid[0] = '\0';
    res = client_post(client, existing ? "looking for our account" : "a new account",
                      client->urls[CLIENT_NEW_ACCOUNT], payload, CLIENT_JSON, &answer, err);
    if (res == OUT_OK)
        res = account_take(client, &answer, note, fault, err);
    else if (existing && problem_is(&answer.problem, "accountDoesNotExist"))
        res = OUT_NOT_YET;
    else
        res = account_fault(&answer, res, fault);
    json_decref(payload);
    client_answer_free(&answer);
    return res;
}

static enum outcome account_make(struct client *client, const char *certificate, bool existing,
                                 struct account_note *note, enum port_issue_fault *fault,
                                 struct err *err)
{
    enum outcome res = existing ? account_ask(client, true, note, fault, err) : OUT_NOT_YET;
    if (res != OUT_NOT_YET)
        return res;
    res = account_ask(client, false, note, fault, err);
    if (res == OUT_OK)
        client_log(client, PORT_LOG_INFO, certificate, "account at %s: %s", client->config->title,
                   client->kid);
    return res;
}

enum outcome account_ready(struct client *client, const char *certificate,
                           enum port_issue_fault *fault, struct err *err)
{
    struct account_note note;
    bool fresh = false;
    if (client->key != NULL && client->kid[0] != '\0')
        return OUT_OK;
    enum outcome res = account_load(client, &note, err);
    if (res == OUT_OK)
        res = account_load_key(client, certificate, &note, &fresh, err);
    if (res != OUT_OK)
        return res;
    if (note.url[0] != '\0') {
        (void)text_format(client->kid, sizeof client->kid, "%s", note.url);
        return OUT_OK;
    }
    return account_make(client, certificate, !fresh, &note, fault, err);
}

enum outcome account_again(struct client *client, const char *certificate,
                           enum port_issue_fault *fault, struct err *err)
{
    struct account_note note;
    bool fresh = false;
    enum outcome res = account_load(client, &note, err);
    if (res == OUT_OK)
        res = account_load_key(client, certificate, &note, &fresh, err);
    if (res != OUT_OK)
        return res;
    client_log(client, PORT_LOG_WARNING, certificate,
               "%s does not know our account %s any more: looking for it by its key, else making "
               "it again",
               client->config->title, note.url);
    note.url[0] = '\0';
    return account_make(client, certificate, !fresh, &note, fault, err);
}

enum outcome account_confirm(struct client *client, enum port_issue_fault *fault, struct err *err)
{
    struct client_answer answer = {0};
    enum outcome res =
        client_post(client, "our account", client->kid, NULL, CLIENT_JSON, &answer, err);
    if (res == OUT_OK)
        res = account_judge(client, &answer, fault, err);
    else
        res = account_fault(&answer, res, fault);
    client_answer_free(&answer);
    return res;
}
