/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of options for danemilter.conf(5), in mdoc(7). */
#include "conf/conf.h"

#include <ctype.h>
#include <string.h>

#include "conf/value.h"

#define MDOC_LINE 56 /* a line is broken at the next space behind it */

/* One character, escaped. */
static size_t mdoc_char(FILE *out, char c, bool begin)
{
    const char *escaped = c == '\\' ? "\\e" : c == '"' ? "\\(dq" : c == '-' ? "\\-" : NULL;
    if (begin && (c == '.' || c == '\''))
        (void)fputs("\\&", out);
    if (escaped == NULL) {
        (void)fputc(c, out);
        return 1;
    }
    (void)fputs(escaped, out);
    return strlen(escaped);
}

/* Plain text as text lines: a sentence ends its line, and so does a word when the line is long; a
 * backslash and a dot or quote at the beginning of a line are escaped. */
static void mdoc_text(FILE *out, const char *text)
{
    size_t line = 0;
    for (const char *p = text; *p != '\0'; p++) {
        bool sentence =
            *p == ' ' && p > text && strchr(".:?", p[-1]) != NULL && isupper((unsigned char)p[1]);
        if (sentence || (*p == ' ' && line > MDOC_LINE)) {
            (void)fputc('\n', out);
            line = 0;
        } else {
            line += mdoc_char(out, *p, line == 0);
        }
    }
    (void)fputc('\n', out);
}

/* "briefly said" -> "Briefly said." */
static void mdoc_sentence(FILE *out, const char *text)
{
    char line[256];
    if (!text_format(line, sizeof line, "%s.", text))
        return;
    line[0] = (char)toupper((unsigned char)line[0]);
    mdoc_text(out, line);
}

static const char *mdoc_form(const struct table_option *o)
{
    switch (o->type) {
    case TABLE_TEXT:
        return "text";
    case TABLE_PATH:
        return "path";
    case TABLE_WORD:
        return "word";
    case TABLE_NUMBER:
        return o->unit;
    case TABLE_BOOL:
        return "yes | no";
    case TABLE_DURATION:
        return "duration";
    case TABLE_LIST:
        return "{ text , ... }";
    }
    return "text";
}

static void mdoc_facts(FILE *out, const struct table_option *o)
{
    char buf[512];
    struct text text;
    text_init(&text, buf, sizeof buf);
    if (o->required) {
        text_add(&text, "Required.");
    } else {
        char def[256];
        struct text value;
        text_init(&value, def, sizeof def);
        value_print_default(o, &value);
        text_add(&text, "Default: %s.", value.len == 0 ? "none" : def);
    }
    if (o->type == TABLE_DURATION) {
        char min[32];
        char max[32];
        text_print_duration(o->min, min, sizeof min);
        text_print_duration(o->max, max, sizeof max);
        text_add(&text, " Range: %s to %s.", min, max);
    } else if (o->type == TABLE_NUMBER) {
        text_add(&text, " Range: %lld to %lld %s.", (long long)o->min, (long long)o->max, o->unit);
    } else if (o->type == TABLE_LIST) {
        text_add(&text, " At most %lld %s.", (long long)o->max, o->unit);
    }
    mdoc_text(out, buf);
}

static void mdoc_section(FILE *out, enum table_section kind)
{
    const struct table_part *part = &table_parts[kind];
    size_t n = 0;
    const struct table_option *rows = table_of(kind, &n);
    const char *path = table_path(kind);
    if (kind == TABLE_TOP)
        (void)fputs(".Ss Outside of any section\n", out);
    else
        (void)fprintf(out, ".Ss In the section %s%s\n", path,
                      part->titled ? " \\(dqNAME\\(dq" : "");
    mdoc_sentence(out, part->brief);
    if (part->help != NULL)
        mdoc_text(out, part->help);
    (void)fputs(".Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < n; i++) {
        (void)fprintf(out, ".It Ic %s No = Ar %s\n", rows[i].name, mdoc_form(&rows[i]));
        mdoc_sentence(out, rows[i].brief);
        if (rows[i].help != NULL)
            mdoc_text(out, rows[i].help);
        mdoc_facts(out, &rows[i]);
    }
    (void)fputs(".El\n", out);
}

enum outcome conf_mdoc(FILE *out, struct err *err)
{
    for (enum table_section kind = TABLE_TOP; kind < TABLE_SECTIONS; kind++)
        mdoc_section(out, kind);
    if (fflush(out) != 0 || ferror(out) != 0)
        return err_errno(err, "cannot write the manual page");
    return OUT_OK;
}
