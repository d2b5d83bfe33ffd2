/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl export, danectl import. */
#include "milter/danectl_export.h"

#include "base/text.h"
#include "milter/daemon.h"
#include "milter/danectl.h"
#include "store/copy.h"
#include "store/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct moving {
    struct export_place place;
    const char **titles, **chain_files;
    struct daemon_user user;
    struct lock lock;
};

static bool undo_option(struct danectl *d, int opt, const char *arg, struct err *err)
{
    (void)opt;
    (void)arg;
    (void)err;
    d->own.flags[0] = true;
    return true;
}

static void moving_end(struct moving *m)
{
    if (m->lock.fd >= 0)
        lock_release(&m->lock);
    free(m->titles);
    free(m->chain_files);
}

/* No core files from here on, and nobody else works on the state. */
static enum outcome moving_begin(struct danectl *d, bool make, struct moving *m, struct err *err)
{
    const size_t n = d->conf->n_certificates;
    char keys[FILE_PATH_MAX];
    *m = (struct moving){.lock = {.fd = -1}};
    enum outcome out = daemon_harden(err);
    if (out == OUT_OK)
        out = daemon_find_user(d->conf->user, &m->user, err);
    m->titles = calloc(n + 1, sizeof *m->titles);
    m->chain_files = calloc(n + 1, sizeof *m->chain_files);
    if (out == OUT_OK && (m->titles == NULL || m->chain_files == NULL))
        out = err_errno(err, "%zu certificates", n);
    for (size_t i = 0; out == OUT_OK && i < n; i++) {
        m->titles[i] = d->conf->certificates[i].name;
        m->chain_files[i] = d->conf->certificates[i].chain_file;
    }
    m->place = (struct export_place){d->conf->state_dir, m->user.uid,    m->user.gid,
                                     m->titles,          m->chain_files, n};
    if (out == OUT_OK && !text_format(keys, sizeof keys, "%s/keys", d->conf->state_dir))
        out = err_set(err, OUT_REFUSED, "state_dir is too long");
    if (out == OUT_OK && make)
        out = daemon_state_dir(d->conf->state_dir, &m->user, err);
    if (out == OUT_OK && make)
        out = daemon_state_dir(keys, &m->user, err);
    if (out == OUT_OK)
        out = lock_take(d->conf->state_dir, &m->lock, err);
    if (out == OUT_NOT_YET) {
        err_prepend(err, "danemilter runs. Stop it first: \"danectl leave --apply --keep-records\" "
                         "takes it out of Postfix and leaves DNS alone (\"systemctl disable --now "
                         "danemilter\" where systemd starts it)");
        return OUT_REFUSED;
    }
    /* The daemon has to open it as well. */
    if (out == OUT_OK && fchown(m->lock.fd, m->user.uid, m->user.gid) != 0)
        out = err_errno(err, "the lock in %s", d->conf->state_dir);
    return out;
}

/* ---- export ----------------------------------------------------------------------------- */

static enum outcome export_name(struct export_set *set, const char *path, char *mark, size_t size,
                                struct err *err)
{
    struct tm tm;
    char when[32];
    time_t now = time(NULL);
    set->made = now;
    if (gethostname(set->host, sizeof set->host - 1) != 0 || gmtime_r(&now, &tm) == NULL ||
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        return err_errno(err, "the name of this host, or the time");
    (void)text_format(mark, size,
                      "this state was exported at %s to %.200s: nothing is renewed here any more. "
                      "If the other server never used it: danectl export --undo\n",
                      when, path);
    return OUT_OK;
}

static enum outcome export_do(struct moving *m, const char *path, struct err *err)
{
    char mark[500], *text = NULL;
    struct export_set *set = NULL;
    struct stat st;
    if (lstat(path, &st) == 0)
        return err_set(err, OUT_REFUSED, "%s is there already: name a new file", path);
    enum outcome out = copy_unmarked(m->place.state_dir, m->place.uid, err);
    if (out == OUT_OK)
        out = export_set_new(&set, err);
    if (out == OUT_OK)
        out = export_name(set, path, mark, sizeof mark, err);
    if (out == OUT_OK)
        out = export_take(&m->place, set, err);
    if (out == OUT_OK)
        out = export_text(set, &text, err);
    if (out == OUT_OK)
        out = export_mark(&m->place, mark, err);
    if (out == OUT_OK) {
        struct err second = ERR_INIT;
        out = export_write(path, text, err);
        if (out != OUT_OK && export_unmark(&m->place, &second) != OUT_OK)
            (void)fprintf(stderr, "danectl: and the mark stays: %s\n", second.text);
    }
    if (text != NULL)
        text_wipe(text, strlen(text));
    free(text);
    if (out == OUT_OK)
        (void)printf(
            "%zu parts of %s are in %s. It holds private keys: take it to the other server "
            "over a safe way, and delete it then.\n"
            "Here nothing is renewed any more; the chain files stay as they are. On the "
            "other server: the same danemilter.conf, then danectl import\n"
            "If it is not used there: danectl export --undo\n",
            set->n, m->place.state_dir, path);
    export_set_free(&set);
    return out;
}

static enum outcome export_undo(struct moving *m, struct err *err)
{
    enum outcome out = copy_unmarked(m->place.state_dir, m->place.uid, err);
    if (out == OUT_OK)
        return err_set(err, OUT_REFUSED, "this state was not exported: nothing to undo");
    if (strstr(err->text, "exported") == NULL)
        return out;
    err_clear(err);
    out = export_unmark(&m->place, err);
    if (out == OUT_OK)
        (void)printf("danemilter may work on this state again. Never on both servers: each would "
                     "withdraw what the other published\n");
    return out;
}

static enum danectl_status moved(enum outcome out)
{
    return out == OUT_REFUSED ? DANECTL_REFUSED : danectl_of(out);
}

static bool export_fits(const struct danectl *d, struct err *err)
{
    return d->own.flags[0] == (d->argc == 0) ||
           err_set(err, OUT_REFUSED, "export needs FILE, or --undo") == OUT_OK;
}

static enum danectl_status export_run(struct danectl *d, struct err *err)
{
    struct moving m;
    enum outcome out = moving_begin(d, false, &m, err);
    if (out == OUT_OK)
        out = d->own.flags[0] ? export_undo(&m, err) : export_do(&m, d->argv[0], err);
    moving_end(&m);
    return moved(out);
}

/* ---- import ----------------------------------------------------------------------------- */

static enum danectl_status import_run(struct danectl *d, struct err *err)
{
    const struct file_rule rule = {FILE_PRIVATE, FILE_NO_OWNER};
    struct export_set *set = NULL;
    struct moving m;
    char *text = NULL;
    size_t len = 0;
    enum outcome out = moving_begin(d, true, &m, err);
    if (out == OUT_OK)
        out = file_read(d->argv[0], rule, EXPORT_FILE_MAX, &text, &len, err);
    if (out == OUT_OK)
        out = export_parse(text, len, &set, err);
    if (text != NULL)
        text_wipe(text, len);
    free(text);
    if (out == OUT_OK)
        out = import_judge(&m.place, set, err);
    if (out == OUT_OK)
        out = import_put(&m.place, set, err);
    if (out == OUT_OK)
        (void)printf("%zu parts of %s are in %s and the chain files.\n"
                     "Start danemilter: it looks at DNS, begins every wait again and renews, but "
                     "switches and withdraws no key until you have looked (danectl status) and "
                     "said \"danectl resume CERTIFICATE\". Delete %s\n",
                     set->n, set->host, d->conf->state_dir, d->argv[0]);
    export_set_free(&set);
    moving_end(&m);
    return moved(out);
}

const struct danectl_command danectl_export_command = {
    .name = "export",
    .args = "FILE | --undo",
    .help = "the whole state with its keys as one file, for another server",
    .more = "      --undo  work on this state again; the other server must not\n",
    .options = "U",
    .option = undo_option,
    .fits = export_fits,
    .max_args = 1,
    .needs = DANECTL_NEED_CONF | DANECTL_NEED_ROOT,
    .run = export_run,
};

const struct danectl_command danectl_import_command = {
    .name = "import",
    .args = "FILE",
    .help = "take over the state that another server exported",
    .min_args = 1,
    .max_args = 1,
    .needs = DANECTL_NEED_CONF | DANECTL_NEED_ROOT,
    .run = import_run,
};
