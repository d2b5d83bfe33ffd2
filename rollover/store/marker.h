/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * marker - how far the state had come, kept outside of it: RUN_DIR/seq (see store.h)
 *
 * One line, "ID SEQ\n", of fixed length, written in place: it needs to survive a crash of ours, not
 * of the machine. Private to rollover/store.
 */
#ifndef DANEMILTER_STORE_MARKER_H
#define DANEMILTER_STORE_MARKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define MARKER_ID_LEN 32 /* hexadecimal digits */

struct marker {
    int fd; /* -1: not open */
    char path[1100];
};

/* Makes it when it is missing. `*ahead`: it names another database, a later seq, or is not
 * readable as a marker. */
enum outcome marker_open(const char *run_dir, const char *name, const char *id, int64_t seq,
                         struct marker *out, bool *ahead, struct err *err);
enum outcome marker_write(const struct marker *marker, const char *id, int64_t seq,
                          struct err *err);
void marker_close(struct marker *marker);

#endif
