/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * columns - where each field of struct port_state lies in the database, as tables
 *
 * One list for each struct of core/model.h names its members in their order; the SQL column has
 * the member's name. The lists yield the statements, the conversion both ways, the ranges that
 * are checked when reading, and, in tests/unit/test_store_columns.c, an initializer that does not
 * compile when a member is missing. A new member: one line here, one column in schema.c.
 *
 *   NUM  a number or truth value: member, least, largest (LO and HI: whatever its type can hold)
 *   HEX  octets, as hexadecimal
 *   ADR  16 octets, as an IP address
 *   CMB  a struct model_combo: columns usage, selector, matching
 *   SUB  members with a table of their own; no column
 *
 * Private to rollover/store.
 */
#ifndef DANEMILTER_STORE_COLUMNS_H
#define DANEMILTER_STORE_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "ports.h"

#define LO INT64_MIN
#define HI INT64_MAX

#define COLUMNS_FACTS(NUM, HEX, ADR, CMB, SUB)                                                     \
    NUM(epoch, LO, HI)                                                                             \
    NUM(next_serial, LO, HI)                                                                       \
    NUM(frozen, LO, HI)                                                                            \
    NUM(postfix_up, 0, 1)                                                                          \
    NUM(adopted, 0, 1)                                                                             \
    NUM(roll_now, 0, 1)                                                                            \
    NUM(compromised_at, LO, HI)                                                                    \
    NUM(last_attest, LO, HI)                                                                       \
    NUM(retry_switch_at, LO, HI)                                                                   \
    SUB(recs) SUB(keys) SUB(chains) SUB(algs) SUB(owners)

#define COLUMNS_REC(NUM, HEX, ADR, CMB, SUB)                                                       \
    NUM(used, 0, 1)                                                                                \
    NUM(ours, 0, 1)                                                                                \
    CMB(combo)                                                                                     \
    HEX(id)

#define COLUMNS_KEY(NUM, HEX, ADR, CMB, SUB)                                                       \
    NUM(used, 0, 1)                                                                                \
    NUM(alg, 0, MODEL_MAX_ALGS - 1)                                                                \
    NUM(adopted, 0, 1)                                                                             \
    NUM(on_disk, 0, 1)                                                                             \
    NUM(compromised, 0, 1)                                                                         \
    NUM(refused, 0, 1)                                                                             \
    NUM(retired, 0, 1)                                                                             \
    NUM(shredded, 0, 1)                                                                            \
    NUM(serial, LO, HI)                                                                            \
    NUM(made, LO, HI)                                                                              \
    NUM(recs, LO, HI)                                                                              \
    HEX(spki)                                                                                      \
    NUM(retry_at, LO, HI)                                                                          \
    NUM(wait_until, LO, HI)                                                                        \
    NUM(ordering, LO, HI)

#define COLUMNS_CHAIN(NUM, HEX, ADR, CMB, SUB)                                                     \
    NUM(used, 0, 1)                                                                                \
    NUM(key, 0, MODEL_MAX_KEYS - 1)                                                                \
    NUM(durable, 0, 1)                                                                             \
    NUM(names_ok, 0, 1)                                                                            \
    NUM(held, 0, 1)                                                                                \
    NUM(rejected, 0, 1)                                                                            \
    NUM(not_before, LO, HI)                                                                        \
    NUM(not_after, LO, HI)                                                                         \
    NUM(matches, LO, HI)                                                                           \
    NUM(obtained, LO, HI)                                                                          \
    NUM(installed, LO, HI)                                                                         \
    NUM(attested, LO, HI)                                                                          \
    NUM(committed, LO, HI)                                                                         \
    NUM(left, LO, HI)                                                                              \
    NUM(drained, LO, HI)                                                                           \
    NUM(wrong_at, LO, HI)

#define COLUMNS_ALG(NUM, HEX, ADR, CMB, SUB)                                                       \
    NUM(used, 0, 1)                                                                                \
    NUM(wanted, 0, 1)                                                                              \
    NUM(type, LO, HI)                                                                              \
    NUM(current, MODEL_NONE, MODEL_MAX_CHAINS - 1)                                                 \
    NUM(previous, MODEL_NONE, MODEL_MAX_CHAINS - 1)                                                \
    NUM(pending, MODEL_NONE, MODEL_MAX_CHAINS - 1)                                                 \
    NUM(pending_drop, 0, 1)                                                                        \
    NUM(roll, 0, 1)                                                                                \
    NUM(rolling, 0, 1)                                                                             \
    NUM(renew, 0, 1)                                                                               \
    NUM(rollback, 0, 1)                                                                            \
    NUM(retry_at, LO, HI)

#define COLUMNS_OWNER(NUM, HEX, ADR, CMB, SUB)                                                     \
    NUM(used, 0, 1)                                                                                \
    NUM(denied, 0, 1)                                                                              \
    NUM(based, 0, 1)                                                                               \
    NUM(crowded, 0, 1)                                                                             \
    NUM(want, LO, HI)                                                                              \
    NUM(drop, LO, HI)                                                                              \
    NUM(ever, LO, HI)                                                                              \
    NUM(shown, LO, HI)                                                                             \
    NUM(late, LO, HI)                                                                              \
    NUM(whole, LO, HI)                                                                             \
    NUM(changed_at, LO, HI)                                                                        \
    NUM(retry_at, LO, HI)                                                                          \
    SUB(readds)                                                                                    \
    NUM(ttl_max, LO, HI)                                                                           \
    NUM(ttl_max_at, LO, HI)                                                                        \
    NUM(ttl_next, LO, HI)                                                                          \
    NUM(cname_ttl, LO, HI)                                                                         \
    NUM(cname, LO, HI)                                                                             \
    NUM(cname_moved, LO, HI)                                                                       \
    NUM(watch_since, LO, HI)                                                                       \
    NUM(watch_epoch, LO, HI)                                                                       \
    NUM(first_want, LO, HI)                                                                        \
    NUM(empty_before, 0, 1)                                                                        \
    NUM(round_begin, LO, HI)                                                                       \
    NUM(round_end, LO, HI)                                                                         \
    NUM(seen_lost, LO, HI)                                                                         \
    SUB(seen) SUB(addrs)

#define COLUMNS_SEEN(NUM, HEX, ADR, CMB, SUB)                                                      \
    NUM(used, 0, 1)                                                                                \
    NUM(ignored, LO, HI)                                                                           \
    CMB(combo)                                                                                     \
    NUM(last_seen, LO, HI)

#define COLUMNS_ADDR(NUM, HEX, ADR, CMB, SUB)                                                      \
    NUM(used, 0, 1)                                                                                \
    NUM(skip, 0, 1)                                                                                \
    ADR(ip)                                                                                        \
    NUM(in_set, 0, 1)                                                                              \
    NUM(ns_ttl, LO, HI)                                                                            \
    NUM(asked_until, LO, HI)                                                                       \
    NUM(first_seen, LO, HI)                                                                        \
    NUM(last_try, LO, HI)                                                                          \
    NUM(last_answer, LO, HI)                                                                       \
    NUM(answer_epoch, LO, HI)                                                                      \
    NUM(last_kind, MODEL_ANS_RRSET, MODEL_ANS_NOROUTE)                                             \
    NUM(ttl, LO, HI)                                                                               \
    NUM(sig_until, LO, HI)                                                                         \
    SUB(sights)

#define COLUMNS_SIGHT(NUM, HEX, ADR, CMB, SUB)                                                     \
    NUM(state, MODEL_UNKNOWN, MODEL_ABSENT)                                                        \
    NUM(since, LO, HI)

enum column_kind {
    COLUMN_BOOL,
    COLUMN_U8,
    COLUMN_I8,
    COLUMN_U32,
    COLUMN_I64,
    COLUMN_U64,   /* INTEGER with the same 64 bits; the last of the numbers */
    COLUMN_HEX,   /* uint8_t[size] */
    COLUMN_IP,    /* uint8_t[16] */
    COLUMN_TEXT,  /* char[size] */
    COLUMN_RDATA, /* struct port_tlsa *: BLOB, as on the wire */
    COLUMN_PEM    /* char * */
};

#define COLUMNS_LEVELS 3

struct column {
    const char *name;
    enum column_kind kind;
    size_t size;
    size_t offset;               /* in struct port_state, of the element with all indexes 0 */
    size_t step[COLUMNS_LEVELS]; /* from one index of each level to the next */
    int64_t min, max;            /* of numbers */
};

/* A table holds one row for each element with anything in it. Its primary key is the certificate's
 * name and the indexes. */
struct columns_table {
    const char *name;
    size_t levels;
    const char *index[COLUMNS_LEVELS]; /* names of the index columns */
    int count[COLUMNS_LEVELS];
    const struct column *columns;
    size_t n;
};

/* The first one is `certificate`, without indexes; the others refer to it. */
extern const struct columns_table columns_tables[];
extern const size_t columns_n_tables;

#endif
