/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_box - the mailbox between the control thread and the engine's
 *
 * A command is put in by one thread, taken, done and answered by the other, and its reply is
 * collected by the first. Whoever put it may forget it: it is done all the same, and nobody reads
 * the reply. In the order of their coming. CONTROL_BOX_MAX at a time. A ticket names one command
 * and is never used again.
 *
 * Threads: any; one mutex, never held while anything is done.
 */
#ifndef DANEMILTER_MILTER_CONTROL_BOX_H
#define DANEMILTER_MILTER_CONTROL_BOX_H

#include "milter/control_msg.h"

#include <stdint.h>

#define CONTROL_BOX_MAX 16

struct control_box;

enum outcome control_box_new(struct control_box **out, struct err *err);
void control_box_free(struct control_box **box);

/* False: it is full. */
bool control_box_put(struct control_box *box, const struct control_command *command,
                     uint64_t *ticket);
/* The oldest that was not taken yet; false: there is none. */
bool control_box_take(struct control_box *box, struct control_command *command, uint64_t *ticket);
void control_box_answer(struct control_box *box, uint64_t ticket, enum outcome outcome,
                        const char *text);
/* True: it was answered; the box forgets it. */
bool control_box_collect(struct control_box *box, uint64_t ticket, struct control_reply *reply);
void control_box_forget(struct control_box *box, uint64_t ticket);

#endif
