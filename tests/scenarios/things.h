/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * things - keys, certificates and records of a scenario's world, their names and what matches
 *
 * Names: a key is "p256/2" (algorithm / number of making), a certificate "p256/2#1", a record
 * is a combination and what it is the digest of: "311:p256/2", "301:p256/2#1", "211:ca1",
 * "311:x1" (a stray). Numbers count what was recorded: a key whose making was lost in a crash
 * gives its number to the next.
 * All functions return an index, or -1 with the reason in s->fail.
 */
#ifndef DANEMILTER_TESTS_THINGS_H
#define DANEMILTER_TESTS_THINGS_H

#include "sim.h"

int things_alg(const struct sim *s, const char *name); /* -1: not there; says nothing */
int things_make_key(struct sim *s, int alg);
int things_make_cert(struct sim *s, int key);
int things_rec(struct sim *s, struct model_combo combo, enum sim_of of, int which);

/* From a name; makes records, never keys or certificates. things_find_key() says nothing when
 * there is no key of that name. */
int things_find_key(const struct sim *s, const char *name);
int things_key_named(struct sim *s, const char *name);
int things_cert_named(struct sim *s, const char *name);
int things_rec_named(struct sim *s, const char *name);
bool things_combo(const char *digits, struct model_combo *out);

void things_key_text(const struct sim *s, int key, char out[SIM_NAME]);
void things_cert_text(const struct sim *s, int cert, char out[SIM_NAME]);
void things_rec_text(const struct sim *s, int rec, char out[SIM_NAME]);
void things_set_text(const struct sim *s, sim_mask recs, char out[SIM_TEXT]);
void things_file_text(const struct sim *s, const struct sim_file *file, char out[SIM_TEXT]);

/* RFC 7671 sections 5.1, 5.2: structure alone. */
bool things_matches(const struct sim *s, int cert, int rec);
/* As a sender judges at true time t: usage 2 also needs names and validity. */
bool things_accepts(const struct sim *s, int cert, int rec, int64_t t);

/* The identities under which the engine knows them (32 octets each), and back. */
void things_rec_id(const struct sim *s, int rec, uint8_t id[MODEL_ID_LEN]);
int things_rec_of_id(const struct sim *s, const uint8_t id[MODEL_ID_LEN]);
void things_spki(int key, uint8_t spki[MODEL_ID_LEN]);
int things_key_of_spki(const struct sim *s, const uint8_t spki[MODEL_ID_LEN]);

#endif
