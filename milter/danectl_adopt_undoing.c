/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl adopt --undo: may it be, then back, reload, and the record goes. */
#include "milter/danectl_adopt_back.h"

#include "milter/danectl_adopt_postfix.h"
#include "milter/danectl_adopt_undo.h"
#include "milter/danectl_state.h"
#include "postfix/deploy.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct undoing {
    struct danectl *d;
    json_t *list;
};

static void say(void *self, const char *text)
{
    struct undoing *u = self;
    if (!u->d->json)
        (void)printf("%s\n", text);
    else if (json_array_append_new(u->list, json_string(text)) != 0)
        (void)fprintf(stderr, "danectl: no memory for: %s\n", text);
}

/* One certificate: does the daemon want any record of it in DNS? */
static enum outcome published(struct danectl *d, const struct conf_certificate *c, bool *yes,
                              struct err *err)
{
    struct danectl_state *state = NULL;
    enum outcome res = danectl_state_load(d, c, &state, err);
    if (res == OUT_NOT_YET) {
        err_clear(err);
        return OUT_OK;
    }
    for (size_t i = 0; res == OUT_OK && i < MODEL_MAX_OWNERS; i++)
        *yes = *yes || state->st.facts.owners[i].want != 0;
    danectl_state_free(&state);
    return res;
}

/* No configuration, or one that was never completed: then no daemon ever ran with it. */
static enum outcome any_published(struct danectl *d, bool *yes, struct err *err)
{
    struct conf_source source = {
        .path = d->conf_path, .user = FILE_NO_OWNER, .without_secrets = true, .without_host = true};
    const char *dir = "/var/lib/danemilter/main";
    char db[FILE_PATH_MAX];
    *yes = false;
    if (access(d->conf_path, F_OK) == 0 && conf_load(&source, &d->conf, err) == OUT_OK)
        dir = d->conf->state_dir;
    err_clear(err);
    (void)snprintf(db, sizeof db, "%.*s/state.db", (int)sizeof db - 10, dir);
    if (access(db, F_OK) != 0)
        return OUT_OK;
    if (d->conf == NULL)
        return err_set(err, OUT_REFUSED,
                       "there is a state in %s, and no configuration %s that can be read to look "
                       "into it: mend it (danectl config --check)",
                       dir, d->conf_path);
    enum outcome res = sysclock_init(&d->clock, err);
    if (res == OUT_OK)
        res = store_open_readonly(dir, danectl_owner(d->conf), &d->store, err);
    for (size_t i = 0; res == OUT_OK && i < d->conf->n_certificates; i++)
        res = published(d, &d->conf->certificates[i], yes, err);
    return res;
}

static enum outcome reload(const struct adopt_undo *undo, struct err *err)
{
    struct deploy deploy = {.config_dir = undo->config_dir,
                            .chain_file = "",
                            .postfix = ADOPT_POSTFIX,
                            .postconf = ADOPT_POSTCONF,
                            .proc = "/proc",
                            .timeout_ms = ADOPT_TIMEOUT_MS};
    bool up = false;
    enum outcome res = deploy_ops.running(&deploy, &up, err);
    return res == OUT_OK && up ? adopt_pf_command(undo->config_dir, "reload", err) : res;
}

/* Files go last and only when Postfix reads them no longer. */
static enum outcome put_back(struct undoing *u, const struct adopt_undo *undo, struct err *err)
{
    struct adopt_undo_ask ask = {
        .files = ADOPT_FILES_KEEP, .dry_run = u->d->dry_run, .say = say, .self = u};
    enum outcome res = adopt_undo_apply(undo, &ask, err);
    if (res == OUT_OK && !u->d->dry_run)
        res = reload(undo, err);
    ask.files = ADOPT_FILES_OURS;
    if (res == OUT_OK)
        res = adopt_undo_apply(undo, &ask, err);
    if (res == OUT_OK && !u->d->dry_run)
        res = adopt_undo_remove(undo->path, err);
    return res;
}

enum danectl_status adopt_back_run(struct danectl *d, struct err *err)
{
    struct adopt_undo *undo = NULL;
    struct undoing u = {.d = d};
    bool yes = false;
    enum outcome res = adopt_undo_load(ADOPT_UNDO, &undo, err);
    if (res == OUT_NOT_YET) {
        (void)err_set(err, res, "there is nothing to undo: no %s", ADOPT_UNDO);
        return DANECTL_FAILED;
    }
    if (res == OUT_OK)
        res = any_published(d, &yes, err);
    if (res == OUT_OK && yes) {
        adopt_undo_free(&undo);
        (void)err_set(err, OUT_REFUSED,
                      "danemilter publishes TLSA records for the present key: without it senders "
                      "would put off their mail. Nothing was changed; danectl leave withdraws them "
                      "first, and then does this");
        return DANECTL_REFUSED;
    }
    u.list = json_array();
    if (res == OUT_OK && u.list == NULL)
        res = err_set(err, OUT_BROKEN, "no memory");
    if (res == OUT_OK)
        res = put_back(&u, undo, err);
    enum danectl_status status = danectl_of(res);
    if (res == OUT_OK && d->json)
        status = danectl_print_json(json_pack("{s:O}", "done", u.list), err);
    json_decref(u.list);
    adopt_undo_free(&undo);
    return status;
}
