/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/tree.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <confuse.h>

#include "base/text.h"
#include "conf/lex.h"

#define TREE_OPTIONS_MAX 32
#define TREE_BEGIN " begin" /* no file can name it */

/* What an option holds for each value. libConfuse keeps it as a pointer and frees it by
 * tree_drop(). */
struct tree_node {
    int line;
    char text[];
};

/* struct tree is libConfuse's cfg_t under a name of ours. */
static cfg_t *tree_cfg(const struct tree *tree)
{
    return (cfg_t *)(uintptr_t)tree; /* libConfuse's getters take no const */
}

static int tree_take(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    size_t len = strlen(value);
    struct tree_node *node = malloc(sizeof *node + len + 1);
    if (node == NULL) {
        cfg_error(cfg, "no memory for the value of '%s'", opt->name);
        return -1;
    }
    node->line = cfg->line;
    memcpy(node->text, value, len + 1);
    /* The first value of an assignment: libConfuse has dropped those of an earlier one. A default
     * of this type is not used otherwise: its number is the first line, its boolean says that
     * the option was given again. */
    if (opt->nvalues == 1) {
        if (opt->def.number != 0)
            opt->def.boolean = cfg_true;
        else
            opt->def.number = cfg->line;
    }
    *(struct tree_node **)result = node;
    return 0;
}

static void tree_drop(void *value)
{
    free(value);
}

/* What libConfuse's messages leave unsaid. */
static const struct {
    const char *begins;
    const char *hint;
} tree_hints[] = {
    {"no such option", "look for a misspelling, a missing section, or a value with a space that "
                       "needs quotes"},
    {"missing equal sign", "write NAME = VALUE"},
    {"premature end of file", "a closing brace or a value is missing"},
    {"unexpected closing brace", "there is one too many, or an opening one is missing"},
    {"missing title", "write the title in quotes after the section's name"},
    {"missing opening brace", "a section is NAME { ... } or NAME \"title\" { ... }"},
    {"found duplicate title", "give each section a title of its own"},
    {"unexpected token", "a value with signs or spaces needs quotes, a list has commas"},
};

/* libConfuse gives its error function no context but the section it was reading, so the message
 * waits in that section's comment, which is not used otherwise. */
static void ERR_PRINTF(2, 0) tree_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    char text[512];
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    for (char *p = text; *p != '\0'; p++) {
        if (*p == '\'')
            *p = '"';
    }
    struct text full;
    char buf[768];
    text_init(&full, buf, sizeof buf);
    text_add(&full, "%s", text);
    for (size_t i = 0; i < sizeof tree_hints / sizeof tree_hints[0]; i++) {
        if (strncmp(text, tree_hints[i].begins, strlen(tree_hints[i].begins)) == 0)
            text_add(&full, ": %s", tree_hints[i].hint);
    }
    if (cfg->comment == NULL)
        cfg->comment = strdup(buf);
}

/* The deepest section with a message is the one where reading stopped. */
static const cfg_t *tree_find_error(const cfg_t *cfg)
{
    for (const cfg_opt_t *opt = cfg->opts; opt != NULL && opt->name != NULL; opt++) {
        for (unsigned i = 0; opt->type == CFGT_SEC && i < opt->nvalues; i++) {
            const cfg_t *found = tree_find_error(opt->values[i]->section);
            if (found != NULL)
                return found;
        }
    }
    return cfg->comment != NULL ? cfg : NULL;
}

/* libConfuse's own tables, made from ours; it copies them. */
struct tree_tables {
    cfg_opt_t opts[TABLE_SECTIONS][TREE_OPTIONS_MAX];
    char begin[2];
};

static void tree_table(struct tree_tables *t, enum table_section kind)
{
    cfg_opt_t *next = t->opts[kind];
    size_t n = 0;
    const struct table_option *rows = table_of(kind, &n);
    for (size_t i = 0; i < n; i++)
        *next++ = (cfg_opt_t){.name = rows[i].name,
                              .type = CFGT_PTR,
                              .flags = CFGF_NODEFAULT |
                                       (rows[i].type == TABLE_LIST ? CFGF_LIST : CFGF_NONE),
                              .parsecb = tree_take,
                              .freecb = tree_drop};
    for (enum table_section sub = TABLE_TOP + 1; sub < TABLE_SECTIONS; sub++) {
        if (table_parts[sub].parent != kind)
            continue;
        *next++ = (cfg_opt_t){
            .name = table_parts[sub].name,
            .type = CFGT_SEC,
            .flags = CFGF_MULTI | CFGF_NODEFAULT |
                     (table_parts[sub].titled ? CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE),
            .subopts = t->opts[sub]};
    }
    /* A default that is taken the moment the section begins: it remembers that line. */
    if (kind != TABLE_TOP)
        *next++ = (cfg_opt_t){.name = TREE_BEGIN,
                              .type = CFGT_PTR,
                              .def = {.parsed = t->begin},
                              .parsecb = tree_take,
                              .freecb = tree_drop};
    *next = (cfg_opt_t){.name = NULL, .type = CFGT_NONE};
}

static cfg_t *tree_init(const char *file)
{
    struct tree_tables *t = calloc(1, sizeof *t);
    cfg_t *cfg = NULL;
    if (t == NULL)
        return NULL;
    t->begin[0] = 'x';
    for (int kind = TABLE_SECTIONS - 1; kind >= 0; kind--)
        tree_table(t, (enum table_section)kind);
    cfg = cfg_init(t->opts[TABLE_TOP], CFGF_NONE);
    free(t);
    if (cfg == NULL)
        return NULL;
    (void)cfg_set_error_function(cfg, tree_error);
    cfg->filename = strdup(file);
    if (cfg->filename == NULL) {
        (void)cfg_free(cfg);
        return NULL;
    }
    return cfg;
}

enum outcome tree_parse(const char *file, char *text, size_t len, struct tree **out,
                        struct err *err)
{
    enum outcome res = lex_clean(file, text, len, err);
    if (res != OUT_OK)
        return res;
    cfg_t *cfg = tree_init(file);
    if (cfg == NULL)
        return err_set(err, OUT_BROKEN, "no memory to read %s", file);
    FILE *in = len == 0 ? NULL : fmemopen(text, len, "r");
    if (in == NULL && len != 0) {
        (void)cfg_free(cfg);
        return err_errno(err, "cannot read %s from memory", file);
    }
    if (in != NULL && cfg_parse_fp(cfg, in) != CFG_SUCCESS) {
        const cfg_t *at = tree_find_error(cfg);
        res = err_set(err, OUT_REFUSED, "%s:%d: %s", file, at == NULL ? cfg->line : at->line,
                      at == NULL ? "cannot be read" : at->comment);
    }
    if (in != NULL)
        (void)fclose(in);
    if (res != OUT_OK)
        (void)cfg_free(cfg);
    else
        *out = (struct tree *)cfg;
    return res;
}

void tree_free(struct tree **tree)
{
    if (*tree != NULL)
        (void)cfg_free(tree_cfg(*tree));
    *tree = NULL;
}

size_t tree_count(const struct tree *tree, enum table_section kind)
{
    return cfg_size(tree_cfg(tree), table_parts[kind].name);
}

const struct tree *tree_section(const struct tree *tree, enum table_section kind, size_t i)
{
    return (const struct tree *)cfg_getnsec(tree_cfg(tree), table_parts[kind].name, (unsigned)i);
}

const char *tree_title(const struct tree *section)
{
    return cfg_title(tree_cfg(section));
}

static const struct tree_node *tree_node(const struct tree *section, const char *name, size_t i)
{
    return cfg_getnptr(tree_cfg(section), name, (unsigned)i);
}

int tree_line(const struct tree *section)
{
    cfg_t *cfg = tree_cfg(section);
    return strcmp(cfg_name(cfg), "root") == 0 ? 1 : tree_node(section, TREE_BEGIN, 0)->line;
}

void tree_option(const struct tree *section, const struct table_option *option,
                 struct tree_option *out)
{
    const cfg_opt_t *opt = cfg_getopt(tree_cfg(section), option->name);
    out->n = opt->nvalues;
    out->first = (int)opt->def.number;
    out->again = opt->def.boolean == cfg_true;
}

const char *tree_value(const struct tree *section, const struct table_option *option, size_t i,
                       int *line)
{
    const struct tree_node *node = tree_node(section, option->name, i);
    *line = node->line;
    return node->text;
}
