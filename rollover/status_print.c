/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines of `danectl status`.
 */
#include "status.h"

#include <string.h>

#define COLUMNS 100

void status_wrap(FILE *out, const char *label, const char *text, int indent)
{
    size_t column = strlen(label);
    bool begin = column == 0; /* nothing stands in this line yet */
    (void)fputs(label, out);
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column + 1 + word > COLUMNS && column > (size_t)indent) {
            (void)fprintf(out, "\n%*s", indent, "");
            column = (size_t)indent;
        } else if (!begin) {
            (void)fputc(' ', out);
            column++;
        }
        begin = false;
        (void)fprintf(out, "%.*s", (int)word, text);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

static void print_orders(FILE *out, const struct status_key *k)
{
    char when[64], line[SAY_MAX];
    if (k->ordering != MODEL_NEVER) {
        say_wall(k->ordering, when, sizeof when);
        (void)snprintf(line, sizeof line, "a certificate for it is on order since %s", when);
        status_wrap(out, "     ", line, 6);
    }
    if (k->left_alone != MODEL_NEVER) {
        say_wall(k->left_alone, when, sizeof when);
        (void)snprintf(line, sizeof line, "no certificate is ordered for it before %s", when);
        status_wrap(out, "     ", line, 6);
    }
}

static void print_key(FILE *out, const struct port_state *st, const struct status_key *k)
{
    char name[64], recs[SAY_MAX], until[64], due[64], line[SAY_MAX];
    say_key(st, k->key, name, sizeof name);
    say_recs(st, st->facts.keys[k->key].recs, recs, sizeof recs);
    (void)fprintf(out, "  %-16s %-12s %s\n", name, phase_name(k->phase), recs);
    status_wrap(out, "     ", k->text, 6);
    if (k->not_after != MODEL_NEVER) {
        say_wall(k->not_after, until, sizeof until);
        say_wall(k->renewal_due, due, sizeof due);
        (void)snprintf(line, sizeof line, "certificate until %s, to be renewed at %s", until, due);
        status_wrap(out, "     ", line, 6);
    }
    print_orders(out, k);
}

static void print_owner(FILE *out, const struct port_state *st, const struct status *s, int owner)
{
    char text[SAY_MAX];
    (void)fprintf(out, "  TLSA records at %s\n", st->owners[owner]);
    for (size_t i = 0; i < s->n_servers; i++) {
        const struct status_server *server = &s->servers[i];
        if (server->owner != owner)
            continue;
        status_server_text(st, server, text, sizeof text);
        if (server->sight == STATUS_AGREES)
            (void)fprintf(out, "    %s agrees\n", text);
        else if (server->sight == STATUS_UNASKED)
            (void)fprintf(out, "    %s was not asked since the last change\n", text);
        else
            (void)fprintf(out, "    ! %s\n", text);
    }
    if (s->foreign[owner] != 0) {
        say_recs(st, s->foreign[owner], text, sizeof text);
        status_wrap(out, "    ! not made by us, and left alone:", text, 6);
        status_wrap(out, "     ", "delete it by hand if it is not wanted", 6);
    }
}

static void print_next(FILE *out, const struct status *s, struct model_now now)
{
    char line[2 * SAY_MAX], left[64], when[64];
    if (s->next_at != MODEL_NEVER) {
        say_duration(s->next_at - now.wall, left, sizeof left);
        say_wall(s->next_at, when, sizeof when);
        (void)snprintf(line, sizeof line, "%s, in %s (%s): %s", s->next_what, left, when,
                       s->next_why);
    } else {
        (void)snprintf(line, sizeof line, "%s: %s", s->next_what, s->next_why);
    }
    status_wrap(out, "  next:", line, 6);
}

static void print_freezes(FILE *out, const struct status *s)
{
    char end[SAY_MAX];
    for (size_t i = 0; i < s->n_freezes; i++) {
        status_wrap(out, "  FROZEN:", s->freezes[i].text, 6);
        status_freeze_end(s, &s->freezes[i], end, sizeof end);
        status_wrap(out, s->freezes[i].sticky ? "    to end it:" : "    it ends:", end, 6);
    }
}

void status_print(FILE *out, const struct port_state *st, const struct status *s,
                  struct model_now now)
{
    (void)fprintf(out, "certificate %s: %s\n", s->certificate,
                  s->n_freezes > 0 ? "FROZEN"
                  : s->attention   ? "wants attention"
                                   : "well");
    print_freezes(out, s);
    if (s->trouble[0] != '\0')
        status_wrap(out, "  !", s->trouble, 6);
    for (size_t i = 0; i < s->n_keys; i++)
        print_key(out, st, &s->keys[i]);
    for (int o = 0; o < MODEL_MAX_OWNERS; o++) {
        if (st->facts.owners[o].used)
            print_owner(out, st, s, o);
    }
    print_next(out, s, now);
    status_wrap(out, "  if you do nothing:", s->fate, 6);
}
