/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/limiter.h"

#include <string.h>

int limiter_init(struct limiter *l)
{
    memset(l->slots, 0, sizeof l->slots);
    return pthread_mutex_init(&l->lock, NULL);
}

void limiter_end(struct limiter *l)
{
    (void)pthread_mutex_destroy(&l->lock);
}

/* FNV-1a */
static size_t slot_of(const void *key, size_t len)
{
    const uint8_t *p = key;
    uint32_t h = UINT32_C(2166136261);
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT32_C(16777619);
    return (h ^ (h >> 16)) % LIMITER_SLOTS;
}

bool limiter_pass(struct limiter *l, const void *key, size_t len, model_time now, unsigned *held)
{
    struct limiter_slot *s = &l->slots[slot_of(key, len)];
    *held = 0;
    if (pthread_mutex_lock(&l->lock) != 0)
        return false;
    bool pass = !s->used || now < s->since || now - s->since >= LIMITER_MS;
    if (pass) {
        *held = s->held;
        *s = (struct limiter_slot){.used = true, .since = now};
    } else {
        s->held++;
    }
    (void)pthread_mutex_unlock(&l->lock);
    return pass;
}
