/* SPDX-License-Identifier: BSD-2-Clause */
/* Helpers of the tests of conf: files in a folder of the run, problems as one text. */
#ifndef DANEMILTER_TESTS_CONF_TRY_H
#define DANEMILTER_TESTS_CONF_TRY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "conf/conf.h"

/* For cmocka's group: make and remove the folder. */
int conf_try_begin(void **state);
int conf_try_end(void **state);

const char *conf_try_path(const char *name); /* until the next call */
void conf_try_lay(const char *name, const char *content, mode_t mode);

/* Loads `content`, in which % is the folder's name, from the file c. */
enum outcome conf_try_take(const char *content, const struct conf **conf, struct err *err);
enum outcome conf_try_load(const char *content, struct err *err);

/* From now on, look at files and groups of this host too. */
void conf_try_with_host(bool with);

/* The problems of the last load, each with a newline, the folder's name replaced by %; then notes,
 * each behind "note: ". */
const char *conf_try_said(void);

struct conf_try_row {
    const char *in;
    const char *said; /* "" or notes alone: it is taken */
};
void conf_try_rows(const struct conf_try_row *rows, size_t n);
#define TRY(rows) conf_try_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* A configuration with nothing wrong, in parts: top, policy, dns, certificate, tlsa, renew and
 * deploy each get something more. The parts' lines: */
#define D0(more) "dns \"d\" { server = 192.0.2.1 zone = \"Example.ORG.\"\n" more "}\n"
#define D(more)                                                                                    \
    "dns \"d\" { server = 192.0.2.1 zone = \"Example.ORG.\" key_file = \"%/good\"\n" more "}\n"
#define T(more) "tlsa { hosts = mx.example.org dns = d\n" more "}\n"
#define CERT(more, tlsa, rest)                                                                     \
    "certificate \"c\" { names = mx.example.org chain_file = /c.pem\n" more tlsa rest "}\n"
#define C CERT("", T(""), "")
#define FINE D("") C

#endif
