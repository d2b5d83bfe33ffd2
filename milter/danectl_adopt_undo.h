/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_adopt_undo - what `danectl adopt --apply` changed, so that it can be put back
 *
 * The record is one JSON file, outside of state_dir, 0600 and root's. Before each step the step's
 * old value is in it and fsynced; so after a crash at any moment the record covers at least what
 * was changed, and a second `adopt --apply` goes on. A change that is recorded already keeps its
 * first old value.
 *
 * Putting back works from the last change to the first. A parameter or service that is by now
 * neither what adopt made of it nor what it was before was changed by somebody else: of
 * smtpd_milters our part is taken out, anything else is left alone and said. A file is removed only
 * while it holds what adopt wrote, or, `files` ADOPT_FILES_ALL, whatever it holds: chain files are
 * overwritten first. Folders go when they are empty. What is put back already is no error.
 *
 * It does not reload Postfix, asks nobody whether TLSA records are published, and does not remove
 * the record: callers do, in that order: ask, apply, reload, remove.
 *
 * Ownership: adopt_undo_free. Threads: one. Errors: OUT_REFUSED for a record that cannot be
 * trusted, or that postconf(1) does not take; OUT_BROKEN for the disk.
 */
#ifndef DANEMILTER_MILTER_DANECTL_ADOPT_UNDO_H
#define DANEMILTER_MILTER_DANECTL_ADOPT_UNDO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/file.h"

#define ADOPT_UNDO "/var/lib/danemilter/adopt/undo.json"
#define ADOPT_CHANGES_MAX 64

enum adopt_kind {
    ADOPT_PARAM,   /* name: of main.cf */
    ADOPT_SERVICE, /* name: "smtps/inet"; values: the line as `postconf -M` prints it */
    ADOPT_FILE,    /* name: a path; after: the SHA-256 of the content, in hex */
    ADOPT_CHAIN,   /* the same, of private keys */
    ADOPT_FOLDER   /* name: a path */
};

struct adopt_change {
    enum adopt_kind kind;
    char *name;
    char *before; /* NULL: it was not there */
    char *after;  /* NULL: not known */
};

struct adopt_undo {
    char path[FILE_PATH_MAX];       /* of the record */
    char config_dir[FILE_PATH_MAX]; /* of Postfix */
    bool complete;                  /* adopt --apply went through to its end */
    struct adopt_change changes[ADOPT_CHANGES_MAX];
    size_t n;
};

/* OUT_NOT_YET: there is none, and *out is NULL. */
enum outcome adopt_undo_load(const char *path, struct adopt_undo **out, struct err *err);
void adopt_undo_free(struct adopt_undo **undo);

enum adopt_files { ADOPT_FILES_OURS, ADOPT_FILES_ALL, ADOPT_FILES_KEEP };

struct adopt_undo_ask {
    enum adopt_files files;
    bool dry_run;
    /* Each thing that is done, or left alone and why: one sentence. */
    void (*say)(void *self, const char *text);
    void *self;
};
/* The first thing that fails ends it; asked again, it goes on. */
enum outcome adopt_undo_apply(const struct adopt_undo *undo, const struct adopt_undo_ask *ask,
                              struct err *err);
/* Unlinks the record, and its folder. */
enum outcome adopt_undo_remove(const char *path, struct err *err);

/* ---- for adopt itself ------------------------------------------------------------------------ */

/* The record as it is on the disk, or an empty one for this Postfix. OUT_REFUSED: it is of another
 * Postfix. */
enum outcome adopt_undo_begin(const char *path, const char *config_dir, struct adopt_undo **out,
                              struct err *err);
/* Adds a change (strings are copied) or gives a known one its new `after`; durable on OUT_OK. */
enum outcome adopt_undo_add(struct adopt_undo *undo, enum adopt_kind kind, const char *name,
                            const char *before, const char *after, struct err *err);
enum outcome adopt_undo_complete(struct adopt_undo *undo, struct err *err);

#endif
