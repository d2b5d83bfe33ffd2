/* SPDX-License-Identifier: BSD-2-Clause */
#include "acme/pace.h"

#define PACE_ASKED_MIN 1000
#define PACE_ASKED_MAX (5 * 60 * 1000)
#define PACE_MIN 50
#define PACE_MAX (30 * 1000)
#define PACE_SLICE 1000

static model_time pace_within(model_time value, model_time min, model_time max)
{
    return value < min ? min : value > max ? max : value;
}

model_time pace_next(model_time poll, model_time passed, model_time asked)
{
    if (asked > 0)
        return pace_within(asked, PACE_ASKED_MIN, PACE_ASKED_MAX);
    return poll > 0 ? poll : pace_within(passed / 8, PACE_MIN, PACE_MAX);
}

bool pace_stopping(const struct acme_ports *ports)
{
    return ports->stopping != NULL && ports->stopping(ports->stopping_self);
}

enum outcome pace_begin(const struct acme_ports *ports, model_time poll, model_time total,
                        struct pace *out, struct err *err)
{
    struct port_time now;
    enum outcome res = ports->clock->now(ports->clock_self, &now, err);
    if (res != OUT_OK)
        return res;
    *out = (struct pace){.begin = now.boot, .end = now.boot + total, .poll = poll};
    return OUT_OK;
}

enum outcome pace_rest(const struct acme_ports *ports, const struct pace *pace, model_time asked,
                       struct err *err)
{
    struct port_time now;
    enum outcome res = ports->clock->now(ports->clock_self, &now, err);
    if (res != OUT_OK)
        return res;
    if (now.boot >= pace->end)
        return OUT_NOT_YET;
    model_time until = now.boot + pace_next(pace->poll, now.boot - pace->begin, asked);
    if (until > pace->end)
        until = pace->end;
    while (now.boot < until) {
        if (pace_stopping(ports))
            return err_set(err, OUT_RETRY, "stopping: the order is noted and taken up again");
        model_time left = until - now.boot;
        ports->clock->sleep(ports->clock_self, left < PACE_SLICE ? left : PACE_SLICE);
        res = ports->clock->now(ports->clock_self, &now, err);
        if (res != OUT_OK)
            return res;
    }
    return OUT_OK;
}
