/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file - files that must be there after a power cut, and files that must not be somebody else's
 *
 * Folders are opened component by component. A symbolic link anywhere in the path, a component
 * that belongs to neither root nor us, or one that others may write (sticky folders such as /tmp
 * excepted) is refused: whoever could change the path could choose the file (safety.md rows 54,
 * 55). Files are opened below an open folder, without following links; a file with more than one
 * name (hard link) is refused. Everything is opened with O_CLOEXEC.
 *
 * Writing: the new content goes to NAME.new in the same folder, is fsynced and renamed, and the
 * folder is fsynced; until then the old file is untouched. One writer for each name at a time: the
 * temporary name is fixed, so that a crash leaves at most one and the next writer takes it away.
 * After OUT_OK the content survives a power cut as far as the disk keeps its promises.
 *
 * Outcomes: OUT_NOT_YET - there is no such file or folder (nothing else gives this one).
 * OUT_REFUSED - a link, a wrong type, owner or mode, or more content than allowed; the text says
 * how to mend it. OUT_BROKEN - the system said no: disk full, read-only, I/O error, permissions.
 * Texts name the whole path.
 *
 * Ownership: what a function gives out in `data` is malloc()ed, ends with a NUL that `len` does not
 * count, and is freed by the caller, who wipes it first when it is a secret (text_wipe). Threads:
 * no state of its own; a folder may be used by several threads.
 */
#ifndef DANEMILTER_BASE_FILE_H
#define DANEMILTER_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define FILE_PATH_MAX 1024

/* What a file must be, beside a plain file with one name that belongs to root, to us, or to
 * `owner`. */
enum file_mode_rule {
    FILE_ANY_READER,   /* group and others may read it, not write it */
    FILE_GROUP_READER, /* nothing for others; the group may read: root:danemilter 0640 */
    FILE_PRIVATE       /* nothing for group and others */
};

#define FILE_NO_OWNER ((uid_t)-1)

struct file_rule {
    enum file_mode_rule mode;
    uid_t owner; /* may own it too; FILE_NO_OWNER: nobody else */
};

struct file_folder {
    int fd; /* -1: not open */
    char path[FILE_PATH_MAX];
};

/* The rule's mode is for the last component: FILE_PRIVATE and FILE_GROUP_READER as for files,
 * FILE_ANY_READER is not writable by group and others. A relative path starts at the working
 * directory, which is not judged. */
enum outcome file_folder_open(const char *path, struct file_rule rule, struct file_folder *out,
                              struct err *err);
/* The same for a FILE_PRIVATE folder, making it with mode 0700 when it is missing (its parent must
 * be there) and fsyncing the parent. */
enum outcome file_folder_make(const char *path, uid_t owner, struct file_folder *out,
                              struct err *err);
enum outcome file_folder_sync(const struct file_folder *folder, struct err *err);
void file_folder_close(struct file_folder *folder);

/* For reading; the caller closes the descriptor. */
enum outcome file_open_at(const struct file_folder *folder, const char *name, struct file_rule rule,
                          int *fd, struct err *err);
/* Content of at most `max` octets. */
enum outcome file_read_at(const struct file_folder *folder, const char *name, struct file_rule rule,
                          size_t max, char **data, size_t *len, struct err *err);
/* As file_read_at, folder and name in one path. */
enum outcome file_read(const char *path, struct file_rule rule, size_t max, char **data,
                       size_t *len, struct err *err);

/* The two halves of writing, for those who look at the new file before it counts: NAME.new is
 * complete and fsynced after file_stage_at (and gone again if that fails); file_commit_at renames
 * and fsyncs the folder. If the fsync of the folder fails, the rename has happened but may not
 * survive a power cut: the outcome is OUT_BROKEN and the text says so. */
enum outcome file_stage_at(const struct file_folder *folder, const char *name, mode_t mode,
                           const char *data, size_t len, struct err *err);
enum outcome file_commit_at(const struct file_folder *folder, const char *name, struct err *err);
enum outcome file_unstage_at(const struct file_folder *folder, const char *name, struct err *err);

/* Both halves. */
enum outcome file_write_at(const struct file_folder *folder, const char *name, mode_t mode,
                           const char *data, size_t len, struct err *err);

/* Unlinks and fsyncs the folder. Gone already is OUT_OK. */
enum outcome file_remove_at(const struct file_folder *folder, const char *name, struct err *err);

/* Overwrites with zeros, fsyncs, unlinks, fsyncs the folder. Gone already is OUT_OK. What this
 * cannot promise: file systems that journal data, copy on write or keep snapshots (btrfs, ZFS,
 * LVM snapshots), flash that levels wear, and backups may keep the old content. Where that
 * matters, encrypt the disk. */
enum outcome file_shred_at(const struct file_folder *folder, const char *name, struct err *err);

#endif
