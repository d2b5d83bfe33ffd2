/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snimaps - tables of tls_server_sni_maps that hold copies of the chain file
 *
 * hash, btree, lmdb, cdb, dbm and sdbm tables keep the key and the chain themselves, put there by
 * `postmap -F`; texthash and inline name the files, which Postfix reads when it loads them. So a
 * table of the first sort whose source names the chain file is built anew when the file changes,
 * and with it the old key is out of the table. main.cf and every override of master.cf count. A
 * source that is not there is passed over: whoever builds that table does so elsewhere, and the
 * proof of the names in it will show.
 *
 * Threads: no state. Errors: as params.h; what postmap says is in the text.
 */
#ifndef DANEMILTER_POSTFIX_SNIMAPS_H
#define DANEMILTER_POSTFIX_SNIMAPS_H

#include "base/err.h"
#include "postfix/params.h"

#define SNIMAPS_MAX 16

/* `postmap`: absolute path of the command. */
enum outcome snimaps_build(const struct params *params, const char *postmap, const char *chain_file,
                           struct err *err);

#endif
