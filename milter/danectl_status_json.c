/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/danectl_status.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

json_t *danectl_json_time(model_time wall)
{
    char text[64];
    time_t t = (time_t)(wall / 1000);
    struct tm tm;
    if (wall == MODEL_NEVER || gmtime_r(&t, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return json_null();
    return json_string(text);
}

json_t *danectl_json_text(const char *text)
{
    json_t *o = json_string(text);
    char *copy = o == NULL ? strdup(text) : NULL;
    if (copy == NULL)
        return o;
    for (char *c = copy; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    o = json_string(copy);
    free(copy);
    return o;
}

/* Adds `item` and takes it over; false when either is NULL. */
static bool add(json_t *array, json_t *item)
{
    return array != NULL && item != NULL && json_array_append_new(array, item) == 0;
}

/* The array when all went well; else NULL, and it is freed. */
static json_t *whole(json_t *array, bool good)
{
    if (good)
        return array;
    json_decref(array);
    return NULL;
}

static json_t *alg_json(const struct port_state *st, int alg)
{
    char name[16];
    if (alg == MODEL_NONE)
        return json_null();
    say_alg(st->facts.algs[alg].type, name, sizeof name);
    return json_string(name);
}

/* "3 1 1 5a9c..." with all of the data. */
static json_t *rec_json(const struct port_state *st, int rec)
{
    static const char digits[] = "0123456789abcdef";
    const struct port_tlsa *r = st->recs[rec];
    char text[64 + 2 * PORT_TLSA_MAX];
    if (r == NULL)
        return json_null();
    int n = snprintf(text, sizeof text, "%u %u %u ", r->combo.usage, r->combo.selector,
                     r->combo.matching);
    char *at = text + n;
    for (size_t i = 0; i < r->len && i < PORT_TLSA_MAX; i++) {
        *at++ = digits[r->data[i] >> 4];
        *at++ = digits[r->data[i] & 15];
    }
    *at = '\0';
    return json_string(text);
}

static json_t *recs_json(const struct port_state *st, model_mask mask)
{
    json_t *array = json_array();
    bool good = array != NULL;
    for (int r = 0; r < MODEL_MAX_RECS && good; r++) {
        if ((mask & MODEL_BIT(r)) != 0)
            good = add(array, rec_json(st, r));
    }
    return whole(array, good);
}

static json_t *freezes_json(const struct status *s)
{
    json_t *array = json_array();
    bool good = array != NULL;
    for (size_t i = 0; i < s->n_freezes && good; i++) {
        char end[SAY_MAX];
        status_freeze_end(s, &s->freezes[i], end, sizeof end);
        good = add(array, json_pack("{s:s, s:s, s:o, s:b}", "cause", s->freezes[i].id, "text",
                                    s->freezes[i].text, "ends", danectl_json_text(end),
                                    "needs_resume", (int)s->freezes[i].sticky));
    }
    return whole(array, good);
}

static json_t *key_json(const struct port_state *st, const struct status_key *k)
{
    const struct model_key *key = &st->facts.keys[k->key];
    bool served = k->phase == PHASE_PROBATION || k->phase == PHASE_SERVING;
    return json_pack("{s:o, s:I, s:s, s:o, s:o, s:b, s:s, s:o, s:o, s:o, s:o, s:o}", "algorithm",
                     alg_json(st, key->alg), "number", (json_int_t)key->serial, "phase",
                     phase_name(k->phase), "since", danectl_json_time(k->since), "until",
                     danectl_json_time(k->until), "served", (int)served, "text", k->text, "records",
                     recs_json(st, key->recs), "not_after", danectl_json_time(k->not_after),
                     "renewal_due", danectl_json_time(k->renewal_due), "ordering_since",
                     danectl_json_time(k->ordering), "no_order_before",
                     danectl_json_time(k->left_alone));
}

static json_t *keys_json(const struct port_state *st, const struct status *s)
{
    json_t *array = json_array();
    bool good = array != NULL;
    for (size_t i = 0; i < s->n_keys && good; i++)
        good = add(array, key_json(st, &s->keys[i]));
    return whole(array, good);
}

static json_t *server_json(const struct port_state *st, const struct status_server *server)
{
    char ip[TEXT_IP_MAX], text[SAY_MAX];
    text_ip(st->facts.owners[server->owner].addrs[server->addr].ip, ip);
    status_server_text(st, server, text, sizeof text);
    return json_pack("{s:o, s:s, s:s, s:o}", "server",
                     danectl_json_text(st->servers[server->owner][server->addr]), "address", ip,
                     "state", status_sight_name(server->sight), "text", danectl_json_text(text));
}

static json_t *servers_json(const struct port_state *st, const struct status *s, int owner)
{
    json_t *array = json_array();
    bool good = array != NULL;
    for (size_t i = 0; i < s->n_servers && good; i++) {
        if (s->servers[i].owner == owner)
            good = add(array, server_json(st, &s->servers[i]));
    }
    return whole(array, good);
}

static json_t *owners_json(const struct port_state *st, const struct status *s)
{
    json_t *array = json_array();
    bool good = array != NULL;
    for (int o = 0; o < MODEL_MAX_OWNERS && good; o++) {
        if (st->facts.owners[o].used)
            good =
                add(array, json_pack("{s:o, s:o, s:o}", "owner", danectl_json_text(st->owners[o]),
                                     "servers", servers_json(st, s, o), "foreign_records",
                                     recs_json(st, s->foreign[o])));
    }
    return whole(array, good);
}

static json_t *next_json(const struct port_state *st, const struct status *s)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "action", plan_verb_name(s->next.verb),
                     "algorithm", alg_json(st, s->next.alg), "at", danectl_json_time(s->next_at),
                     "text", danectl_json_text(s->next_what), "why",
                     danectl_json_text(s->next_why));
}

static json_t *order_json(model_time failed, const char *text)
{
    if (failed == MODEL_NEVER)
        return json_null();
    return json_pack("{s:o, s:o}", "at", danectl_json_time(failed), "text",
                     danectl_json_text(text));
}

json_t *danectl_status_json(const struct port_state *st, const struct status *s,
                            model_time order_failed, const char *order_text)
{
    return json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "certificate",
                     s->certificate, "known", 1, "attention", (int)s->attention, "frozen",
                     freezes_json(s), "keys", keys_json(st, s), "owners", owners_json(st, s),
                     "next", next_json(st, s), "if_you_do_nothing", danectl_json_text(s->fate),
                     "trouble", s->trouble[0] != '\0' ? danectl_json_text(s->trouble) : json_null(),
                     "last_order_failed", order_json(order_failed, order_text));
}
