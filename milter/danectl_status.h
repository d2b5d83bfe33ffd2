/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_status - the facts of `danectl status` as JSON
 *
 * The same struct status that the text is made of. Times are RFC 3339 in UTC
 * ("2026-11-24T02:10:00Z"), null when not known. danectl(8) lists the fields.
 */
#ifndef DANEMILTER_MILTER_DANECTL_STATUS_H
#define DANEMILTER_MILTER_DANECTL_STATUS_H

#include "status.h"

#include <jansson.h>

/* The time, or null; NULL: no memory. */
json_t *danectl_json_time(model_time wall);
/* Text from elsewhere, '?' for what is no UTF-8. */
json_t *danectl_json_text(const char *text);

/* One certificate. `order_failed`, `order_text`: the last order that failed, MODEL_NEVER: none.
 * NULL: no memory. */
json_t *danectl_status_json(const struct port_state *st, const struct status *s,
                            model_time order_failed, const char *order_text);

#endif
