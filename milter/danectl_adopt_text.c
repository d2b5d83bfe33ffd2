/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts of a plan: a first configuration, records, advice, commands. Pure. */
#include "milter/danectl_adopt.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "rfc2136:SERVER:ZONE:KEYFILE"; SERVER, or a URL, may hold colons. */
bool adopt_dns_split(const char *spec, char part[4][256])
{
    const char *first = strchr(spec, ':'), *last = strrchr(spec, ':');
    const char *middle = last;
    while (first != NULL && middle > first && (middle == last || *middle != ':'))
        middle--;
    if (first == NULL || middle <= first)
        return false;
    bool good = text_format(part[0], 256, "%.*s", (int)(first - spec), spec) &&
                text_format(part[1], 256, "%.*s", (int)(middle - first - 1), first + 1) &&
                text_format(part[2], 256, "%.*s", (int)(last - middle - 1), middle + 1) &&
                text_format(part[3], 256, "%s", last + 1);
    for (size_t i = 0; i < 4 && good; i++)
        good = part[i][0] != '\0' && strpbrk(part[i], "\"\\\n\r") == NULL;
    return good && (strcmp(part[0], "rfc2136") == 0 || strcmp(part[0], "powerdns") == 0);
}

bool adopt_selfsigned(const struct adopt_facts *facts, const struct adopt_wishes *wishes)
{
    if (wishes->issuer != NULL)
        return strcmp(wishes->issuer, "selfsigned") == 0;
    if (wishes->ca != NULL)
        return false;
    for (size_t i = 0; i < facts->n_parts; i++) {
        if (!facts->keys[i].self_signed)
            return false;
    }
    return facts->n_parts > 0;
}

static const char *conf_alg(enum port_alg alg)
{
    switch (alg) {
    case PORT_ALG_P256:
        return "p256";
    case PORT_ALG_P384:
        return "p384";
    case PORT_ALG_RSA2048:
        return "rsa2048";
    case PORT_ALG_RSA3072:
        return "rsa3072";
    case PORT_ALG_RSA4096:
        return "rsa4096";
    }
    return "p256";
}

static void conf_acme(const struct adopt_facts *f, const struct adopt_wishes *w,
                      struct adopt_plan *plan, struct text *t)
{
    text_add(t, "# Begin with the CA's staging directory; when all works, take the other one.\n"
                "acme \"ca\" {\n");
    if (w->ca != NULL)
        text_add(t, "    directory = \"%s\"\n", w->ca);
    else
        text_add(t,
                 "    # Choose one, and take the # away:\n"
                 "    # directory = \"https://acme-staging-v02.api.letsencrypt.org/directory\"\n");
    text_add(t,
             "    contact = \"postmaster@%s\"\n"
             "    # Read the CA's terms of service first; danectl check shows where they are.\n"
             "    # agree = yes\n"
             "}\n\n",
             f->domain);
    plan->placeholders = true; /* only the operator may agree */
}

static void conf_dns(const struct adopt_wishes *w, struct adopt_plan *plan, struct text *t)
{
    char part[4][256];
    text_add(t, "# Where the records are published.\ndns \"primary\" {\n");
    if (w->dns != NULL && adopt_dns_split(w->dns, part)) {
        bool power = strcmp(part[0], "powerdns") == 0;
        text_add(t, "    provider = %s\n    %s = \"%s\"\n    zone = \"%s\"\n    %s = \"%s\"\n",
                 part[0], power ? "url" : "server", part[1], part[2],
                 power ? "api_key_file" : "key_file", part[3]);
    } else {
        plan->placeholders = true;
        text_add(t, "    # The primary name server, its zone, and what tsig-keygen(8) printed:\n"
                    "    provider = rfc2136\n"
                    "    # server = 192.0.2.53\n"
                    "    # zone = example.org\n"
                    "    # key_file = /etc/danemilter/tsig.key\n");
    }
    text_add(t, "}\n\n");
}

static void conf_certificate(const struct adopt_facts *f, bool selfsigned, struct text *t)
{
    bool via = false, named = false;
    text_add(t, "certificate \"mx\" {\n    names = {");
    for (size_t i = 0; i < f->names.n; i++, named = true)
        text_add(t, "%s \"%s\"", named ? "," : "", f->names.names[i]);
    text_add(t, " }\n    keys = {");
    for (size_t i = 0; i < f->n_parts; i++)
        text_add(t, "%s %s", i > 0 ? "," : "", conf_alg(f->keys[i].alg));
    text_add(t, " }\n    issuer = %s\n", selfsigned ? "selfsigned" : "acme\n    ca = ca");
    text_add(t, "    chain_file = \"%s\"\n    tlsa {\n        hosts = {", f->chain_file);
    named = false;
    for (size_t i = 0; i < f->n_hosts; i++) {
        if (f->hosts[i].other_mx)
            continue;
        text_add(t, "%s \"%s\"", named ? "," : "", f->hosts[i].name);
        named = true;
        via = via || f->hosts[i].via_loopback;
    }
    text_add(t, " }\n        dns = primary\n    }\n    deploy {\n        postfix_config = \"%s\"\n",
             f->config_dir);
    if (via)
        text_add(t, "        probe_via = 127.0.0.1\n");
    text_add(t, "    }\n}\n");
}

void adopt_text_conf(const struct adopt_facts *facts, const struct adopt_wishes *wishes,
                     struct adopt_plan *plan, char *out, size_t size)
{
    struct text t;
    bool selfsigned = adopt_selfsigned(facts, wishes);
    text_init(&t, out, size);
    text_add(
        &t,
        "# danemilter.conf, a first one, made by danectl adopt from this Postfix. What is left\n"
        "# to you is said at its place; danectl config --check names it.\n"
        "# All options: danemilter.conf(5).\n\n"
        "notify = \"postmaster@%s\"\n",
        facts->domain);
    if (wishes->anchor != NULL)
        text_add(&t, "trust_anchor = \"%s\"\n", wishes->anchor);
    if (wishes->resolver != NULL)
        text_add(&t, "resolver = \"%s\"\n", wishes->resolver);
    text_add(&t, "\n");
    if (!selfsigned)
        conf_acme(facts, wishes, plan, &t);
    conf_dns(wishes, plan, &t);
    conf_certificate(facts, selfsigned, &t);
    if (t.cut)
        adopt_finding(plan, ADOPT_REFUSES, "the configuration would be longer than %zu octets",
                      size - 1);
}

void adopt_text_records(const struct adopt_facts *facts, struct adopt_plan *plan)
{
    for (size_t i = 0; i < facts->n_hosts; i++) {
        const struct adopt_host *h = &facts->hosts[i];
        for (size_t k = 0; k < facts->n_parts && !h->other_mx; k++) {
            bool there = false;
            for (size_t r = 0; r < h->n_records; r++)
                there = there || strcmp(h->records[r].text, facts->keys[k].record) == 0;
            if (plan->n_records < ADOPT_LINES_MAX)
                (void)snprintf(plan->records[plan->n_records++], sizeof plan->records[0],
                               "_25._tcp.%s. IN TLSA %s%s", h->name, facts->keys[k].record,
                               there ? " ; is there" : "");
        }
    }
}

static void advise(struct adopt_plan *plan, const char *text)
{
    if (plan->n_advice < ADOPT_LINES_MAX)
        (void)snprintf(plan->advice[plan->n_advice++], sizeof plan->advice[0], "%s", text);
}

void adopt_text_advice(const struct adopt_facts *facts, struct adopt_plan *plan)
{
    advise(plan, "danemilter asks each address for its certificate by STARTTLS, from this "
                 "machine's own addresses; they should pass:");
    if (facts->postscreen)
        advise(plan, strstr(facts->values[ADOPT_POSTSCREEN_LIST], "permit_mynetworks") != NULL
                         ? "postscreen: postscreen_access_list has permit_mynetworks: fine if "
                           "mynetworks holds this machine's addresses"
                         : "postscreen: postconf -e 'postscreen_access_list = permit_mynetworks' "
                           "(and what it has now), with this machine's addresses in mynetworks");
    advise(plan, strstr(facts->values[ADOPT_ANVIL_LIST], "mynetworks") != NULL ||
                         facts->values[ADOPT_ANVIL_LIST][0] != '\0'
                     ? "anvil: smtpd_client_event_limit_exceptions is set: fine if it holds this "
                       "machine's addresses"
                     : "anvil: postconf -e 'smtpd_client_event_limit_exceptions = $mynetworks'");
    advise(plan, "fail2ban: in /etc/fail2ban/jail.local, [DEFAULT]: ignoreip = 127.0.0.1/8 ::1 "
                 "and this machine's addresses");
}

/* One word in single quotes, as a shell takes it. */
static void quoted(struct text *t, const char *value)
{
    text_add(t, "'");
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '\'')
            text_add(t, "'\\''");
        else
            text_add(t, "%c", *p);
    }
    text_add(t, "'");
}

void adopt_step_text(const struct adopt_facts *facts, const struct adopt_step *step, char *out,
                     size_t size)
{
    const char *dir = facts->config_dir;
    char pair[2 * FILE_PATH_MAX + 4096];
    struct text t;
    text_init(&t, out, size);
    (void)snprintf(pair, sizeof pair, "%s = %.4000s", step->name, step->value);
    switch (step->what) {
    case ADOPT_DO_FOLDER:
        text_add(&t, "mkdir -p -m 0755 %s", step->name);
        break;
    case ADOPT_DO_CHAIN:
        text_add(&t, "write %s (0600): of %s", step->name, facts->origin);
        break;
    case ADOPT_DO_CONF:
        text_add(&t, "write %s (0644)", step->name);
        break;
    case ADOPT_DO_PARAM:
        text_add(&t, "postconf -c %s -e ", dir);
        quoted(&t, pair);
        break;
    case ADOPT_DO_DROP:
        text_add(&t, "postconf -c %s -PX %s/%s", dir, step->name, step->value);
        break;
    case ADOPT_DO_SERVICE:
        text_add(&t, "postconf -c %s -Me ", dir);
        quoted(&t, pair);
        break;
    case ADOPT_DO_RELOAD:
        text_add(&t, "postfix -c %s %s", dir, step->name);
        break;
    }
}
