/* SPDX-License-Identifier: BSD-2-Clause */
#include "status.h"

#include "core/phase.h"
#include "core/plan.h"
#include "core/renew.h"
#include "say.h"

#include <string.h>

struct model_now status_now(const struct port_state *st, const struct port_time *t)
{
    struct model_now now = {.steady = st->steady, .wall = t->wall, .epoch = st->facts.epoch};
    if (memcmp(t->boot_id, st->boot_id, sizeof t->boot_id) == 0 && t->boot >= st->boot)
        now.steady += t->boot - st->boot;
    return now;
}

static void print_recs(FILE *out, const struct port_state *st, model_mask mask)
{
    const char *comma = "";
    for (int r = 0; r < MODEL_MAX_RECS; r++) {
        char rec[64];
        if ((mask & MODEL_BIT(r)) == 0)
            continue;
        say_rec(st, r, rec, sizeof rec);
        (void)fprintf(out, "%s%s", comma, rec);
        comma = ", ";
    }
}

/* The longest wait that a record of this key still has before it. */
static void print_wait(FILE *out, const struct port_state *st, const struct model_policy *p,
                       int key, struct model_now now)
{
    model_time worst = 0;
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (!st->facts.owners[o].used)
            continue;
        for (int r = 0; r < MODEL_MAX_RECS; r++) {
            if ((st->facts.keys[key].recs & MODEL_BIT(r)) == 0)
                continue;
            model_time left =
                phase_rec_left(&st->facts.owners[o], p, r, p->strategy != MODEL_STANDBY, now, NULL);
            if (left > worst)
                worst = left;
        }
    }
    char text[64];
    if (worst <= 0 || worst == PHASE_FOREVER)
        return;
    say_duration(worst, text, sizeof text);
    (void)fprintf(out, ", %s of good waiting to go", text);
}

static void print_chain(FILE *out, const struct port_state *st, const struct model_policy *p,
                        int key)
{
    char until[64], due[64];
    for (int c = 0; c < MODEL_MAX_CHAINS; c++) {
        const struct model_chain *chain = &st->facts.chains[c];
        if (!chain->used || chain->key != key ||
            (chain->installed != MODEL_NEVER && chain->left != MODEL_NEVER))
            continue;
        say_wall(chain->not_after, until, sizeof until);
        say_wall(renew_due_at(chain, p), due, sizeof due);
        (void)fprintf(out, ", certificate valid until %s (renewal due %s)", until, due);
    }
}

static void print_keys(FILE *out, const struct port_state *st, const struct model_policy *p,
                       struct model_now now)
{
    for (int k = 0; k < MODEL_MAX_KEYS; k++) {
        char key[64];
        if (!st->facts.keys[k].used)
            continue;
        enum phase phase = phase_of_key(&st->facts, p, k, now);
        say_key(st, k, key, sizeof key);
        (void)fprintf(out, "  %-16s %-12s ", key, phase_name(phase));
        print_recs(out, st, st->facts.keys[k].recs);
        if (phase == PHASE_CONFIRMED)
            print_wait(out, st, p, k, now);
        print_chain(out, st, p, k);
        (void)fputc('\n', out);
    }
}

static bool print_owner(FILE *out, const struct port_state *st, int owner)
{
    char text[SAY_MAX];
    const struct model_owner *o = &st->facts.owners[owner];
    bool attention = false;
    (void)fprintf(out, "  %s\n", st->owners[owner]);
    for (int a = 0; a < MODEL_MAX_ADDRS; a++) {
        if (!o->addrs[a].used)
            continue;
        if (say_disagreement(st, owner, a, o->want & ~o->drop, text, sizeof text)) {
            (void)fprintf(out, "    ! %s\n", text);
            attention |= !o->addrs[a].skip; /* what policy leaves out is named, no more */
            continue;
        }
        say_server(st, owner, a, text, sizeof text);
        (void)fprintf(out, "    %s %s\n", text,
                      o->addrs[a].last_try == MODEL_NEVER ? "was not asked yet" : "agrees");
    }
    return attention;
}

static void print_outlook(FILE *out, const struct port_state *st, const struct model_policy *p,
                          struct model_now now)
{
    struct plan_action a;
    char text[SAY_MAX];
    plan_outlook(&st->facts, p, now, &a);
    say_action(st, &a, now, text, sizeof text);
    (void)fprintf(out, "  next: %s\n", text);
}

/* "If you do nothing": when the certificates that are served run out. */
static void print_fate(FILE *out, const struct port_state *st)
{
    model_time end = 0;
    for (int a = 0; a < MODEL_MAX_ALGS; a++) {
        int c = st->facts.algs[a].used ? st->facts.algs[a].current : MODEL_NONE;
        if (c != MODEL_NONE && (end == 0 || st->facts.chains[c].not_after < end))
            end = st->facts.chains[c].not_after;
    }
    char when[64];
    say_wall(end, when, sizeof when);
    (void)fprintf(out, "  if you do nothing: ");
    if (end == 0)
        (void)fprintf(out, "Postfix has no certificate of ours yet\n");
    else if (st->facts.frozen != 0)
        (void)fprintf(out,
                      "the keys stay as they are, renewals with the same key go on "
                      "(the first certificate ends %s)\n",
                      when);
    else
        (void)fprintf(out, "it goes on by itself (the first certificate ends %s)\n", when);
}

bool status_print(FILE *out, const char *certificate, const struct port_state *st,
                  const struct model_policy *policy, struct model_now now)
{
    char text[SAY_MAX];
    bool attention = st->facts.frozen != 0;
    (void)fprintf(out, "certificate %s\n", certificate);
    print_keys(out, st, policy, now);
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (st->facts.owners[o].used)
            attention |= print_owner(out, st, o);
    }
    if (st->facts.frozen != 0) {
        say_causes(st->facts.frozen, text, sizeof text);
        (void)fprintf(out, "  FROZEN: %s\n", text);
    }
    print_outlook(out, st, policy, now);
    print_fate(out, st);
    return attention;
}
