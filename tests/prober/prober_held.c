/* SPDX-License-Identifier: BSD-2-Clause */
#include "prober_held.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

struct entry {
    struct port_rrset rrset;
    bool by[PROBER_HELD_SERVERS];
    int64_t given[PROBER_HELD_SERVERS];
    int64_t until[PROBER_HELD_SERVERS];
};

struct prober_held {
    pthread_mutex_t lock;
    size_t n;
    struct entry *entries[PROBER_HELD_MAX]; /* each never moves, its rrset never changes */
};

enum outcome prober_held_new(struct prober_held **out, struct err *err)
{
    struct prober_held *held = calloc(1, sizeof *held);
    if (held == NULL)
        return err_errno(err, "the table of RRsets");
    if (pthread_mutex_init(&held->lock, NULL) != 0) {
        free(held);
        return err_set(err, OUT_BROKEN, "cannot make a mutex");
    }
    *out = held;
    return OUT_OK;
}

void prober_held_free(struct prober_held **held)
{
    if (*held == NULL)
        return;
    for (size_t i = 0; i < (*held)->n; i++)
        free((*held)->entries[i]);
    (void)pthread_mutex_destroy(&(*held)->lock);
    free(*held);
    *held = NULL;
}

bool prober_held_equal(const struct port_rrset *a, const struct port_rrset *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct port_tlsa *x = &a->recs[i];
        const struct port_tlsa *y = &b->recs[i];
        if (memcmp(&x->combo, &y->combo, sizeof x->combo) != 0 || x->len != y->len ||
            memcmp(x->data, y->data, x->len) != 0)
            return false;
    }
    return true;
}

static struct entry *find_or_add(struct prober_held *held, const struct port_rrset *rrset,
                                 struct err *err)
{
    for (size_t i = 0; i < held->n; i++) {
        if (prober_held_equal(&held->entries[i]->rrset, rrset))
            return held->entries[i];
    }
    if (held->n == PROBER_HELD_MAX) {
        (void)err_set(err, OUT_REFUSED, "more than %d different RRsets in one run",
                      PROBER_HELD_MAX);
        return NULL;
    }
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        (void)err_errno(err, "an RRset");
        return NULL;
    }
    entry->rrset = *rrset;
    held->entries[held->n++] = entry;
    return entry;
}

enum outcome prober_held_note(struct prober_held *held, size_t server,
                              const struct port_rrset *rrset, int64_t asked, struct err *err)
{
    if (rrset->n == 0)
        return OUT_OK;
    int64_t until = asked + (int64_t)rrset->ttl * SECOND;
    (void)pthread_mutex_lock(&held->lock);
    struct entry *entry = find_or_add(held, rrset, err);
    if (entry != NULL) {
        if (!entry->by[server] || entry->given[server] < asked)
            entry->given[server] = asked;
        if (!entry->by[server] || entry->until[server] < until)
            entry->until[server] = until;
        entry->by[server] = true;
    }
    (void)pthread_mutex_unlock(&held->lock);
    return entry != NULL ? OUT_OK : OUT_REFUSED;
}

/* The server whose answer lives longest, if it lives at `when`. */
static bool look(const struct entry *entry, int64_t when, struct prober_view *view)
{
    bool found = false;
    for (size_t s = 0; s < PROBER_HELD_SERVERS; s++) {
        if (!entry->by[s] || entry->until[s] < when)
            continue;
        if (!found || entry->until[s] > view->until)
            *view = (struct prober_view){&entry->rrset, s, entry->given[s], entry->until[s]};
        found = true;
    }
    return found;
}

enum outcome prober_held_at(struct prober_held *held, int64_t when,
                            struct prober_view view[PROBER_HELD_VIEW], size_t *n, struct err *err)
{
    enum outcome rc = OUT_OK;
    struct prober_view one;
    *n = 0;
    (void)pthread_mutex_lock(&held->lock);
    for (size_t i = 0; i < held->n && rc == OUT_OK; i++) {
        if (!look(held->entries[i], when, &one))
            continue;
        if (*n == PROBER_HELD_VIEW)
            rc = err_set(err, OUT_REFUSED, "more than %d RRsets may be cached at one moment",
                         PROBER_HELD_VIEW);
        else
            view[(*n)++] = one;
    }
    (void)pthread_mutex_unlock(&held->lock);
    return rc;
}
