/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/milters.h"
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

void check_note(struct check *c, int line, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    if (c->notes == CONF_NOTES_MAX)
        return;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    struct check_problem *note = &c->noted[c->notes++];
    note->line = line;
    note->text = strdup(text);
    c->no_memory = c->no_memory || note->text == NULL;
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

static void check_end_notes(struct check *c)
{
    const struct conf_source *s = c->source;
    struct err one = ERR_INIT;
    check_sort(c->noted, c->notes);
    for (size_t i = 0; i < c->notes; i++) {
        const char *text = c->noted[i].text == NULL ? "" : c->noted[i].text;
        (void)err_set(&one, OUT_OK, "%s:%d: %s", s->path, c->noted[i].line, text);
        if (s->note != NULL)
            s->note(s->self, one.text);
        free(c->noted[i].text);
    }
    c->notes = 0;
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
    check_end_notes(c);
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

bool check_given(const struct check_at *at, const char *option)
{
    size_t n = 0;
    const struct table_option *rows = table_of(at->kind, &n);
    for (size_t i = 0; at->section != NULL && i < n; i++) {
        struct tree_option given;
        if (strcmp(rows[i].name, option) != 0)
            continue;
        tree_option(at->section, &rows[i], &given);
        return given.n > 0;
    }
    return false;
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
bool check_is_mail(const char *text)
{
    const char *sign = strchr(text, '@');
    if (sign == NULL || sign == text || sign[1] == '\0' || text[0] == '-' ||
        strchr(sign + 1, '@') != NULL || strpbrk(text, " \t<>,;?&\"'") != NULL)
        return false;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p < 0x21 || *p > 0x7e)
            return false;
    }
    return true;
}

static void check_notify(struct check *c, const struct conf *conf, const struct check_at *at)
{
    if (conf->notify[0] != '\0' && !check_is_mail(conf->notify))
        check_say(c, check_at(at, "notify", 0),
                  "notify: \"%s\" is not a mail address: write it as postmaster@example.org",
                  conf->notify);
}

/* As useradd(8) of Debian takes names of users and groups. */
static bool check_is_account(const char *p)
{
    bool good = (*p >= 'a' && *p <= 'z') || *p == '_';
    for (; good && *p != '\0'; p++)
        good = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '-';
    return good;
}

static void check_accounts(struct check *c, const struct conf *conf, const struct check_at *at)
{
    if (!check_is_account(conf->user))
        check_say(
            c, check_at(at, "user", 0),
            "user: \"%s\" is not the name of a user: write one of lower case letters, digits, "
            "_ and -, as danemilter",
            conf->user);
    if (conf->control_group[0] != '\0' && !check_is_account(conf->control_group))
        check_say(c, check_at(at, "control_group", 0),
                  "control_group: \"%s\" is not the name of a group: write one of lower case "
                  "letters, digits, _ and -, as adm",
                  conf->control_group);
}

/* Where libmilter listens: sockaddr_un has 107 octets, and queue_directory takes some of them. */
#define CHECK_SOCKET_MAX 80

static void check_socket(struct check *c, const struct conf *conf, const struct check_at *at)
{
    const char *path = conf->milter_socket;
    int line = check_at(at, "milter_socket", 0);
    size_t len = strlen(path);
    if (len == 0)
        return;
    if (milters_is_inet(path)) {
        struct sockaddr_storage ignored;
        socklen_t ignored_len = 0;
        struct err err = ERR_INIT;
        if (milters_inet(path, &ignored, &ignored_len, &err) != OUT_OK)
            check_say(c, line, "milter_socket: %s", err.text);
        return;
    }
    if (strchr(path, ':') != NULL) {
        check_say(c, line,
                  "milter_socket: \"%s\" has a colon: write the path alone, as danemilter/milter "
                  "(only main.cf says unix: before it), or inet:8891@127.0.0.1",
                  path);
        return;
    }
    bool good = len <= CHECK_SOCKET_MAX && path[len - 1] != '/' && strstr(path, "//") == NULL;
    for (size_t i = 0; good && i < len; i++)
        good = (path[i] >= 'a' && path[i] <= 'z') || (path[i] >= 'A' && path[i] <= 'Z') ||
               (path[i] >= '0' && path[i] <= '9') || strchr("/._-", path[i]) != NULL;
    for (const char *p = path; good; p = strchr(p, '/') + 1) {
        size_t n = strcspn(p, "/");
        good = !(n == 1 && p[0] == '.') && !(n == 2 && p[0] == '.' && p[1] == '.');
        if (p[n] == '\0')
            break;
    }
    if (!good)
        check_say(c, line,
                  "milter_socket: \"%s\" is not a path for a socket: write one of letters, digits, "
                  "., _ and -, without .. and of at most %d octets, as danemilter/milter",
                  path, CHECK_SOCKET_MAX);
}

static void check_folders(struct check *c, const struct conf *conf, const struct check_at *at)
{
    if (strcmp(conf->state_dir, conf->run_dir) == 0)
        check_say(c, check_at(at, "run_dir", 0),
                  "run_dir is the same folder as state_dir: name one that a boot empties, as "
                  "/run/danemilter/main");
}

static void check_policy(struct check *c, struct conf *conf, const struct tree *top)
{
    struct conf_policy *p = &conf->policy;
    struct check_at at = {c, NULL, p->head.line, TABLE_POLICY};
    struct err err = ERR_INIT;
    if (tree_count(top, TABLE_POLICY) > 0)
        at.section = tree_section(top, TABLE_POLICY, 0);
    if (p->silence < 2 * p->poll)
        check_say(c, check_at(&at, "silence", 0),
                  "silence is shorter than two times poll: every wait would start again for "
                  "ever; raise silence");
    if (p->ttl_cap < p->floor)
        check_say(c, check_at(&at, "ttl_cap", 0), "ttl_cap is shorter than floor: raise ttl_cap");
    for (size_t i = 0; i < p->exempt.n && p->n_exempt_nets < CONF_NETS_MAX; i++) {
        if (names_net(p->exempt.items[i], &p->exempt_nets[p->n_exempt_nets], &err) == OUT_OK)
            p->n_exempt_nets++;
        else
            check_say(c, check_at(&at, "exempt", i), "exempt: %s", err.text);
    }
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
    check_accounts(c, conf, &at);
    check_socket(c, conf, &at);
    check_folders(c, conf, &at);
    check_policy(c, conf, c->tree);
    for (size_t i = 0; i < conf->n_acme; i++) {
        check_title(c, "acme", conf->acme[i].name, conf->acme[i].head.line);
        check_acme(c, &conf->acme[i], tree_section(c->tree, TABLE_ACME, i));
    }
    for (size_t i = 0; i < conf->n_dns; i++) {
        check_title(c, "dns", conf->dns[i].name, conf->dns[i].head.line);
        check_dns(c, &conf->dns[i], tree_section(c->tree, TABLE_DNS, i));
    }
    for (size_t i = 0; i < conf->n_certificates; i++) {
        check_title(c, "certificate", conf->certificates[i].name, conf->certificates[i].head.line);
        check_certificate(c, conf, i);
    }
    check_chain_files(c, conf);
    check_dns_shared(c, conf);
    peak_check(c, conf);
    if (!c->source->without_host)
        check_host(c, conf);
    if (c->problems == 0) {
        check_acme_unused(c, conf);
        check_dns_unused(c, conf);
    }
}
