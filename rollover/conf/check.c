/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/keyfile.h"
#include "conf/names.h"

void check_say(struct check *c, int line, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    if (c->problems++ >= CONF_PROBLEMS_MAX)
        return;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    struct check_problem *problem = &c->list[c->problems - 1];
    problem->line = line;
    problem->text = strdup(text);
    c->no_memory = c->no_memory || problem->text == NULL;
}

/* Those of one line stay as they were found. */
static void check_sort(struct check_problem *list, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct check_problem moved = list[i];
        size_t k = i;
        for (; k > 0 && list[k - 1].line > moved.line; k--)
            list[k] = list[k - 1];
        list[k] = moved;
    }
}

enum outcome check_end(struct check *c, struct err *err)
{
    const struct conf_source *s = c->source;
    size_t n = c->problems < CONF_PROBLEMS_MAX ? c->problems : CONF_PROBLEMS_MAX;
    struct err one = ERR_INIT;
    check_sort(c->list, n);
    for (size_t i = 0; i < n; i++) {
        const char *text = c->list[i].text == NULL ? "" : c->list[i].text;
        if (c->list[i].line > 0)
            (void)err_set(&one, OUT_REFUSED, "%s:%d: %s", s->path, c->list[i].line, text);
        else
            (void)err_set(&one, OUT_REFUSED, "%s: %s", s->path, text);
        if (i == 0 && c->problems > 1)
            (void)err_set(err, OUT_REFUSED, "%s has %zu errors; the first: %s", s->path,
                          c->problems, one.text);
        else if (i == 0)
            (void)err_set(err, OUT_REFUSED, "%s", one.text);
        if (s->say != NULL)
            s->say(s->self, one.text);
        free(c->list[i].text);
    }
    if (c->problems > n && s->say != NULL) {
        (void)err_set(&one, OUT_REFUSED, "%s: and %zu more", s->path, c->problems - n);
        s->say(s->self, one.text);
    }
    return n == 0 ? OUT_OK : OUT_REFUSED;
}

int check_at(const struct check_at *at, const char *option, size_t item)
{
    size_t n = 0;
    const struct table_option *rows = table_of(at->kind, &n);
    for (size_t i = 0; at->section != NULL && i < n; i++) {
        struct tree_option given;
        int line = 0;
        if (strcmp(rows[i].name, option) != 0)
            continue;
        tree_option(at->section, &rows[i], &given);
        if (item >= given.n)
            break;
        (void)tree_value(at->section, &rows[i], item, &line);
        return line;
    }
    return at->section_line;
}

static void check_resolvers(struct check *c, struct conf *conf, const struct check_at *at)
{
    struct err err = ERR_INIT;
    for (size_t i = 0; i < conf->resolver.n && conf->n_resolvers < CONF_RESOLVERS_MAX; i++) {
        if (names_server(conf->resolver.items[i], 53, &conf->resolvers[conf->n_resolvers], &err) ==
            OUT_OK)
            conf->n_resolvers++;
        else
            check_say(c, check_at(at, "resolver", i), "resolver: %s", err.text);
    }
    if (conf->resolver.n > 0 && conf->root_hints[0] != '\0')
        check_say(c, check_at(at, "root_hints", 0),
                  "root_hints and resolver exclude one another: drop one of them");
}

/* What becomes an argument of another program must not look like an option. */
static void check_notify(struct check *c, const struct conf *conf, const struct check_at *at)
{
    const char *mail = conf->notify;
    const char *sign = strchr(mail, '@');
    if (mail[0] == '\0')
        return;
    if (sign == NULL || sign == mail || sign[1] == '\0' || mail[0] == '-' ||
        strpbrk(mail, " \t<>,;\"'") != NULL)
        check_say(c, check_at(at, "notify", 0),
                  "notify: \"%s\" is not a mail address: write it as postmaster@example.org", mail);
}

static void check_user(struct check *c, const struct conf *conf, const struct check_at *at)
{
    const char *p = conf->user;
    bool good = (*p >= 'a' && *p <= 'z') || *p == '_';
    for (; good && *p != '\0'; p++)
        good = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '-';
    if (!good)
        check_say(c, check_at(at, "user", 0), "user: \"%s\" is not the name of a user", conf->user);
}

static void check_folders(struct check *c, const struct conf *conf, const struct check_at *at)
{
    if (strcmp(conf->state_dir, conf->run_dir) == 0)
        check_say(c, check_at(at, "run_dir", 0),
                  "run_dir is the same folder as state_dir: it must be one that a boot empties");
}

static void check_policy(struct check *c, const struct conf *conf, const struct tree *top)
{
    const struct conf_policy *p = &conf->policy;
    struct check_at at = {c, NULL, p->head.line, TABLE_POLICY};
    if (tree_count(top, TABLE_POLICY) > 0)
        at.section = tree_section(top, TABLE_POLICY, 0);
    if (p->silence < 2 * p->poll)
        check_say(c, check_at(&at, "silence", 0),
                  "silence is shorter than two times poll: every wait would start again for ever");
    if (p->ttl_cap < p->floor)
        check_say(c, check_at(&at, "ttl_cap", 0), "ttl_cap is shorter than floor: raise ttl_cap");
}

static void check_title(struct check *c, const char *what, const char *title, int line)
{
    size_t len = strlen(title);
    bool good = len > 0 && len <= CONF_TITLE_MAX && title[0] != '.' && title[0] != '-';
    for (size_t i = 0; good && i < len; i++) {
        char t = title[i];
        good = (t >= 'a' && t <= 'z') || (t >= 'A' && t <= 'Z') || (t >= '0' && t <= '9') ||
               strchr("._-", t) != NULL;
    }
    if (!good)
        check_say(c, line,
                  "%s \"%.80s\": a title has 1 to %d letters, digits, dots, _ or -, and begins "
                  "with a letter, digit or _",
                  what, title, CONF_TITLE_MAX);
}

static void check_tsig(struct check *c, struct conf_dns *d, const struct check_at *at)
{
    struct keyfile key;
    struct err err = ERR_INIT;
    enum outcome out = OUT_OK;
    const char *option = "key_file";
    memset(&key, 0, sizeof key);
    if (d->key_file[0] != '\0' && (d->tsig_name[0] != '\0' || d->secret_file[0] != '\0')) {
        check_say(c, check_at(at, d->tsig_name[0] != '\0' ? "tsig_name" : "secret_file", 0),
                  "key_file already holds name and secret: drop tsig_name and secret_file");
        return;
    }
    if (c->source->without_secrets)
        return;
    if (d->key_file[0] != '\0') {
        out = keyfile_read(d->key_file, c->source->user, &key, &err);
    } else if (d->tsig_name[0] != '\0' && d->secret_file[0] != '\0') {
        option = "tsig_name";
        out = keyfile_set_name(d->tsig_name, &key, &err);
        if (out == OUT_OK) {
            option = "tsig_algorithm";
            out = keyfile_set_algorithm(d->tsig_algorithm, &key, &err);
        }
        if (out == OUT_OK) {
            option = "secret_file";
            out = keyfile_read_secret(d->secret_file, c->source->user, &key, &err);
        }
    } else if (d->tsig_name[0] != '\0' || d->secret_file[0] != '\0') {
        check_say(c, d->head.line, "dns \"%s\": tsig_name and secret_file come together: add %s",
                  d->name, d->tsig_name[0] != '\0' ? "secret_file" : "tsig_name");
    }
    if (out != OUT_OK) {
        check_say(c, check_at(at, option, 0), "%s: %s", option, err.text);
    } else {
        memcpy(d->tsig.name, key.name, sizeof d->tsig.name);
        memcpy(d->tsig.algorithm, key.algorithm, sizeof d->tsig.algorithm);
        memcpy(d->tsig.secret, key.secret, sizeof d->tsig.secret);
    }
    text_wipe(&key, sizeof key);
}

static void check_dns(struct check *c, struct conf_dns *d, const struct tree *section)
{
    struct check_at at = {c, section, d->head.line, TABLE_DNS};
    struct err err = ERR_INIT;
    char zone[PORT_NAME_MAX];
    check_title(c, "dns", d->name, d->head.line);
    if (d->server_text[0] != '\0' && names_server(d->server_text, 53, &d->server, &err) != OUT_OK)
        check_say(c, check_at(&at, "server", 0), "server: %s", err.text);
    if (d->zone[0] != '\0' &&
        names_domain(d->zone, NAMES_UNDERSCORE | NAMES_DOT, zone, &err) != OUT_OK)
        check_say(c, check_at(&at, "zone", 0), "zone: %s", err.text);
    else if (d->zone[0] != '\0')
        memcpy(d->apex, zone, sizeof d->apex);
    check_tsig(c, d, &at);
}

/* Two certificates in one file would overwrite each other. */
static void check_chain_files(struct check *c, const struct conf *conf)
{
    for (size_t i = 0; i < conf->n_certificates; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct conf_certificate *a = &conf->certificates[k];
            const struct conf_certificate *b = &conf->certificates[i];
            if (b->chain_file[0] == '\0' || strcmp(a->chain_file, b->chain_file) != 0)
                continue;
            struct check_at at = {c, tree_section(c->tree, TABLE_CERTIFICATE, i), b->head.line,
                                  TABLE_CERTIFICATE};
            check_say(
                c, check_at(&at, "chain_file", 0),
                "chain_file %s is that of certificate \"%s\" too (line %d): give each its own",
                b->chain_file, a->name, a->head.line);
        }
    }
}

void check_conf(struct check *c, struct conf *conf)
{
    struct check_at at = {c, c->tree, 1, TABLE_TOP};
    check_resolvers(c, conf, &at);
    check_notify(c, conf, &at);
    check_user(c, conf, &at);
    check_folders(c, conf, &at);
    check_policy(c, conf, c->tree);
    for (size_t i = 0; i < conf->n_dns; i++)
        check_dns(c, &conf->dns[i], tree_section(c->tree, TABLE_DNS, i));
    for (size_t i = 0; i < conf->n_certificates; i++) {
        check_title(c, "certificate", conf->certificates[i].name, conf->certificates[i].head.line);
        check_certificate(c, conf, i);
    }
    check_chain_files(c, conf);
    peak_check(c, conf);
}
