/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compose - from the configuration to what the engine takes
 *
 * Pure: copies values; the ports and their objects are filled in by main.c, which alone names
 * concrete adapters.
 */
#ifndef DANEMILTER_MILTER_COMPOSE_H
#define DANEMILTER_MILTER_COMPOSE_H

#include "conf/conf.h"
#include "engine.h"

/* `out` refers to texts in `conf`, which must outlive it. OUT_REFUSED: something does not fit;
 * the text names it. */
enum outcome compose_certificate(const struct conf *conf, const struct conf_certificate *cert,
                                 struct engine_certificate *out, struct err *err);

#endif
