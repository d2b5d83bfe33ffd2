/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl check: everything that would stop a rollover here, before the start and at any time. */
#include "milter/danectl_check.h"

#include "base/file.h"
#include "store/store.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *const levels[] = {"ok  ", "warn", "FAIL"};
static const char *const names[] = {"ok", "warn", "FAIL"};

void danectl_check_say(struct check_run *run, enum check_level level, const char *what,
                       const char *fmt, ...)
{
    char text[ERR_TEXT_MAX + 256];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    if (level > run->worst)
        run->worst = level;
    if (!run->d->json)
        (void)printf("%s  %s: %s\n", levels[level], what, text);
    else if (json_array_append_new(run->list, json_pack("{s:s, s:s, s:s}", "level", names[level],
                                                        "what", what, "text", text)) != 0)
        (void)fprintf(stderr, "danectl: no memory for: %s: %s\n", what, text);
    (void)fflush(stdout); /* what follows may take a while */
}

static void say_problem(void *self, const char *problem)
{
    danectl_check_say(self, CHECK_FAIL, "configuration", "%s", problem);
}

static void say_note(void *self, const char *note)
{
    danectl_check_say(self, CHECK_WARN, "configuration", "%s", note);
}

static enum outcome check_load(struct check_run *run)
{
    struct danectl *d = run->d;
    struct err err = ERR_INIT;
    struct conf_source source = {.path = d->conf_path,
                                 .user = FILE_NO_OWNER,
                                 .without_secrets = geteuid() != 0,
                                 .say = say_problem,
                                 .note = say_note,
                                 .self = run};
    enum outcome out = conf_load(&source, &d->conf, &err);
    if (out == OUT_BROKEN)
        danectl_check_say(run, CHECK_FAIL, "configuration", "%s", err.text);
    if (out == OUT_OK)
        danectl_check_say(run, CHECK_OK, "configuration", "%s is right", d->conf_path);
    if (geteuid() != 0)
        danectl_check_say(run, CHECK_WARN, "danectl",
                          "not run as root: key files and chain files are not looked at");
    return out;
}

static void check_peaks(struct check_run *run, const struct conf_certificate *c)
{
    for (size_t i = 0; i < c->n_owners; i++)
        danectl_check_say(run, CHECK_OK, c->owners[i].owner,
                          "will hold at most %zu records (%zu generations of %zu key(s), %u "
                          "combination(s)); %d are possible",
                          conf_peak(run->d->conf, c->owners[i].owner), conf_generations(c),
                          c->n_algs, (unsigned)c->policy.n_combos, MODEL_RRSET_MAX);
}

static bool check_in_use(const struct conf *conf, const struct conf_acme *ca)
{
    for (size_t i = 0; i < conf->n_certificates; i++) {
        if (conf->certificates[i].acme == ca)
            return true;
    }
    return false;
}

static void check_all(struct check_run *run)
{
    const struct conf *conf = run->d->conf;
    danectl_check_host(run);
    for (size_t i = 0; i < conf->n_certificates; i++)
        danectl_check_postfix(run, &conf->certificates[i]);
    for (size_t i = 0; i < conf->n_dns; i++)
        danectl_check_provider(run, &conf->dns[i]);
    for (size_t i = 0; i < conf->n_acme; i++) {
        if (check_in_use(conf, &conf->acme[i]))
            danectl_check_ca(run, &conf->acme[i]);
    }
    struct err err = ERR_INIT, none = ERR_INIT; /* before the first start nothing is stored */
    if (store_open_readonly(conf->state_dir, danectl_owner(conf), &run->d->store, &none) != OUT_OK)
        run->d->store = NULL;
    if (sender_open(conf, NULL, NULL, &run->sender, &err) != OUT_OK) {
        danectl_check_say(run, CHECK_FAIL, "DNSSEC", "%s", err.text);
        return;
    }
    for (size_t i = 0; i < conf->n_certificates; i++) {
        check_peaks(run, &conf->certificates[i]);
        danectl_check_challenges(run, &conf->certificates[i]);
        danectl_check_hosts(run, &conf->certificates[i]);
    }
    danectl_check_domain(run);
}

static enum danectl_status run(struct danectl *d, struct err *err)
{
    static const char *const says[] = {"nothing stands in the way of a rollover",
                                       "it works, but look at the lines with warn",
                                       "mend the lines with FAIL first"};
    static const enum danectl_status codes[] = {DANECTL_OK, DANECTL_ATTENTION, DANECTL_FAILED};
    struct check_run r = {.d = d, .list = json_array(), .uid = (uid_t)-1};
    if (r.list == NULL)
        return danectl_of(err_set(err, OUT_BROKEN, "no memory for JSON"));
    if (check_load(&r) == OUT_OK)
        check_all(&r);
    sender_close(&r.sender);
    enum danectl_status status = codes[r.worst];
    if (d->json && danectl_print_json(json_pack("{s:s, s:s, s:O}", "result", names[r.worst], "says",
                                                says[r.worst], "checks", r.list),
                                      err) != DANECTL_OK)
        status = DANECTL_FAILED;
    if (!d->json)
        (void)printf("%s\n", says[r.worst]);
    json_decref(r.list);
    return status;
}

const struct danectl_command danectl_check_command = {
    .name = "check",
    .args = "",
    .help = "what would stop a rollover here; before the first start, and at any time",
    .more = "  Changes nothing. Run it as root. Exit 0: all ok; 3: warnings; 1: something FAILs.\n",
    .min_args = 0,
    .max_args = 0,
    .needs = 0,
    .run = run,
    .json = true,
};
