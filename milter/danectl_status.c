/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status: the stored facts of each certificate, and what the running daemon says of itself.
 */
#include "milter/danectl.h"

#include "milter/control_client.h"
#include "milter/danectl_state.h"
#include "milter/danectl_status.h"
#include "status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TROUBLE_LINES 200 /* of history that are looked through for an order that failed */

/* ---- the daemon ------------------------------------------------------------------------- */

struct daemon_view {
    pid_t pid;   /* 0: it does not run; -1: it does, under a pid that is not known */
    bool talked; /* `reply` is its own */
    struct control_reply reply;
    char silent[ERR_TEXT_MAX]; /* why it did not */
};

static enum outcome view_daemon(const struct danectl *d, struct daemon_view *v, struct err *err)
{
    struct control_command command = {.verb = "status"};
    struct err why = ERR_INIT;
    enum outcome out = danectl_daemon(d, &v->pid, err);
    if (out != OUT_OK || v->pid == 0)
        return out;
    v->talked = control_client_ask(d->conf->run_dir, &command, &v->reply, &why) == OUT_OK;
    if (!v->talked)
        (void)snprintf(v->silent, sizeof v->silent, "%s", why.text);
    return OUT_OK;
}

/* Those of `group` with TLS; `*plain` gets those without. */
static json_int_t with_tls(json_t *group, json_int_t *plain)
{
    const char *key;
    json_t *value;
    json_int_t sum = 0;
    *plain = json_integer_value(json_object_get(group, "none"));
    json_object_foreach(group, key, value)
    {
        sum += json_integer_value(value);
    }
    return sum - *plain;
}

/* milter/session.h has the names. */
static void print_sessions(const struct daemon_view *v)
{
    char text[CONTROL_LIVE_MAX + 2];
    (void)snprintf(text, sizeof text, "{%s}", v->reply.live);
    json_t *live = json_loads(text, 0, NULL);
    const json_t *sessions = json_object_get(live, "sessions");
    if (json_is_object(sessions)) {
        json_int_t plain = 0, early_plain = 0;
        json_int_t tls = with_tls(json_object_get(sessions, "mail"), &plain);
        json_int_t early = with_tls(json_object_get(sessions, "no_mail"), &early_plain);
        early_plain += json_integer_value(json_object_get(sessions, "silent"));
        (void)printf("  mail came by TLS %lld times, without %lld times; ended without mail: %lld "
                     "by TLS, %lld without\n",
                     (long long)tls, (long long)plain, (long long)early, (long long)early_plain);
    }
    json_decref(live);
}

static void print_daemon(const struct danectl *d, const struct daemon_view *v)
{
    if (v->pid == 0) {
        struct err down = ERR_INIT;
        danectl_say_down(d, &down);
        status_wrap(stdout, "", down.text, 2);
    } else if (v->pid > 0) {
        (void)printf("danemilter %s%sruns as process %ld\n", v->reply.version,
                     v->reply.version[0] != '\0' ? " " : "", (long)v->pid);
    } else {
        (void)printf("danemilter runs\n");
    }
    if (v->silent[0] != '\0')
        status_wrap(stdout, "  ! it cannot be asked:", v->silent, 4);
    if (v->reply.degraded[0] != '\0')
        status_wrap(stdout, "  ! it does nothing:", v->reply.degraded, 4);
    print_sessions(v);
}

/* ---- one certificate -------------------------------------------------------------------- */

struct trouble {
    model_time wall;
    char text[ERR_TEXT_MAX];
};

/* The last order that failed, unless a certificate came after it. */
static bool find_trouble(void *self, const struct store_line *line)
{
    struct trouble *t = self;
    if (strcmp(line->what, "not-issued") == 0) {
        t->wall = line->wall;
        (void)snprintf(t->text, sizeof t->text, "%s", line->text);
    } else if (strcmp(line->what, "issued") == 0) {
        t->wall = MODEL_NEVER;
        t->text[0] = '\0';
    }
    return true;
}

struct shown {
    struct danectl *d;
    bool down;     /* the daemon does not run */
    json_t *array; /* NULL: text */
    bool attention;
};

static enum outcome show_unknown(struct shown *shown, const char *name, struct err *err)
{
    shown->attention = true;
    if (shown->array == NULL) {
        (void)printf("\ncertificate %s: nothing is known of it yet\n  the daemon's log says why, "
                     "if it runs\n",
                     name);
        return OUT_OK;
    }
    json_t *o = json_pack("{s:s, s:b, s:b}", "certificate", name, "known", 0, "attention", 1);
    return o != NULL && json_array_append_new(shown->array, o) == 0
               ? OUT_OK
               : err_set(err, OUT_BROKEN, "no memory");
}

/* What would go on by itself does not while nobody does it. */
static void nobody_works(struct status *s)
{
    char text[sizeof s->fate];
    (void)snprintf(text, sizeof text, "nothing goes on before danemilter runs again; then %.400s",
                   s->fate);
    memcpy(s->fate, text, sizeof s->fate);
    char what[sizeof s->next_what];
    (void)snprintf(what, sizeof what, "%.90s, once danemilter runs", s->next_what);
    memcpy(s->next_what, what, sizeof s->next_what);
    s->attention = true;
}

static enum outcome show_known(struct shown *shown, const struct danectl_state *state,
                               struct err *err)
{
    struct trouble trouble = {.wall = MODEL_NEVER};
    struct status *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_errno(err, "status");
    enum outcome out =
        store_history(shown->d->store, state->name, TROUBLE_LINES, find_trouble, &trouble, err);
    status_read(state->name, &state->st, state->policy, state->now, s);
    if (shown->down)
        nobody_works(s);
    s->attention |= trouble.wall != MODEL_NEVER;
    shown->attention |= s->attention;
    if (out == OUT_OK && shown->array != NULL) {
        json_t *o = danectl_status_json(&state->st, s, trouble.wall, trouble.text);
        if (o == NULL || json_array_append_new(shown->array, o) != 0)
            out = err_set(err, OUT_BROKEN, "the status could not be put into JSON");
    } else if (out == OUT_OK) {
        (void)putchar('\n');
        status_print(stdout, &state->st, s, state->now);
        if (trouble.wall != MODEL_NEVER) {
            char label[96], when[64];
            say_wall(trouble.wall, when, sizeof when);
            (void)snprintf(label, sizeof label, "  ! last order, %s:", when);
            status_wrap(stdout, label, trouble.text, 6);
        }
    }
    free(s);
    return out;
}

static enum outcome show(struct shown *shown, const struct conf_certificate *c, struct err *err)
{
    struct danectl_state *state = NULL;
    enum outcome out = danectl_state_load(shown->d, c, &state, err);
    if (out == OUT_NOT_YET)
        return show_unknown(shown, c->name, err);
    if (out == OUT_OK)
        out = show_known(shown, state, err);
    danectl_state_free(&state);
    return out;
}

/* ---- all -------------------------------------------------------------------------------- */

static enum outcome show_all(struct shown *shown, const struct conf_certificate *only,
                             struct err *err)
{
    const struct conf *conf = shown->d->conf;
    enum outcome out = OUT_OK;
    for (size_t i = 0; i < conf->n_certificates && out == OUT_OK; i++) {
        if (only == NULL || only == &conf->certificates[i])
            out = show(shown, &conf->certificates[i], err);
    }
    return out;
}

static json_t *daemon_json(const struct daemon_view *v)
{
    char text[CONTROL_LIVE_MAX + 2];
    (void)snprintf(text, sizeof text, "{%s}", v->reply.live);
    json_t *live = v->talked ? json_loads(text, 0, NULL) : NULL;
    return json_pack("{s:b, s:o*, s:s*, s:s*, s:s*, s:o*}", "running", v->pid != 0, "pid",
                     v->pid > 0 ? json_integer((json_int_t)v->pid) : NULL, "version",
                     v->talked ? v->reply.version : NULL, "degraded",
                     v->reply.degraded[0] != '\0' ? v->reply.degraded : NULL, "cannot_be_asked",
                     v->silent[0] != '\0' ? v->silent : NULL, "live", live);
}

static enum danectl_status run_with(struct shown *shown, const struct daemon_view *v,
                                    const struct conf_certificate *only, struct err *err)
{
    shown->down = v->pid == 0;
    shown->attention = shown->down || v->silent[0] != '\0' || v->reply.degraded[0] != '\0';
    if (shown->d->json && (shown->array = json_array()) == NULL)
        return danectl_of(err_set(err, OUT_BROKEN, "no memory"));
    if (!shown->d->json)
        print_daemon(shown->d, v);
    enum danectl_status status = danectl_of(show_all(shown, only, err));
    if (status == DANECTL_OK && shown->array != NULL) {
        json_t *o = json_pack("{s:b, s:o, s:O}", "attention", (int)shown->attention, "daemon",
                              daemon_json(v), "certificates", shown->array);
        status = danectl_print_json(o, err);
    }
    json_decref(shown->array);
    if (status != DANECTL_OK)
        return status;
    return shown->attention ? DANECTL_ATTENTION : DANECTL_OK;
}

static enum danectl_status run_status(struct danectl *d, struct err *err)
{
    struct shown shown = {.d = d};
    const struct conf_certificate *only = NULL;
    if (d->argc > 0 && (only = danectl_certificate(d, d->argv[0], err)) == NULL)
        return DANECTL_FAILED;
    struct daemon_view *v = calloc(1, sizeof *v);
    if (v == NULL)
        return danectl_of(err_errno(err, "status"));
    enum danectl_status status = danectl_of(view_daemon(d, v, err));
    if (status == DANECTL_OK)
        status = run_with(&shown, v, only, err);
    free(v);
    return status;
}

const struct danectl_command danectl_status_command = {
    .name = "status",
    .args = "[CERTIFICATE]",
    .help = "what is served, published and waited for",
    .max_args = 1,
    .needs = DANECTL_NEED_STORE,
    .run = run_status,
    .json = true,
};
