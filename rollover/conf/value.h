/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value - text into typed values and back, by the table
 *
 * Private to rollover/conf. What is read into a section's struct belongs to it and is freed by
 * value_free.
 */
#ifndef DANEMILTER_CONF_VALUE_H
#define DANEMILTER_CONF_VALUE_H

#include <stddef.h>

#include "base/text.h"
#include "conf/check.h"

#define VALUE_TEXT_MAX 1023 /* octets of one value */
#define VALUE_PRINT_MAX 65536

/* Reads every option of a section, from the file or from its default, into the struct at `to`.
 * `section` may be NULL: all defaults. Says what is wrong, misses or comes twice. */
void value_read_section(struct check *c, const struct tree *section, enum table_section kind,
                        void *to);

/* Frees the values in the struct at `from`. */
void value_free_section(enum table_section kind, void *from);

/* The value as the file would have it; an empty text when it is empty. */
void value_print(const struct table_option *option, const void *from, struct text *out);
/* Is the value the default? Never for an option that is required. */
bool value_is_default(const struct table_option *option, const void *from);
/* The default likewise. */
void value_print_default(const struct table_option *option, struct text *out);

#endif
