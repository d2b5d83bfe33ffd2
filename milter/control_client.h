/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_client - danectl's end of the operator's socket
 *
 * One request, one reply. Waits for the reply as long as the daemon may take (CONTROL_CLIENT_MS).
 * Outcomes: OUT_OK - there is a reply, whatever it says (reply->outcome). OUT_NOT_YET - nobody
 * listens there: the daemon does not run. OUT_REFUSED - we may not connect, or what answered is no
 * daemon of ours. OUT_RETRY - no reply in time, or it ended before it answered; the command may
 * have been done. Threads: no state.
 */
#ifndef DANEMILTER_MILTER_CONTROL_CLIENT_H
#define DANEMILTER_MILTER_CONTROL_CLIENT_H

#include "milter/control_msg.h"

#define CONTROL_CLIENT_MS 75000

enum outcome control_client_ask(const char *run_dir, const struct control_command *command,
                                struct control_reply *reply, struct err *err);

#endif
