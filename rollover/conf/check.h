/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check - semantic checks, all problems in one run
 *
 * A struct check collects: every problem is said once, with file and line, and counted; checking
 * goes on with what can still be judged. Private to rollover/conf.
 */
#ifndef DANEMILTER_CONF_CHECK_H
#define DANEMILTER_CONF_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/conf.h"
#include "conf/table.h"
#include "conf/tree.h"

struct check_problem {
    int line; /* 0: of no line */
    char *text;
};

struct check {
    const struct conf_source *source;
    const struct tree *tree;
    bool no_memory;  /* then the result is not to be used */
    size_t problems; /* found; `list` has the first CONF_PROBLEMS_MAX of them */
    struct check_problem list[CONF_PROBLEMS_MAX];
    size_t notes; /* what is worth a word but hinders nothing; likewise */
    struct check_problem noted[CONF_NOTES_MAX];
};

/* check.c */
void check_say(struct check *c, int line, const char *fmt, ...) ERR_PRINTF(3, 4);
void check_note(struct check *c, int line, const char *fmt, ...) ERR_PRINTF(3, 4);
/* Hands the problems over, in the order of their lines, and forgets them. OUT_REFUSED and the first
 * in err when there was one. */
enum outcome check_end(struct check *c, struct err *err);
/* Everything that concerns more than one value; fills what is "worked out" in conf.h. */
void check_conf(struct check *c, struct conf *conf);

/* A mail address that may become an argument of another program, or a part of a URL. */
bool check_is_mail(const char *text);

/* check_dns.c: a section dns, and the owners that several certificates have there */
void check_dns(struct check *c, struct conf_dns *d, const struct tree *section);
void check_dns_shared(struct check *c, const struct conf *conf);
void check_dns_unused(struct check *c, const struct conf *conf);

/* check_acme.c: a section acme; what a certificate says of its issuer */
void check_acme(struct check *c, const struct conf_acme *a, const struct tree *section);
void check_acme_issuer(struct check *c, const struct conf *conf, struct conf_certificate *cert,
                       const struct tree *section);
void check_acme_unused(struct check *c, const struct conf *conf);

/* check_host.c: what the file names on this host: files and a group */
void check_host(struct check *c, const struct conf *conf);

/* check_certificate.c: certificate number i */
void check_certificate(struct check *c, struct conf *conf, size_t i);

/* A section of the file; for lines in texts. */
struct check_at {
    struct check *check;
    const struct tree *section; /* NULL: it is not in the file */
    int section_line;
    enum table_section kind;
};
/* The line of an option's value (item: of a list), or else of the section. */
int check_at(const struct check_at *at, const char *option, size_t item);
/* Is it in the file? */
bool check_given(const struct check_at *at, const char *option);

/* peak.c: how many records an owner name holds at its peak, over all certificates */
void peak_check(struct check *c, const struct conf *conf);
size_t peak_generations(enum model_strategy strategy, struct model_combo combo);

#endif
