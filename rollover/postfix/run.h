/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run - one child process: argv, a time limit, bounded output; never a shell
 *
 * The program is named by its absolute path and gets an environment of PATH, LC_ALL=C and nothing
 * else, /dev/null as standard input, "/" as working directory, umask 022, default signals, a
 * process group of its own and no other open file. Nothing secret may stand in argv: every user
 * can read it.
 *
 * Ownership: run_result_free ends what run_program gave, also after an error. Threads: safe to
 * call from any; the caller's process must not ignore SIGCHLD or reap all children.
 * Errors: OUT_REFUSED when the program ended with another status than 0, on a signal, or wrote more
 * than RUN_OUTPUT_MAX, with what it wrote to standard error; OUT_RETRY when the time was over (the
 * process group is killed); OUT_BROKEN when it could not be started.
 */
#ifndef DANEMILTER_POSTFIX_RUN_H
#define DANEMILTER_POSTFIX_RUN_H

#include <stddef.h>

#include "base/err.h"

#define RUN_OUTPUT_MAX 262144 /* standard output */
#define RUN_STDERR_MAX 768    /* what is kept of standard error */

struct run_result {
    char *out; /* standard output, NUL behind it; malloc()ed */
    size_t out_len;
    char err[RUN_STDERR_MAX]; /* the beginning of standard error; newlines as they came */
};

/* argv ends with NULL; argv[0] is the path. */
enum outcome run_program(const char *const *argv, int timeout_ms, struct run_result *out,
                         struct err *err);
/* The same with `input` (a string) on its standard input. A program that does not read all of it is
 * judged by its status alone. The caller's process ignores SIGPIPE. */
enum outcome run_program_input(const char *const *argv, const char *input, int timeout_ms,
                               struct run_result *out, struct err *err);
void run_result_free(struct run_result *result);

#endif
