/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table - the one table of options
 *
 * Each row says all there is to know of an option; parser, defaults, range checks, dump and manual
 * page are loops over it. Sections are rows of a table too. To add an option: one row here, one
 * member in conf.h.
 *
 * Private to rollover/conf. Constant data; any thread.
 */
#ifndef DANEMILTER_CONF_TABLE_H
#define DANEMILTER_CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_section {
    TABLE_TOP,
    TABLE_POLICY,
    TABLE_ACME,
    TABLE_DNS,
    TABLE_CERTIFICATE,
    TABLE_TLSA,
    TABLE_RENEW,
    TABLE_DEPLOY,
    TABLE_SECTIONS
};

/* How a value is written, and what it becomes in the section's struct. */
enum table_type {
    TABLE_TEXT,     /* char * */
    TABLE_PATH,     /* char *; absolute */
    TABLE_WORD,     /* int; one of `words` */
    TABLE_NUMBER,   /* int64_t */
    TABLE_BOOL,     /* bool; "yes" or "no", "true" or "false" */
    TABLE_DURATION, /* int64_t, milliseconds */
    TABLE_LIST      /* struct conf_list; min..max items */
};

struct table_word {
    const char *text;
    int value;
};

struct table_option {
    enum table_section section;
    const char *name;
    enum table_type type;
    bool required;
    const char *def;  /* as in the file; of a list: its only item, or ""; NULL if required */
    int64_t min, max; /* NUMBER; DURATION in ms; LIST: how many items */
    const char *unit; /* for people, or NULL */
    const struct table_word *words; /* WORD: ends with text NULL */
    size_t offset;                  /* of the value in the section's struct */
    const char *brief;              /* one line */
    const char *help;               /* the manual page's paragraph, plain text */
};

struct table_part {
    const char *name; /* as in the file; "" for the top */
    enum table_section parent;
    bool titled;   /* name "title" { }, any number of them; else at most once */
    bool required; /* at least one */
    size_t size;   /* of its struct */
    size_t offset; /* untitled: of its struct in the parent's */
    const char *brief;
    const char *help;
};

extern const struct table_part table_parts[TABLE_SECTIONS];

/* All options, those of a section side by side. */
extern const struct table_option table_options[];
extern const size_t table_n_options;

/* The options of one section: `*n` rows from the one returned. */
const struct table_option *table_of(enum table_section section, size_t *n);

/* "certificate.tlsa", for texts; "" for the top. */
const char *table_path(enum table_section section);

#endif
