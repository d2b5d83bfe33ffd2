/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_adopt - danectl adopt: a Postfix as it runs, taken over by danemilter
 *
 * Four parts that know each other by the two structs below: danectl_adopt_postfix.c and
 * danectl_adopt_facts.c (Postfix, certificates) and danectl_adopt_dns.c (DNS, each address by
 * STARTTLS) find out what there is; danectl_adopt_plan.c and danectl_adopt_text.c make a plan of
 * it: pure, no clock, no I/O; danectl_adopt_do.c does the steps of a plan, recording each first
 * (danectl_adopt_undo.h).
 *
 * Ownership: facts by adopt_facts_free; the rest are values, large: keep them on the heap.
 * Threads: one.
 */
#ifndef DANEMILTER_MILTER_DANECTL_ADOPT_H
#define DANEMILTER_MILTER_DANECTL_ADOPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/file.h"
#include "crypto/leaf.h"
#include "milter/danectl_sender.h"
#include "net/smtp.h"
#include "postfix/params.h"

#define ADOPT_CHAIN_PATH "/etc/postfix/danemilter/mx.pem"
#define ADOPT_HOSTS_MAX 8
#define ADOPT_TARGETS_MAX SENDER_ADDRESSES_MAX
#define ADOPT_SUM_MAX 65
#define ADOPT_CONF_MAX 8192

/* What the operator says. */
struct adopt_wishes {
    const char *hosts[ADOPT_HOSTS_MAX];
    size_t n_hosts;
    const char *domain;     /* NULL: Postfix's mydomain */
    const char *config_dir; /* of Postfix */
    const char *ca;         /* its directory's URL; NULL */
    const char *issuer;     /* "acme", "selfsigned"; NULL: as the certificate looks */
    const char *dns;        /* "rfc2136:SERVER:ZONE:KEYFILE", "powerdns:URL:ZONE:KEYFILE"; NULL */
    const char *anchor;     /* --trust-anchor; NULL */
    const char *resolver;   /* --resolver; NULL */
    const char *conf_path;
};

/* Parameters that are looked at; the order of adopt_param_names. */
enum adopt_param {
    ADOPT_CHAIN_FILES,
    ADOPT_TLSPROXY,
    ADOPT_CERT,
    ADOPT_KEY,
    ADOPT_ECCERT,
    ADOPT_ECKEY,
    ADOPT_DCERT,
    ADOPT_DKEY,
    ADOPT_LEVEL,
    ADOPT_USE_TLS,
    ADOPT_ENFORCE_TLS,
    ADOPT_HOSTNAME,
    ADOPT_DOMAIN,
    ADOPT_INTERFACES,
    ADOPT_MILTERS,
    ADOPT_POSTSCREEN_LIST,
    ADOPT_ANVIL_LIST,
    ADOPT_SNI,
    ADOPT_DAEMON_DIR,
    ADOPT_PARAMS
};
extern const char *const adopt_param_names[ADOPT_PARAMS];

struct adopt_key {
    enum port_alg alg;
    char record[80]; /* "3 1 1 HEX" */
    bool self_signed;
    model_time not_after;
    uint8_t leaf[MODEL_ID_LEN]; /* fingerprint */
};

enum adopt_reach { ADOPT_SHOWN, ADOPT_OTHER, ADOPT_NO_TLS, ADOPT_UNREACHED };
struct adopt_target {
    char address[SMTP_ADDRESS_MAX];
    bool local; /* an address of this machine */
    enum adopt_reach reach;
    char why[PORT_WHY_MAX];
};

struct adopt_host {
    char name[PORT_NAME_MAX];
    char trouble[ERR_TEXT_MAX]; /* DNS could not be asked; "" */
    bool zone_known;
    char zone[PORT_NAME_MAX];
    enum port_zone_state state;
    char why[PORT_WHY_MAX];
    char cname[PORT_NAME_MAX];
    bool wildcard;
    bool uncovered; /* a certificate has not this name */
    bool other_mx;  /* asked for by the domain's MX records, not by the operator */
    struct adopt_target targets[ADOPT_TARGETS_MAX];
    size_t n_targets;
    bool via_loopback; /* 127.0.0.1 shows the certificate; asked when no target did */
    struct {
        char text[80]; /* cut */
        bool matches;  /* what Postfix serves */
    } records[PORT_RRSET_MAX];
    size_t n_records;
    bool differ; /* the zone's servers do not agree */
    bool bad;    /* one contradicts */
};

struct adopt_facts {
    char config_dir[FILE_PATH_MAX];
    char values[ADOPT_PARAMS][PARAMS_VALUE_MAX]; /* expanded */
    char milters[PARAMS_VALUE_MAX];              /* smtpd_milters as it stands in main.cf */
    struct params_override overrides[PARAMS_OVERRIDES_MAX];
    size_t n_overrides;
    bool service;    /* master.cf has danemilter/unix */
    bool program;    /* daemon_directory has danemilter */
    bool postscreen; /* master.cf has it on an inet socket */
    bool running;
    char origin[1024]; /* where the certificates come from, in words */
    bool certbot;
    char trouble[ERR_TEXT_MAX]; /* they could not be taken; "" */
    struct port_part parts[PORT_PARTS_MAX];
    size_t n_parts;
    struct adopt_key keys[PORT_PARTS_MAX];
    struct leaf names; /* every name that all of them have */
    bool chain_there;  /* the chain file is there ... */
    bool chain_same;   /* ... and holds these parts */
    bool conf_there;
    bool conf_ours; /* an earlier --apply made it */
    char conf_trouble[ERR_TEXT_MAX];
    bool conf_keys;  /* it wants the algorithms that there are, no others */
    bool conf_hosts; /* its hosts are ours */
    char chain_file[FILE_PATH_MAX];
    char milter_socket[FILE_PATH_MAX];
    struct adopt_host hosts[ADOPT_HOSTS_MAX];
    size_t n_hosts;
    char domain[PORT_NAME_MAX];
    char domain_trouble[PORT_WHY_MAX];
    enum port_zone_state domain_state;
    bool sts;
    model_time now; /* wall */
};

enum adopt_level { ADOPT_SAID, ADOPT_WARNS, ADOPT_REFUSES };
struct adopt_finding {
    enum adopt_level level;
    char text[768];
};

enum adopt_do {
    ADOPT_DO_FOLDER,  /* name: a path */
    ADOPT_DO_CHAIN,   /* name: the chain file */
    ADOPT_DO_CONF,    /* name: the configuration, value: its text */
    ADOPT_DO_PARAM,   /* name, value: of main.cf */
    ADOPT_DO_DROP,    /* name: service, value: the parameter it no longer sets for itself */
    ADOPT_DO_SERVICE, /* name, value: of master.cf */
    ADOPT_DO_RELOAD
};
struct adopt_step {
    enum adopt_do what;
    char name[FILE_PATH_MAX];
    char value[ADOPT_CONF_MAX];
};

#define ADOPT_FINDINGS_MAX 96
#define ADOPT_STEPS_MAX 32
#define ADOPT_LINES_MAX 48

struct adopt_plan {
    struct adopt_finding findings[ADOPT_FINDINGS_MAX];
    size_t n_findings;
    enum adopt_level worst;
    struct adopt_step steps[ADOPT_STEPS_MAX];
    size_t n_steps;
    char records[ADOPT_LINES_MAX][512]; /* lines of a zone file */
    size_t n_records;
    char advice[ADOPT_LINES_MAX][512];
    size_t n_advice;
    bool placeholders; /* the configuration is to be completed by hand */
};

/* danectl_adopt_plan.c, pure */
void adopt_plan_make(const struct adopt_facts *facts, const struct adopt_wishes *wishes,
                     struct adopt_plan *plan);
void adopt_finding(struct adopt_plan *plan, enum adopt_level level, const char *fmt, ...)
    ERR_PRINTF(3, 4);
/* The command that does a step, for people; "" when none says it. */
void adopt_step_text(const struct adopt_facts *facts, const struct adopt_step *step, char *out,
                     size_t size);

/* danectl_adopt_text.c, pure: the configuration, the records, the advice */
bool adopt_dns_split(const char *spec, char part[4][256]);
bool adopt_selfsigned(const struct adopt_facts *facts, const struct adopt_wishes *wishes);
void adopt_text_conf(const struct adopt_facts *facts, const struct adopt_wishes *wishes,
                     struct adopt_plan *plan, char *out, size_t size);
void adopt_text_records(const struct adopt_facts *facts, struct adopt_plan *plan);
void adopt_text_advice(const struct adopt_facts *facts, struct adopt_plan *plan);

/* danectl_adopt_facts.c, danectl_adopt_cert.c, danectl_adopt_dns.c */
enum outcome adopt_facts_postfix(const struct adopt_wishes *wishes, struct adopt_facts *out,
                                 struct err *err);
enum outcome adopt_facts_conf(const struct adopt_wishes *wishes, struct adopt_facts *out,
                              struct err *err);
/* What is wrong with the certificates is in out->trouble. OUT_BROKEN only: local trouble. */
enum outcome adopt_facts_cert(struct adopt_facts *out, struct err *err);
/* Is the chain file that is to be made there already? After the others. */
void adopt_facts_chain(struct adopt_facts *out);
enum outcome adopt_facts_dns(const struct adopt_wishes *wishes, struct adopt_facts *out,
                             struct err *err);
void adopt_facts_free(struct adopt_facts **facts);

/* danectl_adopt_back.c: SHA-256 in hex */
enum outcome adopt_sum(const char *data, size_t len, char out[ADOPT_SUM_MAX], struct err *err);
/* danectl_adopt_do.c. Prints each step with its result on standard output, unless `quiet`. */
enum outcome adopt_do(const struct adopt_facts *facts, const struct adopt_plan *plan, bool quiet,
                      struct err *err);

#endif
