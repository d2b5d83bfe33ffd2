/* SPDX-License-Identifier: BSD-2-Clause */
/* The message itself: read at 3 a.m. by somebody who has never heard of DANE. */
#include "milter/notice.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOTICE_COLUMN 76

/* Text that is being written; `full` once something did not fit. */
struct sheet {
    char *out;
    size_t size, len;
    bool full;
};

static void put(struct sheet *s, const char *text)
{
    size_t len = strlen(text);
    if (s->full || len >= s->size - s->len) {
        s->full = true;
        return;
    }
    memcpy(s->out + s->len, text, len + 1);
    s->len += len;
}

/* Nothing that is not text: a header or a line of its own cannot be made of it. */
static void put_clean(struct sheet *s, const char *text)
{
    for (; *text != '\0' && !s->full; text++) {
        char c[2] = {*text, '\0'};
        if ((unsigned char)c[0] < 0x20 || c[0] == 0x7f)
            c[0] = ' ';
        put(s, c);
    }
}

/* A paragraph, indented, folded at blanks. */
static void put_folded(struct sheet *s, const char *text)
{
    size_t column = 0;
    while (*text != '\0' && !s->full) {
        char word[NOTICE_TEXT_MAX];
        size_t len = strcspn(text, " \t\n");
        (void)snprintf(word, sizeof word, "%.*s", (int)len, text);
        if (len > 0 && column > 0 && column + 1 + len > NOTICE_COLUMN) {
            put(s, "\n");
            column = 0;
        }
        if (len > 0) {
            put(s, column == 0 ? "    " : " ");
            put_clean(s, word);
            column += len + (column == 0 ? 4 : 1);
        }
        text += len;
        text += strspn(text, " \t\n");
    }
    put(s, "\n");
}

/* For a header (RFC 5322 section 3.3), or for a sentence. */
static void put_time(struct sheet *s, bool header, model_time wall)
{
    char text[64] = "";
    struct tm tm;
    time_t t = (time_t)(wall / 1000);
    if (gmtime_r(&t, &tm) != NULL)
        (void)strftime(text, sizeof text,
                       header ? "%a, %d %b %Y %H:%M:%S +0000" : "%Y-%m-%d %H:%M:%S UTC", &tm);
    put(s, text);
}

static const char *headline(enum notice_kind kind)
{
    switch (kind) {
    case NOTICE_AGAIN:
        return "still needs attention";
    case NOTICE_WELL:
        return "is well again";
    case NOTICE_FIRST:
    case NOTICE_OTHER:
    case NOTICE_NOTHING:
        break;
    }
    return "needs attention";
}

static void put_header(struct sheet *s, const struct notice_mail *m)
{
    char id[96];
    put(s, "From: danemilter <danemilter@");
    put_clean(s, m->host);
    put(s, ">\nTo: ");
    put_clean(s, m->to);
    put(s, "\nSubject: danemilter on ");
    put_clean(s, m->host);
    put(s, ": ");
    put_clean(s, m->certificate);
    put(s, " ");
    put(s, headline(m->kind));
    put(s, "\nDate: ");
    put_time(s, true, m->now);
    (void)snprintf(id, sizeof id, "\nMessage-ID: <%lld.%ld.", (long long)m->now, (long)getpid());
    put(s, id);
    put_clean(s, m->certificate);
    put(s, "@");
    put_clean(s, m->host);
    put(s, ">\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
           "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n");
}

static void put_trouble(struct sheet *s, const struct notice_mail *m)
{
    put(s, "danemilter on this host has a problem that it cannot mend by itself.\n\n"
           "What is wrong with ");
    put_clean(s, m->certificate);
    put(s, ", since ");
    put_time(s, false, m->since);
    put(s, ":\n");
    put_folded(s, m->trouble);
    put(s, "\nIf you do nothing:\n");
    put_folded(s, m->fate);
    put(s, "\nWhat to do, on ");
    put_clean(s, m->host);
    put(s, " as root:\n");
    static const char *const steps[][2] = {
        {"status", "what is served, published and waited for"},
        {"history", "what was done, and when"},
        {"check", "what stands in the way here, and how to mend it"},
        {"resume", "goes on, once the cause is gone and you have looked"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        put(s, "    ");
        put_clean(s, m->danectl);
        put(s, " ");
        put(s, steps[i][0]);
        if (strcmp(steps[i][0], "check") != 0) {
            put(s, " ");
            put_clean(s, m->certificate);
        }
        put(s, "\n        ");
        put(s, steps[i][1]);
        put(s, "\n");
    }
    put(s, "\nThis is repeated once a day; when it is well again, one more mail says so.\n");
}

static void put_well(struct sheet *s, const struct notice_mail *m)
{
    put(s, "What was wrong with ");
    put_clean(s, m->certificate);
    put(s, " is over; nothing has to be done. It was:\n");
    put_folded(s, m->trouble);
    put(s, "It had begun at ");
    put_time(s, false, m->since);
    put(s, ".\n\nWhat is done now:\n    ");
    put_clean(s, m->danectl);
    put(s, " status ");
    put_clean(s, m->certificate);
    put(s, "\n");
}

enum outcome notice_compose(const struct notice_mail *mail, char *out, size_t size, struct err *err)
{
    struct sheet s = {.out = out, .size = size};
    out[0] = '\0';
    put_header(&s, mail);
    if (mail->kind == NOTICE_WELL)
        put_well(&s, mail);
    else
        put_trouble(&s, mail);
    if (s.full)
        return err_set(err, OUT_REFUSED, "the mail about %s is too long", mail->certificate);
    return OUT_OK;
}
