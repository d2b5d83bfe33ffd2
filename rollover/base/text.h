/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text - bounded building of text, hexadecimal, durations, wiping
 *
 * Every function writes into a buffer of the caller's and says when it did not fit; the result
 * always ends with a NUL. Nothing here allocates, and nothing has state of its own: any thread.
 *
 * Durations are milliseconds. In text they are "1500 ms", "2 s", "15min", "36h", "2d", "1w", with
 * or without a space; a plain number is seconds. One number and one unit: no "1h30min".
 */
#ifndef DANEMILTER_BASE_TEXT_H
#define DANEMILTER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A text that grows in a fixed buffer. `cut` is set, and stays set, once something did not fit;
 * the part that fitted is there. */
struct text {
    char *buf;
    size_t size;
    size_t len;
    bool cut;
};

/* size at least 1. */
void text_init(struct text *text, char *buf, size_t size);
void text_add(struct text *text, const char *fmt, ...) ERR_PRINTF(2, 3);

/* snprintf that answers false when the text was cut (or could not be formatted). */
bool text_format(char *out, size_t size, const char *fmt, ...) ERR_PRINTF(3, 4);

/* Lower case; false, and an empty text, when out is smaller than 2 * n + 1. */
bool text_hex(char *out, size_t size, const uint8_t *bytes, size_t n);
/* Exactly n octets from 2 * n digits of either case; false otherwise, bytes undefined. */
bool text_unhex(const char *hex, uint8_t *bytes, size_t n);

/* A decimal number and nothing else, within min..max. OUT_REFUSED says what was wrong with it. */
enum outcome text_number(const char *text, int64_t min, int64_t max, int64_t *out, struct err *err);

/* OUT_REFUSED says what was wrong: no number, an unknown unit, larger than 100 years. */
enum outcome text_duration(const char *text, int64_t *ms, struct err *err);
/* The shortest exact form: "2 d", "1500 ms", "0 s". 32 octets are always enough. */
void text_print_duration(int64_t ms, char *out, size_t size);

#define TEXT_IP_MAX 64

/* "192.0.2.2" (IPv4-mapped ones too) or "2001:db8::2". */
void text_ip(const uint8_t ip[16], char out[TEXT_IP_MAX]);

/* Overwrites memory in a way that the compiler does not leave out. mem may be NULL if n is 0. */
void text_wipe(void *mem, size_t n);

#endif
