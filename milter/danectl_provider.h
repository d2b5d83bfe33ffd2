/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * danectl_provider - the provider of a section dns, opened as the daemon opens it
 *
 * Ownership: danectl_provider_close. Threads: one. The configuration was loaded with secrets.
 */
#ifndef DANEMILTER_MILTER_DANECTL_PROVIDER_H
#define DANEMILTER_MILTER_DANECTL_PROVIDER_H

#include "conf/conf.h"
#include "dns/provider.h"

struct danectl_provider {
    const struct provider *provider;
    void *self;
};

enum outcome danectl_provider_open(const struct conf *conf, const struct conf_dns *dns,
                                   struct danectl_provider *out, struct err *err);
void danectl_provider_close(struct danectl_provider *provider);

#endif
