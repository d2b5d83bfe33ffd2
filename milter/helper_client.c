/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/helper.h"

#include "milter/helper_msg.h"

#include <string.h>

static void begin(const struct helper_client *c, enum helper_op op)
{
    msg_reset(c->msg);
    msg_put_u32(c->msg, (uint32_t)op);
    msg_put_u32(c->msg, c->certificate);
}

/* Sends the request; afterwards the message stands at the results. */
static enum outcome call(const struct helper_client *c, struct err *err)
{
    enum outcome out = msg_write(c->fd, c->msg, err);
    if (out == OUT_OK)
        out = msg_read(c->fd, c->msg, err);
    if (out != OUT_OK) {
        if (c->lost != NULL)
            c->lost();
        return OUT_BROKEN;
    }
    uint32_t res = msg_take_u32(c->msg);
    char text[ERR_TEXT_MAX];
    msg_take_text(c->msg, text, sizeof text);
    (void)msg_take_u32(c->msg); /* the length of the results, which are taken one by one */
    if (c->msg->bad || res > (uint32_t)OUT_BROKEN)
        return err_set(err, OUT_BROKEN, "the helper's answer makes no sense");
    return err_set(err, (enum outcome)res, "%s", text);
}

static enum outcome end(const struct helper_client *c, enum outcome out, struct err *err)
{
    if (out == OUT_OK && c->msg->bad)
        return err_set(err, OUT_BROKEN, "the helper's answer is cut short");
    return out;
}

static enum outcome client_read(void *self, struct port_part *parts, size_t *n, struct err *err)
{
    const struct helper_client *c = self;
    begin(c, HELPER_READ);
    enum outcome out = call(c, err);
    if (out == OUT_OK)
        out = helper_msg_take_parts(c->msg, parts, n, err);
    msg_reset(c->msg);
    return out;
}

static void client_free_parts(void *self, struct port_part *parts, size_t n)
{
    (void)self;
    helper_msg_free_parts(parts, n);
}

static enum outcome client_install(void *self, const struct port_part *parts, size_t n,
                                   const struct port_part *expect, size_t n_expect, struct err *err)
{
    const struct helper_client *c = self;
    begin(c, HELPER_INSTALL);
    helper_msg_put_parts(c->msg, parts, n);
    msg_put_u32(c->msg, expect != NULL);
    helper_msg_put_parts(c->msg, expect, expect != NULL ? n_expect : 0);
    return call(c, err);
}

static enum outcome client_reload(void *self, struct err *err)
{
    struct helper_client *c = self;
    begin(c, HELPER_RELOAD);
    enum outcome out = call(c, err);
    if (out == OUT_OK)
        c->reloads++;
    return out;
}

static enum outcome client_shred_old(void *self, struct err *err)
{
    const struct helper_client *c = self;
    begin(c, HELPER_SHRED_OLD);
    return call(c, err);
}

static enum outcome client_running(void *self, bool *up, struct err *err)
{
    const struct helper_client *c = self;
    begin(c, HELPER_RUNNING);
    enum outcome out = call(c, err);
    *up = out == OUT_OK && msg_take_u32(c->msg) != 0;
    return end(c, out, err);
}

static enum outcome client_points_here(void *self, struct err *err)
{
    const struct helper_client *c = self;
    begin(c, HELPER_POINTS_HERE);
    return call(c, err);
}

static enum outcome client_older_than(void *self, model_time boot, size_t *count, struct err *err)
{
    const struct helper_client *c = self;
    begin(c, HELPER_OLDER_THAN);
    msg_put_i64(c->msg, boot);
    enum outcome out = call(c, err);
    if (out == OUT_OK)
        *count = msg_take_u32(c->msg);
    return end(c, out, err);
}

static enum outcome client_services(void *self, struct port_service *out, size_t *n,
                                    struct err *err)
{
    const struct helper_client *c = self;
    begin(c, HELPER_SERVICES);
    enum outcome res = call(c, err);
    return res == OUT_OK ? helper_msg_take_services(c->msg, out, n, err) : res;
}

const struct port_deploy_ops helper_ops = {
    .read = client_read,
    .free_parts = client_free_parts,
    .install = client_install,
    .reload = client_reload,
    .shred_old = client_shred_old,
    .running = client_running,
    .points_here = client_points_here,
    .older_than = client_older_than,
    .services = client_services,
};

enum outcome helper_reread(const struct helper_client *c, bool *changed, char **problems,
                           struct err *err)
{
    *problems = NULL;
    begin(c, HELPER_REREAD);
    enum outcome out = call(c, err);
    if (out != OUT_OK && out != OUT_REFUSED)
        return out; /* nothing came with it */
    *changed = msg_take_u32(c->msg) != 0;
    *problems = msg_take_text_dup(c->msg, HELPER_PROBLEMS_MAX);
    return end(c, out, err);
}

enum outcome helper_generation(const struct helper_client *c, int64_t *out, struct err *err)
{
    begin(c, HELPER_GENERATION);
    enum outcome res = call(c, err);
    if (res == OUT_OK)
        *out = msg_take_i64(c->msg);
    return end(c, res, err);
}

enum outcome helper_log_socket(const struct helper_client *c, int *fd, struct err *err)
{
    begin(c, HELPER_LOG_SOCKET);
    enum outcome res = call(c, err);
    return res == OUT_OK ? helper_msg_take_fd(c->fd, fd, err) : res;
}
