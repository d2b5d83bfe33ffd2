/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_leave - the parts of `danectl leave`: records, what depends on them, the wait
 *
 * Threads: one. Errors: OUT_REFUSED says what has to be mended by hand first.
 */
#ifndef DANEMILTER_MILTER_DANECTL_LEAVE_H
#define DANEMILTER_MILTER_DANECTL_LEAVE_H

#include "milter/danectl.h"

void leave_say(void *self, const char *text);

/* Our records of one certificate, at each of its owners: named, and deleted when `apply`, all of an
 * owner at once. Adds to *published how many there are; *wait (ms) grows to how long caches hold
 * them. OUT_REFUSED: what would be left is not matched by the served chain. */
enum outcome leave_withdraw(struct danectl *d, const struct conf_certificate *c, bool apply,
                            size_t *published, model_time *wait, struct err *err);
/* What still depends on what, for those who keep the records. */
enum outcome leave_depends(struct danectl *d, const struct conf_certificate *c, struct err *err);

/* The mark in state_dir that records were withdrawn: begun anew when `begin`. *left: how much of
 * the wait is to come, on a clock that cannot be set; another boot begins it again. */
enum outcome leave_mark(struct danectl *d, model_time wait, bool begin, model_time *left,
                        struct err *err);

#endif
