/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lex - looks at the text before libConfuse does (see conf.h for its traps)
 *
 * Blanks comments (line breaks stay, so that line numbers are right), and refuses what libConfuse
 * would pass over or misread: control characters, a string, comment or brace that does not end, a
 * string over a line break, ${...}, an empty list (libConfuse forgets that it was given), and
 * outside quotes anything but letters, digits, `_ . : / @ % - [ ]` and the signs = { } and comma. A
 * comment is # or // to the end of the line, or C's; // and the C form only where a word could
 * begin.
 *
 * Private to rollover/conf. Works in place. Threads: no state.
 */
#ifndef DANEMILTER_CONF_LEX_H
#define DANEMILTER_CONF_LEX_H

#include <stddef.h>

#include "base/err.h"

/* OUT_REFUSED: "FILE:LINE: what". */
enum outcome lex_clean(const char *file, char *text, size_t len, struct err *err);

#endif
