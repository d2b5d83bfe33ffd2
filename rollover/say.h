/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * say - the sentences that log and status share
 *
 * Pure functions from state to text. Every buffer is given with its size and always ends up
 * terminated; what does not fit is cut.
 */
#ifndef DANEMILTER_SAY_H
#define DANEMILTER_SAY_H

#include "core/plan.h"
#include "core/safety.h"
#include "ports.h"

#define SAY_MAX 512

void say_alg(uint8_t type, char *out, size_t size);
/* "p256 key 3" */
void say_key(const struct port_state *st, int key, char *out, size_t size);
/* "3 1 1 5a9c01e2..." */
void say_rec(const struct port_state *st, int rec, char *out, size_t size);
void say_duration(model_time ms, char *out, size_t size); /* "3 min 20 s" */
void say_wall(model_time wall, char *out, size_t size);   /* "2026-11-23 18:04:05 UTC" */
/* "ns2.example.org (192.0.2.2)" */
/* The records of `mask`, each as say_rec(), with commas between. */
void say_recs(const struct port_state *st, model_mask mask, char *out, size_t size);
void say_server(const struct port_state *st, int owner, int addr, char *out, size_t size);

/* What this address shows that stands in the way of `recs`: "ns2.example.org (192.0.2.2) still
 * shows 3 1 1 5a9c01e2... only: 3 1 1 77aa... is missing", "... does not answer (since ...)".
 * False, and an empty text, when it shows all of them. */
bool say_disagreement(const struct port_state *st, int owner, int addr, model_mask recs, char *out,
                      size_t size);

/* What is being done or waited for, and until when. */
void say_action(const struct port_state *st, const struct plan_action *a, struct model_now now,
                char *out, size_t size);
void say_refusal(const struct port_state *st, const struct safety_verdict *v, char *out,
                 size_t size);
/* "dnssec disk": the names of freeze causes. */
void say_causes(uint32_t causes, char *out, size_t size);
/* What comes of it when nobody does anything, after "if you do nothing: ": "it goes on by itself
 * (the first certificate ends 2027-...)". */
void say_fate(const struct port_state *st, const struct model_policy *policy, struct model_now now,
              char *out, size_t size);
/* A certificate in the file that is past its deadline and has no successor. False: none. */
bool say_overdue(const struct port_state *st, const struct model_policy *policy,
                 struct model_now now, char *out, size_t size);
/* A chain that was rolled back from, as long as nothing newer is in the file. False: none. */
bool say_rejected(const struct port_state *st, char *out, size_t size);

#endif
