/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * note - the form of our durable notes: lines of a word and the rest
 *
 * A note that cannot be read (cut, of another version) is as none: what it held is asked of the CA
 * or begun anew; that costs time, never a certificate. Threads: no state.
 */
#ifndef DANEMILTER_ACME_NOTE_H
#define DANEMILTER_ACME_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/acme.h"
#include "base/text.h"

#define NOTE_WORD_MAX 32

/* "acme/TITLE/WHAT[/ID in hex]" of a note; id may be NULL. */
enum outcome note_get(const struct acme_config *config, const struct acme_ports *ports,
                      const char *what, const uint8_t *id, char out[PORT_NOTE_MAX],
                      struct err *err);
/* text NULL: forgets it. */
enum outcome note_put(const struct acme_config *config, const struct acme_ports *ports,
                      const char *what, const uint8_t *id, const char *text, struct err *err);

/* The next line: its word, and the rest (points into the text, `len` octets). false: no more. */
bool note_line(const char **at, char word[NOTE_WORD_MAX], const char **rest, size_t *len);
/* The rest of a line as a string; false when it does not fit. */
bool note_copy(const char *rest, size_t len, char *out, size_t size);
bool note_number(const char *rest, size_t len, int64_t *out);

#endif
