/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl config: what the configuration comes to, as postconf(1) shows Postfix's. */
#include "milter/danectl.h"

#include "base/file.h"
#include "base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { FLAG_CHANGED, FLAG_DEFAULTS, FLAG_CHECK };

#define CONFIG_ARGS_MAX 32
#define CONFIG_PATH_MAX 256

static bool option(struct danectl *d, int opt, const char *arg, struct err *err)
{
    (void)arg;
    if (opt == 'n')
        d->own.flags[FLAG_CHANGED] = true;
    else if (opt == 'd')
        d->own.flags[FLAG_DEFAULTS] = true;
    else if (opt == 'k')
        d->own.flags[FLAG_CHECK] = true;
    else
        return false;
    if (d->own.flags[FLAG_CHANGED] + d->own.flags[FLAG_DEFAULTS] + d->own.flags[FLAG_CHECK] > 1) {
        (void)err_set(err, OUT_REFUSED, "-n, -d and --check exclude one another");
        return false;
    }
    return true;
}

/* ---- which options, and how they are shown --------------------------------------------------- */

struct config_show {
    const struct danectl *d;
    bool found[CONFIG_ARGS_MAX];
    json_t *json; /* NULL: as text */
    bool failed;  /* no memory for JSON */
};

/* "certificate/mx/tlsa/ttl", as postconf -P names what belongs to a service. */
static void config_path(const struct conf_item *item, char path[CONFIG_PATH_MAX])
{
    const char *const parts[] = {item->section, item->title, item->part, item->name};
    struct text text;
    text_init(&text, path, CONFIG_PATH_MAX);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i][0] != '\0')
            text_add(&text, "%s%s", text.len == 0 ? "" : "/", parts[i]);
    }
}

/* Whole components of the path, anywhere in it. */
static bool config_fits(const char *path, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strstr(path, name); len > 0 && at != NULL; at = strstr(at + 1, name)) {
        if ((at == path || at[-1] == '/') && (at[len] == '\0' || at[len] == '/'))
            return true;
    }
    return false;
}

static bool config_wanted(struct config_show *s, const struct conf_item *item, const char *path)
{
    const struct danectl *d = s->d;
    bool wanted = d->argc == 0;
    for (int i = 0; i < d->argc; i++) {
        if (!config_fits(path, d->argv[i]))
            continue;
        s->found[i] = true;
        wanted = true;
    }
    if (d->own.flags[FLAG_CHANGED])
        return wanted && item->changed;
    if (d->own.flags[FLAG_DEFAULTS] || d->argc > 0)
        return wanted;
    return wanted && item->given;
}

static json_t *config_value(const struct conf_item *item)
{
    json_t *list = NULL;
    switch (item->form) {
    case CONF_FORM_NUMBER:
        return json_integer(item->number);
    case CONF_FORM_BOOL:
        return json_boolean(item->yes);
    case CONF_FORM_TEXT:
        return json_string(item->plain);
    case CONF_FORM_LIST:
        list = json_array();
        for (size_t i = 0; i < item->list.n; i++) {
            if (json_array_append_new(list, json_string(item->list.items[i])) != 0) {
                json_decref(list);
                return NULL;
            }
        }
        return list;
    }
    return NULL;
}

/* The object of this name in `in`, made when it is missing. */
static json_t *config_object(json_t *in, const char *name)
{
    json_t *o = in == NULL || name[0] == '\0' ? in : json_object_get(in, name);
    if (o != NULL)
        return o;
    o = json_object();
    return json_object_set_new(in, name, o) == 0 ? o : NULL;
}

static bool config_json(struct config_show *s, const struct conf_item *item)
{
    json_t *o = config_object(s->json, item->section);
    o = config_object(o, item->title);
    o = config_object(o, item->part);
    json_t *value =
        s->d->own.flags[FLAG_DEFAULTS] && item->required ? json_null() : config_value(item);
    s->failed = json_object_set_new(o, item->name, value) != 0;
    return !s->failed;
}

static bool config_item(void *self, const struct conf_item *item)
{
    struct config_show *s = self;
    char path[CONFIG_PATH_MAX];
    config_path(item, path);
    if (!config_wanted(s, item, path))
        return true;
    if (s->json != NULL)
        return config_json(s, item);
    return printf("%s = %s\n", path,
                  item->required && s->d->own.flags[FLAG_DEFAULTS] ? "(required)" : item->text) >=
           0;
}

static enum outcome config_unknown(const struct config_show *s, struct err *err)
{
    for (int i = 0; i < s->d->argc; i++) {
        if (!s->found[i])
            return err_set(err, OUT_REFUSED,
                           "there is no option or section \"%s\": danectl config -d shows all "
                           "there are",
                           s->d->argv[i]);
    }
    return OUT_OK;
}

static enum outcome config_print(json_t *json, struct err *err)
{
    if (json_dumpf(json, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF)
        return err_set(err, OUT_BROKEN, "the JSON cannot be written to standard output");
    return OUT_OK;
}

static enum outcome config_each(struct danectl *d, struct err *err)
{
    struct config_show s = {.d = d, .json = d->json ? json_object() : NULL};
    if (d->json && s.json == NULL)
        return err_set(err, OUT_BROKEN, "no memory for JSON");
    enum outcome out = d->own.flags[FLAG_DEFAULTS] ? conf_each_default(config_item, &s, err)
                                                   : conf_each(d->conf, config_item, &s, err);
    if (out == OUT_OK && s.failed)
        out = err_set(err, OUT_BROKEN, "no memory for JSON");
    if (out == OUT_OK)
        out = config_unknown(&s, err);
    if (out == OUT_OK && d->json)
        out = config_print(s.json, err);
    json_decref(s.json);
    return out;
}

/* ---- --check ------------------------------------------------------------------------------- */

struct config_check {
    json_t *problems, *notes; /* NULL: as text */
};

static void take(json_t *list, const char *kind, const char *text)
{
    if (list == NULL)
        (void)printf("%s%s\n", kind, text);
    else if (json_array_append_new(list, json_string(text)) != 0)
        (void)fprintf(stderr, "danectl: no memory for: %s\n", text);
}

static void take_problem(void *self, const char *problem)
{
    take(((struct config_check *)self)->problems, "", problem);
}

static void take_note(void *self, const char *note)
{
    take(((struct config_check *)self)->notes, "note: ", note);
}

static void config_peaks(const struct conf *conf, json_t *peaks)
{
    for (size_t i = 0; i < conf->n_certificates; i++) {
        const struct conf_certificate *c = &conf->certificates[i];
        for (size_t k = 0; k < c->n_owners; k++) {
            const char *owner = c->owners[k].owner;
            size_t most = conf_peak(conf, owner);
            if (peaks == NULL)
                (void)printf("%s will hold at most %zu records (of %d possible)\n", owner, most,
                             MODEL_RRSET_MAX);
            else if (json_object_set_new(peaks, owner, json_integer((json_int_t)most)) != 0)
                (void)fprintf(stderr, "danectl: no memory for %s\n", owner);
        }
    }
}

/* As the daemon would load it: secrets and what is on this host too. */
static enum danectl_status config_check(struct danectl *d, struct err *err)
{
    struct config_check c = {NULL, NULL};
    json_t *peaks = d->json ? json_object() : NULL;
    if (d->json) {
        c.problems = json_array();
        c.notes = json_array();
    }
    struct conf_source source = {.path = d->conf_path,
                                 .user = FILE_NO_OWNER,
                                 .say = take_problem,
                                 .note = take_note,
                                 .self = &c};
    enum outcome out = conf_load(&source, &d->conf, err);
    if (out == OUT_BROKEN)
        take(c.problems, "", err->text); /* conf_load could not begin: nobody was told */
    if (out == OUT_OK)
        config_peaks(d->conf, peaks);
    if (out == OUT_OK && !d->json)
        (void)printf("%s is right: %zu certificate(s)\n", d->conf_path, d->conf->n_certificates);
    err_clear(err); /* all is said */
    if (d->json) {
        json_t *o = json_pack("{s:s, s:b, s:o, s:o, s:o}", "file", d->conf_path, "ok",
                              out == OUT_OK ? 1 : 0, "problems", c.problems, "notes", c.notes,
                              "peak", peaks);
        if (o == NULL)
            out = err_set(err, OUT_BROKEN, "no memory for JSON");
        else if (config_print(o, err) != OUT_OK)
            out = OUT_BROKEN;
        json_decref(o);
    }
    return danectl_of(out);
}

static enum danectl_status run(struct danectl *d, struct err *err)
{
    if (d->own.flags[FLAG_CHECK])
        return config_check(d, err);
    if (!d->own.flags[FLAG_DEFAULTS]) {
        struct conf_source source = {.path = d->conf_path,
                                     .user = FILE_NO_OWNER,
                                     .without_secrets = true,
                                     .without_host = true};
        enum outcome out = conf_load(&source, &d->conf, err);
        if (out == OUT_REFUSED)
            err_prepend(err, "danectl config --check shows all that is wrong");
        if (out != OUT_OK)
            return danectl_of(out);
    }
    if (d->argc > 0 || d->json)
        return danectl_of(config_each(d, err));
    if (d->own.flags[FLAG_DEFAULTS])
        return danectl_of(conf_dump_defaults(stdout, err));
    return danectl_of(conf_dump(
        d->conf, d->own.flags[FLAG_CHANGED] ? CONF_DUMP_CHANGED : CONF_DUMP_GIVEN, stdout, err));
}

const struct danectl_command danectl_config_command = {
    .name = "config",
    .args = "[NAME ...]",
    .help = "what the configuration file says; NAME: only these options or sections",
    .more = "  -n           only what differs from the defaults\n"
            "  -d           every option with its default; no file is read\n"
            "  -k, --check  every problem that the daemon would find in the file; exit 1 if any\n"
            "  NAME is an option (ttl), a section (policy), or a path (certificate/mx/tlsa/ttl)\n",
    .options = "ndk",
    .option = option,
    .min_args = 0,
    .max_args = CONFIG_ARGS_MAX,
    .needs = 0,
    .run = run,
    .json = true,
};
