/* SPDX-License-Identifier: BSD-2-Clause */
/* danectl check: user, folders, sendmail, Postfix, chain file. */
#include "milter/danectl_check.h"

#include "base/file.h"
#include "conf/milters.h"
#include "crypto/bundle.h"
#include "crypto/cert.h"
#include "postfix/chainfile.h"
#include "postfix/deploy.h"
#include "postfix/params.h"
#include "postfix/run.h"
#include "say.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECK_POSTFIX "/usr/sbin/postfix"
#define CHECK_POSTCONF "/usr/sbin/postconf"
#define CHECK_TIMEOUT_MS 20000

static void check_user(struct check_run *run)
{
    const char *user = run->d->conf->user;
    char buf[4096];
    struct passwd pw;
    struct passwd *found = NULL;
    if (getpwnam_r(user, &pw, buf, sizeof buf, &found) != 0 || found == NULL) {
        danectl_check_say(run, CHECK_FAIL, "user",
                          "there is no user \"%s\": make it with adduser --system --group "
                          "--no-create-home --home /nonexistent %s",
                          user, user);
        return;
    }
    run->uid = pw.pw_uid;
    danectl_check_say(run, CHECK_OK, "user", "%s is uid %ld", user, (long)pw.pw_uid);
}

static void check_folder(struct check_run *run, const char *what, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        struct err err = ERR_INIT;
        if (errno == ENOENT) {
            danectl_check_say(run, CHECK_OK, what, "%s is not there yet: made at the start", path);
        } else {
            (void)err_errno(&err, "%s", path);
            danectl_check_say(run, CHECK_FAIL, what, "%s: mend its path", err.text);
        }
    } else if (!S_ISDIR(st.st_mode)) {
        danectl_check_say(run, CHECK_FAIL, what, "%s is not a folder: move it away", path);
    } else if (st.st_uid != run->uid && run->uid != (uid_t)-1) {
        danectl_check_say(run, CHECK_FAIL, what, "%s belongs to uid %ld: chown %s %s", path,
                          (long)st.st_uid, run->d->conf->user, path);
    } else if ((st.st_mode & 022) != 0) {
        danectl_check_say(run, CHECK_FAIL, what,
                          "%s has mode %04o, others may change it: chmod "
                          "go-w %s",
                          path, (unsigned)(st.st_mode & 07777), path);
    } else {
        danectl_check_say(run, CHECK_OK, what, "%s, mode %04o", path,
                          (unsigned)(st.st_mode & 07777));
    }
}

static void check_sendmail(struct check_run *run)
{
    const struct conf *conf = run->d->conf;
    if (conf->notify[0] == '\0')
        danectl_check_say(run, CHECK_WARN, "notify",
                          "nobody hears of trouble: set notify to a mail address");
    else if (access(conf->sendmail, X_OK) != 0)
        danectl_check_say(
            run, CHECK_FAIL, "notify",
            "%s cannot be run: install it, or set sendmail to the path of sendmail(1)",
            conf->sendmail);
    else
        danectl_check_say(run, CHECK_OK, "notify", "%s by %s", conf->notify, conf->sendmail);
}

void danectl_check_host(struct check_run *run)
{
    check_user(run);
    check_folder(run, "state_dir", run->d->conf->state_dir);
    check_folder(run, "run_dir", run->d->conf->run_dir);
    check_sendmail(run);
}

/* ---- Postfix -------------------------------------------------------------------------------- */

static void check_security(struct check_run *run, const char *what, const char *dir,
                           const char *level, const char *milters, const char *queue)
{
    const char *socket = run->d->conf->milter_socket;
    char entry[MILTERS_ENTRY_MAX];
    if (strcmp(level, "may") == 0 || strcmp(level, "encrypt") == 0)
        danectl_check_say(run, CHECK_OK, what, "smtpd_tls_security_level = %s", level);
    else
        danectl_check_say(run, CHECK_FAIL, what,
                          "%s/main.cf has smtpd_tls_security_level = %s, so that nobody gets "
                          "STARTTLS: postconf -c %s -e smtpd_tls_security_level=may",
                          dir, level[0] == '\0' ? "(empty)" : level, dir);
    if (socket[0] == '\0')
        return;
    milters_entry(socket, entry);
    if (milters_names(milters, socket))
        danectl_check_say(run, CHECK_OK, what, "smtpd_milters names %s", entry);
    else
        danectl_check_say(run, CHECK_WARN, what,
                          "smtpd_milters does not name our socket, so that sessions are not "
                          "watched: postconf -c %s -e 'smtpd_milters = { %s, "
                          "default_action=accept }'%s%s%s",
                          dir, entry, milters_is_inet(socket) ? "" : " (below ",
                          milters_is_inet(socket) ? "" : queue, milters_is_inet(socket) ? "" : ")");
}

static void check_params(struct check_run *run, const char *what, const char *dir)
{
    static const char *const names[] = {"smtpd_tls_security_level", "smtpd_milters",
                                        "queue_directory", "mydomain"};
    char values[4][PARAMS_VALUE_MAX];
    struct params params = {CHECK_POSTCONF, dir, CHECK_TIMEOUT_MS};
    struct err err = ERR_INIT;
    if (params_get(&params, names, 4, values, &err) != OUT_OK)
        danectl_check_say(run, CHECK_FAIL, what, "%s", err.text);
    else {
        check_security(run, what, dir, values[0], values[1], values[2]);
        (void)snprintf(run->domain, sizeof run->domain, "%.*s", (int)sizeof run->domain - 1,
                       values[3]);
    }
}

/* One line of master.cf runs danemilter. */
static void check_master(struct check_run *run, const char *what, const char *dir)
{
    const char *const argv[] = {CHECK_POSTCONF, "-c", dir, "-M", NULL};
    struct run_result got = {0};
    struct err err = ERR_INIT;
    if (run_program(argv, CHECK_TIMEOUT_MS, &got, &err) != OUT_OK) {
        danectl_check_say(run, CHECK_FAIL, what, "%s", err.text);
    } else {
        bool found = false;
        for (const char *p = strstr(got.out, " danemilter"); p != NULL && !found;
             p = strstr(p + 1, " danemilter"))
            found = p[11] == '\n' || p[11] == ' ' || p[11] == '\0';
        if (found)
            danectl_check_say(run, CHECK_OK, what, "master.cf starts danemilter");
        else
            danectl_check_say(run, CHECK_WARN, what,
                              "%s/master.cf does not start danemilter (fine if something else "
                              "does): add the line \"danemilter unix - n n 10 1 danemilter\" and "
                              "postfix reload",
                              dir);
    }
    run_result_free(&got);
}

static void check_part(struct check_run *run, const char *what, const struct conf_certificate *c,
                       const struct port_part *part)
{
    struct port_cert cert;
    struct err err = ERR_INIT;
    char until[64];
    const char *alg = key_alg_name(part->alg);
    if (cert_ops.inspect(NULL, part->chain_pem, NULL, (const char *const *)c->names.items,
                         c->names.n, &cert, &err) != OUT_OK) {
        danectl_check_say(run, CHECK_WARN, what, "%s: %s", alg, err.text);
        return;
    }
    model_time now = (model_time)time(NULL) * 1000;
    say_wall(cert.not_after, until, sizeof until);
    if (cert.not_after <= now)
        danectl_check_say(run, CHECK_WARN, what,
                          "%s: the certificate ended %s: it will be replaced", alg, until);
    else if (!cert.names_ok)
        danectl_check_say(run, CHECK_WARN, what,
                          "%s: the certificate has not every name of names: it will be replaced",
                          alg);
    else
        danectl_check_say(run, CHECK_OK, what, "%s: all names, until %s", alg, until);
}

static void check_chain(struct check_run *run, const struct conf_certificate *c)
{
    struct port_part parts[PORT_PARTS_MAX];
    size_t n = PORT_PARTS_MAX;
    struct err err = ERR_INIT;
    char what[FILE_PATH_MAX];
    (void)snprintf(what, sizeof what, "%s", c->chain_file);
    if (chainfile_read(c->chain_file, parts, &n, &err) != OUT_OK) {
        danectl_check_say(run, CHECK_FAIL, what, "%s", err.text);
        return;
    }
    if (n == 0)
        danectl_check_say(run, CHECK_WARN, what,
                          "is not there yet, and Postfix gives no TLS without it: danemilter makes "
                          "it; its folder must be there");
    for (size_t i = 0; i < n; i++)
        check_part(run, what, c, &parts[i]);
    bundle_free(parts, n);
}

void danectl_check_postfix(struct check_run *run, const struct conf_certificate *c)
{
    const char *dir = c->deploy.postfix_config;
    struct deploy deploy = {.config_dir = dir,
                            .chain_file = c->chain_file,
                            .postfix = CHECK_POSTFIX,
                            .postconf = CHECK_POSTCONF,
                            .proc = "/proc",
                            .timeout_ms = CHECK_TIMEOUT_MS,
                            .n_ports = c->n_owners,
                            .n_kinds = c->n_algs};
    struct err err = ERR_INIT;
    char what[128];
    bool up = false;
    for (size_t o = 0; o < c->n_owners; o++)
        deploy.ports[o] = c->owners[o].port;
    (void)snprintf(what, sizeof what, "Postfix for \"%.80s\"", c->name);
    if (deploy_ops.points_here(&deploy, &err) == OUT_OK)
        danectl_check_say(run, CHECK_OK, what, "serves %s at the ports of its TLSA records",
                          c->chain_file);
    else
        danectl_check_say(run, CHECK_FAIL, what, "%s", err.text);
    check_params(run, what, dir);
    check_master(run, what, dir);
    err_clear(&err);
    if (deploy_ops.running(&deploy, &up, &err) != OUT_OK)
        danectl_check_say(run, CHECK_WARN, what, "%s", err.text);
    else if (!up)
        danectl_check_say(run, CHECK_WARN, what,
                          "does not run: nothing is switched until it does (postfix -c %s start)",
                          dir);
    else
        danectl_check_say(run, CHECK_OK, what, "runs");
    if (geteuid() == 0)
        check_chain(run, c);
}
