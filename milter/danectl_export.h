/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_export - a server's state as one file, and back: `danectl export` and `import`
 *
 * The file is JSON, 0600: format, version, host, time, members with the SHA-256 of each, and one
 * over everything (of the object without its member "sha256", compact, keys sorted). A member is
 * the facts' database, the sessions' (may be missing), a private key (the ACME account's too) or a
 * certificate's chain file, as base64url.
 *
 * Export marks the state as moved first (store/copy.h), then writes the file: from then on no
 * daemon works on it. Import looks at everything first; then marks, writes keys, chain files,
 * sessions and facts in this order, and takes the mark away. What is there already with the same
 * content is left alone, so an import that was cut off is done again from its beginning.
 *
 * Secrets are wiped before they are freed where they are ours. Ownership: export_set_free. Threads:
 * one. Errors: OUT_REFUSED for what is not safe or not whole; OUT_BROKEN for the disk.
 */
#ifndef DANEMILTER_MILTER_DANECTL_EXPORT_H
#define DANEMILTER_MILTER_DANECTL_EXPORT_H

#include "base/err.h"
#include "base/file.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define EXPORT_MEMBERS_MAX 1024
#define EXPORT_NAME_MAX 256
#define EXPORT_FILE_MAX ((size_t)768 * 1024 * 1024)

enum export_kind { EXPORT_FACTS, EXPORT_SESSIONS, EXPORT_KEY, EXPORT_CHAIN };

struct export_member {
    enum export_kind kind;
    char name[EXPORT_NAME_MAX]; /* of the key's file; the title of the certificate */
    char *data;
    size_t len;
};

struct export_set {
    char host[EXPORT_NAME_MAX];
    int64_t made; /* seconds since 1970 */
    struct export_member members[EXPORT_MEMBERS_MAX];
    size_t n;
};

/* Where it is taken from, or goes to. */
struct export_place {
    const char *state_dir;
    uid_t uid; /* of the daemon */
    gid_t gid;
    const char *const *titles;
    const char *const *chain_files; /* of each title */
    size_t n;
};

enum outcome export_set_new(struct export_set **out, struct err *err);
void export_set_free(struct export_set **set);
/* Takes `data` over, also when it fails. */
enum outcome export_set_add(struct export_set *set, enum export_kind kind, const char *name,
                            char *data, size_t len, struct err *err);

/* *text: malloc()ed, a secret. */
enum outcome export_text(const struct export_set *set, char **text, struct err *err);
/* Every checksum is right on OUT_OK. */
enum outcome export_parse(const char *text, size_t len, struct export_set **out, struct err *err);

/* With the state's lock held. */
enum outcome export_take(const struct export_place *from, struct export_set *set, struct err *err);
/* A new file, 0600; an old one is never touched. */
enum outcome export_write(const char *path, const char *text, struct err *err);
/* Members that may be used: facts judged and marked as restored, keys fit their names, chains have
 * a place. */
enum outcome import_judge(const struct export_place *to, struct export_set *set, struct err *err);
/* With the lock held, after import_judge(). The folders are there. */
enum outcome import_put(const struct export_place *to, const struct export_set *set,
                        struct err *err);

/* The mark of store/copy.h: readable for the daemon. */
enum outcome export_mark(const struct export_place *at, const char *text, struct err *err);
enum outcome export_unmark(const struct export_place *at, struct err *err);

#endif
