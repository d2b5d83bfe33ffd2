/* SPDX-License-Identifier: BSD-2-Clause */
/* The plan: what stands against it, what is worth a word, the steps. Pure. */
#include "milter/danectl_adopt.h"

#include "conf/milters.h"
#include "crypto/key.h"
#include "dns/observe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const adopt_param_names[ADOPT_PARAMS] = {
    "smtpd_tls_chain_files",
    "tlsproxy_tls_chain_files",
    "smtpd_tls_cert_file",
    "smtpd_tls_key_file",
    "smtpd_tls_eccert_file",
    "smtpd_tls_eckey_file",
    "smtpd_tls_dcert_file",
    "smtpd_tls_dkey_file",
    "smtpd_tls_security_level",
    "smtpd_use_tls",
    "smtpd_enforce_tls",
    "myhostname",
    "mydomain",
    "inet_interfaces",
    "smtpd_milters",
    "postscreen_access_list",
    "smtpd_client_event_limit_exceptions",
    "tls_server_sni_maps",
    "daemon_directory",
};

void adopt_finding(struct adopt_plan *plan, enum adopt_level level, const char *fmt, ...)
{
    va_list ap;
    if (level > plan->worst)
        plan->worst = level;
    if (plan->n_findings == ADOPT_FINDINGS_MAX)
        return;
    struct adopt_finding *f = &plan->findings[plan->n_findings++];
    f->level = level;
    va_start(ap, fmt);
    if (vsnprintf(f->text, sizeof f->text, fmt, ap) < 0)
        f->text[0] = '\0';
    va_end(ap);
}

/* ---- findings: DNS ----------------------------------------------------------------------------
 */

static void plan_zone(const struct adopt_host *h, struct adopt_plan *plan)
{
    if (h->trouble[0] != '\0')
        adopt_finding(plan, ADOPT_REFUSES, "%s: DNS: %.500s", h->name, h->trouble);
    if (h->zone_known && h->state != PORT_ZONE_SECURE)
        adopt_finding(plan, ADOPT_REFUSES,
                      "%s: its zone %s is %s (%s): without DNSSEC no sender looks at TLSA records: "
                      "sign the zone and have the parent publish its DS",
                      h->name, h->zone, observe_state_name(h->state), h->why);
    if (h->wildcard)
        adopt_finding(plan, ADOPT_REFUSES,
                      "%s: its addresses come from a wildcard, and TLSA records below it would "
                      "make them vanish (RFC 4592): write A and AAAA records for the host",
                      h->name);
    if (h->cname[0] != '\0')
        adopt_finding(plan, ADOPT_WARNS,
                      "%s is an alias of %s: MX hosts should not be (RFC 2181 section 10.3), and "
                      "TLSA records are needed at both names",
                      h->name, h->cname);
    if (h->bad)
        adopt_finding(plan, ADOPT_REFUSES,
                      "%s: a name server of %s contradicts itself or DNSSEC: danectl tlsa and "
                      "danectl check name it; mend it first",
                      h->name, h->zone);
    if (h->differ)
        adopt_finding(plan, ADOPT_WARNS,
                      "%s: the name servers of %s do not agree on the TLSA records: wait for the "
                      "secondaries",
                      h->name, h->zone);
}

static void plan_records(const struct adopt_host *h, struct adopt_plan *plan)
{
    size_t good = 0;
    for (size_t i = 0; i < h->n_records; i++) {
        good += h->records[i].matches ? 1 : 0;
        adopt_finding(plan, h->records[i].matches ? ADOPT_SAID : ADOPT_WARNS,
                      "_25._tcp.%s has TLSA %s%s", h->name, h->records[i].text,
                      h->records[i].matches
                          ? ": it matches what is served"
                          : ", which matches nothing that is served: danemilter never deletes "
                            "what it did not make; take it out when nothing uses it");
    }
    if (h->n_records > 0 && good == 0)
        adopt_finding(plan, ADOPT_WARNS,
                      "_25._tcp.%s: not one record matches what is served: senders that use DANE "
                      "put off their mail now",
                      h->name);
}

static void plan_target(const struct adopt_host *h, const struct adopt_target *t, bool any,
                        struct adopt_plan *plan)
{
    switch (t->reach) {
    case ADOPT_SHOWN:
        adopt_finding(plan, ADOPT_SAID, "%s at %s shows the present certificate", h->name,
                      t->address);
        break;
    case ADOPT_OTHER:
        adopt_finding(plan, ADOPT_REFUSES,
                      "%s at %s does not show what this Postfix serves (%s): postfix reload, or "
                      "another server answers there and must have the same chain file",
                      h->name, t->address, t->why);
        break;
    case ADOPT_NO_TLS:
        adopt_finding(plan, ADOPT_REFUSES,
                      "%s at %s gives no TLS (%s): with TLSA records senders would stop "
                      "delivering there",
                      h->name, t->address, t->why);
        break;
    case ADOPT_UNREACHED:
        adopt_finding(plan, ADOPT_WARNS,
                      t->local ? "%s at %s cannot be reached (%s), although the address is this "
                                 "machine's: is Postfix running, and is port 25 open?"
                               : "%s at %s cannot be reached from here (%s), and the address is "
                                 "not this machine's: NAT without hairpin, or another machine: "
                                 "danemilter cannot see what is served there",
                      h->name, t->address, t->why);
        if (!any && !h->via_loopback)
            adopt_finding(plan, ADOPT_REFUSES,
                          "%s: no address of it could be asked for its certificate, nor 127.0.0.1",
                          h->name);
        break;
    }
}

static void plan_host(const struct adopt_facts *f, const struct adopt_host *h,
                      struct adopt_plan *plan)
{
    bool any = false;
    if (h->other_mx) {
        adopt_finding(plan, ADOPT_WARNS,
                      "%s is an MX host of %s too: if it is this server, name it by --host; if it "
                      "is another, it needs records of its own",
                      h->name, f->domain);
        return;
    }
    plan_zone(h, plan);
    if (h->uncovered && f->n_parts > 0)
        adopt_finding(plan, ADOPT_REFUSES,
                      "%s: the present certificate has not this name: get one that has it, or "
                      "name the host that it is for by --host",
                      h->name);
    plan_records(h, plan);
    if (h->n_targets == 0 && h->trouble[0] == '\0' && f->n_parts > 0)
        adopt_finding(plan, ADOPT_REFUSES, "%s has no addresses", h->name);
    for (size_t i = 0; i < h->n_targets; i++)
        any = any || h->targets[i].reach == ADOPT_SHOWN;
    for (size_t i = 0; i < h->n_targets; i++)
        plan_target(h, &h->targets[i], any, plan);
    if (!any && h->via_loopback)
        adopt_finding(plan, ADOPT_WARNS,
                      "%s: no address could be asked from here, 127.0.0.1 shows the certificate: "
                      "probe_via stands in for them",
                      h->name);
}

static void plan_domain(const struct adopt_facts *f, const struct adopt_wishes *w,
                        struct adopt_plan *plan)
{
    if (f->domain_trouble[0] != '\0')
        adopt_finding(plan, ADOPT_WARNS, "%s: %s", f->domain, f->domain_trouble);
    else if (f->domain_state != PORT_ZONE_SECURE)
        adopt_finding(plan, ADOPT_WARNS,
                      "%s: the mail domain is %s: many senders use DANE only where the MX records "
                      "are signed too (RFC 7672 section 2.2.1): sign it",
                      f->domain, observe_state_name(f->domain_state));
    if (f->sts)
        adopt_finding(
            plan, adopt_selfsigned(f, w) ? ADOPT_REFUSES : ADOPT_WARNS,
            "%s announces MTA-STS, whose senders want a certificate of a public CA: %s", f->domain,
            adopt_selfsigned(f, w) ? "use --issuer acme with --ca, or take MTA-STS back first"
                                   : "a certificate that runs out is an outage for them");
}

/* ---- findings: Postfix ------------------------------------------------------------------------
 */

static bool names_chain(const char *name)
{
    return strstr(name, "chain_files") != NULL;
}

/* An override that serves the same may go; one that serves something else is the operator's. */
static bool droppable(const struct adopt_facts *f, const struct params_override *o)
{
    if (strcmp(o->value, f->chain_file) == 0)
        return false; /* right as it is */
    return names_chain(o->name) && strcmp(o->value, f->values[ADOPT_CHAIN_FILES]) == 0;
}

static const char *main_value(const struct adopt_facts *f, const char *name)
{
    for (size_t i = 0; i < ADOPT_PARAMS; i++) {
        if (strcmp(adopt_param_names[i], name) == 0)
            return f->values[i];
    }
    return "";
}

static void plan_override(const struct adopt_facts *f, const struct params_override *o,
                          struct adopt_plan *plan)
{
    if (strcmp(o->name, "smtpd_milters") == 0)
        adopt_finding(plan, ADOPT_WARNS,
                      "master.cf: %s has smtpd_milters of its own (%.200s): its sessions are not "
                      "watched",
                      o->service, o->value);
    else if (droppable(f, o) || strcmp(o->value, f->chain_file) == 0)
        return;
    else if (strcmp(o->value, main_value(f, o->name)) == 0)
        adopt_finding(plan, ADOPT_SAID,
                      "master.cf: %s sets %s as main.cf does; it counts no longer", o->service,
                      o->name);
    else
        adopt_finding(plan, ADOPT_REFUSES,
                      "master.cf: %s serves something else (%s = %.200s): danemilter keeps one "
                      "chain file for a Postfix; take the override out: postconf -PX %s/%s",
                      o->service, o->name, o->value, o->service, o->name);
}

static void plan_certificate(const struct adopt_facts *f, struct adopt_plan *plan)
{
    if (f->trouble[0] != '\0') {
        adopt_finding(plan, ADOPT_REFUSES, "the present certificate: %.600s", f->trouble);
        return;
    }
    adopt_finding(plan, ADOPT_SAID, "the present certificate is in %.500s", f->origin);
    for (size_t i = 0; i < f->n_parts; i++) {
        if (f->keys[i].not_after <= f->now)
            adopt_finding(plan, ADOPT_WARNS,
                          "the %s certificate has run out: DANE senders do not mind, danemilter "
                          "replaces it soon",
                          key_alg_name(f->keys[i].alg));
        for (size_t k = 0; k < i; k++) {
            if (f->keys[k].alg == f->keys[i].alg)
                adopt_finding(plan, ADOPT_REFUSES,
                              "two %s certificates: Postfix serves the last one; take the other "
                              "out of its files",
                              key_alg_name(f->keys[i].alg));
        }
    }
    if (f->chain_there && !f->chain_same)
        adopt_finding(plan, ADOPT_REFUSES,
                      "%s is there already and holds something else than what Postfix serves, or "
                      "may not be used as it is: move it away",
                      f->chain_file);
    if (f->certbot)
        adopt_finding(plan, ADOPT_WARNS,
                      "certbot renews this certificate: from now on that no longer reaches "
                      "Postfix. Keep its files until danectl status is content, then stop it: "
                      "certbot delete");
    if (f->values[ADOPT_SNI][0] != '\0')
        adopt_finding(plan, ADOPT_WARNS,
                      "tls_server_sni_maps = %.200s: name the maps in deploy { sni = ... }, or "
                      "they keep the old certificate",
                      f->values[ADOPT_SNI]);
}

static void plan_conf(const struct adopt_facts *f, const struct adopt_wishes *w,
                      struct adopt_plan *plan)
{
    if (!f->conf_there)
        return;
    if (f->conf_trouble[0] != '\0') {
        plan->placeholders = f->conf_ours;
        adopt_finding(plan, f->conf_ours ? ADOPT_WARNS : ADOPT_REFUSES, "%.300s: %s",
                      f->conf_trouble,
                      f->conf_ours ? "complete it (danectl config --check)"
                                   : "mend it, or move it away for a new one (danectl config "
                                     "--check)");
        return;
    }
    adopt_finding(plan, ADOPT_SAID, "%s is there and is kept", w->conf_path);
    if (w->ca != NULL || w->dns != NULL || w->issuer != NULL)
        adopt_finding(plan, ADOPT_WARNS, "--ca, --dns and --issuer are for a new one: not used");
    if (!f->conf_keys && f->n_parts > 0)
        adopt_finding(plan, ADOPT_WARNS,
                      "its keys are not those of the present certificate: danemilter adds what "
                      "is missing and takes the others over until they are replaced");
    if (!f->conf_hosts)
        adopt_finding(plan, ADOPT_REFUSES, "%s does not name every host in tlsa { hosts = ... }",
                      w->conf_path);
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static struct adopt_step *step(struct adopt_plan *plan, enum adopt_do what, const char *name,
                               const char *value)
{
    if (plan->n_steps == ADOPT_STEPS_MAX) {
        adopt_finding(plan, ADOPT_REFUSES, "more than %d steps", ADOPT_STEPS_MAX);
        return &plan->steps[0];
    }
    struct adopt_step *s = &plan->steps[plan->n_steps++];
    s->what = what;
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    (void)snprintf(s->value, sizeof s->value, "%s", value);
    return s;
}

static void step_folder(struct adopt_plan *plan, const char *path)
{
    char folder[FILE_PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    (void)step(plan, ADOPT_DO_FOLDER, folder, "");
}

static void steps_milter(const struct adopt_facts *f, struct adopt_plan *plan)
{
    char value[2 * PARAMS_VALUE_MAX + FILE_PATH_MAX];
    char entry[MILTERS_ENTRY_MAX];
    if (f->milter_socket[0] == '\0' || milters_names(f->values[ADOPT_MILTERS], f->milter_socket))
        return;
    milters_entry(f->milter_socket, entry);
    (void)snprintf(value, sizeof value, "%s%s{ %s, default_action=accept }", f->milters,
                   f->milters[0] == '\0' ? "" : ", ", entry);
    (void)step(plan, ADOPT_DO_PARAM, "smtpd_milters", value);
}

static void steps_main_cf(const struct adopt_facts *f, struct adopt_plan *plan)
{
    const char *level = f->values[ADOPT_LEVEL];
    bool enforce = strcmp(f->values[ADOPT_ENFORCE_TLS], "yes") == 0;
    if (strcmp(f->values[ADOPT_CHAIN_FILES], f->chain_file) != 0)
        (void)step(plan, ADOPT_DO_PARAM, adopt_param_names[ADOPT_CHAIN_FILES], f->chain_file);
    if (strcmp(f->values[ADOPT_TLSPROXY], f->values[ADOPT_CHAIN_FILES]) != 0 &&
        strcmp(f->values[ADOPT_TLSPROXY], f->chain_file) != 0)
        (void)step(plan, ADOPT_DO_PARAM, adopt_param_names[ADOPT_TLSPROXY],
                   "$smtpd_tls_chain_files");
    for (size_t i = 0; i < f->n_overrides; i++) {
        if (droppable(f, &f->overrides[i]))
            (void)step(plan, ADOPT_DO_DROP, f->overrides[i].service, f->overrides[i].name);
    }
    if (strcmp(level, "may") != 0 && strcmp(level, "encrypt") != 0)
        (void)step(plan, ADOPT_DO_PARAM, adopt_param_names[ADOPT_LEVEL],
                   enforce ? "encrypt" : "may");
    steps_milter(f, plan);
    if (!f->service)
        (void)step(plan, ADOPT_DO_SERVICE, "danemilter/unix",
                   "danemilter unix - n n 10 1 danemilter");
    if (f->running)
        (void)step(plan, ADOPT_DO_RELOAD, "reload", "");
}

void adopt_plan_make(const struct adopt_facts *facts, const struct adopt_wishes *wishes,
                     struct adopt_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    plan_certificate(facts, plan);
    for (size_t i = 0; i < facts->n_overrides; i++)
        plan_override(facts, &facts->overrides[i], plan);
    for (size_t i = 0; i < facts->n_hosts; i++)
        plan_host(facts, &facts->hosts[i], plan);
    plan_domain(facts, wishes, plan);
    plan_conf(facts, wishes, plan);
    if (!facts->program)
        adopt_finding(
            plan, ADOPT_WARNS,
            "%s/danemilter is not there, and Postfix's master would complain each minute: "
            "install it first (autotools/setup install)",
            facts->values[ADOPT_DAEMON_DIR]);
    if (!facts->running)
        adopt_finding(plan, ADOPT_REFUSES,
                      "Postfix does not run, so nothing can be seen of what it serves: postfix -c "
                      "%s start",
                      facts->config_dir);
    step_folder(plan, facts->chain_file);
    if (!facts->chain_same)
        (void)step(plan, ADOPT_DO_CHAIN, facts->chain_file, "");
    if (!facts->conf_there) {
        step_folder(plan, wishes->conf_path);
        struct adopt_step *conf = step(plan, ADOPT_DO_CONF, wishes->conf_path, "");
        adopt_text_conf(facts, wishes, plan, conf->value, sizeof conf->value);
    }
    steps_main_cf(facts, plan);
    adopt_text_records(facts, plan);
    adopt_text_advice(facts, plan);
}
