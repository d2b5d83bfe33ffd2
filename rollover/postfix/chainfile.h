/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chainfile - the file that smtpd_tls_chain_files names: read, replaced by one rename
 *
 * Postfix loads it at the start of each smtpd and tlsproxy process, so the rename is the switch,
 * and the file must be whole and right at every moment: a missing or broken one makes every TLS
 * handshake fail. Beside FILE there may stand
 *   FILE.next       the new one while it is written and checked
 *   FILE.previous   the old one after the switch (the same inode, owner and mode that it had)
 * A crash between any two steps leaves the old or the new file; what it leaves beside is cleared
 * by the next call. Only one process at a time may install (the daemon's lock sees to that).
 *
 * Ownership: as ports.h. Threads: no state. Errors: OUT_REFUSED for what is not safe or what
 * Postfix would not load, with a sentence on mending; OUT_BROKEN for the disk.
 */
#ifndef DANEMILTER_POSTFIX_CHAINFILE_H
#define DANEMILTER_POSTFIX_CHAINFILE_H

#include <stddef.h>

#include "base/err.h"
#include "crypto/key.h"
#include "ports.h"

/* The parts of the file; no file is OUT_OK and 0 parts. `*n` in: room, out: count. End them with
 * bundle_free. */
enum outcome chainfile_read(const char *path, struct port_part *parts, size_t *n, struct err *err);

/* OUT_OK: the new file is in place, also after a power loss. With the content that the file has
 * already, nothing is written. Anything else: the old file is in place; if the folder's fsync
 * failed, the new one was to be seen for a moment. */
enum outcome chainfile_install(const char *path, const struct port_part *parts, size_t n,
                               const struct key_loader *keys, struct err *err);

/* The same if the file serves exactly `expect` (NULL: whatever it serves) until then: of several
 * parts of one algorithm the last one counts, as in OpenSSL; no file serves nothing. OUT_NOT_YET:
 * something else. Somebody who writes between our last look and the rename (microseconds) is
 * not seen. */
enum outcome chainfile_install_over(const char *path, const struct port_part *parts, size_t n,
                                    const struct port_part *expect, size_t n_expect,
                                    const struct key_loader *keys, struct err *err);

/* FILE.previous and what a crash left beside: overwritten, unlinked, the folder fsynced. */
enum outcome chainfile_shred_old(const char *path, struct err *err);

#endif
