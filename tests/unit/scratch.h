/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scratch - a folder for one test, and small files in it
 *
 * Functions end the test program when something fails. Texts are malloc()ed.
 */
#ifndef DANEMILTER_TESTS_SCRATCH_H
#define DANEMILTER_TESTS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SCRATCH_MAX 512

struct scratch {
    char dir[SCRATCH_MAX];  /* /tmp/..., mode 0700 */
    char path[SCRATCH_MAX]; /* of the last scratch_path */
};

void scratch_begin(struct scratch *scratch);
void scratch_end(struct scratch *scratch); /* removes all of it */

const char *scratch_path(struct scratch *scratch, const char *name); /* until the next call */
void scratch_write(struct scratch *scratch, const char *name, const char *text, mode_t mode);
char *scratch_read(struct scratch *scratch, const char *name); /* NULL: there is none */
void scratch_mkdir(struct scratch *scratch, const char *name, mode_t mode);
bool scratch_exists(struct scratch *scratch, const char *name);

size_t scratch_open_files(void); /* of this process */

#endif
