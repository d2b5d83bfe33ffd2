/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/control_msg.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bool asks;
} verbs[] = {
    {"status", true},    {"renew", false},  {"roll", false},
    {"rollback", false}, {"freeze", false}, {"resume", false},
};

static const enum outcome outcomes[] = {OUT_OK, OUT_NOT_YET, OUT_RETRY, OUT_REFUSED, OUT_BROKEN};

static int find_verb(const char *verb)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, verb) == 0)
            return (int)i;
    }
    return -1;
}

bool control_msg_asks(const struct control_command *command)
{
    int i = find_verb(command->verb);
    return i >= 0 && verbs[i].asks;
}

/* ---- reading ---------------------------------------------------------------------------- */

static json_t *read_line(const char *line, size_t len, struct err *err)
{
    json_error_t why;
    json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
    if (o == NULL) {
        (void)err_set(err, OUT_REFUSED, "no JSON: %s", why.text);
        return NULL;
    }
    if (json_is_object(o))
        return o;
    json_decref(o);
    (void)err_set(err, OUT_REFUSED, "no JSON object");
    return NULL;
}

/* Control characters would go on into the log and the history. */
static bool plain_text(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    }
    return true;
}

static enum outcome take_text(const char *key, json_t *value, char *out, size_t size,
                              struct err *err)
{
    const char *text = json_string_value(value);
    if (text == NULL)
        return err_set(err, OUT_REFUSED, "\"%s\" is no text", key);
    if (strlen(text) >= size || strlen(text) != json_string_length(value) || !plain_text(text))
        return err_set(err, OUT_REFUSED, "\"%s\" is too long, or has control characters", key);
    (void)snprintf(out, size, "%s", text);
    return OUT_OK;
}

static enum outcome take_member(const char *key, json_t *value, struct control_command *out,
                                struct err *err)
{
    if (strcmp(key, "do") == 0)
        return take_text(key, value, out->verb, sizeof out->verb, err);
    if (strcmp(key, "certificate") == 0)
        return take_text(key, value, out->certificate, sizeof out->certificate, err);
    if (strcmp(key, "algorithm") == 0)
        return take_text(key, value, out->alg, sizeof out->alg, err);
    if (strcmp(key, "dry_run") == 0 && json_is_boolean(value)) {
        out->dry_run = json_is_true(value);
        return OUT_OK;
    }
    return err_set(err, OUT_REFUSED, "a member that is not known, or of the wrong type");
}

enum outcome control_msg_read_request(const char *line, size_t len, struct control_command *out,
                                      struct err *err)
{
    const char *key;
    json_t *value;
    memset(out, 0, sizeof *out);
    out->uid = (uid_t)-1;
    json_t *o = read_line(line, len, err);
    if (o == NULL)
        return OUT_REFUSED;
    enum outcome res = OUT_OK;
    json_object_foreach(o, key, value)
    {
        res = take_member(key, value, out, err);
        if (res != OUT_OK)
            break;
    }
    if (res == OUT_OK && find_verb(out->verb) < 0)
        res = err_set(err, OUT_REFUSED, "\"%s\" is nothing that the daemon can do", out->verb);
    if (res == OUT_OK && !control_msg_asks(out) && out->certificate[0] == '\0')
        res = err_set(err, OUT_REFUSED, "%s needs a certificate", out->verb);
    json_decref(o);
    return res;
}

/* What is too long is cut: replies are for people. */
static void copy_member(const json_t *o, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(o, key));
    (void)snprintf(out, size, "%s", text != NULL ? text : "");
}

static void copy_live(const json_t *o, struct control_reply *out)
{
    json_t *live = json_object_get(o, "live");
    if (!json_is_object(live))
        return;
    size_t n = json_dumpb(live, out->live, sizeof out->live - 1, JSON_EMBED);
    if (n >= sizeof out->live)
        n = 0;
    out->live[n] = '\0';
}

enum outcome control_msg_read_reply(const char *line, size_t len, struct control_reply *out,
                                    struct err *err)
{
    memset(out, 0, sizeof *out);
    json_t *o = read_line(line, len, err);
    if (o == NULL)
        return OUT_REFUSED;
    const char *name = json_string_value(json_object_get(o, "outcome"));
    enum outcome res =
        err_set(err, OUT_REFUSED, "the daemon's reply has no outcome that is known here");
    for (size_t i = 0; name != NULL && i < sizeof outcomes / sizeof outcomes[0]; i++) {
        if (strcmp(err_outcome_name(outcomes[i]), name) != 0)
            continue;
        out->outcome = outcomes[i];
        res = OUT_OK;
        err_clear(err);
    }
    copy_member(o, "text", out->text, sizeof out->text);
    copy_member(o, "version", out->version, sizeof out->version);
    copy_member(o, "degraded", out->degraded, sizeof out->degraded);
    out->pid = (pid_t)json_integer_value(json_object_get(o, "pid"));
    copy_live(o, out);
    json_decref(o);
    return res;
}

/* ---- writing ---------------------------------------------------------------------------- */

/* 0: fine, or left out because it is empty. */
static int put_text(json_t *o, const char *key, const char *text)
{
    char ascii[CONTROL_TEXT_MAX];
    size_t i = 0;
    if (text[0] == '\0')
        return 0;
    if (json_object_set_new(o, key, json_string(text)) == 0)
        return 0;
    for (; text[i] != '\0' && i + 1 < sizeof ascii; i++)
        ascii[i] = text[i];
    ascii[i] = '\0';
    for (i = 0; ascii[i] != '\0'; i++) {
        if ((unsigned char)ascii[i] >= 0x80)
            ascii[i] = '?';
    }
    return json_object_set_new(o, key, json_string(ascii));
}

/* Takes `o` over, which may be NULL. */
static enum outcome write_line(json_t *o, int bad, char *out, size_t size, size_t *len,
                               struct err *err)
{
    *len = 0;
    if (o == NULL || bad != 0) {
        json_decref(o);
        return err_set(err, OUT_BROKEN, "no memory for a message");
    }
    size_t n = json_dumpb(o, out, size, JSON_COMPACT);
    json_decref(o);
    if (n == 0 || n + 1 > size || n + 1 > CONTROL_LINE_MAX)
        return err_set(err, OUT_BROKEN, "a message of %zu octets is too long", n);
    out[n] = '\n';
    *len = n + 1;
    return OUT_OK;
}

enum outcome control_msg_write_request(const struct control_command *command, char *out,
                                       size_t size, size_t *len, struct err *err)
{
    json_t *o = json_object();
    int bad = 0;
    if (o != NULL) {
        bad |= put_text(o, "do", command->verb);
        bad |= put_text(o, "certificate", command->certificate);
        bad |= put_text(o, "algorithm", command->alg);
        if (command->dry_run)
            bad |= json_object_set_new(o, "dry_run", json_true());
    }
    return write_line(o, bad, out, size, len, err);
}

static int put_live(json_t *o, const char *members)
{
    char text[CONTROL_LIVE_MAX + 2];
    if (members[0] == '\0')
        return 0;
    (void)snprintf(text, sizeof text, "{%s}", members);
    json_t *live = json_loads(text, 0, NULL);
    return live == NULL ? 0 : json_object_set_new(o, "live", live);
}

enum outcome control_msg_write_reply(const struct control_reply *reply, char *out, size_t size,
                                     size_t *len, struct err *err)
{
    json_t *o = json_object();
    int bad = 0;
    if (o != NULL) {
        bad |= put_text(o, "outcome", err_outcome_name(reply->outcome));
        bad |= put_text(o, "text", reply->text);
        bad |= put_text(o, "version", reply->version);
        bad |= put_text(o, "degraded", reply->degraded);
        if (reply->pid != 0)
            bad |= json_object_set_new(o, "pid", json_integer((json_int_t)reply->pid));
        bad |= put_live(o, reply->live);
    }
    return write_line(o, bad, out, size, len, err);
}
