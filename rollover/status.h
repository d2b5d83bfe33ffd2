/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status - what an operator wants to know of one certificate: as plain values, and in lines
 *
 * From the stored state alone, by the same functions that decide: it says the same whether the
 * daemon runs or not. status_read() fills a struct from which text (status_print) and JSON
 * (danectl) are made, so that both say the same. All times in it are wall times (ms since 1970),
 * MODEL_NEVER: not known, or not so. Threads: no state.
 */
#ifndef DANEMILTER_STATUS_H
#define DANEMILTER_STATUS_H

#include "core/phase.h"
#include "core/plan.h"
#include "ports.h"
#include "say.h"

#include <stdio.h>

/* The moment `t`, in the terms of this state; see model_now. */
struct model_now status_now(const struct port_state *st, const struct port_time *t);

struct status_key {
    int key; /* index into facts.keys; say_key() names it */
    enum phase phase;
    model_time since;       /* the phase */
    model_time until;       /* when the phase's wait is over, if time alone ends it */
    model_time not_after;   /* of its certificate that is served or staged */
    model_time renewal_due; /* of the same */
    model_time ordering;    /* an order is under way, since then */
    model_time left_alone;  /* no order before: the CA's wish, or ours */
    char text[SAY_MAX];     /* the phase in a sentence */
};

enum status_sight { STATUS_AGREES, STATUS_UNASKED, STATUS_SKIPPED, STATUS_DISAGREES };

struct status_server {
    int owner, addr; /* say_server() names it */
    enum status_sight sight;
};

struct status_freeze {
    uint32_t cause;   /* one bit of enum model_cause */
    const char *id;   /* one word: "dnssec" */
    const char *text; /* what it is */
    const char *end;  /* how it ends; "%s" in it stands for the certificate's title */
    bool sticky;      /* only "danectl resume" ends it */
};

#define STATUS_FREEZES_MAX 16
#define STATUS_SETTLE_MS 60000 /* or two rounds, if that is longer */
#define STATUS_SERVERS_MAX (MODEL_MAX_OWNERS * MODEL_MAX_ADDRS)

struct status {
    const char *certificate;
    bool attention; /* a freeze, a server that does not answer well or lacks a record for a while, a
                       record of somebody else, a certificate overdue or rejected */
    struct status_key keys[MODEL_MAX_KEYS]; /* in the order of their making */
    size_t n_keys;
    struct status_server servers[STATUS_SERVERS_MAX];
    size_t n_servers;
    model_mask foreign[MODEL_MAX_OWNERS]; /* records of somebody else that a server shows */
    struct status_freeze freezes[STATUS_FREEZES_MAX];
    size_t n_freezes;
    struct plan_action next;
    model_time next_at;     /* NEVER: time alone does not lead there, or it is due now */
    char next_what[128];    /* "get a certificate for p256 key 4" */
    char next_why[SAY_MAX]; /* "renewal is due" */
    char fate[SAY_MAX];     /* after "if you do nothing: " */
    char trouble[SAY_MAX];  /* overdue or rejected certificates; "" */
};

/* `out` is large: keep it on the heap. It refers to `certificate`. */
void status_read(const char *certificate, const struct port_state *st,
                 const struct model_policy *policy, struct model_now now, struct status *out);

/* What a server that disagrees shows, what one that agrees is called. */
void status_server_text(const struct port_state *st, const struct status_server *server, char *out,
                        size_t size);
/* The end of a freeze, with the certificate's title in it. */
void status_freeze_end(const struct status *s, const struct status_freeze *freeze, char *out,
                       size_t size);
const char *status_sight_name(enum status_sight sight);

/* What an action is in plain words, with the key or algorithm it is for: "switch Postfix over to
 * p256 key 4". */
void status_action_text(const struct port_state *st, const struct plan_action *a, char *out,
                        size_t size);

/* Lines of 100 columns at most (but for what one server shows). Errors of writing stay in the
 * stream. */
void status_print(FILE *out, const struct port_state *st, const struct status *s,
                  struct model_now now);
/* "LABEL text text\n      text" in lines of at most 100 columns, continued at column `indent`. */
void status_wrap(FILE *out, const char *label, const char *text, int indent);

#endif
