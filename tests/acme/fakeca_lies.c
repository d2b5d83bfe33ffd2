/* SPDX-License-Identifier: BSD-2-Clause */
/* Scripts: which lie is told when. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fakeca_int.h"

#define HUGE_BODY ((size_t)3 * 1024 * 1024)
#define DEEP_LEVELS 100000

struct mode {
    const char *name;
    enum fakeca_place place; /* when the script names none */
    const char *what;
};

static const struct mode modes[LIE_COUNT] = {
    [LIE_BAD_NONCE] = {"bad-nonce", FAKECA_ANY_PLACE, "badNonce, to NUMBER per cent (100)"},
    [LIE_BUSY] = {"busy", FAKECA_NEW_ORDER, "429 with Retry-After NUMBER (5), no problem document"},
    [LIE_RATE_LIMITED] = {"rate-limited", FAKECA_NEW_ORDER,
                          "rateLimited, Retry-After a date NUMBER seconds ahead (3600)"},
    [LIE_ERROR] = {"error", FAKECA_NEW_ORDER, "status NUMBER (500), serverInternal"},
    [LIE_CUT] = {"cut", FAKECA_FINALIZE, "the connection ends, nothing was done"},
    [LIE_CUT_AFTER] = {"cut-after", FAKECA_FINALIZE, "the connection ends, all was done"},
    [LIE_REDIRECT] = {"redirect", FAKECA_DIRECTORY, "302, to the same place"},
    [LIE_HTTP] = {"http", FAKECA_DIRECTORY, "URLs with http:// in the directory, or in the order"},
    [LIE_NO_NONCE] = {"no-nonce", FAKECA_ANY_PLACE, "no Replay-Nonce"},
    [LIE_JUNK] = {"junk", FAKECA_NEW_ORDER, "words instead of JSON"},
    [LIE_HUGE] = {"huge", FAKECA_NEW_ORDER, "JSON of 3 MiB"},
    [LIE_DEEP] = {"deep", FAKECA_NEW_ORDER, "JSON of 100000 levels"},
    [LIE_UTF8] = {"utf8", FAKECA_NEW_ORDER, "JSON with octets that are no UTF-8"},
    [LIE_UNAUTHORIZED] = {"unauthorized", FAKECA_NEW_ORDER, "403 unauthorized"},
    [LIE_DEACTIVATED] = {"deactivated", FAKECA_NEW_ORDER, "accounts are deactivated from then on"},
    [LIE_FORGET] = {"forget", FAKECA_NEW_ORDER, "accounts and orders are lost before it"},
    [LIE_CAA] = {"caa", FAKECA_FINALIZE, "caa, at finalize, newOrder, or as the challenge's error"},
    [LIE_BAD_KEY] = {"bad-key", FAKECA_FINALIZE, "badPublicKey, elsewhere about the account"},
    [LIE_PROCESSING] = {"processing", FAKECA_FINALIZE, "the order is processed for ever"},
    [LIE_PENDING] = {"pending", FAKECA_CHALLENGE, "the challenge is processed for ever"},
    [LIE_INVALID_ORDER] = {"invalid-order", FAKECA_FINALIZE, "the order fails, with subproblems"},
    [LIE_INVALID_CHALLENGE] = {"invalid-challenge", FAKECA_CHALLENGE, "the challenge fails"},
    [LIE_WRONG_KEY] = {"wrong-key", FAKECA_CERT, "a certificate for another key"},
    [LIE_MISSING_NAME] = {"missing-name", FAKECA_CERT, "the last name is another"},
    [LIE_LEAF_ALONE] = {"leaf-alone", FAKECA_CERT, "no intermediate"},
    [LIE_CUT_PEM] = {"cut-pem", FAKECA_CERT, "the text ends within the last certificate"},
    [LIE_GAP] = {"gap", FAKECA_CERT, "the leaf, then the root: the intermediate is missing"},
    [LIE_MISORDERED] = {"misordered", FAKECA_CERT, "the intermediate first"},
    [LIE_FORGED] = {"forged", FAKECA_CERT, "an intermediate of that name with another key"},
    [LIE_WITH_KEY] = {"with-key", FAKECA_CERT, "a private key after the chain"},
    [LIE_WITH_TEXT] = {"with-text", FAKECA_CERT, "words between the certificates"},
    [LIE_FUTURE] = {"future", FAKECA_CERT, "valid from tomorrow"},
    [LIE_EXPIRED] = {"expired", FAKECA_CERT, "valid until yesterday"},
    [LIE_OTHER_ISSUER] = {"other-issuer", FAKECA_CERT, "right, by another intermediate and root"},
};

static const char *const place_names[FAKECA_PLACES + 1] = {
    "directory", "newNonce",  "newAccount", "account", "newOrder",  "order",
    "authz",     "challenge", "finalize",   "cert",    "elsewhere", "any",
};

const char *fakeca_place_name(enum fakeca_place place)
{
    return place_names[place];
}

void fakeca_help(FILE *out)
{
    (void)fprintf(out, "SCRIPT: MODE[:PLACE][=NUMBER][@FIRST[-[LAST]]]\nPLACE: ");
    for (size_t i = 0; i <= FAKECA_PLACES; i++)
        (void)fprintf(out, "%s%s", i == 0 ? "" : " ", place_names[i]);
    (void)fprintf(out, "\nMODE (its place when none is given)\n");
    for (size_t i = 0; i < LIE_COUNT; i++)
        (void)fprintf(out, "  %-18s %-10s %s\n", modes[i].name, place_names[modes[i].place],
                      modes[i].what);
}

/* A number at *at, which moves on; false: there is none. */
static bool number_at(const char **at, unsigned long *out)
{
    char *end = NULL;
    if (**at < '0' || **at > '9')
        return false;
    *out = strtoul(*at, &end, 10);
    *at = end;
    return *out < 1000000000;
}

static bool read_range(const char *at, struct fakeca_rule *rule)
{
    unsigned long from = 0, to = 0;
    if (!number_at(&at, &from) || from == 0)
        return false;
    rule->from = rule->to = (unsigned)from;
    if (*at == '\0')
        return true;
    if (*at++ != '-')
        return false;
    rule->to = 1000000000;
    if (*at == '\0')
        return true;
    if (!number_at(&at, &to) || to < from || *at != '\0')
        return false;
    rule->to = (unsigned)to;
    return true;
}

static bool read_place(const char *at, size_t len, enum fakeca_place *out)
{
    for (size_t i = 0; i <= FAKECA_PLACES; i++) {
        if (strlen(place_names[i]) == len && strncmp(place_names[i], at, len) == 0) {
            *out = (enum fakeca_place)i;
            return true;
        }
    }
    return false;
}

static bool read_rule(const char *script, struct fakeca_rule *rule)
{
    size_t len = strcspn(script, ":=@"), lie = 0;
    const char *at = script + len;
    while (lie < LIE_COUNT &&
           (strlen(modes[lie].name) != len || strncmp(modes[lie].name, script, len) != 0))
        lie++;
    if (lie == LIE_COUNT)
        return false;
    *rule = (struct fakeca_rule){.lie = (enum fakeca_lie)lie,
                                 .place = modes[lie].place,
                                 .number = -1,
                                 .from = 1,
                                 .to = 1000000000};
    if (*at == ':') {
        len = strcspn(at + 1, "=@");
        if (!read_place(at + 1, len, &rule->place))
            return false;
        at += 1 + len;
    }
    if (*at == '=') {
        unsigned long number = 0;
        at++;
        if (!number_at(&at, &number))
            return false;
        rule->number = (long)number;
    }
    return *at == '\0' || (*at == '@' && read_range(at + 1, rule));
}

bool fakeca_script(struct fakeca *ca, const char *script)
{
    struct fakeca_rule rule;
    if (!read_rule(script, &rule))
        return false;
    (void)pthread_mutex_lock(&ca->lock);
    fakeca_need(ca->n_rules < FAKECA_SCRIPTS_MAX, "room for a script");
    ca->rules[ca->n_rules++] = rule;
    (void)pthread_mutex_unlock(&ca->lock);
    return true;
}

bool fakeca_lies(struct fakeca *ca, enum fakeca_lie lie, enum fakeca_place place, long *number)
{
    bool now = false;
    for (unsigned i = 0; i < ca->n_rules; i++) {
        struct fakeca_rule *rule = &ca->rules[i];
        if (rule->lie != lie || (rule->place != FAKECA_ANY_PLACE && rule->place != place))
            continue;
        rule->seen++;
        if (rule->seen < rule->from || rule->seen > rule->to)
            continue;
        now = true;
        if (number != NULL && rule->number >= 0)
            *number = rule->number;
    }
    return now;
}

static void retry_after_date(struct fakeca_reply *reply, long seconds)
{
    char date[64];
    time_t then = time(NULL) + seconds;
    struct tm tm;
    fakeca_need(gmtime_r(&then, &tm) != NULL &&
                    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0,
                "a date");
    fakeca_header(reply, "Retry-After", date);
}

static void take_text(struct fakeca_reply *reply, int status, const char *type, char *body)
{
    free(reply->body);
    reply->status = status;
    reply->type = type;
    reply->body = body;
    reply->len = strlen(body);
}

static void set_text(struct fakeca_reply *reply, int status, const char *type, const char *text)
{
    char *body = fakeca_alloc(strlen(text) + 1);
    memcpy(body, text, strlen(text) + 1);
    take_text(reply, status, type, body);
}

static bool bad_nonce(struct fakeca *ca, const struct fakeca_request *request,
                      enum fakeca_place place, struct fakeca_reply *reply)
{
    long percent = 100;
    if (strcmp(request->method, "POST") != 0 || !fakeca_lies(ca, LIE_BAD_NONCE, place, &percent))
        return false;
    /* the same sequence each time: a test must not fail by chance */
    ca->dice = ca->dice * 1103515245U + 12345U;
    if ((long)(ca->dice >> 16) % 100 >= percent)
        return false;
    fakeca_problem(reply, 400, "badNonce", "this nonce is not liked (a script says so)", NULL);
    return true;
}

bool fakeca_lies_before(struct fakeca *ca, const struct fakeca_request *request,
                        enum fakeca_place place, struct fakeca_reply *reply)
{
    char where[800], number[24];
    long n = 5;
    if (fakeca_lies(ca, LIE_FORGET, place, NULL))
        fakeca_lose(ca);
    if (place != FAKECA_FINALIZE && fakeca_lies(ca, LIE_BAD_KEY, place, NULL)) {
        fakeca_problem(reply, 400, "badPublicKey", "this account key is not taken any more", NULL);
        return true;
    }
    if (fakeca_lies(ca, LIE_CUT, place, NULL)) {
        reply->cut = true;
        return true;
    }
    if (fakeca_lies(ca, LIE_BUSY, place, &n)) {
        (void)snprintf(number, sizeof number, "%ld", n);
        set_text(reply, 429, "text/plain", "too many requests\n");
        fakeca_header(reply, "Retry-After", number);
        return true;
    }
    n = 3600;
    if (fakeca_lies(ca, LIE_RATE_LIMITED, place, &n)) {
        fakeca_problem(reply, 429, "rateLimited", "too many certificates for this set of names",
                       NULL);
        retry_after_date(reply, n);
        return true;
    }
    n = 500;
    if (fakeca_lies(ca, LIE_ERROR, place, &n)) {
        fakeca_problem(reply, (int)n, "serverInternal", "the database is on fire", NULL);
        return true;
    }
    if (fakeca_lies(ca, LIE_REDIRECT, place, NULL)) {
        (void)snprintf(where, sizeof where, "https://%s%s", ca->host, request->path);
        set_text(reply, 302, "text/plain", "over there\n");
        fakeca_header(reply, "Location", where);
        return true;
    }
    if (fakeca_lies(ca, LIE_UNAUTHORIZED, place, NULL)) {
        fakeca_problem(reply, 403, "unauthorized", "this account may not ask for that", NULL);
        return true;
    }
    if (place != FAKECA_FINALIZE && fakeca_lies(ca, LIE_BAD_KEY, place, NULL)) {
        fakeca_problem(reply, 400, "badPublicKey", "this key is known to be weak", NULL);
        return true;
    }
    return bad_nonce(ca, request, place, reply);
}

static char *huge(void)
{
    char *text = fakeca_alloc(HUGE_BODY + 32);
    memset(text, 'x', HUGE_BODY);
    memcpy(text, "{\"status\":\"", 11);
    memcpy(text + HUGE_BODY, "\"}", 3);
    return text;
}

static char *deep(void)
{
    char *text = fakeca_alloc((size_t)2 * DEEP_LEVELS + 32);
    int n = snprintf(text, 16, "{\"status\":");
    memset(text + n, '[', DEEP_LEVELS);
    memset(text + n + DEEP_LEVELS, ']', DEEP_LEVELS);
    memcpy(text + n + 2 * DEEP_LEVELS, "}", 2);
    return text;
}

void fakeca_lies_after(struct fakeca *ca, enum fakeca_place place, struct fakeca_reply *reply)
{
    if (fakeca_lies(ca, LIE_CUT_AFTER, place, NULL))
        reply->cut = ca->lost = true;
    if (fakeca_lies(ca, LIE_NO_NONCE, place, NULL))
        reply->nonce = false;
    if (fakeca_lies(ca, LIE_JUNK, place, NULL))
        set_text(reply, reply->status, "application/json", "<html>It works!</html>\n");
    if (fakeca_lies(ca, LIE_HUGE, place, NULL))
        take_text(reply, reply->status, "application/json", huge());
    if (fakeca_lies(ca, LIE_DEEP, place, NULL))
        take_text(reply, reply->status, "application/json", deep());
    if (fakeca_lies(ca, LIE_UTF8, place, NULL))
        set_text(reply, reply->status, "application/json", "{\"status\":\"val\xff\xc0\x80id\"}");
}
