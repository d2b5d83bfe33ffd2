/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree - a configuration file as it was written: sections, options, values, lines
 *
 * The only face of libConfuse in this project. Every value is text here; types are judged later
 * (value.h), so that all errors of that kind come in one run. What libConfuse hides is kept: the
 * line of each value and of each section's beginning, and whether an option was given twice.
 *
 * Private to rollover/conf. Ownership: tree_free ends the tree; everything that functions return
 * belongs to it. Threads: tree_parse from one thread at a time in the whole process.
 */
#ifndef DANEMILTER_CONF_TREE_H
#define DANEMILTER_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/table.h"

/* A section; the top is one. */
struct tree;

/* An option of a section. */
struct tree_option {
    size_t n;   /* values; 0 = not given */
    int first;  /* line where it was given first */
    bool again; /* given more than once; the values are the last ones */
};

/* `text` is changed. OUT_REFUSED: "FILE:LINE: what" for the first syntax error. */
enum outcome tree_parse(const char *file, char *text, size_t len, struct tree **out,
                        struct err *err);
void tree_free(struct tree **tree);

/* Sections of one kind below `tree`. */
size_t tree_count(const struct tree *tree, enum table_section kind);
const struct tree *tree_section(const struct tree *tree, enum table_section kind, size_t i);

const char *tree_title(const struct tree *section); /* NULL for untitled ones */
int tree_line(const struct tree *section);

void tree_option(const struct tree *section, const struct table_option *option,
                 struct tree_option *out);
const char *tree_value(const struct tree *section, const struct table_option *option, size_t i,
                       int *line);

#endif
