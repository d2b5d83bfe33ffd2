/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan: what is going to happen, and when.
 */
#include "milter/danectl.h"

#include "forecast.h"
#include "milter/danectl_state.h"
#include "milter/danectl_status.h"
#include "status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const ends[] = {
    [FORECAST_SETTLED] = "settled",
    [FORECAST_STUCK] = "stuck",
    [FORECAST_LONG] = "long",
};

/* ---- text ------------------------------------------------------------------------------- */

static void print_event(const struct forecast_event *e, struct model_now now)
{
    char when[64], left[64], label[160];
    say_wall(e->wall, when, sizeof when);
    say_duration(e->wall - now.wall, left, sizeof left);
    (void)snprintf(label, sizeof label, "  %s  %-16s", when, e->wall > now.wall ? left : "now");
    status_wrap(stdout, label, e->text, 44);
}

static void print_text(const char *name, const struct forecast *f, struct model_now now)
{
    (void)printf("certificate %s\n", name);
    for (size_t i = 0; i < f->n_obstacles; i++) {
        status_wrap(stdout, "  ! first has to end:", f->obstacles[i].text, 6);
        status_wrap(stdout, "      how it ends:", f->obstacles[i].end, 8);
    }
    if (f->more_obstacles)
        (void)printf("  ! and more\n");
    for (size_t i = 0; i < f->n_events; i++)
        print_event(&f->events[i], now);
    if (f->end == FORECAST_STUCK)
        status_wrap(stdout, "  then nothing more by itself:", f->stuck, 6);
    if (f->end == FORECAST_LONG)
        (void)printf("  what comes later is further away than this looks\n");
    status_wrap(stdout, f->n_obstacles > 0 ? "  assumed: what has to end ends now," : "  assumed:",
                forecast_assumption(), 6);
}

/* ---- JSON ------------------------------------------------------------------------------- */

static json_t *event_json(const struct forecast_event *e)
{
    return json_pack("{s:o, s:s, s:o, s:o, s:o}", "at", danectl_json_time(e->wall), "what", e->what,
                     "algorithm", e->alg[0] != '\0' ? json_string(e->alg) : json_null(), "key",
                     e->serial != 0 ? json_integer((json_int_t)e->serial) : json_null(), "text",
                     danectl_json_text(e->text));
}

static json_t *forecast_json(const char *name, const struct forecast *f)
{
    json_t *events = json_array(), *obstacles = json_array();
    bool good = events != NULL && obstacles != NULL;
    for (size_t i = 0; i < f->n_events && good; i++)
        good = json_array_append_new(events, event_json(&f->events[i])) == 0;
    for (size_t i = 0; i < f->n_obstacles && good; i++)
        good = json_array_append_new(
                   obstacles, json_pack("{s:s, s:o, s:o}", "what", f->obstacles[i].what, "text",
                                        danectl_json_text(f->obstacles[i].text), "ends",
                                        danectl_json_text(f->obstacles[i].end))) == 0;
    if (!good) {
        json_decref(events);
        json_decref(obstacles);
        return NULL;
    }
    return json_pack("{s:s, s:b, s:o, s:o, s:s, s:o, s:s}", "certificate", name, "known", 1,
                     "obstacles", obstacles, "events", events, "end", ends[f->end], "stuck",
                     f->end == FORECAST_STUCK ? danectl_json_text(f->stuck) : json_null(),
                     "assuming", forecast_assumption());
}

/* ---- all -------------------------------------------------------------------------------- */

/* `array` NULL: text. */
static enum outcome plan_one(struct danectl *d, const struct conf_certificate *c, json_t *array,
                             bool *attention, struct err *err)
{
    struct danectl_state *state = NULL;
    struct forecast *f = calloc(1, sizeof *f);
    if (f == NULL)
        return err_errno(err, "forecast");
    enum outcome out = danectl_state_load(d, c, &state, err);
    json_t *o = NULL;
    if (out == OUT_OK)
        out = forecast_run(c->name, &state->st, state->policy, state->now, f, err);
    if (out == OUT_OK)
        *attention |= f->n_obstacles > 0 || f->end == FORECAST_STUCK;
    if (out == OUT_OK && array == NULL)
        print_text(c->name, f, state->now);
    else if (out == OUT_OK)
        o = forecast_json(c->name, f);
    if (out == OUT_NOT_YET) {
        *attention = true;
        if (array == NULL)
            (void)printf("certificate %s\n  nothing is known of it yet: the daemon's log says "
                         "why\n",
                         c->name);
        else
            o = json_pack("{s:s, s:b}", "certificate", c->name, "known", 0);
        out = OUT_OK;
    }
    if (out == OUT_OK && array != NULL && (o == NULL || json_array_append_new(array, o) != 0))
        out = err_set(err, OUT_BROKEN, "the plan could not be put into JSON");
    danectl_state_free(&state);
    free(f);
    return out;
}

static enum danectl_status run_plan(struct danectl *d, struct err *err)
{
    const struct conf_certificate *only = NULL;
    bool attention = false;
    json_t *array = NULL;
    if (d->argc > 0 && (only = danectl_certificate(d, d->argv[0], err)) == NULL)
        return DANECTL_FAILED;
    if (d->json && (array = json_array()) == NULL)
        return danectl_of(err_set(err, OUT_BROKEN, "no memory"));
    enum outcome out = OUT_OK;
    for (size_t i = 0; i < d->conf->n_certificates && out == OUT_OK; i++) {
        if (only == NULL || only == &d->conf->certificates[i])
            out = plan_one(d, &d->conf->certificates[i], array, &attention, err);
    }
    enum danectl_status status = danectl_of(out);
    if (status == DANECTL_OK && array != NULL)
        status = danectl_print_json(json_pack("{s:O}", "certificates", array), err);
    json_decref(array);
    if (status != DANECTL_OK)
        return status;
    return attention ? DANECTL_ATTENTION : DANECTL_OK;
}

const struct danectl_command danectl_plan_command = {
    .name = "plan",
    .args = "[CERTIFICATE]",
    .help = "what is going to happen, and when, if all goes well",
    .max_args = 1,
    .needs = DANECTL_NEED_STORE,
    .run = run_plan,
    .json = true,
};
