/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of a plan, one after the other; what each changes is recorded first. */
#include "milter/danectl_adopt.h"

#include "crypto/bundle.h"
#include "crypto/key.h"
#include "milter/danectl_adopt_postfix.h"
#include "milter/danectl_adopt_undo.h"
#include "postfix/chainfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DO_TEXT_MAX (ADOPT_CONF_MAX + 4096)

struct doing {
    const struct adopt_facts *f;
    struct adopt_undo *undo;
};

/* ---- files ------------------------------------------------------------------------------------
 */

static enum outcome load_key(void *self, const uint8_t spki[MODEL_ID_LEN], struct key **out,
                             struct err *err)
{
    const struct adopt_facts *f = self;
    for (size_t i = 0; i < f->n_parts; i++) {
        if (memcmp(f->parts[i].spki, spki, MODEL_ID_LEN) == 0)
            return key_from_pem(f->parts[i].key_pem, strlen(f->parts[i].key_pem), out, err);
    }
    return err_set(err, OUT_BROKEN, "a key that was not read");
}

static enum outcome do_folder(struct doing *d, const char *path, const char **result,
                              struct err *err)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        *result = "is there";
        return OUT_OK;
    }
    enum outcome res = adopt_undo_add(d->undo, ADOPT_FOLDER, path, NULL, NULL, err);
    if (res == OUT_OK && mkdir(path, 0755) != 0 && errno != EEXIST)
        res = err_errno(err, "cannot make %s", path);
    if (res == OUT_OK && chmod(path, 0755) != 0)
        res = err_errno(err, "cannot set the mode of %s", path);
    return res;
}

static enum outcome do_chain(struct doing *d, const char *path, struct err *err)
{
    struct adopt_facts *f = malloc(sizeof *f);
    struct key_loader keys = {load_key, f};
    char sum[ADOPT_SUM_MAX];
    char *text = NULL;
    size_t len = 0;
    if (f == NULL)
        return err_errno(err, "the chain file");
    *f = *d->f; /* the loader wants one that may change */
    enum outcome res = bundle_write(f->parts, f->n_parts, &keys, &text, &len, err);
    if (res == OUT_OK)
        res = adopt_sum(text, len, sum, err);
    bundle_drop(&text, len);
    if (res == OUT_OK)
        res = adopt_undo_add(d->undo, ADOPT_CHAIN, path, NULL, sum, err);
    if (res == OUT_OK)
        res = chainfile_install(path, f->parts, f->n_parts, &keys, err);
    free(f);
    return res;
}

static enum outcome do_conf(struct doing *d, const char *path, const char *text, struct err *err)
{
    const struct file_rule rule = {FILE_ANY_READER, FILE_NO_OWNER};
    struct file_folder folder = {.fd = -1};
    char dir[FILE_PATH_MAX], sum[ADOPT_SUM_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path || (size_t)(slash - path) >= sizeof dir)
        return err_set(err, OUT_REFUSED, "%s: give the configuration's whole path", path);
    (void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    enum outcome res = adopt_sum(text, strlen(text), sum, err);
    if (res == OUT_OK)
        res = adopt_undo_add(d->undo, ADOPT_FILE, path, NULL, sum, err);
    if (res == OUT_OK)
        res = file_folder_open(dir, rule, &folder, err);
    if (res == OUT_OK)
        res = file_write_at(&folder, slash + 1, 0644, text, strlen(text), err);
    file_folder_close(&folder);
    return res;
}

/* ---- Postfix ----------------------------------------------------------------------------------
 */

/* All old values at once, before the first change: whoever reads main.cf within a second of a
 * change is made to wait by Postfix's own reader. */
static enum outcome read_before(const char *dir, const struct adopt_plan *plan,
                                char *before[ADOPT_STEPS_MAX], struct err *err)
{
    enum outcome res = OUT_OK;
    for (size_t i = 0; i < plan->n_steps && res == OUT_OK; i++) {
        const struct adopt_step *s = &plan->steps[i];
        if (s->what == ADOPT_DO_PARAM)
            res = adopt_pf_param(dir, s->name, &before[i], err);
        else if (s->what == ADOPT_DO_DROP || s->what == ADOPT_DO_SERVICE)
            res = adopt_pf_service(dir, s->name, &before[i], err);
    }
    return res;
}

static enum outcome do_param(struct doing *d, const struct adopt_step *s, const char *before,
                             struct err *err)
{
    enum outcome res = adopt_undo_add(d->undo, ADOPT_PARAM, s->name, before, s->value, err);
    return res == OUT_OK ? adopt_pf_set_param(d->f->config_dir, s->name, s->value, err) : res;
}

/* A service's line as postconf prints it is known only afterwards. */
static enum outcome do_service(struct doing *d, const struct adopt_step *s, const char *before,
                               struct err *err)
{
    const char *dir = d->f->config_dir;
    char *after = NULL;
    enum outcome res = adopt_undo_add(d->undo, ADOPT_SERVICE, s->name, before, NULL, err);
    if (res == OUT_OK)
        res = s->what == ADOPT_DO_DROP ? adopt_pf_drop(dir, s->name, s->value, err)
                                       : adopt_pf_set_service(dir, s->name, s->value, err);
    if (res == OUT_OK)
        res = adopt_pf_service(dir, s->name, &after, err);
    if (res == OUT_OK)
        res = adopt_undo_add(d->undo, ADOPT_SERVICE, s->name, NULL, after, err);
    free(after);
    return res;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static enum outcome do_step(struct doing *d, const struct adopt_step *s, const char *before,
                            const char **result, struct err *err)
{
    switch (s->what) {
    case ADOPT_DO_FOLDER:
        return do_folder(d, s->name, result, err);
    case ADOPT_DO_CHAIN:
        return do_chain(d, s->name, err);
    case ADOPT_DO_CONF:
        return do_conf(d, s->name, s->value, err);
    case ADOPT_DO_PARAM:
        return do_param(d, s, before, err);
    case ADOPT_DO_DROP:
    case ADOPT_DO_SERVICE:
        return do_service(d, s, before, err);
    case ADOPT_DO_RELOAD:
        return adopt_pf_command(d->f->config_dir, s->name, err);
    }
    return err_set(err, OUT_BROKEN, "a step of an unknown kind");
}

enum outcome adopt_do(const struct adopt_facts *facts, const struct adopt_plan *plan, bool quiet,
                      struct err *err)
{
    struct doing d = {.f = facts};
    char *before[ADOPT_STEPS_MAX] = {NULL};
    char *text = malloc(DO_TEXT_MAX);
    if (text == NULL)
        return err_errno(err, "the steps");
    enum outcome res = adopt_undo_begin(ADOPT_UNDO, facts->config_dir, &d.undo, err);
    if (res == OUT_OK)
        res = read_before(facts->config_dir, plan, before, err);
    for (size_t i = 0; i < plan->n_steps && res == OUT_OK; i++) {
        const char *result = "done";
        adopt_step_text(facts, &plan->steps[i], text, DO_TEXT_MAX);
        if (!quiet)
            (void)printf("%zu. %s: ", i + 1, text);
        (void)fflush(stdout);
        res = do_step(&d, &plan->steps[i], before[i], &result, err);
        if (!quiet)
            (void)printf("%s\n", res == OUT_OK ? result : "FAILED");
    }
    if (res == OUT_OK && d.undo->n > 0)
        res = adopt_undo_complete(d.undo, err);
    for (size_t i = 0; i < ADOPT_STEPS_MAX; i++)
        free(before[i]);
    adopt_undo_free(&d.undo);
    free(text);
    return res;
}
