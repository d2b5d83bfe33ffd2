/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/control_box.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state { FREE, WAITS, TAKEN, ANSWERED };

struct item {
    enum state state;
    bool forgotten;
    uint64_t ticket;
    struct control_command command;
    enum outcome outcome;
    char text[CONTROL_TEXT_MAX];
};

struct control_box {
    pthread_mutex_t lock; /* what follows */
    uint64_t last;
    struct item items[CONTROL_BOX_MAX];
};

enum outcome control_box_new(struct control_box **out, struct err *err)
{
    struct control_box *box = calloc(1, sizeof *box);
    if (box == NULL)
        return err_errno(err, "mailbox");
    errno = pthread_mutex_init(&box->lock, NULL);
    if (errno != 0) {
        free(box);
        return err_errno(err, "mailbox");
    }
    *out = box;
    return OUT_OK;
}

void control_box_free(struct control_box **box)
{
    if (*box == NULL)
        return;
    (void)pthread_mutex_destroy(&(*box)->lock);
    free(*box);
    *box = NULL;
}

/* A default mutex that is used correctly cannot fail. */
static void lock(struct control_box *box)
{
    (void)pthread_mutex_lock(&box->lock);
}

static void unlock(struct control_box *box)
{
    (void)pthread_mutex_unlock(&box->lock);
}

static struct item *find(struct control_box *box, uint64_t ticket)
{
    for (size_t i = 0; i < CONTROL_BOX_MAX; i++) {
        if (box->items[i].state != FREE && box->items[i].ticket == ticket)
            return &box->items[i];
    }
    return NULL;
}

static struct item *find_free(struct control_box *box)
{
    for (size_t i = 0; i < CONTROL_BOX_MAX; i++) {
        if (box->items[i].state == FREE)
            return &box->items[i];
    }
    return NULL;
}

bool control_box_put(struct control_box *box, const struct control_command *command,
                     uint64_t *ticket)
{
    lock(box);
    struct item *item = find_free(box);
    if (item != NULL) {
        *ticket = ++box->last;
        *item = (struct item){.state = WAITS, .ticket = *ticket, .command = *command};
    }
    unlock(box);
    return item != NULL;
}

bool control_box_take(struct control_box *box, struct control_command *command, uint64_t *ticket)
{
    struct item *oldest = NULL;
    lock(box);
    for (size_t i = 0; i < CONTROL_BOX_MAX; i++) {
        struct item *item = &box->items[i];
        if (item->state == WAITS && (oldest == NULL || item->ticket < oldest->ticket))
            oldest = item;
    }
    if (oldest != NULL) {
        oldest->state = TAKEN;
        *command = oldest->command;
        *ticket = oldest->ticket;
    }
    unlock(box);
    return oldest != NULL;
}

void control_box_answer(struct control_box *box, uint64_t ticket, enum outcome outcome,
                        const char *text)
{
    lock(box);
    struct item *item = find(box, ticket);
    if (item != NULL) {
        item->outcome = outcome;
        (void)snprintf(item->text, sizeof item->text, "%s", text);
        item->state = item->forgotten ? FREE : ANSWERED;
    }
    unlock(box);
}

bool control_box_collect(struct control_box *box, uint64_t ticket, struct control_reply *reply)
{
    lock(box);
    struct item *item = find(box, ticket);
    bool answered = item != NULL && item->state == ANSWERED;
    if (answered) {
        reply->outcome = item->outcome;
        memcpy(reply->text, item->text, sizeof reply->text);
        item->state = FREE;
    }
    unlock(box);
    return answered;
}

void control_box_forget(struct control_box *box, uint64_t ticket)
{
    lock(box);
    struct item *item = find(box, ticket);
    if (item != NULL) {
        item->forgotten = true;
        if (item->state == ANSWERED)
            item->state = FREE;
    }
    unlock(box);
}
