/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One fault of a CA at a time (safety.md rows 1-13, 16, 17): what the client answers, how long it
 * waits, how often it asks, that it recovers, and what it leaves behind. Real HTTP over real TLS;
 * DNS is a folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme_pair.h"

/* ---- faults ---------------------------------------------------------------------------- */

struct fault {
    const char *name;
    const char *scripts[3];
    enum outcome want;
    enum port_issue_fault why;
    model_time wait_min, wait_max; /* 0, 0: nothing is said about it */
    unsigned requests;             /* at most, until the first answer */
    const char *says;              /* in the text */
    bool forever;                  /* this key is given up: a new one is needed afterwards */
    unsigned orders;               /* orders made until all is well again, at most; 0: 2 */
};

#define HOUR ACME_TRY_HOUR
#define MINUTE ACME_TRY_MINUTE

static const struct fault faults[] = {
    /* row 1 */
    {.name = "half of the nonces refused",
     .scripts = {"bad-nonce=50"},
     .want = OUT_OK,
     .requests = 80},
    {.name = "nonce storm",
     .scripts = {"bad-nonce"},
     .want = OUT_RETRY,
     .requests = 14,
     .says = "nonce"},
    {.name = "nonce storm at finalize",
     .scripts = {"bad-nonce:finalize"},
     .want = OUT_RETRY,
     .requests = 40,
     .says = "nonce",
     .orders = 1},
    {.name = "no nonces with the answers",
     .scripts = {"no-nonce:order", "no-nonce:authz"},
     .want = OUT_OK,
     .requests = 40},
    {.name = "no nonces at all",
     .scripts = {"no-nonce"},
     .want = OUT_RETRY,
     .requests = 6,
     .says = "Replay-Nonce"},
    /* row 2 */
    {.name = "429, Retry-After in seconds",
     .scripts = {"busy=900"},
     .want = OUT_RETRY,
     .wait_min = 898 * 1000,
     .wait_max = 1000 * 1000,
     .requests = 4,
     .says = "429"},
    {.name = "429, Retry-After as a date",
     .scripts = {"rate-limited=7200"},
     .want = OUT_RETRY,
     .wait_min = 2 * HOUR - MINUTE,
     .wait_max = 2 * HOUR + 10 * MINUTE,
     .requests = 4,
     .says = "too many certificates for this set of names"},
    {.name = "429 at newAccount",
     .scripts = {"busy:newAccount=120"},
     .want = OUT_RETRY,
     .wait_min = 118 * 1000,
     .wait_max = 10 * MINUTE,
     .requests = 3,
     .says = "429"},
    {.name = "429 at finalize",
     .scripts = {"rate-limited:finalize=600"},
     .want = OUT_RETRY,
     .wait_min = 590 * 1000,
     .wait_max = 20 * MINUTE,
     .requests = 20,
     .orders = 1},
    {.name = "500 at newOrder",
     .scripts = {"error"},
     .want = OUT_RETRY,
     .requests = 8,
     .says = "the database is on fire"},
    {.name = "503 at the directory",
     .scripts = {"error:directory=503"},
     .want = OUT_RETRY,
     .requests = 4,
     .says = "503"},
    {.name = "500 at the certificate",
     .scripts = {"error:cert"},
     .want = OUT_RETRY,
     .requests = 20,
     .orders = 1},
    /* row 3 */
    {.name = "the order fails",
     .scripts = {"invalid-order"},
     .want = OUT_REFUSED,
     .wait_min = 59 * MINUTE,
     .wait_max = 2 * HOUR,
     .requests = 20,
     .says = "mail.example.test"},
    {.name = "a challenge fails",
     .scripts = {"invalid-challenge@2"},
     .want = OUT_REFUSED,
     .wait_min = 59 * MINUTE,
     .wait_max = 2 * HOUR,
     .requests = 20,
     .says = "no right TXT record"},
    /* row 4 */
    {.name = "cut before finalize was taken",
     .scripts = {"cut@1-5"},
     .want = OUT_RETRY,
     .requests = 20,
     .orders = 1},
    {.name = "cut after finalize was taken",
     .scripts = {"cut-after"},
     .want = OUT_RETRY,
     .requests = 20,
     .orders = 1},
    {.name = "cut at the certificate",
     .scripts = {"cut:cert"},
     .want = OUT_RETRY,
     .requests = 20,
     .orders = 1},
    {.name = "cut at the challenge",
     .scripts = {"cut-after:challenge"},
     .want = OUT_RETRY,
     .requests = 20,
     .orders = 1},
    {.name = "everything is cut", .scripts = {"cut:any"}, .want = OUT_RETRY, .requests = 4},
    /* row 5 */
    {.name = "processing for ever",
     .scripts = {"processing"},
     .want = OUT_RETRY,
     .requests = 640,
     .orders = 2},
    {.name = "a challenge is pending for ever",
     .scripts = {"pending"},
     .want = OUT_RETRY,
     .requests = 640,
     .orders = 2},
    /* rows 7-11 */
    {.name = "wrong key",
     .scripts = {"wrong-key"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20},
    {.name = "a name is missing",
     .scripts = {"missing-name"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20,
     .says = "mail.example.test"},
    {.name = "no intermediate",
     .scripts = {"leaf-alone"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20},
    {.name = "cut in the last certificate",
     .scripts = {"cut-pem"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20},
    {.name = "a gap in the chain",
     .scripts = {"gap"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20},
    {.name = "misordered",
     .scripts = {"misordered"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20},
    {.name = "forged intermediate",
     .scripts = {"forged"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20},
    {.name = "a private key in it",
     .scripts = {"with-key"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20},
    {.name = "words in it",
     .scripts = {"with-text"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20},
    {.name = "not yet valid",
     .scripts = {"future"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20},
    {.name = "expired",
     .scripts = {"expired"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_REJECTED,
     .requests = 20},
    /* row 6 */
    {.name = "another issuer", .scripts = {"other-issuer"}, .want = OUT_OK, .requests = 20},
    /* row 12 */
    {.name = "words instead of JSON", .scripts = {"junk"}, .want = OUT_REFUSED, .requests = 8},
    {.name = "huge JSON", .scripts = {"huge"}, .want = OUT_REFUSED, .requests = 8},
    {.name = "deep JSON", .scripts = {"deep"}, .want = OUT_REFUSED, .requests = 8},
    {.name = "JSON that is no UTF-8", .scripts = {"utf8"}, .want = OUT_REFUSED, .requests = 8},
    {.name = "huge directory", .scripts = {"huge:directory"}, .want = OUT_REFUSED, .requests = 3},
    {.name = "deep directory", .scripts = {"deep:directory"}, .want = OUT_REFUSED, .requests = 3},
    {.name = "huge order",
     .scripts = {"huge:order", "huge:finalize"},
     .want = OUT_REFUSED,
     .requests = 40},
    {.name = "huge authorization", .scripts = {"huge:authz"}, .want = OUT_REFUSED, .requests = 20},
    {.name = "huge certificate", .scripts = {"huge:cert"}, .want = OUT_REFUSED, .requests = 20},
    /* row 13 */
    {.name = "the directory redirects",
     .scripts = {"redirect"},
     .want = OUT_REFUSED,
     .requests = 2,
     .says = "redirect"},
    {.name = "newOrder redirects",
     .scripts = {"redirect:newOrder"},
     .want = OUT_REFUSED,
     .requests = 4,
     .says = "redirect"},
    {.name = "http in the directory",
     .scripts = {"http"},
     .want = OUT_REFUSED,
     .requests = 2,
     .says = "http"},
    {.name = "http in the order",
     .scripts = {"http:newOrder", "http:order"},
     .want = OUT_REFUSED,
     .requests = 8},
    /* row 16 */
    {.name = "CAA at finalize",
     .scripts = {"caa"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_CAA,
     .requests = 20,
     .says = "CAA record for mx.example.test"},
    {.name = "CAA at newOrder",
     .scripts = {"caa:newOrder"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_CAA,
     .requests = 8,
     .says = "CAA record for mx.example.test"},
    {.name = "CAA at the challenge",
     .scripts = {"caa:challenge"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_CAA,
     .requests = 20,
     .says = "CAA record for mx.example.test"},
    {.name = "the key is refused",
     .scripts = {"bad-key"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_KEY,
     .requests = 20,
     .says = "known to be weak",
     .forever = true},
    {.name = "a key is refused at newOrder: the account's",
     .scripts = {"bad-key:newOrder"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_OTHER,
     .requests = 8,
     .says = "the key of our account"},
    {.name = "a key is refused at a look at the order: the account's",
     .scripts = {"bad-key:authz"},
     .want = OUT_REFUSED,
     .why = PORT_ISSUE_OTHER,
     .requests = 20,
     .says = "the key of our account",
     .orders = 1},
    /* row 17; the account itself is fine, and the CA says so when asked */
    {.name = "may not ask",
     .scripts = {"unauthorized"},
     .want = OUT_REFUSED,
     .requests = 8,
     .says = "may not ask"},
    /* the CA forgot */
    {.name = "the CA forgot the account",
     .scripts = {"forget@1"},
     .want = OUT_OK,
     .requests = 30,
     .orders = 2},
    {.name = "the CA forgot everything at finalize",
     .scripts = {"forget:finalize@1"},
     .want = OUT_OK,
     .requests = 40,
     .orders = 2},
};

/* Nothing more is asked for while the client says it waits; not by a restarted one either. */
static void keeps_quiet(struct acme_pair *p, const char *name, model_time wait)
{
    unsigned orders = fakeca_asked(p->ca, FAKECA_NEW_ORDER);
    unsigned finals = fakeca_asked(p->ca, FAKECA_FINALIZE);
    for (int i = 0; i < 4; i++) {
        if (i % 2 == 1)
            acme_try_again(&p->try);
        acme_pair_need(p, name, acme_try_issue(&p->try) != OUT_OK,
                       "a certificate before the wait is over");
        acme_pair_need(p, name, p->try.pem[0] == '\0', "a chain with an error");
        acme_pair_need(p, name,
                       fakeca_asked(p->ca, FAKECA_NEW_ORDER) == orders &&
                           fakeca_asked(p->ca, FAKECA_FINALIZE) == finals,
                       "asked again before the wait was over");
        if (i == 1)
            p->try.skipped += wait / 2;
    }
}

static void first_answer(struct acme_pair *p, const struct fault *f)
{
    for (size_t i = 0; i < 3 && f->scripts[i] != NULL; i++)
        assert_true(fakeca_script(p->ca, f->scripts[i]));
    enum outcome out = acme_try_issue(&p->try);
    print_message("  %s: %s, wait %lld s, %u requests: %s\n", f->name, err_outcome_name(out),
                  (long long)p->try.issued.wait / 1000, fakeca_asked(p->ca, FAKECA_PLACES),
                  p->try.err.text);
    acme_pair_need(p, f->name, out == f->want, err_outcome_name(out));
    acme_pair_need(p, f->name, (p->try.pem[0] != '\0') == (out == OUT_OK),
                   "a chain where none is to be");
    acme_pair_need(p, f->name, out != OUT_OK || acme_try_good(&p->try),
                   "not the certificate ordered");
    acme_pair_need(p, f->name, out == OUT_OK || p->try.issued.fault == f->why, "the fault");
    acme_pair_need(p, f->name, f->says == NULL || strstr(p->try.err.text, f->says) != NULL,
                   "the text");
    acme_pair_need(p, f->name, fakeca_asked(p->ca, FAKECA_PLACES) <= f->requests,
                   "too many requests");
    model_time wait = p->try.issued.wait;
    acme_pair_need(p, f->name, f->wait_max == 0 || (wait >= f->wait_min && wait <= f->wait_max),
                   "the wait");
}

static void one_fault(const struct fault *f)
{
    static struct acme_pair p;
    acme_pair_begin(&p, 1, 0);
    first_answer(&p, f);
    model_time wait = p.try.issued.wait;
    if (f->want != OUT_OK) {
        if (wait > MINUTE)
            keeps_quiet(&p, f->name, wait);
        p.try.skipped += wait + 2000;
        if (f->want == OUT_REFUSED && wait == 0)
            p.try.skipped += HOUR;
        fakeca_honest(p.ca);
        if (f->forever)
            acme_try_new_key(&p.try);
        enum outcome out = acme_try_issue(&p.try);
        for (int i = 0; i < 4 && out != OUT_OK; i++) {
            p.try.skipped += p.try.issued.wait + MINUTE;
            out = acme_try_issue(&p.try);
        }
        acme_pair_need(&p, f->name, out == OUT_OK && acme_try_good(&p.try), "does not recover");
    }
    acme_pair_need(&p, f->name, acme_try_records(&p.try) == 0,
                   "challenge records were left behind");
    acme_pair_need(&p, f->name, fakeca_ordered(p.ca) <= (f->orders > 0 ? f->orders : 2),
                   "too many orders");
    acme_pair_correct(&p, f->name);
    acme_pair_end(&p);
}

static void test_fault(void **state)
{
    one_fault(*state);
}

int main(void)
{
    enum { N = sizeof faults / sizeof *faults };
    static struct CMUnitTest tests[N];
    for (size_t i = 0; i < N; i++) {
        tests[i].name = faults[i].name;
        tests[i].test_func = test_fault;
        tests[i].initial_state = (void *)(uintptr_t)&faults[i];
    }
    return cmocka_run_group_tests(tests, acme_pair_global_begin, acme_pair_global_end);
}
