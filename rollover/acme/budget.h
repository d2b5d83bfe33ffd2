/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * budget - how often a CA may be asked (safety.md rows 2, 3), over restarts
 *
 * Counts are kept by the minute (orders) and by the hour (certificates); one counts until its whole
 * minute or hour has left the window, so never too short. Order and key that failed are left alone
 * for an hour. `not_before` is what the CA asked for.
 *
 * All times are wall clock, ms. A clock that was set back must not hold anything for ever:
 * budget_tidy draws whatever lies in the future back to `now` (not_before: to a day from now).
 *
 * All but load and save are pure. Ownership: values only. Threads: no state.
 */
#ifndef DANEMILTER_ACME_BUDGET_H
#define DANEMILTER_ACME_BUDGET_H

#include "acme/note.h"
#include "ports.h"

#define BUDGET_MINUTES 64 /* 60 and one more, rounded up */
#define BUDGET_HOURS 176  /* 7 * 24 and one more, rounded up */
#define BUDGET_FAILED 24
#define BUDGET_FAILED_WAIT ((model_time)3600 * 1000)
#define BUDGET_ASKED_MAX ((model_time)24 * 3600 * 1000)

struct budget_count {
    model_time at; /* the last one in this minute or hour */
    unsigned n;
};

struct budget_failed {
    uint8_t id[MODEL_ID_LEN]; /* of key and names */
    model_time at;
};

struct budget {
    struct budget_count orders[BUDGET_MINUTES];
    struct budget_count certs[BUDGET_HOURS];
    struct budget_failed failed[BUDGET_FAILED];
    size_t n_orders, n_certs, n_failed;
    model_time not_before; /* 0: none */
};

/* Forgets what no longer counts; true: something changed. */
bool budget_tidy(struct budget *budget, model_time now);

/* When the next may be asked for; `now` or earlier: at once. limit 0: no limit. */
model_time budget_order_at(const struct budget *budget, unsigned per_hour, model_time now);
model_time budget_cert_at(const struct budget *budget, unsigned per_week, model_time now);
model_time budget_failed_until(const struct budget *budget, const uint8_t id[MODEL_ID_LEN]);

void budget_add_order(struct budget *budget, model_time now);
void budget_add_cert(struct budget *budget, model_time now);
/* When the table is full the oldest goes: the counts of orders still hold. */
void budget_add_failed(struct budget *budget, const uint8_t id[MODEL_ID_LEN], model_time now);
void budget_forget_failed(struct budget *budget, const uint8_t id[MODEL_ID_LEN]);

/* false: it does not fit. PORT_NOTE_MAX octets are always enough. */
bool budget_print(const struct budget *budget, char *out, size_t size);
void budget_parse(const char *text, struct budget *out);

enum outcome budget_load(const struct acme_config *config, const struct acme_ports *ports,
                         model_time now, struct budget *out, struct err *err);
enum outcome budget_save(const struct acme_config *config, const struct acme_ports *ports,
                         const struct budget *budget, struct err *err);

#endif
