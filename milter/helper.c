/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/helper.h"

#include "crypto/key.h"
#include "milter/helper_msg.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each operation: takes its arguments from `in`, puts its results into `out`. */
typedef enum outcome helper_fn(const struct helper_deploy *d, struct msg *in, struct msg *out,
                               struct err *err);

static enum outcome do_read(const struct helper_deploy *d, struct msg *in, struct msg *out,
                            struct err *err)
{
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    (void)in;
    enum outcome res = d->ops->read(d->self, parts, &n, err);
    if (res != OUT_OK)
        return res;
    helper_msg_put_parts(out, parts, n);
    d->ops->free_parts(d->self, parts, n);
    return OUT_OK;
}

static enum outcome do_install(const struct helper_deploy *d, struct msg *in, struct msg *out,
                               struct err *err)
{
    struct port_part parts[PORT_PARTS_MAX], expect[PORT_PARTS_MAX];
    size_t n = 0, n_expect = 0;
    bool any = false;
    (void)out;
    enum outcome res = helper_msg_take_parts(in, parts, &n, err);
    if (res == OUT_OK) {
        any = msg_take_u32(in) == 0;
        res = helper_msg_take_parts(in, expect, &n_expect, err);
    }
    if (res == OUT_OK)
        res = d->ops->install(d->self, parts, n, any ? NULL : expect, n_expect, err);
    helper_msg_free_parts(parts, n);
    helper_msg_free_parts(expect, n_expect);
    return res;
}

static enum outcome do_reload(const struct helper_deploy *d, struct msg *in, struct msg *out,
                              struct err *err)
{
    (void)in;
    (void)out;
    return d->ops->reload(d->self, err);
}

static enum outcome do_shred_old(const struct helper_deploy *d, struct msg *in, struct msg *out,
                                 struct err *err)
{
    (void)in;
    (void)out;
    return d->ops->shred_old(d->self, err);
}

static enum outcome do_running(const struct helper_deploy *d, struct msg *in, struct msg *out,
                               struct err *err)
{
    bool up = false;
    (void)in;
    enum outcome res = d->ops->running(d->self, &up, err);
    msg_put_u32(out, up ? 1 : 0);
    return res;
}

static enum outcome do_points_here(const struct helper_deploy *d, struct msg *in, struct msg *out,
                                   struct err *err)
{
    (void)in;
    (void)out;
    return d->ops->points_here(d->self, err);
}

static enum outcome do_older_than(const struct helper_deploy *d, struct msg *in, struct msg *out,
                                  struct err *err)
{
    size_t count = 0;
    model_time boot = msg_take_i64(in);
    enum outcome res = d->ops->older_than(d->self, boot, &count, err);
    msg_put_u32(out, count > UINT32_MAX ? UINT32_MAX : (uint32_t)count);
    return res;
}

static enum outcome do_services(const struct helper_deploy *d, struct msg *in, struct msg *out,
                                struct err *err)
{
    struct port_service services[PORT_SERVICES_MAX];
    size_t n = PORT_SERVICES_MAX;
    (void)in;
    if (d->ops->services == NULL)
        return err_set(err, OUT_REFUSED, "services cannot be told");
    enum outcome res = d->ops->services(d->self, services, &n, err);
    if (res == OUT_OK)
        helper_msg_put_services(out, services, n);
    return res;
}

static helper_fn *const operations[HELPER_REREAD] = {
    [HELPER_READ] = do_read,
    [HELPER_INSTALL] = do_install,
    [HELPER_RELOAD] = do_reload,
    [HELPER_SHRED_OLD] = do_shred_old,
    [HELPER_RUNNING] = do_running,
    [HELPER_POINTS_HERE] = do_points_here,
    [HELPER_OLDER_THAN] = do_older_than,
    [HELPER_SERVICES] = do_services,
};

static enum outcome do_reread(const struct helper_host *h, struct msg *out, int *fd,
                              struct err *err)
{
    bool changed = false;
    (void)fd;
    char *problems = calloc(1, HELPER_PROBLEMS_MAX);
    if (problems == NULL)
        return err_errno(err, "the configuration's problems");
    enum outcome res = h->reread(h->self, &changed, problems, HELPER_PROBLEMS_MAX, err);
    msg_put_u32(out, changed ? 1 : 0);
    msg_put_text(out, problems);
    free(problems);
    return res;
}

static enum outcome do_generation(const struct helper_host *h, struct msg *out, int *fd,
                                  struct err *err)
{
    int64_t generation = 0;
    (void)fd;
    enum outcome res = h->generation(h->self, &generation, err);
    msg_put_i64(out, generation);
    return res;
}

static enum outcome do_log_socket(const struct helper_host *h, struct msg *out, int *fd,
                                  struct err *err)
{
    (void)out;
    return h->log_socket(h->self, fd, err);
}

typedef enum outcome helper_host_fn(const struct helper_host *h, struct msg *out, int *fd,
                                    struct err *err);

static helper_host_fn *const host_operations[HELPER_N_OPS] = {
    [HELPER_REREAD] = do_reread,
    [HELPER_GENERATION] = do_generation,
    [HELPER_LOG_SOCKET] = do_log_socket,
};

/* One request, one answer: outcome, text, results; and perhaps a descriptor to send after it. */
static void answer(struct msg *in, struct msg *out, struct msg *results,
                   const struct helper_table *table, int *fd)
{
    struct err err = ERR_INIT;
    uint32_t op = msg_take_u32(in);
    uint32_t certificate = msg_take_u32(in);
    enum outcome res = OUT_REFUSED;
    msg_reset(results);
    if (!in->bad && op < HELPER_REREAD && certificate < table->n)
        res = operations[op](&table->deploys[certificate], in, results, &err);
    else if (!in->bad && op >= HELPER_REREAD && op < HELPER_N_OPS && table->host != NULL)
        res = host_operations[op](table->host, results, fd, &err);
    else
        (void)err_set(&err, OUT_REFUSED, "not an operation of the helper's table");
    if (results->bad)
        res = err_set(&err, OUT_BROKEN, "the helper's answer is too large");
    msg_reset(out);
    msg_put_u32(out, (uint32_t)res);
    msg_put_text(out, err.text);
    msg_put_bytes(out, results->buf, results->bad ? 0 : results->len);
}

enum outcome helper_serve(int fd, const struct helper_table *table, struct err *err)
{
    struct msg in, out, results;
    memset(&out, 0, sizeof out);
    memset(&results, 0, sizeof results);
    enum outcome res = msg_init(&in, err);
    if (res == OUT_OK)
        res = msg_init(&out, err);
    if (res == OUT_OK)
        res = msg_init(&results, err);
    while (res == OUT_OK) {
        res = msg_read(fd, &in, err);
        if (res != OUT_OK)
            break;
        int handed = -1;
        answer(&in, &out, &results, table, &handed);
        res = msg_write(fd, &out, err);
        if (res == OUT_OK && handed >= 0)
            res = helper_msg_send_fd(fd, handed, err);
        if (handed >= 0)
            (void)close(handed); /* the daemon has its own */
        msg_reset(&out);         /* private keys may have passed through */
        msg_reset(&results);
    }
    msg_free(&in);
    msg_free(&out);
    msg_free(&results);
    return res == OUT_NOT_YET ? OUT_OK : res;
}
