/* SPDX-License-Identifier: BSD-2-Clause */
/* Every option of a configuration, one by one, for those who print it. */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/value.h"

struct each {
    bool (*take)(void *self, const struct conf_item *item);
    void *self;
    bool go_on;
    char text[VALUE_PRINT_MAX];
    char plain[VALUE_TEXT_MAX + 1];
    char *only; /* the only item of a default list */
    struct err err;
};

static const char *each_section(enum table_section kind)
{
    enum table_section parent = table_parts[kind].parent;
    return parent == TABLE_TOP ? table_parts[kind].name : table_parts[parent].name;
}

static const char *each_part(enum table_section kind)
{
    return table_parts[kind].parent == TABLE_TOP ? "" : table_parts[kind].name;
}

static void each_value(struct each *e, const struct table_option *o, const void *from,
                       struct conf_item *item)
{
    const void *slot = (const char *)from + o->offset;
    switch (o->type) {
    case TABLE_TEXT:
    case TABLE_PATH:
        item->plain = *(char *const *)slot;
        break;
    case TABLE_WORD:
        for (const struct table_word *w = o->words; w->text != NULL; w++) {
            if (w->value == *(const int *)slot)
                item->plain = w->text;
        }
        break;
    case TABLE_DURATION:
        text_print_duration(*(const int64_t *)slot, e->plain, sizeof e->plain);
        item->plain = e->plain;
        break;
    case TABLE_NUMBER:
        item->form = CONF_FORM_NUMBER;
        item->number = *(const int64_t *)slot;
        break;
    case TABLE_BOOL:
        item->form = CONF_FORM_BOOL;
        item->yes = *(const bool *)slot;
        break;
    case TABLE_LIST:
        item->form = CONF_FORM_LIST;
        item->list = *(const struct conf_list *)slot;
        break;
    }
}

static void each_options(struct each *e, enum table_section kind, const char *title,
                         const void *from)
{
    size_t n = 0;
    const struct table_option *rows = table_of(kind, &n);
    const struct conf_head *head = from;
    for (size_t i = 0; i < n && e->go_on; i++) {
        struct text text;
        struct conf_item item = {.section = each_section(kind),
                                 .title = title,
                                 .part = each_part(kind),
                                 .name = rows[i].name,
                                 .brief = rows[i].brief,
                                 .required = rows[i].required,
                                 .given = (head->given >> i & 1) != 0,
                                 .text = e->text,
                                 .form = CONF_FORM_TEXT,
                                 .plain = ""};
        item.changed = !value_is_default(&rows[i], from);
        text_init(&text, e->text, sizeof e->text);
        value_print(&rows[i], from, &text);
        each_value(e, &rows[i], from, &item);
        e->go_on = e->take(e->self, &item);
    }
}

enum outcome conf_each(const struct conf *conf,
                       bool (*take)(void *self, const struct conf_item *item), void *self,
                       struct err *err)
{
    struct each *e = calloc(1, sizeof *e);
    if (e == NULL)
        return err_set(err, OUT_BROKEN, "no memory to show the configuration");
    e->take = take;
    e->self = self;
    e->go_on = true;
    each_options(e, TABLE_TOP, "", conf);
    each_options(e, TABLE_POLICY, "", &conf->policy);
    for (size_t i = 0; i < conf->n_acme; i++)
        each_options(e, TABLE_ACME, conf->acme[i].name, &conf->acme[i]);
    for (size_t i = 0; i < conf->n_dns; i++)
        each_options(e, TABLE_DNS, conf->dns[i].name, &conf->dns[i]);
    for (size_t i = 0; i < conf->n_certificates; i++) {
        const struct conf_certificate *cert = &conf->certificates[i];
        each_options(e, TABLE_CERTIFICATE, cert->name, cert);
        each_options(e, TABLE_TLSA, cert->name, &cert->tlsa);
        each_options(e, TABLE_RENEW, cert->name, &cert->renew);
        each_options(e, TABLE_DEPLOY, cert->name, &cert->deploy);
    }
    free(e);
    return OUT_OK;
}

static void each_default_value(struct each *e, const struct table_option *o, struct conf_item *item)
{
    const char *def = o->def == NULL ? "" : o->def;
    int64_t number = 0;
    (void)text_format(e->plain, sizeof e->plain, "%s", def);
    item->plain = e->plain;
    switch (o->type) {
    case TABLE_NUMBER:
        item->form = CONF_FORM_NUMBER;
        if (text_number(def, o->min, o->max, &number, &e->err) == OUT_OK)
            item->number = number;
        break;
    case TABLE_BOOL:
        item->form = CONF_FORM_BOOL;
        item->yes = strcmp(def, "yes") == 0;
        break;
    case TABLE_LIST:
        item->form = CONF_FORM_LIST;
        e->only = e->plain;
        item->list.items = &e->only;
        item->list.n = def[0] == '\0' ? 0 : 1;
        break;
    case TABLE_TEXT:
    case TABLE_PATH:
    case TABLE_WORD:
    case TABLE_DURATION:
        break;
    }
}

enum outcome conf_each_default(bool (*take)(void *self, const struct conf_item *item), void *self,
                               struct err *err)
{
    struct each *e = calloc(1, sizeof *e);
    bool go_on = true;
    if (e == NULL)
        return err_set(err, OUT_BROKEN, "no memory to show the defaults");
    for (size_t i = 0; i < table_n_options && go_on; i++) {
        const struct table_option *o = &table_options[i];
        const struct table_part *part = &table_parts[o->section];
        bool titled = part->titled || table_parts[part->parent].titled;
        struct text text;
        struct conf_item item = {.section = each_section(o->section),
                                 .title = titled ? "NAME" : "",
                                 .part = each_part(o->section),
                                 .name = o->name,
                                 .brief = o->brief,
                                 .required = o->required,
                                 .text = e->text};
        text_init(&text, e->text, sizeof e->text);
        value_print_default(o, &text);
        each_default_value(e, o, &item);
        go_on = take(self, &item);
    }
    free(e);
    return OUT_OK;
}
