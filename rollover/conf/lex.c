/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/lex.h"

#include <stdbool.h>
#include <string.h>

#define LEX_DEPTH_MAX 8

struct lex {
    const char *file;
    char *text;
    size_t len, at;
    int line;
    char before[2];          /* the last two signs, or 'x' for a word or string */
    int open[LEX_DEPTH_MAX]; /* lines of the braces that are open */
    size_t depth;
    struct err *err;
};

static enum outcome lex_no(const struct lex *l, const char *why)
{
    return err_set(l->err, OUT_REFUSED, "%s:%d: %s", l->file, l->line, why);
}

static void lex_saw(struct lex *l, char sign)
{
    l->before[0] = l->before[1];
    l->before[1] = sign;
}

static char lex_at(const struct lex *l, size_t ahead)
{
    return l->at + ahead < l->len ? l->text[l->at + ahead] : '\0';
}

static void lex_blank_line(struct lex *l)
{
    while (l->at < l->len && l->text[l->at] != '\n')
        l->text[l->at++] = ' ';
}

static enum outcome lex_blank_block(struct lex *l)
{
    int begin = l->line;
    for (; l->at < l->len; l->at++) {
        if (lex_at(l, 0) == '*' && lex_at(l, 1) == '/') {
            l->text[l->at] = ' ';
            l->text[l->at + 1] = ' ';
            l->at += 2;
            return OUT_OK;
        }
        if (l->text[l->at] == '\n')
            l->line++;
        else
            l->text[l->at] = ' ';
    }
    l->line = begin;
    return lex_no(l, "this comment does not end: close it with */");
}

/* at: on the opening quote. */
static enum outcome lex_string(struct lex *l)
{
    char quote = l->text[l->at++];
    for (; l->at < l->len && l->text[l->at] != '\n'; l->at++) {
        char c = l->text[l->at];
        if (c == quote) {
            l->at++;
            lex_saw(l, 'x');
            return OUT_OK;
        }
        if (quote == '"' && c == '$' && lex_at(l, 1) == '{')
            return lex_no(l, "variables of the environment are not expanded: write the value, or "
                             "put ${ into single quotes");
        if (c != '\\')
            continue;
        char next = lex_at(l, 1);
        if (next != '\\' && next != quote)
            return lex_no(l, "after a backslash there can only be a backslash or the quote: write "
                             "\\\\ for one backslash");
        l->at++;
    }
    return lex_no(l, quote == '"' ? "this string does not end on its line: a \" is missing"
                                  : "this string does not end on its line: a ' is missing");
}

static bool lex_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_.:/@%-[]", c) != NULL);
}

static enum outcome lex_sign(struct lex *l)
{
    char c = l->text[l->at];
    if (c == '}' && l->before[0] == '=' && l->before[1] == '{')
        return lex_no(l, "an empty list: leave the option out");
    if (c == '{' && l->depth == LEX_DEPTH_MAX)
        return lex_no(l, "too many open braces");
    if (c == '{')
        l->open[l->depth++] = l->line;
    else if (c == '}' && l->depth > 0)
        l->depth--; /* one too many: libConfuse says so */
    lex_saw(l, c);
    l->at++;
    return OUT_OK;
}

/* A word without quotes, or a sign. */
static enum outcome lex_word(struct lex *l)
{
    char c = l->text[l->at];
    if (strchr("={},", c) != NULL)
        return lex_sign(l);
    if (!lex_plain(c)) {
        char why[96] = "\"?\" cannot stand here: put the value into quotes, or begin a comment "
                       "with #";
        if (c == ';')
            return lex_no(l, "\";\" cannot stand here: a line ends without one");
        if (c == '+')
            return lex_no(l, "\"+\" cannot stand here: give the whole list with =");
        if ((unsigned char)c >= 0x80)
            return lex_no(l, "only ASCII can stand outside quotes and comments");
        why[1] = c;
        return lex_no(l, why);
    }
    while (l->at < l->len && lex_plain(l->text[l->at]))
        l->at++;
    lex_saw(l, 'x');
    return OUT_OK;
}

static enum outcome lex_control(struct lex *l)
{
    for (size_t i = 0; i < l->len; i++) {
        unsigned char c = (unsigned char)l->text[i];
        if (c == '\n')
            l->line++;
        else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
            return err_set(l->err, OUT_REFUSED,
                           "%s:%d: a control character (code %u): this must be a text file",
                           l->file, l->line, (unsigned)c);
    }
    l->line = 1;
    return OUT_OK;
}

static enum outcome lex_next(struct lex *l)
{
    char c = l->text[l->at];
    if (c == '\n') {
        l->line++;
        l->at++;
        return OUT_OK;
    }
    if (c == '\r' && lex_at(l, 1) != '\n')
        return lex_no(l, "a carriage return inside a line");
    if (c == ' ' || c == '\t' || c == '\r') {
        l->text[l->at++] = ' ';
        return OUT_OK;
    }
    if (c == '#' || (c == '/' && lex_at(l, 1) == '/')) {
        lex_blank_line(l);
        return OUT_OK;
    }
    if (c == '/' && lex_at(l, 1) == '*') {
        l->text[l->at] = ' ';
        l->text[l->at + 1] = ' ';
        l->at += 2;
        return lex_blank_block(l);
    }
    return c == '"' || c == '\'' ? lex_string(l) : lex_word(l);
}

enum outcome lex_clean(const char *file, char *text, size_t len, struct err *err)
{
    struct lex l = {.file = file, .text = text, .len = len, .at = 0, .line = 1, .err = err};
    enum outcome out = lex_control(&l);
    while (out == OUT_OK && l.at < l.len)
        out = lex_next(&l);
    if (out == OUT_OK && l.depth > 0) {
        l.line = l.open[l.depth - 1];
        out = lex_no(&l, "this { is not closed: a } is missing");
    }
    return out;
}
