/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * acme_try - the real ACME client in a folder of its own, for tests against fakeca
 *
 * Notes, keys and challenge records are files, so that they outlive a process: a "crash" is the
 * end of a child (acme_try_child) just before its K-th call to a port, or just a new struct acme
 * over the same folder (acme_try_again). The clock is fake: sleeping takes no time, and the test
 * may let time pass. The challenge port's servers show a record only at its second look.
 *
 * Functions end the test (cmocka) when something fails that is none of the client's business.
 */
#ifndef DANEMILTER_TESTS_ACME_TRY_H
#define DANEMILTER_TESTS_ACME_TRY_H

#include <stdbool.h>
#include <stddef.h>

#include "acme/acme.h"
#include "fakeca.h"

#define ACME_TRY_LOG 65536
#define ACME_TRY_MINUTE ((model_time)60 * 1000)
#define ACME_TRY_HOUR (60 * ACME_TRY_MINUTE)
#define ACME_TRY_DAY (24 * ACME_TRY_HOUR)

struct keydir;

struct acme_try {
    char dir[256]; /* root.pem, keys/, notes/, txt/ */
    char directory[300];
    struct acme *acme;
    struct keydir *keys;
    struct acme_config config;
    model_time skipped; /* ms that the clock is ahead of the real one */
    model_time skew;    /* ms that the wall clock alone is ahead */
    unsigned calls;     /* to ports */
    unsigned crash_at;  /* 0: never */
    unsigned puts;      /* challenge records put */
    char log[ACME_TRY_LOG];
    uint8_t spki[MODEL_ID_LEN]; /* the key of the order */
    const char *names[4];
    size_t n_names;
    char pem[PORT_PEM_MAX]; /* of the last issue, "": none came */
    struct port_issued issued;
    struct err err;
};

/* A folder with a new key, names mx.example.test and mail.example.test, and a client. */
void acme_try_begin(struct acme_try *t, const char *directory, const char *root_pem);
void acme_try_end(struct acme_try *t); /* removes the folder */

/* As after a restart: a new struct acme, the same folder, the same time. */
void acme_try_again(struct acme_try *t);
/* A client of another directory, same folder. */
void acme_try_directory(struct acme_try *t, const char *directory, const char *root_pem);
/* Another key for the order. */
void acme_try_new_key(struct acme_try *t);

enum outcome acme_try_issue(struct acme_try *t);
/* The chain of the last issue fits key and names; its leaf's serial number differs each time. */
bool acme_try_good(struct acme_try *t);

/* How many challenge records there are now. */
size_t acme_try_records(const struct acme_try *t);
/* fakeca_check of this folder: the record is there, and every server shows it. arg: its `dir`. */
bool acme_try_check(void *arg, const char *name, const char *value);

/* Issues in a child process that ends just before call `crash_at`; *what: which call that was ("":
 * it came to its end). Its status: an enum outcome, or ACME_TRY_CRASHED. */
#define ACME_TRY_CRASHED 77
int acme_try_child(struct acme_try *t, unsigned crash_at, char *what, size_t size);
/* main() of such a child; false: argv is not one's. */
bool acme_try_is_child(int argc, char **argv, int *status);

#endif
