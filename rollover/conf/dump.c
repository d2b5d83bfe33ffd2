/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "conf/value.h"

struct dump {
    FILE *out;
    char value[VALUE_PRINT_MAX];
};

static enum outcome dump_end(FILE *out, struct err *err)
{
    if (fflush(out) != 0 || ferror(out) != 0)
        return err_errno(err, "cannot write the configuration out");
    return OUT_OK;
}

/* Where the last option stood; a section begins when another one follows. */
struct dump_place {
    FILE *out;
    enum conf_dump what;
    char section[32];
    char title[CONF_TITLE_MAX + 1];
    char part[32];
};

static void dump_close(struct dump_place *p)
{
    if (p->part[0] != '\0')
        (void)fputs("    }\n", p->out);
    if (p->section[0] != '\0')
        (void)fputs("}\n", p->out);
}

static void dump_move(struct dump_place *p, const struct conf_item *item)
{
    bool same = strcmp(p->section, item->section) == 0 && strcmp(p->title, item->title) == 0;
    if (same && strcmp(p->part, item->part) == 0)
        return;
    if (same && p->part[0] != '\0')
        (void)fputs("    }\n", p->out);
    if (!same) {
        dump_close(p);
        (void)fprintf(p->out, "\n%s", item->section);
        if (item->title[0] != '\0')
            (void)fprintf(p->out, " \"%s\"", item->title);
        (void)fputs(" {\n", p->out);
    }
    if (item->part[0] != '\0')
        (void)fprintf(p->out, "    %s {\n", item->part);
    (void)text_format(p->section, sizeof p->section, "%s", item->section);
    (void)text_format(p->title, sizeof p->title, "%s", item->title);
    (void)text_format(p->part, sizeof p->part, "%s", item->part);
}

static bool dump_item(void *self, const struct conf_item *item)
{
    struct dump_place *p = self;
    if (p->what == CONF_DUMP_GIVEN && !item->given)
        return true;
    if (p->what == CONF_DUMP_CHANGED && !item->changed)
        return true;
    if (item->text[0] == '\0' && (!item->given || !item->changed))
        return true; /* empty by default */
    dump_move(p, item);
    const char *depth = item->part[0] != '\0' ? "        " : item->section[0] != '\0' ? "    " : "";
    (void)fprintf(p->out, "%s%s = %s\n", depth, item->name,
                  item->text[0] == '\0' ? "\"\"" : item->text);
    return true;
}

enum outcome conf_dump(const struct conf *conf, enum conf_dump what, FILE *out, struct err *err)
{
    struct dump_place place = {.out = out, .what = what};
    enum outcome res = conf_each(conf, dump_item, &place, err);
    if (res != OUT_OK)
        return res;
    dump_close(&place);
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
    dump_defaults_of(d, 0, TABLE_TOP);
    free(d);
    return dump_end(out, err);
}
