/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf - what the operator wrote, checked, as plain values
 *
 * One table (table.h) holds every option: name, type, default, range, unit, texts. Parser,
 * defaults, checks, dump and manual page come from it. libConfuse reads the grammar; no type of it
 * appears here.
 *
 * conf_load() answers a whole configuration or none. A syntax error ends it at once; otherwise
 * every semantic error is found in one run. Each problem is one sentence, "FILE:LINE: what, and how
 * to mend it", handed to `say`.
 *
 * Ownership: a struct conf never changes after it was made and is reference-counted: conf_ref and
 * conf_unref from any thread (C11 atomics). Everything in it belongs to it. TSIG secrets in it are
 * wiped with the last reference; never print them.
 * Threads: conf_load, because of libConfuse's lexer, from one thread at a time in the whole
 * process.
 *
 * Units: durations are milliseconds, TTLs seconds, as in core/model.h. Domain names are lower
 * case; owner names end with a dot, all other names do not.
 *
 * Traps of libConfuse 3.3 that are met here: it counts a comment as three lines, takes a string or
 * section that is still open at the end of the file for nothing, and expands ${VARIABLES}. So
 * lex.c looks at the text first, refuses what is not closed, and blanks comments.
 */
#ifndef DANEMILTER_CONF_H
#define DANEMILTER_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/tsigfile.h"
#include "core/model.h"
#include "ports.h"

#define CONF_FILE_MAX (1024 * 1024)
#define CONF_PROBLEMS_MAX 100 /* said in one run; then "and N more" */
#define CONF_NOTES_MAX 20
#define CONF_CERTIFICATES_MAX 10000
#define CONF_TITLE_MAX 63   /* octets of a section's title */
#define CONF_SECRET_MAX 512 /* octets of an API key, with its NUL */

/* First member of each section's struct. */
struct conf_head {
    int line;       /* where the section begins; 0: it is not in the file */
    uint32_t given; /* bit i: the section's i-th option (table.h) is in the file */
};

struct conf_list {
    size_t n;
    char **items;
};

/* An address and port of a server. */
struct conf_server {
    uint8_t ip[16]; /* IPv6, or IPv4-mapped */
    uint16_t port;
};

#define CONF_RESOLVERS_MAX 8

enum conf_provider { CONF_RFC2136, CONF_POWERDNS };
enum conf_issuer { CONF_SELFSIGNED, CONF_ACME };
/* What is done with a client that comes without TLS. OFF: not even looked at. */
enum conf_guard { CONF_GUARD_OFF, CONF_GUARD_LOG, CONF_GUARD_TEMPFAIL, CONF_GUARD_REJECT };

/* "192.0.2.0/24", "2001:db8::/32", or an address. */
struct conf_net {
    uint8_t ip[16]; /* IPv6, or IPv4-mapped; host bits are 0 */
    uint8_t bits;   /* of the 128 */
};

#define CONF_NETS_MAX 64

/* A certification authority and our account there (RFC 8555). */
struct conf_acme {
    struct conf_head head;
    char *name;      /* its title */
    char *directory; /* https URL */
    struct conf_list contact;
    char *ca_file;           /* "": the system's bundle */
    bool agree;              /* to the CA's terms of service */
    int64_t challenge_wait;  /* ms until every server is to show a challenge */
    int64_t order_wait;      /* ms until an order is to be done, "processing" included */
    int64_t orders_per_hour; /* row 3: failed ones */
    int64_t certificates_per_week;
};

struct conf_dns {
    struct conf_head head;
    char *name;   /* its title */
    int provider; /* enum conf_provider */
    char *server_text;
    char *zone;
    char *key_file;
    char *tsig_name;
    char *tsig_algorithm;
    char *secret_file;
    char *url;          /* powerdns: "https://HOST[:PORT]" or "http://..." */
    char *api_key_file; /* powerdns */
    char *server_id;    /* powerdns */
    char *ca_file;      /* powerdns over https; "": the system's bundle */
    /* worked out */
    struct conf_server server;
    char apex[PORT_NAME_MAX];      /* of zone: lower case, final dot */
    struct tsigfile tsig;          /* name: lower case, final dot; "": not rfc2136, or not read */
    char api_key[CONF_SECRET_MAX]; /* of api_key_file, a string; wiped like tsig */
};

struct conf_tlsa {
    struct conf_head head;
    struct conf_list hosts;
    struct conf_list ports;
    struct conf_list owners;
    struct conf_list records;
    int64_t ttl; /* seconds */
    char *dns_name;
};

struct conf_renew {
    struct conf_head head;
    int64_t before; /* 0: a third of the validity */
    int64_t margin;
    int64_t every; /* 0: never */
    int64_t lifetime;
};

struct conf_deploy {
    struct conf_head head;
    char *postfix_config;
    char *probe_via; /* "" or an address */
    struct conf_list sni;
    struct conf_list reload; /* commands, as written: words with blanks between them */
};

/* One owner name, and the service it is for. */
struct conf_owner {
    char owner[PORT_NAME_MAX]; /* "_25._tcp.mx.example.org." */
    char host[PORT_NAME_MAX];  /* "mx.example.org", or "" when the owner's form does not say */
    uint16_t port;             /* or 0 */
};

struct conf_certificate {
    struct conf_head head;
    char *name; /* its title */
    struct conf_list names;
    struct conf_list keys;
    int issuer; /* enum conf_issuer */
    char *ca;   /* title of the section acme, or "" */
    char *chain_file;
    int strategy; /* enum model_strategy */
    struct conf_tlsa tlsa;
    struct conf_renew renew;
    struct conf_deploy deploy;
    /* worked out */
    enum port_alg algs[MODEL_MAX_ALGS];
    size_t n_algs;
    struct conf_owner owners[MODEL_MAX_OWNERS];
    size_t n_owners;
    const struct conf_dns *dns;
    const struct conf_acme *acme; /* NULL: issuer is not acme */
    struct model_policy policy;   /* whole: of this certificate and of the section policy */
};

struct conf_policy {
    struct conf_head head;
    int64_t poll, silence, past_ttl, ttl_cap, floor, sender_timeout, anycast_margin, fresh;
    int64_t commit_window, compromised_drain, attest_every;
    bool skip_unroutable;
    bool adopt;
    int64_t batch;           /* ms between two reloads of one Postfix */
    int plaintext;           /* enum conf_guard; OFF is "accept" */
    int downgrade;           /* enum conf_guard without REJECT */
    int64_t memory;          /* ms that a client's habits are remembered */
    int64_t minimum;         /* sessions by TLS that make a habit */
    int64_t ledger_clients;  /* clients remembered at most */
    struct conf_list exempt; /* networks, as written */
    /* worked out */
    struct conf_net exempt_nets[CONF_NETS_MAX];
    size_t n_exempt_nets;
};

struct conf {
    struct conf_head head;
    char *path; /* the file */
    char *state_dir;
    char *run_dir;
    char *user;
    char *trust_anchor;
    struct conf_list resolver; /* empty: from the root down */
    char *root_hints;          /* or "" */
    char *notify;              /* or "" */
    char *sendmail;
    char *milter_socket; /* a path, an inet form (conf/milters.h), or "": none */
    char *control_group; /* group that may read by the control socket; "": root alone */
    struct conf_policy policy;
    struct conf_acme *acme;
    size_t n_acme;
    struct conf_dns *dns;
    size_t n_dns;
    struct conf_certificate *certificates;
    size_t n_certificates;
    /* worked out */
    struct conf_server resolvers[CONF_RESOLVERS_MAX];
    size_t n_resolvers;
};

struct conf_source {
    const char *path;
    /* May own the file and secret files, beside root and ourselves; FILE_NO_OWNER: nobody else.
     * Root, reading for the daemon that will run as another user, names that user. */
    uid_t user;
    /* For those who change nothing in DNS: secret files are not opened, and conf_dns.tsig is empty.
     */
    bool without_secrets;
    /* For those who only want to know what the file says: other files and groups that it names
     * are not looked for on this host. */
    bool without_host;
    /* Gets each problem, one sentence without a newline; may be NULL. */
    void (*say)(void *self, const char *problem);
    /* Gets what hinders nothing but is most likely not meant: a section that nothing uses; or
     * NULL. */
    void (*note)(void *self, const char *note);
    void *self;
};

/* OUT_REFUSED: there are problems, and err has the first and how many there are. OUT_BROKEN: the
 * file cannot be read, or no memory. */
enum outcome conf_load(const struct conf_source *source, const struct conf **out, struct err *err);

/* How many records the RRset at an owner name of this certificate holds at most: of all
 * certificates that share the name. Never more than MODEL_RRSET_MAX in a loaded configuration. */
size_t conf_peak(const struct conf *conf, const char *owner);
/* The most generations of each key that are published at the same time. */
size_t conf_generations(const struct conf_certificate *cert);

const struct conf *conf_ref(const struct conf *conf);
void conf_unref(const struct conf **conf); /* NULL inside is fine; sets NULL */

enum conf_dump {
    CONF_DUMP_GIVEN,   /* what the file says, in one canonical form */
    CONF_DUMP_CHANGED, /* of that, what is not its default */
    CONF_DUMP_ALL,     /* what the file says with every default filled in */
};
/* In the file's own syntax: what it prints can be loaded again. Secrets are only named by their
 * files. OUT_BROKEN: writing failed. */
enum outcome conf_dump(const struct conf *conf, enum conf_dump what, FILE *out, struct err *err);
/* Every option with its default, as a commented file. */
enum outcome conf_dump_defaults(FILE *out, struct err *err);

/* One option of one section, for those who show it in a form of their own. Everything lives until
 * the function that got it returns. */
enum conf_form { CONF_FORM_TEXT, CONF_FORM_NUMBER, CONF_FORM_BOOL, CONF_FORM_LIST };
struct conf_item {
    const char *section; /* "", "policy", "acme", "dns", "certificate" */
    const char *title;   /* of the section, or "" */
    const char *part;    /* section inside it: "tlsa", "renew", "deploy", or "" */
    const char *name;
    const char *brief;     /* one line of what it is */
    bool required;         /* it has no default */
    bool given, changed;   /* it is in the file; its value is not the default */
    const char *text;      /* as the file would have it; "": empty */
    enum conf_form form;   /* what the value is, in: */
    const char *plain;     /* TEXT; durations too */
    int64_t number;        /* NUMBER */
    bool yes;              /* BOOL */
    struct conf_list list; /* LIST; not to be freed */
};
/* Options in the order of the table, sections in the order of the file. False ends it. `titled`
 * sections that the file has not are left out, others come with their defaults. OUT_BROKEN: no
 * memory. */
enum outcome conf_each(const struct conf *conf,
                       bool (*take)(void *self, const struct conf_item *item), void *self,
                       struct err *err);
/* Every option there is, with its default; titles are "NAME". */
enum outcome conf_each_default(bool (*take)(void *self, const struct conf_item *item), void *self,
                               struct err *err);

/* The manual page's list of options, in mdoc(7). */
enum outcome conf_mdoc(FILE *out, struct err *err);

#endif
