/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/msg.h"

#include "crypto/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum outcome msg_init(struct msg *w, struct err *err)
{
    memset(w, 0, sizeof *w);
    w->buf = calloc(1, MSG_MAX);
    return w->buf != NULL ? OUT_OK : err_errno(err, "message buffer");
}

void msg_reset(struct msg *w)
{
    if (w->buf != NULL)
        key_wipe(w->buf, w->len);
    w->len = 0;
    w->pos = 0;
    w->bad = false;
}

void msg_free(struct msg *w)
{
    msg_reset(w);
    free(w->buf);
    w->buf = NULL;
}

static void put(struct msg *w, const void *data, size_t len)
{
    if (w->bad || len > MSG_MAX - w->len) {
        w->bad = true;
        return;
    }
    if (len > 0)
        memcpy(w->buf + w->len, data, len);
    w->len += len;
}

void msg_put_u32(struct msg *w, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    put(w, b, sizeof b);
}

void msg_put_i64(struct msg *w, int64_t v)
{
    msg_put_u32(w, (uint32_t)((uint64_t)v >> 32));
    msg_put_u32(w, (uint32_t)((uint64_t)v & 0xffffffffu));
}

void msg_put_bytes(struct msg *w, const void *data, size_t len)
{
    if (len > MSG_MAX) {
        w->bad = true;
        return;
    }
    msg_put_u32(w, (uint32_t)len);
    put(w, data, len);
}

void msg_put_text(struct msg *w, const char *text)
{
    msg_put_bytes(w, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

static const uint8_t *take(struct msg *w, size_t len)
{
    if (w->bad || len > w->len - w->pos) {
        w->bad = true;
        return NULL;
    }
    const uint8_t *at = w->buf + w->pos;
    w->pos += len;
    return at;
}

uint32_t msg_take_u32(struct msg *w)
{
    const uint8_t *b = take(w, 4);
    if (b == NULL)
        return 0;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

int64_t msg_take_i64(struct msg *w)
{
    uint64_t high = msg_take_u32(w);
    uint64_t low = msg_take_u32(w);
    return (int64_t)(high << 32 | low);
}

void msg_take_bytes(struct msg *w, void *data, size_t len)
{
    memset(data, 0, len);
    if (msg_take_u32(w) != len)
        w->bad = true;
    const uint8_t *b = take(w, len);
    if (b != NULL && len > 0)
        memcpy(data, b, len);
}

void msg_take_text(struct msg *w, char *out, size_t size)
{
    size_t len = msg_take_u32(w);
    if (len >= size)
        w->bad = true;
    const uint8_t *b = take(w, len);
    if (b == NULL)
        len = 0;
    else
        memcpy(out, b, len);
    out[len] = '\0';
}

char *msg_take_text_dup(struct msg *w, size_t max)
{
    size_t len = msg_take_u32(w);
    if (len > max)
        w->bad = true;
    const uint8_t *b = take(w, len);
    char *text = b != NULL ? malloc(len + 1) : NULL;
    if (text == NULL) {
        w->bad = true;
        return NULL;
    }
    memcpy(text, b, len);
    text[len] = '\0';
    return text;
}

static enum outcome write_all(int fd, const uint8_t *data, size_t len, struct err *err)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(err, "writing to the other half of danemilter");
        data += n;
        len -= (size_t)n;
    }
    return OUT_OK;
}

static enum outcome read_all(int fd, uint8_t *data, size_t len, struct err *err)
{
    size_t have = 0;
    while (have < len) {
        ssize_t n = read(fd, data + have, len - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, "reading from the other half of danemilter");
        if (n == 0)
            return err_set(err, have == 0 ? OUT_NOT_YET : OUT_BROKEN,
                           "the other half of danemilter is gone");
        have += (size_t)n;
    }
    return OUT_OK;
}

enum outcome msg_write(int fd, const struct msg *w, struct err *err)
{
    if (w->bad)
        return err_set(err, OUT_REFUSED, "message over %d octets", MSG_MAX);
    uint8_t head[4] = {(uint8_t)(w->len >> 24), (uint8_t)(w->len >> 16), (uint8_t)(w->len >> 8),
                       (uint8_t)w->len};
    enum outcome out = write_all(fd, head, sizeof head, err);
    return out == OUT_OK ? write_all(fd, w->buf, w->len, err) : out;
}

enum outcome msg_read(int fd, struct msg *w, struct err *err)
{
    uint8_t head[4];
    msg_reset(w);
    enum outcome out = read_all(fd, head, sizeof head, err);
    if (out != OUT_OK)
        return out;
    size_t len =
        (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | (size_t)head[3];
    if (len > MSG_MAX)
        return err_set(err, OUT_BROKEN, "message over %d octets", MSG_MAX);
    w->len = len; /* first, so that whatever arrives is wiped */
    out = read_all(fd, w->buf, len, err);
    w->bad = out != OUT_OK;
    return out == OUT_NOT_YET ? OUT_BROKEN : out;
}
