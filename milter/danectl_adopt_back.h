/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_adopt_back - danectl adopt --undo
 *
 * Refuses while the daemon's state holds records that it wants published: then the key of the chain
 * file is what senders count on, and `danectl leave` is the way out. Threads: one.
 */
#ifndef DANEMILTER_MILTER_DANECTL_ADOPT_BACK_H
#define DANEMILTER_MILTER_DANECTL_ADOPT_BACK_H

#include "milter/danectl.h"

enum danectl_status adopt_back_run(struct danectl *d, struct err *err);

#endif
