/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/notice.h"

#include "base/text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTICE_MESSAGE_MAX 8192
#define NOTICE_NAME_MAX 64

struct notice_one {
    struct notice_one *next;
    char certificate[NOTICE_NAME_MAX];
    pthread_mutex_t lock; /* what follows: a worker writes it when a mail is handed over */
    struct notice_told told;
    bool busy; /* a mail is on its way */
};

struct notice {
    struct notice_config config; /* its strings are ours */
    char *to, *sendmail, *host, *danectl;
    struct notice_one *first;
};

/* One mail on its way to sendmail. */
struct notice_job {
    const struct notice_config *config;
    struct notice_one *one;
    struct notice_told after; /* what is so once it is handed over */
    char message[NOTICE_MESSAGE_MAX];
};

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *out = malloc(size);
    if (out != NULL)
        memcpy(out, text, size);
    return out;
}

enum outcome notice_open(const struct notice_config *config, struct notice **out, struct err *err)
{
    struct notice *n = calloc(1, sizeof *n);
    if (n == NULL)
        return err_errno(err, "notices");
    n->config = *config;
    n->config.to = n->to = copy(config->to);
    n->config.sendmail = n->sendmail = copy(config->sendmail);
    n->config.host = n->host = copy(config->host);
    n->config.danectl = n->danectl = copy(config->danectl);
    if (n->to == NULL || n->sendmail == NULL || n->host == NULL || n->danectl == NULL) {
        enum outcome res = err_errno(err, "notices");
        notice_close(&n);
        return res;
    }
    *out = n;
    return OUT_OK;
}

void notice_close(struct notice **notice)
{
    struct notice *n = *notice;
    if (n == NULL)
        return;
    while (n->first != NULL) {
        struct notice_one *one = n->first;
        n->first = one->next;
        (void)pthread_mutex_destroy(&one->lock);
        free(one);
    }
    free(n->to);
    free(n->sendmail);
    free(n->host);
    free(n->danectl);
    free(n);
    *notice = NULL;
}

/* ---- what was told -------------------------------------------------------------------------- */

enum notice_kind notice_decide(const struct notice_told *told, const char *trouble, model_time now)
{
    model_time ago = now - told->last;
    if (told->tried != 0 && now >= told->tried && now - told->tried < NOTICE_HOUR)
        return NOTICE_NOTHING;
    if (trouble == NULL)
        return told->open ? NOTICE_WELL : NOTICE_NOTHING;
    if (told->last == 0 || ago < 0) /* or the clock was set back: better once too often */
        return NOTICE_FIRST;
    if (ago < NOTICE_HOUR)
        return NOTICE_NOTHING;
    if (!told->open)
        return NOTICE_FIRST;
    if (strcmp(told->text, trouble) != 0)
        return NOTICE_OTHER;
    return ago >= NOTICE_DAY ? NOTICE_AGAIN : NOTICE_NOTHING;
}

static void note_name(const char *certificate, char out[PORT_NOTE_NAME_MAX])
{
    (void)snprintf(out, PORT_NOTE_NAME_MAX, "notice/%s", certificate);
}

static enum outcome save(const struct notice_config *c, const char *certificate,
                         const struct notice_told *told, struct err *err)
{
    char name[PORT_NOTE_NAME_MAX];
    char text[NOTICE_TEXT_MAX + 128];
    note_name(certificate, name);
    (void)snprintf(text, sizeof text, "%lld %lld %d %s", (long long)told->since,
                   (long long)told->last, told->open ? 1 : 0, told->text);
    return c->notes->put(c->notes_self, name, text, err);
}

/* "SINCE LAST OPEN TEXT"; false: that is not what stands there. */
static bool parse(char *note, struct notice_told *out)
{
    char *part[4] = {note, NULL, NULL, NULL};
    int64_t open = 0;
    for (int i = 1; i < 4; i++) {
        part[i] = strchr(part[i - 1], ' ');
        if (part[i] == NULL)
            return false;
        *part[i]++ = '\0';
    }
    memset(out, 0, sizeof *out);
    if (text_number(part[0], 0, INT64_MAX, &out->since, NULL) != OUT_OK ||
        text_number(part[1], 0, INT64_MAX, &out->last, NULL) != OUT_OK ||
        text_number(part[2], 0, 1, &open, NULL) != OUT_OK)
        return false;
    out->open = open == 1;
    (void)snprintf(out->text, sizeof out->text, "%s", part[3]);
    return true;
}

static void load(const struct notice *n, struct notice_one *one)
{
    char name[PORT_NOTE_NAME_MAX];
    char note[PORT_NOTE_MAX];
    struct err err = ERR_INIT;
    note_name(one->certificate, name);
    enum outcome out = n->config.notes->get(n->config.notes_self, name, note, sizeof note, &err);
    if (out == OUT_OK && !parse(note, &one->told)) {
        memset(&one->told, 0, sizeof one->told);
        (void)err_set(&err, OUT_BROKEN, "the note %s makes no sense and is not used", name);
        n->config.log->line(n->config.log_self, PORT_LOG_WARNING, err.text);
    } else if (out != OUT_OK && out != OUT_NOT_YET) {
        n->config.log->line(n->config.log_self, PORT_LOG_WARNING, err.text);
    }
}

static struct notice_one *find(struct notice *n, const char *certificate)
{
    for (struct notice_one *one = n->first; one != NULL; one = one->next) {
        if (strcmp(one->certificate, certificate) == 0)
            return one;
    }
    struct notice_one *one = calloc(1, sizeof *one);
    if (one == NULL || pthread_mutex_init(&one->lock, NULL) != 0) {
        free(one);
        return NULL;
    }
    (void)snprintf(one->certificate, sizeof one->certificate, "%s", certificate);
    load(n, one);
    one->next = n->first;
    n->first = one;
    return one;
}

/* ---- telling -------------------------------------------------------------------------------- */

/* In a worker's thread. */
static void hand_over(void *arg)
{
    struct notice_job *job = arg;
    const struct notice_config *c = job->config;
    struct err err = ERR_INIT;
    const char *argv[] = {c->sendmail, "-i", "-f", "", "--", c->to, NULL};
    enum outcome out = c->run(argv, job->message, NOTICE_SEND_MS, &err);
    if (out != OUT_OK) {
        err_prepend(&err,
                    "%s: the mail to %s (notify) could not be handed over, and is tried again in "
                    "an hour",
                    job->one->certificate, c->to);
        c->log->line(c->log_self, PORT_LOG_ERROR, err.text);
    } else if (save(c, job->one->certificate, &job->after, &err) != OUT_OK) {
        err_prepend(&err, "%s: a mail may be repeated", job->one->certificate);
        c->log->line(c->log_self, PORT_LOG_WARNING, err.text);
    }
    (void)pthread_mutex_lock(&job->one->lock);
    if (out == OUT_OK)
        job->one->told = job->after;
    else
        job->one->told.tried = job->after.last;
    job->one->busy = false;
    (void)pthread_mutex_unlock(&job->one->lock);
    free(job);
}

static enum outcome start_job(struct notice *n, struct notice_one *one,
                              const struct notice_mail *mail, struct err *err)
{
    struct notice_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return err_errno(err, "a mail to %s", n->to);
    job->config = &n->config;
    job->one = one;
    job->after.last = mail->now;
    job->after.open = mail->kind != NOTICE_WELL;
    job->after.since = job->after.open ? mail->since : 0;
    if (job->after.open)
        (void)snprintf(job->after.text, sizeof job->after.text, "%s", mail->trouble);
    enum outcome out = notice_compose(mail, job->message, sizeof job->message, err);
    if (out == OUT_OK)
        out = n->config.work->start(n->config.work_self, hand_over, job, err);
    if (out != OUT_OK)
        free(job);
    return out;
}

static void send(struct notice *n, struct notice_one *one, struct notice_mail *mail)
{
    struct err err = ERR_INIT;
    one->busy = true;
    enum outcome out = start_job(n, one, mail, &err);
    if (out == OUT_OK)
        return; /* from here on it is the worker's */
    one->busy = false;
    if (out != OUT_NOT_YET) { /* every worker is busy: at the next step */
        one->told.tried = mail->now;
        n->config.log->line(n->config.log_self, PORT_LOG_ERROR, err.text);
    }
}

static void consider(struct notice *n, struct notice_one *one, const char *trouble,
                     const char *fate, model_time now)
{
    char text[NOTICE_TEXT_MAX];
    if (one->busy)
        return;
    if (trouble != NULL && one->told.since == 0)
        one->told.since = now;
    else if (trouble == NULL && !one->told.open)
        one->told.since = 0; /* over before anybody was told */
    (void)snprintf(text, sizeof text, "%s", trouble != NULL ? trouble : one->told.text);
    struct notice_mail mail = {.to = n->to,
                               .host = n->host,
                               .danectl = n->danectl,
                               .certificate = one->certificate,
                               .trouble = text,
                               .fate = fate != NULL ? fate : "",
                               .since = one->told.since,
                               .now = now};
    mail.kind = notice_decide(&one->told, trouble != NULL ? text : NULL, now);
    if (mail.kind != NOTICE_NOTHING)
        send(n, one, &mail);
}

static void notice_tell(void *self, const char *certificate, const char *trouble, const char *fate)
{
    struct notice *n = self;
    struct port_time t;
    struct err err = ERR_INIT;
    if (n->to[0] == '\0')
        return;
    struct notice_one *one = find(n, certificate);
    if (one == NULL || n->config.clock->now(n->config.clock_self, &t, &err) != OUT_OK)
        return; /* memory or clock: the engine says so by itself, and tells again */
    (void)pthread_mutex_lock(&one->lock);
    consider(n, one, trouble, fate, t.wall);
    (void)pthread_mutex_unlock(&one->lock);
}

const struct port_notice_ops notice_ops = {.tell = notice_tell};
