/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/budget.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BUDGET_MINUTE ((model_time)60 * 1000)
#define BUDGET_HOUR (60 * BUDGET_MINUTE)
#define BUDGET_WEEK (7 * 24 * BUDGET_HOUR)

/* A minute's or an hour's count has left the window at this moment. */
static model_time budget_free_at(const struct budget_count *count, model_time step,
                                 model_time window)
{
    return count->at - count->at % step + step + window;
}

static bool budget_tidy_counts(struct budget_count *counts, size_t *n, model_time step,
                               model_time window, model_time now)
{
    size_t kept = 0;
    bool changed = false;
    for (size_t i = 0; i < *n; i++) {
        struct budget_count one = counts[i];
        if (one.at > now) {
            one.at = now;
            changed = true;
        }
        if (budget_free_at(&one, step, window) > now)
            counts[kept++] = one;
    }
    changed = changed || kept != *n;
    *n = kept;
    return changed;
}

static bool budget_tidy_failed(struct budget *budget, model_time now)
{
    size_t kept = 0;
    bool changed = false;
    for (size_t i = 0; i < budget->n_failed; i++) {
        struct budget_failed one = budget->failed[i];
        if (one.at > now) {
            one.at = now;
            changed = true;
        }
        if (one.at + BUDGET_FAILED_WAIT > now)
            budget->failed[kept++] = one;
    }
    changed = changed || kept != budget->n_failed;
    budget->n_failed = kept;
    return changed;
}

bool budget_tidy(struct budget *budget, model_time now)
{
    bool orders =
        budget_tidy_counts(budget->orders, &budget->n_orders, BUDGET_MINUTE, BUDGET_HOUR, now);
    bool certs = budget_tidy_counts(budget->certs, &budget->n_certs, BUDGET_HOUR, BUDGET_WEEK, now);
    bool failed = budget_tidy_failed(budget, now);
    model_time asked = budget->not_before;
    if (budget->not_before <= now)
        budget->not_before = 0;
    if (budget->not_before > now + BUDGET_ASKED_MAX)
        budget->not_before = now + BUDGET_ASKED_MAX;
    return orders || certs || failed || asked != budget->not_before;
}

/* The counts are in the order of time. */
static model_time budget_at(const struct budget_count *counts, size_t n, unsigned limit,
                            model_time step, model_time window, model_time now)
{
    uint64_t sum = 0;
    model_time at = now;
    if (limit == 0)
        return now;
    for (size_t i = 0; i < n; i++)
        sum += counts[i].n;
    for (size_t i = 0; i < n && sum >= limit; i++) {
        sum -= counts[i].n;
        at = budget_free_at(&counts[i], step, window);
    }
    return at;
}

model_time budget_order_at(const struct budget *budget, unsigned per_hour, model_time now)
{
    return budget_at(budget->orders, budget->n_orders, per_hour, BUDGET_MINUTE, BUDGET_HOUR, now);
}

model_time budget_cert_at(const struct budget *budget, unsigned per_week, model_time now)
{
    return budget_at(budget->certs, budget->n_certs, per_week, BUDGET_HOUR, BUDGET_WEEK, now);
}

model_time budget_failed_until(const struct budget *budget, const uint8_t id[MODEL_ID_LEN])
{
    for (size_t i = 0; i < budget->n_failed; i++) {
        if (memcmp(budget->failed[i].id, id, MODEL_ID_LEN) == 0)
            return budget->failed[i].at + BUDGET_FAILED_WAIT;
    }
    return 0;
}

static void budget_add(struct budget_count *counts, size_t *n, size_t max, model_time step,
                       model_time now)
{
    struct budget_count *last = *n > 0 ? &counts[*n - 1] : NULL;
    bool same = last != NULL && (last->at / step == now / step || last->at > now || *n == max);
    if (!same) {
        counts[*n] = (struct budget_count){.at = now, .n = 0};
        last = &counts[(*n)++];
    }
    if (last->at < now)
        last->at = now;
    if (last->n < 1000000)
        last->n++;
}

void budget_add_order(struct budget *budget, model_time now)
{
    budget_add(budget->orders, &budget->n_orders, BUDGET_MINUTES, BUDGET_MINUTE, now);
}

void budget_add_cert(struct budget *budget, model_time now)
{
    budget_add(budget->certs, &budget->n_certs, BUDGET_HOURS, BUDGET_HOUR, now);
}

void budget_forget_failed(struct budget *budget, const uint8_t id[MODEL_ID_LEN])
{
    size_t kept = 0;
    for (size_t i = 0; i < budget->n_failed; i++) {
        if (memcmp(budget->failed[i].id, id, MODEL_ID_LEN) != 0)
            budget->failed[kept++] = budget->failed[i];
    }
    budget->n_failed = kept;
}

void budget_add_failed(struct budget *budget, const uint8_t id[MODEL_ID_LEN], model_time now)
{
    budget_forget_failed(budget, id);
    if (budget->n_failed == BUDGET_FAILED) {
        memmove(&budget->failed[0], &budget->failed[1],
                (BUDGET_FAILED - 1) * sizeof budget->failed[0]);
        budget->n_failed--;
    }
    struct budget_failed *one = &budget->failed[budget->n_failed++];
    memcpy(one->id, id, MODEL_ID_LEN);
    one->at = now;
}

/* ---- the note ----------------------------------------------------------------------------- */

bool budget_print(const struct budget *budget, char *out, size_t size)
{
    char hex[2 * MODEL_ID_LEN + 1];
    struct text text;
    text_init(&text, out, size);
    text_add(&text, "not_before %" PRId64 "\n", budget->not_before);
    for (size_t i = 0; i < budget->n_orders; i++)
        text_add(&text, "order %" PRId64 " %u\n", budget->orders[i].at, budget->orders[i].n);
    for (size_t i = 0; i < budget->n_certs; i++)
        text_add(&text, "cert %" PRId64 " %u\n", budget->certs[i].at, budget->certs[i].n);
    for (size_t i = 0; i < budget->n_failed; i++) {
        (void)text_hex(hex, sizeof hex, budget->failed[i].id, MODEL_ID_LEN);
        text_add(&text, "failed %" PRId64 " %s\n", budget->failed[i].at, hex);
    }
    return !text.cut;
}

/* "TIME REST": true when both are there. */
static bool budget_pair(const char *rest, size_t len, model_time *at, char *second, size_t size)
{
    size_t first = 0;
    while (first < len && rest[first] != ' ')
        first++;
    return first < len && note_number(rest, first, at) &&
           note_copy(rest + first + 1, len - first - 1, second, size);
}

static void budget_parse_count(const char *rest, size_t len, struct budget_count *counts, size_t *n,
                               size_t max)
{
    char number[16];
    int64_t value = 0;
    struct budget_count *one = &counts[*n < max ? *n : max - 1];
    struct err ignored = ERR_INIT;
    model_time at = 0;
    if (*n == max || !budget_pair(rest, len, &at, number, sizeof number) ||
        text_number(number, 1, 1000000, &value, &ignored) != OUT_OK)
        return;
    if (*n > 0 && at < counts[*n - 1].at)
        return;
    *one = (struct budget_count){.at = at, .n = (unsigned)value};
    (*n)++;
}

static void budget_parse_failed(const char *rest, size_t len, struct budget *out)
{
    char hex[2 * MODEL_ID_LEN + 1];
    struct budget_failed one;
    if (out->n_failed == BUDGET_FAILED || !budget_pair(rest, len, &one.at, hex, sizeof hex) ||
        !text_unhex(hex, one.id, MODEL_ID_LEN))
        return;
    out->failed[out->n_failed++] = one;
}

void budget_parse(const char *text, struct budget *out)
{
    char word[NOTE_WORD_MAX];
    const char *rest = NULL;
    size_t len = 0;
    memset(out, 0, sizeof *out);
    while (note_line(&text, word, &rest, &len)) {
        if (strcmp(word, "order") == 0)
            budget_parse_count(rest, len, out->orders, &out->n_orders, BUDGET_MINUTES);
        else if (strcmp(word, "cert") == 0)
            budget_parse_count(rest, len, out->certs, &out->n_certs, BUDGET_HOURS);
        else if (strcmp(word, "failed") == 0)
            budget_parse_failed(rest, len, out);
        else if (strcmp(word, "not_before") == 0 && !note_number(rest, len, &out->not_before))
            out->not_before = 0;
    }
}

enum outcome budget_load(const struct acme_config *config, const struct acme_ports *ports,
                         model_time now, struct budget *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    char *text = malloc(PORT_NOTE_MAX);
    if (text == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = note_get(config, ports, "budget", NULL, text, err);
    if (res == OUT_OK)
        budget_parse(text, out);
    free(text);
    if (res != OUT_OK && res != OUT_NOT_YET)
        return res;
    return budget_tidy(out, now) ? budget_save(config, ports, out, err) : OUT_OK;
}

enum outcome budget_save(const struct acme_config *config, const struct acme_ports *ports,
                         const struct budget *budget, struct err *err)
{
    char *text = malloc(PORT_NOTE_MAX);
    if (text == NULL)
        return err_set(err, OUT_BROKEN, "out of memory");
    enum outcome res = budget_print(budget, text, PORT_NOTE_MAX)
                           ? note_put(config, ports, "budget", NULL, text, err)
                           : err_set(err, OUT_BROKEN, "the budget does not fit into a note");
    free(text);
    return res;
}
