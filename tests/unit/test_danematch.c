/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/pem.h>

#include "../prober/pki.h"
#include "crypto/danematch.h"

#define HOST "mx.example.test"

/* root -> middle -> {leaf, expired, early, other}; middle is RSA, as many a CA's. */
struct fixture {
    struct pki_cert root, middle, leaf, expired, early, other, stranger;
    struct danematch *judge;
    struct port_rrset rrset;
    struct danematch_chain chain;
};

static struct fixture fixture;

static int make(void **state)
{
    struct fixture *f = &fixture;
    struct err err = ERR_INIT;
    pki_make(&(struct pki_spec){.name = "root", .alg = "RSA-2048", .issuer = true}, &f->root);
    pki_make(
        &(struct pki_spec){.name = "middle", .alg = "RSA-2048", .issuer = true, .by = &f->root},
        &f->middle);
    pki_make(&(struct pki_spec){.name = HOST, .alg = "P-256", .by = &f->middle}, &f->leaf);
    pki_make(
        &(struct pki_spec){
            .name = HOST, .alg = "P-256", .by = &f->middle, .from = -200000, .until = -100},
        &f->expired);
    pki_make(
        &(struct pki_spec){
            .name = HOST, .alg = "P-256", .by = &f->middle, .from = 5000, .until = 9000},
        &f->early);
    pki_make(&(struct pki_spec){.name = "other.test", .alg = "P-384", .by = &f->middle}, &f->other);
    pki_make(&(struct pki_spec){.name = HOST, .alg = "RSA-2048"}, &f->stranger);
    assert_int_equal(danematch_new(&f->judge, &err), OUT_OK);
    *state = f;
    return 0;
}

static int unmake(void **state)
{
    struct fixture *f = *state;
    struct pki_cert *certs[] = {&f->root,  &f->middle, &f->leaf,    &f->expired,
                                &f->early, &f->other,  &f->stranger};
    for (size_t i = 0; i < sizeof certs / sizeof certs[0]; i++)
        pki_free(certs[i]);
    danematch_free(&f->judge);
    return 0;
}

static int begin(void **state)
{
    struct fixture *f = *state;
    memset(&f->rrset, 0, sizeof f->rrset);
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    danematch_chain_free(&f->chain);
    return 0;
}

static void serve(struct fixture *f, const struct pki_cert *a, const struct pki_cert *b,
                  const struct pki_cert *c)
{
    const struct pki_cert *const certs[] = {a, b, c, NULL};
    danematch_chain_free(&f->chain);
    pki_chain(&f->chain, certs);
}

static struct danematch_verdict judge_at(struct fixture *f, model_time wall)
{
    static const char *const names[] = {HOST};
    struct danematch_ask ask = {&f->rrset, names, 1, wall};
    struct danematch_verdict verdict;
    struct err err = ERR_INIT;
    enum outcome rc = danematch_judge(f->judge, &f->chain, &ask, &verdict, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(rc, OUT_OK);
    return verdict;
}

static void expect_judge(struct fixture *f, bool verified, int code)
{
    struct danematch_verdict verdict = judge_at(f, 0);
    assert_int_equal(verdict.verified, verified);
    assert_int_equal(verdict.code, code);
    assert_int_equal(verdict.why[0] == '\0', verified);
}

/* "3 1 1+ 3 1 2-": each combination and whether it matched; "?" = unusable. */
static void expect_each(struct fixture *f, const char *expected)
{
    static const char *const names[] = {HOST};
    struct danematch_ask ask = {&f->rrset, names, 1, 0};
    struct danematch_combos combos;
    struct err err = ERR_INIT;
    char text[200] = "";
    assert_int_equal(danematch_each(f->judge, &f->chain, &ask, &combos, &err), OUT_OK);
    for (size_t i = 0; i < combos.n; i++) {
        const struct danematch_combo *c = &combos.list[i];
        size_t at = strlen(text);
        assert_false(c->matched && !c->usable);
        (void)snprintf(text + at, sizeof text - at, "%s%d %d %d%c", i == 0 ? "" : " ",
                       c->combo.usage, c->combo.selector, c->combo.matching,
                       c->matched  ? '+'
                       : c->usable ? '-'
                                   : '?');
    }
    assert_string_equal(text, expected);
}

static void every_combination_of_usage_3_matches_its_leaf(void **state)
{
    struct fixture *f = *state;
    serve(f, &f->leaf, &f->middle, NULL);
    for (uint8_t selector = 0; selector < 2; selector++) {
        for (uint8_t matching = 0; matching < 3; matching++) {
            f->rrset.n = 0;
            pki_add(&f->rrset, &f->leaf, 3, selector, matching, true);
            struct danematch_verdict verdict = judge_at(f, 0);
            assert_true(verdict.verified);
            assert_int_equal(verdict.depth, 0);
            assert_true(
                danematch_combo_equal(verdict.by, (struct model_combo){3, selector, matching}));
            if (matching != 0) {
                f->rrset.n = 0;
                pki_add(&f->rrset, &f->leaf, 3, selector, matching, false);
                expect_judge(f, false, 65);
            }
            f->rrset.n = 0;
            pki_add(&f->rrset, &f->stranger, 3, selector, matching, true);
            expect_judge(f, false, 65);
        }
    }
}

static void one_right_record_among_wrong_ones_is_enough(void **state)
{
    struct fixture *f = *state;
    serve(f, &f->leaf, NULL, NULL);
    pki_add(&f->rrset, &f->stranger, 3, 1, 1, true);
    pki_add(&f->rrset, &f->leaf, 3, 1, 1, true);
    pki_add(&f->rrset, &f->other, 3, 1, 1, true);
    expect_judge(f, true, 0);
    expect_each(f, "3 1 1+");
}

static void digest_agility_lets_a_wrong_stronger_digest_fail(void **state)
{
    struct fixture *f = *state;
    serve(f, &f->leaf, NULL, NULL);
    pki_add(&f->rrset, &f->leaf, 3, 1, 1, true);
    pki_add(&f->rrset, &f->leaf, 3, 1, 2, false);
    expect_judge(f, false, 65);
    expect_each(f, "3 1 1+ 3 1 2-");
}

static void digest_agility_does_not_see_a_wrong_weaker_digest(void **state)
{
    struct fixture *f = *state;
    serve(f, &f->leaf, NULL, NULL);
    pki_add(&f->rrset, &f->leaf, 3, 1, 1, false);
    pki_add(&f->rrset, &f->leaf, 3, 1, 2, true);
    expect_judge(f, true, 0);
    expect_each(f, "3 1 1- 3 1 2+");
}

static void another_selector_can_save_a_sender_but_not_its_combination(void **state)
{
    struct fixture *f = *state;
    serve(f, &f->leaf, &f->middle, NULL);
    pki_add(&f->rrset, &f->leaf, 3, 1, 1, true);
    pki_add(&f->rrset, &f->stranger, 2, 1, 1, true);
    pki_add(&f->rrset, &f->leaf, 3, 0, 1, false);
    expect_judge(f, true, 0);
    expect_each(f, "3 1 1+ 2 1 1- 3 0 1-");
}

static void usage_2_needs_the_issuer_in_the_chain(void **state)
{
    struct fixture *f = *state;
    pki_add(&f->rrset, &f->middle, 2, 1, 1, true);
    serve(f, &f->leaf, &f->middle, NULL);
    struct danematch_verdict verdict = judge_at(f, 0);
    assert_true(verdict.verified);
    assert_int_equal(verdict.depth, 1);
    serve(f, &f->leaf, NULL, NULL);
    assert_false(judge_at(f, 0).verified);
    f->rrset.n = 0;
    pki_add(&f->rrset, &f->root, 2, 1, 1, true);
    serve(f, &f->leaf, &f->middle, NULL);
    assert_false(judge_at(f, 0).verified);
    serve(f, &f->leaf, &f->middle, &f->root);
    verdict = judge_at(f, 0);
    assert_true(verdict.verified);
    assert_int_equal(verdict.depth, 2);
}

static void usage_2_with_the_whole_certificate_brings_the_anchor(void **state)
{
    struct fixture *f = *state;
    pki_add(&f->rrset, &f->middle, 2, 0, 0, true);
    serve(f, &f->leaf, NULL, NULL);
    expect_judge(f, true, 0);
}

static void names_count_under_usage_2_and_not_under_3(void **state)
{
    struct fixture *f = *state;
    serve(f, &f->other, &f->middle, NULL);
    pki_add(&f->rrset, &f->middle, 2, 1, 1, true);
    expect_judge(f, false, 62);
    expect_each(f, "2 1 1-");
    f->rrset.n = 0;
    pki_add(&f->rrset, &f->other, 3, 1, 1, true);
    expect_judge(f, true, 0);
}

static void further_names_are_taken_under_usage_2(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {HOST, "other.test"};
    struct danematch_ask ask = {&f->rrset, names, 2, 0};
    struct danematch_verdict verdict;
    struct err err = ERR_INIT;
    serve(f, &f->other, &f->middle, NULL);
    pki_add(&f->rrset, &f->middle, 2, 1, 1, true);
    assert_int_equal(danematch_judge(f->judge, &f->chain, &ask, &verdict, &err), OUT_OK);
    assert_true(verdict.verified);
}

static void dates_count_under_usage_2_and_not_under_3(void **state)
{
    struct fixture *f = *state;
    pki_add(&f->rrset, &f->middle, 2, 0, 1, true);
    serve(f, &f->expired, &f->middle, NULL);
    expect_judge(f, false, 10);
    serve(f, &f->early, &f->middle, NULL);
    expect_judge(f, false, 9);
    f->rrset.n = 0;
    pki_add(&f->rrset, &f->expired, 3, 0, 1, true);
    serve(f, &f->expired, &f->middle, NULL);
    expect_judge(f, true, 0);
    f->rrset.n = 0;
    pki_add(&f->rrset, &f->early, 3, 1, 2, true);
    serve(f, &f->early, NULL, NULL);
    expect_judge(f, true, 0);
}

static void the_moment_can_be_given(void **state)
{
    struct fixture *f = *state;
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    serve(f, &f->leaf, &f->middle, NULL);
    pki_add(&f->rrset, &f->middle, 2, 1, 1, true);
    assert_true(judge_at(f, (model_time)now.tv_sec * 1000).verified);
    struct danematch_verdict verdict = judge_at(f, ((model_time)now.tv_sec + 200000) * 1000);
    assert_false(verdict.verified);
    assert_int_equal(verdict.code, 10);
}

static void unusable_records_are_as_if_they_were_not_there(void **state)
{
    struct fixture *f = *state;
    serve(f, &f->leaf, &f->middle, NULL);
    pki_add(&f->rrset, &f->leaf, 1, 1, 1, true);
    pki_add(&f->rrset, &f->middle, 0, 1, 1, true);
    pki_add(&f->rrset, &f->leaf, 3, 1, 1, true);
    f->rrset.recs[2].combo.matching = 7;
    struct danematch_verdict verdict = judge_at(f, 0);
    assert_false(verdict.verified);
    assert_int_equal(verdict.usable, 0);
    expect_each(f, "1 1 1? 0 1 1? 3 1 7?");
    pki_add(&f->rrset, &f->leaf, 3, 1, 1, true);
    f->rrset.recs[3].len = 31;
    assert_int_equal(judge_at(f, 0).usable, 0);
    f->rrset.recs[3].len = 32;
    verdict = judge_at(f, 0);
    assert_true(verdict.verified);
    assert_int_equal(verdict.usable, 1);
}

static void an_empty_rrset_verifies_nobody(void **state)
{
    struct fixture *f = *state;
    serve(f, &f->leaf, NULL, NULL);
    assert_false(judge_at(f, 0).verified);
    expect_each(f, "");
}

static void bad_input_is_refused_and_explained(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {HOST};
    struct danematch_ask ask = {&f->rrset, names, 1, 0};
    struct danematch_verdict verdict;
    struct danematch_combos combos;
    struct err err = ERR_INIT;
    pki_add(&f->rrset, &f->leaf, 3, 1, 1, true);
    assert_int_equal(danematch_judge(f->judge, &f->chain, &ask, &verdict, &err), OUT_REFUSED);
    assert_string_not_equal(err.text, "");
    serve(f, &f->leaf, NULL, NULL);
    f->chain.certs[0].der[1] ^= 0x7f;
    assert_int_equal(danematch_judge(f->judge, &f->chain, &ask, &verdict, &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "certificate 1"));
    serve(f, &f->leaf, NULL, NULL);
    f->rrset.n = PORT_RRSET_MAX + 1;
    assert_int_equal(danematch_judge(f->judge, &f->chain, &ask, &verdict, &err), OUT_REFUSED);
    assert_int_equal(danematch_each(f->judge, &f->chain, &ask, &combos, &err), OUT_REFUSED);
    f->rrset.n = 1;
    ask.n_names = 0;
    assert_int_equal(danematch_judge(f->judge, &f->chain, &ask, &verdict, &err), OUT_BROKEN);
}

static void a_chain_goes_through_pem_and_back(void **state)
{
    struct fixture *f = *state;
    static char pem[PORT_PEM_MAX];
    struct danematch_chain back;
    struct err err = ERR_INIT;
    uint8_t one[MODEL_ID_LEN];
    uint8_t two[MODEL_ID_LEN];
    serve(f, &f->leaf, &f->middle, &f->root);
    assert_int_equal(danematch_chain_to_pem(&f->chain, pem, sizeof pem, &err), OUT_OK);
    assert_int_equal(danematch_chain_from_pem(pem, &back, &err), OUT_OK);
    assert_int_equal(back.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(back.certs[i].len, f->chain.certs[i].len);
        assert_memory_equal(back.certs[i].der, f->chain.certs[i].der, back.certs[i].len);
    }
    assert_int_equal(danematch_fingerprint(&back, one, &err), OUT_OK);
    assert_int_equal(danematch_fingerprint(&f->chain, two, &err), OUT_OK);
    assert_memory_equal(one, two, sizeof one);
    danematch_chain_free(&back);
    assert_int_equal(danematch_chain_to_pem(&f->chain, pem, 100, &err), OUT_REFUSED);
    assert_int_equal(danematch_chain_from_pem("nothing", &back, &err), OUT_REFUSED);
    assert_int_equal(back.n, 0);
    assert_int_equal(danematch_fingerprint(&back, one, &err), OUT_REFUSED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_combination_of_usage_3_matches_its_leaf),
        CASE(one_right_record_among_wrong_ones_is_enough),
        CASE(digest_agility_lets_a_wrong_stronger_digest_fail),
        CASE(digest_agility_does_not_see_a_wrong_weaker_digest),
        CASE(another_selector_can_save_a_sender_but_not_its_combination),
        CASE(usage_2_needs_the_issuer_in_the_chain),
        CASE(usage_2_with_the_whole_certificate_brings_the_anchor),
        CASE(names_count_under_usage_2_and_not_under_3),
        CASE(further_names_are_taken_under_usage_2),
        CASE(dates_count_under_usage_2_and_not_under_3),
        CASE(the_moment_can_be_given),
        CASE(unusable_records_are_as_if_they_were_not_there),
        CASE(an_empty_rrset_verifies_nobody),
        CASE(bad_input_is_refused_and_explained),
        CASE(a_chain_goes_through_pem_and_back),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
