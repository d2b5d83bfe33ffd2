/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* Where a value goes; the table's offsets are of members of the right type. */
static void *value_slot(void *section, const struct table_option *o)
{
    return (char *)section + o->offset;
}

static const void *value_slot_const(const void *section, const struct table_option *o)
{
    return (const char *)section + o->offset;
}

static char *value_copy(struct check *c, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        c->no_memory = true;
    return copy;
}

static enum outcome value_bool(const char *text, bool *out, struct err *err)
{
    static const char *const words[2][3] = {{"no", "false", "off"}, {"yes", "true", "on"}};
    for (int v = 0; v < 2; v++) {
        for (int i = 0; i < 3; i++) {
            if (strcmp(text, words[v][i]) == 0) {
                *out = v == 1;
                return OUT_OK;
            }
        }
    }
    return err_set(err, OUT_REFUSED, "\"%s\" is neither yes nor no", text);
}

static enum outcome value_word(const struct table_option *o, const char *text, int *out,
                               struct err *err)
{
    char known[256];
    struct text list;
    text_init(&list, known, sizeof known);
    for (const struct table_word *w = o->words; w->text != NULL; w++) {
        if (strcmp(text, w->text) == 0) {
            *out = w->value;
            return OUT_OK;
        }
        text_add(&list, "%s%s", w == o->words ? "" : ", ", w->text);
    }
    return err_set(err, OUT_REFUSED, "\"%s\" is unknown: use %s%s", text,
                   strchr(known, ',') == NULL ? "" : "one of ", known);
}

static enum outcome value_duration(const struct table_option *o, const char *text, int64_t *out,
                                   struct err *err)
{
    int64_t ms = 0;
    enum outcome res = text_duration(text, &ms, err);
    if (res != OUT_OK)
        return res;
    if (ms < o->min || ms > o->max) {
        char min[32];
        char max[32];
        text_print_duration(o->min, min, sizeof min);
        text_print_duration(o->max, max, sizeof max);
        return err_set(err, OUT_REFUSED, "\"%s\" is outside %s to %s", text, min, max);
    }
    *out = ms;
    return OUT_OK;
}

/* One value of any type but a list. */
static enum outcome value_set(struct check *c, const struct table_option *o, const char *text,
                              void *slot, struct err *err)
{
    if (strlen(text) > VALUE_TEXT_MAX)
        return err_set(err, OUT_REFUSED, "longer than %d octets", VALUE_TEXT_MAX);
    switch (o->type) {
    case TABLE_PATH:
        if (text[0] != '/' && text[0] != '\0')
            return err_set(err, OUT_REFUSED, "\"%s\" is not an absolute path: begin it with /",
                           text);
        /* fall through */
    case TABLE_TEXT:
        *(char **)slot = value_copy(c, text);
        return OUT_OK;
    case TABLE_WORD:
        return value_word(o, text, slot, err);
    case TABLE_NUMBER:
        return text_number(text, o->min, o->max, slot, err);
    case TABLE_BOOL:
        return value_bool(text, slot, err);
    case TABLE_DURATION:
        return value_duration(o, text, slot, err);
    case TABLE_LIST:
        break;
    }
    return err_set(err, OUT_BROKEN, "no value can be read here");
}

static void value_append(struct check *c, struct conf_list *list, const char *text)
{
    char **more = realloc(list->items, (list->n + 1) * sizeof *more);
    if (more == NULL) {
        c->no_memory = true;
        return;
    }
    list->items = more;
    list->items[list->n] = value_copy(c, text);
    if (list->items[list->n] != NULL)
        list->n++;
}

/* Lists whose items hold spaces have one item as default. */
static void value_default_list(struct check *c, const struct table_option *o, void *slot)
{
    if (o->def[0] != '\0')
        value_append(c, slot, o->def);
}

static void value_default(struct check *c, const struct table_option *o, void *slot)
{
    struct err err = ERR_INIT;
    if (o->def == NULL) /* required and missing: said already; keep later checks safe */
        (void)(o->type == TABLE_LIST ? OUT_OK : value_set(c, o, "", slot, &err));
    else if (o->type == TABLE_LIST)
        value_default_list(c, o, slot);
    else if (value_set(c, o, o->def, slot, &err) != OUT_OK)
        check_say(c, 0, "the built-in default of %s: %s", o->name, err.text);
}

static void value_list(struct check *c, const struct tree *section, const struct table_option *o,
                       size_t n, struct conf_list *list)
{
    int line = 0;
    for (size_t i = 0; i < n; i++) {
        const char *text = tree_value(section, o, i, &line);
        if (strlen(text) > VALUE_TEXT_MAX)
            check_say(c, line, "%s: longer than %d octets", o->name, VALUE_TEXT_MAX);
        else
            value_append(c, list, text);
    }
    if (n < (size_t)o->min || n > (size_t)o->max)
        check_say(c, line, "%s: %zu %s, but %" PRId64 " to %" PRId64 " are possible", o->name, n,
                  o->unit, o->min, o->max);
}

static void value_missing(struct check *c, const struct tree *section, enum table_section kind,
                          const struct table_option *o)
{
    const char *title = section == NULL ? NULL : tree_title(section);
    check_say(c, section == NULL ? 0 : tree_line(section), "%s%s%s%s has no \"%s\": add it (%s)",
              table_path(kind), title == NULL ? "" : " \"", title == NULL ? "" : title,
              title == NULL ? "" : "\"", o->name, o->brief);
}

void value_read_section(struct check *c, const struct tree *section, enum table_section kind,
                        void *to)
{
    size_t n = 0;
    const struct table_option *rows = table_of(kind, &n);
    struct conf_head *head = to;
    head->line = section == NULL ? 0 : tree_line(section);
    for (size_t i = 0; i < n; i++) {
        const struct table_option *o = &rows[i];
        struct tree_option given = {0, 0, false};
        if (section != NULL)
            tree_option(section, o, &given);
        if (given.n == 0) {
            if (o->required && section != NULL)
                value_missing(c, section, kind, o);
            value_default(c, o, value_slot(to, o));
            continue;
        }
        head->given |= UINT32_C(1) << i;
        int line = 0;
        const char *text = tree_value(section, o, 0, &line);
        if (given.again)
            check_say(c, line, "\"%s\" is given more than once, first on line %d: keep one",
                      o->name, given.first);
        struct err err = ERR_INIT;
        if (o->type == TABLE_LIST)
            value_list(c, section, o, given.n, value_slot(to, o));
        else if (value_set(c, o, text, value_slot(to, o), &err) != OUT_OK) {
            check_say(c, line, "%s: %s", o->name, err.text);
            value_default(c, o, value_slot(to, o));
        }
    }
}

void value_free_section(enum table_section kind, void *from)
{
    size_t n = 0;
    const struct table_option *rows = table_of(kind, &n);
    for (size_t i = 0; i < n; i++) {
        void *slot = value_slot(from, &rows[i]);
        if (rows[i].type == TABLE_TEXT || rows[i].type == TABLE_PATH) {
            free(*(char **)slot);
        } else if (rows[i].type == TABLE_LIST) {
            struct conf_list *list = slot;
            for (size_t k = 0; k < list->n; k++)
                free(list->items[k]);
            free(list->items);
        }
    }
}

/* In double quotes, or in single ones where ${ would be taken for a variable. */
static void value_quote(const char *text, struct text *out)
{
    char quote = strstr(text, "${") == NULL ? '"' : '\'';
    text_add(out, "%c", quote);
    for (const char *p = text; *p != '\0'; p++)
        text_add(out, *p == quote || *p == '\\' ? "\\%c" : "%c", *p);
    text_add(out, "%c", quote);
}

static void value_print_list(const struct conf_list *list, struct text *out)
{
    text_add(out, "{ ");
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0)
            text_add(out, ", ");
        value_quote(list->items[i], out);
    }
    text_add(out, " }");
}

void value_print(const struct table_option *o, const void *from, struct text *out)
{
    const void *slot = value_slot_const(from, o);
    char duration[32];
    switch (o->type) {
    case TABLE_TEXT:
    case TABLE_PATH:
        if ((*(char *const *)slot)[0] != '\0')
            value_quote(*(char *const *)slot, out);
        break;
    case TABLE_WORD:
        for (const struct table_word *w = o->words; w->text != NULL; w++) {
            if (w->value == *(const int *)slot)
                value_quote(w->text, out);
        }
        break;
    case TABLE_NUMBER:
        text_add(out, "%" PRId64, *(const int64_t *)slot);
        break;
    case TABLE_BOOL:
        text_add(out, "%s", *(const bool *)slot ? "yes" : "no");
        break;
    case TABLE_DURATION:
        text_print_duration(*(const int64_t *)slot, duration, sizeof duration);
        value_quote(duration, out);
        break;
    case TABLE_LIST:
        if (((const struct conf_list *)slot)->n > 0)
            value_print_list(slot, out);
        break;
    }
}

bool value_is_default(const struct table_option *o, const void *from)
{
    const void *slot = value_slot_const(from, o);
    const struct conf_list *list = slot;
    int64_t number = 0;
    int word = 0;
    bool yes = false;
    if (o->def == NULL)
        return false;
    switch (o->type) {
    case TABLE_TEXT:
    case TABLE_PATH:
        return strcmp(*(char *const *)slot, o->def) == 0;
    case TABLE_WORD:
        return value_word(o, o->def, &word, NULL) == OUT_OK && word == *(const int *)slot;
    case TABLE_NUMBER:
        return text_number(o->def, o->min, o->max, &number, NULL) == OUT_OK &&
               number == *(const int64_t *)slot;
    case TABLE_BOOL:
        return value_bool(o->def, &yes, NULL) == OUT_OK && yes == *(const bool *)slot;
    case TABLE_DURATION:
        return text_duration(o->def, &number, NULL) == OUT_OK && number == *(const int64_t *)slot;
    case TABLE_LIST:
        if (o->def[0] == '\0')
            return list->n == 0;
        return list->n == 1 && strcmp(list->items[0], o->def) == 0;
    }
    return false;
}

void value_print_default(const struct table_option *o, struct text *out)
{
    if (o->def == NULL || o->def[0] == '\0')
        return;
    if (o->type == TABLE_NUMBER || o->type == TABLE_BOOL)
        text_add(out, "%s", o->def);
    else if (o->type == TABLE_LIST)
        text_add(out, "{ \"%s\" }", o->def);
    else
        value_quote(o->def, out);
}
