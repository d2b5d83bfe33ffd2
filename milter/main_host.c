/* SPDX-License-Identifier: BSD-2-Clause */
/* What the helper answers about this host: is everything we were started with still the same? */
#include "config.h"

#include "milter/main.h"

#include "base/file.h"
#include "postfix/procs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where conf_load's problems go, a line each. */
struct problems {
    char *out;
    size_t size, len;
};

static void add_problem(void *self, const char *problem)
{
    struct problems *p = self;
    int n = snprintf(p->out + p->len, p->size - p->len, "%s\n", problem);
    if (n > 0 && (size_t)n < p->size - p->len)
        p->len += (size_t)n;
    else
        p->out[p->len] = '\0'; /* that one does not fit any more */
}

/* A configuration as text, for comparing. */
static enum outcome text_of(const struct conf *conf, char **out, struct err *err)
{
    size_t len = 0;
    FILE *stream = open_memstream(out, &len);
    if (stream == NULL)
        return err_errno(err, "comparing configurations");
    enum outcome res = conf_dump(conf, CONF_DUMP_ALL, stream, err);
    if (fclose(stream) != 0 && res == OUT_OK)
        res = err_errno(err, "comparing configurations");
    if (res != OUT_OK) {
        free(*out);
        *out = NULL;
    }
    return res;
}

/* The dump names files of secrets only, so what is in them is compared by itself. */
static bool same_secrets(const struct conf *a, const struct conf *b)
{
    if (a->n_dns != b->n_dns)
        return false;
    for (size_t i = 0; i < a->n_dns; i++) {
        if (strcmp(a->dns[i].tsig.name, b->dns[i].tsig.name) != 0 ||
            strcmp(a->dns[i].tsig.algorithm, b->dns[i].tsig.algorithm) != 0 ||
            strcmp(a->dns[i].tsig.secret, b->dns[i].tsig.secret) != 0 ||
            strcmp(a->dns[i].api_key, b->dns[i].api_key) != 0)
            return false;
    }
    return true;
}

static enum outcome same_conf(const struct conf *a, const struct conf *b, bool *same,
                              struct err *err)
{
    char *text_a = NULL, *text_b = NULL;
    enum outcome out = text_of(a, &text_a, err);
    if (out == OUT_OK)
        out = text_of(b, &text_b, err);
    *same = out == OUT_OK && strcmp(text_a, text_b) == 0 && same_secrets(a, b);
    free(text_a);
    free(text_b);
    return out;
}

/* The program or a library that it maps was replaced: its file has no name any more. */
static enum outcome replaced(bool *yes, struct err *err)
{
    char line[4096];
    *yes = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL)
        return err_errno(err, "/proc/self/maps");
    while (!*yes && fgets(line, sizeof line, maps) != NULL) {
        const char *gone = strstr(line, " (deleted)\n");
        const char *path = strchr(line, '/');
        *yes = gone != NULL && path != NULL &&
               (strstr(path, ".so") != NULL || strstr(path, "/danemilter (deleted)") != NULL);
    }
    if (fclose(maps) != 0)
        return err_errno(err, "/proc/self/maps");
    return OUT_OK;
}

static enum outcome host_reread(void *self, bool *changed, char *problems, size_t size,
                                struct err *err)
{
    const struct daemon *d = self;
    const struct conf *conf = NULL;
    struct problems list = {.out = problems, .size = size};
    struct conf_source source = {
        .path = d->path, .user = FILE_NO_OWNER, .say = add_problem, .self = &list};
    bool same = true, upgraded = false;
    enum outcome out = conf_load(&source, &conf, err);
    if (out == OUT_OK)
        out = same_conf(d->conf, conf, &same, err);
    if (out == OUT_OK)
        out = replaced(&upgraded, err);
    *changed = !same || upgraded;
    conf_unref(&conf);
    return out;
}

static enum outcome host_generation(void *self, int64_t *out, struct err *err)
{
    const struct daemon *d = self;
    const struct procs procs = {.proc = "/proc"};
    *out = 0;
    return d->master != NULL ? procs_child(&procs, d->master->parent, "qmgr", out, err) : OUT_OK;
}

static enum outcome host_log_socket(void *self, int *fd, struct err *err)
{
    const struct daemon *d = self;
    return maillog_connect(&d->log, fd, err);
}

/* Opened when a key is first asked for: a folder that cannot be opened fails what needs it, and is
 * tried again. It must not end the helper, and the daemon with it: under master that would be a
 * circle of starts, while the daemon can say it and wait. */
static enum outcome load_key(void *self, const uint8_t spki[MODEL_ID_LEN], struct key **out,
                             struct err *err)
{
    struct daemon *d = self;
    *out = NULL;
    enum outcome res =
        d->keydir != NULL ? OUT_OK : keydir_open(d->keys_path, d->user.uid, &d->keydir, err);
    if (res != OUT_OK)
        return res;
    const struct key_loader loader = keydir_loader(d->keydir);
    return loader.load(loader.self, spki, out, err);
}

/* The helper's life, then its exit status. */
int main_host_help(struct daemon *d)
{
    struct err err = ERR_INIT;
    const struct helper_host host = {.reread = host_reread,
                                     .generation = host_generation,
                                     .log_socket = host_log_socket,
                                     .self = d};
    const struct helper_table table = {.deploys = d->table, .n = d->n, .host = &host};
    if (d->master != NULL)
        master_let_go();
    for (size_t i = 0; i < d->n; i++)
        d->deploys[i].keys = (struct key_loader){.load = load_key, .self = d};
    enum outcome out = helper_serve(d->fd, &table, &err);
    keydir_close(&d->keydir);
    if (out != OUT_OK) {
        err_prepend(&err, "the helper");
        maillog_ops.line(&d->log, PORT_LOG_ERROR, err.text);
    }
    return out == OUT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
