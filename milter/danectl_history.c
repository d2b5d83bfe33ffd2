/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/danectl.h"

#include "base/text.h"
#include "milter/danectl_status.h"
#include "say.h"

#include <jansson.h>
#include <stdio.h>

#define HISTORY_LINES 1000

struct history {
    json_t *array; /* NULL: text */
    bool failed;
};

static bool print_line(void *self, const struct store_line *line)
{
    struct history *h = self;
    char when[64];
    if (h->array != NULL) {
        json_t *o =
            json_pack("{s:o, s:s, s:s, s:o}", "at", danectl_json_time(line->wall), "certificate",
                      line->certificate, "what", line->what, "text", danectl_json_text(line->text));
        h->failed = o == NULL || json_array_append_new(h->array, o) != 0;
        return !h->failed;
    }
    say_wall(line->wall, when, sizeof when);
    return printf("%s  %s  %s: %s\n", when, line->certificate, line->what, line->text) >= 0;
}

static enum danectl_status run_history(struct danectl *d, struct err *err)
{
    struct history h = {.array = NULL};
    const char *only = d->argc > 0 ? d->argv[0] : NULL;
    size_t limit = d->own.number > 0 ? (size_t)d->own.number : HISTORY_LINES;
    if (only != NULL && danectl_certificate(d, only, err) == NULL)
        return DANECTL_FAILED;
    if (d->json && (h.array = json_array()) == NULL)
        return danectl_of(err_set(err, OUT_BROKEN, "no memory"));
    enum outcome out = store_history(d->store, only, limit, print_line, &h, err);
    if (out == OUT_OK && h.failed)
        out = err_set(err, OUT_BROKEN, "a line of history is no valid text");
    if (out == OUT_OK && h.array != NULL)
        return danectl_print_json(json_pack("{s:o}", "history", h.array), err);
    json_decref(h.array);
    return danectl_of(out);
}

static bool history_option(struct danectl *d, int opt, const char *arg, struct err *err)
{
    return opt == 'n' && text_number(arg, 1, STORE_HISTORY_MAX, &d->own.number, err) == OUT_OK;
}

const struct danectl_command danectl_history_command = {
    .name = "history",
    .args = "[CERTIFICATE]",
    .help = "what was done, oldest first",
    .more = "  -n N  the newest N lines (1000)\n",
    .options = "n:",
    .option = history_option,
    .max_args = 1,
    .needs = DANECTL_NEED_STORE,
    .run = run_history,
    .json = true,
};
