/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl adopt: the command. */
#include "milter/danectl_adopt.h"

#include "milter/danectl.h"
#include "milter/danectl_adopt_back.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ADOPT_STEP_TEXT (ADOPT_CONF_MAX + 4096)

enum { FLAG_APPLY, FLAG_UNDO };

static const char *const levels[] = {"ok  ", "warn", "STOP"};
static const char *const level_names[] = {"ok", "warn", "stop"};

/* ---- options ----------------------------------------------------------------------------------
 */

static bool adopt_option(struct danectl *d, int opt, const char *arg, struct err *err)
{
    if (opt == 'A' || opt == 'U') {
        d->own.flags[opt == 'A' ? FLAG_APPLY : FLAG_UNDO] = true;
        return true;
    }
    if (strchr("HDPCINar", opt) == NULL)
        return false;
    if (arg[0] == '\0' || strpbrk(arg, "\"\\\n\r{}") != NULL) {
        (void)err_set(err, OUT_REFUSED, "\"%.100s\" cannot be: it is empty, or has quotes", arg);
        return false;
    }
    if (d->own.n_given == DANECTL_GIVEN_MAX) {
        (void)err_set(err, OUT_REFUSED, "more than %d options", DANECTL_GIVEN_MAX);
        return false;
    }
    d->own.given[d->own.n_given].opt = opt;
    d->own.given[d->own.n_given++].arg = arg;
    return true;
}

static bool wish_right(const struct adopt_wishes *w, struct err *err)
{
    char part[4][256];
    if (w->issuer != NULL && strcmp(w->issuer, "acme") != 0 && strcmp(w->issuer, "selfsigned") != 0)
        (void)err_set(err, OUT_REFUSED, "--issuer is acme or selfsigned");
    else if (w->ca != NULL && strncmp(w->ca, "https://", 8) != 0)
        (void)err_set(err, OUT_REFUSED, "--ca is the https URL of the CA's directory");
    else if (w->dns != NULL && !adopt_dns_split(w->dns, part))
        (void)err_set(err, OUT_REFUSED,
                      "--dns is rfc2136:SERVER:ZONE:KEYFILE or powerdns:URL:ZONE:KEYFILE");
    else
        return true;
    return false;
}

static bool wishes_of(const struct danectl *d, struct adopt_wishes *w, struct err *err)
{
    memset(w, 0, sizeof *w);
    w->config_dir = "/etc/postfix";
    w->conf_path = d->conf_path;
    if (getenv("MAIL_CONFIG") != NULL)
        w->config_dir = getenv("MAIL_CONFIG");
    for (size_t i = 0; i < d->own.n_given; i++) {
        const char *arg = d->own.given[i].arg;
        const struct {
            int opt;
            const char **to;
        } rows[] = {{'D', &w->domain}, {'P', &w->config_dir}, {'C', &w->ca},      {'I', &w->issuer},
                    {'N', &w->dns},    {'a', &w->anchor},     {'r', &w->resolver}};
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            if (rows[k].opt == d->own.given[i].opt)
                *rows[k].to = arg;
        }
        if (d->own.given[i].opt == 'H' && w->n_hosts < ADOPT_HOSTS_MAX)
            w->hosts[w->n_hosts++] = arg;
    }
    return wish_right(w, err);
}

/* ---- printing ---------------------------------------------------------------------------------
 */

static void print_steps(const struct adopt_facts *f, const struct adopt_plan *p, char *text)
{
    for (size_t i = 0; i < p->n_steps; i++) {
        adopt_step_text(f, &p->steps[i], text, ADOPT_STEP_TEXT);
        (void)printf("  %zu. %s\n", i + 1, text);
    }
    for (size_t i = 0; i < p->n_steps; i++) {
        if (p->steps[i].what != ADOPT_DO_CONF)
            continue;
        (void)printf("\n%s:\n", p->steps[i].name);
        for (const char *line = p->steps[i].value; *line != '\0';) {
            size_t len = strcspn(line, "\n");
            (void)printf("  | %.*s\n", (int)len, line);
            line += len + (line[len] == '\n' ? 1 : 0);
        }
    }
}

static void print_findings(const struct adopt_plan *p, enum adopt_level least)
{
    for (size_t i = 0; i < p->n_findings; i++) {
        if (p->findings[i].level >= least)
            (void)printf("%s  %s\n", levels[p->findings[i].level], p->findings[i].text);
    }
}

static void print_plan(const struct adopt_facts *f, const struct adopt_plan *p, char *text)
{
    (void)printf("What is there:\n");
    print_findings(p, ADOPT_SAID);
    (void)printf("\nSteps (danectl adopt --apply takes them, --undo takes them back):\n");
    print_steps(f, p, text);
    (void)printf("\nRecords that danemilter will publish (and a standby beside each):\n");
    for (size_t i = 0; i < p->n_records; i++)
        (void)printf("  %s\n", p->records[i]);
    (void)printf("\n");
    for (size_t i = 0; i < p->n_advice; i++)
        (void)printf("%s%s\n", i == 0 ? "" : "  ", p->advice[i]);
}

static json_t *json_lines(const char *first, size_t size, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < n; i++) {
        if (json_array_append_new(list, json_string(first + i * size)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *json_steps(const struct adopt_facts *f, const struct adopt_plan *p, char *text)
{
    static const char *const kinds[] = {"folder", "chain_file", "configuration", "parameter",
                                        "drop",   "service",    "reload"};
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < p->n_steps; i++) {
        adopt_step_text(f, &p->steps[i], text, ADOPT_STEP_TEXT);
        if (json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "kind",
                                                  kinds[p->steps[i].what], "name", p->steps[i].name,
                                                  "value", p->steps[i].value, "command", text)) !=
            0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *json_plan(const struct adopt_facts *f, const struct adopt_plan *p, char *text)
{
    json_t *findings = json_array();
    for (size_t i = 0; findings != NULL && i < p->n_findings; i++) {
        if (json_array_append_new(findings, json_pack("{s:s, s:s}", "level",
                                                      level_names[p->findings[i].level], "text",
                                                      p->findings[i].text)) != 0) {
            json_decref(findings);
            findings = NULL;
        }
    }
    return json_pack("{s:s, s:b, s:b, s:s, s:o, s:o, s:o, s:o}", "verdict", level_names[p->worst],
                     "possible", (int)(p->worst != ADOPT_REFUSES), "to_complete",
                     (int)p->placeholders, "postfix_config", f->config_dir, "findings", findings,
                     "steps", json_steps(f, p, text), "records",
                     json_lines(p->records[0], sizeof p->records[0], p->n_records), "advice",
                     json_lines(p->advice[0], sizeof p->advice[0], p->n_advice));
}

/* ---- plan, apply ------------------------------------------------------------------------------
 */

static enum outcome look(const struct adopt_wishes *w, struct adopt_facts *f, struct err *err)
{
    f->now = (model_time)time(NULL) * 1000;
    enum outcome res = adopt_facts_postfix(w, f, err);
    if (res == OUT_OK)
        res = adopt_facts_cert(f, err);
    if (res == OUT_OK)
        res = adopt_facts_dns(w, f, err);
    if (res == OUT_OK)
        res = adopt_facts_conf(w, f, err);
    if (res == OUT_OK)
        adopt_facts_chain(f);
    return res;
}

/* Once more by STARTTLS, now that Postfix reads the new file. */
static bool still_shown(const struct adopt_wishes *w, struct adopt_facts *f, struct err *err)
{
    bool good = true;
    memset(f->hosts, 0, sizeof f->hosts);
    f->n_hosts = 0;
    if (adopt_facts_dns(w, f, err) != OUT_OK)
        return false;
    for (size_t i = 0; i < f->n_hosts && good; i++) {
        for (size_t k = 0; k < f->hosts[i].n_targets && good; k++) {
            const struct adopt_target *t = &f->hosts[i].targets[k];
            good = t->reach == ADOPT_SHOWN || t->reach == ADOPT_UNREACHED;
            if (!good)
                (void)err_set(err, OUT_REFUSED,
                              "%s at %s does not show the certificate any more (%s): danectl adopt "
                              "--undo, and look into the mail log",
                              f->hosts[i].name, t->address, t->why);
        }
    }
    return good;
}

static enum danectl_status apply(struct danectl *d, const struct adopt_wishes *w,
                                 struct adopt_facts *f, const struct adopt_plan *p, struct err *err)
{
    if (!d->json)
        print_findings(p, ADOPT_WARNS);
    enum outcome res = adopt_do(f, p, d->json, err);
    if (res != OUT_OK) {
        err_prepend(err, "adopt stopped (once more goes on here, --undo goes back)");
        return DANECTL_FAILED;
    }
    if (!still_shown(w, f, err))
        return DANECTL_FAILED;
    if (d->json)
        return DANECTL_OK;
    (void)printf("Done: each address shows the same certificate as before.\n");
    if (p->placeholders)
        (void)printf("Complete %s (danectl config --check says what is missing), then: danectl "
                     "check, and postfix -c %s reload\n",
                     w->conf_path, f->config_dir);
    else
        (void)printf("Next: danectl check; danectl status\n");
    return p->placeholders ? DANECTL_ATTENTION : DANECTL_OK;
}

static enum danectl_status planned(struct danectl *d, const struct adopt_wishes *w,
                                   struct adopt_facts *f, struct adopt_plan *p, struct err *err)
{
    char *text = malloc(ADOPT_STEP_TEXT);
    enum danectl_status status = DANECTL_OK;
    bool go = d->own.flags[FLAG_APPLY] && !d->dry_run;
    if (text == NULL)
        return danectl_of(err_errno(err, "the plan"));
    adopt_plan_make(f, w, p);
    if (p->worst == ADOPT_REFUSES)
        go = false;
    if (d->json)
        status = danectl_print_json(json_plan(f, p, text), err);
    else if (!go)
        print_plan(f, p, text);
    free(text);
    if (status != DANECTL_OK)
        return status;
    if (go)
        return apply(d, w, f, p, err);
    if (p->worst == ADOPT_REFUSES) {
        if (!d->json)
            (void)fprintf(stderr, "danectl: not as it is: mend what is marked STOP first; nothing "
                                  "was changed\n");
        return DANECTL_REFUSED;
    }
    return p->worst == ADOPT_WARNS ? DANECTL_ATTENTION : DANECTL_OK;
}

static enum danectl_status adopt_run(struct danectl *d, struct err *err)
{
    struct adopt_wishes w;
    if (!wishes_of(d, &w, err))
        return DANECTL_USAGE;
    if (d->own.flags[FLAG_UNDO])
        return adopt_back_run(d, err);
    struct adopt_facts *f = calloc(1, sizeof *f);
    struct adopt_plan *p = calloc(1, sizeof *p);
    enum danectl_status status = DANECTL_FAILED;
    if (f == NULL || p == NULL)
        (void)err_errno(err, "the plan");
    else if (look(&w, f, err) == OUT_OK)
        status = planned(d, &w, f, p, err);
    adopt_facts_free(&f);
    free(p);
    return status;
}

const struct danectl_command danectl_adopt_command = {
    .name = "adopt",
    .args = "[OPTION]...",
    .help = "take over this Postfix as it runs: say the plan, --apply it, --undo it",
    .more = "  -A, --apply            take the steps of the plan\n"
            "  -U, --undo             put everything back that --apply changed\n"
            "  -P, --postfix DIR      Postfix's folder (MAIL_CONFIG, or /etc/postfix)\n"
            "  -H, --host NAME        a host that senders come to (Postfix's myhostname)\n"
            "  -D, --domain NAME      the mail domain (Postfix's mydomain)\n"
            "  -I, --issuer WHO       acme or selfsigned (as the certificate looks)\n"
            "  -C, --ca URL           the directory of the CA\n"
            "  -N, --dns SPEC         rfc2136:SERVER:ZONE:KEYFILE or powerdns:URL:ZONE:KEYFILE\n"
            "  -a, --trust-anchor FILE, -r, --resolver IP[@PORT]\n",
    .options = "AUP:H:D:I:C:N:a:r:",
    .option = adopt_option,
    .needs = DANECTL_NEED_ROOT,
    .run = adopt_run,
    .json = true,
    .dry_run = true,
};
