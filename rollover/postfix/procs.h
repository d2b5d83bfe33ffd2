/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * procs - the processes of one Postfix instance, as the kernel shows them
 *
 * An instance is known by its queue_directory: master(8) holds a lock on pid/master.pid there,
 * and each of its daemons has it as working directory. So processes are found that outlived
 * their master, and those of another instance are not counted.
 *
 * When a server process started is field 22 of /proc/PID/stat: clock ticks of CLOCK_BOOTTIME,
 * rounded down (proc(5); Linux adjusts it to the reader's time namespace as it does the clock).
 * So a process that is said to have started after a moment did start after it; in doubt it is
 * counted as older.
 *
 * Threads: no state. Errors: OUT_BROKEN when the processes cannot be seen (another pid namespace,
 * /proc mounted with hidepid): then nothing may be concluded from not finding any.
 */
#ifndef DANEMILTER_POSTFIX_PROCS_H
#define DANEMILTER_POSTFIX_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/model.h"

struct procs {
    const char *proc; /* "/proc"; tests have their own */
    const char *queue_dir;
};

/* Is master.pid locked? The question that `postfix status` asks, without its line in the mail
 * log. */
enum outcome procs_running(const struct procs *procs, bool *up, struct err *err);

/* smtpd and tlsproxy processes that started at or before `boot` (CLOCK_BOOTTIME, ms). */
enum outcome procs_older_than(const struct procs *procs, model_time boot, size_t *count,
                              struct err *err);

/* Which process is the child `name` of process `parent`: a number that is another for each process
 * that there ever was since the boot, 0 when there is no such child. (Postfix's master ends and
 * restarts its queue manager at each reload.) */
enum outcome procs_child(const struct procs *procs, long parent, const char *name, int64_t *mark,
                         struct err *err);

#endif
