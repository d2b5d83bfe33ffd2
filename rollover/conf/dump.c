/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "conf/value.h"

struct dump {
    FILE *out;
    enum conf_dump what;
    char value[VALUE_PRINT_MAX];
};

static void dump_line(struct dump *d, int depth, const struct table_option *o, const char *note)
{
    for (int i = 0; i < depth; i++)
        (void)fputs("    ", d->out);
    (void)fprintf(d->out, "%s%s = %s\n", note, o->name, d->value);
}

/* The options of one section that are to be shown. */
static void dump_options(struct dump *d, int depth, enum table_section kind, const void *from)
{
    size_t n = 0;
    const struct table_option *rows = table_of(kind, &n);
    const struct conf_head *head = from;
    for (size_t i = 0; i < n; i++) {
        struct text text;
        if (d->what == CONF_DUMP_GIVEN && (head->given >> i & 1) == 0)
            continue;
        text_init(&text, d->value, sizeof d->value);
        value_print(&rows[i], from, &text);
        if (text.len > 0)
            dump_line(d, depth, &rows[i], "");
    }
}

static bool dump_wanted(const struct dump *d, const void *section)
{
    return d->what == CONF_DUMP_ALL || ((const struct conf_head *)section)->line != 0;
}

static void dump_part(struct dump *d, int depth, enum table_section kind, const void *from)
{
    if (!dump_wanted(d, from))
        return;
    (void)fprintf(d->out, "%s%s {\n", depth == 0 ? "\n" : "    ", table_parts[kind].name);
    dump_options(d, depth + 1, kind, from);
    (void)fprintf(d->out, "%s}\n", depth == 0 ? "" : "    ");
}

static enum outcome dump_end(FILE *out, struct err *err)
{
    if (fflush(out) != 0 || ferror(out) != 0)
        return err_errno(err, "cannot write the configuration out");
    return OUT_OK;
}

enum outcome conf_dump(const struct conf *conf, enum conf_dump what, FILE *out, struct err *err)
{
    struct dump *d = malloc(sizeof *d);
    if (d == NULL)
        return err_set(err, OUT_BROKEN, "no memory to write the configuration out");
    d->out = out;
    d->what = what;
    dump_options(d, 0, TABLE_TOP, conf);
    dump_part(d, 0, TABLE_POLICY, &conf->policy);
    for (size_t i = 0; i < conf->n_dns; i++) {
        (void)fprintf(out, "\ndns \"%s\" {\n", conf->dns[i].name);
        dump_options(d, 1, TABLE_DNS, &conf->dns[i]);
        (void)fputs("}\n", out);
    }
    for (size_t i = 0; i < conf->n_certificates; i++) {
        const struct conf_certificate *cert = &conf->certificates[i];
        (void)fprintf(out, "\ncertificate \"%s\" {\n", cert->name);
        dump_options(d, 1, TABLE_CERTIFICATE, cert);
        dump_part(d, 1, TABLE_TLSA, &cert->tlsa);
        dump_part(d, 1, TABLE_RENEW, &cert->renew);
        dump_part(d, 1, TABLE_DEPLOY, &cert->deploy);
        (void)fputs("}\n", out);
    }
    free(d);
    return dump_end(out, err);
}

static void dump_defaults_of(struct dump *d, int depth, enum table_section kind)
{
    const struct table_part *part = &table_parts[kind];
    size_t n = 0;
    const struct table_option *rows = table_of(kind, &n);
    if (kind != TABLE_TOP)
        (void)fprintf(d->out, "\n# %s\n#%*s %s%s {\n", part->brief, 4 * (depth - 1), "", part->name,
                      part->titled ? " \"NAME\"" : "");
    for (size_t i = 0; i < n; i++) {
        struct text text;
        text_init(&text, d->value, sizeof d->value);
        value_print_default(&rows[i], &text);
        (void)fprintf(d->out, "#%*s %s = %-24s # %s\n", 4 * depth, "", rows[i].name,
                      rows[i].required ? "(required)"
                      : text.len == 0  ? "(none)"
                                       : d->value,
                      rows[i].brief);
    }
    for (enum table_section sub = TABLE_TOP + 1; sub < TABLE_SECTIONS; sub++) {
        if (table_parts[sub].parent == kind)
            dump_defaults_of(d, depth + 1, sub);
    }
    if (kind != TABLE_TOP)
        (void)fprintf(d->out, "#%*s }\n", 4 * (depth - 1), "");
}

enum outcome conf_dump_defaults(FILE *out, struct err *err)
{
    struct dump *d = malloc(sizeof *d);
    if (d == NULL)
        return err_set(err, OUT_BROKEN, "no memory to write the defaults out");
    d->out = out;
    d->what = CONF_DUMP_ALL;
    dump_defaults_of(d, 0, TABLE_TOP);
    free(d);
    return dump_end(out, err);
}
