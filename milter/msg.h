/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * msg - messages between the daemon and its privileged helper
 *
 * A message is a length (u32, of what follows), then fields put and taken in the same order:
 * integers big-endian, octet strings and texts with a length in front. Both ends are our own
 * processes on one socket pair; all the same nothing read is trusted: every taking function
 * checks what is left, and after the first failure `bad` stays set and everything taken is
 * zero or empty.
 *
 * Ceiling: MSG_MAX octets a message. The buffer is wiped when it is freed or reused, because
 * private keys pass through it at adoption. Threads: one owner.
 */
#ifndef DANEMILTER_MILTER_MSG_H
#define DANEMILTER_MILTER_MSG_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSG_MAX (1024 * 1024)

struct msg {
    uint8_t *buf;
    size_t len; /* octets in the message */
    size_t pos; /* where taking goes on */
    bool bad;
};

enum outcome msg_init(struct msg *w, struct err *err);
void msg_free(struct msg *w);
void msg_reset(struct msg *w);

void msg_put_u32(struct msg *w, uint32_t v);
void msg_put_i64(struct msg *w, int64_t v);
void msg_put_bytes(struct msg *w, const void *data, size_t len);
void msg_put_text(struct msg *w, const char *text);

uint32_t msg_take_u32(struct msg *w);
int64_t msg_take_i64(struct msg *w);
/* Exactly `len` octets, or bad. */
void msg_take_bytes(struct msg *w, void *data, size_t len);
/* A text shorter than `size`, terminated. */
void msg_take_text(struct msg *w, char *out, size_t size);
/* A text of any length up to `max`, malloc()ed; NULL when bad. */
char *msg_take_text_dup(struct msg *w, size_t max);

/* Whole messages. msg_read: OUT_NOT_YET when the other end closed before the first octet. */
enum outcome msg_write(int fd, const struct msg *w, struct err *err);
enum outcome msg_read(int fd, struct msg *w, struct err *err);

#endif
