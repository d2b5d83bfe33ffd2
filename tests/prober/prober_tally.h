/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prober_tally - counts verdicts, groups the reasons, writes the log of bad probes
 *
 * Ownership: prober_tally_free. Threads: any.
 */
#ifndef DANEMILTER_TESTS_PROBER_TALLY_H
#define DANEMILTER_TESTS_PROBER_TALLY_H

#include <stdio.h>

#include "base/err.h"

enum prober_verdict {
    PROBER_VERIFIED,
    PROBER_FAILED, /* TLS failed, or the chain does not match the RRset that the sender has */
    PROBER_STALE,  /* verified, but not by some RRset that a cache may hold */
    PROBER_OTHER,  /* no verdict */
    PROBER_VERDICTS
};

struct prober_counts {
    unsigned long by[PROBER_VERDICTS];
    unsigned long probes;
};

struct prober_tally;

/* `log`: a path, or NULL. */
enum outcome prober_tally_new(const char *log, struct prober_tally **out, struct err *err);

/* Closes the log; OUT_BROKEN when it could not be written. */
enum outcome prober_tally_free(struct prober_tally **tally, struct err *err);

/* `reason`: groups equal ones, so it names the lane but no time. `detail` goes to the log. Both
 * are looked at only for bad verdicts. */
void prober_tally_add(struct prober_tally *tally, enum prober_verdict verdict, const char *reason,
                      const char *detail);

struct prober_counts prober_tally_counts(struct prober_tally *tally);

/* "probes=P verified=V failed=F stale=S other=O" */
void prober_tally_line(const struct prober_counts *counts, FILE *to);

/* Each group of reasons: how often, and what. */
void prober_tally_reasons(struct prober_tally *tally, FILE *to);

#endif
