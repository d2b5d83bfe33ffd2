/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * folder - a file that holds private keys, and the folder around it
 *
 * The path is walked from "/" one name at a time, so that no symbolic link anywhere in it is
 * followed, and each folder on the way must be safe from others: owned by root (or by the user
 * that we run as), writable by its owner alone; on the way, not at the end, a folder like /tmp
 * with the sticky bit will do. A file must be regular, with one name, of the same owners, and
 * closed to others. All work is then done relative to the open folder.
 *
 * Ownership: folder_open is ended by folder_close; texts by folder_text_free, which wipes them.
 * Threads: no state. Errors: OUT_REFUSED with a sentence on mending for what is not safe,
 * OUT_BROKEN for the disk.
 */
#ifndef DANEMILTER_POSTFIX_FOLDER_H
#define DANEMILTER_POSTFIX_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"

#define FOLDER_PATH_MAX 1024
#define FOLDER_NAME_MAX 200 /* of the file, so that suffixes fit behind it */

struct folder {
    int fd; /* of the folder */
    char path[FOLDER_PATH_MAX];
    char name[FOLDER_NAME_MAX]; /* of the file in it */
};

/* path: absolute, of a file that need not exist. */
enum outcome folder_open(const char *path, struct folder *out, struct err *err);
void folder_close(struct folder *folder);

/* name + suffix into a buffer that is large enough. */
void folder_name(const struct folder *folder, const char *suffix, char out[FOLDER_NAME_MAX + 32]);

/* Opens the file for reading after all checks; *fd is -1 and OUT_NOT_YET when there is none. */
enum outcome folder_file(const struct folder *folder, const char *name, int *fd, struct stat *info,
                         struct err *err);

struct folder_text {
    char *text; /* NUL behind it */
    size_t len;
};
enum outcome folder_read(const struct folder *folder, const char *name, int fd, size_t max,
                         struct folder_text *out, struct err *err);
void folder_text_free(struct folder_text *text);

/* A new file: mode 0600 from its first moment, then owner and mode of `like` unless NULL; written,
 * fsynced, closed. It is shredded again when this fails. */
enum outcome folder_create(const struct folder *folder, const char *name,
                           const struct folder_text *text, const struct stat *like,
                           struct err *err);

enum outcome folder_sync(const struct folder *folder, struct err *err);

/* Overwrites (as far as the file system does that in place), fsyncs and unlinks. Gone already is
 * OUT_OK. What is no regular file, or has other names, is unlinked only. Does not fsync the
 * folder. */
enum outcome folder_shred(const struct folder *folder, const char *name, struct err *err);

#endif
