/* SPDX-License-Identifier: BSD-2-Clause */
/* rfc2136: TXT records, one value at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/wire.h"
#include "tests/dns/fakeprimary.h"

#define OWNER FAKEPRIMARY_OWNER

/* Adding and deleting name one value; nothing is deleted that somebody else put there. */
static void txt_names_one_value_only(void **state)
{
    static const char value[] = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";
    struct fakeprimary *w = *state;
    w->signing = SIGNED;
    w->rcode = 0;
    for (int remove = 0; remove < 2; remove++) {
        struct err err = ERR_INIT;
        ldns_pkt_free(w->update);
        w->update = NULL;
        fakeserver_sync(w->server);
        enum outcome out =
            remove == 1
                ? rfc2136_ops.txt_remove(w->dns, "_acme-challenge.mx.Example.org.", value, &err)
                : rfc2136_ops.txt_add(w->dns, "_acme-challenge.mx.Example.org.", value, 60, &err);
        assert_int_equal(out, OUT_OK);
        assert_string_equal(err.text, "");
        fakeserver_sync(w->server);
        assert_true(w->mac_good);
        assert_int_equal(ldns_rr_list_rr_count(ldns_pkt_answer(w->update)), 0);
        assert_int_equal(ldns_rr_list_rr_count(ldns_pkt_authority(w->update)), 1);
        const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_authority(w->update), 0);
        assert_int_equal(ldns_rr_get_type(rr), LDNS_RR_TYPE_TXT);
        assert_int_equal(ldns_rr_get_class(rr),
                         remove == 1 ? LDNS_RR_CLASS_NONE : LDNS_RR_CLASS_IN);
        assert_int_equal(ldns_rr_ttl(rr), remove == 1 ? 0 : 60);
        assert_int_equal(ldns_rr_rd_count(rr), 1);
        const ldns_rdf *string = ldns_rr_rdf(rr, 0);
        assert_int_equal(ldns_rdf_size(string), sizeof value);
        assert_int_equal(ldns_rdf_data(string)[0], sizeof value - 1);
        assert_memory_equal(ldns_rdf_data(string) + 1, value, sizeof value - 1);
    }
}

static void txt_refusals_send_nothing_or_are_explained(void **state)
{
    struct fakeprimary *w = *state;
    const char *const bad[] = {"", "has space", "quo\"te", "line\n", "semi;colon"};
    char longest[300];
    w->signing = SIGNED;
    w->rcode = 0;
    fakeserver_sync(w->server);
    unsigned before = fakeserver_asked(w->server, true);
    struct err err = ERR_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(rfc2136_ops.txt_add(w->dns, OWNER, bad[i], 60, &err), OUT_REFUSED);
    memset(longest, 'a', sizeof longest);
    longest[256] = '\0';
    assert_int_equal(rfc2136_ops.txt_add(w->dns, OWNER, longest, 60, &err), OUT_REFUSED);
    assert_int_equal(rfc2136_ops.txt_add(w->dns, "a.example.net.", "abc", 60, &err), OUT_REFUSED);
    assert_int_equal(fakeserver_asked(w->server, true), before);
    longest[255] = '\0';
    assert_int_equal(rfc2136_ops.txt_add(w->dns, OWNER, longest, 60, &err), OUT_OK);
    w->rcode = LDNS_RCODE_REFUSED;
    fakeserver_sync(w->server);
    assert_int_equal(rfc2136_ops.txt_remove(w->dns, OWNER, "abc", &err), OUT_REFUSED);
    assert_non_null(strstr(err.text, "grant k. name " OWNER " TXT"));
    w->rcode = 0;
    fakeserver_sync(w->server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(txt_names_one_value_only),
        cmocka_unit_test(txt_refusals_send_nothing_or_are_explained),
    };
    return cmocka_run_group_tests(tests, fakeprimary_setup, fakeprimary_teardown);
}
