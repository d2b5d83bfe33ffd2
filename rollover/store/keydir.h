/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keydir - port_keys_ops: private keys as files in one folder
 *
 * One file a key, "SPKI.pem" with SPKI the SHA-256 of its SubjectPublicKeyInfo in hex; PKCS#8,
 * not encrypted, mode 0600, in a folder of mode 0700, both of the user given. File and folder are
 * fsynced before make and adopt answer OUT_OK (safety.md section 4, invariant 7: a published key
 * is on disk). A file is believed only when mode, owner and type are right and the key in it fits
 * its name.
 *
 * shred overwrites, and says what that cannot promise in base/file.h (file_shred_at).
 *
 * Ownership: keydir_close. Threads: any number may read at a time; one makes or shreds. The helper
 * (root) opens the folder of the daemon's user to read keys only.
 */
#ifndef DANEMILTER_STORE_KEYDIR_H
#define DANEMILTER_STORE_KEYDIR_H

#include <sys/types.h>

#include "crypto/key.h"
#include "ports.h"

struct keydir;

/* `owner`: may own folder and files beside root and ourselves, or FILE_NO_OWNER. The folder is
 * made when it is missing (its parent must be there). */
enum outcome keydir_open(const char *path, uid_t owner, struct keydir **out, struct err *err);
void keydir_close(struct keydir **keydir);

/* self: struct keydir * */
extern const struct port_keys_ops keydir_ops;

/* The keys for modules that use them: issuer, chain file. `keydir` must outlive the loader. */
struct key_loader keydir_loader(struct keydir *keydir);

#endif
